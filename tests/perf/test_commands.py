"""Times the commands that only read results: `pytest tests/perf/test_commands.py --benchmark-only`.

Each shall answer in under 1.5 s where `--help` takes 0.3: there is nothing for torch to do.
"""

import subprocess
import sys
from pathlib import Path

import pytest

import bench

PROGRAM = "from bench.commands.command_line import main; main()"
RESULTS = Path(bench.__file__).parent.parent / "results"
COMMANDS = {
    "help": ("--help",),
    "show": ("show", "headlines"),
    "show-classes": ("show", "headlines", "--classes"),
    "compare": ("compare", "headlines", "headlines"),
    "recommend": ("recommend", "headlines", "--max-p50-ms", "5"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_answers(benchmark, name):
    if not (RESULTS / "headlines" / "run.json").is_file():
        pytest.skip("results/ lies beside the code in a checkout only")
    command = [sys.executable, "-c", PROGRAM, *COMMANDS[name]]
    benchmark.pedantic(
        subprocess.run, args=(command,), kwargs={"check": True, "cwd": RESULTS, "capture_output": True}, rounds=5
    )
