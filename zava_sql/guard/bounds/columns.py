"""What the columns of a query stand for, and the queries that are being read.

PostgreSQL substitutes a column's expression everywhere in the outer query. If the subquery has
aggregates, windows, GROUP BY or DISTINCT, it does so only in conditions of the outer query, which
it pushes down; behind LIMIT not even there. Sizes are counted in names.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final

from zava_sql.guard.keywords import words

__all__ = [
    "ALONE", "CLOSED", "COLUMNS", "MAX_COLUMNS", "OF_ROWS", "OTHERS", "STAR", "TABLE", "VIEW",
    "Columns", "Joins", "Level", "Named", "Rows", "Sizes", "add", "added", "larger",
]  # fmt: skip

COLUMNS: Final = 50  # of a table, or a row before `.*`, as a guess
MAX_COLUMNS: Final = 1_664  # of a query: MaxTupleAttributeNumber
STAR: Final = "*"
OTHERS: Final = ""  # columns whose name is not known: all other names
# Functions that take a row, which `t.name` calls.
OF_ROWS: Final = words("""
    any_value array_agg concat count json_agg json_agg_strict json_build_array json_build_object
    jsonb_agg jsonb_agg_strict jsonb_build_array jsonb_build_object max min mode num_nonnulls
    num_nulls pg_typeof quote_literal quote_nullable row_to_json to_json to_jsonb
    """)
# By column name: the size of its expression, and its size in a condition, which is no less.
Sizes = dict[str, tuple[int, int]]
# Where whole rows are named, and by how much these and all before grow, also in a condition.
Rows = tuple[list[int], list[int], list[int]]
_ONES: Final[Sizes] = {OTHERS: (1, 1)}


class Columns:
    """Sizes of the columns' expressions, of a whole row, and of the largest column.

    Nothing changes them once they are made. In machine code a NamedTuple is slow, and so they are
    none; nor are Joins.
    """

    __slots__ = ("column", "condition", "growth", "is_certain", "merged", "row", "rows", "sizes")

    def __init__(self, sizes: Sizes, row: int) -> None:
        self.sizes = sizes
        self.row = row
        self.column = 1
        self.condition = 1  # the largest in a condition
        self.growth = 0  # how much a condition on all of them grows
        self.is_certain = True  # a column of any name may exist
        self.rows: Rows | None = None
        self.merged = {id(sizes): sizes}  # all of which these are the larger ones

    @staticmethod
    def of(found: Sizes, row: int, growth: int, *, is_certain: bool = True) -> Columns:
        """Make them from sizes; sizes equal to that of all other names are dropped."""
        others = found[OTHERS]
        if len(found) == 1 and others == (1, 1):
            return Columns(_ONES, row)
        sizes: Sizes = {}
        column, condition = others
        for name, size in found.items():
            if size != others or name in OF_ROWS:
                sizes[name] = size
                column, condition = max(column, size[0]), max(condition, size[1])
        if not sizes and others == (1, 1):
            return Columns(_ONES, row)
        sizes[OTHERS] = others
        made = Columns(sizes, row)
        made.column, made.condition = column, condition
        made.growth, made.is_certain = growth, is_certain
        return made

    def but(self, row: int, growth: int) -> Columns:
        """Give the same with another row and growth."""
        made = Columns(self.sizes, row)
        made.column, made.condition = self.column, self.condition
        made.growth, made.is_certain, made.rows = growth, self.is_certain, self.rows
        made.merged = self.merged
        return made

    def renamed(self, more: int = 0) -> Columns:
        """Give the same for other names: any may be the largest, with `more` for the rest."""
        sizes = {OTHERS: (self.column + more, self.condition + more)}
        return Columns.of(sizes, self.row * (1 + more), self.growth)

    def of_rows(self) -> Columns:
        """Give the same where any name may stand for a whole row."""
        size = max(self.row, self.column)
        in_condition = max(size, self.condition, 1 + self.growth)
        return Columns.of({OTHERS: (size, in_condition)}, self.row, self.growth)

    def with_rows(self, places: list[tuple[int, Columns, int]]) -> Columns:
        """Give the same with whole rows: where each is named, of what, and how often it counts."""
        sizes = [(row.row, row.row + row.growth, times) for _, row, times in places]
        size, in_condition, _ = map(max, zip(*sizes, strict=True))
        made = self.but(self.row, self.growth)
        made.column, made.condition = max(self.column, size), max(self.condition, in_condition)
        made.rows = (
            [index for index, _, _ in places],
            list(accumulate([(size - 1) * times for size, _, times in sizes], initial=0)),
            list(accumulate([(size - 1) * times for _, size, times in sizes], initial=0)),
        )
        return made

    def is_plain(self) -> bool:
        """Say whether columns stand for no more than themselves."""
        return self.sizes is _ONES and self.rows is None

    def star(self) -> int:
        """Say by how much `*` grows."""
        return sum(size - 1 for size, _ in self.sizes.values())


TABLE: Final = Columns(_ONES, 1)
VIEW: Final = TABLE.but(COLUMNS, 0)  # or a function, which may be one in SQL
# What is not substituted into an outer query, and takes no condition: behind LIMIT, MATERIALIZED.
CLOSED: Final = Columns(_ONES, COLUMNS)


def larger(one: Columns, other: Columns) -> Columns:
    """Take the larger sizes of two items of FROM: either may have the name."""
    if one.is_plain() or other.is_plain():
        either = one if other.is_plain() else other
        return either.but(max(one.row, other.row), either.growth)
    row, growth = max(one.row, other.row), one.growth + other.growth
    if one.rows is None and other.rows is None:  # else its columns are larger than its sizes
        if id(one.sizes) in other.merged:
            return other.but(row, growth)
        if id(other.sizes) in one.merged:
            return one.but(row, growth)
        few, many = (one, other) if len(one.sizes) < len(other.sizes) else (other, one)
        if few.sizes[OTHERS] == (1, 1):  # so that of the names of many none becomes larger
            return _with_few(many, few, row, growth)
    sizes: Sizes = {}
    others, all_others = one.sizes[OTHERS], other.sizes[OTHERS]
    for name, size in one.sizes.items():
        second = other.sizes.get(name, all_others)
        sizes[name] = max(size[0], second[0]), max(size[1], second[1])
    for name, size in other.sizes.items():
        if name not in sizes:
            sizes[name] = max(others[0], size[0]), max(others[1], size[1])
    is_certain = one.is_certain and other.is_certain
    made = Columns.of(sizes, row, growth, is_certain=is_certain)
    made.merged |= one.merged | other.merged
    return made


def _with_few(many: Columns, few: Columns, row: int, growth: int) -> Columns:
    """Take the larger sizes where only the names of a few may have larger ones."""
    sizes, others = many.sizes.copy(), many.sizes[OTHERS]
    for name, size in few.sizes.items():
        before = sizes.get(name, others)
        most = max(size[0], before[0]), max(size[1], before[1])
        if most != others or name in OF_ROWS or name == OTHERS:
            sizes[name] = most
        else:
            sizes.pop(name, None)
    made = Columns(sizes, row)
    made.column, made.condition = max(many.column, few.column), max(many.condition, few.condition)
    made.growth, made.is_certain = growth, many.is_certain and few.is_certain
    made.merged |= many.merged | few.merged
    return made


def add(found: Sizes, name: str, size: tuple[int, int], *, is_closed: bool) -> None:
    """Add a column to those of a query; a column that is closed counts in conditions alone."""
    before = found.get(name, (1, 1))
    found[name] = 1 if is_closed else max(size[0], before[0]), max(size[0], size[1], before[1])


def added(one: Columns, other: Columns) -> Columns:
    """Add the sizes of two branches of a UNION: naming a column copies both of its expressions."""
    sizes = {
        name: (size[0] + other.column, size[1] + other.condition)
        for name, size in one.sizes.items()
    }
    row, growth = one.row + other.row, one.growth + other.growth
    return Columns.of(sizes, row, growth, is_certain=one.is_certain)


class Joins:
    """What a query adds to the joins of the outer query, when PostgreSQL pulls it up."""

    __slots__ = ("aliases", "copied", "matched", "parts", "relations")

    def __init__(
        self, relations: int, parts: int, matched: int, copied: int = 0, aliases: int = 0
    ) -> None:
        self.relations = relations  # including those of queries in its FROM
        self.parts = parts  # items of FROM, and EXISTS and IN
        self.matched = matched  # names in what joins them
        self.copied = copied  # copies in its select list
        self.aliases = aliases  # columns of its joins, one for each join; in names and these copies

    def or_more(self, other: Joins) -> Joins:
        """Take the larger of each: one of two queries is joined."""
        if self is other:
            return self
        return Joins(
            max(self.relations, other.relations),
            max(self.parts, other.parts),
            max(self.matched, other.matched),
            max(self.copied, other.copied),
            max(self.aliases, other.aliases),
        )


# With an aggregate, a window, GROUP BY, DISTINCT or LIMIT it is joined as one relation.
ALONE: Final = Joins(1, 1, 0)


class Level:
    """A query that is being read."""

    __slots__ = (
        "aliases", "around", "by_name", "columns", "computed", "conditions", "copied", "copies",
        "counted", "extremes", "grouped", "inner", "is_bare", "is_closed", "is_of_union",
        "is_renamed", "items", "joined", "known", "last", "latest", "listed", "matched", "merged",
        "named", "naturals", "number", "parts", "planned", "pulled", "relations", "rows", "sources",
        "stars", "start", "visible", "whole", "wide", "widest", "width",
    )  # fmt: skip

    def __init__(self, around: Level | None, start: int, copies: int) -> None:
        self.around = around
        self.start = start
        self.copies = copies  # before it
        # What was counted before it, for the outer query.
        self.visible = self.sources = TABLE
        self.known: dict[int, Columns] | None = None  # those of WITH in it, which sources hold
        self.computed = False
        # Of its FROM, so far: the largest of each name; the number of items, and of items between
        # commas; the names in join conditions beyond the joining ones; where names are given;
        # queries, by begin, end and copies; the total width; the largest column of the last item.
        self.number = self.listed = 0
        self.relations = self.parts = self.matched = self.joined = 0  # see Joins
        self.pulled = self.copied = 0  # pulled up into it: items; copies in select lists
        self.planned = 0  # planned apart: both sides of FULL JOIN, and views
        self.aliases: list[int] = []
        self.columns: list[Columns] = []  # what each of these has
        self.latest = TABLE  # what the last item has
        # The whole rows of these, and of the last item; none if it is a join.
        self.rows: list[Columns | None] = []
        self.whole: Columns | None = TABLE
        self.by_name: dict[str, Columns | None] = {}  # the rows of the first items, as counted
        self.counted = 0
        self.is_bare = False  # it has its own name, no alias yet
        self.named: dict[str, Columns] | None = None  # by these names, if it was asked for
        self.inner: list[tuple[int, int, int]] = []
        self.width = 0
        self.wide = self.widest = 0  # how many columns, and of one item: see Counts.width()
        self.stars: list[tuple[int, int]] = []  # `*` in the select list
        self.last = 1
        self.is_of_union = False
        self.is_renamed = False  # an item, by a list of names for its columns
        self.merged = 0  # what FULL JOIN adds to a column
        # Of its select list: begin, end, copies, name, and whether it is an aggregate or window.
        self.items: list[tuple[int, int, int, str, bool]] = []
        self.conditions: list[tuple[int, int]] = []
        self.naturals = 0  # NATURAL JOINs: conditions that write no name
        self.extremes = 0  # calls of min() and max()
        self.grouped = 0, 0  # begin and end of GROUP BY
        self.is_closed = False  # by an aggregate, a window, GROUP BY or DISTINCT

    def widen(self, columns: int) -> None:
        """Add the columns of an item of FROM."""
        self.wide += columns
        self.widest = max(self.widest, columns)

    def add(self, columns: Columns, whole: Columns | None) -> None:
        """Note the columns and the row of an item of FROM, whose name or alias follows."""
        self.latest, self.whole, self.is_bare = columns, whole, False

    def give(self, index: int) -> None:
        """Note where the latest item of FROM gets a name; an alias hides its own name."""
        if self.is_bare:
            self.columns[-1] = TABLE
        self.aliases.append(index)
        self.columns.append(self.latest)
        self.rows.append(self.whole)

    def join(self, joins: Joins) -> None:
        """Add a relation or a query to those that are joined."""
        self.relations += joins.relations
        self.parts += joins.parts
        self.matched += joins.matched
        self.joined += joins.aliases

    def pull_up(self, joins: Joins) -> None:
        """Add a query in FROM that may be pulled up into this one."""
        self.relations += joins.relations
        self.parts += joins.parts
        if joins is not ALONE:
            self.matched += joins.matched
            self.joined += joins.aliases
            self.pulled += 1
            self.copied += joins.copied

    def add_named(self, columns: Columns) -> None:
        """Add the columns of a query of WITH to its sources, all its names only once."""
        self.known = self.known or {}
        if id(columns) not in self.known:
            self.known[id(columns)] = columns
            self.sources = larger(self.sources, columns)
        elif columns.growth:
            growth = self.sources.growth + columns.growth
            self.sources = self.sources.but(self.sources.row, growth)

    def own(self, end: int) -> list[tuple[int, int]]:
        """Give what is between the queries in FROM."""
        start, found = self.start, []
        for first, last, _ in self.inner:
            found.append((start, first))
            start = last
        return [*found, (start, end)]


class Named:
    """A query of WITH. PostgreSQL inlines it if it is named once, or is NOT MATERIALIZED."""

    __slots__ = (
        "columns", "copies", "end", "is_union", "joins", "often", "places", "text", "wide",
    )  # fmt: skip

    def __init__(self) -> None:
        self.columns = TABLE
        self.copies = 0  # of all of it
        self.text = 0  # of these, what is written
        self.joins = ALONE
        self.is_union = False
        self.end = 0  # of the query with that WITH: behind it the name is another's
        self.often = False  # NOT MATERIALIZED, or one of two that bear the name
        self.places = 0  # where it is named
        self.wide = 0  # how many columns it has
