"""What else of other dialects a refused text holds: told at once, it is mended in one step.

A refusal names the first thing that may not stand. A text of another dialect has more of them, and
a caller that learns of each in turn asks once for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zava_sql.guard.names import FUNCTIONS
from zava_sql.guard.operands import follows_operand
from zava_sql.guard.type_names import OTHER_TYPES, TYPES
from zava_sql.guard.type_words import is_name

if TYPE_CHECKING:
    from zava_sql.guard.lexer import Tokens
    from zava_sql.guard.names import Names

__all__ = ["foreign_hints"]

_TOLD: Final = 4
_CASTS: Final = frozenset({"cast", "safe_cast", "try_cast"})
_NO_CALL: Final = frozenset({".", "as", "with", "recursive"})  # before a name and its columns


def foreign_hints(tokens: Tokens, refused: int, names: Names) -> str:
    """Say what to write instead of further functions and types behind the token `refused`."""
    keys = tokens.keys
    told = {tokens.name(min(refused, len(keys) - 1)): ""}
    before_brackets: list[str] = []
    for at, key in enumerate(keys):
        if key == "(":
            before_brackets.append(keys[at - 1])
        elif key == ")" and before_brackets:
            before_brackets.pop()
        if at <= refused or not is_name(tokens, at):
            continue
        if (name := tokens.name(at)) in told:
            continue
        is_cast = keys[at - 1] == "as" and not _CASTS.isdisjoint(before_brackets[-1:])
        if (keys[at - 1] == "::" or is_cast) and name in OTHER_TYPES and name not in TYPES:
            told[name] = f" For type {name}: {OTHER_TYPES[name]}."
        elif (
            keys[at + 1] == "("
            and keys[at - 1] not in _NO_CALL
            and name not in FUNCTIONS
            and name not in TYPES
            and not follows_operand(tokens, at)
            and (hint := names.hint(name))
        ):
            told[name] = f" For {name}(): {hint}"
        if len(told) > _TOLD:
            break
    return "".join(told.values())
