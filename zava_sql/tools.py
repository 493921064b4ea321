"""The tools: `query`, `describe_schema`, and one for each function that a caller may call."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, Final, get_args

import mcp_types as types
from jsonschema import (  # type: ignore[import-untyped]
    Draft202012Validator,
    validators,
)
from jsonschema import ValidationError as Problem

from zava_sql.answer import Form, answer, fenced, value_answer
from zava_sql.content import blocks
from zava_sql.errors import ValidationError
from zava_sql.function_types import has_empty, in_words, said_by
from zava_sql.metrics import count_cut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from zava_sql.agent import Agent
    from zava_sql.functions import FunctionSpec
    from zava_sql.principals import Principal
    from zava_sql.settings import Settings

    Arguments = dict[str, Any]
    Rule = Callable[[Draft202012Validator, Any, object, Any], Iterator[Problem] | None]

__all__ = [
    "READS",
    "Tool",
    "checked",
    "describe_tool",
    "described",
    "function_tool",
    "query_tool",
    "text_result",
]

# Characters: beyond this, a message quotes more than it explains.
_REASON: Final = 200

READS = types.ToolAnnotations(read_only_hint=True, open_world_hint=False)

_QUERY = """\
Runs one SELECT of PostgreSQL, read-only. You see only the stores of this identity. Tables are in \
schema retail, the default, functions in api (write api.name(...)): see describe_schema. Times \
are in {time_zone}.
Refused: everything but a single SELECT, WITH or VALUES; system catalogues; functions that change \
or reveal settings, sessions or files; row locks.
At most max_rows rows come back, and {kilobytes} kB. If there are more, the last line is \
"# truncated: ...": aggregate, or page with ORDER BY a key, then WHERE key > last value and LIMIT.
csv: the first line is name:type; NULL is bare, the text "NULL" and the empty text are quoted. \
json: columns, rows as arrays; numeric, and integers beyond 2^53, are strings."""

# Strict readers of JSON Schema want every required field declared.
_FIELDS: Final = {
    "type": "object",
    "properties": {
        "columns": {"type": "array"},
        "row_count": {"type": "integer"},
        "truncated": {"type": "boolean"},
    },
    "required": ["columns", "row_count", "truncated"],
    # There are rows only if asked for, and more fields: some clients drop what is not declared.
    "additionalProperties": True,
}

# Many clients (Claude Code, Codex, Cursor) show a model structured content in place of the text.
_ELSEWHERE: Final = {"hint": "The rows are in the text. To have them here, too: rows: true"}

_DESCRIBE = """\
Tells what can be queried. Without name: a line for each table and function. With one: its \
columns, types, keys, allowed values, comments and how many rows you see. With search: lines about \
tables, columns and functions with all words, or else most. Without from and to a report covers 30 \
days or more up to the newest sale: its description says which."""


def _multiple_of(
    validator: Draft202012Validator, of: float, number: object, _: object
) -> Iterator[Problem]:
    """Count in decimal: by jsonschema's own rule 19.99 is no multiple of 0.01."""
    if not validator.is_type(number, "number"):
        return
    try:
        fits = (Fraction(str(number)) / Fraction(str(of))).denominator == 1
    except ValueError:
        fits = False
    if not fits:
        yield Problem(f"{number} is not a multiple of {of}")


def _pattern(
    validator: Draft202012Validator, pattern: str, text: object, _: object
) -> Iterator[Problem]:
    """Make `$` mean the end, as in JSON Schema: in Python a last line break may follow it."""
    if validator.is_type(text, "string") and not re.search(_to_the_end(pattern), str(text)):
        yield Problem(f"{text!r} does not match {pattern!r}")


@cache
def _to_the_end(pattern: str) -> str:
    return _PART.sub(lambda part: r"\Z" if part[0] == "$" else part[0], pattern)


# What is escaped, a set of characters, or any other character.
_PART: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)


def _bounded(rule: Rule) -> Rule:
    """Make NaN, which is not JSON but which Python reads, break a rule that its size would not."""

    def check(
        validator: Draft202012Validator, bound: object, number: object, schema: object
    ) -> Iterator[Problem]:
        if isinstance(number, float) and math.isnan(number):
            yield Problem(f"{number} is neither less nor greater than {bound}")
        else:
            yield from rule(validator, bound, number, schema) or ()

    return check


_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_Validator: Final = validators.extend(
    Draft202012Validator,
    {
        "multipleOf": _multiple_of,
        "pattern": _pattern,
        **{name: _bounded(Draft202012Validator.VALIDATORS[name]) for name in _BOUNDS},
    },
)


@dataclass(frozen=True, slots=True)
class Tool:
    """What a client is told about a tool, and what runs."""

    spec: types.Tool
    run: Callable[[Principal, Arguments], Awaitable[types.CallToolResult]]
    function: FunctionSpec | None = None
    validator: Draft202012Validator = field(init=False)

    def __post_init__(self) -> None:
        schema = self.function.input_schema if self.function else self.spec.input_schema
        object.__setattr__(self, "validator", _Validator(schema))


def text_result(text: str, fields: dict[str, Any] | None = None) -> types.CallToolResult:
    """Give a text, and fields beside it."""
    return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=fields)


def checked(tool: Tool, given: Mapping[str, object]) -> Arguments:
    """Give the arguments with which a tool may run.

    Raises:
        ValidationError: they do not fit its schema. A model can mend that, so it is to see it
            (SEP-1303, part of the protocol since 2025-11-25).
    """
    known = tool.spec.input_schema["properties"]
    needed = tool.spec.input_schema.get("required", ())
    arguments = {
        name: value
        for name, value in given.items()
        if name in needed or name not in known or not _left_out(tool, name, value)
    }
    unknown = next((name for name in arguments if name not in known), None)
    if unknown is not None:
        raise _invalid(tool, f"there is no argument {unknown[:80]!r}")
    facts = {one.name: one.facts for one in tool.function.parameters} if tool.function else {}
    said = {
        name: said_by(value, facts[name]) if name in facts else value
        for name, value in arguments.items()
    }
    try:
        problem = next(tool.validator.iter_errors(said), None)
    except RecursionError:
        raise _invalid(tool, "it is nested too deep") from None
    if problem is not None:
        raise _invalid(tool, f"{problem.json_path[:200]}: {_reason(problem)}")
    return arguments


def _left_out(tool: Tool, name: str, value: object) -> bool:
    """Say whether a model means to leave an optional argument out.

    That is null, and where the empty text is no value, that: clients that ask services for strict
    answers make models give all arguments, and those of type string have no null then.
    """
    if value != "":
        return value is None
    function = tool.function
    schema = (function or tool.spec).input_schema["properties"][name]
    if "enum" in schema:
        return "" not in schema["enum"]
    if function is None:
        return bool(schema["type"] != "string")
    (parameter,) = (one for one in function.parameters if one.name == name)
    return not has_empty(parameter.facts, parameter.default)


def _invalid(tool: Tool, reason: str) -> ValidationError:
    names = ", ".join(tool.spec.input_schema["properties"])
    return ValidationError(
        f"invalid arguments of {tool.spec.name}: {reason}",
        hint=f"It takes {names[:_REASON] or 'none'}.",
    )


def _reason(problem: Problem) -> str:
    """Say what is wrong; of a long value only which rule it breaks."""
    message = str(problem.message)
    if len(message) <= _REASON:
        return message
    return f"must fit {problem.validator} {str(problem.validator_value)[:_REASON]}"


def query_tool(agent: Agent) -> Tool:
    """Make the tool that runs a SELECT."""
    settings: Settings = agent.database.settings

    async def run(principal: Principal, arguments: Arguments) -> types.CallToolResult:
        result = await agent.query(
            principal, arguments["sql"], max_rows=_whole(arguments.get("max_rows"))
        )
        rows = arguments.get("rows", False)
        caps = agent.database.caps.of(principal.role)
        made = answer(result, caps, form=arguments.get("format", "csv"), rows=rows)
        count_cut(made.fields)
        if settings.fence_results and not rows:
            # A model that is shown nothing else would be told to have them without a fence.
            return text_result(made.text)
        return text_result(made.text, made.fields if rows else made.fields | _ELSEWHERE)

    spec = types.Tool(
        name="query",
        title="Query",
        description=_QUERY.format(
            time_zone=settings.time_zone, kilobytes=settings.max_bytes // 1000
        ),
        input_schema={
            "type": "object",
            "properties": {
                "sql": {"type": "string", "minLength": 1},
                "max_rows": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": settings.max_rows_limit,
                    "default": min(settings.max_rows, settings.max_rows_limit),
                },
                "format": {"type": "string", "enum": list(get_args(Form)), "default": "csv"},
                "rows": {
                    "type": "boolean",
                    "default": False,
                    "description": "Rows as structured content too.",
                },
            },
            "required": ["sql"],
        },
        output_schema=None if settings.fence_results else _FIELDS,
        annotations=READS,
    )
    return Tool(spec, run)


async def described(
    agent: Agent, principal: Principal, name: str | None = None, search: str | None = None
) -> str:
    """Describe what there is; within a fence where that may hold values of rows.

    Raises:
        QueryTimeout, LimitExceeded, ServiceUnavailable, ValidationError: see `errors`.
    """
    text = await agent.describe(principal, name, search)
    return fenced(text) if agent.database.settings.fence_results and (name or search) else text


def describe_tool(agent: Agent) -> Tool:
    """Make the tool that tells what can be asked for."""

    async def run(principal: Principal, arguments: Arguments) -> types.CallToolResult:
        found = (arguments.get("name"), arguments.get("search"))
        return text_result(await described(agent, principal, *found))

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
                },
                "search": {"type": "string", "description": "Words to look for."},
            },
        },
        annotations=READS,
    )
    return Tool(spec, run)


def function_tool(agent: Agent, function: FunctionSpec) -> Tool:
    """Make the tool that calls a function of the database."""
    # Clients show a model structured content in place of the text, and there is no fence in it.
    structured = not agent.database.settings.fence_results

    async def run(principal: Principal, arguments: Arguments) -> types.CallToolResult:
        caps = agent.database.caps.of(principal.role)
        result = await agent.call_function(
            principal, function, arguments, max_rows=_asked(arguments.get("limit"), caps)
        )
        if function.prompt is not None:
            # What it says is to be followed: its author, and the user who chose it, want that.
            caps = caps.model_copy(update={"fence_results": False})
        if function.answers == "content":
            where = function.resource.uri_for(arguments) if function.resource else None
            return types.CallToolResult(content=blocks(result, caps, where))
        value = function.answers == "value"
        made = value_answer(result, caps) if value else answer(result, caps, rows=True)
        count_cut(made.fields)
        return text_result(made.text, made.fields if structured else None)

    spec = types.Tool(
        name=function.name,
        description=function.description or None,
        input_schema=in_words(function.input_schema),
        output_schema=function.output_schema if structured else None,
        annotations=types.ToolAnnotations(read_only_hint=function.read_only),
    )
    return Tool(spec, run, function)


def _whole(number: float | None) -> int | None:
    """Give an integer: 5.0 is one to JSON Schema."""
    return None if number is None else int(number)


def _asked(limit: object, settings: Settings) -> int | None:
    """Give the rows that a caller of a function asked for, where that is more than usual."""
    # What has no order, as JSON's NaN has none, is nothing to be counted to.
    if not isinstance(limit, int | float) or not limit > settings.max_rows:
        return None
    return int(min(limit, settings.max_rows_limit))
