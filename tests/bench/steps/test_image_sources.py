"""Every form of images through a recipe: what the splits hold, what is said, and what is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from sample_archives import write_tar
from sample_command import distilbench
from sample_images import save_tiny_resnet, write_photos

from bench.commands.run import RunRequest
from bench.recipe.file import read_recipe
from bench.reports.screen import Screen
from bench.steps.split import split
from bench.steps.teacher import find_teacher_weights
from bench.steps.workplace import Workplace
from encoders.image_encoder import ImageEncoder
from materials.errors import RequestError
from materials.sources.image_table import image_column
from materials.splits.store import load_splits
from materials.stages import StageStore
from teachers.image_classifier import read_image_encoder

COUNT = 10
NAMES = [f"train/{name}/{number}.png" for name in ("n1", "n2") for number in range(COUNT)]


@pytest.fixture(scope="session")
def body(tmp_path_factory):
    """A ResNet without a head."""
    return save_tiny_resnet(tmp_path_factory.mktemp("body"), has_head=False)


@pytest.fixture
def photos(tmp_path):
    """A folder of two classes with ten images each, and two each in val/."""
    folder = write_photos(tmp_path / "photos", NAMES)
    return write_photos(folder, [f"val/{name}/{number}.png" for name in ("n1", "n2") for number in range(2)], start=50)


@pytest.fixture
def make(tmp_path, body, monkeypatch):
    """A function that gives the splits of a source of images and the sentences that were said."""

    def run(train, **flags):
        sentences = []
        screen = Screen()
        monkeypatch.setattr(screen, "notice", sentences.append)
        named = {f"data.{name}": str(value) for name, value in {"train": train, **flags}.items()}
        request = RunRequest(
            recipe="images", flags={**named, "teacher.weights": str(body)}, overrides=(), output=None, fresh=False
        )
        recipe = read_recipe("images", request.all_overrides)
        work = Workplace(recipe=recipe, store=StageStore(root=tmp_path / "cache"), screen=screen)
        return load_splits(split(work, find_teacher_weights(work), 0)), sentences

    return run


def as_tar(photos):
    write_tar(
        photos.with_suffix(".tar"),
        {f"photos/{path.relative_to(photos)}": path.read_bytes() for path in sorted(photos.rglob("*.png"))},
    )
    return photos.with_suffix(".tar")


def as_zip(photos):
    return shutil.make_archive(str(photos), "zip", photos)


def as_npz(photos):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, size=(24, 8, 8), dtype=np.uint8)
    file = photos.with_suffix(".npz")
    np.savez(file, x_train=images[:20], y_train=np.arange(20) % 2, x_test=images[20:], y_test=np.arange(4) % 2)
    return file


FORMS = {"folder": lambda photos: photos, "tar": as_tar, "zip": as_zip, "npz": as_npz}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_split_opened_and_stored_once(make, photos, body, form):
    source = FORMS[form](photos)
    splits, sentences = make(source)
    assert splits.modality == "image"
    assert [len(rows) for rows in (splits.train, splits.validation, splits.test)] == [18, 2, 4]
    encoder: ImageEncoder = read_image_encoder(body)
    assert len(encoder.encode(splits.train.items)) == 18
    assert sentences[0] == "rows: train 18, validation 2, test 4; for transfer: none"
    again, silence = make(source)
    assert again.train.items == splits.train.items
    assert silence == []


@pytest.mark.parametrize("form", ["tar", "npz"])
def test_images_that_the_cache_lost_are_written_again(make, photos, body, tmp_path, form):
    source = FORMS[form](photos)
    splits, _ = make(source)
    shutil.rmtree(tmp_path / "cache" / "materials")
    make(source)
    assert len(read_image_encoder(body).encode(splits.train.items)) == 18


def as_parquet(photos, names, file):
    import pyarrow as pa
    from pyarrow import parquet

    rows = [{"bytes": (photos / name).read_bytes(), "path": name} for name in names]
    parquet.write_table(pa.table({"image": rows, "label": [name.split("/")[1] for name in names]}), file)
    return file


def test_parquet_column_of_images_and_a_folder_beside_it_are_one_data_set(make, photos, tmp_path):
    file = as_parquet(photos, NAMES, tmp_path / "rows.parquet")
    assert image_column(file) == "image"
    splits, _ = make(file, test=photos)
    assert [len(rows) for rows in (splits.train, splits.validation, splits.test)] == [18, 2, 4]


HUB = "hf://datasets/zalando-datasets/fashion_mnist/fashion_mnist"


def test_images_of_files_on_the_hub_are_read_where_the_recipe_says_that_they_are_images(
    make, photos, tmp_path, monkeypatch
):
    parts = {"train": NAMES, "test": [f"val/n{number}/{row}.png" for number in (1, 2) for row in range(2)]}
    files = {f"{HUB}/{part}.parquet": as_parquet(photos, names, tmp_path / part) for part, names in parts.items()}
    files = {name: path.rename(path.with_suffix(".parquet")) for name, path in files.items()}
    monkeypatch.setattr("bench.steps.sources.local_file", lambda name: files.get(name) or Path(name))
    train, test = files
    splits, _ = make(train, test=test, items="image")
    assert [len(rows) for rows in (splits.train, splits.validation, splits.test)] == [18, 2, 4]
    assert splits.label_names == ("n1", "n2")
    assert len(make(photos, transfer=train)[0].transfer) == 0  # all are train images already


def test_images_among_texts_are_refused(tmp_path, photos, monkeypatch):
    file = as_parquet(photos, NAMES, tmp_path / "rows.parquet")
    monkeypatch.setattr("bench.steps.sources.local_file", lambda name: file)
    with pytest.raises(RequestError, match=r"holds images, and the train rows are texts; .* set data.items to image"):
        distilbench("run", "movie-reviews", "--data", f"{HUB}/train.parquet", "--output", tmp_path / "run")
    with pytest.raises(RequestError, match=r"items says that the rows are images, and those of rows.csv are texts"):
        distilbench("run", "movie-reviews", "--data", "rows.csv", "--set", "data.items=image", "--dry-run")


def test_classes_get_the_names_of_a_file_and_other_names_are_other_splits(make, photos, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("n1,Shih-Tzu\nn2,Beagle\n")
    assert make(photos, class_names=names)[0].label_names == ("Beagle", "Shih-Tzu")
    names.write_text("n1,Shih-Tzu\nn2,Whippet\n")
    assert make(photos, class_names=names)[0].label_names == ("Shih-Tzu", "Whippet")
    names.write_text("n1,Shih-Tzu\n")
    with pytest.raises(RequestError, match="has no name for the class 'n2' of the data"):
        make(photos, class_names=names)


def test_odd_images_are_told_of_once(make, photos):
    (photos / "train/n1/odd.png").write_bytes(b"odd")
    (photos / "train/n1/notes.txt").write_text("text")
    shutil.copy(photos / "train/n1/0.png", photos / "train/n2/copy.png")
    splits, sentences = make(photos)
    assert len(splits.train) + len(splits.validation) == 19
    assert [sentence for sentence in sentences if "left out" in sentence] == [
        f"1 files below {photos / 'train'} are left out, as they are no images (.jpeg, .jpg, .png, .bmp, .webp) or lie "
        "in no folder of a class: notes.txt",
        "1 train images cannot be read and are left out: n1/odd.png (no image of a known format)",
        "2 train images stand under several labels and are left out: n1/0.png, n2/copy.png",
    ]


def test_transfer_images_that_cannot_be_read_are_left_out(make, photos, tmp_path):
    more = write_photos(tmp_path / "more", ["1.png", "2.png"], start=80)
    (more / "odd.png").write_bytes(b"odd")
    splits, sentences = make(photos, transfer=more)
    assert len(splits.transfer) == 2
    assert "1 transfer images cannot be read and are left out: more/odd.png (no image of a known format)" in sentences


def test_dry_run_reads_an_archive_and_keeps_nothing(photos, body, tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    options = ("--teacher", body, "--dry-run")
    assert distilbench("run", "images", "--data", as_tar(photos), *options).code == 0
    assert not (tmp_path / "cache" / "materials").exists()
    write_photos(photos, ["val/owl/1.png"], start=90)
    with pytest.raises(RequestError, match="the test images have the class 'owl', and no train image has it"):
        distilbench("run", "images", "--data", as_tar(photos), *options)


@pytest.mark.parametrize(
    ("train", "flags", "sentence"),
    [
        ("photos.tar", {"text": "image"}, "text is for files of rows, and photos.tar holds images; leave it out"),
        ("rows.csv", {"class_names": "names.csv"}, "class_names names classes of images"),
        ("photos.zip", {"test": "rotten-tomatoes"}, "rotten-tomatoes holds texts, but the train rows are images; give"),
        ("rows.csv", {"test": "fashion-mnist"}, "fashion-mnist holds images, but the train rows are texts; give texts"),
    ],
)
def test_what_does_not_go_together_is_refused(make, train, flags, sentence):
    with pytest.raises(RequestError, match=sentence):
        make(train, **flags)


@pytest.mark.parametrize("name", ["none.tar", "none.tgz", "none.zip", "none.npz"])
def test_file_that_is_not_there_is_refused(make, name):
    with pytest.raises(RequestError, match=f"there is no file {name}; expected a"):
        make(name)


@pytest.mark.parametrize(
    ("train", "modality"),
    [("fashion-mnist", "image"), ("a.tar.gz", "image"), ("a.npz", "image"), ("rotten-tomatoes", "text")],
)
def test_kind_of_items_is_known_without_reading_them(train, modality):
    from bench.recipe.data import Data

    assert Data(train=train).modality == modality
