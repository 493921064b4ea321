"""What GET /metrics tells, in Prometheus' form. Labels are bounded: none comes from a caller.

With several processes each writes to files in the directory that PROMETHEUS_MULTIPROC_DIR names,
and whichever is asked adds them up; prometheus_client reads that variable when it is imported.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

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
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import Metric

    from zava_sql.agent import Agent
    from zava_sql.calls import Call
    from zava_sql.errors import ZavaError

__all__ = [
    "collected",
    "count_call",
    "count_cut",
    "count_error",
    "count_refused_request",
    "count_request",
    "measured",
    "observe",
    "respond",
]

MULTIPROCESS: Final = "PROMETHEUS_MULTIPROC_DIR"

_BUCKETS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
)  # fmt: skip

_REQUESTS = Counter("zava_tool_calls", "Calls of tools.", ["tool"])
_SECONDS = Histogram(
    "zava_tool_call_seconds",
    "How long calls of tools took.",
    ["tool"],
    buckets=_BUCKETS,
)
_SLOW = Counter("zava_slow_tool_calls", "Calls of tools above ZAVA_SLOW_QUERY.", ["tool"])
_LONGEST = Gauge(
    "zava_tool_call_seconds_max",
    "How long the longest call of a tool took.",
    ["tool"],
    multiprocess_mode="max",
)
_QUERIES = Counter(
    "zava_query", "Calls that ask the database, by kind and how they ended.", ["type", "status"]
)
_QUERY_SECONDS = Histogram(
    "zava_query_duration_seconds",
    "How long they took, from the guard to the last row.",
    ["type"],
    buckets=_BUCKETS,
)
_ROWS = Counter("zava_rows_returned", "Rows of answers, before they are cut to size.", ["type"])
_CANCELLED = Counter("zava_cancelled_queries", "Queries that were ended early, by what.", ["by"])
_CUT = Counter("zava_cut_answers", "Answers that are not all there is, by the cap.", ["by"])
_IN_FLIGHT = Gauge(
    "zava_tool_calls_in_flight", "Calls of tools being served.", multiprocess_mode="livesum"
)
_ERRORS = Counter("zava_errors", "Errors told to callers, by code.", ["code"])
_VERDICTS = Counter(
    "zava_guard_verdicts", "Queries that the guard has let through or refused.", ["verdict"]
)
_HTTP = Counter("zava_http_requests", "Requests over HTTP.", ["path", "status"])
_HTTP_SECONDS = Histogram(
    "zava_http_request_seconds", "How long they took.", ["path"], buckets=_BUCKETS
)
_UNAUTHORIZED = Counter(
    "zava_unauthorized_requests", "Requests without a valid identity.", ["status"]
)
_CONNECTIONS = Gauge(
    "zava_pool_connections",
    "Connections of the pools.",
    ["pool", "state"],
    multiprocess_mode="livesum",
)
_CONNECTIONS_MAX = Gauge(
    "zava_pool_connections_max",
    "Connections that the pools may have.",
    ["pool"],
    multiprocess_mode="livesum",
)
_CACHE = Counter("zava_cache_lookups", "Answers looked for in the cache.", ["result"])
_CACHE_BYTES = Gauge("zava_cache_bytes", "Bytes in the cache.", multiprocess_mode="livesum")
_AUDIT = Gauge(
    "zava_audit_waiting_bytes",
    "Records that the audit log does not have yet.",
    multiprocess_mode="livesum",
)
_AUDIT_STOPPED = Gauge(
    "zava_audit_stopped",
    "Whether the audit log takes no records: 0 it does, 1 it does not.",
    multiprocess_mode="livemax",
)
_RETRIES = Counter("zava_retries", "Reads tried again after the database was away.", ["pool"])
_BREAKER = Gauge(
    "zava_breaker_state",
    "Whether calls go to the database: 0 yes, 1 one to find out, 2 no.",
    ["pool"],
    multiprocess_mode="livemax",
)
_BREAKER_STATES: Final = {"closed": 0, "half-open": 1, "open": 2}


# By the names of tools that are no functions of the database; the label is one of three.
_TYPES: Final = {
    **dict.fromkeys(("query", "execute_sales_query"), "query"),
    **dict.fromkeys(("describe_schema", "get_multiple_table_schemas"), "schema"),
}
_STATUS: Final = {"answered": "success", "failed": "error"}
_longest: dict[str, float] = {}

M = TypeVar("M", Counter, Gauge, Histogram)


@cache
def _of(metric: M, *labels: str) -> M:
    """Give what counts under these labels: to look it up each time takes longer than to count."""
    return metric.labels(*labels)


@contextmanager
def measured(tool: str, slow: float) -> Iterator[None]:
    """Count a call of a tool that exists, and how long it takes, whatever comes of it."""
    _IN_FLIGHT.inc()
    _of(_REQUESTS, tool).inc()
    begun = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - begun
        _of(_SECONDS, tool).observe(seconds)
        if seconds >= slow:
            _of(_SLOW, tool).inc()
        if seconds > _longest.get(tool, 0):
            _longest[tool] = seconds
            _of(_LONGEST, tool).set(seconds)
        _IN_FLIGHT.dec()


def count_call(call: Call) -> None:
    """Count a call that asked the database, at its end."""
    kind = _TYPES.get(call.tool, "function")
    _of(_QUERIES, kind, _STATUS.get(call.verdict, call.verdict)).inc()
    _of(_QUERY_SECONDS, kind).observe(call.seconds)
    if call.rows:
        _of(_ROWS, kind).inc(call.rows)
    if call.verdict == "cancelled":
        _of(_CANCELLED, "client").inc()
    elif call.code == "QUERY_TIMEOUT":
        _of(_CANCELLED, "time").inc()
    if kind == "query" and call.sql is not None:
        _of(_VERDICTS, "allowed").inc()


def count_cut(fields: Mapping[str, Any] | None) -> None:
    """Count an answer from which rows or parts of values are missing."""
    if fields and fields.get("truncated"):
        _of(_CUT, "bytes" if fields.get("truncated_by") == "bytes" else "rows").inc()
    if fields and fields.get("cut_cells"):
        _of(_CUT, "cells").inc()


def count_request(path: str, status: int, seconds: float) -> None:
    """Count a request over HTTP; the path is one of ours."""
    _of(_HTTP, path, str(status)).inc()
    _of(_HTTP_SECONDS, path).observe(seconds)


def count_error(error: ZavaError) -> None:
    """Count an error at the edge where a caller is told of it."""
    _of(_ERRORS, error.code).inc()
    if isinstance(error, QueryRefused):
        _of(_VERDICTS, error.reason).inc()


def count_refused_request(status: int) -> None:
    """Count a request that was turned away for want of an identity or a scope."""
    _of(_UNAUTHORIZED, str(status)).inc()


def observe(agent: Agent) -> None:
    """Note the state of pools and audit, for whichever process is asked next."""
    database = agent.database
    if agent.audit is not None:
        _AUDIT.set(agent.audit.waiting)
        _AUDIT_STOPPED.set(not agent.audit.taking)
    if agent.cache is not None:
        for result, count in agent.cache.take_lookups().items():
            _of(_CACHE, result).inc(count)
        _CACHE_BYTES.set(agent.cache.size)
    for name, pool in (("gateway", database.gateway), ("service", database.service)):
        idle = pool.get_idle_size()
        _of(_CONNECTIONS, name, "idle").set(idle)
        _of(_CONNECTIONS, name, "busy").set(pool.get_size() - idle)
        _of(_CONNECTIONS_MAX, name).set(pool.get_max_size())
    for breaker in database.breakers:
        _of(_BREAKER, breaker.name).set(_BREAKER_STATES[breaker.state])
        _of(_RETRIES, breaker.name).inc(breaker.take_retries())


def respond(agent: Agent) -> Response:
    """Tell all that was counted."""
    observe(agent)
    return Response(generate_latest(_registry()), media_type=CONTENT_TYPE_LATEST)


def collected(agent: Agent) -> Iterable[Metric]:
    """Give all that was counted, by all processes."""
    observe(agent)
    return _registry().collect()


def _registry() -> CollectorRegistry:
    if not os.environ.get(MULTIPROCESS):
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
