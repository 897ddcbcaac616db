"""What the runtimes of torch do on another device than the one that a file was made on."""

import io

import pytest
import torch

from export.bundle import read_bundle
from export.quiet import quiet
from export.runtimes import RUNTIMES
from export.runtimes.run_torchscript import move_constants
from materials.errors import RequestError


class Positions(torch.nn.Module):
    """Makes tensors where its input lies, as a mask of attention is made."""

    def forward(self, ids):
        return ids * torch.arange(ids.shape[1], device=ids.device) + ids.to(ids.device, torch.float32)


def loaded():
    """The module as it comes from a frozen file."""
    buffer = io.BytesIO()
    with quiet():
        traced = torch.jit.trace(Positions().eval(), torch.ones(2, 5, dtype=torch.int64))
        torch.jit.save(torch.jit.freeze(traced), buffer)
        buffer.seek(0)
        return torch.jit.load(buffer)


def test_traced_file_makes_its_tensors_on_the_device_that_it_is_moved_to():
    """The device meta, whose tensors hold no numbers to be copied from it, stands for a GPU."""
    elsewhere, module = torch.ones(3, 7, dtype=torch.int64, device="meta"), loaded()
    with pytest.raises(RuntimeError):
        module(elsewhere)
    module = loaded()
    move_constants(module.graph, "meta")
    assert module(elsewhere).device.type == "meta"


def test_teacher_s_file_names_no_device_but_the_one_it_is_moved_to(tiny_bundle):
    with quiet():
        module = torch.jit.load(str(read_bundle(tiny_bundle("transformer", "torchscript")).model_path))
    assert 'Device = prim::Constant[value="cpu"]' in str(module.graph)
    move_constants(module.graph, "cuda")
    assert 'value="cpu"' not in str(module.graph)


def test_machine_code_for_the_processor_is_refused_on_a_gpu(tiny_eager, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a GPU")
    with pytest.raises(RequestError, match="AOTInductor packages are machine code for the cpu only"):
        RUNTIMES["aotinductor"](read_bundle(tiny_eager), 1, "cuda")
