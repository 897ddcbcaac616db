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


def augmented(texts: Sequence[str], augmentation: Augmentation, seed: int) -> list[str]:
    """`copies` times as many texts, in the manner of Tang et al. (2019), section 3.3; some may be equal.

    They replace a word by one of the same part of speech, which a tagger finds. Here it is one that stands between the
    same two neighbours somewhere in the texts, drawn as often as it does so: such frames tell parts of speech well
    (Mintz 2003). A word that is alone in its frame stays.
    """
    if not texts:
        return []
    generator = np.random.default_rng(seed)
    words = _Words(texts)
    mask = words.add(augmentation.mask_token)
    copies = []
    for _ in range(augmentation.copies):
        chances, picks = generator.random(len(words.numbers)), generator.random(len(words.numbers))
        numbers = np.where(
            chances < augmentation.mask_share + augmentation.replaced_share, words.in_same_frame(picks), words.numbers
        )
        numbers = np.where(words.are_words, np.where(chances < augmentation.mask_share, mask, numbers), words.numbers)
        starts, ends = words.bounds[:-1].copy(), words.bounds[1:].copy()
        is_ngram = generator.random(len(texts)) < augmentation.ngram_share
        lengths = np.minimum(generator.integers(1, LONGEST_NGRAM + 1, size=len(texts)), ends - starts)
        # A place from which the n-gram still fits into its text.
        places = starts + (generator.random(len(texts)) * (ends - starts - lengths + 1)).astype(np.int64)
        starts[is_ngram], ends[is_ngram] = places[is_ngram], (places + lengths)[is_ngram]
        copies += words.join(numbers, starts, ends)
    return copies


class _Words:
    """The words and signs of texts as numbers; text t is `numbers[bounds[t] : bounds[t + 1]]`."""

    def __init__(self, texts: Sequence[str]) -> None:
        rows = [PIECE.findall(text) for text in texts]
        piece_numbers: dict[str, int] = {}
        self.numbers = np.array(
            [piece_numbers.setdefault(piece, len(piece_numbers)) for row in rows for piece in row], dtype=np.int64
        )
        self.bounds = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        self.pieces = list(piece_numbers)
        is_word = np.array([piece[0].isalnum() or piece[0] == "_" for piece in self.pieces], dtype=bool)
        self.are_words = is_word[self.numbers]
        self._find_frames()

    def add(self, piece: str) -> int:
        """The number of one more piece."""
        self.pieces.append(piece)
        return len(self.pieces) - 1

    def in_same_frame(self, picks: np.ndarray) -> np.ndarray:
        """For each piece the number of a word in its frame, picked by a number of `picks`, from 0 up to 1."""
        return self._in_frames[self._frame_starts + (picks * self._frame_sizes).astype(np.int64)]

    def join(self, numbers: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[str]:
        """The texts between the bounds, a space between two pieces."""
        pieces = [self.pieces[number] for number in numbers.tolist()]
        bounds = zip(starts.tolist(), ends.tolist(), strict=True)
        return [" ".join(pieces[start:end]) for start, end in bounds]

    def _find_frames(self) -> None:
        """Sort the words by the two pieces around them, in lower case."""
        lower_numbers: dict[str, int] = {}
        lower_of_piece = np.array(
            [lower_numbers.setdefault(piece.lower(), len(lower_numbers) + 1) for piece in self.pieces], dtype=np.int64
        )
        lower_pieces = lower_of_piece[self.numbers]
        previous = np.concatenate([[OUTSIDE], lower_pieces[:-1]])
        following = np.concatenate([lower_pieces[1:], [OUTSIDE]])
        # The first piece of a text has none before it and the last none after it, whatever text stands beside.
        has_pieces = self.bounds[:-1] < self.bounds[1:]
        previous[self.bounds[:-1][has_pieces]] = following[self.bounds[1:][has_pieces] - 1] = OUTSIDE
        # Both neighbours and the kind as one number, so that equal frames sort together; words replace words only.
        frames = (previous * (len(lower_numbers) + 1) + following) * 2 + self.are_words
        order = np.argsort(frames, kind="stable")
        self._in_frames = self.numbers[order]
        _, starts, frame, count = np.unique(frames[order], return_index=True, return_inverse=True, return_counts=True)
        # The inverse of the sort: the frame of each piece in the order of the texts.
        frame_of = np.empty(len(order), dtype=np.int64)
        frame_of[order] = frame
        self._frame_starts, self._frame_sizes = starts[frame_of], count[frame_of]
