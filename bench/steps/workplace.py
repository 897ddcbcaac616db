"""What every step of a run needs: the recipe, the store of finished stages, the screen."""

from dataclasses import dataclass
from pathlib import Path

from bench.recipe.recipe import Recipe
from bench.steps.screen import Screen
from materials.stages import StageStore


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """`root` is the cache folder that materials and stages are in."""

    recipe: Recipe
    store: StageStore
    screen: Screen

    @property
    def root(self) -> Path:
        """The cache folder."""
        return self.store.root
