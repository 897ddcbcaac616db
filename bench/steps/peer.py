"""The step that trains a peer: a ready-made library on the same labelled rows, kept as a bundle of its own files."""

from importlib.metadata import version
from pathlib import Path

from bench.steps.models import unexported
from bench.steps.sources import describe_sources
from bench.steps.training import ending_the_cell
from bench.steps.workplace import SeedPlace
from export.bundle import remember_bundle, write_bundle
from materials.stages import Stage
from peers import require
from peers.peer import PeerData

PEER_FORMAT = "library"


def train_peer(place: SeedPlace, name: str) -> Path:
    """The bundle of a peer, trained by its own library.

    Raises RequestError when that is not installed, and CellFailed when it cannot learn from the rows.
    """
    peer, recipe = require(name), place.work.recipe
    licences = {name: peer.licence, **describe_sources(recipe)}
    inputs = {
        "peer": name,
        "versions": {package: version(package) for package in peer.packages},
        "splits": place.splits.name,
        "weights": place.weights.digest,
        "seed": place.seed,
    }
    if recipe.data.licence:
        inputs["licences"] = licences

    def make(folder: Path) -> None:
        with place.work.screen.step(f"peer {name}, seed {place.seed}"), ending_the_cell():
            peer.train(_data(place), folder)
        write_bundle(unexported(place, folder, format=PEER_FORMAT, runtime=name, model=name, licences=licences))

    bundle = place.work.store.get(Stage(name="peer", version=3, inputs=inputs), make)
    remember_bundle(bundle, name)
    return bundle


def _data(place: SeedPlace) -> PeerData:
    rows = place.rows
    return PeerData(
        train=rows.train,
        validation=rows.validation,
        label_names=rows.label_names,
        weights=place.weights.path,
        seed=place.seed,
        threads=place.work.recipe.threads,
    )
