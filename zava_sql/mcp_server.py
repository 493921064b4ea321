"""Serve AI clients over MCP: standard input and output, or streamable HTTP.

Over stdio the identity is fixed at start; over HTTP it comes with each request, and there is no way
to do without. Neither keeps sessions.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import ipaddress
import os
import signal
import socket
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, cast

import anyio
import uvicorn
from mcp.server import NotificationOptions
from mcp.server.stdio import stdio_server

from zava_sql import mcp_stdio
from zava_sql.auth import request_principal
from zava_sql.errors import ConfigurationError, ServiceUnavailable
from zava_sql.logs import say
from zava_sql.mcp_endpoint import Endpoint
from zava_sql.mcp_http import application
from zava_sql.mcp_tools import create_server
from zava_sql.mcp_wire import WireProtocol
from zava_sql.metrics import observe
from zava_sql.principals import find_principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

    from zava_sql.agent import Agent
    from zava_sql.principals import Principal
    from zava_sql.settings import Settings

__all__ = ["listen", "serve_http", "serve_stdio", "serve_worker", "url_of"]

# Seconds that requests in flight have to end after a signal; many supervisors kill after ten.
_DRAIN = 8

# Seconds for which a connection waits for its next request: longer than proxies and clients keep it
# for sending (60 and less). The sender must be the one that closes first, or a request is lost on
# its way.
_KEPT = 75

# Seconds after which a process tells the others of its connections.
_OBSERVE = 2

# Errors for a port that is refused although nobody uses it.
_LISTEN_HINTS = {
    errno.EACCES: "This account may not have it: choose one from 1024 on with --port.",
    errno.EADDRNOTAVAIL: "Choose an address of this machine with --host.",
}


async def serve_stdio(agent: Agent, principal_name: str) -> None:
    """Serve one client on standard input and output until it hangs up, or a signal says stop.

    Raises:
        AuthorizationError: there is no such principal, or it is disabled. Once serving, a
            principal that gets disabled is told so with its next call.
        ServiceUnavailable: standard output cannot be written, as to a disk that is full.
    """
    database = agent.database
    await find_principal(database, principal_name)

    async def identify() -> Principal:
        return await find_principal(database, principal_name)

    server = create_server(agent, identify)
    _settle()
    with (
        anyio.CancelScope() as scope,
        _on_signals(scope.cancel),
        closing(mcp_stdio.Output(scope.cancel)) as output,
    ):
        stdin = cast("anyio.AsyncFile[str]", mcp_stdio.lines(output))
        stdout = cast("anyio.AsyncFile[str]", output)
        async with stdio_server(stdin, stdout) as (read, write):
            # Over HTTP a client of the older era has no stream on which it could be told.
            told = NotificationOptions(
                tools_changed=True, resources_changed=True, prompts_changed=True
            )
            await server.run(read, write, server.create_initialization_options(told))


async def serve_http(
    agent: Agent,
    host: str,
    port: int,
    announce: Callable[[str], None] = lambda url: say(f"serving {url}"),
) -> None:
    """Serve on `http://host:port/mcp` until a signal says stop; port 0 takes any free one.

    Where it serves is announced once it does, and obeys signals.

    Raises:
        ConfigurationError: the settings do not fit together, or do not fit the host.
        ServiceUnavailable: the port is taken.
    """
    settings = agent.database.settings
    with listen(settings, host, port) as listener:
        endpoint = Endpoint(create_server(agent, request_principal), settings)
        server = _HttpServer(application(agent, endpoint), endpoint)
        await _serve(server, listener, lambda: announce(url_of(host, listener)))


async def serve_worker(agent: Agent, listener: socket.socket, fd: int) -> None:
    """Serve a socket that other processes serve too, until a signal, or `fd` reads as ended.

    Raises:
        ConfigurationError: the settings do not fit together.
    """
    endpoint = Endpoint(create_server(agent, request_principal), agent.database.settings)
    server = _HttpServer(application(agent, endpoint), endpoint)
    loop = asyncio.get_running_loop()

    def orphaned() -> None:
        loop.remove_reader(fd)
        server.stop()

    async def observing() -> None:
        while True:
            observe(agent)
            await asyncio.sleep(_OBSERVE)

    loop.add_reader(fd, orphaned)
    task = loop.create_task(observing())
    try:
        await _serve(server, listener, lambda: None)  # whoever has started it announces it
    finally:
        task.cancel()


def _settle() -> None:
    """Exclude what is loaded from garbage collection, which a large answer triggers repeatedly."""
    gc.collect()
    gc.freeze()


async def _serve(
    server: _HttpServer, listener: socket.socket, announce: Callable[[], None]
) -> None:
    _settle()
    with _on_signals(server.stop):
        async with server.endpoint.run():
            announce()
            await server.serve(sockets=[listener])


class _HttpServer(uvicorn.Server):
    """Leaves signals to `serve_http`: uvicorn would raise again each signal it has obeyed."""

    def __init__(self, app: ASGIApp, endpoint: Endpoint) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                # Whatever else is installed: httptools has no limit for headers.
                http=WireProtocol,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEPT,
                timeout_graceful_shutdown=_DRAIN + 1,
            )
        )
        self.endpoint = endpoint

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Take no more requests, and wait for those in flight."""
        if self.should_exit:
            # Asked twice: do not wait for the requests in flight.
            self.endpoint.stop()
        self.should_exit = True
        self.endpoint.end_streams()
        asyncio.get_running_loop().call_later(_DRAIN, self.endpoint.stop)


def listen(settings: Settings, host: str, port: int) -> socket.socket:
    """Open the port; beyond loopback only where the settings name the hosts that are served.

    Raises:
        ConfigurationError: they do not.
        ServiceUnavailable: the port is taken, or the address is not this machine's.
    """
    if host == "localhost":
        host = "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ConfigurationError(
            f"{host[:80]!r} is not an address",
            hint="Listen on 127.0.0.1 and put a reverse proxy with TLS in front.",
        ) from None
    if not address.is_loopback and not settings.allowed_hosts:
        raise ConfigurationError(
            f"{host} is not a loopback address, and ZAVA_ALLOWED_HOSTS is not set",
            hint="Listen on 127.0.0.1 with a reverse proxy with TLS in front, or set "
            "ZAVA_ALLOWED_HOSTS to the names by which clients reach this server.",
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ServiceUnavailable(
            f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0).lower()}",
            hint=_LISTEN_HINTS.get(
                error.errno or 0,
                "Another program may use it: stop that, or choose another port with --port.",
            ),
        ) from error
    # Connections inherit it. asyncio's own loop leaves it off, and each answer then waits for an
    # acknowledgement that the client delays by 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(host: str, listener: socket.socket) -> str:
    """Say where clients on this machine find it."""
    address = f"[{host}]" if ":" in host else host
    return f"http://{address}:{listener.getsockname()[1]}/mcp"


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
