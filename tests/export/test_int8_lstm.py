"""int8 files of a bilstm student of the usual size, with random weights: 20,000 words, so that the table dominates."""

from copy import deepcopy
from dataclasses import replace

import pytest
from sample_models import save_tiny_student, widen
from sample_texts import labelled

from export.exporting import ExportRequest, export_bundle, open_origin
from export.formats import EXPORTERS
from export.gate.parity import ParityBounds
from export.graphs.layers import weight_of, weighted_layers
from export.graphs.prepared import most_sensitive_layers, smoothed_onnx
from export.origin import remembered
from export.runtimes import RUNTIMES
from export.runtimes.runtime import logits_of

INT8_OF = {"onnx-int8": "onnx", "onnx-int8-static": "onnx", "openvino-int8": "openvino"}
ANY_LABELS = ParityBounds(smallest_agreement=0.0, largest_f1_drop=1.0)  # those of random weights mean nothing


@pytest.fixture(scope="module")
def request_of_bilstm(tmp_path_factory):
    """A student whose weights for the text forwards are three times as wide as those for the text backwards."""
    usual = {"words": 20_000, "dimensions": 50, "max_length_tokens": 64, "settings": {}}
    checkpoint, rows = save_tiny_student(tmp_path_factory.mktemp("bilstm"), "bilstm", **usual), labelled(100)
    widen(checkpoint, "forwards.", 3)
    with open_origin(checkpoint, rows.items) as origin:
        yield ExportRequest(origin=origin, rows=rows, bounds=ANY_LABELS)


@pytest.fixture(scope="module")
def exported(tmp_path_factory, request_of_bilstm):
    """A function that gives the student's bundle in a format, exported once."""
    bundles = {}

    def get(format):
        if format not in bundles:
            bundles[format] = export_bundle(request_of_bilstm, format, tmp_path_factory.mktemp(format))
        return bundles[format]

    return get


@pytest.mark.parametrize("format", INT8_OF)
def test_int8_of_an_lstm_takes_less_than_28_percent_of_fp32(exported, format):
    int8, fp32 = exported(format), exported(INT8_OF[format])
    # Without VNNI the 8-bit weights of the first setting overflow; the second one then has 7 bits, or weights only.
    assert int8.parity["setting"] in list(EXPORTERS[format].settings)[:2], int8.parity["failed_settings"]
    assert int8.model_size_bytes < 0.28 * fp32.model_size_bytes


@pytest.mark.parametrize("format", INT8_OF)
def test_int8_lstms_of_unlike_weights_each_compute_with_their_own(exported, request_of_bilstm, format):
    bundle, encoder, rows = exported(format), request_of_bilstm.origin.classifier.encoder, request_of_bilstm.encoded
    expected = logits_of(request_of_bilstm.reference, encoder, rows)
    int8_logits = logits_of(RUNTIMES[bundle.runtime](bundle, 1), encoder, rows)
    classifier = request_of_bilstm.origin.classifier
    mixed_up = deepcopy(classifier.module)
    mixed_up.backwards.load_state_dict(mixed_up.forwards.state_dict())
    mixed = logits_of(remembered(replace(classifier, module=mixed_up)), encoder, rows)
    # How fine int8 is differs between processors (up to 0.22 of the spread without VNNI); a mix-up is coarser on all.
    assert ((int8_logits - expected).std(axis=0) < 0.5 * (mixed - expected).std(axis=0)).all()


def test_openvino_file_of_int8_weights_holds_no_wide_floats(request_of_bilstm, tmp_path):
    import openvino

    EXPORTERS["openvino-int8"].settings["weights only"](request_of_bilstm.origin, tmp_path)
    nodes = openvino.Core().read_model(tmp_path / "model.xml").get_ops()
    constants = [node for node in nodes if node.get_type_name() == "Constant" and node.data.size > 40_000]
    assert sorted({str(node.data.dtype) for node in constants}) == ["int8", "uint8"]


def test_spared_layer_stays_in_fp32_though_the_quantiser_splits_and_renames_it(request_of_bilstm, tmp_path):
    import onnx

    origin = request_of_bilstm.origin
    model = onnx.load(smoothed_onnx(origin))
    spared = next(layer for layer in weighted_layers(model) if layer.name == most_sensitive_layers(origin)[0])
    EXPORTERS["onnx-int8"].settings["all but the most sensitive layer"](origin, tmp_path)
    graph = onnx.load(tmp_path / "model.onnx").graph
    kinds = {
        tuple(sorted(tensor.dims)): onnx.TensorProto.DataType.Name(tensor.data_type) for tensor in graph.initializer
    }
    assert spared.op_type == "Gemm"
    assert kinds[tuple(sorted(weight_of(model, spared).shape))] == "FLOAT"
    assert kinds[(50, 20_000)] in ("INT8", "UINT8")
