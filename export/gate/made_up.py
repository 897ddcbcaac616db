"""Texts or images for a gate without real rows: random words of a tokenizer's vocabulary, or random patches."""

from typing import Any

import numpy as np
from tokenizers import Tokenizer

from encoders.encoder import Encoder
from encoders.text_encoder import TextEncoder

LONGEST_WORDS = 40
LETTERS = "abcdefghijklmnopqrstuvwxyz"  # for a vocabulary without words
LEAST_PIXELS, MOST_PIXELS, MOST_PATCHES = 64, 256, 12


def made_up_items(encoder: Encoder, count: int) -> list[Any]:
    """`count` items of the encoder's modality, the same for the same encoder."""
    if not isinstance(encoder, TextEncoder):
        return made_up_images(count)
    if encoder.modality == "pair":
        return list(zip(*(made_up_texts(encoder.tokenizer, count, seed=seed) for seed in (0, 1)), strict=True))
    return made_up_texts(encoder.tokenizer, count)


def made_up_texts(tokenizer: Tokenizer, count: int, *, seed: int = 0) -> list[str]:
    """`count` texts of 1 to 40 random words each, the same for the same tokenizer and seed.

    A special token is no word: a text that names one would be read as if it ended there.
    """
    generator = np.random.default_rng(seed)
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    words = sorted(word for word in tokenizer.get_vocab() if word.isalpha() and word not in special) or [*LETTERS]
    lengths = generator.integers(1, LONGEST_WORDS + 1, size=count)
    return [" ".join(generator.choice(words, size=length)) for length in lengths]


def made_up_images(count: int, *, seed: int = 0) -> list[np.ndarray]:
    """`count` images of several sizes, uint8 (height, width, 3): patches of one colour each, under a little noise."""
    generator = np.random.default_rng(seed)
    return [_patches(generator) for _ in range(count)]


def _patches(generator: np.random.Generator) -> np.ndarray:
    height, width = generator.integers(LEAST_PIXELS, MOST_PIXELS + 1, size=2)
    colours = generator.uniform(0, 255, size=(*generator.integers(1, MOST_PATCHES + 1, size=2), 3))
    down, across = (
        np.arange(size) * parts // size for size, parts in zip((height, width), colours.shape, strict=False)
    )
    pixels = colours[down][:, across] + generator.normal(0, 10, size=(height, width, 3))
    return pixels.clip(0, 255).astype(np.uint8)
