"""The process that measures one bundle and nothing else: `python -m bench.child BUNDLE TEXTS FOLDER THREADS SPEED`."""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.speed import Samples, best_batch_size, measure_speed, supported_percentile
from export import RUNTIMES
from export.bundle import read_bundle
from export.runtime import logits_of

BUSY_CORES = 0.25
NOT_BUSY = ("idle", "iowait", "guest", "guest_nice")  # guests are counted as user already


def main(bundle_folder: Path, texts_file: Path, folder: Path, threads: int, with_speed: bool) -> None:
    """Write logits.npy and result.json to `folder`, and samples.parquet where speed is measured."""
    bundle = read_bundle(bundle_folder)
    encoder = bundle.encoder()
    texts = json.loads(texts_file.read_text(encoding="utf-8"))
    started = time.perf_counter()
    runtime = RUNTIMES[bundle.runtime](bundle, threads)
    loaded = time.perf_counter()
    runtime(encoder.pad(encoder.encode(texts[:1])))
    called = time.perf_counter()
    result: dict[str, Any] = {
        "threads": runtime.threads,
        "load_ms": (loaded - started) * 1e3,
        "first_call_ms": (called - loaded) * 1e3,
        "size_bytes": bundle.size_bytes,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    np.save(folder / "logits.npy", logits_of(runtime, encoder, encoder.encode(texts)))
    if with_speed:
        watch = _Neighbours()
        samples = measure_speed(runtime, encoder, texts)
        result |= _figures(samples) | {"busy_cores_of_others": watch.busy_cores()}
        result["noisy"] = result["busy_cores_of_others"] > BUSY_CORES
        _save_samples(samples, folder)
    (folder / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


class _Neighbours:
    """How many cores other processes, and the hypervisor, kept busy since this was made."""

    def __init__(self) -> None:
        self.start = self._now()

    def busy_cores(self) -> float:
        wall, busy = (now - before for now, before in zip(self._now(), self.start, strict=True))
        return max(0.0, busy / wall)

    @staticmethod
    def _now() -> tuple[float, float]:
        machine, own = psutil.cpu_times()._asdict(), psutil.Process().cpu_times()
        busy = sum(seconds for kind, seconds in machine.items() if kind not in NOT_BUSY)
        return time.perf_counter(), busy - own.user - own.system


def _figures(samples: Samples) -> dict[str, Any]:
    offline, whole = samples.passes["model"], samples.passes["end_to_end"]
    best = best_batch_size(offline)
    return {
        "latency_p50_ms": supported_percentile(samples.single["model"], 50),
        "latency_p90_ms": supported_percentile(samples.single["model"], 90),
        "texts_per_second": samples.rows / (float(np.median(offline[best])) / 1e9),
        "batch_size": best,
        "end_to_end_latency_p50_ms": supported_percentile(samples.single["end_to_end"], 50),
        "end_to_end_latency_p90_ms": supported_percentile(samples.single["end_to_end"], 90),
        "end_to_end_texts_per_second": samples.rows / (float(np.median(whole[best])) / 1e9),
    }


def _save_samples(samples: Samples, folder: Path) -> None:
    import pandas as pd

    frames = [
        pd.DataFrame({"scenario": "single-stream", "figure": figure, "batch_size": 1, "rows": 1, "nanoseconds": times})
        for figure, times in samples.single.items()
    ]
    for figure, by_size in samples.passes.items():
        for size, times in by_size.items():
            content = {
                "scenario": "offline",
                "figure": figure,
                "batch_size": size,
                "rows": samples.rows,
                "nanoseconds": times,
            }
            frames.append(pd.DataFrame(content))
    pd.concat(frames).to_parquet(folder / "samples.parquet", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "speed")
