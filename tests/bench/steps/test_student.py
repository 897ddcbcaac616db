"""What the training of a student leaves: its history, and its epochs when it is stopped."""

import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from bench.recipe.file import read_recipe
from bench.recipe.parts import Augmentation
from bench.reports.screen import Screen
from bench.steps.export import export_model
from bench.steps.knowledge import label
from bench.steps.models import Model
from bench.steps.split import split
from bench.steps.students.student import train_student
from bench.steps.students.vocabulary import build_vocabulary
from bench.steps.teacher import find_teacher_weights, train_teacher
from bench.steps.training import CellFailed
from bench.steps.workplace import SeedPlace, Workplace
from materials.errors import RequestError
from materials.splits.store import load_splits
from materials.stages import StageStore


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch):
    """As if each took longer than is waited between two writings of the progress file."""
    monkeypatch.setattr("training.loop.KEEP_SECONDS", 0.0)


class StoppingScreen(Screen):
    """Interrupts a step once it has reported `stop_at`, and remembers all reports and notices."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.stop_at, self.reported, self.notices = stop_at, [], []

    def notice(self, sentence):
        if not sentence.startswith("rows: ") and " class names: " not in sentence:  # what the splits hold
            self.notices.append(sentence)

    @contextmanager
    def step(self, title):
        def report(done, total):
            self.reported.append((done, total))
            if done == self.stop_at:
                raise KeyboardInterrupt

        yield report


def seed_place(work):
    """The first seed of a run whose splits are made."""
    weights = find_teacher_weights(work)
    return SeedPlace(work=work, weights=weights, seed=0, splits=split(work, weights, 0))


def train(recipe, root, *, stop_at=None, overrides=(), seed=0):
    """The checkpoint of the recipe's first student, trained on labels alone, and the screen."""
    screen = StoppingScreen(stop_at)
    work = Workplace(
        recipe=read_recipe(str(recipe), overrides), store=StageStore(root=root, notice=screen.notice), screen=screen
    )
    place = seed_place(work)
    cell = replace(work.recipe.cells()[0], seed=seed)
    if cell.objective.needs_teacher:
        teacher = Model(title="teacher", role="teacher", seed=0, splits=place.splits, checkpoint=train_teacher(place))
        teacher = export_model(place, teacher, ["eager"])
        place = place.taught_by(replace(teacher, knowledge=label(place, teacher)))
    checkpoint = train_student(place, cell, build_vocabulary(place, cell.student))
    return checkpoint, screen


def test_history_of_a_student_starts_before_training_and_has_test_scores(tiny_recipe, tmp_path):
    checkpoint, screen = train(tiny_recipe, tmp_path, overrides=["students.0.epochs=3"])
    history = json.loads((checkpoint / "history.json").read_text())
    assert [epoch["epoch"] for epoch in history] == [0, 1, 2, 3]
    assert history[0]["test_cross_entropy"] == pytest.approx(0.693, abs=0.2)
    assert all(0 <= epoch["test_macro_f1"] <= 1 for epoch in history)
    assert not [notice for notice in screen.notices if "before training" in notice]


def test_stopped_student_goes_on_from_its_last_epoch_to_the_same_weights(tiny_recipe, tmp_path):
    overrides = ["students.0.epochs=4"]
    undisturbed, screen = train(tiny_recipe, tmp_path / "a", overrides=overrides)
    steps = screen.reported[-1][1]
    with pytest.raises(KeyboardInterrupt):
        train(tiny_recipe, tmp_path / "b", overrides=overrides, stop_at=steps // 2 + 2)
    assert len(list((tmp_path / "b").rglob("progress.pt"))) == 1
    checkpoint, screen = train(tiny_recipe, tmp_path / "b", overrides=overrides)
    assert screen.reported[:2] == [(steps // 2, steps), (steps // 2 + 1, steps)]
    assert [sentence for sentence in screen.notices if "goes on from the last epoch kept" in sentence]
    assert (checkpoint / "model.safetensors").read_bytes() == (undisturbed / "model.safetensors").read_bytes()
    assert not list((tmp_path / "b").rglob("progress.pt"))


def test_what_a_recipe_leaves_out_is_found_by_rule(tiny_recipe, tmp_path):
    """Static vectors out of the teacher's body: they end by patience, and read what 95 of 100 rows hold."""
    student = "students=[{architecture: static, tokenizer: teacher, vectors: teacher, dimensions: 8}]"
    checkpoint, _ = train(tiny_recipe, tmp_path, overrides=[student, "teacher.max_length_tokens=auto"])
    record = json.loads((checkpoint / "model.json").read_text())
    assert record["max_length_tokens"] % 16 == 0
    history = json.loads((checkpoint / "history.json").read_text())
    assert 14 < history[-1]["epoch"] <= 60
    assert len(list((tmp_path / "stages" / "vectors").glob("*/vectors.npy"))) == 1
    train(tiny_recipe, tmp_path, overrides=[student, "teacher.max_length_tokens=auto"], seed=1)
    assert len(list((tmp_path / "stages" / "vectors").glob("*/vectors.npy"))) == 1


def test_stages_differ_by_what_the_rules_find(tiny_recipe, tmp_path, monkeypatch):
    student = ["students=[{architecture: linear, dimensions: 4, epochs: 1}]"]
    first, _ = train(tiny_recipe, tmp_path, overrides=student)
    again, _ = train(tiny_recipe, tmp_path, overrides=student)
    monkeypatch.setattr("students.linear.Linear.most_tokens", 16)
    monkeypatch.setattr("students.linear.Linear.learning_rate", 1e-4)
    other, _ = train(tiny_recipe, tmp_path, overrides=student)
    assert first == again != other


def test_labels_of_rare_classes_count_more_in_distilled_and_the_stage_is_known_by_it(
    tiny_recipe, tmp_path, monkeypatch
):
    """With nothing to shrink by, the first epoch's loss is that of the teacher's outputs as they are."""
    losses = []
    for rows in (20, 0):
        monkeypatch.setattr("training.outputs.ROWS_TO_TRUST", rows)
        monkeypatch.setattr("bench.steps.students.student.ROWS_TO_TRUST", rows)
        checkpoint, _ = train(tiny_recipe, tmp_path, overrides=["objectives=[{name: distilled}]"])
        losses.append(json.loads((checkpoint / "history.json").read_text())[1]["loss"])
    assert losses[0] != losses[1]
    assert len(list((tmp_path / "stages" / "student").glob("*/stage.json"))) == 2


def test_an_objective_with_a_number_of_epochs_trains_for_just_so_many(tiny_recipe, tmp_path):
    patient = "students=[{architecture: linear, dimensions: 4, schedule: plateau, patience: 2}]"
    checkpoint, _ = train(tiny_recipe, tmp_path, overrides=[patient, "objectives=[{name: hard, epochs: 3}]"])
    assert json.loads((checkpoint / "history.json").read_text())[-1]["epoch"] == 3


@pytest.mark.parametrize("name", ["logits", "distilled"])
def test_teacher_that_runs_in_every_epoch_teaches_what_its_stored_logits_do(tiny_recipe, tmp_path, name):
    losses = []
    for every_epoch in ("false", "true"):
        objective = f"objectives=[{{name: {name}, transfer: true, teacher_every_epoch: {every_epoch}}}]"
        checkpoint, _ = train(tiny_recipe, tmp_path, overrides=[objective, "students.0.transfer_epochs=2"])
        losses.append([epoch["loss"] for epoch in json.loads((checkpoint / "history.json").read_text())[1:]])
    stored, anew = losses
    assert anew == pytest.approx(stored, rel=0.02)  # in bf16 where the processor has it
    assert len(list((tmp_path / "stages" / "student").glob("*/stage.json"))) == 2


def test_teacher_is_not_trained_again_for_other_transfer_rows(tiny_recipe, tmp_path):
    for change in ("data.transfer_rows=50", "data.transfer_rows=60"):
        overrides = [change, "objectives=[{name: logits}]", "students.0.epochs=1", "teacher.epochs=1"]
        train(tiny_recipe, tmp_path, overrides=overrides)
    stages = {kind: len(list((tmp_path / "stages" / kind).glob("*/stage.json"))) for kind in ("teacher", "knowledge")}
    assert stages == {"teacher": 1, "knowledge": 2}


def made_rows(work):
    splits = load_splits(split(work, find_teacher_weights(work), 0))
    return [text for text in splits.transfer.items if "[MASK]" in text]


def test_rows_made_of_train_rows_are_labelled_by_a_teacher_that_knows_the_mask(tiny_recipe, tiny_bert, tmp_path):
    overrides = ["data.transfer=null", "data.augmentation={copies: 2}"]
    store, screen = StageStore(root=tmp_path), StoppingScreen()
    work = Workplace(recipe=read_recipe(str(tiny_recipe), overrides), store=store, screen=screen)
    assert made_rows(work)
    tokenizer = Tokenizer.from_file(str(tiny_bert / "tokenizer.json"))
    assert tokenizer.token_to_id("[MASK]") in tokenizer.encode(made_rows(work)[0]).ids


def test_mask_that_the_teacher_does_not_know_is_refused(tiny_recipe, tiny_bert, tmp_path):
    folder = shutil.copytree(tiny_bert, tmp_path / "bert")
    content = json.loads((folder / "tokenizer.json").read_text())
    content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] != "[MASK]"]
    (folder / "tokenizer.json").write_text(json.dumps(content))
    overrides = [f"teacher.weights={folder}", "data.augmentation={}"]
    store, screen = StageStore(root=tmp_path), StoppingScreen()
    work = Workplace(recipe=read_recipe(str(tiny_recipe), overrides), store=store, screen=screen)
    with pytest.raises(RequestError, match=r"no token for a masked word, such as \[MASK\]; set .*mask_share to 0"):
        split(work, find_teacher_weights(work), 0)
    none = work.recipe.data.model_copy(update={"augmentation": Augmentation(mask_share=0)})
    without = Workplace(recipe=work.recipe.model_copy(update={"data": none}), store=store, screen=screen)
    assert made_rows(without) == []


def test_loss_that_is_no_number_stops_with_the_model_the_step_and_the_epoch(tiny_recipe, tmp_path):
    overrides = [
        "students.0.learning_rate=10",
        "students.0.optimiser=sgd",
        "students.0.largest_gradient_norm=null",
        "students.0.settings.buckets=0",
        "students.0.batch_size=2",
        "students.0.epochs=40",
    ]
    with pytest.raises(
        CellFailed, match=r"linear hard: the loss became (nan|inf) at step \d+ of \d+, in epoch \d+ of"
    ) as it:
        train(tiny_recipe, tmp_path, overrides=overrides)
    number, file = re.search(r"; the (\d+) items of its batch are in (.+)", str(it.value)).groups()
    batch = [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
    assert len(batch) == int(number) == 2
    assert all(isinstance(text, str) and text for text in batch)


@pytest.mark.parametrize("times", [1, 2])
def test_training_for_which_memory_does_not_last_is_begun_again_once_with_half_the_batch(
    tiny_recipe, tmp_path, monkeypatch, times
):
    import training.loop

    train_once, sizes = training.loop.train, []

    def short_of_memory(*rows, settings, **others):
        sizes.append(settings.batch_size)
        if len(sizes) <= times:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes")
        return train_once(*rows, settings=settings, **others)

    monkeypatch.setattr(training.loop, "train", short_of_memory)
    overrides = ["students.0.batch_size=16"]
    if times == 2:
        with pytest.raises(CellFailed, match="can't allocate memory"):
            train(tiny_recipe, tmp_path, overrides=overrides)
    else:
        _, screen = train(tiny_recipe, tmp_path, overrides=overrides)
        said = "linear hard, seed 0: memory gave out with batches of 16; begun again with 8"
        assert screen.notices.count(said) == 1
    assert sizes == [16, 8]


def test_another_fault_is_not_taken_for_want_of_memory(tiny_recipe, tmp_path, monkeypatch):
    import training.loop

    def broken(*rows, **others):
        raise RuntimeError("no kernel")

    monkeypatch.setattr(training.loop, "train", broken)
    with pytest.raises(CellFailed, match="no kernel"):
        train(tiny_recipe, tmp_path)


def test_first_weights_that_favour_a_class_are_named(tiny_recipe, tmp_path):
    one_wide_filter = "students.0={architecture: cnn, dimensions: 8, settings: {widths: [30], filters: 1}, epochs: 1}"
    notices = [
        notice
        for seed in range(4)
        for notice in train(tiny_recipe, tmp_path, overrides=[one_wide_filter], seed=seed)[1].notices
    ]
    assert notices
    assert all(
        re.fullmatch(r"cnn hard: its cross entropy before training is \d.\d\d; expected about ln 2 = 0.69", notice)
        for notice in notices
    )
