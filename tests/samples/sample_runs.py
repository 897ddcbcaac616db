"""Runs made of rows of a line each, for tests that read results."""

from bench.record.row import Row
from bench.record.run_file import Run


def sample_row(model, score=None, latency=None, **changes):
    """A sound row: its macro-F1 with an interval of two points around it, and its batch-1 p50 in milliseconds."""
    role = "teacher" if model == "teacher" else "student"
    objective = None if role == "teacher" else model.partition(" ")[2]
    figures = {} if score is None else {"macro_f1": score, "macro_f1_low": score - 0.02, "macro_f1_high": score + 0.02}
    content = {
        **{"model": model, "role": role, "task": "single-label", "device": "cpu", "threads": 1, "status": "ok"},
        **{"error": None, "architecture": model.split()[0], "objective": objective, "objective_title": objective},
        **{"transfer_rows": None, "seed": 0, "format": "eager" if role == "teacher" else "onnx", "parity": "passed"},
        **{"parameters": 1000, "size_bytes": 2_000_000, "latency_p50_ms": latency, **figures},
    }
    return Row(**{**content, **changes})


def sample_run(*rows, name="sample", recipe=None):
    """A run that holds these rows."""
    return Run(
        name=name,
        recipe=recipe if recipe is not None else {"students": [], "objectives": []},
        threads=1,
        machine={"processor": "a processor", "cores": 2},
        versions={"torch": "2.13"},
        git_commit=None,
        load_average=(0.1, 0.1, 0.1),
        created="2026-01-01T00:00:00+00:00",
        labelling=(),
        rows=rows,
        groups=(),
    )
