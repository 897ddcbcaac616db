"""Whether the students of a run differ from a base: paired tests, and what the confusion matrices alone let believe."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.record.row import ALONE, Row
from bench.record.run_file import Run
from bench.reports.layout import Report, change_in_points, figure, markdown_tables, rich_tables
from bench.reports.report import main_format
from bench.scores.significance import SeedPair, compare_over_seeds
from materials.errors import RequestError, unknown

PREDICTIONS = "predictions.parquet"
NOTES = (
    "difference: macro-F1 in points, mean over the seeds, with its 95 % bootstrap over seeds and over the rows that "
    "both models classified",
    "McNemar's p: whether the rows that one of the two alone gets right split evenly; the seeds' p, their median",
    "believed better: the probability that macro-F1 is higher, from the posterior of each confusion matrix (Caelen "
    "2017; Dirichlet, prior of one row in all), without the pairing of rows",
    "verdict: whether the interval leaves out zero; not corrected for the number of comparisons",
)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One model against its base in one format; shares, not points."""

    model: str
    base: str
    format: str
    seeds: int
    macro_f1: float
    low: float
    high: float
    mcnemar_p: float
    believed_better: float

    @property
    def verdict(self) -> str:
        """Better or worse where the interval does not hold zero, else unclear."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "unclear"


def find_differences(run: Run, folder: Path, *, against: str | None = None) -> list[Difference]:
    """Every sound model in the main format against the model `against`; without it, each student against itself alone.

    Raises RequestError when the run keeps no predictions, or has no such model.
    """
    file = (folder if folder.is_dir() else folder.parent) / PREDICTIONS
    predictions = pd.read_parquet(file) if file.is_file() else pd.DataFrame()
    if predictions.empty or (predictions["label"] < 0).all():
        raise RequestError(f"{folder} keeps no predictions of labelled rows to compare; run its recipe again")
    sound = [row for row in run.rows if row.status != "failed"]
    models = {row.model: row for row in sound}
    if against is not None and against not in models:
        raise RequestError(unknown("model", against, models))
    known = _predictions_of(predictions, sound)
    found = []
    for model, row in models.items():
        base = against or alone_of(row)
        if base in models and base != model and (one := _compare(known, model, str(base), main_format(run))):
            found.append(one)
    return found


def is_judged(row: Row) -> bool:
    """Whether a row is a student's on labelled rows that is compared with itself alone."""
    return row.macro_f1 is not None and alone_of(row) is not None


def differences_table(run: Run, differences: Sequence[Difference]) -> Report:
    """A line for each pair."""
    header = (
        *("model", "against", "format", "seeds", "macro-F1\ndifference", "95 % interval", "McNemar's p"),
        *("believed\nbetter", "verdict"),
    )
    lines = [
        [
            one.model,
            one.base,
            one.format,
            str(one.seeds),
            change_in_points(one.macro_f1),
            f"[{change_in_points(one.low)}, {change_in_points(one.high)}]",
            figure(one.mcnemar_p) if one.mcnemar_p >= 1e-4 else "< 0.0001",
            f"{one.believed_better:.0%}",
            one.verdict,
        ]
        for one in differences
    ]
    return f"{run.name}: are the differences real?", header, lines


def as_frame(differences: Sequence[Difference]) -> pd.DataFrame:
    """The same with all digits."""
    return pd.DataFrame([{**asdict(one), "verdict": one.verdict} for one in differences])


def alone_of(row: Row) -> str | None:
    """The title of the same student alone; none for what is no student, or alone itself."""
    if row.role != "student" or not row.objective_title or row.objective_title == ALONE:
        return None
    return f"{row.student} {ALONE}"


def _as_text(
    write: Callable[[Sequence[Report], Sequence[str]], str],
) -> Callable[[Run, Sequence[Difference]], str]:
    return lambda run, differences: write([differences_table(run, differences)], NOTES)


# the table; csv and json hold all digits
DIFFERENCES: dict[str, Callable[[Run, Sequence[Difference]], str]] = {
    "rich": _as_text(rich_tables),
    "markdown": _as_text(markdown_tables),
    "csv": lambda run, differences: as_frame(differences).to_csv(index=False),
    "json": lambda run, differences: as_frame(differences).to_json(orient="records", indent=2) + "\n",
}


Known = dict[tuple[str, str], dict[int | None, tuple[np.ndarray, np.ndarray]]]


def _predictions_of(predictions: pd.DataFrame, sound: Sequence[Row]) -> Known:
    """For each sound model and format, and each of its seeds, the labels and the predicted labels, int64 (rows,)."""
    known: Known = {}
    for row in sound:
        own = predictions[(predictions["model"] == row.model) & (predictions["format"] == row.format)]
        own = own[own["seed"].isna() if row.seed is None else own["seed"] == row.seed]
        if len(own):
            logits = own.filter(like="logit_").dropna(axis=1).to_numpy()
            labelled = own["label"].to_numpy(), logits.argmax(axis=1)
            known.setdefault((row.model, row.format), {})[row.seed] = labelled
    return known


def _compare(known: Known, model: str, base: str, shown: str) -> Difference | None:
    """The difference over the seeds that both models have, in the format that the run shows or the first they have."""
    (format, own), (_, other) = (_in_format(known, title, shown) for title in (model, base))
    pairs = [
        SeedPair(labels=labels, base=other[seed][1], new=predicted)
        for seed, (labels, predicted) in own.items()
        if seed in other and np.array_equal(labels, other[seed][0])
    ]
    if not pairs:
        return None
    classes = 1 + int(max(array.max() for pair in pairs for array in (pair.labels, pair.base, pair.new)))
    change = compare_over_seeds(pairs, classes)
    return Difference(
        model=model,
        base=base,
        format=format,
        seeds=len(pairs),
        macro_f1=change.macro_f1.value,
        low=change.macro_f1.low,
        high=change.macro_f1.high,
        mcnemar_p=change.mcnemar_p,
        believed_better=change.believed_better,
    )


def _in_format(known: Known, title: str, shown: str) -> tuple[str, dict[int | None, tuple[np.ndarray, np.ndarray]]]:
    formats = [format for model, format in known if model == title]
    format = shown if shown in formats else next(iter(formats), shown)
    return format, known.get((title, format), {})
