"""Which tokens and vectors a student reads with, where validation rows decide."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.commands.run import RunRequest, run_recipe
from bench.record.run_file import read_run
from bench.reports.notes import footnotes
from bench.steps.students import reading
from bench.steps.students.reading import first_of_the_best
from materials.errors import RequestError

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=4)


@given(SCORES, st.integers(2, 10_000))
def test_no_way_of_reading_is_chosen_that_is_worse_than_the_best_by_more_than_noise(scores, rows):
    chosen = first_of_the_best(scores, rows=rows)
    assert scores[chosen] >= max(scores) - 0.5 / math.sqrt(rows)
    assert all(score < max(scores) - 0.5 / math.sqrt(rows) for score in scores[:chosen])


def test_few_validation_rows_keep_the_first_way_and_many_choose_the_better():
    assert first_of_the_best([0.70, 0.74], rows=50) == 0
    assert first_of_the_best([0.70, 0.74], rows=1000) == 1
    assert first_of_the_best([-math.inf, 0.1], rows=50) == 1
    assert first_of_the_best([-math.inf, -math.inf], rows=50) == 0


@pytest.fixture
def run_with(tiny_recipe, own_cache, tmp_path):
    """A function that runs the tiny recipe with another way of reading for its student."""

    def run(way, *overrides, jobs=1):
        changes = (f"students.0.or_else=[{way}]", "formats=[eager]", "speed_seeds=0", *overrides)
        output = tmp_path / "run"
        request = RunRequest(
            recipe=str(tiny_recipe), flags={}, overrides=changes, output=output, fresh=False, jobs=jobs
        )
        assert run_recipe(request, dry_run=False) == 0
        return read_run(tmp_path / "run")

    return run


@pytest.mark.parametrize(
    "better", ["words of its own with new vectors", "the teacher's tokens with the teacher's vectors"]
)
def test_validation_rows_choose_for_all_objectives_of_a_student_and_the_table_says_it(better, run_with, monkeypatch):
    score = reading._validation_score
    monkeypatch.setattr(
        reading, "_validation_score", lambda place, student: score(place, student) - (student.reading != better)
    )
    run = run_with("{tokenizer: teacher, vectors: teacher, dimensions: 8}")
    assert {row.reading for row in run.rows if row.role == "student"} == {better}
    assert f"linear reads {better}, which validation rows chose" in footnotes(run)


def test_way_of_reading_that_cannot_be_trained_is_left_out(run_with, monkeypatch, capfd):
    build = reading.build_vocabulary

    def broken(place, student):
        if student.tokenizer == "teacher":
            raise reading.CellFailed("broken on purpose")
        return build(place, student)

    monkeypatch.setattr(reading, "build_vocabulary", broken)
    run = run_with("{tokenizer: teacher, vectors: teacher, dimensions: 8}")
    assert {row.reading for row in run.rows if row.role == "student"} == {"words of its own with new vectors"}
    assert "broken on purpose" in capfd.readouterr().err


def test_vectors_wider_than_the_teacher_are_refused_with_their_place(run_with):
    with pytest.raises(RequestError, match=r"set students\.0\.or_else\.0\.dimensions=\d+"):
        run_with("{vectors: teacher, dimensions: 999}")


def test_with_several_jobs_ways_of_reading_are_trained_side_by_side(run_with, capfd):
    run_with("{tokenizer: teacher, vectors: teacher, dimensions: 8}", "students.0.learning_rate=0.0321", jobs=2)
    said = " ".join(capfd.readouterr().err.split())
    assert "2 students in 2 processes, seed 0, in %" in said
    assert said.index("2 students in 2 processes") < said.index("linear reads")
