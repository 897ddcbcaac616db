import pytest
from sample_runs import sample_row, sample_run

from bench.advice.front import knee_of
from bench.advice.verdict import verdict

TEACHER = sample_row("teacher", 0.9, 100.0, size_bytes=90_000_000)
GAP = {"gap_closed": 0.5, "gap_closed_low": 0.2, "gap_closed_high": 0.8}


def test_knee_is_where_more_quality_begins_to_cost_much_more_time():
    """Scaled, the rows are (0, 0), (1/3, 0.75), (2/3, 0.9) and the teacher (1, 1); the second is 0.42 above."""
    fast, knee, slow = (
        sample_row("a soft", 0.7, 0.1),
        sample_row("b soft", 0.85, 1.0),
        sample_row("c soft", 0.88, 10.0),
    )
    assert knee_of([fast, knee, slow, TEACHER]) is knee


def test_one_student_in_front_of_its_teacher_is_the_knee():
    student = sample_row("a soft", 0.7, 0.1)
    assert knee_of([student, TEACHER]) is student


def test_verdict_says_what_to_ship_what_it_keeps_saves_and_whether_the_teacher_helped():
    student = sample_row("cnn soft", 0.81, 0.5, **GAP)
    alone = sample_row("cnn hard", 0.75, 0.5)
    assert verdict(sample_run(TEACHER, alone, student)) == [
        "Ship cnn soft as onnx (the knee of quality against latency): macro-F1 81.0 [79.0, 83.0], which is 90.0% "
        "of the teacher's 90.0 (9.0 points less).",
        "It is 200 times as fast (p50 0.5 ms against 100 ms) and 45 times smaller (2.00 MB against 90.00 MB).",
        "Learning from the teacher closed 50% [20%, 80%] of the gap between the student alone and the teacher: more "
        "than chance.",
    ]


def test_what_is_lost_has_the_interval_of_the_rows_that_both_answered():
    over = {"over_teacher": -0.09, "over_teacher_low": -0.12, "over_teacher_high": 0.01}
    student = sample_row("cnn soft", 0.81, 0.5, **over)
    sentence = verdict(sample_run(TEACHER, sample_row("cnn hard", 0.75, 0.5), student))[0]
    assert sentence.endswith("which is 90.0% of the teacher's 90.0 (9.0 points less [-1.0, 12.0]).")


@pytest.mark.parametrize(
    ("low", "high", "judged"), [(-0.2, 0.8, "which may be chance"), (-0.8, -0.1, "a loss beyond chance")]
)
def test_gap_whose_interval_holds_zero_may_be_chance(low, high, judged):
    student = sample_row("cnn soft", 0.81, 0.5, gap_closed=0.3, gap_closed_low=low, gap_closed_high=high)
    assert judged in " ".join(verdict(sample_run(TEACHER, sample_row("cnn hard", 0.75, 0.5), student)))


def test_what_to_try_next_is_what_the_rows_show():
    knee, larger = sample_row("cnn soft", 0.85, 0.5, **GAP), sample_row("bilstm soft", 0.87, 20.0, parameters=5000)
    assert verdict(sample_run(TEACHER, knee, larger))[-1] == (
        "Next, where time allows: bilstm soft (a larger student) has 2.0 points more at p50 20 ms."
    )
    fed = sample_row("cnn soft+transfer", 0.85, 0.5, transfer_rows=5000, **GAP)
    assert verdict(sample_run(TEACHER, sample_row("cnn soft", 0.83, 0.6), fed))[-1] == (
        "Next: more transfer rows; 5,000 of them gave cnn 2.0 points over none."
    )
    unsure = sample_row("cnn soft", 0.81, 0.5, gap_closed=0.3, gap_closed_low=-0.2, gap_closed_high=0.8)
    recipe = {"students": [], "objectives": [{"name": "soft", "temperature": 2}], "sweep": None}
    sentences = verdict(sample_run(TEACHER, sample_row("cnn hard", 0.75, 0.5), unsure, recipe=recipe))
    assert sentences[-1] == "Next: another temperature, as only 2 was tried."


def test_run_without_a_choice_has_no_verdict_and_one_of_failures_says_so():
    assert verdict(sample_run()) == []
    assert verdict(sample_run(TEACHER)) == []
    failed = sample_row("cnn soft", status="failed", error="diverged")
    assert verdict(sample_run(failed)) == ["No file of this run is sound: there is nothing to ship."]


def test_untimed_run_ships_its_best_student():
    rows = [sample_row("teacher", 0.9), sample_row("cnn hard", 0.7), sample_row("cnn soft", 0.8)]
    assert verdict(sample_run(*rows))[0].startswith("Ship cnn soft as onnx (the best, as none was timed)")
