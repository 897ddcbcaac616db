import json
import os
import sys

import numpy as np
import pandas as pd
import pytest
from sample_texts import sentences

from bench.harness import isolation
from bench.harness.isolation import THREAD_VARIABLES, MeasurementFailed, child_environment, measure_in_fresh_process
from bench.harness.workload import Workload
from export.bundle import read_bundle
from export.predictor import Predictor

TEXTS = sentences(30, start=400)[0]
NO_CORE_FILE = "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
LITTLE_MEMORY = """
import resource
def limit(megabytes):
    now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + megabytes * 2**20,) * 2)
"""
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory limits and affinity are Linux's")


@pytest.fixture
def failure(monkeypatch, tmp_path):
    """A function that gives the sentence for a program in the place of the measuring one."""

    def get(program, model="nothing", texts=("one", "two")):
        monkeypatch.setattr(isolation, "PYTHON", (sys.executable, "-c"))
        with pytest.raises(MeasurementFailed) as caught:
            measure_in_fresh_process(Workload(model=str(model), threads=1), texts, tmp_path, program=program)
        return str(caught.value)

    return get


def measured(folder, workload, texts=TEXTS):
    folder.mkdir()
    measure_in_fresh_process(workload, texts, folder)
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def test_killed_process_most_likely_had_no_memory(failure):
    sentence = failure("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert sentence == "the measuring process was killed, most likely because the machine ran out of memory"


def test_crash_names_its_signal(failure):
    sentence = failure(NO_CORE_FILE + "import ctypes; ctypes.string_at(0)")
    assert sentence == "the measuring process crashed (SIGSEGV)"


@ON_LINUX
@pytest.mark.parametrize(
    "program",
    [
        "limit(64); bytearray(2**30)",
        "import numpy; limit(64); numpy.ones(2**28)",
        "limit(64); [bytes(2**20) for _ in range(900)]",
    ],
)
def test_too_little_memory_is_said(failure, program):
    assert failure(LITTLE_MEMORY + program).startswith("the measuring process ran out of memory (")


@ON_LINUX
@pytest.mark.parametrize("format", ["onnx", "eager"])
def test_too_little_memory_in_a_runtime_is_said(failure, request, format):
    program = """
import json, sys
from pathlib import Path
import numpy
from export.runtimes import RUNTIMES
from export.bundle import read_bundle
bundle = read_bundle(Path(json.loads(Path(sys.argv[1]).read_text())["model"]))
runtime = RUNTIMES[bundle.runtime](bundle, 1)
prepared = runtime.prepare({"input_ids": numpy.ones((400_000, 24), dtype=numpy.int64)})
limit(100)
runtime.forward(prepared)
"""
    sentence = failure(LITTLE_MEMORY + program, model=request.getfixturevalue(f"tiny_{format}"))
    assert sentence.startswith("the measuring process ran out of memory (")
    assert "\n" not in sentence


def test_any_other_failure_is_the_last_line_of_its_traceback(failure):
    assert failure("raise ValueError('the model has no head')") == "ValueError: the model has no head"


def test_failure_without_a_word_gives_its_status(failure):
    assert failure("raise SystemExit(3)") == "the measuring process died (status 3)"


def test_process_that_hangs_is_ended_after_the_limit(failure, monkeypatch, tmp_path):
    monkeypatch.setattr(isolation, "TIMEOUT_SECONDS", 1)
    monkeypatch.setattr(isolation, "TIMEOUT_SECONDS_AN_ITEM", 0.5)
    monkeypatch.setattr(isolation, "REPEATS", 0)
    program = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    assert failure(program, texts=("one", "two")) == "the measuring process hung for 2 s and was ended"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text(encoding="utf-8")), 0)


@pytest.mark.parametrize(("threads", "policy"), [(1, "PASSIVE"), (2, "ACTIVE"), (8, "ACTIVE")])
def test_every_library_gets_the_same_threads_and_they_spin_only_where_there_are_several(monkeypatch, threads, policy):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    environment = child_environment(threads)
    assert {environment[variable] for variable in THREAD_VARIABLES} == {str(threads)}
    assert environment["OMP_WAIT_POLICY"] == policy
    assert environment["PATH"] == os.environ["PATH"]


def test_program_gets_the_workload_and_the_items(monkeypatch, tmp_path):
    monkeypatch.setattr(isolation, "PYTHON", (sys.executable, "-c"))
    program = "import shutil, sys; [shutil.copy(file, sys.argv[3]) for file in sys.argv[1:3]]"
    workload = Workload(model="here", threads=2, affinity=(0, 1), scenarios=("offline",), label_names=("a", "b"))
    measure_in_fresh_process(workload, ["雨", ""], tmp_path, program=program)
    assert Workload.read(tmp_path / "workload.json") == workload
    assert json.loads((tmp_path / "items.json").read_text(encoding="utf-8")) == ["雨", ""]


@ON_LINUX
def test_onnx_bundle_reads_back_its_threads_and_affinity(tiny_onnx, tmp_path):
    processor = min(os.sched_getaffinity(0))
    result = measured(tmp_path / "out", Workload(model=str(tiny_onnx), threads=2, affinity=(processor,)))
    assert (result["intra_op_threads"], result["inter_op_threads"], result["spinning"]) == (2, 1, True)
    assert result["provider"] == "CPUExecutionProvider"
    assert result["affinity"] == [processor]


def test_eager_bundle_reads_back_its_threads_and_has_all_processors(tiny_eager, tmp_path):
    result = measured(tmp_path / "out", Workload(model=str(tiny_eager), threads=2))
    assert (result["intra_op_threads"], result["inter_op_threads"], result["spinning"]) == (2, 1, True)
    assert result["provider"] == "cpu"
    if hasattr(os, "sched_getaffinity"):
        assert result["affinity"] == sorted(os.sched_getaffinity(0))


def test_without_a_scenario_there_are_only_the_logits(tiny_onnx, tmp_path):
    result = measured(tmp_path / "out", Workload(model=str(tiny_onnx), threads=1))
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["logits.npy", "result.json"]
    assert not result["spinning"]
    logits = np.load(tmp_path / "out" / "logits.npy")
    names = read_bundle(tiny_onnx).label_names
    predictions = Predictor(tiny_onnx).predict(TEXTS)
    assert [names[number] for number in logits.argmax(axis=1)] == [prediction.label for prediction in predictions]


def test_scenarios_give_figures_raw_times_and_what_disturbed_them(tiny_onnx, tmp_path):
    workload = Workload(model=str(tiny_onnx), threads=1, scenarios=("single-stream",), seconds=0.2)
    result = measured(tmp_path / "out", workload)
    assert 0 < result["latency_p50_ms"] < result["end_to_end_latency_p50_ms"] < result["first_call_ms"]
    assert result["load_peak_memory_bytes"] > 0
    assert result["inference_peak_memory_bytes"] > 0
    assert {"noise", "busy_cores_before", "busy_cores_during", "stolen_share"} <= set(result)
    samples = pd.read_parquet(tmp_path / "out" / "samples.parquet")
    times = samples[samples["scenario"] == "single-stream"].groupby("figure").nanoseconds
    assert times.median()["model"] == pytest.approx(result["latency_p50_ms"] * 1e6)
    assert times.median()["end_to_end"] == pytest.approx(result["end_to_end_latency_p50_ms"] * 1e6)
    assert (times.size() % len(TEXTS) == 0).all()
    moments = ["single-stream model", "single-stream end_to_end", "after"]
    assert [probe["moment"] for probe in result["probes"]] == moments
    raw_times = samples[samples["scenario"] == "probe"].groupby(["figure", "round"]).nanoseconds.median()
    for number, probe in enumerate(result["probes"]):
        assert probe["product_ms"] == pytest.approx(raw_times["product", number] / 1e6)
        assert probe["copy_ms"] == pytest.approx(raw_times["copy", number] / 1e6)


def test_launch_that_is_not_asked_for_outputs_leaves_none(tiny_onnx, tmp_path):
    workload = Workload(model=str(tiny_onnx), threads=1, scenarios=("single-stream",), seconds=0.02, with_outputs=False)
    measured(tmp_path / "out", workload)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["result.json", "samples.parquet"]


def test_a_full_disk_ends_the_run_and_not_only_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(isolation, "PYTHON", (sys.executable, "-c"))
    program = "open('/dev/full', 'wb', buffering=0).write(b'words')"
    with pytest.raises(OSError, match="No space left on device"):
        measure_in_fresh_process(Workload(model="here", threads=1), ["one"], tmp_path, program=program)
