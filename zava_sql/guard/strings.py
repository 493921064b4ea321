"""The values of E'...' and U&'...', plain strings, strings continued over lines; quoted names."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from zava_sql.guard.bad_tokens import adjacent_strings
from zava_sql.guard.limits import MAX_ESCAPES, MAX_NAME_BYTES, Refusal

__all__ = [
    "cut_name",
    "plain_string",
    "quoted_name",
    "rewritten",
    "unescape",
    "unescape_unicode",
    "unquoted",
]

_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|u([Dd][89ABab]..)\\u([Dd][C-Fc-f]..)"
    r"|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|[^\\]+",
    re.DOTALL,
)
_HALF: Final = re.compile(r"[\ud800-\udfff]")
_NEXT_LINE: Final = re.compile(r"[ \t\f\v]*[\n\r][ \t\n\r\f\v]*")
_PLAIN_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def plain_string(value: str) -> str:
    """Write a value as '...'."""
    return "'" + value.replace("'", "''") + "'"


def unescape(body: str) -> str:
    """Give the value of an E'...' string [xeinside, xeescape, xeoctesc, xehexesc, xeunicode]."""
    if body.count("\\") > MAX_ESCAPES:
        raise Refusal("too_long", f"more than {MAX_ESCAPES:,} escapes in a string")
    try:
        return _checked(b"".join(_escape(found) for found in _ESCAPE.finditer(body)).decode())
    except ValueError:  # UnicodeDecodeError is one
        return _checked("\0")


def unescape_unicode(body: str, mark: str) -> str:
    """Give what U&'...' or U&"..." stands for, its quotes included [str_udeescape of parser.c]."""
    if body.count(mark) > MAX_ESCAPES:
        raise Refusal("too_long", f"more than {MAX_ESCAPES:,} escapes in a string")
    written = body[1:-1].replace(body[0] * 2, body[0])
    try:
        value = _escapes(mark).sub(
            lambda found: found[1] or _character(found[2] or found[3]), written
        )
        if _HALF.search(value):  # two halves of a surrogate pair are one character
            value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        return _checked(value)
    except ValueError:
        return _checked("\0")


@cache
def _escapes(mark: str) -> re.Pattern[str]:
    mark = re.escape(mark)
    return re.compile(rf"{mark}(?:({mark})|\+([0-9A-Fa-f]{{6}})|([0-9A-Fa-f]{{4}})|)")


def _character(digits: str | None) -> str:
    return chr(int(digits or "", 16))  # without digits, or beyond Unicode: ValueError


def _checked(value: str) -> str:
    if "\0" in value:
        raise Refusal(
            "bad_character",
            "an escape in a string is invalid, NUL, or not UTF-8",
            "Write the character itself.",
        )
    return value


def rewritten(
    sql: str, texts: list[str], starts: list[int], strings: list[bool]
) -> tuple[str, list[str]]:
    """Write N'...' as nchar '...', and strings continued on another line as one.

    Gives the text, in which spaces stand behind such strings, and its tokens [xnstart,
    quotecontinue]. Refuses adjacent strings that are not continued, or with a comment between them,
    and those with escapes, which could run across the border.
    """
    parts: list[str] = []  # of the text
    pieces: list[str] = []  # of one string
    made: list[str] = []
    begin = spaces = 0
    for index, text in enumerate(texts):
        end, following = starts[index] + len(text), starts[index + 1]
        if strings[index] and text[0] in "nN":
            made.append("nchar")
            text = text[1:]  # noqa: PLW2901  # the rest is as any other
        if strings[index] and strings[index + 1]:
            goes_on = _NEXT_LINE.fullmatch(sql, end, following) and sql[following] == "'"
            if not goes_on or text[0] in "eEuU$":
                raise adjacent_strings(following)
            pieces.append(text[bool(pieces) : -1])
            parts.append(sql[begin : end - 1])
            begin = following + 1
            spaces += begin - end + 1
        elif pieces:
            made.append("".join([*pieces, text[1:]]))
            pieces.clear()
            parts += sql[begin:end], " " * spaces
            begin, spaces = end, 0
        else:
            made.append(text)
    return "".join([*parts, sql[begin:]]), made


def unquoted(text: str) -> str:
    """Give the name that stands in double quotes."""
    return text[1:-1].replace('""', '"')


def quoted_name(name: str) -> str:
    """Write a name in double quotes."""
    return '"' + cut_name(name).replace('"', '""') + '"'


def cut_name(name: str) -> str:
    """Truncate it as truncate_identifier() does, before a character that would not fit."""
    return name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")


def _escape(found: re.Match[str]) -> bytes:
    r"""Give the bytes of one escape, or of the text between two, where `''` are whole."""
    hexadecimal, octal, high, low, short, long, plain = found.groups()
    if hexadecimal:
        return bytes((int(hexadecimal, 16),))
    if octal:
        return bytes((int(octal, 8) & 0xFF,))
    if high:  # the halves of a surrogate pair
        return bytes.fromhex(high + low).decode("utf-16-be").encode()
    if short or long:
        return chr(int(short or long, 16)).encode()  # a surrogate, or beyond Unicode: ValueError
    if plain:
        if plain in "uUv":  # unfinished \u; \v differs between versions
            raise ValueError(plain)
        return _PLAIN_ESCAPES.get(plain, plain).encode()
    return found[0].replace("''", "'").encode()
