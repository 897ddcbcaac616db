"""Times a whole recipe, cold and warm: `pytest tests/perf/test_recipe.py --benchmark-only --recipe movie-reviews`."""

import os
import subprocess
import sys

import pytest

from materials.files import cache_folder

PROGRAM = "from bench.commands.command_line import main; main()"


@pytest.fixture(scope="module")
def recipe(request):
    name = request.config.getoption("--recipe")
    if name is None:
        pytest.skip("give --recipe")
    return name


@pytest.fixture(scope="module")
def cache(recipe, tmp_path_factory):
    """An empty cache, but for the recipe's materials."""
    root = tmp_path_factory.mktemp("cache")
    (root / "materials").symlink_to(cache_folder() / "materials")
    distilbench("fetch", recipe, cache=root)
    return root


def distilbench(*arguments, cache):
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    environment = {**os.environ, "DISTILBENCH_CACHE": str(cache)}
    return subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_whole_recipe(benchmark, recipe, cache, tmp_path_factory, state):
    output = tmp_path_factory.getbasetemp() / "run"
    benchmark.pedantic(distilbench, args=("run", recipe, "--output", output), kwargs={"cache": cache}, rounds=1)
    assert (output / "run.json").is_file()
