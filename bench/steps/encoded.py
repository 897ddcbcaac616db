"""Rows as a model reads them: texts encoded anew, images from a store of pixels that is made once for each size."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.steps.workplace import SeedPlace
from encoders.array_rows import ArrayEncoder
from encoders.image_encoder import ImageEncoder, keys_of
from encoders.pictures import Drawing, Pictures, let_go
from materials.files import digest
from materials.modalities import ImageFile, Item
from materials.report import Report
from materials.rows import Rows
from materials.splits.store import load_splits
from materials.stages import Stage

if TYPE_CHECKING:
    from torch import nn

    from encoders.encoder import Encoder, RowReader
    from training.classifier import Classifier
    from training.examples import Examples

PIXELS, FEATURES = "pixels.npy", "features.npy"
WORTH_SAYING_BYTES = 100e6
IMAGES_AT_ONCE = 4_096


def encoded(place: SeedPlace, encoder: "Encoder", items: Sequence[Item]) -> Any:
    """The items as the encoder gives them to a model; pixels of images stay on the disk until a batch needs them."""
    if not isinstance(encoder, ImageEncoder):
        return encoder.encode(items)
    folder = _pixel_store(place, encoder)
    row_of = _rows_of(place.all_rows)
    numbers = np.array([row_of[item.sha256] for item in items], dtype=np.int64)
    return Pictures(pixels=np.load(folder / PIXELS, mmap_mode="r"), numbers=numbers, keys=keys_of(items))


def labelled(place: SeedPlace, encoder: "Encoder", rows: Rows) -> "Examples":
    """Rows with their targets."""
    from training.examples import Examples

    return Examples(encoded=encoded(place, encoder, rows.items), targets=rows.targets)


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is trained of a teacher, on what: all of it, or the head of a frozen body on that body's features."""

    module: "nn.Module"
    encoder: "RowReader"
    train: "Examples"
    validation: "Examples"


def lesson_for(place: SeedPlace, classifier: "Classifier") -> Lesson:
    """What is trained of a seed's teacher, on which rows."""
    from training.examples import Examples, ViewedExamples

    teacher, rows, encoder = place.work.recipe.teacher, place.rows, classifier.encoder
    if teacher.frozen and not teacher.varied:  # every epoch would compute the same features
        module: Any = classifier.module
        body, top = module.parts
        features = _features_of_body(place, classifier, body)
        return Lesson(
            module=top,
            encoder=ArrayEncoder(),
            train=Examples(encoded=features(rows.train), targets=rows.train.targets),
            validation=Examples(encoded=features(rows.validation), targets=rows.validation.targets),
        )
    examples = labelled(place, encoder, rows.train)
    if teacher.varied:
        examples = ViewedExamples(encoded=examples.encoded, targets=examples.targets, drawing=drawing_of(place))
    validation = labelled(place, encoder, rows.validation)
    return Lesson(module=classifier.module, encoder=encoder, train=examples, validation=validation)


def drawing_of(place: SeedPlace) -> Drawing:
    """How views of images are drawn in a run."""
    return Drawing(**place.work.recipe.data.views.model_dump())


def _features_of_body(place: SeedPlace, classifier: "Classifier", body: "nn.Module") -> Callable[[Rows], np.ndarray]:
    """What a frozen body makes of images, float32 (rows, width), as a function of rows of the seed.

    All images of the seed are computed at once, and stored: the folds of a seed share them.
    """
    from training.loop import compute_outputs

    images, work = _images(place.all_rows), place.work
    inputs = {
        "images": digest([image.sha256 for image in images]),
        "weights": place.weights.digest,
        "encoder": digest(getattr(classifier.encoder, "settings", None)),
    }

    def make(folder: Path) -> None:
        rows = encoded(place, classifier.encoder, images)
        written: Any = None
        with work.screen.step(f"features of {len(images):,} images") as report:
            for start in range(0, len(images), IMAGES_AT_ONCE):  # all at once would have to be in memory
                some = compute_outputs(
                    body.to(work.recipe.trained_on),
                    rows[start : start + IMAGES_AT_ONCE],
                    classifier.encoder,
                    device=work.recipe.trained_on,
                    bf16=False,
                    report=partial(_report_from, report, start, len(images)),
                ).logits
                if written is None:
                    shape = (len(images), some.shape[1])
                    written = np.lib.format.open_memmap(folder / FEATURES, mode="w+", dtype=np.float32, shape=shape)
                written[start : start + len(some)] = some
                let_go(written)
        written.flush()

    folder = work.store.get(Stage(name="features", version=1, inputs=inputs), make)
    features, row_of = np.load(folder / FEATURES, mmap_mode="r"), _rows_of(place.all_rows)
    return lambda rows: np.asarray(features[[row_of[image.sha256] for image in rows.items]])


def _report_from(report: Report, start: int, total: int, done: int, _: int) -> None:
    """Report a part of the whole as what is done of it."""
    report(start + done, total)


def _pixel_store(place: SeedPlace, encoder: ImageEncoder) -> Path:
    """The folder with all images of a seed's splits at the encoder's size, decoded once."""
    images = _images(place.all_rows)
    shape = (len(images), *encoder.rules.size, 3)
    inputs = {
        "images": digest([image.sha256 for image in images]),
        "geometry": asdict(encoder.rules.geometry),
        "resample": encoder.rules.resample,
    }

    def make(folder: Path) -> None:
        screen, size_bytes = place.work.screen, int(np.prod(shape))
        if size_bytes > WORTH_SAYING_BYTES:
            screen.notice(f"the pixels of {shape[0]:,} images take {size_bytes / 1e6:,.0f} MB in the cache")
        pixels = np.lib.format.open_memmap(folder / PIXELS, mode="w+", dtype=np.uint8, shape=shape)
        with screen.step(f"pixels of {shape[0]:,} images, {shape[1]} x {shape[2]}") as report:
            encoder.fill(pixels, images, threads=os.cpu_count() or 1, report=report)
        pixels.flush()

    return place.work.store.get(Stage(name="pixels", version=1, inputs=inputs), make)


@lru_cache(maxsize=2)
def _images(splits: Path) -> list[ImageFile]:
    """All different images of a seed's splits, in the order of their digests."""
    rows = load_splits(splits)
    parts = (rows.train, rows.validation, rows.test, rows.transfer)
    return [image for _, image in sorted({item.sha256: item for part in parts for item in part.items}.items())]


@lru_cache(maxsize=2)
def _rows_of(splits: Path) -> dict[str, int]:
    return {image.sha256: row for row, image in enumerate(_images(splits))}
