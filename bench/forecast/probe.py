"""How fast this machine is at a model, in about a second: training steps, some rows answered, a single one."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from bench.forecast.stand_ins import StandIn
from export.memory import peak_bytes, reset_peak

if TYPE_CHECKING:
    from torch import Tensor, nn

FEW_ROWS, MANY_ROWS, ANSWERED_ROWS = 2, 8, 64
ANSWERING_SHARE, FILE_SHARE = 0.4, 0.2  # of the time that learning takes
LEAST_SLOPE = 0.25  # of the time a row among many, however much of it seems to be fixed
SLOW_SECONDS = 0.3  # of a call that is not made again
THREADS_POWER = 0.85  # two threads are mostly 1.8 times as fast as one
PYTHON_STEPS = 100_000
REFERENCE_PYTHON_SECONDS = 0.0040  # of these steps where the fixed times of `costs` were taken


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What a model takes here, in seconds: a training step with so much for each of its rows, and a row answered.

    `file_row_seconds` and `call_seconds` are a row among others and by itself, on as many threads as files are timed
    on. `modules` is how many parts the graph is made of, `deployed_parameters` are those of what is exported,
    `row_bytes` is what a row takes in memory while it is learned, `tokens` how long a row was, and `words` how many
    tokens there are.
    """

    step_seconds: float
    step_row_seconds: float
    answer_seconds: float
    file_row_seconds: float
    call_seconds: float
    parameters: int
    deployed_parameters: int
    modules: int
    row_bytes: float = 0.0
    tokens: float = 1.0
    words: int = 0

    def step_of(self, batch_size: int) -> float:
        """A training step on so many rows."""
        return self.step_seconds + batch_size * self.step_row_seconds


@dataclass(frozen=True, kw_only=True)
class _Line:
    """Seconds of so many rows at once: some whatever their number, and some for each."""

    fixed: float = 0.0
    row: float = 0.0

    def of(self, rows: int) -> float:
        return self.row + self.fixed / rows


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How models are timed: on a device, for so many seconds about each, as files are on so many `threads`.

    On a machine that other processes crowd, threads wait for one another more than they work. One thread alone is timed
    there, by the processor's time, and all of them are taken to be as much faster as they mostly are.
    """

    device: str
    threads: int
    is_crowded: bool = False

    def time(self, model: StandIn, *, batch_size: int, optimiser: str, seconds: float, learns: bool = True) -> Speed:
        """The speed of a model; one that is never trained is asked for answers only."""
        import torch

        from training.precision import torch_threads

        module, all_threads = model.module.to(self.device), torch.get_num_threads()
        parts, deployed = sum(1 for _ in module.modules()), getattr(module, "deployed", lambda: module)()
        with torch_threads(1 if self._is_alone else all_threads):
            learning, row_bytes = self._learning(model, batch_size, optimiser, seconds) if learns else (_Line(), 0.0)
            answering = self._answering(model, ANSWERING_SHARE * seconds)
        with torch_threads(1 if self._is_alone else self.threads):
            in_file = answering if self._is_alone else self._answering(model, FILE_SHARE * seconds)
            call_seconds = self._best(lambda: self._answer(model, 1), FILE_SHARE * seconds)
        faster = all_threads**THREADS_POWER if self._is_alone else 1.0
        file_faster = self.threads**THREADS_POWER if self._is_alone else 1.0
        return Speed(
            step_seconds=learning.fixed / faster,
            step_row_seconds=learning.row / faster,
            answer_seconds=model.passes * answering.of(ANSWERED_ROWS) / faster,
            file_row_seconds=model.passes * in_file.of(ANSWERED_ROWS) / file_faster,
            call_seconds=model.passes * call_seconds / file_faster,
            parameters=_parameters(module),
            deployed_parameters=_parameters(deployed),
            modules=parts,
            row_bytes=row_bytes,
            tokens=model.tokens,
            words=model.words,
        )

    @property
    def _is_alone(self) -> bool:
        """Whether one thread is timed in place of all."""
        return self.is_crowded and self.device == "cpu"

    def _learning(self, model: StandIn, batch_size: int, optimiser: str, seconds: float) -> tuple[_Line, float]:
        """The time of training steps, and the bytes that a row takes."""
        from training.optimiser import Mover
        from training.outputs import outputs_of
        from training.precision import autocast
        from training.settings import TrainingSettings

        module = model.module
        settings = TrainingSettings(epochs=1, batch_size=batch_size, learning_rate=1e-6, seed=0, optimiser=optimiser)
        mover = Mover(module, settings, steps_per_epoch=1000)
        module.train()

        def step(rows: int) -> None:
            inputs = self._inputs(model, rows)
            with autocast(self.device):
                outputs = outputs_of(module(*inputs)).logits
            loss = outputs.float().square().mean()
            loss.backward()
            loss.item()
            mover.move()

        step(FEW_ROWS)  # which makes room for what is kept of each weight
        before = psutil.Process().memory_info().rss
        reset_peak()
        line, rows = self._line(step, batch_size, seconds)
        return line, max(0.0, peak_bytes() - before) / rows

    def _answering(self, model: StandIn, seconds: float) -> _Line:
        return self._line(lambda rows: self._answer(model, rows), ANSWERED_ROWS, seconds)[0]

    def _answer(self, model: StandIn, rows: int) -> None:
        import torch

        model.module.eval()
        with torch.inference_mode():
            model.module(*self._inputs(model, rows)).cpu()

    def _inputs(self, model: StandIn, rows: int) -> "list[Tensor]":
        return [tensor.to(self.device) for tensor in model.inputs(rows)]

    def _line(self, run: Callable[[int], None], most_rows: int, seconds: float) -> tuple[_Line, int]:
        """The times of few and of many rows, of as many as fit the time, and how many those are.

        What is fixed must not be counted for each row: half of a small model's step is.
        """
        few = self._best(lambda: run(FEW_ROWS), seconds / 4)
        many_rows = max(MANY_ROWS, min(most_rows, int(FEW_ROWS * seconds / 2 / few)))
        many = self._best(lambda: run(many_rows), seconds / 2)
        slope = max(LEAST_SLOPE * many / many_rows, (many - few) / (many_rows - FEW_ROWS))
        row = min(many / many_rows, slope)
        return _Line(fixed=many - many_rows * row, row=row), many_rows

    def _best(self, run: Callable[[], None], seconds: float) -> float:
        """The shortest of several times, of which the first counts only where there is no time for another."""
        clock = time.process_time if self._is_alone else time.perf_counter
        times, deadline = [_timed(run, clock)], time.perf_counter() + seconds
        while time.perf_counter() < deadline or (len(times) == 1 and times[0] < SLOW_SECONDS):
            times.append(_timed(run, clock))
        return min(times)


def slowness() -> float:
    """How many times as long as where fixed times were taken this machine takes for plain Python."""
    return min(_timed(_count, time.process_time) for _ in range(5)) / REFERENCE_PYTHON_SECONDS


def _timed(run: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    run()
    return clock() - began


def _count() -> int:
    total = 0
    for number in range(PYTHON_STEPS):
        total += number & 3
    return total


def _parameters(module: "nn.Module") -> int:
    """How many numbers a file of the module holds."""
    return sum(values.numel() for values in module.state_dict().values())
