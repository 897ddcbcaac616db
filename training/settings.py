"""How long, how fast and on what to train: the settings that teachers and students share."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How long and how fast to train; `optimiser` and `schedule` are names in training.optimiser.

    The schedule `plateau` takes `patience`, the epochs without a better validation headline after which the rate falls;
    `epochs` are then the most (see `training.finish`).

    `warmup` is the share of steps in which the linear schedule rises to its peak. Gradients are clipped to
    `largest_gradient_norm`, or not at all. `bf16` says whether a device that has it trains in it, and `bf16_scores`
    whether it scores held-out rows in it; in fp32 they are scored as files compute. After `time_limit` seconds of
    steps, scoring not counted, training ends with the epoch that is best by then, the one cut short among them.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    optimiser: str = "adam"
    schedule: str = "linear"
    patience: int | None = None
    weight_decay: float = 0.01
    warmup: float = 0.1
    largest_gradient_norm: float | None = 1.0
    bf16: bool = True
    bf16_scores: bool = True
    device: str = "cpu"
    time_limit: float | None = None
