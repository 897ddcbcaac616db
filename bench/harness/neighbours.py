"""Whether something else used the machine while a model was measured."""

import time
from dataclasses import dataclass

import psutil

BUSY_CORES = 0.25
STOLEN_SHARE = 0.02
NOT_BUSY = ("idle", "iowait", "steal", "guest", "guest_nice")  # guests are counted as user already
QUIET_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Cores that other processes kept busy, and the share of all processor time that the hypervisor took away."""

    busy_cores: float
    stolen_share: float

    def reason(self, period: str) -> str | None:
        """Why figures taken in this period are not to be trusted, or none."""
        reasons = []
        if self.busy_cores > BUSY_CORES:
            reasons.append(f"other processes kept {self.busy_cores:.1f} cores busy {period}")
        if self.stolen_share > STOLEN_SHARE:
            reasons.append(f"the hypervisor took {self.stolen_share:.0%} of the processor {period}")
        return "; ".join(reasons) or None


class Neighbours:
    """Watches all processes but this one, niced ones too, from the moment it is made."""

    def __init__(self) -> None:
        self.start = _now()

    def noise(self) -> Noise:
        """What the other processes did since then."""
        wall_seconds, busy_seconds, stolen_seconds, total_seconds = (
            end - start for end, start in zip(_now(), self.start, strict=True)
        )
        # Below zero only by the clocks' rounding: the kernel counts processor time in ticks of its own.
        return Noise(
            busy_cores=max(0.0, busy_seconds / wall_seconds),
            stolen_share=max(0.0, stolen_seconds / total_seconds) if total_seconds else 0.0,
        )


def noise_before() -> Noise:
    """What others do while this process sleeps for a quarter of a second."""
    neighbours = Neighbours()
    time.sleep(QUIET_SECONDS)
    return neighbours.noise()


def _now() -> tuple[float, float, float, float]:
    """Seconds on four clocks: the wall, processors busy without this process, the hypervisor, and all processors."""
    machine, this_process = psutil.cpu_times()._asdict(), psutil.Process().cpu_times()
    busy_seconds = sum(seconds for kind, seconds in machine.items() if kind not in NOT_BUSY)
    total_seconds = sum(seconds for kind, seconds in machine.items() if not kind.startswith("guest"))
    others_busy_seconds = busy_seconds - this_process.user - this_process.system
    return time.perf_counter(), others_busy_seconds, float(machine.get("steal", 0.0)), total_seconds
