"""What changed between two runs, or between two models that were timed in turns."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from sample_command import distilbench

from bench.harness.measurement import Measurement
from bench.record.comparison import RATES, compare_runs, recorded_change
from bench.record.run_file import read_run
from materials.errors import RequestError

TIMES = {"latency_p50_ms": "model", "end_to_end_latency_p50_ms": "end_to_end"}


def edit_json(file, change):
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def edit_parquet(file, change):
    change(pd.read_parquet(file)).to_parquet(file, index=False)


@pytest.fixture(scope="module")
def base(finished, tmp_path_factory):
    """The finished run, its rounds made equal but for a small spread, so that what changes is what a test changes."""
    folder = tmp_path_factory.mktemp("base")
    for name in ("run.json", "samples.parquet", "predictions.parquet"):
        shutil.copyfile(finished / name, folder / name)
    shutil.copytree(finished / "test-rows", folder / "test-rows")

    def twelve_rounds(samples):
        single = samples[(samples["scenario"] == "single-stream") & (samples["round"] == 0)]
        rounds = [
            single.assign(round=number, nanoseconds=(single["nanoseconds"] * (1 + number / 1000)).astype(int))
            for number in range(12)
        ]
        return pd.concat(rounds)

    edit_parquet(folder / "samples.parquet", twelve_rounds)
    edit_json(folder / "run.json", lambda run: [row.update(status="ok", noise=None) for row in run["rows"]])
    return folder


@pytest.fixture
def new(base, tmp_path):
    """A copy of the base run to change."""
    return shutil.copytree(base, tmp_path / "new")


def slow_down(run, factor, *, model=None):
    """Make every recorded time of a run longer, of one model or of all: in the samples and in the rows."""

    def samples(frame):
        chosen = (frame["model"] == model) | (model is None)
        return frame.assign(nanoseconds=(frame["nanoseconds"] * np.where(chosen, factor, 1)).astype(int))

    def rows(content):
        for row in content["rows"]:
            if model in (None, row["model"]):
                row.update({name: row[name] * factor for name in TIMES})

    edit_parquet(run / "samples.parquet", samples)
    edit_json(run / "run.json", rows)


def predict_always(run, model, label):
    """Let a model of a run choose one label for every row."""

    def predictions(frame):
        frame.loc[frame["model"] == model, ["logit_0", "logit_1"]] = np.eye(2)[label]
        return frame

    edit_parquet(run / "predictions.parquet", predictions)
    edit_json(
        run / "run.json",
        lambda content: [row.update(macro_f1=1 / 3, accuracy=0.5) for row in content["rows"] if row["model"] == model],
    )


def verdicts(comparison):
    return {
        (change.new.model, change.new.format): (
            change.quality.verdict,
            *(change.times[name].verdict for name in TIMES),
        )
        for change in comparison.changes
    }


def test_run_is_the_same_as_itself(base):
    comparison = compare_runs(base, base)
    assert set(verdicts(comparison).values()) == {("same", "same", "same")}
    assert len(comparison.changes) == 6
    assert comparison.warnings == []
    answer = distilbench("compare", base, base)
    assert answer.code == 0
    assert "quality: 0 better, 6 same, 0 worse" in answer.output
    assert "speed: 0 better, 12 same, 0 worse" in answer.output
    assert "\x1b" not in answer.output


def test_slower_by_30_percent_is_worse_and_the_other_way_round_better(base, new):
    slow_down(new, 1.3, model="teacher")
    model_verdicts = verdicts(compare_runs(base, new))
    for (model, _), verdict in model_verdicts.items():
        assert verdict == (("same", "worse", "worse") if model == "teacher" else ("same", "same", "same"))
    change = next(change for change in compare_runs(base, new).changes if change.new.model == "teacher")
    assert change.times["latency_p50_ms"].ratio.value == pytest.approx(1.3, rel=1e-3)
    assert verdicts(compare_runs(new, base))["teacher", "onnx"] == ("same", "better", "better")
    assert "speed: 0 better, 8 same, 4 worse" in distilbench("compare", base, new).output


def test_recorded_times_within_10_percent_are_the_same(base, new):
    slow_down(new, 1.08)
    assert set(verdicts(compare_runs(base, new)).values()) == {("same", "same", "same")}


def test_other_predictions_are_worse_quality(base, new):
    predict_always(new, "teacher", 0)
    change = next(change for change in compare_runs(base, new).changes if change.new.model == "teacher")
    assert change.quality.verdict == "worse"
    assert change.quality.mcnemar_p < 0.01
    labels = pd.read_parquet(base / "predictions.parquet").query("model == 'teacher' and format == 'eager'")
    right = (labels[["logit_0", "logit_1"]].to_numpy().argmax(axis=1) == labels["label"]).mean()
    assert change.quality.accuracy == pytest.approx(0.5 - right)
    assert {verdict[1:] for verdict in verdicts(compare_runs(base, new)).values()} == {("same", "same")}


def test_other_test_rows_are_not_paired_and_it_is_said(base, new):
    edit_parquet(new / "test-rows" / "seed-0.parquet", lambda rows: rows.assign(text=rows["text"] + " again"))
    comparison = compare_runs(base, new)
    assert {change.quality for change in comparison.changes} == {None}
    assert any(said.startswith("the quality of 6 files is not compared: ") for said in comparison.warnings)


def test_older_run_whose_launches_are_not_told_apart_is_read_and_compared(base, new):
    def older(content):
        for row in content["rows"]:
            del row["launches"], row["slowdown"]

    edit_json(new / "run.json", older)
    edit_parquet(new / "samples.parquet", lambda samples: samples.drop(columns="launch"))
    assert {(row.launches, row.slowdown) for row in read_run(new).rows} == {(None, None)}
    assert set(verdicts(compare_runs(base, new)).values()) == {("same", "same", "same")}
    assert distilbench("show", new).code == 0


def test_rounds_of_different_launches_are_not_mixed(base, new):
    """Half of the launches are twice as slow: no median of a round may lie between the two."""

    def two_launches(samples):
        slow = samples.assign(launch=1, nanoseconds=samples["nanoseconds"] * 2)
        return pd.concat([samples, slow])

    edit_parquet(new / "samples.parquet", two_launches)
    (change, *_) = compare_runs(base, new).changes
    ratio = change.times["latency_p50_ms"].ratio
    assert ratio.value == pytest.approx(1.5, abs=0.02)
    assert (ratio.low, ratio.high) == (pytest.approx(1, abs=0.02), pytest.approx(2, abs=0.02))


def test_launches_are_the_units_where_there_are_five_on_each_side():
    base = [[1.0 + number / 1000] * 12 for number in range(5)]
    slower = [[1.2 + number / 1000] * 12 for number in range(5)]
    change = recorded_change(base, slower)
    assert (change.is_alarm, change.p) == (True, pytest.approx(2 / 252))  # 5 against 5, none in between
    assert change.ratio.value == pytest.approx(1.202 / 1.002)
    assert recorded_change(base[:4], slower).p < 1e-6  # 48 rounds against 60


def test_change_within_a_tenth_is_none_on_two_occasions_and_few_rounds_are_not_compared():
    assert recorded_change([[1.0] * 12], [[1.09] * 12]).verdict == "same"
    assert recorded_change([[1.0] * 12], [[1.11] * 12]).verdict == "worse"
    assert recorded_change([[1.0] * 4], [[1.11] * 12]) is None


def test_runs_that_were_not_timed_or_kept_no_samples_are_compared_by_quality(base, new):
    (new / "samples.parquet").unlink()
    comparison = compare_runs(base, new)
    assert {tuple(change.times) for change in comparison.changes} == {()}
    assert {change.quality.verdict for change in comparison.changes} == {"same"}
    edit = pd.DataFrame(columns=["model", "format", "seed", "nanoseconds"])  # what a run without timed seeds leaves
    edit.to_parquet(new / "samples.parquet")
    assert distilbench("compare", base, new).code == 0


def test_machine_versions_and_threads_that_differ_are_warned_about(base, new):
    def change(run):
        run["machine"]["processor"] = "Other CPU"
        run["versions"]["onnxruntime"] = "0.1"
        run["threads"] = 7
        run["rows"].pop()
        run["rows"][0].update(status="failed", error="labels differ")
        run["rows"][1].update(status="noisy", noise="neighbours")

    edit_json(new / "run.json", change)
    before = read_run(base)
    assert compare_runs(base, new).warnings == [
        f"the machines differ in processor: {before.machine['processor']}, Other CPU",
        f"the versions of onnxruntime differ: {before.versions['onnxruntime']}, 0.1",
        "the threads differ: 1, 7",
        "1 rows are in one of the runs only",
        "some rows were not measured in quiet (~)",
        "teacher as eager failed in new only: labels differ",
    ]
    assert "warning: the threads differ: 1, 7" in distilbench("compare", base, new).output


def test_runs_without_a_row_in_common_are_refused(base, new):
    edit_json(new / "run.json", lambda run: [row.update(seed=5) for row in run["rows"]])
    with pytest.raises(RequestError, match=r"have no row in common \(model, format and seed\)"):
        compare_runs(base, new)


def test_run_and_bundle_cannot_be_compared(base, bundles):
    with pytest.raises(RequestError, match="cannot be compared: one is a run, the other is not"):
        distilbench("compare", base, bundles / "linear-hard" / "onnx")


def test_unknown_format_names_the_nearest(base):
    with pytest.raises(RequestError, match=r"unknown format 'markdwon'; did you mean 'markdown'\?"):
        distilbench("compare", base, base, "--format", "markdwon")


def test_markdown_is_a_table_with_a_line_for_each_file(base):
    output = distilbench("compare", base, base, "--format", "markdown").output
    assert output.count("| linear hard, seed 0 |") == 2
    assert "| model | format | macro-F1 base, new |" in output


def test_broken_condition_on_a_run_exits_with_1_and_names_the_file(base, new):
    slow_down(new, 1.3, model="linear hard")
    predict_always(new, "teacher", 0)
    conditions = ("--fail-if", "latency_p50_ms>+5%", "--fail-if", "macro_f1<-0.5pt", "--fail-if", "size_bytes>+1%")
    answer = distilbench("compare", base, new, *conditions)
    assert answer.code == 1
    assert "✗ linear hard as onnx, seed 0: latency_p50_ms changed by +30% (latency_p50_ms>+5%)" in answer.output
    assert "✗ teacher as eager, seed 0: macro_f1 changed by -" in answer.output
    assert answer.output.count("✗") == 4
    assert distilbench("compare", base, base, *conditions).code == 0
    assert distilbench("compare", new, base, *conditions).code == 0


def test_row_whose_time_differs_but_whose_samples_do_not_breaks_no_condition(base, new):
    edit_json(new / "run.json", lambda run: [row.update(latency_p50_ms=100.0) for row in run["rows"]])
    assert distilbench("compare", base, new, "--fail-if", "latency_p50_ms>+5%").code == 0


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("macro-f1<-0.5pt", "is no condition; .* such as 'latency_p50_ms"),
        ("macrof1<-0.5pt", "unknown metric 'macrof1'; did you mean 'macro_f1'"),
        ("server_p99_ms>+5%", "no file has server_p99_ms in base"),
    ],
)
def test_condition_that_cannot_be_judged_is_refused(base, condition, sentence):
    with pytest.raises(RequestError, match=sentence):
        distilbench("compare", base, base, "--fail-if", condition)


@pytest.fixture(scope="module")
def in_turns(bundles, tmp_path_factory):
    """The answer of `compare`, five launches of each, on a file and the same with its labels swapped and a long record.

    What was right is wrong in the second, wherever its columns stand.
    """
    base = bundles / "teacher" / "onnx"
    new = shutil.copytree(base, tmp_path_factory.mktemp("in-turns") / "swapped")
    changes = {"label_names": ["good", "bad"], "licences": {"a": "b" * 9999}}
    edit_json(new / "bundle.json", lambda record: record.update(changes))
    conditions = ("size_bytes>+1%", "accuracy<-0.5pt", "latency_p50_ms>+100%", "end_to_end_latency_p50_ms>+100%")
    flags = [word for condition in conditions for word in ("--fail-if", condition)]
    return distilbench("compare", base, new, "--launches", 5, "--format", "markdown", *flags)


def test_two_bundles_are_timed_in_turns_on_the_rows_of_their_run(in_turns):
    assert "launches: 5 of each, in turns" in in_turns.notices
    assert "5 launches of each in turns; a change counts with p < 0.01 and beyond 2 %" in in_turns.output
    for figure in TIMES:
        assert f"| {figure} | " in in_turns.output


def test_throughput_is_compared_in_turns_where_it_is_asked_for(bundles):
    base, new = (bundles / name / "onnx" for name in ("teacher", "linear-hard"))
    how = ("--launches", 5, "--scenarios", "offline", "--batch-sizes", 8, "--format", "markdown")
    answer = distilbench("compare", base, new, *how, "--fail-if", "end_to_end_texts_per_second>+5%")
    assert "latency" not in answer.output
    for figure in RATES:
        pattern = rf"\| {figure} \| better \| (\S+) \| (\S+) \| x (\S+) \| \[(\S+), (\S+)\] \|"
        found = re.search(pattern, answer.output).groups()
        before, after, ratio, low, high = (float(number.replace(",", "")) for number in found)
        assert low <= ratio <= high
        assert ratio == pytest.approx(after / before, rel=0.02)
    assert answer.code == 1
    assert "end_to_end_texts_per_second changed by +" in answer.output


def test_models_are_compared_by_one_text_or_by_many(bundles):
    bundle = bundles / "teacher" / "onnx"
    with pytest.raises(RequestError, match="compared by single-stream and offline; got 'server'"):
        distilbench("compare", bundle, bundle, "--scenarios", "server")


def test_quality_of_a_model_is_its_own_whatever_the_order_of_its_labels(in_turns, finished):
    (row,) = (row for row in read_run(finished).rows if (row.model, row.format) == ("teacher", "onnx"))
    assert row.accuracy > 0.75
    base, new = row.accuracy * 100, (1 - row.accuracy) * 100
    assert f"| accuracy | | {base:.1f} | {new:.1f} | {new - base:+.1f} |" in in_turns.output


def test_broken_condition_on_two_bundles_exits_with_1(in_turns):
    assert in_turns.code == 1
    assert "✗ teacher as onnx: size_bytes changed by +" in in_turns.output
    assert "✗ teacher as onnx: accuracy changed by -" in in_turns.output
    assert in_turns.output.count("✗") == 2


def test_bundle_outside_a_run_needs_rows(tiny_classifier):
    with pytest.raises(RequestError, match="lies in no run folder with test rows; give rows to compare on with --data"):
        distilbench("compare", tiny_classifier, tiny_classifier)


def test_two_bundles_of_different_tasks_are_refused(bundles, tmp_path):
    other = shutil.copytree(bundles / "linear-hard" / "onnx", tmp_path / "other")
    edit_json(other / "bundle.json", lambda record: record.update(label_names=["sports", "trade"]))
    with pytest.raises(RequestError, match="other is of another task: its labels are sports, trade, not bad, good"):
        distilbench("compare", bundles / "linear-hard" / "onnx", other)


def test_model_that_crashes_is_refused_with_its_place(bundles, tmp_path):
    from materials.files import sha256_of

    other = shutil.copytree(bundles / "linear-hard" / "onnx", tmp_path / "other")
    (other / "model.onnx").write_bytes(b"damaged")
    digest = sha256_of(other / "model.onnx")
    edit_json(other / "bundle.json", lambda record: record["files"].update({"model.onnx": digest}))
    with pytest.raises(RequestError, match="other could not be measured: .*Load model"):
        distilbench("compare", bundles / "linear-hard" / "onnx", other)


def test_runs_of_different_tasks_are_not_compared(base, new):
    edit_json(new / "run.json", lambda run: [row.update(task="regression") for row in run["rows"]])
    with pytest.raises(RequestError, match="the task of the first: single-label, of the second: regr"):
        compare_runs(base, new)
    edit_json(new / "run.json", lambda run: [row.update(task="single-label", modality="pair") for row in run["rows"]])
    with pytest.raises(RequestError, match="the items of the first: texts, of the second: pairs"):
        compare_runs(base, new)


def test_condition_on_quality_is_refused_where_test_rows_differ(base, new):
    edit_parquet(new / "test-rows" / "seed-0.parquet", lambda rows: rows.assign(text=rows["text"] + " again"))
    with pytest.raises(RequestError, match="macro_f1 cannot be judged, as the runs have other test rows"):
        distilbench("compare", base, new, "--fail-if", "macro_f1<-0.5pt")
    assert distilbench("compare", base, new, "--fail-if", "size_bytes>+1%").code == 0


@pytest.mark.parametrize("name", ["predictions.parquet", "samples.parquet", "test-rows/seed-0.parquet"])
def test_table_that_is_cut_short_is_one_sentence(base, new, name):
    content = (new / name).read_bytes()
    (new / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(RequestError, match=f"{name} cannot be read as Parquet: "):
        compare_runs(base, new)


@pytest.mark.parametrize("is_sound", [True, False])
def test_model_whose_outputs_are_no_numbers_has_no_change_of_quality(bundles, monkeypatch, is_sound):
    def launched(models, items, workload, launches, screen):
        logits = np.random.default_rng(0).normal(size=(len(items), 2))
        others = logits.copy()
        others[3] = 0 if is_sound else np.nan
        return [[Measurement(figures={"noise": None}, logits=outputs)] * 5 for outputs in (logits, others)]

    monkeypatch.setattr("bench.outside.in_turns.launch_in_turns", launched)
    rows = next(bundles.parent.parent.glob("test-rows/*.parquet"))
    places = (bundles / "linear-hard" / "eager", bundles / "teacher" / "eager")
    answer = distilbench("compare", *places, "--data", rows)
    assert ("quality: 0 better, 1 same, 0 worse" in answer.output) == is_sound
    assert ("teacher failed: some of its outputs are no numbers" in answer.output) != is_sound
