"""The best speed of a machine is remembered and never made slower; launches are judged by it."""

import json

import numpy as np
import pytest

from bench.harness.launches.speed import TOLERANCE, BestSpeed
from bench.harness.measurement import Measurement

MACHINE = {"processor": "A", "instruction_sets": ["avx2"], "cores": 2, "memory_bytes": 1, "python": "3.11"}


def probe(product=10.0, copy=1.0, moment="after"):
    return {"moment": moment, "product_ms": product, "copy_ms": copy}


def probed(*probes, threads=1, provider="cpu"):
    return {"probes": list(probes), "intra_op_threads": threads, "provider": provider}


def launch(*probes, noise=None):
    return Measurement(figures={**probed(*probes), "noise": noise}, logits=np.zeros((0, 0)))


def of_one_thread(product_ms, copy_ms):
    return {"1 thread": {"product_ms": product_ms, "copy_ms": copy_ms}}


def damaged(product_ms):
    return json.dumps({"best_ms": {"1 thread": {"product_ms": product_ms, "copy_ms": 1.0}}})


@pytest.fixture
def best(tmp_path):
    best = BestSpeed(tmp_path, MACHINE)
    best.remember(probed(probe()))
    return best


def test_launch_at_the_best_speed_is_quiet(best):
    judged = best.judged(launch(probe(), probe(10.9, 1.05)))
    assert judged.figures["noise"] is None
    assert judged.figures["slowdown"] == pytest.approx(1.09)


@pytest.mark.parametrize("slow", [probe(product=16.0), probe(copy=1.6)])
def test_single_slow_probe_of_either_kind_makes_a_launch_noisy(best, slow):
    figures = best.judged(launch(probe(), slow, probe())).figures
    assert figures["slowdown"] == pytest.approx(1.6)
    assert figures["noise"] == (
        "the processor took 1.60 times as long for a fixed piece of work as it does at its best (up to "
        f"{1 + TOLERANCE:.2f} is quiet)"
    )


def test_slowness_stands_beside_what_else_disturbed_a_launch(best):
    noise = best.judged(launch(probe(20.0), noise="no steady time in server")).figures["noise"]
    assert noise.startswith("no steady time in server; the processor took 2.00 times")


def test_bound_itself_is_quiet_and_what_is_beyond_it_is_not(best):
    assert best.judged(launch(probe(10 * (1 + TOLERANCE) - 1e-9))).figures["noise"] is None
    assert best.judged(launch(probe(10 * (1 + TOLERANCE) + 1e-6))).figures["noise"]


def test_best_is_remembered_for_later_processes(best, tmp_path):
    assert BestSpeed(tmp_path, MACHINE).slowdown(probed(probe(15.0))) == pytest.approx(1.5)
    assert json.loads(best.file.read_text())["machine"]["processor"] == "A"


def test_best_of_each_kind_is_never_made_slower(best, tmp_path):
    best.remember(probed(probe(12.0, 0.8), probe(11.0, 2.0)))
    assert best.best_ms == of_one_thread(10.0, 0.8)
    assert BestSpeed(tmp_path, MACHINE).best_ms == best.best_ms
    best.remember(probed(probe(20.0, 3.0)))
    assert BestSpeed(tmp_path, MACHINE).best_ms == of_one_thread(10.0, 0.8)


def test_best_that_another_process_found_meanwhile_is_kept(best, tmp_path):
    BestSpeed(tmp_path, MACHINE).remember(probed(probe(5.0, 2.0)))
    best.remember(probed(probe(9.0, 0.5)))
    assert best.best_ms == BestSpeed(tmp_path, MACHINE).best_ms == of_one_thread(5.0, 0.5)


@pytest.mark.parametrize("change", [{"processor": "B"}, {"cores": 4}, {"instruction_sets": ["avx2", "avx512f"]}])
def test_other_machines_on_one_cache_folder_have_records_of_their_own(best, tmp_path, change):
    other = BestSpeed(tmp_path, {**MACHINE, **change})
    assert other.best_ms == {}
    other.remember(probed(probe(30.0, 3.0)))
    assert BestSpeed(tmp_path, MACHINE).best_ms == of_one_thread(10.0, 1.0)


def test_other_version_of_numpy_has_a_record_of_its_own(best, tmp_path, monkeypatch):
    monkeypatch.setattr(np, "__version__", "9.9")
    assert BestSpeed(tmp_path, MACHINE).best_ms == {}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"best_ms": []}', *map(damaged, ["x", -1, None])])
def test_damaged_record_is_written_anew(best, tmp_path, content):
    best.file.write_text(content)
    again = BestSpeed(tmp_path, MACHINE)
    assert again.best_ms == {}
    again.remember(probed(probe(12.0, 1.2)))
    assert BestSpeed(tmp_path, MACHINE).best_ms == of_one_thread(12.0, 1.2)


def test_cache_that_cannot_be_written_to_leaves_the_best_of_this_process(tmp_path):
    (tmp_path / "speed").write_text("a file where the folder should be")
    best = BestSpeed(tmp_path, MACHINE)
    best.remember(probed(probe()))
    assert best.slowdown(probed(probe(20.0))) == pytest.approx(2)


def test_launches_with_several_threads_are_held_against_their_like(best, tmp_path):
    """Threads that spin beside the probe slow it down on any day, which is no noise."""
    spinning = probed(probe(14.0), threads=2, provider="torch")
    best.remember(spinning)
    assert best.slowdown(spinning) == 1
    again = BestSpeed(tmp_path, MACHINE)
    assert again.slowdown(probed(probe(21.0), threads=2, provider="torch")) == pytest.approx(1.5)
    assert again.slowdown(probed(probe(21.0), threads=2, provider="onnx")) is None
    assert again.slowdown(probed(probe(15.0))) == pytest.approx(1.5)


def test_launch_without_probes_is_left_as_it_is(best):
    older = Measurement(figures={"noise": None}, logits=np.zeros((0, 0)))
    assert best.judged(older) is older
    assert best.slowdown(probed()) is None
