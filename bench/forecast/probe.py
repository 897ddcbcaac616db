"""How fast this machine is at a model, in about a second: a training step, some rows answered, a single one."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import psutil

from bench.forecast.stand_ins import StandIn
from export.memory import peak_bytes, reset_peak

if TYPE_CHECKING:
    from torch import Tensor, nn

ANSWERING_SHARE, CALLING_SHARE = 0.5, 0.3  # of the time that learning takes
FIRST_ROWS, ANSWERED_ROWS = 2, 64
PYTHON_STEPS = 100_000
REFERENCE_PYTHON_SECONDS = 0.0085  # of these steps where the fixed times of `costs` were taken


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What a model takes here, in seconds: to learn a row, to move its weights once, to answer a row among others.

    `file_row_seconds` and `call_seconds` are a row among others and by itself, on as many threads as files are timed
    on. `modules` is how many parts the graph is made of, `deployed_parameters` are those of what is exported,
    `row_bytes` is what a row takes in memory while it is learned, `tokens` how long a row was, and `words` how many
    tokens there are.
    """

    learn_seconds: float
    move_seconds: float
    answer_seconds: float
    file_row_seconds: float
    call_seconds: float
    parameters: int
    deployed_parameters: int
    modules: int
    row_bytes: float = 0.0
    tokens: float = 1.0
    words: int = 0

    def step_seconds(self, batch_size: int) -> float:
        """A training step on so many rows."""
        return batch_size * self.learn_seconds + self.move_seconds


def probe(
    model: StandIn,
    *,
    batch_size: int,
    optimiser: str,
    device: str,
    threads: int,
    seconds: float = 1.0,
    learns: bool = True,
) -> Speed:
    """Time a model, for so many seconds about; one that is never trained is asked for answers only."""
    import torch

    module = model.module.to(device)
    parts = sum(1 for _ in module.modules())
    learn, move, row_bytes = _learning(model, batch_size, optimiser, device, seconds) if learns else (0.0, 0.0, 0.0)
    module.eval()
    with torch.inference_mode():

        def answer(rows: int) -> None:
            module(*_on(device, model.inputs(rows))).cpu()

        answer_seconds = _row_seconds(answer, ANSWERED_ROWS, ANSWERING_SHARE * seconds)
        threads_before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            file_row_seconds = _row_seconds(answer, ANSWERED_ROWS, CALLING_SHARE * seconds)
            call_seconds = _row_seconds(answer, 1, CALLING_SHARE * seconds)
        finally:
            torch.set_num_threads(threads_before)
    return Speed(
        learn_seconds=learn,
        move_seconds=move,
        answer_seconds=model.passes * answer_seconds,
        file_row_seconds=model.passes * file_row_seconds,
        call_seconds=model.passes * call_seconds,
        parameters=_parameters(module),
        deployed_parameters=_parameters(getattr(module, "deployed", lambda: module)()),
        modules=parts,
        row_bytes=row_bytes,
        tokens=model.tokens,
        words=model.words,
    )


def _parameters(module: "nn.Module") -> int:
    """How many numbers a file of the module holds."""
    return sum(values.numel() for values in module.state_dict().values())


def slowness() -> float:
    """How many times as long as where fixed times were taken this machine takes for plain Python."""
    return min(_timed(_count) for _ in range(5)) / REFERENCE_PYTHON_SECONDS


def _learning(
    model: StandIn, batch_size: int, optimiser: str, device: str, seconds: float
) -> tuple[float, float, float]:
    """Seconds to learn a row and to move the weights, and the bytes that a row takes."""
    from training.optimiser import Mover
    from training.outputs import outputs_of
    from training.precision import autocast
    from training.settings import TrainingSettings

    module = model.module
    settings = TrainingSettings(epochs=1, batch_size=batch_size, learning_rate=1e-6, seed=0, optimiser=optimiser)
    mover = Mover(module, settings, steps_per_epoch=1000)
    module.train()
    most_bytes = [0.0]

    def learn(rows: int) -> None:
        before, inputs = psutil.Process().memory_info().rss, _on(device, model.inputs(rows))
        with autocast(device):
            outputs = outputs_of(module(*inputs)).logits
        loss = outputs.float().square().mean()
        loss.backward()
        loss.item()
        most_bytes[0] = max(most_bytes[0], (peak_bytes() - before) / rows)

    learn(FIRST_ROWS)
    mover.move()  # which makes room for what it keeps of each weight
    reset_peak()
    row_seconds = _row_seconds(learn, batch_size, seconds)
    return row_seconds, _timed(mover.move), most_bytes[0]


def _on(device: str, tensors: "list[Tensor]") -> "list[Tensor]":
    return [tensor.to(device) for tensor in tensors]


def _row_seconds(run: Callable[[int], None], most_rows: int, seconds: float) -> float:
    """Seconds a row of `run`, over as many rows at once as fit the time, and again until it is over."""
    first_rows = min(most_rows, FIRST_ROWS)
    run(first_rows)
    first = _timed(lambda: run(first_rows)) / first_rows
    rows = min(most_rows, max(first_rows, int(seconds / 2 / first)))
    if rows > first_rows:
        run(rows)  # buffers of this size
    times, deadline = [_timed(lambda: run(rows))], time.perf_counter() + seconds / 2
    while time.perf_counter() < deadline:
        times.append(_timed(lambda: run(rows)))
    return median(times) / rows


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _count() -> int:
    total = 0
    for number in range(PYTHON_STEPS):
        total += number & 3
    return total
