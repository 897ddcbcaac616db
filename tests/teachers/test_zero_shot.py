"""Teachers that answer for class names which they were never trained for."""

import json
import shutil

import numpy as np
import pytest
import torch
from sample_models import save_tiny_bert
from sample_texts import sentences

from export.checkpoint import load_checkpoint
from materials.errors import RequestError
from materials.report import silent
from materials.tasks import task_of
from teachers.zero_shot import Question, entailment_outputs, save_zero_shot
from teachers.zero_shot_embedding import answer_by_embedding
from teachers.zero_shot_nli import answer_by_entailment
from training.loop import compute_outputs

NLI_NAMES = ("contradiction", "entailment", "neutral")
CLASSES = {"good": ("a good film", "praise"), "bad": ("a bad film",), "long": ("a film that is far too long",)}
TEXTS = [*sentences(20)[0], "short", "a good film " * 12]


@pytest.fixture(scope="module")
def tiny_nli(tmp_path_factory):
    """A model of natural language inference, by its labels: its weights are random."""
    return save_tiny_bert(tmp_path_factory.mktemp("models") / "tiny-nli", label_names=NLI_NAMES)


def asked(task="single-label", classes=None, **settings):
    chosen = classes or {name: texts[:1] for name, texts in CLASSES.items()}
    return Question(classes=chosen, template="This text is about {}.", task=task_of(task), **settings)


def outputs_of(classifier, texts=TEXTS):
    return compute_outputs(classifier.module, classifier.encoder.encode(texts), classifier.encoder, bf16=False).logits


@pytest.mark.parametrize("task", ["single-label", "multi-label"])
def test_entailment_teacher_is_the_pipeline_of_transformers(task, tiny_nli):
    from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast, pipeline

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(tiny_nli / "tokenizer.json"), pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    model = AutoModelForSequenceClassification.from_pretrained(tiny_nli)
    model.config.label2id = {name: number for number, name in enumerate(NLI_NAMES)}
    theirs = pipeline("zero-shot-classification", model=model, tokenizer=tokenizer)
    question = asked(task)
    labels = [texts[0] for texts in question.classes.values()]
    classifier = answer_by_entailment(tiny_nli, question, 64, silent)
    ours = question.task.probabilities(outputs_of(classifier))
    for text, probabilities in zip(TEXTS, ours, strict=True):
        answer = theirs(text, labels, hypothesis_template=question.template, multi_label=task == "multi-label")
        expected = dict(zip(answer["labels"], answer["scores"], strict=True))
        assert probabilities == pytest.approx([expected[label] for label in labels], abs=1e-4)


def test_outputs_do_not_depend_on_the_batch_nor_on_how_many_pairs_are_taken_at_a_time(tiny_nli, monkeypatch):
    classifier = answer_by_entailment(tiny_nli, asked(), 64, silent)
    together = outputs_of(classifier)
    monkeypatch.setattr("teachers.zero_shot_nli.PAIRS_AT_A_TIME", 7)
    assert outputs_of(classifier) == pytest.approx(together, abs=1e-5)
    alone = np.concatenate([outputs_of(classifier, [text]) for text in TEXTS])
    assert alone == pytest.approx(together, abs=1e-5)


def test_several_descriptions_of_a_class_are_averaged(tiny_nli):
    every = answer_by_entailment(tiny_nli, asked(classes=CLASSES), 64, silent)
    one_by_one = {text: (text,) for texts in CLASSES.values() for text in texts}
    apart = outputs_of(answer_by_entailment(tiny_nli, asked(classes=one_by_one), 64, silent))
    expected = np.stack([apart[:, :2].mean(axis=1), apart[:, 2], apart[:, 3]], axis=1)
    assert outputs_of(every) == pytest.approx(expected, abs=1e-5)


def test_temperature_divides_the_scores(tiny_nli):
    plain, softer = (answer_by_entailment(tiny_nli, asked(temperature=heat), 64, silent) for heat in (None, 4.0))
    assert outputs_of(softer) == pytest.approx(outputs_of(plain) / 4, abs=1e-6)


def test_the_longest_text_leaves_room_for_the_longest_sentence(tiny_nli):
    classifier = answer_by_entailment(tiny_nli, asked(), 512, silent)
    assert np.isfinite(outputs_of(classifier, ["a good film " * 200])).all()
    long_sentence = {"good": ("film " * 170,), "bad": ("bad",)}
    with pytest.raises(RequestError, match="leaves no room"):
        answer_by_entailment(tiny_nli, asked(classes=long_sentence), 64, silent)


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (NLI_NAMES, (1, 0)),
        (("ENTAILMENT", "NEUTRAL", "CONTRADICTION"), (0, 2)),
        (("not_entailment", "entailment"), (1, 0)),
        (("entailment", "other"), (0, None)),
    ],
)
def test_outputs_that_mean_entailment_and_contradiction_are_found_by_name(names, numbers, tmp_path):
    assert entailment_outputs(save_tiny_bert(tmp_path / "model", label_names=names)) == numbers


def test_model_without_entailment_is_refused(tiny_classifier):
    with pytest.raises(RequestError, match="the labels good, bad, none of which is entailment"):
        answer_by_entailment(tiny_classifier, asked(), 64, silent)


@pytest.mark.parametrize("refine", [None, "gaussian-mixture", "k-means"])
def test_embedding_teacher_answers_the_same_after_it_was_stored(refine, tiny_bert, tmp_path):
    texts = sentences(150)[0]
    classifier = answer_by_embedding(tiny_bert, asked(refine=refine, texts=texts), 32, silent)
    (tmp_path / "stored").mkdir()
    save_zero_shot(classifier, tmp_path / "stored")
    again = load_checkpoint(tmp_path / "stored")
    assert (again.label_names, again.architecture) == (("good", "bad", "long"), "zero-shot-embedding")
    assert outputs_of(again) == pytest.approx(outputs_of(classifier), abs=1e-5)
    assert np.isfinite(outputs_of(again)).all()


def test_entailment_teacher_answers_the_same_after_it_was_stored(tiny_nli, tmp_path):
    classifier = answer_by_entailment(tiny_nli, asked("multi-label", CLASSES), 32, silent)
    save_zero_shot(classifier, tmp_path)
    again = load_checkpoint(tmp_path)
    assert again.task.name == "multi-label"
    assert outputs_of(again) == pytest.approx(outputs_of(classifier), abs=1e-6)


def test_plain_embedding_scores_are_cosines_over_the_temperature(tiny_bert):
    classifier = answer_by_embedding(tiny_bert, asked(temperature=0.5), 32, silent)
    body = classifier.module.body
    tokens = torch.tensor(classifier.encoder.tokenizer.encode(TEXTS[0]).ids)[None]
    sentence = torch.tensor(classifier.encoder.tokenizer.encode("This text is about a bad film.").ids)[None]
    with torch.inference_mode():
        both = [body(input_ids=ids).last_hidden_state[0].mean(dim=0) for ids in (tokens, sentence)]
    cosine = float(torch.nn.functional.cosine_similarity(*both, dim=0))
    assert outputs_of(classifier)[0, 1] == pytest.approx(cosine / 0.5, abs=1e-4)


def test_several_labels_are_not_answered_by_embedding(tiny_bert):
    with pytest.raises(RequestError, match="take zero-shot-nli"):
        answer_by_embedding(tiny_bert, asked("multi-label"), 32, silent)


def test_weights_that_are_shared_are_stored(tmp_path, tiny_nli):
    classifier = answer_by_entailment(tiny_nli, asked(), 32, silent)
    body = classifier.module.body
    body.again = body.classifier  # as of models whose embeddings are tied
    save_zero_shot(classifier, tmp_path)
    assert (tmp_path / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("settings", "by_first"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, True),
        ({"pooling_mode_mean_tokens": True}, False),
        ({"pooling_mode": "cls"}, True),
        (None, False),
    ],
)
def test_pooling_is_what_the_model_says(settings, by_first, tiny_bert, tmp_path):
    folder = shutil.copytree(tiny_bert, tmp_path / "model")
    if settings is not None:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings))
    assert answer_by_embedding(folder, asked(), 32, silent).module.by_first is by_first


def test_pooling_that_is_not_known_is_refused(tiny_bert, tmp_path):
    folder = shutil.copytree(tiny_bert, tmp_path / "model")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(RequestError, match="expected the mean or the first token"):
        answer_by_embedding(folder, asked(), 32, silent)
