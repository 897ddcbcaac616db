"""How weights are moved: the optimisers, how the learning rate goes over a training, and the clipping of gradients."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from training.settings import TrainingSettings

if TYPE_CHECKING:  # a recipe names optimisers and schedules, and is read without torch
    import torch
    from torch import Tensor, nn


def adam(model: "nn.Module", learning_rate: float, weight_decay: float) -> "list[torch.optim.Optimizer]":
    """AdamW (Loshchilov and Hutter 2019), which is Adam where `weight_decay` is 0."""
    import torch

    return [torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)]


def lazy_adam(model: "nn.Module", learning_rate: float, weight_decay: float) -> "list[torch.optim.Optimizer]":
    """AdamW, but for embeddings, of which a step moves only the rows that its batch has, without weight decay."""
    import torch

    embeddings = _sparse_embeddings(model)
    numbers = {id(weight) for weight in embeddings}
    others = [weight for weight in model.parameters() if id(weight) not in numbers]
    optimisers: list[torch.optim.Optimizer] = []
    if others:
        optimisers.append(torch.optim.AdamW(others, lr=learning_rate, weight_decay=weight_decay, fused=True))
    if embeddings:
        optimisers.append(torch.optim.SparseAdam(embeddings, lr=learning_rate))
    return optimisers


def sgd(model: "nn.Module", learning_rate: float, weight_decay: float) -> "list[torch.optim.Optimizer]":
    """Plain stochastic gradient descent, without momentum and without weight decay."""
    import torch

    _sparse_embeddings(model)
    return [torch.optim.SGD(model.parameters(), lr=learning_rate)]


def _sparse_embeddings(model: "nn.Module") -> "list[Tensor]":
    """Give embeddings sparse gradients, so that a step costs as much as its texts are long; return their weights."""
    from torch import nn

    embeddings = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    for module in embeddings:
        module.sparse = True
    return [module.weight for module in embeddings]


OPTIMISERS: "dict[str, Callable[[nn.Module, float, float], list[torch.optim.Optimizer]]]" = {
    "adam": adam,
    "lazy-adam": lazy_adam,
    "sgd": sgd,
}


def linear(step: int, steps: int, steps_per_epoch: int, warmup: float) -> float:
    """Up to the peak in the share `warmup` of all steps, then down to 0 in a straight line."""
    warmup_steps = max(1, round(warmup * steps))
    # step + 1, or the first step would have a rate of 0 and change nothing.
    return min((step + 1) / warmup_steps, max(0.0, (steps - step) / max(1, steps - warmup_steps)))


def halved(step: int, steps: int, steps_per_epoch: int, warmup: float) -> float:
    """The peak in the first epoch, then half of it, then a quarter."""
    return 0.5 ** (step // steps_per_epoch)


def constant(step: int, steps: int, steps_per_epoch: int, warmup: float) -> float:
    """The peak, always."""
    return 1.0


def plateau(step: int, steps: int, steps_per_epoch: int, warmup: float) -> float:
    """The peak, after a warm-up of one epoch or 100 steps, until it is told to fall."""
    return min(1.0, (step + 1) / min(100, steps_per_epoch))


SCHEDULES: dict[str, Callable[[int, int, int, float], float]] = {
    "linear": linear,
    "halved": halved,
    "constant": constant,
    "plateau": plateau,
}


class Mover:
    """Moves the weights of a model, step by step, as the settings say."""

    def __init__(self, model: "nn.Module", settings: TrainingSettings, *, steps_per_epoch: int) -> None:
        import torch

        self.model, self.largest_norm = model, settings.largest_gradient_norm
        self.steps = steps = steps_per_epoch * settings.epochs
        rate_of_step = SCHEDULES[settings.schedule]
        self._optimisers = OPTIMISERS[settings.optimiser](model, settings.learning_rate, settings.weight_decay)
        self._decay_start, self._decay_steps = steps, 1  # beyond the end, until it is told
        self._schedules = [
            torch.optim.lr_scheduler.LambdaLR(
                optimiser,
                lambda step: rate_of_step(step, steps, steps_per_epoch, settings.warmup) * self._share_left(step),
            )
            for optimiser in self._optimisers
        ]

    def decay(self, start: int, steps: int) -> None:
        """From the step `start`, let the rate fall to 0 in a straight line over so many steps."""
        self._decay_start, self._decay_steps = start, steps

    def _share_left(self, step: int) -> float:
        return min(1.0, max(0.0, 1 - (step - self._decay_start) / self._decay_steps))

    @property
    def steps_done(self) -> int:
        """How often the weights have been moved."""
        return self._schedules[0].last_epoch

    def move(self) -> None:
        """One step down the gradients that the weights have, which are then gone."""
        if self.largest_norm is not None:
            clip_gradients(self.model.parameters(), self.largest_norm)
        for optimiser, schedule in zip(self._optimisers, self._schedules, strict=True):
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()

    def state(self) -> dict[str, Any]:
        """All that a Mover with the same settings needs to go on from here."""
        return {
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "schedules": [schedule.state_dict() for schedule in self._schedules],
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`, which a Mover with the same settings gave."""
        for optimiser, optimiser_state in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(optimiser_state)
        for schedule, schedule_state in zip(self._schedules, state["schedules"], strict=True):
            schedule.load_state_dict(schedule_state)


def clip_gradients(parameters: "Iterable[nn.Parameter]", largest_norm: float) -> None:
    """Shorten all gradients together to the norm `largest_norm` where theirs is larger; sparse ones too."""
    from torch import nn

    values: list[Tensor] = []
    for parameter in parameters:
        if parameter.grad is None:
            continue
        if parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()  # each row once, or their norm is not that of their sum
            values.append(parameter.grad._values())
        else:
            values.append(parameter.grad)
    # The small number keeps a norm of 0 from a division by 0, as in torch's own clip_grad_norm_.
    share = (largest_norm / (nn.utils.get_total_norm(values) + 1e-6)).clamp(max=1.0)
    for value in values:
        value.mul_(share)
