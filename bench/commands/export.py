"""The command `export`: a recipe's model, or anybody's, to any formats, each through the parity gate."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table as ScreenTable

from bench.outside.columns import Columns
from bench.outside.export_rows import rows_for, split_rows
from bench.outside.opened import described_by
from bench.reports.run_folder import prove_writable
from bench.reports.screen import Screen, plain_console
from export.bundle import RECORD, Bundle, read_bundle, read_trained
from export.exporting import ExportRequest, export_bundle, open_origin
from export.formats import EXPORTERS, refusal, require_formats, why_impossible
from export.from_text.gate import TEXT_MODEL, add_text_graph, check_can_take_texts
from export.from_text.graph import check_tokenizer
from export.graphs.prepared import plain_onnx
from export.origin import OPSET, Origin, Unfit
from materials.errors import RequestError, unknown
from materials.files import new_folder
from materials.licences import commerce_notice, marked

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class ExportOrder:
    """What the command line asks for; `data` holds real rows to calibrate and judge on, in these `columns`.

    `licence` is the model's, for one whose folder does not say it.
    """

    place: Path
    formats: str
    output: Path
    data: Path | None = None
    columns: Columns = field(default_factory=Columns)
    licence: str | None = None
    opset: int = OPSET
    with_tokenizer: bool = False


def export_model(order: ExportOrder) -> int:
    """Write one bundle a format below the output folder and print what came of each; 1 when a gate failed, else 0."""
    formats = _formats(order.formats)
    if order.with_tokenizer and not any(EXPORTERS[name].runtime == "onnxruntime" for name in formats):
        raise RequestError(f"--with-tokenizer makes an ONNX file, and none of the formats is one: {order.formats}")
    if order.with_tokenizer:
        check_can_take_texts(order.opset)
    origin_record, licences = _record_of(order)
    modality, task = described_by(order.place, order.columns)
    calibration, judged = split_rows(order.data, order.columns, modality=modality, task=task)
    _check_places(order, formats)
    prove_writable(order.output)
    screen = Screen()
    if notice := commerce_notice(licences):
        screen.notice(notice)
    with open_origin(order.place, calibration.items, opset=order.opset, modality=modality) as origin:
        wanted, formats = formats, _possible(formats, origin.classifier.architecture, order)
        if order.with_tokenizer:
            check_tokenizer(origin.classifier.encoder)
        if order.opset != OPSET:
            _try_opset(origin)
        if left_out := _left_out(wanted, formats, origin.classifier.architecture):
            screen.notice(left_out)
        rows = rows_for(origin, judged)
        request = ExportRequest(
            origin=origin, rows=rows, made=origin_record, licences=licences, made_up=order.data is None
        )
        bundles, refused = [], False
        for format in formats:
            with screen.step(f"{order.place.name} to {format}"), _folder(order, format) as folder:
                export_bundle(request, format, folder)
            bundles.append(read_bundle(order.output / format, to_run=False))
            if (
                order.with_tokenizer
                and bundles[-1].runtime == "onnxruntime"
                and bundles[-1].parity["status"] == "passed"
            ):
                refused |= not _add_tokenizer(bundles[-1], rows.items, screen)
    _print(bundles, order.output)
    return 1 if refused or any(bundle.parity["status"] == "failed" for bundle in bundles) else 0


def _formats(names: str) -> list[str]:
    """The formats named, with commas between them. Raises RequestError for one that is unknown or named twice."""
    formats = list(EXPORTERS) if names == ALL else [name.strip() for name in names.split(",")]
    for name in formats:
        if name not in EXPORTERS:
            raise RequestError(unknown("format", name, [*EXPORTERS, ALL]))
        if formats.count(name) > 1:
            raise RequestError(f"--to names {name} twice; each format is written once")
    return formats


def _possible(formats: Sequence[str], architecture: str, order: ExportOrder) -> list[str]:
    """Those of the formats that can be. Raises RequestError for one that was named and cannot."""
    possible = [name for name in formats if why_impossible(name, architecture) is None]
    if order.formats != ALL and (refused := [name for name in formats if name not in possible]):
        raise RequestError(
            f"{architecture} cannot be exported to {refused[0]}: {why_impossible(refused[0], architecture)}"
        )
    if order.formats == ALL:
        possible = [name for name in possible if not refusal(name)]
    require_formats(possible)
    real = [name for name in possible if not EXPORTERS[name].lossy]
    if order.data is None and order.formats != ALL and (refused := [name for name in possible if name not in real]):
        raise RequestError(
            f"{refused[0]} is judged by what it changes on real rows, and maybe calibrated on some; "
            "give a file of them with --quantize-data"
        )
    return possible if order.data else real


def _left_out(formats: Sequence[str], written: Sequence[str], architecture: str) -> str:
    """Why formats that `all` names are not written, in one sentence."""
    reasons = {
        name: why_impossible(name, architecture) or refusal(name) or "needs rows (--quantize-data)"
        for name in formats
        if name not in written
    }
    return "; ".join(f"{name} is left out: {reason}" for name, reason in reasons.items())


def _record_of(order: ExportOrder) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """What the place says of where its model comes from, and of licences."""
    place = order.place
    if not (place / RECORD).is_file():
        if not place.is_dir():
            raise RequestError(f"{place} is no folder; expected a checkpoint, an eager bundle or a Hugging Face folder")
        licence = marked(order.licence) if order.licence else "unknown (a local folder)"
        name = place.resolve().name
        return {"from": name}, {name: licence}
    bundle = read_trained(place)
    return bundle.made, {**bundle.licences, **({"model": marked(order.licence)} if order.licence else {})}


@contextmanager
def _folder(order: ExportOrder, format: str) -> Iterator[Path]:
    """An empty folder that becomes the bundle's; when that fails, nothing of it stays."""
    existed = order.output.exists()
    try:
        with new_folder(order.output / format) as folder:
            yield folder
    finally:
        if not existed:
            with suppress(OSError):  # unless it is empty
                order.output.rmdir()


def _check_places(order: ExportOrder, formats: Sequence[str]) -> None:
    """Raise RequestError where a bundle would take the place of something that is no bundle."""
    for place in (order.output / format for format in formats):
        if place.exists() and not (place / RECORD).is_file() and (place.is_file() or any(place.iterdir())):
            raise RequestError(f"{place} is there already and is no bundle; name another folder with --output")


def _try_opset(origin: Origin) -> None:
    """Raise RequestError for an opset that cannot express the model, before anything is written."""
    with suppress(Unfit):  # which the table says of each format
        plain_onnx(origin)


def _add_tokenizer(bundle: Bundle, texts: Sequence[str], screen: Screen) -> bool:
    """Write the file that takes texts beside the model, and say what its own gate found; false when it refuses."""
    place = bundle.folder / TEXT_MODEL
    try:
        with screen.step(f"{bundle.format} from texts"):
            check = add_text_graph(bundle.folder, texts)
    except RequestError as refusal:
        screen.notice(f"{place} is not written: {refusal}")
        return False
    compared = f"on {check.rows_compared} rows its probabilities differ by {check.largest_difference:.1e} at most"
    if EXPORTERS[bundle.format].lossy:
        compared += f" before operators are joined; after that {check.agreement:.2%} of its sure labels are the same"
    screen.notice(f"{place} takes texts: {compared}; {check.rows_outside} rows hold characters that it reads otherwise")
    return True


def _print(bundles: Sequence[Bundle], output: Path) -> None:
    table = ScreenTable(title=f"bundles in {output}", title_justify="left", padding=(0, 0))
    kept = bundles[0].task.kept_title if bundles else ""
    for name in ("format", "gate", "differs by", kept, "MB", "seconds", "peak MB", "setting"):
        table.add_column(name, overflow="fold")
    for bundle in bundles:
        parity = bundle.parity
        table.add_row(
            bundle.format,
            parity["status"],
            "" if parity["largest_difference"] is None else f"{parity['largest_difference']:.1e}",
            f"{parity['agreement']:.1%}",
            f"{bundle.size_bytes / 1e6:.2f}",
            f"{bundle.exported['seconds']:.1f}",
            f"{bundle.exported['peak_memory_bytes'] / 1e6:,.0f}",
            parity["setting"] if parity["status"] != "failed" else parity["reason"],
        )
    plain_console().print(table)
