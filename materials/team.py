"""Processes that train one model together, as `accelerate launch` or `torchrun` start them: one writes, all train."""

import os
import pickle
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

LONGEST_WAIT = timedelta(days=7)  # for a stage that another process makes


@dataclass(frozen=True, kw_only=True)
class Team:
    """`size` processes, of which this is the one with the number `rank`, from 0; all call the same methods in turn."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes for all of them."""
        return self.rank == 0

    def share(self, rows: np.ndarray) -> tuple[np.ndarray, float]:
        """The rows of a batch for this process, and how much they count: shares add up to the batch, weights to 1.

        A batch of fewer rows than processes is taken whole by each of them.
        """
        if self.size == 1:
            return rows, 1.0
        if len(rows) < self.size:
            return rows, 1 / self.size
        own = rows[self.rank :: self.size]
        return own, len(own) / len(rows)

    def gather(self, value: Any, kind: str = "value") -> list[Any]:
        """What each process gives, in their order; returns once all have come here.

        Raises RuntimeError where another gives something of another kind: it has failed where this one went on.
        """
        if self.size == 1:
            return [value]
        import torch.distributed

        values: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(values, (kind, value))
        if others := sorted({other for other, _ in values if other != kind}):
            raise RuntimeError(f"another process failed: it came to '{others[0]}' where this one came to '{kind}'")
        return [value for _, value in values]

    def agree(self, value: Any) -> Any:
        """What the first process gives."""
        return self.gather(value)[0]

    def sum_gradients(self, parameters: "Iterable[nn.Parameter]") -> None:
        """Put the sum over all processes in place of each gradient; those of embeddings may be sparse."""
        import torch

        for parameter in parameters if self.size > 1 else ():
            if parameter.grad is None:
                continue
            if parameter.grad.is_sparse:
                parameter.grad = self._sum_of_sparse(parameter.grad.coalesce())
            else:
                torch.distributed.all_reduce(parameter.grad)

    def _sum_of_sparse(self, gradient: "Tensor") -> "Tensor":
        import torch

        parts = self.gather((gradient.indices().cpu(), gradient.values().cpu()))
        indices, values = (
            torch.cat(tensors, dim=dim) for tensors, dim in zip(zip(*parts, strict=True), (1, 0), strict=True)
        )
        return torch.sparse_coo_tensor(indices, values, gradient.shape, device=gradient.device).coalesce()

    def same_failure(self, failure: Exception | None) -> Exception | None:
        """The failure of this process, or else the first of another's; none where none failed."""
        failures = [pickle.loads(content) for content in self.gather(_pickled(failure), "end")]
        return failure or next((other for other in failures if other is not None), None)


@cache
def current_team() -> Team:
    """The processes that were launched together, by the variables that launchers set; mostly this one alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or "RANK" not in os.environ:
        return Team()
    import torch
    import torch.distributed

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    torch.distributed.init_process_group(
        "gloo" if not torch.cuda.is_available() else "cpu:gloo,cuda:nccl", timeout=LONGEST_WAIT
    )
    return Team(rank=torch.distributed.get_rank(), size=size)


def _pickled(failure: Exception | None) -> bytes:
    try:
        content = pickle.dumps(failure)
        pickle.loads(content)
    except Exception:  # an exception that takes more than its message cannot be sent
        return pickle.dumps(RuntimeError(str(failure)))
    return content
