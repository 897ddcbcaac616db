"""What a run makes: its models, what was measured of each of their files, and the bundle of what it did not export."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.harness.measurement import Measurement
from bench.recipe.cell import Cell
from export.bundle import Bundle

if TYPE_CHECKING:
    from bench.steps.workplace import SeedPlace


@dataclass(frozen=True, kw_only=True)
class Model:
    """A trained model of one seed and its bundles by format.

    One that is not `is_timed` is measured for its quality alone. `cell` is none for teachers and peers. Peers have
    no checkpoint: their libraries write a bundle at once. A model that could not be trained has neither, but an
    `error`. `transfer_rows` is how many transfer rows a student learned from. `thresholds` say by format from which
    probability on a file answers alone. `knowledge` is the folder of the teacher's stored outputs, and the
    teacher's alone.
    """

    title: str
    role: str
    seed: int
    splits: Path
    cell: Cell | None = None
    is_timed: bool = True
    checkpoint: Path | None = None
    bundles: Mapping[str, Path] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    transfer_rows: int | None = None
    error: str | None = None
    knowledge: Path | None = None

    def trained(self, checkpoint: Path, *, rows: int) -> "Model":
        """The same model with its checkpoint and the number of transfer rows it learned from."""
        return replace(self, checkpoint=checkpoint, transfer_rows=rows)

    def exported(self, bundles: Mapping[str, Path]) -> "Model":
        """The same model with its bundles."""
        return replace(self, bundles=bundles)

    def failed(self, error: str) -> "Model":
        """The same model as one that could not be trained."""
        return replace(self, error=error)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One file of a model: its bundle and the measurement, or the sentence that says why that failed."""

    model: Model
    format: str
    bundle: Path
    measurement: Measurement | str

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells the files of a run apart."""
        return self.model.title, self.format, self.model.seed


def unexported(
    place: "SeedPlace",
    folder: Path,
    *,
    format: str,
    runtime: str,
    model: str,
    licences: Mapping[str, str],
    model_file: str = "",
    architecture: str | None = None,
    parity: str = "none",
) -> Bundle:
    """The bundle of a library's own files, or of answers in a file: no exporter wrote it.

    Its architecture is the runtime's name unless said.
    """
    rows = place.rows
    return Bundle(
        folder=folder,
        format=format,
        runtime=runtime,
        model_file=model_file,
        precision="fp32",
        architecture=architecture or runtime,
        task=rows.task,
        label_names=rows.label_names,
        modality=rows.modality,
        inputs=(),
        max_length_tokens=None,
        padding=None,
        parameters=None,
        made={"recipe": place.work.recipe.name, "model": model, "seed": place.seed},
        licences=licences,
        exported={},
        parity={"status": parity, "reason": None},
        files={},
    )
