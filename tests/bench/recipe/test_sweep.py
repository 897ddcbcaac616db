"""Sweeps: which objectives they make of a recipe's, and what is refused."""

import pytest
import yaml

from bench.recipe.file import read_recipe, recipe_tasks
from bench.recipe.objective import Objective
from bench.recipe.recipe import Recipe
from bench.recipe.sweep import Sweep, objectives_of
from materials.errors import RequestError

PLAIN = {
    "name": "mine",
    "data": {"train": "rotten-tomatoes", "transfer": "imdb-sentences"},
    "students": [{"architecture": "linear"}, {"architecture": "cnn"}],
    "objectives": [
        {"name": "hard"},
        {"name": "soft", "transfer": True, "temperature": 3},
        {"name": "logits"},
        {"name": "weighted", "weights": {"dkd": 1}},
    ],
    "sweep": {"temperature": [1, 4], "alpha": [0, 0.1, 0.5]},
}


@pytest.fixture
def recipe_of(tmp_path):
    """A function that writes a recipe with some of its parts changed, and gives its path."""

    def write(**changes):
        file = tmp_path / "mine.yaml"
        file.write_text(yaml.safe_dump({**PLAIN, **changes}))
        return str(file)

    return write


def test_each_objective_stands_at_every_point_of_what_it_uses(recipe_of):
    recipe = read_recipe(recipe_of())
    titles = [objective.title for objective in recipe.swept_objectives]
    assert titles == [
        "hard",
        *("soft+transfer T=1", "soft+transfer T=1 alpha=0.1", "soft+transfer T=1 alpha=0.5"),
        *("soft+transfer T=4", "soft+transfer T=4 alpha=0.1", "soft+transfer T=4 alpha=0.5"),
        *("logits", "logits alpha=0.1", "logits alpha=0.5"),
        *("weighted dkd=1 T=1", "weighted dkd=1 T=4"),
    ]
    assert [cell.title for cell in recipe.cells()] == [
        f"{name} {title}" for name in ("linear", "cnn") for title in titles
    ]
    assert {objective.sweep_title for objective in recipe.swept_objectives} == {
        *("hard", "soft+transfer", "logits", "weighted dkd=1")
    }
    assert objectives_of(recipe.model_dump(mode="json")) == recipe.swept_objectives


def test_point_of_a_sweep_is_the_stage_of_the_same_objective_written_by_hand():
    points = Sweep(temperature=(4,), alpha=(0.1,)).points(Objective(name="soft"))
    by_hand = Objective(name="soft", temperature=4.0, alpha=0.1)
    assert points == (by_hand,)
    assert points[0].as_inputs("exported") == by_hand.as_inputs("exported")


def test_recipe_without_a_sweep_is_as_it_was():
    recipe = read_recipe("movie-reviews")
    assert recipe.swept_objectives == recipe.objectives
    assert "sweep" not in recipe.as_inputs()
    content = {name: value for name, value in recipe.model_dump(mode="json").items() if name != "sweep"}
    assert objectives_of(content) == recipe.objectives  # as in the record of an older run
    assert Recipe.model_validate(content) == recipe


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sweep": {"temperature": []}}, "sweep: temperature holds no value; give at least one, or leave it out"),
        ({"sweep": {"alpha": [0.1, 0.1]}}, "sweep: alpha holds a value twice; each counts once"),
        ({"sweep": {"alpha": [0, 1]}}, "sweep: alpha 1 uses nothing of the teacher; leave it out"),
        ({"sweep": {"alpha": [1.5]}}, r"sweep.alpha.0: Input should be less than or equal to 1; got 1.5"),
        ({"sweep": {"temperature": [0]}}, r"sweep.temperature.0: Input should be greater than 0; got 0"),
        ({"sweep": {"train_rows": [0]}}, r"sweep.train_rows.0: Input should be greater than 0; got 0"),
        ({"sweep": {"train_rows": [5, 5]}}, "sweep: train_rows holds a value twice"),
        ({"sweep": {}}, "sweep: there is nothing to vary; give lists of temperature, alpha, train_rows"),
        ({"sweep": {"temperatur": [1]}}, "unknown key 'temperatur'; did you mean 'temperature'"),
        (
            {"objectives": [{"name": "hard"}, {"name": "logits"}]},
            "sweep.temperature is given, and no objective uses temperature; leave it out",
        ),
        (
            {"objectives": [{"name": "hard"}, {"name": "weighted", "weights": {"dist": 1}}]},
            "sweep.alpha is given, and no objective uses alpha; leave it out",
        ),
        ({"objectives": [{"name": "soft"}]}, "against the student alone; add the objective 'hard'"),
        (
            {"objectives": [{"name": "hard"}, {"name": "soft"}, {"name": "soft", "temperature": 2}]},
            "two objectives are called 'soft T=1'",
        ),
    ],
)
def test_sweeps_that_cannot_be_are_refused(changes, sentence, recipe_of):
    with pytest.raises(RequestError, match=sentence):
        read_recipe(recipe_of(**changes))


def test_temperature_of_a_regression_is_refused_in_a_sweep_too(recipe_of):
    data = {"train": "rotten-tomatoes", "task": "regression"}
    objectives = [{"name": "hard"}, {"name": "soft"}]
    with pytest.raises(RequestError, match="temperature softens logits, and a regression has none"):
        read_recipe(recipe_of(data=data, objectives=objectives))


def test_numbers_of_train_rows_are_run_as_tasks(recipe_of):
    file = recipe_of(sweep={"train_rows": [500, 2000]})
    sizes = recipe_tasks(file)
    assert [(size.name, size.metrics) for size in sizes] == [("rows-500", ("macro_f1",)), ("rows-2000", ("macro_f1",))]
    assert read_recipe(file).data.train_rows == 500
    assert read_recipe(file, task="rows-2000").data.train_rows == 2000
    assert [size.name for size in recipe_tasks(file, ["sweep.train_rows=[9]"])] == ["rows-9"]
    assert recipe_tasks(recipe_of()) == ()
    tasks = [{"name": "a", "metrics": ["accuracy"], "data": {}}]
    with pytest.raises(RequestError, match="sweep.train_rows is for recipes of one task; leave it or tasks out"):
        read_recipe(recipe_of(sweep={"train_rows": [500]}, tasks=tasks))
