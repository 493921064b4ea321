"""The words of SQL/JSON for sqlglot: constructors and readers as calls with a list of arguments.

Clauses without names are left out; what separates two expressions becomes a comma.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from zava_sql.guard.keywords import KINDS
from zava_sql.guard.lexer import OPERATOR
from zava_sql.guard.operands import follows_operand
from zava_sql.guard.tree_words import GAP

if TYPE_CHECKING:
    from zava_sql.guard.lexer import Tokens

__all__ = ["JSON_WORDS", "json_words"]

JSON_WORDS: Final = frozenset(word for word in KINDS if word.startswith("json"))
_SEPARATORS: Final = frozenset({":", "value", "passing", "default", "path", "columns"})
_BEHAVIOURS: Final = (
    "null", "error", "absent", "true", "false", "unknown", "empty", "empty array", "empty object",
)  # fmt: skip


def _clauses() -> dict[str, list[tuple[str, ...]]]:
    """All clauses that hold no name, by their first word, the longest first."""
    texts = [f"{what} on {when}" for what, when in product(_BEHAVIOURS, ("null", "empty", "error"))]
    texts += [f"on {when}" for when in ("empty", "error")]
    texts += [
        f"{with_} {kind}{array}wrapper"
        for with_, kind, array in product(
            ("with", "without"), ("", "conditional ", "unconditional "), ("", "array ")
        )
    ]
    texts += [
        f"{with_} unique{keys}" for with_, keys in product(("with", "without"), (" keys", ""))
    ]
    texts += [
        f"{what} quotes{on}" for what, on in product(("keep", "omit"), (" on scalar string", ""))
    ]
    texts += ["format json encoding utf8", "format json", "for ordinality"]
    found: dict[str, list[tuple[str, ...]]] = {}
    for clause in sorted((tuple(text.split()) for text in texts), key=len, reverse=True):
        found.setdefault(clause[0], []).append(clause)
    return found


_CLAUSES: Final = _clauses()
_REWRITTEN_IN: Final = {
    "j": frozenset({*_CLAUSES, *_SEPARATORS, "as"}),
    "q": frozenset({"format"}),
    "": frozenset[str](),
}


def json_words(tokens: Tokens, made: list[str]) -> None:
    """Rewrite in `made` what stands directly in the brackets of SQL/JSON."""
    # For each open bracket: "j" of a JSON function, "q" of JSON_ARRAY with a query, "c" of the
    # COLUMNS of JSON_TABLE, else "".
    keys, brackets = tokens.keys, [""]
    index = 0
    while key := keys[index]:
        if key == "(":
            before = keys[index - 1]
            if before == "json_array" and _is_query(tokens, index + 1):
                brackets.append("q")
            elif before in JSON_WORDS:
                brackets.append("j")
            else:
                brackets.append("c" if before == "columns" and brackets[-1] else "")
        elif key == "[":
            brackets.append("")
        elif key in (")", "]"):
            if len(brackets) > 1:
                brackets.pop()
        elif brackets[-1] == "c" or key in _REWRITTEN_IN[brackets[-1]]:
            index = _in_brackets(tokens, made, index, brackets[-1])
            continue
        index += 1


def _is_query(tokens: Tokens, index: int) -> bool:
    key = tokens.keys[index]
    return key in ("select", "with", "table") or (key == "values" and tokens.keys[index + 1] == "(")


def _in_brackets(tokens: Tokens, made: list[str], index: int, kind: str) -> int:
    """Rewrite one token, or the clause that begins with it; the index behind it."""
    keys = tokens.keys
    key, before = keys[index], keys[index - 1]
    for clause in _CLAUSES.get(key, ()):
        if tuple(keys[index : index + len(clause)]) == clause:
            made[index : index + len(clause)] = [GAP] * len(clause)
            return index + len(clause)
    if kind == "c" and before in ("(", ","):
        if key == "nested":
            made[index] = GAP
            if keys[index + 1] == "path":
                made[index + 1] = GAP
                return index + 2
        elif keys[index + 1] != "for":
            made[index] = "null+::"  # name type
        else:
            made[index] = "null"
    elif kind == "c" and key == "exists" and keys[index + 1] != "(":
        made[index] = GAP
    elif key in _SEPARATORS and made[index - 1] != "," and follows_operand(tokens, index):
        made[index] = ","
        made[index + 1] = "-" if tokens.kinds[index + 1] == OPERATOR else made[index + 1]
    elif key == "as":
        made[index : index + 2] = GAP, GAP
        return index + 2
    return index + 1
