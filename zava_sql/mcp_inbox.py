"""Incoming requests: each complete and in time, and of one tenant no more than fit."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from mcp.server.transport_security import (
    DEFAULT_MAX_REQUEST_BODY_SIZE,
    RequestBodyLimitMiddleware,
)
from starlette.responses import JSONResponse

from zava_sql.auth import request_principal
from zava_sql.errors import LimitExceeded, ZavaError
from zava_sql.logs import log_error
from zava_sql.metrics import count_error

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from zava_sql.caps import Caps

__all__ = ["Inbox"]

# Seconds after which a body is late: its sender is identified once more; and after which it is
# given up.
_LATE: Final = 0.1
_GIVEN_UP: Final = 30.0

# Of one tenant at a time, whether its bodies are on their way or its answers: what runs, what may
# wait for a turn or listen, and bytes of bodies. Whoever sends or reads slowly keeps them for long,
# and of large ones nobody else is served while they are parsed.
_WAITING: Final = 200
_BYTES: Final = 4 * DEFAULT_MAX_REQUEST_BODY_SIZE


class _RefusedError(Exception):
    """What is sent instead of an answer."""

    def __init__(self, status: int, error: ZavaError, headers: dict[str, str]) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = headers


class Inbox:
    """Serves a request once its body is there.

    Who sends it is known before any of it is read. A key that was revoked while the body was on its
    way opens nothing any more: what comes late goes to `again`, which looks once more who it is.
    """

    def __init__(self, app: ASGIApp, again: ASGIApp, caps: Caps) -> None:
        self._app = app
        self._again = again
        self._caps = caps
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or say why not."""
        begun = time.monotonic()
        principal = await request_principal()
        role = principal.role
        taken = 0
        is_whole = False

        async def take() -> Message:
            nonlocal taken
            if is_whole:
                return await receive()
            try:
                async with asyncio.timeout(begun + _GIVEN_UP - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise _late() from None
            size = len(message.get("body", b""))
            taken += size
            self._bytes[role] += size
            if self._bytes[role] > _BYTES:
                raise _too_much(f"{_BYTES >> 20} MiB of requests")
            return message

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal is_whole
            is_whole = True
            is_late = time.monotonic() - begun > _LATE
            await (self._again if is_late else self._app)(scope, receive, send)

        self._requests[role] += 1
        try:
            most = self._caps.of(role).max_concurrent + _WAITING
            if self._requests[role] > most:
                raise _too_much(f"{most} requests")
            limited = RequestBodyLimitMiddleware(serve, DEFAULT_MAX_REQUEST_BODY_SIZE)
            await limited(scope, take, send)
        except _RefusedError as refused:
            count_error(refused.error)
            log_error(refused.error, principal.name)
            answer = JSONResponse(refused.error.to_dict(), refused.status, refused.headers)
            await answer(scope, receive, send)
        finally:
            self._requests[role] -= 1
            self._bytes[role] -= taken


def _late() -> _RefusedError:
    error = LimitExceeded(
        f"the request did not arrive within {_GIVEN_UP:g} seconds", hint="Send it at once."
    )
    # Else the connection would wait for the rest, or for another request.
    return _RefusedError(408, error, {"Connection": "close"})


def _too_much(what: str) -> _RefusedError:
    error = LimitExceeded(
        f"{what} of this tenant are being served",
        hint="Wait for answers before you ask more.",
    )
    return _RefusedError(429, error, {"Retry-After": "1"})
