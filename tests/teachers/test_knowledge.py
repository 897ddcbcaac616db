"""A teacher's outputs come back for the rows that they were computed for, and for no others."""

import numpy as np
import pytest

from materials.errors import RequestError
from teachers.knowledge import load_knowledge, save_knowledge
from training.outputs import Outputs

LOGITS = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)


def stored(folder, items=("a", "b", "c"), modality="text", **features):
    save_knowledge(Outputs(logits=LOGITS[: len(items)], features=features), list(items), modality, folder)
    return load_knowledge(folder)


def test_outputs_come_back_in_the_order_in_which_items_are_asked_for(tmp_path):
    pooled = np.arange(6, dtype=np.float32).reshape(3, 2)
    outputs = stored(tmp_path, pooled=pooled).take(["c", "a", "c"], "text")
    assert np.array_equal(outputs.logits, LOGITS[[2, 0, 2]])
    assert np.array_equal(outputs.features["pooled"], pooled[[2, 0, 2]])


def test_pairs_are_known_by_both_texts(tmp_path):
    knowledge = stored(tmp_path, [("a", "b"), ("b", "a")], "pair")
    assert np.array_equal(knowledge.take([("b", "a")], "pair").logits, LOGITS[[1]])


def test_item_without_outputs_is_refused_though_it_differs_in_case_only(tmp_path):
    with pytest.raises(RequestError, match="1 items were not labelled by the teacher, such as 'A'"):
        stored(tmp_path).take(["a", "A"], "text")


def test_fold_of_each_row_is_kept(tmp_path):
    assert stored(tmp_path).folds.tolist() == [-1, -1, -1]
    save_knowledge(Outputs(logits=LOGITS), ["a", "b", "c"], "text", tmp_path, folds=np.array([2, 0, 1]))
    assert load_knowledge(tmp_path).folds.tolist() == [2, 0, 1]


def test_damaged_outputs_are_refused(tmp_path):
    stored(tmp_path)
    (tmp_path / "logits.npy").write_bytes(b"\x93NUMPY half")
    with pytest.raises(RequestError, match="are damaged"):
        load_knowledge(tmp_path)


def test_outputs_must_fit_their_items(tmp_path):
    with pytest.raises(ValueError, match=r"expected logits of shape \(2, outputs\), got \(3, 2\)"):
        save_knowledge(Outputs(logits=LOGITS), ["a", "b"], "text", tmp_path)
