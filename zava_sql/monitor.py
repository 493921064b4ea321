"""How the tools are doing: calls, mean, quantiles, longest, slow. Read from existing metrics.

Quantiles are estimates: within a bucket calls are assumed to be spread evenly. The figures cover
all callers together, so of tenants only head office, which sees all stores, may read them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

__all__ = ["Operation", "fields", "summary"]

_SECONDS: Final = "zava_tool_call_seconds"


@dataclass(frozen=True, slots=True)
class Operation:
    """One tool; times are in seconds."""

    tool: str
    count: int
    mean: float
    p50: float
    p95: float
    max: float
    slow: int


def summary(metrics: Iterable[Metric]) -> list[Operation]:
    """Sum up, the tool that takes most of the time first."""
    sums: dict[str, dict[str, float]] = {}
    buckets: dict[str, list[tuple[float, float]]] = {}
    for metric in metrics:
        for sample in metric.samples:
            tool = sample.labels.get("tool")
            if tool is None:
                continue
            if sample.name == f"{_SECONDS}_bucket":
                bound = float(sample.labels["le"])
                buckets.setdefault(tool, []).append((bound, sample.value))
            elif sample.name.startswith((_SECONDS, "zava_slow_tool_calls_total")):
                sums.setdefault(tool, {})[sample.name] = sample.value
    found = []
    for tool, values in sums.items():
        count = values.get(f"{_SECONDS}_count", 0)
        if not count:
            continue
        longest = values.get(f"{_SECONDS}_max", 0)
        bounds = sorted(buckets.get(tool, []))
        found.append(
            Operation(
                tool,
                int(count),
                values[f"{_SECONDS}_sum"] / count,
                _quantile(bounds, 0.5, longest),
                _quantile(bounds, 0.95, longest),
                longest,
                int(values.get("zava_slow_tool_calls_total", 0)),
            )
        )
    return sorted(found, key=lambda one: (-one.mean * one.count, one.tool))


def _quantile(bounds: list[tuple[float, float]], part: float, longest: float) -> float:
    """Find where so large a part of the calls is below; `bounds` hold counts up to each."""
    wanted = part * bounds[-1][1] if bounds else 0
    for (low, before), (high, upto) in pairwise([(0.0, 0.0), *bounds]):
        if upto >= wanted and upto > before:
            # Nothing is above the longest, and the last bucket has no bound of its own.
            high = min(high, longest)  # noqa: PLW2901 - as the line above says
            return max(low, low + (high - low) * (wanted - before) / (upto - before))
    return longest


def fields(operations: Iterable[Operation]) -> list[dict[str, Any]]:
    """Give them for programs."""
    return [
        {name: round(v, 6) if isinstance(v, float) else v for name, v in asdict(one).items()}
        for one in operations
    ]
