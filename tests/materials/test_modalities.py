"""What every kind of item promises, and what makes two of them the same."""

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from materials.files import sha256_of
from materials.modalities import MODALITIES, ImageFile, modality_of, normalised

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ITEMS = {
    "text": TEXTS,
    "pair": st.tuples(TEXTS, TEXTS),
    "image": st.builds(ImageFile, path=TEXTS, sha256=st.text("0123456789abcdef", min_size=64, max_size=64)),
}
TEXT, PAIR, IMAGE = (MODALITIES[name] for name in ("text", "pair", "image"))


def image(folder, name, content=b"pixels"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return ImageFile.at(path)


@pytest.mark.parametrize("name", MODALITIES)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_item_survives_json_and_columns(name, data):
    kind, items = MODALITIES[name], data.draw(st.lists(ITEMS[name], max_size=4))
    stored = json.loads(json.dumps([kind.as_json(item) for item in items]))
    assert [kind.from_json(item) for item in stored] == items
    columns = kind.as_columns(items)
    assert tuple(columns) == kind.columns
    assert all(isinstance(cell, str) for cells in columns.values() for cell in cells)
    assert kind.from_columns(columns) == items
    assert kind.from_columns(pd.DataFrame(columns, dtype=object)) == items


@pytest.mark.parametrize("name", MODALITIES)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_digest_tells_items_their_number_and_their_order_apart(name, data):
    kind, items = MODALITIES[name], data.draw(st.lists(ITEMS[name], min_size=2, max_size=4, unique=True))
    assert kind.digest(items) == kind.digest(list(items))
    assert len({kind.digest(rows) for rows in (items, items[::-1], items[:-1], [*items, items[0]], [])}) == 5


@pytest.mark.parametrize("name", MODALITIES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_item_tells_its_modality(name, data):
    item = data.draw(ITEMS[name])
    assert MODALITIES[modality_of(item)].name == name


def test_digests_of_different_kinds_differ():
    assert len({TEXT.digest(["a", "b"]), PAIR.digest([("a", "b")]), TEXT.digest(["ab"])}) == 3


@pytest.mark.parametrize(
    "again", ["A good Film", "a good film!", "  a\tgood\nfilm ", "a, good; film", "\uff21 good \ufb01lm"]
)
def test_texts_with_the_same_words_count_as_the_same(again):
    assert TEXT.key(again) == TEXT.key("a good film") == "a good film"
    assert TEXT.digest([again]) != TEXT.digest(["a good film"])


@pytest.mark.parametrize("other", ["a good films", "good a film", "agood film", "a good film 2", ""])
def test_texts_with_other_words_do_not(other):
    assert TEXT.key(other) != TEXT.key("a good film")


def test_texts_without_a_letter_are_known_by_themselves():
    texts = ["👍", "👍👍", ":-)", ":-(", "", " "]
    assert len({TEXT.key(text) for text in texts}) == len(texts)
    assert [normalised(text) for text in texts] == [""] * len(texts)


def test_accents_count_but_not_how_they_are_written():
    assert TEXT.key("cafe\u0301") == TEXT.key("CAFÉ") != TEXT.key("cafe")


def test_pair_and_the_pair_the_other_way_round_are_two():
    pair, reversed_pair = ("a man sleeps", "he dreams"), ("he dreams", "a man sleeps")
    assert PAIR.key(pair) != PAIR.key(reversed_pair)
    assert PAIR.digest([pair]) != PAIR.digest([reversed_pair])


def test_pairs_of_the_same_words_count_as_the_same_and_those_cut_elsewhere_do_not():
    assert PAIR.key(("A man sleeps.", "He dreams!")) == PAIR.key(("a man sleeps", "he dreams"))
    assert PAIR.key(("a b", "c")) != PAIR.key(("a", "b c"))
    assert PAIR.key(("a", "")) != PAIR.key(("", "a"))
    assert PAIR.key(("a", "👍")) != PAIR.key(("a", "👎"))
    assert PAIR.digest([("a b", "c")]) != PAIR.digest([("a", "b c")])


@settings(max_examples=100, deadline=None)
@given(st.tuples(TEXTS, TEXTS), st.tuples(TEXTS, TEXTS))
def test_pairs_with_letters_share_a_key_exactly_where_both_halves_do(pair, other):
    if all(map(normalised, (*pair, *other))):
        assert (PAIR.key(pair) == PAIR.key(other)) == (tuple(map(TEXT.key, pair)) == tuple(map(TEXT.key, other)))


def test_image_is_known_by_its_content_and_not_by_its_path(tmp_path):
    first, copy = image(tmp_path, "a.png"), image(tmp_path, "other/b.jpg")
    changed = image(tmp_path, "a.png", b"other pixels")
    assert first.path == changed.path != copy.path
    assert IMAGE.key(first) == IMAGE.key(copy) != IMAGE.key(changed)


def test_digest_of_images_changes_with_the_content_of_a_file(tmp_path):
    before = [image(tmp_path, "a.png"), image(tmp_path, "b.png")]
    again = [image(tmp_path, "a.png"), image(tmp_path, "b.png")]
    after = [image(tmp_path, "a.png"), image(tmp_path, "b.png", b"other pixels")]
    assert IMAGE.digest(before) == IMAGE.digest(again) != IMAGE.digest(after)


def test_image_has_the_whole_path_and_the_sha256_of_its_file(tmp_path, monkeypatch):
    path = tmp_path / "naïve 👍.png"
    path.write_bytes(b"abc")
    monkeypatch.chdir(tmp_path)
    image_file = ImageFile.at(path.relative_to(tmp_path))
    assert image_file.path == str(path.resolve())
    assert image_file.sha256 == sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_image_is_known_by_its_content_wherever_it_lies(tmp_path):
    assert IMAGE.digest([image(tmp_path, "a.png")]) == IMAGE.digest([image(tmp_path, "b.png")])


def test_pairs_without_letters_do_not_share_a_key():
    assert PAIR.key(("!\n!", "?")) != PAIR.key(("!", "!\n?"))
