"""Items that users send and data sets rarely hold: unknown words, capitals, accents, long texts, black images."""

from typing import Any

import numpy as np

from encoders.encoder import Encoder
from encoders.text_encoder import TextEncoder

UNKNOWN = "\ua66e\u16a0\ua66e \U0001f9ff qzxvjkw"  # letters that few vocabularies hold
ACCENTED = "\u00dcn\u00efc\u00f6d\u00e9 \u00c7a, "
PIECE_MARKS = "#\u0120\u2581"  # by which tokenizers tell the beginning or the rest of a word
WORDS = 20


def unusual_items(encoder: Encoder) -> list[Any]:
    """Such items of the encoder's modality, always the same for the same encoder; none is of anybody's rows."""
    if not isinstance(encoder, TextEncoder):
        return _images()
    texts = _texts(encoder)
    if encoder.modality == "pair":
        return list(zip(texts, [*texts[1:], texts[0]], strict=True))
    return list(texts)


def _texts(encoder: TextEncoder) -> list[str]:
    """The last words of the vocabulary, which a table that was cut short lacks, in several spellings; unknown words."""
    vocabulary = encoder.tokenizer.get_vocab()
    pieces = [piece.strip(PIECE_MARKS) for piece in sorted(vocabulary, key=vocabulary.__getitem__)]
    words = " ".join([piece for piece in pieces if piece.isalpha()][-WORDS:]) or "a"
    over_the_limit = " ".join([words] * (encoder.max_length_tokens // len(words.split()) + 2))
    return [words, words.upper(), ACCENTED + words, UNKNOWN, over_the_limit]


def _images() -> list[np.ndarray]:
    """Uint8 (height, width, 3): black, white, black and white in turns, and one wide as well as one tall of colours."""
    black, rising = np.zeros((48, 48, 3), dtype=np.uint8), np.arange(24 * 96 * 3) % 251
    chequered = black.copy()
    chequered[::2, ::2] = chequered[1::2, 1::2] = 255
    wide = rising.reshape(24, 96, 3).astype(np.uint8)
    return [black, 255 - black, chequered, wide, np.ascontiguousarray(wide.transpose(1, 0, 2))]
