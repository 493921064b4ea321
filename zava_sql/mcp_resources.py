"""Beside tools: the schema as resources, prompts for common analyses, completions of arguments.

All of it is what the caller's own role may see, looked up with every request.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, unquote

import mcp_types as types
from mcp import MCPError

from zava_sql.catalogue import list_names
from zava_sql.errors import ValidationError, ZavaError
from zava_sql.logs import log_error
from zava_sql.metrics import collected, count_error
from zava_sql.monitor import fields, summary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.server import ServerRequestContext

    from zava_sql.agent import Agent
    from zava_sql.catalogue import Name
    from zava_sql.tenant import Principal

    Context = ServerRequestContext[dict[str, Any]]
    Page = types.PaginatedRequestParams | None

__all__ = ["handlers"]

T = TypeVar("T")

_SCHEMA: Final = "db://schema"
_MONITOR: Final = "db://monitor"
_TEMPLATES: Final = {"table": "db://table/{name}", "function": "db://function/{name}"}

# A client shows a list, not a book.
_COMPLETIONS: Final = 100


@dataclass(frozen=True, slots=True)
class _Prompt:
    """A question that is often asked; `{table}` and the like are its arguments."""

    title: str
    description: str
    text: str
    arguments: tuple[types.PromptArgument, ...] = ()


_PERIOD = types.PromptArgument(
    name="period", description="Such as 2025, last quarter or May 2025.", required=True
)
_PROMPTS: Final = {
    "explore_table": _Prompt(
        "Explore a table",
        "What a table holds, how it is filled and what it can answer.",
        "Explore the table {table} with the tools of this server. Its description is attached.\n"
        "1. Tell what a row stands for and how the table joins to others.\n"
        "2. Query how many rows there are, which time they span, and how the columns with few "
        "values are distributed.\n"
        "3. Name five questions that it can answer, with the SELECT for each.",
        (types.PromptArgument(name="table", description="Such as orders.", required=True),),
    ),
    "sales_review": _Prompt(
        "Review sales",
        "Revenue, orders and margin of a period against the one before it.",
        "Review the sales of {period}.\n"
        "1. Find out with describe_schema which tables and functions there are.\n"
        "2. Compare revenue, number of orders, average order and gross margin with the period "
        "of the same length before it, and with the same period a year earlier.\n"
        "3. Show the five product categories that gained most and the five that lost most.\n"
        "4. Returns are orders with status return and negative amounts: report them apart.\n"
        "Give a table for each step and three sentences that sum it up.",
        (_PERIOD,),
    ),
    "stock_check": _Prompt(
        "Check stock",
        "What is about to run out and what lies on the shelf.",
        "Check the stock that you see.\n"
        "1. List products at or below their reorder level, with the days that the stock lasts at "
        "the pace of the last 90 days, the most urgent first.\n"
        "2. List products with stock that sold nothing in the last 180 days, by the money bound "
        "in them.\n"
        "3. Propose what to order now, considering lead times.",
    ),
    "customer_review": _Prompt(
        "Review customers",
        "Who buys, who comes back and who has stopped.",
        "Review the customers of {period}.\n"
        "1. Count new and returning customers and the revenue of each by month.\n"
        "2. Rank loyalty tiers by revenue per customer.\n"
        "3. Find how many of the best tenth have bought nothing in the last 90 days.\n"
        "Do not print names or e-mail addresses: counts and sums are enough.",
        (_PERIOD,),
    ),
}


class _Handlers:
    """What the server calls; each method answers one kind of request."""

    def __init__(self, agent: Agent, identify: Callable[[], Awaitable[Principal]]) -> None:
        self._agent = agent
        self._identify = identify

    async def list_resources(self, _: Context, params: Page) -> types.ListResourcesResult:
        _only_page(params)
        names = await _told(self._names())
        overview = types.Resource(
            uri=_SCHEMA, name="schema", title="All tables and functions", mime_type="text/plain"
        )
        always = [overview]
        if await _told(self._may_monitor()):
            always.append(
                types.Resource(
                    uri=_MONITOR,
                    name="monitor",
                    title="How the tools are doing",
                    mime_type="application/json",
                )
            )
        return types.ListResourcesResult(
            resources=always
            + [
                types.Resource(
                    uri=_TEMPLATES[one.kind].format(name=quote(one.name)),
                    name=one.name,
                    description=one.title or None,
                    mime_type="text/plain",
                )
                for one in names
            ]
        )

    async def list_templates(self, _: Context, params: Page) -> types.ListResourceTemplatesResult:
        _only_page(params)
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(
                    uri_template=template,
                    name=kind,
                    description=f"A {kind} in full, by its name.",
                    mime_type="text/plain",
                )
                for kind, template in _TEMPLATES.items()
            ]
        )

    async def read_resource(
        self, _: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(params.uri)
        try:
            text = await _told(self._read(uri))
        except ValidationError:
            raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri}) from None
        kind = "application/json" if uri == _MONITOR else "text/plain"
        return types.ReadResourceResult(
            contents=[types.TextResourceContents(uri=uri, text=text, mime_type=kind)]
        )

    async def list_prompts(self, _: Context, params: Page) -> types.ListPromptsResult:
        _only_page(params)
        return types.ListPromptsResult(
            prompts=[
                types.Prompt(
                    name=name,
                    title=prompt.title,
                    description=prompt.description,
                    arguments=list(prompt.arguments),
                )
                for name, prompt in _PROMPTS.items()
            ]
        )

    async def get_prompt(
        self, _: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        prompt = _PROMPTS.get(params.name)
        if prompt is None:
            raise MCPError(types.INVALID_PARAMS, f"unknown prompt: {params.name[:80]}")
        given = params.arguments or {}
        known = {argument.name for argument in prompt.arguments}
        if set(given) != known:
            wrong = min(set(given) ^ known)
            raise MCPError(types.INVALID_PARAMS, f"missing or unknown argument: {wrong[:80]}")
        parts: list[types.ContentBlock] = [
            types.TextContent(text=prompt.text.format(**{k: v[:200] for k, v in given.items()}))
        ]
        if "table" in given:
            try:
                text = await _told(self._describe(given["table"]))
            except ValidationError as error:
                raise MCPError(types.INVALID_PARAMS, error.message) from None
            uri = _TEMPLATES["table"].format(name=quote(given["table"].strip().lower()))
            parts.append(types.EmbeddedResource(resource=_contents(uri, text)))
        return types.GetPromptResult(
            description=prompt.description,
            messages=[types.PromptMessage(role="user", content=part) for part in parts],
        )

    async def complete(
        self, _: Context, params: types.CompleteRequestParams
    ) -> types.CompleteResult:
        kind = _completed(params)
        begun = params.argument.value.lower()
        found = [
            one.name
            for one in (await _told(self._names()) if kind else [])
            if one.kind == kind
            and (one.name.startswith(begun) or one.name.partition(".")[2].startswith(begun))
        ]
        return types.CompleteResult(
            completion=types.Completion(
                values=found[:_COMPLETIONS], total=len(found), has_more=len(found) > _COMPLETIONS
            )
        )

    async def _names(self) -> list[Name]:
        return await list_names(self._agent.database, await self._identify())

    async def _describe(self, name: str | None = None) -> str:
        return await self._agent.describe(await self._identify(), name)

    async def _may_monitor(self) -> bool:
        """Say whether the caller sees all stores: the monitor is about all callers together."""
        return (await self._identify()).kind == "head"

    async def _read(self, uri: str) -> str:
        if uri == _SCHEMA:
            return await self._describe()
        if uri == _MONITOR and await self._may_monitor():
            return json.dumps(fields(summary(collected(self._agent))))
        for kind, template in _TEMPLATES.items():
            start = template.removesuffix("{name}")
            name = unquote(uri.removeprefix(start))
            if uri.startswith(start) and any(
                one.kind == kind and name in (one.name, one.name.partition(".")[2])
                for one in await self._names()
            ):
                return await self._describe(name)
        raise ValidationError("no such resource")


def handlers(agent: Agent, identify: Callable[[], Awaitable[Principal]]) -> dict[str, Any]:
    """Give what `mcp.server.Server` takes for resources, prompts and completions, by name."""
    made = _Handlers(agent, identify)
    return {
        "on_list_resources": made.list_resources,
        "on_list_resource_templates": made.list_templates,
        "on_read_resource": made.read_resource,
        "on_list_prompts": made.list_prompts,
        "on_get_prompt": made.get_prompt,
        "on_completion": made.complete,
    }


async def _told(work: Awaitable[T]) -> T:
    """Turn what is not the caller's fault into a protocol error."""
    try:
        return await work
    except ValidationError:
        raise
    except ZavaError as error:
        count_error(error)
        log_error(error)
        raise MCPError(types.INTERNAL_ERROR, f"{error.code}: {error.message}") from None


def _completed(params: types.CompleteRequestParams) -> str | None:
    """Say of which kind the names are that an argument takes; None for free text."""
    if isinstance(params.ref, types.PromptReference):
        prompt = _PROMPTS.get(params.ref.name)
        if prompt is None:
            raise MCPError(types.INVALID_PARAMS, f"unknown prompt: {params.ref.name[:80]}")
        return "table" if params.argument.name == "table" else None
    for kind, template in _TEMPLATES.items():
        if params.ref.uri == template:
            return kind if params.argument.name == "name" else None
    raise MCPError(types.INVALID_PARAMS, f"unknown resource template: {params.ref.uri[:80]}")


def _contents(uri: str, text: str) -> types.TextResourceContents:
    return types.TextResourceContents(uri=uri, text=text, mime_type="text/plain")


def _only_page(params: Page) -> None:
    if params is not None and params.cursor is not None:
        raise MCPError(types.INVALID_PARAMS, "there is only one page")
