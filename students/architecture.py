"""What is known of an architecture without importing torch: it is read from the source of its class."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from students.student import Student


@dataclass(frozen=True)
class Architecture:
    """The class of a student, named by its module in this package and its name.

    Importing torch takes seconds on a slow machine, and a recipe or a listing needs only what the class says of itself.
    """

    module: str
    name: str

    @property
    def student_class(self) -> "type[Student]":
        """The class itself, which imports torch."""
        student_class: type[Student] = getattr(import_module(f"students.{self.module}"), self.name)
        return student_class

    @cached_property
    def description(self) -> str:
        """The docstring of the class."""
        return ast.get_docstring(next(self._lineage)) or ""

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """The kinds of items that it reads."""
        return tuple(self._constant("modalities"))

    @cached_property
    def is_pretrained(self) -> bool:
        """Whether it starts from a body of pretrained layers."""
        return bool(self._constant("is_pretrained"))

    @property
    def _lineage(self) -> Iterator[ast.ClassDef]:
        """The definition of the class, then of those in this package that it is made from, nearest first."""
        module, name = self.module, self.name
        while True:
            tree = ast.parse((files("students") / f"{module}.py").read_text(encoding="utf-8"))
            class_def = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
            yield class_def
            base = ast.unparse(class_def.bases[0])
            origins = [
                str(node.module)
                for node in tree.body
                if isinstance(node, ast.ImportFrom) and base in {alias.name for alias in node.names}
            ]
            if not origins or not origins[0].startswith("students."):
                return
            module, name = origins[0].removeprefix("students."), base

    def _constant(self, name: str) -> Any:
        """An attribute that the class or one of those it is made from sets, nearest first."""
        for class_def in self._lineage:
            for statement in class_def.body:
                targets = statement.targets if isinstance(statement, ast.Assign) else []
                targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
                if name in {ast.unparse(target) for target in targets} and statement.value is not None:  # type: ignore[attr-defined]
                    return ast.literal_eval(statement.value)  # type: ignore[attr-defined]
        raise ValueError(f"{self.name} does not say its {name}")
