"""Processes that are killed at random moments while they make stages: the next one comes to the same files."""

import random
import time

import pytest
from sample_stages import digests_in, started


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """How long a whole run takes, and what it leaves."""
    cache = tmp_path_factory.mktemp("cache")
    start = time.monotonic()
    assert started("run", cache).communicate()[0] == "ended\n"
    return time.monotonic() - start, digests_in(cache)


@pytest.mark.parametrize("seed", range(4))
def test_two_runs_killed_at_random_moments_leave_what_the_next_one_ends(tmp_path, undisturbed, seed):
    seconds, digests = undisturbed
    chance = random.Random(seed)
    runs = [started("run", tmp_path) for _ in range(2)]
    for process in runs:
        time.sleep(chance.uniform(0, seconds / 2))
        process.kill()
    for process in runs:
        process.communicate()
    assert digests_in(tmp_path).items() <= digests.items()  # what counts as finished is whole
    assert started("run", tmp_path).communicate()[0].endswith("ended\n")
    assert digests_in(tmp_path) == digests
    assert not list(tmp_path.glob("stages/*/.*"))
