"""Bounds of what PostgreSQL makes of a text before it runs it: it copies parts of it.

It copies the left operand of BETWEEN and of IN ( list ); what stands before `.*`, for each column;
a column of a sub-query, for each place that names it; a query of WITH NOT MATERIALIZED, for each
FROM that names it; and it plans each set of CUBE, ROLLUP and GROUPING SETS. Within each other these
multiply: 400 characters fill the memory of a machine, and no timeout ends what does not look for
one. Sizes are in names, and not below what is made.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from zava_sql.guard.keywords import COLUMN_WORD, IDENTIFIER, words
from zava_sql.guard.limits import MAX_GROWN, MAX_QUERIES, MAX_SYMMETRIC, Refusal

if TYPE_CHECKING:
    from zava_sql.guard.lexer import Tokens

__all__ = ["CLOSED", "COLUMNS", "OF_ROWS", "Growth", "larger"]

_LONG: Final = 12  # tokens of an item
COLUMNS: Final = 50  # of a row before `.*`, as a guess
# The size of what the largest column of a query stands for, and of what its row does.
_Columns = tuple[int, int]
_TABLE: Final[_Columns] = (1, 1)
# Functions of one row, which `t.name` calls.
OF_ROWS: Final = words("""
    any_value array_agg concat count json_agg json_agg_strict json_build_array json_build_object
    jsonb_agg jsonb_agg_strict jsonb_build_array jsonb_build_object max min mode num_nonnulls
    num_nulls pg_typeof quote_literal quote_nullable row_to_json to_json to_jsonb
    """)
# What goes into no query around it, nor lets a condition in: behind LIMIT, MATERIALIZED.
CLOSED: Final[_Columns] = (1, COLUMNS)


class _Query:
    """A query that is being read."""

    __slots__ = (
        "aliases", "around", "column", "computed", "copies", "correlated", "inner", "row",
        "sources", "start", "visible", "whole",
    )  # fmt: skip

    def __init__(self, growth: Growth, around: _Query | None, start: int) -> None:
        self.around = around
        self.start = start
        self.copies = growth.copies  # before it
        # What there was, for the query around it.
        self.visible, self.computed = growth.visible, growth.computed
        self.correlated = growth.correlated
        self.sources = growth.visible  # the largest of its FROM, so far
        self.aliases: list[int] = []  # where items of its FROM are given names
        self.whole: list[int] = []  # where `*` is an item of its own
        self.inner: list[tuple[int, int, int]] = []  # queries in its FROM: begin, end, copies
        self.column = self.row = 1  # of its select list, of names that stand for themselves


class Growth:
    """The copies of all that was read so far, and the query that is being read."""

    __slots__ = (
        "_counts", "_named", "_queries", "_symmetric", "_tokens", "computed", "copies",
        "correlated", "left", "level", "query", "visible",
    )  # fmt: skip

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._named: dict[str, tuple[_Columns, int]] = {}  # of WITH; with the size if it is copied
        self._counts: list[int] = []  # of what may be columns, before each token
        self._symmetric = self._queries = 0
        self.copies = 0  # in names
        self.left = (0, 0)  # where the left operand begins, and the copies before it
        self.query = _TABLE  # columns of the query that was read last
        self.visible = _TABLE  # columns of FROM around, to LATERAL
        self.computed = False  # an item with an aggregate or window function goes nowhere else
        self.correlated = 0  # queries around; an aggregate may be of theirs, and none of this one
        self.level = _Query(self, None, 0)

    # Expressions

    def copied(self, times: int, index: int) -> None:
        """Note copies of the operand that ends at `index`."""
        start, copies = self.left
        self.copies += (times - 1) * (_names(index - start) + self.copies - copies)
        _check(self.copies, index)

    def between(self, index: int) -> None:
        """Note BETWEEN. If it is SYMMETRIC, its bounds are copied as well: these are few."""
        symmetric = self._tokens.keys[index + 1] == "symmetric"
        self._symmetric += symmetric
        self.copied(4 if symmetric else 2, index)
        if self._symmetric > MAX_SYMMETRIC:
            raise Refusal(
                "too_deep",
                f"more than {MAX_SYMMETRIC} BETWEEN SYMMETRIC",
                "Write BETWEEN least(a, b) AND greatest(a, b).",
                index=index,
            )

    def copied_for(self, first: int, last: int) -> None:
        """Note a copy for each item of IN ( list ) that may be no constant, or is a row."""
        kinds, keys = self._tokens.kinds[first:last], self._tokens.keys[first:last]
        names = kinds.count(IDENTIFIER) + kinds.count(COLUMN_WORD)
        self.copied(1 + names + keys.count("("), first)

    def grouped(self, sets: int, index: int) -> None:
        """Note the sets of a GROUP BY: each is planned by itself."""
        if sets > 1:
            self.copies += sets
            _check(self.copies, index)

    # Queries

    def begin(self, start: int) -> None:
        """Begin a query."""
        self.level = _Query(self, self.level, start)
        self._queries += 1
        if self._queries > MAX_QUERIES:
            raise Refusal(
                "too_deep",
                f"more than {MAX_QUERIES} queries within queries",
                "Ask in smaller steps.",
                index=start,
            )

    def item(self, start: int, end: int, copies: int) -> None:
        """Note an item of a select list; `copies` were there before it."""
        level, size = self.level, 1
        if self._tokens.keys[end - 1] == "*":
            level.whole.append(end - 1)
        if not self.computed:
            size = max(1, self._names_in(start, end)) + self.copies - copies
        level.column = max(level.column, size)
        level.row += size

    def _names_in(self, start: int, end: int) -> int:
        """Count what may be columns; of all the text once, since long items lie in each other."""
        if end - start < _LONG:
            return sum(self._may_be_columns(start, end))
        if not self._counts:
            every = self._may_be_columns(0, len(self._tokens.texts))
            self._counts = list(accumulate(every, initial=0))
        return self._counts[end] - self._counts[start]

    def _may_be_columns(self, start: int, end: int) -> list[bool]:
        keys, kinds = self._tokens.keys, self._tokens.kinds
        return [
            keys[index + 1] not in (".", "(")
            and (kinds[index] <= COLUMN_WORD or keys[index - 1] == ".")
            for index in range(start, end)
        ]

    def end(self, end: int) -> None:
        """End a query."""
        level = self.level
        self.level = level.around or level
        self.visible, self.computed = level.visible, level.computed
        self.correlated = level.correlated
        column, row = level.sources
        if row == 1:
            self.query = level.column, level.row + len(level.whole)
            return
        own, copies = end - level.start, self.copies - level.copies
        for first, last, inner in level.inner:
            own -= last - first
            copies -= inner
        if column < row and self._names_a_row(level, end):
            column = row
        size = _names(own) + copies
        self.copies += size * (column - 1)
        self.query = level.column * column, level.row * column + len(level.whole) * row
        _check(max(size * column, self.query[1]), level.start)

    def _names_a_row(self, level: _Query, end: int) -> bool:
        """Whether an item of FROM is named as a whole, outside of the queries in FROM."""
        keys, name, start = self._tokens.keys, self._tokens.name, level.start
        names = {name(index) for index in level.aliases}
        for first, last, _ in [*level.inner, (end, end, 0)]:
            for index in range(start, first):
                key = keys[index]
                if keys[index - 1] == ".":
                    if key == "*":
                        if index not in level.whole:
                            return True
                    elif name(index) in OF_ROWS:
                        return True
                elif (key in names or (key == '"' and name(index) in names)) and (
                    keys[index + 1] != "." and index not in level.aliases
                ):
                    return True
            start = last
        return False

    def source(self, start: int, end: int, copies: int) -> None:
        """Note that the query that was just read is an item of FROM; `copies` were before it."""
        level = self.level
        level.sources = larger(level.sources, self.query)
        level.inner.append((start, end, self.copies - copies))

    def relation(self, index: int) -> None:
        """Note a relation in FROM, which may be a query of WITH."""
        level = self.level
        level.aliases.append(index)
        if self._named:
            columns, copied = self._named.get(self._tokens.name(index), (_TABLE, 0))
            level.sources = larger(level.sources, columns)
            self.copies += copied
            _check(self.copies, index)

    def lateral(self) -> None:
        """Let the queries that follow in this FROM see what stands before them."""
        self.visible = larger(self.visible, self.level.sources)
        self.correlated += 1

    def named(self, index: int, before: str, start: int, end: int, copies: int) -> None:
        """Note that the query is one of WITH; `before` is the word before its bracket."""
        name = self._tokens.name(index)
        columns, copied = self._named.get(name, (_TABLE, 0))
        columns = larger(columns, CLOSED if before == "materialized" else self.query)
        if before == "not":
            copied = max(copied, _names(end - start) + self.copies - copies)
        self._named[name] = columns, copied


def larger(one: _Columns, other: _Columns) -> _Columns:
    """Take the larger sizes of two."""
    return max(one[0], other[0]), max(one[1], other[1])


def _names(tokens: int) -> int:
    return tokens // 2 + 1


def _check(size: int, index: int) -> None:
    if size > MAX_GROWN:
        raise Refusal(
            "too_deep",
            "PostgreSQL would copy parts of this query too often: BETWEEN, IN, (...).*, computed "
            "columns or sets of GROUP BY stand too often within or beside each other",
            "Name an inner query by WITH ... AS MATERIALIZED (...), or ask in smaller steps.",
            index=index,
        )
