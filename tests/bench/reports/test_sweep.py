"""The tables and the heat map of a sweep, from differences that are made up."""

from dataclasses import replace

import pytest

from bench.record.run_file import read_run
from bench.reports.differences import Difference
from bench.reports.run_folder import sweep_text
from bench.reports.sweep import SWEEPS, find_grids, save_sweep, sweep_chart, sweep_tables


def difference(model, value, low, high):
    shares = {"headline": value / 100, "low": low / 100, "high": high / 100}
    return Difference(
        model=model, base="linear hard", format="eager", seeds=1, **shares, mcnemar_p=None, believed_better=None
    )


DIFFERENCES = [
    difference("linear soft T=1", 1.25, 0.5, 2.0),
    difference("linear soft T=1 alpha=0.5", -0.5, -1.0, 0.25),
    difference("linear soft T=4", -3.0, -4.0, -2.0),  # the point with alpha 0.5 failed
    difference("linear logits", 0.75, 0.25, 1.5),
    difference("linear logits alpha=0.5", 0.0, -1.0, 1.0),
]


@pytest.fixture
def swept(finished):
    """The finished run as that of a recipe with a sweep."""
    run = read_run(finished)
    objectives = [{"name": "hard"}, {"name": "soft", "temperature": 2}, {"name": "logits"}]
    recipe = {**run.recipe, "objectives": objectives, "sweep": {"temperature": [1, 4], "alpha": [0, 0.5]}}
    return replace(run, recipe=recipe)


def test_table_has_a_line_for_each_temperature_and_a_column_for_each_alpha(swept):
    soft, logits = sweep_tables(swept, find_grids(swept, DIFFERENCES))
    assert soft[0] == "tiny: linear soft, macro-F1 minus the same student alone"
    assert soft[1:] == (
        ("temperature", "alpha 0", "alpha 0.5"),
        [["1", "+1.2 [+0.5, +2.0]", "-0.5 [-1.0, +0.2] noise"], ["4", "-3.0 [-4.0, -2.0]", "failed"]],
    )
    assert logits[1:] == (("alpha 0", "alpha 0.5"), [["+0.8 [+0.2, +1.5]", "+0.0 [-1.0, +1.0] noise"]])
    text = SWEEPS["markdown"](swept, find_grids(swept, DIFFERENCES))
    assert "noise: the interval holds zero" in text
    assert "test rows show what a point comes to; they are not for choosing one" in text


def test_objective_without_alpha_has_one_column(swept):
    weighted = {"name": "weighted", "weights": {"hard": 1, "dist": 2}}
    recipe = {**swept.recipe, "objectives": [{"name": "hard"}, weighted, {"name": "soft"}]}
    differences = [difference(f"linear weighted hard=1 dist=2 T={heat}", heat, 0.5, 9) for heat in (1, 4)]
    (table,) = sweep_tables(swept, find_grids(replace(swept, recipe=recipe), differences))
    assert table[1:] == (("temperature", "difference"), [["1", "+1.0 [+0.5, +9.0]"], ["4", "+4.0 [+0.5, +9.0]"]])


def test_run_without_predictions_says_that_its_sweep_cannot_be_shown(swept, tmp_path):
    assert sweep_text(swept, tmp_path, "markdown").startswith("the sweep cannot be shown: ")
    assert sweep_text(swept, tmp_path, "csv") == ""


def test_run_of_no_sweep_has_no_grid(finished, swept):
    assert find_grids(read_run(finished), DIFFERENCES) == []
    assert find_grids(swept, []) == []
    sizes = replace(swept, recipe={**swept.recipe, "sweep": {"train_rows": [500]}})
    assert find_grids(sizes, DIFFERENCES) == []
    assert SWEEPS["rich"](swept, []) == ""


def test_heat_map_is_written_with_its_middle_at_zero_and_noise_marked(swept, tmp_path):
    grids = find_grids(swept, DIFFERENCES)
    save_sweep(swept, grids, tmp_path)
    assert (tmp_path / "sweep.png").stat().st_size > 1000
    svg = (tmp_path / "sweep.svg").read_text()
    assert "linear soft" in svg
    assert "+1.2" in svg
    chart = sweep_chart(swept, grids).to_dict()
    field = chart["spec"]["layer"][0]["encoding"]
    assert field["color"]["scale"]["domain"] == [-3.0, 3.0]
    assert field["opacity"]["condition"]["test"] == "datum.noise"
    (records,) = chart["datasets"].values()
    assert {record["text"]: record["noise"] for record in records} == {
        **{"+1.2": False, "-0.5": True, "-3.0": False},
        **{"+0.8": False, "+0.0": True},
    }
