"""The predictions of a run as one table, and which of them are fit to be compared."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bench.record.predictions import PredictionsTable


def row(model, label_names=("a", "b"), *, task="single-label", seed=0):
    return SimpleNamespace(model=model, format="onnx", seed=seed, label_names=label_names, task=task)


def lines(model, outputs, targets, *, seed=0):
    columns = {f"logit_{number}": values for number, values in enumerate(np.asarray(outputs, np.float32).T)}
    return pd.DataFrame({"label": targets, **columns, "model": model, "format": "onnx", "seed": seed})


def test_outputs_and_targets_of_a_row_come_back_in_order():
    frame = pd.concat([lines("x", [[1, 0], [0, 2]], [0, 1]), lines("y", [[3, 0], [0, 4]], [1, 1])])
    predictions = PredictionsTable(frame).of(row("y"))
    assert predictions.outputs.tolist() == [[3, 0], [0, 4]]
    assert predictions.targets.tolist() == [1, 1]
    assert PredictionsTable(frame).of(row("z")) is None


def test_one_output_that_is_no_number_leaves_the_row_without_predictions():
    frame = pd.concat([lines("x", [[1, 0], [np.nan, 2]], [0, 1]), lines("y", [[3, 0], [0, 4]], [1, 1])])
    table = PredictionsTable(frame)
    assert table.of(row("x")) is None
    assert table.of(row("y")) is not None


def test_files_of_fewer_classes_in_one_table_keep_their_number_of_outputs():
    frame = pd.concat([lines("x", [[1, 0, 5]], [0]), lines("y", [[3, 0]], [1])])
    table = PredictionsTable(frame)
    assert table.of(row("x", ("a", "b", "c"))).outputs.shape == (1, 3)
    assert table.of(row("y")).outputs.tolist() == [[3, 0]]
    assert table.of(row("y", ())).outputs.tolist() == [[3, 0]]


def test_a_row_without_a_seed_is_found():
    frame = lines("x", [[1, 0]], [0], seed=pd.array([None], dtype="Int64"))
    assert PredictionsTable(frame).of(row("x", seed=None)) is not None
    assert PredictionsTable(frame).of(row("x", seed=0)) is None


def test_rows_whose_labels_are_not_known_are_not_compared():
    assert PredictionsTable(lines("x", [[1, 0], [0, 1]], [0, -1])).of(row("x")) is None


@pytest.mark.parametrize("place", ["run", "run/run.json"])
def test_a_run_that_keeps_no_predictions_has_an_empty_table(tmp_path, place):
    (tmp_path / "run").mkdir()
    assert PredictionsTable.of_run(tmp_path / place).of(row("x")) is None
