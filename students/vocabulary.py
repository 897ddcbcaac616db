"""The word-level tokenizer of the students, built from the words of train and transfer rows."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from encoders.word_encoder import PATTERN

PADDING, UNKNOWN = "[PAD]", "[UNK]"
PADDING_NUMBER = 0
UNKNOWN_SIGN = "\x1a"  # SUBSTITUTE, which stands for a character that is not known, and in no text


def build_tokenizer(texts: Iterable[str], *, known: Collection[str], smallest_count: int = 2) -> Tokenizer:
    """A tokenizer for the words that occur in `texts`, the most frequent first.

    A word without a pretrained vector (not in `known`) must occur `smallest_count` times. Words are lower case;
    contractions are cut as in the Penn treebank ("do n't"), the form in which GloVe was trained.
    """
    tokenizer = _tokenizer({PADDING: PADDING_NUMBER, UNKNOWN: 1})
    counts = count_words(tokenizer, texts)
    counts.pop(UNKNOWN_SIGN, None)
    words = [word for word, count in counts.most_common() if count >= smallest_count or word in known]
    return _tokenizer({word: number for number, word in enumerate([PADDING, UNKNOWN, *words])})


def without_mask(texts: Sequence[str], mask_token: str | None) -> list[str]:
    """The texts with masked words as words that are not known, as Tang et al. (2019) give them to the student."""
    return [text.replace(mask_token, UNKNOWN_SIGN) for text in texts] if mask_token else list(texts)


def count_words(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs, known to the tokenizer or not."""
    counts: Counter[str] = Counter()
    for text in texts:
        pieces = tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))
        counts.update(piece for piece, _ in pieces)
    return counts


def words_of(tokenizer: Tokenizer) -> list[str]:
    """The words in the order of their numbers; empty for a number that no word has."""
    vocabulary = tokenizer.get_vocab()
    words = [""] * (max(vocabulary.values()) + 1)
    for word, number in vocabulary.items():
        words[number] = word
    return words


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json."""
    tokenizer.save(str(folder / "tokenizer.json"))


def _tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PATTERN), behavior="removed", invert=True)
    return tokenizer
