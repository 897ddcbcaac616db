from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from materials.errors import RequestError
from materials.modalities import normalised
from materials.rows import TRANSFER_KINDS, Source, Table
from materials.splits.augmentation import Augmentation
from materials.splits.split import SplitSettings, make_splits
from materials.splits.store import PARTS, load_splits, save_splits
from materials.tasks import task_of

MADE = Augmentation(copies=4, mask_share=0.3, replaced_share=0.3, ngram_share=0.5, mask_token="[MASK]")


def drawn(source, transfer, *, label_order=None, task="single-label", **options):
    return make_splits(source, transfer, SplitSettings(**options), task=task_of(task), label_order=label_order)


def split(texts, labels, transfer=None, **changes):
    options = {"validation": 0.1, "test": 0.1, "transfer_rows": None, "seed": 0, **changes}
    unlabelled = None if transfer is None else Table(items=transfer, labels=None)
    return drawn(Source(train=Table(items=texts, labels=labels)), unlabelled, **options)


def _table(rows):
    texts, labels = zip(*rows, strict=True)
    return Table(items=list(texts), labels=list(labels))


def numbered(count, classes=2):
    return [f"text {number}" for number in range(count)], [str(number % classes) for number in range(count)]


def test_shares_and_strata_are_kept():
    splits = split(*numbered(1000, classes=4))
    assert [len(getattr(splits, part)) for part in PARTS] == [800, 100, 100, 0]
    assert set(Counter(splits.test.targets.tolist()).values()) == {25}


def test_shares_of_60_20_20_are_kept_too():
    splits = split(*numbered(4850, classes=2), validation=0.2, test=0.2)
    assert [len(getattr(splits, part)) for part in PARTS] == [2910, 970, 970, 0]


def test_same_seed_same_splits_and_another_seed_others():
    assert split(*numbered(200)).test.items == split(*numbered(200)).test.items
    assert split(*numbered(200)).test.items != split(*numbered(200), seed=1).test.items


def test_label_numbers_follow_the_numbers_they_are():
    assert split(*numbered(400, classes=11)).label_names[-1] == "10"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=12), st.sampled_from("abc")), min_size=30, max_size=120),
    st.lists(st.text(max_size=12), max_size=80),
    st.integers(0, 5),
    st.sampled_from([None, "rarest", 3]),
    st.booleans(),
)
def test_no_text_is_in_two_parts_and_transfer_touches_no_held_out_text(rows, transfer, seed, balance, augment):
    texts, labels = zip(*rows, strict=True)
    try:
        splits = split(
            list(texts),
            list(labels),
            [*transfer, *texts],
            seed=seed,
            balance=balance,
            augmentation=MADE if augment else None,
        )
    except RequestError:
        return
    keys = {part: [normalised(text) or text for text in getattr(splits, part).items] for part in PARTS}
    labelled = keys["train"] + keys["validation"] + keys["test"]
    different = {normalised(text) or text for text in texts}
    assert len(labelled) == len(set(labelled))
    assert set(labelled) == different if balance is None else set(labelled) <= different
    assert not set(keys["transfer"]) & {*keys["validation"], *keys["test"]}
    assert np.all(splits.transfer.targets == -1)


def test_case_punctuation_and_spaces_do_not_hide_a_duplicate():
    texts, labels = numbered(100)
    splits = split([*texts, "Text  1!", "text, 2"], [*labels, "0", "1"])
    assert sum(len(getattr(splits, part)) for part in PARTS) == 100


def test_official_test_rows_are_kept_whole_and_removed_from_train():
    texts, labels = numbered(100)
    source = Source(train=Table(items=texts, labels=labels), test=Table(items=texts[:20], labels=labels[:20]))
    splits = drawn(source, None, validation=0.1, test=0.1, transfer_rows=None, seed=0)
    assert splits.test.items == texts[:20]
    assert len(splits.train) + len(splits.validation) == 80


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=6), st.sampled_from("abc")), min_size=30, max_size=80),
    st.lists(st.tuples(st.text(max_size=6), st.sampled_from("abc")), min_size=3, max_size=30),
    st.lists(st.text(max_size=6), max_size=40),
)
def test_text_of_an_official_test_set_is_nowhere_else(rows, test_rows, transfer):
    train, test = (_table(part) for part in (rows, test_rows))
    unlabelled = Table(items=[*transfer, *train.items, *test.items], labels=None)
    try:
        splits = drawn(Source(train=train, test=test), unlabelled, validation=0.2, test=0.2, transfer_rows=None, seed=0)
    except RequestError:
        return
    keys = {part: {normalised(text) or text for text in getattr(splits, part).items} for part in PARTS}
    assert keys["test"] == {normalised(text) or text for text in test.items}
    assert not keys["test"] & (keys["train"] | keys["validation"] | keys["transfer"])
    assert not keys["validation"] & (keys["train"] | keys["transfer"])


def test_text_without_letters_is_held_out_too():
    texts, labels = numbered(100)
    source = Source(
        train=Table(items=[*texts, "👍👍", ":-)"], labels=[*labels, "1", "1"]),
        test=Table(items=["👍👍", "text 3", ":-)", "text 4"], labels=["1", "1", "1", "0"]),
    )
    splits = drawn(source, None, validation=0.1, test=0.1, transfer_rows=None, seed=0)
    assert len(splits.test) == 4
    assert not {"👍👍", ":-)"} & {*splits.train.items, *splits.validation.items}


def test_one_class_is_refused():
    with pytest.raises(RequestError, match="one class only"):
        split(["a", "b"], ["x", "x"])


def test_class_with_one_row_is_refused_by_name():
    texts, labels = numbered(50)
    with pytest.raises(RequestError, match=r"class 'rare' has 1 different row"):
        split([*texts, "alone"], [*labels, "rare"])


def test_class_with_one_row_keeps_it_in_train_where_test_rows_are_official():
    texts, labels = numbered(50)
    source = Source(
        train=Table(items=[*texts, "alone"], labels=[*labels, "rare"]),
        test=Table(items=["one", "two", "three"], labels=["0", "1", "rare"]),
    )
    splits = drawn(source, None, validation=0.2, test=0.1, transfer_rows=None, seed=0)
    assert "alone" in splits.train.items
    assert [len(getattr(splits, part)) for part in PARTS] == [41, 10, 3, 0]
    assert set(splits.validation.targets) == {0, 1}


def test_class_of_official_test_rows_without_a_train_row_is_refused():
    texts, labels = numbered(50)
    source = Source(train=Table(items=texts, labels=labels), test=Table(items=["one"], labels=["new"]))
    with pytest.raises(RequestError, match=r"class 'new' has 0 different row\(s\) to train on; .* at least 1"):
        drawn(source, None, validation=0.2, test=0.1, transfer_rows=None, seed=0)


def test_too_few_rows_are_refused():
    with pytest.raises(RequestError, match=r"too few|each class needs"):
        split(["a", "b", "c", "d"], ["x", "y", "x", "y"])


def test_more_transfer_rows_than_there_are_is_refused():
    with pytest.raises(RequestError, match="5 transfer rows were asked for, but the source has 1 that"):
        split(*numbered(50), transfer=["one more", "One more!"], transfer_rows=5)


def test_splits_follow_the_order_of_a_fine_tuned_teacher():
    splits = split([f"t{n}" for n in range(40)], ["bad", "good"] * 20, label_order=("Good", "Bad"))
    assert splits.label_names == ("good", "bad")


def test_labels_that_the_teacher_does_not_know_are_refused():
    with pytest.raises(RequestError, match="labels are bad, good, but the teacher was fine-tuned for no, yes"):
        split([f"t{n}" for n in range(40)], ["bad", "good"] * 20, label_order=("no", "yes"))


UNEVEN = [f"text {number}" for number in range(200)], ["ab"[number % 10 == 0] for number in range(200)]


@pytest.mark.parametrize(("balance", "count"), [("rarest", 20), (10, 10)])
def test_balanced_rows_are_as_many_of_each_class_and_the_others_become_transfer_rows(balance, count):
    splits = split(*UNEVEN, ["one more"], balance=balance)
    labelled = [splits.train, splits.validation, splits.test]
    assert Counter(np.concatenate([part.targets for part in labelled]).tolist()) == {0: count, 1: count}
    assert len(splits.transfer) == 200 - 2 * count + 1
    assert set(splits.transfer.targets.tolist()) == {-1}
    assert not {text for part in labelled for text in part.items} & set(splits.transfer.items)


def test_balance_leaves_official_test_rows_as_they_are():
    texts, labels = UNEVEN
    source = Source(train=Table(items=texts, labels=labels), test=Table(items=texts[:30], labels=labels[:30]))
    options = {"validation": 0.1, "test": 0.1, "transfer_rows": None, "seed": 0}
    splits = drawn(source, None, balance="rarest", **options)
    assert splits.test.items == texts[:30]
    assert len(splits.train) + len(splits.validation) == 2 * 17


def test_train_rows_keep_their_labels_and_others_become_transfer_rows():
    texts, labels = numbered(1000, classes=4)
    splits = split(texts, labels, test=0.2, train_rows=100)
    assert [len(getattr(splits, part)) for part in PARTS] == [90, 10, 200, 700]
    assert set(splits.transfer_kinds) == {"rest"}
    assert len(split(texts, labels, test=0.2, train_rows=100, most_left_over=50).transfer) == 50
    assert [len(getattr(split(texts, labels, train_rows=5000), part)) for part in PARTS] == [810, 90, 100, 0]


def test_seed_draws_the_balanced_rows():
    same, again, other = (split(*UNEVEN, balance=5, seed=seed).transfer.items for seed in (0, 0, 1))
    assert same == again != other


def test_balance_is_at_most_the_rarest_class():
    rarest, more = (split(*UNEVEN, balance=balance) for balance in ("rarest", 21))
    assert more.train.items == rarest.train.items


def test_short_texts_are_left_out_of_train_and_transfer_rows_only():
    texts = ["good", "Good!", "so good", "so , very", *(f"a text {number}" for number in range(40))]
    table = Table(items=texts, labels=["ab"[number % 2] for number in range(44)])
    test = Table(items=["bad", "too bad"], labels=["a", "b"])
    options = {"validation": 0.1, "test": 0.1, "transfer_rows": None, "seed": 0, "fewest_words": 2}
    splits = drawn(Source(train=table, test=test), Table(items=["fine", "fine !", "all fine"], labels=None), **options)
    assert splits.test.items == ["bad", "too bad"]
    assert set(splits.train.items + splits.validation.items) == set(texts[2:])
    assert splits.transfer.items == ["all fine"]


def test_rows_that_are_all_too_short_are_refused():
    with pytest.raises(RequestError, match="or have fewer than 3 words; give"):
        split(*numbered(50), fewest_words=3)


def test_rows_made_of_train_rows_become_transfer_rows_of_their_own():
    texts = [f"the {number} films that we saw on day {number % 7}" for number in range(100)]
    splits = split(texts, ["ab"[number % 2] for number in range(100)], augmentation=MADE, fewest_words=2)
    train_texts = {normalised(text) for text in splits.train.items}
    assert splits.mask_token == "[MASK]"
    assert any("[MASK]" in text for text in splits.transfer.items)
    assert 100 < len(splits.transfer) <= 4 * len(splits.train)
    assert not train_texts & {normalised(text) for text in splits.transfer.items}
    assert min(len(normalised(text).split()) for text in splits.transfer.items) == 2


def test_number_of_transfer_rows_is_that_of_the_transfer_source_alone():
    texts = [f"the {number} films that we saw on day {number % 7}" for number in range(100)]
    labels = ["a"] * 70 + ["b"] * 30
    more = [f"more {number}" for number in range(50)]
    splits = split(texts, labels, transfer=more, balance="rarest", augmentation=MADE, transfer_rows=5)
    assert [len(splits.chosen_transfer([kind])) for kind in ("other", "rest")] == [5, 40]
    assert len(splits.chosen_transfer(["augmented"])) > 50
    with pytest.raises(RequestError, match="60 transfer rows were asked for, but the source has 50"):
        split(texts, labels, transfer=more, balance="rarest", transfer_rows=60)


def test_transfer_rows_say_what_they_are_and_are_chosen_by_it():
    texts = [f"the {number} films that we saw on day {number % 7}" for number in range(100)]
    labels = ["a"] * 70 + ["b"] * 30
    splits = split(texts, labels, transfer=["more", "and more"], balance="rarest", augmentation=MADE)
    chosen = {kind: [splits.transfer.items[row] for row in splits.chosen_transfer([kind])] for kind in TRANSFER_KINDS}
    assert chosen["other"] == ["more", "and more"]
    assert len(chosen["rest"]) == 40
    assert set(chosen["rest"]) <= set(texts)
    assert not set(chosen["augmented"]) & set(texts)
    assert len(splits.chosen_transfer(True)) == len(splits.transfer) == sum(map(len, chosen.values()))
    assert len(splits.chosen_transfer(["other", "rest"])) == 42
    assert len(splits.chosen_transfer(False)) == 0


@pytest.mark.parametrize("augmentation", [None, MADE])
def test_splits_survive_saving(tmp_path, augmentation):
    splits = split(*numbered(60), transfer=["more", "and more"], augmentation=augmentation)
    save_splits(splits, tmp_path)
    loaded = load_splits(tmp_path)
    assert loaded.transfer_kinds == splits.transfer_kinds
    assert (loaded.label_names, loaded.mask_token) == (splits.label_names, splits.mask_token)
    for part in PARTS:
        assert getattr(loaded, part).items == getattr(splits, part).items
        assert np.array_equal(getattr(loaded, part).targets, getattr(splits, part).targets)


def test_numbered_labels_of_a_teacher_keep_its_order():
    names = tuple(f"LABEL_{number}" for number in range(12))
    splits = split([f"t{n}" for n in range(240)], [names[n % 12] for n in range(240)], label_order=names)
    assert splits.label_names == names


def test_labels_that_differ_in_case_only_are_refused_with_a_teacher():
    with pytest.raises(RequestError, match="the labels 'Good' and 'good' look alike"):
        split([f"t{n}" for n in range(60)], ["good", "Good", "bad"] * 20, label_order=("good", "bad"))


def test_same_rows_for_validation_and_test_are_refused():
    texts, labels = numbered(100)
    held_out = Table(items=texts[:20], labels=labels[:20])
    source = Source(train=Table(items=texts, labels=labels), validation=held_out, test=held_out)
    with pytest.raises(RequestError, match="all validation rows are in another part too"):
        drawn(source, None, validation=0.1, test=0.1, transfer_rows=None, seed=0)
