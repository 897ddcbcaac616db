"""New texts from train texts for a teacher to label: words masked or replaced, or a few of them in a row alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PIECE = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")
LONGEST_NGRAM = 5
OUTSIDE = 0


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How many copies of each text are made, and what is done to them; shares are probabilities.

    Of a copy's words, the share `mask_share` becomes `mask_token` and the share `replaced_share` another word; then the
    share `ngram_share` of the copies keeps 1 to 5 words in a row only.
    """

    copies: int
    mask_share: float
    replaced_share: float
    ngram_share: float
    mask_token: str


def augmented(texts: Sequence[str], how: Augmentation, seed: int) -> list[str]:
    """`copies` times as many texts, in the manner of Tang et al. (2019), section 3.3; some may be equal.

    They replace a word by one of the same part of speech, which a tagger has told. Here it is one that stands between
    the same two neighbours somewhere in the texts, as often as it does: such frames tell parts of speech well (Mintz
    2003). A word that is alone in its frame stays.
    """
    if not texts:
        return []
    generator = np.random.default_rng(seed)
    words = _Words(texts)
    mask = words.add(how.mask_token)
    copies = []
    for _ in range(how.copies):
        chance, chosen = generator.random(len(words.numbers)), generator.random(len(words.numbers))
        numbers = np.where(chance < how.mask_share + how.replaced_share, words.in_same_frame(chosen), words.numbers)
        numbers = np.where(words.are_words, np.where(chance < how.mask_share, mask, numbers), words.numbers)
        starts, ends = words.bounds[:-1].copy(), words.bounds[1:].copy()
        short = generator.random(len(texts)) < how.ngram_share
        lengths = np.minimum(generator.integers(1, LONGEST_NGRAM + 1, size=len(texts)), ends - starts)
        places = starts + (generator.random(len(texts)) * (ends - starts - lengths + 1)).astype(np.int64)
        starts[short], ends[short] = places[short], (places + lengths)[short]
        copies += words.join(numbers, starts, ends)
    return copies


class _Words:
    """The words and signs of texts as numbers; text t is `numbers[bounds[t] : bounds[t + 1]]`."""

    def __init__(self, texts: Sequence[str]) -> None:
        rows = [PIECE.findall(text) for text in texts]
        known: dict[str, int] = {}
        self.numbers = np.array([known.setdefault(piece, len(known)) for row in rows for piece in row], dtype=np.int64)
        self.bounds = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        self.pieces = list(known)
        self.are_words = np.array([piece[0].isalnum() or piece[0] == "_" for piece in known], dtype=bool)[self.numbers]
        self._find_frames()

    def add(self, piece: str) -> int:
        """The number of one more piece."""
        self.pieces.append(piece)
        return len(self.pieces) - 1

    def in_same_frame(self, chosen: np.ndarray) -> np.ndarray:
        """For each piece the number of a word in its frame; `chosen`, from 0 to 1, picks it."""
        return self._in_frames[self._frame_starts + (chosen * self._frame_sizes).astype(np.int64)]

    def join(self, numbers: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[str]:
        """The texts between the bounds, a space between two pieces."""
        pieces = [self.pieces[number] for number in numbers.tolist()]
        bounds = zip(starts.tolist(), ends.tolist(), strict=True)
        return [" ".join(pieces[start:end]) for start, end in bounds]

    def _find_frames(self) -> None:
        """Sort the words by the two pieces around them, in lower case."""
        lower: dict[str, int] = {}
        folded = np.array([lower.setdefault(piece.lower(), len(lower) + 1) for piece in self.pieces], dtype=np.int64)
        own = folded[self.numbers]
        before, after = np.concatenate([[OUTSIDE], own[:-1]]), np.concatenate([own[1:], [OUTSIDE]])
        filled = self.bounds[:-1] < self.bounds[1:]
        before[self.bounds[:-1][filled]] = after[self.bounds[1:][filled] - 1] = OUTSIDE
        frames = (before * (len(lower) + 1) + after) * 2 + self.are_words
        order = np.argsort(frames, kind="stable")
        self._in_frames = self.numbers[order]
        _, first, frame, count = np.unique(frames[order], return_index=True, return_inverse=True, return_counts=True)
        frame_of = np.empty(len(order), dtype=np.int64)
        frame_of[order] = frame
        self._frame_starts, self._frame_sizes = first[frame_of], count[frame_of]
