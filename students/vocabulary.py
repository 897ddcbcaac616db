"""The word-level tokenizer of the students, built from the words of train and transfer rows."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from encoders.word_encoder import PATTERN
from materials.modalities import Item

PADDING, UNKNOWN, SEPARATOR = "[PAD]", "[UNK]", "[SEP]"
PADDING_NUMBER = 0
UNKNOWN_SIGN = "\x1a"  # SUBSTITUTE, the control character for one that cannot be represented; no text has it


def build_tokenizer(
    items: Iterable[Item], *, words_with_vector: Collection[str], smallest_count: int = 2, modality: str = "text"
) -> Tokenizer:
    """A tokenizer for the words that occur in texts or pairs of texts, the most frequent first.

    A word that is not in `words_with_vector` must occur `smallest_count` times. Words are lower case;
    contractions are cut as in the Penn treebank ("do n't"), the form in which GloVe was trained. The texts of a pair
    are joined, with a token of its own between them.
    """
    special = [PADDING, UNKNOWN, *([SEPARATOR] if modality == "pair" else [])]
    tokenizer = _tokenizer({word: number for number, word in enumerate(special)})
    counts = count_words(tokenizer, items)
    counts.pop(UNKNOWN_SIGN, None)
    words = [word for word, count in counts.most_common() if count >= smallest_count or word in words_with_vector]
    return _tokenizer({word: number for number, word in enumerate([*special, *words])})


def without_mask(items: Sequence[Item], mask_token: str | None) -> list[Item]:
    """The texts with masked words turned into unknown words, as Tang et al. (2019) give them to the student.

    Items of other kinds hold no mask, and stay as they are.
    """
    if not mask_token:
        return list(items)
    return [item.replace(mask_token, UNKNOWN_SIGN) if isinstance(item, str) else item for item in items]


def count_words(tokenizer: Tokenizer, items: Iterable[Item]) -> Counter[str]:
    """How often each word occurs in texts or pairs of texts, known to the tokenizer or not."""
    counts: Counter[str] = Counter()
    for item in items:
        for text in (item,) if isinstance(item, str) else item:
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
    if SEPARATOR in vocabulary:
        separator = (SEPARATOR, vocabulary[SEPARATOR])
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A", pair=f"$A {SEPARATOR} $B", special_tokens=[separator]
        )
    return tokenizer
