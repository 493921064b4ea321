"""The ASGI endpoint of streamable HTTP: stateless, so that any request may go to any process.

It answers in plain JSON and still ends the work for a client that hangs up: the SDK's JSON mode
does not check for that. Its event streams do, and a request that wants one gets one. An answer in
JSON becomes a stream by itself once there is a message to send before it.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import asyncpg
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import JSONResponse, Response

from zava_sql.auth import request_principal
from zava_sql.errors import ZavaError
from zava_sql.mcp_messages import refusal_of
from zava_sql.mcp_notices import TELL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message, Receive, Scope, Send

    from zava_sql.mcp_tools import ToolServer
    from zava_sql.settings import Settings

__all__ = ["LOOPBACK_NAMES", "Endpoint"]

# Parameters that ask for a stream of events; a client that accepts none goes without.
_STREAMED = (b'"progressToken"', b'"io.modelcontextprotocol/logLevel"')

_EVENT_TYPES = (b"text/event-stream", b"text/*", b"*/*")

# What may be the id of a request, and is none.
_ODD_ID = re.compile(rb'"id"\s*:\s*(?:-?\d+[.eE]|[tf\[{])')

_VERSION = b"mcp-protocol-version"
_NAMES = (b"host", b"content-type")

_EVENTS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Endpoint:
    """Serves requests whose body a middleware in front has assembled."""

    def __init__(self, server: ToolServer, settings: Settings) -> None:
        self.toolbox = server.toolbox
        # Names that a web page could have made point to this machine are refused (DNS rebinding).
        loopback = [form for name in LOOPBACK_NAMES for form in (name, f"{name}:*")]
        security = TransportSecuritySettings(
            allowed_hosts=[*loopback, *settings.allowed_hosts],
            allowed_origins=[
                *(f"http://{name}:*" for name in LOOPBACK_NAMES),
                *(f"https://{name}" for name in settings.allowed_hosts),
                *settings.cors_origins,
            ],
        )
        self._json, self._events = (
            StreamableHTTPSessionManager(
                server, json_response=json, stateless=True, security_settings=security
            )
            for json in (True, False)
        )
        self._running: set[anyio.CancelScope] = set()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Accept requests as long as this is open."""
        async with self._json.run(), self._events.run():
            yield

    def end_streams(self) -> None:
        """End the streams on which clients wait for changes, in good order."""
        self.toolbox.listeners.close()

    def stop(self) -> None:
        """End all requests that are being served; their clients get status 503."""
        for scope in self._running:
            scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = await receive()
        if request["type"] != "http.request" or request.get("more_body"):
            return  # the client hung up before it had said everything
        body = request["body"]
        refusal = refusal_of(body.decode(errors="replace")) if _is_odd(body) else None
        if refusal is not None:
            await Response(refusal, 400, media_type="application/json")(scope, receive, send)
            return
        # The SDK reads one line, and treats none as nothing (RFC 9110: as anything).
        accepted = b",".join(v for k, v in scope["headers"] if k == b"accept") or b"*/*"
        # Names are the same in any case, which is compared below.
        headers = [(k, v.lower() if k in _NAMES else v) for k, v in scope["headers"]]
        headers = [(b"accept", accepted), *(one for one in headers if one[0] != b"accept")]
        # Of two values a gateway may use the other: such a request is not served.
        versions = [v for k, v in headers if k == _VERSION]
        if len(versions) > 1:
            headers = [(k, b", ".join(versions) if k == _VERSION else v) for k, v in headers]
        scope = {**scope, "headers": headers}
        takes_events = any(kind in accepted for kind in _EVENT_TYPES)
        streamed = takes_events and any(mark in body for mark in _STREAMED)
        manager = self._events if streamed else self._json
        pending = [request]
        answer = _Answer(send)
        if not streamed and b"text/event-stream" in accepted:
            scope = {**scope, TELL: answer.tell}

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        async def watch(work: anyio.CancelScope) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            # Once there is an answer, every connection looks closed.
            if not answer.started:
                work.cancel()

        with anyio.CancelScope() as work:
            self._running.add(work)
            # No task group: when one ends, anyio formats the whole task as text.
            watching = None if streamed else asyncio.create_task(watch(work))
            try:
                # So that headers are compared with the caller's own tools, and no others.
                with suppress(ZavaError, asyncpg.PostgresError):
                    await self.toolbox.learn(await request_principal())
                await manager.handle_request(scope, replay, answer)
            finally:
                self._running.discard(work)
                if watching is not None:
                    watching.cancel()
        # To a client that is gone this says nothing, to one that waits it says why.
        await answer.finish(scope, receive)


def _is_odd(body: bytes) -> bool:
    """Say whether this may be no message, or an odd one. Few bodies are to be read twice."""
    return not (
        body[:80].lstrip().startswith(b"{")
        and b'"2.0"' in body
        and any(field in body for field in (b'"method"', b'"result"', b'"error"'))
        and not _ODD_ID.search(body)
    )


class _Answer:
    """Passes an answer on, after any messages before it, and tracks how far it has come."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._told = False
        self._body = b""
        self.started = False
        self.finished = False

    async def tell(self, message: bytes) -> None:
        """Say something before the answer, which by that becomes the last of several events."""
        if not self._told:
            self._told = True
            await self._send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
        await self._send_event(message, more=True)

    async def __call__(self, message: Message) -> None:
        self.started = True
        self.finished = message["type"] == "http.response.body" and not message.get("more_body")
        if not self._told:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if self.finished:
            await self._send_event(self._body, more=False)

    async def finish(self, scope: Scope, receive: Receive) -> None:
        """Complete what was cut short."""
        if not self.started and not self._told:
            stopping = {"code": "SERVICE_UNAVAILABLE", "message": "the server is stopping"}
            await JSONResponse(stopping, status_code=503)(scope, receive, self._send)
        elif not self.finished:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_event(self, data: bytes, *, more: bool) -> None:
        body = b"event: message\r\ndata: " + data + b"\r\n\r\n"
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
