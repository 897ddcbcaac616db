"""A recipe's teacher: which weights, and how they are fine-tuned."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bench.recipe.parts import LATER, Auto, Part, Positive, Rate, Seconds, one_of
from export.formats import EXPORTERS
from materials.weights import UNTRAINED
from teachers import TEACHERS
from teachers.refinement import REFINEMENTS

PLACE = "{}"
OF_ZERO_SHOT = ("template", "temperature", "refine", "embeddings")
OF_TRAINING = ("epochs", "batch_size", "learning_rate", "time_limit")
MOST_REFINING, MOST_CALIBRATING = 10_000, 1_000
OF_MODELS = (*OF_TRAINING, "max_length_tokens", "formats", "folds")
OF_IMAGES, OF_HEADS = ("views", "varied"), ("body", "image_size", "hidden", "dropout", "frozen")


def _template(template: str) -> str:
    if template.count(PLACE) != 1:
        raise ValueError(f"expected one {PLACE} for the class's description; got '{template}'")
    return template


Format = Annotated[str, one_of("format", EXPORTERS)]
Template = Annotated[str, AfterValidator(_template)]


class ResNetShape(Part):
    """A residual network of new weights: see `networks.resnet`."""

    channels: Annotated[tuple[Positive, ...], Field(min_length=1)] = (64, 128, 256, 512)
    blocks: Positive = 2
    width: Annotated[float, Field(gt=0, le=16)] = 1.0
    stem: Literal["small", "large"] = "large"


class Teacher(Part):
    """The teacher and how it is fine-tuned; weights that already classify the recipe's labels are used as they are.

    What is `auto` is found by rule. Training ends after `time_limit` seconds of steps. A zero-shot teacher is not
    trained: it reads each text against the `template` filled with each class's descriptions. Its scores are divided by
    `temperature`, and it may be moved to where unlabelled texts lie by one of the ways to `refine` it, for which a
    model of inference borrows the `embeddings` of a sentence encoder. `outputs` is a teacher of whom only a file of
    answers is there, as `weights`; what an answer costs is then for the recipe to say.

    An image-body has a head with `hidden` layers of these widths, `dropout` before each of its layers, and is trained
    whole or, where it is `frozen`, in its head alone; `image_size` is for one whose weights name none; where
    they are `untrained`, the `body` is a residual network of this shape. With `folds`
    each train row is labelled by one of so many teachers that was trained without it. A teacher that is `varied` is
    trained on another view of each image in every epoch. With `views` so many views of each are labelled, and all
    students are trained on them.
    """

    architecture: Annotated[str, one_of("teacher", TEACHERS)] = "transformer"
    weights: str = "minilm"
    max_length_tokens: Annotated[int, Field(ge=4, le=512)] | Auto = "auto"
    epochs: Positive | Auto = "auto"
    batch_size: Positive | Auto = "auto"
    learning_rate: Rate | Auto = "auto"
    time_limit: Annotated[Seconds | None, LATER] = None
    formats: tuple[Format, ...] = ("eager", "eager-bf16", "torchscript", "onnx", "onnx-int8")
    template: Annotated[Template, LATER] = "This example is {}."
    temperature: Annotated[Annotated[float, Field(gt=0, le=1000)] | Auto, LATER] = "auto"
    cost: Annotated[Annotated[str, Field(min_length=1, max_length=200)] | None, LATER] = None
    refine: Annotated[Annotated[str, one_of("refinement", REFINEMENTS)] | None, LATER] = None
    embeddings: Annotated[str, LATER] = "minilm"
    body: Annotated[ResNetShape | None, LATER] = None
    image_size: Annotated[Annotated[int, Field(ge=16, le=1024)] | None, LATER] = None
    hidden: Annotated[tuple[Annotated[int, Field(gt=0, le=16384)], ...], LATER] = ()
    dropout: Annotated[Annotated[float, Field(ge=0, lt=1)], LATER] = 0.0
    frozen: Annotated[bool, LATER] = False
    folds: Annotated[Annotated[int, Field(ge=2, le=20)] | None, LATER] = None
    views: Annotated[Annotated[int, Field(ge=1, le=100)] | None, LATER] = None
    varied: Annotated[bool, LATER] = False

    @property
    def is_zero_shot(self) -> bool:
        """Whether it answers for class names that it was never trained for."""
        return TEACHERS[self.architecture].is_zero_shot

    @property
    def is_given(self) -> bool:
        """Whether it is a file of answers, and no model."""
        return TEACHERS[self.architecture].is_given

    @property
    def has_own_head(self) -> bool:
        """Whether its weights are a body, on which a new head is put."""
        return TEACHERS[self.architecture].has_own_head

    @property
    def borrows_embeddings(self) -> bool:
        """Whether another model embeds the texts by which it is refined."""
        return self.refine is not None and self.architecture != "zero-shot-embedding"

    @property
    def looks_at(self) -> int:
        """How many unlabelled texts a zero-shot teacher looks at, at most: to be refined, or for its temperature."""
        if self.refine:
            return MOST_REFINING
        is_calibrated = self.architecture == "zero-shot-embedding" and self.temperature == "auto"
        return MOST_CALIBRATING if is_calibrated else 0

    @model_validator(mode="after")
    def _check_used(self) -> "Teacher":
        unused: tuple[str, ...] = (*OF_TRAINING, "folds") if self.is_zero_shot else OF_ZERO_SHOT
        unused += () if self.has_own_head else OF_HEADS
        unused += () if "image" in TEACHERS[self.architecture].modalities else OF_IMAGES
        unused += OF_MODELS if self.is_given else ("cost",)
        unused += () if self.borrows_embeddings else ("embeddings",)
        if self.weights == UNTRAINED and not self.has_own_head:
            raise ValueError(f"weights '{UNTRAINED}' are for teacher image-body; the teacher is {self.architecture}")
        if (self.body is not None) != (self.weights == UNTRAINED):
            raise ValueError(
                f"body is the shape of a teacher of images whose weights are '{UNTRAINED}', which needs it; "
                f"its weights are {self.weights}"
            )
        if self.frozen and self.body is not None:
            raise ValueError("frozen keeps the weights of a body, and new ones know nothing; leave it out")
        given = [name for name in unused if getattr(self, name) != type(self).model_fields[name].default]
        if given:
            raise ValueError(f"{self.architecture} does not use {given[0]}; leave it out")
        return self
