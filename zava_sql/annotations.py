"""What the comment of a function says of it beside its arguments, a line each.

    resource: zava://receipts/{order_id} application/pdf    a resource too, or a template of some
    prompt: Review a receipt                                a prompt of this title, and no tool
    schema: {"properties": {"region": {"pattern": "…"}}}    JSON Schema beyond what types say

One that cannot be obeyed keeps the function from being shown at all.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator, SchemaError  # type: ignore[import-untyped]
from mcp.shared.inbound import find_invalid_x_mcp_header
from mcp.shared.uri_template import InvalidUriTemplate, UriTemplate
from referencing.exceptions import Unresolvable

from zava_sql.function_types import UnshownError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LONGEST_URI", "Resource", "extended", "from_texts", "resource_of"]

# A URI or URI template, and the type of its content.
_RESOURCE: Final = re.compile(r"([a-z][a-z0-9+.-]*:\S+)(?: +([\w.+-]+/[\w.+-]+))?")

# Characters: parsing a URI blocks everybody else.
LONGEST_URI: Final = 8_000

# Under db: are the schema's own.
_TAKEN: Final = "db:"

# Said by the function itself.
_OURS: Final = frozenset({"type", "required"})

_REFERENCES: Final = frozenset({"$ref", "$dynamicRef"})

_WHOLE: Final = re.compile(r"-?\d{1,19}")
_NUMBER: Final = re.compile(r"-?\d{1,40}(\.\d{1,40})?")
_TRUTH: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Resource:
    """Where the answer of a function is read as a resource."""

    template: UriTemplate
    mime_type: str | None

    @property
    def uri(self) -> str:
        """The URI, or the template of all of them."""
        return str(self.template)

    @property
    def is_template(self) -> bool:
        """Whether there are several, told apart by arguments."""
        return bool(self.template.variable_names)

    def arguments(self, uri: str) -> dict[str, str] | None:
        """Give the arguments that a URI names, as texts; None if it does not match."""
        found = self.template.match(uri) if len(uri) <= LONGEST_URI else None
        if found is None or not all(isinstance(value, str) for value in found.values()):
            return None
        return {name: str(value) for name, value in found.items()}

    def uri_for(self, arguments: Mapping[str, object]) -> str:
        """Give the URI under which what these arguments gave is read."""
        return self.template.expand({name: _text(value) for name, value in arguments.items()})


def resource_of(said: str | None, schema: Mapping[str, Any]) -> Resource | None:
    """Read the line about a resource.

    Raises:
        UnshownError: it is no URI, or what it names are not the arguments.
    """
    if said is None:
        return None
    match = _RESOURCE.fullmatch(said)
    if match is None or said.startswith(_TAKEN):
        raise UnshownError("its resource is no URI, or one of db:")
    try:
        template = UriTemplate.parse(match[1])
    except InvalidUriTemplate:
        raise UnshownError("its resource is no template of a URI") from None
    named = set(template.variable_names)
    if not named <= set(schema["properties"]):
        raise UnshownError("its resource names what is no argument")
    if not set(schema.get("required", ())) <= named - template.query_variable_names:
        raise UnshownError("its resource lacks an argument that is required")
    return Resource(template, match[2])


def extended(schema: dict[str, Any], said: str | None) -> dict[str, Any]:
    """Add to a schema what a comment says: rules for an argument, or between several.

    Raises:
        UnshownError: it is no schema, looks elsewhere, or is about something else.
    """
    if said is None:
        return schema
    try:
        more = json.loads(said)
        # JSON has no NaN and no infinity, which Python reads: clients are shown null, no schema.
        json.dumps(more, allow_nan=False)
        Draft202012Validator.check_schema(more)
    except (ValueError, SchemaError, RecursionError):
        raise UnshownError("its schema is no JSON Schema") from None
    if not isinstance(more, dict) or not _OURS.isdisjoint(more):
        raise UnshownError("its schema says what the parameters say")
    if any(key == "$id" or (key in _REFERENCES and to[:1] != "#") for key, to in _words(more)):
        raise UnshownError("its schema is not all in one place")
    properties = dict(schema["properties"])
    refer = [to for key, to in _words(more) if key in _REFERENCES]
    for name, rules in more.pop("properties", {}).items():
        if name not in properties or not isinstance(rules, dict):
            raise UnshownError(f"its schema has rules for {name!r}, which is no argument")
        properties[name] = {**properties[name], **rules}
    whole = {**more, **schema, "properties": properties}
    if find_invalid_x_mcp_header(whole) is not None:
        raise UnshownError("its schema has an x-mcp-header for which clients leave a tool out")
    if not all(_leads_somewhere(to, whole) for to in refer):
        raise UnshownError("its schema refers to what is not there, or to itself")
    return whole


def _leads_somewhere(reference: str, schema: Mapping[str, Any]) -> bool:
    try:
        for _ in Draft202012Validator(schema).descend(None, {"$ref": reference}):
            pass
    except (RecursionError, Unresolvable):
        return False
    return True


def from_texts(given: Mapping[str, str], schema: Mapping[str, Any]) -> dict[str, object]:
    """Convert texts, as URIs and prompts hold them, to what a schema asks for, where they fit."""
    properties = schema["properties"]
    return {name: _value(text, properties.get(name, {})) for name, text in given.items()}


def _value(text: str, schema: Mapping[str, Any]) -> object:
    for value in schema.get("enum", ()):
        if _text(value) == text:
            return value
    kind = schema.get("type")
    if kind == "integer" and _WHOLE.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    return _TRUTH.get(text, text) if kind == "boolean" else text


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _words(schema: object) -> Iterator[tuple[str, str]]:
    """Give all keys with a text behind them, at any depth."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if isinstance(value, str):
                yield key, value
            yield from _words(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _words(value)
