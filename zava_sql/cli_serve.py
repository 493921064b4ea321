"""The command that serves AI clients."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from contextlib import asynccontextmanager, nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from zava_sql import embedded
from zava_sql.agent import Agent
from zava_sql.client_config import Client, http_config, stdio_config
from zava_sql.doctor import require_sound
from zava_sql.embedding_query import QueryEmbedder
from zava_sql.errors import ValidationError
from zava_sql.logs import configure, say
from zava_sql.mcp_refusal import refusing
from zava_sql.settings import Settings
from zava_sql.traces import exporting
from zava_sql.workers import shared_directory, supervise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

__all__ = ["serve"]

logger = logging.getLogger(__name__)


# Where it listens over http unless told otherwise.
_HOST: Final = "127.0.0.1"
_PORT: Final = 8000


class Transport(StrEnum):
    """How the server talks to its clients."""

    STDIO = "stdio"
    HTTP = "http"


def serve(  # noqa: PLR0913 - options
    *,
    transport: Annotated[Transport, typer.Option(help="How clients connect.")] = Transport.STDIO,
    host: Annotated[
        str | None, typer.Option(help=f"Address to listen on (http); {_HOST} unless given.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help=f"Port to listen on (http); {_PORT} unless given.", min=0, max=65535),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes (http).", min=1, max=256)] = 1,
    principal: Annotated[
        str | None, typer.Option(help="Principal who asks (stdio); ZAVA_PRINCIPAL unless given.")
    ] = None,
    print_config: Annotated[
        Client | None, typer.Option(help="Print the configuration for this client; serve nothing.")
    ] = None,
) -> None:
    """Serve AI clients over MCP. Over http each request brings its key."""
    client_waits = transport is Transport.STDIO and print_config is None
    with refusing() if client_waits else nullcontext():
        settings = Settings.load()
        configure(settings.log_level)
        for name, meant in Settings.misspelt(os.environ).items():
            logger.warning("%s is no setting: %s may be meant", name, meant)
        if transport is Transport.STDIO:
            principal = settings.principal if principal is None else principal
            if principal is None:
                raise ValidationError(
                    "stdio needs a fixed identity",
                    hint="Name it: --principal seattle, or ZAVA_PRINCIPAL. To serve on a port:"
                    " --transport http.",
                )
            if workers > 1 or host is not None or port is not None:
                raise ValidationError(
                    "stdio serves one client, at no address",
                    hint="Use --host, --port and --workers with --transport http.",
                )
        elif principal is not None:
            raise ValidationError(
                "over http each request brings its identity, none is fixed",
                hint="Leave --principal out, and give each client a key: zava-sql token create.",
            )
        host = _HOST if host is None else host
        port = _PORT if port is None else port
        if print_config is not None:
            if principal is not None:
                config = stdio_config(print_config, principal, settings)
            else:
                config = http_config(print_config, settings.auth_resource or _url(host, port))
            print(json.dumps(config, indent=2))
        elif workers > 1:
            with shared_directory("zava-workers-") as directory:
                _serve_together(settings, host, port, workers, directory)
        elif principal is not None:
            _run(_serve_stdio(settings, principal))
        else:
            _run(_serve_http(settings, host, port))


def _url(host: str, port: int) -> str:
    """Say where clients find a server: the address that stands for all is none for them."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - as a name
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/mcp"


@asynccontextmanager
async def _agent(settings: Settings, *, fail_closed: bool) -> AsyncIterator[Agent]:
    opened = Agent.open(settings, fail_closed=fail_closed, embedder=QueryEmbedder.open)
    with exporting():
        async with opened as agent:
            yield agent


async def _serve_stdio(settings: Settings, principal: str) -> None:
    from zava_sql.mcp_server import serve_stdio  # noqa: PLC0415 - the SDK is slow to import

    async with _agent(embedded.resolve(settings), fail_closed=False) as agent:
        await require_sound(agent.database)
        await serve_stdio(agent, principal)


async def _serve_http(settings: Settings, host: str, port: int) -> None:
    from zava_sql.mcp_server import serve_http  # noqa: PLC0415 - the SDK is slow to import

    async with _agent(embedded.resolve(settings), fail_closed=True) as agent:
        await require_sound(agent.database)
        await serve_http(agent, host, port)


def _serve_together(settings: Settings, host: str, port: int, workers: int, directory: str) -> None:
    """Serve in several processes, whose metrics are added up in a directory they share."""
    # Read when prometheus_client is imported, which the imports below do.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - see above

    from zava_sql.auth import Identities  # noqa: PLC0415 - see above
    from zava_sql.mcp_server import listen, serve_worker, url_of  # noqa: PLC0415 - see above

    resolved = embedded.resolve(settings)

    async def check() -> None:
        """Fail here, with one message, on what would fail in each process."""
        async with Agent.open(resolved, fail_closed=True) as agent:
            await require_sound(agent.database)
            Identities(agent.database)

    def work(alive: int) -> None:
        async def serve_here() -> None:
            async with _agent(resolved, fail_closed=True) as agent:
                await serve_worker(agent, listener, alive)

        _run(serve_here())

    with listen(settings, host, port) as listener:
        _run(check())
        supervise(
            workers,
            work,
            mark_process_dead,
            listener.close,  # told to stop, no process accepts what nobody would serve any more
            lambda: say(f"serving {url_of(host, listener)} in {workers} processes"),
        )


def _run(work: Coroutine[object, object, None]) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not there on every platform
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)
    finally:
        # Ctrl-C may come before it has begun: Python would warn that it was never awaited.
        work.close()
