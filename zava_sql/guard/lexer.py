"""PostgreSQL's scanner, for the part of its language that the guard lets through.

The canonical text is the tokens joined by one space: no comments, strings in the plain '...' form,
nothing that two scanners could cut differently. Rules named in brackets are those of
src/backend/parser/scan.l, PostgreSQL 16 to 18, with standard_conforming_strings on and UTF-8, both
of which the tenant session pins.
"""

from __future__ import annotations

import re
from array import array
from typing import Final

from zava_sql.guard.keywords import IDENTIFIER, KINDS, OPERATORS
from zava_sql.guard.limits import (
    MAX_CHARACTERS,
    MAX_ESCAPES,
    MAX_NAME_BYTES,
    MAX_TOKENS,
    Refusal,
    piece,
)

__all__ = ["BITS", "END", "NUMBER", "OPERATOR", "PUNCTUATION", "STRING", "Tokens", "scan"]

STRING: Final = 5
BITS: Final = 6
NUMBER: Final = 7
OPERATOR: Final = 8
PUNCTUATION: Final = 9
END: Final = 10
LOOKAHEAD: Final = 6  # END tokens behind the last one, so that rules may look that far
_STRINGS: Final = (STRING, BITS)

# Alternatives are tried in order where scan.l takes the longest match: so the plain forms, which
# come first because they are frequent, look at what follows; prefixed strings stand before words;
# names and numbers take every character that scan.l would give them. A run of more than 5
# operator characters may be cut elsewhere than in scan.l, then to one that is not allowed.
_TOKEN: Final = re.compile(
    r"""
    [ \t\n\r\f\v]*+                                 # [space]
    (?:
      (?P<plain>[A-Za-z_][A-Za-z0-9_]*+(?!['$\x80-\U0010ffff]|&['"]))       # [identifier]
    | (?P<punctuation>[,()\[\];]|::|:=|:|\.(?![.0-9]))                      # [self, typecast]
    | (?P<string>'(?:[^']|'')*+')                   # [xq]
    | (?P<integer>[0-9]++(?![A-Za-z0-9_$.\x80-\U0010ffff]))                 # [decinteger]
    | (?P<comment>--[^\n\r]*+                       # [comment], and [xc] without inner comments
        | /\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/)
    | (?P<block>/\*)                                # [xcstart]
    | (?P<operator>                                 # [operator]: ends before -- and /*; a trailing
          (?:(?!--|/\*)[+\-*/<>=]){0,4}             # + or - stays only beside one of ~!@#^&|`?%
          [~!@\#^&|`?%](?:(?!--|/\*)[~!@\#^&|`?+\-*/%<>=])*+
        | (?:(?!--|/\*)[+\-*/<>=]){0,4}(?!--|/\*)[*/<>=]
        | [+\-] )
    | (?P<bits>[bB]'[01]*+'|[xX]'[0-9A-Fa-f]*+')    # [xb, xh]
    | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*+')        # [xe]
    | (?P<prefix>[nNeEbBxX]'|[uU]&['"])             # [xn, xus, xui], broken [xe, xb, xh]
    | (?P<word>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*+)      # [identifier]
    | (?P<number>(?>                                # [real, numeric, integers], [*_junk] below
          0[xX](?:_?[0-9A-Fa-f])++ | 0[oO](?:_?[0-7])++ | 0[bB](?:_?[01])++
        | (?: [0-9](?:_?[0-9])*+ (?: \.(?!\.) (?:[0-9](?:_?[0-9])*+)? )?
            | \.[0-9](?:_?[0-9])*+ )
          (?:[eE][+-]?[0-9](?:_?[0-9])*+)?
      ) (?![A-Za-z0-9_$.\x80-\U0010ffff]) )
    | (?P<quoted>"(?:[^"]|"")++")                   # [xd]
    | (?P<dollar>\$(?P<tag>(?:[A-Za-z_][A-Za-z0-9_]*+)?)\$.*?\$(?P=tag)\$)      # [dolqdelim]
    | (?P<end>\Z)
    | (?P<bad>.)
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN, _PUNCTUATION, _STRING, _INTEGER, _COMMENT, _BLOCK, _OPERATOR = range(1, 8)
_WORD, _NUMBER, _END = (_TOKEN.groupindex[name] for name in ("word", "number", "end"))
_TRAILER: Final = re.compile(
    r"(?:[ \t\n\r\f\v;]++|--[^\n\r]*+|/\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/)*+"
)
_COMMENT_EDGE: Final = re.compile(r"/\*|\*/")
_FORBIDDEN: Final = re.compile("[\x00\ud800-\udfff]")
_LOWER_ASCII: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|''|[^\\']+",
    re.DOTALL,
)
_PLAIN_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_BAD_PREFIX: Final = {
    "n": "National strings N'...' are not supported: write '...'.",
    "u": "U&'...' and U&\"...\" are not supported: write the characters themselves.",
    "e": "Close the string with '.",
    "b": "A bit string holds only 0 and 1, and ends with '.",
    "x": "A hexadecimal bit string holds only hexadecimal digits, and ends with '.",
}
_BAD_CHARACTER: Final = {
    "'": "Close the string with '; a quote inside a string is doubled: ''.",
    '"': "Close the name with \"; in PostgreSQL, strings stand in single quotes: '...'.",
    "$": "Parameters such as $1 are not supported: write the value itself.",
    ".": "Two dots in a row, or a dot that ends a number, are not SQL.",
    "`": 'Backquotes are not SQL in PostgreSQL: write the name plain or in "double quotes".',
    "{": "Braces are not SQL in PostgreSQL.",
    "}": "Braces are not SQL in PostgreSQL.",
    "\\": "Backslashes may stand in strings only.",
}


class Tokens:
    """The tokens of one text, as parallel sequences; keys and kinds end with END tokens to look at.

    `keys` is what grammar rules compare: the lower-case word, the operator or punctuation itself;
    '"' stands for a quoted name, "'" for a string, "0" for a number. `quoted` holds the names that
    stood in quotes, by index. `positions` count characters of the caller's text from 0.
    """

    __slots__ = ("keys", "kinds", "positions", "quoted", "texts")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.kinds: list[int] = []
        self.texts: list[str] = []
        self.positions = array("H")  # MAX_CHARACTERS fits
        self.quoted: dict[int, str] = {}

    def name(self, index: int) -> str:
        """Give what PostgreSQL makes of a word: folded if plain, as written if quoted."""
        key = self.keys[index]
        return self.quoted[index] if key == '"' else key

    def canonical(self) -> str:
        """Join the tokens to the text that is checked and run."""
        return " ".join(self.texts)


def scan(sql: str) -> Tokens:  # noqa: C901, PLR0912, PLR0915  # one branch per kind of token, most frequent first
    """Cut `sql` into tokens, or refuse it."""
    if len(sql) > MAX_CHARACTERS:
        raise Refusal(
            "too_long",
            f"the query has {len(sql):,} characters, the limit is {MAX_CHARACTERS:,}",
            "Ask for less at once, or write long lists of values as a condition.",
        )
    if found := _FORBIDDEN.search(sql):
        raise Refusal(
            "bad_character",
            "the query holds a NUL or half of a surrogate pair",
            "Send plain UTF-8 text.",
            offset=found.start(),
        )
    tokens = Tokens()
    add_key, add_kind, add_text = tokens.keys.append, tokens.kinds.append, tokens.texts.append
    add_position, keys = tokens.positions.append, tokens.keys
    kind_of, last, start, resume = KINDS.get, 0, 0, 0
    while resume >= 0:
        matches, resume = _TOKEN.finditer(sql, resume), -1
        for found in matches:
            group = found.lastindex or 0
            text = found[group]
            start = found.start(group)
            if group == _PLAIN:
                key = text.lower()
                kind = kind_of(key, IDENTIFIER)
                if len(text) > MAX_NAME_BYTES:
                    _check_length(text, start)
            elif group == _PUNCTUATION:
                if text == ";":
                    _expect_nothing(sql, start + 1)
                    break
                key, kind = text, PUNCTUATION
            elif group == _OPERATOR:
                if text not in OPERATORS:
                    raise _bad_operator(text, start)
                key, kind = text, OPERATOR
            elif group == _STRING:
                key, kind = "'", STRING
                if last in _STRINGS:
                    raise _adjacent(start)
            elif group in (_INTEGER, _NUMBER):
                key, kind = "0", NUMBER
            elif group == _END:
                break
            elif group == _COMMENT:
                continue
            elif group == _BLOCK:
                resume = _skip_comment(sql, start)
                break
            else:
                key, kind, text = _rare(sql, found, start, tokens)
                if last in _STRINGS and kind in _STRINGS:
                    raise _adjacent(start)
            last = kind
            add_key(key)
            add_kind(kind)
            add_text(text)
            add_position(start)
            if len(keys) > MAX_TOKENS:
                raise Refusal(
                    "too_many_tokens",
                    f"the query has more than {MAX_TOKENS:,} words and signs",
                    "Ask for less at once.",
                    offset=start,
                )
    keys += [""] * LOOKAHEAD
    tokens.kinds += [END] * LOOKAHEAD
    add_position(start)
    return tokens


def _rare(sql: str, found: re.Match[str], start: int, tokens: Tokens) -> tuple[str, int, str]:
    """Key, kind and canonical text of an infrequent token."""
    group, text = found.lastgroup, found[found.lastindex or 0]
    if group == "word":
        return (key := _fold(text, start)), KINDS.get(key, IDENTIFIER), text
    if group == "quoted":
        name = text[1:-1].replace('""', '"')
        _check_length(name, start)
        tokens.quoted[len(tokens.keys)] = name
        return '"', IDENTIFIER, text
    if group == "bits":
        return "b'", BITS, text
    if group == "escaped":
        return "'", STRING, _plain(_unescape(text[2:-1], start))
    if group == "dollar":
        edge = len(found["tag"]) + 2
        return "'", STRING, _plain(text[edge:-edge])
    raise _bad(sql, group, text, start)


def _adjacent(start: int) -> Refusal:
    return Refusal(
        "unsupported",
        "two strings in a row",
        "Join strings with ||; a quote inside a string is doubled: ''.",
        offset=start,
    )


def _plain(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _fold(word: str, start: int) -> str:
    """Fold as downcase_identifier() does in UTF-8: ASCII letters only.

    What is no letter is refused: it would be part of the name, and look like a space or a sign.
    """
    for character in word:
        if character == "$":
            raise Refusal(
                "unsupported",
                f"the name {piece(word)} holds a $",
                "Write it in double quotes if it really is so called.",
                offset=start,
            )
        if character < "\x80":
            continue
        if not character.isalpha():
            raise Refusal(
                "bad_character",
                f"character U+{ord(character):04X} outside of a string or a quoted name",
                "Use plain spaces and quotes; write unusual names in double quotes.",
                offset=start + word.index(character),
            )
    _check_length(word, start)
    return word.translate(_LOWER_ASCII)


def _check_length(name: str, start: int) -> None:
    if len(name) > MAX_NAME_BYTES or len(name.encode()) > MAX_NAME_BYTES:
        raise Refusal(
            "unsupported",
            f"the name {piece(name)} has more than {MAX_NAME_BYTES} bytes; PostgreSQL would cut it",
            "Choose a shorter name.",
            offset=start,
        )


def _skip_comment(sql: str, start: int) -> int:
    """Block comments nest; an edge is taken from the left, `*/*` closes and opens nothing [xc]."""
    depth, position = 0, start
    while found := _COMMENT_EDGE.search(sql, position):
        depth += 1 if found[0] == "/*" else -1
        position = found.end()
        if depth == 0:
            return position
    raise Refusal("syntax", "a /* comment does not end", "Close it with */.", offset=start)


def _unescape(body: str, start: int) -> str:
    """Give the value of an E'...' string [xeinside, xeescape, xeoctesc, xehexesc, xeunicode]."""
    if body.count("\\") > MAX_ESCAPES:
        raise Refusal("too_long", f"more than {MAX_ESCAPES:,} escapes in a string", offset=start)
    try:
        value = b"".join(_escape(found) for found in _ESCAPE.finditer(body)).decode()
    except ValueError:  # UnicodeDecodeError is one
        value = "\0"
    if "\0" in value:
        raise Refusal(
            "bad_character",
            "an escape in a string is invalid, NUL, or not UTF-8",
            "Write the character itself.",
            offset=start,
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


def _expect_nothing(sql: str, position: int) -> None:
    """After the first semicolon only comments, space and further semicolons may follow."""
    while (found := _TRAILER.match(sql, position)) and (position := found.end()) < len(sql):
        if not sql.startswith("/*", position):
            raise Refusal(
                "multiple_statements",
                "more than one statement",
                "Send one SELECT at a time.",
                offset=position,
            )
        position = _skip_comment(sql, position)


def _bad_operator(text: str, start: int) -> Refusal:
    return Refusal(
        "operator",
        f"operator {piece(text)} is not allowed",
        _BAD_CHARACTER["`"]
        if "`" in text
        else "Put spaces around operators; those of PostgreSQL, pgvector and pg_trgm are allowed.",
        offset=start,
    )


def _bad(sql: str, group: str | None, text: str, start: int) -> Refusal:
    if group == "prefix":
        hint = _BAD_PREFIX[text[0].lower()]
        return Refusal("unsupported", f"this form of string is refused: {text}", hint, offset=start)
    hint = _BAD_CHARACTER.get(text, "")
    if text.isdigit() and text.isascii():
        around = piece(sql[start : start + 20].split(maxsplit=1)[0])
        message, hint = f"the number {around} is malformed", "Put a space after the number."
    elif text == '"' and sql.startswith('""', start):
        message, hint = 'a name in double quotes is empty: ""', "Strings stand in single quotes."
    else:
        message = f"unexpected character {piece(text)}"
    return Refusal("syntax", message, hint, offset=start)
