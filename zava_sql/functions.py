"""A function of the database as a tool: what a client is told about it, and the call itself.

Made from what `zava.api_functions()` says. A function that cannot be shown whole is not shown at
all. Arguments are bound, never part of the text; names and types are the catalogue's own.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import pgvector

from zava_sql.annotations import Resource, extended, resource_of
from zava_sql.embedding import Vector
from zava_sql.errors import ValidationError
from zava_sql.function_types import (
    UnshownError,
    argument_schema,
    base_of,
    column_names,
    default_value,
    has_text,
    with_texts,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["FunctionSpec", "Parameter", "UnshownError", "read_functions"]

# Names of tools and arguments that every client accepts: a model's service that rejects one refuses
# the whole list.
_TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ARGUMENT_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# Built-in tools, whatever functions bear these names.
_RESERVED: Final = frozenset({"query", "describe_schema"})
# A line of a comment about something that it names; one about a parameter may be in a list.
_NOTE: Final = re.compile(r"([ \t*-]*)(\w[\w.-]*)[ \t]?:[ \t]+(.+)")
# A word or two add nothing to a name: from, first day.
_SAYS_LITTLE: Final = re.compile(r"[a-z ]{1,10}")
# What may be the name of a parameter in a text.
_PREFIXED: Final = re.compile(r"\bp_\w+")
# Characters beyond which a sentence ends at its colon, and beyond which it is cut.
_LONG: Final = 160
_LONGEST: Final = 1_000

# A row of this type is part of an answer that is not a table.
_CONTENT: Final = "api.content"

_WORDS: Final = {None: None, False: "false", True: "true"}
_VECTORS: Final = frozenset({"vector", "halfvec"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument: `name` is shown, `sql_name` is what the function calls it.

    `embeds` names the text argument whose embedding it is, for one that no caller gives.
    """

    name: str
    sql_name: str
    facts: Mapping[str, Any]
    required: bool
    default: str | None
    embeds: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function that a client may be shown, and what it is beside a tool.

    A `prompt` has this title, and is no tool.
    """

    name: str
    function_id: int
    function: str
    description: str
    parameters: tuple[Parameter, ...]
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None
    read_only: bool
    answers: Literal["rows", "value", "content"]
    overloaded: bool
    resource: Resource | None
    prompt: str | None

    def texts_schema(self) -> dict[str, Any]:
        """Give the schema by which texts are read: the one shown, with texts for numerics."""
        facts = {parameter.name: parameter.facts for parameter in self.parameters}
        properties = {
            name: with_texts(schema, facts[name])
            for name, schema in self.input_schema["properties"].items()
        }
        return {**self.input_schema, "properties": properties}

    def call(self, arguments: Mapping[str, object]) -> tuple[str, list[object]]:
        """Give the text of a call, and the values to bind to it.

        Raises:
            ValidationError: PostgreSQL has no text for a value.
        """
        parts: list[str] = []
        values: list[object] = []
        for parameter in self.parameters:
            if parameter.name in arguments:
                given = arguments[parameter.name]
                values.append(_bound(given, parameter.facts))
                value = f"${len(values)}{_cast(parameter.facts, exact=self.overloaded)}"
                if isinstance(given, Vector):
                    # Search may have changed to another model since.
                    values.append(given.model)
                    value = f"case when api._is_live_model(${len(values)}) then {value} end"
                parts.append(f"{parameter.sql_name} => {value}")
            elif self.overloaded:
                # Written out, so that PostgreSQL cannot choose another overload.
                default = f"({parameter.default})::{parameter.facts['sql']}"
                parts.append(f"{parameter.sql_name} => {default}")
        return f"select * from {self.function}({', '.join(parts)})", values

    def shown(self, text: str) -> str:
        """Give a text of the function with its arguments called as they are shown."""
        return _shown(text, self.parameters)


def read_functions(
    rows: Iterable[Mapping[str, Any]], *, embeds: bool
) -> tuple[list[FunctionSpec], list[str]]:
    """Make a tool of each function that can be shown, and say of the others why not."""
    known = [dict(row) for row in rows]
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in known:
        by_name.setdefault(row["function_name"], []).append(row)
    found: dict[str, list[FunctionSpec]] = {}
    left_out: list[str] = []
    for row in known:
        if row["function_name"] in _RESERVED:
            continue
        try:
            spec = _spec(row, by_name[row["function_name"]], embeds=embeds)
        except UnshownError as reason:
            left_out.append(f"api.{row['function_name']} is not a tool: {reason}")
        else:
            found.setdefault(spec.name, []).append(spec)
    left_out += [f"{name} is not a tool: two functions" for name in found if len(found[name]) > 1]
    return [specs[0] for specs in found.values() if len(specs) == 1], left_out


def _spec(
    row: Mapping[str, Any], namesakes: Sequence[Mapping[str, Any]], *, embeds: bool
) -> FunctionSpec:
    """Make it; `namesakes` are all functions of its name."""
    if row["kind"] != "f":
        raise UnshownError("it is no plain function")
    if row["is_variadic"]:
        raise UnshownError("it is variadic")
    declared = json.loads(row["parameters"])
    inputs = _inputs(row)
    if any(_takes_the_same(other, inputs) for other in namesakes if other is not row):
        raise UnshownError(
            f"{_told_apart(row['function_name'], inputs)}: another of this name takes the same, "
            "and more that may be left out"
        )
    overloaded = len(namesakes) > 1
    outputs = _outputs(declared, row["function_name"])
    about, notes = _comment(row["description"], [str(one["name"]) for one in inputs])
    parameters = _parameters(inputs, embeds=embeds)
    # A line about an argument of such a name is about the argument.
    said = {key: notes[key] for key in notes.keys() - {one.name for one in parameters}}
    schema = extended(_input_schema(parameters, notes), said.get("schema"))
    result = base_of(json.loads(row["result"]))
    answers = _answers(row, result, outputs)
    name = row["function_name"]
    if overloaded:
        name = _told_apart(name, inputs)
    if not _TOOL_NAME.fullmatch(name):
        raise UnshownError("its name has other characters than letters, digits, _ and -")
    columns = outputs or result.get("columns") or [{"name": name, "type": result}]
    return FunctionSpec(
        name=name,
        function_id=row["function_id"],
        function=f"api.{_quoted(row['function_name'])}",
        description=_shown(about, parameters),
        parameters=parameters,
        input_schema=schema,
        output_schema=None
        if answers == "content"
        else {"type": "object", "title": f"rows: {column_names(columns)}"},
        read_only=row["volatility"] != "v",
        answers=answers,
        overloaded=overloaded,
        resource=resource_of(said.get("resource"), schema),
        prompt=said.get("prompt"),
    )


def _inputs(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in json.loads(row["parameters"]) if one["mode"] in ("i", "b")]


def _outputs(declared: Iterable[Mapping[str, Any]], function: str) -> list[Mapping[str, Any]]:
    """Give the result column, if it has no name, by the name that PostgreSQL gives it."""
    outputs = [one for one in declared if one["mode"] in ("o", "b", "t")]
    if len(outputs) == 1:
        return [{**outputs[0], "name": outputs[0]["name"] or function}]
    return [{**one, "name": one["name"] or f"column{n}"} for n, one in enumerate(outputs, 1)]


def _takes_the_same(other: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a call with these arguments could mean the other as well."""
    if other["kind"] != "f":
        return False
    types = {one["name"]: one["type"]["sql"] for one in inputs}
    theirs = _inputs(other)
    return types.keys() <= {one["name"] for one in theirs} and all(
        types.get(one["name"]) == one["type"]["sql"]
        if one["name"] in types
        else one["default"] is not None
        for one in theirs
    )


def _answers(
    row: Mapping[str, Any], result: Mapping[str, Any], outputs: Sequence[object]
) -> Literal["rows", "value", "content"]:
    if result["sql"] == _CONTENT:
        return "content"
    return "rows" if row["is_set"] or outputs or "columns" in result else "value"


def _parameters(inputs: Sequence[Mapping[str, Any]], *, embeds: bool) -> tuple[Parameter, ...]:
    if not all(one["name"] for one in inputs):
        raise UnshownError("a parameter has no name")
    shown = [str(one["name"]).removeprefix("p_") for one in inputs]
    for name in shown:
        if not _ARGUMENT_NAME.fullmatch(name):
            raise UnshownError(
                f"a parameter is called {name!r}: other characters than letters, digits, _, . and -"
            )
    if len({*shown}) < len(shown):
        raise UnshownError("two parameters have one name without p_")
    texts = {
        name
        for name, one in zip(shown, inputs, strict=True)
        if base_of(one["type"]).get("name") == "text"
    }
    parameters = []
    for name, one in zip(shown, inputs, strict=True):
        text = None
        if base_of(one["type"]).get("name") in _VECTORS:
            text = name.removesuffix("_embedding")
            if text == name or text not in texts:
                raise UnshownError(f"no text goes with the vector {one['name']}")
            if not embeds and one["default"] is None:
                raise UnshownError(f"nothing is set up to embed a text for {one['name']}")
        else:
            argument_schema(one["type"])
        parameters.append(
            Parameter(
                name=name,
                sql_name=_quoted(one["name"]),
                facts=one["type"],
                required=one["default"] is None,
                default=one["default"],
                embeds=text,
            )
        )
    return tuple(parameters)


def _shown(text: str, parameters: Iterable[Parameter]) -> str:
    names = {f"p_{one.name}": one.name for one in parameters if one.sql_name != _quoted(one.name)}
    return _PREFIXED.sub(lambda match: names.get(match[0], match[0]), text)


def _input_schema(parameters: Iterable[Parameter], notes: Mapping[str, str]) -> dict[str, Any]:
    shown = [parameter for parameter in parameters if parameter.embeds is None]
    properties: dict[str, Any] = {}
    for parameter in shown:
        schema = argument_schema(parameter.facts)
        default = default_value(parameter.default, parameter.facts)
        if default is not None:
            schema["default"] = default
        note = notes.get(f"p_{parameter.name}") or notes.get(parameter.name) or ""
        told = _shown(note.split(";")[0], shown)
        if told and not _SAYS_LITTLE.fullmatch(told):
            schema["description"] = _cut(told)
        properties[parameter.name] = schema
    required = [parameter.name for parameter in shown if parameter.required]
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
    }


def _comment(text: str, declared: Collection[str]) -> tuple[str, dict[str, str]]:
    """Parse a comment: its first sentence, and its lines `p_x: …` and the like by name.

    A line about a parameter, `declared` by this name, needs no empty one before it. A list of tools
    is read with every question, so `describe_schema` shows the rest on demand.
    """
    lines = [line.rstrip() for line in text.strip().split("\n")]
    found = [_NOTE.match(line) for line in lines]
    ours = [match is not None and match[2] in declared for match in found]
    end = next((n for n, line in enumerate(lines) if ours[n] or not line), len(lines))
    notes: dict[str, str] = {}
    last = None
    for line, match, is_ours in zip(lines[end:], found[end:], ours[end:], strict=True):
        if match and (is_ours or not match[1]):
            last = match[2]
            notes[last] = match[3]
        elif last is not None and line:
            notes[last] += f" {line.strip()}"
        else:
            last = None
    return _first_sentence(" ".join(lines[:end])), notes


def _first_sentence(text: str) -> str:
    match = re.match(r".*?(?<!e\.g)(?<!i\.e)[.?!](?= |$)", " ".join(text.split()))
    sentence = match[0] if match else " ".join(text.split())
    head, colon, _ = sentence.partition(": ")
    ended = colon and len(sentence) > _LONG and len(head) > _LONG // 4
    return _cut(f"{head}." if ended else sentence)


def _cut(text: str) -> str:
    """Shorten what goes with every question to a model, whose services have limits of their own."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _told_apart(name: str, inputs: Iterable[Mapping[str, Any]]) -> str:
    """Add the types, by which PostgreSQL distinguishes overloads."""
    types = [_type_word(one["type"]) for one in inputs]
    full = "__".join([name, "_".join(types) or "none"])
    if _TOOL_NAME.fullmatch(full):
        return full
    digest = hashlib.sha256(" ".join(one["type"]["sql"] for one in inputs).encode()).hexdigest()
    return f"{name[:54]}__{digest[:8]}"


def _type_word(facts: Mapping[str, Any]) -> str:
    return f"{facts['of']['name']}s" if facts["kind"] == "a" else str(facts["name"])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _cast(facts: Mapping[str, Any], *, exact: bool) -> str:
    """Write how a text becomes a value.

    Unless it has to be `exact` which function is meant, PostgreSQL knows from that which enum or
    domain it is: its schema may be one that callers may not use.
    """
    array = "[]" if facts["kind"] == "a" else ""
    element = facts["of"] if array else facts
    if not exact and element["kind"] in ("d", "e"):
        element = base_of(element)
        if element["kind"] == "e":
            return ""
        return f"::text{array}::{element['sql']}{array}"
    return f"::text{array}::{facts['sql']}"


def _bound(value: object, facts: Mapping[str, Any]) -> object:
    """Give the text of a value, from which PostgreSQL reads it exactly."""
    if facts["kind"] == "a" and isinstance(value, list):
        return [_bound(item, facts["of"]) for item in value]
    if base_of(facts)["name"] in ("json", "jsonb"):
        text = json.dumps(value, ensure_ascii=False)
        # A NUL, over stdio maybe half an emoji, json would keep, and nothing could read it.
        _sendable(text.replace("\\\\", "").replace("\\u0000", "\0"))
        return text
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # 5.0 is an integer to JSON Schema
    if isinstance(value, Vector):
        return pgvector.Vector(value.numbers).to_text()
    return _sendable(str(value))


def _sendable(text: str) -> str:
    if not has_text(text):
        raise ValidationError(
            "PostgreSQL has no text with a NUL or half a surrogate pair in it",
            hint="Leave the character out.",
        )
    return text
