"""Models of random weights and a real one's shape, for which no weights need be there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from bench.forecast.rows import RowCounts
from bench.recipe.recipe import Recipe
from bench.recipe.recipe_student import FROM_TEACHER, Student
from bench.recipe.recipe_teacher import OF_HEADS
from materials.catalogue import WEIGHTS
from materials.weights import UNTRAINED, WeightsFolder
from students import STUDENTS
from training.rules import MOST_TEACHER_TOKENS

if TYPE_CHECKING:
    from torch import Tensor, nn

HEAPS_FACTOR, HEAPS_POWER = 30.0, 0.5  # of the law that says how many different words a text of so many words has
MOST_WORDS = 60_000
USUAL_SIZE = 224  # of images, where a configuration names none
Config = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A module, and a function that makes the inputs of so many items, each of `tokens` tokens (1 for an image).

    A row that a user gives is `passes` items: as many as there are sentences of a zero-shot teacher's classes. `words`
    is how many different tokens there are.
    """

    module: "nn.Module"
    inputs: "Callable[[int], list[Tensor]]"
    tokens: float = 1.0
    passes: int = 1
    words: int = 0


def config_of(name: str, weights: WeightsFolder | None) -> Config | None:
    """The configuration of pretrained weights, or what the catalogue knows of it; none where neither is at hand."""
    if weights is not None and (weights.path / "config.json").is_file():
        return weights.config
    return WEIGHTS[name].shape if name in WEIGHTS else None


def teacher_stand_in(recipe: Recipe, counts: RowCounts, weights: WeightsFolder | None) -> StandIn | None:
    """A teacher of the recipe's shape; none for a file of answers, and where its shape is not known."""
    teacher, config = recipe.teacher, config_of(recipe.teacher.weights, weights)
    if teacher.is_given:
        return None
    if teacher.architecture == "image-body":
        return _image_body(teacher.weights, counts, weights, teacher.model_dump(include=set(OF_HEADS)))
    if config is None:
        return None
    if recipe.modality == "image":
        size = config.get("image_size", USUAL_SIZE)
        module = _automatic("AutoModelForImageClassification", config, counts.outputs)
        return _images(module, int(size if isinstance(size, int) else size[0]))
    sentences = sum(map(len, (recipe.data.classes or {}).values())) if teacher.architecture == "zero-shot-nli" else 1
    tokens = _cut(_mean_tokens(counts, weights), teacher.max_length_tokens, MOST_TEACHER_TOKENS)
    return _texts(config, counts, recipe, tokens, passes=max(1, sentences))


def student_stand_in(
    recipe: Recipe, student: Student, counts: RowCounts, bodies: Mapping[str, WeightsFolder | None]
) -> StandIn | None:
    """A student of the recipe's shape; none where it starts from a body whose shape is not known.

    `bodies` holds the weights that are at hand, by their names.
    """
    name = recipe.teacher.weights if student.weights == FROM_TEACHER else student.weights
    config = config_of(name, bodies.get(name))
    if student.is_pretrained and recipe.modality == "image":
        head = {**student.settings, "image_size": student.image_size}
        return _image_body(name, counts, bodies.get(name), head)
    if student.is_pretrained:
        if config is None:
            return None
        layers = student.settings.get("layers")
        count = layers if isinstance(layers, int) else len(layers) if layers else config["num_hidden_layers"]
        shorter = {**config, "num_hidden_layers": count}
        tokens = _cut(_mean_tokens(counts, bodies.get(name)), student.max_length_tokens, _most_tokens(student))
        return _texts(shorter, counts, recipe, tokens)
    return _small(recipe, student, counts, config, bodies.get(name))


def _small(
    recipe: Recipe, student: Student, counts: RowCounts, config: Config | None, body: WeightsFolder | None
) -> StandIn:
    """A student without a pretrained body."""
    from students.checkpoint import StudentShape, build_student

    words = 0
    if recipe.modality != "image":
        words = int(config["vocab_size"]) if student.tokenizer == "teacher" and config else own_words(counts)
    shape = StudentShape(
        architecture=student.architecture,
        label_names=tuple(map(str, range(counts.outputs))),
        settings=student.settings,
        words=words,
        dimensions=student.dimensions,
        image_size=student.image_size,
        modality=recipe.modality,
        task=recipe.task.name,
    )
    module = build_student(shape, vectors=None, seed=0)
    if recipe.modality == "image":
        return _images(module, student.image_size)
    tokens = _mean_tokens(counts, body) if student.tokenizer == "teacher" else counts.words
    length = _cut(tokens, student.max_length_tokens, _most_tokens(student))
    return StandIn(module=module, inputs=_tokens(1, length, words), tokens=length, words=words)


def own_words(counts: RowCounts) -> int:
    """About how many different words the rows have, by Heaps' law."""
    rows = counts.train + sum(counts.transfer.values())
    return int(min(MOST_WORDS, 100 + HEAPS_FACTOR * (rows * counts.words) ** HEAPS_POWER))


def _texts(config: Config, counts: RowCounts, recipe: Recipe, tokens: float, *, passes: int = 1) -> StandIn:
    from teachers.transformer import Transformer

    model = _automatic("AutoModelForSequenceClassification", config, counts.outputs)
    module, words = Transformer(model, modality=recipe.modality), int(config["vocab_size"])
    inputs = _tokens(len(module.inputs), tokens, words)
    return StandIn(module=module, inputs=inputs, tokens=tokens, passes=passes, words=words)


def _image_body(name: str, counts: RowCounts, weights: WeightsFolder | None, head: Mapping[str, Any]) -> StandIn | None:
    from teachers.image_body import image_size_of, random_image_body

    config = None if head.get("body") else config_of(name, weights)
    if config is None and weights is None and name not in (UNTRAINED, *WEIGHTS):
        return None
    module = random_image_body(counts.outputs, head=head, config=_without_labels(config) if config else None)
    return _images(module, image_size_of(head, config))


def _automatic(auto_class: str, config: Config, outputs: int) -> Any:
    """A model of transformers with random weights; runs no code from files."""
    import transformers

    made = transformers.AutoConfig.for_model(**{**_without_labels(config), "num_labels": outputs})
    return getattr(transformers, auto_class).from_config(made, trust_remote_code=False)


def _without_labels(config: Config) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in ("id2label", "label2id", "architectures")}


def _images(module: "nn.Module", size: int) -> StandIn:
    import torch

    return StandIn(module=module, inputs=lambda count: [torch.rand(count, 3, size, size)])


def _tokens(count: int, length: float, words: int) -> "Callable[[int], list[Tensor]]":
    """Random token numbers, and ones for the mask and the types where the model takes them."""
    import torch

    def inputs(rows: int) -> "list[Tensor]":
        shape = (rows, round(length))
        numbers = torch.randint(1, words, shape)
        return [numbers, torch.ones(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)][:count]

    return inputs


def _mean_tokens(counts: RowCounts, body: WeightsFolder | None) -> float:
    """The tokens of a text by a body's own tokenizer where both are at hand, else about."""
    from encoders.text_encoder import lengths_of

    file = body.path / "tokenizer.json" if body else None
    if not counts.sample or file is None or not file.is_file():
        return counts.tokens
    return float(np.mean(lengths_of(Tokenizer.from_file(str(file)), counts.sample)))


def _most_tokens(student: Student) -> int:
    return STUDENTS[student.architecture].student_class.most_tokens


def _cut(tokens: float, length: int | str, most: int) -> float:
    """The tokens of a text where so many are read; a rule reads enough of nearly all texts, at most so many."""
    return max(2.0, min(tokens, most if isinstance(length, str) else length))
