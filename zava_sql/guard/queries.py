"""Reader of PostgreSQL queries: SelectStmt of gram.y, with WITH."""

from __future__ import annotations

from typing import Final

from zava_sql.guard.bounds.columns import ALONE, CLOSED, STAR, added
from zava_sql.guard.bounds.growth import Growth
from zava_sql.guard.bounds.plans import union_size
from zava_sql.guard.expressions import QUERY_START, QUERY_TAIL
from zava_sql.guard.keywords import (
    BARE_RESERVED,
    NOT_BARE_LABEL,
    RESERVED,
)
from zava_sql.guard.lexer import END, NUMBER, STRING
from zava_sql.guard.limits import MAX_SET_OPERATIONS, Refusal
from zava_sql.guard.type_of import check_types_of, note_type_alone
from zava_sql.guard.windows import WindowReader

__all__ = ["QueryReader"]

# After an operand these are operators that lack their right-hand side, never labels.
_NEVER_LABEL: Final = frozenset(
    {"is", "like", "ilike", "similar", "between", "overlaps", "isnull", "notnull"}
)
_STARTS: Final = QUERY_START | {"("}
_BOOLEANS: Final = ("true", "false")
_CHANGES: Final = frozenset({"insert", "update", "delete", "merge"})


class QueryReader(WindowReader):
    """Reads a whole text that must be one query."""

    __slots__ = ()

    def statement(self) -> None:
        """Read the whole text: one query and nothing else."""
        self.whole_text()
        growth = self.growth
        if growth.too_much is not None and (names := growth.named_often()):
            again = type(self)(self.tokens, self.allowed)
            growth = again.growth = Growth(self.tokens, names)
            again.whole_text()
        growth.check()
        self.lengthening.check(growth.copies, growth.levels)

    def whole_text(self) -> None:
        """Read it, whatever PostgreSQL makes of it."""
        if self.keys[0] not in _STARTS:
            raise self.not_a_query()
        if self.keys[0] == "(":
            if not self.bracket():
                raise self.not_a_query()
            if self.keys[self.at] in QUERY_TAIL:
                self.query_tail()
        else:
            self.query()
        if self.kinds[self.at] != END:
            raise self.unexpected(self.at)
        if self.types_of or self.types_alone:
            check_types_of(self)

    def not_a_query(self) -> Refusal:
        """Make the refusal of a text that does not begin as a query."""
        if self.kinds[0] == END:
            return Refusal("statement", "the query is empty", "Send one SELECT.", index=0)
        word = self.tokens.texts[0].upper()[:20]
        return Refusal(
            "statement",
            f"only SELECT is allowed, not {word if word.isalpha() else 'this'}",
            self.allowed.statement_hint(word.lower()),
            index=0,
        )

    # Queries

    def query(self) -> None:
        """`[with ...] select ... [union ...] [order by ...] [limit ...]`."""
        names = self.with_clause() if self.keys[self.at] == "with" else []
        self.simple_query()
        self.query_tail()
        self.growth.end_with(names, self.at)

    def query_tail(self) -> None:
        """Set operations, ORDER BY, LIMIT, OFFSET and FETCH behind a first part."""
        keys, growth = self.keys, self.growth
        query, sources, computed = growth.query, growth.sources, growth.computed
        level = growth.ended
        joins, in_exists, is_union = growth.joins, growth.in_exists, growth.is_union
        while keys[self.at] in ("union", "intersect", "except"):
            self.set_operations += 1
            self.is_combined |= not self.depth
            if self.set_operations > MAX_SET_OPERATIONS:
                raise Refusal(
                    "too_many_set_operations",
                    f"more than {MAX_SET_OPERATIONS} set operations",
                    "Use VALUES, or IN with a list.",
                    index=self.at,
                )
            is_plain = keys[self.at] == "union" and keys[self.at + 1] == "all"
            self.at += 1
            if keys[self.at] in ("all", "distinct"):
                self.at += 1
            self.simple_query()
            if not is_plain:
                growth.copies += union_size(growth.wide)
            query, is_union = added(query, growth.query), True
            joins = joins.or_more(growth.joins)
            in_exists = in_exists.or_more(growth.in_exists)
        if keys[self.at] == "order":
            start, copies = self.at, growth.copies
            self.order_by()
            growth.ordered(level, sources, start, self.at, copies)
        if self.limits():  # not pulled up, except by EXISTS, which ignores that
            query, joins, is_union = CLOSED, ALONE, False
        # Of this query, and not of those in its ORDER BY and LIMIT.
        growth.query, growth.joins, growth.in_exists = query, joins, in_exists
        growth.is_union = is_union
        growth.computed = computed  # ORDER BY belongs to this query, not to the outer one

    def limits(self) -> bool:
        """Read LIMIT, OFFSET and FETCH, in any order; refuse FOR UPDATE and its kin."""
        keys, start = self.keys, self.at
        while True:
            key = keys[self.at]
            if key == "limit":
                self.at += 1
                if keys[self.at] == "all":
                    self.at += 1
                else:
                    self.expression()
                    if keys[self.at] == ",":
                        raise Refusal(
                            "syntax",
                            "LIMIT takes one number in PostgreSQL",
                            "Write LIMIT count OFFSET start.",
                            index=self.at,
                        )
            elif key == "offset":
                self.at += 1
                self.expression()
                if keys[self.at] in ("row", "rows"):
                    self.at += 1
            elif key == "fetch":
                self.fetch()
            elif key == "for":
                raise Refusal(
                    "row_lock",
                    "FOR UPDATE, FOR SHARE and the like are not allowed",
                    "Leave the clause out.",
                    index=self.at,
                )
            else:
                return self.at > start

    def fetch(self) -> None:
        """`fetch first [n] rows only | with ties`."""
        keys = self.keys
        self.at += 1
        if keys[self.at] not in ("first", "next"):
            raise self.unexpected(self.at)
        self.at += 1
        if keys[self.at] not in ("row", "rows"):
            self.operand()
        if keys[self.at] not in ("row", "rows"):
            raise self.unexpected(self.at)
        self.at += 1
        if not (self.skip("only") or self.skip("with", "ties")):
            raise self.unexpected(self.at)

    def simple_query(self) -> None:
        """One SELECT, VALUES, TABLE, or a query in brackets."""
        key = self.keys[self.at]
        if key == "select":
            self.select()
        elif key == "(":
            start = self.at
            if not self.bracket():
                raise self.unexpected(start + 1)
        elif key == "values":
            self.values()
        elif key == "table":
            self.growth.begin(self.at)
            self.at += 1
            self.relation()
            self.growth.item(self.at - 1, self.at, self.growth.copies, STAR)
            self.growth.end(self.at)
        elif key in _CHANGES:
            raise Refusal(
                "statement",
                f"{key.upper()} is not allowed",
                "The data is read-only.",
                index=self.at,
            )
        else:
            raise self.unexpected(self.at)

    def values(self) -> None:
        """`values (expression, ...), ...`."""
        growth, rows = self.growth, 0
        growth.begin(self.at)
        while rows == 0 or self.keys[self.at] == ",":
            self.at += 1
            rows += 1
            start, copies, growth.computed = self.at, growth.copies, False
            self.enter("(")
            self.expressions()
            self.leave(")")
            growth.item(start, self.at, copies)
        growth.end(self.at)
        if rows > 1:
            growth.query, growth.joins, growth.in_exists = CLOSED, ALONE, ALONE

    def with_clause(self) -> list[str]:
        """`with [recursive] name [(columns)] as [[not] materialized] ( query ), ...`."""
        keys, begin, names = self.keys, self.at, []
        self.at += 1
        is_recursive = keys[self.at + 1] not in ("as", "(") and self.skip("recursive")
        while True:
            name = self.at
            self.allowed.cte(self, name)
            if is_recursive:
                self.not_yet_named(name, begin)
            self.table_name()
            if keys[self.at] == "(":
                self.column_names()
            self.expect("as")
            before = keys[self.at]
            _ = self.skip("materialized") or self.skip("not", "materialized")
            self.enter("(")
            if keys[self.at] not in _STARTS:
                if keys[self.at] in _CHANGES:
                    self.simple_query()
                raise self.unexpected(self.at)
            start, copies = self.at, self.growth.copies
            self.query()
            self.growth.named(name, before, self.at - start, copies)
            names.append(self.tokens.name(name))
            self.leave(")")
            self.search_and_cycle()
            if keys[self.at] != ",":
                return names
            self.at += 1

    def not_yet_named(self, index: int, start: int) -> None:
        """Refuse the name of a query of WITH RECURSIVE that stood in one before."""
        if (place := self.growth.places.get(self.tokens.name(index), 0)) > start:
            raise Refusal(
                "unsupported",
                "a query of WITH RECURSIVE names one that comes later",
                "Put the queries of WITH in the order in which they build on each other.",
                index=place,
            )

    def search_and_cycle(self) -> None:
        """`search depth first by ... set ...` and `cycle ... set ... using ...`."""
        keys = self.keys
        if keys[self.at] == "search":
            self.at += 1
            if not (self.skip("depth") or self.skip("breadth")):
                raise self.unexpected(self.at)
            self.expect("first")
            self.expect("by")
            self.bare_names()
            self.expect("set")
            self.table_name()
        if keys[self.at] == "cycle":
            self.at += 1
            self.bare_names()
            self.expect("set")
            self.table_name()
            if self.skip("to"):
                self.constant()
                self.expect("default")
                self.constant()
            self.expect("using")
            self.table_name()

    def constant(self) -> None:
        """Read a constant of the plainest sort."""
        if self.kinds[self.at] not in (STRING, NUMBER) and self.keys[self.at] not in _BOOLEANS:
            raise self.unexpected(self.at)
        self.at += 1

    def select(self) -> None:
        """`select ... from ... where ... group by ... having ... window ...`."""
        keys = self.keys
        self.growth.begin(self.at)
        self.at += 1
        if not self.skip("all") and self.skip("distinct"):
            self.growth.level.is_closed = True
            if self.skip("on"):
                self.enter("(")
                self.expressions()
                self.leave(")")
        self.targets()
        if keys[self.at] == "into":
            raise Refusal(
                "select_into", "SELECT INTO makes a table", "Leave INTO out.", index=self.at
            )
        if keys[self.at] == "from":
            self.at += 1
            self.from_list()
        if keys[self.at] == "where":
            self.condition()
        if keys[self.at] == "group":
            self.group_by()
        if keys[self.at] == "having":
            self.condition()
        if keys[self.at] == "window":
            self.windows()
        self.growth.end(self.at, is_outer=not self.depth)

    def targets(self) -> None:
        """Read the select list, which may be empty."""
        keys = self.keys
        key = keys[self.at]
        if key in ("from", ")", "", "where", "into") or key in QUERY_TAIL:
            return
        growth = self.growth
        while True:
            start, copies, growth.computed = self.at, growth.copies, False
            if keys[start] == "*":
                self.at += 1
                growth.item(start, self.at, copies, STAR)
            else:
                self.expression()
                end = self.at
                if self.types_of:
                    note_type_alone(self, start)
                self.item_label()
                if self.at > end:
                    growth.given.add(self.at - 1)
                if self.depth or keys[end - 1] == "*":
                    growth.named_item(start, end, copies, self.at)
            if keys[self.at] != ",":
                return
            self.at += 1

    def item_label(self) -> None:
        """`[as] label` behind an item of the select list."""
        key = self.keys[self.at]
        if key == "as":
            self.at += 1
            self.label()
        elif self.kinds[self.at] < RESERVED and key not in NOT_BARE_LABEL:
            if key in _NEVER_LABEL:
                raise self.unexpected(self.at)
            self.at += 1
        elif key in BARE_RESERVED:
            self.at += 1

    # GROUP BY

    def group_by(self) -> None:
        """Read `group by [all | distinct] ...`."""
        self.at += 1
        self.expect("by")
        if self.keys[self.at] in ("all", "distinct"):
            self.at += 1
        start = self.at
        sets = self.group_items()
        self.growth.grouped(sets, start, self.at)

    def group_items(self) -> list[int]:
        """Expressions, `()`, ROLLUP, CUBE, GROUPING SETS between commas; how many sets each is."""
        keys = self.keys
        sets: list[int] = []
        while True:
            key = keys[self.at]
            if key in ("rollup", "cube") and keys[self.at + 1] == "(":
                self.at += 1
                self.enter("(")
                self.expression()  # in which the same words would be functions
                items = 1
                while keys[self.at] == ",":
                    self.at += 1
                    self.expression()
                    items += 1
                self.leave(")")
                sets.append(items + 1 if key == "rollup" else 1 << items)
            elif key == "grouping" and keys[self.at + 1] == "sets":
                self.at += 2
                self.enter("(")
                sets.append(sum(self.group_items()))
                self.leave(")")
            elif key == "(" and keys[self.at + 1] == ")":
                self.at += 2
                sets.append(1)
            else:
                start = self.at
                self.expression()
                sets.append(1)
                if self.types_of:
                    note_type_alone(self, start)
            if keys[self.at] != ",":
                return sets
            self.at += 1
