"""Names come out of tables as they went in, whatever they hold."""

import pytest
from markdown_it import MarkdownIt

from bench.reports.layout import markdown_tables, rich_tables
from bench.reports.screen import Screen

NAMES = ["[spam]", "[/x]", "[bold]ham", "a|b", "\\[x]", "`tick`", "__x__", "a_b_", "*x*", "~~x~~", "<b>x</b>", "<!-- x"]
NAMES += [":cat:", "[spam](u)", "snake_case", "a < b", "[70.1, 80.2]", "\\", "a\\|b"]
TABLE = ("of [/x] and a|b", ("class", "F1"), [[name, "0.5"] for name in NAMES])


def test_sentences_on_the_screen_hold_names_as_they_are(capsys):
    screen = Screen()
    for name in NAMES:
        screen.notice(name)
        with screen.step(f"measuring {name}"):
            pass
    lines = capsys.readouterr().err.splitlines()
    assert lines[::2] == [f"note: {name}" for name in NAMES]
    assert [line.rsplit(" (", 1)[0] for line in lines[1::2]] == [f"measuring {name}" for name in NAMES]


def test_names_that_look_like_markup_stand_in_the_terminal_s_table():
    text = rich_tables([TABLE], ["a note on [/x]"])
    for name in (*NAMES, "of [/x] and a|b", "a note on [/x]"):
        assert name in text


@pytest.mark.parametrize("name", NAMES)
def test_name_comes_out_of_markdown_as_it_went_in(name):
    """Rendered as GitHub does, in a cell, a title and a note."""
    text = markdown_tables([(f"of {name}", ("class", "F1"), [[name, "0.5"]])], [f"a note on {name}"])
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    inline = [token for token in renderer.parse(text) if token.type == "inline"]
    shown = [[(child.type, child.content) for child in token.children] for token in inline]
    assert all(kind in ("text", "strong_open", "strong_close") for line in shown for kind, _ in line), shown
    assert ["".join(content for _, content in line) for line in shown] == [
        *(f"of {name}", "class", "F1", name, "0.5", f"a note on {name}")
    ]
