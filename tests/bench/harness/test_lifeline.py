"""What a run began ends with it, though it was killed and could not say so."""

import os
import subprocess
import sys

import psutil

BEGINS_A_PROGRAM = """
import subprocess, sys
from bench.harness.lifeline import lifeline
program = "import sys, time; from bench.harness.lifeline import end_with_lifeline as end; end(int(sys.argv[1])); " \\
    "print('begun', flush=True); time.sleep(600)"
with lifeline() as pipe:
    process = subprocess.Popen([sys.executable, "-c", program, str(pipe)], pass_fds=(pipe,), stdout=subprocess.PIPE)
    process.stdout.readline()
    print(process.pid, flush=True)
    process.wait()
"""
BEGINS_A_WORKER = """
import multiprocessing, sys, time
from bench.harness.lifeline import end_with_parent
def work(connection):
    end_with_parent()
    connection.send("begun")
    time.sleep(600)
if __name__ == "__main__":
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(theirs,))
    process.start()
    ours.recv()
    print(process.pid, flush=True)
    process.join()
"""


def is_gone_with_its_run(tmp_path, program):
    """Whether what a program has begun, whose number it prints, ends when the program is killed."""
    file = tmp_path / "program.py"
    file.write_text(program, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.Popen([sys.executable, str(file)], stdout=subprocess.PIPE, text=True, env=environment)
    begun = psutil.Process(int(run.stdout.readline()))
    run.kill()
    run.communicate()
    _, alive = psutil.wait_procs([begun], timeout=60)
    return not alive


def test_a_measuring_process_ends_with_its_run(tmp_path):
    assert is_gone_with_its_run(tmp_path, BEGINS_A_PROGRAM)


def test_a_training_process_ends_with_its_run(tmp_path):
    assert is_gone_with_its_run(tmp_path, BEGINS_A_WORKER)
