import numpy as np
import pytest

from bench.speed import best_batch_size, measure_speed, supported_percentile
from students.vocabulary import build_tokenizer, save_tokenizer
from training.graph_input import INPUT_IDS
from training.text_encoder import TextEncoder


class Clock:
    """A clock that only work moves."""

    def __init__(self):
        self.now = 0

    def perf_counter(self):
        return self.now / 1e9

    def perf_counter_ns(self):
        return self.now


class SlowRuntime:
    """Takes 1 ms a call and 0.1 ms a row."""

    input_names = ("input_ids",)
    threads = 1

    def __init__(self, clock):
        self.clock = clock
        self.shapes = []

    def __call__(self, arrays):
        rows, length = arrays["input_ids"].shape
        self.shapes.append((rows, length))
        self.clock.now += 1_000_000 + 100_000 * rows
        return np.zeros((rows, 2), dtype=np.float32)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(build_tokenizer(["a"], known={"a"}), folder)
    encoder = TextEncoder.load(folder / "tokenizer.json", max_length_tokens=12, padding=0, inputs=(INPUT_IDS,))
    clock = Clock()
    runtime = SlowRuntime(clock)
    texts = ["a " * (1 + number % 10) for number in range(150)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.speed.time", clock)
        return runtime, measure_speed(runtime, encoder, texts)


def test_single_calls_have_one_row_at_its_own_length(measured):
    runtime, samples = measured
    assert {length for rows, length in runtime.shapes if rows == 1} == set(range(1, 11))
    assert np.median(samples.single["model"]) / 1e6 == pytest.approx(1.1)


def test_every_row_is_timed_equally_often(measured):
    _, samples = measured
    assert len(samples.single["model"]) % 128 == 0


def test_the_best_batch_size_is_found_and_its_rate_is_right(measured):
    _, samples = measured
    assert best_batch_size(samples.passes["model"]) == 128
    assert np.median(samples.passes["model"][8]) / 1e6 == pytest.approx(19 * 1 + 150 * 0.1)


def test_percentile_needs_ten_samples_beyond_it():
    assert supported_percentile([1_000_000] * 99, 90) is None
    assert supported_percentile([1_000_000] * 100, 90) == 1.0
    assert supported_percentile([1_000_000] * 100, 99) is None
