"""The arithmetic of a forecast, with a model whose speed is made up."""

from collections import Counter

import pytest

from bench.forecast.costs import Costs, key_of
from bench.forecast.files import FILES
from bench.forecast.parts import parts_of
from bench.forecast.probe import Speed
from bench.forecast.rows import RowCounts
from bench.forecast.spans import Span
from bench.recipe.file import read_recipe
from export.formats import EXPORTERS

COUNTS = RowCounts(train=192, validation=24, test=24, outputs=2, transfer={"other": 100}, words=6.0, read=340)


def speed(**changes):
    """A step takes 100 ms and 10 ms for each row, an answered row 2 ms, a single one 4 ms."""
    figures = {
        **{"step_seconds": 0.1, "step_row_seconds": 0.01, "answer_seconds": 0.002, "file_row_seconds": 0.003},
        **{"call_seconds": 0.004, "parameters": 1_000_000, "deployed_parameters": 500_000, "modules": 100},
        **{"tokens": 8.0, "words": 1_000},
    }
    return Speed(**{**figures, **changes})


@pytest.fixture
def costs_of(tiny_recipe):
    """A function that gives, by kind, the costs of the tiny recipe with changes."""

    def of(*changes, teacher=None, slowness=1.0):
        recipe = read_recipe(str(tiny_recipe), list(changes))
        speeds = {key_of(student): speed() for student in recipe.students}
        costs = Costs(recipe=recipe, counts=COUNTS, teacher=teacher or speed(), students=speeds, slowness=slowness)
        by_kind = {}
        for part in parts_of(recipe):
            by_kind.setdefault(part.kind, []).append(costs.of(part))
        return by_kind

    return of


def test_teacher_takes_its_steps_and_the_scoring_of_each_epoch(costs_of):
    (teacher,) = costs_of()["teacher"]
    steps, scoring = 12 * (192 / 16) * (16 * 0.01 + 0.1), 12 * 24 * 0.002
    assert teacher.seconds == Span.of(3.0 + steps + scoring)
    assert teacher.size_bytes == 4e6


def test_time_limit_bounds_the_steps(costs_of):
    (teacher,) = costs_of("teacher.time_limit=5")["teacher"]
    assert teacher.seconds.most == pytest.approx(3.0 + 5 + 12 * 24 * 0.002)


def test_slow_machine_multiplies_what_is_fixed_alone(costs_of):
    usual, slow = (costs_of(slowness=slowness)["teacher"][0].seconds.likely for slowness in (1, 3))
    assert slow - usual == pytest.approx(2 * 3.0)


def test_labelling_counts_the_rows_that_students_learn_from_and_the_faster_file(costs_of):
    (knowledge,) = costs_of()["knowledge"]
    assert knowledge.seconds.likely == pytest.approx((192 + 100) * 0.002 / 1.3)
    (alone,) = costs_of("objectives=[{name: hard}, {name: logits}]", "data.transfer=null")["knowledge"]
    assert alone.seconds.likely == pytest.approx(192 * 0.002 / 1.3)


def test_students_take_more_with_transfer_rows(costs_of):
    hard, taught = costs_of()["student"]
    assert taught.seconds.likely > hard.seconds.likely
    assert hard.seconds.most == hard.seconds.likely  # two epochs, whatever happens


def test_patience_has_a_likely_end_and_a_last_one(costs_of):
    patient = "students=[{architecture: linear, dimensions: 8, batch_size: 4, settings: {buckets: 500}}]"
    hard, _ = costs_of(patient)["student"]
    epoch = 48 * (4 * 0.01 + 0.1) + 48 * 0.002
    start = 1.0 + 5e-5 * 240 + 192 * 0.002 + 48 * 0.002
    assert hard.seconds.most == pytest.approx(start + 60 * epoch)  # at most 60 epochs
    assert hard.seconds.likely == pytest.approx(start + 2.5 * 9 * epoch)  # 400 steps are nine epochs


def test_measuring_counts_seconds_scenarios_and_launches(costs_of):
    few = costs_of("measuring.scenarios=[single-stream]", "measuring.seconds=1")["measurement"]
    many = costs_of("measuring.scenarios=[single-stream]", "measuring.seconds=11")["measurement"]
    assert many[0].seconds.likely - few[0].seconds.likely == pytest.approx(2 * 10)  # the model alone, and end to end
    assert len(costs_of("measuring.launches=3")["measurement"]) == 3 * len(few)
    untimed = costs_of("speed_seeds=0")["measurement"]
    assert all(cost.seconds.likely < few[0].seconds.likely for cost in untimed)


def test_what_is_not_known_is_not_invented(tiny_recipe):
    recipe = read_recipe(str(tiny_recipe), [])
    costs = Costs(recipe=recipe, counts=COUNTS, teacher=None, students={})
    unknown_kinds = Counter(part.kind for part in parts_of(recipe) if costs.of(part).seconds is None)
    assert set(unknown_kinds) == {"teacher", "bundle", "labeller", "knowledge", "student", "validation", "measurement"}


def test_spans_are_told_in_minutes():
    assert Span(likely=300, most=540).minutes == "5.0 to 9.0"
    assert Span(likely=1200, most=1300).minutes == "20"
    assert Span.of(12).minutes == "0.2"
    assert (Span(likely=1, most=2) + Span.of(3)) * 2 == Span(likely=8, most=10)


def test_every_format_has_a_cost():
    assert set(FILES) == set(EXPORTERS)
