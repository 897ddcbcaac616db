"""Measures a model in a fresh process with a fixed number of threads."""

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.harness.lifeline import lifeline
from bench.harness.workload import Workload
from materials.errors import RequestError, tells_of_full_disk, tells_of_memory
from materials.modalities import MODALITIES, Item

TIMEOUT_SECONDS, TIMEOUT_SECONDS_AN_ITEM, SERVER_SECONDS, REPEATS = 600, 1, 400, 60
PYTHON = (sys.executable, "-P", "-m")
CHILD = "bench.harness.child"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


class MeasurementFailed(RuntimeError):
    """The process that measured a model crashed or hung; the message says how in one sentence."""


def measure_in_fresh_process(workload: Workload, items: Sequence[Item], folder: Path, *, program: str = CHILD) -> None:
    """Fill `folder` with what the program writes. Raises MeasurementFailed when the process does not end well.

    Raises OSError where it did not because the disk is full, which ends a run.
    """
    with tempfile.TemporaryDirectory() as scratch:
        workload_file, items_file = Path(scratch) / "workload.json", Path(scratch) / "items.json"
        write_order(workload, items, workload_file, items_file)
        limit = _limit_seconds(workload, len(items))
        try:
            with _on_processors(workload.affinity), lifeline() as pipe:
                process = subprocess.run(
                    [*PYTHON, program, str(workload_file), str(items_file), str(folder), str(pipe)],
                    pass_fds=(pipe,),
                    capture_output=True,
                    text=True,
                    errors="replace",
                    env=child_environment(workload.threads),
                    timeout=limit,
                )
        except subprocess.TimeoutExpired:
            raise MeasurementFailed(f"the measuring process hung for {limit} s and was ended") from None
    if process.returncode != 0 and tells_of_full_disk(process.stderr):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    if process.returncode != 0:
        raise MeasurementFailed(_why(process.returncode, process.stderr))


def child_environment(threads: int) -> dict[str, str]:
    """The environment that gives every library the same threads; idle ones spin only if there are several."""
    return {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "OMP_WAIT_POLICY": "ACTIVE" if threads > 1 else "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false" if threads == 1 else "true",
    }


def write_order(workload: Workload, items: Sequence[Item], workload_file: Path, items_file: Path) -> None:
    """Write what a measuring process is to do, and the items that it is to classify."""
    workload.write(workload_file)
    as_json = MODALITIES[workload.modality].as_json
    items_file.write_text(json.dumps([as_json(item) for item in items]), encoding="utf-8")


def read_items(workload: Workload, file: Path) -> list[Item]:
    """Read the items that a measuring process is to classify."""
    from_json = MODALITIES[workload.modality].from_json
    return [from_json(item_json) for item_json in json.loads(file.read_text(encoding="utf-8"))]


def _limit_seconds(workload: Workload, items: int) -> int:
    """Seconds after which a process counts as hung: far more than a slow model needs for its workload."""
    server = SERVER_SECONDS if "server" in workload.scenarios else 0
    return int(TIMEOUT_SECONDS + server + REPEATS * workload.seconds + TIMEOUT_SECONDS_AN_ITEM * items)


@contextmanager
def _on_processors(affinity: Sequence[int]) -> Iterator[None]:
    """Keep this thread, and so every process that it starts, on these processors; empty for all of them."""
    if not affinity:
        yield
        return
    previous_affinity = os.sched_getaffinity(0)
    os.sched_setaffinity(0, affinity)
    try:
        yield
    finally:
        os.sched_setaffinity(0, previous_affinity)


def _why(status: int, errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip()]
    last_line = lines[-1].removeprefix(f"{RequestError.__module__}.{RequestError.__name__}: ") if lines else ""
    if tells_of_memory(last_line):
        return f"the measuring process ran out of memory ({last_line})"
    if status == -signal.SIGKILL:
        return "the measuring process was killed, most likely because the machine ran out of memory"
    if status < 0:
        return f"the measuring process crashed ({signal.Signals(-status).name})"
    return last_line or f"the measuring process died (status {status})"
