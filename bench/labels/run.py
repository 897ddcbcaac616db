"""The command `label-cost`: what a class name more costs a zero-shot teacher, and a student."""

from pathlib import Path

from bench.labels.report import save_sweep_picture, sweep_text
from bench.labels.sweep import Sweep, run_sweep
from bench.reports.run_folder import prove_writable
from bench.reports.screen import Screen
from materials.errors import RequestError
from materials.files import new_file, write_json
from materials.sources.table_file import read_texts

MOST_TEXTS = 64


def label_cost(sweep: Sweep, output: Path) -> int:
    """Time the sweep, write labels.json, table.md and pictures, and print the table; always 0.

    Raises RequestError for fewer than two numbers of class names, and as `run_sweep` does.
    """
    if len(sweep.counts) < 2 or min(sweep.counts) < 2:
        raise RequestError(f"--counts needs two numbers of at least 2, such as 2,4,8; got {sweep.counts}")
    prove_writable(output)
    content = run_sweep(sweep, Screen())
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "labels.json", content)
    with new_file(output / "table.md") as temporary:
        temporary.write_text(sweep_text(content, "markdown"), encoding="utf-8")
    save_sweep_picture(content, output)
    print(sweep_text(content, "rich"))
    return 0


def texts_of(data: Path, column: str) -> list[str]:
    """Texts from all over a file, as many as a sweep needs."""
    texts: list[str] = read_texts(data, text=column).items
    return texts[:: max(1, len(texts) // MOST_TEXTS)][:MOST_TEXTS]
