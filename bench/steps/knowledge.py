"""The step that labels: the teacher's outputs for all rows that some student learns from, computed once and stored."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from bench.recipe.objective import Objective
from bench.steps.answering.given import GIVEN_FORMAT, given_outputs
from bench.steps.encoded import drawing_of, encoded
from bench.steps.folds import EAGER, fold_numbers, fold_scores, label_out_of_fold, scores_in_words, train_folds
from bench.steps.models import Model
from bench.steps.students.features import features_of_all, with_features
from bench.steps.teacher import teacher_length
from bench.steps.workplace import SeedPlace
from export.bundle import Bundle, read_bundle
from materials.modalities import Item
from materials.report import Report, silent
from materials.rows import Rows, Splits
from materials.splits.balance import at_most
from materials.stages import Stage
from training.outputs import Outputs

if TYPE_CHECKING:
    from encoders.encoder import Encoder
    from export.labelling import Choice, Labelling

CHOICE, LABELLING = "choice.json", "labelling.json"
TEST_LOGITS = "test_logits.npy"  # of the mean of the folds' teachers


def label(place: SeedPlace, teacher: Model) -> Path:
    """The folder with the teacher's outputs for train rows and the transfer rows that some student learns from.

    Where no label is looked at, validation rows are labelled too, and test rows that have no label.

    Which of the teacher's files labels is chosen first, and stored: by speed, among those whose decisions are the eager
    model's. The key of the outputs holds the format and precision that computed them, so that students never go on
    learning from the outputs of another file than the one that is named.
    """
    if place.work.recipe.teacher.is_given:
        return given_outputs(place, place.work.recipe.labelled_transfer)
    work, bundles = (
        place.work,
        {format: read_bundle(bundle, to_run=False) for format, bundle in teacher.bundles.items()},
    )
    features = features_of_all(place)
    # Only the model itself gives features, so that no other file is asked.
    choice = _choose(place, teacher, {EAGER: bundles[EAGER]} if features else bundles)
    settings = work.recipe.teacher
    transfer, parts = work.recipe.labelled_transfer, unlabelled_parts(place.rows) or ["train"]
    inputs: dict[str, Any] = {
        "splits": place.splits.name,
        "transfer": transfer,
        "bundle": teacher.bundles[choice.format].name,
        "format": choice.format,
        "precision": choice.precision,
        **({"features": list(features)} if features else {}),
        **({"folds": settings.folds} if settings.folds else {}),
        **({"views": settings.views, "drawing": asdict(drawing_of(place))} if settings.views else {}),
    }

    def make(folder: Path) -> None:
        from teachers.knowledge import save_knowledge

        rows = place.rows
        items = [item for part in parts for item in getattr(rows, part).items]
        items += rows.transfer.take(rows.chosen_transfer(transfer)).items
        title = f"teacher outputs for {len(items):,} rows, seed {place.seed}"
        if features:
            _say_size(place, features, items)
            with work.screen.step(title) as report:
                labelling = _with_features(place, teacher, choice, items, features, report)
            save_knowledge(labelling.outputs, items, rows.modality, folder)
            record = {"rows_per_second": labelling.rows_per_second}
        else:
            record = _label_by_files(place, bundles, choice, items, folder, title)
        (folder / LABELLING).write_text(json.dumps(asdict(choice) | record, indent=1), encoding="utf-8")

    return work.store.get(Stage(name="knowledge", version=1, inputs=inputs), make)


def _label_by_files(
    place: SeedPlace, bundles: dict[str, Bundle], choice: "Choice", items: list[Item], folder: Path, title: str
) -> dict[str, Any]:
    """Store what the teacher says of the items, and of each of their views; what of that the record shall say.

    With folds, the first of the items are the train rows, each of which is labelled by a teacher trained without it.
    """
    from teachers.knowledge import save_knowledge

    work, rows, settings = place.work, place.rows, place.work.recipe.teacher
    folds = train_folds(place, list(dict.fromkeys((EAGER, choice.format)))) if settings.folds else []
    train, others = (len(rows.train), items[len(rows.train) :]) if folds else (0, items)
    # The mean of the teachers is judged on test rows, which no student is taught by: they come last, and are cut off.
    judged = rows.test.items if folds else []
    views_count, teachers = settings.views or 0, max(1, len(folds))
    total = (1 + views_count) * (train + teachers * len(others)) + teachers * len(judged)
    passes = _Passes(place, choice, total=total)

    def logits(view: int | None, more: list[Item]) -> np.ndarray:
        if folds:
            return label_out_of_fold(folds, rows.train, [*others, *more], partial(passes.label, view=view))
        return passes.label(bundles, items, view=view)

    with work.screen.step(title) as report:
        passes.report = report
        whole = logits(None, judged)
        views = [logits(view, []) for view in range(views_count)]
    save_knowledge(
        Outputs(logits=whole[: len(items)]),
        items,
        rows.modality,
        folder,
        folds=fold_numbers(folds, train, len(others)) if folds else None,
        views=np.stack(views, axis=1) if views else None,
    )
    record: dict[str, Any] = {"rows_per_second": passes.rows_per_second}
    if folds:
        np.save(folder / TEST_LOGITS, whole[len(items) :])
        record["folds"] = fold_scores(place, folds, whole, whole[len(items) :])
        for sentence in scores_in_words(record["folds"], rows.task):
            work.screen.notice(sentence)
    return record


class _Passes:
    """The passes of a teacher's files over `total` rows in all, of which one line tells the progress."""

    def __init__(self, place: SeedPlace, choice: "Choice", *, total: int) -> None:
        self.place, self.choice, self.total = place, choice, total
        self.report: Report = silent
        self.seconds, self.rows = 0.0, 0

    def label(self, bundles: Mapping[str, Bundle], items: Sequence[Item], *, view: int | None) -> np.ndarray:
        """Logits, float32 (items, outputs), of the items or of a view of each."""
        from export.labelling import label_items

        def encode(encoder: "Encoder", items: Sequence[Item]) -> Any:
            rows = encoded(self.place, encoder, items)
            return rows if view is None else rows.viewed(np.full(len(rows), view), drawing_of(self.place))

        labelling = label_items(
            bundles,
            self.choice,
            items,
            device=self.place.work.recipe.trained_on,
            report=lambda done, _: self.report(self.rows + done, self.total),
            encode=encode,
        )
        self.rows += len(items)
        self.seconds += len(items) / labelling.rows_per_second
        return np.asarray(labelling.outputs.logits)

    @property
    def rows_per_second(self) -> float:
        """The rate of all passes."""
        return self.rows / self.seconds


def _say_size(place: SeedPlace, features: Sequence[str], items: list[Item]) -> None:
    """Say how much a teacher's features for the items will take, in float16."""
    from encoders.text_encoder import lengths_of
    from teachers.features import POOLED, RELATIONS

    if place.rows.modality == "image":
        return  # maps of 64 numbers
    width = int(place.weights.config["hidden_size"])
    numbers = sum(1 for name in features if name == POOLED) * len(items)
    if of_tokens := [3 if name == RELATIONS else 1 for name in features if name != POOLED]:
        lengths = lengths_of(Tokenizer.from_file(str(place.weights.path / "tokenizer.json")), items)
        tokens = sum(min(length, teacher_length(place)) for length in lengths) * len(items) / len(lengths)
        numbers += round(sum(of_tokens) * tokens)
    megabytes = 2 * width * numbers / 1e6
    place.work.screen.notice(f"the teacher's features for {len(items):,} rows take {megabytes:,.0f} MB in the cache")


def _with_features(
    place: SeedPlace, teacher: Model, choice: "Choice", items: list[Item], features: Sequence[str], report: Report
) -> "Labelling":
    """Logits and features of the teacher's own module, in fp32."""
    from export.labelling import Labelling
    from teachers import TEACHERS
    from training.loop import compute_outputs

    if teacher.checkpoint is None:
        raise ValueError("the teacher has not been trained yet")
    recipe = place.work.recipe
    classifier = TEACHERS[recipe.teacher.architecture].load(teacher.checkpoint)
    began = time.perf_counter()
    outputs = compute_outputs(
        with_features(place, classifier.module.to(recipe.trained_on), features),
        encoded(place, classifier.encoder, items),
        classifier.encoder,
        device=recipe.trained_on,
        bf16=False,
        report=report,
    )
    return Labelling(
        outputs=outputs,
        format=choice.format,
        precision=choice.precision,
        threads=choice.threads,
        rows_per_second=len(items) / (time.perf_counter() - began),
    )


def unlabelled_parts(rows: Splits) -> list[str]:
    """The parts of which no row has a label; the teacher's decisions stand for them."""
    return [
        part for part in ("train", "validation", "test") if not rows.task.has_target(getattr(rows, part).targets).any()
    ]


def taught_rows(place: SeedPlace, objective: Objective) -> np.ndarray:
    """The numbers of the transfer rows that an objective learns from, int64, rising."""
    rows = place.rows
    chosen = rows.chosen_transfer(objective.transfer)
    if objective.transfer_balance is None or place.knowledge is None:
        return chosen
    logits = np.asarray(outputs_for(place, rows.transfer.take(chosen)).logits)
    return chosen[at_most(rows.task.decide(logits), objective.transfer_balance, seed=place.seed)]


def outputs_for(place: SeedPlace, rows: Rows) -> "Outputs":
    """The teacher's stored outputs for some rows, in their order."""
    return place.stored_outputs.take(rows.items, rows.modality)


def labelling_format(knowledge: Path) -> str:
    """The format of the teacher's file that labelled, by the folder of its outputs; of a file of answers, its own."""
    if not (knowledge / LABELLING).is_file():
        return GIVEN_FORMAT
    format: str = json.loads((knowledge / LABELLING).read_text(encoding="utf-8"))["format"]
    return format


def labelling_records(models: Sequence[Model]) -> list[dict[str, Any]]:
    """How each seed's rows were labelled: which file, in which precision, how fast, and what was refused."""
    return [
        {"seed": model.seed, **json.loads((model.knowledge / LABELLING).read_text(encoding="utf-8"))}
        for model in models
        if model.knowledge is not None and (model.knowledge / LABELLING).is_file()
    ]


def _choose(place: SeedPlace, teacher: Model, bundles: dict[str, Bundle]) -> "Choice":
    """The file that labels: the fastest here of those that are close enough to the eager one on a sample."""
    from export.labelling import Choice, choose_labeller

    work = place.work
    inputs = {
        "bundles": {format: teacher.bundles[format].name for format in bundles},
        "splits": place.splits.name,
        "device": work.recipe.trained_on,
    }

    def make(folder: Path) -> None:
        with work.screen.step(f"the teacher's fastest file, seed {place.seed}"):
            choice = choose_labeller(bundles, place.rows.train.items, device=work.recipe.trained_on)
        for format, reason in choice.refused.items():
            work.screen.notice(f"the teacher does not label as {format}: {reason}")
        (folder / CHOICE).write_text(json.dumps(asdict(choice), indent=1), encoding="utf-8")

    folder = work.store.get(Stage(name="labeller", version=2, inputs=inputs), make)
    return Choice(**json.loads((folder / CHOICE).read_text(encoding="utf-8")))
