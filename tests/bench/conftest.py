"""One finished run of the tiny recipe, for all tests that judge what a run leaves."""

import shutil

import pytest

from bench.commands.run import RunRequest, run_recipe


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """The cache that the tiny run fills."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def finished(cache, tiny_recipe, tmp_path_factory):
    """The run folder of the tiny recipe."""
    output = tmp_path_factory.mktemp("run")
    request = RunRequest(recipe=str(tiny_recipe), flags={}, overrides=(), output=output, fresh=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILBENCH_CACHE", str(cache))
        assert run_recipe(request, dry_run=False) == 0
    return output


@pytest.fixture
def own_cache(monkeypatch, cache, finished, tmp_path):
    """A copy of the filled cache to do harm to, and the cache of this test's runs."""
    copy = shutil.copytree(cache, tmp_path / "cache")
    monkeypatch.setenv("DISTILBENCH_CACHE", str(copy))
    return copy


@pytest.fixture(scope="session")
def rows(finished):
    """The file of the finished run's test rows."""
    return finished / "test-rows" / "seed-0.parquet"


@pytest.fixture(scope="session")
def bundles(finished):
    """The folder of the finished run's bundles."""
    return finished / "bundles" / "seed-0"
