"""The vocabulary in which clauses are given to sqlglot's parser: words, and its tokens for them."""

from __future__ import annotations

from typing import Final

from sqlglot.dialects.postgres import Postgres
from sqlglot.tokenizer_core import TokenType

from zava_sql.guard.type_names import CONFIGURATION, TYPES

__all__ = ["GAP", "TOKENS"]

_WORDS: Final = """
    all and any array as case collate cross cube current_date current_time current_timestamp
    default distinct else end except exists false fetch filter first for from full having in
    intersect into is join lateral left limit localtime localtimestamp natural
    next not null offset on only or ordinality over overlaps range recursive right
    rollup row rows select table then true union using values variadic when where window with
"""
# sqlglot's token for each of our words; a name or literal is "_", the string of a type "'".
TOKENS: Final[dict[str, TokenType]] = {
    **{
        word: Postgres.Tokenizer.KEYWORDS[word.upper()]
        for word in (*_WORDS.split(), *TYPES)
        if word.upper() in Postgres.Tokenizer.KEYWORDS
        and word not in ("interval", "json")  # whose literals are more than casts to sqlglot
    },
    "char": TokenType.BPCHAR,
    "character": TokenType.BPCHAR,
    "between": TokenType.BETWEEN,
    "some": TokenType.ANY,
    "_": TokenType.VAR,
    "'": TokenType.STRING,
    "||": TokenType.DPIPE,
    "(": TokenType.L_PAREN,
    ")": TokenType.R_PAREN,
    "[": TokenType.L_BRACKET,
    "]": TokenType.R_BRACKET,
    ",": TokenType.COMMA,
    ".": TokenType.DOT,
    ":": TokenType.COLON,
    "::": TokenType.DCOLON,
    ":=": TokenType.COLON_EQ,
    "=>": TokenType.FARROW,
    "-": TokenType.DASH,
    "*": TokenType.STAR,
    # Two words that are one token to sqlglot; the second one leaves a gap.
    "group+by": TokenType.GROUP_BY,
    "order+by": TokenType.ORDER_BY,
    "partition+by": TokenType.PARTITION_BY,
    "grouping+sets": TokenType.GROUPING_SETS,
    CONFIGURATION: TokenType.OBJECT_IDENTIFIER,
    # Types that sqlglot has no word for all become one that is not one of ours.
    "other+type": TokenType.HSTORE,
}
GAP: Final = ""
