"""What `check` says of files, fault by fault."""

import pandas as pd
import pytest
from PIL import Image
from sample_command import distilbench
from sample_images import draw_images
from sample_near import made_up_texts, nearly
from sample_texts import sentences

from bench.commands.check.languages import UNSURE, languages_of
from bench.commands.check.scripts import scripts_of
from materials.errors import RequestError

TEXTS = made_up_texts(40)
LABELS = ["good", "bad"] * 20


def written(path, texts, labels, **columns):
    pd.DataFrame({"text": texts, "label": labels, **columns}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """What `check` prints of 40 texts that nothing is wrong with."""
    path = written(tmp_path_factory.mktemp("clean") / "rows.csv", TEXTS, LABELS)
    return distilbench("check", path).output


def test_rows_classes_lengths_and_scripts_are_counted(clean):
    assert "rows.csv: 40 texts 2 classes: good 20, bad 20 words: 12 to 20, median" in clean
    assert "scripts by most letters of a text: Latin 100.0% (40)" in clean
    assert "would have these rows with the usual shares: train 32, validation 4, test 4" in clean


@pytest.mark.parametrize("fault", ["equal", "near", "alike", "different", "more rows", "refused", "beside"])
def test_nothing_is_said_of_what_is_not_there(clean, fault):
    assert fault not in clean


FAULTS = {
    "equal rows": ([TEXTS[0].upper()], ["good"], "rows that are left out, as they are equal to an earlier one: 1"),
    "contradiction": (
        [TEXTS[0].upper()],
        ["bad"],
        f"equal rows with different labels: 2, 1 different; the first of each is kept: '{TEXTS[0][:60]}",
    ),
    "near rows": ([nearly(TEXTS[0], 0)], ["good"], "rows with a near-duplicate in the same rows: 2; the closest: 0."),
    "labels alike": (
        ["a text that is far from all of the others"],
        ["Good"],
        "'Good' and 'good' look alike: a run refuses them",
    ),
    "no label": (["a text that is far from all of the others"], [""], "more rows, without a text or a label: 1;"),
    "rare class": (
        ["a text that is far from all of the others"],
        ["odd"],
        "would be refused: class 'odd' has 1 different row(s) to train on",
    ),
    "scripts": (
        ["Привет, как дела", "今天天气很好"],
        ["good", "bad"],
        "Latin 95.2% (40), Cyrillic 2.4% (1), Han 2.4% (1)",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_told(tmp_path, fault):
    texts, labels, sentence = FAULTS[fault]
    path = written(tmp_path / "rows.csv", [*TEXTS, *texts], [*LABELS, *labels])
    assert sentence in distilbench("check", path).output


def test_rows_in_common_with_a_test_file_are_told(tmp_path):
    data = written(tmp_path / "rows.csv", TEXTS, LABELS)
    test_texts = [TEXTS[0].upper(), nearly(TEXTS[1], 1), "a text that is far from all of the others"]
    test = written(tmp_path / "test.csv", test_texts, ["bad", "good", "good"])
    answer = distilbench("check", data, "--test-data", test)
    assert answer.code == 0
    assert (
        "rows.csv beside test.csv rows of rows.csv that are left out, as they are equal to a test row: 1 (1 of them "
        "under another label) test rows with a near-duplicate in rows.csv: 1 of 3 (33.3%)" in answer.output
    )
    assert f"'{nearly(TEXTS[1], 1)[:40]}" in answer.output


def test_no_leak_is_said_too(tmp_path):
    data, test = written(tmp_path / "a.csv", TEXTS, LABELS), written(tmp_path / "b.csv", *sentences(10))
    answer = distilbench("check", data, "--test-data", test)
    assert "no other row of a.csv is a near-duplicate of a test row" in answer.output


def test_pairs_several_labels_and_numbers_are_taken(tmp_path):
    path = written(tmp_path / "rows.csv", TEXTS, ["a;b", "b"] * 20, other=TEXTS[::-1], number=range(40))
    pairs = distilbench("check", path, "--text-pair", "other", "--task", "multi-label", "--separator", ";")
    assert "rows.csv: 40 pairs of texts 2 labels: b 40, a 20" in pairs.output
    numbers = distilbench("check", path, "--label", "number", "--task", "regression")
    assert "numbers: 0 to 39, median 19.5" in numbers.output


def test_rows_without_labels_are_for_a_teacher(tmp_path):
    pd.DataFrame({"body": TEXTS}).to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    answer = distilbench("check", tmp_path / "rows.jsonl", "--text", "body")
    assert "no labels: rows for a teacher to label" in answer.output


def test_images_are_looked_at(tmp_path):
    draw_images(tmp_path / "photos" / "noise", 6)
    draw_images(tmp_path / "photos" / "other", 6, start=100)
    copy = Image.open(tmp_path / "photos" / "noise" / "0.png")
    copy.resize((80, 80), Image.Resampling.NEAREST).save(tmp_path / "photos" / "noise" / "copy.png")
    (tmp_path / "photos" / "other" / "broken.png").write_bytes(b"no image")
    output = distilbench("check", tmp_path / "photos").output
    assert "photos: 13 images 2 classes: noise 7, other 6 width in pixels: 25 to 90" in output
    assert "rows with a near-duplicate in the same rows: 2; the closest: 1.00: 'noise/0.png' is nearly" in output
    assert "1 train images cannot be read and are left out: other/broken.png" in output


REFUSALS = {
    "there is no file": ("missing.csv",),
    "unknown task 'singel-label'; did you mean 'single-label'?": ("rows.csv", "--task", "singel-label"),
    "has no column 'body'; name one with --text": ("rows.csv", "--text", "body"),
    "--class-names is for images, and rows.csv holds texts": ("rows.csv", "--class-names", "names.csv"),
    "photos holds images, but rows.csv holds texts; give one kind": ("rows.csv", "--test-data", "photos"),
    "holds 'good' in row 1; a regression needs a finite number": ("rows.csv", "--task", "regression"),
}


@pytest.mark.parametrize("sentence", REFUSALS)
def test_what_cannot_be_read_is_refused(tmp_path, monkeypatch, sentence):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "rows.csv", TEXTS, LABELS)
    draw_images(tmp_path / "photos" / "noise", 2)
    draw_images(tmp_path / "photos" / "other", 2, start=100)
    with pytest.raises(RequestError) as refusal:
        distilbench("check", *REFUSALS[sentence])
    assert sentence in str(refusal.value)


def test_script_is_that_of_most_letters():
    texts = ["plain words", "Ünïcode", "слово and один", "ひらがな", "\uff26\uff35", "123 !", "한국어", "שלום"]
    assert scripts_of(texts) == {"Latin": 3, "Cyrillic": 1, "Hiragana": 1, "no letters": 1, "Hangul": 1, "Hebrew": 1}


def test_language_is_told_by_enough_words_and_counted_over_a_sample():
    texts = {
        "en": "The weather was lovely this morning, and we walked along the river for an hour.",
        "de": "Das Wetter war heute Morgen herrlich, und wir gingen eine Stunde am Fluss entlang.",
        "fr": "Il faisait un temps superbe ce matin, et nous avons marché une heure le long de la rivière.",
        "es": "Esta mañana hacía un tiempo precioso y caminamos una hora por la orilla del río.",
        "ru": "Сегодня утром была прекрасная погода, и мы целый час гуляли вдоль реки.",
        "zh": "今天早上天气很好。我们沿着河边走了一个小时。",
    }
    assert languages_of(list(texts.values())) == dict.fromkeys(texts, 1)
    assert languages_of(["ok", "1234"])[UNSURE] == 2
    many = languages_of([texts["en"]] * 3000 + [texts["de"]] * 1000)
    assert many == {"en": 1500, "de": 500}
