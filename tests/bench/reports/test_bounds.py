"""Conditions of --fail-if: what they mean, when they are broken, and what is no condition."""

from dataclasses import replace

import pytest

from bench.record.comparison import Change
from bench.record.row import Row
from bench.reports.bounds import METRICS, broken_bounds, read_bound
from bench.scores.quality import Interval
from bench.scores.significance import TimeChange
from materials.errors import RequestError

ROW = Row(
    model="cnn hard",
    role="student",
    task="classification",
    device="cpu",
    threads=1,
    status="ok",
    error=None,
    architecture="cnn",
    objective="hard",
    objective_title="hard",
    transfer_rows=0,
    seed=0,
    format="onnx",
    parity="passed",
    parameters=10,
    size_bytes=1000,
    macro_f1=0.8,
    latency_p50_ms=1.0,
)


def change(*, p=0.001, base=ROW, **new):
    interval = Interval(value=1.06, low=0.9, high=1.1)
    tested = TimeChange(ratio=interval, p=p)
    return Change(base=base, new=replace(ROW, **new), quality=None, times={"latency_p50_ms": tested})


@pytest.mark.parametrize(
    ("text", "new", "sentence"),
    [
        ("latency_p50_ms>+5%", {"latency_p50_ms": 1.06}, "latency_p50_ms changed by +6% (latency_p50_ms>+5%)"),
        ("latency_p50_ms > 5 %", {"latency_p50_ms": 1.06}, "latency_p50_ms changed by +6% (latency_p50_ms>+5%)"),
        ("latency_p50_ms>+5%", {"latency_p50_ms": 1.04}, None),
        ("latency_p50_ms>+5%", {"latency_p50_ms": 0.5}, None),
        ("latency_p50_ms>0.05", {"latency_p50_ms": 1.06}, "latency_p50_ms changed by +0.06 (latency_p50_ms>+0.05)"),
        ("macro_f1<-0.5pt", {"macro_f1": 0.794}, "macro_f1 changed by -0.6pt (macro_f1<-0.5pt)"),
        ("macro_f1<-0.5pt", {"macro_f1": 0.796}, None),
        ("macro_f1<-0.5%", {"macro_f1": 0.795}, "macro_f1 changed by -0.625% (macro_f1<-0.5%)"),
        ("size_bytes>+1%", {"size_bytes": 1011}, "size_bytes changed by +1.1% (size_bytes>+1%)"),
        ("size_bytes>+1%", {"size_bytes": 1010}, None),
        ("size_bytes>0", {"size_bytes": 1001}, "size_bytes changed by +1 (size_bytes>+0)"),
    ],
)
def test_bound_breaks_beyond_its_amount_in_its_direction_only(text, new, sentence):
    expected = [] if sentence is None else [f"cnn hard as onnx, seed 0: {sentence}"]
    assert broken_bounds([read_bound(text)], [change(**new)]) == expected


def test_time_that_is_noise_breaks_no_bound():
    bound = read_bound("latency_p50_ms>+5%")
    assert broken_bounds([bound], [change(latency_p50_ms=2.0, p=0.01)]) == []
    assert len(broken_bounds([bound], [change(latency_p50_ms=2.0, p=0.0099)])) == 1


def test_every_file_and_every_bound_is_judged():
    bounds = [read_bound("latency_p50_ms>+5%"), read_bound("size_bytes>+1%")]
    changes = [change(latency_p50_ms=2.0, size_bytes=2000), change(), change(latency_p50_ms=3.0)]
    assert len(broken_bounds(bounds, changes)) == 3


def test_change_that_two_occasions_explain_breaks_no_bound():
    recorded = change(latency_p50_ms=1.06)
    recorded.times["latency_p50_ms"] = replace(recorded.times["latency_p50_ms"], smallest=0.1)
    assert broken_bounds([read_bound("latency_p50_ms>+5%")], [recorded]) == []


def test_figure_that_new_has_lost_breaks_its_bound():
    broken = broken_bounds([read_bound("macro_f1<-0.5pt")], [change(macro_f1=None)])
    assert broken == ["cnn hard as onnx, seed 0: macro_f1 is no longer measured (macro_f1<-0.5pt)"]


def test_file_that_failed_or_is_missing_in_new_breaks_any_bound():
    bounds = [read_bound("size_bytes>+1%")]
    failed = change(status="failed", error="it crashed", macro_f1=None)
    assert broken_bounds(bounds, [failed]) == ["cnn hard as onnx, seed 0 failed in new only: it crashed"]
    assert broken_bounds(bounds, [change()], [ROW]) == ["cnn hard as onnx, seed 0 is in base only"]
    assert broken_bounds([], [failed], [ROW]) == []


def test_figure_that_no_file_has_in_base_is_refused():
    with pytest.raises(RequestError, match="macro_f1<-0.5pt: no file has macro_f1 in base"):
        broken_bounds([read_bound("macro_f1<-0.5pt")], [change(base=replace(ROW, macro_f1=None))])


def test_points_are_for_shares_only():
    with pytest.raises(RequestError, match="pt is for shares such as macro_f1"):
        read_bound("latency_p50_ms>+5pt")


def test_unknown_figure_names_the_nearest():
    with pytest.raises(RequestError, match=r"unknown metric 'latency_p50'; did you mean 'latency_p50_ms'\? known: "):
        read_bound("latency_p50>+5%")


@pytest.mark.parametrize("name", ["seed", "batch_size", "model", "f1_per_class", "spinning"])
def test_what_is_no_measured_number_is_no_figure(name):
    assert name not in METRICS


@pytest.mark.parametrize("text", ["", "macro_f1", "macro_f1=5%", "macro_f1>=5%", "5%>macro_f1", "a>b", "a>5ms"])
def test_what_is_no_condition_is_refused_with_an_example(text):
    with pytest.raises(RequestError, match=r"is no condition; expected METRIC, .* such as 'latency_p50_ms>\+5%'"):
        read_bound(text)
