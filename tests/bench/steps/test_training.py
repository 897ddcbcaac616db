"""What ends one model and what ends the whole run."""

import errno

import pytest
import torch

from bench.steps.students.side_by_side import as_in_its_process, threads_of
from bench.steps.training import CellFailed, ending_the_cell


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), Exception("No space left on device (os error 28)")]
)
def test_a_full_disk_ends_the_run_whatever_kind_of_error_tells_it(error):
    with pytest.raises(type(error)) as caught, ending_the_cell():
        raise error
    assert caught.value is error


def test_any_other_error_ends_one_model():
    with pytest.raises(CellFailed, match="could not be trained: RuntimeError: bad shape"), ending_the_cell():
        raise RuntimeError("bad shape")


def test_a_student_of_several_jobs_has_the_same_threads_wherever_it_is_trained():
    before = torch.get_num_threads()
    with as_in_its_process(2):
        assert torch.get_num_threads() == threads_of(2)
    with as_in_its_process(1):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before
