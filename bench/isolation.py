"""Measures a bundle in a fresh process with a fixed number of threads."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

TIMEOUT_SECONDS, TIMEOUT_SECONDS_A_TEXT = 600, 3
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


class MeasurementFailed(RuntimeError):
    """The process that measured a bundle crashed or hung; the message is its last line."""


def measure_in_fresh_process(bundle: Path, texts: Sequence[str], folder: Path, *, threads: int, speed: bool) -> None:
    """Fill `folder` with what `bench.child` writes. Raises MeasurementFailed when the process does not end well."""
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}
    environment["TOKENIZERS_PARALLELISM"] = "false" if threads == 1 else "true"
    with tempfile.TemporaryDirectory() as work:
        texts_file = Path(work) / "texts.json"
        texts_file.write_text(json.dumps(list(texts)), encoding="utf-8")
        command = [sys.executable, "-P", "-m", "bench.child", str(bundle), str(texts_file), str(folder), str(threads)]
        command.append("speed" if speed else "quality")
        limit = TIMEOUT_SECONDS + TIMEOUT_SECONDS_A_TEXT * len(texts)
        try:
            answer = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=limit)
        except subprocess.TimeoutExpired:
            raise MeasurementFailed(f"the measuring process hung for {limit} s and was ended") from None
    if answer.returncode != 0:
        lines = [line for line in answer.stderr.splitlines() if line.strip()]
        raise MeasurementFailed(lines[-1] if lines else f"the measuring process died (status {answer.returncode})")
