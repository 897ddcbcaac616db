"""The options of pytest-benchmark do in tests/perf what its documentation says, though warnings are errors here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASE = "def test_it(benchmark):\n    benchmark.pedantic(int, rounds=2)\n"


@pytest.fixture
def times(tmp_path):
    """A function from options to what pytest says of one benchmark; its results are kept below `tmp_path`."""
    (tmp_path / "test_case.py").write_text(CASE)

    def run(*options):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml"]
        places = ["--rootdir", tmp_path, f"--benchmark-storage=file://{tmp_path / 'kept'}", tmp_path / "test_case.py"]
        # Of a process among several that share out tests, it would take itself for one too, and time nothing.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
        answer = subprocess.run(
            [*command, *places, *options], capture_output=True, text=True, cwd=tmp_path, env=environment
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout + answer.stderr

    return run


def test_comparing_with_nothing_and_with_another_machine_warns_and_goes_on(times, tmp_path):
    assert "Can't compare. No benchmark files" in times("--benchmark-compare", "--benchmark-autosave")
    (kept,) = (tmp_path / "kept").rglob("*.json")
    content = json.loads(kept.read_text())
    content["machine_info"]["cpu"] = {"brand_raw": "another"}
    kept.write_text(json.dumps(content))
    output = times("--benchmark-compare")
    assert "1 passed" in output
    assert "differ" in output
