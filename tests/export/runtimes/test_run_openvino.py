from dataclasses import replace

import numpy as np
import pytest
from sample_texts import sentences

from export.bundle import read_bundle
from export.runtimes import RUNTIMES
from export.runtimes.runtime import logits_of
from materials.errors import RequestError

pytest.importorskip("openvino")
TEXTS = sentences(40, start=700)[0]


@pytest.fixture(scope="module")
def bundle(tiny_onnx):
    return replace(read_bundle(tiny_onnx), runtime="openvino")


def logits(bundle, runtime, threads=1):
    encoder = bundle.encoder()
    return logits_of(RUNTIMES[runtime](bundle, threads), encoder, encoder.encode(TEXTS), batch_size=8)


def test_openvino_gives_the_logits_of_onnxruntime(bundle):
    openvino_logits = logits(bundle, bundle.runtime)
    assert openvino_logits.dtype == np.float32
    assert openvino_logits == pytest.approx(logits(bundle, "onnxruntime"), abs=1e-4)


@pytest.mark.parametrize("threads", [1, 2])
def test_settings_are_read_back_from_the_compiled_model(bundle, threads):
    settings = RUNTIMES["openvino"](bundle, threads).settings
    assert (settings.intra_op_threads, settings.inter_op_threads, settings.spinning) == (threads, 1, None)
    assert settings.provider == "CPU f32"


def test_logits_that_were_fetched_outlive_the_next_call(bundle):
    runtime, encoder = RUNTIMES["openvino"](bundle, 1), bundle.encoder()
    first, second = (encoder.pad(encoder.encode([text])) for text in TEXTS[:2])
    first_logits = runtime(first)
    first_logits_copy = first_logits.copy()
    assert not np.array_equal(runtime(second), first_logits_copy)
    assert np.array_equal(first_logits, first_logits_copy)


def test_openvino_on_a_gpu_is_refused(bundle):
    with pytest.raises(RequestError, match="cpu only"):
        RUNTIMES["openvino"](bundle, 1, "cuda")
