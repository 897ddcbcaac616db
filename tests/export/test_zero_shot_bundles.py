"""Zero-shot teachers as files, in every format that computes in fp32."""

import pytest
from sample_models import exported_once, opened_once, save_tiny_bert
from sample_texts import labelled, sentences

from export.bundle import read_bundle
from export.formats import EXPORTERS, why_impossible
from export.predictor import Predictor
from materials.report import silent
from materials.tasks import task_of
from teachers.zero_shot import Question, save_zero_shot
from teachers.zero_shot_embedding import answer_by_embedding
from teachers.zero_shot_nli import answer_by_entailment

FORMATS = [
    name
    for name, exporter in EXPORTERS.items()
    if not exporter.missing_packages and exporter.precision == "fp32" and name != "aotinductor"
]
KINDS = {"zero-shot-nli": answer_by_entailment, "zero-shot-embedding": answer_by_embedding}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """A function that gives the bundle of a kind of teacher in a format, exported once."""
    root = tmp_path_factory.mktemp("zero-shot")
    weights = save_tiny_bert(root / "nli", label_names=("entailment", "neutral", "contradiction"))
    classes = {"bad": ("a bad film",), "good": ("a good film", "praise")}
    question = Question(classes=classes, template="This text is about {}.", task=task_of("single-label"))
    checkpoints = {}
    for name, answer in KINDS.items():
        checkpoints[name] = root / name
        checkpoints[name].mkdir()
        save_zero_shot(answer(weights, question, 32, silent), checkpoints[name])
    with opened_once(checkpoints, sentences(100, 6000)[0]) as origin_of:
        get = exported_once(origin_of, root / "bundles", rows=labelled(120, 3000), licences={})
        yield lambda kind, format: read_bundle(get(kind, format))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_zero_shot_teacher_is_the_same_in_every_format(kind, format, bundles):
    if why_impossible(format, kind):
        pytest.skip("impossible here")
    bundle = bundles(kind, format)
    assert bundle.parity["status"] == ("reference" if format == "eager" else "passed"), bundle.parity["reason"]
    texts = ["a lovely film", "", "film " * 500, "雨"]
    probabilities = [prediction.probabilities for prediction in Predictor(bundle.folder).predict(texts)]
    expected = [answer.probabilities for answer in Predictor(bundles(kind, "eager").folder).predict(texts)]
    for ours, theirs in zip(probabilities, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
