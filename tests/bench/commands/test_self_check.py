"""Whether the harness can be trusted: the verdict on known content, and one real check of a tiny file."""

import json

import pytest
from sample_command import distilbench

from bench.commands.self_check import judge
from materials.errors import RequestError

AGREES = {"model": "cnn/onnx", "harness_p50_ms": [1.0, 1.02, 1.0], "timeit_p50_ms": [1.0] * 3, "cost_ns": 60.0}


def pair(*, alarm=False, name="latency_p50_ms"):
    figure = {"base": [1.0, 1.0, 1.1, 1.0, 1.0], "new": [1.0] * 5, "ratio": 1.0, "p": 0.5, "alarm": alarm}
    return {"model": "cnn/onnx", "figures": {name: figure}, "noise": [], "seconds": 0.3}


def check(*, agreements=(AGREES,), pairs=()):
    return {"agreements": list(agreements), "pairs": list(pairs), "launches": 6}


def test_harness_that_agrees_and_raises_no_alarm_passes():
    tables, notes, passed = judge(check(pairs=[pair()] * 20))
    assert passed
    assert tables[0][2] == [["cnn/onnx", "yes", "1", "1", "1.000", "60"]]
    assert tables[1][2] == [["latency_p50_ms", "20", "0", "0", "1.000", "1.100", "1.100"]]
    assert "on 6 launches of each" in notes[1]


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({"harness_p50_ms": [1.029] * 3}, True),
        ({"harness_p50_ms": [1.031] * 3}, False),
        ({"harness_p50_ms": [0.969] * 3}, False),
        ({"harness_p50_ms": [1.0, 1.0, 9.0]}, True),
        ({"cost_ns": 2000}, True),
        ({"cost_ns": 2001}, False),
    ],
)
def test_p50_beyond_3_percent_or_a_cost_beyond_2_microseconds_does_not_agree(change, passes):
    tables, _, passed = judge(check(agreements=[AGREES, {**AGREES, **change}]))
    assert passed is passes
    assert [line[1] for line in tables[0][2]] == ["yes", "yes" if passes else "no"]


@pytest.mark.parametrize(("alarms", "passes"), [(0, True), (2, True), (3, False)])
def test_more_alarms_than_1_in_20_fail(alarms, passes):
    pairs = [pair(alarm=number < alarms) for number in range(40)]
    tables, _, passed = judge(check(pairs=pairs))
    assert passed is passes
    assert tables[1][2][0][1:3] == ["40", str(alarms)]


def test_alarms_are_counted_for_each_figure():
    pairs = [pair()] * 20 + [pair(alarm=True, name="end_to_end_latency_p50_ms")]
    tables, _, passed = judge(check(pairs=pairs))
    assert not passed
    assert [line[0] for table in tables[1:] for line in table[2]] == ["latency_p50_ms", "end_to_end_latency_p50_ms"]


def single(*, alarm=False, noise=()):
    return {**pair(alarm=alarm), "noise": list(noise), "slowdowns": [1.0, 1.02], "tries": [1, 1]}


@pytest.mark.parametrize(
    ("alarms", "noisy", "passes"), [(2, 0, True), (3, 0, False), (0, 1, False)], ids=["two", "three", "not quiet"]
)
def test_pairs_of_single_launches_pass_with_two_alarms_in_forty_where_all_were_quiet(alarms, noisy, passes):
    pairs = [
        single(alarm=number < alarms, noise=["the processor took 1.60 times as long"] * (number >= 40 - noisy))
        for number in range(40)
    ]
    tables, notes, passed = judge({**check(pairs=pairs), "launches": 1})
    assert passed is passes
    assert tables[1][2][0][1:3] == [str(40 - noisy), str(alarms)]
    assert f"{40 - noisy} of 40 pairs" in notes[1]
    assert ("make it again in quiet" in notes[1]) == (noisy > 0)


def test_alarm_of_a_pair_that_was_not_quiet_does_not_count():
    tables, _, passed = judge(
        {**check(pairs=[single(alarm=True, noise=["neighbours"]), *[single()] * 9]), "launches": 1}
    )
    assert (tables[1][2][0][1:3], passed) == (["9", "0"], False)


def test_speed_of_the_machine_is_a_table_of_its_own():
    tables, _, _ = judge({**check(), "slowdowns": [1.0, 1.0, 1.04, 1.08, 1.6]})
    assert tables[1][2] == [["product or copy", "5", "1.040", "1.080", "1.392", "1.496", "1.600", "80%"]]


@pytest.mark.parametrize("launches", [2, 4])
def test_launches_of_a_pair_are_one_or_five_or_more(bundles, tmp_path, launches):
    with pytest.raises(RequestError, match=f"--launches is 1, or 5 or more; got {launches}"):
        distilbench(
            "self-check", bundles / "linear-hard" / "onnx", "--launches", launches, "--output", tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()


def test_real_pair_of_single_launches_is_judged_as_two_runs_are(bundles, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.outside.single_pairs.TRIES", 1)
    monkeypatch.setattr("bench.outside.speed_check.READINGS", 3)
    answer = distilbench(
        "self-check", bundles / "linear-hard" / "onnx", "--pairs", 1, "--launches", 1, "--output", tmp_path
    )
    content = json.loads((tmp_path / "check.json").read_text())
    assert answer.code == (0 if judge(content)[2] else 1)
    assert len(content["slowdowns"]) == 3
    (launch_pair,) = content["pairs"]
    assert set(launch_pair["figures"]) == {"latency_p50_ms", "end_to_end_latency_p50_ms"}
    for figure in launch_pair["figures"].values():
        assert (len(figure["base"]), len(figure["new"])) == (1, 1)
        assert figure["alarm"] == (figure["p"] < 0.01 and abs(figure["ratio"] - 1) > 0.1)
    assert (launch_pair["tries"], min(launch_pair["slowdowns"]) >= 1) == ([1, 1], True)


def test_real_check_writes_what_its_verdict_was_made_from(bundles, tmp_path, monkeypatch):
    """Its exit code depends on the machine; that it follows from check.json does not."""
    monkeypatch.setattr("bench.outside.speed_check.READINGS", 3)
    answer = distilbench(
        "self-check", bundles / "linear-hard" / "onnx", "--pairs", 1, "--launches", 5, "--output", tmp_path
    )
    content = json.loads((tmp_path / "check.json").read_text())
    _, notes, passed = judge(content)
    assert answer.code == (0 if passed else 1)
    assert {"machine", "versions", "git_commit", "created", "threads", "launches"} <= set(content)
    (agreement,), (launch_pair,) = content["agreements"], content["pairs"]
    assert agreement["model"] == "linear-hard/onnx"
    assert len(agreement["harness_p50_ms"]) == len(agreement["timeit_p50_ms"]) == 7
    assert set(launch_pair["figures"]) == {"latency_p50_ms", "end_to_end_latency_p50_ms"}
    assert all(len(figure[side]) == 5 for figure in launch_pair["figures"].values() for side in ("base", "new"))
    assert "the harness against an independent loop of timeit" in answer.output
    assert notes[0] in (tmp_path / "table.md").read_text()
