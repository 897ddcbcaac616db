"""A checkpoint that cannot be read says why in one sentence."""

import json
import shutil

import pytest

from export.checkpoint import load_checkpoint
from materials.errors import RequestError


@pytest.fixture
def checkpoint(tiny_student, tmp_path):
    """A copy of a student's checkpoint to do harm to."""
    return shutil.copytree(tiny_student, tmp_path / "checkpoint")


def test_sound_checkpoint_loads_and_says_its_version(checkpoint):
    assert load_checkpoint(checkpoint).architecture == "cnn"
    assert json.loads((checkpoint / "model.json").read_text())["version"] == 1


def changed(**values):
    def change(folder):
        content = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps({**content, **values}))

    return change


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (changed(version=2), "is a checkpoint of version 2; this distilbench reads version 1"),
        (changed(version="x"), "is a checkpoint of version x; this distilbench reads version 1"),
        (changed(architecture="mamba"), "holds an unknown architecture 'mamba'; known: transformer"),
        (changed(words=7), "cannot be opened as a cnn: "),
        (changed(colour="red"), "cannot be opened as a cnn: "),
        (lambda folder: (folder / "model.json").write_text("{"), "model.json is damaged"),
        (lambda folder: (folder / "model.json").write_text("[1]"), "model.json is damaged"),
        (lambda folder: (folder / "model.json").unlink(), "is no checkpoint"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"other"), "cannot be opened as a cnn: "),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be opened as a cnn: "),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer.json cannot be used as a tokenizer: "),
    ],
)
def test_damaged_or_strange_checkpoint_is_refused(checkpoint, harm, sentence):
    harm(checkpoint)
    with pytest.raises(RequestError, match=sentence):
        load_checkpoint(checkpoint)
