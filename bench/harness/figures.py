"""From raw times to the figures of a row."""

from collections.abc import Sequence
from typing import Any

from bench.harness.scenarios import CUDA_EVENTS, END_TO_END, MODEL, Scenarios
from bench.harness.series import Series


def figures_of(scenarios: Scenarios) -> dict[str, Any]:
    """Return the figures by their names in a row, without those of scenarios that were not run."""
    all_series = scenarios.series
    figures: dict[str, Any] = {}
    for figure, prefix in ((MODEL, ""), (END_TO_END, "end_to_end_")):
        figures |= _latency(_series_of(all_series, "single-stream", figure), prefix)
        figures |= _throughput(_series_of(all_series, "offline", figure), prefix)
    for series in _series_of(all_series, "single-stream", CUDA_EVENTS):
        figures["cuda_events_p50_ms"] = series.median_ms
    highest_rate_series = [
        series
        for series in _series_of(all_series, "server", END_TO_END)
        if series.rate_per_second == scenarios.highest_rate
    ]
    for series in highest_rate_series:
        figures |= {"server_texts_per_second": series.rate_per_second, "server_p99_ms": series.percentile_ms(99)}
    if scenarios.server_bound_ms is not None:
        figures["server_bound_ms"] = scenarios.server_bound_ms
    sweep = _series_of(all_series, "sweep", MODEL)
    if sweep:
        figures["sweep"] = [
            {"batch_size": series.batch_size, "length_tokens": series.length_tokens, "latency_p50_ms": series.median_ms}
            for series in sweep
        ] + [
            {"batch_size": size, "length_tokens": length, "latency_p50_ms": None}
            for size, length in scenarios.refused_shapes
        ]
    return figures


def _latency(latency_series: Sequence[Series], prefix: str) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for series in latency_series:
        interval = series.median_interval_ms()
        figures |= {
            f"{prefix}latency_p50_ms": series.median_ms,
            f"{prefix}latency_p50_low_ms": interval and interval.low,
            f"{prefix}latency_p50_high_ms": interval and interval.high,
            f"{prefix}latency_p90_ms": series.percentile_ms(90),
            f"{prefix}latency_p99_ms": series.percentile_ms(99),
            f"{prefix}latency_p999_ms": series.percentile_ms(99.9),
        }
    return figures


def _throughput(offline_series: Sequence[Series], prefix: str) -> dict[str, Any]:
    """Texts a second at the batch size whose median pass is fastest, with the interval of that median."""
    if not offline_series:
        return {}
    fastest = min(offline_series, key=lambda series: series.median_ms)
    interval = fastest.median_interval_ms()
    return {
        f"{prefix}texts_per_second": fastest.texts / fastest.median_ms * 1e3,
        f"{prefix}texts_per_second_low": interval and fastest.texts / interval.high * 1e3,
        f"{prefix}texts_per_second_high": interval and fastest.texts / interval.low * 1e3,
        f"{prefix}batch_size": fastest.batch_size,
    }


def _series_of(all_series: Sequence[Series], scenario: str, figure: str) -> list[Series]:
    return [series for series in all_series if (series.scenario, series.figure) == (scenario, figure)]
