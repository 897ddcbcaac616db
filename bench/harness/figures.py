"""From raw times to the figures of a row."""

from collections.abc import Sequence
from typing import Any

from bench.harness.scenarios import CUDA_EVENTS, END_TO_END, MODEL, Scenarios
from bench.harness.series import Series


def figures_of(scenarios: Scenarios) -> dict[str, Any]:
    """The figures by their names in a row; those of scenarios that were not run are left out."""
    series = scenarios.series
    figures: dict[str, Any] = {}
    for figure, prefix in ((MODEL, ""), (END_TO_END, "end_to_end_")):
        figures |= _latency(_chosen(series, "single-stream", figure), prefix)
        figures |= _throughput(_chosen(series, "offline", figure), prefix)
    for one in _chosen(series, "single-stream", CUDA_EVENTS):
        figures["cuda_events_p50_ms"] = one.median_ms
    served = [one for one in _chosen(series, "server", END_TO_END) if one.rate_per_second == scenarios.highest_rate]
    for one in served:
        figures |= {"server_texts_per_second": one.rate_per_second, "server_p99_ms": one.percentile_ms(99)}
    if scenarios.server_bound_ms is not None:
        figures["server_bound_ms"] = scenarios.server_bound_ms
    sweep = _chosen(series, "sweep", MODEL)
    if sweep:
        figures["sweep"] = [
            {"batch_size": one.batch_size, "length_tokens": one.length_tokens, "latency_p50_ms": one.median_ms}
            for one in sweep
        ] + [
            {"batch_size": size, "length_tokens": length, "latency_p50_ms": None}
            for size, length in scenarios.refused_shapes
        ]
    return figures


def _latency(chosen: Sequence[Series], prefix: str) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for one in chosen:
        interval = one.median_interval_ms()
        figures |= {
            f"{prefix}latency_p50_ms": one.median_ms,
            f"{prefix}latency_p50_low_ms": interval and interval.low,
            f"{prefix}latency_p50_high_ms": interval and interval.high,
            f"{prefix}latency_p90_ms": one.percentile_ms(90),
            f"{prefix}latency_p99_ms": one.percentile_ms(99),
            f"{prefix}latency_p999_ms": one.percentile_ms(99.9),
        }
    return figures


def _throughput(chosen: Sequence[Series], prefix: str) -> dict[str, Any]:
    """Texts a second at the batch size whose median pass is fastest, with the interval of that median."""
    if not chosen:
        return {}
    best = min(chosen, key=lambda one: one.median_ms)
    interval = best.median_interval_ms()
    return {
        f"{prefix}texts_per_second": best.texts / best.median_ms * 1e3,
        f"{prefix}texts_per_second_low": interval and best.texts / interval.high * 1e3,
        f"{prefix}texts_per_second_high": interval and best.texts / interval.low * 1e3,
        f"{prefix}batch_size": best.batch_size,
    }


def _chosen(series: Sequence[Series], scenario: str, figure: str) -> list[Series]:
    return [one for one in series if (one.scenario, one.figure) == (scenario, figure)]
