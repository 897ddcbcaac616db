"""A part of the sweep over architectures, on every run; tests/sweep has all of them."""

from pathlib import Path

import pytest
from architecture_outcomes import exported
from architecture_table import markdown_table, read_table
from tiny_architectures import Architecture

RESULTS = Path(__file__).parents[2] / "results" / "architectures"


@pytest.mark.parametrize(
    ("name", "operator"),
    [("text-llama", "SkipSimplifiedLayerNormalization"), ("text-gpt2", "MultiHeadAttention")],
)
def test_decoder_answers_as_transformers_does_and_keeps_its_fused_operators(tmp_path, name, operator):
    result = exported(_architecture(name), tmp_path, ["onnx"])["formats"]["onnx"]
    assert result["outcome"] == "passed", result["reason"]
    assert operator in result["operators"]


@pytest.mark.parametrize("name", ["text-t5", "text-deberta-v2", "text-xlm-roberta", "image-swin"])
def test_trace_answers_as_transformers_does(tmp_path, name):
    result = exported(_architecture(name), tmp_path, ["torchscript"])["formats"]["torchscript"]
    assert result["outcome"] == "passed", result["reason"]


def test_committed_table_is_that_of_its_rows_and_holds_no_fault():
    rows = read_table((RESULTS / "table.csv").read_text(encoding="utf-8"))
    assert (RESULTS / "table.md").read_text(encoding="utf-8") == markdown_table(rows)
    assert [row for row in rows if row["outcome"] in ("crashed", "wrong")] == []


def _architecture(name: str) -> Architecture:
    kind, model_type = name.split("-", 1)
    return Architecture(kind=kind, model_type=model_type)
