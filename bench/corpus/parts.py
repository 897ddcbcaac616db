"""What is scored already: parts of the output that survive a crash, and their manifest."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from materials.errors import RequestError
from materials.files import new_file, read_json_object, write_json

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = "manifest.json"
FAULTS_SUFFIX = ".faults.jsonl"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One finished file of scored rows; the next part begins with the row of the corpus numbered `next_row`."""

    file: str
    rows: int
    faults: int
    next_row: int


@dataclass
class Parts:
    """The folder of finished parts of an output, all made with the same `settings`."""

    folder: Path
    settings: Mapping[str, Any]
    parts: list[Part] = field(default_factory=list)

    @property
    def next_row(self) -> int:
        """The first row of the corpus that no finished part has."""
        return self.parts[-1].next_row if self.parts else 0

    @property
    def rows(self) -> int:
        """How many rows are scored."""
        return sum(part.rows for part in self.parts)

    @property
    def faults(self) -> int:
        """How many rows could not be scored."""
        return sum(part.faults for part in self.parts)

    def schema(self) -> "pa.Schema | None":
        """The columns of the finished parts; none without any."""
        from pyarrow.parquet import read_schema

        return read_schema(self.folder / self.parts[0].file) if self.parts else None

    def add(self, table: "pa.Table", faults: Mapping[int, str], next_row: int) -> None:
        """Write one more part: first its files, then the manifest that names them, so that a crash loses no row."""
        from pyarrow.parquet import write_table

        name = f"part-{len(self.parts):06d}"
        with new_file(self.folder / f"{name}{FAULTS_SUFFIX}") as temporary:
            lines = [json.dumps({"row": row, "reason": reason}, ensure_ascii=False) for row, reason in faults.items()]
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        with new_file(self.folder / f"{name}.parquet") as temporary:
            write_table(table, temporary, compression="zstd")
        part = Part(file=f"{name}.parquet", rows=table.num_rows, faults=len(faults), next_row=next_row)
        self.parts.append(part)
        content = {"settings": dict(self.settings), "parts": [asdict(part) for part in self.parts]}
        write_json(self.folder / MANIFEST, content)

    def join(self, output: Path) -> Path | None:
        """Write all parts into one Parquet file, and rows with faults into one beside it, which is returned if any."""
        import pyarrow.parquet as pq

        schema = self.schema()
        if schema is None:
            raise RequestError("the corpus has no row; nothing was written")
        with new_file(output) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for part in self.parts:
                writer.write_table(pq.read_table(self.folder / part.file))
        side_file = output.with_name(f"{output.stem}{FAULTS_SUFFIX}")
        if not self.faults:
            side_file.unlink(missing_ok=True)
            return None
        with new_file(side_file) as temporary, temporary.open("w", encoding="utf-8") as stream:
            for part in self.parts:
                stream.write((self.folder / part.file).with_suffix(FAULTS_SUFFIX).read_text(encoding="utf-8"))
        return side_file

    def remove(self) -> None:
        """Delete the parts; the manifest first, so that what a crash leaves of them is never gone on with."""
        (self.folder / MANIFEST).unlink()
        for file in self.folder.iterdir():
            file.unlink()
        self.folder.rmdir()


def open_parts(folder: Path, settings: Mapping[str, Any], *, resume: bool) -> Parts:
    """The parts that are there, where the work is to go on, else none.

    Raises RequestError where there are parts and `resume` is false, or where they were made with other settings.
    """
    content = read_json_object(folder / MANIFEST)
    if not content:
        folder.mkdir(parents=True, exist_ok=True)
        return Parts(folder, settings)
    if not resume:
        raise RequestError(
            f"{folder} holds an earlier, unfinished scoring; add --resume to go on with it, or delete it"
        )
    earlier = content["settings"]
    other = [name for name in settings if earlier.get(name) != settings[name]]
    if other:
        differences = "; ".join(f"{name} was {earlier.get(name)!r} and is {settings[name]!r}" for name in other)
        raise RequestError(f"{folder} was begun with other settings ({differences}); delete it to begin anew")
    return Parts(folder, settings, [Part(**part) for part in content["parts"]])
