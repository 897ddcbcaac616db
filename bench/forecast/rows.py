"""How many rows a run works on, and how long they are: from stored splits, the user's own files, or the catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.recipe.data import Data
from bench.recipe.recipe import Recipe
from bench.steps.sources import is_own, read_own_source, read_own_transfer
from bench.steps.workplace import Workplace
from materials.catalogue import DATASETS
from materials.modalities import Item
from materials.rows import TRANSFER_KINDS, Size, Source, Splits
from materials.splits.augmentation import copies_for

SAMPLE_ROWS = 500
PIECES_A_WORD, FRAME_TOKENS = 1.25, 2  # of a tokenizer of word pieces, with its tokens around a text


@dataclass(frozen=True, kw_only=True)
class RowCounts:
    """The rows of one seed by part, transfer rows by their kind, and how many outputs a model has.

    `words` is the mean of a text, 0 for images, and `read` how many rows are read to make these. `sample` holds some
    items where they are known.
    """

    train: int
    validation: int
    test: int
    outputs: int
    transfer: Mapping[str, int] = field(default_factory=dict)
    words: float = 0.0
    read: int = 0
    sample: tuple[Item, ...] = ()

    def transferred(self, kinds: bool | Sequence[str]) -> int:
        """How many transfer rows are of these kinds: all for true, none for false."""
        names = (TRANSFER_KINDS if kinds else ()) if isinstance(kinds, bool) else kinds
        return sum(self.transfer.get(kind, 0) for kind in names)

    @property
    def tokens(self) -> float:
        """About how many word pieces a text has, uncut."""
        return self.words * PIECES_A_WORD + FRAME_TOKENS


def counts_of_splits(splits: Splits) -> RowCounts:
    """The exact numbers of stored splits."""
    parts = (splits.train, splits.validation, splits.test, splits.transfer)
    items = _spread(splits.train.items + splits.transfer.items)
    return RowCounts(
        train=len(splits.train),
        validation=len(splits.validation),
        test=len(splits.test),
        outputs=len(splits.label_names),
        transfer={kind: len(splits.chosen_transfer([kind])) for kind in TRANSFER_KINDS},
        words=_mean_words(items),
        read=sum(map(len, parts)),
        sample=tuple(items),
    )


def counts_before(work: Workplace) -> RowCounts | None:
    """The numbers before anything is split; none where rows must be fetched of which the catalogue knows nothing."""
    recipe = work.recipe
    data = recipe.data
    names = [name for name in (data.train, data.validation, data.test, data.transfer) if name]
    if not all(name in DATASETS or is_own(name) for name in names):
        return None
    own_transfer = read_own_transfer(work)
    transfer = len(own_transfer.items) if own_transfer else DATASETS[data.transfer].size.rows if data.transfer else 0
    if data.train in DATASETS and all(name in DATASETS for name in names):
        return _split(recipe, DATASETS[data.train].size, _official(data), transfer, ())
    source = read_own_source(work)
    if source is None:
        return None
    return _split(recipe, _size_of(recipe, source), _official_of(source), transfer, tuple(_spread(source.train.items)))


def _split(
    recipe: Recipe, size: Size, official: Mapping[str, int], transfer: int, sample: tuple[Item, ...]
) -> RowCounts:
    """What the recipe makes of so many labelled and transfer rows."""
    data = recipe.data
    labels = len(data.classes) if data.classes else size.labels
    train, kinds = size.rows, {"other": min(transfer, data.transfer_rows or transfer)}
    if data.balance is not None:
        kept = min(train, labels * (train // max(1, labels) if data.balance == "rarest" else data.balance))
        train, kinds["rest"] = kept, train - kept
    test = official.get("test") or round(data.test_share * train)
    train -= 0 if official.get("test") else test
    if data.train_rows is not None:
        left_over = max(0, train - data.train_rows)
        train, kinds["rest"] = train - left_over, min(left_over, data.transfer_rows or left_over)
    of_all = train if official.get("test") or data.train_rows is not None else train + test
    validation = official.get("validation") or round(data.validation_share * of_all)
    train -= 0 if official.get("validation") else validation
    if data.augmentation is not None:
        copies = data.augmentation.copies
        kinds["augmented"] = train * (copies_for(max(1, train), None) if copies == "auto" else copies)
    return RowCounts(
        train=train,
        validation=validation,
        test=test,
        outputs=max(1, labels),
        transfer=kinds,
        words=size.words,
        read=size.rows + sum(official.values()) + transfer,
        sample=sample,
    )


def _official(data: Data) -> dict[str, int]:
    """The rows of parts that are not split off, as the catalogue knows them."""
    parts = {part: DATASETS[name].size for part in ("validation", "test") if (name := getattr(data, part))}
    rows = {part: size.test_rows if part == "test" and size.test_rows else size.rows for part, size in parts.items()}
    own_test = DATASETS[data.train].size.test_rows
    return {**({"test": own_test} if own_test else {}), **rows}


def _official_of(source: Source) -> dict[str, int]:
    parts = {"validation": source.validation, "test": source.test}
    return {part: len(table.items) for part, table in parts.items() if table is not None}


def _size_of(recipe: Recipe, source: Source) -> Size:
    labels = recipe.task.label_names(source.train.labels) if source.train.labels else ()
    words = _mean_words(_spread(source.train.items))
    return Size(rows=len(source.train.items), labels=len(labels), words=words)


def _spread(items: Sequence[Item]) -> list[Item]:
    """At most 500 of the items, from all over them."""
    numbers = np.linspace(0, len(items) - 1, min(len(items), SAMPLE_ROWS)).astype(int)
    return [items[number] for number in numbers]


def _mean_words(items: Sequence[Item]) -> float:
    """The mean number of words and marks in texts or pairs of texts; 0 for images."""
    texts = [" ".join((item,) if isinstance(item, str) else item) for item in items if isinstance(item, str | tuple)]
    return float(np.mean([len(text.split()) for text in texts])) if texts else 0.0
