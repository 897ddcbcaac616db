"""Texts of made-up words, and copies of them that are almost the same."""

import random

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def made_up_texts(count: int, seed: int = 0, words: int = 20) -> list[str]:
    """Texts of 12 to `words` words, of which some are as frequent as those of real texts."""
    chance = random.Random(seed)
    vocabulary = ["".join(chance.choices(LETTERS, k=chance.randint(2, 9))) for _ in range(3000)]
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    return [" ".join(chance.choices(vocabulary, weights, k=chance.randint(12, words))) for _ in range(count)]


def nearly(text: str, number: int) -> str:
    """A text with one word in ten changed, left out or put in, other capitals and another end."""
    chance = random.Random(number)
    words = text.split()
    for place in chance.sample(range(len(words)), max(1, len(words) // 10)):
        words[place] = chance.choice(["otherwise", "", f"{words[place]} indeed"])
    return " ".join(filter(None, words)).capitalize() + chance.choice([".", "!", " ..."])
