"""The page holds all that a run folder has, as text whatever it is called, and needs neither network nor script."""

import json
import re
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import pytest
from sample_runs import sample_row, sample_run

from bench.page.labels import overlap
from bench.page.picture import pictures_of, series_of
from bench.page.recorded import read_markdown
from bench.page.write import page_of, write_page
from bench.record.run_file import run_content
from bench.reports.layout import markdown_tables
from materials.errors import RequestError

ROOT = Path(__file__).parents[3]
SCRIPT = "<script>alert('x')</script>"


class Elements(HTMLParser):
    """The names of the elements of a page, with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def page(*rows, tmp_path, **changes):
    return page_of([sample_run(*rows, **changes)], [tmp_path])


def rows_of(count):
    rows = [sample_row(f"student{number} soft", 0.5 + number % 97 / 300, 0.1 + number) for number in range(count)]
    return [sample_row("teacher", 0.9, 2.0 * count), *rows]


def test_names_that_hold_markup_stay_text(tmp_path):
    matrix = {"label_names": (SCRIPT, '"><img src=x onerror=alert(1)>'), "confusion_matrix": ((3, 1), (0, 4))}
    rows = [sample_row("teacher", 0.9, 10.0, **matrix), sample_row(f"{SCRIPT} soft", 0.8, 1.0, error=SCRIPT, **matrix)]
    (tmp_path / "curves.md").write_text(markdown_tables([(SCRIPT, ("a", "b"), [[SCRIPT, "1"]])], [SCRIPT]))
    recipe = {"description": SCRIPT, "objectives": [], "students": []}
    elements = Elements(page(*rows, tmp_path=tmp_path, name=SCRIPT, recipe=recipe)).found
    assert [tag for tag, _ in elements].count("script") == 1
    assert not [tag for tag, _ in elements if tag == "img"]
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]


def test_page_asks_for_nothing_outside_itself(tmp_path):
    (tmp_path / "curves.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    text = page(*rows_of(3), tmp_path=tmp_path)
    addresses = [
        value for _, attributes in Elements(text).found for name, value in attributes.items() if name in ("src", "href")
    ]
    assert all(address.startswith(("#", "data:image/")) for address in addresses)
    assert any(address.startswith("data:image/svg+xml;base64,") for address in addresses)
    assert "default-src 'none'" in text


def test_page_without_script_holds_every_row_and_every_picture(tmp_path):
    text = page(*rows_of(20), tmp_path=tmp_path)
    without_script = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    elements = Elements(without_script).found
    assert not [attributes for tag, attributes in elements if tag == "figure" and "hidden" in attributes]
    assert [attributes["data-axis"] for tag, attributes in elements if tag == "figure"] == ["latency", "size"]
    body = without_script[without_script.index('id="all-files"') :]
    assert all(f"<td>student{number} soft</td>" in body for number in range(20))


@pytest.mark.parametrize("name", ["movie-reviews", "headlines", "stars-ablation", "glue/stsb"])
def test_page_of_a_committed_run_is_small_and_has_its_parts(name, tmp_path):
    folder = ROOT / "results" / name
    write_page([folder], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert len(text) < 1.5e6
    for part in ("Verdict", "Front", "Files", "Parity", "How it was measured"):
        assert f"<h2>{part}</h2>" in text or f"<h3>{part}</h3>" in text
    assert ("<h3>Significance</h3>" in text) == (folder / "significance.md").exists()
    assert ("<h3>Curves</h3>" in text) == (folder / "curves.md").exists()


def test_several_runs_stand_side_by_side_and_those_of_one_name_are_told_apart(tmp_path):
    folders = [ROOT / "results" / name for name in ("movie-reviews", "movie-reviews", "glue/stsb")]
    write_page(folders, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert text.count("<article>") == 3
    assert f"movie-reviews ({folders[0]})" in text
    assert "Of another task, and not drawn: glue." in text


def test_labels_of_a_crowded_front_cover_neither_each_other_nor_a_mark():
    rows = [sample_row(f"student {number} soft", 0.6 + number / 1000, 1 + number / 50) for number in range(60)]
    run = sample_run(*rows)
    series = [series_of(run, row, is_several=False) for row in rows]
    for picture in pictures_of([run], series):
        boxes = [label.box for label in picture.labels]
        assert boxes
        assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]
        assert not [mark for mark in picture.marks for box in boxes if overlap(box, (mark.x, mark.y, mark.x, mark.y))]


def test_more_throughput_is_better_and_less_latency():
    fast, slow, beaten = (
        sample_row("a soft", 0.7, 1.0, texts_per_second=1000.0),
        sample_row("b soft", 0.8, 2.0, texts_per_second=500.0),
        sample_row("c soft", 0.6, 3.0, texts_per_second=400.0),
    )
    run = sample_run(fast, slow, beaten)
    pictures = {picture.axis: picture for picture in pictures_of([run], ["a", "b", "c"])}
    for axis in ("latency", "throughput"):
        assert {label.text for label in pictures[axis].labels} == {"a soft, onnx", "b soft, onnx"}
    assert pictures["latency"].marks[0].x < pictures["latency"].marks[1].x
    assert pictures["throughput"].marks[0].x > pictures["throughput"].marks[1].x


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (sample_row("teacher", 0.9, 10.0),),
        (sample_row("cnn soft", status="failed", error="diverged"),),
        (sample_row("teacher", 0.9), sample_row("cnn soft", 0.9)),
        (sample_row("cnn soft", None, 1.0),),
    ],
    ids=["none", "one", "failed", "untimed", "unscored"],
)
def test_run_that_lacks_much_has_a_page(rows, tmp_path):
    assert "How it was measured" in page(*rows, tmp_path=tmp_path)


def test_tables_that_were_written_are_read_back():
    tables = [("a *title*", ("model", "p\n50", "c"), [["a|b", "", "1 | 2"], ["<x>", "_y_", ""]])]
    recorded = read_markdown(markdown_tables(tables, ["first [note](x)", "second"]))
    assert recorded.tables == (("a *title*", ("model", "p 50", "c"), [["a|b", "", "1 | 2"], ["<x>", "_y_", ""]]),)
    assert recorded.notes == ("first [note](x)", "second")


def test_place_without_a_run_and_one_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(RequestError, match="there is no run in"):
        write_page([tmp_path], tmp_path / "report.html")
    run = tmp_path / "run.json"
    run.write_text(json.dumps(run_content(sample_run(*rows_of(2)))))
    with pytest.raises(RequestError, match="is a folder"):
        write_page([run], tmp_path)
    with pytest.raises(RequestError, match="cannot write .*report.html: .*; name another place with --output"):
        write_page([run], run / "report.html")
    content = {**json.loads(run.read_text()), "schema_version": 99}
    run.write_text(json.dumps(content))
    with pytest.raises(RequestError, match="has schema version 99"):
        write_page([run], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_five_thousand_rows_are_written(tmp_path):
    text = page(*rows_of(5000), tmp_path=tmp_path)
    assert text.count("<td>student") >= 5000
    assert len(text) < 10e6
