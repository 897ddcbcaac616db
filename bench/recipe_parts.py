"""What all parts of a recipe have in common: they are frozen, refuse unknown keys, and give the key of a stage."""

from typing import Any

from pydantic import BaseModel, ConfigDict


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
        return self.model_dump(mode="json", exclude={*without, *usual})
