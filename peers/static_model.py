"""Model2Vec's own classifier: static vectors distilled from a pretrained body, fine-tuned with a small head."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from materials.files import write_json
from peers.peer import Classify, PeerData, encodable, in_label_order

DIMENSIONS = 256  # the library's default; fewer where the body has fewer


def train(data: PeerData, folder: Path) -> None:
    """Distil the body at `data.weights`, fine-tune on the train rows, and store what the library itself stores."""
    from model2vec.train import StaticModelForClassification

    with _quiet(), _torch_threads(data.threads):
        model = StaticModelForClassification.from_static_model(model=_distil(data.weights))
        _fit(model, data)
        model.to_pipeline().save_pretrained(str(folder))
    write_json(folder / "labels.json", data.label_names)


def load(folder: Path, threads: int) -> Classify:
    """Read a stored model, in which nothing but scikit-learn's types is accepted, and no code.

    The matrix products take `threads` threads; the tokenizer takes those of the environment (RAYON_NUM_THREADS).
    """
    from model2vec.inference import StaticModelPipeline
    from threadpoolctl import ThreadpoolController

    with _quiet():
        pipeline = StaticModelPipeline.from_pretrained(folder)
    classes = pipeline.classes_.tolist()
    label_count = len(json.loads((folder / "labels.json").read_text(encoding="utf-8")))
    libraries = ThreadpoolController()

    def classify(texts: Sequence[str]) -> np.ndarray:
        with libraries.limit(limits=threads):
            probabilities = pipeline.predict_proba(encodable(texts), use_multiprocessing=False)
        return in_label_order(probabilities, classes, label_count)

    return classify


def _distil(weights: Path) -> Any:
    from model2vec.distill import distill_from_model
    from transformers import AutoModel, AutoTokenizer

    body = AutoModel.from_pretrained(weights, local_files_only=True)
    return distill_from_model(
        model=body,
        tokenizer=AutoTokenizer.from_pretrained(weights, local_files_only=True),
        device="cpu",
        pca_dims=min(DIMENSIONS, body.config.hidden_size),
        quantize_to="float32",  # in which it is fine-tuned
    )


def _fit(model: Any, data: PeerData) -> None:
    """Fine-tune until the validation rows, or else a tenth of the train rows, have not improved for five epochs."""
    seen = set(data.train.labels.tolist())
    known = [row for row, label in enumerate(data.validation.labels.tolist()) if label in seen]
    texts = encodable(data.validation.texts)
    try:
        model.fit(
            encodable(data.train.texts),
            data.train.labels.tolist(),
            X_val=[texts[row] for row in known] or None,
            y_val=data.validation.labels[known].tolist() or None,
            device="cpu",
            random_seed=data.seed,
        )
    except SystemExit:  # what its trainer makes of Ctrl-C
        raise KeyboardInterrupt from None


@contextlib.contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep progress bars, banners, and warnings about nothing that a user could mend off the screen."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            with warnings.catch_warnings(record=True) as W:
                yield
                [
                    open("/tmp/w/warns.txt", "a").write(
                        f"{x.category.__name__}: {str(x.message)[:200]} @{x.filename}:{x.lineno}\n"
                    )
                    for x in W
                ]
    finally:
        logging.disable(disabled)
