"""A recipe's teacher: which weights, and how they are fine-tuned."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from bench.recipe.parts import LATER, Auto, Part, Positive, Rate, Seconds, one_of
from export.formats import EXPORTERS
from teachers import TEACHERS
from teachers.refinement import REFINEMENTS

PLACE = "{}"
OF_ZERO_SHOT = ("template", "temperature", "refine", "embeddings")
OF_TRAINING = ("epochs", "batch_size", "learning_rate", "time_limit")
MOST_REFINING, MOST_CALIBRATING = 10_000, 1_000
OF_MODELS = (*OF_TRAINING, "max_length_tokens", "formats")


def _template(template: str) -> str:
    if template.count(PLACE) != 1:
        raise ValueError(f"expected one {PLACE} for the class's description; got '{template}'")
    return template


Format = Annotated[str, one_of("format", EXPORTERS)]
Template = Annotated[str, AfterValidator(_template)]


class Teacher(Part):
    """The teacher and how it is fine-tuned; weights that already classify the recipe's labels are used as they are.

    What is `auto` is found by rule. Training ends after `time_limit` seconds of steps. A zero-shot teacher is not
    trained: it reads each text against the `template` filled with each class's descriptions. Its scores are divided by
    `temperature`, and it may be moved to where unlabelled texts lie by one of the ways to `refine` it, for which a
    model of inference borrows the `embeddings` of a sentence encoder. `outputs` is a teacher of whom only a file of
    answers is there, as `weights`; what an answer costs is then for the recipe to say.
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

    @property
    def is_zero_shot(self) -> bool:
        """Whether it answers for class names that it was never trained for."""
        return TEACHERS[self.architecture].is_zero_shot

    @property
    def is_given(self) -> bool:
        """Whether it is a file of answers, and no model."""
        return TEACHERS[self.architecture].is_given

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
        unused: tuple[str, ...] = OF_TRAINING if self.is_zero_shot else OF_ZERO_SHOT
        unused += OF_MODELS if self.is_given else ("cost",)
        unused += () if self.borrows_embeddings else ("embeddings",)
        given = [name for name in unused if getattr(self, name) != type(self).model_fields[name].default]
        if given:
            raise ValueError(f"{self.architecture} does not use {given[0]}; leave it out")
        return self
