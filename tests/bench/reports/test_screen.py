"""A long step tells how far it is, in a terminal or in a log."""

import pytest

from bench.reports import screen as screen_module
from bench.reports.screen import Screen


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand, in seconds."""
    now = [0.0]
    monkeypatch.setattr(screen_module.time, "perf_counter", lambda: now[0])
    return now


def test_log_gets_a_line_every_half_minute(clock, capsys):
    screen = Screen()
    with screen.step("teacher") as report:
        for done in range(1, 101):
            clock[0] += 1.0
            report(done, 100)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "teacher: 30 of 100, about 70 s left",
        "teacher: 60 of 100, about 40 s left",
        "teacher: 90 of 100, about 10 s left",
        "teacher (100.0 s)",
    ]


def test_long_remainder_is_told_in_minutes(clock, capsys):
    with Screen().step("labels") as report:
        clock[0] += 60.0
        report(1, 11)
    assert capsys.readouterr().err.splitlines()[0] == "labels: 1 of 11, about 10 min left"


def test_step_that_goes_on_counts_its_own_part_alone(clock, capsys):
    with Screen().step("teacher") as report:
        for done in range(900, 1000, 10):
            report(done, 1000)
            clock[0] += 20.0
    assert capsys.readouterr().err.splitlines()[0] == "teacher: 920 of 1,000, about 3 min left"


def test_what_came_before_a_step_says_that_it_starts_is_not_counted(clock, capsys):
    with Screen().step("teacher") as report:
        clock[0] += 300.0  # features of a frozen body
        report(0, 100)
        for done in range(1, 41):
            clock[0] += 1.0
            report(done, 100)
    assert capsys.readouterr().err.splitlines()[0] == "teacher: 1 of 100, about 99 s left"


def test_short_step_gets_one_line(clock, capsys):
    with Screen().step("splits") as report:
        clock[0] += 2.0
        report(1, 2)
        report(2, 2)
    assert capsys.readouterr().err.splitlines() == ["splits (2.0 s)"]
