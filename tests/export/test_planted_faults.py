"""A file with a planted fault does not get through the gate, whatever the fault; a safer setting is tried after it."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from sample_models import save_tiny_student, train_tiny
from sample_texts import labelled, sentences

import export.exporting
from export.exporting import ExportRequest, export_bundle, open_origin
from export.formats import EXPORTERS
from export.formats.to_onnx import write_plain_onnx
from export.formats.to_torchscript import write_torchscript
from export.origin import Unfit


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A trained BiLSTM whose last layer but one is square, so that it can be transposed."""
    return train_tiny(save_tiny_student(tmp_path_factory.mktemp("checkpoint"), "bilstm"), learning_rate=0.02)


def other_input_name(model):
    for node in model.graph.node:
        node.input[:] = ["tokens" if name == "input_ids" else name for name in node.input]
    model.graph.input[0].name = "tokens"


def transposed_weights(model):
    square = next(tensor for tensor in model.graph.initializer if tuple(tensor.dims) == (24, 24))
    square.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(square).T.copy(), square.name))


def frozen_batch_size(model):
    shape = helper.make_node("Constant", [], ["two"], value=numpy_helper.from_array(np.array([2, -1])))
    reshape = helper.make_node("Reshape", ["input_ids", "two"], ["frozen"])
    for node in model.graph.node:
        node.input[:] = ["frozen" if name == "input_ids" else name for name in node.input]
    model.graph.node.insert(0, reshape)
    model.graph.node.insert(0, shape)


def swapped_labels(model):
    last = model.graph.node[-1]
    last.output[0] = "unswapped"
    order = helper.make_node("Constant", [], ["order"], value=numpy_helper.from_array(np.array([1, 0])))
    model.graph.node.extend([order, helper.make_node("Gather", ["unswapped", "order"], ["logits"], axis=1)])


FAULTS = {
    other_input_name: "inputs are named tokens; expected input_ids",
    transposed_weights: "logits differ by",
    frozen_batch_size: "",
    swapped_labels: "logits differ by",
}


def planted(fault):
    """A writer of a file with the fault."""

    def write(origin, folder):
        write_plain_onnx(origin, folder)
        model = onnx.load(folder / "model.onnx")
        fault(model)
        onnx.save(model, folder / "model.onnx")

    return write


def truncated(origin, folder):
    write_torchscript(origin, folder)
    file = folder / "model.ts"
    file.write_bytes(file.read_bytes()[:-2_000])


def exported(checkpoint, folder, monkeypatch, settings, format="onnx"):
    monkeypatch.setitem(export.exporting.EXPORTERS, format, replace(EXPORTERS[format], settings=settings))
    with open_origin(checkpoint, labelled(80, 2_000).items) as origin:
        return export_bundle(ExportRequest(origin=origin, rows=labelled(80, 500)), format, folder)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("format", ["onnx", "onnx-int8"])
def test_planted_fault_is_caught_on_the_file(checkpoint, tmp_path, monkeypatch, fault, format):
    bundle = exported(checkpoint, tmp_path, monkeypatch, {"planted": planted(fault)}, format)
    assert bundle.parity["status"] == "failed"
    if format == "onnx" or fault is other_input_name:
        assert bundle.parity["reason"].startswith(FAULTS[fault])


def test_truncated_file_is_caught(checkpoint, tmp_path, monkeypatch):
    parity = exported(checkpoint, tmp_path, monkeypatch, {"planted": truncated}, "torchscript").parity
    assert parity["status"] == "failed"
    assert parity["reason"].startswith("could not be loaded: ")


def test_same_writer_without_a_fault_passes(checkpoint, tmp_path, monkeypatch):
    bundle = exported(checkpoint, tmp_path, monkeypatch, {"nothing planted": planted(lambda model: None)})
    assert bundle.parity["status"] == "passed"


def test_next_safer_setting_is_tried_and_recorded_with_what_failed_before(checkpoint, tmp_path, monkeypatch):
    def broken(origin, folder):
        (folder / "half").write_text("half")
        raise NotImplementedError("no such operator\nand more")

    settings = {"quick": broken, "quicker": planted(swapped_labels), "safe": write_plain_onnx, "safest": broken}
    bundle = exported(checkpoint, tmp_path, monkeypatch, settings)
    assert (bundle.parity["status"], bundle.parity["setting"]) == ("passed", "safe")
    failed = bundle.parity["failed_settings"]
    assert list(failed) == ["quick", "quicker"]
    assert failed["quick"] == "could not be exported: NotImplementedError: no such operator"
    assert "half" not in {path.name for path in tmp_path.iterdir()}


def test_setting_that_has_nothing_to_do_for_a_model_has_not_failed(checkpoint, tmp_path, monkeypatch):
    def unfit(origin, folder):
        raise Unfit("the model has no layer that can be spared")

    bundle = exported(checkpoint, tmp_path, monkeypatch, {"spared": unfit, "safe": write_plain_onnx})
    assert (bundle.parity["status"], bundle.parity["setting"]) == ("passed", "safe")
    assert bundle.parity["failed_settings"] == {}
    assert bundle.parity["unfit_settings"] == {"spared": "the model has no layer that can be spared"}


@pytest.mark.parametrize(
    ("architecture", "format"),
    [(architecture, format) for format, exporter in EXPORTERS.items() for architecture in exporter.impossible],
)
def test_pair_that_cannot_be_is_refused_with_its_reason_and_truly_cannot_be(
    tmp_path, monkeypatch, architecture, format
):
    (tmp_path / "bundle").mkdir()
    checkpoint = save_tiny_student(tmp_path / "checkpoint", architecture)
    with open_origin(checkpoint, sentences(80)[0]) as origin:
        request = ExportRequest(origin=origin, rows=labelled(80))
        with pytest.raises(ValueError, match=f"{architecture} cannot be exported to {format}: "):
            export_bundle(request, format, tmp_path / "bundle")
        possible = replace(EXPORTERS[format], impossible={})
        monkeypatch.setitem(export.exporting.EXPORTERS, format, possible)
        bundle = export_bundle(request, format, tmp_path / "bundle")
    assert bundle.parity["status"] == "failed"
