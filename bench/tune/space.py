"""What a search may change: settings of the student and its objective, each with a range or choices."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from bench.recipe.objective import Objective
from bench.recipe.recipe_student import Student
from materials.errors import RequestError

if TYPE_CHECKING:
    from optuna import Trial

FORM = "student.learning_rate=1e-5:1e-4, objective.temperature=1:8 or student.settings.layers=2|3"
HOTTEST, RATE_FACTOR, WEIGHT_FACTOR, MOST_ALPHA = 10.0, 4.0, 10.0, 0.9
KEY = re.compile(r"(student|objective)(\.[a-z_-]+)+")


@dataclass(frozen=True, kw_only=True)
class Range:
    """A setting by its key, `student.…` or `objective.…`: from `low` to `high`, or one of `choices`.

    Numbers that are no whole ones are drawn by their logarithm, where `low` is above 0.
    """

    key: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Any, ...] = ()

    def end(self, last: bool) -> Any:
        """The first or the last of its values."""
        if self.choices:
            return self.choices[-1 if last else 0]
        return self.high if last else self.low

    def suggest(self, trial: "Trial") -> Any:
        """A value for a trial."""
        if self.choices:
            texts = [
                yaml.safe_dump(choice, default_flow_style=True).removesuffix("\n...\n").strip()
                for choice in self.choices
            ]
            return self.choices[texts.index(trial.suggest_categorical(self.key, texts))]
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(self.key, self.low, self.high)
        return trial.suggest_float(self.key, self.low, self.high, log=self.low > 0)


def read_range(text: str) -> Range:
    """A range as the command line writes it. Raises RequestError for one that cannot be."""
    key, equals, values = text.partition("=")
    if not equals or not KEY.fullmatch(key):
        raise RequestError(f"--space needs a setting and its range, such as {FORM}; got '{text}'")
    try:
        choices = tuple(yaml.safe_load(part) for part in values.split("|"))
        low, high = (_number(part) for part in values.split(":")) if ":" in values else (0.0, 0.0)
    except (yaml.YAMLError, ValueError):
        raise RequestError(f"--space {text}: expected two numbers with : between, or choices with |") from None
    if ":" not in values:
        if len(choices) < 2:
            raise RequestError(f"--space {text}: one choice is none; give two or more with | between")
        return Range(key=key, choices=choices)
    if not low < high:
        raise RequestError(f"--space {text}: the first number must be the lower one")
    return Range(key=key, low=low, high=high)


def usual_space(student: Student, objective: Objective, *, rate: float, is_number: bool) -> tuple[Range, ...]:
    """What is searched where nothing is named: rate, weights of the objective's parts, temperature, and alpha.

    `rate` is the student's learning rate, and `is_number` says that a number is asked for, of which soft outputs have
    no temperature. Rates go to a quarter of it and to four times it, weights to a tenth and ten times; temperatures
    from 1 to 10.
    """
    space = [Range(key="student.learning_rate", low=rate / RATE_FACTOR, high=rate * RATE_FACTOR)]
    space += [
        Range(key=f"objective.weights.{part}", low=weight / WEIGHT_FACTOR, high=weight * WEIGHT_FACTOR)
        for part, weight in (objective.weights or {}).items()
    ]
    parts = set(objective.weights or ())
    if "soft-unscaled" in parts or (not is_number and objective.uses_temperature):
        space.append(Range(key="objective.temperature", low=1.0, high=HOTTEST))
    if objective.uses_alpha:
        space.append(Range(key="objective.alpha", low=0.0, high=MOST_ALPHA))
    return tuple(space)


def changed(content: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's content, of one student and one objective at most beside `hard`, with settings changed by key."""
    students, objectives = ([dict(item) for item in content[part]] for part in ("students", "objectives"))
    for key, value in values.items():
        part, *names = key.split(".")
        place: dict[str, Any] = students[-1] if part == "student" else objectives[-1]
        for name in names[:-1]:
            inner = place.get(name) or {}
            if not isinstance(inner, Mapping):
                raise RequestError(f"--space {key}: {name} is {inner!r:.60}, and has no settings of its own")
            place[name] = dict(inner)
            place = place[name]
        place[names[-1]] = value
    return {**content, "students": students, "objectives": objectives}


def shown(values: Mapping[str, Any]) -> str:
    """Settings in a line, numbers to three digits."""
    words = (f"{key.partition('.')[2]}={_shown(value)}" for key, value in values.items())
    return ", ".join(words)


def own_values(space: Sequence[Range], content: Mapping[str, Any], *, rate: float) -> dict[str, Any]:
    """The recipe's own settings of the space, those that lie in it; a rate by rule is `rate`."""
    found: dict[str, Any] = {}
    for part in space:
        kind, *names = part.key.split(".")
        value: Any = content["students" if kind == "student" else "objectives"][-1]
        for name in names:
            value = value.get(name) if isinstance(value, Mapping) else None
        value = rate if part.key == "student.learning_rate" and value == "auto" else value
        if part.choices and value in part.choices:
            found[part.key] = _as_text(value)
        elif not part.choices and isinstance(value, int | float) and part.low <= value <= part.high:
            found[part.key] = value
    return found


def _as_text(choice: Any) -> str:
    """A choice as a storage file can hold it, lists included."""
    return yaml.safe_dump(choice, default_flow_style=True).removesuffix("\n...\n").strip()


def _number(text: str) -> float:
    value = yaml.safe_load(text)
    number = value if isinstance(value, int) and not isinstance(value, bool) else float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
