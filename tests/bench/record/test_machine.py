import pytest

from bench.record.machine import check_device
from materials.errors import RequestError


def test_cpu_is_always_there():
    check_device("cpu")


def test_cuda_is_refused_in_one_sentence_where_torch_sees_no_gpu():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(RequestError, match="^device is cuda, but torch sees no GPU here; choose cpu$"):
        check_device("cuda")


def test_unknown_device_names_the_known_ones():
    with pytest.raises(RequestError, match=r"gpu.*cpu.*cuda"):
        check_device("gpu")
