"""The gate sees twenty faults that exports really have, in models of texts and of images, and docs say by what."""

import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sample_export_faults import (
    DATA,
    changed_json,
    faulty,
    swap_data,
    with_swapped_scales,
    with_zeroed_bias,
    write_external,
    write_overflowing,
    write_swapped,
    write_zeroed_bf16,
    zero_bias,
)
from sample_images import labelled_images
from sample_models import save_tiny_bert, save_tiny_image_body, save_tiny_student, save_tiny_transformer
from sample_texts import labelled

import export.bundle
import export.companions
import export.exporting
from encoders.image_encoder import SETTINGS_FILE, ImageEncoder
from encoders.text_encoder import TextEncoder
from export.bundle import RECORD, read_bundle
from export.exporting import ExportRequest, export_bundle, open_origin
from export.formats import EXPORTERS
from export.formats.to_onnx_fp16 import _halved
from export.formats.to_onnx_int8 import INT8_SETTINGS
from export.formats.to_onnx_int8_static import STATIC_SETTINGS
from export.gate.verifying import STORED, check_stored
from materials.errors import RequestError
from materials.files import sha256_of

PAGE = Path(__file__).parents[3] / "docs" / "parity.md"
DIFFER = "logits differ by"


@dataclass(frozen=True)
class Planted:
    """A fault in the export of a model to a format: `plant` gets pytest's monkeypatch, or the folder of `finished`."""

    fault: str
    model: str
    format: str
    plant: Callable
    reason: str
    finished: bool = False

    @property
    def modality(self):
        return "image" if self.model == "image" else "text"


def in_module(fault):
    """The file is traced from a module with the fault."""

    def write(origin, folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "export.formats.to_torchscript.deployed_module", lambda origin: faulty(origin.classifier.module, fault)
            )
            EXPORTERS_WRITE["torchscript"](origin, folder)

    return in_writer("torchscript", write)


def in_writer(format, write):
    """The exporter writes what `write` does."""
    return lambda patch: patch.setitem(
        export.exporting.EXPORTERS, format, replace(EXPORTERS[format], settings={"planted": write})
    )


def in_record(change):
    """bundle.json says what `change` makes of what it ought to say."""
    describe = export.exporting._describe
    return lambda patch: patch.setattr(
        export.exporting, "_describe", lambda *request: replace(describe(*request), **change(describe(*request)))
    )


def in_saved(encoder_class, file, change):
    """The encoder's own file is written with a change."""
    save = encoder_class.save

    def save_changed(encoder, folder):
        save(encoder, folder)
        changed_json(folder / file, change)

    return lambda patch: patch.setattr(encoder_class, "save", save_changed)


def in_companion(function, **changes):
    """A file for `transformers` says something else."""
    right = getattr(export.companions, function)
    return lambda patch: patch.setattr(export.companions, function, lambda *made_from: right(*made_from) | changes)


def padded_left(patch):
    """The bundle's own encoder fills up short texts on the left."""

    class LeftPadded(TextEncoder):
        def pad(self, rows, *, length=None):
            padded = super().pad(rows, length=length)
            size = next(iter(padded.values())).shape[1]
            for row, tokens in enumerate(rows.lengths):
                for array in padded.values():
                    array[row] = [*array[row, tokens:], *array[row, :tokens]][:size]
            return padded

    patch.setattr(export.bundle, "TextEncoder", LeftPadded)


def swapped_words(content):
    """Two pieces that no row holds change their numbers."""
    words = content["model"]["vocab"]
    words["##f"], words["##m"] = words["##m"], words["##f"]


def swapped_data(folder):
    """Other weights of the same sizes come to lie beside the graph, and the record is signed anew."""
    swap_data(folder)
    changed_json(folder / RECORD, lambda record: record["files"].update({DATA: sha256_of(folder / DATA)}))


def with_case(content):
    content["normalizer"]["lowercase"] = False


def without_special_tokens(content):
    content["post_processor"] = None


def of_another_processor(content):
    content["image_mean"] = [0.485, 0.456, 0.406]


def of_another_filter(content):
    content["resample"] = 3


def swapped_names(bundle):
    return {"label_names": bundle.label_names[::-1]}


def in_file(name, change):
    return lambda folder: changed_json(folder / name, change)


def reversed_names(record):
    record["label_names"].reverse()


def shorter_limit(record):
    record["max_length_tokens"] -= 1


EXPORTERS_WRITE = {format: next(iter(exporter.settings.values())) for format, exporter in EXPORTERS.items()}
HALF = _halved(EXPORTERS["onnx"].settings["as torch exports it"])
INT8, STATIC = INT8_SETTINGS["all layers, weights of 7 bits"], STATIC_SETTINGS["min-max, weights of 7 bits"]
SCALES = "times their scales are not those of the trained model"
NAMES = "calls output 0 '.*'; the trained model calls it '.*'"
SOUND = {  # the writers that are tried without a fault; all others are the first of their format
    "onnx": write_external,
    "onnx-int8": INT8,
    "onnx-int8-static": STATIC,
    "onnx-fp16": HALF,
}


def both(fault, plant, reason, format="torchscript"):
    text = "text student" if format.startswith("onnx") else "text"  # whose graph torch exports sooner
    return [Planted(fault, model, format, plant, reason) for model in (text, "image")]


PLANTED = [
    Planted("padding on the wrong side", "text", "torchscript", in_module("padded left"), DIFFER),
    Planted("padding on the wrong side", "text", "torchscript", padded_left, "tokenizer reads the rows otherwise"),
    Planted(
        "padding on the wrong side",
        "text",
        "torchscript",
        in_companion("_tokenizer_config", padding_side="left"),
        "says padding_side left; the trained model's texts have right",
    ),
    *both("swapped labels", in_record(swapped_names), NAMES),
    *both("swapped labels", in_module("outputs swapped"), DIFFER),
    Planted(
        "swapped labels", "text", "torchscript", in_companion("_config", id2label={"0": "good", "1": "bad"}), NAMES
    ),
    Planted("swapped labels", "text", "torchscript", in_file(RECORD, reversed_names), NAMES, finished=True),
    *both("dropped head", in_module("head dropped"), "logits of shape"),
    Planted(
        "wrong normalisation of images",
        "image",
        "torchscript",
        in_saved(ImageEncoder, SETTINGS_FILE, of_another_processor),
        "image settings read the rows otherwise",
    ),
    Planted(
        "wrong normalisation of images",
        "image",
        "torchscript",
        in_saved(ImageEncoder, SETTINGS_FILE, of_another_filter),
        "image settings read the rows otherwise",
    ),
    Planted(
        "wrong normalisation of images",
        "image",
        "torchscript",
        in_file(SETTINGS_FILE, of_another_processor),
        "its digest differs",
        finished=True,
    ),
    Planted(
        "lower-casing lost",
        "text",
        "torchscript",
        in_saved(TextEncoder, "tokenizer.json", with_case),
        "another normalizer",
    ),
    Planted(
        "truncation one token off",
        "text",
        "torchscript",
        in_record(lambda bundle: {"max_length_tokens": 23}),
        "longest text is 23; the trained model's is 24",
    ),
    Planted("truncation one token off", "text", "torchscript", in_module("cut by the graph"), DIFFER),
    Planted(
        "truncation one token off",
        "text",
        "torchscript",
        in_companion("_tokenizer_config", model_max_length=25),
        "says model_max_length 25; the trained model's texts have 24",
    ),
    Planted(
        "truncation one token off",
        "text",
        "torchscript",
        in_file(RECORD, shorter_limit),
        "tokenizer reads unusual rows otherwise",
        finished=True,
    ),
    Planted(
        "special tokens missing",
        "text",
        "torchscript",
        in_saved(TextEncoder, "tokenizer.json", without_special_tokens),
        "tokenizer reads the rows otherwise",
    ),
    *both(
        "int8 scales of another layer", in_writer("onnx-int8", with_swapped_scales(INT8)), SCALES, format="onnx-int8"
    ),
    *both(
        "int8 scales of another layer",
        in_writer("onnx-int8-static", with_swapped_scales(STATIC)),
        SCALES,
        format="onnx-int8-static",
    ),
    Planted("an out-of-vocabulary row", "text", "torchscript", in_module("unknown word zeroed"), DIFFER),
    Planted("an out-of-vocabulary row", "text", "torchscript", in_module("table too short"), "index out of range"),
    *both("frozen batch", in_module("frozen batch"), "shape"),
    *both("wrong input order", in_module("input order"), DIFFER),
    Planted(
        "wrong input order",
        "text",
        "torchscript",
        in_record(lambda bundle: {"inputs": bundle.inputs[::-1]}),
        "inputs are attention_mask .* the trained model's are input_ids",
    ),
    *both(
        "fp16 overflow",
        in_writer("onnx-fp16", _halved(write_overflowing)),
        "exceed the largest of fp16, 65504: Mul",
        format="onnx-fp16",
    ),
    Planted(
        "stale tokenizer",
        "text",
        "torchscript",
        in_saved(TextEncoder, "tokenizer.json", swapped_words),
        "another model",
    ),
    Planted(
        "stale tokenizer",
        "text",
        "torchscript",
        in_file("tokenizer.json", swapped_words),
        "its digest differs",
        finished=True,
    ),
    *both("one class's bias zeroed", in_module("bias zeroed"), DIFFER),
    *both(
        "one class's bias zeroed", in_writer("onnx-int8", with_zeroed_bias(INT8)), "bias' are not", format="onnx-int8"
    ),
    *both(
        "one class's bias zeroed", in_writer("onnx-fp16", with_zeroed_bias(HALF)), "bias' are not", format="onnx-fp16"
    ),
    *both("one class's bias zeroed", in_writer("eager-bf16", write_zeroed_bf16), "bias' are not", format="eager-bf16"),
    *both("dropout left on", in_module("dropout"), "when it is run again"),
    Planted(
        "batch norm in training mode", "text of norms", "torchscript", in_module("batch norm in training mode"), DIFFER
    ),
    Planted("batch norm in training mode", "image", "torchscript", in_module("batch norm in training mode"), DIFFER),
    *both("wrong pooling", in_module("pooling"), DIFFER),
    *both("one layer missing", in_module("layer missing"), DIFFER),
    *both("weights of another seed", in_module("seed"), DIFFER),
    *both("external data swapped", in_writer("onnx", write_swapped), DIFFER, format="onnx"),
    *[
        Planted("external data swapped", model, "onnx", swapped_data, DIFFER, finished=True)
        for model in ("text student", "image")
    ],
]


def save_text_model(folder):
    """A transformer with random weights, apart enough, and biases unlike 0."""
    from safetensors.torch import load_file, save_file

    checkpoint = save_tiny_transformer(folder / "text", save_tiny_bert(folder / "bert", label_names=None))
    file = checkpoint / "model.safetensors"
    weights = load_file(file)
    weights["classifier.weight"] *= 40
    weights["classifier.bias"] += 0.05
    save_file(weights, file, metadata={"format": "pt"})
    return checkpoint


@pytest.fixture(scope="module")
def request_of(tmp_path_factory):
    """A function that gives what is asked of an export of a model, opened once."""
    root = tmp_path_factory.mktemp("models")
    checkpoints = {
        "text": lambda: save_text_model(root),
        "text student": lambda: save_tiny_student(root / "cnn"),
        "text of norms": lambda: save_tiny_student(root / "student", "resnext1d"),
        "image": lambda: save_tiny_image_body(root / "image", root / "train"),
    }
    with ExitStack() as stack:

        @cache
        def get(model):
            images = model == "image"
            rows = labelled_images(root / "rows", 24, 5_000) if images else labelled(40, 500)
            calibration = labelled_images(root / "rows", 24, 7_000) if images else labelled(40, 2_000)
            origin = stack.enter_context(open_origin(checkpoints[model](), calibration.items))
            return ExportRequest(origin=origin, rows=rows)

        yield get


@pytest.fixture(scope="module")
def sound(tmp_path_factory, request_of):
    """A function that gives the bundle of a model in a format without a fault, exported once."""

    @cache
    def get(model, format):
        with pytest.MonkeyPatch.context() as patch:
            in_writer(format, SOUND.get(format, EXPORTERS_WRITE[format]))(patch)
            return export_bundle(request_of(model), format, tmp_path_factory.mktemp("sound"))

    return get


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: f"{planted.fault}, {planted.model}, {planted.format}")
def test_sound_export_passes_and_the_planted_fault_is_seen(request_of, sound, tmp_path, monkeypatch, planted):
    bundle = sound(planted.model, planted.format)
    assert bundle.parity["status"] == "passed", bundle.parity["reason"]
    if planted.finished:
        folder = shutil.copytree(bundle.folder, tmp_path / "finished")
        assert check_stored(read_bundle(folder, allow_code=True), 1).status == "passed"
        planted.plant(folder)
        try:
            parity = check_stored(read_bundle(folder, allow_code=True), 1)
            status, reason = parity.status, parity.reason
        except RequestError as error:
            status, reason = "failed", str(error)
    else:
        planted.plant(monkeypatch)
        parity = export_bundle(request_of(planted.model), planted.format, tmp_path).parity
        status, reason = parity["status"], parity["reason"]
    assert status == "failed"
    assert re.search(planted.reason, reason)


@pytest.mark.parametrize("model", ["text student", "image"])
def test_fault_in_the_graph_that_a_lossy_file_is_made_from_is_seen(request_of, sound, tmp_path, model):
    assert sound(model, "onnx-int8").parity["status"] == "passed"
    sound_request = request_of(model)
    for name in ("scratch", "bundle"):
        (tmp_path / name).mkdir()
    graph = shutil.copy(sound_request.origin.scratch / "plain.onnx", tmp_path / "scratch")
    zero_bias(Path(graph))
    request = replace(sound_request, origin=replace(sound_request.origin, scratch=tmp_path / "scratch"))
    parity = export_bundle(request, "onnx-int8", tmp_path / "bundle").parity
    assert parity["status"] == "failed"
    assert parity["reason"].startswith("the fp32 graph that it is made from: logits differ by ")


def test_bundle_of_an_older_version_is_judged_by_the_logits_that_it_has(sound, tmp_path):
    folder = shutil.copytree(sound("text", "torchscript").folder, tmp_path / "older")
    with np.load(folder / STORED) as stored:
        logits = stored["logits"]
    np.savez_compressed(folder / STORED, logits=logits)
    changed_json(folder / RECORD, lambda record: record["files"].update({STORED: sha256_of(folder / STORED)}))
    assert check_stored(read_bundle(folder, allow_code=True), 1).status == "passed"


def test_docs_say_of_every_planted_fault_and_no_other_how_it_is_seen():
    rows = [
        line.strip("|").split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")
    ]
    named = {cells[0].strip(): {word.strip().removesuffix("s") for word in cells[1].split(",")} for cells in rows[2:]}
    planted = {}
    for case in PLANTED:
        planted.setdefault(case.fault, set()).add(case.modality)
    assert named == planted
    assert len(planted) == 20
