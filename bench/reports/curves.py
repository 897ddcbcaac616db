"""How the models of a run learned: their scores after every epoch, and the epochs that each needs to reach a score."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd

from bench.record.row import ALONE
from bench.record.run_file import Run
from bench.reports.layout import Report, figure, markdown_tables, points, rich_tables
from bench.steps.pipeline import Model
from bench.steps.training import HISTORY
from materials.errors import RequestError
from materials.files import new_file
from materials.rows import Splits

FILE = "history.parquet"
SCORE = "test_macro_f1"
MOST_EPOCHS = 11


def collect_histories(models: Sequence[Model], splits: Mapping[Path, Splits]) -> pd.DataFrame:
    """One line for each epoch of each student and seed: whose it is, how many rows it has, and its scores.

    Students that were trained before epochs were scored on test rows are left out.
    """
    lines: list[dict[str, Any]] = []
    for model in models:
        if not (model.checkpoint and model.student and model.objective):
            continue
        rows = len(splits[model.splits].train) + (model.transfer_rows or 0)
        described = {
            "model": model.title,
            "student": model.student.title,
            "objective": model.objective.title,
            "needs_teacher": model.objective.needs_teacher,
            "teacher_every_epoch": model.objective.teacher_every_epoch,
            "exported": model.objective.exported,
            "seed": model.seed,
            "rows": rows,
        }
        history = json.loads((model.checkpoint / HISTORY).read_text(encoding="utf-8"))
        scored = [epoch for epoch in history if SCORE in epoch]
        lines += [{**described, **epoch} for epoch in scored]
    return pd.DataFrame(lines)


def save_histories(histories: pd.DataFrame, folder: Path) -> None:
    """Write history.parquet."""
    with new_file(folder / FILE) as temporary:
        histories.to_parquet(temporary, index=False, compression="zstd")


def read_histories(folder: Path) -> pd.DataFrame:
    """The history.parquet of a run folder. Raises RequestError when there is none, or no epoch in it."""
    file = folder / FILE if folder.is_dir() else folder.parent / FILE
    histories = pd.read_parquet(file) if file.is_file() else pd.DataFrame()
    if histories.empty:
        raise RequestError(
            f"{folder} holds no epochs of students: it was made before they were kept; "
            "`distilbench cache --prune --kind student` and its recipe, run again, make them"
        )
    return histories


def curves_table(run: Run, histories: pd.DataFrame, reach: Sequence[float]) -> tuple[Report, list[str]]:
    """A line for each model: its epoch that was best on validation rows, and the epochs it needs to reach each score.

    `reach` holds scores, macro-F1 in points; without any they are those that the students reach alone. Means over
    seeds.
    """
    scores = sorted(reach) or _alone(histories)
    header = (
        *("model", "seeds", "epochs", "rows\nan epoch", "seconds\nan epoch", "seconds with\nthe teacher"),
        *("macro-F1\nuntrained", "macro-F1\nbest epoch", "best\nepoch"),
        *(f"epochs to\n{score:g}" for score in scores),
    )
    rates = [one["sample_rows_per_second"]["eager"] for one in run.labelling]
    rate = mean(rates) if rates else None
    lines = [
        _line(str(model), [one for _, one in own.groupby("seed")], scores, rate)
        for model, own in histories.groupby("model", sort=False)
    ]
    notes = [
        "macro-F1 on the test rows, which choose nothing: the best epoch is that of the validation rows; seeds: means",
        "seconds an epoch: with the teacher's stored logits, without scoring; with the teacher: measured where it ran "
        "in every epoch"
        + (f", else (≈) its own time for these rows added, at {figure(rate)} rows/s (eager)" if rate else ""),
    ]
    return (f"{run.name}: how the students learned", header, lines), notes


def epochs_table(run: Run, histories: pd.DataFrame) -> Report:
    """Macro-F1 on the test rows after each epoch, means over seeds; of many epochs, some from first to last."""
    longest = int(histories["epoch"].max())
    shown = sorted({round(longest * share / (MOST_EPOCHS - 1)) for share in range(MOST_EPOCHS)})
    scores = histories.groupby(["model", "epoch"])[SCORE].mean()
    lines = [
        [str(model), str(own["seed"].nunique()), *(points(scores.get((model, epoch))) for epoch in shown)]
        for model, own in histories.groupby("model", sort=False)
    ]
    header = ("model", "seeds", *(f"after\n{epoch}" for epoch in shown))
    return f"{run.name}: macro-F1 on the test rows after so many epochs", header, lines


def _as_text(
    write: Callable[[Sequence[Report], Sequence[str]], str],
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


def _line(model: str, seeds: Sequence[pd.DataFrame], scores: Sequence[float], rate: float | None) -> list[str]:
    best = [_best(own) for own in seeds]
    first, trained = [own[own["epoch"] == 0] for own in seeds], [own[own["epoch"] > 0] for own in seeds]
    needs_teacher = bool(seeds[0]["needs_teacher"].iloc[0])
    ran = bool(seeds[0].get("teacher_every_epoch", pd.Series([False])).iloc[0])
    seconds, rows = mean(own["seconds"].mean() for own in trained), round(mean(own["rows"].iloc[0] for own in seeds))
    return [
        model,
        str(len(seeds)),
        f"{mean(own['epoch'].max() for own in seeds):g}",
        f"{rows:,}",
        figure(None if ran else seconds),
        figure(seconds) if ran else f"≈ {figure(seconds + rows / rate)}" if rate and needs_teacher else "",
        points(mean(own[SCORE].iloc[0] for own in first)),
        points(mean(one[SCORE] for one in best)),
        figure(mean(one["epoch"] for one in best)),
        *(_epochs_to(score, trained) for score in scores),
    ]


def _best(own: pd.DataFrame) -> "pd.Series[Any]":
    """The epoch that is kept: the last of those that are best on validation rows."""
    trained = own[own["epoch"] > 0]
    return trained[trained["validation_macro_f1"] == trained["validation_macro_f1"].max()].iloc[-1]


def _epochs_to(score: float, trained: Sequence[pd.DataFrame]) -> str:
    reached = [own[own[SCORE] * 100 >= score]["epoch"].min() for own in trained]
    known = [float(epoch) for epoch in reached if not pd.isna(epoch)]
    if not known:
        return "never"
    return figure(mean(known)) + ("" if len(known) == len(reached) else f" ({len(known)} of {len(reached)} seeds)")


def _alone(histories: pd.DataFrame) -> list[float]:
    """What each student reaches alone, cut to a tenth of a point; the least of all models where none is alone."""
    alone = histories[histories["objective"] == ALONE]
    chosen = alone if len(alone) else histories
    scores = [
        mean(_best(one)[SCORE] for _, one in own.groupby("seed")) for _, own in chosen.groupby("model", sort=False)
    ]
    return sorted({int(score * 1000) / 10 for score in (scores if len(alone) else [min(scores)])})
