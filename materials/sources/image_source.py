"""All forms in which a user gives images: a folder, an archive of one, arrays, or a column of a Parquet file."""

from dataclasses import replace
from pathlib import Path

from materials.errors import RequestError
from materials.report import Report
from materials.rows import Source, Table
from materials.sources.image_archive import ARCHIVE_SUFFIXES, archive_folder, unpack
from materials.sources.image_array import array_folder, is_idx_folder, read_idx, read_npz
from materials.sources.image_folder import is_image_folder, read_image_folder, read_images
from materials.sources.image_table import TEXT, image_column, read_image_table, table_folder

ARRAY_SUFFIX = ".npz"


def is_image_source(name: str, column: str = TEXT) -> bool:
    """Whether a recipe's name for its data means images, by what it is called, or by a Parquet file's schema.

    `column` is the one that the recipe reads.
    """
    return is_image_folder(name) or is_kept_in_cache(name, column)


def is_kept_in_cache(name: str, column: str = TEXT) -> bool:
    """Whether images of this name are written into the cache to be read: all but those of an image folder."""
    if is_image_folder(name):
        return is_idx_folder(Path(name))
    return _is_archive(name) or name.lower().endswith(ARRAY_SUFFIX) or is_image_table(name, column)


def is_image_table(name: str, column: str = TEXT) -> bool:
    """Whether a name is that of a Parquet file with a column of images."""
    return image_column(Path(name), column) is not None


def read_image_source(name: str, root: Path, report: Report, *, column: str = TEXT, label: str | None = None) -> Source:
    """The images and labels of any form; what is not in files of its own is written below the cache folder `root`.

    `column` and `label` are those of a Parquet file. Raises RequestError for what is damaged or holds no images.
    """
    path = Path(name)
    if is_idx_folder(path):
        return read_idx(path, root)
    if _is_archive(name):
        unpacked = unpack(path, root, report)
        source = read_image_folder(unpacked.folder)
        with_notes = {
            part: replace(table, notes=(*unpacked.notes, *table.notes))
            for part in ("train", "validation", "test")
            if (table := getattr(source, part))
        }
        return replace(source, **with_notes)
    if name.lower().endswith(ARRAY_SUFFIX):
        if not path.is_file():
            raise RequestError(f"there is no file {path}; expected an {ARRAY_SUFFIX} file of images")
        return read_npz(path, root)
    if is_image_table(name, column):
        return Source(train=read_image_table(path, root, column=column, label=label, report=report))
    return read_image_folder(path)


def cached_folder(name: str, root: Path, *, column: str = TEXT) -> Path:
    """Where below the cache folder `root` the images of a form that is kept there are, or would be."""
    path = Path(name)
    if is_image_table(name, column):
        return table_folder(path, root, column=column)
    return archive_folder(path, root) if _is_archive(name) else array_folder(path, root)


def read_unlabelled_images(name: str, root: Path, report: Report, *, column: str = TEXT) -> Table:
    """All images of any form, without their labels."""
    if _is_archive(name):
        unpacked = unpack(Path(name), root, report)
        table = read_images(unpacked.folder)
        return replace(table, notes=(*unpacked.notes, *table.notes))
    if not is_kept_in_cache(name, column):
        return read_images(Path(name))
    source = read_image_source(name, root, report, column=column)
    tables = [table for table in (source.train, source.validation, source.test) if table]
    return replace(source.train, items=[item for table in tables for item in table.items], labels=None)


def _is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVE_SUFFIXES) and not Path(name).is_dir()
