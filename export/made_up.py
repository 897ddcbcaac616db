"""Texts for a gate without real rows: random words of a tokenizer's vocabulary."""

import numpy as np
from tokenizers import Tokenizer

LONGEST_WORDS = 40


def made_up_texts(tokenizer: Tokenizer, count: int, *, seed: int = 0) -> list[str]:
    """`count` texts of 1 to 40 random words each, the same for the same tokenizer and seed."""
    generator = np.random.default_rng(seed)
    words = sorted(word for word in tokenizer.get_vocab() if word.isalpha())
    lengths = generator.integers(1, LONGEST_WORDS + 1, size=count)
    return [" ".join(generator.choice(words, size=length)) for length in lengths]
