"""What a sweep over the number of class names found, as a table and a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.reports.layout import TextTable, figure, markdown_tables, rich_tables, times
from bench.reports.pictures.chart_files import save_chart

MODELS = ("teacher", "student")


def sweep_text(content: Mapping[str, Any], format: str) -> str:
    """The table with its notes, rich or in Markdown."""
    write = {"rich": rich_tables, "markdown": markdown_tables}[format]
    return write([_table(content)], _notes(content))


def save_sweep_picture(content: Mapping[str, Any], folder: Path) -> None:
    """Write labels.png and labels.svg: the time of a text against the number of class names, both logarithmic."""
    import altair as alt

    base = alt.Chart(alt.InlineData(values=content["points"])).encode(
        alt.X("labels:Q", scale=alt.Scale(type="log", base=2), title="class names"),
        alt.Y("ms:Q", scale=alt.Scale(type="log"), title="ms a text, from text to label"),
        alt.Color("model:N", sort=list(MODELS), title=None),
    )
    chart = (base.mark_line() + base.mark_point(filled=True, size=60)).properties(
        width=420, height=280, title=f"{content['teacher']} and student, batches of {content['batch_size']}"
    )
    save_chart(chart, folder, "labels")


def slope(content: Mapping[str, Any], model: str) -> tuple[float, float]:
    """The line through a model's times by least squares: ms for each class name more, and ms without any."""
    points = [point for point in content["points"] if point["model"] == model]
    per_label, without = np.polyfit([point["labels"] for point in points], [point["ms"] for point in points], 1)
    return float(per_label), float(without)


def _table(content: Mapping[str, Any]) -> TextTable:
    header = ("class names", "teacher ms", "95 % interval", "student ms", "95 % interval", "ratio")
    by_labels: dict[int, dict[str, Any]] = {}
    for point in content["points"]:
        by_labels.setdefault(point["labels"], {})[point["model"]] = point
    lines = []
    for labels, models in sorted(by_labels.items()):
        cells = [cell for model in MODELS for cell in _cells(models[model])]
        lines.append([str(labels), *cells, times(models["teacher"]["ms"] / models["student"]["ms"])])
    return "ms a text, from text to label, by the number of class names", header, lines


def _cells(point: Mapping[str, Any]) -> list[str]:
    ends = (point["low_ms"], point["high_ms"])
    return [figure(point["ms"]), "" if None in ends else f"[{figure(ends[0])}, {figure(ends[1])}]"]


def _notes(content: Mapping[str, Any]) -> list[str]:
    sentences = []
    for model in MODELS:
        per_label, without = slope(content, model)
        sentences.append(f"{model}: {per_label:.4g} ms for each class name more, {without:.4g} ms without any")
    machine = content["machine"]
    return [
        *sentences,
        f"{content['teacher']} as its eager file, the student as ONNX, batches of {content['batch_size']}, "
        f"{content['threads']} thread(s), {content['texts']} real texts; {machine['processor']}, {machine['cores']} "
        "cores",
    ]
