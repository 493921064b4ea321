"""The MCP server object: its tools, and how answers and errors look to a model.

Transports are in `mcp_server`. An error that a model can repair is a result with `isError`; an
unknown tool and arguments against the schema are protocol errors; anything else tells the caller a
reference and nothing more.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mcp_types as types
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mcp import MCPError
from mcp.server import CacheHint, Server, ServerRequestContext

from zava_sql import __version__
from zava_sql.catalogue import describe_schema
from zava_sql.errors import ZavaError
from zava_sql.render import to_csv, to_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zava_sql.agent import Agent, Result
    from zava_sql.settings import Settings
    from zava_sql.tenant import Principal

    Arguments = dict[str, Any]
    Answer = types.CallToolResult
    Context = ServerRequestContext[dict[str, Any]]

__all__ = ["create_server"]

logger = logging.getLogger(__name__)

_READS = types.ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)

_QUERY = """\
Runs one SELECT in PostgreSQL's dialect, read-only, and returns its rows. You see only the stores \
of this identity. Tables are in schema retail (the prefix may be left out), functions in api \
(write api.name(...)); describe_schema lists both. Times are shown in {time_zone}.
Refused: everything but a single SELECT, WITH or VALUES; system catalogues; functions that change \
or reveal settings, sessions or files; row locks.
At most max_rows rows come back. If there are more, the last line is "# truncated: ...": \
aggregate, or page with ORDER BY a key, then WHERE key > last value and LIMIT.
csv: the first line is name:type; NULL is bare, the text "NULL" and the empty text are quoted. \
json: columns, rows as arrays; numeric, and integers beyond 2^53, are strings."""

_DESCRIBE = """\
Tells what can be queried. Without name: a line for each table and function. With the name of one: \
its columns, types, keys, allowed values and comments."""


@dataclass(frozen=True, slots=True)
class _Tool:
    """What a client is told about a tool, and what runs."""

    spec: types.Tool
    run: Callable[[Principal, Arguments], Awaitable[Answer]]
    validator: Draft202012Validator = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "validator", Draft202012Validator(self.spec.input_schema))


def create_server(
    agent: Agent, identify: Callable[[], Awaitable[Principal]]
) -> Server[dict[str, Any]]:
    """Make a server of both protocol eras; `identify` is asked for the principal of every call."""
    tools = {tool.spec.name: tool for tool in (_query_tool(agent), _describe_tool(agent))}

    async def list_tools(
        _: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        if params is not None and params.cursor is not None:
            raise MCPError(types.INVALID_PARAMS, "there is only one page of tools")
        return types.ListToolsResult(tools=[tool.spec for tool in tools.values()])

    async def call_tool(_: Context, params: types.CallToolRequestParams) -> Answer:
        tool = tools.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"unknown tool: {params.name[:80]}")
        arguments = params.arguments or {}
        for problem in tool.validator.iter_errors(arguments):
            raise MCPError(
                types.INVALID_PARAMS,
                f"invalid arguments of {tool.spec.name}: {problem.json_path}: "
                f"{problem.message[:200]}",
            )
        try:
            return await tool.run(await identify(), arguments)
        except ZavaError as error:
            return _failure(_explain(error))
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, nothing of it leaks
            return _failure(_log(error, tool.spec.name))

    def input_schema(name: str) -> dict[str, Any] | None:
        return tools[name].spec.input_schema if name in tools else None

    return Server(
        "zava-sql",
        title="zava_sql",
        version=__version__,
        instructions="Read-only SQL over one tenant's data: describe_schema first, then query.",
        cache_hints={"tools/list": CacheHint(ttl_ms=30_000, scope="private")},
        get_tool_input_schema=input_schema,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _query_tool(agent: Agent) -> _Tool:
    settings: Settings = agent.database.settings

    async def run(principal: Principal, arguments: Arguments) -> Answer:
        rows = arguments.get("max_rows")
        # 5.0 is an integer to JSON Schema.
        max_rows = None if rows is None else int(rows)
        result = await agent.query(principal, arguments["sql"], max_rows=max_rows)
        text = to_json(result) if arguments.get("format") == "json" else to_csv(result)
        return types.CallToolResult(
            content=[types.TextContent(text=text)], structured_content=_summary(result)
        )

    spec = types.Tool(
        name="query",
        title="Query",
        description=_QUERY.format(time_zone=settings.time_zone),
        input_schema={
            "type": "object",
            "properties": {
                "sql": {"type": "string", "minLength": 1, "description": "One SELECT."},
                "max_rows": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": settings.max_rows_limit,
                    "default": min(settings.max_rows, settings.max_rows_limit),
                    "description": "Rows at most.",
                },
                "format": {"enum": ["csv", "json"], "default": "csv"},
            },
            "required": ["sql"],
            "additionalProperties": False,
        },
        output_schema={
            "type": "object",
            "properties": {
                "columns": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
                        "required": ["name", "type"],
                    },
                },
                "row_count": {"type": "integer"},
                "truncated": {"type": "boolean"},
            },
            "required": ["columns", "row_count", "truncated"],
        },
        annotations=_READS,
    )
    return _Tool(spec, run)


def _describe_tool(agent: Agent) -> _Tool:
    async def run(principal: Principal, arguments: Arguments) -> Answer:
        text = await describe_schema(agent.database, principal, arguments.get("name"))
        return types.CallToolResult(content=[types.TextContent(text=text)])

    spec = types.Tool(
        name="describe_schema",
        title="Describe the schema",
        description=_DESCRIBE,
        input_schema={
            "type": "object",
            "properties": {
                "name": {
                    "type": "string",
                    "description": "Table or function, such as orders or api.whoami.",
                }
            },
            "additionalProperties": False,
        },
        annotations=_READS,
    )
    return _Tool(spec, run)


def _summary(result: Result) -> dict[str, Any]:
    """Repeat what a program wants to know beside the text; rows only stand there."""
    return {
        "columns": [{"name": column.name, "type": column.type} for column in result.columns],
        "row_count": len(result.rows),
        "truncated": result.truncated,
    }


def _failure(text: str) -> Answer:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)


def _explain(error: ZavaError) -> str:
    """Put all that the error knows in a few lines."""
    fields = error.to_dict()
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
