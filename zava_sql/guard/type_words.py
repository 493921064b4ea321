"""The words of types for sqlglot: one word for each type, whatever surrounds its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from zava_sql.guard.keywords import IDENTIFIER, RESERVED, words
from zava_sql.guard.tree_words import GAP, TOKENS
from zava_sql.guard.type_names import CONFIGURATION, TYPES, behind_national, quoted_type

if TYPE_CHECKING:
    from zava_sql.guard.lexer import Tokens

__all__ = ["FIELDS", "is_name", "is_of_column", "quoted_types", "skip_modifiers", "type_word"]

FIELDS: Final = words("year month day hour minute second to")
_QUOTED: Final = re.compile(rf'"(?:{"|".join(TYPES)})"(?: |$)')


def is_name(tokens: Tokens, index: int) -> bool:
    """Whether a word stands here, quoted or not."""
    return IDENTIFIER <= tokens.kinds[index] <= RESERVED


def type_word(tokens: Tokens, made: list[str], index: int) -> int:  # noqa: C901  # as many forms
    """Typename of gram.y, down to one word: no schema, modifiers, fields or array bounds."""
    keys, start = tokens.keys, index
    if keys[index] == "national":
        index = behind_national(keys, index)
    if keys[index + 1] == ".":
        index += 2
    key = tokens.name(index) if is_name(tokens, index) else keys[index]
    name = TYPES.get(key, key)
    index += 1
    if key == "double" and keys[index] == "precision":
        name = "float8"
        index += 1
    elif name in ("bpchar", "bit") and keys[index] == "varying":
        name = "varchar" if name == "bpchar" else "varbit"
        index += 1
    if name == "interval":
        index = _fields(keys, index)
    elif key == "float" and keys[index] == "(":
        digits = tokens.literal(index + 1)
        name = "float4" if digits.isdecimal() and int(digits) < 25 else name
    index = skip_modifiers(tokens, index)
    if keys[index] in ("with", "without") and keys[index + 1] == "time":
        name += "tz" * (keys[index] == "with")
        index += 3
    while (keys[index] == "array" or keys[index] == "[") and key != "as":
        index += 1 if keys[index] == "array" else 2 + (keys[index + 1] == "0")
    made[start:index] = [GAP] * (index - start)
    is_known = name in TOKENS and (name != CONFIGURATION or keys[start - 2] == "'")
    made[start] = name if is_known else "other+type"
    if keys[index] == "'":
        made[index] = "'"
        if name == "interval":
            after = _fields(keys, index + 1)
            made[index + 1 : after] = [GAP] * (after - index - 1)
            return after
        return index + 1
    return index


def _fields(keys: list[str], index: int) -> int:
    """Step over `day to second (3)` and the like."""
    while keys[index] in FIELDS:
        index += 1
    if keys[index - 1] == "second" and keys[index : index + 3 : 2] == ["(", ")"]:
        index += 3
    return index


def skip_modifiers(tokens: Tokens, index: int) -> int:
    """Step over `(10, -2)`; anything else in the brackets does not belong to a type."""
    keys, after = tokens.keys, index
    if keys[after] == "(":
        after += 1
        while keys[after] in ("0", ",", "-"):
            after += 1
        if keys[after] == ")":
            return after + 1
    return index


def is_of_column(tokens: Tokens, index: int) -> bool:
    """Whether a type stands here in a list of column definitions, behind the name of a column."""
    keys, kinds = tokens.keys, tokens.kinds
    if kinds[index - 1] >= RESERVED or keys[index - 2] not in ("(", ","):
        return False
    at = _opened(tokens)[index]
    before = keys[at - 1]
    return at > 0 and (
        before in ("as", "columns")
        or (kinds[at - 1] < RESERVED and keys[at - 2] in ("as", ")", "ordinality"))
    )


def _opened(tokens: Tokens) -> list[int]:
    """Give the bracket around each token; found once for a whole text."""
    if not tokens.opened:
        around = [-1]
        for index, key in enumerate(tokens.keys):
            if key == ")" and len(around) > 1:
                around.pop()
            tokens.opened.append(around[-1])
            if key == "(":
                around.append(index)
    return tokens.opened


def quoted_types(tokens: Tokens, made: list[str]) -> None:
    """Write types in quotes that stand before a literal, or in a list of column definitions."""
    if not _QUOTED.search(tokens.form):
        return
    for index, key in enumerate(tokens.keys):
        if key == '"' and made[index] == "_" and quoted_type(tokens.name(index)):
            after = skip_modifiers(tokens, index + 1)
            if tokens.keys[after] == "'" or is_of_column(tokens, index):
                type_word(tokens, made, index)
