"""What all parts of a recipe have in common, and a part of its data: rows that are made from other rows."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from encoders.pictures import Drawing
from materials.errors import unknown


class Later:
    """Marks a key that came to recipes later: at its default it leaves the digests of stored stages as they were."""


LATER = Later()


class Part(BaseModel):
    """Every part of a recipe refuses keys it does not know and cannot be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def as_inputs(self, *without: str) -> dict[str, Any]:
        """The values that determine a stage's result, as plain JSON: all but those `without` and later defaults."""
        fields = type(self).model_fields
        usual = {
            name for name, field in fields.items() if LATER in field.metadata and getattr(self, name) == field.default
        }
        plain = self.model_dump(mode="json", exclude={*without, *usual})
        parts = {name: part.as_inputs() for name in plain if isinstance(part := getattr(self, name), Part)}
        return plain | parts


Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
Rate = Annotated[float, Field(gt=0, le=10)]
Auto = Literal["auto"]
"""In place of a number that a rule finds (see `training.rules`)."""


def one_of(kind: str, table: dict[str, Any]) -> Any:
    """A validator that takes the names in a table and refuses others with the nearest one."""

    def check(name: str) -> str:
        if name not in table:
            raise ValueError(unknown(kind, name, table))
        return name

    return AfterValidator(check)


class Augmentation(Part):
    """Rows made from the train rows, which become transfer rows: the settings of Tang et al. (2019) are the defaults.

    Of a copy's words, `mask_share` are masked and `replaced_share` replaced; then `ngram_share` of the copies keep 1 to
    5 words in a row only. At last `part_share` of the copies are a part of their text, and `mixed_share` parts of two
    texts, joined. `copies: auto` is by a rule.
    """

    copies: Annotated[int, Field(gt=0, le=1000)] | Literal["auto"] = 20
    mask_share: Probability = 0.1
    replaced_share: Probability = 0.1
    ngram_share: Probability = 0.25
    part_share: Annotated[Probability, LATER] = 0.0
    mixed_share: Annotated[Probability, LATER] = 0.0

    @model_validator(mode="after")
    def _check_shares(self) -> "Augmentation":
        for one, other in (("mask_share", "replaced_share"), ("part_share", "mixed_share")):
            if (together := getattr(self, one) + getattr(self, other)) > 1:
                raise ValueError(f"{one} and {other} together are {together:g}; at most 1")
        if not any(getattr(self, name) for name in type(self).model_fields if name.endswith("_share")):
            raise ValueError("all shares are 0, so that every copy would be as its row; set one of them")
        return self


class Views(Part):
    """How views of images are drawn: parts of at least `smallest_area` of an image, `mirrored` every other time.

    Brightness, contrast and saturation change by at most the share `colour`.
    """

    smallest_area: Annotated[float, Field(gt=0, le=1)] = Drawing.smallest_area
    mirrored: bool = Drawing.mirrored
    colour: Annotated[float, Field(ge=0, lt=1)] = Drawing.colour


class PublishedFigures(Part):
    """What a source printed for one of its models; `model` is the title of ours that stands beside it.

    `f1_per_class` is in the order of our label names.
    """

    title: Annotated[str, Field(min_length=1)]
    model: str
    accuracy: Probability | None = None
    macro_f1: Probability | None = None
    weighted_f1: Probability | None = None
    f1_per_class: tuple[Probability, ...] | None = None
    gap_closed: float | None = None
    evaluation_seconds: Annotated[float | None, Field(gt=0)] = None
    speedup: Annotated[float | None, Field(gt=0)] = None


class Published(Part):
    """A published experiment, whose figures stand beside ours in the tables and are never taken for ours."""

    source: Annotated[str, Field(min_length=1)]
    figures: Annotated[tuple[PublishedFigures, ...], Field(min_length=1)]
