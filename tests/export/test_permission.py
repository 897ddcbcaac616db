"""A bundle that is code opens where it was made; on another machine only where the user allows it by name."""

import json
import shutil

import pytest
from sample_command import distilbench

from export.bundle import read_bundle, read_trained, remember_bundle
from export.foreign import open_model
from export.permission import CODE, MADE_HERE, check_code
from export.predictor import Predictor
from export.runtimes import RUNTIMES
from materials.errors import RequestError
from materials.files import cache_folder, sha256_of

TEXT = "a lovely film"
REFUSED = (
    "was not made on this machine, and opening it runs code of whoever made it with all your rights .*; "
    "if you trust them, allow it with --allow-code"
)


@pytest.fixture
def torchscript(tiny_bundle):
    folder = tiny_bundle("student", "torchscript")
    remember_bundle(folder, "torchscript")  # as its export did, in the cache of the test that asked for it first
    return folder


@pytest.fixture
def other_machine(monkeypatch, tmp_path):
    """A cache folder that knows nothing of what was made before."""
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache-of-another"))


def test_bundle_opens_where_it_was_made_wherever_it_is_copied(torchscript, tmp_path):
    copy = shutil.copytree(torchscript, tmp_path / "elsewhere")
    assert Predictor(copy).predict([TEXT]) == Predictor(torchscript).predict([TEXT])
    assert open_model(copy).format == "torchscript"


def test_note_is_for_the_user_alone(torchscript):
    assert (cache_folder() / MADE_HERE).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("command", ["predict", "verify", "measure", "compare", "self-check"])
def test_command_refuses_the_code_of_another_machine(torchscript, other_machine, reviews, tmp_path, command):
    arguments = {
        "predict": (torchscript, TEXT),
        "verify": (torchscript,),
        "measure": (torchscript, "--data", reviews, "--output", tmp_path / "run"),
        "compare": (torchscript, torchscript, "--data", reviews),
        "self-check": (torchscript, "--data", reviews, "--output", tmp_path / "check"),
    }
    with pytest.raises(RequestError, match=REFUSED) as caught:
        distilbench(command, *arguments[command])
    assert "\n" not in str(caught.value)
    assert "a program of torch's operators" in str(caught.value)
    assert "--allow-code" in distilbench(command, "--help").output


@pytest.mark.parametrize("command", ["predict", "verify"])
def test_command_opens_it_where_the_user_allows_that(torchscript, other_machine, command):
    arguments = {"predict": (torchscript, TEXT), "verify": (torchscript,)}[command]
    assert distilbench(command, *arguments, "--allow-code").code == 0
    with pytest.raises(RequestError, match=REFUSED):  # the word holds once
        distilbench(command, *arguments)


def test_measuring_process_opens_it_where_the_user_allows_that(torchscript, other_machine, reviews, tmp_path):
    answer = distilbench(
        *("measure", torchscript, "--allow-code", "--data", reviews, "--output", tmp_path / "run"),
        *("--scenarios", "single-stream", "--seconds", "0.01"),
    )
    assert answer.code == 0
    assert [row["status"] != "failed" for row in json.loads((tmp_path / "run" / "run.json").read_text())["rows"]] == [
        True
    ]


def test_other_program_in_a_bundle_of_this_machine_is_refused(torchscript, tmp_path):
    """Its author can put every digest right but that of the note."""
    forged = shutil.copytree(torchscript, tmp_path / "forged")
    with (forged / "model.ts").open("ab") as file:
        file.write(b"another program")
    record = json.loads((forged / "bundle.json").read_text())
    record["files"]["model.ts"] = sha256_of(forged / "model.ts")
    (forged / "bundle.json").write_text(json.dumps(record))
    with pytest.raises(RequestError, match=REFUSED):
        Predictor(forged)


def test_code_of_the_store_is_known_though_its_note_is_lost(torchscript, other_machine):
    remember_bundle(torchscript, "torchscript")
    assert Predictor(torchscript).bundle.format == "torchscript"


@pytest.mark.parametrize("format", ["eager", "onnx"])
def test_data_of_another_machine_needs_no_word(tiny_bundle, other_machine, format):
    assert Predictor(tiny_bundle("student", format)).predict([TEXT])[0].label in ("good", "bad")
    assert not (cache_folder() / MADE_HERE).exists()


def test_every_runtime_that_runs_code_is_in_the_table(tmp_path):
    """And no other is; opening asks for what is there."""
    assert {name for name in RUNTIMES if name in CODE} == {"torchscript", "aotinductor"}
    for runtime in CODE:
        with pytest.raises(RequestError, match=REFUSED):
            check_code(tmp_path, runtime, {"file": "0" * 64}, allow_code=False)
        check_code(tmp_path, runtime, {"file": "0" * 64}, allow_code=True)


def test_code_is_no_trained_model(torchscript, other_machine):
    with pytest.raises(RequestError, match="holds the torchscript file of a model; give the model itself"):
        read_trained(torchscript)


def test_record_of_code_is_read_without_opening_it(torchscript, other_machine):
    assert read_bundle(torchscript, to_run=False).runtime == "torchscript"
