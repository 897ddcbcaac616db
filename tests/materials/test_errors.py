"""What a library's error becomes in a sentence."""

import errno
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from materials.errors import in_one_line, why_not_written, with_kind

TORCHSCRIPT = """The following operation failed in the TorchScript interpreter.
Traceback of TorchScript, serialized code (most recent call last):
  File "code/__torch__/model.py", line 32, in forward

RuntimeError: Expected all tensors to be on the same device
"""


@pytest.mark.parametrize(
    ("error", "line", "line_with_kind"),
    [
        (ValueError("no such thing\nand more"), "no such thing", "ValueError: no such thing"),
        (ValueError("\n  no such thing\n"), "no such thing", "ValueError: no such thing"),
        (EOFError(), "EOFError", "EOFError"),
        (RuntimeError(" \n"), "RuntimeError", "RuntimeError"),
        (
            RuntimeError(TORCHSCRIPT),
            "RuntimeError: Expected all tensors to be on the same device",
            "RuntimeError: Expected all tensors to be on the same device",
        ),
    ],
)
def test_error_is_told_in_the_line_that_says_why(error, line, line_with_kind):
    assert in_one_line(error) == line
    assert with_kind(error) == line_with_kind


def test_line_that_goes_on_and_on_is_cut():
    line = in_one_line(ValueError("word " * 1000))
    assert len(line) <= 300
    assert line.endswith(" ...")


def save_array(file):
    with Path(file).open("wb", buffering=0) as raw:
        np.save(raw, np.zeros(9))


WRITERS = {
    "text": lambda file: Path(file).write_text("words", encoding="utf-8"),
    "numpy": save_array,
    "parquet": lambda file: pd.DataFrame({"a": range(9)}).to_parquet(file),
    "tokenizers": lambda file: Tokenizer(WordLevel({"a": 0}, "a")).save(file),
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
@pytest.mark.parametrize("library", WRITERS)
def test_a_full_disk_is_told_whatever_library_met_it(library):
    with pytest.raises(Exception, match="No space left") as caught:
        WRITERS[library]("/dev/full")
    assert why_not_written(caught.value).endswith("No space left on device")


def test_a_library_without_an_error_of_its_own_for_a_full_disk_is_believed():
    error = RuntimeError("[ONNXRuntimeError] : 1 : FAIL : write failed: No space left on device")
    assert why_not_written(error) == "cannot write a file: No space left on device"
    assert why_not_written(RuntimeError("bad shape")) is None


def test_of_a_copy_that_does_not_fit_the_copy_is_named():
    error = OSError(errno.ENOSPC, "No space left on device", "source", None, "copy")
    assert why_not_written(error) == "cannot write copy: No space left on device"
