"""The step that trains a peer: a ready-made library on the same labelled rows, kept as a bundle of its own files."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.steps.data import describe_sources
from bench.steps.workplace import Workplace
from export.bundle import Bundle, write_bundle
from materials.errors import RequestError
from materials.splits.split import load_splits
from materials.stages import Stage
from materials.weights import WeightsFolder
from peers import require
from peers.peer import Peer, PeerData

PEER_FORMAT = "library"


def train_peer(work: Workplace, weights: WeightsFolder, splits: Path, name: str, seed: int) -> Path:
    """The bundle of a peer, trained by its own library. Raises RequestError when that is not installed."""
    peer = require(name)
    inputs = {
        "peer": name,
        "versions": {package: version(package) for package in peer.packages},
        "splits": splits.name,
        "weights": weights.digest,
        "seed": seed,
    }
    licences = {name: peer.licence, **describe_sources(work, None)}
    if work.recipe.data.licence:
        inputs["licences"] = licences
    made = {"recipe": work.recipe.name, "model": name, "seed": seed}

    def make(folder: Path) -> None:
        loaded = load_splits(splits)
        data = PeerData(
            train=loaded.train,
            validation=loaded.validation,
            label_names=loaded.label_names,
            weights=weights.path,
            seed=seed,
            threads=work.recipe.threads,
        )
        with work.screen.step(f"peer {name}, seed {seed}"):
            _train(peer, name, data, folder)
        write_bundle(_describe(name, folder, loaded.label_names, made=made, licences=licences))

    return work.store.get(Stage(name="peer", version=2, inputs=inputs), make)


def _train(peer: Peer, name: str, data: PeerData, folder: Path) -> None:
    try:
        peer.train(data, folder)
    except (RequestError, OSError):
        raise
    except Exception as error:  # a library may raise anything for rows that it cannot learn from
        raise RequestError(f"peer '{name}' could not be trained: {type(error).__name__}: {error}") from error


def _describe(
    name: str,
    folder: Path,
    label_names: tuple[str, ...],
    *,
    made: Mapping[str, Any],
    licences: Mapping[str, str],
) -> Bundle:
    """The bundle of a library's own files, which nothing is exported from or compared with."""
    return Bundle(
        folder=folder,
        format=PEER_FORMAT,
        runtime=name,
        model_file="",
        precision="fp32",
        architecture=name,
        task="classification",
        label_names=label_names,
        modality="text",
        inputs=(),
        max_length_tokens=None,
        padding=None,
        parameters=None,
        made=made,
        licences=licences,
        exported={},
        parity={"status": "none", "reason": None},
        files={},
    )
