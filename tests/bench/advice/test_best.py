"""What is shown first: a file of each model, and one note for many rows of one reason."""

from sample_runs import sample_row, sample_run

from bench.advice.best import best_rows, rich_best
from bench.advice.verdict import verdict
from bench.reports.notes import footnotes

TEACHER = (
    sample_row("teacher", 0.9, 10.0),
    sample_row("teacher", 0.9, 4.0, format="onnx"),
    sample_row("teacher", 0.87, 2.0, format="onnx-int8"),
)
STUDENT = (
    sample_row("cnn hard", 0.8, 0.3, format="eager"),
    sample_row("cnn hard", 0.8, 0.1),
    sample_row("cnn hard", 0.797, 0.05, format="onnx-int8"),
    sample_row("cnn hard", 0.7, 0.01, format="torchscript"),
    sample_row("cnn hard", 0.8, 0.001, format="openvino", status="failed", error="labels differ"),
)


def names(rows):
    return [(row.model, row.format, row.seed) for row in rows]


def test_file_to_take_is_the_fastest_sound_one_within_half_a_point_of_the_best():
    assert names(best_rows([*TEACHER, *STUDENT])) == [
        ("teacher", "eager", 0),
        ("teacher", "onnx", 0),
        ("cnn hard", "onnx-int8", 0),
    ]


def test_other_seeds_and_rows_without_a_time_do_not_count_where_rows_were_timed():
    others = [sample_row("cnn hard", 0.99, None, seed=1), sample_row("cnn hard", 0.99, None, format="onnx-fp16")]
    assert names(best_rows([*others, *TEACHER, *STUDENT])) == [
        ("cnn hard", "onnx-int8", 0),
        ("teacher", "eager", 0),
        ("teacher", "onnx", 0),
    ]


def test_best_quality_counts_where_nothing_was_timed():
    rows = [sample_row("cnn hard", 0.8, format="onnx-int8"), sample_row("cnn hard", 0.802)]
    assert names(best_rows(rows)) == [("cnn hard", "onnx", 0)]


def test_model_without_a_sound_file_is_there_and_marked():
    rows = [*TEACHER, sample_row("cnn hard", None, None, status="failed", error="labels differ")]
    assert names(best_rows(rows))[-1] == ("cnn hard", "onnx", 0)
    assert "✗ cnn hard as onnx, seed 0: labels differ" in rich_best(sample_run(*rows))


def test_screen_names_what_failed_and_where_the_rest_is():
    text = rich_best(sample_run(*TEACHER, *STUDENT))
    assert "✗ cnn hard as openvino, seed 0: labels differ" in text
    assert "5 more rows, other tables and all notes: distilbench show RUN --all" in text
    assert "torchscript" not in text


def test_rows_of_one_reason_are_one_note_whatever_its_figures():
    busy = [
        sample_row(f"cnn {number}", 0.8, 0.1, status="noisy", noise=f"other processes kept 1.{number} cores busy")
        for number in range(5)
    ]
    same = [sample_row(name, 0.8, 0.1, status="failed", error="no kernel") for name in ("linear hard", "static hard")]
    notes = [note for note in footnotes(sample_run(*TEACHER, *busy, *same)) if note[0] in "~✗" and "seed" in note]
    assert notes == [
        "~ cnn 0 as onnx, seed 0; cnn 1 as onnx, seed 0; cnn 2 as onnx, seed 0 and 2 more: "
        "other processes kept 1.0 cores busy (the first of them)",
        "✗ linear hard as onnx, seed 0; static hard as onnx, seed 0: no kernel",
    ]


def test_rates_are_those_of_what_the_run_classifies():
    for modality, unit in (("text", "texts"), ("pair", "pairs"), ("image", "images")):
        rows = [sample_row("cnn hard", 0.8, 0.1, modality=modality, end_to_end_texts_per_second=123.0)]
        assert f"{unit}/s" in rich_best(sample_run(*rows))


def test_file_that_the_verdict_names_is_the_one_of_its_model():
    """The int8 file is within half a point and faster, but off the knee of the front."""
    student = (sample_row("cnn hard", 0.802, 0.100), sample_row("cnn hard", 0.799, 0.099, format="onnx-int8"))
    run = sample_run(*TEACHER, *student, sample_row("linear hard", 0.6, 0.09))
    assert verdict(run)[0].startswith("Ship cnn hard as onnx (")
    assert ("cnn hard", "onnx", 0) in names(best_rows(run.rows))
