"""Features of transformers: what they are, and how a student of another width is taught by them."""

import numpy as np
import pytest
import torch
from sample_models import save_tiny_bert
from sample_texts import sentences

from materials.errors import RequestError
from teachers.features import WithFeatures, blocks_of, hidden_feature, query_key_value, uniform_map
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
    assert not list(same.projections.parameters())
    arrays = classifier.encoder.pad(classifier.encoder.encode(TEXTS))
    outputs = wider(*(torch.from_numpy(array) for array in arrays.values()))
    assert outputs.features["pooled"].shape == (len(TEXTS), 48)
    outputs.features["pooled"].sum().backward()
    assert all(parameter.grad is not None for parameter in wider.projections.parameters())


def test_states_are_those_that_transformers_gives_and_only_of_tokens(classifier):
    encoder, module = classifier.encoder, classifier.module
    encoded = encoder.encode(TEXTS)
    names = ["hidden-1", "hidden-2", "relations"]
    stored = compute_outputs(WithFeatures(module, names=names), encoded, encoder, batch_size=8, bf16=False)
    arrays = {name: torch.from_numpy(array) for name, array in encoder.pad(encoded).items()}
    with torch.no_grad():
        body = module.model.bert(**arrays, output_hidden_states=True)
        last = module.model.bert.encoder.layer[-1].attention.self
        parts = [part(body.hidden_states[1]) for part in (last.query, last.key, last.value)]
    lengths = encoder.lengths(encoded)
    expected = {"hidden-1": body.hidden_states[1], "hidden-2": body.hidden_states[2], "relations": torch.cat(parts, 2)}
    for name, states in expected.items():
        assert stored.features[name].lengths.tolist() == lengths.tolist()
        for row, length in enumerate(lengths):
            assert stored.features[name].rows()[row] == pytest.approx(states[row, :length].numpy(), abs=2e-3)


def test_a_student_gives_its_own_layer_by_the_teachers_name(classifier):
    arrays = classifier.encoder.pad(classifier.encoder.encode(TEXTS[:2]))
    inputs = [torch.from_numpy(array) for array in arrays.values()]
    with torch.no_grad():
        plain = WithFeatures(classifier.module, names=["hidden-1"])(*inputs)
        mapped = WithFeatures(classifier.module, names=["hidden-12"], layers={hidden_feature(12): 1})(*inputs)
    assert torch.equal(plain.features["hidden-1"], mapped.features["hidden-12"])


@pytest.mark.parametrize(
    ("student", "teacher", "layers"),
    [
        (3, 6, (2, 4, 6)),
        (2, 6, (3, 6)),
        (6, 12, (2, 4, 6, 8, 10, 12)),
        (4, 6, (2, 3, 4, 6)),
        (2, 2, (1, 2)),
        (3, 2, (1, 1, 2)),
    ],
)
def test_layers_are_mapped_evenly_and_the_last_to_the_last(student, teacher, layers):
    assert uniform_map(student, teacher) == layers


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "mpnet", "electra", "deberta-v2"])
def test_layers_and_attention_are_found_in_common_bodies(kind):
    from transformers import AutoConfig, AutoModelForSequenceClassification

    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 8}
    if kind == "distilbert":
        sizes = {"dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 8}
    model = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(kind, vocab_size=30, **sizes))
    blocks = blocks_of(model)
    assert len(blocks) == 3
    assert len(query_key_value(blocks[0])) == 3


def test_bodies_whose_layers_or_attention_are_not_found_are_refused():
    from transformers import AutoConfig, AutoModelForSequenceClassification

    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 8}
    albert = AutoConfig.for_model("albert", vocab_size=30, embedding_size=16, **sizes)
    with pytest.raises(RequestError, match="the layers of Albert.* were not found"):
        blocks_of(AutoModelForSequenceClassification.from_config(albert))
    with pytest.raises(RequestError, match="has no queries, keys and values of a known name"):
        query_key_value(torch.nn.Linear(2, 2))
