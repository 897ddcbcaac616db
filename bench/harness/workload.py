"""What the measuring process is asked to do; written by the parent, read by the child."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SCENARIOS = ("single-stream", "offline", "server", "sweep")
USUAL_SCENARIOS = SCENARIOS[:2]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The model, its share of the machine, and the scenarios; without any, only its logits are computed.

    `label_names` and `max_length_tokens` are for models that do not state them; `modality` is that of the items.
    `affinity` holds processor numbers; empty for all. `with_outputs` says whether all items are classified too; later
    launches of a file need not, as its outputs are always the same. `allow_code` is the user's word that a bundle of
    another machine may run code.
    """

    model: str
    threads: int
    label_names: tuple[str, ...] | None = None
    max_length_tokens: int | None = None
    device: str = "cpu"
    modality: str = "text"
    with_outputs: bool = True
    affinity: tuple[int, ...] = ()
    scenarios: tuple[str, ...] = ()
    batch_sizes: tuple[int, ...] = (8, 32, 128)
    seconds: float = 1.0
    server_p99_ms: float = 20.0
    sweep_batch_sizes: tuple[int, ...] = (1, 8, 32)
    sweep_lengths: tuple[int, ...] = (16, 32, 64)
    allow_code: bool = False

    def write(self, file: Path) -> None:
        """Write the workload as JSON."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> "Workload":
        """Read what `write` wrote."""
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
        }
        return cls(**fields)
