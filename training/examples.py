"""The rows that a model is trained on, as they look in each epoch, and their batches, of which little is padded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from encoders.pictures import Drawing
from training.outputs import Outputs

BATCHES_MIXED = 50


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Encoded rows with targets in the form of the task.

    `teacher` holds the teacher's outputs for all rows, or is a function that computes them for rows by their numbers;
    none without a teacher.
    """

    encoded: Any
    targets: np.ndarray
    teacher: Outputs | Callable[[np.ndarray], Outputs] | None = None

    def teacher_outputs(self, rows: np.ndarray) -> Outputs | None:
        """The teacher's outputs for the rows of these numbers."""
        return self.teacher.take(rows) if isinstance(self.teacher, Outputs) else self.teacher and self.teacher(rows)

    def at(self, epoch: int) -> "Examples":
        """The rows as they look in an epoch, counted from 1: always the same."""
        return self


@dataclass(frozen=True, kw_only=True)
class ViewedExamples(Examples):
    """Images of which each epoch shows another view; `encoded` are `encoders.pictures.Pictures`.

    With `views` a row goes through so many in turns, each row from another one on, so that a batch mixes them;
    `teacher_views`, float32 (rows, views, outputs), is what the teacher says of each. With none, every epoch has views
    of its own.
    """

    views: int | None = None
    teacher_views: np.ndarray | None = None
    drawing: Drawing = field(default_factory=Drawing)

    def at(self, epoch: int) -> Examples:
        """The rows in the views of an epoch, counted from 1, with the teacher's outputs for these very views."""
        rows = np.arange(len(self.encoded))
        views = np.full(len(rows), epoch) if self.views is None else (epoch - 1 + rows) % self.views
        teacher = self.teacher
        if self.teacher_views is not None:
            teacher_views = self.teacher_views
            teacher = Outputs(logits=np.asarray(teacher_views[rows, views]))
        return Examples(encoded=self.encoded.viewed(views, self.drawing), targets=self.targets, teacher=teacher)


def bucketed_batches(lengths: np.ndarray, batch_size: int, seed: int | None) -> Iterator[np.ndarray]:
    """Row numbers in batches of rows of about equal length, each row once.

    With a seed, rows and batches come in random order, sorted by length only within 50 batches, so that each epoch
    mixes them anew; without one, all rows are sorted, the longest last.
    """
    order = np.arange(len(lengths))
    if seed is None:
        order = order[np.argsort(lengths, kind="stable")]
        yield from (order[start : start + batch_size] for start in range(0, len(order), batch_size))
        return
    generator = np.random.default_rng(seed)
    generator.shuffle(order)
    # Sorting all rows would give every epoch the same batches, and sorting none would pad each to its longest row.
    pool = BATCHES_MIXED * batch_size
    batches = []
    for pool_start in range(0, len(order), pool):
        rows = order[pool_start : pool_start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    # Shuffled, or each pool would go from its shortest texts to its longest.
    for number in generator.permutation(len(batches)):
        yield batches[number]
