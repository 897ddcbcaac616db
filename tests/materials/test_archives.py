"""Downloads are real: pip fetches a small wheel from a local folder instead of an index."""

import hashlib
import zipfile
from dataclasses import replace

import pytest

from materials.archives import Archive, fetch_archive, is_fetched
from materials.errors import RequestError

CONTENT = b"text,label\na,1\n"


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive `tiny-data` 1.0 that pip finds in a local folder."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel = folder / "tiny_data-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as content:
        content.writestr("tiny_data/data/rows.csv", CONTENT)
        content.writestr("tiny_data/__init__.py", "raise SystemExit('code of an archive must never run')")
        content.writestr("tiny_data-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-data\nVersion: 1.0\n")
        content.writestr(
            "tiny_data-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        content.writestr("tiny_data-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return Archive(
        package="tiny-data",
        version="1.0",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        size_bytes=wheel.stat().st_size,
        licence="MIT",
        members={"tiny_data/data/rows.csv": hashlib.sha256(CONTENT).hexdigest()},
    )


def fetch(archive, root):
    return fetch_archive(archive, root, report=lambda done, total: None)


def test_only_the_named_members_are_kept(archive, tmp_path):
    folder = fetch(archive, tmp_path / "cache")
    assert [path.name for path in folder.iterdir()] == ["rows.csv"]
    assert (folder / "rows.csv").read_bytes() == CONTENT
    assert {path.name for path in folder.parent.iterdir()} == {"tiny-data-1.0", "tiny-data-1.0.lock"}


def test_progress_ends_at_the_whole_size(archive, tmp_path):
    progress = []
    fetch_archive(archive, tmp_path / "cache", report=lambda done, total: progress.append((done, total)))
    assert progress[-1] == (archive.size_bytes, archive.size_bytes)


def test_what_is_there_is_not_fetched_again(archive, tmp_path, monkeypatch):
    fetch(archive, tmp_path / "cache")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    assert is_fetched(archive, tmp_path / "cache")
    fetch(archive, tmp_path / "cache")


def test_damaged_member_is_fetched_again(archive, tmp_path):
    folder = fetch(archive, tmp_path / "cache")
    (folder / "rows.csv").write_bytes(b"damaged")
    assert (fetch(archive, tmp_path / "cache") / "rows.csv").read_bytes() == CONTENT


def test_corrupted_download_is_refused_and_nothing_kept(archive, tmp_path):
    with pytest.raises(RequestError, match="the download of tiny-data==1.0 is corrupted: expected SHA-256 0000"):
        fetch(replace(archive, sha256="0" * 64), tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache" / "materials").iterdir()] == ["tiny-data-1.0.lock"]


def test_absent_package_names_the_choices(archive, tmp_path):
    with pytest.raises(RequestError, match="could not fetch tiny-data==2.0 with pip .*copy the cache folder"):
        fetch(replace(archive, version="2.0"), tmp_path / "cache")
