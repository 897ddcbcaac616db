"""Files of a run are launched in turns, and each launch is a stage of its own; no process is started here."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bench.harness.isolation import MeasurementFailed
from bench.recipe.measuring import Measuring
from bench.reports.screen import Screen
from bench.steps import measure as step
from bench.steps.measure import File, measure
from bench.steps.models import Model
from bench.steps.workplace import Workplace
from materials.stages import StageStore

MACHINE = {"processor": "A", "instruction_sets": [], "cores": 2}


@pytest.fixture
def launches(monkeypatch):
    """The launches that were made, as model and whether outputs were asked for."""
    made = []

    def measure_quietly(workload, items, folder, best, *, patience):
        made.append((workload.model.rpartition("/")[2], workload.with_outputs))
        if workload.model.endswith("broken"):
            raise MeasurementFailed("it crashed")
        if workload.with_outputs:
            np.save(folder / "logits.npy", np.ones((1, 2)))
        if not workload.scenarios:
            (folder / "result.json").write_text(json.dumps({"load_ms": 1.0}))
            return
        probes = [{"moment": "after", "product_ms": 10.0, "copy_ms": 1.0}]
        figures = {"latency_p50_ms": float(len(made)), "noise": None, "probes": probes, "tries": 1}
        (folder / "result.json").write_text(json.dumps(figures))
        pd.DataFrame({"nanoseconds": [len(made)]}).to_parquet(folder / "samples.parquet")

    monkeypatch.setattr(step, "measure_quietly", measure_quietly)
    monkeypatch.setattr(step, "describe_machine", lambda: MACHINE)
    monkeypatch.setattr(step, "package_versions", lambda: {})
    monkeypatch.setattr(step, "load_splits", lambda folder: SimpleNamespace(test=SimpleNamespace(items=["a text"])))
    return made


@pytest.fixture
def measured(tmp_path):
    """A function that measures files of these names, the timed ones so many times, in one cache."""

    def run(*names, count, untimed=()):
        recipe = SimpleNamespace(measuring=Measuring(launches=count), threads=1, device="cpu", modality="text")
        work = Workplace(recipe=recipe, store=StageStore(root=tmp_path / "cache"), screen=Screen())
        files = [
            File(
                model=Model(
                    title=name, role="student", seed=0, splits=tmp_path / "s", bundles={"onnx": tmp_path / name}
                ),
                format="onnx",
                timed=name not in untimed,
            )
            for name in names
        ]
        return [file.measurement for file in measure(work, files)]

    return run


def test_timed_files_are_launched_in_turns_and_the_first_launch_alone_gives_outputs(launches, measured):
    first, second, untimed = measured("a", "b", "c", count=3, untimed=("c",))
    assert launches == [("a", True), ("b", True), ("c", True), *[("a", False), ("b", False)] * 2]
    assert (first.figures["latency_p50_ms"], second.figures["latency_p50_ms"]) == (4.0, 5.0)
    assert [len(measurement.samples) for measurement in (first, second, untimed)] == [3, 3, 0]
    assert first.logits.tolist() == untimed.logits.tolist() == [[1.0, 1.0]]
    assert untimed.figures == {"load_ms": 1.0}


def test_more_launches_add_to_those_of_an_earlier_run(launches, measured):
    (once,) = measured("a", count=1)
    assert once.figures["latency_p50_ms"] == 1.0
    (twice,) = measured("a", count=2)
    assert launches == [("a", True), ("a", False)]
    assert [launch["latency_p50_ms"] for launch in twice.figures["launches"]] == [1.0, 2.0]
    (again,) = measured("a", count=1)
    assert again.figures["latency_p50_ms"] == 1.0
    assert len(launches) == 2


def test_file_that_fails_is_tried_again_by_the_next_run_and_others_go_on(launches, measured):
    assert [isinstance(measurement, str) for measurement in measured("broken", "b", count=2)] == [True, False]
    assert measured("broken", count=1) == ["it crashed"]
    assert [name for name, _ in launches] == ["broken", "b", "b", "broken"]


def test_best_speed_is_found_again_in_stored_measurements(launches, measured, tmp_path):
    measured("a", count=1)
    for record in (tmp_path / "cache" / "speed").glob("*.json"):
        record.unlink()
    measured("a", count=1)
    (record,) = (tmp_path / "cache" / "speed").glob("*.json")
    assert json.loads(record.read_text())["best_ms"]["1 thread"] == {"product_ms": 10.0, "copy_ms": 1.0}
