"""Batches of rows of about equal length, so that little is padded."""

from collections.abc import Iterator

import numpy as np

BATCHES_MIXED = 50


def bucketed_batches(lengths: np.ndarray, batch_size: int, seed: int | None) -> Iterator[np.ndarray]:
    """Row numbers in batches of rows of about equal length, each row once.

    With a seed, rows and batches come in random order, sorted by length only within 50 batches, so that each epoch
    mixes them anew; without one, all rows are sorted, the longest last.
    """
    order = np.arange(len(lengths))
    if seed is None:
        order = order[np.argsort(lengths, kind="stable")]
        yield from (order[start : start + batch_size] for start in range(0, len(order), batch_size))
        return
    generator = np.random.default_rng(seed)
    generator.shuffle(order)
    # Sorting all rows would give every epoch the same batches, and sorting none would pad each to its longest row.
    pool = BATCHES_MIXED * batch_size
    batches = []
    for pool_start in range(0, len(order), pool):
        rows = order[pool_start : pool_start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    # Shuffled, or each pool would go from its shortest texts to its longest.
    for number in generator.permutation(len(batches)):
        yield batches[number]
