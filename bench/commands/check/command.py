"""The command `check`: what files hold and what a run would make of them, without any training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.commands.check.findings import (
    closest_pairs,
    on_contradictions,
    on_labels,
    on_near_rows,
    on_sizes,
)
from bench.outside.columns import Columns
from materials.errors import RequestError, unknown
from materials.files import cache_folder
from materials.leaks.fingerprints import Fingerprints
from materials.leaks.nearest import fingerprints_of, nearest
from materials.modalities import MODALITIES, Item
from materials.report import silent
from materials.rows import Source, Table
from materials.sources.class_names import read_new_names, renamed
from materials.sources.image_check import check_images, look_at_images
from materials.sources.image_source import is_image_source, read_image_source
from materials.sources.image_table import TEXT
from materials.sources.table_file import read_table
from materials.splits.split import SplitSettings, make_splits
from materials.tasks import TASKS, task_of
from materials.tasks.task import Task

SHARE = 0.1  # of validation and test rows in a run that nobody told otherwise


@dataclass(frozen=True, kw_only=True)
class CheckOrder:
    """Which files to look at, where their items and labels stand, and what is asked."""

    data: Path
    test_data: Path | None
    columns: Columns
    task: str


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The rows of a part under the name that is printed, with the different items among them."""

    name: str
    table: Table
    keys: Sequence[str]
    items: Sequence[Item]
    fingerprints: Fingerprints


def check_data(order: CheckOrder) -> None:
    """Print what is found. Raises RequestError for files that cannot be read as rows of the task."""
    if order.task not in TASKS:
        raise RequestError(unknown("task", order.task, TASKS))
    task = task_of(order.task)
    source = _read(order, task)
    source, sentences = _readable(source)
    parts = [_part(name, table) for name, table in _tables(order, source).items()]
    for part in parts:
        _print(f"{part.name}: {_count(part.table)}", _on_rows(part, task))
    if source.test is not None:
        _print(f"{parts[0].name} beside {parts[-1].name}", _on_both(parts[0], parts[-1]))
    _print("a run on these rows", [*sentences, *_on_run(source, task)])


def _read(order: CheckOrder, task: Task) -> Source:
    source = _read_file(order.data, order.columns, task)
    if order.test_data is not None:
        test = _read_file(order.test_data, order.columns, task).rows_for("test")
        if test.modality != source.train.modality:
            kinds = [MODALITIES[table.modality].plural for table in (test, source.train)]
            raise RequestError(f"{order.test_data} holds {kinds[0]}, but {order.data} holds {kinds[1]}; give one kind")
        source = replace(source, test=test)
    if order.columns.class_names is None:
        return source
    if source.train.modality != "image":
        raise RequestError(f"--class-names is for images, and {order.data} holds texts; leave it out")
    names_file = Path(order.columns.class_names)
    return renamed(source, read_new_names(names_file), names_file)


def _read_file(path: Path, columns: Columns, task: Task) -> Source:
    """The rows of a file, less those without an item or a label; or images in any form."""
    if is_image_source(str(path), columns.text or TEXT):
        column = columns.text or TEXT
        return read_image_source(str(path), cache_folder(), silent, column=column, label=columns.label)
    table = read_table(
        path,
        text=columns.text or TEXT,
        text_pair=columns.text_pair,
        label=columns.label,
        task=task,
        separator=columns.separator,
        drop_missing=True,
    )
    return Source(train=table)


def _readable(source: Source) -> tuple[Source, list[str]]:
    """The rows less the images that a run leaves out, and sentences on these; texts as they are."""
    if source.train.modality != "image":
        return source, []
    tables = [table for table in (source.train, source.validation, source.test) if table]
    looks = look_at_images([image for table in tables for image in table.items], silent)
    checked = check_images(source, looks)
    return checked, list(checked.train.notes)


def _tables(order: CheckOrder, source: Source) -> dict[str, Table]:
    """The parts by the names that are printed, the test rows last."""
    tables = {order.data.name: source.train}
    if source.validation is not None:
        tables[f"{order.data.name}, validation rows"] = source.validation
    if source.test is not None:
        name = order.test_data.name if order.test_data else f"{order.data.name}, test rows"
        tables[name if name not in tables else str(order.test_data)] = source.test
    return tables


def _part(name: str, table: Table) -> _Part:
    keys = list(map(MODALITIES[table.modality].key, table.items))
    items = list(dict(zip(reversed(keys), reversed(table.items), strict=True)).values())[::-1]
    fingerprints = fingerprints_of(items, table.modality, silent)
    return _Part(name=name, table=table, keys=keys, items=items, fingerprints=fingerprints)


def _on_rows(part: _Part, task: Task) -> list[str]:
    sentences = [*on_labels(part.table, task), *on_sizes(part.table)]
    if part.table.dropped:
        sentences.append(
            f"more rows, without a text or a label: {part.table.dropped:,}; a run refuses them, or with "
            "--set data.drop_missing=true leaves them out"
        )
    if equal := len(part.keys) - len(part.items):
        sentences.append(f"rows that are left out, as they are equal to an earlier one: {equal:,}")
    sentences += on_contradictions(part.table, part.keys)
    return sentences + on_near_rows(part.items, part.fingerprints)


def _on_both(data: _Part, test: _Part) -> list[str]:
    """What test rows and the other rows have in common."""
    key, test_keys, sentences = MODALITIES[test.table.modality].key, set(test.keys), []
    label_of_test = dict(zip(test.keys, test.table.labels or (), strict=False))
    labels = data.table.labels or [None] * len(data.keys)
    equal = {row_key: label for row_key, label in zip(data.keys, labels, strict=True) if row_key in test_keys}
    if equal:
        relabelled = sum(label_of_test.get(row_key, label) != label for row_key, label in equal.items())
        other_label = f" ({relabelled:,} of them under another label)" if relabelled else ""
        sentences.append(
            f"rows of {data.name} that are left out, as they are equal to a test row: {len(equal):,}{other_label}"
        )
    far_items = np.array([number for number, item in enumerate(data.items) if key(item) not in test_keys], dtype=int)
    near = nearest(test.fingerprints, data.fingerprints.take(far_items))
    if not len(near.rows):
        return [*sentences, f"no other row of {data.name} is a near-duplicate of a test row"]
    share = len(near.rows) / len(test.items)
    others = [data.items[number] for number in far_items.tolist()]
    return [
        *sentences,
        f"test rows with a near-duplicate in {data.name}: {len(near.rows):,} of {len(test.items):,} ({share:.1%}); "
        "`run --drop-near-duplicates` does not learn from these; the closest:",
        *closest_pairs(near, near.closest.tolist(), test.items, others),
    ]


def _on_run(source: Source, task: Task) -> list[str]:
    """How many rows a run would split off, or why it would refuse."""
    if source.train.labels is None:
        return ["there are no labels to split by"]
    try:
        splits = make_splits(source, None, SplitSettings(validation=SHARE, test=SHARE, seed=0), task=task)
    except RequestError as error:
        return [f"would be refused: {error}"]
    counts = ", ".join(f"{part} {len(getattr(splits, part)):,}" for part in ("train", "validation", "test"))
    return [f"would have these rows with the usual shares: {counts}"]


def _count(table: Table) -> str:
    return f"{len(table.items):,} {MODALITIES[table.modality].plural}"


def _print(title: str, sentences: Sequence[str]) -> None:
    print("\n".join([title, *(f"  {sentence}" for sentence in sentences)]))
