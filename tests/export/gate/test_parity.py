"""The gate finds planted faults of each kind, and lets rounding pass."""

import numpy as np
import pytest

from encoders.graph_input import INPUT_IDS
from encoders.text_encoder import TextEncoder
from encoders.token_rows import TokenRows
from export.gate.parity import ParityBounds, check_parity, failed_parity
from materials.tasks.single_label import SingleLabel
from students.vocabulary import build_tokenizer, save_tokenizer

WEIGHTS = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)


@pytest.fixture
def encoder(tmp_path):
    save_tokenizer(build_tokenizer(["a b c"], words_with_vector={"a", "b", "c"}), tmp_path)
    return TextEncoder.load(tmp_path / "tokenizer.json", max_length_tokens=20, padding=0, inputs=(INPUT_IDS,))


def reference(arrays):
    numbers = arrays["input_ids"]
    return (WEIGHTS[numbers] * (numbers != 0)[..., None]).sum(axis=1)


@pytest.fixture
def gate(encoder):
    generator = np.random.default_rng(1)
    rows = [generator.integers(1, 30, size=generator.integers(1, 20)).tolist() for _ in range(300)]
    labels = np.array([reference({"input_ids": np.array([row])}).argmax() for row in rows])

    def check(candidate, *, lossy=False, names=("input_ids",), original=reference):
        return check_parity(
            original,
            candidate,
            names,
            encoder=encoder,
            rows=TokenRows.of(rows),
            targets=labels,
            task=SingleLabel(),
            lossy=lossy,
            bounds=ParityBounds(),
        )

    return check


def test_the_same_function_passes(gate):
    assert gate(reference).status == gate(reference, lossy=True).status == "passed"


def test_rounding_within_the_bound_passes_and_beyond_it_fails(gate):
    assert gate(lambda arrays: reference(arrays) + 5e-5).status == "passed"
    parity = gate(lambda arrays: reference(arrays) + 5e-4)
    assert (parity.status, parity.reason) == ("failed", "logits differ by 5.0e-04; the bound is 2e-04")


def test_large_logits_may_differ_by_their_rounding_and_no_more(gate):
    def large(arrays):
        return 100 * reference(arrays)

    assert gate(lambda arrays: large(arrays) * (1 + 5e-6), original=large).status == "passed"
    assert "logits differ by" in gate(lambda arrays: large(arrays) * (1 + 5e-5), original=large).reason


def frozen_batch(arrays):
    if len(arrays["input_ids"]) != 2:
        raise RuntimeError("batch size is frozen\nmore")
    return reference(arrays)


FAULTS = {
    "labels swapped": lambda arrays: reference(arrays)[:, ::-1],
    "weights transposed": lambda arrays: WEIGHTS.T.reshape(30, 3)[arrays["input_ids"]].sum(axis=1),
    "padding counted": lambda arrays: WEIGHTS[arrays["input_ids"]].sum(axis=1),
    "one label lost": lambda arrays: reference(arrays)[:, :2],
    "one row lost": lambda arrays: reference(arrays)[1:],
    "batch size frozen": frozen_batch,
    "long texts cut": lambda arrays: reference({"input_ids": arrays["input_ids"][:, :17]}),
    "labels swapped for single texts": lambda arrays: reference(arrays)[
        :, :: -1 if len(arrays["input_ids"]) == 1 else 1
    ],
    "labels swapped for the longest texts": lambda arrays: reference(arrays)[
        :, :: -1 if arrays["input_ids"].shape[1] == 20 else 1
    ],
    "not a number": lambda arrays: reference(arrays) * np.nan,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_found(gate, fault):
    for lossy in (False, True):
        parity = gate(FAULTS[fault], lossy=lossy)
        if lossy and parity.status == "passed" and fault in ("padding counted", "long texts cut"):
            continue  # what is lost there may be as little as int8 loses
        assert parity.status == "failed"
        assert parity.reason


def test_wrong_input_name_is_found_before_anything_is_run(gate):
    parity = gate(reference, names=("tokens",))
    assert parity.reason == "inputs are named tokens; expected input_ids"


def test_lossy_format_may_change_values_but_not_sure_labels(gate):
    assert gate(lambda arrays: reference(arrays) * 1.05, lossy=True).status == "passed"

    def noisy(arrays):
        return reference(arrays) + np.random.default_rng(0).normal(scale=2.0, size=(len(arrays["input_ids"]), 3))

    assert gate(noisy, lossy=True).reason.endswith("of the sure labels agree; the bound is 99%")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Load model from /tmp/here-x1/model.onnx failed", "Load model from model.onnx failed"),
        ("No such file: '/home/me/my.d/rows.csv'", "No such file: 'rows.csv'"),
        ("see https://example.org/a/b.html, or 1/2/3", "see https://example.org/a/b.html, or 1/2/3"),
    ],
)
def test_reason_of_a_failure_names_no_folder(message, reason):
    assert failed_parity(message).reason == reason
