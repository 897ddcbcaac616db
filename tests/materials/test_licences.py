import pytest

from materials.licences import commerce_notice, forbids_commerce, marked, source_name

FORBIDDING = [
    "CC BY-NC-SA 3.0",
    "cc-by-nc-4.0",
    "CC_BY_NC",
    "for non-commercial use",
    "Noncommercial 1.0",
    "NON COMMERCIAL",
]
ALLOWING = ["MIT", "Apache-2.0", "CC BY-SA 3.0", "PDDL-1.0", "Acme Inc. terms", "NCSA-like", "unknown (your file)"]


@pytest.mark.parametrize("licence", FORBIDDING)
def test_name_that_forbids_commercial_use_is_recognised(licence):
    assert forbids_commerce(licence)
    assert forbids_commerce(marked(licence))


@pytest.mark.parametrize("licence", ALLOWING)
def test_other_names_are_left_as_they_are(licence):
    assert not forbids_commerce(licence)
    assert marked(licence) == licence
    assert commerce_notice({"data": licence}) is None


def test_mark_is_set_once_and_only_where_the_word_is_missing():
    assert marked("CC BY-NC-SA 3.0") == "CC BY-NC-SA 3.0 (non-commercial)"
    assert marked(marked("CC BY-NC-SA 3.0")) == "CC BY-NC-SA 3.0 (non-commercial)"
    assert marked("Non-commercial use only") == "Non-commercial use only"


def test_notice_names_the_sources_that_forbid_it():
    notice = commerce_notice({"a.csv": "MIT", "b.csv": "CC BY-NC 4.0"})
    assert notice.startswith("non-commercial: b.csv (CC BY-NC 4.0) ")
    assert "a.csv" not in notice


def test_own_file_is_called_by_its_name_and_a_name_on_the_hub_stays_whole(tmp_path):
    (tmp_path / "reviews.csv").touch()
    assert source_name(str(tmp_path / "reviews.csv")) == "reviews.csv"
    assert source_name("google/bert_uncased_L-2_H-128_A-2") == "google/bert_uncased_L-2_H-128_A-2"
