"""A file against itself, one launch a side; no process is started here."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bench.harness.workload import Workload
from bench.outside import single_pairs
from bench.outside.opened import OpenedModel
from bench.reports.screen import Screen

QUICK = Workload(model="", threads=1, seconds=0.5)


@pytest.fixture
def launched(monkeypatch, tmp_path):
    """A function that makes pairs of two files from launches of so many milliseconds and such a speed, in order."""
    monkeypatch.setattr(single_pairs, "cache_folder", lambda: tmp_path / "cache")
    models = [
        OpenedModel(title=name, place=tmp_path / name, bundle=SimpleNamespace(modality="text")) for name in ("a", "b")
    ]

    def run(*launches):
        left, places = list(launches), []

        def measure_quietly(workload, items, folder, best, *, tries):
            assert (workload.scenarios, workload.with_outputs, tries) == (("single-stream",), False, 6)
            p50_ms, probe_ms = left.pop(0)
            places.append(workload.model)
            probes = [{"moment": "after", "product_ms": probe_ms, "copy_ms": 1.0}]
            figures = {"latency_p50_ms": p50_ms, "noise": None, "probes": probes, "tries": 1}
            best.remember(figures)
            (folder / "result.json").write_text(json.dumps(figures))
            times = p50_ms * 1e6 * (1 + np.arange(12) / 1000)
            lines = {"scenario": "single-stream", "figure": "model", "round": np.arange(12), "nanoseconds": times}
            pd.DataFrame(lines).to_parquet(folder / "samples.parquet")

        monkeypatch.setattr(single_pairs, "measure_quietly", measure_quietly)
        pairs = single_pairs.single_pairs(models, ["a text"], QUICK, Screen())
        assert (left, places) == ([], [str(model.place) for model in [*models, *models]])
        return pairs

    return run


def test_launches_of_a_pair_lie_half_of_the_check_apart(launched):
    first, second = launched((1.0, 10.0), (5.0, 10.0), (1.05, 10.0), (4.0, 10.0))
    assert (first["model"], second["model"]) == ("a", "b")
    assert first["figures"]["latency_p50_ms"]["base"] == [1.0]
    assert first["figures"]["latency_p50_ms"]["new"] == [1.05]
    assert first["figures"]["latency_p50_ms"]["alarm"] is False  # 5 % is no change between two runs
    assert second["figures"]["latency_p50_ms"]["ratio"] == pytest.approx(0.8)
    assert second["figures"]["latency_p50_ms"]["alarm"] is True
    assert first["noise"] == second["noise"] == []


def test_pair_with_a_launch_at_another_speed_is_marked(launched):
    """The best speed shows in the last launch only, and the others are judged by it all the same."""
    first, second = launched((1.6, 16.0), (1.0, 10.5), (1.0, 10.2), (1.0, 10.0))
    assert [sentence[:31] for sentence in first["noise"]] == ["the processor took 1.60 times a"]
    assert first["slowdowns"] == [pytest.approx(1.6), pytest.approx(1.02)]
    assert second["noise"] == []


def test_note_says_how_many_pairs_count():
    assert "38 of 40 pairs; the check passes only where all are" in single_pairs.single_note(38, 40)
    assert single_pairs.single_note(40, 40).endswith("40 of 40 pairs")
