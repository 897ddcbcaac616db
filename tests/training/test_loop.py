import numpy as np
import pytest
import torch
from sample_models import save_tiny_student
from sample_texts import labelled

from students.checkpoint import load_student
from training.loop import Diverged, Examples, TrainingSettings, predict_logits, train
from training.objectives import OBJECTIVES


def nothing(done, total):
    return None


@pytest.fixture
def linear(tmp_path):
    """A function that gives a new linear student with its encoder."""
    save_tiny_student(tmp_path, "linear")

    def get():
        classifier = load_student(tmp_path)
        return classifier.module, classifier.encoder

    return get


def examples(encoder, count, start=0):
    rows = labelled(count, start)
    return Examples(encoded=encoder.encode(rows.texts), labels=rows.labels)


def settings(**changes):
    return TrainingSettings(
        **{"epochs": 12, "batch_size": 16, "learning_rate": 0.05, "seed": 0, "bf16": False, **changes}
    )


def run(module, encoder, *, objective="hard", rows=None, **changes):
    rows = rows or examples(encoder, 160)
    validation = examples(encoder, 60, start=900)
    return train(
        module,
        rows,
        validation,
        encoder=encoder,
        objective=OBJECTIVES[objective],
        settings=settings(**changes),
        report=nothing,
    )


def test_training_learns_what_can_be_learned(linear):
    module, encoder = linear()
    history = run(module, encoder)
    test = examples(encoder, 100, start=2000)
    assert (predict_logits(module, test.encoded, encoder).argmax(axis=1) == test.labels).mean() > 0.9
    assert history[-1].loss < history[0].loss


def test_same_seed_gives_the_same_weights(linear):
    weights = []
    for _ in range(2):
        module, encoder = linear()
        run(module, encoder, epochs=2)
        weights.append(module.output.weight.detach().clone())
    assert torch.equal(*weights)


def test_the_best_validation_epoch_is_kept(linear, monkeypatch):
    module, encoder = linear()
    seen = []
    scores = iter([0.2, 0.9, 0.4])
    monkeypatch.setattr(
        "sklearn.metrics.f1_score",
        lambda *a, **k: (seen.append(module.output.weight.detach().clone()), next(scores))[1],
    )
    run(module, encoder, epochs=3)
    assert torch.equal(module.output.weight, seen[1])


def test_student_learns_from_teacher_logits_without_labels(linear):
    module, encoder = linear()
    rows = examples(encoder, 160)
    teacher = np.where(rows.labels[:, None] == np.arange(2), 3.0, -3.0).astype(np.float32)
    unlabelled = Examples(encoded=rows.encoded, labels=np.full(160, -1), teacher_logits=teacher)
    history = run(module, encoder, objective="logits", rows=unlabelled)
    assert history[-1].validation_accuracy > 0.9


def test_diverging_loss_stops_with_its_step(linear):
    module, encoder = linear()
    with torch.no_grad():
        module.output.weight.fill_(float("nan"))
    with pytest.raises(Diverged, match="the loss became nan at step 1 of 120; lower learning_rate"):
        run(module, encoder)


def test_logits_come_in_the_order_of_the_rows(linear):
    module, encoder = linear()
    rows = examples(encoder, 30).encoded
    together = predict_logits(module, rows, encoder, batch_size=7)
    alone = np.concatenate([predict_logits(module, rows[row : row + 1], encoder) for row in range(30)])
    assert np.allclose(together, alone, atol=0.05)


def test_progress_reaches_its_end(linear):
    module, encoder = linear()
    seen = []
    train(
        module,
        examples(encoder, 33),
        examples(encoder, 20),
        encoder=encoder,
        objective=OBJECTIVES["hard"],
        settings=settings(epochs=2),
        report=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (6, 6)
