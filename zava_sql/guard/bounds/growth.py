"""Bounds on the copies that PostgreSQL makes of parts of a text before it runs it.

It copies the left operand of BETWEEN and of IN ( list ); the times of OVERLAPS, which is SQL that
it inlines; a row before `.*`, for each column; a column's expression, for each place that names
it (see columns.py) and each branch of a UNION; a query of WITH NOT MATERIALIZED, for each FROM that
names it. It makes COALESCE ( a.x, b.x ) of each x behind FULL JOIN USING ( x ), and a row of all
columns for each name of an item of FROM. In LATERAL and expressions it copies what queries name of
the query around, by any name. It plans the query in EXISTS twice and reads that in JSON_ARRAY
twice; for joins and plans see plans.py.
Nested, these multiply: 400 characters can fill the memory of a machine, and no timeout ends code
that does not check for one. Sizes are counted in names, and never too low.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from zava_sql.guard.bounds.columns import (
    ALONE,
    CLOSED,
    COLUMNS,
    OTHERS,
    STAR,
    TABLE,
    Columns,
    Level,
    Named,
    larger,
)
from zava_sql.guard.bounds.counts import Counts, half
from zava_sql.guard.bounds.plans import (
    FEW_MATCHED,
    PLANS,
    add_view,
    joined_size,
    plan_size,
    pulled_size,
    sets_size,
)
from zava_sql.guard.bounds.terms import FEW_TERMS, Terms
from zava_sql.guard.keywords import COLUMN_WORD, IDENTIFIER
from zava_sql.guard.limits import MAX_GROWN, MAX_QUERIES, MAX_SYMMETRIC, Refusal

if TYPE_CHECKING:
    from collections.abc import Collection

    from zava_sql.guard.lexer import Tokens

__all__ = ["Growth"]


class Growth:
    """The copies in all that was read so far, and the query that is being read."""

    __slots__ = (
        "_counts", "_made_once", "_named", "_queries", "_symmetric", "_terms", "_tokens", "_widest",
        "computed", "copies", "correlated", "ended", "given", "in_exists", "is_union", "joins",
        "left", "level", "levels", "places", "query", "sources", "too_much", "visible", "wide",
    )  # fmt: skip

    def __init__(self, tokens: Tokens, made_once: Collection[str] = ()) -> None:
        self._tokens = tokens
        self._made_once = made_once  # see named_often()
        self.too_much: int | None = None  # where the bound was exceeded
        self._named: dict[str, Named] = {}
        self.places: dict[str, int] = {}  # where names without schema stood last in FROM
        self.given: set[int] = set()  # where names are given in FROM, and to items as labels
        self._counts = Counts(tokens)
        self._terms = Terms(tokens, self._counts)
        self._symmetric = self._queries = 0
        self.copies = 0  # in names
        self.left = (0, 0)  # where the left operand begins, and the copies before it
        self.query = TABLE  # columns of the query that was read last
        self.sources = TABLE  # columns of its FROM, which ORDER BY may name
        self.joins = ALONE  # what it adds to the outer query
        self.in_exists = ALONE  # the same in EXISTS, which ignores GROUP BY, DISTINCT and LIMIT
        self.is_union = False  # that query
        self.wide = 0  # how many columns it has
        self._widest = COLUMNS  # the largest of these
        self.visible = TABLE  # columns of FROM around, to LATERAL
        self.computed = False  # aggregate or window function: the item is not copied elsewhere
        self.correlated = 0  # outer queries; an aggregate may belong to one of these
        self.level = self.ended = Level(None, 0, 0)
        self.levels: list[Level] = []  # all queries

    def _bound(self, size: int, index: int) -> None:
        if size > MAX_GROWN and self.too_much is None and size > MAX_GROWN + self._terms.room():
            self.too_much = index  # reading goes on, counting stops: numbers would grow

    def check(self) -> None:
        """Refuse a text that was read, if it makes too many copies."""
        self._bound(self.copies + sum(x.copies for x in self._named.values() if not x.places), 0)
        if self.too_much is not None:
            raise Refusal(
                "too_deep",
                "PostgreSQL would copy parts of this query too often, or try too many ways to join "
                "them: BETWEEN, IN, EXISTS, (...).*, computed columns, UNION, joins or sets of "
                "GROUP BY stand too often within or beside each other",
                "Name an inner query by WITH ... AS MATERIALIZED (...), or ask in smaller steps.",
                index=self.too_much,
            )

    def named_often(self) -> list[str]:
        """Give the queries of WITH that PostgreSQL runs once; this is known when all is read."""
        often = [name for name, x in self._named.items() if x.places > 1 and not x.often]
        return [name for name in often if self.places[name] < self._named[name].end]

    def size(self, start: int, end: int, copies: int) -> int:
        """Give the size of a part that was read; `copies` were there before it."""
        return half(end - start) + self._counts.repeats(start, end) + self.copies - copies

    # Expressions

    def copied(self, times: int, index: int) -> None:
        """Note copies of the operand that ends at `index`."""
        if self.too_much is not None:
            return
        start, copies = self.left
        if self.copies == copies and self._counts.again(start, index, times - 1):
            return
        self.copies += (times - 1) * self.size(start, index, copies)
        self._bound(self.copies, index)

    def between(self, index: int) -> None:
        """Note BETWEEN. If it is SYMMETRIC, its bounds are copied as well: few are allowed."""
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
        """Note a copy for each item of IN ( list ) that may not be a constant, or is a row."""
        kinds = self._tokens.kinds
        names = kinds.count(IDENTIFIER, first, last) + kinds.count(COLUMN_WORD, first, last)
        self.copied(1 + names + self._tokens.keys[first:last].count("("), first)

    def compared(self) -> None:
        """Note a condition on the columns of the query just read: IN, ANY."""
        self.copies += self.query.growth
        self.level.matched += 2 * self.wide if self.wide > COLUMNS else 0
        self.semi_joined()
        self.level.pulled += 1

    def semi_joined(self) -> None:
        """Note that the query just read is joined to the outer query: EXISTS, IN."""
        self.level.join(self.in_exists)

    def twice(self, start: int, end: int, copies: int) -> None:
        """Note that PostgreSQL reads or plans a query twice; `copies` were there before it."""
        self.left = start, copies
        self.copied(2, end)

    def grouped(self, sets: list[int], start: int, end: int) -> None:
        """Note a GROUP BY and the sets of its items: each is planned by itself."""
        level = self.level
        level.extremes, level.is_closed, level.grouped = 0, True, (start, end)
        if (number := prod(sets)) > 1:
            self.copies += sets_size(number, self._counts.names(start, end))
            self._bound(self.copies, start)

    def aggregate(self, name: str) -> None:
        """Note an aggregate; for min() and max() PostgreSQL plans all of a UNION twice more.

        In LATERAL it is of the query it stands in: PostgreSQL refuses one of a query in whose FROM
        it stands.
        """
        self.level.extremes += name in ("min", "max")
        if not self.correlated:
            self.computed = True

    # Queries

    def begin(self, start: int) -> None:
        """Begin a query."""
        level = self.level = Level(self.level, start, self.copies)
        self.levels.append(level)
        level.visible = level.sources = self.visible
        level.computed = self.computed
        self.computed, self._queries = False, self._queries + 1
        if self._queries > MAX_QUERIES:
            raise Refusal(
                "too_deep",
                f"more than {MAX_QUERIES} queries within queries",
                "Ask in smaller steps.",
                index=start,
            )

    def item(self, start: int, end: int, copies: int, name: str = OTHERS) -> None:
        """Note an item of a select list, called `name`; `copies` were there before it."""
        level = self.level
        level.items.append((start, end, self.copies - copies, name, self.computed))
        if name == STAR:
            level.stars.append((start, end))
        if self.computed:
            level.is_closed = True

    def named_item(self, start: int, end: int, copies: int, behind: int) -> None:
        """Note an item, and the name of its column if that is known: a label ends at `behind`."""
        if self._tokens.keys[end - 1] != STAR:
            self.item(start, end, copies, self._counts.label(start, end, behind))
        else:
            self.item(start, end, copies, STAR)
            if not self._counts.is_path(start, end):
                self.item(start, end, copies)

    def condition(self, start: int, end: int) -> None:
        """Note WHERE, HAVING, ON or USING: PostgreSQL pushes them down into the queries in FROM."""
        self.level.conditions.append((start, end))

    def end(self, end: int, *, is_outer: bool = False) -> None:
        """End a query; nothing is joined to the outermost one."""
        level = self.level
        self.level = level.around or level
        is_lateral = self.visible is not level.visible
        self.visible, self.computed = level.visible, level.computed
        self.is_union = level.is_of_union and not level.is_closed
        self.wide = self._counts.width(level, self._widest)
        self._widest = max(self._widest, self.wide)
        if self.too_much is not None:
            self.query = self.sources = TABLE
            return
        sources = level.sources
        if level.is_renamed or level.is_of_union or level.merged:
            sources = sources.renamed(level.merged)
        own = level.own(end)
        sources = self._counts.with_rows(level, sources, own, self.given)
        self.ended = level
        if level.is_of_union or not (sources.is_plain() or self._counts.moves(level, sources, end)):
            self._put_in_place(level, sources, own)
        self.copies += self._counts.repeats_of(own)
        self.sources = sources
        self.query = self._counts.columns(level, sources, is_within=bool(self.correlated))
        if level.number > level.listed:
            level.joined += joined_size(level)
        if level.pulled > 1 or (level.pulled and level.joined):
            copies = self.copies - level.copies
            self.copies += pulled_size(level, end, copies, is_lateral=is_lateral)
        is_plain = level.widest <= COLUMNS and level.matched <= FEW_MATCHED
        if is_outer and is_plain and level.relations < len(PLANS):
            size = PLANS[level.relations]
        else:
            self.in_exists = self._counts.joins(level, self.copies - level.copies)
            self.joins = ALONE if level.is_closed else self.in_exists
            size = plan_size(self.in_exists, level.listed)
        self.copies += level.planned + size
        self._counts.planned.append((level.start, level.planned + size))
        if self.query.row > MAX_GROWN:
            self.too_much = level.start
        self._bound(self.copies, level.start)

    def ordered(self, level: Level, sources: Columns, start: int, end: int, copies: int) -> None:
        """Note ORDER BY, which names columns of FROM; `copies` were there before it."""
        if self.too_much is not None:
            return
        sources = self._counts.with_rows(level, sources, [(start, end)], self.given)
        if not sources.is_plain():
            more = (self.copies - copies) * (sources.condition - 1)
            more += self._counts.grown(sources, [(start, end)])[0]
            self.copies += more + self._counts.repeats(start, end)
            self._bound(self.copies, start)

    def _put_in_place(self, level: Level, sources: Columns, own: list[tuple[int, int]]) -> None:
        """Note the size of a query once names are replaced by the expressions they stand for."""
        extra, _ = self._counts.grown(sources, own)
        extra = max(extra - self._counts.repeated(sources, level), 0)
        elsewhere, in_condition = self._counts.grown(sources, level.conditions)
        extra += in_condition - elsewhere
        extra += sum(item[3] == STAR for item in level.items) * sources.star()
        if extra > FEW_TERMS:
            self._terms.names += min(extra, self._terms.grown(level, sources))
        extra += level.naturals * sources.growth
        copies = self.copies - level.copies - self._counts.plans(own)
        for first, last, inner in level.inner:
            copies -= inner
            if level.is_of_union:
                self.copies += 2 * level.extremes * (half(last - first) + inner)
        self.copies += extra + max(copies, 0) * (sources.condition - 1)

    def source(self, start: int, end: int, copies: int) -> None:
        """Note that the query just read is an item of FROM; `copies` were before it."""
        level = self.level
        level.number += 1
        level.add(self.query, self.query)
        level.sources = larger(level.sources, self.query)
        level.width += self.query.row
        level.widen(self.wide)
        level.last = self.query.column
        level.pull_up(self.joins)
        level.is_of_union |= self.is_union
        level.inner.append((start, end, self.copies - copies))

    def table(self) -> None:
        """Note an item of FROM that is a table."""
        level = self.level
        level.number += 1
        level.relations += 1
        level.parts += 1
        level.width += COLUMNS
        level.widen(COLUMNS)
        level.last = 1
        level.add(TABLE, TABLE)

    def function(self, *, is_api: bool) -> None:
        """Note a function in FROM: it may be one in SQL that is inlined, or give a constant."""
        self.table()
        if is_api:
            add_view(self.level)
        else:
            self.level.pulled += 1

    def alias(self, index: int) -> None:
        """Note a name that is given in FROM, and so names no row."""
        self.level.give(index)
        self.given.add(index)

    def relation(self, index: int, *, has_schema: bool) -> None:
        """Note a relation in FROM, which may be a query of WITH; none of these has a schema."""
        level, name = self.level, self._tokens.name(index)
        named = None if has_schema else self._named.get(name)
        columns = named.columns if named else TABLE
        level.add(TABLE if named and named.often else columns, columns)  # one of that name
        self.alias(index)
        level.is_bare = True
        if not has_schema:
            self.places[name] = index
        if not named:
            self.table()
            if has_schema and self._tokens.name(index - 2) == "api":
                add_view(level)
                level.rows[-1] = level.whole
            return
        named.places += 1
        level.number += 1
        level.add_named(named.columns)
        level.pull_up(named.joins)
        level.width += named.columns.row
        level.widen(named.wide)
        level.last = named.columns.column
        level.is_of_union |= named.is_union
        copies, named.text = named.copies - named.text, 0  # an expression used once is not a copy
        level.inner.append((index, index, copies))
        self.copies += copies
        named.copies *= named.often
        self._bound(self.copies, index)

    def joined(self, columns: int) -> None:
        """Note a join in FROM that may be named as a whole."""
        self.level.add(TABLE, None)
        self.level.sources = larger(self.level.sources, TABLE.but(columns, 0))

    def merged(self, unwritten: int = 0) -> None:
        """Note columns that FULL JOIN merges from both sides; NATURAL writes no names."""
        self.level.merged += self.level.last
        self.copies += unwritten

    def join(self, *, is_full: bool) -> None:
        """Note a join; both sides of FULL JOIN are planned apart, and joined as one."""
        if is_full:
            self.level.planned += plan_size(self._counts.joins(self.level, 0), self.level.listed)
            self.level.relations = 1

    def lateral(self) -> None:
        """Let the queries that follow in this FROM see what stands before them."""
        level, sources = self.level, self.level.sources
        if level.is_renamed or level.merged:
            sources = sources.renamed(level.merged)
        self.visible = larger(self.visible, sources)

    def named(self, index: int, before: str, text: int, copies: int) -> None:
        """Note that the query of `text` tokens is one of WITH; `before` is the word behind AS."""
        name = self._tokens.name(index)
        named = self._named.get(name) or Named()
        named.often |= before == "not" or name in self._named
        named.wide = max(named.wide, self.wide)
        self._named[name] = named
        if before == "materialized" or name in self._made_once:
            named.columns = larger(named.columns, CLOSED)
            return
        columns = self.query.renamed() if self._tokens.keys[index + 1] == "(" else self.query
        named.columns = larger(named.columns, columns)
        named.is_union |= self.is_union
        named.joins = named.joins.or_more(self.joins)
        named.text += half(text)
        named.copies += half(text) + self.copies - copies
        self.copies = copies
        planned = self._counts.planned
        while planned and planned[-1][0] > index:  # as names, from here on
            planned.pop()

    def end_with(self, names: list[str], end: int) -> None:
        """Note where the query ends whose WITH has these."""
        for name in names:
            self._named[name].end = end
