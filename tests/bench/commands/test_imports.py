"""What reads results needs nothing that computes."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from bench.commands.command_line import app

code = app(sys.argv[1:], standalone_mode=False)
heavy = {"torch", "transformers", "onnxruntime", "onnx", "sklearn", "openvino"}
sys.exit(f"imported {heavy & set(sys.modules)}" if heavy & set(sys.modules) else code)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "RUN"),
        ("show", "RUN", "--classes"),
        ("show", "RUN", "--curves"),
        ("show", "RUN", "--significance", "--format", "markdown"),
        ("compare", "RUN", "RUN"),
        ("recommend", "RUN"),
        ("cache",),
    ],
    ids=" ".join,
)
def test_command_that_reads_results_imports_no_torch(finished, arguments):
    command = [str(finished) if argument == "RUN" else argument for argument in arguments]
    answer = subprocess.run([sys.executable, "-c", PROGRAM, *command], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr[-2000:]
