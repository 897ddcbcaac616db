"""The command as a user has it: exit codes, one sentence for each mistake, no traceback.

What needs no process of its own runs in that of the test, where a traceback is the test's.
"""

import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout

import pandas as pd
import pytest
from sample_models import save_tiny_transformer
from sample_stages import STAGE, make_square, started

from materials.stages import StageStore
from training.precision import has_bf16

PROGRAM = "from bench.commands.command_line import main; main()"


def distilbench(*arguments, cache):
    """What the command answers in this process."""
    from bench.commands.command_line import main

    command = ["distilbench", *map(str, arguments)]
    output, notices, handler = io.StringIO(), io.StringIO(), signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(notices):
        patch.setenv("DISTILBENCH_CACHE", str(cache))
        patch.setenv("COLUMNS", "200")
        patch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as left:
            main()
    signal.signal(signal.SIGINT, handler)
    return subprocess.CompletedProcess(command, left.value.code or 0, output.getvalue(), notices.getvalue())


def distilbench_apart(*arguments, cache, stdin="", before=None):
    """What it answers in a process of its own; `before` is called there first."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    environment = {**os.environ, "DISTILBENCH_CACHE": str(cache), "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, input=stdin, env=environment, preexec_fn=before)


def refused(answer, sentence):
    assert answer.returncode == 2, answer.stderr
    assert "Traceback" not in answer.stderr
    assert sentence in answer.stderr.replace("\n", " ")


def write(path, texts, labels):
    pd.DataFrame({"text": texts, "label": labels}).to_csv(path, index=False)
    return path


def test_help_shows_every_command_and_an_example(tmp_path):
    answer = distilbench_apart("--help", cache=tmp_path)
    assert answer.returncode == 0
    commands = ("run", "list", "show", "predict", "fetch", "cache", "measure", "compare", "recommend", "self-check")
    for command in commands:
        assert command in answer.stdout
        assert "Example: distilbench" in distilbench(command, "--help", cache=tmp_path).stdout


def test_list_names_what_can_be_used(tmp_path):
    answer = distilbench("list", cache=tmp_path)
    for name in (
        "movie-reviews-full",
        "bilstm",
        "pseudo-hard",
        "onnx-int8",
        "fasttext",
        "rotten-tomatoes",
        "glove-50d",
    ):
        assert name in answer.stdout
    refused(distilbench("list", "studnets", cache=tmp_path), "unknown kind 'studnets'; did you mean 'students'?")


def test_dry_run_shows_the_cells_and_does_nothing(tmp_path):
    answer = distilbench("run", "movie-reviews", "--dry-run", "--output", tmp_path / "run", cache=tmp_path / "cache")
    assert answer.returncode == 0
    assert "linear distilled+transfer" in answer.stdout
    assert f"{15 + has_bf16('cpu')} bundles" in answer.stdout  # eager-bf16 where the processor has it
    assert list(tmp_path.iterdir()) == []


BAD_DATA = {
    "missing": (lambda path: path, "there is no file"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "no column": (
        lambda path: pd.DataFrame({"body": ["a"]}).to_csv(path),
        "has no column 'text'; name one with --text",
    ),
    "no labels": (
        lambda path: pd.DataFrame({"text": ["a"]}).to_csv(path),
        "has no column 'label'; name the label column",
    ),
    "one class": (lambda path: write(path, list("abcdef"), ["x"] * 6), "has one class only ('x')"),
    "rare class": (
        lambda path: write(path, list("abcdefghijklm"), ["x", "y"] * 6 + ["z"]),
        "class 'z' has 1 different row",
    ),
    "empty text": (lambda path: write(path, ["a", ""], ["x", "y"]), "have no text in column 'text' (row 2)"),
    "not utf-8": (lambda path: path.write_bytes("text,label\né,x".encode("latin-1")), "is not UTF-8"),
}


@pytest.mark.parametrize("fault", BAD_DATA)
def test_bad_data_is_refused_in_one_sentence(fault, tmp_path, tiny_recipe):
    harm, sentence = BAD_DATA[fault]
    harm(tmp_path / "rows.csv")
    answer = distilbench(
        "run", tiny_recipe, "--data", tmp_path / "rows.csv", "--output", tmp_path / "run", cache=tmp_path / "c"
    )
    refused(answer, sentence)
    assert len([line for line in answer.stderr.splitlines() if line.startswith("distilbench: ")]) == 1
    assert not list((tmp_path / "c").rglob("stage.json"))


def test_unknown_names_are_refused(tmp_path):
    refused(
        distilbench("run", "movie-review", cache=tmp_path),
        "unknown recipe 'movie-review'; did you mean 'movie-reviews'?",
    )
    refused(distilbench("run", "movie-reviews", "--set", "formats=[onx]", cache=tmp_path), "unknown format 'onx'")
    refused(distilbench("run", "movie-reviews", "--teacher", "minilmm", cache=tmp_path), "unknown weights 'minilmm'")
    refused(distilbench("show", tmp_path, cache=tmp_path), "there is no run in")
    refused(distilbench("predict", tmp_path, "text", cache=tmp_path), "is no bundle")
    refused(distilbench("run", "movie-reviews", "--threads", "0", cache=tmp_path), "threads")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"schema_version": 1}', '{"schema_version": 99}', '{"schema_version": 2, "rows": [{"a": 1}]}'],
)
def test_damaged_run_file_is_refused(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    refused(distilbench("show", tmp_path, cache=tmp_path), "run.json")


def test_output_that_cannot_be_written_is_refused_before_any_work(tmp_path, tiny_recipe):
    (tmp_path / "file").write_text("not a folder")
    answer = distilbench("run", tiny_recipe, "--output", tmp_path / "file", cache=tmp_path / "cache")
    refused(answer, "cannot write")
    assert not list((tmp_path / "cache").rglob("stage.json"))


def test_full_disk_is_one_sentence_and_leaves_nothing_half_written(tmp_path, tiny_recipe):
    def no_file_over_20_kilobytes():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    run = ("run", tiny_recipe, "--set", "teacher.epochs=1", "--output", tmp_path / "run")
    answer = distilbench_apart(*run, cache=tmp_path / "cache", before=no_file_over_20_kilobytes)
    refused(answer, "finished stages are kept")
    assert not list((tmp_path / "cache").rglob("*.tmp"))
    assert not list((tmp_path / "cache").rglob("teacher/*/stage.json"))


def test_full_disk_while_torchscript_is_written_is_one_sentence_too(tmp_path, tiny_recipe, tiny_bert):
    """Written by torch itself, a file that does not fit would end the process without a word."""
    checkpoint = save_tiny_transformer(tmp_path / "checkpoint", tiny_bert) / "model.safetensors"
    largest = checkpoint.stat().st_size + 500  # TorchScript adds some 1,800 bytes to the weights

    def no_file_as_large_as_the_archive():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    changes = ("--set", "teacher.formats=[eager, torchscript]", "--set", "teacher.epochs=1")
    run = ("run", tiny_recipe, *changes, "--output", tmp_path / "run")
    answer = distilbench_apart(*run, cache=tmp_path / "cache", before=no_file_as_large_as_the_archive)
    refused(answer, "File too large; finished stages are kept")
    stages = tmp_path / "cache" / "stages"
    assert [len(list(stages.glob(f"{kind}/*/stage.json"))) for kind in ("teacher", "bundle")] == [1, 1]
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_interrupt_and_kill_lose_nothing(tmp_path, tiny_recipe):
    """Ctrl-C exits 130 with a sentence; after kill -9 the same command goes on from the stages that were finished."""
    few = ("speed_seeds=0", "teacher.formats=[eager]", "formats=[onnx]", "objectives=[{name: logits}]")
    changes = [word for change in few for word in ("--set", change)]
    command = [sys.executable, "-c", PROGRAM, "run", str(tiny_recipe), "--output", str(tmp_path / "run"), *changes]
    environment = {**os.environ, "DISTILBENCH_CACHE": str(tmp_path / "cache")}

    def finished(stages):
        """The records of finished stages: the folder of one being written starts with a dot."""
        records = (tmp_path / "cache" / "stages").glob(f"{stages}/stage.json")
        return [record for record in records if not record.parent.name.startswith(".")]

    def start_and_stop(kind, number):
        process = subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        while not finished(f"{kind}/*"):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        process.send_signal(number)
        return process.returncode, *process.communicate(), process.returncode

    *_, stderr, code = start_and_stop("teacher", signal.SIGINT)
    assert code == 130
    assert stderr.strip().splitlines()[-1].startswith("distilbench: interrupted; finished stages are kept, and epochs")
    assert not (tmp_path / "run" / "run.json").exists()
    start_and_stop("student", signal.SIGKILL)
    before = {path: path.stat().st_mtime_ns for path in finished("*/*")}
    assert subprocess.run(command, env=environment, capture_output=True).returncode == 0
    assert before
    assert all(path.stat().st_mtime_ns == time_ns for path, time_ns in before.items())
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_predict_prints_a_line_for_each_text_from_arguments_or_standard_input(tiny_onnx, tmp_path):
    given = distilbench("predict", tiny_onnx, "a lovely film", "dull", cache=tmp_path)
    piped = distilbench_apart("predict", tiny_onnx, cache=tmp_path, stdin="a lovely film\ndull\n")
    assert given.stdout == piped.stdout
    lines = [line.split("\t") for line in given.stdout.splitlines()]
    assert [text for *_, text in lines] == ["a lovely film", "dull"]
    assert all(label in ("bad", "good") and 0.5 <= float(probability) <= 1 for label, probability, _ in lines)
    assert "bad=" in distilbench("predict", tiny_onnx, "dull", "--all", cache=tmp_path).stdout


def test_standard_input_that_is_not_utf8_is_refused_with_its_line(tiny_onnx, tmp_path):
    command = [sys.executable, "-c", PROGRAM, "predict", str(tiny_onnx)]
    answer = subprocess.run(command, capture_output=True, input="good\ncafé".encode("latin-1"))
    assert answer.returncode == 2
    assert b"line 2 of standard input is not UTF-8" in answer.stderr


def test_predict_refuses_a_changed_bundle(tiny_onnx, tmp_path):
    copy = shutil.copytree(tiny_onnx, tmp_path / "bundle")
    (copy / "model.onnx").write_bytes(b"changed")
    refused(distilbench_apart("predict", copy, "text", cache=tmp_path), "is not the file that was exported")


def test_cache_is_shown_and_pruned(tmp_path):
    from materials.stages import Stage, StageStore

    StageStore(root=tmp_path).get(
        Stage(name="student", version=1, inputs={}), lambda folder: (folder / "a").write_text("b")
    )
    assert "student" in distilbench("cache", cache=tmp_path).stdout
    refused(distilbench("cache", "--prune", "--kind", "studnet", cache=tmp_path), "did you mean 'student'?")
    distilbench("cache", "--prune", "--older-than", "30", cache=tmp_path)
    assert list(tmp_path.rglob("stage.json"))
    distilbench("cache", "--prune", "--kind", "student", cache=tmp_path)
    assert not list(tmp_path.rglob("stage.json"))


def test_what_another_process_reads_stays_in_the_cache_and_the_command_says_so(tmp_path):
    reader = started("read", tmp_path)
    assert reader.stdout.readline() == "reads\n"
    answer = distilbench("cache", "--prune", cache=tmp_path)
    assert "1 of 1 entries stay, as a run that is going on reads or makes them" in answer.stderr.replace("\n", " ")
    assert reader.communicate("go on\n")[0] == "9\n"
    assert "stay" not in distilbench("cache", "--prune", cache=tmp_path).stderr
    assert not list(tmp_path.rglob("stage.json"))


def test_a_cache_that_was_deleted_under_a_command_is_one_sentence(tmp_path, monkeypatch):
    def run_without_cache(request, *, dry_run):
        folder = StageStore(root=tmp_path / "cache").get(STAGE, make_square)
        shutil.rmtree(tmp_path / "cache")
        (folder / "result.txt").read_text(encoding="utf-8")

    monkeypatch.setattr("bench.commands.run.run_recipe", run_without_cache)
    answer = distilbench("run", "movie-reviews", cache=tmp_path / "cache")
    refused(answer, "was deleted while this run needed it; give the same command again, and it is made anew")


def test_only_an_error_that_was_caused_by_a_file_is_told_as_one(tmp_path):
    from materials.errors import why_not_written

    def raised(*, cause):
        try:
            try:
                (tmp_path / "there").touch()
                (tmp_path / "there" / "below").mkdir()
            except NotADirectoryError as error:
                raise KeyError("Not a directory") from (error if cause else None)
        except KeyError as error:
            return error

    assert why_not_written(raised(cause=True)).endswith("below: Not a directory")
    assert why_not_written(raised(cause=False)) is None
    assert why_not_written(ValueError("File exists")) is None
    assert why_not_written(RuntimeError("reading failed: Permission denied (os error 13)")) is None
    assert why_not_written(FileExistsError(17, "File exists", "theirs")) is None
    reading = PermissionError(13, "Permission denied", "rows.csv")
    assert why_not_written(reading) == "cannot open rows.csv: Permission denied"
