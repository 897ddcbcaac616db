import copy

import numpy as np
import pytest
import torch
from sample_models import tiny_shape
from sample_texts import labelled, sentences

from materials.errors import RequestError
from materials.tasks import task_of
from students.checkpoint import build_student, student_encoder
from students.vocabulary import build_tokenizer, save_tokenizer
from training.examples import Examples
from training.history import unfinished
from training.loop import Diverged, compute_outputs, train
from training.objectives import Term
from training.outputs import Outputs
from training.settings import TrainingSettings


def nothing(done, total):
    return None


@pytest.fixture
def linear(tmp_path):
    """A function that gives a new linear student with its encoder."""
    tokenizer = build_tokenizer(sentences(200)[0], words_with_vector=())
    save_tokenizer(tokenizer, tmp_path)

    def build(**settings):
        shape = tiny_shape("linear", words=tokenizer.get_vocab_size(), settings={"buckets": 100, **settings})
        return build_student(shape, vectors=None, seed=0), student_encoder(tmp_path / "tokenizer.json", shape)

    return build


def examples(encoder, count, start=0):
    rows = labelled(count, start)
    return Examples(encoded=encoder.encode(rows.items), targets=rows.targets)


def settings(**changes):
    return TrainingSettings(
        **{"epochs": 12, "batch_size": 16, "learning_rate": 0.05, "seed": 0, "bf16": False, **changes}
    )


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch):
    """As if each took longer than is waited between two writings of the progress file."""
    monkeypatch.setattr("training.loop.KEEP_SECONDS", 0.0)


def run(module, encoder, *, objective="hard", rows=None, report=nothing, test=None, keep=None, **changes):
    rows = rows or examples(encoder, 160)
    validation = examples(encoder, 60, start=900)
    return train(
        module,
        rows,
        validation,
        encoder=encoder,
        task=task_of("single-label"),
        terms=[Term(kind=objective)],
        settings=settings(**changes),
        report=report,
        test=test,
        keep=keep,
    )


def stop_after(steps):
    """A report that interrupts the training once it has made so many steps."""

    def report(done, total):
        if done == steps:
            raise KeyboardInterrupt

    return report


def test_training_learns_what_can_be_learned(linear):
    module, encoder = linear()
    history = run(module, encoder)
    test = examples(encoder, 100, start=2000)
    assert (compute_outputs(module, test.encoded, encoder).logits.argmax(axis=1) == test.targets).mean() > 0.9
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
    epoch_weights = []
    scores = iter([0.2, 0.9, 0.4])

    def scored(task, outputs, targets):
        if len(targets) != 60:
            return None
        epoch_weights.append(module.output.weight.detach().clone())
        return {"cross_entropy": 0.0, "accuracy": 0.0, "macro_f1": next(scores)}

    monkeypatch.setattr("training.loop.scores_of", scored)
    run(module, encoder, epochs=3)
    assert torch.equal(module.output.weight, epoch_weights[1])


def test_epochs_are_scored_on_train_validation_and_test_rows_from_before_the_first_step(linear):
    module, encoder = linear()
    rows = examples(encoder, 160)
    unlabelled = Examples(encoded=rows.encoded, targets=np.where(np.arange(160) < 100, rows.targets, -1))
    history = run(module, encoder, rows=unlabelled, test=examples(encoder, 100, start=2000), epochs=3)
    assert [(epoch.epoch, epoch.steps) for epoch in history] == [(0, 0), (1, 10), (2, 20), (3, 30)]
    assert history[0].loss == pytest.approx(np.log(2), abs=0.2)
    for scores in (history[0].train, history[0].validation, history[0].test):
        assert scores["cross_entropy"] == pytest.approx(np.log(2), abs=0.2)
    logits = compute_outputs(module, examples(encoder, 100, start=2000).encoded, encoder, bf16=False).logits
    best = max(history[1:], key=lambda epoch: (epoch.validation["macro_f1"], epoch.epoch))
    assert best.test["accuracy"] == pytest.approx(
        (logits.argmax(axis=1) == examples(encoder, 100, start=2000).targets).mean(), abs=0.02
    )
    assert history[-1].train["accuracy"] > history[0].train["accuracy"]


def test_test_rows_change_nothing_of_what_is_trained(linear):
    weights = []
    for test in (None, "right", "wrong"):
        module, encoder = linear()
        rows = examples(encoder, 100, start=2000)
        labels = rows.targets if test == "right" else 1 - rows.targets
        run(module, encoder, test=test and Examples(encoded=rows.encoded, targets=labels), epochs=4)
        weights.append(module.output.weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("steps", [20, 27])
@pytest.mark.parametrize("schedule", [{"schedule": "halved"}, {"schedule": "plateau", "patience": 1}])
def test_training_that_was_stopped_goes_on_to_the_same_end(linear, tmp_path, optimiser, steps, schedule):
    changes = {"optimiser": optimiser, **schedule, "epochs": 5, "test": None}
    undisturbed, encoder = linear(dropout=0.3)
    expected = run(undisturbed, encoder, **changes)
    stopped, encoder = linear(dropout=0.3)
    with pytest.raises(KeyboardInterrupt):
        run(stopped, encoder, report=stop_after(steps), keep=tmp_path / "progress.pt", **changes)
    torch.manual_seed(99)
    step_numbers = []
    module, encoder = linear(dropout=0.3)
    history = run(
        module, encoder, report=lambda done, total: step_numbers.append(done), keep=tmp_path / "progress.pt", **changes
    )
    assert step_numbers[0] == 10 * ((steps - 1) // 10)
    assert [epoch.loss for epoch in history] == [epoch.loss for epoch in expected]
    assert [epoch.validation for epoch in history] == [epoch.validation for epoch in expected]
    for name, weight in undisturbed.state_dict().items():
        assert torch.equal(weight, module.state_dict()[name])


def test_training_with_patience_ends_by_itself_and_is_no_worse(linear):
    module, encoder = linear()
    fixed = run(module, encoder, epochs=12)
    module, encoder = linear()
    totals = []
    patient = run(
        module,
        encoder,
        epochs=200,
        schedule="plateau",
        patience=4,
        report=lambda done, total: totals.append((done, total)),
    )
    assert 5 < len(patient) < 100
    assert max(epoch.validation["macro_f1"] for epoch in patient) >= max(
        epoch.validation["macro_f1"] for epoch in fixed
    )
    assert totals[-1][0] == totals[-1][1] == patient[-1].steps


def test_time_limit_ends_training_within_an_epoch_with_the_best_by_then(linear):
    module, encoder = linear()
    history = run(module, encoder, time_limit=1e-9)
    assert [(epoch.epoch, epoch.steps) for epoch in history] == [(1, 1)]
    said = unfinished(task_of("single-label"), history, settings(time_limit=1e-9))
    assert said == "ended in epoch 1 at its time limit of 1e-09 s, so more time may be better"
    assert len(run(*linear(), time_limit=1000)) == 12
    assert unfinished(task_of("single-label"), history, settings(epochs=1, time_limit=1000)) is None


def test_last_epoch_is_not_kept_and_is_trained_again_to_the_same_weights(linear, tmp_path):
    first, encoder = linear()
    run(first, encoder, epochs=2, keep=tmp_path / "progress.pt")
    progress = []
    module, encoder = linear()
    run(
        module,
        encoder,
        epochs=2,
        keep=tmp_path / "progress.pt",
        report=lambda done, total: progress.append((done, total)),
    )
    assert progress[0] == (progress[-1][1] // 2, progress[-1][1])
    assert torch.equal(first.output.weight, module.output.weight)


def test_damaged_progress_is_refused_by_name(linear, tmp_path):
    module, encoder = linear()
    (tmp_path / "progress.pt").write_bytes(b"damaged")
    with pytest.raises(RequestError, match=r"progress.pt is damaged \(.*\); delete it and run again"):
        run(module, encoder, keep=tmp_path / "progress.pt")


def test_fasttext_learns_by_sgd_one_text_at_a_time_from_an_empty_layer(linear):
    module, encoder = linear(buckets=0, start="fasttext")
    history = run(
        module,
        encoder,
        rows=examples(encoder, 1000),
        test=examples(encoder, 100, start=2000),
        batch_size=1,
        epochs=6,
        learning_rate=0.5,
        optimiser="sgd",
        schedule="halved",
        largest_gradient_norm=None,
    )
    assert history[0].test["cross_entropy"] == pytest.approx(np.log(2), abs=1e-6)
    assert history[-1].test["accuracy"] > 0.9


def test_student_learns_from_teacher_logits_without_labels(linear):
    module, encoder = linear()
    rows = examples(encoder, 240)
    teacher = np.where(rows.targets[:, None] == np.arange(2), 3.0, -3.0).astype(np.float32)
    unlabelled = Examples(encoded=rows.encoded, targets=np.full(240, -1), teacher=Outputs(logits=teacher))
    history = run(module, encoder, objective="logits", rows=unlabelled)
    assert history[-1].validation["accuracy"] > 0.9


def test_diverging_loss_stops_with_its_step(linear):
    module, encoder = linear()
    with torch.no_grad():
        module.output.weight.fill_(float("nan"))
    with pytest.raises(Diverged, match="the loss became nan at step 1 of 120, in epoch 1 of 12; lower learning_rate"):
        run(module, encoder)


def test_weights_that_are_no_numbers_after_the_last_step_stop_with_their_epoch(linear):
    module, encoder = linear()

    def spoil(done, total):
        if done == total:
            module.output.weight.data.fill_(float("nan"))

    with pytest.raises(Diverged, match="the largest validation output became nan at step 20 of 20, in epoch 2 of 2"):
        run(module, encoder, epochs=2, report=spoil)


def test_logits_come_in_the_order_of_the_rows(linear):
    module, encoder = linear()
    rows = examples(encoder, 30).encoded
    together = compute_outputs(module, rows, encoder, batch_size=7).logits
    alone = np.concatenate([compute_outputs(module, rows[row : row + 1], encoder).logits for row in range(30)])
    assert np.allclose(together, alone, atol=0.05)


def test_progress_reaches_its_end(linear):
    module, encoder = linear()
    progress = []
    train(
        module,
        examples(encoder, 33),
        examples(encoder, 20),
        encoder=encoder,
        task=task_of("single-label"),
        terms=[Term(kind="hard")],
        settings=settings(epochs=2),
        report=lambda done, total: progress.append((done, total)),
    )
    assert progress[-1] == (6, 6)


@pytest.mark.parametrize("channels", [3, 4, 7, 8])
def test_gradient_of_a_network_of_images_is_that_of_plain_memory(channels):
    """Strided convolutions of one pixel over few channels have wrong gradients where colours lie last."""
    from training.precision import lay_out, layout_of

    torch.manual_seed(0)
    network = torch.nn.Conv2d(channels, 4, 1, stride=2, bias=False)
    pixels = torch.randn(16, channels, 32, 32)
    exact = copy.deepcopy(network).double()
    exact(pixels.double()).pow(2).sum().backward()
    layout = layout_of(network)
    assert layout == (torch.channels_last if channels >= 8 else torch.contiguous_format)
    lay_out(network, layout)
    network(pixels.contiguous(memory_format=layout)).pow(2).sum().backward()
    assert torch.allclose(network.weight.grad.double(), exact.weight.grad, rtol=1e-4)
