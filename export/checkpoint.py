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
    if not settings.is_file() and (folder / "config.json").is_file():
        return _open_hugging_face(folder)
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


def _open_hugging_face(folder: Path) -> Classifier:
    """Somebody else's fine-tuned transformer. Raises RequestError when it has no head that classifies."""
    from materials.weights import find_weights
    from teachers import TEACHERS

    weights = find_weights(str(folder), folder, report=lambda done, total: None)
    if not weights.is_classifier:
        raise RequestError(
            f"{folder} holds no model that classifies; its config.json names {weights.config.get('architectures')}"
        )
    return TEACHERS["transformer"].start(folder, weights.label_names, max_length_tokens=4, seed=0)
