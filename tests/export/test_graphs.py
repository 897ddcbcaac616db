"""What the exporters do to a graph: fused operators, the folded linear student, layers that int8 spares."""

import re
from collections import Counter

import numpy as np
import onnx
import onnx_ir
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_models import save_tiny_student
from sample_texts import labelled, sentences

import export.graphs.prepared
from export.exporting import ExportRequest, export_bundle, open_origin
from export.formats.to_onnx import write_plain_onnx
from export.graphs.flat_attention import keep_flat
from export.graphs.layers import layer_inputs, weight_of, weighted_layers
from export.graphs.prepared import plain_onnx, prepared_onnx, smoothed_onnx
from export.graphs.sensitivity import most_sensitive_first, noise_share
from export.graphs.smoothing import smooth, smoothing_factors
from export.origin import Origin, Unfit
from materials.errors import RequestError
from students.linear import Linear

LAYERS = 2


@pytest.fixture(scope="module")
def sound(tiny_transformer):
    """A transformer for tests that leave it as it is."""
    with open_origin(tiny_transformer, sentences(60)[0]) as opened:
        yield opened


@pytest.fixture
def origin(tiny_transformer):
    with open_origin(tiny_transformer, sentences(60)[0]) as opened:
        yield opened


def operators(file):
    return Counter(node.op_type for node in onnx.load(file).graph.node)


def exported(origin, format, folder):
    return export_bundle(ExportRequest(origin=origin, rows=labelled(80, 500)), format, folder)


def test_attention_normalisation_and_gelu_are_one_operator_each(sound, tmp_path):
    bundle = exported(sound, "onnx", tmp_path)
    operator_counts = operators(bundle.model_path)
    assert bundle.parity["setting"] == "fused operators"
    assert operator_counts["Attention"] == LAYERS
    assert operator_counts["SkipLayerNormalization"] == 2 * LAYERS
    assert operator_counts["BiasGelu"] == LAYERS
    assert not operator_counts["Softmax"]
    assert not operator_counts["Erf"]
    write_plain_onnx(sound, tmp_path)
    plain = operators(tmp_path / "model.onnx")
    assert plain["Softmax"] == LAYERS
    assert operator_counts.total() < plain.total() / 2


def test_weights_of_fused_attention_lie_side_by_side_in_the_file(sound, tmp_path):
    model = onnx.load(exported(sound, "onnx", tmp_path).model_path)
    sizes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    attention = [node for node in model.graph.node if node.op_type == "Attention"]
    assert {sizes[node.input[1]] for node in attention} == {(32, 96)}


def test_fused_attention_whose_result_was_flat_is_made_flat_again():
    heads, width = 2, 8
    body = f"""<ir_version: 10, opset_import: ["" : 20, "com.microsoft" : 1]>
    flat (float[batch, length, {width}] x, float[{width}, {width}] weight) => (float[tokens, {width}] y)
    <float[tokens, {width}] attended> {{
        attended = com.microsoft.MultiHeadAttention<num_heads: int = {heads}>(x, x, x)
        y = Gemm(attended, weight)
    }}"""
    model = onnx_ir.from_proto(onnx.parser.parse_model(body))
    keep_flat(model)
    rows = np.random.default_rng(0).standard_normal((3, 5, width)).astype(np.float32)
    session = onnxruntime.InferenceSession(onnx_ir.to_proto(model).SerializeToString())
    (flat,) = session.run(None, {"x": rows, "weight": np.eye(width, dtype=np.float32)})
    assert flat.shape == (15, width)


def test_graph_that_torch_cannot_give_is_tried_once_for_all_settings(origin, monkeypatch, tmp_path):
    tries = []

    def fail(*arguments, **options):
        tries.append(arguments)
        raise NotImplementedError("an operator without a counterpart")

    monkeypatch.setattr(torch.onnx, "export", fail)
    for format in ("onnx", "onnx-int8"):
        (tmp_path / format).mkdir()
        parity = exported(origin, format, tmp_path / format).parity
        assert "an operator without a counterpart" in parity["reason"]
    assert len(tries) == 1


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(1, 29), max_size=9), min_size=1, max_size=5),
    buckets=st.sampled_from([1, 7, 50, 100_000]),
    classes=st.sampled_from([3, 20]),
)
def test_deployed_linear_gives_the_logits_of_the_trained_one(rows, buckets, classes):
    torch.manual_seed(0)
    linear = Linear(words=30, classes=classes, dimensions=8, buckets=buckets).eval()
    torch.nn.init.normal_(linear.bigrams.weight)
    length = max(1, *map(len, rows))
    input_ids = torch.tensor([row + [0] * (length - len(row)) for row in rows])
    with torch.inference_mode():
        torch.testing.assert_close(linear.deployed()(input_ids), linear(input_ids), atol=1e-5, rtol=0)


def sizes_of_linear(folder, *, label_names, buckets):
    """The sizes of a linear student's files in bytes, by format."""
    changes = {"dimensions": 50, "label_names": label_names, "settings": {"buckets": buckets}}
    checkpoint = save_tiny_student(folder / "checkpoint", "linear", **changes)
    sizes = {}
    with open_origin(checkpoint, sentences(60)[0]) as origin:
        for format in ("eager", "onnx", "onnx-int8"):
            (folder / format).mkdir()
            bundle = exported(origin, format, folder / format)
            assert bundle.parity["status"] in ("reference", "passed"), bundle.parity["reason"]
            sizes[format] = bundle.model_path.stat().st_size
    return sizes


def test_file_of_a_linear_student_with_two_classes_is_a_tenth_of_its_embeddings(tmp_path):
    sizes = sizes_of_linear(tmp_path, label_names=("bad", "good"), buckets=90_001)
    assert sizes["onnx"] < sizes["eager"] / 10
    assert sizes["onnx-int8"] < sizes["onnx"] * 0.3


def test_file_of_a_linear_student_with_more_classes_than_dimensions_is_no_larger_than_its_embeddings(tmp_path):
    label_names = ("bad", "good", *(f"other {number}" for number in range(98)))
    sizes = sizes_of_linear(tmp_path, label_names=label_names, buckets=9_001)
    assert sizes["onnx"] < sizes["eager"] * 1.02
    assert sizes["onnx-int8"] < sizes["onnx"] * 0.3


def test_noise_share_is_that_of_a_case_by_hand():
    inputs = np.array([[0.0, 255.0], [255.0, 255.0]])
    # steps of the inputs are 1, those of the weights 2 / 127: nothing is rounded away
    assert noise_share(inputs, np.array([[2.0], [2.0]])) == pytest.approx(0, abs=1e-12)
    # steps of the weights are 1, so 0.4 becomes 0: both rows lose 0.4 x 255; the output varies by 127 x 255 / 2
    assert noise_share(inputs, np.array([[127.0], [0.4]])) == pytest.approx((0.4 * 255) ** 2 / (127 * 255 / 2) ** 2)


def test_layer_with_an_outlier_among_its_inputs_is_the_most_sensitive(origin):
    layer = origin.classifier.module.model.bert.encoder.layer[1]
    with torch.no_grad():
        layer.intermediate.dense.bias[3] = 4_000.0
        layer.output.dense.weight[:, 3] = 0.0
    model = onnx.load(prepared_onnx(origin))
    first = most_sensitive_first(origin, model)[0]
    layer = next(layer for layer in weighted_layers(model) if layer.name == first)
    assert weight_of(model, layer).shape == (64, 32)  # from the wide layer back to the narrow one


def test_smoothing_factors_are_those_of_a_case_by_hand():
    # max|input| 16 and 1, max|weight| 1 and 1: factors 16^0.8 and 1, over their geometric mean 16^0.4
    factors = smoothing_factors(np.array([16.0, 1.0]), [np.array([[1.0, -0.5], [0.5, 1.0]]), np.array([[0.1], [-1.0]])])
    assert factors == pytest.approx([16**0.4, 16**-0.4])


def test_smoothed_graph_computes_the_same_and_quietens_the_layer_with_an_outlier(origin):
    layer = origin.classifier.module.model.bert.encoder.layer[1]
    with torch.no_grad():
        layer.intermediate.dense.bias[3] = 400.0
        layer.output.dense.weight[:, 3] *= 0.01
    before, after = (onnx.load(file) for file in (prepared_onnx(origin), smoothed_onnx(origin)))
    rows = origin.classifier.encoder.pad(origin.classifier.encoder.encode(sentences(8)[0]))
    logits = [
        onnxruntime.InferenceSession(model.SerializeToString()).run(None, dict(rows))[0] for model in (before, after)
    ]
    np.testing.assert_allclose(*logits, atol=1e-4)
    noise = []
    for model in (before, after):
        wide = next(layer for layer in reversed(weighted_layers(model)) if weight_of(model, layer).shape == (64, 32))
        noise.append(
            sum(noise_share(inputs[wide.input[0]], weight_of(model, wide)) for inputs in layer_inputs(model, origin))
        )
    assert noise[1] < noise[0] / 2


@pytest.mark.parametrize("opset", [9, 99])
def test_opset_that_cannot_express_the_model_is_refused_in_words(tiny_student, tmp_path, opset):
    cause = rf"opset {opset} cannot express this model; torch's exporter gave opset \d+"
    with open_origin(tiny_student, [], opset=opset) as origin:
        with pytest.raises(RequestError, match=cause):
            plain_onnx(origin)
        bundle = exported(origin, "onnx", tmp_path)
    assert bundle.parity["status"] == "failed"
    assert re.search(cause, bundle.parity["reason"])


def test_weights_that_fit_no_single_file_are_no_onnx_file(tiny_transformer, tmp_path, monkeypatch):
    monkeypatch.setattr(export.graphs.prepared, "LARGEST_WEIGHTS_BYTES", 1000)
    with open_origin(tiny_transformer, []) as origin, pytest.raises(Unfit, match="do not fit one ONNX file"):
        plain_onnx(origin)


def test_other_opset_is_the_file_s(tiny_transformer, tmp_path):
    with open_origin(tiny_transformer, [], opset=22) as origin:
        model = onnx.load(exported(origin, "onnx", tmp_path).model_path)
    assert {opset.domain: opset.version for opset in model.opset_import}[""] == 22


def test_the_plain_graph_is_made_once_for_all_formats(origin: Origin, monkeypatch, tmp_path):
    calls = []
    original = torch.onnx.export
    monkeypatch.setattr(torch.onnx, "export", lambda *args, **options: calls.append(1) or original(*args, **options))
    for format in ("onnx", "onnx-int8", "onnx-fp16"):
        (tmp_path / format).mkdir()
        exported(origin, format, tmp_path / format)
    assert len(calls) == 1


def test_weight_that_several_layers_share_is_not_smoothed_twice(tmp_path):
    shared = onnx.numpy_helper.from_array(np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32), "shared")
    own_weight = onnx.numpy_helper.from_array(np.random.default_rng(1).normal(size=(8, 2)).astype(np.float32), "own")
    table = onnx.numpy_helper.from_array(np.random.default_rng(2).normal(size=(300, 8)).astype(np.float32), "table")
    nodes = [
        onnx.helper.make_node("Gather", ["table", "input_ids"], ["embedded"], name="gather"),
        onnx.helper.make_node("MatMul", ["embedded", "shared"], ["first"], name="one"),
        onnx.helper.make_node("MatMul", ["first", "shared"], ["second"], name="two"),
        onnx.helper.make_node("MatMul", ["second", "own"], ["logits"], name="three"),
    ]
    ids = onnx.helper.make_tensor_value_info("input_ids", onnx.TensorProto.INT64, ["batch", "length"])
    logits = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", "length", 2])
    graph = onnx.helper.make_graph(nodes, "shared", [ids], [logits], [shared, own_weight, table])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    rows = {"input_ids": np.arange(12).reshape(2, 6)}
    before = onnxruntime.InferenceSession(model.SerializeToString()).run(None, rows)[0]
    with open_origin(save_tiny_student(tmp_path, "linear"), sentences(40)[0]) as origin:
        smooth(model, origin)
    after = onnxruntime.InferenceSession(model.SerializeToString()).run(None, rows)[0]
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4)
    assert [node.name for node in model.graph.node if node.op_type == "Mul"] == ["second/smoothing"]
