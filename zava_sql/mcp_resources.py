"""Beside tools: resources, prompts, completions of arguments.

The schema and common analyses are ours, the rest are functions of the database whose comment says
so (`annotations`). All of it is what the caller's own role may see, looked up with every request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, unquote

import mcp_types as types
from mcp import MCPError

from zava_sql.annotations import LONGEST_URI, from_texts
from zava_sql.catalogue import list_names
from zava_sql.content import contents
from zava_sql.errors import BadArgument, ValidationError, ZavaError
from zava_sql.logs import log_error
from zava_sql.mcp_caller import calling
from zava_sql.metrics import collected, count_error, measured
from zava_sql.monitor import fields, summary
from zava_sql.prompts import PROMPTS
from zava_sql.tools import checked, described

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mcp.server import ServerRequestContext

    from zava_sql.agent import Agent
    from zava_sql.catalogue import Name
    from zava_sql.content import Contents
    from zava_sql.functions import FunctionSpec
    from zava_sql.principals import Principal
    from zava_sql.toolbox import Toolbox
    from zava_sql.tools import Tool

    Context = ServerRequestContext[dict[str, Any]]
    Page = types.PaginatedRequestParams | None

__all__ = ["handlers"]

T = TypeVar("T")

_SCHEMA: Final = "db://schema"
_MONITOR: Final = "db://monitor"
_TEMPLATES: Final = {"table": "db://table/{name}", "function": "db://function/{name}"}

_TEXT: Final = "text/plain"
_JSON: Final = "application/json"

# A client shows a list, not a book.
_COMPLETIONS: Final = 100


class _Handlers:
    """What the server calls; each method answers one kind of request."""

    def __init__(
        self, agent: Agent, toolbox: Toolbox, identify: Callable[[], Awaitable[Principal]]
    ) -> None:
        self._agent = agent
        self._toolbox = toolbox
        self._identify = identify

    async def list_resources(self, _: Context, params: Page) -> types.ListResourcesResult:
        _only_page(params)
        names = await _told(self._names())
        overview = types.Resource(
            uri=_SCHEMA, name="schema", title="All tables and functions", mime_type=_TEXT
        )
        always = [overview]
        if await _told(self._may_monitor()):
            always.append(
                types.Resource(
                    uri=_MONITOR,
                    name="monitor",
                    title="How the tools are doing",
                    mime_type=_JSON,
                )
            )
        return types.ListResourcesResult(
            resources=always
            + [
                types.Resource(
                    uri=_TEMPLATES[one.kind].format(name=quote(one.name)),
                    name=one.name,
                    description=one.title or None,
                    mime_type=_TEXT,
                )
                for one in names
            ]
            + [
                types.Resource(
                    uri=function.resource.uri,
                    name=function.name,
                    description=function.description or None,
                    mime_type=_type_of(function),
                )
                for _, function in await _told(self._functions())
                if function.resource and not function.resource.is_template
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
                    mime_type=_TEXT,
                )
                for kind, template in _TEMPLATES.items()
            ]
            + [
                types.ResourceTemplate(
                    uri_template=function.resource.uri,
                    name=function.name,
                    description=function.description or None,
                    mime_type=_type_of(function),
                )
                for _, function in await _told(self._functions())
                if function.resource and function.resource.is_template
            ]
        )

    async def read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(params.uri)
        if len(uri) > LONGEST_URI:
            raise MCPError(types.INVALID_PARAMS, "Resource not found")
        try:
            found = await self._read_function(context, uri)
            if found is None:
                kind = _JSON if uri == _MONITOR else _TEXT
                with calling(context):
                    found = [_contents(uri, await _told(self._read(uri)), kind)]
        except ValidationError:
            raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri}) from None
        return types.ReadResourceResult(contents=found)

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
                for name, prompt in PROMPTS.items()
            ]
            + [
                types.Prompt(
                    name=function.name,
                    title=function.prompt,
                    description=function.description or None,
                    arguments=[
                        types.PromptArgument(
                            name=name,
                            description=schema.get("description"),
                            required=name in function.input_schema.get("required", ()),
                        )
                        for name, schema in function.input_schema["properties"].items()
                    ],
                )
                for _, function in await _told(self._functions())
                if function.prompt is not None and function.name not in PROMPTS
            ]
        )

    async def get_prompt(
        self, context: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        # A form that was not filled in is sent with empty texts.
        given = {name: text for name, text in (params.arguments or {}).items() if text.strip()}
        prompt = PROMPTS.get(params.name)
        if prompt is None:
            return await self._prompt_function(context, params.name, given)
        known = {argument.name for argument in prompt.arguments}
        if set(given) != known:
            wrong = min(set(given) ^ known)
            raise MCPError(types.INVALID_PARAMS, f"missing or unknown argument: {wrong[:80]}")
        parts: list[types.ContentBlock] = [
            types.TextContent(text=prompt.text.format(**{k: v[:200] for k, v in given.items()}))
        ]
        if "table" in given:
            with calling(context):
                uri, text = await _told(self._table(given["table"].strip()))
            parts.append(types.EmbeddedResource(resource=_contents(uri, text)))
        return types.GetPromptResult(
            description=prompt.description,
            messages=[types.PromptMessage(role="user", content=part) for part in parts],
        )

    async def complete(
        self, _: Context, params: types.CompleteRequestParams
    ) -> types.CompleteResult:
        begun = params.argument.value.lower()
        functions = await _told(self._functions())
        schema = next((one.input_schema for _, one in functions if _is_meant(one, params)), None)
        kind = _completed(params) if schema is None else None
        if schema is not None:
            argument = schema["properties"].get(params.argument.name, {})
            found = [
                text
                for text in map(str, argument.get("enum", ()))
                if text.lower().startswith(begun)
            ]
        else:
            found = [
                one.name
                for one in (await _told(self._names()) if kind else [])
                if one.kind == kind and any(form.startswith(_bare(begun)) for form in _forms(one))
            ]
        return types.CompleteResult(
            completion=types.Completion(
                values=found[:_COMPLETIONS], total=len(found), has_more=len(found) > _COMPLETIONS
            )
        )

    async def _names(self) -> list[Name]:
        return await list_names(self._agent.database, await self._identify())

    async def _functions(self) -> list[tuple[Tool, FunctionSpec]]:
        return await self._toolbox.functions(await self._identify())

    async def _run(
        self, context: Context, tool: Tool, arguments: dict[str, Any]
    ) -> list[types.ContentBlock]:
        name = tool.spec.name
        with calling(context, name), measured(name, self._agent.database.settings.slow_query):
            result = await _told(tool.run(await self._identify(), arguments))
        return result.content

    async def _read_function(self, context: Context, uri: str) -> list[Contents] | None:
        """Read the resource that is the answer of a function; None if there is none."""
        for tool, function in await _told(self._functions()):
            given = function.resource.arguments(uri) if function.resource else None
            if function.resource is not None and given is not None:
                arguments = _given(tool, function, given)
                found = await self._run(context, tool, arguments)
                # As asked for, where that is another way to write the same: ?scale=2 and 2.0.
                own = function.resource.uri_for(arguments)
                return contents(uri, found, _type_of(function), own)
        return None

    async def _prompt_function(
        self, context: Context, name: str, given: Mapping[str, str]
    ) -> types.GetPromptResult:
        for tool, function in await _told(self._functions()):
            if function.prompt is not None and function.name == name:
                try:
                    parts = await self._run(context, tool, _given(tool, function, given))
                except ValidationError as error:
                    raise MCPError(types.INVALID_PARAMS, error.message) from None
                return types.GetPromptResult(
                    description=function.description or None,
                    messages=[types.PromptMessage(role="user", content=part) for part in parts],
                )
        raise MCPError(types.INVALID_PARAMS, f"unknown prompt: {name[:80]}")

    async def _describe(self, name: str | None = None) -> str:
        return await described(self._agent, await self._identify(), name)

    async def _table(self, name: str) -> tuple[str, str]:
        """Give the URI of a table, and its description."""
        for one in await self._names():
            if one.kind == "table" and _bare(name) in _forms(one):
                uri = _TEMPLATES["table"].format(name=quote(one.name))
                return uri, await self._describe(one.name)
        raise MCPError(types.INVALID_PARAMS, f"there is no table {name[:80]!r} that you may use")

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
                one.kind == kind and _bare(name) in _forms(one) for one in await self._names()
            ):
                return await self._describe(name)
        raise ValidationError("no such resource")


def handlers(
    agent: Agent, toolbox: Toolbox, identify: Callable[[], Awaitable[Principal]]
) -> dict[str, Any]:
    """Give what `mcp.server.Server` takes for resources, prompts and completions, by name."""
    made = _Handlers(agent, toolbox, identify)
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
        code = types.INVALID_PARAMS if isinstance(error, BadArgument) else types.INTERNAL_ERROR
        raise MCPError(code, f"{error.code}: {error.message}") from None


def _given(tool: Tool, function: FunctionSpec, given: Mapping[str, str]) -> dict[str, Any]:
    """Read arguments that came as texts.

    Raises:
        ValidationError: see `checked()`.
    """
    return checked(tool, from_texts(given, function.texts_schema()))


def _forms(one: Name) -> tuple[str, str]:
    """Give the two ways to write a name: with its schema, and without."""
    name = _bare(one.name)
    return name, name.partition(".")[2]


def _bare(name: str) -> str:
    """Give a name as it is compared: in any case, with the quotes of SQL or without."""
    return name.lower().replace('"', "")


def _completed(params: types.CompleteRequestParams) -> str | None:
    """Say of which kind the names are that an argument takes; None for free text."""
    if isinstance(params.ref, types.PromptReference):
        prompt = PROMPTS.get(params.ref.name)
        if prompt is None:
            raise MCPError(types.INVALID_PARAMS, f"unknown prompt: {params.ref.name[:80]}")
        return "table" if params.argument.name == "table" else None
    for kind, template in _TEMPLATES.items():
        if params.ref.uri == template:
            return kind if params.argument.name == "name" else None
    raise MCPError(types.INVALID_PARAMS, f"unknown resource template: {params.ref.uri[:80]}")


def _is_meant(function: FunctionSpec, params: types.CompleteRequestParams) -> bool:
    """Say whether it is an argument of this function that is completed."""
    if isinstance(params.ref, types.PromptReference):
        return function.prompt is not None and function.name == params.ref.name
    return function.resource is not None and function.resource.uri == params.ref.uri


def _type_of(function: FunctionSpec) -> str:
    """Say of which type the texts are that a function answers with."""
    said = function.resource.mime_type if function.resource else None
    return said or ("text/csv" if function.answers == "rows" else _TEXT)


def _contents(uri: str, text: str, kind: str = _TEXT) -> types.TextResourceContents:
    return types.TextResourceContents(uri=uri, text=text, mime_type=kind)


def _only_page(params: Page) -> None:
    if params is not None and params.cursor:
        raise MCPError(types.INVALID_PARAMS, "there is only one page")
