"""Where an operand ends, by the tokens next to it: there an operator has a left-hand side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zava_sql.guard.keywords import RESERVED, words
from zava_sql.guard.lexer import NUMBER, OPERATOR, STRING

if TYPE_CHECKING:
    from zava_sql.guard.lexer import Tokens

__all__ = ["follows_operand"]

# Signs and reserved words that end an operand; and words that are no names where one follows.
_ENDS_OPERAND: Final = words("""
    ) ] end null true false isnull notnull current_date current_time current_timestamp localtime
    localtimestamp
    """)
_BEFORE_OPERAND: Final = words("between by escape ilike is like overlaps passing similar to zone")
_BEFORE_BY: Final = words("group order partition")
_OPENING: Final = words("( [ ,")


def follows_operand(tokens: Tokens, index: int) -> bool:
    """Whether an operand ends before this token."""
    keys, kind = tokens.keys, tokens.kinds[index - 1]
    key, before = keys[index - 1], keys[index - 2]
    if kind <= RESERVED and before == ".":
        return True
    if key in _BEFORE_OPERAND:
        return _is_column(tokens, index - 1)
    return key in _ENDS_OPERAND or kind < RESERVED or STRING <= kind <= NUMBER


def _is_column(tokens: Tokens, index: int) -> bool:
    """Whether a word that may stand before an operand is a column all the same: `zone * 2`."""
    key, before, kind = tokens.keys[index], tokens.keys[index - 1], tokens.kinds[index - 1]
    if key == "zone":  # of AT TIME ZONE, or of a type, which is as good as an operand
        return before != "time" or tokens.keys[index - 2] in ("with", "without")
    if key == "by":
        return before not in _BEFORE_BY
    if key in ("escape", "passing"):
        begins = kind == RESERVED and before not in _ENDS_OPERAND
        return begins or kind == OPERATOR or before in _OPENING
    return False
