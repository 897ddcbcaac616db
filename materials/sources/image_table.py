"""Images in a column of a Parquet file, as the Hub keeps them: their bytes, their path, and a label a row."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from materials.cache.locks import locked
from materials.cache.readers import note_reading
from materials.errors import RequestError
from materials.files import digest, new_folder, sha256_of
from materials.modalities import ImageFile
from materials.report import Report
from materials.rows import Table
from materials.sources.table_file import called_nearly, class_names_in, decoded
from materials.tasks.task import are_list, as_name

if TYPE_CHECKING:
    import pyarrow

TEXT = "text"  # the column of a recipe that names none
LABEL = "label"
BYTES = "bytes"
ROWS_AT_ONCE = 256


def image_column(file: Path, column: str = TEXT) -> str | None:
    """The column of images of a Parquet file, by its schema alone; none where its items are texts.

    `column` is the one that a recipe names: a text column of that name has precedence over a column of images.
    """
    if file.suffix.lower() != ".parquet" or not file.is_file():
        return None
    image_columns, other_columns = _columns(str(file.resolve()), file.stat().st_mtime_ns)
    if column in image_columns:
        return column
    return image_columns[0] if image_columns and column == TEXT and TEXT not in other_columns else None


def read_image_table(file: Path, root: Path, *, column: str = TEXT, label: str | None = None, report: Report) -> Table:
    """The images of a Parquet file, written below the cache folder `root` once, with their labels if there are any.

    Rows without an image are left out. `report` is called with (rows so far, rows in all). Raises RequestError for
    labels that are missing, and where no row has an image.
    """
    images = image_column(file, column)
    if images is None:
        raise RequestError(f"{file} has no column of images '{column}'")
    folder = _write_images(file, root, column=column, report=report)
    label_column = label or _label_column(file)
    items, labels, dropped_count = [], [], 0
    names = class_names_in(file).get(label_column or "", {})
    for row, (content, cell) in enumerate(_rows(file, images, label_column), 1):
        if not content:
            dropped_count += 1
            continue
        if label_column:
            cell = decoded(names.get(cell, cell) if isinstance(cell, int) else cell, row, f"'{label_column}' of {file}")
            if are_list(cell) or isinstance(cell, dict):
                raise RequestError(
                    f"row {row} of {file} holds {cell!r:.40} in column '{label_column}'; expected a class"
                )
            if cell is None or not as_name(cell).strip():
                raise RequestError(f"row {row} of {file} has no label in column '{label_column}'; remove or fill it")
        sha256 = hashlib.sha256(content).hexdigest()
        items.append(ImageFile(path=str(_place(folder, sha256).resolve()), sha256=sha256))
        labels.append(as_name(cell).strip() if label_column else "")
    if not items:
        raise RequestError(f"no row of {file} has the bytes of an image in column '{images}'")
    return Table(items=items, labels=labels if label_column else None, modality="image", dropped=dropped_count)


def _label_column(file: Path) -> str | None:
    """The column called 'label', if there is one. Raises RequestError where one is nearly called so."""
    columns = _columns(str(file.resolve()), file.stat().st_mtime_ns)[1]
    nearest = called_nearly(LABEL, columns)
    if nearest and LABEL not in columns:
        raise RequestError(f"{file} has no column '{LABEL}'; did you mean '{nearest}'? name one with --label")
    return LABEL if nearest else None


def table_folder(file: Path, root: Path, *, column: str = TEXT) -> Path:
    """Where below `root` the images of a Parquet file are, or would be."""
    return root / "materials" / f"images-{digest([sha256_of(file), column])}"


def _write_images(file: Path, root: Path, *, column: str, report: Report) -> Path:
    """The folder below `root` with the images of a Parquet file, each by the digest of its bytes."""
    folder = table_folder(file, root, column=column)
    with locked(folder):
        if not folder.is_dir():
            images = image_column(file, column)
            total = _count(file)
            with new_folder(folder) as temporary:
                for row, (content, _) in enumerate(_rows(file, str(images), None), 1):
                    if content:
                        place = _place(temporary, hashlib.sha256(content).hexdigest())
                        place.parent.mkdir(exist_ok=True)
                        place.write_bytes(content)
                    report(row, total)
        note_reading(folder, root)
    return folder


def _place(folder: Path, sha256: str) -> Path:
    """A folder for each two first digits, as no folder should hold a million files."""
    return folder / sha256[:2] / sha256


@lru_cache(maxsize=16)
def _columns(file: str, modified: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of images and the other ones; none of either for a damaged file, which is refused where it is read.

    `modified` makes the schema of a file that was written anew be read again.
    """
    import pyarrow
    from pyarrow.parquet import read_schema

    try:
        schema = read_schema(file)
    except (pyarrow.ArrowException, OSError):
        return (), ()
    images = tuple(field.name for field in schema if _holds_images(field.type))
    return images, tuple(name for name in schema.names if name not in images)


def _holds_images(kind: "pyarrow.DataType") -> bool:
    from pyarrow import types

    if not types.is_struct(kind):
        return False
    of_fields = {kind.field(number).name: kind.field(number).type for number in range(kind.num_fields)}
    return BYTES in of_fields and (types.is_binary(of_fields[BYTES]) or types.is_large_binary(of_fields[BYTES]))


def _rows(file: Path, images: str, label: str | None) -> Iterator[tuple[bytes | None, Any]]:
    """The bytes and the label of each row, a few rows at a time. Raises RequestError for an absent column."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(file) as table:
            if label and label not in table.schema_arrow.names:
                columns = ", ".join(table.schema_arrow.names)
                raise RequestError(f"{file} has no column '{label}'; name one with --label; columns: {columns}")
            for batch in table.iter_batches(batch_size=ROWS_AT_ONCE, columns=[images, *([label] if label else [])]):
                labels = batch.column(label).to_pylist() if label else [None] * len(batch)
                for image, cell in zip(batch.column(images).to_pylist(), labels, strict=True):
                    yield (image or {}).get(BYTES), cell
    except (pyarrow.ArrowException, OSError) as error:
        raise RequestError(f"{file} cannot be read as Parquet: {error}") from None


def _count(file: Path) -> int:
    from pyarrow.parquet import read_metadata

    return int(read_metadata(file).num_rows)
