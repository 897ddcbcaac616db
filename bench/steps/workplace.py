"""What the steps of a run need: the recipe, the store of finished stages and the screen; and what belongs to a seed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from bench.recipe.recipe import Recipe
from bench.reports.screen import Screen
from materials.rows import Splits
from materials.splits.store import load_splits
from materials.stages import StageStore
from materials.weights import WeightsFolder

if TYPE_CHECKING:
    from bench.steps.models import Model
    from teachers.knowledge import Knowledge


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """`root` is the cache folder that materials and stages are in; so many `jobs` train students at once."""

    recipe: Recipe
    store: StageStore
    screen: Screen
    jobs: int = 1

    @property
    def root(self) -> Path:
        """The cache folder."""
        return self.store.root


@dataclass(frozen=True, kw_only=True)
class SeedPlace:
    """What all steps of one seed share: the teacher's weights, the folder of the splits, and later its knowledge.

    `teacher` and `knowledge` (the folder of the teacher's stored outputs) are none, and `teacher_files` (its bundles by
    format) empty, until the teacher has labelled. In the place of a `fold`, counted from 0, its rows are the test rows
    and no train rows; `all_rows_of` are then the splits that it is a part of.
    """

    work: Workplace
    weights: WeightsFolder
    seed: int
    splits: Path
    teacher: Path | None = None
    knowledge: Path | None = None
    teacher_files: Mapping[str, Path] = field(default_factory=dict)
    fold: int | None = None
    all_rows_of: Path | None = None

    @property
    def all_rows(self) -> Path:
        """The splits that hold all rows of the seed."""
        return self.all_rows_of or self.splits

    @property
    def teacher_title(self) -> str:
        """What the seed's teacher is called in lines of progress."""
        return f"teacher{'' if self.fold is None else f' without fold {self.fold + 1}'}, seed {self.seed}"

    def taught_by(self, teacher: "Model") -> "SeedPlace":
        """The same seed with its teacher's checkpoint and stored outputs."""
        return replace(self, teacher=teacher.checkpoint, knowledge=teacher.knowledge, teacher_files=teacher.bundles)

    def with_plain_teacher(self) -> "SeedPlace":
        """The same seed with a zero-shot teacher that is not refined."""
        recipe = self.work.recipe
        plain = recipe.teacher.model_copy(update={"refine": None})
        return replace(self, work=replace(self.work, recipe=recipe.model_copy(update={"teacher": plain})))

    @cached_property
    def rows(self) -> Splits:
        """The splits, read once."""
        return load_splits(self.splits)

    @cached_property
    def train_lengths(self) -> Callable[[Path], list[int]]:
        """The number of tokens of train rows by a tokenizer.json, counted once for all cells."""
        from encoders.text_encoder import lengths_of

        return cache(lambda file: lengths_of(Tokenizer.from_file(str(file)), self.rows.train.items))

    @cached_property
    def stored_outputs(self) -> "Knowledge":
        """The teacher's outputs, read once. Raises ValueError before the teacher has labelled."""
        from teachers.knowledge import load_knowledge

        if self.knowledge is None:
            raise ValueError("the teacher has not labelled yet")
        return load_knowledge(self.knowledge)
