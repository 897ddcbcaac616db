"""A recipe's student: which architecture, what it reads, and how it is trained."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bench.recipe.parts import LATER, Part, Positive, Rate, one_of
from bench.recipe.student_settings import check_settings
from materials.catalogue import VECTORS
from students import STUDENTS
from training.optimiser import OPTIMISERS, SCHEDULES

OF_TEXTS = ("tokenizer", "vectors", "dimensions", "max_length_tokens")
OF_IMAGES = ("image_size",)


class Student(Part):
    """A student and how it is trained; `settings` are the keyword arguments of its architecture.

    `name` tells two students of one architecture apart; without it, the architecture is the name. `tokenizer` says
    whose tokens it reads: words of its own, or the teacher's. A student of images reads them at `image_size`, in place
    of `tokenizer`, `vectors`, `dimensions` and `max_length_tokens`. `weight_decay` is adam's alone. With the schedule
    plateau and `patience`, `epochs` and `transfer_epochs` are the most that it trains for.
    """

    architecture: Annotated[str, one_of("student", STUDENTS)]
    name: Annotated[str, Field(pattern=r"^[\w .+=-]+$", max_length=60)] | None = None
    tokenizer: Annotated[Literal["own", "teacher"], LATER] = "own"
    vectors: Annotated[str, one_of("word vectors", VECTORS)] | None = None
    dimensions: Positive = 50
    max_length_tokens: Annotated[int, Field(ge=4, le=4096)] = 64
    image_size: Annotated[int, Field(ge=8, le=1024), LATER] = 64
    epochs: Positive = 10
    transfer_epochs: Positive = 4
    batch_size: Positive = 64
    learning_rate: Rate = 1e-3
    optimiser: Annotated[str, one_of("optimiser", OPTIMISERS), LATER] = "adam"
    schedule: Annotated[str, one_of("schedule", SCHEDULES), LATER] = "linear"
    patience: Annotated[Positive | None, LATER] = None
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    largest_gradient_norm: Annotated[Annotated[float, Field(gt=0)] | None, LATER] = 1.0
    settings: dict[str, Any] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name in tables."""
        return self.name or self.architecture

    @property
    def modalities(self) -> tuple[str, ...]:
        """The kinds of items that its architecture reads."""
        return STUDENTS[self.architecture].modalities

    @model_validator(mode="after")
    def _check(self) -> "Student":
        unused = OF_TEXTS if self.modalities == ("image",) else OF_IMAGES
        if unused_settings := [name for name in unused if getattr(self, name) != type(self).model_fields[name].default]:
            raise ValueError(f"{self.architecture} does not use {unused_settings[0]}; leave it out")
        if (self.schedule == "plateau") != (self.patience is not None):
            raise ValueError(
                "patience is for the schedule plateau, which cannot do without: set both, or neither (epochs and "
                "transfer_epochs are then the most)"
            )
        if self.optimiser == "sgd" and "weight_decay" in self.model_fields_set and self.weight_decay:
            raise ValueError("weight_decay is adam's alone, and the optimiser is sgd; leave it out")
        check_settings(self.architecture, self.settings, dimensions=self.dimensions, image_size=self.image_size)
        if self.vectors and self.settings.get("start", "normal") != "normal":
            raise ValueError(
                f"start is {self.settings['start']}, but embeddings start from {self.vectors}; leave out one"
            )
        if self.vectors and self.dimensions != VECTORS[self.vectors].dimensions:
            raise ValueError(
                f"dimensions is {self.dimensions}, but {self.vectors} has {VECTORS[self.vectors].dimensions}"
            )
        return self
