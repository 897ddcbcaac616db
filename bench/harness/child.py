"""The process that measures one model and nothing else: `python -m bench.harness.child WORKLOAD ITEMS FOLDER PIPE`."""

import json
import os
import sys
import time
import traceback
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness.figures import figures_of
from bench.harness.gpu import Nvml
from bench.harness.isolation import read_items
from bench.harness.lifeline import end_with_lifeline
from bench.harness.neighbours import Neighbours, noise_before
from bench.harness.probe import Probes
from bench.harness.scenarios import run_scenarios
from bench.harness.series import save_series
from bench.harness.subject import Subject, load_subject, padding_difference
from bench.harness.workload import Workload
from export.foreign import open_model
from export.memory import limited_memory, peak_bytes, reset_peak
from materials.errors import RequestError, in_one_line, with_kind
from materials.modalities import Item

USUAL_BATCH_SIZE = 32


def main(workload_file: Path, items_file: Path, folder: Path) -> None:
    """Write result.json to `folder`, logits.npy where outputs are asked for, samples.parquet where times are."""
    workload = Workload.read(workload_file)
    items = read_items(workload, items_file)
    noise_at_start = noise_before() if workload.scenarios else None
    nvml = Nvml.open() if workload.device == "cuda" and workload.scenarios else None
    gpu_processes_at_start = nvml.other_processes() if nvml else None
    # CUDA takes room by its own rules.
    with limited_memory(Path(workload.model)) if workload.device == "cpu" else nullcontext():
        bundle = open_model(
            Path(workload.model),
            label_names=workload.label_names,
            max_length_tokens=workload.max_length_tokens,
            modality=workload.modality,
            allow_code=workload.allow_code,
        )
        load_start = time.perf_counter()
        subject = load_subject(workload, bundle)
        load_end = time.perf_counter()
        load_peak = peak_bytes()
        subject.classify(items[:1], 1)
        first_call_end = time.perf_counter()
    peak_is_apart = reset_peak()  # here, so that the peak of inference holds nothing that only loading needed
    if workload.with_outputs:
        np.save(folder / "logits.npy", subject.logits(items))
    is_padded = workload.with_outputs and not bundle.exported and bundle.modality != "image"
    by_padding = padding_difference(subject, items) if is_padded else None
    result: dict[str, Any] = {
        **asdict(subject.settings),
        "affinity": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "padding_difference": by_padding,
        "load_ms": (load_end - load_start) * 1e3,
        "first_call_ms": (first_call_end - load_end) * 1e3,
        "load_peak_memory_bytes": load_peak,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if noise_at_start is not None:
        result |= _measure_speed(workload, subject, items, folder)
        if not peak_is_apart:
            result["inference_peak_memory_bytes"] = None
        reasons = (
            noise_at_start.reason("just before"),
            _gpu_noise(nvml, gpu_processes_at_start) if nvml else None,
            result.pop("reasons"),
        )
        result["noise"] = "; ".join(reason for reason in reasons if reason) or None
        result["busy_cores_before"] = noise_at_start.busy_cores
        if nvml:
            result |= _device_figures(nvml, subject, items, result.get("end_to_end_batch_size", USUAL_BATCH_SIZE))
    (folder / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


def _measure_speed(workload: Workload, subject: Subject, items: list[Item], folder: Path) -> dict[str, Any]:
    """Run the scenarios, save their raw times, and return their figures; `reasons` says what disturbed them."""
    neighbours, probes = Neighbours(), Probes()
    scenarios = run_scenarios(workload, subject, items, probes.take)
    probes.take("after")
    noise = neighbours.noise()
    peak_memory = probes.peak_bytes()
    save_series([*scenarios.series, *probes.series()], folder / "samples.parquet")
    unsteady = f"no steady time in {', '.join(scenarios.unsteady)}" if scenarios.unsteady else None
    return {
        **figures_of(scenarios),
        "inference_peak_memory_bytes": peak_memory,
        "reasons": "; ".join(reason for reason in (noise.reason("meanwhile"), unsteady) if reason),
        "probes": [reading.as_figures() for reading in probes.readings],
        "busy_cores_during": noise.busy_cores,
        "stolen_share": noise.stolen_share,
    }


def _gpu_noise(nvml: Nvml, processes_at_start: int | None) -> str | None:
    """The sentence for other processes on the GPU at the start or now, or none.

    In a container with process numbers of its own, this process counts too.
    """
    other_processes = max(processes_at_start or 0, nvml.other_processes() or 0)
    return f"{other_processes} other process(es) on the GPU" if other_processes else None


def _device_figures(nvml: Nvml, subject: Subject, items: list[Item], batch_size: int) -> dict[str, Any]:
    """Peak device memory, and what the GPU uses for one text while all are classified again and again."""
    energy = nvml.energy_per_call_millijoules(lambda: subject.classify(items, batch_size))
    return {
        "device_memory_bytes": nvml.own_memory_bytes() or _reserved_by_torch(),
        "energy_mj_per_text": None if energy is None else energy / len(items),
    }


def _reserved_by_torch() -> int | None:
    import torch

    return torch.cuda.max_memory_reserved() or None


if __name__ == "__main__":
    end_with_lifeline(int(sys.argv[4]))
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
    except Exception as error:  # whatever a library raises: the last line of this process is what the user is told
        traceback.print_exc()
        sys.exit(in_one_line(error) if isinstance(error, RequestError) else with_kind(error))
