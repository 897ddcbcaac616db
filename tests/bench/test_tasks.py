"""Recipes with several tasks: task by task, one table of all, and what is refused."""

import pytest
import yaml

from bench.commands.run import RunRequest, run_recipe
from bench.commands.show import show_run
from bench.recipe.file import read_recipe, recipe_tasks
from bench.recipe.shipped import recipe_names
from bench.suite.report import summary_table, summary_text
from bench.suite.summary import ModelSummary, Summary, TaskSummary, load_summary
from materials.errors import RequestError

FAST = (
    *("data.transfer=null", "teacher.epochs=2", "teacher.formats=[eager]", "formats=[eager]"),
    *("objectives=[{name: hard}, {name: logits}]", "measuring={scenarios: [offline], batch_sizes: [2], seconds: 0.01}"),
)


@pytest.fixture
def two_tasks(tiny_recipe, own_cache, tmp_path):
    """The tiny recipe with a task of its own rows, and one whose file is gone."""
    content = yaml.safe_load(tiny_recipe.read_text())
    train = content["data"].pop("train")
    good = {"name": "good", "metrics": ["accuracy", "f1 of good"], "data": {"train": train}}
    gone = {"name": "gone", "metrics": ["accuracy"], "data": {"train": str(tmp_path / "gone.csv")}}
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump({**content, "name": "two", "tasks": [good, gone]}))
    return file


def request(recipe, output, **changes):
    return RunRequest(
        recipe=str(recipe), **{"flags": {}, "overrides": FAST, "output": output, "fresh": False, **changes}
    )


def test_tasks_are_run_one_by_one_into_one_table_and_one_without_its_file_is_left_out(two_tasks, tmp_path, capfd):
    output = tmp_path / "run"
    assert run_recipe(request(two_tasks, output), dry_run=False) == 1
    said = capfd.readouterr()
    assert "task 1 of 2: good" in said.err
    assert "task gone is left out: " in said.err
    assert (output / "good" / "run.json").is_file()
    summary = load_summary(output)
    assert [task.name for task in summary.tasks] == ["good"]
    assert [model.title for model in summary.models] == ["teacher", "linear hard", "linear logits"]
    teacher, alone, distilled = summary.models
    assert not teacher.ratios
    assert not alone.ratios
    assert set(alone.speedups) == set(distilled.speedups) == {"good"}
    assert set(distilled.scores["good"]) == {"accuracy", "f1 of good"}
    table = (output / "table.md").read_text()
    assert "| good acc / F1 |" in table
    show_run(output, "markdown")
    assert capfd.readouterr().out == table
    with pytest.raises(RequestError, match="holds several tasks, of which there is one table"):
        show_run(output, "rich", curves=True)
    assert run_recipe(request(two_tasks, output), dry_run=True) == 1  # plans the one and names the other, as a run does
    assert "task gone is left out: " in capfd.readouterr().err
    with pytest.raises(RequestError, match=r"task gone is left out: .*gone\.csv"):
        run_recipe(request(two_tasks, output, tasks=("gone",)), dry_run=False)


def test_what_belongs_to_one_task_is_refused_for_several(two_tasks, tiny_recipe, tmp_path):
    refused = {
        "--data cannot be given: the recipe .* has tasks of its own \\(good, gone\\)": {
            "flags": {"data.train": "a.csv"}
        },
        "--transfer-data cannot be given": {"flags": {"data.transfer": "a.csv"}},
        "unknown task of the recipe 'goood'; did you mean 'good'": {"tasks": ("goood",)},
    }
    for sentence, changes in refused.items():
        with pytest.raises(RequestError, match=sentence):
            run_recipe(request(two_tasks, tmp_path / "run", **changes), dry_run=False)
    with pytest.raises(RequestError, match="has one task; leave --tasks out"):
        run_recipe(request(tiny_recipe, tmp_path / "run", tasks=("good",)), dry_run=False)


@pytest.mark.parametrize(
    ("tasks", "sentence"),
    [
        ([], "tasks needs at least one task"),
        ([{"name": "a", "metrics": ["accuracy"], "data": {}}] * 2, "each of another name"),
        ([{"name": "a", "metrics": ["acc"], "data": {}}], "there is no metric 'acc'; choose one of accuracy"),
        ([{"name": "a", "metrics": [], "data": {}}], "tasks.0.metrics"),
        ([{"name": "a", "metrics": ["accuracy"]}], "tasks.0.data"),
        ({"a": 1}, "tasks"),
    ],
)
def test_tasks_that_cannot_be_are_refused(tasks, sentence, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"name": "mine", "data": {"train": "rotten-tomatoes"}, "tasks": tasks}))
    with pytest.raises(RequestError, match=sentence):
        recipe_tasks(str(file))


def test_a_fault_in_a_tasks_data_names_its_line(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\ndata: {}\ntasks:\n  - name: a\n    metrics: [accuracy]\n    data:\n      train: rotten\n"
    )
    with pytest.raises(RequestError, match="mine.yaml, line 7: data.train"):
        read_recipe(str(file))


def test_a_metric_that_a_task_does_not_have_is_refused_before_anything_is_run(two_tasks, tmp_path):
    content = yaml.safe_load(two_tasks.read_text())
    for metric, sentence in (("pearson", "has no pearson; it has macro_f1"), ("f1 of gold", "no class 'gold'")):
        content["tasks"][0]["metrics"] = [metric]
        two_tasks.write_text(yaml.safe_dump({**content, "tasks": content["tasks"][:1]}))
        with pytest.raises(RequestError, match=sentence):
            run_recipe(request(two_tasks, tmp_path / "run"), dry_run=False)


@pytest.mark.parametrize("name", [name for name in recipe_names() if recipe_tasks(name)])
def test_every_task_of_every_recipe_is_one(name):
    for task in recipe_tasks(name):
        recipe = read_recipe(name, task=task.name)
        own = {metric.name for metric in recipe.task.metrics}
        assert all(metric in own or metric.startswith("f1 of ") for metric in task.metrics)


def model(title, scores, **changes):
    nothing = {"student": None, "ratios": {}, "seed_ratios": {}, "speedups": {}, "best_speedups": {}, "megabytes": {}}
    return ModelSummary(title=title, scores=scores, **{**nothing, **changes})


def test_table_has_means_ratios_with_their_interval_and_blanks_where_a_task_failed():
    tasks = (TaskSummary(name="a", metrics=("accuracy", "f1 of x")), TaskSummary(name="b", metrics=("pearson",)))
    both = {"a": {"accuracy": {0: 0.8, 1: 0.9}, "f1 of x": {0: 0.7, 1: 0.6}}, "b": {"pearson": {0: 0.5, 1: 0.5}}}
    student = model(
        "s soft",
        both,
        student="s",
        ratios={"a": 0.5, "b": 0.7},
        seed_ratios={0: 0.5, 1: 0.7},
        speedups={"a": 2, "b": 4},
    )
    failed = model("s hard", {"b": both["b"]}, student="s")
    summary = Summary(recipe="r", format="onnx", batch_size=32, tasks=tasks, models=(student, failed))
    _, header, lines = summary_table(summary)
    assert header[1:3] == ("a\nacc / F1", "b\nPearson")
    # The mean of a is 0.75, of both 0.625; the t-interval of 0.5 and 0.7 is 12.7 times their standard error wide.
    assert lines[0][:5] == ["s soft", "85.0 / 65.0", "50.0", "62.5", "0.60 [-0.67, 1.87]"]
    assert lines[0][5] == "3.0x"
    assert lines[1][:4] == ["s hard", "", "50.0", ""]
    assert "means over seed(s) 0, 1" in summary_text(summary, "markdown")
