"""What training a teacher and training a student have in common: progress, history, and what ends it."""

import json
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.steps.workplace import Workplace
from materials.errors import NO_WRITING, RequestError, with_kind
from materials.stages import Stage

if TYPE_CHECKING:
    from training.history import Epoch

HISTORY = "history.json"
PROGRESS = "progress.pt"


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
        if isinstance(error, OSError) and error.errno in NO_WRITING:
            raise
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}, line {frame.lineno}"
        raise CellFailed(f"could not be trained: {with_kind(error)} ({where})") from error


@contextmanager
def refusing_divergence(title: str) -> Iterator[None]:
    """Turn a loss that is no longer a number into a sentence that names the model."""
    from training.loop import Diverged

    try:
        yield
    except Diverged as error:
        raise RequestError(f"{title}: {error}") from None


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
