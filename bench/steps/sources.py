"""The step that reads data: a recipe's data sets, files and images, wherever they lie."""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.recipe.data import Data
from bench.recipe.recipe import Recipe
from bench.recipe.recipe_student import FROM_TEACHER, Student
from bench.steps.workplace import Workplace
from materials.catalogue import DATASETS, VECTORS, WEIGHTS, fetch_folder
from materials.errors import RequestError
from materials.files import digest, files_below, sha256_of
from materials.hub_files import is_on_hub, local_file
from materials.licences import UNKNOWN_FILE, marked, source_name
from materials.report import Report, silent
from materials.rows import Source, Table
from materials.sources.class_names import read_new_names, renamed
from materials.sources.image_check import (
    Looks,
    check_images,
    check_unlabelled,
    look_at_images,
    looks_as_json,
    looks_from_json,
)
from materials.sources.image_source import (
    cached_folder,
    is_image_source,
    is_kept_in_cache,
    read_image_source,
    read_unlabelled_images,
)
from materials.sources.image_table import TEXT
from materials.sources.table_file import read_table, read_texts
from materials.stages import Stage
from materials.weights import WeightsFolder, find_weights, is_hub_name

PARTS = ("train", "validation", "test", "transfer")
LOOKS = "looks.json"


def read_own_source(work: Workplace) -> Source | None:
    """The labelled rows where all of them are the user's own files; where some are fetched, the own ones are tried.

    Fetches and keeps nothing. Raises RequestError as a run would, but for images that prove to be truncated.
    """
    data = work.recipe.data
    names = {part: name for part in PARTS[:3] if (name := getattr(data, part))}
    own_names = {part: name for part, name in names.items() if is_own(name)}
    with TemporaryDirectory() as scratch:
        if len(own_names) == len(names):
            source = read_source(work, silent, root=Path(scratch))
            return _checked_headers(source) if data.modality == "image" else source
        for part, name in own_names.items():
            _read_labelled(work.recipe, name, part, Path(scratch), silent)
    return None


def read_own_transfer(work: Workplace) -> Table | None:
    """The rows that only the teacher labels where they are the user's own. Raises RequestError as a run would."""
    name = work.recipe.data.transfer
    if not name or not is_own(name):
        return None
    with TemporaryDirectory() as scratch:
        return _read_unlabelled(work.recipe, name, Path(scratch), silent)


def own_weights(work: Workplace) -> WeightsFolder | None:
    """The teacher's folder where it is the user's own. Raises RequestError for a folder that is not there."""
    weights = work.recipe.teacher.weights
    if work.recipe.teacher.is_given:
        return None
    if weights not in WEIGHTS and (Path(weights).is_dir() or not is_hub_name(weights)):
        return find_weights(weights, work.root, report=silent)
    return None


def is_own(name: str) -> bool:
    """Whether a source is a file or folder of the user's, and nothing that is fetched."""
    return name not in DATASETS and not is_on_hub(name)


def read_source(work: Workplace, report: Report, *, root: Path | None = None) -> Source:
    """The labelled rows: the train source, with the validation and test rows that the recipe names beside it.

    Images that are in no files of their own are written below `root`, by default the cache folder.
    """
    data, root = work.recipe.data, root or work.root
    if data.train in DATASETS:
        source = DATASETS[data.train].read(fetch_folder(DATASETS[data.train], root, report))
    elif data.modality == "image":
        source = _read_images(work.recipe, data.train, root, report)
    else:
        # Where nothing is learned from labels, they are read only if test rows are split off these.
        reads_labels = not work.recipe.is_label_free or data.test is None
        if reads_labels:
            source = Source(train=_read_labelled(work.recipe, data.train, "train", root, report))
        else:
            source = Source(train=_read_unlabelled(work.recipe, data.train, root, report))
    official = {
        part: _read_part(work, name, part, root, report)
        for part in ("validation", "test")
        if (name := getattr(data, part))
    }
    source = replace(source, **official)
    if data.class_names is None:
        return source
    return renamed(source, read_new_names(Path(data.class_names)), Path(data.class_names))


def read_transfer(work: Workplace, report: Report) -> Table | None:
    """The rows that only the teacher labels; none where the recipe names none."""
    name = work.recipe.data.transfer
    if name is None:
        return None
    if name in DATASETS:
        return DATASETS[name].read(fetch_folder(DATASETS[name], work.root, report)).train
    return _read_unlabelled(work.recipe, name, work.root, report)


def find_looks(work: Workplace) -> Looks | None:
    """What is odd about the images of a recipe, each of which is decoded once; none where its items are texts.

    Images that the cache holds, and that were deleted there, are written again. Raises RequestError as reading does.
    """
    data = work.recipe.data
    if data.modality != "image":
        return None
    for name in {_on_this_machine(name) for part in PARTS if (name := getattr(data, part))}:
        if name in DATASETS:
            DATASETS[name].read(fetch_folder(DATASETS[name], work.root, silent))
        elif _is_lost(name, work.root, data.text):
            with work.screen.step(f"images of {name}") as report:
                read_unlabelled_images(name, work.root, report, column=data.text)

    def make(folder: Path) -> None:
        with work.screen.step("check of images") as report:
            source, transfer = read_source(work, report), read_transfer(work, report)
            tables = (source.train, source.validation, source.test, transfer)
            images = [image for table in tables if table for image in table.items]
            looks = looks_as_json(look_at_images(images, report))
        (folder / LOOKS).write_text(json.dumps(looks, indent=1), encoding="utf-8")

    folder = work.store.get(Stage(name="image-check", version=1, inputs={"sources": source_digests(work)}), make)
    return looks_from_json(json.loads((folder / LOOKS).read_text(encoding="utf-8")))


def _is_lost(name: str, root: Path, column: str) -> bool:
    """Whether images that are read from the cache are not there; of a file that is not there reading tells."""
    if not is_kept_in_cache(name, column) or not Path(name).exists():
        return False
    return not cached_folder(name, root, column=column).is_dir()


def checked(source: Source, transfer: Table | None, looks: Looks | None) -> tuple[Source, Table | None]:
    """The rows less the images that cannot be learned from; texts as they are. Raises RequestError as a check does."""
    if looks is None:
        return source, transfer
    return check_images(source, looks), check_unlabelled(transfer, looks) if transfer else None


def source_digests(work: Workplace) -> dict[str, str | None]:
    """What the content of each part's source is known by."""
    data = work.recipe.data
    return {part: _source_digest(getattr(data, part), work.root, data.text) for part in PARTS}


def _source_digest(name: str | None, root: Path, column: str) -> str | None:
    if name is None:
        return None
    if name in DATASETS:
        content = f"{name} {DATASETS[name].archive.sha256}"
        return content if DATASETS[name].modality == "text" else digest([content, str(root.resolve())])
    place = local_file(name)
    if place.is_dir():
        # Splits keep the paths of images, so a folder that was moved is another source.
        content = digest([str(place.resolve()), *([str(file), sha256_of(file)] for file in _shown_below(place))])
    else:
        content = sha256_of(place) if place.is_file() else name
    if not is_kept_in_cache(str(place), column):
        return content
    # For the same reason images in the cache are other ones where the cache was moved, or in another column.
    return digest([content, str(root.resolve()), *([] if column == TEXT else [column])])


def _shown_below(folder: Path) -> list[Path]:
    return [file for file in files_below(folder) if file.is_file() and not file.name.startswith(".")]


def _checked_headers(source: Source) -> Source:
    tables = [table for table in (source.train, source.validation, source.test) if table]
    images = [image for table in tables for image in table.items]
    return check_images(source, look_at_images(images, silent, decodes=False))


def describe_sources(recipe: Recipe, student: Student | None = None) -> dict[str, str]:
    """The licences of the data and word vectors that a model is made from, for its bundle."""
    data = recipe.data
    names = [name for name in (data.train, data.validation, data.test, data.transfer) if name]
    licence_of_files = marked(data.licence) if data.licence else UNKNOWN_FILE
    licences = {
        name if name in DATASETS else source_name(name): DATASETS[name].licence
        if name in DATASETS
        else licence_of_files
        for name in names
    }
    if recipe.teacher.borrows_embeddings:
        licences.update(_licence_of(recipe.teacher.embeddings))
    if student and student.vectors in VECTORS:
        licences[str(student.vectors)] = VECTORS[str(student.vectors)].archive.licence
    if student and student.is_pretrained and student.weights != FROM_TEACHER:
        licences.update(_licence_of(student.weights))
    return licences


def _licence_of(weights: str) -> dict[str, str]:
    if weights in WEIGHTS:
        return {weights: WEIGHTS[weights].archive.licence}
    return {source_name(weights): "unknown (see the model's page)"}


def _read_part(work: Workplace, name: str, part: str, root: Path, report: Report) -> Table:
    if name in DATASETS:
        return DATASETS[name].read(fetch_folder(DATASETS[name], root, report)).rows_for(part)
    if work.recipe.is_label_free and part == "validation":
        return _read_unlabelled(work.recipe, name, root, report)
    return _read_labelled(work.recipe, name, part, root, report)


def _read_labelled(recipe: Recipe, name: str, part: str, root: Path, report: Report) -> Table:
    """The rows of a file, or of images in any form, whose own rows of that part, if any, are taken alone."""
    data = recipe.data
    if is_image_source(_on_this_machine(name), data.text):
        source = _read_images(recipe, name, root, report)
        return source.train if part == "train" else source.rows_for(part)
    return read_table(
        local_file(name),
        text=data.text,
        text_pair=data.text_pair,
        label=data.label,
        task=recipe.task,
        separator=data.separator,
        drop_missing=data.drop_missing,
    )


def _read_images(recipe: Recipe, name: str, root: Path, report: Report) -> Source:
    """The images of any form. Raises RequestError where the recipe's rows are texts."""
    data = recipe.data
    if data.modality != "image":
        raise RequestError(f"{name} holds images, and the train rows are texts; for images set data.items to image")
    return read_image_source(_on_this_machine(name), root, report, column=data.text, label=data.label)


def _on_this_machine(name: str) -> str:
    """A source by its name, or, where it is on the Hub, the path of the file that is fetched."""
    return str(local_file(name)) if is_on_hub(name) else name


def _read_unlabelled(recipe: Recipe, name: str, root: Path, report: Report) -> Table:
    """The items of a file; their column is named as that of the other files, or by data.transfer_text."""
    data: Data = recipe.data
    if is_image_source(place := _on_this_machine(name), data.text):
        return read_unlabelled_images(place, root, report, column=data.text)
    option = "--text" if data.train in DATASETS else "--set data.transfer_text=COLUMN"
    return read_texts(
        local_file(name),
        text=data.transfer_text or data.text,
        text_pair=data.text_pair,
        option=option,
        drop_missing=data.drop_missing,
    )
