"""Rows are labelled by the fastest file that decides as the eager one does."""

from dataclasses import replace

import numpy as np
import pytest
from sample_models import save_tiny_student, widen
from sample_texts import labelled

import export.labelling
from export.exporting import ExportRequest, export_bundle, open_origin
from export.labelling import choose_labeller, label_items
from export.runtimes import RUNTIMES
from export.runtimes.run_torch import EagerRuntime
from materials.errors import RequestError


class Planted(EagerRuntime):
    """Runs the eager file, whatever the bundle says of its precision."""

    def load(self, bundle):
        return super().load(replace(bundle, precision="fp32"))


class Contrary(Planted):
    """Gives every row the other label."""

    def fetch(self, output):
        return -super().fetch(output)


@pytest.fixture(scope="module")
def eager(tmp_path_factory):
    checkpoint = widen(save_tiny_student(tmp_path_factory.mktemp("cnn")), "output", 10)
    with open_origin(checkpoint, []) as origin:
        request = ExportRequest(origin=origin, rows=labelled(40))
        return export_bundle(request, "eager", tmp_path_factory.mktemp("eager"))


@pytest.fixture
def faster(eager, monkeypatch):
    """A function from a runtime to a bundle of the eager file that is run by it, and measured to be the faster."""

    def make(runtime):
        monkeypatch.setitem(RUNTIMES, "planted", runtime)

        def rate(run, rows):
            run()
            return 2.0 if type(run.args[0]) is runtime else 1.0

        monkeypatch.setattr(export.labelling, "_rate", rate)
        return replace(eager, format="onnx-int8", precision="int8", runtime="planted")

    return make


def choose(bundles):
    return choose_labeller({bundle.format: bundle for bundle in bundles}, labelled(100).items)


class Same(Planted):
    """Decides as the eager file does."""


class Unsound(Planted):
    """Gives no numbers for the first row of a batch."""

    def fetch(self, output):
        logits = super().fetch(output)
        logits[0] = np.nan
        return logits


class Unable(Planted):
    """Cannot run on this processor."""

    def forward(self, prepared):
        raise RuntimeError("could not create a primitive descriptor")


def test_fastest_file_that_decides_alike_labels(eager, faster):
    choice = choose([eager, faster(Same)])
    assert (choice.format, choice.precision) == ("onnx-int8", "int8")
    assert choice.agreement_with_eager == 1.0
    assert choice.refused == {}


@pytest.mark.parametrize(
    ("runtime", "reason"),
    [
        (Contrary, "it agrees with the eager file by 0.00%; the bound for labels is 99.5%"),
        (Unsound, "it agrees with the eager file by 0.00%; the bound for labels is 99.5%"),
        (Unable, "could not create a primitive descriptor"),
    ],
)
def test_faster_file_that_decides_otherwise_or_does_not_run_does_not_label(eager, faster, runtime, reason):
    bundles = [eager, faster(runtime)]
    choice = choose(bundles)
    assert (choice.format, choice.precision) == ("eager", "fp32")
    assert choice.refused == {"onnx-int8": reason}
    by_format = {bundle.format: bundle for bundle in bundles}
    labelling = label_items(by_format, choice, labelled(100).items, report=lambda done, total: None)
    alone = label_items(by_format, choose([eager]), labelled(100).items, report=lambda done, total: None)
    np.testing.assert_array_equal(labelling.outputs.logits, alone.outputs.logits)


def test_outputs_that_are_no_numbers_teach_nobody(eager, faster):
    planted = faster(Unsound)
    choice = replace(choose([eager]), format="onnx-int8")
    with pytest.raises(RequestError, match="the teacher as onnx-int8 gives outputs that are no numbers for"):
        label_items({"onnx-int8": planted}, choice, labelled(100).items, report=lambda done, total: None)


def test_sample_comes_from_all_over_the_rows(eager):
    items = labelled(5_000).items
    chosen = export.labelling._spread(items, 100)
    assert (chosen[0], chosen[-1], len(chosen)) == (items[0], items[-1], 100)


def test_files_are_timed_and_run_on_the_device_of_the_recipe(eager, monkeypatch):
    devices = []

    class Noted(Planted):
        def __init__(self, bundle, threads, device="cpu"):
            devices.append(device)
            super().__init__(bundle, threads, "cpu")

    monkeypatch.setitem(RUNTIMES, eager.runtime, Noted)
    bundles = {"eager": eager}
    choice = choose_labeller(bundles, labelled(10).items, device="cuda")
    label_items(bundles, choice, labelled(10).items, report=lambda done, total: None, device="cuda")
    assert set(devices) == {"cuda"}


@pytest.mark.parametrize(("most", "length"), [(512, 128), (64, 64), (8, 12)])
def test_common_way_pads_to_no_more_than_the_model_takes(eager, monkeypatch, most, length):
    monkeypatch.setattr(export.labelling, "most_positions", lambda config: most)
    sample = eager.encoder().encode(["a film " * 6])
    assert int(sample.lengths.max()) == 12
    assert export.labelling._common_length(eager, sample) == length
