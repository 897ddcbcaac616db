from dataclasses import replace

import numpy as np
import pytest
from sample_clock import Clock
from sample_texts import sentences

from bench.harness import open_loop, scenarios, timing
from bench.harness.figures import figures_of
from bench.harness.scenarios import END_TO_END, MODEL, run_scenarios, single_items
from bench.harness.subject import Graph, Subject, load_subject
from bench.harness.workload import SCENARIOS, Workload
from encoders.graph_input import INPUT_IDS
from encoders.text_encoder import TextEncoder
from export.bundle import read_bundle
from export.runtimes.runtime import Runtime, RuntimeSettings, logits_of
from students.vocabulary import build_tokenizer, save_tokenizer

SETTINGS = RuntimeSettings(intra_op_threads=1, inter_op_threads=1, spinning=False, provider="a clock")
TEXTS = ["a " * (1 + number % 10) for number in range(300)]
SHORT = {"batch_sizes": (8, 32, 128), "seconds": 0.5, "sweep_batch_sizes": (1, 3), "sweep_lengths": (4, 12, 16)}


class SlowRuntime(Runtime):
    """Takes 1 ms a call and 0.1 ms a row; from `crowd` rows on, ten times as long. Has 12 positions."""

    input_names = ("input_ids",)
    settings = SETTINGS

    def __init__(self, clock, *, crowd=100):
        self.clock, self.crowd, self.shapes = clock, crowd, []

    def prepare(self, arrays):
        return arrays["input_ids"]

    def forward(self, prepared):
        if prepared.shape[1] > 12:
            raise IndexError("no such position")
        self.shapes.append(prepared.shape)
        self.clock.work((1 + 0.1 * len(prepared)) * (10 if len(prepared) >= self.crowd else 1))
        return np.zeros((len(prepared), 2), dtype=np.float32)

    def fetch(self, output):
        return output


@pytest.fixture
def clock(monkeypatch):
    clock = Clock(tick=20_000)
    for module in (timing, open_loop):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(build_tokenizer(["a"], words_with_vector={"a"}), folder)
    return TextEncoder.load(folder / "tokenizer.json", max_length_tokens=12, padding=0, inputs=(INPUT_IDS,))


@pytest.fixture
def runtime(clock):
    return SlowRuntime(clock)


@pytest.fixture
def subject(encoder, runtime):
    def classify(texts, size):
        return logits_of(runtime, encoder, encoder.encode(texts), batch_size=size)

    return Subject(
        classify=classify,
        label=lambda texts, size: classify(texts, size).argmax(axis=1),
        settings=SETTINGS,
        graph=Graph(encoder=encoder, runtime=runtime, synchronise=None),
    )


def run(subject, *names, texts=TEXTS, **changes):
    return run_scenarios(Workload(model="here", threads=1, scenarios=names, **{**SHORT, **changes}), subject, texts)


def series_of(results, figure):
    return [series for series in results.series if series.figure == figure]


def library(clock, batches, milliseconds=2.0):
    """A library that writes down what it is asked, and takes so long for each text."""

    def classify(texts, size):
        batches.append(list(texts))
        clock.work(milliseconds * len(texts))
        return np.zeros((len(texts), 2))

    def label(texts, size):
        return classify(texts, size).argmax(axis=1)

    return Subject(classify=classify, label=label, settings=SETTINGS, graph=None)


def test_single_items_are_a_seeded_sample_without_repeats():
    texts = [str(number) for number in range(1000)]
    chosen = single_items(texts)
    assert chosen == single_items(texts)
    assert len(set(chosen)) == 128
    assert chosen != texts[:128]


def test_fewer_texts_are_all_used():
    assert sorted(single_items(["a", "b", "c"])) == ["a", "b", "c"]


@pytest.mark.parametrize("scenario", ["single-stream", "offline"])
def test_every_model_gets_the_same_texts(clock, scenario):
    texts = [str(number) for number in range(1000)]
    text_sets = []
    for milliseconds in (0.5, 3):
        batches = []
        run(library(clock, batches, milliseconds), scenario, texts=texts)
        text_sets.append({text for batch in batches for text in batch})
    assert text_sets[0] == text_sets[1]
    assert len(text_sets[0]) == {"single-stream": 128, "offline": 256}[scenario]


def test_single_calls_have_one_row_at_its_own_length(subject, runtime):
    results = run(subject, "single-stream")
    assert set(runtime.shapes) == {(1, length) for length in range(1, 11)}
    assert [series.figure for series in results.series] == [MODEL, END_TO_END]
    assert results.unsteady == []
    assert results.series[0].median_ms == pytest.approx(1.1, rel=0.03)


def test_every_text_is_timed_equally_often(subject):
    for series in run(subject, "single-stream").series:
        assert series.round_calls == 128
        assert len(series.nanoseconds) % 128 == 0


def test_time_that_does_not_settle_is_named(subject, runtime, clock, monkeypatch):
    def slower(prepared):
        runtime.shapes.append(prepared.shape)
        clock.work(1.001 ** len(runtime.shapes))
        return np.zeros((len(prepared), 2), dtype=np.float32)

    monkeypatch.setattr(runtime, "forward", slower)
    assert run(subject, "single-stream").unsteady == ["single-stream model", "single-stream end_to_end"]


def test_a_graph_waits_for_its_device(encoder, clock, runtime):
    graph = Graph(encoder=encoder, runtime=runtime, synchronise=lambda: clock.work(5))
    waiting = Subject(
        classify=lambda texts, size: np.zeros((len(texts), 2)),
        label=lambda texts, size: np.zeros(len(texts)),
        settings=SETTINGS,
        graph=graph,
    )
    assert run(waiting, "single-stream").series[0].median_ms == pytest.approx(6.1, rel=0.01)


def test_offline_picks_the_best_batch_size_and_its_rate_is_right(subject):
    results = run(subject, "offline")
    times = {series.batch_size: series.median_ms for series in series_of(results, MODEL)}
    assert times == {
        8: pytest.approx(32 + 25.6, rel=0.01),
        32: pytest.approx(8 + 25.6, rel=0.01),
        128: pytest.approx((2 + 25.6) * 10, rel=0.01),
    }
    figures = figures_of(results)
    assert (figures["batch_size"], figures["end_to_end_batch_size"]) == (32, 32)
    assert figures["texts_per_second"] == pytest.approx(256 / 0.0336, rel=0.01)


def test_offline_passes_go_over_256_texts_in_batches_of_about_equal_length(subject, runtime):
    run(subject, "offline", batch_sizes=(64,), seconds=0)
    batches = runtime.shapes[:4]
    assert sum(size for size, _ in batches) == 256
    assert [length for _, length in batches] == sorted(length for _, length in batches)
    assert batches[0][1] < batches[-1][1] == 10


def test_sweep_shapes_are_exactly_batch_by_length_and_refused_ones_are_named(subject, runtime):
    results = run(subject, "sweep")
    shapes = {(size, length) for size in (1, 3) for length in (4, 12)}
    assert set(runtime.shapes) == shapes
    assert {(series.batch_size, series.length_tokens) for series in results.series} == shapes
    assert [series.median_ms for series in results.series if series.batch_size == 3] == pytest.approx(
        [1.3, 1.3], rel=0.03
    )
    assert results.refused_shapes == [(1, 16), (3, 16)]
    unknown = [point for point in figures_of(results)["sweep"] if point["latency_p50_ms"] is None]
    assert [(point["batch_size"], point["length_tokens"]) for point in unknown] == [(1, 16), (3, 16)]


@pytest.mark.parametrize(
    ("longest", "error"),
    [
        (8, MemoryError()),
        (8, RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")),
        (4, RuntimeError("Failed to allocate memory for requested buffer of size 9")),
        (12, IndexError("no such position")),
        (12, ImportError("no library")),
    ],
)
def test_sweep_refuses_no_length_of_a_text_and_nothing_for_want_of_memory(
    subject, runtime, monkeypatch, longest, error
):
    works = runtime.forward

    def fails(prepared):
        if prepared.shape[1] > 10:
            raise error
        return works(prepared)

    monkeypatch.setattr(runtime, "forward", fails)
    graph = replace(subject.graph, encoder=replace(subject.graph.encoder, max_length_tokens=longest))
    with pytest.raises(type(error)):
        run(replace(subject, graph=graph), "sweep")


def test_server_sets_the_highest_rate_that_was_kept(subject):
    results = run(subject, "server", server_p99_ms=10.0)
    rates = [series.rate_per_second for series in results.series]
    assert results.highest_rate in rates
    assert 600 < results.highest_rate < 1000 / 1.1
    assert results.server_bound_ms == 10
    assert figures_of(results)["server_p99_ms"] < 10
    assert all(series.figure == END_TO_END for series in results.series)


def test_server_has_no_rate_for_a_model_slower_than_the_bound(clock):
    results = run(library(clock, [], milliseconds=30), "server", server_p99_ms=20.0)
    assert results.highest_rate is None
    assert "server_texts_per_second" not in figures_of(results)


def test_a_library_has_end_to_end_figures_only(clock):
    results = run(library(clock, []), *SCENARIOS)
    assert {series.figure for series in results.series} == {END_TO_END}
    assert {series.scenario for series in results.series} == {"single-stream", "offline", "server"}


def test_a_library_chooses_its_batches_itself(clock):
    assert len(run(library(clock, []), "offline").series) == 1


def test_only_the_scenarios_that_are_asked_for_run(subject):
    assert run(subject).series == []
    assert {series.scenario for series in run(subject, "offline").series} == {"offline"}


def test_a_real_onnx_bundle_runs_every_scenario(tiny_onnx):
    texts = sentences(200, start=900)[0]
    workload = Workload(
        model=str(tiny_onnx),
        threads=1,
        batch_sizes=(8, 32),
        seconds=0.05,
        scenarios=("single-stream", "offline", "sweep"),
    )
    results = run_scenarios(workload, load_subject(workload, read_bundle(tiny_onnx)), texts)
    figures = figures_of(results)
    assert figures["latency_p50_ms"] < figures["end_to_end_latency_p50_ms"]
    assert figures["batch_size"] in (8, 32)
    assert {point["length_tokens"] for point in figures["sweep"]} == {16, 32, 64}  # though texts are cut to 24
    assert all(point["latency_p50_ms"] > 0 for point in figures["sweep"])


def test_no_scenario_is_timed_before_its_warm_up(subject, runtime, monkeypatch):
    order = []
    monkeypatch.setattr(scenarios, "warm_up", lambda *args: order.append("warm") or True)
    timed = scenarios.time_rounds
    monkeypatch.setattr(
        scenarios, "time_rounds", lambda *args, **options: order.append("timed") or timed(*args, **options)
    )
    run(subject, "single-stream", "sweep")
    assert order == ["warm", "timed"] * 6
