"""Tables beside the main one: what each exported file took to make, and quality without near-duplicates."""

from collections.abc import Sequence

from bench.record.row import Row
from bench.record.run_file import Run
from bench.reports.layout import TextTable, in_unit

HEADER = ("model", "format", "setting", "failed before", "model\nMB", "of fp32", "export s", "export\npeak MB")
FP32 = ("openvino", "onnx", "eager")


def exported(run: Run) -> TextTable:
    """One line for each file of the first seed, and one for all formats of a model together.

    "of fp32" is the model file's size over that of the same model in fp32: OpenVINO's, ONNX's, or the checkpoint for
    what torch runs. Seconds hold the gate and the settings that failed before (those that do not fit the model are no
    failures); peak memory is that of the whole
    exporting process.
    """
    exported_rows = [row for row in run.rows if row.export_seconds is not None and row.seed == run.rows[0].seed]
    sizes = {(row.model, row.format): row.model_size_bytes for row in exported_rows}
    lines = []
    rows_of_model: dict[str, list[Row]] = {}
    for row in exported_rows:
        rows_of_model.setdefault(row.model, []).append(row)
    for model, rows in rows_of_model.items():
        lines += [_line(row, sizes.get((model, _fp32_of(row.format)))) for row in rows]
        lines.append([model, "all", "", "", "", "", f"{sum(row.export_seconds or 0 for row in rows):.1f}", _peak(rows)])
    return f"{run.name}: what exporting took", HEADER, lines


def without_near_duplicates(run: Run) -> TextTable:
    """Quality on the test rows without a near-duplicate among train and transfer rows, beside that on all."""
    metrics = run.task.metrics[:2]
    titles = [f"{metric.title}\n{kind}" for metric in metrics for kind in ("all rows", "without")]
    lines = []
    for row in run.rows:
        if row.without_near_duplicates and row.status != "failed":
            cells = []
            for metric in metrics:
                score = row.score(metric.name)
                cells.append(in_unit(metric, score.value if score else None))
                cells.append(in_unit(metric, row.without_near_duplicates.get(metric.name)))
            lines.append([row.model, row.format, str(row.seed), *cells])
    header = ("model", "format", "seed", *titles)
    return f"{run.name}: quality on all test rows, and without those that have a near-duplicate", header, lines


def _fp32_of(format: str) -> str:
    return next((name for name in FP32 if format.startswith(name)), "eager")


def _line(row: Row, fp32_bytes: int | None) -> list[str]:
    size = row.model_size_bytes
    return [
        row.model,
        row.format,
        row.export_setting or "none passed",
        "; ".join(row.export_failed_settings or ()),
        "" if size is None else f"{size / 1e6:.2f}",
        "" if size is None or not fp32_bytes else f"{size / fp32_bytes:.0%}",
        f"{row.export_seconds:.1f}",
        _peak([row]),
    ]


def _peak(rows: Sequence[Row]) -> str:
    return f"{max(row.export_peak_memory_bytes or 0 for row in rows) / 1e6:,.0f}"
