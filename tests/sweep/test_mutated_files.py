"""Whatever a file holds, opening it ends with its work done or in one sentence: no traceback, crash, hang or flood.

The usual suite opens some hundreds of mutated files, `tox -e sweep` ten thousand of each kind.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import mutated_loading
import pandas as pd
import pytest
from sample_texts import sentences

ROOT = Path(__file__).parents[2]
MOST_DEATHS, MOST_SECONDS = 30, 3600


@pytest.fixture(scope="session")
def places(tmp_path_factory, tiny_bundle, tiny_classifier, tiny_onnx, tiny_recipe, reviews):
    """The folders of sound files, by the names that the cases give them."""
    root = tmp_path_factory.mktemp("sound")
    (root / "recipe").mkdir()
    (root / "recipe" / "recipe.yaml").write_bytes(tiny_recipe.read_bytes())
    (root / "full-recipe").mkdir()
    (root / "full-recipe" / "recipe.yaml").write_bytes((ROOT / "recipes" / "movie-reviews.yaml").read_bytes())
    return {
        "onnx": str(tiny_onnx),
        "eager": str(tiny_bundle("student", "eager")),
        "transformer": str(tiny_bundle("transformer", "onnx")),
        "bpe": str(save_bpe_bundle(root / "bpe", tiny_bundle("transformer", "onnx"))),
        "classifier": str(tiny_classifier),
        "peer": str(save_peer(root / "peer")),
        "plain": str(save_rows(root / "plain", compression=None, version="1.0")),
        "packed": str(save_rows(root / "packed", compression="zstd", row_group_size=40)),
        "rows": str(reviews),
        "run": str(ROOT / "results" / "patience"),
        "news": str(ROOT / "results" / "zero-shot-news-nli"),
        "other-run": str(ROOT / "results" / "glue" / "stsb"),
        "recipe": str(root / "recipe"),
        "full-recipe": str(root / "full-recipe"),
    }


def save_rows(folder, **options):
    """Rows with labels, lists and class numbers."""
    folder.mkdir()
    texts, labels = sentences(120)
    frame = pd.DataFrame({"text": texts, "label": labels, "number": range(120), "tags": [["a", "b"]] * 120})
    frame.to_parquet(folder / "rows.parquet", **options)
    return folder


def save_bpe_bundle(folder, source):
    """Somebody else's ONNX file beside a tokenizer of another kind."""
    import shutil

    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    folder.mkdir()
    for name in ("model.onnx", "config.json", "tokenizer_config.json"):
        shutil.copyfile(source / name, folder / name)
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("``", '"')])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(r"\s+", "isolated"), pre_tokenizers.ByteLevel()]
    )
    trainer = trainers.BpeTrainer(vocab_size=100, special_tokens=["<pad>", "<unk>", "<s>", "</s>"])
    tokenizer.train_from_iterator(sentences(100)[0], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def save_peer(folder):
    """A bundle of scikit-learn's model."""
    from sample_texts import labelled

    from export.bundle import Bundle, write_bundle
    from materials.tasks import task_of
    from peers import require
    from peers.peer import PeerData

    folder.mkdir()
    rows = labelled(60)
    data = PeerData(train=rows, validation=rows, label_names=("bad", "good"), weights=folder, seed=0, threads=1)
    require("tfidf-logistic").train(data, folder)
    about = {"architecture": "tfidf", "precision": "fp32", "modality": "text", "model_file": ""}
    nothing = {name: {} for name in ("made", "licences", "exported", "files")}
    nothing["parity"] = {"status": "none", "reason": None}
    write_bundle(
        Bundle(
            **{**about, **nothing},
            folder=folder,
            format="library",
            runtime="tfidf-logistic",
            task=task_of("single-label"),
            label_names=("bad", "good"),
            inputs=(),
            max_length_tokens=None,
            padding=None,
            parameters=None,
        )
    )
    return folder


def open_mutated(places, runs, folder):
    """Open the mutated files of all runs, and give what failed, what killed a process among it."""
    (folder / "bait").write_text("not to be read")
    failures, deaths, began = [], Counter(), time.monotonic()
    for attempt in range(MOST_DEATHS * len(runs)):
        work = folder / str(attempt)
        work.mkdir()
        (work / "plan.json").write_text(json.dumps({"places": places, "runs": runs}))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(Path(mutated_loading.__file__).parent)])
        process = subprocess.run(
            [sys.executable, mutated_loading.__file__, str(work / "plan.json"), str(work)],
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
        )
        lines = work / "failures.jsonl"
        failures += [json.loads(line) for line in lines.read_text().splitlines()] if lines.is_file() else []
        at = work / "at"
        if not at.is_file():
            assert process.returncode == 0, process.stderr[-3000:]
            break
        kind, number = at.read_text().rsplit(" ", 1)
        said = process.stderr[-2500:]
        failures.append({"kind": kind, "number": int(number), "fault": f"killed ({process.returncode}): {said}"})
        deaths[kind] += 1
        runs = remaining(runs, kind, int(number) + 1, give_up=deaths[kind] >= MOST_DEATHS)
        assert time.monotonic() - began < MOST_SECONDS * len(runs), failures
    return failures


def remaining(runs, kind, first, *, give_up):
    """What is left to do of the runs after a process died just before this number of a kind."""
    place = next(place for place, (name, _, _) in enumerate(runs) if name == kind)
    _, start, count = runs[place]
    rest = [] if give_up or first >= start + count else [(kind, first, start + count - first)]
    return [*rest, *runs[place + 1 :]]


def test_mutated_files_end_in_one_sentence(places, tmp_path, request):
    count, chosen = request.config.getoption("--mutations"), request.config.getoption("--mutated")
    kinds = chosen.split(",") if chosen else list(mutated_loading.KINDS)
    assert set(kinds) <= set(mutated_loading.KINDS)
    failures = open_mutated(places, [(kind, 0, count) for kind in kinds], tmp_path)
    for failure in failures:
        print(f"{failure['kind']} {failure['number']}: {failure['fault']}")
    assert not failures, Counter(f"{failure['kind']}: {failure['fault'][-200:]}" for failure in failures)
