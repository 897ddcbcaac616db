"""How a recipe's files are judged and timed."""

import os
from typing import Annotated, Any

from pydantic import Field, model_validator

from bench.harness.workload import SCENARIOS, USUAL_SCENARIOS, Workload
from bench.recipe.parts import LATER, Part, Positive, one_of
from export.gate.parity import ParityBounds

MOST_LAUNCHES = 100


class Parity(Part):
    """What an exported file may differ by; the first bound is for lossless formats, the others for lossy ones."""

    largest_difference: Annotated[float, Field(ge=0)] = ParityBounds.largest_difference
    largest_noise: Annotated[float, Field(ge=0)] = ParityBounds.largest_noise
    smallest_agreement: Annotated[float, Field(ge=0, le=1)] = ParityBounds.smallest_agreement
    smallest_correlation: Annotated[float, Field(ge=0, le=1)] = ParityBounds.smallest_correlation
    largest_f1_drop: Annotated[float, Field(ge=0, le=1)] = ParityBounds.largest_f1_drop
    margin: Annotated[float, Field(ge=0, lt=1)] = ParityBounds.margin


class Measuring(Part):
    """How every file is timed; `seconds` is how long each kind of call is repeated, at least.

    So many `launches` of a file, each a process of its own, give its figures; all other keys are of each launch.
    """

    scenarios: tuple[Annotated[str, one_of("scenario", dict.fromkeys(SCENARIOS))], ...] = USUAL_SCENARIOS
    batch_sizes: Annotated[tuple[Positive, ...], Field(min_length=1)] = Workload.batch_sizes
    seconds: Annotated[float, Field(gt=0, le=600)] = Workload.seconds
    server_p99_ms: Annotated[float, Field(gt=0, le=60_000)] = Workload.server_p99_ms
    sweep_batch_sizes: Annotated[tuple[Positive, ...], Field(min_length=1)] = Workload.sweep_batch_sizes
    sweep_lengths: Annotated[tuple[Positive, ...], Field(min_length=1)] = Workload.sweep_lengths
    affinity: tuple[Annotated[int, Field(ge=0)], ...] = ()
    launches: Annotated[int, Field(ge=1, le=MOST_LAUNCHES), LATER] = 1

    @property
    def of_a_launch(self) -> dict[str, Any]:
        """The settings that each launch is given, by their names in a workload."""
        return self.model_dump(exclude={"launches"})

    @model_validator(mode="after")
    def _check_affinity(self) -> "Measuring":
        processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        if missing_processors := set(self.affinity) - processors:
            known_processors = ", ".join(map(str, sorted(processors))) or "no affinity"
            raise ValueError(f"affinity names processor {min(missing_processors)}; this machine has {known_processors}")
        return self
