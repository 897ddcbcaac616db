"""`export` and `verify`: any checkpoint or folder to bundles, judged when they are made and again later."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sample_command import distilbench
from sample_texts import sentences

import export.formats
from export.bundle import read_bundle
from export.formats import EXPORTERS
from export.predictor import Predictor
from export.runtimes import RUNTIMES
from materials.errors import RequestError


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A CSV file of labelled rows."""
    texts, labels = sentences(120, 700)
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    pd.DataFrame({"body": texts, "verdict": labels, "noise": ["x"] * len(texts)}).to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def exported(tiny_student, rows, tmp_path_factory):
    """The answer of `export` to three formats, and the folder."""
    output = tmp_path_factory.mktemp("exported") / "out"
    answer = distilbench(
        *("export", tiny_student, "--to", "eager,onnx,onnx-int8", "--output", output, "--quantize-data", rows),
        *("--text", "body", "--label", "verdict", "--licence", "CC BY-NC-SA 3.0"),
    )
    return answer, output


def test_export_writes_one_bundle_a_format_and_says_what_came_of_each(exported):
    answer, output = exported
    assert answer.code == 0
    assert {path.name for path in output.iterdir()} == {"eager", "onnx", "onnx-int8"}
    for format in ("onnx", "onnx-int8"):
        bundle = read_bundle(output / format)
        assert bundle.parity["status"] == "passed"
        assert bundle.exported["rows"] == 60  # the other half was calibrated on
        assert bundle.exported["made_up_rows"] is False
        assert bundle.exported["seconds"] > 0
        assert bundle.exported["peak_memory_bytes"] > 50e6
        assert bundle.parity["setting"] in answer.output
        assert Predictor(output / format).predict(["a lovely film"])[0].label in ("bad", "good")


def test_licence_is_in_every_bundle_and_a_non_commercial_one_is_pointed_out(exported):
    answer, output = exported
    assert "non-commercial: tiny-student (CC BY-NC-SA 3.0 (non-commercial))" in answer.notices
    assert read_bundle(output / "onnx").licences == {"tiny-student": "CC BY-NC-SA 3.0 (non-commercial)"}


def test_bundle_of_a_run_keeps_its_licences_and_maker(exported, tmp_path):
    _, output = exported
    assert distilbench("export", output / "eager", "--to", "torchscript", "--output", tmp_path / "out").code == 0
    bundle = read_bundle(tmp_path / "out" / "torchscript")
    assert bundle.licences == read_bundle(output / "eager").licences
    assert bundle.made == {"from": "tiny-student"}


def test_anybodys_transformer_folder_is_exported_on_unlabelled_rows(tiny_classifier, rows, tmp_path):
    answer = distilbench(
        *("export", tiny_classifier, "--to", "onnx,onnx-int8", "--output", tmp_path / "out"),
        *("--quantize-data", rows, "--text", "body", "--label", "verdict"),
    )
    assert answer.code == 0
    assert read_bundle(tmp_path / "out" / "onnx").label_names == ("good", "bad")
    pd.DataFrame({"text": sentences(60)[0]}).to_csv(tmp_path / "texts.csv", index=False)
    again = distilbench(
        *("export", tiny_classifier, "--to", "onnx", "--output", tmp_path / "out"),
        *("--quantize-data", tmp_path / "texts.csv"),
    )
    assert again.code == 0
    assert read_bundle(tmp_path / "out" / "onnx").exported["rows"] == 30


def test_without_rows_lossless_formats_are_judged_on_made_up_texts(tiny_student, tmp_path):
    assert distilbench("export", tiny_student, "--to", "onnx", "--output", tmp_path / "out").code == 0
    assert read_bundle(tmp_path / "out" / "onnx").exported["made_up_rows"] is True


def test_tokenizer_goes_into_the_file_on_request(tiny_student, rows, tmp_path):
    pytest.importorskip("onnxruntime_extensions")
    answer = distilbench(
        *("export", tiny_student, "--to", "onnx", "--output", tmp_path / "out", "--with-tokenizer"),
        *("--quantize-data", rows, "--text", "body", "--label", "verdict"),
    )
    assert answer.code == 0
    assert "model-text.onnx takes texts: on" in answer.notices
    assert "model-text.onnx" in read_bundle(tmp_path / "out" / "onnx").files


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--to", "onix"), "unknown format 'onix'; did you mean 'onnx'\\? known: all, aotinductor"),
        (("--to", "onnx,onnx"), "--to names onnx twice"),
        (("--to", "onnx-int8"), "onnx-int8 is judged by what it changes on real rows.*--quantize-data"),
        (("--to", "onnx", "--opset", "9"), "opset 9 cannot express this model"),
        (("--to", "torchscript,onnx", "--opset", "9"), "opset 9 cannot express this model"),
        (("--to", "eager", "--with-tokenizer"), "--with-tokenizer makes an ONNX file, and none of the formats is one"),
        (("--to", "onnx", "--quantize-data", "ROWS"), "has no column 'text'"),
        (("--to", "onnx", "--quantize-data", "ROWS", "--text", "body", "--label", "noise"), "the rows have x"),
        (("--to", "onnx", "--quantize-data", "FEW"), "has 3 rows; calibrating and judging need 20"),
    ],
)
def test_bad_request_is_one_sentence_and_leaves_nothing(tiny_student, rows, tmp_path, arguments, sentence):
    few = tmp_path / "few.csv"
    pd.DataFrame({"text": ["a", "b", "c"]}).to_csv(few, index=False)
    options = [{"ROWS": rows, "FEW": few}.get(argument, argument) for argument in arguments]
    with pytest.raises(RequestError, match=sentence):
        distilbench("export", tiny_student, "--output", tmp_path / "out", *options)
    assert {path.name for path in tmp_path.iterdir()} == {"few.csv"}


def test_pair_that_cannot_be_is_refused_by_name_and_left_out_of_all(tiny_student, tmp_path, monkeypatch):
    monkeypatch.setitem(EXPORTERS["aotinductor"].impossible, "cnn", "of the weather")
    with pytest.raises(RequestError, match="cnn cannot be exported to aotinductor: of the weather"):
        distilbench("export", tiny_student, "--to", "aotinductor", "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert distilbench("export", tiny_student, "--to", "all", "--output", tmp_path / "out").code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"eager", "torchscript", "onnx", "openvino"}


def test_file_in_the_place_of_the_output_is_refused(tiny_student, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(RequestError, match="cannot write to the folder"):
        distilbench("export", tiny_student, "--to", "onnx", "--output", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "a file"


def test_exported_file_is_no_model_to_export(exported, tmp_path):
    with pytest.raises(RequestError, match="holds the onnx file of a model; give the model itself"):
        distilbench("export", exported[1] / "onnx", "--to", "torchscript", "--output", tmp_path / "out")


def test_verify_judges_by_what_the_bundle_carries(exported):
    for format in ("eager", "onnx", "onnx-int8"):
        answer = distilbench("verify", exported[1] / format)
        assert answer.code == 0
        assert f"digests right; {format} passed" in answer.output


def test_verify_judges_a_bundle_of_the_last_version_by_the_inputs_of_that_time(exported, tmp_path):
    from export.gate.verifying import STORED
    from materials.files import sha256_of

    older = shutil.copytree(exported[1] / "onnx", tmp_path / "older")
    encoder = replace(read_bundle(older).encoder(), made_up_rows="by-number")
    reference = RUNTIMES["torch"](read_bundle(exported[1] / "eager"), 1, "cpu")
    logits = np.concatenate([reference(encoder.example(shape)) for shape in encoder.shapes()])
    np.savez_compressed(older / STORED, logits=logits)
    content = json.loads((older / "bundle.json").read_text()) | {"schema_version": 2}
    del content["made_up_rows"]
    content["files"]["reference.npz"] = sha256_of(older / "reference.npz")
    (older / "bundle.json").write_text(json.dumps(content))
    assert distilbench("verify", older).code == 0
    (older / "bundle.json").write_text(json.dumps(content | {"schema_version": 3}))
    assert distilbench("verify", older).code == 1


def test_verify_against_the_model_repeats_the_whole_gate(exported, rows):
    columns = ("--text", "body", "--label", "verdict")
    places = (exported[1] / "onnx-int8", "--against", exported[1] / "eager")
    answer = distilbench("verify", *places, "--data", rows, *columns)
    assert answer.code == 0
    assert "macro-F1 lost" in answer.output
    with pytest.raises(RequestError, match="onnx-int8 is judged by what it changes on real rows"):
        distilbench("verify", *places)
    with pytest.raises(RequestError, match="--data needs the trained model too"):
        distilbench("verify", exported[1] / "onnx", "--data", rows)


def replaced(bundle, file, other):
    """Another file in a bundle's place, with its digest put right."""
    from materials.files import sha256_of

    shutil.copyfile(other, bundle / file)
    content = json.loads((bundle / "bundle.json").read_text())
    content["files"][file] = sha256_of(bundle / file)
    (bundle / "bundle.json").write_text(json.dumps(content))


def test_verify_finds_a_file_that_computes_something_else(exported, tiny_student, tmp_path):
    from safetensors.torch import load_file, save_file

    other = shutil.copytree(tiny_student, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    save_file({**weights, "output.bias": weights["output.bias"] + 0.1}, other / "model.safetensors")
    assert distilbench("export", other, "--to", "onnx", "--output", tmp_path / "out").code == 0
    bundle = shutil.copytree(exported[1] / "onnx", tmp_path / "bundle")
    replaced(bundle, "model.onnx", tmp_path / "out" / "onnx" / "model.onnx")
    answer = distilbench("verify", bundle)
    assert answer.code == 1
    assert "logits differ by 1.0e-01; the bound is 1e-04" in answer.output


def test_verify_says_that_a_bundle_failed_when_it_was_exported(exported, tmp_path):
    bundle = shutil.copytree(exported[1] / "onnx", tmp_path / "bundle")
    record = json.loads((bundle / "bundle.json").read_text())
    record["parity"] |= {"status": "failed", "reason": "labels differ in 3 of 9 rows"}
    (bundle / "bundle.json").write_text(json.dumps(record))
    notices = distilbench("verify", bundle).notices
    assert "failed its gate when it was exported: labels differ in 3 of 9 rows" in notices


def test_verify_refuses_a_file_that_is_not_what_its_digest_says(exported, tmp_path):
    bundle = shutil.copytree(exported[1] / "onnx", tmp_path / "bundle")
    (bundle / "model.onnx").write_bytes(b"other")
    with pytest.raises(RequestError, match="is not the file that was exported"):
        distilbench("verify", bundle)


def test_verify_refuses_a_trained_model_that_is_not_what_its_digest_says(exported, tmp_path):
    trained = shutil.copytree(exported[1] / "eager", tmp_path / "trained")
    (trained / "tokenizer.json").write_bytes((trained / "tokenizer.json").read_bytes() + b" ")
    with pytest.raises(RequestError, match="trained/tokenizer.json is not the file that was exported"):
        distilbench("verify", exported[1] / "onnx", "--against", trained)


def test_verify_refuses_an_exported_file_in_place_of_the_trained_model(exported):
    with pytest.raises(RequestError, match="holds the onnx-int8 file of a model; give the model itself"):
        distilbench("verify", exported[1] / "onnx", "--against", exported[1] / "onnx-int8")


@pytest.mark.parametrize("against", [(), ("--against", "eager")])
def test_verify_runs_with_as_many_threads_as_it_is_told(exported, monkeypatch, against):
    import torch

    before, used = torch.get_num_threads(), []
    opened = RUNTIMES["onnxruntime"]

    def recorded(bundle, threads, device="cpu"):
        runtime = opened(bundle, threads, device)
        used.append(runtime.settings.intra_op_threads)
        return runtime

    monkeypatch.setitem(RUNTIMES, "onnxruntime", recorded)
    places = [exported[1] / name if name == "eager" else name for name in against]
    assert distilbench("verify", exported[1] / "onnx", *places, "--threads", before + 1).code == 0
    torch.set_num_threads(before)
    assert used == [before + 1]


def test_list_exporters_is_a_table_of_format_by_architecture():
    answer = distilbench("list", "exporters")
    teachers, students = (
        "transformer image-classifier image-body zero-shot-nli zero-shot-embedding",
        "linear static cnn",
    )
    assert f"exporters {teachers} {students} bilstm resnext1d" in answer.output
    assert "aotinductor yes yes yes yes yes yes yes yes no (1)" in answer.output
    assert "(1) torch.export writes the steps of an LSTM out for one length" in answer.output


def test_folder_that_is_no_bundle_is_spared(tiny_student, tmp_path):
    folder = tmp_path / "onnx"
    folder.mkdir()
    (folder / "model_quantized.onnx").write_text("theirs")
    with pytest.raises(RequestError, match="is there already and is no bundle"):
        distilbench("export", tiny_student, "--to", "onnx", "--output", tmp_path)
    assert (folder / "model_quantized.onnx").read_text() == "theirs"


def test_texts_need_an_opset_that_has_operators_for_them_and_say_so_first(tiny_student, tmp_path):
    pytest.importorskip("onnxruntime_extensions")
    with pytest.raises(RequestError, match="a file that takes texts needs opset 20 or a later one; got 18"):
        distilbench(
            *("export", tiny_student, "--to", "onnx", "--output", tmp_path / "out", "--opset", "18", "--with-tokenizer")
        )
    assert not (tmp_path / "out").exists()


def test_compiler_that_is_missing_is_told_before_anything_is_written(tiny_student, tmp_path, monkeypatch):
    monkeypatch.setattr(export.formats, "has_compiler", lambda: False)
    with pytest.raises(RequestError, match="format aotinductor needs a C\\+\\+ compiler"):
        distilbench("export", tiny_student, "--to", "onnx,aotinductor", "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    answer = distilbench("export", tiny_student, "--to", "all", "--output", tmp_path / "out")
    assert "aotinductor is left out: format aotinductor needs a C++ compiler" in answer.notices
    assert "onnx-int8 is left out: needs rows (--quantize-data)" in answer.notices


def test_format_that_cannot_be_written_fails_with_its_cause_and_the_others_are_there(
    tiny_student, tmp_path, monkeypatch
):
    def write(origin, folder):
        try:
            raise RuntimeError("an operator has no\nsecond line")
        except RuntimeError as cause:
            raise ValueError("\x1b[96mFailed to export.\x1b[0m\nNext steps: ask somebody") from cause

    failing = replace(EXPORTERS["torchscript"], settings={"plain": write})
    monkeypatch.setitem(EXPORTERS, "torchscript", failing)
    answer = distilbench("export", tiny_student, "--to", "torchscript,eager", "--output", tmp_path / "out")
    assert answer.code == 1
    assert (
        "could not be exported: RuntimeError: an operator has no"
        in read_bundle(tmp_path / "out" / "torchscript", to_run=False).parity["reason"]
    )
    assert "\x1b" not in answer.output
    assert read_bundle(tmp_path / "out" / "eager").parity["status"] == "reference"
