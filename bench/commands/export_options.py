"""The commands that export a model and judge what was exported: export, verify."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.columns import LabelColumn, TextColumn

app = typer.Typer()


@app.command(
    epilog="Example: distilbench export runs/mine/bundles/seed-0/cnn-hard/eager --to onnx,onnx-int8 --output out "
    "--quantize-data rows.csv"
)
def export(
    model: Annotated[
        Path, typer.Argument(help="An eager bundle, a checkpoint, or a Hugging Face classifier's folder.")
    ],
    to: Annotated[
        str, typer.Option(metavar="FORMAT,FORMAT", help="See `distilbench list exporters`; all for every possible one.")
    ],
    output: Annotated[Path, typer.Option(help="The folder for the bundles, one a format.")],
    quantize_data: Annotated[
        Path | None, typer.Option(help="Real rows to calibrate and judge on: CSV, TSV, JSONL or Parquet.")
    ] = None,
    text: TextColumn = "text",
    label: LabelColumn = None,
    licence: Annotated[str | None, typer.Option(help="The model's licence, for a folder that does not say it.")] = None,
    opset: Annotated[int, typer.Option(help="The version of ONNX's operators.")] = 20,
    with_tokenizer: Annotated[
        bool, typer.Option("--with-tokenizer", help="Add one ONNX file from texts to probabilities to ONNX bundles.")
    ] = False,
) -> None:
    """Write a model to deployable files, each proven against the model in memory."""
    from bench.commands.export import ExportOrder, export_model

    order = ExportOrder(
        place=model,
        formats=to,
        output=output,
        data=quantize_data,
        text=text,
        label=label,
        licence=licence,
        opset=opset,
        with_tokenizer=with_tokenizer,
    )
    raise typer.Exit(export_model(order))


@app.command(epilog="Example: distilbench verify runs/mine/bundles/seed-0/cnn-hard/onnx-int8")
def verify(
    bundle: Annotated[Path, typer.Argument(help="A bundle's folder.")],
    against: Annotated[
        Path | None, typer.Option(help="The trained model, as `export` takes it; without it, the logits in the bundle.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Real rows to judge on, with --against: CSV, TSV, JSONL or Parquet.")
    ] = None,
    text: TextColumn = "text",
    label: LabelColumn = None,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda: where the file is run.")] = "cpu",
) -> None:
    """Judge a bundle again: digests, then names, shapes and values; exit code 1 when it fails."""
    from bench.commands.verify import VerifyOrder, verify_bundle

    order = VerifyOrder(
        place=bundle, against=against, data=data, text=text, label=label, threads=threads, device=device
    )
    raise typer.Exit(verify_bundle(order))
