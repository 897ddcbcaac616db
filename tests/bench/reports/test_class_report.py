import json
import re

import numpy as np
import pytest

from bench.record.row import Group, Row, Score
from bench.record.run_file import Run
from bench.reports.class_report import CLASS_REPORTS, one_row_a_model
from bench.reports.pictures.confusion import confusion_chart, save_confusion
from bench.scores.confusion import f1_per_class
from materials.errors import RequestError

HEADLINES = ((60, 40, 14), (30, 520, 37), (10, 90, 169))
NAMES = ("negative", "neutral", "positive")


def row(model, confusion=HEADLINES, names=NAMES, format="onnx", **changes):
    matrix = np.array(confusion)
    figures = {
        "accuracy": float(np.trace(matrix) / matrix.sum()),
        "macro_f1": float(f1_per_class(matrix).mean()),
        "confusion_matrix": confusion,
        "label_names": names,
    }
    base = {
        "role": "student",
        "task": "single-label",
        "device": "cpu",
        "threads": 1,
        "status": "ok",
        "error": None,
        "architecture": "cnn",
        "objective": "hard",
        "objective_title": "hard",
        "transfer_rows": 0,
        "seed": 0,
        "parity": "passed",
        "parameters": 10,
        "size_bytes": 2_500_000,
    }
    return Row(**{**base, "model": model, "format": format, **figures, **changes})


def run(*rows, formats=("eager", "onnx")):
    group = {"role": "student", "architecture": "cnn", "objective_title": None, "transfer_rows": 0, "seeds": 1}
    unknown = dict.fromkeys(("headline_spread", "headline_low", "headline_high"))
    gap = dict.fromkeys(("gap_closed", "gap_closed_low", "gap_closed_high"))
    return Run(
        name="headlines",
        recipe=None,
        threads=1,
        machine={"processor": "Test CPU", "cores": 2},
        versions={},
        git_commit=None,
        load_average=(),
        created="2026-01-01",
        labelling=(),
        rows=rows,
        groups=tuple(
            Group(model="cnn", format=format, headline=0.5, accuracy=0.5, **group, **unknown, **gap)
            for format in formats
        ),
    )


def test_table_holds_figures_and_confusion_matrix_of_every_class():
    lines = CLASS_REPORTS["markdown"](run(row("cnn hard"))).splitlines()
    # F1 120 / 214, 1040 / 1237 and 338 / 489; weighted by 114, 587 and 269 rows of 970; 749 rows are right
    figures = "accuracy 77.2, macro-F1 69.8, weighted-F1 76.6, micro-F1 77.2"
    assert lines[0] == f"**headlines: cnn hard as onnx, seed 0: {figures}**"
    assert lines[2].endswith(
        "| class | taken for | rows | precision | recall | F1 | called negative | called neutral | called positive |"
    )
    # precision 60 / 100, recall 60 / 114, F1 2 x 60 / 214
    assert lines[4] == "| negative | neutral (40), positive (14) | 114 | 60.0 | 52.6 | 56.1 | 60 | 40 | 14 |"


def test_more_than_ten_classes_are_shown_by_their_largest_confusions():
    confusion = np.eye(12, dtype=int) * 9
    confusion[3, [1, 5, 7, 8]] = 1, 4, 2, 3
    names = tuple(f"topic {number}" for number in range(12))
    many = run(row("cnn hard", tuple(map(tuple, confusion.tolist())), names))
    text = CLASS_REPORTS["markdown"](many)
    assert "| topic 3 | topic 5 (4), topic 8 (3), topic 7 (2) | 19 |" in text
    assert "called topic" not in text
    assert "rows:Q" not in str(confusion_chart(many).to_dict())


def test_every_model_is_shown_once_by_its_sound_file_in_the_main_format():
    rows = [
        row("teacher", format="eager"),
        row("teacher", format="onnx"),
        row("teacher", format="onnx", seed=1),
        row("fasttext", format="library"),
        row("broken", status="failed"),
        row("unlabelled", confusion_matrix=None),
    ]
    assert one_row_a_model(run(*rows)) == [rows[1], rows[3]]


def test_terminal_shows_the_same_tables(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    text = re.sub(r"\x1b\[[0-9;]*m", "", CLASS_REPORTS["rich"](run(row("cnn hard"), row("teacher"))))
    assert text.count("neutral (40), positive (14)") == 2


def test_classes_without_names_have_their_numbers():
    assert "| 2 | 1 (90), 0 (10) |" in CLASS_REPORTS["markdown"](run(row("cnn hard", names=None)))


def test_run_without_confusion_matrices_is_refused():
    with pytest.raises(RequestError, match="run headlines has no figures of classes"):
        CLASS_REPORTS["markdown"](run(row("cnn hard", status="failed")))


def test_picture_has_a_cell_for_each_pair_of_classes_of_each_model(tmp_path):
    both = run(row("teacher"), row("cnn hard"))
    cells = confusion_chart(both).to_dict()["datasets"].popitem()[1]
    assert len(cells) == 2 * 9
    share = pytest.approx(40 / 114)
    assert {"model": "teacher (onnx)", "true": "negative", "predicted": "neutral", "rows": 40, "share": share} in cells
    save_confusion(both, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"confusion.png", "confusion.svg"}
    assert ">520</text>" in (tmp_path / "confusion.svg").read_text()


def test_run_without_confusion_matrices_has_no_picture(tmp_path):
    save_confusion(run(row("cnn hard", confusion_matrix=None)), tmp_path)
    assert list(tmp_path.iterdir()) == []


TOPICS = ("film", "book", "play")
# Hits, true rows and called rows of each label.
COUNTS = ((3, 4, 6), (0, 2, 0), (5, 5, 5))


def several_labels(model="cnn hard"):
    scores = {"macro_f1": Score(value=0.5333), "accuracy": Score(value=0.25)}
    figures = {"confusion_matrix": None, "accuracy": None, "macro_f1": None, "label_counts": COUNTS, "scores": scores}
    return row(model, names=TOPICS, task="multi-label", **figures)


def test_several_labels_a_row_have_figures_of_each_label_and_no_matrix():
    many = run(several_labels())
    lines = CLASS_REPORTS["markdown"](many).splitlines()
    assert "| class | rows | precision | recall | F1 |" in lines[2]
    # precision 3 / 6, recall 3 / 4, F1 2 x 3 / 10
    assert lines[4:7] == [
        "| film | 4 | 50.0 | 75.0 | 60.0 |",
        "| book | 2 | 0.0 | 0.0 | 0.0 |",
        "| play | 5 | 100.0 | 100.0 | 100.0 |",
    ]
    # micro-F1 2 x 8 / 22; weighted (4 x 0.6 + 5) / 11
    assert "macro-F1 53.3, weighted-F1 67.3, micro-F1 72.7" in lines[0]
    records = json.loads(CLASS_REPORTS["json"](many))
    assert records[0] == {
        **{"model": "cnn hard", "format": "onnx", "seed": 0, "class": "film", "rows": 4},
        **{"precision": 0.5, "recall": 0.75, "f1": 0.6},
    }
    assert CLASS_REPORTS["csv"](many).count("\n") == 4
    assert confusion_chart(many) is None
