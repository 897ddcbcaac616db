import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_archives import ar_of, debian_of

from materials.errors import RequestError
from materials.sources.debian_package import extract_debian_members

FILES = {"usr/share/datasets/rows.gz": b"rows", "usr/share/doc/copyright": b"MIT"}


@pytest.mark.parametrize("compression", ["xz", "gz", "zst"])
def test_only_the_named_files_are_written_by_their_file_names(tmp_path, compression):
    package = tmp_path / "data.deb"
    package.write_bytes(debian_of(FILES, compression))
    (tmp_path / "out").mkdir()
    extract_debian_members(package, ["usr/share/datasets/rows.gz"], tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {"rows.gz": b"rows"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is no Debian package"),
        (b"PK", "is no Debian package"),
        (ar_of({}), "it has no member data.tar"),
        (ar_of({"debian-binary": b"2.0\n"}), "it has no member data.tar"),
        (ar_of({"data.tar.xz": b"not xz"}), "is damaged"),
        (debian_of(FILES), "holds no usr/share/other"),
    ],
)
def test_damaged_package_is_refused_in_a_sentence(tmp_path, content, sentence):
    package = tmp_path / "data.deb"
    package.write_bytes(content)
    with pytest.raises(RequestError, match=sentence) as refusal:
        extract_debian_members(package, ["usr/share/other"], tmp_path)
    assert "\n" not in str(refusal.value)


@given(cut=st.integers(min_value=0, max_value=len(debian_of(FILES))))
def test_package_that_ends_early_is_refused_or_read_whole(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("cut")
    package = folder / "data.deb"
    package.write_bytes(debian_of(FILES)[:cut])
    try:
        extract_debian_members(package, ["usr/share/datasets/rows.gz"], folder)
    except RequestError:
        return
    assert (folder / "rows.gz").read_bytes() == b"rows"
