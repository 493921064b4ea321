"""The values of PostgreSQL's escape strings, E'...', and strings in the plain form."""

from __future__ import annotations

import re
from typing import Final

from zava_sql.guard.limits import MAX_ESCAPES, Refusal

__all__ = ["plain_string", "unescape"]

_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|''|[^\\']+",
    re.DOTALL,
)
_PLAIN_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def plain_string(value: str) -> str:
    """Write a value as '...'."""
    return "'" + value.replace("'", "''") + "'"


def unescape(body: str) -> str:
    """Give the value of an E'...' string [xeinside, xeescape, xeoctesc, xehexesc, xeunicode]."""
    if body.count("\\") > MAX_ESCAPES:
        raise Refusal("too_long", f"more than {MAX_ESCAPES:,} escapes in a string")
    try:
        value = b"".join(_escape(found) for found in _ESCAPE.finditer(body)).decode()
    except ValueError:  # UnicodeDecodeError is one
        value = "\0"
    if "\0" in value:
        raise Refusal(
            "bad_character",
            "an escape in a string is invalid, NUL, or not UTF-8",
            "Write the character itself.",
        )
    return value


def _escape(found: re.Match[str]) -> bytes:
    r"""Give the bytes of one escape, of `''`, or of plain text between them."""
    hexadecimal, octal, short, long, plain = found.groups()
    if hexadecimal:
        return bytes((int(hexadecimal, 16),))
    if octal:
        return bytes((int(octal, 8) & 0xFF,))
    if short or long:
        return chr(int(short or long, 16)).encode()  # a surrogate, or beyond Unicode: ValueError
    if plain:
        if plain in "uUv":  # unfinished \u; \v differs between versions
            raise ValueError(plain)
        return _PLAIN_ESCAPES.get(plain, plain).encode()
    return b"'" if found[0] == "''" else found[0].encode()
