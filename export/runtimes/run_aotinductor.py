"""Runs a package of AOTInductor: machine code made for one kind of processor."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from export.bundle import Bundle
from export.quiet import quiet
from export.runtimes.torch_runtime import TorchRuntime
from materials.errors import RequestError

if TYPE_CHECKING:
    from torch import Tensor


class AotInductorRuntime(TorchRuntime):
    """The compiled model in this process, with torch's threads."""

    def load(self, bundle: Bundle) -> "Callable[..., Tensor]":
        """The package's one model. Raises RequestError for a GPU, as packages are compiled for the processor."""
        from torch._inductor import aoti_load_package

        if self.device != "cpu":
            raise RequestError(f"device is {self.device}, but AOTInductor packages are machine code for the cpu only")
        with quiet():
            return aoti_load_package(str(bundle.model_path))
