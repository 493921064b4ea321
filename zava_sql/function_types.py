"""Types of PostgreSQL as JSON Schema (2020-12), for arguments."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "UnshownError",
    "argument_schema",
    "base_of",
    "column_names",
    "default_value",
    "has_empty",
    "has_text",
    "in_words",
    "said_by",
    "with_texts",
]

# One type each, none left out beside an enum, and no format but date-time: for anything else the
# services of some models (Gemini's) refuse all tools together. So other formats are described in
# words.
_ARGUMENTS: Final[dict[str, dict[str, Any]]] = {
    "bool": {"type": "boolean"},
    "int2": {"type": "integer"},
    "int4": {"type": "integer"},
    "int8": {"type": "integer"},
    "oid": {"type": "integer"},
    "float4": {"type": "number"},
    "float8": {"type": "number"},
    "numeric": {"type": "number"},
    "date": {"type": "string", "description": "a date"},
    # Not date-time: that has an offset, which this type would silently drop.
    "timestamp": {"type": "string"},
    "timestamptz": {"type": "string", "format": "date-time"},
    "interval": {"type": "string", "description": "1 day 2 hours, or P1DT2H"},
    "uuid": {"type": "string", "description": "UUID"},
    "json": {},
    "jsonb": {},
}

# Checking an item takes longer than reading it, and nobody else is served meanwhile.
_LONGEST_LIST: Final = 1000

_LITERAL: Final = re.compile(r"""(?:'((?:[^']|'')*)'|\(?(-?\d+(?:\.\d+)?)\)?)(?:::[\w ."\[\]]+)?""")
_NUMBERS: Final = frozenset({"int2", "int4", "int8", "oid", "float4", "float8", "numeric"})
# What the numbers of many clients, which are doubles, cannot say.
_EXACT: Final = frozenset({"numeric", "int8"})
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
# Python reads no longer integers.
_TEXT_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,4000}(\.[0-9]+)?([eE][+-]?[0-9]{1,6})?")


class UnshownError(Exception):
    """Something that no schema fully describes; the message says what."""


def argument_schema(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Describe what may be given for a parameter of this type.

    Raises:
        UnshownError: the type is a row, has no value, or is known only when the function is called.
    """
    match facts["kind"]:
        case "a":
            # Before the items: it is checked first, so a long list is not walked through.
            return {
                "type": "array",
                "maxItems": _LONGEST_LIST,
                "items": argument_schema(facts["of"]),
            }
        case "d":
            if base_of(facts)["kind"] == "a":
                raise UnshownError("a parameter is a domain over an array")
            schema = argument_schema(facts["of"])
            return {**schema, "enum": list(facts["values"])} if "values" in facts else schema
        case "e":
            if "values" not in facts:
                raise UnshownError(f"a parameter is of {facts['sql']}, an enum without values")
            return {"type": "string", "enum": list(facts["values"])}
        case "b" | "r" | "m":
            return dict(_ARGUMENTS.get(facts["name"], {"type": "string"}))
        case _:
            raise UnshownError(f"a parameter is of type {facts['sql']}")


def with_texts(schema: dict[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Let the schema of an argument take texts as numerics: JSON's numbers are often doubles."""
    if base_of(facts)["name"] == "numeric" and schema.get("type") == "number":
        return {**schema, "type": ["number", "string"]}
    return schema


def in_words(schema: dict[str, Any]) -> dict[str, Any]:
    """Describe in words which numbers there are to choose from, in a schema that is shown.

    Gemini's services accept choices of texts alone, and refuse all tools for any others.
    """
    made = dict(schema)
    if isinstance(made.get("properties"), dict):
        made["properties"] = {
            name: in_words(part) if isinstance(part, dict) else part
            for name, part in made["properties"].items()
        }
    if isinstance(made.get("items"), dict):
        made["items"] = in_words(made["items"])
    values = made.get("enum", [])
    if not all(isinstance(value, str) for value in values):
        del made["enum"]
        choices = f"one of {', '.join(map(json.dumps, values))}"
        told = made.get("description")
        made["description"] = f"{told}; {choices}" if told else choices
    return made


def said_by(value: object, facts: Mapping[str, Any]) -> object:
    """Give what rules are about: the number that a text for a numeric or a bigint says."""
    facts = base_of(facts)
    if facts["kind"] == "a":
        if not isinstance(value, list) or len(value) > _LONGEST_LIST:
            return value
        return [said_by(item, facts["of"]) for item in value]
    if facts["name"] in _EXACT and isinstance(value, str) and _TEXT_NUMBER.fullmatch(value):
        return int(value) if value.lstrip("+-").isdigit() else float(value)
    return value


def column_names(columns: Sequence[Mapping[str, Any]]) -> str:
    """Give the names of the columns that rows have; a result tells their types.

    Raises:
        UnshownError: the columns are known only when the function is called.
    """
    for column in columns:
        facts = column["type"]
        if facts["kind"] == "p" and facts["name"] != "void":
            raise UnshownError(f"it returns {facts['sql']}")
    return ",".join(column["name"] for column in columns)


def default_value(expression: str | None, facts: Mapping[str, Any]) -> object:
    """Give a default that is a plain value; None for NULL, and for what has to be computed."""
    if expression is None or facts["kind"] == "a":
        return None
    if expression in ("true", "false"):
        return expression == "true"
    match = _LITERAL.fullmatch(expression)
    if match is None:
        return None
    text = match[2] if match[1] is None else match[1].replace("''", "'")
    base = base_of(facts)
    # Of a moment or a length of time PostgreSQL's text is not of the format that the schema names.
    if base["name"] in ("json", "jsonb", "timestamptz", "interval"):
        return None
    if base["name"] in _NUMBERS:
        return json.loads(text) if _NUMBER.fullmatch(text) else None
    return text


def has_empty(facts: Mapping[str, Any], default: str | None) -> bool:
    """Say whether the empty text is a value of its own, for an argument with this default.

    An argument whose default is NULL uses it for a missing value.
    """
    base = base_of(facts)
    if base["name"] in ("json", "jsonb"):
        return True
    told = default is not None and default.startswith("NULL::")
    return not told and base["kind"] != "a" and base["name"] not in _ARGUMENTS


def base_of(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the type that a domain is made of; any other is its own."""
    while facts["kind"] == "d":
        facts = facts["of"]
    return facts


def has_text(text: str) -> bool:
    """Say whether PostgreSQL has a text like this: none with a NUL or half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
