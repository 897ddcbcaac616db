import json
import re

import pytest
from pydantic import ValidationError

from bench.harness.workload import Workload
from bench.recipe.data import Data
from bench.recipe.file import read_recipe
from bench.recipe.measuring import Measuring
from bench.recipe.objective import Objective
from bench.recipe.recipe import Recipe, Student
from bench.recipe.shipped import recipe_description, recipe_names
from materials.errors import RequestError
from peers import PEERS


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_that_comes_with_the_package_is_valid(name):
    recipe = read_recipe(name)
    assert recipe.name == name
    assert recipe.description == recipe_description(name) != ""


@pytest.mark.parametrize("name", [name for name in recipe_names() if read_recipe(name).published])
def test_published_figures_stand_beside_models_that_the_recipe_has(name):
    recipe = read_recipe(name)
    models = {f"{student.title} {objective.title}" for student in recipe.students for objective in recipe.objectives}
    assert {figure.model for figure in recipe.published.figures} <= {"teacher", *models}


def test_objective_is_called_by_its_rows_its_epochs_and_its_teacher():
    assert Objective(name="logits", transfer=True).title == "logits+transfer"
    assert Objective(name="logits", transfer=["rest", "augmented"]).title == "logits+rest+augmented"
    assert Objective(name="hard", epochs=20).title == "hard, 20 epochs"
    assert Objective(name="soft", transfer=True, transfer_balance=2).title == "soft+transfer T=1, balanced x2"
    assert Objective(name="soft", epochs=1, teacher_every_epoch=True).title == "soft T=1, 1 epoch, teacher every epoch"
    assert [Objective(name="hard", epochs=epochs).is_alone for epochs in (None, 20)] == [True, False]


def test_recipe_is_frozen():
    recipe = read_recipe("movie-reviews")
    with pytest.raises(ValueError, match="frozen"):
        recipe.threads = 2


def test_values_set_on_the_command_line_replace_those_of_the_file():
    changes = ["students.0.epochs=3", "objectives.1.transfer=false", "seeds=[5, 6]", "students.1.settings.filters=50"]
    recipe = read_recipe("movie-reviews", changes)
    assert (recipe.students[0].epochs, recipe.objectives[1].transfer, recipe.seeds) == (3, False, (5, 6))
    assert recipe.students[1].settings == {"filters": 50}


REFUSALS = {
    "students.0.architecture=bilstn": r"unknown student 'bilstn'; did you mean 'bilstm'\?",
    "objectives.0.name=hrad": r"unknown objective 'hrad'; did you mean 'hard'\?",
    "formats=[onyx]": r"unknown format 'onyx'; did you mean 'onnx'\? known: aotinductor, eager, eager-bf16",
    "teacher.architecture=bert": "unknown teacher 'bert'",
    "teacher={architecture: image-classifier}": "teacher image-classifier reads items of the kind image, .* holds text",
    "students.0={architecture: resnet}": "student resnet reads items of the kind image, and data.train holds text",
    "data.thresholds=0.3": "separator and thresholds are for the task multi-label; the task is single-label",
    "data.task=multilabel": r"unknown task 'multilabel'; did you mean 'multi-label'\?",
    "data={train: rotten-tomatoes, task: regression, balance: 9}": "balance counts rows of a class; the task is regr",
    "data.train=roten-tomatoes": r"unknown data set 'roten-tomatoes'; did you mean 'rotten-tomatoes'\?",
    "data.train=hf://datasets/foo/bar": "no name of a file on the Hub; expected hf://datasets/OWNER/NAME",
    "data.train=hf://datasets/foo/bar/x.zip": r"is no file that can be read; expected \.csv, \.tsv",
    "data.train=https://example.org/a.csv": "is not fetched; give a file, or one on the Hub as hf://datasets/OWNER",
    "students.0.or_else=[{vectors: glov}]": "students.0.or_else.0.vectors: unknown word vectors 'glov'",
    "students.0.or_else=[{vectors: teacher, dimension: 9}]": r"unknown key 'dimension'; did you mean 'dimensions'\?",
    "students.0.or_else=[{vectors: glove-50d, dimensions: 9}]": "dimensions is 9, but glove-50d has 50",
    "students.0.or_else=[{vectors: teacher}, {vectors: teacher}]": "or_else names tokens and vectors twice",
    "students.0.vectors=glov": "unknown word vectors 'glov'",
    "students.0.epoch=3": r"unknown key 'epoch'; did you mean 'epochs'\?",
    "tacher.epochs=3": r"unknown key 'tacher'; did you mean 'teacher'\?",
    "students.1.settings.filter=3": r"unknown setting of cnn 'filter'; did you mean 'filters'\?",
    "objectives.1.temperature=-1": r"objectives.1.temperature: Input should be greater than 0; got -1",
    "objectives.1.alpha=1.5": "less than or equal to 1; got 1.5",
    "students.0.epochs=0": "greater than 0, or auto; got 0",
    "students.0.epochs=many": "valid integer.*; got 'many'",
    "threads=0": "greater than 0; got 0",
    "data.test_share=0.9": "less than 0.5; got 0.9",
    "objectives.0.transfer=true": "needs labels, which transfer rows do not have; did you mean 'pseudo-hard'",
    "data.balance=0": "data.balance: expected a positive number of rows, or rarest; got 0",
    "data.balance=rarst": "data.balance: expected a positive number of rows, or rarest; got 'rarst'",
    "data.fewest_words=-1": "greater than or equal to 0; got -1",
    "data.augmentation={copis: 3}": r"unknown key 'copis'; did you mean 'copies'\?",
    "data.augmentation={copies: 0}": "copies: Input should be greater than 0, or auto; got 0",
    "data.augmentation={mask_share: 0.95}": "mask_share and replaced_share together are 1.05; at most 1",
    "data.augmentation={mask_share: 0, replaced_share: 0, ngram_share: 0}": "all shares are 0",
    "data.licence=MIT": "licence is that of your own files, but data names no file",
    "data.licence=3": "valid string; got 3",
    "data={train: rotten-tomatoes, test: 1}": "data.test: Input should be a valid string",
    "objectives=[{name: hard}, {name: soft, transfer: [augmented]}]": "'augmented', but data.augmentation is not set",
    "students.1.architecture=linear": "two students are called 'linear'",
    "students.1={architecture: cnn, vectors: glove-50d, dimensions: 100}": "dimensions is 100, but glove-50d has 50",
    "students.1.settings.start=kim": "start is kim, but embeddings start from glove-50d; leave out one",
    "teacher.formats=[onnx]": "must hold 'eager'",
    "students.7.epochs=3": "'7' is no entry of the 3 in students",
    "name.first=x": "name is 'movie-reviews', not a group of keys; set all of it with --set 'name=...'",
    "students.1.settings.filters=many": "setting filters of cnn: Input should be a valid integer; got 'many'",
    "students.1.settings.filters=0": "widths and filters are numbers of at least 1",
    "students.1.settings.widths=[]": "widths and filters are numbers of at least 1",
    "students.1.settings.widths=[3, 2.5]": "setting widths of cnn: Input should be a valid integer",
    "students.0.settings.buckets=-1": "buckets is a number of at least 0; got -1",
    "students.0.settings.start=fast": "setting start of linear: Input should be 'normal' or 'fasttext'; got 'fast'",
    "students.0.optimiser=sdg": r"unknown optimiser 'sdg'; did you mean 'sgd'\? known: adam, lazy-adam, sgd",
    "students.0.schedule=half": r"unknown schedule 'half'; did you mean 'halved'\? known: constant, halved, linear, pl",
    "students.0={architecture: cnn, epochs: 3, schedule: plateau}": "plateau ends by patience; set patience too",
    "students.0={architecture: cnn, schedule: linear}": "the schedule linear needs a number of epochs and no patience",
    "students.0={architecture: cnn, transfer_epochs: 3}": "transfer_epochs is a number, but epochs is not",
    "students.0.epochs=soon": "students.0.epochs: Input should be a valid integer.*, or auto; got 'soon'",
    "students.0.largest_gradient_norm=0": "greater than 0; got 0",
    "students.1.settings.dropout=5": "settings .* do not make a cnn: dropout probability has to be between 0 and 1",
    "students.1.settings.widths=3": "setting widths of cnn: Input should be an instance of Sequence; got 3",
    "students.0.name='a [/b]'": "String should match pattern",
    "students.0.epochs=[": "'\\[' is no value; expected a number, a name, or a",
    "seeds=[0, 0]": "seeds holds a seed twice",
    "parity.smallest_agreement=2": "less than or equal to 1; got 2",
    "objectives.1.transfer=[rest]": "transfer rows of kind 'rest', but data.balance or train_rows is not",
    "objectives.1.transfer=[rets]": r"unknown kind of transfer rows 'rets'; did you mean 'rest'\?",
    "objectives.1.transfer=[]": r"expected true, false, given, or a list of other, rest, augmented; got \[\]",
    "objectives.1.transfer=some": "expected true, false, given, or a list of other, rest, augmented; got 'some'",
    "objectives.1.transfer_balance=0.5": "greater than or equal to 1; got 0.5",
    "objectives=[{name: hard}, {name: soft, transfer_balance: 2}]": "transfer_balance is for training with transfer r",
    "objectives.0.temperature=2": "objective 'hard' does not use temperature; it is for soft and weighted: leave",
    "objectives=[{name: logits, temperature: 2}]": "objective 'logits' does not use temperature; it is for soft and",
    "objectives=[{name: hard}, {name: pseudo-hard, transfer: true, alpha: 0.5}]": "'pseudo-hard' does not use alpha",
    "objectives.0.exported=false": "the student alone, against which the others are held, cannot be left unexported",
    "objectives.1.epochs=0": "greater than 0; got 0",
    "objectives.0.teacher_every_epoch=true": "'hard' has no teacher that could compute logits in every epoch",
    "teacher.views=2": "transformer does not use views; leave it out",
    "teacher.folds=1": "greater than or equal to 2; got 1",
    "teacher.frozen=true": "transformer does not use frozen; leave it out",
    "teacher.weights=untrained": "weights 'untrained' are for teacher image-body; the teacher is transformer",
    "data.views.colour=0.5": "data.views says how images are varied; set teacher.views or teacher.varied too",
    "threads": "--set needs path.to.key=value",
}


@pytest.mark.parametrize("change", REFUSALS)
def test_wrong_value_is_refused_with_the_choices(change):
    with pytest.raises(RequestError, match=REFUSALS[change]):
        read_recipe("movie-reviews", [change])


OF_IMAGES = {
    "students.0={architecture: image-body, epochs: 2, optimiser: adam}": "body, and untrained weights are none",
    "teacher.body=null": "body is the shape of a teacher of images whose weights are 'untrained', which needs it",
    "teacher.weights=efficientnet-lite0": "'untrained', which needs it; its weights are efficientnet-lite0",
    "teacher={architecture: image-body, weights: untrained, body: {}, frozen: true}": "new ones know nothing",
    "teacher.folds=3|objectives=[{name: hard}, {name: weighted, weights: {attention: 1}}]": "teacher.folds is for",
    "objectives=[{name: hard}, {name: weighted, weights: {hidden: 1}}]": "features of an objective are those of transf",
    "objectives=[{name: hard}, {name: weighted, weights: {hidden: 1, attention: 1}}]": "attention is for networks of",
    "teacher.views=2|objectives=[{name: hard}, {name: soft, teacher_every_epoch: true}]": "teacher.views is for stored",
    "students=[{architecture: mobilenet, settings: {expansion: 0}}]": "channels, blocks and expansion are numbers of a",
    "students=[{architecture: resnet, settings: {width: 0.0}}]": "width is a positive factor of all channels; got 0",
    "students=[{architecture: image-body, settings: {dropout: 1.0}}]": "dropout is from 0 to 1",
}


@pytest.mark.parametrize("changes", OF_IMAGES)
def test_what_makes_no_recipe_of_images_is_refused(changes):
    with pytest.raises(RequestError, match=OF_IMAGES[changes]):
        read_recipe("fashion", changes.split("|"))


def test_what_is_open_is_decided_by_the_data():
    open_objectives = "objectives=[{name: hard}, {name: distilled}, {name: distilled, transfer: given}]"
    given = ["data.augmentation=null", open_objectives]
    assert [item.title for item in read_recipe("own", given).objectives] == ["hard", "distilled"]
    backwards = [
        "data.augmentation=null",
        "objectives=[{name: distilled, transfer: given, transfer_balance: 2}, {name: distilled}, {name: hard}]",
    ]
    assert [item.title for item in read_recipe("own", backwards).objectives] == ["distilled", "hard"]
    some = read_recipe("own", [*given, "data.train_rows=99"])
    assert [item.title for item in some.objectives] == ["hard", "distilled", "distilled+transfer"]
    with pytest.raises(RequestError, match="asks for transfer rows, but data.transfer names none"):
        read_recipe("own", ["data.augmentation=null", "objectives=[{name: hard}, {name: soft, transfer: true}]"])
    twice = ["objectives=[{name: hard}, {name: distilled}, {name: distilled}]"]
    with pytest.raises(RequestError, match="two objectives are called 'distilled'"):
        read_recipe("own", twice)
    pairs = read_recipe("own", ["data.train=mine.csv", "data.text=a", "data.text_pair=b", "data.task=regression"])
    assert pairs.peers == ()
    installed = {name for name, peer in PEERS.items() if not peer.missing_packages}
    assert set(read_recipe("own").peers) == installed


def test_rows_are_made_up_of_single_texts_where_no_others_are_given():
    made = read_recipe("own").data.augmentation
    assert (made.copies, made.part_share, made.mixed_share, made.mask_share) == ("auto", 0.5, 0.5, 0)
    assert [item.title for item in read_recipe("own").objectives] == ["hard", "distilled+transfer"]
    for change in ("data.transfer=imdb-sentences", "data.train_rows=99"):
        given = read_recipe("own", [change])
        assert given.data.augmentation is None
        assert [item.title for item in given.objectives] == ["hard", "distilled+transfer"]
    pairs = read_recipe("own", ["data.train=mine.csv", "data.text=a", "data.text_pair=b"])
    assert pairs.data.augmentation is None
    assert [item.title for item in pairs.objectives] == ["hard", "distilled"]
    with pytest.raises(RequestError, match="text and label name the columns of a file, but data names no file"):
        read_recipe("own", ["data.text=a"])


def test_keys_that_came_later_leave_digests_as_they_were():
    data = read_recipe("headlines").data
    assert "part_share" not in data.as_inputs()["augmentation"]
    assert data.as_inputs()["augmentation"]["copies"] == 5
    assert read_recipe("own").data.as_inputs()["augmentation"]["part_share"] == 0.5


def test_labels_weigh_half_of_the_rows_that_have_them_and_never_nothing():
    distilled = Objective(name="distilled")
    assert distilled.terms(labelled=10, rows=10) == (("soft", 0.5, 1.0), ("hard", 0.5, 1.0))
    assert distilled.terms(labelled=4, rows=10) == (("soft", 0.8, 1.0), ("hard", 0.2, 1.0))
    assert distilled.terms(labelled=1, rows=1000) == (("soft", 0.9, 1.0), ("hard", 0.1, 1.0))


def test_error_names_the_line_of_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    head = "name: mine\ndata: {train: rotten-tomatoes}\nobjectives: [{name: hard}]\n"
    path.write_text(head + "students:\n  - architecture: cnn\n    epochs: -2\n")
    with pytest.raises(
        RequestError, match=r"mine.yaml, line 6: students.0.epochs: Input should be greater than 0, or auto; got -2"
    ):
        read_recipe(str(path))


@pytest.mark.parametrize("override", ["students.0.epoch=3", "students.0={epochs: 3}", "formats=[onyx]"])
def test_error_in_what_the_command_line_set_names_that_and_no_line(override):
    with pytest.raises(RequestError) as error:
        read_recipe("movie-reviews", [override])
    assert str(error.value).startswith(f"movie-reviews.yaml with {override}: ")
    assert ", line" not in str(error.value)


def test_error_beside_what_the_command_line_set_names_both():
    with pytest.raises(RequestError) as error:
        read_recipe("movie-reviews", ["students.0.epochs=3", "students.0.settings.bucket=3"])
    message = (
        r"movie-reviews.yaml, line \d+ with students.0.epochs=3, students.0.settings.bucket=3: .*setting of linear"
    )
    assert re.match(message, str(error.value))


def test_match_steps_without_transfer_rows_is_refused():
    objectives = "objectives=[{name: hard}, {name: hard, match_steps: true}]"
    with pytest.raises(RequestError, match="match_steps counts the steps with transfer rows, and the data has none"):
        read_recipe("movie-reviews", ["data.transfer=null", "data.augmentation=null", objectives])


def test_temperature_of_a_regression_is_refused():
    objectives = "objectives=[{name: hard}, {name: soft, temperature: 2}]"
    changes = ["data.task=regression", "data.transfer=null", objectives]
    with pytest.raises(RequestError, match="temperature softens logits, and a regression has none; leave it out"):
        read_recipe("movie-reviews", changes)


@pytest.mark.parametrize("part", ["dkd", "dist"])
def test_parts_that_compare_classes_are_refused_for_other_tasks(part):
    objectives = f"objectives=[{{name: hard}}, {{name: weighted, weights: {{hard: 1, {part}: 1}}}}]"
    changes = ["data.transfer=null", "data.augmentation=null", objectives]
    assert read_recipe("movie-reviews", changes).objectives[1].title == f"weighted hard=1 {part}=1 T=1"
    with pytest.raises(RequestError, match=f"the part '{part}' compares the classes of a row that has one, and the t"):
        read_recipe("movie-reviews", ["data.task=multi-label", *changes])


def test_misspelt_key_is_told_before_the_one_that_it_leaves_missing(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ndata: {train: rotten-tomatoes}\nstudens: [{}]\nobjectives: [{name: hard}]\n")
    with pytest.raises(RequestError, match=r"line 3: unknown key 'studens'; did you mean 'students'\?"):
        read_recipe(str(path))


def test_missing_key_is_named(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "name: mine\ndata: {}\nstudents: [{architecture: cnn}]\nobjectives: [{name: hard}]\n"
    )
    with pytest.raises(RequestError, match=r"line 2: the key 'data.train' is missing"):
        read_recipe(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize("content", ["name: [", "- a list", "", "\x00"])
def test_file_that_is_no_recipe_is_refused(tmp_path, content):
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(RequestError, match="is no"):
        read_recipe(str(tmp_path / "mine.yaml"))


def test_unknown_recipe_names_the_nearest_one(tmp_path):
    with pytest.raises(RequestError, match=r"unknown recipe 'movie-review'; did you mean 'movie-reviews'\?"):
        read_recipe("movie-review")
    with pytest.raises(RequestError, match="there is no recipe file"):
        read_recipe(str(tmp_path / "none.yaml"))


def test_recipe_holds_names_and_numbers_only():
    def leaves(value):
        if isinstance(value, dict):
            return [leaf for member in value.values() for leaf in leaves(member)]
        return [leaf for member in value for leaf in leaves(member)] if isinstance(value, list) else [value]

    content = Recipe.model_validate(read_recipe("movie-reviews-full").model_dump()).model_dump(mode="json")
    assert {type(leaf) for leaf in leaves(content)} <= {str, int, float, bool, type(None)}


@pytest.mark.parametrize("source", ["data.balance=9", "data.augmentation={}"])
def test_transfer_rows_need_no_source_of_their_own(source):
    assert read_recipe("movie-reviews", ["data.transfer=null", source]).data.has_transfer


def test_keys_that_came_later_leave_the_digests_of_stored_stages_as_they_were():
    first = {
        *("architecture", "vectors", "dimensions", "max_length_tokens", "epochs", "transfer_epochs", "batch_size"),
        *("learning_rate", "weight_decay", "settings"),
    }
    student = {"architecture": "cnn", "epochs": 3}
    assert set(Student(**student).as_inputs("name")) == first
    assert set(Student(**student, optimiser="adam", schedule="linear").as_inputs("name")) == {
        *first,
        *("optimiser", "schedule"),
    }
    assert set(Student(**student, schedule="halved").as_inputs("name")) == {*first, "schedule"}
    assert set(Data(train="rotten-tomatoes").as_inputs("train", "validation", "test", "transfer", "licence")) == {
        *("transfer_rows", "validation_share", "test_share", "text", "label")
    }
    assert set(Student(**student, largest_gradient_norm=None).as_inputs("name")) == {*first, "largest_gradient_norm"}


def test_number_of_launches_leaves_stored_stages_and_each_launch_as_they_were():
    usual, several = Measuring(), Measuring(launches=5)
    assert "launches" not in usual.as_inputs()
    assert usual.of_a_launch == several.of_a_launch
    assert Workload(model="", threads=1, **several.of_a_launch).seconds == 1.0
    for count in (0, 101):
        with pytest.raises(ValidationError, match="launches"):
            Measuring(launches=count)


@pytest.mark.parametrize("name", ["9" * 9_999, "rows\ud800"])
def test_name_that_no_file_can_have_is_one_sentence(name, tmp_path):
    (tmp_path / "odd.yaml").write_text(f"name: odd\ndata: {{train: {json.dumps(name)}}}\n", encoding="utf-8")
    with pytest.raises(RequestError) as error:
        read_recipe(str(tmp_path / "odd.yaml"))
    assert "\n" not in str(error.value)
    str(error.value).encode()
