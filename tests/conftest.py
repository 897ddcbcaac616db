"""Small real things that many tests need: texts with a pattern, a tiny transformer, a tiny recipe."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sample_images import save_tiny_resnet, save_tiny_vit
from sample_models import exported_once, opened_once, save_tiny_bert, save_tiny_student, save_tiny_transformer
from sample_texts import labelled, sentences

LICENCES = {"tiny": "Apache-2.0", "reviews.csv": "CC BY-NC-SA 3.0 (non-commercial)"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run", default=None, help="for tests/perf: a run folder whose bundles are timed")
    parser.addoption("--batch-sizes", default="8,32", help="for tests/perf: batch sizes beside single texts")
    parser.addoption("--benchmark", action="store_true", help="the same as --benchmark-only")
    parser.addoption("--optimum", default=None, help="for tests/ecosystem: the Python of an environment with Optimum")
    parser.addoption("--real-rows", default=None, help="for tests/real: a folder with real rows of each kind")
    parser.addoption("--outcomes", default=None, help="for tests/sweep: a JSONL file that goes on where it stopped")
    parser.addoption("--recipe", default=None, help="for tests/perf: a recipe to time cold and warm")
    parser.addoption("--mutations", type=int, default=50, help="for tests/sweep: mutated files of each kind")
    parser.addoption("--mutated", default="", help="for tests/sweep: only these kinds, as ONNX,Parquet; else all")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--benchmark"):
        config.option.benchmark_only = True


@pytest.fixture(scope="session", autouse=True)
def no_cache_at_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The cache of tests that need none of their own, in a folder that is not there yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILBENCH_CACHE", str(tmp_path_factory.mktemp("home") / "cache"))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_try_a_launch() -> Iterator[None]:
    """No launch is made again for want of quiet: a machine that runs tests has none, and no test judges its times."""
    from bench.harness.launches import quiet

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quiet, "MOST_TRIES", 1)
        yield


@pytest.fixture(scope="session", autouse=True)
def short_probes() -> Iterator[None]:
    """Models are timed for an instant before a run: no test judges how long one is said to take."""
    from bench.forecast import speeds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speeds, "PROBE_SECONDS", 0.02)
        yield


@pytest.fixture(scope="session", autouse=True)
def outputs_in_this_process() -> Iterator[None]:
    """Files that are not timed compute their outputs here, where libraries are loaded; what fails does so in its own.

    What a process of its own is for is judged where files are timed.
    """
    from bench.harness import child, isolation
    from bench.harness.launches import quiet

    def measure(workload: Any, items: Sequence[Any], folder: Path, **options: str) -> None:
        if not (workload.scenarios or options or workload.affinity):
            with contextlib.suppress(Exception), tempfile.TemporaryDirectory() as scratch:
                places = Path(scratch) / "workload.json", Path(scratch) / "items.json"
                isolation.write_order(workload, items, *places)
                return child.main(*places, folder)
        return isolation.measure_in_fresh_process(workload, items, folder, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quiet, "measure_in_fresh_process", measure)
        yield


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files compute their outputs in processes of their own even where they are not timed."""
    from bench.harness import isolation
    from bench.harness.launches import quiet

    monkeypatch.setattr(quiet, "measure_in_fresh_process", isolation.measure_in_fresh_process)


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of 240 labelled texts."""
    texts, labels = sentences(240)
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    pd.DataFrame({"text": texts, "label": labels}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def more_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of 100 texts without labels."""
    path = tmp_path_factory.mktemp("data") / "more.csv"
    pd.DataFrame({"text": sentences(100, start=5000)[0]}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pretrained weights without a head."""
    return save_tiny_bert(tmp_path_factory.mktemp("models") / "tiny-bert", label_names=None)


@pytest.fixture(scope="session")
def tiny_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fine-tuned classifier (by name: its weights are random) for 'good' and 'bad', in this order."""
    return save_tiny_bert(tmp_path_factory.mktemp("models") / "tiny-classifier", label_names=("good", "bad"))


@pytest.fixture(scope="session")
def tiny_vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT that tells red images from blue ones."""
    return save_tiny_vit(tmp_path_factory.mktemp("models") / "tiny-vit")


@pytest.fixture(scope="session")
def tiny_resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet that does."""
    return save_tiny_resnet(tmp_path_factory.mktemp("models") / "tiny-resnet")


@pytest.fixture(scope="session")
def tiny_student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a cnn with random weights for 'bad' and 'good'."""
    return save_tiny_student(tmp_path_factory.mktemp("models") / "tiny-student")


@pytest.fixture(scope="session")
def tiny_transformer(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """The checkpoint of a transformer with random weights for 'bad' and 'good'."""
    return save_tiny_transformer(tmp_path_factory.mktemp("models") / "tiny-transformer", tiny_bert)


@pytest.fixture(scope="session")
def tiny_bundle(
    tmp_path_factory: pytest.TempPathFactory, tiny_student: Path, tiny_transformer: Path
) -> Iterator[Callable[[str, str], Path]]:
    """A function that gives the bundle of a model, 'student' or 'transformer', in a format, exported once."""
    root, rows = tmp_path_factory.mktemp("tiny-bundles"), labelled(60)
    checkpoints = {"student": tiny_student, "transformer": tiny_transformer}
    with opened_once(checkpoints, rows.items) as origin_of:
        yield exported_once(origin_of, root, rows=rows, licences=LICENCES)


@pytest.fixture(scope="session")
def tiny_onnx(tiny_bundle: Callable[[str, str], Path]) -> Path:
    """The student's bundle in the format onnx."""
    return tiny_bundle("student", "onnx")


@pytest.fixture(scope="session")
def tiny_eager(tiny_bundle: Callable[[str, str], Path]) -> Path:
    """The same student's bundle in the format eager."""
    return tiny_bundle("student", "eager")


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory: pytest.TempPathFactory, reviews: Path, more_texts: Path, tiny_bert: Path) -> Path:
    """A recipe that trains, exports and measures real models in seconds."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(
        f"""
name: tiny
data:
  train: {reviews}
  transfer: {more_texts}
teacher:
  weights: {tiny_bert}
  max_length_tokens: 32
  epochs: 12
  batch_size: 16
  learning_rate: 3.0e-3
  formats: [eager, onnx]
students:
  - architecture: linear
    dimensions: 8
    epochs: 2
    transfer_epochs: 2
    settings: {{buckets: 500}}
objectives:
  - name: hard
  - name: logits
    transfer: true
formats: [eager, onnx]
measuring: {{seconds: 0.1}}
""",
        encoding="utf-8",
    )
    return path
