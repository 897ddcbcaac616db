from pathlib import Path

import pytest

from materials.errors import RequestError
from materials.hub_files import is_on_hub, local_file

PARQUET = "hf://datasets/someone/reviews@refs/convert/parquet/default/train/0000.parquet"


@pytest.mark.parametrize(
    ("name", "download"),
    [
        (PARQUET, ("someone/reviews", "default/train/0000.parquet", "dataset", "refs/convert/parquet")),
        ("hf://datasets/a/b@v1.2/rows.csv", ("a/b", "rows.csv", "dataset", "v1.2")),
        ("hf://datasets/a/b/data/rows.csv.gz", ("a/b", "data/rows.csv.gz", "dataset", None)),
    ],
)
def test_file_on_the_hub_is_fetched_by_repository_revision_and_path(monkeypatch, name, download):
    downloads = []

    def fetch(repo_id, filename, *, repo_type, revision):
        downloads.append((repo_id, filename, repo_type, revision))
        return "/the/cache/file"

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetch)
    assert local_file(name) == Path("/the/cache/file")
    assert downloads == [download]


def test_file_of_this_machine_stays_what_it_is(tmp_path):
    assert local_file(str(tmp_path / "a.csv")) == tmp_path / "a.csv"
    assert not is_on_hub("a.csv")


@pytest.mark.parametrize("name", ["hf://datasets/a/b", "hf://models/a/b/c.csv", "hf://datasets/a", "hf://a.csv"])
def test_malformed_name_is_refused_with_the_right_form(name):
    with pytest.raises(RequestError, match=r"no name of a file on the Hub; expected hf://datasets/OWNER/NAME"):
        local_file(name)


def test_file_that_does_not_come_says_so_in_one_sentence(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(RequestError, match=r"could not get 'hf://datasets/someone/reviews.*' from the Hub \(.*\)"):
        local_file(PARQUET)
