"""The committed table of the sweep over architectures: CSV from outcomes, Markdown from CSV."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from architecture_outcomes import FORMATS

COLUMNS = ("kind", "architecture", "weights", "format", "outcome", "reason", "setting", "difference", "operators")
NOT_TRIED = "not tried"
WORDS = ("passed", "unfit", "refused", "failed", "crashed", "wrong", NOT_TRIED)
LONGEST_REASON = 160
Rows = Sequence[Mapping[str, str]]


def csv_table(outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """One line for each architecture and format, in the order of the names."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for name in sorted(outcomes):
        outcome = outcomes[name]
        kind, architecture = name.split("-", 1)
        about = {"kind": kind, "architecture": architecture, "weights": outcome["parameters"] or ""}
        for format in FORMATS:
            result = outcome["formats"].get(format)
            writer.writerow({**about, "format": format, **(_cells(result) if result else {"outcome": NOT_TRIED})})
    return stream.getvalue()


def read_table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def markdown_table(rows: Rows) -> str:
    """Counts, then a line for each architecture, then why those that did not pass did not."""
    return "\n".join([*_counts(rows), "", *_lines(rows), "", *_reasons(rows), ""])


def passed(rows: Rows, format: str) -> int:
    """How many architectures passed the gate in a format and answer as transformers does."""
    return sum(row["outcome"] == "passed" for row in rows if row["format"] == format)


def _cells(result: Mapping[str, Any]) -> dict[str, str]:
    reason = " ".join((result["reason"] or "").split())
    return {
        "outcome": result["outcome"],
        "reason": reason if len(reason) <= LONGEST_REASON else reason[:LONGEST_REASON].rstrip() + "...",
        "setting": result["setting"] or "",
        "difference": "" if result["difference"] is None else f"{result['difference']:.1e}",
        "operators": " ".join(result["operators"]),
    }


def _counts(rows: Rows) -> list[str]:
    counts = Counter((row["format"], row["outcome"]) for row in rows)
    body = [f"| {format} | " + " | ".join(str(counts[format, word]) for word in WORDS) + " |" for format in FORMATS]
    return [f"| format | {' | '.join(WORDS)} |", "| --- |" + " --: |" * len(WORDS), *body]


def _lines(rows: Rows) -> list[str]:
    heads = ("kind", "architecture", "weights", *FORMATS, "onnx differs by", "operators of ONNX Runtime")
    lines = [f"| {' | '.join(heads)} |", "| --- | --- | --: | --- | --- | --- | --: | --- |"]
    by_name: dict[tuple[str, str], dict[str, Mapping[str, str]]] = {}
    for row in rows:
        by_name.setdefault((row["kind"], row["architecture"]), {})[row["format"]] = row
    for (kind, architecture), formats in by_name.items():
        onnx, words = formats["onnx"], [formats[format]["outcome"] for format in FORMATS]
        cells = (kind, architecture, onnx["weights"], *words, onnx["difference"], onnx["operators"].replace(" ", ", "))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _reasons(rows: Rows) -> list[str]:
    """Formats of an architecture that have the same reason share a line."""
    formats: dict[tuple[str, str, str, str], list[str]] = {}
    for row in rows:
        if row["reason"]:
            key = (row["kind"], row["architecture"], row["outcome"], row["reason"])
            formats.setdefault(key, []).append(row["format"])
    lines = ["| kind | architecture | formats | outcome | why |", "| --- | --- | --- | --- | --- |"]
    for (kind, architecture, word, reason), names in formats.items():
        lines.append(f"| {kind} | {architecture} | {', '.join(names)} | {word} | {reason.replace('|', '&#124;')} |")
    return lines
