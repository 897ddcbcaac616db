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

    def reason(self, when: str) -> str | None:
        """Why figures taken then are not to be trusted, or none."""
        reasons = []
        if self.busy_cores > BUSY_CORES:
            reasons.append(f"other processes kept {self.busy_cores:.1f} cores busy {when}")
        if self.stolen_share > STOLEN_SHARE:
            reasons.append(f"the hypervisor took {self.stolen_share:.0%} of the processor {when}")
        return "; ".join(reasons) or None


class Neighbours:
    """Watches from when it is made; every process but this one counts, niced ones too."""

    def __init__(self) -> None:
        self.start = _now()

    def noise(self) -> Noise:
        """What the others did since."""
        wall, busy, stolen, total = (now - before for now, before in zip(_now(), self.start, strict=True))
        return Noise(busy_cores=max(0.0, busy / wall), stolen_share=max(0.0, stolen / total) if total else 0.0)


def noise_before() -> Noise:
    """What others do while this process sleeps for a quarter of a second."""
    watch = Neighbours()
    time.sleep(QUIET_SECONDS)
    return watch.noise()


def _now() -> tuple[float, float, float, float]:
    """Seconds: of the wall, of all processors without this process, stolen, and of all processors."""
    machine, own = psutil.cpu_times()._asdict(), psutil.Process().cpu_times()
    busy = sum(seconds for kind, seconds in machine.items() if kind not in NOT_BUSY)
    total = sum(seconds for kind, seconds in machine.items() if not kind.startswith("guest"))
    return time.perf_counter(), busy - own.user - own.system, float(machine.get("steal", 0.0)), total
