"""The whole way on real rows of each kind, by the ordinary commands: tox -e real -- --real-rows FOLDER.

The folder holds `pairs.csv` (text_a, text_b, label), `numbers.csv` (the same, the label a number), `labels.jsonl`
(text, and label a list) and `images/`, with a folder a class in `train/` and `val/`; what it lacks is skipped.
"""

from dataclasses import dataclass

import pandas as pd
import pytest
from sample_command import distilbench
from sample_images import save_tiny_resnet

from bench.record.run_file import read_run

QUICK = (
    *("students.0.epochs=3", "students.1.epochs=3", "students.2.epochs=3"),
    *("teacher.epochs=1", "teacher.max_length_tokens=48", "teacher.formats=[eager, onnx]"),
    *("formats=[eager, onnx, onnx-int8]", "measuring.seconds=0.05", "measuring.scenarios=[single-stream, offline]"),
)
QUICK_IMAGES = (
    *("teacher.epochs=1", "teacher.formats=[eager, onnx]", "students.0.epochs=2", "students.0.image_size=32"),
    *("formats=[eager, onnx, onnx-int8]", "measuring.seconds=0.05", "measuring.scenarios=[single-stream, offline]"),
)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Where rows lie, the options that name their columns and task, and the headline of that task."""

    place: str
    options: tuple[str, ...]
    headline: str


KINDS = {
    "pairs": Rows(place="pairs.csv", options=("--text", "text_a", "--text-pair", "text_b"), headline="macro_f1"),
    "numbers": Rows(
        place="numbers.csv",
        options=("--text", "text_a", "--text-pair", "text_b", "--task", "regression"),
        headline="spearman",
    ),
    "labels": Rows(place="labels.jsonl", options=("--task", "multi-label"), headline="macro_f1"),
    "images": Rows(place="images", options=(), headline="macro_f1"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_whole_way_on_real_rows(kind, request, tmp_path):
    folder, rows = request.config.getoption("--real-rows"), KINDS[kind]
    if folder is None or not (place := request.config.invocation_params.dir / folder / rows.place).exists():
        pytest.skip(f"needs --real-rows with {rows.place}")
    teacher = ("--teacher", save_tiny_resnet(tmp_path / "resnet", has_head=False)) if kind == "images" else ()
    recipe, changes = ("images", QUICK_IMAGES) if kind == "images" else ("movie-reviews", QUICK)
    settings = [word for change in changes for word in ("--set", change)]
    run, again = tmp_path / "run", tmp_path / "again"
    distilbench("run", recipe, "--data", place, *rows.options, *teacher, *settings, "--output", run)
    finished_rows = read_run(run).rows
    assert {row.parity for row in finished_rows if row.format in ("eager", "onnx")} == {"reference", "passed"}
    sound_rows = [row for row in finished_rows if row.status != "failed"]
    assert {"eager", "onnx"} <= {row.format for row in sound_rows}
    for row in sound_rows:
        assert row.headline_metric.name == rows.headline
        assert row.headline.low <= row.headline.value <= row.headline.high
        assert row.latency_p50_ms > 0
    assert distilbench("show", run).code == 0
    assert distilbench("compare", run, run).code == 0
    bundle, test_rows = run / sound_rows[-1].bundle, run / "test-rows" / "seed-0.parquet"
    quick = ("--seconds", "0.05", "--scenarios", "single-stream", "--output", again)
    assert distilbench("measure", bundle, "--data", test_rows, *quick).code == 0
    assert read_run(again).rows[0].score(rows.headline).value == pytest.approx(
        sound_rows[-1].score(rows.headline).value, abs=1e-6
    )
    first = pd.read_parquet(test_rows).iloc[0]
    item = first["image"] if "image" in first else "\t".join(first[[name for name in first.index if "text" in name]])
    assert distilbench("predict", bundle, item).output.strip()
