"""What a run would do, and what it would need, judged by what earlier runs on this machine took."""

from collections import Counter
from statistics import mean

from rich.console import Console
from rich.table import Table

from bench.recipe.recipe import Recipe
from bench.steps.export import possible_formats
from bench.steps.peer import PEER_FORMAT
from bench.steps.sources import check_sources
from bench.steps.vocabulary import vocabulary_key
from bench.steps.workplace import Workplace
from materials.stages import stored_entries


def print_plan(work: Workplace) -> None:
    """Print the cells of a recipe, and the stages with the time and disk that all of them would need from nothing."""
    check_sources(work)
    recipe = work.recipe
    console = Console()
    cells = Table("model", "formats", title=f"{recipe.name}: {recipe.description}", title_justify="left")
    cells.add_row("teacher", ", ".join(recipe.teacher.formats))
    for cell in recipe.cells()[: len(recipe.cells()) // len(recipe.seeds)]:  # the same for every seed
        formats = possible_formats(cell.student.architecture, recipe.formats)
        cells.add_row(cell.title, ", ".join(formats if cell.objective.exported else ["not exported"]))
    for peer in recipe.peers:
        cells.add_row(peer, PEER_FORMAT)
    counts = count_stages(recipe)
    console.print(cells)
    console.print(
        f"{counts['bundle']} bundles for seed(s) {', '.join(map(str, recipe.seeds))}; the first "
        f"{recipe.speed_seeds} seed(s) are timed on {recipe.threads} thread(s)"
    )
    _print_stages(work, counts, console)


def count_stages(recipe: Recipe) -> Counter[str]:
    """How many stages of each kind a run of the recipe has."""
    models = len(recipe.students) * len(recipe.objectives)
    by_student = [len(possible_formats(student.architecture, recipe.formats)) for student in recipe.students]
    exported = sum(by_student) * sum(objective.exported for objective in recipe.objectives)
    exported += len(possible_formats(recipe.teacher.architecture, recipe.teacher.formats))
    peers = len(recipe.peers)
    of_texts = [student for student in recipe.students if student.modalities != ("image",)]
    vocabularies = len({vocabulary_key(student) for student in of_texts})
    once = {"splits": 1, "teacher": 1, "labeller": 1, "knowledge": 1, "vocabulary": vocabularies, "student": models}
    by_seed = Counter({**once, "bundle": exported, "peer": peers, "measurement": exported + peers})
    return +Counter({kind: count * len(recipe.seeds) for kind, count in by_seed.items()})


def _print_stages(work: Workplace, counts: Counter[str], console: Console) -> None:
    """The time and disk of each kind: its count times the mean of those in the cache; '?' where there are none."""
    entries = [entry for entry in stored_entries(work.root) if entry.seconds]
    title = "all stages, none taken from the cache; time and disk are means of earlier runs here"
    table = Table("stage", "count", "minutes", "MB", title=title, title_justify="left")
    minutes = megabytes = 0.0
    for kind, count in counts.items():
        known = [entry for entry in entries if entry.name == kind]
        if not known:
            table.add_row(kind, str(count), "?", "?")
            continue
        own_minutes = count * mean(entry.seconds for entry in known) / 60
        own_megabytes = count * mean(entry.size_bytes for entry in known) / 1e6
        minutes, megabytes = minutes + own_minutes, megabytes + own_megabytes
        table.add_row(kind, str(count), f"{own_minutes:.1f}", f"{own_megabytes:,.1f}")
    table.add_row("all", str(counts.total()), f"{minutes:.1f}", f"{megabytes:,.1f}", style="bold")
    console.print(table)
    if not entries:
        console.print(
            "there is no earlier run on this machine to judge by; time and disk are shown after the first one"
        )
