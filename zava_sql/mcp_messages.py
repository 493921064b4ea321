"""Messages that the SDK leaves without an answer, so that its client waits for ever.

Over stdio that is anything it cannot read. And in the older generation it takes a request whose id
is neither a text nor a whole number for a notification, which has none.
"""

from __future__ import annotations

import json

import mcp_types as types
from pydantic import ValidationError

__all__ = ["refusal_of"]


def refusal_of(text: str) -> str | None:
    """Give the answer to a text that is no message, or an odd request; None to any other."""
    is_message = True
    try:
        message = types.jsonrpc_message_adapter.validate_json(text, by_name=False)
    except ValidationError:
        is_message = False
    else:
        # A request whose id is neither a text nor a whole number it takes for a notification.
        if not isinstance(message, types.JSONRPCNotification) or '"id"' not in text:
            return None
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return _error(None, types.PARSE_ERROR, "Parse error") if text.strip() else None
    fields = given if isinstance(given, dict) else {}
    asked = fields.get("id")
    # Answers have no answer, and an id that is null is none.
    is_answer = "method" not in fields and not {"result", "error"}.isdisjoint(fields)
    if is_answer or (is_message and asked is None):
        return None
    known = asked if isinstance(asked, str) or type(asked) is int else None
    return _error(known, types.INVALID_REQUEST, "this is not one request or notification")


def _error(asked: types.RequestId | None, code: int, message: str) -> str:
    error = types.ErrorData(code=code, message=message)
    told = types.JSONRPCError(jsonrpc="2.0", id=asked, error=error)
    return told.model_dump_json(exclude_unset=True)
