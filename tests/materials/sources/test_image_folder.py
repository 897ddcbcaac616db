from pathlib import Path

import pytest

from materials.errors import RequestError
from materials.rows import Source
from materials.sources.image_folder import read_image_folder, read_images
from materials.splits.split import SplitSettings, make_splits
from materials.tasks import task_of


def draw(folder, *names):
    """Files of these names, each with its name for content; what they hold is not looked at."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    return folder


def listed(table, folder):
    """The labels and paths of a table."""
    paths = [Path(image.path).relative_to(folder.resolve()).as_posix() for image in table.items]
    return list(zip(table.labels, paths, strict=True))


def refuse(folder, begin):
    with pytest.raises(RequestError) as refusal:
        read_image_folder(folder)
    assert str(refusal.value).startswith(begin)
    assert "\n" not in str(refusal.value)


CATS_AND_DOGS = ("train/cat/1.png", "train/cat/2.png", "train/dog/1.png")


def test_folders_of_train_and_val_name_the_classes_and_val_holds_the_test_rows(tmp_path):
    source = read_image_folder(draw(tmp_path, *CATS_AND_DOGS, "val/cat/9.png", "val/dog/9.png"))
    assert listed(source.train, tmp_path) == [
        ("cat", "train/cat/1.png"),
        ("cat", "train/cat/2.png"),
        ("dog", "train/dog/1.png"),
    ]
    assert listed(source.test, tmp_path) == [("cat", "val/cat/9.png"), ("dog", "val/dog/9.png")]
    assert source.validation is None
    assert source.train.modality == source.test.modality == "image"


@pytest.mark.parametrize("validation", ["val", "valid", "validation"])
def test_validation_is_its_own_where_there_is_a_test_folder(tmp_path, validation):
    source = read_image_folder(draw(tmp_path, *CATS_AND_DOGS, f"{validation}/cat/7.png", "test/dog/8.png"))
    assert listed(source.validation, tmp_path) == [("cat", f"{validation}/cat/7.png")]
    assert listed(source.test, tmp_path) == [("dog", "test/dog/8.png")]


def test_missing_val_leaves_its_rows_to_be_split_off(tmp_path):
    only_train = read_image_folder(draw(tmp_path / "one", *CATS_AND_DOGS))
    assert (only_train.validation, only_train.test) == (None, None)
    with_test = read_image_folder(draw(tmp_path / "two", *CATS_AND_DOGS, "test/dog/8.png"))
    assert (with_test.validation, len(with_test.test.items)) == (None, 1)


def test_class_folders_alone_are_train_rows(tmp_path):
    source = read_image_folder(draw(tmp_path, "cat/1.png", "dog/1.png"))
    assert source == Source(train=source.train)
    assert listed(source.train, tmp_path) == [("cat", "cat/1.png"), ("dog", "dog/1.png")]


def test_nested_images_are_of_the_class_at_the_top(tmp_path):
    source = read_image_folder(draw(tmp_path, "train/cat/tabby/old/1.png", "train/cat/2.png", "train/dog/1.png"))
    assert listed(source.train, tmp_path) == [
        ("cat", "train/cat/2.png"),
        ("cat", "train/cat/tabby/old/1.png"),
        ("dog", "train/dog/1.png"),
    ]


@pytest.mark.parametrize(
    "extra",
    [
        "train/.cache/1.png",
        "train/cat/.1.png",
        "train/cat/.thumbnails/1.png",
        "train/cat/.DS_Store",
        "train/cat/notes.txt",
        "train/cat/png",
        "train/cat/1.png.part",
        "train/1.png",
        "1.png",
        "README.md",
    ],
)
def test_hidden_files_and_files_that_are_no_images_are_left_out(tmp_path, extra):
    draw(tmp_path, *CATS_AND_DOGS)
    before = read_image_folder(tmp_path)
    assert read_image_folder(draw(tmp_path, extra)) == before


def test_folder_below_a_hidden_folder_is_read_all_the_same(tmp_path):
    folder = draw(tmp_path / ".cache" / "pets", *CATS_AND_DOGS)
    assert len(read_image_folder(folder).train.items) == 3


def test_folder_that_is_named_like_an_image_is_not_one(tmp_path):
    source = read_image_folder(draw(tmp_path, "cat/odd.png/1.jpg", "dog/1.png"))
    assert listed(source.train, tmp_path) == [("cat", "cat/odd.png/1.jpg"), ("dog", "dog/1.png")]


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.PNG", "a.bmp", "a.webp", "👍 naïve.png"])
def test_suffix_tells_an_image_in_capitals_too(tmp_path, name):
    assert listed(read_image_folder(draw(tmp_path, f"cat/{name}")).train, tmp_path) == [("cat", f"cat/{name}")]


def test_images_of_the_same_content_have_the_same_digest(tmp_path):
    draw(tmp_path, *CATS_AND_DOGS)
    (tmp_path / "train/dog/copy.png").write_text("train/cat/1.png", encoding="utf-8")
    digests = [image.sha256 for image in read_image_folder(tmp_path).train.items]
    assert len(digests) == 4
    assert digests[0] == digests[3]
    assert len(set(digests)) == 3


IMAGES = "holds no images (.jpeg, .jpg, .png, .bmp, .webp); "


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_class_without_an_image_is_refused_by_its_folder(tmp_path, part):
    draw(tmp_path, *CATS_AND_DOGS, "val/cat/9.png", "test/cat/8.png", f"{part}/empty/notes.txt")
    refuse(tmp_path, f"{tmp_path / part / 'empty'} {IMAGES}")


def test_class_whose_images_are_all_hidden_is_refused(tmp_path):
    refuse(draw(tmp_path, *CATS_AND_DOGS, "train/owl/.1.png"), f"{tmp_path / 'train' / 'owl'} {IMAGES}")


def test_folder_that_is_not_there_or_is_a_file_is_refused(tmp_path):
    refuse(tmp_path / "none", f"there is no folder {tmp_path / 'none'}; ")
    draw(tmp_path, "file.png")
    refuse(tmp_path / "file.png", f"there is no folder {tmp_path / 'file.png'}; ")


@pytest.mark.parametrize("name", ["1.png", "train/1.png", "train/.cat/1.png"])
def test_folder_without_class_folders_is_refused(tmp_path, name):
    folder = draw(tmp_path, name).joinpath(*Path(name).parts[:1]) if "/" in name else draw(tmp_path, name)
    refuse(tmp_path, f"{folder} holds no folders; ")


def split(folder):
    settings = SplitSettings(validation=0.2, test=0.2, seed=0)
    return make_splits(read_image_folder(folder), None, settings, task=task_of("single-label"))


def test_class_of_val_that_is_not_in_train_is_refused_by_name(tmp_path):
    draw(tmp_path, *(f"train/{name}/{number}.png" for name in ("cat", "dog") for number in range(10)), "val/owl/9.png")
    assert read_image_folder(tmp_path).test.labels == ["owl"]
    with pytest.raises(
        RequestError, match=r"^class 'owl' has 0 different row\(s\) to train on; .* leave the class out$"
    ):
        split(tmp_path)


def test_class_of_train_that_is_not_in_val_is_a_class_all_the_same(tmp_path):
    draw(tmp_path, *(f"train/{name}/{number}.png" for name in ("cat", "dog") for number in range(10)), "val/cat/9.png")
    splits = split(tmp_path)
    assert splits.label_names == ("cat", "dog")
    assert [len(rows) for rows in (splits.train, splits.validation, splits.test)] == [16, 4, 1]


def test_parts_without_train_are_not_taken_for_classes(tmp_path):
    folder = draw(tmp_path, "val/cat/a.png", "test/dog/b.png")
    refuse(folder, f"{folder} has val/ but no train/; add it")


def test_parts_are_found_whatever_the_case_of_their_names(tmp_path):
    source = read_image_folder(draw(tmp_path, "Train/cat/a.png", "Train/dog/b.png", "Test/cat/c.png"))
    assert (source.train.labels, source.test.labels) == (["cat", "dog"], ["cat"])


def test_two_folders_of_one_part_are_refused(tmp_path):
    folder = draw(tmp_path, *CATS_AND_DOGS, "val/cat/b.png", "valid/cat/c.png")
    refuse(folder, f"{folder} has val/ and valid/; leave one of them")


def test_images_without_classes_are_all_below_the_folder(tmp_path):
    table = read_images(draw(tmp_path, "b.png", "more/a.JPG", ".hidden/c.png", "notes.txt"))
    assert [Path(image.path).name for image in table.items] == ["b.png", "a.JPG"]
    assert table.labels is None
    with pytest.raises(RequestError, match="holds no images"):
        read_images(draw(tmp_path / "none", "notes.txt"))
