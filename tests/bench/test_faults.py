"""Whole runs that are killed, have no disk left, or lose their cache: the next one comes to the same figures.

Stopping, locking and deleting are tested stage by stage in tests/materials; these take many minutes: `tox -e sweep`.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest
import sample_faults
import sample_run

from bench.record.predictions import FILE as PREDICTIONS
from bench.record.run_file import read_run
from materials.files import sha256_of

pytestmark = pytest.mark.sweep
KILLS_A_SEED = 5
CHANGES = ("teacher.epochs=2", "teacher.formats=[eager]", "formats=[onnx]", "speed_seeds=0")
OWN_DISK = ("unshare", "--map-root-user", "--mount", "sh", "-c")


def command_for(recipe, output, changes=CHANGES):
    options = [word for change in changes for word in ("--set", change)]
    return ["run", str(recipe), "--jobs", "2", "--output", str(output), *options]


def started(command, cache):
    environment = {**os.environ, "DISTILBENCH_CACHE": str(cache), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, sample_run.__file__, *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def figures_of(output):
    """The quality of every row, every test row's outputs, and the digest of every file in the bundles."""
    rows = {(row.model, row.format): (row.status in ("ok", "noisy"), row.scores) for row in read_run(output).rows}
    files = {
        str(path.relative_to(output)): sha256_of(path)
        for path in sorted((output / "bundles").rglob("*"))
        if path.is_file() and path.name != "bundle.json"  # which holds how long exporting took
    }
    return rows, files, pd.read_parquet(output / PREDICTIONS).to_json()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, tiny_recipe):
    """The seconds and the figures of a run that nothing befalls."""
    folder, start = tmp_path_factory.mktemp("undisturbed"), time.monotonic()
    run = started(command_for(tiny_recipe, folder / "run"), folder / "cache")
    _, notices = run.communicate()
    assert run.returncode == 0, notices
    return time.monotonic() - start, figures_of(folder / "run")


def killed(run, seconds):
    """Whether a run was killed after so many seconds, with all that it had begun gone soon after; or had ended."""
    try:
        run.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        begun = psutil.Process(run.pid).children(recursive=True)
        run.kill()
        run.communicate()
        _, alive = psutil.wait_procs(begun, timeout=60)
        assert not alive, [process.cmdline() for process in alive]
        return True
    assert run.returncode == 0
    return False


@pytest.mark.parametrize("seed", range(10))
def test_a_run_of_two_jobs_killed_at_random_moments_comes_to_the_same_figures(tmp_path, tiny_recipe, undisturbed, seed):
    seconds, figures = undisturbed
    chance, kills = random.Random(seed), 0
    while kills < KILLS_A_SEED:
        run = started(command_for(tiny_recipe, tmp_path / "run"), tmp_path / "cache")
        if killed(run, chance.uniform(0, seconds * 0.6)):
            kills += 1
            continue
        assert figures_of(tmp_path / "run") == figures
        for folder in ("run", "cache"):
            shutil.rmtree(tmp_path / folder)
    run = started(command_for(tiny_recipe, tmp_path / "run"), tmp_path / "cache")
    _, notices = run.communicate()
    assert run.returncode == 0, notices
    assert figures_of(tmp_path / "run") == figures


def faults(kind, cache, command, *, before=""):
    """What is told of each run with a fault, and of the last one, which has none."""
    program = [sys.executable, sample_faults.__file__, kind, str(cache), *command]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    if before:
        program = [*OWN_DISK, f'{before} && exec "$@"', "sh", *program]
    answer = subprocess.run(program, env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def has_own_disk():
    """Whether a file system of one's own may be mounted here."""
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run([*OWN_DISK, "mount -t tmpfs tmpfs /mnt"], capture_output=True).returncode
    )


@pytest.mark.skipif(not has_own_disk(), reason="no file system may be mounted here")
def test_a_disk_that_is_full_at_any_stage_is_told_and_the_next_run_comes_to_the_same(
    tmp_path, tiny_recipe, undisturbed
):
    (tmp_path / "cache").mkdir()
    changes = (*CHANGES[:2], "formats=[onnx, onnx-int8, torchscript, openvino]", "measuring.seconds=0.1")
    command = command_for(tiny_recipe, tmp_path / "run", changes)
    command[command.index("2")] = "1"
    *stopped, last = faults(
        "full", tmp_path / "cache", command, before=f"mount -t tmpfs -o size=16m t {tmp_path}/cache"
    )
    assert last["code"] == 0
    assert {"teacher", "student", "measurement ", "bundle onnx", "bundle torchscript", "splits"} <= {
        stage for answer in stopped for stage in answer["stages"]
    }
    for answer in stopped:
        assert answer["code"] == 2, answer
        assert answer["told"].startswith("distilbench: cannot write"), answer
        assert "No space left on device; finished stages are kept" in answer["told"], answer
        assert not answer["unfinished"], answer
    assert undisturbed[1][0].items() <= figures_of(tmp_path / "run")[0].items()


def test_a_cache_that_is_deleted_at_any_stage_is_told_and_the_next_run_comes_to_the_same(
    tmp_path, tiny_recipe, undisturbed
):
    command = command_for(tiny_recipe, tmp_path / "run")
    command[command.index("2")] = "1"
    *stopped, last = faults("deleted", tmp_path / "cache", command)
    assert last["code"] == 0
    for answer in stopped:
        assert answer["code"] == 2, answer
        assert "was deleted while this run needed it; give the same command again" in answer["told"], answer
    assert figures_of(tmp_path / "run")[0] == undisturbed[1][0]
