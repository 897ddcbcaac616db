"""Every classifier of transformers is exported right, or says why not: `tox -e sweep -- tests/sweep/...`, an hour."""

from pathlib import Path

import pytest
from architecture_outcomes import formats_of, outcome_of
from architecture_table import csv_table, markdown_table, passed, read_table
from tiny_architectures import architectures

LEAST_PASSED = 60


@pytest.mark.sweep
def test_no_architecture_crashes_or_is_silently_wrong(request, tmp_path):
    """With --outcomes FILE, what is known there is not worked out again, and the tables are written beside it."""
    file = Path(request.config.getoption("--outcomes") or tmp_path / "outcomes.jsonl").resolve()
    file.parent.mkdir(parents=True, exist_ok=True)
    outcomes = {architecture.name: outcome_of(architecture, file) for architecture in architectures()}
    table = csv_table(outcomes)
    file.with_name("table.csv").write_text(table, encoding="utf-8")
    file.with_name("table.md").write_text(markdown_table(read_table(table)), encoding="utf-8")
    faults = {name: formats_of(outcome) for name, outcome in outcomes.items()}
    assert {name: words for name, words in faults.items() if {"crashed", "wrong"} & set(words.values())} == {}
    assert passed(read_table(table), "onnx") >= LEAST_PASSED
