"""Any model that was opened to be measured, and the rows it is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.harness.measurement import Measurement
from bench.outside.columns import Columns
from bench.outside.probabilities import are_probabilities, as_logits
from export.bundle import RECORD as BUNDLE_RECORD
from export.bundle import Bundle, read_bundle
from export.foreign import open_model
from materials.catalogue import DATASETS
from materials.errors import RequestError
from materials.files import cache_folder
from materials.modalities import MODALITIES
from materials.report import silent
from materials.rows import Rows, Source, Table
from materials.sources.class_names import read_new_names, renamed
from materials.sources.image_array import image_at, is_row
from materials.sources.image_source import is_image_source, read_image_source
from materials.sources.image_table import TEXT
from materials.sources.table_file import read_table
from materials.tasks import task_of
from materials.tasks.task import Task
from materials.weights import WeightsFolder
from training.model_record import FILE as MODEL_RECORD
from training.model_record import read_model_record


@dataclass(frozen=True, kw_only=True)
class OpenedModel:
    """A model that was opened, and its name in the table."""

    title: str
    place: Path
    bundle: Bundle


def open_place(
    place: Path,
    columns: Columns,
    *,
    label_names: Sequence[str] | None = None,
    max_length_tokens: int | None = None,
    others: Sequence[OpenedModel] = (),
) -> OpenedModel:
    """Open a model, and name it so that it is not taken for one of the others. Raises RequestError as `open_model`."""
    modality = "pair" if columns.text_pair else None
    bundle = open_model(place, label_names=label_names, max_length_tokens=max_length_tokens, modality=modality)
    return OpenedModel(title=_title(place, bundle, others), place=place, bundle=bundle)


def read_rows(data: Path, columns: Columns, bundle: Bundle, *, place: Path | None = None) -> Rows:
    """The rows of a file, or of a folder of images, as the items and targets of a model (in `place`).

    Rows without labels have the targets of such rows. Raises RequestError for the name of a data set, as a model may
    have been trained on its rows, for items of another kind, and for labels that the model does not know.
    """
    if str(data) in DATASETS:
        raise RequestError(
            f"--data {data} is a whole data set, with the rows that models were trained on; give a file, such as "
            "test-rows/seed-0.parquet in a run's folder"
        )
    table = read_items(data, columns, bundle.modality, bundle.task)
    advice = "name a model's labels in the order of its outputs with --labels, or give rows of its own task"
    check_known(str(place or bundle.folder), bundle.task, bundle.label_names, table, advice=advice)
    labels = table.labels or [None] * len(table.items)
    return Rows(items=table.items, targets=bundle.task.targets(labels, bundle.label_names), modality=bundle.modality)


def check_known(model: str, task: Task, label_names: Sequence[str], table: Table, *, advice: str) -> None:
    """Raise RequestError, which speaks of the `model`, when rows have labels that are not among its label names."""
    if not task.has_names:
        return
    names = {name for label in table.labels or () for name in ((label,) if isinstance(label, str) else label)}
    if unknown_names := sorted(names - set(label_names)):
        raise RequestError(
            f"{model} knows the labels {', '.join(label_names)}; the rows have {', '.join(unknown_names[:5])}; {advice}"
        )


def read_items(data: Path, columns: Columns, modality: str, task: Task) -> Table:
    """The items and labels of a file, or of images in any form. Raises RequestError for items of another kind."""
    plural, default = MODALITIES[modality].plural, MODALITIES[modality].columns
    if columns.text_pair and modality != "pair":
        raise RequestError(f"--text-pair is given, but the model reads {plural}")
    if columns.class_names and modality != "image":
        raise RequestError(f"--class-names is given, which is for images, but the model reads {plural}")
    if modality == "image" and is_image_source(str(data), columns.text or TEXT):
        source = read_image_source(str(data), cache_folder(), silent, column=columns.text or TEXT, label=columns.label)
        return _with_class_names(source.test or source.train, columns)
    if data.is_dir():
        raise RequestError(f"{data} is a folder, and the model reads {plural}; give a file of them")
    table = read_table(
        data,
        text=columns.text or default[0],
        text_pair=(columns.text_pair or default[1]) if modality == "pair" else None,
        label=columns.label,
        task=task,
        separator=columns.separator,
    )
    return _with_class_names(_as_images(table, data), columns) if modality == "image" else table


def described_by(place: Path, columns: Columns) -> tuple[str, Task]:
    """What a trained model reads, and what is asked of it, without loading its weights."""
    record = place / MODEL_RECORD
    if (place / BUNDLE_RECORD).is_file():
        bundle = read_bundle(place)
        return bundle.modality, bundle.task
    if record.is_file():
        content = read_model_record(place)
        modality = content.get("modality") or ("image" if content["architecture"] == "image-classifier" else "text")
        return modality, task_of(content.get("task", "single-label"), content.get("task_settings"))
    weights = WeightsFolder(path=place, digest="", licence="")
    modality = weights.modality or "text"
    is_classifier = (place / "config.json").is_file() and weights.modality is not None
    task = task_of(weights.task_name) if is_classifier else task_of("single-label")
    return ("pair" if columns.text_pair and modality == "text" else modality), task


def check_labels(model: OpenedModel, first: Bundle) -> None:
    """Raise RequestError unless a model answers the same question as the first: items, task and labels."""
    bundle, place = model.bundle, model.place
    if bundle.modality != first.modality:
        plurals = [MODALITIES[modality].plural for modality in (bundle.modality, first.modality)]
        raise RequestError(f"{place} reads other items: it takes {plurals[0]}, not {plurals[1]}")
    if bundle.task.name != first.task.name:
        raise RequestError(f"{place} is of another task: {bundle.task.name}, not {first.task.name}")
    if bundle.task.has_names and set(bundle.label_names) != set(first.label_names):
        raise RequestError(
            f"{place} is of another task: its labels are {', '.join(bundle.label_names)}, not "
            f"{', '.join(first.label_names)}"
        )


def in_label_order(measurement: Measurement, bundle: Bundle, label_names: Sequence[str]) -> Measurement:
    """The measurement with its outputs as logits in the order of `label_names`.

    Raises RequestError when their number differs.
    """
    names, outputs = list(bundle.label_names), measurement.logits.shape[1]
    if outputs != len(names):
        raise RequestError(f"the model returns {outputs} scores a text, but {len(names)} labels are named")
    measurement = replace(measurement, logits=as_logits(bundle, measurement.logits))
    if not bundle.task.has_names:  # one output, whatever it is called
        return measurement
    return replace(measurement, logits=measurement.logits[:, [names.index(name) for name in label_names]])


def peculiarities(model: OpenedModel, measurement: Measurement) -> list[str]:
    """What is to be said of a measured file of somebody else: how it was run, and what its outputs were taken for."""
    sentences = []
    if model.bundle.inputs and model.bundle.inputs[0].dimensions[0] == 1:
        sentences.append(f"{model.title} takes one text at a time, so its batches are run one by one")
    if are_probabilities(model.bundle, measurement.logits):
        name = model.bundle.output or "its output"
        sentences.append(f"{model.title} gives probabilities ({name}), and they are taken as such")
    return sentences


def _with_class_names(table: Table, columns: Columns) -> Table:
    """The table with the names of the file --class-names, which may name more: a part of the images may be measured."""
    if columns.class_names is None or table.labels is None:
        return table
    names_file, classes = Path(columns.class_names), set(map(str, table.labels))
    new_names = {name: new for name, new in read_new_names(names_file).items() if name in classes}
    return renamed(Source(train=table), new_names, names_file).train


def _as_images(table: Table, data: Path) -> Table:
    """A table of paths as one of images. Raises RequestError for a path where no file is."""
    missing = [path for path in table.items if not is_row(path) and not Path(path).is_file()]
    if missing:
        raise RequestError(f"{data} names the image file {missing[0]}, which is not there ({len(missing)} in all)")
    return replace(table, items=[image_at(path) for path in table.items], modality="image")


def _title(place: Path, bundle: Bundle, others: Sequence[OpenedModel]) -> str:
    """What made the model, or its place; its whole place where that title is taken."""
    resolved = place.resolve()
    title = str(
        bundle.made.get("model") or (resolved.name if place.is_dir() else f"{resolved.parent.name}/{resolved.stem}")
    )
    other_titles = {(other.title, other.bundle.format, other.bundle.made.get("seed")) for other in others}
    return str(place) if (title, bundle.format, bundle.made.get("seed")) in other_titles else title
