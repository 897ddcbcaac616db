"""Opens mutated files as the commands do, in a process of little memory: python mutated_loading.py PLAN FOLDER.

The plan is JSON: the `places` of sound files by name, and in `runs` a kind of file, its first number and how many. What
fails is a line of FOLDER/failures.jsonl; FOLDER/at holds the kind and number under way, for who finds it dead.
"""

import contextlib
import faulthandler
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutations import Mutate, mutated_bytes, mutated_json, mutated_onnx, mutated_safetensors, mutated_yaml

from bench.outside.columns import Columns
from materials.errors import RequestError, tells_of_memory
from materials.files import sha256_of

MEMORY_BYTES, SECONDS, WALL_SECONDS = 2 << 30, 10, 120
TEXTS = ["a lovely film", "an awful film , with rain \u96e8"]
BAIT = "bait"  # what mutated files name outside of their folder


@dataclass(frozen=True, kw_only=True)
class Case:
    """A folder with sound files, the one of them to mutate, how, and what is then done with the folder, each alone."""

    folder: str
    file: str
    mutate: Mutate
    steps: tuple[Callable[[Path], Any], ...]
    kept: tuple[str, ...] = ("*",)
    is_listed: bool = False


def predict(folder: Path) -> None:
    from bench.commands.predict import predict_items

    predict_items(folder, TEXTS, all_labels=True, threads=1)


def verify(folder: Path) -> None:
    from bench.commands.verify import VerifyOrder, verify_bundle

    verify_bundle(VerifyOrder(place=folder))


def describe(folder: Path) -> None:
    """What `measure`, `compare` and `export` do before they load a model."""
    from bench.outside.opened import described_by, open_place, read_rows
    from bench.steps.outcome.rows import describe_row

    described_by(folder, Columns())
    model = open_place(folder, Columns())
    describe_row(model.bundle, "not measured", model=model.title, role="foreign", threads=1, device="cpu")
    read_rows(Path(PLACES["rows"]), Columns(), model.bundle)


def as_trained(folder: Path) -> None:
    """What `export` and `verify --against` do with a model."""
    from export.exporting import open_origin

    with open_origin(folder, TEXTS):
        pass


def foreign(folder: Path) -> None:
    """What `measure` does with somebody else's ONNX file or folder, in both of its processes."""
    from bench.harness.subject import load_subject
    from bench.harness.workload import Workload
    from bench.outside.opened import open_place

    place = folder / "model.onnx" if (folder / "model.onnx").is_file() else folder
    model = open_place(place, Columns(), label_names=("bad", "good"))
    subject = load_subject(Workload(model=str(folder), threads=1), model.bundle)
    with contextlib.suppress(Exception):  # of a process of its own, of which `measure` shows the last line
        subject.logits(TEXTS)


def peer(folder: Path) -> None:
    from bench.harness.subject import load_subject
    from bench.harness.workload import Workload
    from export.bundle import read_bundle

    subject = load_subject(Workload(model=str(folder), threads=1), read_bundle(folder))
    with contextlib.suppress(Exception):
        subject.logits(TEXTS)


def rows(folder: Path) -> None:
    """What every command does with a file of rows."""
    from materials.sources.table_file import read_table, read_texts

    file = folder / "rows.parquet"
    with contextlib.suppress(RequestError):
        read_texts(file, text="text")
    read_table(file, text="text", label="label")


def show(format: str, **options: bool) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        from bench.commands.show import show_run

        show_run(folder, format, **options)

    return run


def recommend(folder: Path) -> None:
    from bench.commands.recommend import Limits
    from bench.commands.recommend import recommend as recommend_file

    recommend_file(folder, Limits(max_p50_ms=10, min_headline=0.1))


def compare(folder: Path) -> None:
    from bench.commands.compare import CompareRequest
    from bench.commands.compare import compare as compare_places

    for base, new in ((folder, ORIGINAL), (ORIGINAL, folder)):
        compare_places(CompareRequest(base=base, new=new, fail_if=("latency_p50_ms>+5%",)))


def recipe(folder: Path) -> None:
    from bench.recipe.file import leaves_transfer_open, read_recipe, recipe_tasks

    name = str(folder / "recipe.yaml")
    recipe_tasks(name)
    leaves_transfer_open(name)
    read = read_recipe(name, ["seeds=[0]"])
    read.model_dump(mode="json")
    read.cells()


def dry_run(folder: Path) -> None:
    from bench.commands.run import RunRequest, run_recipe

    request = RunRequest(
        recipe=str(folder / "recipe.yaml"), flags={}, overrides=(), output=folder / "output", fresh=False
    )
    run_recipe(request, dry_run=True)


SMALL_RUNS = ("news", "other-run") * 4
SHOWN = (show("rich"), show("csv"), show("json"), show("rich", classes=True), show("markdown", cascade=True))
JUDGED = (show("markdown"), show("rich", significance=True), show("rich", curves=True), recommend, compare)
LIMITED = (predict, verify, foreign, as_trained)  # which keep to a limit, or to a process of their own
LOADED = (predict, describe, verify)
KINDS: dict[str, tuple[Case, ...]] = {
    "bundle.json": (
        Case(folder="onnx", file="bundle.json", mutate=mutated_json, steps=LOADED),
        Case(folder="onnx", file="bundle.json", mutate=mutated_json, steps=LOADED),
        Case(folder="eager", file="bundle.json", mutate=mutated_json, steps=(describe, predict, as_trained)),
    ),
    "tokenizer.json": (
        Case(folder="onnx", file="tokenizer.json", mutate=mutated_json, steps=(predict,), is_listed=True),
        Case(folder="transformer", file="tokenizer.json", mutate=mutated_json, steps=(predict,), is_listed=True),
        Case(folder="bpe", file="tokenizer.json", mutate=mutated_json, steps=(foreign,)),
    ),
    "config.json": (
        Case(folder="bpe", file="config.json", mutate=mutated_json, steps=(foreign,)),
        Case(folder="bpe", file="tokenizer_config.json", mutate=mutated_json, steps=(foreign,)),
        Case(folder="classifier", file="config.json", mutate=mutated_json, steps=(foreign, as_trained)),
        Case(folder="eager", file="model.json", mutate=mutated_json, steps=(predict, as_trained), is_listed=True),
    ),
    "ONNX": (
        Case(folder="onnx", file="model.onnx", mutate=mutated_onnx, steps=(predict, verify), is_listed=True),
        Case(folder="transformer", file="model.onnx", mutate=mutated_onnx, steps=(foreign,), kept=("[!b]*",)),
    ),
    "safetensors": (
        Case(folder="eager", file="model.safetensors", mutate=mutated_safetensors, steps=(predict,), is_listed=True),
        Case(folder="eager", file="model.safetensors", mutate=mutated_safetensors, steps=(as_trained,), is_listed=True),
        Case(folder="peer", file="model.safetensors", mutate=mutated_safetensors, steps=(peer,), is_listed=True),
        Case(folder="classifier", file="model.safetensors", mutate=mutated_safetensors, steps=(foreign,)),
    ),
    "Parquet": (
        *(Case(folder="plain", file="rows.parquet", mutate=mutated_bytes, steps=(rows,)) for _ in range(8)),
        *(Case(folder="packed", file="rows.parquet", mutate=mutated_bytes, steps=(rows,)) for _ in range(8)),
        Case(folder="run", file="predictions.parquet", mutate=mutated_bytes, steps=(show("rich", significance=True),)),
        Case(folder="run", file="history.parquet", mutate=mutated_bytes, steps=(show("rich", curves=True),)),
    ),
    "run.json": (
        *(Case(folder=name, file="run.json", mutate=mutated_json, steps=SHOWN, kept=()) for name in SMALL_RUNS),
        *(Case(folder=name, file="run.json", mutate=mutated_json, steps=JUDGED, kept=()) for name in SMALL_RUNS),
        Case(folder="run", file="run.json", mutate=mutated_json, steps=(*SHOWN, *JUDGED)),
    ),
    "recipe": (
        *(Case(folder="recipe", file="recipe.yaml", mutate=mutated_yaml, steps=(recipe,)) for _ in range(16)),
        *(Case(folder="full-recipe", file="recipe.yaml", mutate=mutated_yaml, steps=(recipe,)) for _ in range(3)),
        Case(folder="recipe", file="recipe.yaml", mutate=mutated_yaml, steps=(recipe, dry_run)),
    ),
}
PLACES: dict[str, str] = {}
ORIGINAL = Path()


class Table:
    """The files of a case in a folder of its own, in which one is mutated at a time."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case, self.folder, source = case, folder, Path(PLACES[case.folder])
        folder.mkdir(parents=True)
        for path in source.iterdir():
            if path.is_file() and any(path.match(pattern) for pattern in (case.file, *case.kept)):
                shutil.copyfile(path, folder / path.name)
        self.content = (folder / case.file).read_bytes()
        self.record = folder / "bundle.json"
        self.record_content = self.record.read_bytes() if self.record.is_file() else b""

    def put(self, content: bytes) -> None:
        """Write the file, and put its digest right, as whoever made the file would."""
        (self.folder / self.case.file).write_bytes(content)
        if self.case.is_listed:
            record = json.loads(self.record_content)
            record["files"][self.case.file] = sha256_of(self.folder / self.case.file)
            self.record.write_text(json.dumps(record))


def fault_of(step: Callable[[Path], Any], folder: Path) -> str | None:
    """What is wrong with how a step ends; none where it does its work or refuses in one line."""
    screen = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")  # which refuses what a terminal could not show
    try:
        with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
            step(folder)
    except RequestError as error:
        if "\n" in str(error).strip():
            return f"a sentence of several lines: {error}"
        return f"memory: {error}" if tells_of_memory(str(error)) and step not in LIMITED else None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "".join(traceback.format_exception(error)[-6:])
    return None


def run(kind: str, first: int, count: int, folder: Path) -> None:
    """Mutate and open files of a kind; the sound ones first, which must not fail."""
    global ORIGINAL
    tables = [Table(case, folder / kind / str(number)) for number, case in enumerate(KINDS[kind])]
    for table in tables:
        ORIGINAL = Path(PLACES[table.case.folder])
        for step in table.case.steps:
            if fault := fault_of(step, table.folder):
                raise SystemExit(f"the sound {kind} of {table.case.folder} fails: {fault}")
    for number in range(first, first + count):
        table = tables[number % len(tables)]
        ORIGINAL = Path(PLACES[table.case.folder])
        (folder / "at").write_text(f"{kind} {number}")
        content = table.case.mutate(table.content, random.Random(f"{kind} {number}"))
        table.put(content)
        opened_bait.clear()
        for step in table.case.steps:
            limit_time()
            fault = fault_of(step, table.folder)
            if opened_bait:
                fault = f"opens {opened_bait[0]}"
            if fault:
                tell(folder, kind, number, content, fault)
    limit_time(600)


def tell(folder: Path, kind: str, number: int, content: bytes, fault: str) -> None:
    """Add a line to the failures, and keep the file."""
    with (folder / "failures.jsonl").open("a") as lines:
        lines.write(json.dumps({"kind": kind, "number": number, "fault": fault}) + "\n")
    (folder / f"{kind}-{number}.failed").write_bytes(content)


def limit_time(seconds: int = SECONDS) -> None:
    """End this process with a traceback after so many seconds of work, or a long wait."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, resource.RLIM_INFINITY))
    faulthandler.dump_traceback_later(max(seconds, WALL_SECONDS), exit=True)


opened_bait: list[str] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note files that are opened by a name which only mutated files have."""
    if event == "open" and isinstance(arguments[0], str) and Path(arguments[0]).name == BAIT:
        opened_bait.append(arguments[0])


def main(plan_file: Path, folder: Path) -> None:
    plan = json.loads(plan_file.read_text())
    PLACES.update(plan["places"])
    faulthandler.register(signal.SIGXCPU, all_threads=False, chain=True)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(watch)
    os.chdir(folder)
    for kind, first, count in plan["runs"]:
        run(kind, first, count, folder)
    (folder / "at").unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
