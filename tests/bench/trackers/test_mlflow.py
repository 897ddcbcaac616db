"""A finished run is in a real MLflow store as it is in its record, and whatever MLflow does, the run is whole."""

import json
import math
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest
from sample_command import distilbench
from sample_network import SPY
from sample_runs import sample_row, sample_run

from bench.record.run_file import read_run, run_content
from materials.errors import RequestError

mlflow = pytest.importorskip("mlflow")
# MLflow 3.17 loads its tables in a way that SQLAlchemy 2.1 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:sqlalchemy.exc.SADeprecationWarning")


def runs_at(store, experiment):
    """The runs of an experiment in a store: the whole ones, and those below them."""
    client = mlflow.MlflowClient(tracking_uri=store)
    runs = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    below = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    return [run for run in runs if run not in below], below


@pytest.fixture
def store(monkeypatch, tmp_path):
    """A database that is not there yet."""
    monkeypatch.chdir(tmp_path)  # where MLflow keeps the files of a database
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(scope="module")
def tracked(finished, tmp_path_factory):
    """The tiny run in a store: MLflow's client, the run of the whole, and those of its models by their names."""
    folder = tmp_path_factory.mktemp("tracked")
    store = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        patch.chdir(folder)
        distilbench("track", finished, "--to", f"mlflow:{store}")
        (whole,), models = runs_at(store, "tiny")
    return mlflow.MlflowClient(tracking_uri=store), whole, {run.data.params["model"]: run for run in models}


def write(folder, *rows, **changes):
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text(json.dumps(run_content(sample_run(*rows, **changes))))
    return folder


def test_every_model_is_a_run_below_the_whole_with_the_figures_of_all_its_files(finished, tracked):
    _, whole, models = tracked
    recorded = read_run(finished)
    assert {run.data.tags["mlflow.parentRunId"] for run in models.values()} == {whole.info.run_id}
    assert set(models) == {row.model for row in recorded.rows}
    for row in recorded.rows:
        metrics = models[row.model].data.metrics
        for name in ("macro_f1", "accuracy", "latency_p50_ms", "size_bytes", "texts_per_second"):
            assert metrics.get(f"{row.format}/{name}") == getattr(row, name), (row.model, row.format, name)
        assert models[row.model].data.tags[f"{row.format}/parity"] == row.parity
    assert {run.info.status for run in (whole, *models.values())} == {"FINISHED"}


def test_models_carry_the_settings_of_their_recipe_and_the_whole_all_of_it(finished, tracked):
    _, whole, models = tracked
    parameters = models["linear logits+transfer"].data.params
    assert parameters["student.dimensions"] == "8"
    assert parameters["student.settings.buckets"] == "500"
    assert (parameters["trained_for.name"], parameters["trained_for.transfer"]) == ("logits", "True")
    assert parameters["transfer_rows"] == "100"
    assert whole.data.params["recipe.students.0.dimensions"] == "8"
    assert whole.data.params["recipe.formats"] == "eager, onnx"
    assert whole.data.params["machine.processor"] == read_run(finished).machine["processor"]
    assert "Ship " in whole.data.tags["mlflow.note.content"]


def test_curves_are_the_epochs_of_the_history(finished, tracked):
    client, _, models = tracked
    for model, epochs in pd.read_parquet(finished / "history.parquet").groupby("model"):
        points = client.get_metric_history(models[model].info.run_id, "epoch/test_macro_f1")
        curve = [(point.step, point.value) for point in sorted(points, key=lambda point: point.step)]
        assert curve == list(zip(epochs["epoch"], epochs["test_macro_f1"], strict=True))


def test_pictures_tables_and_the_record_are_kept_with_the_whole(finished, tracked):
    client, whole, _ = tracked
    pictures = {file.path for file in client.list_artifacts(whole.info.run_id, "pictures")}
    assert {"pictures/tradeoff.png", "pictures/confusion.png", "pictures/curves.png"} <= pictures
    record = client.download_artifacts(whole.info.run_id, "record/run.json")
    assert Path(record).read_text(encoding="utf-8") == (finished / "run.json").read_text(encoding="utf-8")


def test_a_run_is_not_written_twice_and_what_was_broken_off_is_replaced(finished, store, monkeypatch):
    from bench.trackers import to_mlflow

    with monkeypatch.context() as patch:
        patch.setattr(to_mlflow._Writer, "end", lambda *_: math.sqrt(-1))
        with pytest.raises(RequestError, match="math domain error; the run itself is whole, and `distilbench track"):
            distilbench("track", finished, "--to", f"mlflow:{store}")
    (broken,), _ = runs_at(store, "tiny")
    assert broken.info.status == "RUNNING"
    first = distilbench("track", finished, "--to", f"mlflow:{store}")
    (whole,), models = runs_at(store, "tiny")
    assert whole.info.run_id != broken.info.run_id
    assert first.output.endswith(f"experiment 'tiny', {len(models)} models")
    assert distilbench("track", finished, "--to", f"mlflow:{store}").output == first.output
    assert [run.info.run_id for run in runs_at(store, "tiny")[0]] == [whole.info.run_id]


def test_failed_file_makes_its_model_and_the_whole_fail_and_odd_names_and_figures_are_taken(tmp_path, store):
    folder = write(
        tmp_path / "odd",
        sample_row("teacher", 0.9, 10.0),
        sample_row("cnn <b>soft+T=2</b>", 0.8, math.inf, seed=1, label_names=("a", "b")),
        sample_row("cnn hard", status="failed", error="diverged"),
        name="odd & <i>experiment</i>",
        recipe={"name": "x" * 9000, "odd|key": 1, "students": [], "objectives": []},
    )
    distilbench("track", folder, "--to", f"mlflow:{store}")
    (whole,), models = runs_at(store, "odd & <i>experiment</i>")
    states = {run.info.run_name: run.info.status for run in (whole, *models)}
    assert states == {
        "odd 2026-01-01T00:00:00+00:00": "FAILED",
        "teacher, seed 0": "FINISHED",
        "cnn <b>soft+T=2</b>, seed 1": "FINISHED",
        "cnn hard, seed 0": "FAILED",
    }
    by_name = {run.info.run_name: run.data for run in models}
    assert by_name["cnn hard, seed 0"].tags["onnx/error"] == "diverged"
    assert "onnx/latency_p50_ms" not in by_name["cnn <b>soft+T=2</b>, seed 1"].metrics
    assert whole.data.params["recipe.odd_key"] == "1"


def test_many_models_and_figures_take_several_requests(tmp_path, store):
    rows = [sample_row(f"student{number} soft", 0.5, 1.0, format=f"format{number % 3}") for number in range(40)]
    many = sample_row("wide soft", 0.5, 1.0, without_near_duplicates={f"figure{number}": 0.5 for number in range(1500)})
    recipe = {"students": [], "objectives": [], **{f"key{number}": number for number in range(250)}}
    folder = write(tmp_path / "many", *rows, many, recipe=recipe)
    distilbench("track", folder, "--to", f"mlflow:{store}")
    (whole,), models = runs_at(store, "sample")
    assert len(models) == 41
    assert len(whole.data.params) > 250
    (wide,) = [run for run in models if run.data.params["model"] == "wide soft"]
    assert len([name for name in wide.data.metrics if name.startswith("onnx/without_near_duplicates/")]) == 1500


def test_run_writes_itself_to_the_tracker_when_all_is_done(tiny_recipe, own_cache, tmp_path, store):
    output = tmp_path / "out"
    answer = distilbench("run", tiny_recipe, "--output", output, "--track", f"mlflow:{store}")
    assert answer.code == 0
    (whole,), models = runs_at(store, "tiny")
    assert whole.info.run_name.startswith("out ")
    assert len(models) == 3
    assert answer.output.endswith(f"{output} is in mlflow at {store}: experiment 'tiny', 3 models")


def test_dry_run_writes_nothing_to_a_tracker(tiny_recipe, own_cache, tmp_path, store):
    distilbench("run", tiny_recipe, "--output", tmp_path / "out", "--dry-run", "--track", f"mlflow:{store}")
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("tracker", "said"),
    [
        ("mlfow", r"unknown tracker 'mlfow'; did you mean 'mlflow'\?"),
        ("wandb:x", "unknown tracker 'wandb'"),
    ],
)
def test_unknown_tracker_is_refused_before_the_run_begins(tiny_recipe, tmp_path, tracker, said):
    with pytest.raises(RequestError, match=said):
        distilbench("run", tiny_recipe, "--output", tmp_path / "out", "--track", tracker)
    assert not (tmp_path / "out").exists()


def program(*arguments, **environment):
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300)


def test_tracker_that_does_not_answer_costs_one_sentence_and_not_the_run(tiny_recipe, own_cache, tmp_path):
    output, nobody = tmp_path / "out", "mlflow:http://me:secret@127.0.0.1:9"
    few = ("--set", "speed_seeds=0", "--set", "formats=[onnx]")
    answer = program(
        "run", tiny_recipe, "--output", output, "--track", nobody, *few, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0"
    )
    assert answer.returncode == 2
    last = answer.stderr.splitlines()[-1]
    assert last.startswith(f"distilbench: could not write {output} to mlflow:http://127.0.0.1:9: ")
    assert last.endswith(f"`distilbench track {output} --to mlflow:http://127.0.0.1:9` tries again")
    assert "secret" not in answer.stderr
    assert "Traceback" not in answer.stderr
    assert {row.status for row in read_run(output).rows} <= {"ok", "noisy"}
    assert (output / "table.md").is_file()
    assert list(output.glob("bundles/seed-0/*/onnx/README.md"))


@pytest.mark.parametrize("uri", ["sqlite:///{file}/mlflow.db", "gopher://127.0.0.1"])
def test_store_that_is_none_costs_one_sentence(finished, tmp_path, uri):
    (tmp_path / "file").touch()
    place = f"mlflow:{uri.format(file=tmp_path / 'file')}"
    with pytest.raises(RequestError) as error:
        distilbench("track", finished, "--to", place)
    assert str(error.value).startswith(f"could not write {finished} to {place}: ")
    assert "\n" not in str(error.value)


def test_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RequestError, match="there is no run in"):
        distilbench("track", tmp_path, "--to", "mlflow")


def test_tasks_of_a_recipe_are_runs_of_their_own(tmp_path, store, finished):
    whole = tmp_path / "several"
    for task in ("one", "two"):
        shutil.copytree(finished, whole / task)
    content = {"recipe": "tiny", "format": "onnx", "batch_size": None, "models": []}
    tasks = [{"name": name, "metrics": ["macro_f1"]} for name in ("one", "two")]
    (whole / "tasks.json").write_text(json.dumps({**content, "tasks": tasks}))
    record = json.loads((whole / "two" / "run.json").read_text())
    (whole / "two" / "run.json").write_text(json.dumps({**record, "created": "2026-02-02T00:00:00+00:00"}))
    distilbench("track", whole, "--to", f"mlflow:{store}")
    assert {run.info.run_name.split()[0] for run in runs_at(store, "tiny")[0]} == {"one", "two"}


SILENT = (
    SPY
    + """
code = app(["track", *sys.argv[1:]], standalone_mode=False)
assert not asked, asked
heavy = {"torch", "transformers", "onnxruntime", "onnx", "sklearn"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else code)
"""
)


def test_nothing_is_sent_to_anybody_else_and_no_torch_is_imported(finished, store, tmp_path):
    command = [sys.executable, "-c", SILENT, str(finished), "--to", f"mlflow:{store}"]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert answer.returncode == 0, answer.stderr[-2000:]
