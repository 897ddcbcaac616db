"""How models are read with the library transformers: from local files, without code of theirs, and quietly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from materials.errors import RequestError
from materials.shards import INDEX, ONE_FILE, shards_of
from materials.tasks import task_of
from materials.tasks.task import Task
from materials.weights import PROBLEM_TYPE_OF, WeightsFolder, check_config_in

SAFELY: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
NAMED_WEIGHTS = "transformers_weights"


def read_pretrained(auto_class: Any, folder: Path, label_names: tuple[str, ...], task: Task) -> Any:
    """The model with a head for `label_names`, which is new unless the weights hold one of that size."""
    return _read(auto_class, folder, label_names, task.name, ignore_mismatched_sizes=False)[0]


def read_fine_tuned(auto_class: Any, folder: Path, label_names: tuple[str, ...] | None = None) -> Any:
    """The model with the head that it has been fine-tuned with; `label_names` renames its labels in their order.

    Raises RequestError when the weights lack a part of it, or are of a task that is not known.
    """
    weights = WeightsFolder(path=folder, digest="", licence="")
    task_name = task_of_folder(folder).name
    names = label_names or weights.label_names
    model, report = _read(auto_class, folder, names, task_name, ignore_mismatched_sizes=True)
    for _, of_file, of_model in report["mismatched_keys"]:
        if len(of_model) == len(of_file) and of_model[0] == len(names) and of_model[1:] == of_file[1:]:
            raise RequestError(
                f"the head of the model in {folder} has {of_file[0]} outputs, and its config.json names {len(names)} "
                "labels"
            )
    _check_weights(folder, model, {*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])})
    return model


def task_of_folder(folder: Path) -> Task:
    """The task of a fine-tuned model folder. Raises RequestError for a task or a number of labels that cannot be."""
    weights = WeightsFolder(path=folder, digest="", licence="")
    task, outputs = task_of(weights.task_name), len(weights.label_names)
    if (task.name == "regression") != (outputs == 1) and task.name != "multi-label":
        raise RequestError(
            f"the model in {folder} has {outputs} output(s), and its config.json says {task.name}; expected one output "
            "for a number, and two or more for classes"
        )
    return task


class quiet_transformers:
    """Hide the load report: a new head on a pretrained body is what was asked for."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self.verbosity = logging.get_verbosity()
        logging.set_verbosity_error()
        logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        from transformers.utils import logging

        logging.set_verbosity(self.verbosity)


def _read(
    auto_class: Any, folder: Path, label_names: tuple[str, ...], task_name: str, *, ignore_mismatched_sizes: bool
) -> tuple[Any, dict[str, Any]]:
    """The model in float32, and which of its weights the files lack. Raises RequestError as `shards_of` does."""
    import torch

    _check_files(folder)
    names = dict(enumerate(label_names))
    with quiet_transformers():
        model, report = auto_class.from_pretrained(
            folder,
            num_labels=len(names),
            id2label=names,
            label2id={name: number for number, name in names.items()},
            problem_type=PROBLEM_TYPE_OF[task_name],
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
            **SAFELY,
        )
    return model, report


def _check_files(folder: Path) -> None:
    """Refuse weights that transformers would read from elsewhere than the files whose digests are taken."""
    shards_of(folder)
    if named := WeightsFolder(path=folder, digest="", licence="").config.get(NAMED_WEIGHTS):
        raise RequestError(
            f"{folder / 'config.json'} names '{named}' as its {NAMED_WEIGHTS}; expected the weights in "
            f"{ONE_FILE}, or in the files that {INDEX} names"
        )
    check_config_in(folder)


def _check_weights(folder: Path, model: Any, new: set[str]) -> None:
    """Refuse weights that were drawn anew; whole numbers (of batches, of positions) are counted, not trained."""
    state = model.state_dict()
    untrained = [name for name in new if name not in state or state[name].is_floating_point()]
    if untrained:
        raise RequestError(
            f"{folder} cannot be opened as the fine-tuned model that its config.json names: "
            f"{min(untrained)} is missing from the weights or of another size"
        )
