"""The one training loop, for teachers and students alike: the epoch that is best on validation rows is kept."""

import copy
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training.encoder import Encoder
from training.objectives import Objective
from training.optimiser import OPTIMISERS, SCHEDULES, clip_gradients
from training.precision import autocast
from training.text_encoder import bucketed_batches
from training.token_rows import TokenRows

Report = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Encoded rows: labels int64 (rows,), -1 for none; teacher logits float32 (rows, classes) or none."""

    encoded: TokenRows
    labels: np.ndarray
    teacher_logits: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How long and how fast to train; `optimiser` and `schedule` are names in training.optimiser.

    `warmup` is the share of steps in which the linear schedule rises to its peak. Gradients are clipped to
    `largest_gradient_norm`, or not at all.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    optimiser: str = "adam"
    schedule: str = "linear"
    weight_decay: float = 0.01
    warmup: float = 0.1
    largest_gradient_norm: float | None = 1.0
    temperature: float = 1.0
    alpha: float = 0.0
    bf16: bool = True
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch came to; `loss` is the mean over its steps."""

    epoch: int
    loss: float
    validation_accuracy: float
    validation_macro_f1: float
    seconds: float


class Diverged(ArithmeticError):
    """The loss is no longer a number."""


def train(
    model: nn.Module,
    examples: Examples,
    validation: Examples,
    *,
    encoder: Encoder,
    objective: Objective,
    settings: TrainingSettings,
    report: Report,
) -> list[Epoch]:
    """Train `model` in place and leave it at its best epoch on `validation`.

    Best is the highest macro-F1. Raises Diverged with the step when the loss is not finite.
    """
    model.to(settings.device)
    steps_per_epoch = -(-len(examples.encoded) // settings.batch_size)
    steps = steps_per_epoch * settings.epochs
    optimiser = OPTIMISERS[settings.optimiser](model, settings.learning_rate, settings.weight_decay)
    rate = SCHEDULES[settings.schedule]
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: rate(step, steps, steps_per_epoch, settings.warmup)
    )
    torch.manual_seed(settings.seed)
    history: list[Epoch] = []
    best: dict[str, Tensor] = {}
    for epoch in range(1, settings.epochs + 1):
        started = time.perf_counter()
        losses = []
        model.train()
        for rows in bucketed_batches(examples.encoded.lengths, settings.batch_size, settings.seed * 1000 + epoch):
            loss = _loss(model, examples, rows, encoder=encoder, objective=objective, settings=settings)
            losses.append(loss.item())
            if not np.isfinite(losses[-1]):
                raise Diverged(
                    f"the loss became {losses[-1]} at step {schedule.last_epoch + 1} of {steps}; lower learning_rate"
                )
            loss.backward()
            if settings.largest_gradient_norm is not None:
                clip_gradients(model.parameters(), settings.largest_gradient_norm)
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
            report(schedule.last_epoch, steps)
        history.append(_finish_epoch(model, validation, encoder, epoch, losses, started, settings))
        if history[-1].validation_macro_f1 >= max(past.validation_macro_f1 for past in history):
            best = copy.deepcopy(model.state_dict())
    model.load_state_dict(best)
    model.eval().to("cpu")
    return history


def predict_logits(
    model: nn.Module,
    encoded: TokenRows,
    encoder: Encoder,
    *,
    device: str = "cpu",
    batch_size: int = 64,
    bf16: bool = True,
) -> np.ndarray:
    """The model's logits for encoded rows, float32 (rows, classes), in their order; in bf16 where the device has it."""
    model.eval()
    outputs: dict[int, np.ndarray] = {}
    with torch.inference_mode(), autocast(device, enabled=bf16):
        for rows, arrays in encoder.batches(encoded, batch_size):
            logits = model(*_tensors(arrays, device)).float().cpu().numpy()
            outputs |= dict(zip(rows.tolist(), logits, strict=True))
    return np.stack([outputs[row] for row in range(len(encoded))])


def as_records(history: list[Epoch]) -> list[dict[str, float]]:
    """The epochs as plain JSON objects."""
    return [asdict(epoch) for epoch in history]


def _tensors(arrays: dict[str, np.ndarray], device: str) -> list[Tensor]:
    return [torch.from_numpy(array).to(device) for array in arrays.values()]


def _loss(
    model: nn.Module,
    examples: Examples,
    rows: np.ndarray,
    *,
    encoder: Encoder,
    objective: Objective,
    settings: TrainingSettings,
) -> Tensor:
    labels = torch.from_numpy(examples.labels[rows]).to(settings.device)
    teacher = None
    if examples.teacher_logits is not None:
        teacher = torch.from_numpy(examples.teacher_logits[rows]).to(settings.device)
    with autocast(settings.device, enabled=settings.bf16):
        logits = model(*_tensors(encoder.pad(examples.encoded.take(rows)), settings.device))
    return objective(logits.float(), teacher, labels, temperature=settings.temperature, alpha=settings.alpha)


def _finish_epoch(
    model: nn.Module,
    validation: Examples,
    encoder: Encoder,
    epoch: int,
    losses: list[float],
    started: float,
    settings: TrainingSettings,
) -> Epoch:
    from sklearn.metrics import accuracy_score, f1_score

    predicted = predict_logits(model, validation.encoded, encoder, device=settings.device).argmax(axis=1)
    return Epoch(
        epoch=epoch,
        loss=float(np.mean(losses)),
        validation_accuracy=float(accuracy_score(validation.labels, predicted)),
        validation_macro_f1=float(f1_score(validation.labels, predicted, average="macro")),
        seconds=time.perf_counter() - started,
    )
