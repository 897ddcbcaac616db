"""int8 files of a bilstm student of the usual size, with random weights: 20,000 words, so that the table dominates."""

import numpy as np
import pytest
from sample_texts import sentences

from export import EXPORTERS, RUNTIMES
from export.exporting import ExportRequest, export_bundle, open_origin
from export.parity import ParityBounds
from export.runtime import logits_of
from materials.rows import Rows
from students.checkpoint import StudentShape, build_student, save_student
from students.vocabulary import build_tokenizer

INT8_OF = {"onnx-int8": "onnx", "onnx-int8-static": "onnx", "openvino-int8": "openvino"}
ANY_LABELS = ParityBounds(smallest_agreement=0.0, largest_f1_drop=1.0)  # those of random weights mean nothing


@pytest.fixture(scope="module")
def request_of_bilstm(tmp_path_factory):
    """A student whose weights for the text forwards are three times as wide as those for the text backwards."""
    import torch

    texts, labels = sentences(100)
    tokenizer = build_tokenizer(texts, known=())
    names = ("bad", "good")
    shape = StudentShape(
        architecture="bilstm", words=20_000, dimensions=50, label_names=names, max_length_tokens=64, settings={}
    )
    module = build_student(shape, vectors=None, seed=0)
    with torch.no_grad():
        for weight in module.forwards.parameters():
            weight.mul_(3)
    checkpoint = tmp_path_factory.mktemp("bilstm")
    save_student(module, shape, tokenizer, checkpoint)
    rows = Rows(texts=texts, labels=np.array([names.index(label) for label in labels]))
    with open_origin(checkpoint, texts) as origin:
        yield ExportRequest(origin=origin, rows=rows, bounds=ANY_LABELS)


@pytest.fixture(scope="module")
def exported(tmp_path_factory, request_of_bilstm):
    """A function that gives the student's bundle in a format, exported once."""
    known = {}

    def get(format):
        if format not in known:
            known[format] = export_bundle(request_of_bilstm, format, tmp_path_factory.mktemp(format))
        return known[format]

    return get


@pytest.mark.parametrize("format", INT8_OF)
def test_int8_of_an_lstm_takes_less_than_28_percent_of_fp32(exported, format):
    int8, fp32 = exported(format), exported(INT8_OF[format])
    assert int8.parity["setting"] == next(iter(EXPORTERS[format].settings)), int8.parity["failed_settings"]
    assert int8.model_size_bytes < 0.28 * fp32.model_size_bytes


@pytest.mark.parametrize("format", INT8_OF)
def test_int8_lstms_of_unlike_weights_each_compute_with_their_own(exported, request_of_bilstm, format):
    bundle, encoder, rows = exported(format), request_of_bilstm.origin.classifier.encoder, request_of_bilstm.encoded
    expected = logits_of(request_of_bilstm.reference, encoder, rows)
    found = logits_of(RUNTIMES[bundle.runtime](bundle, 1), encoder, rows)
    assert ((found - expected).std(axis=0) < 0.1 * expected.std(axis=0)).all()


def test_openvino_file_of_int8_weights_holds_no_wide_floats(request_of_bilstm, tmp_path):
    import openvino

    EXPORTERS["openvino-int8"].settings["weights only"](request_of_bilstm.origin, tmp_path)
    nodes = openvino.Core().read_model(tmp_path / "model.xml").get_ops()
    constants = [node for node in nodes if node.get_type_name() == "Constant" and node.data.size > 40_000]
    assert sorted({str(node.data.dtype) for node in constants}) == ["int8", "uint8"]


@pytest.mark.parametrize(
    ("format", "setting"),
    [
        ("onnx-int8", "all but the 3 most sensitive layers"),
        ("onnx-int8-static", "min-max, all but the 6 most sensitive layers"),
    ],
)
def test_spared_layers_stay_in_fp32_though_the_quantiser_splits_and_renames_them(
    request_of_bilstm, tmp_path, format, setting
):
    import onnx

    EXPORTERS[format].settings[setting](request_of_bilstm.origin, tmp_path)
    graph = onnx.load(tmp_path / "model.onnx").graph
    wide = {tuple(sorted(one.dims)): one.data_type for one in graph.initializer if np.prod(one.dims) > 40_000}
    kinds = {dims: onnx.TensorProto.DataType.Name(kind) for dims, kind in wide.items()}
    assert kinds.pop((200, 300)) == "FLOAT"  # the hidden layer
    assert set(kinds.values()) <= {"INT8", "UINT8"}
