"""Figures and links in the README and docs hold."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.commands.self_check import judge
from bench.recipe.shipped import recipe_names
from bench.record.run_file import read_run
from bench.reports.curves import CURVES, read_histories
from bench.reports.differences import DIFFERENCES, find_differences
from bench.reports.layout import markdown_tables
from bench.reports.report import markdown_report
from bench.suite.report import summary_text
from bench.suite.summary import load_summary

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "results/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_every_page_begins_with_a_command(page):
    first = page.read_text(encoding="utf-8").split("\n\n")[1]
    is_generated = page.name == "commands.md"
    assert is_generated or first.startswith(("    distilbench ", "    pip install "))


def test_figures_of_the_readme_are_lines_of_the_committed_tables():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.search(r"<!-- table -->(.*)<!-- end of table -->", readme, re.DOTALL).group(1).split("\n")
    tables = sorted((ROOT / "results").glob("*/table.md"))
    committed = [line for table in tables for line in table.read_text(encoding="utf-8").splitlines()]
    figures = [line for line in lines if line.startswith("|") and re.search(r"\d", line)]
    assert len(figures) > 5
    assert set(figures) <= set(committed)


RUNS = sorted(path.parent for path in (ROOT / "results").glob("*/run.json"))


@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: folder.name)
def test_committed_table_is_that_of_the_committed_run(folder):
    assert (folder / "table.md").read_text(encoding="utf-8") == markdown_report(read_run(folder))


TRAINED = [folder for folder in RUNS if (folder / "history.parquet").exists()]


@pytest.mark.parametrize("folder", TRAINED, ids=lambda folder: folder.name)
def test_committed_curves_and_differences_are_those_of_the_committed_rows(folder):
    run = read_run(folder)
    curves = CURVES["markdown"](run, read_histories(folder), ())
    assert (folder / "curves.md").read_text(encoding="utf-8") == curves
    differences = DIFFERENCES["markdown"](run, find_differences(run, folder))
    assert (folder / "significance.md").read_text(encoding="utf-8") == differences


def test_committed_table_of_the_self_check_is_that_of_its_figures():
    folder = ROOT / "results" / "self-check"
    tables, notes, passed = judge(json.loads((folder / "check.json").read_text(encoding="utf-8")))
    assert (folder / "table.md").read_text(encoding="utf-8") == markdown_tables(tables, notes)
    assert passed


@pytest.mark.parametrize("file", sorted((ROOT / "results").glob("*/tasks.json")), ids=lambda file: file.parent.name)
def test_committed_tables_of_several_tasks_are_what_show_prints(file):
    table = file.with_name("table.md").read_text(encoding="utf-8")
    assert summary_text(load_summary(file.parent), "markdown") == table


@pytest.mark.parametrize("folder", sorted((ROOT / "results").glob("*/")), ids=lambda folder: folder.name)
def test_every_result_says_how_it_was_made(folder):
    assert "distilbench " in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", recipe_names())
def test_a_page_says_what_every_recipe_is_for(name):
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert [page for page in pages if f"`{name}`" in page.read_text(encoding="utf-8")]


def test_recipe_page_names_every_key():
    from bench.recipe.data import Data
    from bench.recipe.measuring import Measuring, Parity
    from bench.recipe.objective import Objective
    from bench.recipe.recipe import Recipe, Student, Teacher
    from bench.recipe.sweep import Sweep

    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    parts = (Recipe, Data, Teacher, Student, Objective, Sweep, Parity, Measuring)
    keys = {key for part in parts for key in part.model_fields}
    assert {key for key in keys if f"{key}:" not in page} == set()


def test_page_of_commands_is_what_the_command_line_says(tmp_path):
    """The page is made by typer itself; `docs/commands.md` is the last word of the command."""
    made = tmp_path / "commands.md"
    command = [sys.executable, "-m", "typer", "bench.commands.command_line", "utils", "docs", "--name", "distilbench"]
    subprocess.run([*command, "--title", "Commands and options", "--output", made], check=True, cwd=ROOT, timeout=120)
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == made.read_text(encoding="utf-8")


def test_index_of_results_names_every_folder():
    index = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert [folder.name for folder in (ROOT / "results").glob("*/") if f"]({folder.name})" not in index] == []


def test_results_are_small():
    files = [path for path in (ROOT / "results").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 25e6
    assert max(path.stat().st_size for path in files if path.suffix == ".png") < 150e3
