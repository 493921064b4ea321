"""Rules of shape.py for syntax that holds no name to account for: sqlglot does not see it.

Each looks around one token, leaves gaps for the tokens that belong to it, and gives the index
behind the last of these; except the last two, which go through the whole text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zava_sql.guard.lexer import OPERATOR
from zava_sql.guard.tree_words import GAP
from zava_sql.guard.type_words import is_name

if TYPE_CHECKING:
    from zava_sql.guard.lexer import Tokens

__all__ = [
    "after_with",
    "argument_name",
    "collate",
    "distinct_on",
    "first",
    "only",
    "overlays",
    "using",
]


def only(tokens: Tokens, made: list[str], index: int) -> int:
    """ONLY ( name ): its brackets hold nothing else."""
    keys, after = tokens.keys, index + 3
    while keys[after] == ".":
        after += 2
    if keys[index + 1] == "(" and keys[after] == ")":
        made[index + 1] = made[after] = GAP
    return index + 1


def using(tokens: Tokens, made: list[str], index: int) -> int:
    """ORDER BY x USING <; and the names in USING (a, b)."""
    keys = tokens.keys
    if tokens.kinds[index + 1] == OPERATOR:
        made[index : index + 2] = GAP, GAP
        return index + 2
    after = index + 1
    if keys[after] == "(":
        while keys[after] in ("(", ",") and is_name(tokens, after + 1):
            after += 2
        if keys[after] == ")":
            made[index : after + 1] = [GAP] * (after + 1 - index)
            return after + 1
    return index + 1


def collate(tokens: Tokens, made: list[str], index: int) -> int:
    """COLLATE "C" behind an operand: the name is not accounted for; sqlglot is slow at chains."""
    after = index + 1 + 2 * (tokens.keys[index + 2] == ".")
    made[index : after + 1] = [GAP] * (after + 1 - index)
    return after + 1


def argument_name(tokens: Tokens, made: list[str], index: int) -> int:
    """NAME => VALUE: the name of an argument is none of ours."""
    if is_name(tokens, index - 1):
        made[index - 1 : index + 1] = GAP, GAP
    return index + 1


def first(tokens: Tokens, made: list[str], index: int) -> int:
    """NULLS FIRST holds nothing; FETCH FIRST n is LIMIT n, and may stand without a number."""
    is_fetch = tokens.keys[index] == "fetch"
    if tokens.keys[index + 1] in ("first", "next" if is_fetch else "last"):
        made[index : index + 2] = "limit" if is_fetch else GAP, GAP
        if is_fetch and tokens.kinds[index + 2] == OPERATOR:
            made[index + 2] = "-"
            return index + 3
        return index + 2
    return index + 1


def after_with(tokens: Tokens, made: list[str], index: int) -> int:
    """SEARCH, CYCLE or both behind a WITH query: names of columns and constants."""
    keys, after = tokens.keys, index
    if keys[index - 1] != ")" or keys[index + 1] == ",":
        return index + 1
    for word, last in (("search", "set"), ("cycle", "using")):
        if keys[after] == word and last in keys[after:]:
            after = keys.index(last, after) + 2
    made[index:after] = [GAP] * (after - index)
    return max(after, index + 1)


def distinct_on(tokens: Tokens, made: list[str]) -> None:
    """Turn an operator behind DISTINCT ON ( ... ) into a sign, or into all columns."""
    keys, open_ones = tokens.keys, []
    for index, key in enumerate(keys):
        if key == "(":
            open_ones.append(keys[max(index - 2, 0) : index] == ["distinct", "on"])
        elif key == ")" and open_ones.pop() and tokens.kinds[index + 1] == OPERATOR:
            made[index + 1] = "*" if keys[index + 1] == "*" else "-"


def overlays(tokens: Tokens, made: list[str]) -> None:
    """OVERLAY ( x, y, n ) is an ordinary function call; with PLACING it is a form."""
    keys, open_ones = tokens.keys, []
    for index, key in enumerate(keys):
        if key in ("(", "["):
            open_ones.append(index - 1)
        elif key in (")", "]"):
            open_ones.pop()
        elif key == "," and open_ones and keys[open_ones[-1]] == "overlay":
            made[open_ones[-1]] = "_"
