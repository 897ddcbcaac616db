"""The options of `score`."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import AllowCode

app = typer.Typer()


@app.command(epilog="Example: distilbench score runs/own/bundles/seed-0/cnn-hard/onnx --data texts.jsonl.gz --jobs 2")
def score(
    bundle: Annotated[Path, typer.Argument(help="A bundle's folder.")],
    data: Annotated[
        str,
        typer.Option(
            help="Parquet, CSV, TSV, JSONL or TXT (the last four also .gz or .zst), a folder of such files or of "
            "images, or - for the lines of standard input."
        ),
    ],
    output: Annotated[Path, typer.Option(help="The Parquet file to write.")] = Path("scored.parquet"),
    text: Annotated[str, typer.Option(help="The column of texts.")] = "text",
    text_pair: Annotated[str | None, typer.Option(help="The column of second texts, for bundles of pairs.")] = None,
    keep: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these columns beside the answers; by default all.")
    ] = None,
    all_labels: Annotated[bool, typer.Option("--all", help="The probability of every label.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="So many processes score at once; rows keep their order.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads for each process.")] = 1,
    allow_code: AllowCode = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what an earlier call had begun.")] = False,
) -> None:
    """Answer every row of a corpus of any size, in the memory of a few thousand rows."""
    from bench.corpus.score import ScoreOrder, score_corpus
    from bench.reports.screen import Screen

    order = ScoreOrder(
        bundle=bundle,
        source=data,
        output=output,
        text=text,
        text_pair=text_pair,
        keep=None if keep is None else tuple(name.strip() for name in keep.split(",")),
        all_labels=all_labels,
        jobs=jobs,
        threads=threads,
        allow_code=allow_code,
        resume=resume,
    )
    screen = Screen()
    parts = score_corpus(order, screen)
    screen.notice(f"{parts.rows:,} scored rows are in {output}")
