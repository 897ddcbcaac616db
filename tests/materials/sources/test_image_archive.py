"""Archives are unpacked once, images only, and nothing leaves the folder that they are unpacked to."""

import io
import stat
import tarfile
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_archives import write_tar, write_zip

from materials.errors import RequestError
from materials.report import silent
from materials.sources.image_archive import archive_folder, safe_path, unpack
from materials.sources.image_folder import read_image_folder

PHOTOS = {f"train/{name}/{number}.png": f"{name}{number}".encode() for name in ("cat", "dog") for number in range(2)}
ODD_NAMES = ["../out.png", "/out.png", "a/../../out.png", "./../out.png", "train/.1.png", "__MACOSX/._1.png", ".png"]
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
PATHS = st.lists(st.sampled_from(["..", ".", "", "a", "b.png", "/", "~", "C:"]), max_size=6).map("/".join)


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tgz", "zip", "TAR"])
@pytest.mark.parametrize("wrapping", ["", "./", "photos/", "a/b c/"])
def test_archive_is_read_as_the_folder_that_it_holds(tmp_path, ending, wrapping):
    file = tmp_path / f"photos.{ending}"
    members = {wrapping + name: content for name, content in PHOTOS.items()}
    if ending == "zip":
        write_zip(file, members)
    else:
        write_tar(file, members, "w:gz" if "g" in ending else "w")
    unpacked = unpack(file, tmp_path / "cache", silent)
    assert unpacked.notes == ()
    assert read_image_folder(unpacked.folder).train.labels == ["cat", "cat", "dog", "dog"]


def test_class_folders_alone_are_found_and_a_single_class_is_no_wrapping(tmp_path):
    write_tar(tmp_path / "a.tar", {"photos/cat/1.png": b"1", "photos/dog/1.png": b"2"})
    assert unpack(tmp_path / "a.tar", tmp_path / "cache", silent).folder.name == "photos"
    write_tar(tmp_path / "b.tar", {"cat/1.png": b"1"})
    folder = unpack(tmp_path / "b.tar", tmp_path / "cache", silent).folder
    assert folder == archive_folder(tmp_path / "b.tar", tmp_path / "cache")


def test_archive_is_unpacked_once_and_again_where_it_was_deleted(tmp_path):
    file, progress = tmp_path / "a.tar", []
    write_tar(file, PHOTOS)

    def report(done, total):
        progress.append((done, total))

    folder = unpack(file, tmp_path / "cache", report).folder
    assert progress == sorted(progress)
    assert all(total == file.stat().st_size for _, total in progress)
    count = len(progress)
    assert unpack(file, tmp_path / "cache", report).folder == folder
    assert len(progress) == count
    (folder / ".unpacked.json").unlink()
    unpack(file, tmp_path / "cache", report)
    assert len(progress) == 2 * count


@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_members_that_are_no_images_or_lie_outside_are_counted_and_not_written(tmp_path, write):
    file = tmp_path / ("a.zip" if write is write_zip else "a.tar")
    write(file, {**PHOTOS, **dict.fromkeys(ODD_NAMES, b"odd"), "train/cat/notes.txt": b"text"})
    unpacked = unpack(file, tmp_path / "cache", silent)
    assert len(files_below(tmp_path / "cache") - {f"materials/{unpacked.folder.name}.lock"}) == len(PHOTOS) + 1
    assert unpacked.notes[0].startswith(f"{len(ODD_NAMES) + 1} members of the archive are left out, as they are no ")
    assert not (tmp_path / "out.png").exists()


def test_links_and_devices_are_not_followed(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, content in PHOTOS.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        kinds = {"link.png": tarfile.SYMTYPE, "hard.png": tarfile.LNKTYPE, "pipe.png": tarfile.FIFOTYPE}
        for name, kind in {**kinds, "train/cat/0.png": tarfile.SYMTYPE}.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, str(tmp_path / "secret.png")
            archive.addfile(entry)
    unpacked = unpack(tmp_path / "a.tar", tmp_path / "cache", silent)
    assert unpacked.left_out == ["hard.png", "link.png", "pipe.png", "train/cat/0.png"]
    assert not any(path.is_symlink() for path in unpacked.folder.rglob("*"))
    assert (unpacked.folder / "train/cat/0.png").read_bytes() == b"cat0"


def test_links_in_a_zip_are_not_written(tmp_path):
    write_zip(tmp_path / "a.zip", PHOTOS)
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        entry = zipfile.ZipInfo("train/cat/link.png")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    assert unpack(tmp_path / "a.zip", tmp_path / "cache", silent).left_out == ["train/cat/link.png"]


@settings(deadline=None, max_examples=150)
@given(names=st.lists(TEXTS.map("{}.png".format) | PATHS, max_size=6), is_zip=st.booleans())
def test_whatever_members_are_called_nothing_is_written_outside(tmp_path_factory, names, is_zip):
    folder = tmp_path_factory.mktemp("wild")
    file = folder / ("a.zip" if is_zip else "a.tar")
    members = {name: b"image" for name in names if name}
    (write_zip if is_zip else write_tar)(file, members)
    cache = folder / "below" / "cache"
    with suppress(RequestError):
        unpack(file, cache, silent)
    target = archive_folder(file, cache)
    assert {path for path in folder.rglob("*") if path.is_file() and target not in path.parents} <= {
        file,
        target.with_name(f"{target.name}.lock"),
    }


@given(name=st.text(max_size=20))
def test_safe_paths_stay_below(name):
    path = safe_path(name)
    assert path is None or (not path.is_absolute() and ".." not in path.parts and path.parts)


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "zip"])
@pytest.mark.parametrize("content", [b"", b"odd", b"PK\x03\x04odd", b"\x1f\x8bodd"])
def test_damaged_archive_is_refused_and_nothing_kept(tmp_path, ending, content):
    file = tmp_path / f"a.{ending}"
    file.write_bytes(content)
    with pytest.raises(RequestError, match=r"cannot be unpacked|holds no images"):
        unpack(file, tmp_path / "cache", silent)
    assert not list((tmp_path / "cache" / "materials").glob("*/"))


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_archive_that_ends_early_is_refused(tmp_path, ending):
    file = tmp_path / f"a.{ending}"
    write_tar(file, {name: content * 10_000 for name, content in PHOTOS.items()}, "w:gz" if "gz" in ending else "w")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(RequestError, match="cannot be unpacked"):
        unpack(file, tmp_path / "cache", silent)


def test_file_and_folder_of_one_name_are_refused(tmp_path):
    write_tar(tmp_path / "a.tar", {"cat/a.png": b"1", "cat/a.png/b.png": b"2"})
    with pytest.raises(RequestError, match="cannot be unpacked"):
        unpack(tmp_path / "a.tar", tmp_path / "cache", silent)


def test_archive_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RequestError, match="there is no file .*none.tar; expected a .tar, .tar.gz, .tgz, .zip file"):
        unpack(tmp_path / "none.tar", tmp_path / "cache", silent)


@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_class_without_an_image_is_refused_as_in_a_folder(tmp_path, write):
    members = {**PHOTOS, "train/owl/owl.gif": b"GIF", "notes/readme.txt": b"text", "__MACOSX/train/owl/._1.png": b""}
    write(tmp_path / f"photos.{write.__name__[6:]}", members)
    unpacked = unpack(tmp_path / f"photos.{write.__name__[6:]}", tmp_path / "cache", silent)
    with pytest.raises(RequestError, match="owl holds no images"):
        read_image_folder(unpacked.folder)


def test_empty_folder_of_a_class_in_a_zip_is_refused(tmp_path):
    write_zip(tmp_path / "photos.zip", {**PHOTOS, "train/owl/": b""})
    unpacked = unpack(tmp_path / "photos.zip", tmp_path / "cache", silent)
    assert unpacked.notes == ()
    with pytest.raises(RequestError, match="owl holds no images"):
        read_image_folder(unpacked.folder)


def test_zip_with_names_of_windows_says_why_it_holds_no_images(tmp_path):
    write_zip(tmp_path / "photos.zip", {name.replace("/", "\\"): content for name, content in PHOTOS.items()})
    with pytest.raises(RequestError, match="holds no images .*; its names have backslashes in place of slashes"):
        unpack(tmp_path / "photos.zip", tmp_path / "cache", silent)
