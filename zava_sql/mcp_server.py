"""Serve AI clients over MCP: standard input and output, or streamable HTTP on a loopback address.

Over stdio the identity is fixed at start; over HTTP it comes from the key of each request, and
there is no way to do without. Neither keeps sessions.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

import anyio
import asyncpg
import uvicorn
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import (
    DEFAULT_MAX_REQUEST_BODY_SIZE,
    RequestBodyLimitMiddleware,
)
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from zava_sql.auth import KeyVerifier, request_principal
from zava_sql.database import CONNECTION_ERRORS
from zava_sql.errors import ConfigurationError, ServiceUnavailable, ZavaError
from zava_sql.mcp_endpoint import Endpoint
from zava_sql.mcp_tools import create_server
from zava_sql.tenant import find_principal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.requests import Request

    from zava_sql.agent import Agent
    from zava_sql.database import Database
    from zava_sql.tenant import Principal

__all__ = ["serve_http", "serve_stdio"]

# Seconds that requests in flight have to end after a signal; many supervisors kill after ten.
_DRAIN = 8

_READY_TIMEOUT = 2


async def serve_stdio(database: Database, agent: Agent, principal_name: str) -> None:
    """Serve one client on standard input and output until it hangs up, or a signal says stop.

    Raises:
        AuthorizationError: there is no such principal, or it is disabled. Once serving, a
            principal that gets disabled is told so with its next call.
    """
    await find_principal(database, principal_name)

    async def identify() -> Principal:
        return await find_principal(database, principal_name)

    server = create_server(agent, identify)
    lines = cast("anyio.AsyncFile[str]", _stdin_lines())
    with anyio.CancelScope() as scope, _on_signals(scope.cancel):
        try:
            async with stdio_server(stdin=lines) as (read, write):
                await server.run(read, write, server.create_initialization_options())
        except* BrokenPipeError:
            pass  # the client is gone without reading its last answer


async def serve_http(
    database: Database,
    agent: Agent,
    host: str,
    port: int,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve on `http://host:port/mcp` until a signal says stop; port 0 takes any free one.

    Raises:
        ConfigurationError: the host is not a loopback address.
        ServiceUnavailable: the port is taken.
    """
    with _listen(host, port) as listener:
        endpoint = Endpoint(create_server(agent, request_principal))
        config = uvicorn.Config(
            _application(database, endpoint),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN + 1,
        )
        server = _HttpServer(config, endpoint)
        address = f"[{host}]" if ":" in host else host
        with _on_signals(server.stop):
            (announce or _announce)(f"http://{address}:{listener.getsockname()[1]}/mcp")
            async with endpoint.run():
                await server.serve(sockets=[listener])


class _HttpServer(uvicorn.Server):
    """Leaves signals to `serve_http`: uvicorn would send itself again what it has obeyed."""

    def __init__(self, config: uvicorn.Config, endpoint: Endpoint) -> None:
        super().__init__(config)
        self._endpoint = endpoint

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Take no more requests, and wait for those in flight."""
        if self.should_exit:
            # Asked twice: do not wait for the requests in flight.
            self._endpoint.stop()
        self.should_exit = True
        asyncio.get_running_loop().call_later(_DRAIN, self._endpoint.stop)


def _application(database: Database, endpoint: Endpoint) -> Starlette:
    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"alive": True})

    async def readyz(_: Request) -> JSONResponse:
        ready = await _is_ready(database)
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    async def unavailable(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse(cast("ZavaError", error).to_dict(), status_code=503)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route(
                "/mcp",
                RequestBodyLimitMiddleware(endpoint, DEFAULT_MAX_REQUEST_BODY_SIZE),
                # No GET: it would be a stream that nothing is ever sent on.
                methods=["POST"],
                middleware=[
                    Middleware(
                        AuthenticationMiddleware, backend=BearerAuthBackend(KeyVerifier(database))
                    ),
                    Middleware(AuthContextMiddleware),
                    Middleware(RequireAuthMiddleware, required_scopes=[]),
                ],
            ),
        ],
        exception_handlers={ZavaError: unavailable},
    )


async def _is_ready(database: Database) -> bool:
    try:
        async with asyncio.timeout(_READY_TIMEOUT):
            for pool in (database.gateway, database.service):
                await pool.fetchval("select 1")
    except (TimeoutError, asyncpg.PostgresError, *CONNECTION_ERRORS):
        return False
    return True


def _listen(host: str, port: int) -> socket.socket:
    if host == "localhost":
        host = "127.0.0.1"
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ConfigurationError(
            f"{host[:80]} is not a loopback address",
            hint="Listen on 127.0.0.1 and put a reverse proxy with TLS in front.",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ServiceUnavailable(
            f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0).lower()}",
            hint="Another program may use it: stop that, or choose another port with --port.",
        ) from error


def _announce(url: str) -> None:
    sys.stderr.write(f"serving {url}\n")


@contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Have SIGINT and SIGTERM call `stop` in the event loop, which then ends in good order."""
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGINT, signal.SIGTERM)
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        for number in wanted
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _stdin_lines() -> AsyncIterator[str]:
    """Read standard input in a thread that the end of the process need not wait for.

    The SDK's own reader sits in a read that nothing can interrupt, so that a signal would take
    effect with the client's next line only.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def read() -> None:
        # A terminal that is gone reads as an error; a loop that has ended wants no more lines.
        with suppress(RuntimeError):
            with suppress(OSError), os.fdopen(0, "rb", closefd=False) as stdin:
                for line in stdin:
                    loop.call_soon_threadsafe(queue.put_nowait, line)
            loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line.decode("utf-8", "replace")
