"""Names come out of tables as they went in, whatever they hold."""

import re

import pytest

from bench.reports.layout import markdown_tables, rich_tables

NAMES = ["[spam]", "[/x]", "[bold]ham", "a|b", "\\[x]", "`tick`"]
TABLE = ("of [/x] and a|b", ("class", "F1"), [[name, "0.5"] for name in NAMES])


def test_names_that_look_like_markup_stand_in_the_terminal_s_table():
    text = rich_tables([TABLE], ["a note on [/x]"])
    for name in (*NAMES, "of [/x] and a|b", "a note on [/x]"):
        assert name in text


@pytest.mark.parametrize("name", NAMES)
def test_a_name_with_a_bar_stays_in_its_column_of_a_markdown_table(name):
    text = markdown_tables([("title", ("class", "F1"), [[name, "0.5"]])], [])
    line = next(line for line in text.splitlines() if "0.5" in line)
    cells = line.replace("\\|", "\0").strip("| ").split("|")
    shown = [re.sub(r"\\([*`])", r"\1", cell.strip().replace("\0", "|")) for cell in cells]
    assert shown == [name, "0.5"]
