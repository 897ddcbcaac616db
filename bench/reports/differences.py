"""Whether the students of a run differ from a base: paired tests, and what the confusion matrices alone let believe."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.recipe import ALONE
from bench.record.predictions import Predictions, PredictionsTable
from bench.record.row import Row
from bench.record.run_file import Run
from bench.reports.layout import TextTable, change_in_points, figure, markdown_tables, rich_tables, without_blanks
from bench.reports.report import main_format
from bench.scores.significance import SeedPair, compare_over_seeds
from materials.errors import RequestError, unknown
from materials.tasks.task import Task

NOTES = (  # each with the field of a difference without which there is nothing to explain
    (
        "difference: macro-F1 in points, mean over the seeds, with its 95 % bootstrap over seeds and over the rows "
        "that both models classified",
        "headline",
    ),
    (
        "McNemar's p: whether the rows that one of the two alone gets right split evenly; the seeds' p, their median",
        "mcnemar_p",
    ),
    (
        "believed better: the probability that macro-F1 is higher, from the posterior of each confusion matrix (Caelen "
        "2017; Dirichlet, prior of one row in all), without the pairing of rows",
        "believed_better",
    ),
    (
        "verdict: whether the interval leaves out zero; not corrected for the number of comparisons",
        "headline",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One model against its base in one format; `headline` is the change of the task's, a share and not points."""

    model: str
    base: str
    format: str
    seeds: int
    headline: float
    low: float
    high: float
    mcnemar_p: float | None
    believed_better: float | None

    @property
    def verdict(self) -> str:
        """Better or worse where the interval does not hold zero, else unclear."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "unclear"


def find_differences(run: Run, folder: Path, *, against: str | None = None) -> list[Difference]:
    """Every sound model in the main format against the model `against`; without it, each student against itself alone.

    Raises RequestError when the run keeps no predictions, or has no such model.
    """
    sound_rows = [row for row in run.rows if row.status != "failed"]
    models = {row.model: row for row in sound_rows}
    if against is not None and against not in models:
        raise RequestError(unknown("model", against, models))
    predictions = _by_file(PredictionsTable.of_run(folder), sound_rows)
    if not predictions:
        raise RequestError(f"{folder} keeps no predictions of labelled rows to compare; run its recipe again")
    differences = []
    for model, row in models.items():
        base = against or alone_of(row)
        if base in models and base != model:
            difference = _compare(run.task, predictions, model, str(base), main_format(run))
            differences += [difference] if difference else []
    return differences


def is_judged(row: Row) -> bool:
    """Whether a row is a student's, has labelled rows, and is compared with the same student alone."""
    return row.headline is not None and alone_of(row) is not None


def differences_table(run: Run, differences: Sequence[Difference]) -> TextTable:
    """A line for each pair; what the task has no test for is blank."""
    header = (
        *("model", "against", "format", "seeds", f"{run.task.headline.title}\ndifference", "95 % interval"),
        *("McNemar's p", "believed\nbetter", "verdict"),
    )
    lines = [
        [
            difference.model,
            difference.base,
            difference.format,
            str(difference.seeds),
            change_in_points(difference.headline),
            f"[{change_in_points(difference.low)}, {change_in_points(difference.high)}]",
            _p_value(difference.mcnemar_p),
            "" if difference.believed_better is None else f"{difference.believed_better:.0%}",
            difference.verdict,
        ]
        for difference in differences
    ]
    return without_blanks((f"{run.name}: are the differences real?", header, lines))


def _p_value(p: float | None) -> str:
    return "" if p is None else figure(p) if p >= 1e-4 else "< 0.0001"


def as_frame(differences: Sequence[Difference]) -> pd.DataFrame:
    """The differences as a data frame, with all digits."""
    return pd.DataFrame([{**asdict(difference), "verdict": difference.verdict} for difference in differences])


def alone_of(row: Row) -> str | None:
    """The title of the same student alone; none for a row that is no student's, or is itself of a student alone."""
    if row.role != "student" or not row.objective_title or row.objective_title == ALONE:
        return None
    return f"{row.student} {ALONE}"


def _as_text(
    write: Callable[[Sequence[TextTable], Sequence[str]], str],
) -> Callable[[Run, Sequence[Difference]], str]:
    return lambda run, differences: write([differences_table(run, differences)], _notes(run, differences))


def _notes(run: Run, differences: Sequence[Difference]) -> list[str]:
    """What the columns mean, but for those that are blank."""
    notes = [note for note, name in NOTES if any(getattr(difference, name) is not None for difference in differences)]
    return [note.replace("macro-F1", run.task.headline.title) for note in notes]


# the table; csv and json hold all digits
DIFFERENCES: dict[str, Callable[[Run, Sequence[Difference]], str]] = {
    "rich": _as_text(rich_tables),
    "markdown": _as_text(markdown_tables),
    "csv": lambda run, differences: as_frame(differences).to_csv(index=False),
    "json": lambda run, differences: as_frame(differences).to_json(orient="records", indent=2) + "\n",
}


ByFile = dict[tuple[str, str], dict[int | None, Predictions]]


def _by_file(table: PredictionsTable, sound_rows: Sequence[Row]) -> ByFile:
    """The predictions of each sound model and format, by seed, without those that hold values that are not numbers."""
    by_file: ByFile = {}
    for row in sound_rows:
        if predictions := table.of(row):
            by_file.setdefault((row.model, row.format), {})[row.seed] = predictions
    return by_file


def _compare(task: Task, by_file: ByFile, model: str, base: str, preferred_format: str) -> Difference | None:
    """The difference over the seeds that both models have, in the run's main format or the first they have."""
    (format, new_by_seed), (_, base_by_seed) = (_in_format(by_file, title, preferred_format) for title in (model, base))
    pairs = [
        SeedPair(targets=predictions.targets, base=base_by_seed[seed].outputs, new=predictions.outputs)
        for seed, predictions in new_by_seed.items()
        if seed in base_by_seed and np.array_equal(predictions.targets, base_by_seed[seed].targets)
    ]
    if not pairs:
        return None
    change = compare_over_seeds(task, pairs)
    return Difference(
        model=model,
        base=base,
        format=format,
        seeds=len(pairs),
        headline=change.headline.value,
        low=change.headline.low,
        high=change.headline.high,
        mcnemar_p=change.mcnemar_p,
        believed_better=change.believed_better,
    )


def _in_format(by_file: ByFile, title: str, preferred_format: str) -> tuple[str, dict[int | None, Predictions]]:
    formats = [format for model, format in by_file if model == title]
    format = preferred_format if preferred_format in formats else next(iter(formats), preferred_format)
    return format, by_file.get((title, format), {})
