"""Sentences on the rows of one file, or of one of its parts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from bench.commands.check.languages import languages_of
from bench.commands.check.scripts import scripts_of
from bench.record.leaks import CLOSEST, NearPair, shown
from materials.leaks.fingerprints import Fingerprints
from materials.leaks.nearest import Nearest, nearest
from materials.modalities import Item
from materials.rows import Table
from materials.sources.image_file import opened_image
from materials.tasks.task import RawLabel, Task, alike

MOST_NAMES = 12


def on_labels(table: Table, task: Task) -> list[str]:
    """How many rows each class or label has, or from where to where numbers reach; and the names that look alike."""
    if table.labels is None:
        return ["no labels: rows for a teacher to label"]
    if not task.has_names:
        numbers = np.array(table.labels, dtype=float)
        return [f"numbers: {numbers.min():.3g} to {numbers.max():.3g}, median {np.median(numbers):.3g}"]
    counts = Counter(name for label in table.labels for name in _names_of(label))
    named = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(MOST_NAMES))
    if len(counts) > MOST_NAMES:
        name, count = counts.most_common()[-1]
        named += f" and {len(counts) - MOST_NAMES:,} more, the rarest {name} {count:,}"
    kinds = {"class": "classes"}.get(task.noun, f"{task.noun}s")
    sentences = [f"{len(counts):,} {kinds}: {named}"]
    if without := sum(not _names_of(label) for label in table.labels):
        sentences.append(f"rows without a {task.noun}: {without:,}")
    return [*sentences, *(f"{other!r} and {name!r} look alike: a run refuses them" for other, name in alike(counts))]


def on_sizes(table: Table) -> list[str]:
    """How long texts are, and in which scripts; or how large images are."""
    if table.modality == "image":
        sizes = [_size(image.path) for image in table.items]
        widths, heights = zip(*sizes, strict=True)
        return [_range("width in pixels", widths), _range("height in pixels", heights)]
    texts = [item if isinstance(item, str) else " ".join(item) for item in table.items]
    languages = languages_of(texts)
    return [
        _range("words", [len(text.split()) for text in texts]),
        _range("characters", [len(text) for text in texts]),
        f"scripts by most letters of a text: {_shares(scripts_of(texts))}",
        f"languages, of {languages.total():,} texts: {_shares(languages)}",
    ]


def on_contradictions(table: Table, keys: Sequence[str]) -> list[str]:
    """Equal rows with different labels, the first of them by name."""
    labels_of_key: dict[str, list[RawLabel]] = defaultdict(list)
    for key, label in zip(keys, table.labels or (), strict=False):
        labels_of_key[key].append(label)
    groups = {key: labels for key, labels in labels_of_key.items() if len(set(labels)) > 1}
    if not groups:
        return []
    item_of_key = dict(zip(reversed(keys), reversed(table.items), strict=True))
    rows = sum(map(len, groups.values()))
    sentences = [f"equal rows with different labels: {rows:,}, {len(groups):,} different; the first of each is kept:"]
    for key, labels in list(groups.items())[:CLOSEST]:
        counts = ", ".join(f"{_words(label)} {count}" for label, count in Counter(labels).most_common())
        sentences.append(f"  '{shown(item_of_key[key])}': {counts}")
    return sentences


def on_near_rows(items: Sequence[Item], fingerprints: Fingerprints) -> list[str]:
    """How many different items have a near-duplicate among themselves, and the closest pairs."""
    near = nearest(fingerprints, fingerprints)
    if not len(near.rows):
        return []
    pairs = {frozenset((row, int(near.numbers[row]))): row for row in reversed(near.closest.tolist())}
    rows = list(reversed(pairs.values()))
    return [
        f"rows with a near-duplicate in the same rows: {len(near.rows):,}; the closest:",
        *closest_pairs(near, rows, items, items),
    ]


def closest_pairs(near: Nearest, rows: Iterable[int], items: Sequence[Item], others: Sequence[Item]) -> list[str]:
    """The first of these rows, each with its near-duplicate among the others."""
    pairs = [
        NearPair(similarity=near.similarity[row], test=shown(items[row]), other=shown(others[near.numbers[row]]))
        for row in islice(rows, CLOSEST)
    ]
    return [f"  {pair.sentence}" for pair in pairs]


def _names_of(label: RawLabel) -> tuple[str, ...]:
    return label if isinstance(label, tuple) else (label,)


def _words(label: Any) -> str:
    return ", ".join(map(str, label)) or "none" if isinstance(label, tuple) else str(label)


def _shares(counts: Counter[str]) -> str:
    named = [f"{name} {count / counts.total():.1%} ({count:,})" for name, count in counts.most_common(MOST_NAMES)]
    return ", ".join([*named, *(["..."] if len(counts) > MOST_NAMES else [])])


def _size(path: str) -> tuple[int, int]:
    with opened_image(path) as image:
        return image.width, image.height


def _range(title: str, values: Sequence[int]) -> str:
    median, most = np.percentile(values, [50, 95], method="nearest")
    return f"{title}: {min(values):,} to {max(values):,}, median {median:,}, 95 % at most {most:,}"
