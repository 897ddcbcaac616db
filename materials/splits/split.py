"""Seeded, stratified splits without a text in two of them, and transfer rows that never touch validation or test."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from materials.errors import RequestError
from materials.modalities import normalised
from materials.rows import Rows, Source, Splits, Table
from materials.splits.augmentation import Augmentation, augmented
from materials.splits.balance import RowsPerClass, balanced

PARTS = ("train", "validation", "test", "transfer")
NO_LABEL = -1
MASK = "mask-token.json"


def make_splits(
    source: Source,
    transfer: Table | None,
    *,
    validation: float,
    test: float,
    transfer_rows: int | None,
    seed: int,
    label_order: tuple[str, ...] | None = None,
    balance: RowsPerClass | None = None,
    fewest_words: int = 0,
    augmentation: Augmentation | None = None,
) -> Splits:
    """The splits of one seed. `validation` and `test` are shares of the rows, for a source without official ones.

    `balance` is how many rows of each class keep their labels, before shares are split off; the others become transfer
    rows, before those of `transfer` and what `augmentation` makes of the train rows, each once, and none that is a
    labelled row too. Train and transfer rows of fewer than `fewest_words` words, which are runs of letters and digits,
    are left out.
    A class needs two train rows in every stage, or one where test rows are official: it then has none in validation.
    `label_order` holds the labels of a fine-tuned teacher in the order of its outputs, which the splits then follow.
    Raises RequestError when the labels cannot be learned from (fewer than two classes, or a class too rare to split)
    or are not the teacher's.
    """
    label_names = _in_order(_label_names(source), label_order)
    train, held_out, unlabelled = _labelled_parts(
        source,
        label_names,
        shares={"test": test, "validation": validation},
        balance=balance,
        fewest_words=fewest_words,
        seed=seed,
    )
    labelled = {normalised(text) for part in (train, *held_out.values()) for text in part.items}
    by_kind = {
        "rest": unlabelled,
        "other": transfer.items if transfer else [],
        "augmented": augmented(train.items, augmentation, seed) if augmentation else [],
    }
    candidates = [(text, kind) for kind, texts in by_kind.items() for text in texts if _has_words(text, fewest_words)]
    rows, kinds = _sample_transfer(candidates, labelled, transfer_rows, seed)
    return Splits(
        train=train,
        validation=held_out["validation"],
        test=held_out["test"],
        transfer=rows,
        label_names=label_names,
        transfer_kinds=kinds,
        mask_token=(augmentation.mask_token or None) if augmentation else None,
    )


def _labelled_parts(
    source: Source,
    label_names: tuple[str, ...],
    *,
    shares: Mapping[str, float],
    balance: RowsPerClass | None,
    fewest_words: int,
    seed: int,
) -> tuple[Rows, dict[str, Rows], list[str]]:
    """The train rows, the validation and test rows by name, and the texts that a balance left over.

    A share counts where the source has no official rows of that part, and is that of all rows.
    """
    numbers = {name: number for number, name in enumerate(label_names)}
    known: set[str] = set()
    held_out = {}
    for part, table in (("test", source.test), ("validation", source.validation)):
        if table is not None:
            held_out[part] = _rows(table, numbers, without=known)
            known |= {_key(text) for text in held_out[part].items}
    train = _rows(source.train, numbers, without=known, fewest_words=fewest_words)
    fewest = 2 if source.test is None else 1
    if not len(train):
        short = f" or have fewer than {fewest_words} words" if fewest_words else ""
        raise RequestError(f"all train rows are validation or test rows too{short}; give different rows for each")
    unlabelled: list[str] = []
    if balance is not None:
        _check_classes(train, label_names, fewest)
        train, unlabelled = balanced(train, rows_per_class=balance, classes=len(label_names), seed=seed)
    for part, share in shares.items():
        if part not in held_out:
            share_of_rest = share / (1 - shares["test"]) if part == "validation" and source.test is None else share
            _check_classes(train, label_names, fewest)
            train, held_out[part] = _split(train, share_of_rest, label_names, seed)
    _check_classes(train, label_names, fewest)
    for part, rows in held_out.items():
        if not len(rows):
            raise RequestError(f"all {part} rows are in another part too; give different rows for each")
    return train, held_out, unlabelled


def save_splits(splits: Splits, folder: Path) -> None:
    """Write the splits as one Parquet file and the label names as JSON."""
    import pandas as pd

    frames = []
    for part in PARTS:
        rows: Rows = getattr(splits, part)
        kinds = splits.transfer_kinds if part == "transfer" else None
        frames.append(pd.DataFrame({"part": part, "text": rows.items, "label": rows.targets, "kind": kinds}))
    pd.concat(frames).to_parquet(folder / "splits.parquet", index=False)
    (folder / "labels.json").write_text(json.dumps(splits.label_names), encoding="utf-8")
    if splits.mask_token is not None:
        (folder / MASK).write_text(json.dumps(splits.mask_token), encoding="utf-8")


def load_splits(folder: Path) -> Splits:
    """Read what `save_splits` wrote."""
    import pandas as pd

    frame = pd.read_parquet(folder / "splits.parquet")
    parts = {}
    for part in PARTS:
        chosen = frame[frame["part"] == part]
        parts[part] = Rows(items=chosen["text"].tolist(), targets=chosen["label"].to_numpy(dtype=np.int64))
    label_names = tuple(json.loads((folder / "labels.json").read_text(encoding="utf-8")))
    mask_token = json.loads((folder / MASK).read_text(encoding="utf-8")) if (folder / MASK).exists() else None
    kinds = tuple(frame.loc[frame["part"] == "transfer", "kind"]) if "kind" in frame else ()
    return Splits(
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        transfer=parts["transfer"],
        label_names=label_names,
        transfer_kinds=kinds,
        mask_token=mask_token,
    )


def _label_names(source: Source) -> tuple[str, ...]:
    names = set()
    for part in ("train", "validation", "test"):
        table: Table | None = getattr(source, part)
        if table is None:
            continue
        if table.labels is None:
            raise RequestError(f"the {part} rows have no labels; name their column with --label")
        names |= set(table.labels)
    if len(names) < 2:
        raise RequestError(f"the data has one class only ('{next(iter(names))}'); a classifier needs at least two")
    if all(re.fullmatch(r"-?\d+", name) for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))


def _in_order(names: tuple[str, ...], order: tuple[str, ...] | None) -> tuple[str, ...]:
    """The labels in the teacher's order; if the teacher's labels are only numbered, in the data's own."""
    if order is None or set(order) == set(names):
        return order or names
    if len(order) == len(names) and all(name.startswith("LABEL_") for name in order):
        return names
    by_folded = {name.casefold(): name for name in names}
    if len(by_folded) < len(names):
        raise RequestError(f"labels of the data differ in case only ({', '.join(names)}); make them the same")
    if set(by_folded) - {name.casefold() for name in order}:
        raise RequestError(
            f"the data's labels are {', '.join(names)}, but the teacher was fine-tuned for {', '.join(order)}"
        )
    return tuple(by_folded.get(name.casefold(), name) for name in order)


def _has_words(text: str, fewest: int) -> bool:
    return not fewest or len(normalised(text).split()) >= fewest


def _key(text: str) -> str:
    """What a labelled text is known by; one without a letter or digit, such as an emoji, by itself."""
    return normalised(text) or text


def _rows(table: Table, numbers: dict[str, int], *, without: set[str], fewest_words: int = 0) -> Rows:
    """The first of each group of equal texts, less the texts in `without` and those of too few words."""
    seen = set(without)
    texts, labels = [], []
    for text, label in zip(table.items, table.labels or (), strict=True):
        key = _key(text)
        if key not in seen and _has_words(text, fewest_words):
            seen.add(key)
            texts.append(text)
            labels.append(numbers[label])
    return Rows(items=texts, targets=np.array(labels, dtype=np.int64))


def _split(rows: Rows, share: float, label_names: tuple[str, ...], seed: int) -> tuple[Rows, Rows]:
    """The rows less a stratified share of them, and that share; a class with one row keeps it."""
    from sklearn.model_selection import train_test_split

    held_out_rows = max(round(share * len(rows)), len(label_names))
    if len(rows) - held_out_rows < len(label_names):
        raise RequestError(
            f"{len(rows)} different rows are too few to hold out {share:.0%}; add rows, or give a test file"
        )
    is_alone = np.bincount(rows.targets)[rows.targets] == 1
    divisible = np.flatnonzero(~is_alone)
    kept, held_out = train_test_split(
        divisible, test_size=held_out_rows, stratify=rows.targets[divisible], random_state=seed
    )
    return _take(rows, np.sort([*kept, *np.flatnonzero(is_alone)])), _take(rows, np.sort(held_out))


def _check_classes(rows: Rows, label_names: tuple[str, ...], fewest: int) -> None:
    counts = Counter(rows.targets.tolist())
    rare = [name for number, name in enumerate(label_names) if counts[number] < fewest]
    if rare:
        raise RequestError(
            f"class '{rare[0]}' has {counts[label_names.index(rare[0])]} different row(s) to train on; "
            f"each class needs at least {fewest} in every stage of splitting: add rows or leave the class out"
        )


def _take(rows: Rows, indices: Iterable[int]) -> Rows:
    chosen = np.fromiter(indices, dtype=np.int64)
    return Rows(items=[rows.items[index] for index in chosen], targets=rows.targets[chosen])


def _sample_transfer(
    candidates: Iterable[tuple[str, str]], forbidden: set[str], count: int | None, seed: int
) -> tuple[Rows, tuple[str, ...]]:
    """The candidates, texts and their kinds, that are different and not forbidden; `count` of those of kind other."""
    seen = set(forbidden)
    texts = []
    for text, kind in candidates:
        key = normalised(text)
        if key and key not in seen:
            seen.add(key)
            texts.append((text, kind))
    if count is not None:
        others = [one for one in texts if one[1] == "other"]
        if count > len(others):
            raise RequestError(
                f"{count} transfer rows were asked for, but the source has {len(others)} that may be used; "
                f"lower it with --set data.transfer_rows={len(others)}"
            )
        texts = [*random.Random(seed).sample(others, count), *(one for one in texts if one[1] != "other")]
    rows = Rows(items=[text for text, _ in texts], targets=np.full(len(texts), NO_LABEL, dtype=np.int64))
    return rows, tuple(kind for _, kind in texts)
