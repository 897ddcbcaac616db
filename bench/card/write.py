"""The README.md of a bundle: a model card for the Hub, written from what the run measured of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.card.by_class import ClassQuality, quality_by_class
from bench.card.header import header
from bench.record.row import Row
from bench.record.run_file import Run
from bench.reports.layout import (
    TextTable,
    figure,
    markdown_tables,
    markdown_text,
    points,
    with_interval,
    without_blanks,
)
from export.bundle import Bundle, read_bundle
from export.permission import is_code
from export.runtimes import RUNTIMES
from materials.files import new_file
from materials.licences import commerce_notice

CARD = "README.md"
EXAMPLES = {"text": '"a text"', "pair": '("a premise", "a hypothesis")', "image": 'Path("image.png")'}
ITEMS = {"text": "a text", "pair": "a pair of texts", "image": "an image"}
DOES = {"single-label": "one label of", "multi-label": "any of the labels", "regression": "a number"}


def write_cards(run: Run, folder: Path) -> None:
    """Write a card into every sound bundle of a run folder whose row has figures; an older one is replaced."""
    for row in run.rows:
        place = folder / row.bundle if row.bundle else None
        if place is None or row.status == "failed" or row.headline is None or not place.is_dir():
            continue
        with new_file(place / CARD) as temporary:
            temporary.write_text(card(run, row, read_bundle(place, to_run=False)), encoding="utf-8")


def card(run: Run, row: Row, bundle: Bundle) -> str:
    """The card of one bundle. Raises ValueError where the Hub's own class cannot read it."""
    from huggingface_hub import ModelCard

    metadata, by_class = header(row, bundle, run.name), quality_by_class(row)
    parts = [
        f"# {markdown_text(f'{row.model} as {row.format}')}",
        _what(run, row, bundle),
        f"## Use it\n\n{_use(bundle)}",
        f"## Quality\n\n{_quality(row, bundle, by_class)}",
        *([f"## Speed\n\n{_speed(run, row)}"] if row.latency_p50_ms or row.end_to_end_latency_p50_ms else []),
        f"## Limits\n\n{_limits(run, bundle, by_class)}",
        f"## Licences\n\n{_licences(bundle)}",
    ]
    return str(ModelCard(f"---\n{metadata.to_yaml()}\n---\n\n" + "\n\n".join(parts) + "\n"))


def _what(run: Run, row: Row, bundle: Bundle) -> str:
    names = ", ".join(bundle.label_names) if bundle.task.has_names else ""
    decides = f"{DOES[bundle.task.name]} {names}".strip()
    learned = f", trained for `{row.objective_title}`" if row.objective_title else ""
    size = f" with {row.parameters:,} parameters" if row.parameters else ""
    sentences = (
        f"A {row.role} of the architecture `{row.architecture}`{size}{markdown_text(learned)}.",
        f"Of {ITEMS[bundle.modality]} it tells {markdown_text(decides)}.",
        f"It was made and measured by distilbench with the recipe {markdown_text(run.name)},",
        f"and exported as {row.format}, which runs on {bundle.runtime}.",
    )
    return " ".join(sentences)


def _use(bundle: Bundle) -> str:
    if bundle.runtime not in RUNTIMES:
        return f"Its own library, {bundle.runtime}, runs it: `distilbench measure this-folder --data rows.csv`."
    example, allowed = EXAMPLES[bundle.modality], ", allow_code=True" if is_code(bundle.runtime) else ""
    lines = [
        "from pathlib import Path",
        "from export.predictor import Predictor",
        f'predictor = Predictor(Path("this-folder"), threads=1{allowed})',
        f"prediction = predictor.predict([{example}])[0]",
        "print(prediction.label, prediction.probability)",
    ]
    warning = "\n\nThe file is code: it runs with all your rights." if allowed else ""
    return "```python\n" + "\n".join(lines) + "\n```" + warning


def _quality(row: Row, bundle: Bundle, by_class: Sequence[ClassQuality]) -> str:
    figures = [(metric, row.score(metric.name)) for metric in bundle.task.metrics]
    lines = [[metric.title, with_interval(metric, score)] for metric, score in figures if score is not None]
    tables: list[TextTable] = [("on the test rows, this very file", ("metric", "value"), lines)]
    cells = [[part.name, str(part.rows), points(part.f1), _interval(part.low, part.high)] for part in by_class]
    if cells:
        tables.append(without_blanks(("by class", ("class", "test rows", "F1", "95 %"), cells)))
    in_points = all(metric.unit == "points" for metric, score in figures if score is not None)
    notes = [f"{'in points; ' if in_points else ''}brackets: 95 % bootstrap intervals over the test rows"]
    if row.gap_closed is not None and row.gap_closed_low is not None and row.gap_closed_high is not None:
        interval = f"[{row.gap_closed_low:.2f}, {row.gap_closed_high:.2f}]"
        notes.append(
            f"of the gap between the same student alone and its teacher it closes {row.gap_closed:.2f} {interval}"
        )
    if row.agreement is not None and row.role != "teacher":
        notes.append(f"against its teacher, on the test rows: {points(row.agreement)} % {bundle.task.agreement_words}")
    return markdown_tables(tables, notes).rstrip("\n")


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{points(low)}, {points(high)}]"


def _speed(run: Run, row: Row) -> str:
    unit = run.unit
    figures = (
        ("p50 of one, ms, model only", figure(row.latency_p50_ms)),
        ("p99 of one, ms, model only", figure(row.latency_p99_ms)),
        (f"{unit}/s, model only", figure(row.texts_per_second)),
        ("p50 of one, ms, from item to decision", figure(row.end_to_end_latency_p50_ms)),
        (f"{unit}/s, from item to decision", figure(row.end_to_end_texts_per_second)),
        ("size, MB", "" if row.size_bytes is None else f"{row.size_bytes / 1e6:.2f}"),
        ("memory while it runs, MB", figure(_mega(row.inference_peak_memory_bytes))),
        ("times as fast as the eager fp32 teacher", figure(row.speedup) if row.role != "teacher" else ""),
    )
    lines = [[name, text] for name, text in figures if text]
    machine = f"{_processor(run.machine, row.device)}, {run.threads} thread(s), {(row.measured_at or run.created)[:10]}"
    notes = [f"measured on {machine}; on another machine these differ"]
    if row.status == "noisy":
        notes.append(f"not measured in quiet: {row.noise}")
    return markdown_tables([("speed", ("figure", "value"), lines)], notes).rstrip("\n")


def _processor(machine: Mapping[str, Any], device: str) -> str:
    gpu = machine.get("gpu")
    name = f"{machine.get('processor', 'an unknown processor')}, {machine.get('cores', '?')} cores"
    return f"{gpu['gpu']}, {name}" if gpu and device == "cuda" else name


def _limits(run: Run, bundle: Bundle, by_class: Sequence[ClassQuality]) -> str:
    sentences = [
        f"Its quality is that of the test rows of {run.name}; nothing is known of other texts, domains or languages."
        if bundle.modality != "image"
        else f"Its quality is that of the test rows of {run.name}; nothing is known of other images.",
    ]
    if bundle.max_length_tokens is not None:
        sentences.append(f"It reads the first {bundle.max_length_tokens} tokens of a text and nothing after them.")
    lost = [part.name for part in by_class if part.rows and not part.f1]
    if lost:
        sentences.append(f"It got every test row of these classes wrong: {', '.join(lost)}.")
    if bundle.sure_from is not None:
        sentences.append(f"Below the probability {bundle.sure_from:.3f} its teacher should be asked.")
    if bundle.precision != "fp32":
        sentences.append(
            f"It computes in {bundle.precision}, and may decide otherwise than the model it was made from."
        )
    return "\n".join(f"- {markdown_text(sentence)}" for sentence in sentences)


def _licences(bundle: Bundle) -> str:
    lines = [[name, licence] for name, licence in bundle.licences.items()]
    notice = commerce_notice(bundle.licences)
    notes = [notice] if notice else ["what is made from these sources keeps to the terms of each of them"]
    return markdown_tables([("what it was made from", ("source", "licence"), lines)], notes).rstrip("\n")


def _mega(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else size_bytes / 1e6
