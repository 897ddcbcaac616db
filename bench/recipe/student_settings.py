"""Whether the settings of a student make one, before any work is done: by their types, then by building it."""

from collections.abc import Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from materials.errors import in_one_line, unknown
from students import STUDENTS

FIXED = ("self", "words", "classes", "dimensions", "padding", "image_size", "return")  # not the recipe's to set here


def check_settings(architecture: str, settings: Mapping[str, Any], *, dimensions: int, image_size: int) -> None:
    """Raise ValueError for a setting that the architecture does not have, or of a type or size that makes no model.

    Only settings that are given are tried, which imports torch.
    """
    if not settings:  # the defaults make one of any size
        return
    student_class = STUDENTS[architecture].student_class
    hints = get_type_hints(student_class.__init__)
    known_settings = {name: TypeAdapter(hint) for name, hint in hints.items() if name not in FIXED}
    for name, value in settings.items():
        if name not in known_settings:
            raise ValueError(unknown(f"setting of {architecture}", name, known_settings))
        try:
            known_settings[name].validate_python(value, strict=True)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise ValueError(f"setting {name} of {architecture}: {reason}; got {value!r}") from None
    size: dict[str, Any] = (
        {"image_size": image_size} if "image_size" in hints else {"words": 3, "dimensions": dimensions}
    )
    try:
        student_class.check(size, settings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"settings {dict(settings)} do not make a {architecture}: {in_one_line(error)}") from None
