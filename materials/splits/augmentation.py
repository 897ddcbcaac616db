"""New texts from train texts for a teacher to label: words masked or replaced, parts of texts, and of two."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PIECE = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")
LONGEST_NGRAM = 5
SHARES_ALONE, SHARES_OF_TWO = (0.1, 0.8), (0.3, 0.7)
MADE_ROWS, MOST_COPIES, FEWEST_OF_A_CLASS = 10_000, 20, 30
OUTSIDE = 0


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How many copies of each text are made, and what is done to them; shares are probabilities.

    Of a copy's words, the share `mask_share` becomes `mask_token` and the share `replaced_share` another word; then the
    share `ngram_share` of the copies keeps 1 to 5 words in a row only. At last the share `part_share` of them is cut
    anew, to 10 to 80 % of a text's words in a row, and the share `mixed_share` is made of two texts, 30 to 70 % of the
    words of each. Without `copies` they are as many as `copies_for` says.
    """

    copies: int | None
    mask_share: float
    replaced_share: float
    ngram_share: float
    part_share: float = 0.0
    mixed_share: float = 0.0
    mask_token: str


def augmented(
    texts: Sequence[str], augmentation: Augmentation, seed: int, *, rows_of_rarest: int | None = None
) -> list[str]:
    """`copies` times as many texts, in the manner of Tang et al. (2019), section 3.3; some may be equal.

    They replace a word by one of the same part of speech, which a tagger finds. Here it is one that stands between the
    same two neighbours somewhere in the texts, drawn as often as it does so: such frames tell parts of speech well
    (Mintz 2003). A word that is alone in its frame stays. Parts of two texts are ours: what a teacher says of them lies
    between classes, where the labels of whole texts tell nothing.
    """
    if not texts:
        return []
    generator = np.random.default_rng(seed)
    words = _Words(texts)
    mask = words.add(augmentation.mask_token)
    copies = []
    for _ in range(copies_for(len(texts), rows_of_rarest) if augmentation.copies is None else augmentation.copies):
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
        made = words.join(numbers, starts, ends)
        if augmentation.part_share or augmentation.mixed_share:
            made = _cut_anew(made, words, numbers, augmentation, generator)
        copies += made
    return copies


def copies_for(texts: int, rows_of_rarest: int | None) -> int:
    """How many copies of each of so many texts are made where nobody says: about 10,000 in all, one to 20 of each.

    None where the rarest class or label that has rows has fewer than 30: its parts are too few among those of the
    others. `rows_of_rarest` is none where labels are neither.
    """
    if rows_of_rarest is not None and rows_of_rarest < FEWEST_OF_A_CLASS:
        return 0
    return min(MOST_COPIES, max(1, round(MADE_ROWS / texts)))


def _cut_anew(
    copies: Sequence[str],
    words: "_Words",
    numbers: np.ndarray,
    augmentation: Augmentation,
    generator: np.random.Generator,
) -> list[str]:
    """The copies, some of them replaced by a part of their text, and some by a part of it and one of another."""
    chances = generator.random(len(copies))
    alone = words.join(numbers, *_parts(words.bounds, SHARES_ALONE, generator))
    firsts, seconds = (words.join(numbers, *_parts(words.bounds, SHARES_OF_TWO, generator)) for _ in range(2))
    partners = generator.permutation(len(copies)).tolist()
    return [
        f"{firsts[number]} {seconds[partners[number]]}"
        if chance < augmentation.mixed_share
        else alone[number]
        if chance < augmentation.mixed_share + augmentation.part_share
        else copies[number]
        for number, chance in enumerate(chances.tolist())
    ]


def _parts(
    bounds: np.ndarray, shares: tuple[float, float], generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Where a part of each text starts and ends: between two shares of its words, in a row, at least one."""
    sizes = np.diff(bounds)
    wanted = np.rint(generator.uniform(*shares, size=len(sizes)) * sizes).astype(np.int64)
    lengths = np.minimum(sizes, np.maximum(1, wanted))
    starts = bounds[:-1] + (generator.random(len(sizes)) * (sizes - lengths + 1)).astype(np.int64)
    return starts, starts + lengths


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
