"""The forecast in words: a sentence before a run, and the tables of `--dry-run`."""

from collections import Counter

from rich.table import Table

from bench.forecast.forecast import GROUPS, Forecast, make_forecast
from bench.forecast.parts import REPORT
from bench.harness.neighbours import BUSY_CORES
from bench.recipe.recipe import Recipe
from bench.reports.screen import plain_console
from bench.steps.export import possible_formats
from bench.steps.peer import PEER_FORMAT
from bench.steps.split import check_split
from bench.steps.workplace import Workplace

NOT_KNOWN = "not known"


def print_plan(work: Workplace) -> None:
    """Print a recipe's cells, then its stages with the time and disk that they need here."""
    check_split(work)
    recipe, forecast, console = work.recipe, make_forecast(work, fetches=False), plain_console()
    console.print(_cells(recipe))
    bundles = sum(part.kind == "bundle" and "without fold" not in part.title for part in forecast.costs)
    console.print(
        f"{bundles} bundles for seed(s) {', '.join(map(str, recipe.seeds))}; the first "
        f"{recipe.speed_seeds} seed(s) are timed on {recipe.threads} thread(s)"
    )
    console.print(_stages(forecast))
    for sentence in sentences_of(forecast):
        console.print(sentence, soft_wrap=True)


def sentences_of(forecast: Forecast) -> list[str]:
    """How long a run will take, in all and by kind, what it needs beside, and what of that is not known."""
    left = len(forecast.costs) - len(forecast.stored) - 1  # the report is no stage
    if not left:
        return ["all stages are stored already; only the report is left to write"]
    seconds = forecast.seconds
    groups = {title: forecast.seconds_of(kinds) for title, kinds in GROUPS.items()}
    by_kind = [f"{title} {span.minutes}" for title, span in groups.items() if span and span.most >= 3]
    whole = f"this run will take about {seconds.minutes} min here" if seconds else "how long it takes is not known"
    needs = [f"{forecast.size_bytes / 1e6:,.0f} MB on the disk"]
    if forecast.memory_bytes:
        needs.append(f"{forecast.memory_bytes / 1e9:.1f} GB of memory")
    stored = f"; {len(forecast.stored)} of {len(forecast.costs) - 1} stages are stored" if forecast.stored else ""
    of_kinds = f" ({', '.join(by_kind)})" if by_kind else ""
    fetched = f", once {forecast.fetched_bytes / 1e6:,.0f} MB are fetched" if forecast.fetched_bytes else ""
    sentences = [f"{whole}{of_kinds}{fetched}; it needs about {' and '.join(needs)}{stored}"]
    if forecast.busy_cores > BUSY_CORES:
        sentences.append(
            f"other processes keep {forecast.busy_cores:.1f} cores busy now; while they do, it takes longer than this"
        )
    peers = {part.title for part in forecast.costs if part.kind == "peer" and part not in forecast.stored}
    if peers:
        sentences.append(f"the time of {', '.join(sorted(peers))} is a guess: libraries of others are not timed before")
    return sentences + [f"{NOT_KNOWN} yet: {reason}" for reason in forecast.reasons]


def _cells(recipe: Recipe) -> Table:
    """The models of one seed with their formats."""
    cells = Table("model", "formats", title=f"{recipe.name}: {recipe.description}", title_justify="left")
    of_teacher = possible_formats(recipe, recipe.teacher.architecture, recipe.teacher.formats)
    cells.add_row("teacher", ", ".join(of_teacher))
    for cell in recipe.cells()[: len(recipe.cells()) // len(recipe.seeds)]:  # the same for every seed
        formats = possible_formats(recipe, cell.student.architecture, recipe.formats)
        cells.add_row(cell.title, ", ".join(formats if cell.objective.exported else ["not exported"]))
    for peer in recipe.peers:
        cells.add_row(peer, PEER_FORMAT)
    return cells


def _stages(forecast: Forecast) -> Table:
    """Each kind of stage: how many there are, how many of them are stored, and what the others need."""
    title = "stages; those that are stored cost nothing"
    table = Table("stage", "count", "stored", "minutes", "MB", title=title, title_justify="left")
    stored = Counter(part.kind for part in forecast.stored)
    counts = Counter(part.kind for part in forecast.costs if part.kind != REPORT)
    for kind, count in [*counts.items(), (REPORT, 1)]:
        span = forecast.seconds_of([kind])
        size = sum(cost.size_bytes for part, cost in forecast.costs.items() if part.kind == kind)
        table.add_row(kind, str(count), str(stored[kind]), span.minutes if span else NOT_KNOWN, f"{size / 1e6:,.1f}")
    whole = forecast.seconds
    minutes = whole.minutes if whole else NOT_KNOWN
    counted = (str(counts.total()), str(stored.total()))
    table.add_row("all", *counted, minutes, f"{forecast.size_bytes / 1e6:,.1f}", style="bold")
    return table
