"""The command `self-check`: whether the harness can be trusted on this machine, as a table and a file."""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.commands.compare import rows_beside
from bench.harness.isolation import MeasurementFailed, measure_in_fresh_process
from bench.harness.workload import Workload
from bench.outside.columns import Columns
from bench.outside.in_turns import LAUNCH_SECONDS, Launches, launch_in_turns
from bench.outside.opened import OpenedModel, read_rows
from bench.outside.single_pairs import described, single_note, single_pairs
from bench.outside.speed_check import read_speed, speed_table
from bench.record.comparison import TIMED
from bench.record.machine import describe_machine, git_commit, package_versions
from bench.reports.layout import TextTable, figure, markdown_tables, rich_tables
from bench.reports.run_folder import prove_writable
from bench.reports.screen import Screen
from bench.scores.significance import compare_times
from export.foreign import open_model
from materials.errors import RequestError
from materials.files import new_file, write_json
from materials.modalities import Item

LARGEST_DIFFERENCE = 0.03
LARGEST_COST_NS = 2000
ALLOWED_ALARMS = 0.05
FEWEST_LAUNCHES = 5


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """The models to check on, how many pairs of the same file, launches of each side of a pair, and where to write.

    One launch a side stands for two runs, of which each launched the file once.
    """

    models: tuple[Path, ...]
    data: Path | None
    columns: Columns
    pairs: int
    launches: int
    workload: Workload
    output: Path


def self_check(request: CheckRequest) -> int:
    """Run the three checks, write check.json and table.md, print the table; 1 when a check failed, else 0."""
    if 1 < request.launches < FEWEST_LAUNCHES:
        raise RequestError(f"--launches is 1, or {FEWEST_LAUNCHES} or more; got {request.launches}")
    screen = Screen()
    prove_writable(request.output)
    data = request.data or rows_beside(request.models[0])
    models = [
        OpenedModel(title=_title(place), place=place, bundle=open_model(place, allow_code=request.workload.allow_code))
        for place in request.models
    ]
    items = read_rows(data, request.columns, models[0].bundle, place=request.models[0]).items
    readings = read_speed(screen)
    agreements = [_agreement(model, items, request.workload, screen) for model in models]
    of_pairs = [models[number % len(models)] for number in range(request.pairs)]
    if request.launches == 1:
        pairs = single_pairs(of_pairs, items, request.workload, screen)
    else:
        pairs = [
            _pair(model, items, request, f"pair {number + 1} of {request.pairs}", screen)
            for number, model in enumerate(of_pairs)
        ]
    check = {
        "machine": describe_machine(),
        "versions": package_versions(),
        "git_commit": git_commit(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "threads": request.workload.threads,
        "launches": request.launches,
        "slowdowns": readings,
        "agreements": agreements,
        "pairs": pairs,
    }
    tables, notes, passed = judge(check)
    write_json(request.output / "check.json", check)
    with new_file(request.output / "table.md") as temporary:
        temporary.write_text(markdown_tables(tables, notes), encoding="utf-8")
    sys.stdout.write(rich_tables(tables, notes))
    return 0 if passed else 1


def judge(check: dict[str, Any]) -> tuple[list[TextTable], list[str], bool]:
    """The tables and notes of a check, and whether it passed."""
    lines, passed = [], True
    for agreement in check["agreements"]:
        # Both p50 of a turn were taken close together, so their ratio holds little of the machine's drift.
        ratio = np.median(np.array(agreement["harness_p50_ms"]) / np.array(agreement["timeit_p50_ms"]))
        agrees = bool(abs(ratio - 1) <= LARGEST_DIFFERENCE and agreement["cost_ns"] <= LARGEST_COST_NS)
        passed &= agrees
        p50s = [figure(float(np.median(agreement[name]))) for name in ("harness_p50_ms", "timeit_p50_ms")]
        cost = f"{agreement['cost_ns']:.0f}"
        lines.append([agreement["model"], "yes" if agrees else "no", *p50s, f"{ratio:.3f}", cost])
    header = ("model", "agrees", "harness p50 ms", "timeit p50 ms", "ratio", "cost of a call, ns")
    tables: list[TextTable] = [("the harness against an independent loop of timeit", header, lines)]
    notes = ["agrees: p50 within 3 % (median of 7 turns) and at most 2,000 ns added to a call"]
    if "slowdowns" in check:
        tables.append(speed_table(check["slowdowns"]))
    is_single = check["launches"] == 1
    pairs = [pair for pair in check["pairs"] if not (is_single and pair["noise"])]
    for name in TIMED:
        comparisons = [pair["figures"][name] for pair in pairs if name in pair["figures"]]
        if comparisons:
            tables.append(_alarms(name, comparisons))
            alarms = sum(comparison["alarm"] for comparison in comparisons)
            passed &= alarms <= ALLOWED_ALARMS * len(comparisons)
    if is_single:
        notes.append(single_note(len(pairs), len(check["pairs"])))
        return tables, notes, passed and len(pairs) == len(check["pairs"])
    notes.append(
        f"an alarm: Mann-Whitney p < 0.01 and a ratio beyond 2 %, on {check['launches']} launches of each, in turns; "
        "two launches: how far the p50 of one launch is from its neighbour's, of the same file, here: so far "
        "can figures of two runs lie apart for no reason"
    )
    return tables, notes, passed


def _alarms(name: str, comparisons: list[dict[str, Any]]) -> TextTable:
    ratios = np.array([comparison["ratio"] for comparison in comparisons])
    neighbour_ratios = np.concatenate(
        [np.array(comparison["base"]) / np.array(comparison["new"]) for comparison in comparisons]
    )
    header = ("figure", "pairs", "alarms", "p < 0.01", "largest ratio", "two launches, 95 %", "two launches, largest")
    distances = np.abs(np.log(neighbour_ratios))  # a ratio and its inverse lie equally far from 1
    line = [
        name,
        str(len(comparisons)),
        str(sum(comparison["alarm"] for comparison in comparisons)),
        str(sum(comparison["p"] < 0.01 for comparison in comparisons)),
        f"{np.exp(np.abs(np.log(ratios)).max()):.3f}",
        f"{np.exp(np.quantile(distances, 0.95)):.3f}",
        f"{np.exp(distances.max()):.3f}",
    ]
    return f"A/A: the same file compared with itself, {name}", header, [line]


def _agreement(model: OpenedModel, items: Sequence[Item], workload: Workload, screen: Screen) -> dict[str, Any]:
    with screen.step(f"{model.title} against timeit"), tempfile.TemporaryDirectory() as folder:
        model_workload = replace(workload, model=str(model.place.resolve()), modality=model.bundle.modality)
        try:
            measure_in_fresh_process(model_workload, items, Path(folder), program="bench.harness.agreement")
        except MeasurementFailed as failure:
            raise RequestError(f"{model.place} could not be checked: {failure}") from None
        content = json.loads((Path(folder) / "agreement.json").read_text(encoding="utf-8"))
    return {"model": model.title, **content}


def _pair(
    model: OpenedModel, items: Sequence[Item], request: CheckRequest, title: str, screen: Screen
) -> dict[str, Any]:
    one_text = replace(request.workload, scenarios=("single-stream",))
    sides = launch_in_turns(
        [model, model], items, one_text, Launches(count=request.launches, title=f"A/A {title}"), screen
    )
    figures = {}
    for name in TIMED:
        base, new = (
            [measurement.figures[name] for measurement in measurements if name in measurement.figures]
            for measurements in sides
        )
        if base:
            figures[name] = described(base, new, compare_times(base, new))
    noises = (measurement.figures["noise"] for measurements in sides for measurement in measurements)
    noise = sorted({reason for reason in noises if reason})
    return {"model": model.title, "figures": figures, "noise": noise, "seconds": LAUNCH_SECONDS}


def _title(place: Path) -> str:
    resolved_path = place.resolve()
    return f"{resolved_path.parent.name}/{resolved_path.name}"
