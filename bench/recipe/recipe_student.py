"""A recipe's student: which architecture, what it reads, and how it is trained."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bench.recipe.parts import LATER, Auto, Part, Positive, Rate, Seconds, one_of
from bench.recipe.student_settings import check_settings
from materials.catalogue import VECTORS
from students import STUDENTS
from training.optimiser import OPTIMISERS, SCHEDULES

OF_TOKENS = ("tokenizer", "vectors", "dimensions", "or_else")
OF_TEXTS = (*OF_TOKENS, "max_length_tokens")
OF_IMAGES, OF_BODIES = ("image_size",), ("weights",)
FROM_TEACHER = "teacher"
START_VECTORS: dict[str, Any] = {**VECTORS, FROM_TEACHER: None}
Tokens = Literal["own", "teacher"]
StartVectors = Annotated[str, one_of("word vectors", START_VECTORS)]


class Reading(Part):
    """Other tokens and vectors for a student, in place of its own (see `Student`)."""

    tokenizer: Tokens = "own"
    vectors: StartVectors | None = None
    dimensions: Positive = 50


class Student(Part):
    """A student and how it is trained; `settings` are the keyword arguments of its architecture.

    `name` tells two students of one architecture apart; without it, the architecture is the name. `tokenizer` says
    whose tokens it reads: words of its own, or the teacher's. `vectors` are what embeddings start from: known word
    vectors, or what the teacher's pretrained body makes of each token. `or_else` are other tokens and vectors, and
    validation rows decide between them and the student's own. `weights` are the pretrained body of a transformer, the
    teacher's by default. A student of images reads them at `image_size`,
    in place of `tokenizer`, `vectors`, `dimensions` and `max_length_tokens`. What is `auto` is found by rule, and a
    training without a number of epochs ends by patience. With `patience`, that number is the most that it trains for.
    `transfer_epochs` stand in place of `epochs` where it learns from transfer rows too. `weight_decay` is adam's and
    lazy-adam's. Training ends after `time_limit` seconds of steps with the best epoch by then.
    """

    architecture: Annotated[str, one_of("student", STUDENTS)]
    name: Annotated[str, Field(pattern=r"^[\w .+=-]+$", max_length=60)] | None = None
    tokenizer: Annotated[Tokens, LATER] = "own"
    vectors: StartVectors | None = None
    dimensions: Positive = 50
    weights: Annotated[str, LATER] = FROM_TEACHER
    or_else: Annotated[tuple[Reading, ...], LATER] = ()
    max_length_tokens: Annotated[int, Field(ge=4, le=4096)] | Auto = "auto"
    image_size: Annotated[int, Field(ge=8, le=1024), LATER] = 64
    epochs: Positive | Auto = "auto"
    transfer_epochs: Positive | None = None
    batch_size: Positive | Auto = "auto"
    learning_rate: Rate | Auto = "auto"
    optimiser: Annotated[str, one_of("optimiser", OPTIMISERS), LATER] = "lazy-adam"
    schedule: Annotated[Annotated[str, one_of("schedule", SCHEDULES)] | None, LATER] = None
    patience: Annotated[Positive | None, LATER] = None
    time_limit: Annotated[Seconds | None, LATER] = None
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    largest_gradient_norm: Annotated[Annotated[float, Field(gt=0)] | None, LATER] = 1.0
    settings: dict[str, Any] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name in tables."""
        return self.name or self.architecture

    def candidates(self) -> "tuple[Student, ...]":
        """The students with one way of reading each, between which validation rows decide; first its own."""
        readings = [{}, *(reading.model_dump() for reading in self.or_else)]
        return tuple(self.model_copy(update={**reading, "or_else": ()}) for reading in readings)

    @property
    def reading(self) -> str | None:
        """Its tokens and vectors in words; none for a student of images."""
        if self.modalities == ("image",):
            return None
        if self.is_pretrained:
            return f"the tokens of {'the teacher' if self.weights == FROM_TEACHER else self.weights}"
        tokens = "the teacher's tokens" if self.tokenizer == "teacher" else "words of its own"
        vectors = {None: "new vectors", FROM_TEACHER: "the teacher's vectors"}.get(self.vectors, str(self.vectors))
        return f"{tokens} with {vectors}"

    @property
    def is_pretrained(self) -> bool:
        """Whether it starts from a body of pretrained layers, whose tokenizer it reads by."""
        return STUDENTS[self.architecture].is_pretrained

    @property
    def needs_body(self) -> bool:
        """Whether it starts from the teacher's tokens, vectors or layers."""
        if self.is_pretrained:
            return self.weights == FROM_TEACHER
        return FROM_TEACHER in (self.tokenizer, self.vectors)

    @property
    def ends_by_patience(self) -> bool:
        """Whether validation ends its training, so that nobody knows the number of epochs before."""
        return self.patience is not None or self.epochs == "auto"

    @property
    def modalities(self) -> tuple[str, ...]:
        """The kinds of items that its architecture reads."""
        return STUDENTS[self.architecture].modalities

    @model_validator(mode="after")
    def _check(self) -> "Student":
        unused: tuple[str, ...] = OF_TEXTS if self.modalities == ("image",) else OF_IMAGES
        unused += OF_TOKENS if self.is_pretrained else OF_BODIES
        if unused_settings := [name for name in unused if getattr(self, name) != type(self).model_fields[name].default]:
            raise ValueError(f"{self.architecture} does not use {unused_settings[0]}; leave it out")
        if self.schedule not in (None, "plateau") and self.ends_by_patience:
            raise ValueError(f"the schedule {self.schedule} needs a number of epochs and no patience; leave it out")
        if self.schedule == "plateau" and not self.ends_by_patience:
            raise ValueError("the schedule plateau ends by patience; set patience too, or leave epochs out")
        if self.epochs == "auto" and self.transfer_epochs is not None:
            raise ValueError("transfer_epochs is a number, but epochs is not; set both, or neither")
        if self.optimiser == "sgd" and "weight_decay" in self.model_fields_set and self.weight_decay:
            raise ValueError("weight_decay is for adam and lazy-adam, and the optimiser is sgd; leave it out")
        for reading in self.candidates():
            reading._check_size()
        if len({reading.reading for reading in self.candidates()}) <= len(self.or_else):
            raise ValueError("or_else names tokens and vectors twice, or the student's own again; each counts once")
        return self

    def _check_size(self) -> None:
        check_settings(self.architecture, self.settings, dimensions=self.dimensions, image_size=self.image_size)
        if self.vectors and self.settings.get("start", "normal") != "normal":
            raise ValueError(
                f"start is {self.settings['start']}, but embeddings start from {self.vectors}; leave out one"
            )
        if self.vectors in VECTORS and self.dimensions != VECTORS[self.vectors].dimensions:
            raise ValueError(
                f"dimensions is {self.dimensions}, but {self.vectors} has {VECTORS[self.vectors].dimensions}"
            )
