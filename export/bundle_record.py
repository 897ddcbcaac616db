"""Whether bundle.json holds what it should: each value of its type, within bounds, and fit for the others."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from encoders.made_up_rows import MADE_UP_ROWS
from materials.files import check_types
from materials.modalities import MODALITIES
from materials.tasks.multi_label import MultiLabel

if TYPE_CHECKING:
    from export.bundle import Bundle

DTYPES = ("int32", "int64", "float32")
DIMENSIONS = ("batch", "length")
LARGEST_DIMENSION, MOST_TOKENS, LARGEST_TOKEN = 2**14, 2**17, 2**31
LONGEST_NAME = 255  # of a file
FIGURES = ("largest_difference", "noise", "agreement", "f1_drop")


def check_record(bundle: "Bundle") -> None:
    """Raise TypeError or ValueError, which say what is wrong, for a bundle that no exporter writes."""
    check_types(bundle)
    if bundle.modality not in MODALITIES:
        raise ValueError(f"modality is '{bundle.modality}'")
    if bundle.made_up_rows not in MADE_UP_ROWS:
        raise ValueError(f"its made-up rows are of an unknown kind '{bundle.made_up_rows}'")
    if not bundle.label_names or len(set(bundle.label_names)) < len(bundle.label_names):
        raise ValueError("label_names are none, or some are the same")
    for graph_input in bundle.inputs:
        sizes = [size for size in graph_input.dimensions if not isinstance(size, str)]
        names = set(graph_input.dimensions) - set(sizes)
        if graph_input.dtype not in DTYPES or not names <= set(DIMENSIONS) or any(map(_is_no_size, sizes)):
            raise ValueError(
                f"the input '{graph_input.name:.60}' is {graph_input.dtype} {graph_input.dimensions!r:.60}"
            )
    if not 1 <= (1 if bundle.max_length_tokens is None else bundle.max_length_tokens) <= MOST_TOKENS:
        raise ValueError(f"max_length_tokens is {bundle.max_length_tokens}; expected 1 to {MOST_TOKENS:,}")
    if not 0 <= (bundle.padding or 0) < LARGEST_TOKEN:
        raise ValueError(f"padding is {bundle.padding}")
    thresholds = bundle.task.thresholds if isinstance(bundle.task, MultiLabel) else None
    if isinstance(thresholds, tuple) and len(thresholds) != len(bundle.label_names):
        raise ValueError(f"there are {len(thresholds)} thresholds for {len(bundle.label_names)} labels")
    if long_names := [name for name in bundle.files if "\0" in name or len(name.encode()) > LONGEST_NAME]:
        raise ValueError(f"no file is called {long_names[0]!r:.60}")
    _check_parity(bundle.parity)
    _check_export(bundle)


def _check_export(bundle: "Bundle") -> None:
    """What the rows of a run say of how a bundle was made."""
    model, seed = bundle.made.get("model"), bundle.made.get("seed")
    if not isinstance(model, str | None) or not isinstance(seed, int | None):
        raise TypeError(f"the model that it was made of is {model!r:.60}, seed {seed!r:.60}")
    if bundle.exported:
        figures = [bundle.exported[name] for name in ("seconds", "peak_memory_bytes")]
        if not all(map(_is_figure, figures)) or not isinstance(bundle.parity["failed_settings"], dict):
            raise TypeError("what it says of its export is no figure, or failed_settings no group")
        if not isinstance(bundle.parity["setting"], str):
            raise TypeError("the setting of its export is no text")


def _is_no_size(size: Any) -> bool:
    return isinstance(size, bool) or not 1 <= size <= LARGEST_DIMENSION


def _check_parity(parity: Mapping[str, Any]) -> None:
    """What the gate found, as far as others read it on."""
    words = (parity["status"], parity["reason"] or "", parity.get("setting", ""))
    if not all(isinstance(word, str) for word in words):
        raise TypeError("parity has a status, reason or setting that is no text")
    for name in ("made_up", "bounds"):
        if not isinstance(parity.get(name, {}), dict):
            raise TypeError(f"{name} of parity is no group of figures")
    bounds, made_up = parity.get("bounds", {}), parity.get("made_up", {})
    figures = [source[name] for source in (parity, made_up) for name in FIGURES if name in source]
    if not all(_is_figure(figure) for figure in (*figures, *bounds.values())):
        raise TypeError("a figure of parity is no number")


def _is_figure(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
