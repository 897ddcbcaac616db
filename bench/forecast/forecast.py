"""The forecast of a run: what is left to make, how long that will take here, and what room it needs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import psutil

from bench.forecast.costs import Cost, Costs, teacher_lengths
from bench.forecast.parts import REPORT, Part, parts_of
from bench.forecast.probe import Probe, slowness
from bench.forecast.rows import counts_before, counts_of_splits
from bench.forecast.spans import Span, total
from bench.forecast.speeds import BYTES_A_WEIGHT, Speeds
from bench.forecast.stored import find_stored, names_of_weights, weights_at_hand
from bench.harness.launches.quiet import MOST_SECONDS, MOST_TRIES
from bench.harness.neighbours import BUSY_CORES, noise_before
from bench.recipe.recipe import Recipe
from bench.steps.workplace import Workplace
from materials.archives import Archive, is_fetched
from materials.catalogue import DATASETS, VECTORS, WEIGHTS, Entry
from training.rules import BATCH_SIZES

EXPORT_TIMES = 3  # a model is in memory as itself, as a graph, and as the file that is judged
GROUPS = {
    "reading data": ("image-check", "splits", "leaks", "pixels"),
    "teacher training": ("teacher", "features", "fold"),
    "labelling": ("labeller", "knowledge", "answers"),
    "students": ("vocabulary", "vectors", "student", "peer"),
    "exporting": ("bundle",),
    "measuring": ("measurement", "validation"),
}


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The parts of a run, each with its cost, those that are stored costing nothing.

    `reasons` say what is not known and why, and `fetched_bytes` is what must be fetched first, which takes a time of
    its own. `memory_bytes` is none where nothing is known of it. The times are those of a machine that does nothing
    else; other processes kept `busy_cores` busy.
    """

    costs: Mapping[Part, Cost]
    stored: frozenset[Part] = frozenset()
    memory_bytes: float | None = None
    fetched_bytes: int = 0
    reasons: tuple[str, ...] = ()
    busy_cores: float = 0.0

    def seconds_of(self, kinds: Iterable[str]) -> Span | None:
        """The time of all parts of some kinds; none where that of one is not known."""
        chosen = set(kinds)
        spans = [cost.seconds for part, cost in self.costs.items() if part.kind in chosen]
        known_spans = [span for span in spans if span is not None]
        return total(known_spans) if len(known_spans) == len(spans) else None

    @property
    def seconds(self) -> Span | None:
        """The time of the whole run."""
        return self.seconds_of({part.kind for part in self.costs})

    @property
    def size_bytes(self) -> float:
        """What all that is made takes on the disk, as far as it is known."""
        return sum(cost.size_bytes for cost in self.costs.values())

    @property
    def likely_seconds(self) -> dict[str, list[float]]:
        """By kind, the likely seconds of what is left to make, in order; 0 where they are not known."""
        by_kind = defaultdict(list)
        for part, cost in self.costs.items():
            if part not in self.stored:
                by_kind[part.kind].append(cost.seconds.likely if cost.seconds else 0.0)
        by_kind.pop(REPORT, None)  # which is written when the bar is gone
        return dict(by_kind)


def make_forecast(work: Workplace, *, fetches: bool) -> Forecast:
    """Look what is stored, count the rows, time the models, and add up.

    Data on the Hub is asked for only where the run that follows `fetches` it anyway. Raises RequestError where a run
    would, for what can be seen before it.
    """
    stored, parts = find_stored(work, fetches=fetches), parts_of(work.recipe)
    missing = [part for part in parts if part not in stored.parts]
    nothing, of_parts = dict.fromkeys(parts, Cost(seconds=Span.of(0.0))), frozenset(stored.parts & set(parts))
    if [part.kind for part in missing] == [REPORT]:
        return Forecast(costs=nothing, stored=of_parts)
    fetched = sum(archive.size_bytes for archive in _archives(work.recipe) if not is_fetched(archive, work.root))
    counts = counts_of_splits(stored.splits) if stored.splits else counts_before(work)
    if counts is None:
        unknown = {part: Cost(seconds=None) for part in missing}
        reason = "how many rows there are is known once they are fetched and read"
        return Forecast(costs=nothing | unknown, fetched_bytes=fetched, reasons=(reason,))
    bodies = {name: weights_at_hand(name, work.root) for name in names_of_weights(work.recipe)}
    busy_cores = noise_before().busy_cores
    probe = Probe(device=work.recipe.trained_on, threads=work.recipe.threads, is_crowded=busy_cores > BUSY_CORES)
    speeds = Speeds(recipe=work.recipe, counts=counts, bodies=bodies, probe=probe)
    speeds.time(missing)
    costs = Costs(
        recipe=work.recipe, counts=counts, teacher=speeds.teacher, students=speeds.students, slowness=slowness()
    )
    of_missing = _with_more_tries({part: costs.of(part) for part in missing}, is_crowded=probe.is_crowded)
    return Forecast(
        costs=nothing | _side_by_side(of_missing, work.jobs),
        stored=of_parts,
        memory_bytes=_memory(speeds),
        fetched_bytes=fetched,
        reasons=tuple(speeds.reasons),
        busy_cores=busy_cores,
    )


def _side_by_side(costs: Mapping[Part, Cost], jobs: int) -> dict[Part, Cost]:
    """The costs where so many students are trained at once, which is at best so many times as fast."""
    at_once = min(jobs, psutil.cpu_count() or 1, max(1, sum(part.kind == "student" for part in costs)))
    return {
        part: replace(cost, seconds=Span(likely=cost.seconds.likely / at_once, most=cost.seconds.most))
        if part.kind == "student" and cost.seconds
        else cost
        for part, cost in costs.items()
    }


def _with_more_tries(costs: Mapping[Part, Cost], *, is_crowded: bool) -> dict[Part, Cost]:
    """The costs where launches are made again that were not quiet, for which the files of a seed share a time.

    On a machine that others crowd none is quiet, so that this is likely.
    """
    of_seeds: dict[int, float] = defaultdict(float)
    for part, cost in costs.items():
        of_seeds[part.seed] += cost.seconds.likely if part.timed and cost.seconds else 0.0

    def longer(part: Part, once: Span | None) -> Span | None:
        if not part.timed or once is None:
            return once
        most = once.likely * (1 + min(MOST_TRIES - 1, MOST_SECONDS / of_seeds[part.seed]))
        return Span(likely=most if is_crowded else once.likely, most=most)

    return {part: replace(cost, seconds=longer(part, cost.seconds)) for part, cost in costs.items()}


def _memory(speeds: Speeds) -> float | None:
    """The most that training a model in batches takes, or exporting it, beside what this process has already."""
    batches = [(speeds.teacher, teacher_lengths(speeds.recipe, speeds.counts)[1])]
    batches += [(student, max(BATCH_SIZES)) for student in speeds.students.values()]
    needs = [
        max(BYTES_A_WEIGHT * speed.parameters + batch_size * speed.row_bytes, EXPORT_TIMES * 4 * speed.parameters)
        for speed, batch_size in batches
        if speed
    ]
    return psutil.Process().memory_info().rss + max(needs) if needs else None


def _archives(recipe: Recipe) -> list[Archive]:
    """What a run fetches, each once."""
    data = recipe.data
    vectors = [candidate.vectors for student in recipe.students for candidate in student.candidates()]
    names = {data.train, data.validation, data.test, data.transfer, *names_of_weights(recipe), *vectors}
    tables: Sequence[Mapping[str, Entry]] = (DATASETS, WEIGHTS, VECTORS)
    archives = [entry.archive for table in tables for name, entry in table.items() if name in names]
    return list({archive.package: archive for archive in archives}.values())
