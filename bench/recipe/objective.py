"""What a recipe's students are trained for, and on which rows."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from bench.recipe import ALONE
from bench.recipe.parts import LATER, Part, Positive, one_of
from materials.errors import unknown
from materials.rows import TRANSFER_KINDS

OBJECTIVES = {  # what each learns from, and which of the settings below it uses
    "hard": "labels only: the student alone, or a control",
    "distilled": "the teacher's outputs and the labels together, mixed by rule: what to start with",
    "soft": "the teacher's softened outputs: temperature squared times the divergence (Hinton et al. 2015)",
    "logits": "the teacher's logits: their mean squared error (Tang et al. 2019)",
    "pseudo-hard": "what the teacher decides: a control that tells soft outputs from more rows",
    "weighted": "any of these and the teacher's features, each with a weight of its own",
}
PARTS = {  # of `weighted`: what each is, and the features of student and teacher that it compares
    "hard": (),
    "soft": (),
    "soft-unscaled": (),
    "logits": (),
    "pseudo-hard": (),
    "dkd": (),
    "dist": (),
    "relational": (),
    "pooled": ("pooled",),
    "pooled-cosine": ("pooled",),
    "hidden": ("hidden",),
    "relations": ("relations",),
    "attention": ("attention",),
}
OF_TOKENS, OF_IMAGES = ("hidden", "relations"), ("attention",)
SOFTENED = ("soft", "soft-unscaled", "dkd", "dist")  # the parts that a temperature belongs to
OF_CLASSES = ("dkd", "dist")  # the parts that compare the classes of a row, of which it has one
USES_ALPHA, USES_TEMPERATURE = ("soft", "logits"), ("soft", "weighted")
LABELS_SHARE, FEWEST_LABELS_SHARE = 0.5, 0.1


def named_kinds(rows: bool | tuple[str, ...]) -> tuple[str, ...]:
    """The kinds of transfer rows that an objective names; none where it takes all or no rows."""
    return () if isinstance(rows, bool) else rows


def _transfer_rows(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"expected true, false, given, or a list of {', '.join(TRANSFER_KINDS)}; got {value!r}")
    for kind in value:
        if kind not in TRANSFER_KINDS:
            raise ValueError(unknown("kind of transfer rows", str(kind), TRANSFER_KINDS))
    return tuple(kind for kind in TRANSFER_KINDS if kind in value)


PartName = Annotated[str, one_of("part of a weighted objective", PARTS)]
Weight = Annotated[float, Field(gt=0, le=1000)]


class Objective(Part):
    """What students are trained for, on the labelled rows alone or on transfer rows too.

    `transfer` is true for all transfer rows, or a list of their kinds; `transfer_balance` leaves out so many of them
    that the teacher gives no class to more than that many times the rows of its rarest class. `match_steps` trains on
    the labelled rows for as many steps as training with all transfer rows takes, or with those of some kinds. `epochs`
    stand in place of the student's own. With `teacher_every_epoch` the teacher computes its logits again in every
    epoch, which shows what storing them saves. What is not `exported` is trained for its learning curve and the time of
    its epochs alone. `weights` say what a `weighted` objective is the sum of: `soft-unscaled` is the cross entropy of
    softened outputs without the temperature squared, `pooled` the mean squared error of pooled features and
    `pooled-cosine` one less their cosine. `hidden` is that error of all tokens' states, layer by layer, and `relations`
    the divergence of the relations among tokens in the last layer. `dkd` weighs the classes that a row is not of anew,
    `dist` is what correlations of softened outputs lack, and `relational` compares distances and angles between rows.
    """

    name: Annotated[str, one_of("objective", OBJECTIVES)]
    transfer: Annotated[bool | tuple[str, ...], BeforeValidator(_transfer_rows)] = False
    transfer_balance: Annotated[float | None, Field(ge=1), LATER] = None
    match_steps: Annotated[bool | tuple[str, ...], BeforeValidator(_transfer_rows)] = False
    epochs: Annotated[Positive | None, LATER] = None
    teacher_every_epoch: Annotated[bool, LATER] = False
    exported: Annotated[bool, LATER] = True
    temperature: Annotated[float, Field(gt=0, le=100)] = 1.0
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.0
    weights: Annotated[dict[PartName, Weight] | None, LATER] = None

    @model_validator(mode="after")
    def _check_weights(self) -> "Objective":
        if (self.weights is not None) != (self.name == "weighted"):
            raise ValueError(
                "weights are for the objective weighted, which needs them, as weights={hard: 0.1, soft: 1}; "
                f"the objective is {self.name}"
            )
        if self.weights is None:
            return self
        if set(self.weights) <= {"hard"}:
            raise ValueError("a weighted objective learns from the teacher; for labels alone take the objective hard")
        if self.temperature != 1 and not set(self.weights) & set(SOFTENED):
            raise ValueError(f"temperature is for {', '.join(SOFTENED)}, which weights do not name; leave it out")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """The kinds of features of student and teacher that it compares; none for most objectives."""
        return tuple(sorted({feature for part in self.weights or () for feature in PARTS[part]}))

    @model_validator(mode="after")
    def _check_rows(self) -> "Objective":
        if self.name == "hard" and self.transfer:
            raise ValueError(
                "objective 'hard' needs labels, which transfer rows do not have; did you mean 'pseudo-hard'?"
            )
        for setting, users in (("alpha", USES_ALPHA), ("temperature", USES_TEMPERATURE)):
            is_set = getattr(self, setting) != type(self).model_fields[setting].default
            if is_set and self.name not in users:
                raise ValueError(
                    f"objective '{self.name}' does not use {setting}; it is for {' and '.join(users)}: leave it out"
                )
        if self.alpha == 1:
            raise ValueError(f"objective '{self.name}' with alpha 1 uses nothing of the teacher; did you mean 'hard'?")
        if self.is_alone and not self.exported:
            raise ValueError("the student alone, against which the others are held, cannot be left unexported")
        if self.transfer_balance and not self.transfer:
            raise ValueError("transfer_balance is for training with transfer rows; set transfer too, or remove it")
        if self.match_steps and self.transfer:
            raise ValueError("match_steps is for training without transfer rows; choose one of the two")
        if self.match_steps and self.epochs:
            raise ValueError("match_steps and epochs both say how long to train; choose one of the two")
        if self.teacher_every_epoch and not self.needs_teacher:
            raise ValueError("objective 'hard' has no teacher that could compute logits in every epoch")
        return self

    def terms(self, *, labelled: int, rows: int) -> tuple[tuple[str, float, float], ...]:
        """The parts of its loss: kind, weight and temperature of each (see `training.objectives.Term`).

        `distilled` gives labels half the weight of a row that has one: they keep a class that the teacher is unsure of.
        Of `rows` rows in all, `labelled` have a label; a batch's mean over these few would else outweigh all others, so
        that the student learns them by heart.
        """
        if self.weights is not None:
            return tuple(
                (kind, weight, self.temperature if kind in SOFTENED else 1.0) for kind, weight in self.weights.items()
            )
        kind, alpha = self.name, self.alpha
        if self.name == "distilled":
            kind, alpha = "soft", max(FEWEST_LABELS_SHARE, LABELS_SHARE * labelled / rows)
        main = (kind, 1 - alpha, self.temperature)
        return (main, ("hard", alpha, 1.0)) if alpha else (main,)

    @property
    def needs_teacher(self) -> bool:
        """Whether the teacher's logits are used."""
        return self.name != "hard"

    @property
    def is_alone(self) -> bool:
        """Whether this is the student without any help, against which the gap closed is counted."""
        return self.title == ALONE

    @property
    def uses_temperature(self) -> bool:
        """Whether a temperature softens any of its parts."""
        return self.name == "soft" or bool(set(self.weights or ()) & set(SOFTENED))

    @property
    def uses_alpha(self) -> bool:
        """Whether labels may be mixed in."""
        return self.name in USES_ALPHA

    @property
    def title(self) -> str:
        """The name in tables: `logits+transfer`, `soft T=4`, `hard, same steps`."""
        heat = [f"T={self.temperature:g}"] if self.uses_temperature else []
        return self._titled([*heat, *([f"alpha={self.alpha:g}"] if self.alpha else [])])

    @property
    def sweep_title(self) -> str:
        """The name of all points of a sweep: the title without temperature and alpha."""
        return self._titled([])

    def _titled(self, mixture: Sequence[str]) -> str:
        kinds = ["transfer"] if self.transfer is True else self.transfer or []
        parts = ["+".join([self.name, *kinds])]
        parts += [f"{part}={weight:g}" for part, weight in (self.weights or {}).items()]
        more = [f", balanced x{self.transfer_balance:g}"] if self.transfer_balance else []
        more += [", same steps"] if self.match_steps else []
        more += [f" as {'+'.join(self.match_steps)}"] if isinstance(self.match_steps, tuple) else []
        more += [f", {self.epochs} epoch{'s' * (self.epochs > 1)}"] if self.epochs else []
        more += [", teacher every epoch"] if self.teacher_every_epoch else []
        return " ".join([*parts, *mixture]) + "".join(more)
