"""The league: cell by cell, resumable, and what its table says."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from bench.commands.command_line import app
from bench.commands.run import RunRequest, run_recipe
from bench.league.cells import run_cells
from bench.league.report import league_chart, league_text, totals
from bench.league.run import LeagueRequest, run_league
from bench.league.settings import DataSet, League, LeagueCell, chosen_cells, data_overrides, read_league
from bench.league.summary import Line, load_lines, save_lines, summarise
from bench.recipe.file import read_recipe
from bench.reports.screen import Screen
from materials.catalogue import DATASETS
from materials.errors import RequestError

LINE = Line(
    data="reuters-r8",
    rows="500",
    transfer_rows=0,
    made_up=False,
    seeds=1,
    teacher_accuracy=0.9,
    teacher_f1=0.9,
    alone="cnn",
    alone_accuracy=0.7,
    alone_f1=0.7,
    student="cnn",
    accuracy=0.8,
    f1=0.8,
    gap_closed=0.5,
    peer="fasttext",
    peer_accuracy=0.75,
    peer_f1=0.75,
    difference_low=0.02,
    difference_high=0.08,
    mcnemar_p=0.01,
    lost=(),
    texts_per_second=1000.0,
    teacher_texts_per_second=100.0,
    training_seconds=6.0,
    teacher_training_seconds=60.0,
)


def test_the_league_has_what_it_says_and_its_recipe_takes_it():
    league = read_league()
    names = [data.name for data in league.sets]
    assert len(set(names)) == len(names) == 8
    for cell in chosen_cells(league, sets=[name for name in names if name in DATASETS], rows=[]):
        overrides = data_overrides(league, cell, None)
        recipe = read_recipe(league.recipe, [f"{key}={json.dumps(value)}" for key, value in overrides.items()])
        assert recipe.data.train_rows == (None if cell.rows == "all" else cell.rows)
        titles = [objective.title for objective in recipe.objectives]
        assert titles == [
            *("hard", "distilled", "distilled+augmented"),
            *(["distilled+rest"] if recipe.data.train_rows else []),
        ]


def test_a_cell_of_pairs_has_no_made_up_rows(tmp_path):
    league = read_league()
    (tmp_path / "glue" / "qnli").mkdir(parents=True)
    for name in ("train", "dev"):
        (tmp_path / "glue" / "qnli" / f"{name}.csv.gz").touch()
    (cell,) = chosen_cells(league, sets=["qnli"], rows=["500"])
    overrides = data_overrides(league, cell, tmp_path)
    assert "data.augmentation" not in overrides
    assert [objective.get("transfer") for objective in overrides["objectives"]] == [None, None, ["rest"]]


def test_cells_come_smallest_first_and_unknown_ones_are_refused():
    league = read_league()
    cells = chosen_cells(league, sets=["reuters-r8", "qnli"], rows=[])
    assert [cell.rows for cell in cells] == [500, 500, 2000, 2000, "all", "all"]
    assert [cell.name for cell in chosen_cells(league, sets=["qnli"], rows=["all"])] == ["qnli-all"]
    with pytest.raises(RequestError, match="unknown set of the league 'qnl'; did you mean 'qnli'"):
        chosen_cells(league, sets=["qnl"], rows=[])
    with pytest.raises(RequestError, match="unknown number of rows '700'"):
        chosen_cells(league, sets=[], rows=["700"])


def test_a_set_in_files_that_are_not_there_is_left_out_and_the_others_run(tmp_path):
    sets = (DataSet(name="gone", train="gone.csv", rows=(3,)), DataSet(name="here", train="reuters-r8", rows=(3,)))
    league = League(recipe="own", transfer_rows=9, objectives=({"name": "hard"},), measuring={}, sets=sets)
    ran = []
    left_out = run_cells(
        league,
        [LeagueCell(data=data, rows=3) for data in sets],
        files=tmp_path,
        output=tmp_path,
        run_cell=lambda recipe, settings, folder: ran.append((recipe, settings["data.train_rows"], folder.name)) or 0,
        screen=Screen(),
    )
    assert ran == [("own", 3, "here-3")]
    assert left_out == [
        "gone-3 is left out: the file gone.csv is not there; name the folder that holds it with --files"
    ]


@pytest.fixture
def two_cells(tiny_recipe, own_cache, tmp_path, monkeypatch):
    """A league of the tiny recipe on its own rows: as they are, and with 40 labels."""
    data = read_recipe(str(tiny_recipe)).data
    sets = (DataSet(name="tiny", train=data.train, rows=(40, "all")),)
    league = League(
        recipe=str(tiny_recipe),
        transfer_rows=20,
        objectives=(
            {"name": "hard"},
            {"name": "distilled"},
            {"name": "distilled", "transfer": ["augmented"]},
            {"name": "distilled", "transfer": ["rest"]},
        ),
        measuring={"scenarios": ["offline"], "batch_sizes": [2], "seconds": 0.01},
        sets=sets,
    )
    monkeypatch.setattr("bench.league.run.read_league", lambda: league)
    monkeypatch.setattr("bench.league.settings.DATASETS", {data.train: None})
    monkeypatch.chdir(tmp_path)
    return tmp_path / "league"


def test_a_league_runs_what_is_missing_and_keeps_the_lines_of_what_is_gone(two_cells, capsys):
    ran = []

    def run_cell(recipe, settings, folder):
        ran.append(folder.name)
        flags, changes = (
            dict(settings),
            ("data.transfer=null", "speed_seeds=0", "teacher.formats=[eager]", "formats=[eager]"),
        )
        return run_recipe(
            RunRequest(recipe=recipe, flags=flags, overrides=changes, output=folder, fresh=False), dry_run=False
        )

    request = LeagueRequest(files=None, sets=(), rows=(), output=two_cells, show_only=False)
    assert run_league(request, run_cell) == 0
    assert ran == ["tiny-40", "tiny-all"]
    lines = load_lines(two_cells)
    # Of 40 labelled rows a class has too few for any to be made up.
    ways = [(line.rows, bool(line.transfer_rows), line.made_up) for line in lines]
    assert ways == [("40", False, False), ("40", True, False), ("all", False, False), ("all", True, True)]
    assert all(line.training_seconds > 0 and line.teacher_training_seconds > 0 for line in lines)
    assert (two_cells / "league.png").is_file()
    table = (two_cells / "table.md").read_text()
    assert run_league(request, run_cell) == 0
    assert ran == ["tiny-40", "tiny-all"]
    for folder in two_cells.iterdir():
        if folder.is_dir():
            (folder / "run.json").unlink()
    capsys.readouterr()
    assert run_league(replace(request, show_only=True), run_cell) == 0
    assert "tiny" in capsys.readouterr().out
    assert (two_cells / "table.md").read_text() == table


def test_lines_are_read_back_and_damaged_ones_refused(tmp_path):
    save_lines([LINE, replace(LINE, lost=("cnn: rare",))], tmp_path)
    assert load_lines(tmp_path) == [LINE, replace(LINE, lost=("cnn: rare",))]
    assert load_lines(tmp_path / "elsewhere") == []
    (record,) = json.loads((tmp_path / "league.json").read_text())[1:]
    for damaged in ({"set": 1}, {**record, "lost": "rare"}, {**record, "f1": "0.8"}, 1):
        (tmp_path / "league.json").write_text(json.dumps([damaged]))
        with pytest.raises(RequestError, match=r"league.json is no league, or damaged"):
            load_lines(tmp_path)


def test_a_league_of_before_rows_were_made_up_is_read(tmp_path):
    save_lines([LINE], tmp_path)
    (record,) = json.loads((tmp_path / "league.json").read_text())
    del record["made_up"]
    (tmp_path / "league.json").write_text(json.dumps([record]))
    assert load_lines(tmp_path) == [LINE]


def test_totals_count_level_and_above_and_average_gaps_apart():
    lines = [
        LINE,
        replace(LINE, f1=0.74, difference_low=-0.05, difference_high=0.03),
        replace(LINE, f1=0.6, difference_low=-0.2, difference_high=-0.1, transfer_rows=9, gap_closed=None),
        replace(LINE, peer=None, peer_f1=None, difference_low=None, difference_high=None, lost=("cnn: rare",)),
        replace(LINE, transfer_rows=9, made_up=True, gap_closed=0.25),
    ]
    assert totals(lines) == [
        "of 4 lines, the student is level with the best peer in 3, above it in 2",
        "mean gap closed with made-up texts: 0.25 over 1 of 1 lines",
        "mean gap closed without: 0.50 over 3 of 3 lines",
        "classes lost: 1",
    ]


def test_table_and_picture_show_every_line():
    lines = [LINE, replace(LINE, transfer_rows=7, made_up=True), replace(LINE, rows="all", transfer_rows=9)]
    text = league_text(lines, "markdown")
    assert text.count("reuters-r8") == 3
    assert "7 made up" in text
    assert "+5.0 [+2.0, +8.0]" in text
    (points,) = league_chart(lines).to_dict()["datasets"].values()
    scores = {(point["rows"], point["model"]) for point in points}
    assert {("500", "distilled, made-up texts too"), ("all", "distilled, unlabelled texts too")} <= scores


def test_level_asks_for_accuracy_too():
    less_accurate = replace(LINE, accuracy=0.7)
    assert (LINE.is_level, LINE.is_above) == (True, True)
    assert (less_accurate.is_level, less_accurate.is_above) == (False, False)
    assert replace(less_accurate, mcnemar_p=0.3).is_level
    assert not replace(less_accurate, mcnemar_p=0.0).is_level


def test_lines_of_cells_that_the_league_has_no_more_are_left_out_with_a_word(tmp_path, capsys):
    save_lines([LINE, replace(LINE, data="old"), replace(LINE, rows="700")], tmp_path)
    request = LeagueRequest(files=None, sets=(), rows=(), output=tmp_path, show_only=True)
    assert run_league(request, lambda recipe, settings, folder: 0) == 0
    printed = capsys.readouterr()
    assert "reuters-r8-700, which is not in the league any more" in printed.err
    assert printed.out.count("reuters-r8") == 1
    with pytest.raises(RequestError, match=r"none of these .* was run into .*; leave --show out, or name another"):
        run_league(replace(request, sets=("qnli",)), lambda recipe, settings, folder: 0)


def test_a_damaged_run_costs_its_own_line_and_no_other(tmp_path):
    (tmp_path / "qnli-500").mkdir()
    (tmp_path / "qnli-500" / "run.json").write_text("{")
    lines, faults = summarise(chosen_cells(read_league(), sets=["qnli"], rows=[]), tmp_path)
    assert lines == []
    assert [fault.split(":")[0] for fault in faults] == ["qnli-500 has no line"]


def test_a_set_without_that_many_rows_is_refused():
    with pytest.raises(RequestError, match="none of qnli has 8000 rows in the league"):
        chosen_cells(read_league(), sets=["qnli"], rows=["8000"])


def test_command_refuses_a_set_that_is_not_in_the_league(tmp_path):
    result = CliRunner().invoke(app, ["league", "--sets", "reuters", "--output", str(tmp_path)])
    assert isinstance(result.exception, RequestError)
