from dataclasses import replace

import pandas as pd
import pytest
from sample_command import distilbench

from bench.record.run_file import read_run
from bench.reports.curves import CURVES, FILE, curves_table, read_histories, save_histories
from bench.reports.pictures.curves import curves_chart, save_curves
from materials.errors import RequestError
from materials.tasks.single_label import SingleLabel


def epochs(model, objective, scores, *, seed=0, validation=None, seconds=2.0):
    """The lines of one model and seed; the first score is that before training."""
    return [
        {
            **{"model": model, "student": "cnn", "objective": objective, "needs_teacher": objective != "hard"},
            **{"seed": seed, "rows": 600, "epoch": number, "exported": True},
            **{"steps": 10 * number, "seconds": seconds if number else 0.0, "loss": 1 / (1 + number)},
            **{"test_macro_f1": score, "validation_macro_f1": (validation or scores)[number]},
        }
        for number, score in enumerate(scores)
    ]


@pytest.fixture
def histories():
    return pd.DataFrame(
        [
            *epochs("cnn hard", "hard", [0.1, 0.3, 0.4, 0.5, 0.45], validation=[0.9, 0.2, 0.2, 0.4, 0.6]),
            *epochs("cnn hard", "hard", [0.1, 0.35, 0.45, 0.55, 0.45], validation=[0.9, 0.2, 0.2, 0.4, 0.6], seed=1),
            *epochs("cnn logits", "logits", [0.1, 0.5, 0.6, 0.6]),
            *epochs("cnn logits", "logits", [0.1, 0.4, 0.44, 0.44], seed=1),
        ]
    )


def cells_of(run, histories, reach=()):
    (_, header, lines), _ = curves_table(run, histories, reach)
    names = [name.replace("\n", " ") for name in header]
    return {line[0]: dict(zip(names, line, strict=True)) for line in lines}


def test_epochs_to_reach_a_score_are_means_over_the_seeds_that_reach_it(finished, histories):
    lines = cells_of(read_run(finished), histories, [40, 50, 90])
    assert [lines["cnn hard"][f"epochs to {score}"] for score in (40, 50, 90)] == ["2", "3", "never"]
    assert lines["cnn logits"]["epochs to 40"] == "1"
    assert lines["cnn logits"]["epochs to 50"] == "1 (1 of 2 seeds)"


def test_rows_of_an_epoch_are_the_mean_over_the_seeds(finished, histories):
    histories.loc[histories["seed"] == 1, "rows"] = 700
    assert cells_of(read_run(finished), histories)["cnn hard"]["rows an epoch"] == "650"


def test_best_epoch_is_that_of_the_validation_rows_and_never_the_untrained_one(finished, histories):
    line = cells_of(read_run(finished), histories)["cnn hard"]
    assert (line["best epoch"], line["macro-F1 best epoch"], line["macro-F1 untrained"]) == ("4", "45.0", "10.0")


def test_teacher_that_ran_in_every_epoch_is_not_counted_twice(finished, histories):
    run = replace(read_run(finished), labelling=({"seed": 0, "sample_rows_per_second": {"eager": 100.0}},))
    stored = histories[histories["model"] == "cnn logits"]
    anew = stored.assign(model="cnn logits, teacher every epoch", teacher_every_epoch=True, seconds=7.0)
    lines = cells_of(run, pd.concat([histories.assign(teacher_every_epoch=False), anew]))
    times = {name: (line["seconds an epoch"], line["seconds with the teacher"]) for name, line in lines.items()}
    assert times["cnn logits"] == ("2", "≈ 8")  # 600 rows at 100 a second beside the 2 seconds
    assert times["cnn logits, teacher every epoch"] == ("", "7")
    assert times["cnn hard"] == ("2", "")


def test_score_of_the_kept_epoch_is_that_of_the_file(finished):
    run, histories = read_run(finished), read_histories(finished)
    lines = cells_of(run, histories)
    files = {row.model: row for row in run.rows if row.role == "student" and row.format == "eager"}
    assert files
    for model, row in files.items():
        assert lines[model]["macro-F1 best epoch"] == f"{row.macro_f1 * 100:.1f}"


def test_scores_to_reach_are_what_students_reach_alone(finished, histories):
    assert "epochs to 45" in cells_of(read_run(finished), histories)["cnn logits"]


def test_time_of_the_teacher_is_its_rows_over_its_rate(finished, histories):
    run = read_run(finished)
    lines = cells_of(run, histories)
    expected = 2.0 + 600 / run.labelling[0]["sample_rows_per_second"]["eager"]
    assert lines["cnn logits"]["seconds an epoch"] == "2"
    assert float(lines["cnn logits"]["seconds with the teacher"].removeprefix("≈ ")) == pytest.approx(
        expected, rel=0.01
    )
    assert lines["cnn hard"]["seconds with the teacher"] == ""


def test_run_holds_every_epoch_of_its_students_and_a_picture_of_them(finished):
    histories = read_histories(finished)
    assert set(histories["model"]) == {"linear hard", "linear logits+transfer"}
    assert histories["epoch"].tolist() == [0, 1, 2, 0, 1, 2]
    assert histories["rows"].tolist() == [192] * 3 + [292] * 3
    assert (finished / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "linear" in (finished / "curves.svg").read_text()


@pytest.mark.parametrize("format", CURVES)
def test_show_prints_the_curves_in_every_format(finished, format):
    answer = distilbench("show", finished, "--curves", "--format", format)
    assert answer.code == 0
    assert "linear logits+transfer" in answer.output


def test_show_takes_scores_to_reach(finished):
    assert "epochs to 33.5" in distilbench("show", finished, "--reach", "33.5,20", "--format", "markdown").output
    for wrong in ("high", "0", "120", "40,,50"):
        with pytest.raises(RequestError, match=f"--reach needs scores between 0 and 100, .* got '{wrong}'"):
            distilbench("show", finished, "--reach", wrong)
    for format in ("csv", "json"):
        with pytest.raises(RequestError, match=f"--reach belongs to the table of --curves; {format} holds every epoch"):
            distilbench("show", finished, "--reach", "33", "--format", format)


def test_run_without_epochs_says_how_to_get_them(tmp_path):
    with pytest.raises(RequestError, match="holds no epochs of students"):
        read_histories(tmp_path)
    save_histories(pd.DataFrame(), tmp_path)
    with pytest.raises(RequestError, match="holds no epochs of students"):
        read_histories(tmp_path / FILE)
    save_curves("tiny", SingleLabel().headline, pd.DataFrame(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_picture_has_a_line_for_each_model_within_its_seeds(histories):
    chart = curves_chart("tiny", SingleLabel().headline, histories)
    scores, losses = (pd.DataFrame(rows) for rows in chart.to_dict()["datasets"].values())
    assert len(scores) == 5 + 4
    last = scores[(scores["objective"] == "logits") & (scores["epoch"] == 3)].iloc[0]
    assert (last["min"], last["max"]) == (44, 60)
    assert last["mean"] == pytest.approx(52)
    # Before training there is no loss.
    assert losses["epoch"].min() == 1
    assert losses[losses["epoch"] == 3]["mean"].tolist() == [0.25, 0.25]
