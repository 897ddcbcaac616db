"""The word encoder gives for every text what `tokenizers` gives, and leaves alone the files that it does not know."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders import word_encoder
from encoders.graph_input import INPUT_IDS
from encoders.text_encoder import TextEncoder
from encoders.word_cuts import is_simple
from encoders.word_encoder import word_encoder_of
from students.vocabulary import build_tokenizer

CLITICS = st.sampled_from(["n't", "'s", "'m", "'d", "'ll", "'re", "'ve", "N'T", "'LL", "'", "n'", "_", "nt", "\u2019"])
LETTERS = st.text("ntsdmlrev'_ NT", max_size=12)
LONG = st.text("ab1_", min_size=6, max_size=40)
ASCII = st.text(st.characters(max_codepoint=127), max_size=12)
LATIN = st.text(st.characters(max_codepoint=255), max_size=8)
ANY = st.one_of(
    st.text(max_size=8), st.sampled_from(["🌧", "ﬁlm", "İ", "ẞ", "Σ", "①", "e\u0301", "\u2028", "[PAD]", "[UNK]"])
)
ASCII_TEXTS = st.lists(st.one_of(CLITICS, LETTERS, LONG, ASCII, st.sampled_from(" \n\t\0\x1c.,-")), max_size=12).map(
    "".join
)
TEXTS = st.one_of(ASCII_TEXTS, st.lists(st.one_of(CLITICS, LETTERS, LONG, ASCII, LATIN, ANY), max_size=8).map("".join))
CONTENT = json.loads(build_tokenizer([], words_with_vector=()).to_str())
PATHS = {"rows": (10**9, 1024), "columns": (1, 1024), "short columns": (1, 2)}


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """A function that writes a tokenizer.json with these words and gives the two encoders that are to agree."""
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"

    def load(words, longest=10_000):
        vocabulary = {word: number for number, word in enumerate(dict.fromkeys(["[PAD]", "[UNK]", *words]))}
        file.write_text(json.dumps({**CONTENT, "model": {**CONTENT["model"], "vocab": vocabulary}}), encoding="utf-8")
        encoder = TextEncoder.load(file, max_length_tokens=longest, padding=0, inputs=(INPUT_IDS,))
        assert encoder.words
        return encoder, replace(encoder, words=None)

    return load


def words_of(texts):
    return build_tokenizer(texts, words_with_vector=(), smallest_count=1).get_vocab()


def as_lists(rows):
    return [row.tolist() for row in rows]


def assert_equal(encoder, reference, texts):
    expected = as_lists(reference.encode(texts))
    for path, (fewest, rows) in PATHS.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(word_encoder, "FEWEST_CHARACTERS", fewest)
            patch.setattr(word_encoder, "ROWS_AT_A_TIME", rows)
            assert as_lists(encoder.encode(texts)) == expected, path


@pytest.mark.parametrize("texts", [ASCII_TEXTS, TEXTS], ids=["ascii", "any"])
def test_encoding_is_that_of_the_tokenizer(load, texts):
    @settings(deadline=None)
    @given(st.lists(texts, max_size=8), st.lists(texts, max_size=4), st.lists(texts, max_size=9), st.integers(1, 30))
    def check(seen_texts, more, unseen_texts, longest):
        encoded_texts = [*seen_texts, *unseen_texts]
        assert_equal(*load([*words_of([*seen_texts, *more]), *more], longest), encoded_texts)

    check()


CASES = [
    "", " ", "\n\n", "n't", "don't", "n'tn't", "'sn't", "'rent", "'n't", "__n't", "''s", "'''", "n''t", "don'talk",
    "can't've", "I'LL DON'T", "it's'd", "nn't", "n't's", "n't't", "'lln't", "'l", "'r", "'v", "x'", "'", "n'", "'t",
    "rock 'n' roll", "a\0b", "\0", "\x1cfilm\x1f", "film\x0bfilm\x0cfilm\rfilm\tfilm", "[PAD] [UNK] [pad]", "a_b __",
    "abcdefgh abcdefghi abcdefghijklmnop abcdefghijklmnopq", "abcdefg abcdefghijklmno", "w" * 300, "1st 2 22",
    "caf\xe9 CAF\xc9 na\xefve\x97film\x85film\xa0film \xb2 \xaa\xba \xbd \xb5 \xa8\xdf\xd7\xf7",
    "雨 🌧", "don\u2019t", "ﬁlm", "film " * 50,
]  # fmt: skip


def test_handwritten_cases(load):
    texts = [*CASES, *(f"film{case}film" for case in CASES), *(f"n't{case}'s" for case in CASES)]
    encoder, reference = load(words_of(texts), 64)
    assert_equal(encoder, reference, texts)
    for text in texts:
        assert_equal(encoder, reference, [text])


def test_every_pair_of_simple_characters(load):
    characters = [chr(code) for code in range(256) if is_simple(chr(code))]
    assert len(characters) == 248
    texts = ["x".join(first + second + " " for second in characters) for first in characters]
    assert_equal(*load(words_of(texts)), texts)


def test_words_that_no_text_can_give_do_no_harm(load):
    odd = ["", "Film", "a film", "\0\0", "film\0", "abcdefgh\0", "½", "\xa0", "雨", "?", "don't", "A" * 20]
    assert_equal(*load([*odd, "film", "abcdefgh"]), ["Film a film \0\0 film\0 abcdefgh\0 ½ ? ?? don't " + "A" * 20])


def test_simple_texts_pass_by_the_tokenizer(load):
    encoder, _ = load(["film"])
    blind = replace(encoder, tokenizer=None)
    assert as_lists(blind.encode(["A film", "caf\xe9", ""])) == [[1, 2], [1], [0]]


def test_latin_texts_and_others_come_back_in_their_order(load):
    encoder, reference = load(["film", "a", "雨"])
    assert_equal(encoder, reference, ["雨 film", "a film", "", "雨", "film 🌧", "a"] * 700)


def with_model(**changes):
    return {**CONTENT, "model": {**CONTENT["model"], **changes}}


ADDED = {"id": 1, "content": "[UNK]", "single_word": False, "lstrip": False, "rstrip": False}
FOREIGN = {
    "another normalizer": {**CONTENT, "normalizer": {"type": "Lowercase"}},
    "no normalizer": {**CONTENT, "normalizer": None},
    "another pattern": {
        **CONTENT,
        "pre_tokenizer": {**CONTENT["pre_tokenizer"], "pattern": {"Regex": r"\w+"}},
    },
    "another behaviour": {**CONTENT, "pre_tokenizer": {**CONTENT["pre_tokenizer"], "behavior": "Isolated"}},
    "the gaps": {**CONTENT, "pre_tokenizer": {**CONTENT["pre_tokenizer"], "invert": False}},
    "added tokens": {**CONTENT, "added_tokens": [{**ADDED, "normalized": False, "special": True}]},
    "a post-processor": {
        **CONTENT,
        "post_processor": {"type": "BertProcessing", "sep": ["[UNK]", 1], "cls": ["[UNK]", 1]},
    },
    "word pieces": with_model(type="WordPiece", continuing_subword_prefix="##", max_input_chars_per_word=100),
    "no number for unknown words": with_model(unk_token="[NONE]"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_tokenizer_is_left_alone(tmp_path, name):
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(FOREIGN[name]), encoding="utf-8")
    assert word_encoder_of(FOREIGN[name]) is None
    assert TextEncoder.load(file, max_length_tokens=9, padding=0, inputs=(INPUT_IDS,)).words is None


def test_tokenizer_of_the_teacher_is_left_alone(tiny_bert):
    assert word_encoder_of(json.loads((tiny_bert / "tokenizer.json").read_text(encoding="utf-8"))) is None
