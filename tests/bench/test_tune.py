"""Searching settings: what is tried, what is kept, what a killed search goes on from, and what is refused."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from bench.commands.run import RunRequest, run_recipe
from bench.recipe.file import read_recipe
from bench.recipe.objective import Objective
from bench.recipe.shipped import recipe_names
from bench.tune.space import Range, changed, read_range, usual_space
from bench.tune.study import JOURNAL, WINNER, TuneRequest, tune
from bench.tune.trial import trial_recipe
from materials.errors import RequestError

pytest.importorskip("optuna")
FAST = ("data.transfer=null", "teacher.formats=[eager]", "formats=[onnx]", "measuring={seconds: 0.05}")
OBJECTIVES = "objectives=[{name: hard}, {name: soft, temperature: 2}]"


@pytest.fixture
def request_with(tiny_recipe, own_cache, tmp_path):
    """A function that gives a request to tune the tiny recipe."""

    def build(**changes):
        usual = {
            "recipe": str(tiny_recipe),
            "overrides": (*FAST, OBJECTIVES),
            "task": None,
            "student": None,
            "objective": None,
            "space": (),
            "trials": 3,
            "time_limit": None,
            "latency": False,
            "output": tmp_path / "study",
        }
        return TuneRequest(**{**usual, **changes})

    return build


def run_winner(winner, folder):
    return run_recipe(RunRequest(recipe=str(winner), flags={}, overrides=(), output=folder, fresh=False), dry_run=False)


def test_a_search_tries_the_recipes_own_settings_first_and_runs_the_best(request_with, tmp_path, capfd):
    assert tune(request_with(), run_winner) == 0
    said = capfd.readouterr()
    assert "trial 1 of 3: learning_rate=0.005, temperature=2, alpha=0" in said.err
    assert said.err.count("teacher outputs for") == 1  # not once more for the winner
    assert "validation" in said.out
    winner = yaml.safe_load((tmp_path / "study" / WINNER).read_text())
    assert [item["name"] for item in winner["objectives"]] == ["hard", "soft"]
    run = json.loads((tmp_path / "study" / "winner" / "run.json").read_text())
    assert {row["role"] for row in run["rows"]} == {"teacher", "student"}
    # The same command again tries nothing; with more trials, only those that are missing.
    ran = []
    assert tune(request_with(trials=4), lambda *places: ran.append(places) or 0) == 0
    again = capfd.readouterr().err
    assert "3 trials are done already" in again
    assert [line.split(":")[1].strip() for line in again.splitlines() if "note: trial" in line] == ["trial 4 of 4"]
    assert len(ran) == 1
    settings = [line.split(" | ")[1] for line in (tmp_path / "study" / "trials.md").read_text().splitlines()[4:8]]
    assert len(set(settings)) == 4  # the search that went on did not try the same again


def test_quality_and_latency_are_searched_together(request_with, tmp_path, capfd):
    space = ("student.dimensions=4|64",)
    assert tune(request_with(space=space, latency=True, trials=2), lambda *places: 0) == 0
    table = (tmp_path / "study" / "trials.md").read_text()
    assert "| p50 ms |" in table
    assert "★" in table


def test_a_study_of_another_recipe_is_refused_and_so_is_what_makes_no_recipe(request_with):
    tune(request_with(trials=1), lambda *places: 0)
    with pytest.raises(RequestError, match="holds a study of another recipe, student, objective or space"):
        tune(request_with(overrides=(*FAST, OBJECTIVES, "seeds=[7]")), lambda *places: 0)
    with pytest.raises(RequestError, match="holds a study of another recipe, student, objective or space"):
        tune(request_with(overrides=(*FAST, OBJECTIVES, "name=another")), lambda *places: 0)
    for changes, sentence in {
        "unknown student 'lineer'; did you mean 'linear'": {"student": "lineer"},
        "unknown objective": {"objective": "hard"},
        "with dimensions=-?[12] it is no recipe: students.0.dimensions": {"space": ("student.dimensions=-1|-2",)},
        "no student that learns from a teacher": {"overrides": (*FAST, "objectives=[{name: hard}]")},
        "epochs is 2, and has no settings of its own": {"space": ("student.epochs.x=1|2",)},
    }.items():
        with pytest.raises(RequestError, match=changes):
            tune(request_with(output=request_with().output / "other", **sentence), lambda *places: 0)


def test_a_trial_that_the_time_cuts_off_is_tried_again(request_with, tmp_path):
    with pytest.raises(RequestError, match="no trial came to its end"):
        tune(request_with(time_limit=0.001), lambda *places: 0)
    assert tune(request_with(trials=1), lambda *places: 0) == 0
    table = (tmp_path / "study" / "trials.md").read_text()
    assert "| 1 | learning_rate=0.005, temperature=2, alpha=0 | cut off |" in table
    assert "| 2 | learning_rate=0.005, temperature=2, alpha=0 | " in table


def test_a_search_that_was_killed_goes_on(request_with, tiny_recipe, tmp_path):
    changes = [word for change in (*FAST, OBJECTIVES) for word in ("--set", change)]
    call = ["distilbench", "tune", str(tiny_recipe), "--trials", "40", "--output", str(tmp_path / "study"), *changes]
    program = f"import sys; from bench.commands.command_line import main; sys.argv = {call}; main()"
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, env={**os.environ})
    for line in process.stderr:
        if "trial 3 of 40" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / "study" / JOURNAL).is_file()
    began = time.monotonic()
    assert tune(request_with(trials=3), lambda *places: 0) == 0
    assert time.monotonic() - began < 60
    table = (tmp_path / "study" / "trials.md").read_text()
    assert [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| ")][2:4] == ["| 1", "| 2"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("temperature=1:2", "--space needs a setting and its range"),
        ("objective.temperature", "--space needs a setting and its range"),
        ("objective.temperature=2", "one choice is none"),
        ("objective.temperature=3:1", "the first number must be the lower one"),
        ("objective.temperature=a:b", "expected two numbers"),
        ("objective.temperature=1:inf", "expected two numbers"),
        ("objective.temperature=[|2", "expected two numbers"),
    ],
)
def test_ranges_that_cannot_be_are_refused(text, sentence):
    with pytest.raises(RequestError, match=sentence):
        read_range(text)


def test_ranges_are_read_and_settings_changed_by_their_key():
    assert read_range("student.settings.layers=2|3") == Range(key="student.settings.layers", choices=(2, 3))
    assert read_range("student.epochs=2:9") == Range(key="student.epochs", low=2, high=9)
    assert read_range("student.learning_rate=1e-5:1e-4") == Range(key="student.learning_rate", low=1e-5, high=1e-4)
    content = {"students": [{"architecture": "cnn"}], "objectives": [{"name": "soft"}], "name": "a"}
    new = changed(content, {"student.settings.filters": 9, "objective.temperature": 3.0})
    assert new["students"] == [{"architecture": "cnn", "settings": {"filters": 9}}]
    assert new["objectives"] == [{"name": "soft", "temperature": 3.0}]
    assert content["students"] == [{"architecture": "cnn"}]


def test_usual_space_is_the_rate_and_what_the_objective_has():
    recipe = read_recipe("glue")
    weighted = recipe.objectives[1]
    keys = [part.key for part in usual_space(recipe.students[0], weighted, rate=1e-4, is_number=False)]
    parts = [f"objective.weights.{part}" for part in weighted.weights]
    assert keys == ["student.learning_rate", *parts, "objective.temperature"]
    soft = Objective(name="soft")
    numbers = usual_space(recipe.students[0], soft, rate=1e-4, is_number=True)
    assert [part.key for part in numbers] == ["student.learning_rate", "objective.alpha"]


@pytest.mark.parametrize("name", recipe_names())
def test_the_usual_space_makes_a_recipe_of_every_recipe_at_both_ends(name):
    recipe = read_recipe(name)
    taught = [objective for objective in recipe.objectives if objective.needs_teacher]
    if not recipe.students or not taught:
        return
    reduced = recipe.model_copy(
        update={"students": recipe.students[:1], "objectives": (taught[0],), "sweep": None, "peers": ()}
    )
    content = reduced.model_dump(mode="json", exclude_defaults=True)
    space = usual_space(recipe.students[0], taught[0], rate=1e-3, is_number=recipe.task.name == "regression")
    for last in (False, True):
        trial_recipe(content, {part.key: part.end(last) for part in space})
