"""Bundles and foreign models side by side on the same rows; what cannot be measured is a row that says why."""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest
from sample_command import distilbench

from bench.record.run_file import read_run
from bench.reports.layout import figure
from export.predictor import Predictor
from materials.errors import RequestError
from materials.files import sha256_of

QUICK = ("--seconds", "0.05", "--batch-sizes", "8")


def change_bundle(source, target, *, model=None, **record):
    """A copy of a bundle that looks sound: another model file, its digest put right, or other words in bundle.json."""
    shutil.copytree(source, target)
    content = json.loads((target / "bundle.json").read_text())
    if model is not None:
        (target / "model.onnx").write_bytes(model)
        content["files"]["model.onnx"] = sha256_of(target / "model.onnx")
    (target / "bundle.json").write_text(json.dumps({**content, **record}))
    return target


@pytest.fixture(scope="module")
def places(bundles, tiny_classifier, tmp_path_factory):
    """Four models that can be measured, and three that cannot, by name."""
    folder = tmp_path_factory.mktemp("places")
    (folder / "their-export").mkdir()
    (folder / "nothing").mkdir()
    for name in ("model.onnx", "tokenizer.json"):
        shutil.copyfile(bundles / "linear-hard" / "onnx" / name, folder / "their-export" / name)
    return {
        "linear hard": bundles / "linear-hard" / "onnx",
        "linear logits+transfer": bundles / "linear-logits+transfer" / "onnx",
        "their-export": folder / "their-export",
        "tiny-classifier": tiny_classifier,
        "crashed": change_bundle(
            bundles / "linear-hard" / "onnx", folder / "crashed", model=b"x", made={"model": "crashed", "seed": 0}
        ),
        "nothing": folder / "nothing",
        "topics": change_bundle(bundles / "linear-hard" / "onnx", folder / "topics", label_names=["sports", "trade"]),
    }


@pytest.fixture(scope="module")
def measured(places, rows, tmp_path_factory):
    """The answer of `measure` on all places, and the run folder that it wrote."""
    output = tmp_path_factory.mktemp("measured") / "run"
    answer = distilbench(
        "measure", *places.values(), "--data", rows, "--labels", "bad,good", *QUICK, "--output", output
    )
    return answer, output


@pytest.fixture(scope="module")
def by_name(measured):
    return {row.model: row for row in read_run(measured[1]).rows}


def test_good_models_are_measured_beside_bad_ones_and_the_command_exits_with_1(measured, by_name, places):
    assert measured[0].code == 1
    assert list(by_name) == list(places)
    status = {name: row.status == "failed" for name, row in by_name.items()}
    assert [name for name, failed in status.items() if failed] == ["crashed", "nothing", "topics"]
    for name in ("linear hard", "linear logits+transfer", "their-export", "tiny-classifier"):
        row = by_name[name]
        assert row.latency_p50_low_ms <= row.latency_p50_ms <= row.latency_p50_high_ms
        assert min(row.texts_per_second, row.end_to_end_texts_per_second, row.inference_peak_memory_bytes) > 0
        assert (row.threads, row.batch_size) == (1, 8)


def test_every_bad_model_has_a_row_with_its_sentence(measured, by_name):
    sentences = {
        "crashed": "Load model from",
        "nothing": "holds no model; expected a bundle's folder",
        "topics": "topics is of another task: its labels are sports, trade, not bad, good",
    }
    for name, sentence in sentences.items():
        assert sentence in by_name[name].error
        assert sentence in measured[0].notices
        assert "\n" not in by_name[name].error
        assert f"✗ {name} as " in measured[0].output


def test_roles_tell_students_from_foreign_models(by_name):
    roles = {name: row.role for name, row in by_name.items() if row.status != "failed"}
    assert roles == {
        "linear hard": "student",
        "linear logits+transfer": "student",
        "their-export": "foreign",
        "tiny-classifier": "foreign",
    }


def test_quality_is_that_of_the_run_and_of_the_same_file_without_its_record(by_name, finished):
    (run_row,) = (row for row in read_run(finished).rows if (row.model, row.format) == ("linear hard", "onnx"))
    for name in ("linear hard", "their-export"):
        assert by_name[name].confusion_matrix == run_row.confusion_matrix
        assert by_name[name].macro_f1 == run_row.macro_f1


def test_labels_in_another_order_are_put_in_that_of_the_first_model(by_name, tiny_classifier, rows, measured):
    """The classifier's outputs are good, bad; `--labels bad,good` is for the file that names none."""
    from export.foreign import open_model
    from export.runtimes.run_torch import EagerRuntime
    from export.runtimes.runtime import logits_of

    bundle, table = open_model(tiny_classifier), pd.read_parquet(rows)
    encoder = bundle.encoder()
    expected = logits_of(EagerRuntime(bundle, 1), encoder, encoder.encode(table["text"].tolist()))
    right = (np.array(bundle.label_names)[expected.argmax(axis=1)] == table["label"]).mean()
    assert by_name["tiny-classifier"].accuracy == pytest.approx(right)
    predictions = pd.read_parquet(measured[1] / "predictions.parquet")
    measured_logits = predictions[predictions["model"] == "tiny-classifier"][["logit_0", "logit_1"]].to_numpy()
    assert np.allclose(measured_logits, expected[:, ::-1], atol=1e-5)


def test_run_folder_can_be_shown_and_keeps_rows_samples_and_predictions(measured, by_name, rows):
    folder = measured[1]
    answer = distilbench("show", folder)
    assert answer.code == 0
    assert "\x1b" not in answer.output
    assert all(name in answer.output for name in by_name)
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "test-rows" / "seed-0.parquet"), pd.read_parquet(rows))
    samples = pd.read_parquet(folder / "samples.parquet")
    for name in ("linear hard", "their-export", "tiny-classifier"):
        model_samples = samples[samples["model"] == name]
        assert set(zip(model_samples["scenario"], model_samples["figure"], strict=True)) == {
            *((scenario, figure) for scenario in ("single-stream", "offline") for figure in ("model", "end_to_end")),
            *(("probe", figure) for figure in ("product", "copy")),
        }
    predictions = pd.read_parquet(folder / "predictions.parquet")
    labels = (pd.read_parquet(rows)["label"] == "good").astype(int).tolist()
    assert predictions.groupby("model")["label"].apply(list).tolist() == [labels] * 4


@pytest.mark.parametrize(
    ("name", "sentence"), [("nothing", "nothing holds no model"), ("topics", "topics knows the labels sports, trade")]
)
def test_single_model_that_cannot_be_opened_is_refused_with_its_own_sentence(places, rows, tmp_path, name, sentence):
    with pytest.raises(RequestError, match=sentence):
        distilbench("measure", places[name], "--data", rows, "--output", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_usable_model_at_all_is_refused(places, rows, tmp_path):
    with pytest.raises(RequestError, match="none of the 2 models can be measured; the first: .*nothing holds no model"):
        distilbench("measure", places["nothing"], places["topics"], "--data", rows, "--output", tmp_path / "run")


def test_bundle_of_another_task_is_a_failed_row_even_without_labels_in_the_rows(places, more_texts, tmp_path):
    """The only model that is measured has no quality, and its times all the same."""
    answer = distilbench(
        *("measure", places["linear hard"], places["topics"], "--data", more_texts, *QUICK),
        *("--output", tmp_path / "run"),
    )
    assert answer.code == 1
    good, other = read_run(tmp_path / "run").rows
    assert "is of another task: its labels are sports, trade, not bad, good" in other.error
    assert (good.macro_f1, good.accuracy, good.confusion_matrix) == (None, None, None)
    assert good.latency_p50_ms > 0
    assert set(pd.read_parquet(tmp_path / "run" / "predictions.parquet")["label"]) == {-1}
    assert "macro-F1" not in answer.output


def test_model_with_another_number_of_outputs_than_labels_is_a_failed_row(bundles, rows, tmp_path):
    place = change_bundle(
        bundles / "linear-hard" / "onnx", tmp_path / "bundle", label_names=["bad", "good", "middling"]
    )
    answer = distilbench("measure", place, "--data", rows, *QUICK, "--output", tmp_path / "run")
    assert answer.code == 1
    (row,) = read_run(tmp_path / "run").rows
    assert (row.status, row.latency_p50_ms) == ("failed", None)
    assert row.error == "the model returns 2 scores a text, but 3 labels are named"


def test_median_of_several_launches_stands_with_its_interval_and_every_raw_time_is_kept(places, rows, tmp_path):
    places = (places["linear hard"], places["linear logits+transfer"])
    quick = ("--scenarios", "single-stream", "--seconds", "0.02", "--launches", 3)
    answer = distilbench("measure", *places, "--data", rows, *quick, "--output", tmp_path / "run")
    assert answer.code == 0
    samples = pd.read_parquet(tmp_path / "run" / "samples.parquet")
    for row in read_run(tmp_path / "run").rows:
        p50s = [launch.latency_p50_ms for launch in row.launches]
        assert row.latency_p50_ms == sorted(p50s)[1]
        assert (row.latency_p50_low_ms, row.latency_p50_high_ms) == (min(p50s), max(p50s))
        assert row.macro_f1 is not None
        own = samples[(samples["model"] == row.model) & (samples["figure"] == "model")]
        assert (own.groupby("launch")["nanoseconds"].median() / 1e6).tolist() == pytest.approx(p50s)
        for launch in row.launches:
            moments = ["single-stream model", "single-stream end_to_end", "after"]
            assert [probe.moment for probe in launch.probes] == moments
            assert launch.slowdown >= 1
    moments = [[launch.measured_at for launch in row.launches] for row in read_run(tmp_path / "run").rows]
    in_turns = [moment for turn in zip(*moments, strict=True) for moment in turn]
    assert in_turns == sorted(in_turns)
    assert f"[{figure(min(p50s))}, {figure(max(p50s))}]" in answer.output
    assert "files launched 3 times, in turns: times and rates are the medians of the launches" in answer.output
    assert "which hold the median of any number of launches with 75 %" in answer.output


def test_server_and_sweep_give_tables_of_their_own(places, rows, tmp_path):
    answer = distilbench(
        *("measure", places["linear hard"], "--data", rows, "--output", tmp_path / "run", "--seconds", "0.05"),
        *("--scenarios", "server,sweep", "--server-p99-ms", "50"),
        *("--sweep-batch-sizes", "1,4", "--sweep-lengths", "8,300"),
    )
    assert answer.code == 0
    (row,) = read_run(tmp_path / "run").rows
    assert row.server_texts_per_second > 10
    assert row.server_p99_ms <= row.server_bound_ms == 50
    assert {(point.batch_size, point.length_tokens) for point in row.sweep} == {(1, 8), (1, 300), (4, 8), (4, 300)}
    assert (row.latency_p50_ms, row.texts_per_second) == (None, None)
    assert "Poisson arrivals served" in answer.output
    assert "p50 ms of fixed shapes" in answer.output
    assert "4 x 300" in answer.output
    samples = pd.read_parquet(tmp_path / "run" / "samples.parquet")
    assert set(samples["scenario"]) == {"server", "sweep", "probe"}
    assert samples[samples["scenario"] == "server"]["rate_per_second"].notna().all()


def empty(path):
    path.write_bytes(b"")


def no_rows(path):
    path.write_text("text,label\n")


def no_text_column(path):
    path.write_text("body,label\nfine,good\n")


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda path: None, "there is no file"),
        (empty, "rows.csv is empty"),
        (no_rows, "rows.csv has no rows"),
        (no_text_column, "has no column 'text'; name one with --text"),
    ],
)
def test_rows_that_cannot_be_read_are_refused(places, tmp_path, write, sentence):
    write(tmp_path / "rows.csv")
    with pytest.raises(RequestError, match=sentence):
        distilbench("measure", places["linear hard"], "--data", tmp_path / "rows.csv")


def test_name_of_a_data_set_is_refused_because_models_were_trained_on_it(places):
    with pytest.raises(RequestError, match="--data rotten-tomatoes is a whole data set, with the rows that models"):
        distilbench("measure", places["linear hard"], "--data", "rotten-tomatoes")


WRONG_FLAGS = {
    ("--scenarios", "offlin"): r"--scenarios: unknown scenario 'offlin'; did you mean 'offline'\?",
    ("--scenarios", ""): "--scenarios: unknown scenario ''",
    ("--batch-sizes", "8,0"): "--batch-sizes: Input should be greater than 0; got '0'",
    ("--batch-sizes", "many"): "--batch-sizes: .* valid integer.*; got 'many'",
    ("--sweep-batch-sizes", "-1"): "--sweep-batch-sizes: .* greater than 0; got '-1'",
    ("--sweep-lengths", "1.5"): "--sweep-lengths: .* valid integer.*; got '1.5'",
    ("--affinity", "0,x"): "--affinity: .* valid integer.*; got 'x'",
    ("--affinity", "100000"): "--affinity: affinity names processor 100000; this machine has [0-9, ]+; got '100000'",
    ("--seconds", "601"): "--seconds: Input should be less than or equal to 600; got 601",
    ("--server-p99-ms", "70000"): "--server-p99-ms: .* less than or equal to 60000; got 70000",
    ("--device", "cudaa"): r"unknown device 'cudaa'; did you mean 'cuda'\?",
}


@pytest.mark.parametrize("flag", WRONG_FLAGS, ids=" ".join)
def test_wrong_value_is_refused_in_one_sentence_that_names_its_flag(places, rows, flag):
    with pytest.raises(RequestError, match=WRONG_FLAGS[flag]) as refused:
        distilbench("measure", places["linear hard"], "--data", rows, *flag)
    assert "\n" not in str(refused.value)


def test_affinity_holds_in_the_measuring_process(places, rows, tmp_path):
    processor = max(os.sched_getaffinity(0))
    distilbench(
        *("measure", places["linear hard"], "--data", rows, *QUICK, "--scenarios", "single-stream"),
        *("--affinity", processor, "--output", tmp_path / "run"),
    )
    (row,) = read_run(tmp_path / "run").rows
    assert row.affinity == [processor]


def test_failed_parity_gate_stays_a_failed_row(bundles, rows, tmp_path):
    parity = {"status": "failed", "reason": "labels differ", "setting": "plain", "failed_settings": {}}
    place = change_bundle(bundles / "linear-hard" / "onnx", tmp_path / "bundle", parity=parity)
    answer = distilbench(
        *("measure", place, "--data", rows, *QUICK, "--scenarios", "single-stream", "--output", tmp_path / "run")
    )
    assert answer.code == 1
    (row,) = read_run(tmp_path / "run").rows
    assert (row.status, row.error) == ("failed", "labels differ")


def test_measured_bundle_predicts_what_the_predictor_predicts(places, rows, measured):
    texts = pd.read_parquet(rows)["text"].tolist()
    predictions = pd.read_parquet(measured[1] / "predictions.parquet")
    measured_logits = predictions[predictions["model"] == "linear hard"][["logit_0", "logit_1"]].to_numpy()
    assert np.allclose(measured_logits, Predictor(places["linear hard"]).logits(texts), atol=1e-6)
