"""The command `verify`: the gate once more, on a finished bundle."""

from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.table import Table as ScreenTable

from bench.outside.columns import Columns
from bench.outside.export_rows import rows_for
from bench.outside.opened import read_items
from bench.record.machine import check_device
from bench.reports.screen import Screen, plain_console
from export.bundle import RECORD, Bundle, read_bundle, read_trained
from export.exporting import ExportRequest, gate, open_origin
from export.formats import EXPORTERS
from export.gate.parity import Parity, ParityBounds
from export.gate.verifying import check_stored
from export.memory import limited_memory
from export.runtimes import RUNTIMES
from materials.errors import RequestError

SHOWN = {
    "largest_difference": "largest difference of logits",
    "noise": "noise of logits, over their spread",
    "agreement": "{kept}",
    "f1_drop": "{headline} lost",
}


@dataclass(frozen=True, kw_only=True)
class VerifyOrder:
    """Which bundle to judge; `against` is the trained model, and `data` real rows, or none for what the bundle has.

    `allow_code` lets a bundle of another machine run code.
    """

    place: Path
    against: Path | None = None
    data: Path | None = None
    columns: Columns = field(default_factory=Columns)
    threads: int = 1
    device: str = "cpu"
    allow_code: bool = False


def verify_bundle(order: VerifyOrder) -> int:
    """Judge a bundle and print what was found beside what was found at export; 1 when it fails, else 0.

    Raises RequestError when a file's digest differs, of the trained model's bundle too, when the bundle is code that is
    not allowed, or there is nothing to compare with.
    """
    if order.data is not None and order.against is None:
        raise RequestError("--data needs the trained model too; name it with --against")
    check_device(order.device)
    # CUDA takes room by its own rules, and the trained model and the user's rows have a size of their own.
    is_alone = order.device == "cpu" and order.against is None
    with limited_memory(order.place) if is_alone else nullcontext():
        return _verify(order)


def _verify(order: VerifyOrder) -> int:
    bundle = read_bundle(order.place, allow_code=order.allow_code)
    if bundle.runtime not in RUNTIMES:
        raise RequestError(
            f"{order.place} was made by {bundle.runtime}, not exported; there is no model to compare with"
        )
    screen = Screen()
    if bundle.parity["status"] == "failed":
        screen.notice(f"{order.place} failed its gate when it was exported: {bundle.parity['reason']}")
    with screen.step(f"verifying {order.place}"):
        if order.against is None:
            parity = check_stored(bundle, order.threads, order.device)
        else:
            parity = _against(bundle, order, order.against)
    _print(bundle, parity, order)
    return 1 if parity.status == "failed" else 0


def _against(bundle: Bundle, order: VerifyOrder, against: Path) -> Parity:
    import torch

    table = read_items(order.data, order.columns, bundle.modality, bundle.task) if order.data else None
    if table is None and EXPORTERS[bundle.format].lossy:
        raise RequestError(
            f"{bundle.format} is judged by what it changes on real rows; give a file of them with --data"
        )
    if (against / RECORD).is_file():
        read_trained(against)
    torch.set_num_threads(order.threads)  # the gate runs both models with torch's number
    with open_origin(against, [], modality=bundle.modality) as origin:
        if bundle.task.has_names and origin.classifier.label_names != bundle.label_names:
            raise RequestError(
                f"{against} has the labels {', '.join(origin.classifier.label_names)}; the bundle's are "
                f"{', '.join(bundle.label_names)}"
            )
        bounds = ParityBounds(**bundle.parity["bounds"])
        rows = rows_for(origin, table)
        request = ExportRequest(origin=origin, rows=rows, bounds=bounds, made_up=table is None)
        return gate(request, bundle, order.device)


def _print(bundle: Bundle, parity: Parity, order: VerifyOrder) -> None:
    rows = "made-up rows" if order.data is None else order.data.name
    heading = f"{order.place}: digests right; {bundle.format} {parity.status}"
    table = ScreenTable("figure", f"now, on {rows}", "at export", title=heading, title_justify="left")
    for name, words in SHOWN.items():
        if name == "f1_drop" and order.data is None:
            continue
        at_export = (bundle.parity.get("made_up", {}) if order.against is None else bundle.parity).get(name)
        title = words.format(headline=bundle.task.headline.title, kept=bundle.task.kept_title)
        table.add_row(title, _shown(name, asdict(parity)[name]), "" if at_export is None else _shown(name, at_export))
    console = plain_console()
    console.print(table)
    if parity.reason:
        console.print(parity.reason, highlight=False)


def _shown(name: str, value: float) -> str:
    return f"{value:.2%}" if name in ("agreement", "f1_drop") else f"{value:.1e}"
