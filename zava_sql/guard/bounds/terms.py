"""Terms: what PostgreSQL copies at little cost, as of CASE over CASE in a report that classifies.

A name, sign or literal of an expression takes some 0.5 kB for each copy, where one that is joined,
planned, or stands in a condition takes up to 20 kB. So copies of such expressions have a bound of
their own, MAX_TERMS, beyond that of all others. That holds only while constants are small, since
PostgreSQL works out `repeat('a', 10000)` in each copy of it: a text that may make long ones, by a
literal, by a call or by the length of a type, has no such terms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zava_sql.guard.bounds.columns import STAR, TABLE
from zava_sql.guard.keywords import FUNCTION_WORD, IDENTIFIER, words
from zava_sql.guard.lexer import BITS, NUMBER, STRING
from zava_sql.guard.limits import MAX_TERMS

if TYPE_CHECKING:
    from zava_sql.guard.bounds.columns import Columns, Level
    from zava_sql.guard.bounds.counts import Counts
    from zava_sql.guard.lexer import Tokens

__all__ = ["FEW_TERMS", "Terms"]

FEW_TERMS: Final = 200  # not worth a look
# What may stand before a bracket: calls that give no more than they are given, or are worked out
# for rows, and words that call nothing.
_SMALL: Final = words("""
    abs age array_agg avg bool_and bool_or ceil ceiling coalesce concat concat_ws corr count
    cume_dist date date_part date_trunc dense_rank extract first_value floor generate_series
    greatest grouping initcap jsonb_agg json_agg lag last_value lead least left length lower
    ltrim make_date make_interval max md5 min mod mode nth_value ntile now nullif percent_rank
    percentile_cont percentile_disc position rank right round row_number rtrim sign split_part
    stddev stddev_pop stddev_samp string_agg strpos substr substring sum to_char to_date
    to_timestamp trim trunc upper var_pop var_samp variance width_bucket
    dec decimal numeric varchar
    between by cube exists filter ilike join like materialized over rollup sets values
    """)
_LONGEST: Final = 64  # characters of a literal
_LITERALS: Final = (STRING, BITS, NUMBER)
_JOINING: Final = words("|| concat concat_ws")
_JOINED: Final = 32  # of these in a text, each of which gives as much as it is given


class Terms:
    """Of one text: the names in such terms, and whether its constants are small."""

    __slots__ = ("_counts", "_is_small", "_tokens", "names")

    def __init__(self, tokens: Tokens, counts: Counts) -> None:
        self._tokens = tokens
        self._counts = counts
        self._is_small: bool | None = None  # if it was asked for
        self.names = 0

    def grown(self, level: Level, sources: Columns) -> int:
        """Say by how much the items of a query over one item of FROM grow, but for queries."""
        if level.number != 1 or level.is_closed or level.is_of_union or level.visible is not TABLE:
            return 0
        names, keys = 0, self._tokens.keys
        for start, end, _, called, _ in level.items:
            if called == STAR:
                names += sources.star()
            elif "select" not in keys[start:end]:
                names += self._counts.grown(sources, [(start, end)])[0]
        return names

    def room(self) -> int:
        """Give how many names there may be beyond the bound of all others."""
        if self._is_small is None and self.names:
            self._is_small = self._are_constants_small()
        return min(self.names, MAX_TERMS) if self._is_small else 0

    def _are_constants_small(self) -> bool:
        tokens = self._tokens
        keys, kinds = tokens.keys, tokens.kinds
        called = {
            key
            for key, kind, following in zip(keys, kinds, keys[1:], strict=False)
            if following == "(" and IDENTIFIER <= kind <= FUNCTION_WORD
        }
        literals = [tokens.literal(i) for i, kind in enumerate(kinds) if kind in _LITERALS]
        return (
            called <= _SMALL
            and max(map(len, literals), default=0) <= _LONGEST
            and sum(key in _JOINING for key in keys) <= _JOINED
        )
