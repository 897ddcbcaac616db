"""One contract for every library in PEERS."""

import importlib.metadata
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sample_texts import sentences

from materials.errors import RequestError
from materials.rows import Rows
from peers import PEERS, require
from peers.peer import PeerData, best_on_validation, encodable, in_label_order

NAMES = ("none", "good", "bad")  # not in the order of the alphabet, and the first has no row
ODD_TEXTS = [
    *("", " \n\t", "\x00", "two\nlines\r\nof rain", "__label__2 </s>", "\ud800 alone", "電影很好 🎬 İ", "x" * 5000),
]


def rows(count, start=0):
    texts, labels = sentences(count, start=start)
    return Rows(items=texts, targets=np.array([NAMES.index(label) for label in labels], dtype=np.int64))


def as_read(texts, label=1):
    return Rows(items=texts, targets=np.full(len(texts), label, dtype=np.int64))


@pytest.fixture(scope="module")
def data(tiny_bert):
    return PeerData(
        train=rows(400), validation=rows(80, start=1000), label_names=NAMES, weights=tiny_bert, seed=3, threads=1
    )


@pytest.fixture(scope="module", params=PEERS)
def peer(request):
    if PEERS[request.param].missing_packages:
        pytest.skip(f"{' and '.join(PEERS[request.param].missing_packages)} not installed")
    return PEERS[request.param]


@pytest.fixture(scope="module")
def trained(peer, data, tmp_path_factory):
    return train(peer, data, tmp_path_factory.mktemp("peer"))


def train(peer, data, folder):
    folder.mkdir(exist_ok=True)
    peer.train(data, folder)
    return folder


def test_learns_what_can_be_learned_and_keeps_the_order_of_the_labels(peer, trained):
    unseen = rows(60, start=2000)
    probabilities = peer.load(trained, 1)(unseen.items)
    assert probabilities.shape == (60, 3)
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities[:, 0] == 0).all()
    assert (probabilities.argmax(axis=1) == unseen.targets).mean() > 0.9


def test_a_batch_gives_what_its_texts_give_one_by_one(peer, trained):
    classify = peer.load(trained, 1)
    texts = rows(10, start=3000).items
    assert np.allclose(classify(texts), np.concatenate([classify([text]) for text in texts]), atol=1e-5)


def test_a_pair_is_read_as_its_texts_one_after_the_other(peer, trained):
    classify = peer.load(trained, 1)
    pairs = [tuple(text.rsplit(" ", 1)) for text in rows(10, start=4000).items]
    assert np.allclose(classify(pairs), classify([" ".join(pair) for pair in pairs]), atol=1e-6)


def test_fasttext_that_diverges_is_refused_and_other_faults_are_not_hidden(data, tmp_path, monkeypatch):
    fasttext = pytest.importorskip("fasttext")
    for message, kind in (("Encountered NaN.", RequestError), ("out of memory", RuntimeError)):

        def fail(message=message, **settings):
            raise RuntimeError(message)

        monkeypatch.setattr(fasttext, "train_supervised", fail)
        with pytest.raises(kind, match="diverges on these rows" if kind is RequestError else message):
            PEERS["fasttext"].train(data, tmp_path)


def test_any_text_gets_probabilities(peer, trained):
    probabilities = peer.load(trained, 1)(ODD_TEXTS)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_another_process_that_has_only_the_folder_gives_the_same(peer, trained, tmp_path):
    name = next(name for name, candidate in PEERS.items() if candidate is peer)
    program = (
        "import pathlib, sys, numpy; from peers import PEERS\n"
        "texts = ['a lovely film', 'rain']\n"
        "numpy.save(sys.argv[3], PEERS[sys.argv[1]].load(pathlib.Path(sys.argv[2]), 1)(texts))"
    )
    root = Path(sys.modules["peers"].__file__).parent.parent
    command = [sys.executable, "-c", program, name, str(trained), str(tmp_path / "there.npy")]
    environment = {**os.environ, "PYTHONPATH": str(root), "TOKENIZERS_PARALLELISM": "false"}
    subprocess.run(command, check=True, cwd=tmp_path, env=environment)
    here = peer.load(trained, 1)(["a lovely film", "rain"])
    assert np.allclose(np.load(tmp_path / "there.npy"), here, atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["there.npy"]


def test_same_seed_same_model_and_training_is_silent_and_leaves_nothing(
    peer, data, trained, tmp_path, monkeypatch, capfd
):
    scratch, work = tmp_path / "scratch", tmp_path / "work"
    scratch.mkdir()
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a peer must not need the network"))
    again = peer.load(train(peer, data, tmp_path / "again"), 1)(ODD_TEXTS)
    assert capfd.readouterr() == ("", "")
    assert [*scratch.iterdir(), *work.iterdir()] == []
    assert np.array_equal(again, peer.load(trained, 1)(ODD_TEXTS))


def test_no_file_is_a_pickle(trained):
    for path in trained.iterdir():
        assert path.suffix in {".json", ".safetensors", ".bin", ".skops", ".md"}
        assert not path.read_bytes().startswith((b"\x80\x04", b"\x80\x05", b"PK\x03\x04archive"))


def test_odd_texts_can_be_trained_on(peer, data, tmp_path):
    odd = replace(data, train=Rows(items=data.train.items[:60] + ODD_TEXTS, targets=np.arange(68) % 3))
    probabilities = peer.load(train(peer, odd, tmp_path), 1)(ODD_TEXTS)
    assert np.isfinite(probabilities).all()


def test_one_class_is_certain(peer, data, tmp_path):
    texts = data.train.items[:40]
    single_class_data = replace(data, train=as_read(texts[:30]), validation=as_read(texts[30:]))
    probabilities = peer.load(train(peer, single_class_data, tmp_path), 1)(["a lovely film", ""])
    assert probabilities.tolist() == [[0, 1, 0], [0, 1, 0]]


def test_validation_rows_may_be_missing_or_of_a_class_without_train_rows(peer, data, tmp_path):
    without = replace(data, train=rows(60), validation=as_read([]))
    with_other = replace(data, train=rows(60), validation=as_read(data.validation.items, label=0))
    for number, chosen in enumerate((without, with_other)):
        assert peer.load(train(peer, chosen, tmp_path / str(number)), 1)(["rain"]).shape == (1, 3)


def test_tfidf_without_any_word_says_so(data, tmp_path):
    wordless = replace(data, train=Rows(items=["!", ""], targets=np.array([1, 2])))
    with pytest.raises(RequestError, match="'tfidf-logistic' found no word of two letters in the train texts"):
        PEERS["tfidf-logistic"].train(wordless, tmp_path)


def test_a_peer_whose_package_is_missing_names_it_and_the_extra(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("peers.peer.distribution", missing)
    with pytest.raises(RequestError, match="'fasttext' needs the package fasttext-numpy2-wheel; .* extra 'peers'"):
        require("fasttext")
    with pytest.raises(RequestError, match="'model2vec' needs the packages model2vec and lightning and skeletoken"):
        require("model2vec")


def test_an_unknown_peer_names_the_nearest_one():
    with pytest.raises(RequestError, match="unknown peer 'fastext'; did you mean 'fasttext'"):
        require("fastext")


def test_columns_follow_the_labels_and_rows_sum_to_one():
    probabilities = np.array([[0.3, 0.1], [0.0, 2.0]])
    assert np.allclose(in_label_order(probabilities, [2, 0], 3), [[0.25, 0, 0.75], [1, 0, 0]])


def test_best_on_validation_is_the_first_with_the_highest_macro_f1():
    validation = Rows(items=["a", "b", "c"], targets=np.array([0, 1, 1]))
    always = {"zero": [1.0, 0.0], "one": [0.0, 1.0], "one again": [0.1, 0.9]}

    def predict(model, texts):
        return np.array([always[model]] * len(texts))

    assert best_on_validation(always, predict, validation) == "one"  # macro-F1 of 0.25, 0.4 and 0.4
    assert best_on_validation(always, predict, as_read([])) == "zero"


def test_lone_surrogates_become_question_marks():
    assert encodable(["plain", "é \ud800!"]) == ["plain", "é ?!"]
