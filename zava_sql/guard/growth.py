"""Bounds of what PostgreSQL makes of a text before it runs it: it copies parts of it.

It copies the left operand of BETWEEN and of IN ( list ); what stands before `.*`, for each column;
a column of a sub-query, for each place that names it and each part of a UNION; a query of WITH NOT
MATERIALIZED, for each FROM that names it. It makes COALESCE ( a.x, b.x ) of each x behind FULL JOIN
USING ( x ), and a row of all columns of each name of a join. The query in EXISTS is planned twice,
that in JSON_ARRAY read twice; each set of CUBE, ROLLUP and GROUPING SETS is planned by itself.
Within each other these multiply: 400 characters fill the memory of a machine, and no timeout ends
what does not look for one. Sizes are in names, and not below what is made.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from zava_sql.guard.keywords import COLUMN_WORD, IDENTIFIER, words
from zava_sql.guard.limits import MAX_GROWN, MAX_QUERIES, MAX_SYMMETRIC, Refusal

if TYPE_CHECKING:
    from collections.abc import Collection

    from zava_sql.guard.lexer import Tokens

__all__ = ["CLOSED", "COLUMNS", "OF_ROWS", "Growth", "added"]

_LONG: Final = 12  # tokens of an item
COLUMNS: Final = 50  # of a table, or a row before `.*`, as a guess
# The size of what the largest column of a query stands for; of what its row does; and of its
# largest aggregate, which goes nowhere but into HAVING, with the conditions of the query around.
_Columns = tuple[int, int, int]
_TABLE: Final[_Columns] = (1, 1, 1)
# Functions of one row, which `t.name` calls.
OF_ROWS: Final = words("""
    any_value array_agg concat count json_agg json_agg_strict json_build_array json_build_object
    jsonb_agg jsonb_agg_strict jsonb_build_array jsonb_build_object max min mode num_nonnulls
    num_nulls pg_typeof quote_literal quote_nullable row_to_json to_json to_jsonb
    """)
_EXTREMES: Final = ("min", "max")
# What goes into no query around it, nor lets a condition in: behind LIMIT, MATERIALIZED.
CLOSED: Final[_Columns] = (1, COLUMNS, 1)


class _Query:
    """A query that is being read."""

    __slots__ = (
        "aggregate", "aliases", "around", "column", "computed", "copies", "correlated", "extremes",
        "inner", "is_of_union", "last", "merged", "row", "sources", "start", "visible", "whole",
        "width",
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
        self.column = self.row = self.aggregate = 1  # of its select list, if names are but names
        self.width = 0  # of all columns of its FROM, so far
        self.last = 1  # the largest column of the last item of FROM
        self.merged = 0  # what FULL JOIN adds to a column
        self.extremes = 0  # calls of min() and max()
        self.is_of_union = False


class _Named:
    """A query of WITH. PostgreSQL puts it where it is named, if that is one place, or it must."""

    __slots__ = ("columns", "copies", "is_outer", "is_union", "often", "places")

    def __init__(self) -> None:
        self.columns = _TABLE
        self.copies = 0  # of all of it
        self.is_union = False
        self.is_outer = False  # of the WITH before all the rest: seen from everywhere
        self.often = False  # NOT MATERIALIZED, or one of two that bear the name
        self.places = 0  # where it is named


class Growth:
    """The copies of all that was read so far, and the query that is being read."""

    __slots__ = (
        "_aliases", "_counts", "_made_once", "_named", "_places", "_queries", "_symmetric",
        "_tokens", "computed", "copies", "correlated", "is_union", "left", "level", "query",
        "too_much", "visible",
    )  # fmt: skip

    def __init__(self, tokens: Tokens, made_once: Collection[str] = ()) -> None:
        self._tokens = tokens
        self._made_once = made_once  # see named_often()
        self.too_much: int | None = None  # where the bound was passed
        self._named: dict[str, _Named] = {}
        self._places: dict[str, int] = {}  # where names without schema stood last in FROM
        self._aliases: set[int] = set()
        self._counts: list[int] = []  # of what may be columns, before each token
        self._symmetric = self._queries = 0
        self.copies = 0  # in names
        self.left = (0, 0)  # where the left operand begins, and the copies before it
        self.query = _TABLE  # columns of the query that was read last
        self.is_union = False  # that query
        self.visible = _TABLE  # columns of FROM around, to LATERAL
        self.computed = False  # an item with an aggregate or window function goes nowhere else
        self.correlated = 0  # queries around; an aggregate may be of theirs, and none of this one
        self.level = _Query(self, None, 0)

    def _bound(self, size: int, index: int) -> None:
        if size > MAX_GROWN and self.too_much is None:
            self.too_much = index  # all is read, but no more is counted: numbers would grow as well

    def check(self) -> None:
        """Refuse a text that was read, if it makes too much."""
        self._bound(self.copies + sum(x.copies for x in self._named.values() if not x.places), 0)
        if self.too_much is not None:
            raise Refusal(
                "too_deep",
                "PostgreSQL would copy parts of this query too often: BETWEEN, IN, EXISTS, "
                "(...).*, computed columns, UNION, FULL JOIN USING or sets of GROUP BY stand too "
                "often within or beside each other",
                "Name an inner query by WITH ... AS MATERIALIZED (...), or ask in smaller steps.",
                index=self.too_much,
            )

    def named_often(self) -> list[str]:
        """Give the queries of WITH that PostgreSQL makes once, as it knows when all is read."""
        return [
            name
            for name, query in self._named.items()
            if query.places > 1 and query.is_outer and not query.often
        ]

    def size(self, start: int, end: int, copies: int) -> int:
        """Give the size of a part that was read; `copies` were there before it."""
        return _names(end - start) + self.copies - copies

    # Expressions

    def copied(self, times: int, index: int) -> None:
        """Note copies of the operand that ends at `index`."""
        if self.too_much is not None:
            return
        start, copies = self.left
        self.copies += (times - 1) * self.size(start, index, copies)
        self._bound(self.copies, index)

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

    def twice(self, start: int, end: int, copies: int) -> None:
        """Note that PostgreSQL reads or plans a query twice; `copies` were there before it."""
        self.left = start, copies
        self.copied(2, end)

    def grouped(self, sets: int, index: int) -> None:
        """Note a GROUP BY and its sets: each is planned by itself."""
        self.level.extremes = 0
        if sets > 1:
            self.copies += sets
            self._bound(self.copies, index)

    def aggregate(self, name: str) -> None:
        """Note the call of an aggregate; for min() and max() PostgreSQL plans all of FROM again."""
        self.level.extremes += name in _EXTREMES
        if not self.correlated:
            self.computed = True

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
        level = self.level
        if self._tokens.keys[end - 1] == "*":
            level.whole.append(end - 1)
        size = max(1, self._names_in(start, end)) + self.copies - copies
        if self.computed:
            level.aggregate = max(level.aggregate, size)
            size = 1
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
        self.is_union = level.is_of_union and not level.extremes
        column, row, aggregate = level.sources
        column, row = column + level.merged, row * (1 + level.merged)
        whole = len(level.whole) * level.width
        if self.too_much is not None or (column == row == aggregate == 1 and not level.is_of_union):
            self.query = level.column, level.row + whole, level.aggregate
            return
        own, copies = end - level.start, self.copies - level.copies
        for first, last, inner in level.inner:
            own -= last - first
            copies -= inner
            if level.is_of_union:
                self.copies += level.extremes * (_names(last - first) + inner)
        if column < row and self._names_a_row(level, end):
            column = row
        size = _names(own) + copies
        self.copies += size * (max(column, aggregate) - 1)
        self.query = (
            level.column * column,
            level.row * column + whole * (1 + level.merged),
            level.aggregate * column,
        )
        self._bound(max(size * column, self.query[1], self.copies), level.start)

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
                    keys[index + 1] != "." and index not in self._aliases
                ):
                    return True
            start = last
        return False

    def source(self, start: int, end: int, copies: int) -> None:
        """Note that the query that was just read is an item of FROM; `copies` were before it."""
        level = self.level
        level.sources = _larger(level.sources, self.query)
        level.width += self.query[1]
        level.last = self.query[0]
        level.is_of_union |= self.is_union
        level.inner.append((start, end, self.copies - copies))

    def table(self) -> None:
        """Note an item of FROM that is a table, or a function."""
        self.level.width += COLUMNS
        self.level.last = 1

    def alias(self, index: int) -> None:
        """Note a name that is given in FROM, and so names no row."""
        self.level.aliases.append(index)
        self._aliases.add(index)

    def relation(self, index: int, *, has_schema: bool) -> None:
        """Note a relation in FROM, which may be a query of WITH; none of these has a schema."""
        level = self.level
        self.alias(index)
        name = self._tokens.name(index)
        named = None if has_schema else self._named.get(name)
        if not has_schema:
            self._places[name] = index
        if not named:
            self.table()
            return
        named.places += 1
        level.sources = _larger(level.sources, named.columns)
        level.width += named.columns[1]
        level.last = named.columns[0]
        level.is_of_union |= named.is_union
        level.inner.append((index, index, named.copies))
        self.copies += named.copies
        if not named.often:
            named.copies = 0
        self._bound(self.copies, index)

    def joined(self, columns: int) -> None:
        """Note a join in FROM that may be named as a whole."""
        self.level.sources = _larger(self.level.sources, (1, columns, 1))

    def merged(self, unwritten: int = 0) -> None:
        """Note columns that FULL JOIN makes of those on both its sides; NATURAL writes no names."""
        self.level.merged += self.level.last
        self.copies += unwritten

    def lateral(self) -> None:
        """Let the queries that follow in this FROM see what stands before them."""
        self.visible = _larger(self.visible, self.level.sources)
        self.correlated += 1

    def not_yet_named(self, index: int, start: int) -> None:
        """Refuse the name of a query of WITH RECURSIVE that stood in one before."""
        place = self._places.get(self._tokens.name(index), 0)
        if place > start:
            raise Refusal(
                "unsupported",
                "a query of WITH RECURSIVE names one that stands behind it",
                "Put the queries of WITH in the order in which they build on each other.",
                index=place,
            )

    def named(self, index: int, before: str, size: int, *, is_outer: bool) -> None:
        """Note that the query is one of WITH; `before` is the word behind AS, `size` all of it."""
        name = self._tokens.name(index)
        named = self._named.get(name) or _Named()
        named.often |= before == "not" or name in self._named
        named.is_outer = is_outer
        self._named[name] = named
        if before == "materialized" or name in self._made_once:
            named.columns = _larger(named.columns, CLOSED)
            return
        named.columns = _larger(named.columns, self.query)
        named.is_union |= self.is_union
        named.copies += size
        self.copies -= size


def added(one: _Columns, other: _Columns) -> _Columns:
    """Add the sizes of two parts of a UNION: what names a column of it gets those of both."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _larger(one: _Columns, other: _Columns) -> _Columns:
    """Take the larger sizes of two."""
    return max(one[0], other[0]), max(one[1], other[1]), max(one[2], other[2])


def _names(tokens: int) -> int:
    return tokens // 2 + 1
