"""Processes that are launched together."""

import os
import subprocess
import sys


def launched(processes, *call, env=()):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **dict(env)}
    return subprocess.run([*torchrun, *call], capture_output=True, text=True, env=variables, timeout=400)
