"""A bundle's card is one that the Hub's own classes read, with the figures of its row."""

import numpy as np
import pytest
from sample_runs import sample_row, sample_run

from bench.card.by_class import quality_by_class
from bench.card.header import hub_licence
from bench.card.write import CARD, card, write_cards
from bench.record.run_file import read_run
from encoders.graph_input import INPUT_IDS
from export.bundle import Bundle, read_bundle
from materials.tasks import task_of

MATRIX = {"label_names": ("good", "bad|<b>"), "confusion_matrix": ((40, 10), (5, 45))}


def bundle(folder, licences=None, **changes):
    content = {
        **{"folder": folder, "format": "onnx-int8", "runtime": "onnxruntime", "model_file": "model.onnx"},
        **{"precision": "int8", "architecture": "cnn", "task": task_of("single-label"), "modality": "text"},
        **{"label_names": MATRIX["label_names"], "inputs": (INPUT_IDS,), "max_length_tokens": 64, "padding": 0},
        **{"parameters": 1000, "made": {}, "parity": {}, "exported": {}, "files": {}, "sure_from": 0.9},
        "licences": licences
        or {"minilm": "Apache-2.0", "rotten-tomatoes": "MIT", "reviews.csv": "unknown (your file)"},
    }
    return Bundle(**{**content, **changes})


def metadata_of(text, folder):
    from huggingface_hub import metadata_load

    (folder / CARD).write_text(text, encoding="utf-8")
    return metadata_load(folder / CARD)


def test_header_is_read_back_by_the_hubs_own_classes(tmp_path):
    from huggingface_hub.repocard_data import model_index_to_eval_results

    row = sample_row("cnn soft", 0.85, 0.5, accuracy=0.86, **MATRIX)
    metadata = metadata_of(card(sample_run(row, name="mine"), row, bundle(tmp_path)), tmp_path)
    assert metadata["license"] == "other"
    assert metadata["datasets"] == ["rotten-tomatoes"]
    assert metadata["base_model"] == ["sentence-transformers/all-MiniLM-L6-v2"]
    assert (metadata["pipeline_tag"], metadata["library_name"]) == ("text-classification", "onnx")
    name, results = model_index_to_eval_results(metadata["model-index"])
    assert name == "cnn soft as onnx"
    figures = {result.metric_name: (result.metric_type, result.metric_value) for result in results}
    assert figures == {"macro-F1": ("f1", 0.85), "accuracy": ("accuracy", 0.86)}


def test_card_says_quality_by_class_speed_with_machine_limits_and_licences(tmp_path):
    row = sample_row("cnn soft", 0.85, 0.5, **MATRIX)
    text = card(sample_run(row, name="mine"), row, bundle(tmp_path, {"stars": "CC BY-NC-SA 3.0 (non-commercial)"}))
    assert "| macro-F1 | 85.0 [83.0, 87.0] |" in text
    assert "| good | 50 | 84.2 | [" in text
    assert "bad\\|\\<b>" in text
    assert "measured on a processor, 2 cores, 1 thread(s), 2026-01-01" in text
    assert "It reads the first 64 tokens of a text and nothing after them." in text
    assert "Below the probability 0.900 its teacher should be asked." in text
    assert "stars (CC BY-NC-SA 3.0 (non-commercial)) may not be used commercially" in text
    assert metadata_of(text, tmp_path)["license"] == "cc-by-nc-sa-3.0"


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        ({"a": "MIT", "b": "MIT"}, "mit"),
        ({"untrained": "none: new weights", "b": "MIT"}, "mit"),
        ({"a": "MIT", "b": "Apache-2.0"}, None),
        ({"a": "unknown (your file)"}, None),
        ({}, None),
    ],
)
def test_one_licence_of_all_sources_is_that_of_the_bundle(licences, expected, tmp_path):
    assert hub_licence(bundle(tmp_path, licences or {"a": "?"})) == expected


def test_interval_of_a_class_is_the_bootstrap_over_rows():
    """The same rows drawn one by one, 4,000 times: the ends agree within a point."""
    row = sample_row("cnn soft", 0.85, **MATRIX)
    good, _ = quality_by_class(row)
    assert good.f1 == pytest.approx(2 * 40 / (50 + 45))
    true, called = np.repeat([0, 0, 1, 1], [40, 10, 5, 45]), np.repeat([0, 1, 0, 1], [40, 10, 5, 45])
    drawn = np.random.default_rng(1).integers(0, 100, size=(4000, 100))
    hits = ((true[drawn] == 0) & (called[drawn] == 0)).sum(axis=1)
    scores = 2 * hits / ((true[drawn] == 0).sum(axis=1) + (called[drawn] == 0).sum(axis=1))
    assert (good.low, good.high) == pytest.approx(np.quantile(scores, [0.025, 0.975]), abs=0.01)


def test_run_leaves_a_card_in_every_sound_bundle_and_the_bundle_stays_whole(finished):
    run = read_run(finished)
    sound = [row for row in run.rows if row.status != "failed" and row.headline is not None]
    assert sound
    for row in sound:
        read_bundle(finished / row.bundle)
        assert metadata_of((finished / row.bundle / CARD).read_text(), finished / row.bundle)["model-index"]


def test_older_card_is_replaced_and_a_bundle_that_is_gone_is_passed_over(finished, tmp_path):
    run = read_run(finished)
    write_cards(run, tmp_path)
    assert not list(tmp_path.iterdir())
    place = finished / next(row.bundle for row in run.rows if row.bundle)
    text = (place / CARD).read_text()
    (place / CARD).write_text("old")
    write_cards(run, finished)
    assert (place / CARD).read_text() == text
