"""Refusals of what PostgreSQL's scanner would reject, or would read differently."""

from __future__ import annotations

from typing import Final

from zava_sql.guard.limits import Refusal, piece

__all__ = ["adjacent_strings", "bad_character", "bad_end", "bad_operator", "bad_token"]

_BAD_PREFIX: Final = {
    "u": "Close it with the quote that opens it; UESCAPE takes one sign in quotes: UESCAPE '!'.",
    "e": "Close the string with '.",
    "b": "A bit string holds only 0 and 1, and ends with '.",
    "x": "A hexadecimal bit string holds only hexadecimal digits, and ends with '.",
}
_BAD_CHARACTER: Final = {
    "'": "Close the string with '; a quote inside a string is doubled: ''.",
    '"': "Close the name with \"; in PostgreSQL, strings stand in single quotes: '...'.",
    "$": "Parameters such as $1 are not supported: write the value itself.",
    "?": "Parameters are not supported: write the value itself.",
    ".": "Two dots in a row, or a dot that ends a number, are not SQL.",
    "`": 'Backquotes are not SQL in PostgreSQL: write the name plain or in "double quotes".',
    "{": "Braces are not SQL in PostgreSQL: write the value itself; JSON stands in a string.",
    "}": "Braces are not SQL in PostgreSQL: write the value itself; JSON stands in a string.",
    "\\": "Backslashes may stand in strings only; for commands of psql, use describe_schema.",
    "```": "Send the SQL alone, without Markdown around it.",
    "==": "Use =.",
    "===": "Use =.",
    "=<": "Use <=.",
    "!<": "Use >=.",
    "!>": "Use <=.",
    "**": "Use x ^ y, or power(x, y).",
    "//": "Use / between integers, or div(x, y); comments begin with --.",
    "!": "Use NOT x.",
    "??": "Use coalesce(x, y); whether JSON has a key is x ? 'key'.",
    "^=": "Use <>.",
}
_QUOTES: Final = frozenset("\u2018\u2019\u201a\u201c\u201d\u201e\xab\xbb\xb4")
_ENTITIES: Final = frozenset({"lt", "gt", "amp", "quot", "apos"})
_PLAIN: Final = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    "\u2264": "<=", "\u2265": ">=", "\u2260": "<>", "\xd7": "*", "\xf7": "/",
    "\uff0c": ",", "\u3001": ",", "\uff1b": ";", "\uff08": "(", "\uff09": ")",
    "\uff1d": "=", "\uff0a": "*", "\uff1e": ">", "\uff1c": "<",
}  # fmt: skip


def bad_character(character: str, place: int) -> Refusal:
    """Return the refusal of a character that is part of no token; office programs write some."""
    hint = "Use plain spaces and quotes; write unusual names in double quotes."
    if character in _QUOTES:
        hint = "Write texts in straight single quotes, '...', and unusual names in \"...\"."
    elif plain := _PLAIN.get(character):
        hint = f"Write {plain} instead."
    message = f"character U+{ord(character):04X} outside of a string or a quoted name"
    return Refusal("bad_character", message, hint, offset=place)


def bad_end(query: list[str], text: str, start: int) -> Refusal:
    """Return the refusal of `text` behind a semicolon; `query` are the tokens before that."""
    hint = "Send one SELECT, with no statement before it and nothing behind its semicolon."
    if "```" in (query[0][:3], text[:3]):
        hint = _BAD_CHARACTER["```"]
    elif query[-2:-1] == ["&"] and query[-1].lower() in _ENTITIES:
        hint = "Send the signs themselves, and not as in HTML: < and not &lt;"
    return Refusal("multiple_statements", "more than one statement", hint, offset=start)


def bad_operator(text: str) -> Refusal:
    """Return the refusal of an operator that is not in the allowlist."""
    return Refusal(
        "operator",
        f"operator {piece(text)} is not allowed",
        _BAD_CHARACTER.get(text)
        or _BAD_CHARACTER.get("`" if "`" in text else "")
        or _BAD_CHARACTER.get("?" if text.endswith("?") else "")
        or "Put spaces around operators; those of PostgreSQL, pgvector and pg_trgm are allowed.",
    )


def bad_token(form: str | None, text: str) -> Refusal:
    """Return the refusal of what is not a token: a prefix, or all the rest of a text."""
    first = text[0]
    if form == "prefix":
        hint = _BAD_PREFIX[first.lower()]
        return Refusal("unsupported", f"this form of string is refused: {text}", hint)
    hint = _BAD_CHARACTER.get(first, "")
    if text[:2] in ("\\n", "\\r"):
        hint = "Send line breaks themselves, and not as backslash and letter."
    if first.isdigit() and first.isascii():
        around = piece(text[:20].split(maxsplit=1)[0])
        message = f"the number {around} is malformed"
        hint = 'Put a space after the number, and a name that begins with one in quotes: as "1st".'
    elif text.startswith('""'):
        message, hint = 'a name in double quotes is empty: ""', "Strings stand in single quotes."
    else:
        message = f"unexpected character {piece(first)}"
    return Refusal("syntax", message, hint)


def adjacent_strings(start: int) -> Refusal:
    """Return the refusal of two strings that PostgreSQL does not join; the second is at `start`."""
    return Refusal(
        "unsupported",
        "two strings in a row",
        "Join strings with ||; a quote inside a string is doubled: ''.",
        offset=start,
    )
