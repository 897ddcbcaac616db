"""The step that reads data: a recipe's data sets, files and folders, wherever they lie."""

from dataclasses import replace
from pathlib import Path

from bench.recipe.data import Data
from bench.recipe.recipe import Recipe
from bench.recipe.recipe_student import FROM_TEACHER, Student
from bench.steps.workplace import Workplace
from materials.catalogue import DATASETS, VECTORS, WEIGHTS, fetch_folder
from materials.files import digest, sha256_of
from materials.hub_files import is_on_hub, local_file
from materials.licences import UNKNOWN_FILE, marked, source_name
from materials.report import Report, silent
from materials.rows import Source, Table
from materials.sources.image_folder import is_image_folder, read_image_folder, read_images
from materials.sources.table_file import read_table, read_texts
from materials.weights import WeightsFolder, find_weights, is_hub_name


def read_own_source(work: Workplace) -> Source | None:
    """The labelled rows where all of them are the user's own files; where some are fetched, the own ones are tried.

    Fetches nothing. Raises RequestError as a run would.
    """
    data = work.recipe.data
    names = [name for name in (data.train, data.validation, data.test) if name]
    own_names = [name for name in names if is_own(name)]
    if len(own_names) == len(names):
        return read_source(work, silent)
    for name in own_names:
        _read_labelled(work.recipe, name)
    return None


def check_transfer_source(work: Workplace) -> None:
    """Read the rows that only the teacher labels where they are the user's own. Raises RequestError as a run would."""
    if work.recipe.data.transfer and is_own(work.recipe.data.transfer):
        _read_unlabelled(work.recipe, work.recipe.data.transfer)


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


def read_source(work: Workplace, report: Report) -> Source:
    """The labelled rows: the train source, with the validation and test rows that the recipe names beside it."""
    data = work.recipe.data
    if data.train in DATASETS:
        source = DATASETS[data.train].read(fetch_folder(DATASETS[data.train], work.root, report))
    elif is_image_folder(data.train):
        source = read_image_folder(Path(data.train))
    else:
        # Where nothing is learned from labels, they are read only if test rows are split off these.
        reads_labels = not work.recipe.is_label_free or data.test is None
        source = Source(train=(_read_labelled if reads_labels else _read_unlabelled)(work.recipe, data.train))
    official = {
        part: _read_part(work, name, part, report) for part in ("validation", "test") if (name := getattr(data, part))
    }
    return replace(source, **official)


def read_transfer(work: Workplace, report: Report) -> Table | None:
    """The rows that only the teacher labels; none where the recipe names none."""
    name = work.recipe.data.transfer
    if name is None:
        return None
    if name in DATASETS:
        return DATASETS[name].read(fetch_folder(DATASETS[name], work.root, report)).train
    return _read_unlabelled(work.recipe, name)


def source_digest(name: str | None) -> str | None:
    """What the content of a source is known by."""
    if name is None:
        return None
    if name in DATASETS:
        return f"{name} {DATASETS[name].archive.sha256}"
    place = local_file(name)
    if place.is_dir():
        # Splits keep the paths of images, so a folder that was moved is another source.
        return digest([str(place.resolve()), *([str(file), sha256_of(file)] for file in _files_below(place))])
    return sha256_of(place) if place.is_file() else name


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


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _read_part(work: Workplace, name: str, part: str, report: Report) -> Table:
    if name in DATASETS:
        return DATASETS[name].read(fetch_folder(DATASETS[name], work.root, report)).rows_for(part)
    hides_labels = work.recipe.is_label_free and part == "validation"
    return (_read_unlabelled if hides_labels else _read_labelled)(work.recipe, name)


def _read_labelled(recipe: Recipe, name: str) -> Table:
    """The rows of a file, or of a folder of images, whose train part stands for all of it."""
    if is_image_folder(name):
        return read_image_folder(Path(name)).train
    data = recipe.data
    return read_table(
        local_file(name),
        text=data.text,
        text_pair=data.text_pair,
        label=data.label,
        task=recipe.task,
        separator=data.separator,
        drop_missing=data.drop_missing,
    )


def _read_unlabelled(recipe: Recipe, name: str) -> Table:
    """The items of a file; their column is named as that of the other files, or by data.transfer_text."""
    if is_image_folder(name):
        return read_images(Path(name))
    data: Data = recipe.data
    option = "--text" if data.train in DATASETS else "--set data.transfer_text=COLUMN"
    return read_texts(
        local_file(name),
        text=data.transfer_text or data.text,
        text_pair=data.text_pair,
        option=option,
        drop_missing=data.drop_missing,
    )
