"""What a library's error becomes in a sentence."""

import pytest

from materials.errors import in_one_line, with_kind

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
