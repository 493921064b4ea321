"""The MCP server object: which tools a caller has, and how answers and errors look to a model.

Transports are in `mcp_server`. An error that a model can repair, bad arguments among them, is a
result with `isError`; an unknown tool is a protocol error; anything else tells the caller a
reference and nothing more.
"""

from __future__ import annotations

import base64
import logging
import secrets
import traceback
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import mcp_types as types
import pydantic
from mcp import MCPError
from mcp.server import CacheHint, Server, ServerRequestContext

from zava_sql import __version__
from zava_sql.answer import fenced
from zava_sql.auth import AGAIN
from zava_sql.errors import DatabaseError, ZavaError
from zava_sql.logs import log_call, log_error
from zava_sql.mcp_caller import calling, trace_parent
from zava_sql.mcp_notices import Levels
from zava_sql.mcp_progress import reported
from zava_sql.mcp_resources import handlers
from zava_sql.metrics import count_call, count_error, measured
from zava_sql.repairs import OURS
from zava_sql.slow import SlowCalls
from zava_sql.toolbox import Toolbox
from zava_sql.tools import checked
from zava_sql.traces import remote, span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from mcp.server.caching import CacheableMethod
    from mcp.server.context import CallNext, HandlerResult

    from zava_sql.agent import Agent
    from zava_sql.principals import Principal
    from zava_sql.tools import Tool

    Context = ServerRequestContext[dict[str, Any]]

__all__ = ["ToolServer", "create_server"]

# Tools per page, more than model services accept: half of the clients never ask for a second page.
_PAGE: Final = 500

_BLANK: Final = "# blank: the answer holds no visible character"

# They differ from caller to caller, and change with the catalogue.
_CACHED: Final[tuple[CacheableMethod, ...]] = (
    "tools/list",
    "resources/list",
    "resources/read",
    "resources/templates/list",
    "prompts/list",
)

logger = logging.getLogger(__name__)


class ToolServer(Server[dict[str, Any]]):
    """A server of both protocol eras, with the tools it serves."""

    toolbox: Toolbox


def create_server(agent: Agent, identify: Callable[[], Awaitable[Principal]]) -> ToolServer:
    """Make a server; `identify` is asked for the principal of every request."""
    toolbox, levels = Toolbox(agent), Levels()
    agent.observers += [count_call, log_call, SlowCalls(agent.database)]
    slow, fence = agent.database.settings.slow_query, agent.database.settings.fence_results

    async def list_tools(
        _: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        tools = await toolbox.of(await identify())
        return _page(tools, params.cursor if params is not None else None)

    async def call_tool(
        context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        who = name = None
        try:
            principal = await identify()
            who = principal.name
            tool = _known(await toolbox.find(principal, params.name), params.name)
            name = tool.spec.name
            arguments = checked(tool, params.arguments or {})
            async with reported(context), levels.told(context):
                with (
                    remote(trace_parent(context)),
                    span("tools/call", tool=name),
                    calling(context, name),
                    measured(name, slow),
                ):
                    return _visible(await tool.run(principal, arguments))
        except ZavaError as error:
            count_error(error)
            log_error(error, who, name)
            return _failure(_explain(error, fence=fence))
        except MCPError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, nothing of it leaks
            return _failure(_log(error, name or "a call"))

    async def listen(
        context: Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        again = identify if context.request is None else context.request.scope[AGAIN]
        return await toolbox.listen(await identify(), partial(_is_known, again), context, params)

    async def initialized(context: Context, _: types.NotificationParams) -> None:
        toolbox.remember(context)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[dict[str, Any]]:
        async with toolbox.running():
            yield {}

    server = ToolServer(
        "zava-sql",
        title="zava_sql",
        version=__version__,
        instructions="Read-only SQL over the data of the stores that you may see: describe_schema "
        "first, then query. Where a report fits the question, use that.",
        lifespan=lifespan,
        cache_hints=dict.fromkeys(_CACHED, CacheHint(ttl_ms=30_000, scope="private")),
        get_tool_input_schema=toolbox.input_schema,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_subscriptions_listen=listen,
        **handlers(agent, toolbox, identify),
    )
    server.toolbox = toolbox
    # Not where the SDK has it: that warns, since the newest revision has no such method.
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, levels.set)
    server.add_notification_handler(
        "notifications/initialized", types.NotificationParams, initialized
    )
    # The SDK's spans would hold names of tools that callers made up, and arguments in errors.
    server.middleware[:] = [_edge]
    return server


async def _edge(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Report whatever a handler raised in our own words: the SDK would send the error's text."""
    try:
        return await call_next(ctx)
    except MCPError:
        raise
    except pydantic.ValidationError as error:
        raise MCPError(types.INVALID_PARAMS, _wrong(error)) from None
    except ZavaError as error:
        count_error(error)
        log_error(error)
        raise MCPError(types.INTERNAL_ERROR, _explain(error)) from None
    except Exception as error:  # noqa: BLE001 - the edge: whatever it is, nothing of it leaks
        raise MCPError(types.INTERNAL_ERROR, _log(error, "a request")) from None


def _wrong(error: pydantic.ValidationError) -> str:
    """Say which parameter of a request is wrong, and nothing of what it holds."""
    (first, *_) = error.errors(include_url=False, include_context=False, include_input=False)
    where = ".".join(str(part) for part in first["loc"])[:80]
    return f"invalid parameters: {where}: {first['msg']}"


async def _is_known(again: Callable[[], Awaitable[object]]) -> bool:
    try:
        return await again() is not None
    except ZavaError:
        return False  # nor where that cannot be found out


def _page(tools: Mapping[str, Tool], cursor: str | None) -> types.ListToolsResult:
    """Give a page; a cursor is the name of the last tool before it, so that changes do no harm."""
    names = iter(tools)
    if cursor:
        try:
            last = base64.b64decode(cursor, b"-_", validate=True).decode()
        except ValueError:
            raise MCPError(types.INVALID_PARAMS, "no such page of tools") from None
        if not last.startswith("after "):
            raise MCPError(types.INVALID_PARAMS, "no such page of tools")
        # Only functions, which come by name, are ever behind the first page.
        functions = (name for name, tool in tools.items() if tool.function)
        names = (name for name in functions if name > last.removeprefix("after "))
    page = list(islice(names, _PAGE))
    more = next(names, None) is not None
    following = base64.urlsafe_b64encode(f"after {page[-1]}".encode()).decode() if more else None
    return types.ListToolsResult(tools=[tools[name].spec for name in page], next_cursor=following)


def _known(tool: Tool | None, name: str) -> Tool:
    if tool is None:
        raise MCPError(types.INVALID_PARAMS, f"unknown tool: {name[:80]}")
    return tool


def _visible(result: types.CallToolResult) -> types.CallToolResult:
    """Leave no text blank: model services refuse it, and the conversation that contains it."""
    kept = [
        part
        for part in result.content
        if not isinstance(part, types.TextContent) or part.text.strip()
    ]
    result.content = kept or [types.TextContent(text=_BLANK)]
    return result


def _failure(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)


def _explain(error: ZavaError, *, fence: bool = False) -> str:
    """Put all that the error knows in a few lines; with a fence around what quotes values."""
    fields = error.to_dict()
    if fence and isinstance(error, DatabaseError):
        said = [error.message]
        if error.hint and error.hint not in OURS:
            said.append(error.hint)
            del fields["hint"]
        fields["message"] = fenced("\n".join(said))
    lines = [f"{fields.pop('code')}: {fields.pop('message')}"]
    lines += [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\n".join(lines)


def _log(error: Exception, tool: str) -> str:
    """Log where it happened, never what it said: that may quote SQL or rows."""
    reference = secrets.token_hex(4)
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    where = ", ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames)
    logger.error("internal error %s in %s: %s at %s", reference, tool, type(error).__name__, where)
    return f"INTERNAL_ERROR: the server failed; an administrator finds it as {reference}"
