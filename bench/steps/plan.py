"""What a run would do, and what it would need, judged by what earlier runs on this machine took."""

from collections import Counter
from statistics import mean

from rich.console import Console
from rich.table import Table

from bench.recipe.recipe import Recipe
from bench.recipe.recipe_student import FROM_TEACHER
from bench.reports.screen import plain_console
from bench.steps.export import possible_formats
from bench.steps.peer import PEER_FORMAT
from bench.steps.split import check_split
from bench.steps.students.vocabulary import vocabulary_key
from bench.steps.workplace import Workplace
from materials.cache.entries import stored_entries


def print_plan(work: Workplace) -> None:
    """Print a recipe's cells, then its stages with the time and disk that they need when the cache is empty."""
    check_split(work)
    recipe = work.recipe
    console = plain_console()
    cells = Table("model", "formats", title=f"{recipe.name}: {recipe.description}", title_justify="left")
    of_teacher = possible_formats(recipe, recipe.teacher.architecture, recipe.teacher.formats)
    cells.add_row("teacher", ", ".join(of_teacher))
    for cell in recipe.cells()[: len(recipe.cells()) // len(recipe.seeds)]:  # the same for every seed
        formats = possible_formats(recipe, cell.student.architecture, recipe.formats)
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
    candidates = [candidate for student in recipe.students for candidate in student.candidates()]
    models = len(recipe.students) * len(recipe.swept_objectives) + len(candidates) - len(recipe.students)
    formats_per_student = [
        len(possible_formats(recipe, student.architecture, recipe.formats)) for student in recipe.students
    ]
    bundles = sum(formats_per_student) * sum(objective.exported for objective in recipe.swept_objectives)
    bundles += len(possible_formats(recipe, recipe.teacher.architecture, recipe.teacher.formats))
    peers = len(recipe.peers)
    text_students = [
        student for student in candidates if student.modalities != ("image",) and not student.is_pretrained
    ]
    vocabularies = len({vocabulary_key(student) for student in text_students})
    vectors = {(student.tokenizer, student.dimensions) for student in text_students if student.vectors == FROM_TEACHER}
    training = {
        "splits": 1,
        "leaks": 1,
        "teacher": 1,
        "labeller": 1,
        "knowledge": 1,
        "vocabulary": vocabularies,
        "student": models,
    }
    training["vectors"] = len(vectors)
    if folds := recipe.teacher.folds:
        training |= {"fold": folds, "teacher": 1 + folds}
        bundles_of_folds = folds * min(2, len(recipe.teacher.formats))  # the eager one, and the one that labels
    else:
        bundles_of_folds = 0
    if recipe.modality == "image":
        sizes = {student.image_size for student in recipe.students if not student.is_pretrained}
        training |= {"pixels": 1 + len(sizes), "features": int(recipe.teacher.frozen and not recipe.teacher.varied)}
    measurements = bundles + peers
    per_seed = Counter({**training, "bundle": bundles + bundles_of_folds, "peer": peers, "measurement": measurements})
    counts = Counter({kind: count * len(recipe.seeds) for kind, count in per_seed.items()})
    timed_seeds = min(recipe.speed_seeds, len(recipe.seeds))
    counts["measurement"] += measurements * timed_seeds * (recipe.measuring.launches - 1)
    return +counts  # the plus sign drops the kinds of which there are none, which the table need not list


def _print_stages(work: Workplace, counts: Counter[str], console: Console) -> None:
    """Print each kind's time and disk: its count times the mean of its stages in the cache, or '?' without any."""
    entries = [entry for entry in stored_entries(work.root) if entry.seconds]
    title = "all stages, none taken from the cache; time and disk are means of earlier runs here"
    table = Table("stage", "count", "minutes", "MB", title=title, title_justify="left")
    minutes = megabytes = 0.0
    for kind, count in counts.items():
        earlier_entries = [entry for entry in entries if entry.name == kind]
        if not earlier_entries:
            table.add_row(kind, str(count), "?", "?")
            continue
        kind_minutes = count * mean(entry.seconds for entry in earlier_entries) / 60
        kind_megabytes = count * mean(entry.size_bytes for entry in earlier_entries) / 1e6
        minutes, megabytes = minutes + kind_minutes, megabytes + kind_megabytes
        table.add_row(kind, str(count), f"{kind_minutes:.1f}", f"{kind_megabytes:,.1f}")
    table.add_row("all", str(counts.total()), f"{minutes:.1f}", f"{megabytes:,.1f}", style="bold")
    console.print(table)
    if not entries:
        console.print(
            "there is no earlier run on this machine to judge by; time and disk are shown after the first one"
        )
