"""A million texts are searched for near-duplicates in a minute, and hardly one is overlooked: `tox -e sweep`."""

import random
import time

import numpy as np
import pytest
from sample_near import LETTERS, nearly

from materials.leaks.nearest import fingerprints_of, nearest
from materials.report import silent

ROWS, PLANTED, MOST_SECONDS = 1_000_000, 20_000, 60
WORDS = 30_000


def many_texts(count, generator):
    """Texts of 12 to 28 words of made-up ones, of which some are as frequent as those of real texts."""
    chance = random.Random(0)
    words = np.array(["".join(chance.choices(LETTERS, k=chance.randint(2, 9))) for _ in range(WORDS)])
    shares = 1 / np.arange(1, WORDS + 1)
    lengths = generator.integers(12, 29, count)
    drawn = words[generator.choice(WORDS, lengths.sum(), p=shares / shares.sum())].tolist()
    ends = np.cumsum(lengths).tolist()
    return [" ".join(drawn[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.sweep
def test_million_rows_are_searched_in_a_minute_and_planted_copies_found():
    generator = np.random.default_rng(0)
    rows = many_texts(ROWS, generator)
    originals = generator.choice(ROWS, PLANTED, replace=False)
    planted = [nearly(rows[row], number) for number, row in enumerate(originals.tolist())]
    start = time.perf_counter()
    all_rows, copies = (fingerprints_of(texts, "text", silent) for texts in (rows, planted))
    found = nearest(copies, all_rows)
    seconds = time.perf_counter() - start
    assert (found.numbers == originals).mean() >= 0.95
    assert seconds < MOST_SECONDS
