"""The one training loop, for teachers and students alike: the epoch that is best on validation rows is kept."""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from encoders.encoder import RowReader
from materials.report import Report, silent
from materials.tasks.task import Task
from materials.team import current_team
from training.examples import Examples, bucketed_batches
from training.finish import Finish, finish_of
from training.history import Epoch, Scores, scores_of, validation_scores
from training.objectives import Batch, Term, total_loss
from training.optimiser import Mover
from training.outputs import Outputs, joined, on_device, outputs_of, stored
from training.precision import autocast, lay_out, layout_of
from training.progress import Progress, load_progress, save_progress
from training.settings import TrainingSettings
from training.start import start_in_the_middle

UNTRAINED_ROWS = 5_000
KEEP_SECONDS = 20.0


class Diverged(ArithmeticError):
    """The loss is no longer a number; `rows` are the numbers of the batch's rows, none where it was no batch's."""

    def __init__(self, sentence: str, rows: np.ndarray | None = None) -> None:
        super().__init__(sentence)
        self.rows = rows


def train(
    model: nn.Module,
    examples: Examples,
    validation: Examples,
    *,
    encoder: RowReader,
    task: Task,
    terms: Sequence[Term],
    settings: TrainingSettings,
    report: Report,
    test: Examples | None = None,
    keep: Path | None = None,
    observe: Callable[[Epoch], None] = lambda epoch: None,
) -> list[Epoch]:
    """Train `model` in place and leave it at its best epoch on `validation`, by the headline of the task.

    With `test` rows, on which nothing depends, they and the untrained model are scored too. `keep` is a file for the
    epochs done, written every 20 seconds: where it is there already, training goes on from it, to the same end.
    `observe` is called after each epoch. Raises Diverged with the step when the loss is not finite.
    """
    if keep is None or not keep.exists():
        start_in_the_middle(model, task.middle(examples.targets), task.scale(examples.targets))
    training = _Training(model, examples, validation, test, encoder=encoder, task=task, terms=terms, settings=settings)
    if keep is not None and keep.exists():
        training.go_on(load_progress(keep))
    else:
        if test is not None:
            observe(training.score_untrained())
        torch.manual_seed(settings.seed)
    kept_at = time.monotonic()
    goes_on = training.epochs_done < training.last_epoch
    while goes_on:
        observe(training.train_epoch(report))
        goes_on = training.epochs_done < training.last_epoch  # asked once, as all processes of a team must
        # Writing the weights and what the optimiser knows of each can take longer than an epoch of few rows.
        is_due = time.monotonic() - kept_at >= KEEP_SECONDS
        if keep is not None and is_due and goes_on and training.team.is_first:
            save_progress(training.progress(), keep)
            kept_at = time.monotonic()
    model.load_state_dict(training.best)
    lay_out(model.eval().to("cpu"), torch.contiguous_format)
    return training.history


def compute_outputs(
    model: nn.Module,
    encoded: Any,
    encoder: RowReader,
    *,
    device: str = "cpu",
    batch_size: int = 64,
    bf16: bool = True,
    report: Report = silent,
) -> Outputs:
    """All that the model gives for encoded rows, in order: logits in float32, and features in float16.

    Both are arrays with the rows first. In bf16 where the device has it, if `bf16` says so.
    """
    model.eval()
    layout = layout_of(model)
    order: list[int] = []
    parts: list[Outputs] = []
    with torch.inference_mode(), autocast(device, enabled=bf16):
        for rows, arrays in encoder.batches(encoded, batch_size):
            outputs = outputs_of(model(*_tensors(arrays, device, layout)))
            lengths = encoder.lengths(encoder.take(encoded, rows))
            features = {name: stored(values, lengths) for name, values in outputs.features.items()}
            parts.append(Outputs(logits=outputs.logits.float().cpu().numpy(), features=features))
            order += rows.tolist()
            report(len(order), len(encoded))
    names = parts[0].features
    together = Outputs(
        logits=np.concatenate([part.logits for part in parts]),
        features={name: joined([part.features[name] for part in parts]) for name in names},
    )
    return together.take(np.argsort(order))


def _tensors(arrays: Mapping[str, np.ndarray], device: str, layout: torch.memory_format) -> list[Tensor]:
    tensors = [torch.from_numpy(array).to(device) for array in arrays.values()]
    return [tensor.contiguous(memory_format=layout) if tensor.dim() == 4 else tensor for tensor in tensors]


class _Training:
    """A training between two epochs."""

    def __init__(
        self,
        model: nn.Module,
        examples: Examples,
        validation: Examples,
        test: Examples | None,
        *,
        encoder: RowReader,
        task: Task,
        terms: Sequence[Term],
        settings: TrainingSettings,
    ) -> None:
        self.model, self.validation, self.test = model.to(settings.device), validation, test
        self.layout = layout_of(self.model)
        lay_out(self.model, self.layout)
        self.every_epoch = self.examples = examples
        self.encoder, self.task, self.terms, self.settings = encoder, task, tuple(terms), settings
        self.scale = task.scale(examples.targets)
        # Minus, divide, minus: division rounded up, as the last batch may be short.
        steps_per_epoch = -(-len(examples.encoded) // settings.batch_size)
        self.mover = Mover(model, settings, steps_per_epoch=steps_per_epoch)
        self.team = current_team()
        self.history: list[Epoch] = []
        self.best: Mapping[str, Tensor] = {}

    @property
    def epochs_done(self) -> int:
        return self.history[-1].epoch if self.history else 0

    @property
    def last_epoch(self) -> int:
        """The epoch that ends the training, as far as is known by now."""
        return self.epochs_done if self._is_out_of_time(0.0) else self._finish().last_epoch

    def _is_out_of_time(self, seconds: float) -> bool:
        """Whether the epochs done and so many seconds of another have reached the time limit."""
        limit = self.settings.time_limit
        if limit is None:
            return False
        return bool(self.team.agree(sum(epoch.seconds for epoch in self.history) + seconds >= limit))

    def _finish(self) -> Finish:
        patience, most_epochs = self.settings.patience, self.settings.epochs
        if patience is None:
            return Finish(decay_after=None, last_epoch=most_epochs)
        return finish_of(validation_scores(self.task, self.history), patience=patience, most_epochs=most_epochs)

    def score_untrained(self) -> Epoch:
        """Add epoch 0; its loss and train scores are those of up to 5,000 train rows, evenly spaced."""
        count = len(self.examples.encoded)
        rows = np.linspace(0, count - 1, min(count, UNTRAINED_ROWS)).astype(np.int64)
        outputs = self._compute(self.encoder.take(self.examples.encoded, rows))
        student = on_device(outputs, self.settings.device)
        loss = self._loss(student, rows).item()
        scores = scores_of(self.task, outputs.logits, self.examples.targets[rows])
        self.history.append(self._epoch(0, loss, scores, seconds=0.0))
        return self.history[-1]

    def train_epoch(self, report: Report) -> Epoch:
        """The next epoch. Raises Diverged when the loss is not finite."""
        start_seconds, number, settings = time.perf_counter(), self.epochs_done + 1, self.settings
        self.examples = self.every_epoch.at(number)
        losses, logits, order = [], [], []
        finish, per_epoch = self._finish(), self.mover.steps // settings.epochs
        if finish.decay_after is not None:
            self.mover.decay(finish.decay_after * per_epoch, (finish.last_epoch - finish.decay_after) * per_epoch)
        self.model.train()
        lengths = self.encoder.lengths(self.examples.encoded)
        report(self.mover.steps_done, finish.last_epoch * per_epoch)  # from here on steps take their time
        # Each epoch has an order of its own, which a training that goes on from a file finds again.
        for rows in bucketed_batches(lengths, settings.batch_size, settings.seed * 1000 + number):
            own, weight = self.team.share(rows)
            outputs = self._forward(own)
            loss = self._loss(outputs, own) * weight
            losses.append(sum(self.team.gather(loss.item(), "loss")))
            self._check(losses[-1], "the loss", step=self.mover.steps_done + 1, rows=rows)
            loss.backward()
            self.team.sum_gradients(self.model.parameters())
            self.mover.move()
            logits.append(outputs.logits.detach())
            order.append(own)
            report(self.mover.steps_done, finish.last_epoch * per_epoch)
            if self._is_out_of_time(time.perf_counter() - start_seconds):
                break
        seconds = time.perf_counter() - start_seconds
        parts = self.team.gather((torch.cat(logits).cpu().numpy(), self.examples.targets[np.concatenate(order)]))
        train_scores = scores_of(self.task, *(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
        self.history.append(self._epoch(number, float(np.mean(losses)), train_scores, seconds=seconds))
        self._keep_the_best()
        return self.history[-1]

    def _keep_the_best(self) -> None:
        """Keep the weights where the last epoch is the best so far; of equal ones, the last."""
        scores = validation_scores(self.task, self.history)
        if scores[-1] == max(scores):
            self.best = copy.deepcopy(self.model.state_dict())

    def _forward(self, rows: np.ndarray) -> Outputs:
        with autocast(self.settings.device, enabled=self.settings.bf16):
            arrays = self.encoder.pad(self.encoder.take(self.examples.encoded, rows))
            outputs = outputs_of(self.model(*_tensors(arrays, self.settings.device, self.layout)))
        features = {name: values.float() for name, values in outputs.features.items()}
        return Outputs(logits=outputs.logits.float(), features=features)

    def progress(self) -> Progress:
        """All that another training with the same settings needs to go on from here."""
        weights, mover = self.model.state_dict(), self.mover.state()
        return Progress(weights=weights, best=self.best, mover=mover, history=self.history)

    def go_on(self, progress: Progress) -> None:
        """Go on from `progress`, which a training with the same settings gave."""
        self.model.load_state_dict(progress.weights)
        self.mover.load_state(progress.mover)
        self.history, self.best = list(progress.history), progress.best

    def _check(self, loss: float, name: str, *, step: int, rows: np.ndarray | None = None) -> None:
        if not np.isfinite(loss):
            epoch = -(-step * self.settings.epochs // self.mover.steps)
            raise Diverged(
                f"{name} became {loss} at step {step} of {self.mover.steps}, in epoch {epoch} of "
                f"{self.settings.epochs}; lower learning_rate or largest_gradient_norm",
                rows,
            )

    def _loss(self, student: Outputs, rows: np.ndarray) -> Tensor:
        device, teacher = self.settings.device, self.examples.teacher_outputs(rows)
        batch = Batch(
            student=student,
            teacher=None if teacher is None else on_device(teacher, device),
            targets=torch.from_numpy(self.examples.targets[rows]).to(device),
            task=self.task,
            scale=self.scale,
        )
        return total_loss(self.terms, batch)

    def _predict(self, encoded: Any) -> np.ndarray:
        logits: np.ndarray = self._compute(encoded).logits
        return logits

    def _compute(self, encoded: Any) -> Outputs:
        return compute_outputs(
            self.model, encoded, self.encoder, device=self.settings.device, bf16=self.settings.bf16_scores
        )

    def _epoch(self, number: int, loss: float, train_scores: Scores | None, *, seconds: float) -> Epoch:
        """The epoch with the model's scores on held-out rows. Raises Diverged when its outputs are not finite."""
        outputs = self._predict(self.validation.encoded)
        self._check(float(np.abs(outputs).max()), "the largest validation output", step=self.mover.steps_done)
        validation_scores = scores_of(self.task, outputs, self.validation.targets)
        if validation_scores is None:
            raise ValueError("validation rows need labels")
        test_scores = self.test and scores_of(self.task, self._predict(self.test.encoded), self.test.targets)
        return Epoch(
            epoch=number,
            steps=self.mover.steps_done,
            seconds=seconds,
            loss=loss,
            train=train_scores,
            validation=validation_scores,
            test=test_scores or None,
        )
