"""What GET /metrics tells, in Prometheus' form. Labels are bounded: none comes from a caller.

With several processes each writes to files in the directory that PROMETHEUS_MULTIPROC_DIR names,
and whichever is asked adds them up; prometheus_client reads that variable when it is imported.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.responses import Response

from zava_sql.errors import QueryRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zava_sql.database import Database
    from zava_sql.errors import ZavaError

__all__ = [
    "count_error",
    "count_refused_request",
    "measured",
    "observe_pools",
    "respond",
]

MULTIPROCESS: Final = "PROMETHEUS_MULTIPROC_DIR"

_REQUESTS = Counter("zava_tool_calls", "Calls of tools.", ["tool"])
_SECONDS = Histogram(
    "zava_tool_call_seconds",
    "How long calls of tools took.",
    ["tool"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_IN_FLIGHT = Gauge(
    "zava_tool_calls_in_flight", "Calls of tools being served.", multiprocess_mode="livesum"
)
_ERRORS = Counter("zava_errors", "Errors told to callers, by code.", ["code"])
_REFUSALS = Counter("zava_guard_refusals", "Queries that the guard refused.", ["reason"])
_UNAUTHORIZED = Counter(
    "zava_unauthorized_requests", "Requests without a valid identity.", ["status"]
)
_CONNECTIONS = Gauge(
    "zava_pool_connections",
    "Connections of the pools.",
    ["pool", "state"],
    multiprocess_mode="livesum",
)
_RETRIES = Counter("zava_retries", "Reads tried again after the database was away.", ["pool"])
_BREAKER = Gauge(
    "zava_breaker_state",
    "Whether calls go to the database: 0 yes, 1 one to find out, 2 no.",
    ["pool"],
    multiprocess_mode="livemax",
)
_BREAKER_STATES: Final = {"closed": 0, "half-open": 1, "open": 2}


@contextmanager
def measured(tool: str) -> Iterator[None]:
    """Count a call of a tool that exists, and how long it takes, whatever comes of it."""
    _IN_FLIGHT.inc()
    _REQUESTS.labels(tool).inc()
    begun = time.perf_counter()
    try:
        yield
    finally:
        _SECONDS.labels(tool).observe(time.perf_counter() - begun)
        _IN_FLIGHT.dec()


def count_error(error: ZavaError) -> None:
    """Count an error at the edge where a caller is told of it."""
    _ERRORS.labels(error.code).inc()
    if isinstance(error, QueryRefused):
        _REFUSALS.labels(error.reason).inc()


def count_refused_request(status: int) -> None:
    """Count a request that was turned away for want of an identity or a scope."""
    _UNAUTHORIZED.labels(str(status)).inc()


def observe_pools(database: Database) -> None:
    """Note the state of the pools, for whichever process is asked next."""
    for name, pool in (("gateway", database.gateway), ("service", database.service)):
        idle = pool.get_idle_size()
        _CONNECTIONS.labels(name, "idle").set(idle)
        _CONNECTIONS.labels(name, "busy").set(pool.get_size() - idle)
    for breaker in database.breakers:
        _BREAKER.labels(breaker.name).set(_BREAKER_STATES[breaker.state])
        _RETRIES.labels(breaker.name).inc(breaker.take_retries())


def respond(database: Database) -> Response:
    """Tell all that was counted."""
    observe_pools(database)
    registry = REGISTRY
    if os.environ.get(MULTIPROCESS):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
