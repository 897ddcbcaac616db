"""What each cell of a league came to: its teacher, its best students and peer, and what they differ by."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.league.settings import LeagueCell
from bench.record.place import RUN_FILE
from bench.record.row import Row
from bench.record.run_file import Run, read_run
from bench.reports.differences import alone_of, find_differences
from bench.reports.report import main_format
from materials.errors import RequestError
from materials.files import new_file

FILE = "league.json"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One cell with its students distilled in one way; scores are shares.

    `student` is the distilled student that is best on validation rows, `alone` the student alone that is; `peer` is the
    peer that is best on the test rows, which favours peers. The differences are of that student minus that peer, the
    interval that of macro-F1, paired. `lost` names students and the classes that they keep alone (F1 above 0) and lose
    distilled (F1 of 0).
    """

    set: str
    rows: str
    transfer_rows: int
    classes: int
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
    accuracy_difference: float | None
    lost: tuple[str, ...]
    texts_per_second: float | None
    teacher_texts_per_second: float | None
    training_seconds: float | None
    teacher_training_seconds: float | None
    machine: str

    @property
    def is_level(self) -> bool | None:
        """Whether the student is at least level with the peer: the interval is not below zero; none without a peer."""
        return None if self.difference_high is None else self.difference_high >= 0

    @property
    def is_above(self) -> bool | None:
        """Whether the student's macro-F1 is above the peer's; none without a peer."""
        return None if self.peer_f1 is None else self.f1 > self.peer_f1


def summarise(cells: Sequence[LeagueCell], output: Path) -> list[Line]:
    """The lines of all cells that have a run below `output`, in the order of the sets."""
    lines = []
    for cell in cells:
        folder = output / cell.name
        if (folder / RUN_FILE).is_file():
            lines += _lines(cell, read_run(folder), folder)
    return lines


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
        return [Line(**{**record, "lost": tuple(record["lost"])}) for record in records]
    except (ValueError, TypeError, KeyError) as error:
        raise RequestError(f"{file} is no league, or damaged ({type(error).__name__}: {error})") from None


def _lines(cell: LeagueCell, run: Run, folder: Path) -> list[Line]:
    format = main_format(run)
    rows = [row for row in run.rows if row.status != "failed" and row.headline is not None]
    teacher = next((row for row in rows if row.role == "teacher" and row.format == format), None)
    students = [row for row in rows if row.role == "student" and row.format == format]
    alone = [row for row in students if alone_of(row) is None]
    peers = [row for row in rows if row.role == "peer"]
    ways = list(dict.fromkeys(row.objective_title for row in students if alone_of(row)))
    if teacher is None or not alone:
        return []
    peer = max(peers, key=_f1, default=None)
    return [
        _line(cell, run, folder, teacher, alone, [row for row in students if row.objective_title == way], peer)
        for way in ways
    ]


def _line(
    cell: LeagueCell, run: Run, folder: Path, teacher: Row, alone: list[Row], distilled: list[Row], peer: Row | None
) -> Line:
    best_alone, student = (max(rows, key=lambda row: row.validation_score or 0.0) for rows in (alone, distilled))
    difference = next(
        (
            found
            for found in (find_differences(run, folder, against=peer.model) if peer else [])
            if found.model == student.model
        ),
        None,
    )
    return Line(
        set=cell.data.name,
        rows=str(cell.rows),
        transfer_rows=student.transfer_rows or 0,
        classes=len(student.label_names or ()),
        teacher_accuracy=teacher.accuracy or 0.0,
        teacher_f1=_f1(teacher),
        alone=best_alone.student,
        alone_accuracy=best_alone.accuracy or 0.0,
        alone_f1=_f1(best_alone),
        student=student.student,
        accuracy=student.accuracy or 0.0,
        f1=_f1(student),
        gap_closed=student.gap_closed,
        peer=peer.model if peer else None,
        peer_accuracy=peer.accuracy if peer else None,
        peer_f1=_f1(peer) if peer else None,
        difference_low=difference.low if difference else None,
        difference_high=difference.high if difference else None,
        accuracy_difference=(student.accuracy or 0.0) - (peer.accuracy or 0.0) if peer else None,
        lost=tuple(name for row in distilled for name in _lost(row, alone)),
        texts_per_second=student.end_to_end_texts_per_second,
        teacher_texts_per_second=teacher.end_to_end_texts_per_second,
        training_seconds=student.training_seconds,
        teacher_training_seconds=teacher.training_seconds,
        machine=str(run.machine["processor"]),
    )


def _f1(row: Row) -> float:
    return row.macro_f1 or 0.0


def _lost(row: Row, alone: Sequence[Row]) -> list[str]:
    """The classes that a student keeps alone and loses distilled, as `cnn: grain`."""
    same_alone = next((other for other in alone if other.student == row.student), None)
    if same_alone is None or not row.f1_per_class or not same_alone.f1_per_class or not row.label_names:
        return []
    pairs = zip(row.label_names, same_alone.f1_per_class, row.f1_per_class, strict=True)
    return [f"{row.student}: {name}" for name, before, after in pairs if before > 0 and after == 0]
