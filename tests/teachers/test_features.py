"""Features of transformers: what they are, and how a student of another width is taught by them."""

import numpy as np
import pytest
import torch
from sample_models import save_tiny_bert
from sample_texts import sentences

from teachers.features import WithFeatures
from teachers.transformer import open_transformer
from training.loop import compute_outputs

TEXTS = [*sentences(30)[0], "short"]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    folder = save_tiny_bert(tmp_path_factory.mktemp("models") / "tiny", label_names=("a", "b"))
    return open_transformer(folder, max_length_tokens=32)


def test_pooled_features_are_what_the_head_reads(classifier):
    encoder, module = classifier.encoder, classifier.module
    arrays = {name: torch.from_numpy(array) for name, array in encoder.pad(encoder.encode(TEXTS)).items()}
    with torch.no_grad():
        outputs = WithFeatures(module)(*arrays.values())
        expected = module.model.bert(**arrays).pooler_output
    assert torch.equal(outputs.features["pooled"], expected)
    assert torch.allclose(module.model.classifier(expected), outputs.logits)


def test_features_and_logits_stand_in_the_order_of_the_rows(classifier):
    encoder = classifier.encoder
    encoded = encoder.encode(TEXTS)
    together = compute_outputs(WithFeatures(classifier.module), encoded, encoder, batch_size=4, bf16=False)
    assert together.logits == pytest.approx(
        compute_outputs(classifier.module, encoded, encoder, bf16=False).logits, abs=1e-5
    )
    alone = [
        compute_outputs(WithFeatures(classifier.module), encoder.encode([text]), encoder, bf16=False) for text in TEXTS
    ]
    expected = np.concatenate([outputs.features["pooled"] for outputs in alone])
    assert together.features["pooled"].dtype == np.float16
    assert together.features["pooled"] == pytest.approx(expected, abs=2e-3)


def test_another_width_is_reached_by_a_layer_that_learns(classifier):
    same, wider = (WithFeatures(classifier.module, widths={"pooled": width}) for width in (32, 48))
    assert not list(same.projection.parameters())
    arrays = classifier.encoder.pad(classifier.encoder.encode(TEXTS))
    outputs = wider(*(torch.from_numpy(array) for array in arrays.values()))
    assert outputs.features["pooled"].shape == (len(TEXTS), 48)
    outputs.features["pooled"].sum().backward()
    assert all(parameter.grad is not None for parameter in wider.projection.parameters())
