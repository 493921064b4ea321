"""Spans of a request, its guard and its database for OpenTelemetry, where an exporter is set.

The variables are OpenTelemetry's own (OTEL_EXPORTER_OTLP_ENDPOINT and their like). A span holds
names of ours and counts; never a statement, an argument or an error's text.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from zava_sql.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.trace import Tracer

__all__ = ["exporting", "remote", "span"]

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

_tracer: Tracer | None = None
_NOTHING: Final = nullcontext()


@contextmanager
def exporting() -> Iterator[None]:
    """Send spans as long as this is open, if OpenTelemetry's variables say where to.

    Raises:
        ConfigurationError: they do, and the SDK is not installed.
    """
    global _tracer  # noqa: PLW0603 - one a process, as in OpenTelemetry itself
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - extra
    except ImportError:
        raise ConfigurationError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry's SDK is not installed",
            hint="Install it: pip install 'zava-sql[otel]'",
        ) from None
    resource = Resource.create()
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "zava-sql"}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = provider.get_tracer("zava_sql")
    try:
        yield
    finally:
        _tracer = None
        provider.shutdown()


def span(name: str, **attributes: str | int) -> AbstractContextManager[None]:
    """Note how long a block takes, and that it failed; nothing where nobody looks."""
    return _NOTHING if _tracer is None else _noted(_tracer, name, attributes)


@contextmanager
def _noted(tracer: Tracer, name: str, attributes: Mapping[str, str | int]) -> Iterator[None]:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - only where it is used

    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            current.set_attribute("error.type", str(getattr(error, "code", type(error).__name__)))
            current.set_status(Status(StatusCode.ERROR))
            raise


@contextmanager
def remote(parent: str | None) -> Iterator[None]:
    """Go on with the trace that a caller has begun."""
    if _tracer is None or parent is None:
        yield
        return
    from opentelemetry import context as otel  # noqa: PLC0415 - only where it is used
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - as above
        TraceContextTextMapPropagator,
    )

    token = otel.attach(TraceContextTextMapPropagator().extract({"traceparent": parent}))
    try:
        yield
    finally:
        otel.detach(token)
