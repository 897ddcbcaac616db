"""Answers of a bundle for chunk after chunk, in one process or several, in the order of the corpus."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench.corpus.chunked_rows import Answers, Chunk
from bench.harness.lifeline import end_with_parent
from export.memory import limited_memory
from export.predictor import Predictor
from materials.errors import RequestError, in_one_line

AHEAD = 3  # chunks for each process that are read before they are needed
_predictors: dict[Path, Predictor] = {}  # those of this process


def answers(
    chunks: Iterator[Chunk], folder: Path, *, jobs: int, threads: int, allow_code: bool = False
) -> Iterator[tuple[Chunk, Answers]]:
    """Each chunk with the bundle's answers, in order. Raises RequestError when a process of several dies."""
    ask = partial(_answer, folder, threads, allow_code)
    if jobs == 1:
        _predictors.pop(folder, None)  # whose files may be others by now
        for chunk in chunks:
            yield chunk, ask(chunk.items)
        return
    # A fresh interpreter for each: threads of a runtime do not survive a fork.
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=end_with_parent) as pool:
        waiting: deque[tuple[Chunk, Future[Answers]]] = deque()
        try:
            for chunk in chunks:
                waiting.append((chunk, pool.submit(ask, chunk.items)))
                if len(waiting) >= jobs * AHEAD:
                    yield waiting[0][0], waiting.popleft()[1].result()
            while waiting:
                yield waiting[0][0], waiting.popleft()[1].result()
        except BrokenProcessPool as error:
            raise RequestError(
                "a process that scores was ended from outside (is there memory for so many --jobs?)"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _answer(folder: Path, threads: int, allow_code: bool, items: Sequence[Any]) -> Answers:
    """The answers of a bundle that is opened with the first items, within the memory that it may take."""
    if folder not in _predictors:
        with limited_memory(folder):
            predictor = Predictor(folder, threads=threads, allow_code=allow_code)
            answer(predictor, items[:1])
        _predictors[folder] = predictor
    return answer(_predictors[folder], items)


def answer(predictor: Predictor, items: Sequence[Any]) -> Answers:
    """The answers for items; an item that the bundle cannot read, such as a damaged image, is a fault.

    Raises RequestError for a bundle that does not run.
    """
    try:
        return _of_outputs(predictor, predictor.logits(items) if items else None, {})
    except RequestError:
        faults = _unreadable(predictor, items)
        if not faults:
            raise
    readable = [item for position, item in enumerate(items) if position not in faults]
    return _of_outputs(predictor, predictor.logits(readable) if readable else None, faults)


def _unreadable(predictor: Predictor, items: Sequence[Any]) -> dict[int, str]:
    """The positions of items that cannot be encoded, and why."""
    faults = {}
    for position, item in enumerate(items):
        try:
            predictor.encoder.encode([item])
        except RequestError as error:
            faults[position] = in_one_line(error)
    return faults


def _of_outputs(predictor: Predictor, outputs: np.ndarray | None, faults: dict[int, str]) -> Answers:
    """Answers from outputs of shape (answered, outputs), or none."""
    bundle = predictor.bundle
    task, names = bundle.task, bundle.label_names
    if outputs is None:
        outputs = np.zeros((0, len(names)), dtype=np.float32)
    labels = task.labels_of(np.asarray(task.decide(outputs)), names)
    if task.name == "regression":
        numbers = np.asarray([np.nan if number is None else number for number in labels], dtype=np.float64)
        return Answers(labels=numbers, confidence=None, probabilities=None, is_unsure=None, faults=faults)
    sureness = task.sureness(outputs)
    return Answers(
        labels=[label if isinstance(label, str) else ",".join(label or ()) for label in labels],
        confidence=sureness.astype(np.float32),
        probabilities=task.probabilities(outputs).astype(np.float32),
        is_unsure=None if bundle.sure_from is None else sureness < bundle.sure_from,
        faults=faults,
    )
