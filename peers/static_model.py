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
from materials.weights import check_config_in
from peers.peer import LoadedPeer, PeerData, encodable, in_label_order

DIMENSIONS = 256  # the library's default; fewer where the body has fewer


def train(data: PeerData, folder: Path) -> None:
    """Distil the body at `data.weights`, fine-tune on the train rows, and store what the library itself stores."""
    with _quiet(), _torch_threads(data.threads):
        from model2vec.train import StaticModelForClassification

        model = StaticModelForClassification.from_static_model(model=_distil(data.weights))
        _fit(model, data)
        model.to_pipeline().save_pretrained(str(folder))
    write_json(folder / "labels.json", data.label_names)


def load(folder: Path, threads: int) -> LoadedPeer:
    """Read a stored model. Its head may name any class or function of scikit-learn, so it counts as code.

    From then on the matrix products of this process take `threads` threads; the tokenizer takes those of the
    environment (RAYON_NUM_THREADS).
    """
    from threadpoolctl import ThreadpoolController

    with _quiet():
        from model2vec.inference import StaticModelPipeline

        pipeline = StaticModelPipeline.from_pretrained(folder)
    classes = pipeline.classes_.tolist()
    label_count = len(json.loads((folder / "labels.json").read_text(encoding="utf-8")))
    libraries = ThreadpoolController()
    libraries.limit(limits=threads)

    def classify(texts: Sequence[str]) -> np.ndarray:
        probabilities = pipeline.predict_proba(encodable(texts), use_multiprocessing=False)
        return in_label_order(probabilities, classes, label_count)

    thread_count = max((library.num_threads for library in libraries.lib_controllers), default=1)
    return LoadedPeer(classify=classify, threads=thread_count)


def _distil(weights: Path) -> Any:
    from model2vec.distill import distill_from_model
    from transformers import AutoModel, AutoTokenizer

    check_config_in(weights)
    body = AutoModel.from_pretrained(weights, local_files_only=True, trust_remote_code=False, use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(weights, local_files_only=True, trust_remote_code=False)
    tokenizer.backend_tokenizer.no_padding()  # to a fixed length, as MiniLM's file has it, which only costs time
    model = distill_from_model(
        model=body,
        tokenizer=tokenizer,
        device="cpu",
        pca_dims=min(DIMENSIONS, body.config.hidden_size),
        quantize_to="float32",  # in which it is fine-tuned
    )
    model.embedding = np.ascontiguousarray(model.embedding)  # else safetensors 0.8.0 mixes its values up
    return model


def _fit(model: Any, data: PeerData) -> None:
    """Fine-tune until the validation rows, or else a tenth of the train rows, have not improved for five epochs."""
    # The library refuses a validation label that no train row has.
    train_labels = set(data.train.targets.tolist())
    usable_rows = [row for row, label in enumerate(data.validation.targets.tolist()) if label in train_labels]
    texts = encodable(data.validation.items)
    try:
        model.fit(
            encodable(data.train.items),
            data.train.targets.tolist(),
            X_val=[texts[row] for row in usable_rows] or None,
            y_val=data.validation.targets[usable_rows].tolist() or None,
            device="cpu",
            random_seed=data.seed,
        )
    except SystemExit:  # what its trainer makes of Ctrl-C
        raise KeyboardInterrupt from None


@contextlib.contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    import torch

    previous_threads = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(previous_threads)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep progress bars, log lines and warnings that no user can act on off the screen."""
    previous_level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    screen = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
            warnings.filterwarnings("ignore", module=r"lightning\.")  # on settings of a trainer that we cannot reach
            warnings.filterwarnings("ignore", "unclosed file", ResourceWarning, r"model2vec\.persistence")
            yield
    finally:
        logging.disable(previous_level)
