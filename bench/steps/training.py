"""What training a teacher and training a student have in common: progress, history, and what ends it."""

import json
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.steps.workplace import Workplace
from materials.errors import RequestError, in_one_line, tells_of_memory, why_not_written, with_kind
from materials.modalities import MODALITIES, Item
from materials.stages import Stage
from materials.team import current_team

if TYPE_CHECKING:
    from torch import nn

    from training.history import Epoch
    from training.settings import TrainingSettings

Attempt = Callable[["TrainingSettings", Path], "list[Epoch]"]
HISTORY = "history.json"
PROGRESS = "progress.pt"
BATCH = "diverged.jsonl"


class CellFailed(Exception):
    """One model could not be trained; the message says why in a sentence. The rest of the run goes on."""


@contextmanager
def ending_the_cell() -> Iterator[None]:
    """Turn what a training or a library raises into CellFailed, but for what is the user's to mend or the machine's.

    A library may raise anything for rows that it cannot learn from; a full disk and Ctrl-C end the whole run.
    """
    try:
        yield
    except (CellFailed, MemoryError):
        raise
    except RequestError as error:
        raise CellFailed(str(error)) from error
    except Exception as error:
        if why_not_written(error):
            raise
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}, line {frame.lineno}"
        raise CellFailed(f"could not be trained: {with_kind(error)} ({where})") from error


def say_weights(work: Workplace, title: str, module: "nn.Module") -> None:
    """Say how many weights a module has, and how many of them training moves."""
    total = sum(weight.numel() for weight in module.parameters())
    moved = sum(weight.numel() for weight in module.parameters() if weight.requires_grad)
    work.screen.notice(f"{title}: {moved:,} of {total:,} weights are trained")


def trained(
    work: Workplace,
    stage: Stage,
    name: str,
    settings: "TrainingSettings",
    *,
    rows_of: tuple[Sequence[Item], str],
    attempt: Attempt,
) -> "list[Epoch]":
    """The epochs of a model's training by its name, which `attempt` runs with settings and a file for its progress.

    Where memory gives out it is begun again, once, with half the batch, and a notice says so. Raises RequestError where
    the loss is no longer a number; the items of that batch, by their places in `rows_of` (items and their modality),
    are then kept in a file that it names.
    """
    title = f"{name}, seed {settings.seed}"
    file = progress_file(work, stage, title)
    try:
        return _attempted(name, settings, file, rows_of, attempt)
    except Exception as error:
        is_alone = current_team().size == 1  # of several processes the others have not failed
        if settings.batch_size < 2 or not is_alone or not _is_of_memory(error):
            raise
    smaller = replace(settings, batch_size=settings.batch_size // 2)
    work.screen.notice(
        f"{title}: memory gave out with batches of {settings.batch_size}; begun again with {smaller.batch_size}"
    )
    file.unlink(missing_ok=True)
    try:
        return _attempted(name, smaller, file, rows_of, attempt)
    except Exception as error:
        if not _is_of_memory(error):
            raise
        raise RequestError(
            f"{title}: memory gave out with batches of {smaller.batch_size} too ({in_one_line(error)}); lower its "
            "batch_size or max_length_tokens"
        ) from None


def _is_of_memory(error: Exception) -> bool:
    return tells_of_memory(f"{type(error).__name__}: {error}")


def _attempted(
    name: str, settings: "TrainingSettings", file: Path, rows_of: tuple[Sequence[Item], str], attempt: Attempt
) -> "list[Epoch]":
    from training.loop import Diverged

    try:
        return attempt(settings, file)
    except Diverged as error:
        items, modality = rows_of
        kept = ""
        if error.rows is not None:
            batch = file.with_name(BATCH)
            batch.parent.mkdir(parents=True, exist_ok=True)
            as_json = MODALITIES[modality].as_json
            lines = [json.dumps(as_json(items[row]), ensure_ascii=False) for row in error.rows]
            batch.write_text("\n".join(lines) + "\n", encoding="utf-8")
            kept = f"; the {len(lines)} items of its batch are in {batch}"
        raise RequestError(f"{name}: {error}{kept}") from None


def progress_file(work: Workplace, stage: Stage, title: str) -> Path:
    """Where the epochs done are kept; says so where a training that was stopped has left some."""
    file = work.store.work_folder(stage) / PROGRESS
    if file.exists():
        work.screen.notice(f"{title}: goes on from the last epoch kept of a run that was stopped")
    return file


def save_history(history: "Sequence[Epoch]", folder: Path) -> None:
    """Write what is known after each epoch."""
    from training.history import as_records

    (folder / HISTORY).write_text(json.dumps(as_records(history), indent=1), encoding="utf-8")
