"""Transfer rows: items that only the teacher labels, from several sources, none of them a labelled row too."""

import random
from collections.abc import Sequence

from materials.errors import RequestError
from materials.modalities import MODALITIES, Item, normalised
from materials.rows import Rows
from materials.splits.augmentation import Augmentation, augmented
from materials.splits.near_duplicates import NearTest


def transfer_rows_of(
    source_items: Sequence[Item],
    *,
    left_over: Sequence[Item],
    train: Rows,
    held_out: Sequence[Rows],
    count: int | None,
    fewest_words: int,
    augmentation: Augmentation | None,
    rows_of_rarest: int | None,
    seed: int,
    near: NearTest | None = None,
) -> tuple[list[Item], tuple[str, ...]]:
    """The transfer items, each once, and the kind of each.

    Rows that a balance left over come before those of the transfer source, and what `augmentation` makes of the train
    rows comes last. `count` is how many items of the source are drawn; none for all. `rows_of_rarest` is how many train
    rows the rarest class or label has, none without such. Items that are `near` test rows are left out. Raises
    RequestError where the source has fewer than `count`.
    """
    key = MODALITIES[train.modality].key
    seen_keys = {key(item) for rows in (train, *held_out) for item in rows.items}
    by_kind = {
        "rest": left_over,
        "other": source_items,
        "augmented": augmented(train.items, augmentation, seed, rows_of_rarest=rows_of_rarest) if augmentation else [],
    }
    transfer_items: list[tuple[Item, str]] = []
    for kind, items in by_kind.items():
        for item in items:
            if has_words(item, max(1, fewest_words)) and key(item) not in seen_keys:
                seen_keys.add(key(item))
                transfer_items.append((item, kind))
    if near and transfer_items:
        far_rows = near.far_rows("transfer", [item for item, _ in transfer_items])
        transfer_items = [transfer_items[number] for number in far_rows.tolist()]
    if count is not None:
        transfer_items = _drawn(transfer_items, count, seed)
    return [item for item, _ in transfer_items], tuple(kind for _, kind in transfer_items)


def has_words(item: Item, fewest: int) -> bool:
    """Whether a text, or both texts of a pair together, have so many runs of letters and digits; images always do."""
    if not fewest or not isinstance(item, str | tuple):
        return True
    texts = (item,) if isinstance(item, str) else item
    return sum(len(normalised(text).split()) for text in texts) >= fewest


def check_words(modality: str, fewest_words: int, augmentation: Augmentation | None) -> None:
    """Raise RequestError for a setting that counts words of images, or that augments anything but single texts."""
    plural = MODALITIES[modality].plural
    if fewest_words and modality == "image":
        raise RequestError(f"data.fewest_words counts words, and the rows are {plural}; leave it out")
    if augmentation and modality != "text":
        raise RequestError(f"data.augmentation makes texts of texts, and the rows are {plural}; leave it out")


def _drawn(items: Sequence[tuple[Item, str]], count: int, seed: int) -> list[tuple[Item, str]]:
    """`count` of the items of the transfer source, in random order, before all of the other kinds."""
    source_pairs = [pair for pair in items if pair[1] == "other"]
    usable = len(source_pairs)
    if count > usable:
        advice = f"lower it with --set data.transfer_rows={usable}" if usable else "give another source"
        raise RequestError(
            f"{count} transfer rows were asked for, but the source has {usable} that may be used; {advice}"
        )
    return [*random.Random(seed).sample(source_pairs, count), *(pair for pair in items if pair[1] != "other")]
