"""All tasks of a recipe as one table."""

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from statistics import mean, stdev

from bench.recipe.tasks import OF_A_CLASS
from bench.reports.layout import TextTable, figure, markdown_tables, points, rich_tables, times
from bench.suite.summary import ModelSummary, Summary, TaskSummary

SHORT = {"accuracy": "acc", "macro_f1": "macro-F1", "pearson": "Pearson", "spearman": "Spearman"}


def summary_text(summary: Summary, format: str) -> str:
    """The table with its notes, rich or in Markdown."""
    writers: dict[str, Callable[[Sequence[TextTable], Sequence[str]], str]] = {
        "rich": rich_tables,
        "markdown": markdown_tables,
    }
    return writers[format]([summary_table(summary)], notes(summary))


def summary_table(summary: Summary) -> TextTable:
    """A line for each model: a column for each task, their mean, the ratio of distillation, and what its file costs."""
    batch = f"batch {summary.batch_size}" if summary.batch_size else "batches"
    header = (
        "model",
        *(f"{task.name}\n{' / '.join(map(_short, task.metrics))}" for task in summary.tasks),
        "mean",
        "ratio",
        f"vs teacher\n{batch}",
        "best file vs\neager teacher",
        "MB",
    )
    return (
        f"{summary.recipe}: all tasks, as {summary.format}",
        header,
        [_line(summary, model) for model in summary.models],
    )


def notes(summary: Summary) -> list[str]:
    """What the columns are."""
    by_seed = [scores for model in summary.models for task in model.scores.values() for scores in task.values()]
    seeds = sorted({int(seed) for scores in by_seed for seed in scores})
    return [
        f"scores: points on the test rows, means over seed(s) {', '.join(map(str, seeds))}; mean: of the tasks, each "
        "counting as the mean of its metrics",
        "ratio: how much of the way from the student alone to the teacher is closed, the mean over the tasks where the "
        "teacher is at least a point above"
        + (", with the 95 % t-interval over the seeds" if len(seeds) > 1 else "; one seed, so without an interval"),
        "vs teacher: throughput of the model alone over that of the teacher in the same format; best file: its "
        "fastest, one item at a time, over the eager teacher; means over the tasks",
    ]


def _line(summary: Summary, model: ModelSummary) -> list[str]:
    task_scores = [model.score(task.name) for task in summary.tasks]
    known = [score for score in task_scores if score is not None]
    return [
        model.title,
        *(_scores(model, task) for task in summary.tasks),
        points(mean(known)) if known and len(known) == len(summary.tasks) else "",
        _ratio(model),
        times(_mean(model.speedups)),
        times(_mean(model.best_speedups)),
        figure(_mean(model.megabytes)),
    ]


def _scores(model: ModelSummary, task: TaskSummary) -> str:
    by_metric = model.scores.get(task.name)
    return "" if by_metric is None else " / ".join(points(mean(by_metric[metric].values())) for metric in task.metrics)


def _ratio(model: ModelSummary) -> str:
    if not model.ratios:
        return ""
    value, draws = mean(model.ratios.values()), list(model.seed_ratios.values())
    if len(draws) < 2:
        return f"{value:.2f}"
    from scipy.stats import t

    half = float(t.ppf(0.975, len(draws) - 1)) * stdev(draws) / sqrt(len(draws))
    return f"{value:.2f} [{value - half:.2f}, {value + half:.2f}]"


def _mean(values: Mapping[str, float]) -> float | None:
    return mean(values.values()) if values else None


def _short(metric: str) -> str:
    return "F1" if metric.startswith(OF_A_CLASS) else SHORT.get(metric, metric)
