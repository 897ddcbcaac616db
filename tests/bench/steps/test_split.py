"""Files given on the command line, and what becomes of their rows."""

import pandas as pd
import pytest
from sample_command import distilbench
from sample_texts import sentences

from bench.commands.run import RunRequest
from bench.recipe.file import read_recipe
from bench.reports.screen import Screen
from bench.steps.split import split
from bench.steps.teacher import find_teacher_weights
from bench.steps.workplace import Workplace
from materials.errors import RequestError
from materials.modalities import normalised
from materials.splits.store import load_splits
from materials.stages import StageStore


@pytest.fixture
def make(tiny_recipe, tmp_path):
    """A function that gives the splits of the tiny recipe with flags and overrides."""

    def run(*overrides, **flags):
        named = {f"data.{name}": str(path) for name, path in flags.items()}
        request = RunRequest(recipe=str(tiny_recipe), flags=named, overrides=overrides, output=None, fresh=False)
        recipe = read_recipe(str(tiny_recipe), request.all_overrides)
        work = Workplace(recipe=recipe, store=StageStore(root=tmp_path / "cache"), screen=Screen())
        return load_splits(split(work, find_teacher_weights(work), 0))

    return run


@pytest.fixture
def files(tmp_path):
    """Labelled rows, a test file that shares 10 of them, and a file of texts with all of these and 50 more."""
    texts, labels = sentences(200)
    test_texts, test_labels = sentences(40, start=9000)
    pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "rows.csv", index=False)
    test = pd.DataFrame({"text": test_texts + texts[:10], "label": test_labels + labels[:10]})
    test.to_csv(tmp_path / "test.csv", index=False)
    more = [text.upper() + "!" for text in texts + test_texts] + sentences(50, start=12_000)[0]
    pd.DataFrame({"text": more}).to_csv(tmp_path / "more.csv", index=False)
    return tmp_path


def keys(rows):
    return {normalised(text) for text in rows.items}


def test_own_shares_split_a_file(make, files):
    splits = make("data.validation_share=0.2", "data.test_share=0.2", train=files / "rows.csv")
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [120, 40, 40]


def test_test_file_is_kept_whole_and_validation_is_cut_from_the_rest(make, files):
    splits = make(train=files / "rows.csv", test=files / "test.csv")
    assert splits.test.items == pd.read_csv(files / "test.csv")["text"].tolist()
    assert len(splits.validation) == 19  # a tenth of 190, for 10 rows are test rows
    assert len(splits.train) == 171
    assert not keys(splits.test) & (keys(splits.train) | keys(splits.validation))


@pytest.mark.parametrize("test_file", [False, True])
def test_no_text_that_is_held_out_is_trained_on(make, files, test_file):
    test = {"test": files / "test.csv"} if test_file else {}
    splits = make(train=files / "rows.csv", transfer=files / "more.csv", **test)
    held_out = keys(splits.validation) | keys(splits.test)
    assert not held_out & (keys(splits.train) | keys(splits.transfer))
    unlabelled = set(pd.read_csv(files / "more.csv")["text"].map(normalised))
    assert keys(splits.transfer) == unlabelled - held_out - keys(splits.train)
    assert (splits.transfer.targets == -1).all()


def test_transfer_file_needs_no_labels_and_those_it_has_are_not_read(make, files, tmp_path):
    frame = pd.read_csv(files / "more.csv")
    frame.assign(label="of no class").to_csv(tmp_path / "labelled.csv", index=False)
    texts = [
        make(train=files / "rows.csv", transfer=files / name).transfer.items for name in ("more.csv", "labelled.csv")
    ]
    assert texts[0] == texts[1]
    assert len(texts[0]) > 50


BY_RULE = "data.augmentation={copies: auto, part_share: 1, mask_share: 0, replaced_share: 0, ngram_share: 0}"


@pytest.mark.parametrize(("rare", "is_made_up"), [(100, True), (12, False)])
def test_rows_are_made_up_by_rule_where_no_class_is_rare_and_a_word_says_where_not(
    make, tmp_path, capfd, rare, is_made_up
):
    labels = ["rare" if number < rare else "common" for number in range(200)]
    texts = [f"text number {number} of those that count" for number in range(200)]
    pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "rows.csv", index=False)
    splits = make(BY_RULE, "data.transfer=null", train=tmp_path / "rows.csv")
    assert (len(splits.chosen_transfer(["augmented"])) > 500) is is_made_up
    said = "no rows are made up of train rows, as the rarest class has fewer than 30 of them" in capfd.readouterr().err
    assert said is not is_made_up


@pytest.mark.parametrize(
    ("text", "kinds", "sentence"),
    [
        ("text number {} of those that count", "[rest]", "all rows keep their labels"),
        ("word{}", "[augmented]", "every made-up row stands in the labelled rows already"),
    ],
)
def test_a_kind_of_transfer_rows_without_any_is_refused_where_the_rule_is_not_why(
    tiny_recipe, tmp_path, text, kinds, sentence
):
    texts = [text.format(number) for number in range(200)]
    pd.DataFrame({"text": texts, "label": ["a", "b"] * 100}).to_csv(tmp_path / "rows.csv", index=False)
    changes = [f"objectives=[{{name: hard}}, {{name: distilled, transfer: {kinds}}}]", "data.train_rows=9000"]
    changes += ["data.transfer=null", BY_RULE]
    flags = [argument for change in changes for argument in ("--set", change)]
    with pytest.raises(RequestError, match=f"asks for transfer rows, but none are left: {sentence}"):
        distilbench("run", tiny_recipe, "--data", tmp_path / "rows.csv", *flags)


def test_transfer_file_that_holds_nothing_new_is_refused(tiny_recipe, files):
    with pytest.raises(
        RequestError, match=r"asks for transfer rows, but none are left: every text of .*rows.csv stands"
    ):
        distilbench("run", tiny_recipe, "--data", files / "rows.csv", "--transfer-data", files / "rows.csv")


def test_test_file_without_labels_is_refused(make, files):
    with pytest.raises(RequestError, match="the test rows have no labels; name their column with --label"):
        make(train=files / "rows.csv", test=files / "more.csv")


@pytest.mark.parametrize("missing", ["models/of mine/tuned", "./tuned", "/nowhere/tuned", "tuned"])
def test_dry_run_refuses_a_teacher_folder_that_is_not_there(tiny_recipe, missing):
    with pytest.raises(RequestError, match=f"'{missing}'.*(folder with|model folder)"):
        distilbench("run", tiny_recipe, "--teacher", missing, "--dry-run")


ROWS = [f"text number {number}" for number in range(40)]
GOOD, BAD = ["good"] * 20, ["bad"] * 20


@pytest.mark.parametrize(
    ("labels", "changes", "sentence"),
    [
        (["good"] * 40, (), "good"),
        ([*GOOD, *BAD[1:], "rare"], (), "class 'rare' has 1 different row"),
        ([number / 7 for number in range(40)], (), "set --task regression"),
        (GOOD + BAD, ("data.task=multi-label", "data.separator=;", "data.thresholds=[0.1, 0.2, 0.3]"), "has 2 labels"),
    ],
    ids=["one class", "rare class", "measurements", "thresholds"],
)
def test_dry_run_refuses_rows_that_the_run_refuses(tiny_recipe, tmp_path, labels, changes, sentence):
    pd.DataFrame({"text": ROWS, "label": labels}).to_csv(tmp_path / "rows.csv", index=False)
    settings = [word for change in changes for word in ("--set", change)]
    for plan in ((), ("--dry-run",)):
        with pytest.raises(RequestError, match=sentence):
            distilbench("run", tiny_recipe, "--data", tmp_path / "rows.csv", *settings, *plan)


def test_dry_run_takes_what_the_run_takes(tiny_recipe, files):
    """The number of transfer rows is a matter of their own source, be it fetched or a file."""
    places = ("--data", files / "rows.csv", "--transfer-data", files / "more.csv")
    for more in ((), places[2:]):
        settings = ("--set", "data.transfer_rows=5", "--dry-run", "--output", files / "run")
        answer = distilbench("run", tiny_recipe, *places[:2], *more, *settings)
        assert answer.code == 0
    assert not (files / "run").exists()


def test_label_names_are_told_so_that_a_wrong_separator_shows(make, tmp_path, capfd):
    labels = ["a;b", "b", "a", "c;a"] * 10
    pd.DataFrame({"text": ROWS, "label": labels}).to_csv(tmp_path / "rows.csv", index=False)
    for separator, sentence in ((";", "3 label names: a, b, c"), ("|", "4 label names: a, a;b, b, c;a")):
        make("data.task=multi-label", f"data.separator='{separator}'", train=tmp_path / "rows.csv")
        assert sentence in capfd.readouterr().err


def test_rows_that_are_in_no_part_are_counted(make, tmp_path, capfd):
    frame = pd.DataFrame({"text": [*ROWS, *ROWS[:3], "..."], "label": [*GOOD, *BAD, *GOOD[:3], "good"]})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    make("data.fewest_words=1", train=tmp_path / "rows.csv")
    sentence = "4 labelled rows are left out: each is equal to another row or has fewer than 1 words"
    assert sentence in " ".join(capfd.readouterr().err.split())


def test_own_rows_are_named_in_the_description_of_the_run(tiny_recipe, files):
    flags = {"data.train": str(files / "rows.csv")}
    request = RunRequest(recipe=str(tiny_recipe), flags=flags, overrides=(), output=None, fresh=False)
    description = read_recipe(str(tiny_recipe), request.all_overrides).description
    assert description == f"the recipe {tiny_recipe} on {files / 'rows.csv'}"
