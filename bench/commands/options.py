"""The options of the commands that export, measure and judge models."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bench.commands.columns import with_columns
from bench.harness.workload import USUAL_SCENARIOS, Workload
from bench.outside.columns import Columns

app = typer.Typer()
DEFAULT_COLUMNS = Columns()
Models = Annotated[
    list[Path],
    typer.Argument(help="Bundles, .onnx or .xml files with tokenizer.json beside them, or Hugging Face folders."),
]
Threads = Annotated[int, typer.Option(min=1, help="Threads for every measured file.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
LabelNames = Annotated[
    str | None, typer.Option(metavar="A,B", help="Labels in the order of the outputs, for models that name none.")
]
MaxLength = Annotated[
    int | None, typer.Option(min=1, help="Cut the texts of models that are no bundle to so many tokens.")
]

AllowCode = Annotated[
    bool,
    typer.Option("--allow-code", help="Open a bundle of another machine that is code, such as a shared library, too."),
]


def _listed(values: tuple[object, ...]) -> str:
    """Values as one word of the command line."""
    return ",".join(map(str, values))


@app.command(epilog="Example: distilbench measure runs/mine/bundles/seed-0/cnn-hard/onnx their.onnx --data rows.csv")
@with_columns
def measure(
    models: Models,
    data: Annotated[
        Path, typer.Option(help="Rows no model was trained on: CSV, TSV, JSONL, Parquet, or images as `run` takes.")
    ],
    columns: Columns = DEFAULT_COLUMNS,
    labels: LabelNames = None,
    max_length: MaxLength = None,
    threads: Threads = 1,
    device: Device = "cpu",
    affinity: Annotated[str | None, typer.Option(metavar="0,1", help="Only these processors.")] = None,
    scenarios: Annotated[str, typer.Option(help="Of single-stream, offline, server, sweep; with commas.")] = _listed(
        USUAL_SCENARIOS
    ),
    batch_sizes: Annotated[str, typer.Option(help="For offline.")] = _listed(Workload.batch_sizes),
    server_p99_ms: Annotated[float, typer.Option(min=0.001, help="The bound of server.")] = Workload.server_p99_ms,
    sweep_batch_sizes: Annotated[str, typer.Option(help="For the sweep.")] = _listed(Workload.sweep_batch_sizes),
    sweep_lengths: Annotated[str, typer.Option(help="In tokens, for the sweep.")] = _listed(Workload.sweep_lengths),
    seconds: Annotated[float, typer.Option(min=0.01, help="For each kind of call, at least.")] = Workload.seconds,
    launches: Annotated[int, typer.Option(min=1, max=100, help="In turns; their median counts.")] = 1,
    allow_code: AllowCode = False,
    output: Annotated[Path, typer.Option(help="The run folder to write.")] = Path("runs/measure"),
) -> None:
    """Measure any models side by side: quality, latency, throughput, memory and size, each in a fresh process."""
    from bench.commands.measure import MeasureRequest, make_workload, measure_models

    workload = make_workload(
        threads=threads,
        device=device,
        label_names=labels,
        max_length_tokens=max_length,
        affinity=affinity,
        allow_code=allow_code,
        scenarios=scenarios,
        batch_sizes=batch_sizes,
        server_p99_ms=server_p99_ms,
        sweep_batch_sizes=sweep_batch_sizes,
        sweep_lengths=sweep_lengths,
        seconds=seconds,
    )
    request = MeasureRequest(
        models=tuple(models), data=data, columns=columns, workload=workload, output=output, launches=launches
    )
    raise typer.Exit(measure_models(request))


@app.command(epilog="Example: distilbench compare runs/before runs/after --fail-if 'latency_p50_ms>+5%'")
@with_columns
def compare(
    base: Annotated[Path, typer.Argument(help="A run folder, or a model as `measure` takes it.")],
    new: Annotated[Path, typer.Argument(help="Another of the same kind.")],
    data: Annotated[
        Path | None, typer.Option(help="Rows for models; by default the test rows of the run that BASE lies in.")
    ] = None,
    columns: Columns = DEFAULT_COLUMNS,
    labels: LabelNames = None,
    max_length: MaxLength = None,
    threads: Threads = 1,
    device: Device = "cpu",
    launches: Annotated[int, typer.Option(min=5, help="Launches of each model, taken in turns.")] = 6,
    scenarios: Annotated[
        str, typer.Option(help="For models: single-stream (one text), offline (many at once), or both with a comma.")
    ] = "single-stream",
    batch_sizes: Annotated[str, typer.Option(help="For offline.")] = _listed(Workload.batch_sizes),
    fail_if: Annotated[
        list[str] | None, typer.Option("--fail-if", metavar="CONDITION", help="As 'macro_f1<-0.5pt'; then exit 1.")
    ] = None,
    format: Annotated[str, typer.Option(help="rich or markdown.")] = "rich",
    allow_code: AllowCode = False,
) -> None:
    """Say what is better, worse or the same from BASE to NEW, with intervals; two models are timed in turns."""
    from bench.commands.compare import CompareRequest, is_run
    from bench.commands.compare import compare as compare_places

    request = CompareRequest(base=base, new=new, fail_if=tuple(fail_if or ()), format=format)
    if not (is_run(base) and is_run(new)):  # of which nothing is launched, and nothing heavy imported
        from bench.commands.measure import make_workload

        workload = make_workload(
            threads=threads,
            device=device,
            label_names=labels,
            max_length_tokens=max_length,
            allow_code=allow_code,
            scenarios=scenarios,
            batch_sizes=batch_sizes,
        )
        request = replace(request, data=data, columns=columns, workload=workload, launches=launches)
    raise typer.Exit(compare_places(request))


@app.command(epilog="Example: distilbench recommend runs/movie-reviews --max-p50-ms 1 --min-macro-f1 0.8")
def recommend(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder or a run.json.")],
    max_p50_ms: Annotated[float | None, typer.Option(help="Latency of one text, model only.")] = None,
    max_end_to_end_p50_ms: Annotated[float | None, typer.Option(help="Latency of one text, text to label.")] = None,
    min_texts_per_second: Annotated[float | None, typer.Option(help="Throughput, model only.")] = None,
    min_macro_f1: Annotated[float | None, typer.Option(help="A share, such as 0.8.")] = None,
    min_headline: Annotated[float | None, typer.Option(help="The same, of the task's headline metric.")] = None,
    max_size_mb: Annotated[float | None, typer.Option(help="All files of the bundle.")] = None,
    max_memory_mb: Annotated[float | None, typer.Option(help="Peak resident memory of inference.")] = None,
    max_mean_ms: Annotated[
        float | None, typer.Option(help="Mean latency of a student that asks its teacher where it is unsure.")
    ] = None,
) -> None:
    """Name the best file of a run within limits, why, and what each other one missed."""
    from bench.commands.recommend import Limits
    from bench.commands.recommend import recommend as recommend_file

    limits = Limits(
        max_p50_ms=max_p50_ms,
        max_end_to_end_p50_ms=max_end_to_end_p50_ms,
        min_texts_per_second=min_texts_per_second,
        min_macro_f1=min_macro_f1,
        min_headline=min_headline,
        max_size_mb=max_size_mb,
        max_memory_mb=max_memory_mb,
        max_mean_ms=max_mean_ms,
    )
    raise typer.Exit(recommend_file(run_folder, limits))


@app.command(epilog="Example: distilbench self-check runs/movie-reviews/bundles/seed-0/cnn-hard/onnx --pairs 10")
@with_columns
def self_check(
    models: Models,
    data: Annotated[Path | None, typer.Option(help="Texts; by default those beside the first model's run.")] = None,
    columns: Columns = DEFAULT_COLUMNS,
    pairs: Annotated[int, typer.Option(min=1, help="How often a file is compared with itself.")] = 40,
    launches: Annotated[
        int, typer.Option(min=1, help="Launches of each side of a pair, in turns; 1: two quiet ones, as of two runs.")
    ] = 6,
    threads: Threads = 1,
    allow_code: AllowCode = False,
    output: Annotated[Path, typer.Option(help="Where to write check.json and table.md.")] = Path("runs/self-check"),
) -> None:
    """Check the harness on this machine: against timeit, its own cost, and how often equal files look different."""
    from bench.commands.measure import make_workload
    from bench.commands.self_check import CheckRequest
    from bench.commands.self_check import self_check as check

    workload = make_workload(
        threads=threads, device="cpu", label_names=None, max_length_tokens=None, allow_code=allow_code, seconds=0.5
    )
    request = CheckRequest(
        models=tuple(models),
        data=data,
        columns=columns,
        pairs=pairs,
        launches=launches,
        workload=workload,
        output=output,
    )
    raise typer.Exit(check(request))


@app.command(
    epilog="Example: distilbench export runs/mine/bundles/seed-0/cnn-hard/eager --to onnx,onnx-int8 --output out "
    "--quantize-data rows.csv"
)
@with_columns
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
    columns: Columns = DEFAULT_COLUMNS,
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
        columns=columns,
        licence=licence,
        opset=opset,
        with_tokenizer=with_tokenizer,
    )
    raise typer.Exit(export_model(order))


@app.command(epilog="Example: distilbench verify runs/mine/bundles/seed-0/cnn-hard/onnx-int8")
@with_columns
def verify(
    bundle: Annotated[Path, typer.Argument(help="A bundle's folder.")],
    against: Annotated[
        Path | None, typer.Option(help="The trained model, as `export` takes it; without it, the logits in the bundle.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Real rows to judge on, with --against: CSV, TSV, JSONL or Parquet.")
    ] = None,
    columns: Columns = DEFAULT_COLUMNS,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda: where the file is run.")] = "cpu",
    allow_code: AllowCode = False,
) -> None:
    """Judge a bundle again: names, shapes, values; exit code 1 when it fails, 2 when a file is not as exported."""
    from bench.commands.verify import VerifyOrder, verify_bundle

    order = VerifyOrder(
        place=bundle,
        against=against,
        data=data,
        columns=columns,
        threads=threads,
        device=device,
        allow_code=allow_code,
    )
    raise typer.Exit(verify_bundle(order))


@app.command(
    "label-cost",
    epilog="Example: distilbench label-cost nli/ runs/mine/bundles/seed-0/linear-soft-T=1/eager --data texts.txt",
)
def label_cost(
    teacher: Annotated[str, typer.Argument(help="Weights of a zero-shot teacher: a known name, a folder, a Hub name.")],
    student: Annotated[Path, typer.Argument(help="The eager bundle of a small student.")],
    data: Annotated[Path, typer.Option(help="Real texts: CSV, TSV, JSONL, Parquet or TXT.")],
    text: Annotated[str, typer.Option(help="The column of texts.")] = "text",
    architecture: Annotated[str, typer.Option(help="zero-shot-nli or zero-shot-embedding.")] = "zero-shot-nli",
    counts: Annotated[str, typer.Option(help="How many class names.")] = "2,4,8,16,32,64",
    batch_size: Annotated[int, typer.Option(min=1)] = 16,
    threads: Threads = 1,
    seconds: Annotated[float, typer.Option(min=0.01, help="How long each file is timed, at least.")] = 1.0,
    output: Annotated[Path, typer.Option(help="The folder to write.")] = Path("runs/label-cost"),
) -> None:
    """Time a zero-shot teacher and a student with ever more class names: table, picture, slopes."""
    from bench.labels.run import label_cost as time_labels
    from bench.labels.run import texts_of
    from bench.labels.sweep import Sweep
    from materials.errors import RequestError

    if not all(count.strip().isdigit() for count in counts.split(",")):
        raise RequestError(f"--counts needs numbers with commas, such as 2,4,8; got '{counts}'")
    sweep = Sweep(
        architecture=architecture,
        weights=teacher,
        student=student,
        texts=texts_of(data, text),
        counts=[int(count) for count in counts.split(",")],
        batch_size=batch_size,
        threads=threads,
        seconds=seconds,
    )
    raise typer.Exit(time_labels(sweep, output))
