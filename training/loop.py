"""The one training loop, for teachers and students alike: the epoch that is best on validation rows is kept."""

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from encoders.encoder import Encoder
from encoders.text_encoder import bucketed_batches
from encoders.token_rows import TokenRows
from training.history import Epoch, Scores, scores_of
from training.objectives import Objective
from training.optimiser import Mover
from training.precision import autocast
from training.progress import Progress, load_progress, save_progress

Report = Callable[[int, int], None]
UNTRAINED_ROWS = 5_000


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Encoded rows: targets in the form of the task; teacher logits float32 (rows, classes) or none.

    `teacher`, where it is given, computes the logits of rows by their numbers whenever they are needed.
    """

    encoded: TokenRows
    targets: np.ndarray
    teacher_logits: np.ndarray | None = None
    teacher: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How long and how fast to train; `optimiser` and `schedule` are names in training.optimiser.

    `warmup` is the share of steps in which the linear schedule rises to its peak. Gradients are clipped to
    `largest_gradient_norm`, or not at all. `bf16` says whether a device that has it trains in it, and `bf16_scores`
    whether it scores held-out rows in it; in fp32 they are scored as files compute.
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
    bf16_scores: bool = True
    device: str = "cpu"


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
    test: Examples | None = None,
    keep: Path | None = None,
    observe: Callable[[Epoch], None] = lambda epoch: None,
) -> list[Epoch]:
    """Train `model` in place and leave it at its best epoch on `validation`, the one of the highest macro-F1.

    With `test` rows, on which nothing depends, they and the untrained model are scored too. `keep` is a file for the
    epochs done: where it is there already, training goes on from it, to the same end. `observe` is called after each
    epoch. Raises Diverged with the step when the loss is not finite.
    """
    training = _Training(model, examples, validation, test, encoder=encoder, objective=objective, settings=settings)
    if keep is not None and keep.exists():
        training.go_on(load_progress(keep))
    else:
        if test is not None:
            observe(training.score_untrained())
        torch.manual_seed(settings.seed)
    while training.epochs_done < settings.epochs:
        observe(training.train_epoch(report))
        if keep is not None and training.epochs_done < settings.epochs:
            save_progress(training.progress(), keep)
    model.load_state_dict(training.best)
    model.eval().to("cpu")
    return training.history


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


def _tensors(arrays: dict[str, np.ndarray], device: str) -> list[Tensor]:
    return [torch.from_numpy(array).to(device) for array in arrays.values()]


class _Training:
    """A training between two epochs."""

    def __init__(
        self,
        model: nn.Module,
        examples: Examples,
        validation: Examples,
        test: Examples | None,
        *,
        encoder: Encoder,
        objective: Objective,
        settings: TrainingSettings,
    ) -> None:
        self.model, self.examples, self.validation, self.test = model.to(settings.device), examples, validation, test
        self.encoder, self.objective, self.settings = encoder, objective, settings
        steps_per_epoch = -(-len(examples.encoded) // settings.batch_size)
        self.mover = Mover(
            model,
            optimiser=settings.optimiser,
            schedule=settings.schedule,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            warmup=settings.warmup,
            largest_norm=settings.largest_gradient_norm,
            steps=steps_per_epoch * settings.epochs,
            steps_per_epoch=steps_per_epoch,
        )
        self.history: list[Epoch] = []
        self.best: Mapping[str, Tensor] = {}

    @property
    def epochs_done(self) -> int:
        return self.history[-1].epoch if self.history else 0

    def score_untrained(self) -> Epoch:
        """Epoch 0; its loss and train scores are those of some thousand train rows."""
        count = len(self.examples.encoded)
        rows = np.linspace(0, count - 1, min(count, UNTRAINED_ROWS)).astype(np.int64)
        logits = self._predict(self.examples.encoded.take(rows))
        loss = self._objective(torch.from_numpy(logits).to(self.settings.device), rows).item()
        self.history.append(self._epoch(0, loss, scores_of(logits, self.examples.targets[rows]), seconds=0.0))
        return self.history[-1]

    def train_epoch(self, report: Report) -> Epoch:
        """The next epoch. Raises Diverged when the loss is not finite."""
        started, number, settings = time.perf_counter(), self.epochs_done + 1, self.settings
        losses, outputs, order = [], [], []
        self.model.train()
        for rows in bucketed_batches(self.examples.encoded.lengths, settings.batch_size, settings.seed * 1000 + number):
            with autocast(settings.device, enabled=settings.bf16):
                arrays = self.encoder.pad(self.examples.encoded.take(rows))
                logits = self.model(*_tensors(arrays, settings.device)).float()
            loss = self._objective(logits, rows)
            losses.append(loss.item())
            self._check(losses[-1], "the loss", step=self.mover.steps_done + 1)
            self.mover.move(loss)
            outputs.append(logits.detach())
            order.append(rows)
            report(self.mover.steps_done, self.mover.steps)
        seconds = time.perf_counter() - started
        train = scores_of(torch.cat(outputs).cpu().numpy(), self.examples.targets[np.concatenate(order)])
        self.history.append(self._epoch(number, float(np.mean(losses)), train, seconds=seconds))
        self._check(self.history[-1].validation.cross_entropy, "the validation loss", step=self.mover.steps_done)
        trained = [epoch.validation.macro_f1 for epoch in self.history if epoch.epoch > 0]
        if trained[-1] == max(trained):
            self.best = copy.deepcopy(self.model.state_dict())
        return self.history[-1]

    def progress(self) -> Progress:
        """All that another training, made alike, needs to go on from here."""
        weights, mover = self.model.state_dict(), self.mover.state()
        return Progress(weights=weights, best=self.best, mover=mover, history=self.history)

    def go_on(self, progress: Progress) -> None:
        """Go on from where the training that gave `progress` was."""
        self.model.load_state_dict(progress.weights)
        self.mover.load_state(progress.mover)
        self.history, self.best = list(progress.history), progress.best

    def _check(self, loss: float, name: str, *, step: int) -> None:
        if not np.isfinite(loss):
            epoch = -(-step * self.settings.epochs // self.mover.steps)
            raise Diverged(
                f"{name} became {loss} at step {step} of {self.mover.steps}, in epoch {epoch} of "
                f"{self.settings.epochs}; lower learning_rate or largest_gradient_norm"
            )

    def _objective(self, logits: Tensor, rows: np.ndarray) -> Tensor:
        device, settings = self.settings.device, self.settings
        labels, teacher = torch.from_numpy(self.examples.targets[rows]).to(device), None
        if self.examples.teacher is not None:
            teacher = torch.from_numpy(self.examples.teacher(rows)).to(device)
        elif self.examples.teacher_logits is not None:
            teacher = torch.from_numpy(self.examples.teacher_logits[rows]).to(device)
        return self.objective(logits, teacher, labels, temperature=settings.temperature, alpha=settings.alpha)

    def _predict(self, encoded: TokenRows) -> np.ndarray:
        return predict_logits(
            self.model, encoded, self.encoder, device=self.settings.device, bf16=self.settings.bf16_scores
        )

    def _epoch(self, number: int, loss: float, train: Scores | None, *, seconds: float) -> Epoch:
        """The epoch with the model's scores on held-out rows."""
        validation = scores_of(self._predict(self.validation.encoded), self.validation.targets)
        if validation is None:
            raise ValueError("validation rows need labels")
        return Epoch(
            epoch=number,
            steps=self.mover.steps_done,
            seconds=seconds,
            loss=loss,
            train=train,
            validation=validation,
            test=scores_of(self._predict(self.test.encoded), self.test.targets) if self.test else None,
        )
