"""Texts as sets of numbers, one for each two words that follow each other (word shingles)."""

import re
from collections.abc import Sequence
from zlib import crc32

import numpy as np

from materials.modalities import Item, normalised

# Letters of scripts that put no space between words: each of them counts as a word.
UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff])"
)


def shingle_sets(items: Sequence[Item]) -> tuple[np.ndarray, np.ndarray]:
    """The shingles of texts, or of pairs of them, uint32 (shingles,), and how many each item has, int64 (items,).

    Those of an item are sorted and different. Both ends of a text count as a word, so that a text of n words has n + 1
    shingles at most. The lowest bit says of which text of a pair a shingle is; it is 0 in single texts.
    """
    sides = 2 if items and isinstance(items[0], tuple) else 1
    texts = [text for pair in items for text in pair] if sides == 2 else items
    words, counts = _word_numbers(texts)
    # One 0 stands between two texts: the end of the first, and the start of the second.
    joined = np.zeros(len(words) + len(texts) + 1, dtype=np.uint64)
    text_of_word = np.repeat(np.arange(len(texts)), counts)
    joined[np.arange(len(words)) + text_of_word + 1] = words
    shingles = (mixed(joined[:-1] * np.uint64(0x9E3779B97F4A7C15) + joined[1:]) >> np.uint64(32)) & ~np.uint64(1)
    numbers = np.repeat(np.arange(len(texts), dtype=np.uint64), counts + 1)
    if sides == 2:
        shingles, numbers = shingles | numbers % np.uint64(2), numbers // np.uint64(2)
    keys = np.sort(numbers << np.uint64(32) | shingles)
    keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]  # numpy's own `unique` takes ten times as long
    shingles_of_item = np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(items))
    return keys.astype(np.uint32), shingles_of_item


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Numbers of 64 bits, each bit of which depends on all bits of what came (the last steps of SplitMix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _word_numbers(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """A number of 32 bits for each word of all texts, uint64, and the number of words of each text, int64."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = pa.array([_words(text) for text in texts], pa.large_binary()).cast(pa.large_string())
    words_of_text = pc.ascii_split_whitespace(pc.ascii_trim_whitespace(array))
    counts = np.diff(words_of_text.offsets.to_numpy())
    # Each different word is hashed once; a word's own hash in Python differs from process to process.
    words = words_of_text.flatten().dictionary_encode()
    numbers = [crc32(word) for word in words.dictionary.cast(pa.large_binary()).to_pylist()]
    return np.array(numbers, dtype=np.uint64)[words.indices.to_numpy()] + np.uint64(1), counts


def _words(text: str) -> bytes:
    """The words of a text with spaces between; a text without a letter or digit is one of what it is."""
    words = normalised(text)
    return (words if words.isascii() else UNSPACED.sub(r" \1 ", words) or text).encode("utf-8", "replace")
