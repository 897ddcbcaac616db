"""Whether the harness can be trusted: the verdict on known content, and one real check of a tiny file."""

import json

import pytest
from sample_command import distilbench

from bench.commands.self_check import judge

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


def test_real_check_writes_what_its_verdict_was_made_from(bundles, tmp_path):
    """Its exit code depends on the machine; that it follows from check.json does not."""
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
