"""The ASGI endpoint of streamable HTTP: stateless, so that any request may go to any process.

It answers in plain JSON and still ends the work for a client that hangs up: the SDK's JSON mode
does not look for that. Its event streams do, and a request that wants one gets one.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message, Receive, Scope, Send

    from zava_sql.mcp_tools import ToolServer
    from zava_sql.settings import Settings

__all__ = ["Endpoint"]

# What only a stream of events can carry.
_STREAMED = (b'"progressToken"', b'"subscriptions/listen"', b'"io.modelcontextprotocol/logLevel"')

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Endpoint:
    """Serves requests whose body a middleware in front has put together."""

    def __init__(self, server: ToolServer, settings: Settings) -> None:
        self.toolbox = server.toolbox
        # Names that a web page could have made point to this machine are refused (DNS rebinding).
        loopback = [form for name in _LOOPBACK_NAMES for form in (name, f"{name}:*")]
        security = TransportSecuritySettings(
            allowed_hosts=[*loopback, *settings.allowed_hosts],
            allowed_origins=[
                *(f"http://{name}:*" for name in _LOOPBACK_NAMES),
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
        self.toolbox.subscriptions.close()

    def stop(self) -> None:
        """End all requests that are being served; their clients get status 503."""
        for scope in self._running:
            scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = await receive()
        if request["type"] != "http.request" or request.get("more_body"):
            return  # the client hung up before it had said everything
        streamed = any(mark in request["body"] for mark in _STREAMED)
        manager = self._events if streamed else self._json
        pending = [request]
        answer = _Answer(send)

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        async def watch(work: anyio.CancelScope) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            # Once there is an answer, every connection looks closed.
            if not answer.started:
                work.cancel()

        async with anyio.create_task_group() as group:
            work = group.cancel_scope
            self._running.add(work)
            try:
                if not streamed:
                    group.start_soon(watch, work)
                await manager.handle_request(scope, replay, answer)
                work.cancel()
            finally:
                self._running.discard(work)
        # To a client that is gone this says nothing, to one that waits it says why.
        await answer.finish(scope, receive)


class _Answer:
    """Passes an answer on, and knows how far it has come."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.finished = False

    async def __call__(self, message: Message) -> None:
        self.started = True
        self.finished = message["type"] == "http.response.body" and not message.get("more_body")
        await self._send(message)

    async def finish(self, scope: Scope, receive: Receive) -> None:
        """Complete what was cut short."""
        if not self.started:
            stopping = {"code": "SERVICE_UNAVAILABLE", "message": "the server is stopping"}
            await JSONResponse(stopping, status_code=503)(scope, receive, self._send)
        elif not self.finished:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
