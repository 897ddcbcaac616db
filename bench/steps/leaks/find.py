"""The step that finds the test rows that have a near-duplicate among train or transfer rows."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.record.leaks import CLOSEST, LeakRecord, NearPair, shown
from bench.steps.workplace import Workplace
from materials.leaks.nearest import NONE, fingerprints_of, nearest
from materials.report import Report
from materials.rows import Splits
from materials.stages import Stage

PARTS = ("train", "transfer")
FILE = "leaks.json"


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """The test rows that have a near-duplicate, the most alike first, with the part and number of the nearest."""

    test_rows: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    similarity: tuple[float, ...] = ()

    def record(self, splits: Splits, seed: int) -> LeakRecord:
        """What the run file says of them."""
        closest = [
            NearPair(
                similarity=self.similarity[place],
                test=shown(splits.test.items[self.test_rows[place]]),
                part=self.parts[place],
                other=shown(getattr(splits, self.parts[place]).items[self.numbers[place]]),
            )
            for place in range(min(CLOSEST, len(self.test_rows)))
        ]
        return LeakRecord(
            seed=seed,
            test_rows=len(splits.test),
            by_part={part: self.parts.count(part) for part in PARTS if part in self.parts},
            dropped=dict(splits.near_duplicates_dropped),
            closest=tuple(closest),
        )


def find_leaks(work: Workplace, splits: Splits, seed: int) -> Leaks:
    """The near-duplicates of the test rows of a seed; the first time, sentences say what they are."""

    def make(folder: Path) -> None:
        with work.screen.step(f"near-duplicates of test rows, seed {seed}") as report:
            leaks = _compared(splits, report)
        content = {name: list(getattr(leaks, name)) for name in ("test_rows", "parts", "numbers", "similarity")}
        (folder / FILE).write_text(json.dumps(content), encoding="utf-8")
        for sentence in leaks.record(splits, seed).sentences:
            work.screen.notice(sentence)

    inputs = {part: getattr(splits, part).digest for part in ("test", *PARTS)}
    folder = work.store.get(Stage(name="leaks", version=1, inputs=inputs), make)
    content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return Leaks(**{name: tuple(values) for name, values in content.items()})


def _compared(splits: Splits, report: Report) -> Leaks:
    test = fingerprints_of(splits.test.items, splits.modality, report)
    similarity, numbers = np.zeros(len(splits.test)), np.full(len(splits.test), NONE)
    parts = np.full(len(splits.test), "", dtype=object)
    for part in PARTS:
        near = nearest(test, fingerprints_of(getattr(splits, part).items, splits.modality, report))
        is_nearer = near.similarity > similarity
        similarity[is_nearer], numbers[is_nearer] = near.similarity[is_nearer], near.numbers[is_nearer]
        parts[is_nearer] = part
    rows = np.flatnonzero(numbers != NONE)
    rows = rows[np.argsort(-similarity[rows], kind="stable")]
    return Leaks(
        test_rows=tuple(rows.tolist()),
        parts=tuple(parts[rows].tolist()),
        numbers=tuple(numbers[rows].tolist()),
        similarity=tuple(similarity[rows].tolist()),
    )
