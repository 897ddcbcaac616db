"""Reading a trained model back, teacher or student, by the architecture that its model.json names."""

import json
from pathlib import Path

from materials.errors import RequestError
from training.classifier import Classifier

CHECKPOINT_FILES = ("model.safetensors", "model.json", "config.json", "tokenizer.json")


def load_checkpoint(folder: Path) -> Classifier:
    """The trained model in a folder. Raises RequestError when the folder is no checkpoint."""
    from students import STUDENTS
    from students.checkpoint import load_student
    from teachers import TEACHERS

    settings = folder / "model.json"
    if not settings.is_file():
        raise RequestError(f"{folder} is no checkpoint; expected {', '.join(CHECKPOINT_FILES[:2])} in it")
    architecture = json.loads(settings.read_text(encoding="utf-8"))["architecture"]
    if architecture in TEACHERS:
        return TEACHERS[architecture].load(folder)
    if architecture in STUDENTS:
        return load_student(folder)
    raise RequestError(
        f"{folder} holds an unknown architecture '{architecture}'; known: {', '.join((*TEACHERS, *STUDENTS))}"
    )
