"""One bar for a whole run, counted in the seconds that its stages were forecast to take."""

import io

import pytest
from rich.console import Console

from bench.reports import screen as screen_module
from bench.reports.screen import Screen
from bench.reports.whole_run import WholeRun
from materials.stages import Stage, StageStore


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand, in seconds."""
    now = [0.0]
    monkeypatch.setattr(screen_module.time, "perf_counter", lambda: now[0])
    return now


def test_stages_add_up_to_the_whole_in_their_order():
    whole = WholeRun({"teacher": [60.0], "student": [10.0, 30.0]})
    shares = []
    for kind in ("teacher", "student", "student"):
        with whole.stage(kind):
            whole.report(1, 2)
            shares.append(whole.share)
        shares.append(whole.share)
    assert shares == [0.3, 0.6, 0.65, 0.7, 0.85, 1.0]


def test_stage_within_another_counts_beside_it():
    whole = WholeRun({"knowledge": [10.0], "teacher": [30.0]})
    with whole.stage("knowledge"):
        with whole.stage("teacher"):
            pass
        whole.report(1, 2)
        assert whole.done_seconds == 35.0
    assert whole.share == 1.0


def test_stages_that_nobody_foresaw_count_nothing_and_several_count_at_once():
    whole = WholeRun({"student": [10.0, 10.0, 20.0]})
    with whole.stage("leaks"):
        whole.report(1, 2)
    assert whole.share == 0.0
    with whole.stage("student", count=2):
        pass
    with pytest.raises(RuntimeError), whole.stage("student"):
        raise RuntimeError
    assert whole.share == 0.5  # what failed is not done
    whole.end()
    assert whole.share == 1.0


def test_time_left_follows_the_pace_of_the_run(clock):
    whole = WholeRun({"teacher": [100.0, 100.0]})
    assert whole.left_seconds == 200.0
    with whole.stage("teacher"):
        clock[0] += 300.0  # three times as long as was foreseen
    assert whole.left_seconds == 300.0


def test_store_counts_what_it_makes_and_nothing_that_is_there(tmp_path):
    screen, stage = Screen(), Stage(name="teacher", version=1, inputs={})
    store = StageStore(root=tmp_path, around=screen.counted)
    whole = WholeRun({"teacher": [5.0, 5.0]})
    with screen.whole_run("a run", whole):
        for _ in range(2):
            store.get(stage, lambda folder: None)
            assert whole.done_seconds == 5.0


def drawn_screen(**settings):
    screen = Screen()
    screen.console = Console(file=io.StringIO(), force_terminal=True, markup=False, emoji=False, **settings)
    return screen


def play(screen):
    whole = WholeRun({"teacher": [60.0], "student": [40.0]})
    with screen.whole_run("movie-reviews", whole):
        for kind in ("teacher", "student"):
            with screen.counted(kind), screen.step(f"{kind}, seed 0") as report:
                report(1, 2)
                if screen._bars:
                    screen._bars.refresh()
    return screen.console.file.getvalue()


@pytest.mark.parametrize("width", [30, 60, 120])
def test_terminal_has_the_whole_above_the_step_and_ends_at_all_of_it(width, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = drawn_screen(width=width)
    text = play(screen)
    plain = screen.console.file.getvalue()
    assert "\x1b[" in text
    both = [place for place in range(len(plain)) if plain.startswith("movie-reviews", place)]
    assert both
    assert "100%" in text
    assert plain.index("movie-reviews") < plain.index("teacher, seed 0")


def test_no_color_is_respected(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in play(drawn_screen(width=100)).replace("\x1b[3A", "")


def test_dumb_terminal_gets_lines(monkeypatch, clock):
    monkeypatch.setenv("TERM", "dumb")
    screen = drawn_screen(width=100, no_color=True)
    whole = WholeRun({"teacher": [100.0, 100.0]})
    with screen.whole_run("a run", whole), screen.counted("teacher"), screen.step("teacher") as report:
        report(0, 5)
        clock[0] += 40.0
        report(2, 5)
    lines = screen.console.file.getvalue().splitlines()
    assert lines[0] == "teacher: 2 of 5, about 60 s left; the run: 20%, about 3 min left"
    assert len(lines) == 2


def test_step_that_says_nothing_is_heard_of_all_the_same(monkeypatch, capsys):
    monkeypatch.setattr(screen_module, "LINE_SECONDS", 0.05)
    with Screen().step("teacher to onnx"):
        screen_module.time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "teacher to onnx: 0 s so far"
    assert lines[-1].startswith("teacher to onnx (0.2 s)")
