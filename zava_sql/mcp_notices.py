"""Messages of functions of the database (`notices`) as log messages of MCP."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, get_args

import anyio
import mcp_types as types
from mcp import MCPError
from mcp.server.connection import allowed_log_levels

from zava_sql.notices import hears

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mcp.server import ServerRequestContext

    Context = ServerRequestContext[dict[str, Any]]

__all__ = ["TELL", "Levels"]

# Where a request over HTTP that has no stream of events has the beginning of one.
TELL: Final = "zava.tell"

# Of one call, and characters: a loop can say a million things.
_MOST: Final = 100
_LONGEST: Final = 1_000

_LEVELS: Final[tuple[types.LoggingLevel, ...]] = get_args(types.LoggingLevel)
_LEVEL_OF: Final[dict[str, types.LoggingLevel]] = {
    "WARNING": "warning",
    "NOTICE": "notice",
    "INFO": "info",
}


class Levels:
    """Which messages a client is sent.

    In the newest era each request says it; in the older a session does, which over HTTP there is
    none of: there all are sent.
    """

    def __init__(self) -> None:
        # Over stdio there is one client.
        self._least: types.LoggingLevel = "debug"

    async def set(self, context: Context, params: types.SetLevelRequestParams) -> types.EmptyResult:
        """Obey a client of the older era, or say that it cannot be."""
        if context.request is None:
            self._least = params.level
        elif params.level not in ("debug", "info"):
            raise MCPError(
                types.INVALID_PARAMS,
                "over HTTP no level is kept between requests: all messages are sent",
            )
        return types.EmptyResult()

    @asynccontextmanager
    async def told(self, context: Context) -> AsyncIterator[None]:
        """Send the client of a call what functions say meanwhile, before its answer."""
        wanted = allowed_log_levels(context.protocol_version, context.meta)
        wanted &= set(_LEVELS[_LEVELS.index(self._least) :])
        if not wanted:
            yield
            return
        queue: asyncio.Queue[types.LoggingMessageNotification | None] = asyncio.Queue()

        left = _MOST
        telling: asyncio.Task[None] | None = None

        def hear(severity: str, text: str) -> bool:
            nonlocal left, telling
            level = _LEVEL_OF.get(severity, "debug")
            if level in wanted and left:
                left -= 1
                queue.put_nowait(_message(level, text[:_LONGEST]))
                telling = telling or asyncio.create_task(pass_on())
            return left > 0

        async def pass_on() -> None:
            send = _channel(context)
            # A client that hung up is told nothing; its call is being cancelled.
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                while (message := await queue.get()) is not None:
                    await send(message)

        token = hears.set(hear)
        try:
            yield
        finally:
            hears.reset(token)
            if telling is not None:
                queue.put_nowait(None)
                await telling


def _channel(context: Context) -> Callable[[types.LoggingMessageNotification], Awaitable[None]]:
    tell = context.request.scope.get(TELL) if context.request is not None else None

    async def send(message: types.LoggingMessageNotification) -> None:
        if tell is None:
            await context.session.send_notification(message, context.request_id)
        else:
            fields = message.model_dump(by_alias=True, mode="json", exclude_none=True)
            await tell(json.dumps({"jsonrpc": "2.0", **fields}).encode())

    return send


def _message(level: types.LoggingLevel, text: str) -> types.LoggingMessageNotification:
    params = types.LoggingMessageNotificationParams(level=level, data=text, logger="database")
    return types.LoggingMessageNotification(params=params)
