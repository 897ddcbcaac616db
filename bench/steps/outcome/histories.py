"""How the students of a run learned: one line for each epoch of each student and seed."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.steps.models import Model
from bench.steps.outcome.rows import Runs
from bench.steps.training import HISTORY


def collect_histories(runs: Runs) -> pd.DataFrame:
    """Whose each epoch is, how many rows it has, and its scores."""
    lines = [line for model in runs.models for line in _lines(model, runs)]
    return pd.DataFrame(lines)


def _lines(model: Model, runs: Runs) -> Sequence[dict[str, Any]]:
    """The epochs of a student; none for other models, and for one that could not be trained."""
    if model.checkpoint is None or model.cell is None:
        return []
    objective = model.cell.objective
    described = {
        "model": model.title,
        "student": model.cell.student.title,
        "objective": objective.title,
        "needs_teacher": objective.needs_teacher,
        "teacher_every_epoch": objective.teacher_every_epoch,
        "exported": objective.exported,
        "seed": model.seed,
        "rows": len(runs.splits[model.splits].train) + (model.transfer_rows or 0),
    }
    history = json.loads((model.checkpoint / HISTORY).read_text(encoding="utf-8"))
    return [{**described, **epoch} for epoch in history]
