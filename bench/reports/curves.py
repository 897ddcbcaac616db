"""How the models of a run learned: their scores after every epoch, and the epochs that each needs to reach a score."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd

from bench.recipe import ALONE
from bench.record.parquet import read_beside
from bench.record.run_file import Run
from bench.reports.layout import TextTable, figure, markdown_tables, points, rich_tables
from materials.errors import RequestError
from materials.files import write_parquet
from materials.tasks.metrics import Metric

FILE = "history.parquet"
MOST_EPOCHS = 11


def save_histories(histories: pd.DataFrame, folder: Path) -> None:
    """Write history.parquet."""
    write_parquet(folder / FILE, histories)


def read_histories(folder: Path) -> pd.DataFrame:
    """The history.parquet of a run folder. Raises RequestError when there is none, or no epoch in it."""
    histories = read_beside(folder, FILE)
    if histories.empty:
        raise RequestError(
            f"{folder} holds no epochs of students: it was made before they were kept; "
            "`distilbench cache --prune --kind student` and its recipe, run again, make them"
        )
    return histories


def curves_table(run: Run, histories: pd.DataFrame, reach: Sequence[float]) -> tuple[TextTable, list[str]]:
    """A line for each model: its epoch that was best on validation rows, and the epochs it needs to reach each score.

    `reach` holds scores, the headline in points; without any they are those that the students reach alone. Means over
    seeds.
    """
    metric = run.task.headline
    title = metric.title
    scores = sorted(reach) or _alone(histories, metric)
    header = (
        *("model", "seeds", "epochs", "rows\nan epoch", "seconds\nan epoch", "seconds with\nthe teacher"),
        *(f"{title}\nuntrained", f"{title}\nbest epoch", "best\nepoch"),
        *(f"epochs to\n{score:g}" for score in scores),
    )
    rates = [labelling["sample_rows_per_second"]["eager"] for labelling in run.labelling]
    rate = mean(rates) if rates else None
    lines = [
        _line(str(model), [seed for _, seed in epochs.groupby("seed")], scores, rate, metric)
        for model, epochs in histories.groupby("model", sort=False)
    ]
    notes = [
        f"{title} on the test rows, which choose nothing: the best epoch is that of the validation rows; seeds: means",
        "seconds an epoch: with the teacher's stored logits, without scoring; with the teacher: measured where it ran "
        "in every epoch"
        + (f", else (≈) its own time for these rows added, at {figure(rate)} rows/s (eager)" if rate else ""),
    ]
    return (f"{run.name}: how the students learned", header, lines), notes


def epochs_table(run: Run, histories: pd.DataFrame) -> TextTable:
    """The headline on the test rows after each epoch, means over seeds; of many epochs, some from first to last."""
    longest = int(histories["epoch"].max())
    epochs = sorted({round(longest * share / (MOST_EPOCHS - 1)) for share in range(MOST_EPOCHS)})
    scores = histories.groupby(["model", "epoch"])[score_column(run.task.headline)].mean()
    lines = [
        [str(model), str(rows["seed"].nunique()), *(points(scores.get((model, epoch))) for epoch in epochs)]
        for model, rows in histories.groupby("model", sort=False)
    ]
    header = ("model", "seeds", *(f"after\n{epoch}" for epoch in epochs))
    return f"{run.name}: {run.task.headline.title} on the test rows after so many epochs", header, lines


def score_column(metric: Metric) -> str:
    """The column of a metric on the test rows."""
    return f"test_{metric.name}"


def _as_text(
    write: Callable[[Sequence[TextTable], Sequence[str]], str],
) -> Callable[[Run, pd.DataFrame, Sequence[float]], str]:
    def report(run: Run, histories: pd.DataFrame, reach: Sequence[float]) -> str:
        table, notes = curves_table(run, histories, reach)
        return write([table, epochs_table(run, histories)], notes)

    return report


# the table; csv and json hold every epoch
CURVES: dict[str, Callable[[Run, pd.DataFrame, Sequence[float]], str]] = {
    "rich": _as_text(rich_tables),
    "markdown": _as_text(markdown_tables),
    "csv": lambda run, histories, reach: histories.to_csv(index=False),
    "json": lambda run, histories, reach: histories.to_json(orient="records", indent=2) + "\n",
}


def _line(
    model: str, seeds: Sequence[pd.DataFrame], scores: Sequence[float], rate: float | None, metric: Metric
) -> list[str]:
    column = score_column(metric)
    best_epochs = [_best(epochs, metric) for epochs in seeds]
    untrained_epochs = [epochs[epochs["epoch"] == 0] for epochs in seeds]
    trained_epochs = [_trained(epochs) for epochs in seeds]
    needs_teacher = bool(seeds[0]["needs_teacher"].iloc[0])
    teacher_ran = bool(seeds[0].get("teacher_every_epoch", pd.Series([False])).iloc[0])
    seconds = mean(epochs["seconds"].mean() for epochs in trained_epochs)
    rows = round(mean(epochs["rows"].iloc[0] for epochs in seeds))
    with_teacher = f"≈ {figure(seconds + rows / rate)}" if rate and needs_teacher else ""
    return [
        model,
        str(len(seeds)),
        f"{mean(epochs['epoch'].max() for epochs in seeds):g}",
        f"{rows:,}",
        figure(None if teacher_ran else seconds),
        figure(seconds) if teacher_ran else with_teacher,
        points(mean(epochs[column].iloc[0] for epochs in untrained_epochs)),
        points(mean(epoch[column] for epoch in best_epochs)),
        figure(mean(epoch["epoch"] for epoch in best_epochs)),
        *(_epochs_to(score, trained_epochs, column) for score in scores),
    ]


def _trained(epochs: pd.DataFrame) -> pd.DataFrame:
    return epochs[epochs["epoch"] > 0]


def _best(epochs: pd.DataFrame, metric: Metric) -> "pd.Series[Any]":
    """The epoch that is kept: the last of those that are best on validation rows."""
    trained_epochs, column = _trained(epochs), f"validation_{metric.name}"
    return trained_epochs[trained_epochs[column] == trained_epochs[column].max()].iloc[-1]


def _epochs_to(score: float, seeds: Sequence[pd.DataFrame], column: str) -> str:
    reaching_epochs = [epochs[epochs[column] * 100 >= score]["epoch"].min() for epochs in seeds]
    first_epochs = [float(epoch) for epoch in reaching_epochs if not pd.isna(epoch)]
    if not first_epochs:
        return "never"
    share_of_seeds = "" if len(first_epochs) == len(seeds) else f" ({len(first_epochs)} of {len(seeds)} seeds)"
    return figure(mean(first_epochs)) + share_of_seeds


def _alone(histories: pd.DataFrame, metric: Metric) -> list[float]:
    """The scores that students reach alone, rounded down to a tenth of a point; without any, the lowest of all."""
    alone_histories = histories[histories["objective"] == ALONE]
    considered_histories = alone_histories if len(alone_histories) else histories
    scores = [
        mean(_best(seed, metric)[score_column(metric)] for _, seed in epochs.groupby("seed"))
        for _, epochs in considered_histories.groupby("model", sort=False)
    ]
    # Rounded first, as 0.57 times 1000 is a little below 570.
    return sorted(
        {math.floor(round(score * 1000, 6)) / 10 for score in (scores if len(alone_histories) else [min(scores)])}
    )
