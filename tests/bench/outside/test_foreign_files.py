"""ONNX files of others are measured for what they are: their outputs, their batch, and their runtime's own words."""

import shutil

import numpy as np
import pandas as pd
import pytest
from sample_command import distilbench
from sample_graphs import SHARES, STATES, SUM, write_graph
from sample_texts import sentences

from bench.harness.isolation import MeasurementFailed, measure_in_fresh_process
from bench.harness.workload import Workload
from bench.record.run_file import read_run

QUICK = ("--seconds", "0.05", "--batch-sizes", "8")


@pytest.fixture
def files(tmp_path, tiny_classifier):
    """A file of logits behind a hidden state, and one of probabilities with a batch of 1."""
    for name in ("logits", "shares"):
        (tmp_path / name).mkdir()
        shutil.copyfile(tiny_classifier / "tokenizer.json", tmp_path / name / "tokenizer.json")
    return (
        write_graph(tmp_path / "logits", [("last_hidden_state", STATES), ("logits", SUM)]),
        write_graph(tmp_path / "shares", [("probabilities", SHARES)], sizes=(1, "length")),
    )


def test_logits_and_probabilities_of_the_same_weights_are_as_good_and_as_well_calibrated(files, tmp_path):
    texts, labels = sentences(40)
    pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "rows.csv", index=False)
    answer = distilbench(
        *("measure", *files, "--data", tmp_path / "rows.csv", "--labels", "bad,good", *QUICK),
        *("--batch-sizes", "1", "--output", tmp_path / "run"),
    )
    assert answer.code == 0, answer.notices
    assert "shares/model takes one text at a time, so its batches are run one by one" in answer.notices
    assert "shares/model gives probabilities (probabilities), and they are taken as such" in answer.notices
    assert "logits/model gives" not in answer.notices
    logits, shares = read_run(tmp_path / "run").rows
    assert shares.calibration_error == pytest.approx(logits.calibration_error, abs=1e-4)
    assert shares.headline == logits.headline


def test_runtime_s_own_first_line_is_what_the_user_reads(files, tmp_path):
    from onnx import TensorProto, helper, save

    node = helper.make_node("Reshape", ["input_ids", "shape"], ["wrong"])
    graph = helper.make_graph(
        [node, helper.make_node("Cast", ["wrong"], ["logits"], to=TensorProto.FLOAT)],
        "graph",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor("shape", TensorProto.INT64, [2], np.array([999, 2]))],
    )
    file = tmp_path / "logits" / "model.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
    workload = Workload(model=str(file), label_names=("bad", "good"), threads=1)
    with pytest.raises(MeasurementFailed, match=r"ONNXRuntimeError.*Reshape"):
        measure_in_fresh_process(workload, ["a film"], tmp_path)
