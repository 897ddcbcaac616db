"""The model under measurement, loaded: a bundle, somebody else's model, or a ready-made library."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.harness.workload import Workload
from encoders.encoder import Encoder
from export.bundle import Bundle
from export.runtimes import RUNTIMES
from export.runtimes.one_by_one import OneByOne
from export.runtimes.runtime import Runtime, RuntimeSettings, logits_of
from materials.modalities import Item
from peers import PEERS, require

SMALLEST = 1e-12
MOST_IMAGES = 256  # decoded at once


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A loaded graph: its encoder, its runtime, and on a GPU a call that waits until the device has finished."""

    encoder: Encoder
    runtime: Runtime
    synchronise: Callable[[], None] | None

    def forward(self, prepared: Any) -> Any:
        """Run the model alone, and wait for its output."""
        output = self.runtime.forward(prepared)
        if self.synchronise:
            self.synchronise()
        return output


@dataclass(frozen=True, kw_only=True)
class Subject:
    """`classify` and `label` take items and a batch size; they return outputs (items, outputs) and decisions.

    Outputs are the model's, or a library's probabilities; `graph` is none for a library.
    """

    classify: Callable[[Sequence[Item], int], np.ndarray]
    label: Callable[[Sequence[Item], int], np.ndarray]
    settings: RuntimeSettings
    graph: Graph | None

    def logits(self, items: Sequence[Item]) -> np.ndarray:
        """The model's outputs, or the logarithms of a library's probabilities, float32 (items, outputs)."""
        scores = self.classify(items, 32)
        return scores if self.graph else np.log(np.maximum(scores, SMALLEST)).astype(np.float32)


def load_subject(workload: Workload, bundle: Bundle) -> Subject:
    """Load the model as a program that uses it would, tokenizer and imports included."""
    return _load_peer(bundle, workload) if bundle.runtime in PEERS else _load_bundle(bundle, workload)


def _load_peer(bundle: Bundle, workload: Workload) -> Subject:
    """Load a library, always on the CPU; its settings hold the threads that it says it uses."""
    peer = require(bundle.runtime).load(bundle.folder, workload.threads)
    settings = RuntimeSettings(
        intra_op_threads=peer.threads, inter_op_threads=None, spinning=None, provider=f"{bundle.runtime} on the CPU"
    )
    return Subject(
        classify=lambda texts, size: peer(texts),
        label=lambda texts, size: peer.label(texts),
        settings=settings,
        graph=None,
    )


def _load_bundle(bundle: Bundle, workload: Workload) -> Subject:
    if bundle.runtime in ("torch", "torchscript"):
        import torch

        if torch.get_num_interop_threads() != 1:  # which may be set once only
            torch.set_num_interop_threads(1)
    encoder = bundle.encoder()
    runtime: Runtime = RUNTIMES[bundle.runtime](bundle, workload.threads, workload.device)
    if bundle.inputs[0].dimensions[0] == 1:
        runtime = OneByOne(runtime)
    synchronise = None
    if workload.device == "cuda":
        import torch

        synchronise = torch.cuda.synchronize

    def classify(items: Sequence[Item], size: int) -> np.ndarray:
        step = max(size, MOST_IMAGES)
        if bundle.modality != "image" or len(items) <= step:
            return logits_of(runtime, encoder, encoder.encode(items), batch_size=size)
        # Decoded images are large: all of a test part at once would count as the model's memory.
        parts = (items[start : start + step] for start in range(0, len(items), step))
        return np.concatenate([logits_of(runtime, encoder, encoder.encode(part), batch_size=size) for part in parts])

    return Subject(
        classify=classify,
        label=lambda items, size: bundle.task.decide(classify(items, size)),
        settings=runtime.settings,
        graph=Graph(encoder=encoder, runtime=runtime, synchronise=synchronise),
    )
