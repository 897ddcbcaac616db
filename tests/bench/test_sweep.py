"""Sweeps from the command line to the table: a tiny grid, run twice, side by side, and on two numbers of rows."""

import pytest
import yaml
from sample_command import distilbench

from bench.record.run_file import read_run
from bench.steps.students import side_by_side

FAST = {"scenarios": ["offline"], "batch_sizes": [2], "seconds": 0.01}


@pytest.fixture
def swept_recipe(tiny_recipe, own_cache, tmp_path):
    """A function that writes the tiny recipe with a sweep, and gives its path."""

    def write(**sweep):
        content = yaml.safe_load(tiny_recipe.read_text())
        objectives = [{"name": "hard"}, {"name": "soft", "transfer": True}]
        changes = {"name": "swept", "objectives": objectives, "sweep": sweep, "formats": ["eager"], "measuring": FAST}
        file = tmp_path / "swept.yaml"
        file.write_text(yaml.safe_dump({**content, **changes, "speed_seeds": 0}))
        return file

    return write


def students_in(cache):
    """The stored students by their digests."""
    return {folder.name for folder in (cache / "stages" / "student").glob("[!.]*/")}


def test_grid_is_trained_once_and_becomes_a_table_and_a_picture(swept_recipe, own_cache, tmp_path):
    file, output, before = swept_recipe(temperature=[1, 4], alpha=[0, 0.5]), tmp_path / "run", students_in(own_cache)
    answer = distilbench("run", file, "--output", output, "--jobs", "2")
    assert answer.code == 0
    said = answer.notices
    assert "4 students in 2 processes, seed 0, in %" in said  # the student alone is that of the tiny recipe
    assert "cells trained: 4 of 4" in said
    assert len(students_in(own_cache) - before) == 4
    titles = {row.model for row in read_run(output).rows if row.role == "student"}
    points = ("soft+transfer T=1", "soft+transfer T=1 alpha=0.5", "soft+transfer T=4", "soft+transfer T=4 alpha=0.5")
    assert titles == {f"linear {title}" for title in ("hard", *points)}
    table = (output / "sweep.md").read_text()
    assert "| temperature | alpha 0 | alpha 0.5 |" in table
    assert "swept: linear soft+transfer, macro-F1 minus the same student alone" in table
    assert (output / "sweep.png").is_file()
    assert (output / "sweep.svg").is_file()
    assert " ".join(table.split()) in distilbench("show", output, "--format", "markdown").output
    assert "swept: linear soft+transfer, macro-F1 minus" in answer.output
    after = students_in(own_cache)
    answer = distilbench("run", file, "--output", output, "--jobs", "2")
    assert answer.code == 0
    assert "processes" not in answer.notices
    assert "linear soft" not in answer.notices  # as a step that was done would be
    assert students_in(own_cache) == after
    assert (output / "sweep.md").read_text() == table


def test_what_failed_in_its_process_is_said_and_trained_by_the_run(swept_recipe, tmp_path, monkeypatch):
    class Dead:
        """A pool whose processes end before their time."""

        def __init__(self, *arguments, **options):
            pass

        def submit(self, function, *orders):
            future = side_by_side.Future()
            future.set_exception(side_by_side.BrokenProcessPool("killed"))
            return future

        def shutdown(self, **options):
            pass

    monkeypatch.setattr(side_by_side, "ProcessPoolExecutor", Dead)
    output = tmp_path / "run"
    answer = distilbench("run", swept_recipe(temperature=[2, 3]), "--output", output, "--jobs", "2")
    said = answer.notices
    assert answer.code == 0
    assert "linear soft+transfer T=2, seed 0: failed in its process, and is tried again: a process ended bef" in said
    assert "cells trained" not in answer.notices
    assert {row.status for row in read_run(output).rows} <= {"ok", "noisy"}
    assert len(read_run(output).rows) == 5


def test_numbers_of_rows_are_runs_of_their_own_in_one_table(swept_recipe, tmp_path):
    output = tmp_path / "run"
    file = swept_recipe(temperature=[2, 8], train_rows=[60, 120])
    answer = distilbench("run", file, "--output", output, "--set", "teacher.epochs=1")
    assert answer.code == 0
    assert "task 2 of 2: rows-120" in answer.notices
    for rows in (60, 120):
        recipe = read_run(output / f"rows-{rows}").recipe
        assert recipe["data"]["train_rows"] == rows
        assert (output / f"rows-{rows}" / "sweep.md").is_file()
    table = (output / "table.md").read_text()
    assert "rows-60 macro-F1 | rows-120 macro-F1" in table
    assert "linear soft+transfer T=8" in table
