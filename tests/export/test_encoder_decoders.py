"""Encoder-decoders read their answer where a text ends, so that the gate's inputs need such an end."""

import json
from itertools import product

import numpy as np
import pytest
from sample_command import distilbench
from sample_models import save_tiny_encoder_decoder
from sample_texts import sentences

from export.predictor import Predictor


@pytest.fixture(scope="module", params=["Bart", "T5"])
def model(request, tmp_path_factory):
    return save_tiny_encoder_decoder(tmp_path_factory.mktemp("models") / request.param, request.param)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    output = tmp_path_factory.mktemp("exported") / "out"
    return distilbench("export", model, "--to", "eager,onnx,torchscript", "--output", output), output


def test_every_format_passes_the_gate_and_is_verified(exported):
    answer, output = exported
    assert answer.code == 0, answer.output
    for format in ("onnx", "torchscript"):
        assert json.loads((output / format / "bundle.json").read_text())["parity"]["status"] == "passed"
        assert distilbench("verify", output / format).code == 0


def test_answers_are_those_of_transformers_text_by_text(model, exported):
    import torch
    from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

    texts = sentences(8)[0]
    classifier = AutoModelForSequenceClassification.from_pretrained(model).eval()
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(model / "tokenizer.json"))
    names = ("input_ids", "attention_mask")
    with torch.inference_mode():
        inputs = [tokenizer(text, return_tensors="pt") for text in texts]
        logits = torch.cat([classifier(**{name: row[name] for name in names}).logits for row in inputs])
    expected = logits.softmax(dim=1).numpy()
    for format, one_by_one in product(("onnx", "torchscript"), (False, True)):
        predictor = Predictor(exported[1] / format)
        batches = [[text] for text in texts] if one_by_one else [texts]
        answers = [answer.probabilities for batch in batches for answer in predictor.predict(batch)]
        np.testing.assert_allclose([[row["bad"], row["good"]] for row in answers], expected, atol=1e-5)
