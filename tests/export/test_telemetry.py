"""Nothing is sent anywhere while OpenVINO's files are made."""

import os
import subprocess
import sys

from sample_network import SPY

PROGRAM = (
    SPY
    + """
words = ["export", sys.argv[1], "--to", "openvino,openvino-int8", "--output", sys.argv[2]]
code = app([*words, "--quantize-data", sys.argv[3]], standalone_mode=False)
assert not asked, asked
assert not code, code
"""
)


def test_openvino_formats_ask_for_no_host_and_write_nothing_at_home(tiny_student, more_texts, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    places = (str(tiny_student), str(tmp_path / "out"), str(more_texts))
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, *places],
        env={**environment, "HOME": str(home), "DISTILBENCH_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert not (home / "intel").exists()
