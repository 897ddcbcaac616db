"""The whole way for each kind of task and item: run, show, compare, measure and predict, on tiny real models."""

import json
from dataclasses import dataclass

import pandas as pd
import pytest
from sample_command import distilbench
from sample_images import save_tiny_resnet
from sample_models import save_tiny_bert
from sample_tasks import image_folder, labels_file, numbers_file, pairs_file

from bench.record.run_file import read_run
from export.bundle import read_bundle
from materials.errors import RequestError

TEXT_RECIPE = """
name: {name}
data: {{train: {data}, {columns}}}
teacher: {{weights: {weights}, max_length_tokens: 48, epochs: {epochs}, batch_size: 16, learning_rate: 3.0e-3,
  formats: [eager, onnx]}}
students:
  - {{architecture: {student}, dimensions: 16, epochs: 25, batch_size: 16, learning_rate: 2.0e-2, settings: {settings}}}
objectives: [{{name: hard}}, {{name: soft, alpha: 0.5}}]
formats: [eager, onnx, onnx-int8]
measuring: {{seconds: 0.02, scenarios: [single-stream, offline], batch_sizes: [8]}}
"""
IMAGE_RECIPE = """
name: {name}
data: {{train: {data}}}
teacher: {{architecture: image-classifier, weights: {weights}, epochs: 3, batch_size: 16, learning_rate: 3.0e-3,
  formats: [eager, onnx]}}
students:
  - {{architecture: resnet, image_size: 32, epochs: 6, batch_size: 16, learning_rate: 1.0e-2,
     settings: {{channels: [8, 16]}}}}
objectives: [{{name: hard}}, {{name: soft}}]
formats: [eager, onnx, onnx-int8]
measuring: {{seconds: 0.02, scenarios: [single-stream, offline], batch_sizes: [8]}}
"""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a kind of task prints: its headline, the columns of its test rows, and what one item is predicted as."""

    task: str
    headline: str
    title: str
    columns: set
    lowest: float


# All labels for every text come to a macro-F1 of 0.60 for "labels", one class for all to 0.33 for the others.
KINDS = {
    "pairs": Kind(
        task="single-label", headline="macro_f1", title="macro-F1", columns={"text", "text_pair", "label"}, lowest=0.7
    ),
    "numbers": Kind(task="regression", headline="spearman", title="Spearman", columns={"text", "label"}, lowest=0.7),
    "labels": Kind(task="multi-label", headline="macro_f1", title="macro-F1", columns={"text", "label"}, lowest=0.65),
    "images": Kind(
        task="single-label", headline="macro_f1", title="macro-F1", columns={"image", "sha256", "label"}, lowest=0.7
    ),
}


def recipe_of(kind, root):
    root.mkdir(parents=True, exist_ok=True)
    if kind == "images":
        weights, data = save_tiny_resnet(root / "resnet", has_head=False), image_folder(root / "images", 96)
        return IMAGE_RECIPE.format(name="images", data=data, weights=weights)
    columns = {
        "pairs": "text: premise, text_pair: hypothesis",
        "numbers": "task: regression",
        "labels": "task: multi-label",
    }
    data = {"pairs": pairs_file, "numbers": numbers_file, "labels": labels_file}[kind](root / f"{kind}.jsonl", 240)
    if kind != "labels":
        data = data.rename(root / f"{kind}.csv")
    student, settings = ("cnn", "{filters: 16}") if kind == "pairs" else ("linear", "{buckets: 200}")
    return TEXT_RECIPE.format(
        name=kind,
        data=data,
        columns=columns[kind],
        weights=save_tiny_bert(root / "bert", label_names=None),
        epochs=30 if kind == "labels" else 8,  # five decisions a text are more to learn than one
        student=student,
        settings=settings,
    )


@pytest.fixture(scope="module", params=KINDS)
def finished_kind(request, tmp_path_factory):
    """The kind of a task, its run folder, and what its run printed."""
    root = tmp_path_factory.mktemp(request.param)
    recipe = root / "recipe.yaml"
    recipe.write_text(recipe_of(request.param, root / "materials"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILBENCH_CACHE", str(root / "cache"))
        answer = distilbench("run", recipe, "--output", root / "run")
    return KINDS[request.param], root / "run", answer


def bundle_of(run, model, format="onnx"):
    return run / next(row.bundle for row in read_run(run).rows if (row.model, row.format) == (model, format))


def sound_rows(run):
    return [row for row in read_run(run).rows if row.status != "failed"]


def test_lossless_files_pass_and_every_file_has_a_headline(finished_kind):
    kind, run, _ = finished_kind
    rows = read_run(run).rows
    assert {row.parity for row in rows if row.format in ("eager", "onnx")} == {"reference", "passed"}
    assert len({row.model for row in rows}) == 3
    for row in sound_rows(run):
        assert row.task == kind.task
        assert row.headline_metric.name == kind.headline
        assert row.headline.low <= row.headline.value <= row.headline.high
        assert row.latency_p50_ms > 0


def test_models_learn(finished_kind):
    kind, run, _ = finished_kind
    scores = {row.model: row.headline.value for row in sound_rows(run) if row.format == "eager"}
    assert min(scores.values()) > kind.lowest, scores


def test_file_is_verified_by_itself_and_against_its_model(finished_kind):
    """The lossy file too, which is held to what it came to at its export."""
    _, run, _ = finished_kind
    for format in ("onnx", "onnx-int8"):
        row = next(row for row in read_run(run).rows if row.role == "student" and row.format == format)
        if row.status != "failed":
            bundle = run / row.bundle
            assert distilbench("verify", bundle).code == 0, format
            trained = bundle.parent / "eager"
            data = ("--data", run / "test-rows" / "seed-0.parquet")
            assert distilbench("verify", bundle, "--against", trained, *data).code in (0, 1)


def test_table_names_the_headline(finished_kind):
    kind, run, answer = finished_kind
    assert kind.title in answer.output
    assert kind.title in distilbench("show", run, "--format", "markdown").output
    assert kind.title in distilbench("show", run, "--significance").output
    assert kind.title in distilbench("show", run, "--curves").output


def test_run_is_shown_class_by_class_where_there_are_classes(finished_kind):
    kind, run, _ = finished_kind
    if kind.task == "regression":
        with pytest.raises(RequestError, match="has no figures of classes"):
            distilbench("show", run, "--classes")
        return
    records = json.loads(distilbench("show", run, "--classes", "--format", "json").output)
    labels = pd.read_parquet(run / "test-rows" / "seed-0.parquet")["label"].explode()
    assert {model: rows for model, rows in labels.value_counts().items() if rows} == {
        record["class"]: record["rows"] for record in records if record["model"] == "teacher" and record["rows"]
    }


def test_test_rows_are_kept_with_their_labels(finished_kind):
    kind, run, _ = finished_kind
    assert set(pd.read_parquet(run / "test-rows" / "seed-0.parquet").columns) == kind.columns


def test_files_are_measured_again_as_in_the_run(finished_kind, tmp_path):
    kind, run, _ = finished_kind
    names = sorted({row.model for row in sound_rows(run)})
    places = [bundle_of(run, name) for name in names]
    answer = distilbench(
        *("measure", *places, "--data", run / "test-rows" / "seed-0.parquet", "--output", tmp_path / "run"),
        *("--seconds", "0.02", "--scenarios", "single-stream"),
    )
    assert answer.code == 0
    for row in read_run(tmp_path / "run").rows:
        original = next(one for one in sound_rows(run) if (one.model, one.format) == (row.model, row.format))
        assert row.score(kind.headline).value == pytest.approx(original.score(kind.headline).value, abs=1e-6)
    for option in ("--curves", "--significance"):
        with pytest.raises(RequestError, match="holds models that were measured, and none that a recipe trained here"):
            distilbench("show", tmp_path / "run", option)


def test_two_files_are_compared(finished_kind):
    kind, run, _ = finished_kind
    student = next(row.model for row in sound_rows(run) if row.role == "student")
    answer = distilbench("compare", bundle_of(run, "teacher"), bundle_of(run, student), "--launches", "5")
    assert answer.code == 0
    assert kind.title in answer.output
    assert distilbench("compare", run, run).code == 0


def test_prediction_is_what_the_task_asks_for(finished_kind):
    kind, run, _ = finished_kind
    student = next(row.model for row in sound_rows(run) if row.role == "student")
    bundle = bundle_of(run, student)
    rows = pd.read_parquet(run / "test-rows" / "seed-0.parquet")
    first = rows.iloc[0]
    item = first["image"] if "image" in rows else first["text"]
    if "text_pair" in rows:
        item = f"{first['text']}\t{first['text_pair']}"
    answer = distilbench("predict", bundle, item).output.split(" ")
    if kind.task == "regression":
        assert -50 < float(answer[0]) < 100
    else:
        assert set(answer[0].split(",")) <= {*read_bundle(bundle).label_names, "none", "-"}


def test_bundle_says_its_task(finished_kind):
    kind, run, _ = finished_kind
    record = json.loads((bundle_of(run, "teacher") / "bundle.json").read_text())
    assert record["task"] == kind.task
    assert read_bundle(bundle_of(run, "teacher")).task.name == kind.task


@pytest.mark.parametrize("kind", KINDS)
def test_whole_way_on_a_gpu(kind, tmp_path, monkeypatch):
    """Trained, labelled and measured there, with the outputs that the same files have on the CPU."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU here")
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "recipe.yaml").write_text(recipe_of(kind, tmp_path / "materials"), encoding="utf-8")
    formats = ("--set", "formats=[eager, torchscript]", "--set", "teacher.formats=[eager, torchscript]")
    run, again = tmp_path / "run", tmp_path / "again"
    assert distilbench("run", tmp_path / "recipe.yaml", "--device", "cuda", *formats, "--output", run).code == 0
    finished_run = read_run(run)
    assert all(row.device == "cuda" and row.cuda_events_p50_ms > 0 for row in finished_run.rows)
    assert finished_run.machine["gpu"]["gpu"] == torch.cuda.get_device_name()
    scores = {row.model: row.headline.value for row in finished_run.rows if row.format == "eager"}
    assert min(scores.values()) > KINDS[kind].lowest, scores
    places = sorted((run / "bundles").glob("seed-0/*/torchscript"))
    rows = ("--data", run / "test-rows" / "seed-0.parquet", "--seconds", "0.02", "--scenarios", "single-stream")
    assert distilbench("measure", *places, *rows, "--output", again).code == 0
    there, here = (
        pd.read_parquet(folder / "predictions.parquet").query("format == 'torchscript'") for folder in (run, again)
    )
    logits = [name for name in there if name.startswith("logit_")]
    for model, rows_there in there.groupby("model"):
        rows_here = here[here["model"] == model]
        assert rows_here[logits].to_numpy() == pytest.approx(rows_there[logits].to_numpy(), abs=2e-2)
