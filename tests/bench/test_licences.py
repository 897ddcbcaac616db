"""The licence that a recipe states for its files is in every bundle, and a run says when it forbids commercial use."""

from sample_command import distilbench

from export.bundle import read_bundle
from materials.cache.entries import stored_entries

STATED = ("--set", "data.licence=CC BY-NC-SA 3.0")
SHORT = ("--set", "formats=[eager]", "--set", "teacher.formats=[eager]", "--set", "objectives=[{name: hard}]")
QUICK = (*SHORT, "--set", "speed_seeds=0")


def licences(run):
    return [read_bundle(file.parent).licences for file in sorted(run.glob("bundles/**/bundle.json"))]


def test_stated_licence_is_in_every_bundle_although_they_were_stored_without_it(own_cache, tiny_recipe, tmp_path):
    trained = {entry.folder for entry in stored_entries(own_cache) if entry.name in ("splits", "teacher")}
    answer = distilbench("run", tiny_recipe, *QUICK, *STATED, "--output", tmp_path / "run")
    assert answer.notices.count("non-commercial:") == 1
    assert "non-commercial: reviews.csv (CC BY-NC-SA 3.0 (non-commercial)), more.csv" in answer.notices
    assert {entry.folder for entry in stored_entries(own_cache) if entry.name in ("splits", "teacher")} == trained
    bundle_licences = licences(tmp_path / "run")
    assert len(bundle_licences) == 2
    expected = {
        "tiny-bert": "unknown (a local folder)",
        "reviews.csv": "CC BY-NC-SA 3.0 (non-commercial)",
        "more.csv": "CC BY-NC-SA 3.0 (non-commercial)",
    }
    assert bundle_licences == [expected, expected]


def test_licence_that_nobody_stated_is_unknown_and_sources_are_named_without_their_place(finished):
    for licence_of in licences(finished):
        assert (licence_of["reviews.csv"], licence_of["more.csv"]) == ("unknown (your file)", "unknown (your file)")
