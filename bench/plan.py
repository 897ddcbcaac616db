"""What a run would do: its cells, and which of its stages are already stored."""

from rich.console import Console
from rich.table import Table

from bench.workplace import Workplace


def print_plan(work: Workplace) -> None:
    """Print the models, formats and seeds of a recipe with the number of bundles, and change nothing."""
    recipe = work.recipe
    table = Table("model", "formats", "seeds", title=f"{recipe.name}: {recipe.description}", title_justify="left")
    seeds = ", ".join(map(str, recipe.seeds))
    table.add_row("teacher", ", ".join(recipe.teacher.formats), seeds)
    for student in recipe.students:
        for objective in recipe.objectives:
            table.add_row(f"{student.title} {objective.title}", ", ".join(recipe.formats), seeds)
    models = len(recipe.students) * len(recipe.objectives)
    bundles = (models * len(recipe.formats) + len(recipe.teacher.formats)) * len(recipe.seeds)
    console = Console()
    console.print(table)
    console.print(f"{bundles} bundles; the first {recipe.speed_seeds} seed(s) are timed on {recipe.threads} thread(s)")
