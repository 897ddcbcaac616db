"""Downloads are real: pip fetches a small wheel from a local folder instead of an index; apt-get is a small script."""

import hashlib
import io
import zipfile
from dataclasses import replace

import pytest
from sample_archives import debian_of

from materials.archives import Archive, fetch_archive, is_fetched
from materials.errors import RequestError

CONTENT = b"text,label\na,1\n"


def wheel_of(folder, package, members):
    """A wheel, by hand, of files that carry data."""
    name = package.replace("-", "_")
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as content:
        for member, data in members.items():
            content.writestr(member, data)
        content.writestr(f"{name}/__init__.py", "raise SystemExit('code of an archive must never run')")
        content.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        content.writestr(
            f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        content.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return Archive(
        package=package,
        version="1.0",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        size_bytes=wheel.stat().st_size,
        licence="MIT",
        members={member: hashlib.sha256(data).hexdigest() for member, data in members.items()},
    )


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """The only folder in which pip finds wheels."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def archive(wheels):
    """An archive `tiny-data` 1.0 that pip finds in a local folder."""
    return wheel_of(wheels, "tiny-data", {"tiny_data/data/rows.csv": CONTENT})


@pytest.fixture
def in_pieces(wheels):
    """An archive whose ZIP lies in three wheels."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as content:
        content.writestr("folder/rows.csv", CONTENT)
        content.writestr("folder/other.txt", "not kept")
    whole = buffer.getvalue()
    parts = whole[:60], whole[60:61], whole[61:]
    pieces = [wheel_of(wheels, f"part-{number}", {f"in/a.zip.{number}": part}) for number, part in enumerate(parts)]
    return Archive(
        package="whole",
        version="1.0",
        sha256=hashlib.sha256(whole).hexdigest(),
        size_bytes=sum(piece.size_bytes for piece in pieces),
        licence="MIT",
        members={"folder/rows.csv": hashlib.sha256(CONTENT).hexdigest()},
        pieces=tuple(pieces),
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


def test_pieces_are_joined_and_no_piece_stays(in_pieces, tmp_path):
    progress = []
    folder = fetch_archive(in_pieces, tmp_path / "cache", report=lambda *done: progress.append(done))
    assert [path.name for path in folder.iterdir()] == ["rows.csv"]
    assert (folder / "rows.csv").read_bytes() == CONTENT
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == ["whole-1.0"]
    assert progress[-1] == (in_pieces.size_bytes, in_pieces.size_bytes)
    assert progress == sorted(progress)


def test_pieces_that_came_are_not_fetched_again(in_pieces, wheels, tmp_path):
    last = wheels / "part_2-1.0-py3-none-any.whl"
    last.rename(tmp_path / last.name)
    with pytest.raises(RequestError, match="could not fetch part-2==1.0"):
        fetch(in_pieces, tmp_path / "cache")
    for wheel in wheels.iterdir():
        wheel.unlink()
    (tmp_path / last.name).rename(last)
    assert (fetch(in_pieces, tmp_path / "cache") / "rows.csv").read_bytes() == CONTENT


def test_pieces_of_another_whole_are_refused(in_pieces, tmp_path):
    with pytest.raises(RequestError, match="the download of whole==1.0 is corrupted"):
        fetch(replace(in_pieces, sha256="0" * 64), tmp_path / "cache")


APT = """#!/bin/sh
echo "$@" >> {folder}/calls
case "$*" in
  *Dir::State::lists=*update) exit {update_fails} ;;
  *Dir::State::lists=*download*) cp {folder}/tiny.deb . ;;
  *) [ {has_lists} = 1 ] && cp {folder}/tiny.deb . || {{ echo "E: Unable to locate package" >&2; exit 100; }} ;;
esac
"""


@pytest.fixture
def debian(tmp_path, monkeypatch):
    """A function that puts an apt-get on the path, with or without lists of packages, and gives an archive for it."""

    def make(*, has_lists=True, update_fails=False):
        folder = tmp_path / "apt"
        folder.mkdir()
        program = folder / "apt-get"
        program.write_text(APT.format(folder=folder, has_lists=int(has_lists), update_fails=int(update_fails)))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        (folder / "tiny.deb").write_bytes(debian_of({"usr/share/rows.csv": CONTENT, "usr/share/other": b"x"}))
        return Archive(
            package="tiny-data",
            version="0.1~git1-1",
            sha256=hashlib.sha256((folder / "tiny.deb").read_bytes()).hexdigest(),
            size_bytes=(folder / "tiny.deb").stat().st_size,
            licence="MIT",
            members={"usr/share/rows.csv": hashlib.sha256(CONTENT).hexdigest()},
            fetched_by="apt",
        )

    return make


@pytest.mark.parametrize("has_lists", [True, False])
def test_debian_package_is_fetched_by_apt_with_lists_of_its_own_where_there_are_none(debian, tmp_path, has_lists):
    archive = debian(has_lists=has_lists)
    folder = fetch(archive, tmp_path / "cache")
    assert [path.name for path in folder.iterdir()] == ["rows.csv"]
    assert folder.name == "tiny-data-0.1~git1-1"
    calls = (tmp_path / "apt" / "calls").read_text().splitlines()
    assert calls[0] == "--quiet download tiny-data=0.1~git1-1"
    assert len(calls) == (1 if has_lists else 3)


def test_debian_package_that_does_not_come_names_the_choices(debian, tmp_path):
    archive = debian(has_lists=False, update_fails=True)
    with pytest.raises(RequestError, match="could not fetch tiny-data=0.1~git1-1 with apt .*Debian mirror, or copy"):
        fetch(archive, tmp_path / "cache")


def test_machine_without_apt_is_told_so(debian, tmp_path, monkeypatch):
    archive = debian()
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(RequestError, match="there is no program apt-get"):
        fetch(archive, tmp_path / "cache")


def test_debian_package_of_another_digest_is_not_read(debian, tmp_path):
    with pytest.raises(RequestError, match="the download of tiny-data=0.1~git1-1 is corrupted"):
        fetch(replace(debian(), sha256="0" * 64), tmp_path / "cache")
