"""What each cell of a league came to: its teacher, its best students and peer, and what they differ by."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from bench.league.settings import LeagueCell
from bench.recipe.objective import Objective, named_kinds
from bench.record.place import RUN_FILE
from bench.record.row import Row
from bench.record.run_file import Run, read_run
from bench.reports.differences import Difference, alone_of, find_differences
from bench.reports.report import main_format
from bench.scores.quality import SMALLEST_GAP
from materials.errors import RequestError
from materials.files import check_types, new_file

FILE = "league.json"
SURE_P = 0.05


@dataclass(frozen=True, kw_only=True)
class Line:
    """One run of a league with its students distilled in one way; scores are shares, means over the run's seeds.

    `student` is the distilled student that is best on validation rows, `alone` the student alone that is; `peer` is the
    peer that is best on the test rows, which favours peers. The difference is of that student minus that peer in
    macro-F1, with its paired interval; `mcnemar_p` is that of their right rows. `lost` names students and the classes
    that they keep alone (F1 above 0) and lose distilled (F1 of 0). `made_up`: of parts of train rows.
    """

    data: str
    rows: str
    transfer_rows: int
    made_up: bool = False  # leagues of before had none
    seeds: int
    teacher_accuracy: float
    teacher_f1: float
    alone: str
    alone_accuracy: float
    alone_f1: float
    student: str
    accuracy: float
    f1: float
    gap_closed: float | None
    peer: str | None
    peer_accuracy: float | None
    peer_f1: float | None
    difference_low: float | None
    difference_high: float | None
    mcnemar_p: float | None
    lost: tuple[str, ...]
    texts_per_second: float | None
    teacher_texts_per_second: float | None
    training_seconds: float | None
    teacher_training_seconds: float | None

    @property
    def cell(self) -> str:
        """The name of its run folder."""
        return f"{self.data}-{self.rows}"

    @property
    def is_level(self) -> bool | None:
        """Whether the student is at least level with the peer, or the difference may be chance, in both metrics."""
        if self.peer_accuracy is None or self.difference_high is None:
            return None
        is_sure = self.mcnemar_p is not None and self.mcnemar_p < SURE_P
        is_less_accurate = self.accuracy < self.peer_accuracy and is_sure
        return self.difference_high >= 0 and not is_less_accurate

    @property
    def is_above(self) -> bool | None:
        """Whether the student's accuracy and macro-F1 are both above the peer's; none without a peer."""
        if self.peer_f1 is None or self.peer_accuracy is None:
            return None
        return self.f1 > self.peer_f1 and self.accuracy > self.peer_accuracy


def summarise(cells: Sequence[LeagueCell], output: Path) -> tuple[list[Line], list[str]]:
    """The lines of all cells that have a run below `output`, and a sentence for each run that gives none."""
    lines, sentences = [], []
    for cell in cells:
        folder = output / cell.name
        if not (folder / RUN_FILE).is_file():
            continue
        try:
            lines += _lines(cell, read_run(folder), folder)
        except RequestError as error:
            sentences.append(f"{cell.name} has no line: {error}")
    return lines, sentences


def save_lines(lines: Sequence[Line], output: Path) -> None:
    """Write league.json."""
    with new_file(output / FILE) as temporary:
        temporary.write_text(json.dumps([asdict(line) for line in lines], indent=1) + "\n", encoding="utf-8")


def load_lines(output: Path) -> list[Line]:
    """Read league.json; nothing where there is none. Raises RequestError for a damaged one."""
    file = output / FILE
    if not file.is_file():
        return []
    try:
        records: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        lines = [Line(**record) for record in records]
        for line in lines:
            check_types(line)
        return [replace(line, lost=tuple(line.lost)) for line in lines]
    except (ValueError, TypeError, KeyError) as error:
        raise RequestError(f"{file} is no league, or damaged ({type(error).__name__}: {error})") from None


def _lines(cell: LeagueCell, run: Run, folder: Path) -> list[Line]:
    """A line for each way of distilling. Raises RequestError where the teacher, or every student alone, failed."""
    main = main_format(run)
    sound = [row for row in run.rows if row.status != "failed" and row.headline is not None]
    in_main = [row for row in sound if row.format == main]
    teacher = Model([row for row in in_main if row.role == "teacher"])
    students = _by_title([row for row in in_main if row.role == "student"])
    alone = [model for model in students if alone_of(model.first) is None]
    if not teacher.rows or not alone:
        raise RequestError("its teacher, or every student alone, failed")
    peers = _by_title([row for row in sound if row.role == "peer"])
    peer = max(peers, key=lambda model: model.mean("macro_f1"), default=None)
    differences = find_differences(run, folder, against=peer.first.model) if peer else []
    made_up = _made_up_ways(run)
    rows_of_way = {
        model.first.objective_title: model.first.transfer_rows for model in students if alone_of(model.first)
    }
    # Where the rule made up no rows, students learned as they do without any, which may have a line already.
    is_plain = {way: not rows and way not in made_up for way, rows in rows_of_way.items()}
    ways = [way for way, rows in rows_of_way.items() if rows or is_plain[way] or not any(is_plain.values())]
    return [
        _line(
            cell,
            made_up=way in made_up,
            teacher=teacher,
            alone=alone,
            distilled=[model for model in students if model.first.objective_title == way],
            peer=peer,
            differences=differences,
        )
        for way in ways
    ]


def _made_up_ways(run: Run) -> set[str]:
    """The titles of the objectives whose transfer rows are all made of train rows."""
    recipe = run.recipe or {}
    data = recipe.get("data", {})
    has_others = any(data.get(key) for key in ("transfer", "balance", "train_rows"))
    objectives = [Objective.model_validate(objective) for objective in recipe.get("objectives", ())]
    return {
        objective.title
        for objective in objectives
        if named_kinds(objective.transfer) == ("augmented",) or (objective.transfer is True and not has_others)
    }


def _line(
    cell: LeagueCell,
    *,
    made_up: bool,
    teacher: "Model",
    alone: Sequence["Model"],
    distilled: Sequence["Model"],
    peer: "Model | None",
    differences: Sequence[Difference],
) -> Line:
    best_alone, student = (max(models, key=Model.on_validation) for models in (alone, distilled))
    difference = next((pair for pair in differences if pair.model == student.first.model), None)
    return Line(
        data=cell.data.name,
        rows=str(cell.rows),
        transfer_rows=student.first.transfer_rows or 0,
        made_up=made_up,
        seeds=len(student.rows),
        teacher_accuracy=teacher.mean("accuracy"),
        teacher_f1=teacher.mean("macro_f1"),
        alone=best_alone.first.student,
        alone_accuracy=best_alone.mean("accuracy"),
        alone_f1=best_alone.mean("macro_f1"),
        student=student.first.student,
        accuracy=student.mean("accuracy"),
        f1=student.mean("macro_f1"),
        gap_closed=_gap_closed(teacher, alone, student),
        peer=peer.first.model if peer else None,
        peer_accuracy=peer.mean("accuracy") if peer else None,
        peer_f1=peer.mean("macro_f1") if peer else None,
        difference_low=difference.low if difference else None,
        difference_high=difference.high if difference else None,
        mcnemar_p=difference.mcnemar_p if difference else None,
        lost=tuple(name for model in distilled for row in model.rows for name in _lost(row, alone)),
        texts_per_second=student.mean_of_known("end_to_end_texts_per_second"),
        teacher_texts_per_second=teacher.mean_of_known("end_to_end_texts_per_second"),
        training_seconds=student.mean_of_known("training_seconds"),
        teacher_training_seconds=teacher.mean_of_known("training_seconds"),
    )


def _gap_closed(teacher: "Model", alone: Sequence["Model"], student: "Model") -> float | None:
    """How much of the way from itself alone to the teacher a student has come, of mean macro-F1 in the same format.

    None where the teacher is not a point above it. Small gaps make large ratios: no interval is asked for here.
    """
    before = next((model for model in alone if model.first.student == student.first.student), None)
    if before is None or teacher.mean("macro_f1") - before.mean("macro_f1") < SMALLEST_GAP:
        return None
    start = before.mean("macro_f1")
    return (student.mean("macro_f1") - start) / (teacher.mean("macro_f1") - start)


@dataclass(frozen=True)
class Model:
    """The rows of one model, one a seed."""

    rows: Sequence[Row]

    @property
    def first(self) -> Row:
        """The row of the first seed."""
        return self.rows[0]

    def on_validation(self) -> float:
        """The mean headline on validation rows."""
        return self.mean("validation_score")

    def mean(self, name: str) -> float:
        """The mean of a figure over the seeds, those without it counting 0."""
        return mean(getattr(row, name) or 0.0 for row in self.rows)

    def mean_of_known(self, name: str) -> float | None:
        """The mean over the seeds that have the figure; none where none has."""
        known = [value for row in self.rows if (value := getattr(row, name)) is not None]
        return mean(known) if known else None


def _by_title(rows: Sequence[Row]) -> list[Model]:
    return [Model([row for row in rows if row.model == title]) for title in dict.fromkeys(row.model for row in rows)]


def _lost(row: Row, alone: Sequence[Model]) -> list[str]:
    """The classes that a student keeps alone and loses distilled, with the same seed, as `cnn: grain`."""
    same = (other for model in alone for other in model.rows if (other.student, other.seed) == (row.student, row.seed))
    before = next(same, None)
    if before is None or not row.f1_per_class or not before.f1_per_class or not row.label_names:
        return []
    pairs = zip(row.label_names, before.f1_per_class, row.f1_per_class, strict=True)
    return [f"{row.student}: {name}" for name, old_f1, new_f1 in pairs if old_f1 > 0 and new_f1 == 0]
