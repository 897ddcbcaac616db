"""The forecast of a real recipe: what is stored costs nothing, and nothing is left open that can be known."""

import re
import shutil
from collections import Counter

import pytest
from sample_command import distilbench

from bench.forecast import forecast as forecast_module
from bench.forecast import speeds
from bench.forecast.costs import Cost
from bench.forecast.forecast import make_forecast
from bench.forecast.parts import parts_of
from bench.forecast.plan import sentences_of
from bench.forecast.rows import counts_before, counts_of_splits
from bench.forecast.spans import Span
from bench.forecast.stored import Stored, find_stored
from bench.recipe.file import read_recipe
from bench.reports.screen import Screen
from bench.steps.workplace import Workplace
from materials.catalogue import DATASETS
from materials.stages import StageStore


def workplace(recipe, root, *changes, **settings):
    store = StageStore(root=root, **settings)
    return Workplace(recipe=read_recipe(str(recipe), list(changes)), store=store, screen=Screen())


def missing_kinds(forecast):
    return Counter(part.kind for part in forecast.costs if part not in forecast.stored)


def test_parts_are_the_stages_that_a_run_makes(cache, finished, tiny_recipe):
    made = Counter(record.parent.parent.name for record in cache.glob("stages/*/*/stage.json"))
    planned = Counter(part.kind for part in parts_of(read_recipe(str(tiny_recipe), [])))
    assert planned == made + Counter(report=1)


def test_stored_stages_cost_nothing(own_cache, tiny_recipe):
    forecast = make_forecast(workplace(tiny_recipe, own_cache), fetches=False)
    assert missing_kinds(forecast) == {"report": 1}
    assert forecast.seconds_of({part.kind for part in forecast.stored}).most == 0
    assert sentences_of(forecast) == ["all stages are stored already; only the report is left to write"]


def test_only_what_builds_on_a_missing_stage_is_left(own_cache, tiny_recipe):
    shutil.rmtree(own_cache / "stages" / "measurement")
    forecast = make_forecast(workplace(tiny_recipe, own_cache), fetches=False)
    assert missing_kinds(forecast) == {"measurement": 6, "report": 1}
    changed = make_forecast(workplace(tiny_recipe, own_cache, "students.0.epochs=3"), fetches=False)
    assert missing_kinds(changed) == {"student": 2, "bundle": 4, "validation": 4, "measurement": 6, "report": 1}
    assert changed.seconds.likely > 0


def test_fresh_run_makes_everything(own_cache, tiny_recipe):
    forecast = make_forecast(workplace(tiny_recipe, own_cache, fresh=True), fetches=False)
    assert forecast.stored == frozenset()


def test_first_run_is_foreseen_without_anything_stored(tiny_recipe, tmp_path):
    forecast = make_forecast(workplace(tiny_recipe, tmp_path), fetches=False)
    assert forecast.reasons == ()
    assert forecast.seconds.most >= forecast.seconds.likely > 10
    assert forecast.size_bytes > 1e5
    assert forecast.memory_bytes > 1e8
    sentence = sentences_of(forecast)[0]
    assert re.match(r"this run will take about [\d.]+( to [\d.]+)? min here \(", sentence)
    assert "MB on the disk and" in sentence


def test_counts_before_the_split_are_those_after_it(own_cache, tiny_recipe, tmp_path):
    counts = counts_before(workplace(tiny_recipe, tmp_path))
    stored = counts_of_splits(find_stored(workplace(tiny_recipe, own_cache), fetches=False).splits)
    for name in ("train", "validation", "test", "outputs"):
        assert getattr(counts, name) == getattr(stored, name)
    assert counts.transferred(True) == stored.transferred(True)


@pytest.mark.parametrize("recipe", ["movie-reviews", "fashion", "patience"])
def test_shipped_recipe_is_foreseen_before_anything_is_fetched(recipe, tmp_path):
    forecast = make_forecast(workplace(recipe, tmp_path), fetches=False)
    assert forecast.reasons == ()
    assert forecast.fetched_bytes > 0
    assert "are fetched; it needs" in sentences_of(forecast)[0]
    assert list(tmp_path.iterdir()) == []


def test_dry_run_leaves_no_question_mark(tiny_recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    answer = distilbench("run", tiny_recipe, "--dry-run", "--output", tmp_path / "run")
    assert "?" not in answer.output
    assert "not known" not in answer.output
    assert "this run will take about" in answer.output


def test_what_cannot_be_known_is_said(tiny_recipe, tmp_path):
    on_hub = workplace(tiny_recipe, tmp_path, "data.train=hf://datasets/owner/name/rows.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forecast_module, "find_stored", lambda work, fetches: Stored())
        forecast = make_forecast(on_hub, fetches=False)
    assert forecast.seconds is None
    assert sentences_of(forecast)[1] == "not known yet: how many rows there are is known once they are fetched and read"


def test_model_that_cannot_be_timed_is_said(tiny_recipe, tmp_path, monkeypatch):
    def fail(*arguments, **settings):
        raise RuntimeError("no such shape")

    monkeypatch.setattr(speeds, "teacher_stand_in", fail)
    forecast = make_forecast(workplace(tiny_recipe, tmp_path), fetches=False)
    assert forecast.seconds is None
    assert forecast.reasons == ("how fast the teacher is (no such shape)",)
    assert forecast.seconds_of(["student"]).likely > 0


def test_students_side_by_side_may_take_less(tiny_recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(forecast_module.psutil, "cpu_count", lambda: 8)
    work = workplace(tiny_recipe, tmp_path)
    costs = make_forecast(work, fetches=False).costs
    (one, *_) = [part for part in costs if part.kind == "student"]
    halved = forecast_module._side_by_side(costs, 2)
    assert halved[one].seconds.likely == costs[one].seconds.likely / 2
    assert halved[one].seconds.most == costs[one].seconds.most


@pytest.mark.parametrize("is_crowded", [False, True])
def test_launches_that_are_made_again_share_a_minute(tiny_recipe, is_crowded):
    parts = [part for part in parts_of(read_recipe(str(tiny_recipe), [])) if part.kind in ("student", "measurement")]
    once = dict.fromkeys(parts, Cost(seconds=Span.of(100.0)))
    costs = forecast_module._with_more_tries(once, is_crowded=is_crowded)
    launches = [cost.seconds for part, cost in costs.items() if part.kind == "measurement"]
    assert sum(span.most for span in launches) == pytest.approx(6 * 100 + 60)
    assert all(span.likely == (span.most if is_crowded else 100.0) for span in launches)
    assert all(costs[part].seconds == Span.of(100.0) for part in parts if part.kind == "student")


@pytest.mark.parametrize("name", DATASETS)
def test_sizes_in_the_catalogue_are_those_of_its_descriptions(name):
    size, description = DATASETS[name].size, DATASETS[name].description
    assert name == "imdb-sentences" or f"{size.rows:,} " in description
    assert not size.test_rows or f"{size.test_rows:,} for testing" in description
