"""Who is at the other end of an MCP request, for the audit: its program and the request's ids."""

from __future__ import annotations

import re
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mcp.server.auth.middleware.auth_context import get_access_token
from opentelemetry import trace

from zava_sql.calls import Caller, caller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp.server import ServerRequestContext

__all__ = ["calling", "trace_parent"]

_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_SLASH = re.compile(r"\s*/\s*")


@contextmanager
def calling(context: ServerRequestContext[Any], tool: str | None = None) -> Iterator[Caller]:
    """Note who calls for as long as the request is served."""
    found = Caller(_client(context), secrets.token_hex(8), _trace_id(context), tool)
    token = caller.set(found)
    try:
        yield found
    finally:
        caller.reset(token)


def _client(context: ServerRequestContext[Any]) -> str | None:
    """Give the name that a JWT vouches for, and the one that the program gives itself."""
    access = get_access_token()
    vouched = access.client_id if access is not None and (access.claims or {}).get("iss") else None
    params = context.session.client_params
    named = f"{params.client_info.name} {params.client_info.version}"[:90] if params else ""
    # What is vouched for stands before a slash between blanks, and nothing else does.
    named = _SLASH.sub("/", named).strip()
    return f"{vouched[:90]} / {named}".rstrip() if vouched else named or None


def _trace_id(context: ServerRequestContext[Any]) -> str | None:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return trace.format_trace_id(span.trace_id)
    parent = trace_parent(context)
    return parent[3:35] if parent else None


def trace_parent(context: ServerRequestContext[Any]) -> str | None:
    """Give the trace that a caller has begun, if it says so in the form of W3C."""
    parent = (context.meta or {}).get("traceparent")
    if parent is None and context.request is not None:
        parent = context.request.headers.get("traceparent")
    return parent if isinstance(parent, str) and _TRACE_PARENT.fullmatch(parent) else None
