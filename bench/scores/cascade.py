"""A student first, and its teacher where the student is unsure: from which probability on the student answers alone."""

import math
from dataclasses import dataclass

import numpy as np

from materials.tasks.task import Task

ERROR = 0.05
PARTS = 20


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a cascade does on rows: the share answered alone, how much of it agrees with the teacher, and all outputs.

    `agreement` is none where no row is answered alone. `outputs` are those of whoever answered, (rows, outputs).
    """

    share: float
    agreement: float | None
    outputs: np.ndarray


def find_threshold(sureness: np.ndarray, agrees: np.ndarray, wished: float, *, chosen_from: int = 1) -> float | None:
    """The lowest sureness from which on a student agrees with its teacher in the wished share of rows, proven at 95 %.

    Both arrays are (rows,). The surest rows are looked at first, then ever more of them in steps of a twentieth; the
    first step whose one-sided lower bound (Clopper and Pearson 1934) is under the wish ends the search. As every step
    must pass before the next, all of them together are wrong at most once in twenty (a fixed sequence of tests, Maurer
    et al. 1995). Where the student is one of several, of which the same rows chose it, its bound is one that would hold
    for all of them together (Bonferroni). None where even the surest rows prove nothing, as of fewer than it takes.
    """
    error = ERROR / chosen_from
    least = rows_needed(wished, error)
    ordered, threshold = np.sort(sureness)[::-1], None
    # With twice the rows that it takes at least, one row may disagree.
    first = 2 * least if len(sureness) >= 2 * least else least
    for part in range(1, PARTS + 1):
        count = round(part / PARTS * len(sureness))
        if count < first:
            continue
        candidate = float(ordered[count - 1])
        chosen = sureness >= candidate
        if lower_bound(int(agrees[chosen].sum()), int(chosen.sum()), error) < wished:
            break
        threshold = candidate
    return threshold


def rows_needed(wished: float, error: float = ERROR) -> int:
    """How many rows prove the wished share where none of them disagrees."""
    return math.ceil(math.log(error) / math.log(wished))


def lower_bound(hits: int, rows: int, error: float = ERROR) -> float:
    """The one-sided lower bound of a share, which is wrong with the probability `error` (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    return 0.0 if hits == 0 else float(beta.ppf(error, hits, rows - hits + 1))


def follow(task: Task, student: np.ndarray, teacher: np.ndarray, threshold: float) -> Outcome:
    """What comes of a threshold on rows, from the outputs (rows, outputs) of student and teacher."""
    alone = task.sureness(student) >= threshold
    agrees = task.decides_alike(student, teacher)
    return Outcome(
        share=float(alone.mean()),
        agreement=float(agrees[alone].mean()) if alone.any() else None,
        outputs=np.where(alone[:, None], student, teacher),
    )
