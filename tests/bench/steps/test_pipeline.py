"""The whole way on a tiny recipe: real training, real exports, real measuring processes."""

import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sample_command import distilbench

import teachers
from bench.commands.run import RunRequest, run_recipe
from bench.commands.show import show_run
from bench.record.run_file import read_run
from bench.reports.curves import read_histories
from materials.cache.entries import stored_entries
from materials.errors import RequestError
from materials.stages import StageStore

FIELDS = {
    *("model", "role", "task", "device", "threads", "status", "architecture", "objective", "transfer_rows", "seed"),
    *("format", "parity", "parameters", "size_bytes", "accuracy", "macro_f1", "macro_f1_low", "macro_f1_high"),
    *("agreement", "gap_closed", "latency_p50_ms", "latency_p90_ms", "texts_per_second", "bundle"),
    *("end_to_end_latency_p50_ms", "end_to_end_texts_per_second", "speedup", "speedup_best_export"),
}
KINDS = (
    *("splits", "leaks", "teacher", "vocabulary", "labeller", "knowledge", "student", "bundle", "validation"),
    "measurement",
)


def request(recipe, output, *overrides, **flags):
    return RunRequest(recipe=str(recipe), flags=flags, overrides=overrides, output=output, fresh=False)


@pytest.fixture
def made(monkeypatch):
    """The kinds of stage that are made while a test runs, in order."""
    kinds = []
    get = StageStore.get

    def watch(self, stage, make):
        def counted(folder):
            kinds.append(stage.name)
            make(folder)

        return get(self, stage, counted)

    monkeypatch.setattr(StageStore, "get", watch)
    return kinds


def test_run_file_holds_every_field_and_every_bundle(finished):
    content = json.loads((finished / "run.json").read_text())
    assert set(content) >= {"schema_version", "recipe", "machine", "versions", "git_commit", "created", "rows"}
    assert len(content["rows"]) == 2 + 2 * 2
    for row in content["rows"]:
        assert set(row) >= FIELDS
        assert row["status"] in ("ok", "noisy")
        assert row["threads"] == 1
        assert (finished / row["bundle"] / "bundle.json").is_file()


def test_rows_say_what_they_measured(finished):
    rows = {(row.model, row.format): row for row in read_run(finished).rows}
    teacher, alone, distilled = (
        rows["teacher", "eager"],
        rows["linear hard", "onnx"],
        rows["linear logits+transfer", "onnx"],
    )
    assert (teacher.objective, teacher.transfer_rows, teacher.gap_closed, teacher.speedup) == (None, None, None, 1.0)
    assert teacher.parity == "reference"
    assert (alone.objective, alone.transfer_rows, alone.gap_closed, alone.parity) == ("hard", 0, None, "passed")
    assert (distilled.objective, distilled.transfer_rows) == ("logits", 100)
    assert distilled.speedup == pytest.approx(teacher.latency_p50_ms / distilled.latency_p50_ms)
    best = min(row.latency_p50_ms for row in rows.values() if row.role == "teacher")
    assert distilled.speedup_best_export == pytest.approx(best / distilled.latency_p50_ms)
    assert distilled.macro_f1_low <= distilled.macro_f1 <= distilled.macro_f1_high
    assert sum(map(sum, distilled.confusion_matrix)) == 24
    assert distilled.over_teacher == pytest.approx(distilled.macro_f1 - teacher.macro_f1)
    assert distilled.over_teacher_low <= distilled.over_teacher <= distilled.over_teacher_high
    assert distilled.label_names == ["bad", "good"]
    assert distilled.micro_f1 == pytest.approx(distilled.accuracy)
    assert min(distilled.f1_per_class) <= distilled.weighted_f1 <= max(distilled.f1_per_class)


def test_raw_samples_and_predictions_are_kept(finished):
    samples = pd.read_parquet(finished / "samples.parquet")
    assert set(samples["figure"]) == {"model", "end_to_end", "product", "copy"}
    row = next(row for row in read_run(finished).rows if row.model == "teacher" and row.format == "onnx")
    mine = samples[
        (samples["model"] == "teacher") & (samples["format"] == "onnx") & (samples["scenario"] == "single-stream")
    ]
    assert mine[mine["figure"] == "model"]["nanoseconds"].median() / 1e6 == pytest.approx(row.latency_p50_ms)
    predictions = pd.read_parquet(finished / "predictions.parquet")
    assert len(predictions) == 6 * 24


def test_pictures_and_table_are_written(finished):
    assert (finished / "tradeoff.png").read_bytes().startswith(b"\x89PNG")
    assert (finished / "confusion.png").read_bytes().startswith(b"\x89PNG")
    for name in ("tradeoff", "confusion"):
        assert "<svg" in (finished / f"{name}.svg").read_text()[:200]
    assert "| linear logits+transfer | onnx |" in (finished / "table.md").read_text()


def test_run_is_shown_class_by_class(finished, capsys):
    show_run(finished, "markdown", classes=True)
    tables = capsys.readouterr().out
    for model in ("teacher", "linear hard", "linear logits+transfer"):
        assert f"**tiny: {model} as onnx, seed 0: accuracy " in tables
    assert tables.count("| bad | ") == tables.count("| good | ") == 3
    show_run(finished, "csv", classes=True)
    lines = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert lines["class"].tolist() == ["bad", "good"] * 3
    show_run(finished, "json", classes=True)
    first = json.loads(capsys.readouterr().out)[0]
    assert first["rows"] == sum(first["called"].values()) == lines["rows"][0]
    assert first["recall"] == pytest.approx(first["called"]["bad"] / first["rows"]) == pytest.approx(lines["recall"][0])
    with pytest.raises(RequestError, match="unknown format 'xml'; known: csv, json, markdown, rich"):
        show_run(finished, "xml", classes=True)


def test_second_run_makes_nothing(own_cache, tiny_recipe, finished, made, tmp_path):
    assert run_recipe(request(tiny_recipe, tmp_path / "again"), dry_run=False) == 0
    assert made == []
    first, again = (read_run(folder).rows for folder in (finished, tmp_path / "again"))
    assert first == again


def test_students_are_trained_from_stored_logits_without_the_teacher(
    own_cache, tiny_recipe, made, tmp_path, monkeypatch, apart
):
    def never(*arguments, **settings):
        pytest.fail("the teacher was built")

    monkeypatch.setitem(
        teachers.TEACHERS,
        "transformer",
        replace(teachers.TEACHERS["transformer"], start=never, open=never, save=never, load=never),
    )
    monkeypatch.setattr("export.labelling.label_items", never)
    changes = ("students.0.transfer_epochs=3", "speed_seeds=0", "formats=[onnx]")
    run_recipe(request(tiny_recipe, tmp_path / "run", *changes), dry_run=False)
    assert made.count("student") == 2
    assert {"teacher", "knowledge", "splits"}.isdisjoint(made)


def test_files_have_the_same_outputs_in_a_process_of_their_own(own_cache, tiny_recipe, tmp_path, request):
    changes = ("speed_seeds=0", "objectives=[{name: hard}]")
    tables = []
    for name in ("here", "apart"):
        if name == "apart":
            request.getfixturevalue("apart")
        shutil.rmtree(own_cache / "stages" / "measurement")
        wanted = RunRequest(recipe=str(tiny_recipe), flags={}, overrides=changes, output=tmp_path / name, fresh=False)
        assert run_recipe(wanted, dry_run=False) == 0
        tables.append(pd.read_parquet(tmp_path / name / "predictions.parquet"))
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize("kind", KINDS)
def test_interrupted_stage_leaves_nothing_half_written_and_no_other_is_repeated(
    own_cache, tiny_recipe, tmp_path, kind, made, monkeypatch
):
    shutil.rmtree(own_cache / "stages" / kind)
    watched = StageStore.get

    def interrupt(self, stage, make):
        def half(folder):
            make(folder)
            raise KeyboardInterrupt

        return watched(self, stage, half if stage.name == kind else make)

    monkeypatch.setattr(StageStore, "get", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(request(tiny_recipe, tmp_path / "run", "speed_seeds=0"), dry_run=False)
    assert not list((own_cache / "stages" / kind).glob("*/stage.json"))
    assert not list(own_cache.rglob("*.tmp"))
    assert not (tmp_path / "run" / "run.json").exists()
    assert set(made) <= {kind}


def test_damaged_cache_is_mended(own_cache, tiny_recipe, tmp_path, made, capsys):
    (logits,) = (own_cache / "stages" / "knowledge").glob("*/logits.npy")
    logits.write_bytes(b"damaged")
    assert run_recipe(request(tiny_recipe, tmp_path / "run"), dry_run=False) == 0
    assert made == ["knowledge"]
    assert "is damaged (logits.npy has changed); it is made again" in " ".join(capsys.readouterr().err.split())


def test_student_that_is_not_exported_has_a_curve_but_no_file_and_no_row(own_cache, tiny_recipe, made, tmp_path):
    timed = "{name: logits, transfer: true, exported: false}"
    changes = (f"objectives=[{{name: hard}}, {timed}]", "speed_seeds=0", "formats=[onnx]")
    run_recipe(request(tiny_recipe, tmp_path / "run", *changes), dry_run=False)
    assert "student" not in made  # the one that was exported before
    assert {row.model for row in read_run(tmp_path / "run").rows} == {"teacher", "linear hard"}
    assert set(read_histories(tmp_path / "run")["model"]) == {"linear hard", "linear logits+transfer"}
    assert "logits" not in (tmp_path / "run" / "curves.svg").read_text()
    answer = distilbench("run", tiny_recipe, "--dry-run", *(word for change in changes for word in ("--set", change)))
    assert "linear logits+transfer │ not exported" in answer.output
    assert "3 bundles for seed(s) 0" in answer.output  # the teacher's two and one student's


def test_balanced_transfer_rows_are_counted_as_they_were_taught(own_cache, tiny_recipe, made, tmp_path):
    balanced = "{name: soft, transfer: true, transfer_balance: 1}"
    changes = (f"objectives=[{{name: hard}}, {balanced}]", "speed_seeds=0", "formats=[onnx]")
    for _ in range(2):
        made.clear()
        run_recipe(request(tiny_recipe, tmp_path / "run", *changes), dry_run=False)
    assert made == []
    (row,) = (row for row in read_run(tmp_path / "run").rows if row.objective == "soft")
    histories = read_histories(tmp_path / "run")
    (logits,) = own_cache.glob("stages/knowledge/*/logits.npy")
    said = np.unique(np.load(logits)[192:].argmax(axis=1), return_counts=True)[1]
    assert row.transfer_rows == len(said) * min(said)
    assert set(histories[histories["objective"] == row.objective_title]["rows"]) == {192 + row.transfer_rows}


def test_file_that_fails_the_gate_is_a_failed_row_and_the_run_finishes(own_cache, tiny_recipe, tmp_path, capsys):
    changes = ("parity.largest_difference=0.0", "speed_seeds=0", "objectives=[{name: hard}]")
    assert run_recipe(request(tiny_recipe, tmp_path / "run", *changes), dry_run=False) == 1
    failed = [row for row in read_run(tmp_path / "run").rows if row.status == "failed"]
    assert {row.format for row in failed} == {"onnx"}
    assert all(row.parity == "failed" and "the bound is 0e+00" in row.error for row in failed)
    assert "✗ failed its parity gate" in capsys.readouterr().out


def test_measuring_process_that_crashes_is_a_failed_row_and_is_tried_again(
    own_cache, tiny_recipe, tmp_path, monkeypatch, apart
):
    shutil.rmtree(own_cache / "stages" / "measurement")
    wanted = request(tiny_recipe, tmp_path / "run", "speed_seeds=0", "formats=[onnx]", "objectives=[{name: hard}]")
    with monkeypatch.context() as patch:
        patch.setattr("bench.harness.isolation.PYTHON", (shutil.which("false"),))
        assert run_recipe(wanted, dry_run=False) == 1
    assert {row.error for row in read_run(tmp_path / "run").rows} == {"the measuring process died (status 1)"}
    assert run_recipe(wanted, dry_run=False) == 0


def test_several_seeds_give_means_and_one_gap_closed(own_cache, tiny_recipe, tmp_path):
    changes = ("seeds=[0, 1]", "speed_seeds=0", "teacher.formats=[eager]", "formats=[onnx]")
    run_recipe(request(tiny_recipe, tmp_path / "run", *changes), dry_run=False)
    run = read_run(tmp_path / "run")
    group = next(group for group in run.groups if (group.model, group.format) == ("linear hard", "onnx"))
    scores = [row.macro_f1 for row in run.rows if (row.model, row.format) == ("linear hard", "onnx")]
    assert group.seeds == len(scores) == 2
    assert group.headline == pytest.approx(sum(scores) / 2)
    assert all(row.latency_p50_ms is None and row.speedup is None for row in run.rows)


def test_fine_tuned_teacher_is_not_trained_and_labels_rows_that_have_none(own_cache, tiny_recipe, more_texts, tmp_path):
    (trained,) = (record.parent for record in (own_cache / "stages" / "teacher").glob("*/stage.json"))
    fine_tuned = shutil.copytree(trained, tmp_path / "fine-tuned")
    flags = {"data.train": str(more_texts), "teacher.weights": str(fine_tuned)}
    changes = (
        "speed_seeds=0",
        "teacher.formats=[eager]",
        "formats=[eager]",
        "data.transfer=null",
        "objectives=[{name: logits}]",
    )
    run_recipe(request(tiny_recipe, tmp_path / "run", *changes, **flags), dry_run=False)
    rows = read_run(tmp_path / "run").rows
    assert [row.accuracy for row in rows if row.role == "teacher"] == [1.0]
    (added,) = {record.parent for record in (own_cache / "stages" / "teacher").glob("*/stage.json")} - {trained}
    assert not (added / "history.json").exists()


def lose_head(folder):
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    body = {name: weight for name, weight in weights.items() if not name.startswith("classifier")}
    save_file(body, folder / "model.safetensors", metadata={"format": "pt"})


def configure(folder, **changed):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changed}))


@pytest.mark.parametrize("has_labels", [True, False])
@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lose_head, "classifier.bias is missing from the weights or of another size"),
        (
            lambda folder: configure(folder, problem_type="regression"),
            "was fine-tuned for regression, but the recipe says single-label",
        ),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "cannot be opened as a transformer that"),
    ],
)
def test_fine_tuned_teacher_is_opened_with_the_checks_of_an_export(
    own_cache, tiny_recipe, reviews, more_texts, tiny_classifier, tmp_path, harm, sentence, has_labels
):
    copy = shutil.copytree(tiny_classifier, tmp_path / "copy")
    harm(copy)
    flags = {"data.train": str(reviews if has_labels else more_texts), "teacher.weights": str(copy)}
    changes = ("data.transfer=null", "objectives=[{name: logits}]")
    with pytest.raises(RequestError, match=sentence):
        run_recipe(request(tiny_recipe, tmp_path / "run", *changes, **flags), dry_run=False)


DIVERGING = (
    "{architecture: linear, name: wild, dimensions: 8, epochs: 40, batch_size: 2, optimiser: sgd, learning_rate: 10, "
    "largest_gradient_norm: null, settings: {buckets: 0}}"
)
CALM = "{architecture: linear, dimensions: 8, epochs: 2, settings: {buckets: 500}}"


def test_student_that_diverges_is_a_failed_row_and_the_run_goes_on(own_cache, tiny_recipe, tmp_path):
    changes = (f"students=[{DIVERGING}, {CALM}]", "objectives=[{name: hard}]", "speed_seeds=0", "formats=[onnx]")
    assert run_recipe(request(tiny_recipe, tmp_path / "run", *changes), dry_run=False) == 1
    rows = {row.model: row for row in read_run(tmp_path / "run").rows}
    assert rows["wild hard"].status == "failed"
    assert "the loss became" in rows["wild hard"].error
    assert rows["linear hard"].status == "ok"


@pytest.mark.parametrize("error", [RuntimeError("encountered NaN"), ConnectionError("no Hub"), OSError("no tokenizer")])
def test_peer_whose_library_gives_up_is_a_failed_row_and_the_run_goes_on(
    own_cache, tiny_recipe, tmp_path, monkeypatch, error
):
    from peers import PEERS

    def give_up(data, folder):
        raise error

    monkeypatch.setitem(PEERS, "tfidf-logistic", replace(PEERS["tfidf-logistic"], train=give_up))
    changes = ("peers=[tfidf-logistic]", "objectives=[{name: hard}]", "speed_seeds=0", "formats=[onnx]")
    assert run_recipe(request(tiny_recipe, tmp_path / "run", *changes), dry_run=False) == 1
    rows = {row.model: row for row in read_run(tmp_path / "run").rows}
    assert rows["tfidf-logistic"].error.startswith(f"could not be trained: {type(error).__name__}: {error} (test_pipe")
    assert rows["linear hard"].status == "ok"


def test_students_learn_again_where_another_file_of_the_teacher_labels(own_cache, tiny_recipe, tmp_path, made):
    """Their key holds the format that labelled: after a prune, another may be the fastest."""
    for format in ("eager", "onnx"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("export.labelling.fastest_first", lambda rates, format=format: [format])
            shutil.rmtree(own_cache / "stages" / "labeller", ignore_errors=True)
            run_recipe(request(tiny_recipe, tmp_path / "run", "speed_seeds=0", "formats=[onnx]"), dry_run=False)
    stored = [json.loads(file.read_text()) for file in own_cache.glob("stages/knowledge/*/stage.json")]
    assert {record["inputs"]["format"] for record in stored} == {"eager", "onnx"}
    taught = [json.loads(file.read_text())["inputs"] for file in own_cache.glob("stages/student/*/stage.json")]
    assert len({inputs["knowledge"] for inputs in taught if inputs["knowledge"]}) == 2


def test_rows_of_a_second_timed_seed_are_held_against_their_own_teacher(own_cache, tiny_recipe, tmp_path):
    changes = (
        "seeds=[0, 1]",
        "speed_seeds=2",
        "teacher.formats=[eager]",
        "formats=[onnx]",
        "objectives=[{name: hard}]",
    )
    run_recipe(request(tiny_recipe, tmp_path / "run", *changes), dry_run=False)
    rows = {(row.model, row.seed): row for row in read_run(tmp_path / "run").rows}
    for seed in (0, 1):
        teacher, student = rows["teacher", seed], rows["linear hard", seed]
        assert student.speedup == pytest.approx(teacher.latency_p50_ms / student.latency_p50_ms)


def test_cache_lists_what_a_run_stored(own_cache):
    assert {entry.name for entry in stored_entries(own_cache)} == set(KINDS)
