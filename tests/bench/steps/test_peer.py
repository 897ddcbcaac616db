"""Peers in a run: trained and measured on the same rows, end to end only, kept as bundles that `measure` runs."""

import importlib.metadata
import shutil

import pytest
from sample_command import distilbench

from bench.record.run_file import read_run
from export.bundle import read_bundle
from materials.errors import RequestError
from peers import PEERS

NAMES = ("tfidf-logistic", "fasttext")
CHANGES = ("--set", f"peers=[{', '.join(NAMES)}]")
END_TO_END = ("end_to_end_latency_p50_ms", "end_to_end_texts_per_second", "end_to_end_speedup")
MODEL_ONLY = ("latency_p50_ms", "latency_p90_ms", "texts_per_second", "speedup", "speedup_best_export", "sweep")

pytestmark = pytest.mark.skipif(any(PEERS[name].missing_packages for name in NAMES), reason="needs the extra 'peers'")


@pytest.fixture(scope="module")
def run(cache, finished, tiny_recipe, tmp_path_factory):
    """The answer of the tiny recipe with peers, and its run folder; all but the peers comes from the cache."""
    folder = tmp_path_factory.mktemp("peers")
    shutil.copytree(cache, folder / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILBENCH_CACHE", str(folder / "cache"))
        return distilbench("run", tiny_recipe, *CHANGES, "--output", folder / "run"), folder / "run"


@pytest.fixture(scope="module")
def peer_rows(run):
    return {row.model: row for row in read_run(run[1]).rows if row.role == "peer"}


def test_peers_are_measured_end_to_end_and_not_as_models_alone(run, peer_rows):
    assert run[0].code == 0
    assert tuple(peer_rows) == NAMES
    for row in peer_rows.values():
        assert all(getattr(row, name) > 0 for name in END_TO_END)
        assert {getattr(row, name) for name in MODEL_ONLY} == {None}
        assert (row.format, row.objective, row.gap_closed, row.threads) == ("library", None, None, 1)
        assert row.status in ("ok", "noisy")
        assert row.inference_peak_memory_bytes > 0


def test_peers_are_judged_on_the_test_rows_of_the_students(run, peer_rows):
    teacher = next(row for row in read_run(run[1]).rows if row.role == "teacher")
    for row in peer_rows.values():
        assert [sum(line) for line in row.confusion_matrix] == [sum(line) for line in teacher.confusion_matrix]
        assert row.macro_f1 > 0.6
        assert 0 <= row.agreement <= 1


def test_peers_stand_in_the_table_and_in_the_plan(run, tiny_recipe):
    plan = distilbench("run", tiny_recipe, *CHANGES, "--dry-run")
    for name in NAMES:
        assert f"{name} │ library" in run[0].output
        assert f"{name} │ library" in plan.output
        assert f"| {name} | library |" in (run[1] / "table.md").read_text()
    assert "peer │ 2" in plan.output
    assert "measurement │ 8" in plan.output


@pytest.mark.parametrize("name", NAMES)
def test_bundle_of_a_peer_holds_its_own_files_and_licence(run, peer_rows, name):
    bundle = read_bundle(run[1] / peer_rows[name].bundle)
    assert bundle.licences[name] == PEERS[name].licence
    assert bundle.size_bytes == peer_rows[name].size_bytes > 1000
    assert "stage.json" not in bundle.files


def test_measure_runs_a_peer_as_the_run_did(run, peer_rows, tmp_path):
    places = [run[1] / row.bundle for row in peer_rows.values()]
    answer = distilbench(
        *("measure", *places, "--data", run[1] / "test-rows" / "seed-0.parquet", "--output", tmp_path / "run"),
        *("--seconds", "0.05", "--scenarios", "single-stream,offline,sweep"),
    )
    assert answer.code == 0
    for row in read_run(tmp_path / "run").rows:
        own = peer_rows[row.model]
        assert (row.role, row.format, row.confusion_matrix) == ("peer", "library", own.confusion_matrix)
        assert row.end_to_end_latency_p50_ms > 0
        assert row.latency_p50_ms is None


def test_predict_refuses_a_peer_in_one_sentence(run, peer_rows):
    with pytest.raises(RequestError, match="was made by fasttext; only `measure` and its own library run it"):
        distilbench("predict", run[1] / peer_rows["fasttext"].bundle, "a lovely film")


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_peer_that_is_not_installed_is_refused_before_anything_is_trained(tiny_recipe, tmp_path, monkeypatch, flags):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("peers.peer.distribution", missing)
    with pytest.raises(RequestError, match="'tfidf-logistic' needs the package scikit-learn; .* the extra 'peers'"):
        distilbench("run", tiny_recipe, *CHANGES, *flags, "--output", tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_unknown_peer_names_the_nearest(tiny_recipe):
    with pytest.raises(RequestError, match=r"unknown peer 'fastext'; did you mean 'fasttext'\?"):
        distilbench("run", tiny_recipe, "--set", "peers=[fastext]", "--dry-run")
