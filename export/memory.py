"""Peak resident memory of this process, for a stretch of time."""

import resource
import sys
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # see proc(5): resets the peak resident set size


def reset_peak() -> bool:
    """Forget the peak so far; false where the system cannot, so that a later peak includes all before it."""
    try:
        CLEAR.write_text(RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def peak_bytes() -> int:
    """The largest resident memory since the start or the last reset, in bytes."""
    try:
        line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return int(line.split()[1]) * 1024
