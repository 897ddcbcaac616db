"""What the flags of `run` become, and what `export` does with an exporter that fails."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from sample_texts import labelled

from bench.commands.run import RunRequest, run_recipe
from bench.recipe.file import read_recipe
from bench.record.run_file import read_run


def request(recipe="movie-reviews", **flags):
    return RunRequest(recipe=recipe, flags=flags, overrides=(), output=None, fresh=False)


@pytest.mark.parametrize("path", ["a b " * 40 + ".csv", "a: b #c.csv", "[x].csv", "1.csv", "ü.csv", "🎬 ratings.csv"])
def test_paths_reach_the_recipe_as_they_are(path):
    recipe = read_recipe("movie-reviews", request(**{"data.train": path, "data.text": "[body]"}).all_overrides)
    assert (recipe.data.train, recipe.data.text) == (path, "[body]")


def test_teacher_of_own_rows_learns_as_long_as_the_rules_say():
    assert read_recipe("movie-reviews").teacher.epochs != "auto"
    teacher = read_recipe("movie-reviews", request(**{"data.train": "mine.csv"}).all_overrides).teacher
    assert (teacher.epochs, teacher.learning_rate) == ("auto", "auto")


def test_own_transfer_file_is_used_whole():
    recipe = read_recipe("movie-reviews", request(**{"data.transfer": "more.csv"}).all_overrides)
    assert (recipe.data.transfer, recipe.data.transfer_rows) == ("more.csv", None)


def test_own_rows_replace_the_official_splits_of_the_recipe(tmp_path):
    text = Path(str(files("recipes") / "movie-reviews.yaml")).read_text()
    replacement = "test: official.csv\n  licence: CC BY-NC 4.0\n  transfer: imdb"
    (tmp_path / "mine.yaml").write_text(text.replace("transfer: imdb", replacement))
    assert read_recipe(str(tmp_path / "mine.yaml")).data.test == "official.csv"
    assert read_recipe(str(tmp_path / "mine.yaml")).data.licence == "CC BY-NC 4.0"
    recipe = read_recipe(str(tmp_path / "mine.yaml"), request(**{"data.train": "mine.csv"}).all_overrides)
    assert (recipe.data.train, recipe.data.test, recipe.data.licence) == ("mine.csv", None, None)


def test_own_rows_have_the_usual_columns_unless_they_are_named():
    unnamed = request("paper/headlines", **{"data.train": "mine.csv"})
    data = read_recipe("paper/headlines", unnamed.all_overrides).data
    assert (data.text, data.label, data.has_transfer) == ("text", None, True)
    named = request("paper/headlines", **{"data.train": "mine.csv", "data.text": "body", "data.label": "mood"})
    data = read_recipe("paper/headlines", named.all_overrides).data
    assert (data.text, data.label) == ("body", "mood")


def test_own_rows_come_without_the_unlabelled_texts_of_a_recipe_that_can_do_without():
    alone = read_recipe("movie-reviews", request(**{"data.train": "mine.csv"}).all_overrides)
    assert alone.data.transfer is None
    assert alone.data.augmentation is not None
    assert [objective.title for objective in alone.objectives] == ["hard", "distilled+transfer"]
    pairs = {"data.train": "mine.csv", "data.text": "a", "data.text_pair": "b"}
    alone = read_recipe("movie-reviews", request(**pairs).all_overrides)
    assert [objective.title for objective in alone.objectives] == ["hard", "distilled"]
    assert not alone.data.has_transfer
    flags = {"data.train": "mine.csv", "data.transfer": "more.csv"}
    both = read_recipe("movie-reviews", request(**flags).all_overrides)
    assert [objective.title for objective in both.objectives] == ["hard", "distilled+transfer"]
    assert (both.data.transfer, both.data.transfer_rows) == ("more.csv", None)


def test_exporter_that_raises_is_a_failed_bundle_after_its_last_setting(tmp_path, tiny_student, monkeypatch):
    import export.exporting
    from export.formats import Exporter

    calls = []

    def broken(origin, folder):
        calls.append(folder)
        (folder / "half").write_text("half")
        raise NotImplementedError("no such operator\nand more")

    exporter = Exporter(description="", settings={"a": broken, "b": broken}, runtime="torch", model_file="model.x")
    monkeypatch.setitem(export.exporting.EXPORTERS, "broken", exporter)
    with export.exporting.open_origin(tiny_student, []) as origin:
        export_request = export.exporting.ExportRequest(origin=origin, rows=labelled(2))
        bundle = export.exporting.export_bundle(export_request, "broken", tmp_path)
    assert len(calls) == 2
    assert bundle.parity["status"] == "failed"
    assert bundle.parity["reason"] == "could not be exported: NotImplementedError: no such operator"


def test_run_in_which_a_file_cannot_be_exported_ends_with_a_failed_row(own_cache, tiny_recipe, tmp_path, monkeypatch):
    import export.exporting

    def broken(origin, folder):
        raise NotImplementedError("no such operator")

    whole = export.exporting.EXPORTERS["onnx-int8"]
    monkeypatch.setitem(export.exporting.EXPORTERS, "onnx-int8", replace(whole, settings={"only": broken}))
    asked = RunRequest(
        recipe=str(tiny_recipe),
        flags={},
        overrides=("formats=[eager, onnx-int8]", "teacher.formats=[eager, onnx-int8]", "speed_seeds=0"),
        output=tmp_path / "run",
        fresh=False,
    )
    assert run_recipe(asked, dry_run=False) == 1
    failed = [row for row in read_run(tmp_path / "run").rows if row.status == "failed"]
    assert [(row.model, row.format) for row in failed] == [
        ("teacher", "onnx-int8"),
        ("linear hard", "onnx-int8"),
        ("linear logits+transfer", "onnx-int8"),
    ]
    assert all(row.error == "could not be exported: NotImplementedError: no such operator" for row in failed)
