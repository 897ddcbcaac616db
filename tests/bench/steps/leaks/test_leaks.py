"""A run on rows with planted leaks: what is said, recorded and shown, and what is left once they are dropped."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from sample_command import distilbench
from sample_near import made_up_texts, nearly
from sample_texts import sentences
from sklearn.metrics import accuracy_score, f1_score

from bench.record.run_file import read_run, run_content
from bench.reports.report import markdown_report

QUICK = (
    *("--set", "teacher.epochs=1", "--set", "teacher.formats=[eager]", "--set", "formats=[eager]"),
    *("--set", "measuring.scenarios=[]"),
)
# Each test row is marked by words of its own, so that none is near another by chance.
MARKS = made_up_texts(60, words=14)
TEXTS = [f"{text} {mark}" for text, mark in zip(sentences(60, start=4000)[0], MARKS, strict=True)]
NEAR_TRAIN, NEAR_TRANSFER = range(8), range(8, 12)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """60 test rows, of which 8 are nearly train rows, and 4 others nearly transfer rows."""
    folder, labels = tmp_path_factory.mktemp("leaky"), ["bad", "good"] * 30
    pd.DataFrame({"text": TEXTS, "label": labels}).to_csv(folder / "test.csv", index=False)
    texts, train_labels = sentences(150)
    texts += [nearly(TEXTS[number], number) for number in NEAR_TRAIN]
    train_labels += [labels[number] for number in NEAR_TRAIN]
    pd.DataFrame({"text": texts, "label": train_labels}).to_csv(folder / "train.csv", index=False)
    more = sentences(30, start=9000)[0] + [nearly(TEXTS[number], number) for number in NEAR_TRANSFER]
    pd.DataFrame({"text": more}).to_csv(folder / "more.csv", index=False)
    # Validation rows are given, as none of the planted rows may be among them.
    pd.DataFrame(dict(zip(("text", "label"), sentences(20, start=7000), strict=True))).to_csv(
        folder / "validation.csv", index=False
    )
    return folder


@pytest.fixture(scope="module")
def own_stages(tmp_path_factory):
    """The cache of both runs."""
    return tmp_path_factory.mktemp("cache")


def ran(files, tiny_recipe, cache, output, *options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILBENCH_CACHE", str(cache))
        return distilbench(
            *("run", tiny_recipe, "--data", files / "train.csv", "--test-data", files / "test.csv"),
            *("--validation-data", files / "validation.csv", "--transfer-data", files / "more.csv"),
            *("--output", output, *QUICK, *options),
        )


@pytest.fixture(scope="module")
def leaky(files, tiny_recipe, own_stages, tmp_path_factory):
    """The run folder with all rows, and what the run said."""
    output = tmp_path_factory.mktemp("leaky-run")
    return output, ran(files, tiny_recipe, own_stages, output)


@pytest.fixture(scope="module")
def dropped(leaky, files, tiny_recipe, own_stages, tmp_path_factory):
    """The same with the cache of the former run and without near-duplicates."""
    output = tmp_path_factory.mktemp("dropped-run")
    return output, ran(files, tiny_recipe, own_stages, output, "--drop-near-duplicates")


def test_run_says_how_many_test_rows_have_a_near_duplicate(leaky):
    output, answer = leaky
    (record,) = read_run(output).leaks
    assert (record.seed, record.test_rows, record.by_part) == (0, 60, {"train": 8, "transfer": 4})
    sentence = (
        "12 of 60 test rows (20.0%) have a near-duplicate among the rows that are learned from (8 train, 4 transfer)"
    )
    assert sentence in answer.notices
    assert sentence in answer.output


def test_closest_five_are_shown_with_both_texts(leaky):
    output, answer = leaky
    (record,) = read_run(output).leaks
    assert len(record.closest) == 5
    similarity = [pair.similarity for pair in record.closest]
    assert similarity == sorted(similarity, reverse=True)
    for pair in record.closest:
        assert pair.sentence in answer.output
        assert pair.test[:20] in " ".join(TEXTS)


def test_quality_without_near_duplicates_is_that_of_the_other_rows(leaky):
    output, _ = leaky
    run = read_run(output)
    predictions = pd.read_parquet(output / "predictions.parquet")
    assert {row.role for row in run.rows} == {"teacher", "student"}
    for row in run.rows:
        frame = predictions[(predictions["model"] == row.model) & (predictions["format"] == row.format)]
        clean = frame[~frame["test_row"].isin([*NEAR_TRAIN, *NEAR_TRANSFER])]
        decided = clean[["logit_0", "logit_1"]].to_numpy().argmax(axis=1)
        scores = row.without_near_duplicates
        assert len(clean) == 48
        assert scores["accuracy"] == pytest.approx(accuracy_score(clean["label"], decided))
        assert scores["macro_f1"] == pytest.approx(f1_score(clean["label"], decided, average="macro"))


def test_table_shows_both_qualities_side_by_side(leaky):
    output, _ = leaky
    table = (output / "table.md").read_text(encoding="utf-8")
    assert "quality on all test rows, and without those that have a near-duplicate" in table
    (line,) = [line for line in table.splitlines() if line.startswith("| teacher | eager | 0 |")]
    row = next(row for row in read_run(output).rows if row.role == "teacher")
    expected = [row.macro_f1, row.without_near_duplicates["macro_f1"]]
    assert line.split(" | ")[3:5] == [f"{score * 100:.1f}" for score in expected]


def test_dropping_takes_exactly_these_rows_and_says_so(dropped):
    output, answer = dropped
    (record,) = read_run(output).leaks
    assert (record.near_duplicates, record.dropped) == (0, {"train": 8, "transfer": 4})
    assert "rows: train 150, validation 20, test 60; for transfer: 30 other" in answer.notices
    assert "8 train and 4 transfer rows are left out: each is a near-duplicate of a test row" in answer.notices
    assert "near-duplicates of test rows taken out: 12 (8 train, 4 transfer)" in answer.output


def test_nothing_is_added_where_there_is_no_near_duplicate(dropped):
    output, _ = dropped
    assert all(row.without_near_duplicates is None for row in read_run(output).rows)
    assert "without those that have a near-duplicate" not in (output / "table.md").read_text(encoding="utf-8")


def test_stages_with_and_without_near_duplicates_are_kept_apart(dropped, own_stages):
    assert len([folder for folder in (own_stages / "stages" / "splits").iterdir() if folder.is_dir()]) == 2


def test_run_file_of_before_there_were_leaks_is_read(leaky, tmp_path):
    run = read_run(leaky[0])
    content = json.loads(json.dumps(run_content(run)))
    del content["leaks"]
    for row in content["rows"]:
        del row["without_near_duplicates"]
    (tmp_path / "run.json").write_text(json.dumps(content), encoding="utf-8")
    rows = tuple(replace(row, without_near_duplicates=None) for row in run.rows)
    older = read_run(tmp_path)
    assert older.rows == rows
    assert older.leaks == ()
    assert "near-duplicate" not in markdown_report(older)
