"""The four tools of the sample server for Zava's sales, by their names and parameters.

For clients and prompts that were written for it. What runs is the path of every other tool; there
is no way around it. Rows come as that server gave them: `{"c": [names], "r": [rows], "n": count}`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import mcp_types as types

from zava_sql.answer import answer, fenced
from zava_sql.errors import ValidationError
from zava_sql.render import dump
from zava_sql.tools import READS, Tool, described, text_result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zava_sql.agent import Agent
    from zava_sql.function_catalogue import FunctionCatalogue
    from zava_sql.principals import Principal
    from zava_sql.result import Result
    from zava_sql.settings import Settings

    Arguments = dict[str, Any]

__all__ = ["compat_tools"]

_FOUND, _ALIKE = 20, 30.0  # unless the caller says how many, and how much alike in percent


def compat_tools(agent: Agent, catalogue: FunctionCatalogue) -> list[Tool]:
    """Make the four tools."""
    return [_query(agent), _schemas(agent), _search(agent, catalogue), _date()]


def _query(agent: Agent) -> Tool:
    async def run(principal: Principal, arguments: Arguments) -> types.CallToolResult:
        result = await agent.query(principal, arguments["postgresql_query"])
        return text_result(_columnar(result, agent.database.caps.of(principal.role)))

    properties = {"postgresql_query": {"type": "string", "minLength": 1}}
    return _tool("execute_sales_query", "Runs one SELECT over the sales data.", properties, run)


def _schemas(agent: Agent) -> Tool:
    async def run(principal: Principal, arguments: Arguments) -> types.CallToolResult:
        parts = []
        for name in arguments["table_names"]:
            try:
                parts.append(await described(agent, principal, name))
            except ValidationError as error:
                parts.append(f"{error.message}. {error.hint}")
        return text_result("\n\n".join(parts))

    names = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 20}
    about = "Describes tables, such as retail.orders."
    return _tool("get_multiple_table_schemas", about, {"table_names": names}, run)


def _search(agent: Agent, catalogue: FunctionCatalogue) -> Tool:
    async def run(principal: Principal, arguments: Arguments) -> types.CallToolResult:
        function = (await catalogue.visible_to(principal)).get("search_products")
        if function is None:
            raise ValidationError(
                "search is not installed in this database",
                hint="Use execute_sales_query with name ilike '%word%' on retail.products.",
            )
        asked = {
            "query": arguments["query_description"],
            "limit": arguments.get("max_rows", _FOUND),
            "min_similarity": arguments.get("similarity_threshold", _ALIKE) / 100,
        }
        known = {parameter.name for parameter in function.parameters}
        given = {name: value for name, value in asked.items() if name in known}
        result = await agent.call_function(principal, function, given)
        return text_result(_columnar(result, agent.database.caps.of(principal.role)))

    properties = {
        "query_description": {"type": "string", "minLength": 1},
        "max_rows": {"type": "integer", "minimum": 1, "maximum": 100, "default": _FOUND},
        "similarity_threshold": {
            "type": "number",
            "minimum": 0,
            "maximum": 100,
            "default": _ALIKE,
        },
    }
    about = "Finds products by what they are for; similarity_threshold in percent."
    return _tool("semantic_search_products", about, properties, run, optional=2)


def _date() -> Tool:
    async def run(_: Principal, __: Arguments) -> types.CallToolResult:
        return text_result(f"It is {datetime.now(UTC).isoformat(timespec='seconds')} in UTC.")

    return _tool("get_current_utc_date", "Tells date and time in UTC.", {}, run)


def _columnar(result: Result, caps: Settings) -> str:
    fields = answer(result, caps, rows=True).fields
    names = [column["name"] for column in fields["columns"]]
    body = {"c": names, "r": fields["rows"], "n": fields["row_count"]}
    if not fields["rows"]:
        body["msg"] = "No rows"
    if fields["truncated"]:
        body["truncated"] = True
    return fenced(dump(body)) if caps.fence_results else dump(body)


def _tool(
    name: str,
    about: str,
    properties: dict[str, Any],
    run: Callable[[Principal, Arguments], Awaitable[types.CallToolResult]],
    *,
    optional: int = 0,
) -> Tool:
    required = list(properties)[: len(properties) - optional]
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
    }
    spec = types.Tool(name=name, description=about, input_schema=schema, annotations=READS)
    return Tool(spec, run)
