"""Whether a file of less than fp32 is a rounding of the trained model, and not of something close to it.

Decisions and noise allow int8 so much that a lost bias may hide in it. So the fp32 graph that the file was made from is
held to the bound of lossless files, and its weights to their rounding.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from export.bundle import Bundle
from export.formats import EXPORTERS
from export.gate.overflow import why_overflows
from export.gate.parity import EXAMPLE_ROWS, ParityBounds, check_parity
from export.gate.unusual import unusual_items
from export.gate.weights import why_weights_differ
from export.graphs.prepared import PLAIN, PREPARED, SMOOTHED
from export.origin import Origin
from export.runtimes.run_onnxruntime import OnnxRuntime
from export.runtimes.run_torch import EagerRuntime
from export.runtimes.runtime import Forward, Runtime
from materials.errors import RequestError, why_not_written, with_kind

OVERFLOW_ROWS = 4
STARTS = {"int8": (SMOOTHED, PREPARED), "fp16": (PLAIN,)}


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """The trained model, its `reference`, encoded real `rows`, and the bundle of the graph that torch exported of it.

    The graphs lie in the origin's scratch folder, once an exporter has written them there.
    """

    origin: Origin
    reference: Forward
    rows: Any
    targets: np.ndarray
    bounds: ParityBounds
    start: Bundle

    def why_not_rounded(self, bundle: Bundle, candidate: Runtime) -> str | None:
        """What a lossy file has otherwise than a rounding of the trained model; none for a lossless one.

        `candidate` is the file, loaded. Where no graph was written here, as for a finished bundle that is verified,
        only overflows are looked for, and the weights of eager files.
        """
        if not EXPORTERS[bundle.format].lossy:
            return None
        try:
            if isinstance(candidate, EagerRuntime):
                return self._why_module_differs(candidate)
            if self.start_reason:
                return f"the fp32 graph that it is made from: {self.start_reason}"
            if bundle.model_path.suffix != ".onnx":
                return None
            return self._why_weights_differ(bundle) or self._why_overflows(bundle)
        except RequestError:
            raise
        except Exception as error:  # onnx and its runtime have many errors of their own
            if why_not_written(error):
                raise
            return with_kind(error)

    @cached_property
    def start_reason(self) -> str | None:
        """Why the graph that torch exported misses the bound of lossless files; none where there is no such graph."""
        import torch

        if not self.start.model_path.is_file():
            return None
        candidate = OnnxRuntime(self.start, torch.get_num_threads())
        return check_parity(
            self.reference,
            candidate,
            candidate.input_names,
            encoder=self.origin.classifier.encoder,
            rows=self.rows[:EXAMPLE_ROWS],
            targets=self.targets[:EXAMPLE_ROWS],
            task=self.origin.classifier.task,
            lossy=False,
            bounds=self.bounds,
        ).reason

    def _why_module_differs(self, candidate: EagerRuntime) -> str | None:
        from torch import nn

        if not isinstance(candidate.module, nn.Module):  # as those of other runtimes of torch
            raise TypeError(f"expected a module, got {type(candidate.module).__name__}")
        rounded = candidate.module.state_dict()
        for name, weight in self.origin.classifier.module.state_dict().items():
            if not rounded[name].cpu().equal(weight.to(rounded[name].dtype)):
                return f"its weights '{name}' are not those of the trained model"
        return None

    def _why_weights_differ(self, bundle: Bundle) -> str | None:
        starts = [self.origin.scratch / name for name in STARTS.get(bundle.precision, ())]
        written_starts = [start for start in starts if start.is_file()]
        return why_weights_differ(bundle.model_path, written_starts) if written_starts else None

    def _why_overflows(self, bundle: Bundle) -> str | None:
        if bundle.precision != "fp16":
            return None
        encoder = self.origin.classifier.encoder
        tried = (self.rows[:OVERFLOW_ROWS], encoder.encode(unusual_items(encoder)))
        return next((reason for rows in tried if (reason := why_overflows(bundle.model_path, encoder, rows))), None)
