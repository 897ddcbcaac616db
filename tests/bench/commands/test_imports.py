"""What reads results needs nothing that computes."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from bench.commands.command_line import app

code = app(sys.argv[1:], standalone_mode=False)
heavy = {"torch", "transformers", "onnxruntime", "onnx", "sklearn", "openvino", "altair"}
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
        ("report", "RUN", "--output", "PAGE"),
        ("list",),
        ("list", "students"),
    ],
    ids=" ".join,
)
def test_command_that_reads_results_imports_no_torch(finished, arguments, tmp_path):
    places = {"RUN": str(finished), "PAGE": str(tmp_path / "report.html")}
    command = [places.get(argument, argument) for argument in arguments]
    answer = subprocess.run([sys.executable, "-c", PROGRAM, *command], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr[-2000:]


def test_recipe_without_settings_of_students_is_read_without_torch():
    program = (
        "import sys\nfrom bench.recipe.file import read_recipe\n"
        "read_recipe('movie-reviews')\nprint(sorted({'torch', 'transformers', 'onnxruntime'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
