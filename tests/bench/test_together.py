"""A run by processes that were launched together."""

from sample_processes import launched

from bench.record.run_file import read_run


def test_a_run_of_two_processes_is_written_by_one(tiny_recipe, own_cache, tmp_path):
    output = tmp_path / "run"
    changes = (
        "data.transfer=null",
        "objectives=[{name: hard}, {name: soft}]",
        "seeds=[5]",
        "speed_seeds=0",
        "teacher.formats=[eager]",
        "formats=[eager]",
    )
    flags = [word for change in changes for word in ("--set", change)]
    result = launched(2, "-m", "bench", "run", str(tiny_recipe), "--output", str(output), *flags)
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stderr.count("run.json, table.md and the bundles are in") == 1
    assert {row.model for row in read_run(output).rows} == {"teacher", "linear hard", "linear soft T=1"}
    assert all(row.status in ("ok", "noisy") for row in read_run(output).rows)
    refused = launched(
        2, "-m", "bench", "run", str(tiny_recipe), "--set", "data.train=gone.csv", "--output", str(output)
    )
    assert refused.returncode != 0
    assert "gone.csv" in refused.stderr
