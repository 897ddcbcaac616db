"""The names of a model's outputs: those of the data, in the order of a fine-tuned teacher where there is one."""

from collections.abc import Sequence
from dataclasses import replace

from materials.errors import RequestError
from materials.rows import Source, Table
from materials.tasks.task import RawLabel, Task


def find_label_names(source: Source, task: Task, order: tuple[str, ...] | None, *, by_teacher: bool) -> tuple[str, ...]:
    """The label names of all parts, in the teacher's order; if its labels are only numbered, in the data's own.

    Raises RequestError for a part without labels, for labels that cannot be learned from, and for those of the data
    that the teacher does not have.
    """
    labels = [label for part in ("train", "validation", "test") for label in _labels_of(source, part)]
    if by_teacher and task.has_names and len(set(labels)) < 2:
        raise RequestError(
            f"the teacher gives all rows the {task.noun} '{labels[0]}', from which nothing can be learned; give other "
            "rows, or another teacher"
        )
    return _in_order(task.label_names(labels), order) if task.has_names else task.label_names(labels)


def without_labels(source: Source, classes: Sequence[str], task: Task) -> Source:
    """The source with no label but those of official test rows, or of the rows of which a test share is split off.

    Raises RequestError for such a row of another class.
    """
    judging = "train" if source.test is None else "test"
    table: Table = getattr(source, judging)
    if table.labels is not None:
        names = {name for label in table.labels for name in (label if isinstance(label, tuple) else (label,))}
        unknown_names = sorted(names - set(classes))
        if unknown_names:
            raise RequestError(
                f"the {judging} rows have the {task.noun} '{unknown_names[0]}', which is none of data.classes "
                f"({', '.join(classes)}); map it as data.classes: {{{unknown_names[0]}: description}}"
            )
    hidden = {
        part: replace(other, labels=[None] * len(other.items))
        for part in ("train", "validation", "test")
        if (other := getattr(source, part)) is not None and not (part == judging and other.labels is not None)
    }
    return replace(source, **hidden)


def _labels_of(source: Source, part: str) -> list[RawLabel]:
    table: Table | None = getattr(source, part)
    if table is None:
        return []
    if table.labels is None:
        raise RequestError(f"the {part} rows have no labels; name their column with --label")
    return table.labels


def _in_order(names: tuple[str, ...], order: tuple[str, ...] | None) -> tuple[str, ...]:
    if order is None or set(order) == set(names):
        return order or names
    if len(order) == len(names) and all(name.startswith("LABEL_") for name in order):
        return names
    by_folded = {name.casefold(): name for name in names}  # no two of them differ in case only
    if set(by_folded) - {name.casefold() for name in order}:
        raise RequestError(
            f"the data's labels are {', '.join(names)}, but the teacher was fine-tuned for {', '.join(order)}"
        )
    return tuple(by_folded.get(name.casefold(), name) for name in order)
