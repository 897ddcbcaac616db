"""The encoder of WordPiece files gives for every text what `tokenizers` gives, whatever it has learned before."""

# ruff: noqa: RUF001 (letters of other scripts)

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

from encoders import piece_encoder, piece_memory
from encoders.graph_input import INPUT_IDS
from encoders.piece_encoder import piece_encoder_of
from encoders.text_encoder import TextEncoder
from materials.errors import RequestError

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ADDED = ["url", "USER"]
LETTERS = "abdefilmnorstuvwy01éßжяфильмΣσςअ雨電影"
PIECES = [
    *SPECIALS, *LETTERS, *(f"##{letter}" for letter in LETTERS), *"!?.,-'#[]<>", "film", "##film", "Film", "ＡＢ",
    "mask", "[mask]", "un", "##ed", "a" * 16, "a" * 17, "x" * 120, "don", "фильм", "film\0", "\0",
    "film\x7fs", "film\x0bs", "u", "##rl", "##ser", "##\u0301", "…",
]  # fmt: skip
FORMS = {
    "uncased": {"lowercase": True},
    "cased": {"lowercase": False},
    "uncased with accents": {"lowercase": True, "strip_accents": False},
    "as it is": {"lowercase": False, "clean_text": False, "handle_chinese_chars": False, "strip_accents": True},
}
AROUND = {
    "bert": processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)),
    "template": processors.TemplateProcessing(
        single="[CLS] [MASK] $A [SEP]", pair="$A $B", special_tokens=[("[CLS]", 2), ("[MASK]", 4), ("[SEP]", 3)]
    ),
    "nothing": None,
}
PATHS = {"rows": (10**9, 1024), "columns": (1, 1024), "short columns": (1, 2)}
WILD = st.one_of(
    st.text(max_size=8),
    st.text("film ed.un-#'[]<>\t\n\r", max_size=20),
    st.text(LETTERS + " ", max_size=20),
    st.text("ab", min_size=14, max_size=40),
    st.text(st.characters(max_codepoint=255), max_size=10),
    st.sampled_from(
        [
            "[MASK]",
            "[mask]",
            "url",
            "URL",
            "user",
            "USER",
            "film\x7fs",
            "film\x0bs",
            "[CLS",
            "İ",
            "ẞ",
            "Σ",
            "ΑΣ.",
            "①",
            "e\u0301",
            "\u0301",
            "\u2028",
            "\xa0",
            "\u3000",
            "\0",
        ]
    ),
    st.sampled_from(
        ["\x0b", "\x0c", "\x1c", "\x7f", "\ufffd", "雨film", "don\u2019t", "x" * 101, "a\u200db", "\u00ad"]
    ),
)
TEXTS = st.lists(WILD, max_size=8).map("".join)
LANGUAGES = [
    "A lovely film, isn't it? I'd see it again - twice!", "Ein schöner Film, größer als erwartet: STRASSE oder Straße.",
    "Un film très émouvant, à voir; l'été dernier…", "Очень хороший фильм, Ёлки и ёжик!", "Μια όμορφη ΤΑΙΝΙΑ, ΟΔΟΣ.",
    "電影很好看，雨天也去。", "यह एक अच्छी फ़िल्म है।",
    "فيلم جميل جدًا، أنصح به", "とても良い映画でした。ガ ｶﾞ", "훌륭한 영화였다.",
    "ภาพยนตร์ที่ดีมาก", "Phim rất hay và cảm động", "🎬👍🏽 10/10 would watch again 👨‍👩‍👧",
]  # fmt: skip


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """A function that writes a tokenizer.json of a form, and gives the two encoders that are to agree."""
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"

    def load(form="uncased", around="bert", longest=10_000, added=ADDED):
        numbers = {piece: number for number, piece in enumerate(dict.fromkeys(PIECES))}
        tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(**FORMS[form])
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        if AROUND[around]:
            tokenizer.post_processor = AROUND[around]
        tokenizer.add_special_tokens([*SPECIALS, *(AddedToken(word, normalized=False) for word in added)])
        tokenizer.save(str(file))
        encoder = TextEncoder.load(file, max_length_tokens=longest, padding=0, inputs=(INPUT_IDS,))
        assert encoder.words
        return encoder, replace(encoder, words=None)

    return load


def as_lists(rows):
    return [row.tolist() for row in rows]


def assert_equal(encoder, reference, *parts):
    """Encode parts one after the other, of which the second finds what the first has taught."""
    expected = [as_lists(reference.encode(texts)) for texts in parts]
    for path, (fewest, rows) in PATHS.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(piece_encoder, "FEWEST_BYTES", fewest)
            patch.setattr(piece_encoder, "ROWS_AT_A_TIME", rows)
            ignorant = copy.deepcopy(encoder)
            assert [as_lists(ignorant.encode(texts)) for texts in parts] == expected, path
            assert [as_lists(encoder.encode(texts)) for texts in parts] == expected, path


@pytest.mark.parametrize("form", FORMS)
def test_encoding_is_that_of_the_tokenizer(load, form):
    @settings(deadline=None, max_examples=60)
    @given(st.lists(TEXTS, max_size=6), st.lists(TEXTS, max_size=6), st.sampled_from(list(AROUND)), st.integers(4, 30))
    def check(first, second, around, longest):
        assert_equal(*load(form, around, longest), first, second)

    check()


@pytest.mark.parametrize("form", FORMS)
def test_many_languages_and_scripts(load, form):
    every = [*LANGUAGES, *(" ".join(LANGUAGES[:4]) * 3 for _ in range(2)), "".join(LANGUAGES), "", " "]
    assert_equal(*load(form), every, every[::-1])
    assert_equal(*load(form, longest=9), every)


def test_every_pair_of_ascii_characters(load):
    characters = [chr(code) for code in range(128)]
    texts = ["m".join(first + second + " " for second in characters) for first in characters]
    for form in FORMS:
        assert_equal(*load(form), texts)


def test_words_are_asked_for_once(load, monkeypatch):
    encoder, _ = load()
    asked = []
    memory = encoder.words.memory
    ask = memory.tokenizer.encode_batch_fast

    class Counted:
        def encode_batch_fast(self, words, **options):
            asked.extend(words)
            return ask(words, **options)

    monkeypatch.setattr(memory, "tokenizer", Counted())
    monkeypatch.setattr(piece_memory, "FEW_WORDS", 0)
    for _ in range(2):
        encoder.encode(["Unfilmed films film FILM."] * 500)
    assert sorted(asked) == ["films", "unfilmed"]


def test_memory_is_bounded_and_what_is_forgotten_is_learned_again(load, monkeypatch):
    monkeypatch.setattr(piece_memory, "MOST_LEARNED_BYTES", 40_000)
    monkeypatch.setattr(piece_memory, "MOST_UNTABLED", 5)
    encoder, reference = load()
    memory, most = encoder.words.memory, 0
    for start in range(0, 300, 30):
        texts = [f"film{number} un{number}ed" for number in range(start, start + 30)]
        assert_equal(encoder, reference, texts, ["m" * 400])
        most = max(most, memory.learned_bytes)
        assert len(memory.numbers) <= len(memory.pieces) < len(memory.vocabulary) + 200
    assert 0 < most < 2 * 40_000 + 61 * 1_000  # what is learned before it is forgotten, of about 700 bytes a word


def test_what_failed_while_words_were_learned_is_learned_anew(load, monkeypatch):
    monkeypatch.setattr(piece_encoder, "FEWEST_BYTES", 1)
    encoder, reference = load()
    texts = ["filmed films", "unfilmed"]
    with monkeypatch.context() as patch:
        patch.setattr(piece_memory.TokenRows, "joined", lambda parts: 1 / 0)
        with pytest.raises(RequestError):
            encoder.encode(texts)
    assert as_lists(encoder.encode(texts)) == as_lists(reference.encode(texts))


def test_special_tokens_that_are_words_themselves_stay_where_they_are(tmp_path):
    numbers = {piece: number for number, piece in enumerate(["cls", "sep", "[UNK]", "pad", "a", "film"])}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("sep", 1), ("cls", 0))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    encoder = TextEncoder.load(tmp_path / "tokenizer.json", max_length_tokens=9, padding=3, inputs=(INPUT_IDS,))
    assert encoder.words
    assert as_lists(encoder.encode(["a film"])) == [[0, 4, 5, 1]]


def test_special_token_with_a_line_break_is_left_alone(load):
    file = load()[0].file
    content = json.loads(file.read_text(encoding="utf-8"))
    content["added_tokens"][-1]["content"] = "film\nend"
    file.write_text(json.dumps(content), encoding="utf-8")
    encoder = TextEncoder.load(file, max_length_tokens=9, padding=0, inputs=(INPUT_IDS,))
    assert encoder.words is None


def test_texts_with_a_special_token_are_the_tokenizer_s(load):
    encoder, reference = load()
    assert not encoder.words.takes("a [MASK] film")
    assert_equal(encoder, reference, ["a [MASK] film", "a [mask] film", "[SEP]", "[ SEP ]"] * 300)


def test_half_of_a_letter_is_refused_in_a_sentence(load):
    with pytest.raises(RequestError, match="half of a letter"):
        load()[0].encode(["film", "film \ud800"])


def changed(content, name, **changes):
    return {**content, name: {**content[name], **changes}}


@pytest.mark.parametrize(
    "change",
    [
        lambda content: changed(content, "model", type="WordLevel"),
        lambda content: changed(content, "normalizer", type="Lowercase"),
        lambda content: {**content, "normalizer": None},
        lambda content: changed(content, "pre_tokenizer", type="Whitespace"),
        lambda content: {**content, "added_tokens": [{**content["added_tokens"][0], "normalized": True}]},
    ],
)
def test_other_files_are_left_alone(load, change):
    encoder, _ = load()
    content = json.loads(encoder.file.read_text(encoding="utf-8"))
    assert piece_encoder_of(content, encoder.tokenizer)
    assert piece_encoder_of(change(content), encoder.tokenizer) is None


def test_too_short_a_limit_for_a_text_is_left_alone(load):
    encoder, _ = load()
    content = json.loads(encoder.file.read_text(encoding="utf-8"))
    encoder.tokenizer.enable_truncation(max_length=2)
    assert piece_encoder_of(content, encoder.tokenizer) is None
