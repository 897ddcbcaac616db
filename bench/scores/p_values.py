"""Two p values without scipy.stats, whose import takes longer than all else that a comparison does."""

import math
from collections.abc import Sequence

import numpy as np

LARGEST_EXACT = 8  # times in the smaller sample, as scipy decides


def even_split_p(first: int, second: int) -> float:
    """The exact two-sided p of so many heads and tails of a fair coin; 1 without a throw."""
    count = first + second
    if first == second:
        return 1.0
    # Logarithms, as 2 to the power of a few thousand throws is no float.
    log_ways = [
        math.lgamma(count + 1) - math.lgamma(heads + 1) - math.lgamma(count - heads + 1)
        for heads in range(min(first, second) + 1)
    ]
    return min(1.0, 2 * float(np.exp(np.array(log_ways) - count * math.log(2)).sum()))


def mann_whitney_p(base: Sequence[float], new: Sequence[float]) -> float:
    """The two-sided p of Mann and Whitney (1947): exact for small samples without ties, else the normal approximation.

    The approximation is corrected for ties and for continuity.
    """
    values, counts = np.unique([*base, *new], return_counts=True)
    ranks = dict(zip(values.tolist(), (np.cumsum(counts) - (counts - 1) / 2).tolist(), strict=True))
    pairs, total = len(base) * len(new), len(base) + len(new)
    wins = sum(ranks[value] for value in map(float, base)) - len(base) * (len(base) + 1) / 2
    larger = max(wins, pairs - wins)
    if min(len(base), len(new)) <= LARGEST_EXACT and counts.max() == 1:
        ways = _ways_to_win(len(base), len(new))
        return min(1.0, 2 * float(ways[round(larger) :].sum() / ways.sum()))
    ties = float((counts**3 - counts).sum()) / (total * (total - 1))
    spread = math.sqrt(pairs / 12 * (total + 1 - ties))
    if spread == 0:
        return 1.0
    return min(1.0, math.erfc((larger - pairs / 2 - 0.5) / spread / math.sqrt(2)))


def _ways_to_win(base: int, new: int) -> np.ndarray:
    """In how many orders of two samples one wins 0, 1, ... of all pairs: the Gaussian binomial coefficient."""
    ways = np.zeros(base * new + 1)
    ways[0] = 1
    small, large = sorted((base, new))
    for number in range(1, small + 1):
        # Times 1 - q^(large + number), then divided by 1 - q^number: a difference and a running sum at these strides.
        shift = large + number
        ways[shift:] -= ways[:-shift].copy() if shift < len(ways) else 0
        for start in range(number):
            ways[start::number] = np.cumsum(ways[start::number])
    return ways
