"""fastText's own classifier: a softmax over the mean vector of a text's words and word pairs."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from materials.errors import RequestError
from materials.files import write_json
from peers.peer import LoadedPeer, PeerData, best_on_validation, encodable, in_label_order

SETTINGS = {"lr": 0.5, "wordNgrams": 2, "bucket": 200_000, "dim": 100}  # as in its tutorial, but for its default dim
EPOCHS = (5, 25)  # its default and its tutorial's
LABEL = "__label__"


def train(data: PeerData, folder: Path) -> None:
    """Train for each number of epochs and store the model that is best on validation rows.

    It trains on one thread, whatever `data.threads` says: on more, its result depends on their timing.
    """
    names = data.label_names
    best_model = best_on_validation(
        _models(data), lambda model, texts: _classify(model, texts, len(names)), data.validation
    )
    best_model.save_model(str(folder / "model.bin"))
    write_json(folder / "labels.json", names)


def load(folder: Path, threads: int) -> LoadedPeer:
    """Read a stored model. It classifies on one thread, whatever `threads` says, since the library has no other way."""
    import fasttext

    model = fasttext.load_model(str(folder / "model.bin"))
    label_count = len(json.loads((folder / "labels.json").read_text(encoding="utf-8")))
    return LoadedPeer(
        classify=lambda texts: _classify(model, texts, label_count),
        threads=1,
        find_labels=lambda texts: _find_labels(model, texts),
    )


def _models(data: PeerData) -> Iterator[Any]:
    import fasttext

    order = np.random.default_rng(data.seed).permutation(len(data.train))  # it takes rows in the order of the file
    lines = _lines(data.train.items)
    with tempfile.TemporaryDirectory() as scratch:
        rows = Path(scratch) / "train.txt"
        content = "".join(f"{LABEL}{data.train.targets[row]} {lines[row]}\n" for row in order)
        rows.write_text(content, encoding="utf-8", newline="\n")
        models = 0
        for epochs in EPOCHS:
            try:
                model = fasttext.train_supervised(
                    input=str(rows), epoch=epochs, seed=data.seed, thread=1, verbose=0, **SETTINGS
                )
            except RuntimeError as error:
                if "NaN" not in str(error):
                    raise
                continue  # on some rows its weights grow without bounds; the other number of epochs may do
            models += 1
            yield model
        if not models:
            raise RequestError("peer 'fasttext' diverges on these rows, whatever its number of epochs")


def _lines(texts: Sequence[str]) -> list[str]:
    """Each text as one line in lower case without a label of the library; it cuts at spaces itself."""
    return [text.lower().replace("\n", " ").replace(LABEL, " ") for text in encodable(texts)]


def _find_labels(model: Any, texts: Sequence[str]) -> np.ndarray:
    labels, _ = model.predict(_lines(texts))
    return np.array([int(text_labels[0][len(LABEL) :]) for text_labels in labels], dtype=np.int64)


def _classify(model: Any, texts: Sequence[str], label_count: int) -> np.ndarray:
    labels, probabilities = model.predict(_lines(texts), k=-1)  # of each text, by falling probability
    columns = np.fromiter((int(label[len(LABEL) :]) for label in chain.from_iterable(labels)), dtype=np.int64)
    # The library sorts each text's labels by probability; sorting them by number puts all texts' columns in one order.
    label_order = np.argsort(columns.reshape(len(texts), -1), axis=1)
    classes = np.sort(columns[: len(labels[0])])
    return in_label_order(
        np.take_along_axis(np.array(probabilities), label_order, axis=1), classes.tolist(), label_count
    )
