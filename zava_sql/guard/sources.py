"""Reader of the FROM clause of PostgreSQL (from_clause, table_ref, alias_clause in gram.y)."""

from __future__ import annotations

from typing import Final

from zava_sql.guard.bounds.plans import add_natural
from zava_sql.guard.calls import CallReader
from zava_sql.guard.expressions import QUERY_START, QUERY_TAIL
from zava_sql.guard.keywords import CLOCKS, COLUMN_WORD, FUNCTION_WORD, IDENTIFIER, RESERVED
from zava_sql.guard.lexer import OPERATOR
from zava_sql.guard.limits import MAX_JOINS, Refusal
from zava_sql.guard.names import OF_COLUMNS

__all__ = ["SourceReader"]

_JOIN_WORDS: Final = frozenset({"join", "inner", "left", "right", "full"})
_RESERVED_CALLS: Final = CLOCKS | {"cast"}


class SourceReader(CallReader):
    """Adds what may stand in FROM, and the names that queries give."""

    __slots__ = ()

    def from_list(self) -> None:
        """FROM items between commas."""
        self.from_item()
        listed = 1
        while self.keys[self.at] == ",":
            self.at += 1
            self.from_item()
            listed += 1
        self.growth.level.listed = listed

    def from_item(self) -> None:
        """One item and what is joined to it."""
        self.from_primary()
        self.joins()

    def joins(self) -> None:  # noqa: C901, PLR0912  # one branch per word
        """`join item on ... | using (...)`, any number of times."""
        keys, growth = self.keys, self.growth
        is_full = False
        while True:
            key = keys[self.at]
            if key == "cross":
                self.at += 1
                self.expect("join")
                self.from_primary()
            elif key == "natural" or key in _JOIN_WORDS:
                if key == "natural":
                    self.at += 1
                is_separate = keys[self.at] == "full"
                is_full |= is_separate
                if keys[self.at] in ("left", "right", "full"):
                    self.at += 1
                    self.skip("outer")
                elif keys[self.at] == "inner":
                    self.at += 1
                self.expect("join")
                width, wide = growth.level.width, growth.level.wide
                self.from_primary()
                if key == "natural":
                    add_natural(growth.level, wide)
                growth.join(is_full=is_separate)
                if is_full and key == "natural":
                    growth.merged(growth.level.width - width)
            elif key == "on":
                self.condition()
            elif key == "using":
                self.at += 1
                start = self.at
                self.column_names()
                growth.condition(start, self.at)
                growth.level.matched += (self.at - start) // 2
                if is_full:
                    growth.merged()
                if keys[self.at] == "as":
                    self.at += 1
                    self.table_name()
                    growth.joined((self.at - start) // 2 - 1)
                    growth.alias(self.at - 1)
            else:
                return

    def condition(self) -> None:
        """Read WHERE, HAVING or ON and what is to be true."""
        self.at += 1
        start = self.at
        self.expression()
        self.growth.condition(start, self.at)

    def from_primary(self) -> None:
        """Read a relation, function, query or bracketed join with its alias."""
        keys = self.keys
        self.from_items += 1
        if self.from_items > MAX_JOINS:
            raise Refusal(
                "too_many_joins",
                f"more than {MAX_JOINS} tables and functions in FROM",
                "Ask in smaller steps.",
                index=self.at,
            )
        if keys[self.at] == "lateral":
            self.at += 1
            if keys[self.at] != "(":
                self.from_function()
                return
            self.growth.lateral()
        key = keys[self.at]
        if key == "(":
            start, copies = self.at, self.growth.copies
            if self.from_bracket():
                self.growth.source(start, self.at, copies)
            self.alias()
        elif key != "only" and self.is_call():
            self.from_function()
        else:
            self.relation()
            self.relation_alias()

    def from_bracket(self) -> bool:
        """`( query )` or `( item join item ... )`; true for a query."""
        keys = self.keys
        self.enter("(")
        is_query = False
        start, copies, width = self.at, self.growth.copies, self.growth.level.width
        if keys[self.at] in QUERY_START:
            self.query()
            is_query = True
        elif keys[self.at] == "(":
            is_query = self.from_bracket()
            if is_query and keys[self.at] in QUERY_TAIL:
                self.query_tail()
            elif not (is_query and keys[self.at] == ")"):
                if is_query:
                    self.growth.source(start, self.at, copies)
                is_query = False
                self.alias()
                self.joins()
        else:
            self.from_item()
        if not is_query:
            self.growth.joined(self.growth.level.width - width)
        self.leave(")")
        return is_query

    def is_call(self) -> bool:
        """Whether a call stands here: `name (`, `schema.name (`, ROWS FROM, current_date."""
        keys, at = self.keys, self.at
        if keys[at] in _RESERVED_CALLS or (keys[at] == "rows" and keys[at + 1] == "from"):
            return True
        while keys[at + 1] == "." and self.kinds[at] <= RESERVED:
            at += 2
        return keys[at + 1] == "("

    def from_function(self) -> None:
        """Read `function(...) [with ordinality] [alias]`, `rows from (...)`."""
        keys = self.keys
        self.growth.function(is_api=self.tokens.name(self.at) == "api")
        if keys[self.at] == "rows" and keys[self.at + 1] == "from":
            self.at += 2
            self.enter("(")
            while True:
                self.function_in_from()
                if keys[self.at] == "as":
                    self.at += 1
                    self.column_definitions()
                if keys[self.at] != ",":
                    break
                self.at += 1
            self.leave(")")
        else:
            self.function_in_from()
        self.skip("with", "ordinality")
        if keys[self.at] == "as" and keys[self.at + 1] == "(":
            self.at += 1
            self.column_definitions()
            return
        self.alias(definitions=True)

    def function_in_from(self) -> None:
        """Read a call without FILTER and OVER."""
        if self.keys[self.at] == "json_table":
            self.json_table()
        elif self.keys[self.at] in OF_COLUMNS and self.keys[self.at + 1] == "(":
            self.record_function()
        elif self.kinds[self.at] == COLUMN_WORD:
            self.column_word(self.keys[self.at])
        elif self.keys[self.at] in _RESERVED_CALLS:
            self.reserved(self.keys[self.at])
        elif self.kinds[self.at] in (IDENTIFIER, FUNCTION_WORD) and self.is_call():
            self.name()
        else:
            raise self.unexpected(self.at)

    def record_function(self) -> None:
        """`jsonb_to_recordset(x) [as] [name] (column type, ...)`: rows as they are defined."""
        keys, name = self.keys, self.at
        self.account.functions.append(name)
        self.lengthening.texts += 1
        self.at = name + 1
        self.enter("(")
        self.expression()
        self.leave(")")
        after = self.at + (keys[self.at] == "as")
        after += keys[after] != "("
        if keys[after] != "(" or keys[after + 2] in (",", ")"):
            raise self.allowed.refused_function(self, name, name)

    def relation(self) -> None:
        """`name [*]`, `only name`, `only ( name )`."""
        if self.skip("only") and self.keys[self.at] == "(":
            self.at += 1
            self.relation_name()
            self.expect(")")
        else:
            self.relation_name()

    def relation_name(self) -> None:
        """Read a table or view that agents may read."""
        keys, kinds = self.keys, self.kinds
        first = at = self.at
        if kinds[at] not in (IDENTIFIER, COLUMN_WORD):
            raise self.unexpected(at)
        while keys[at + 1] == ".":
            at += 2
            if kinds[at] > RESERVED:
                raise self.unexpected(at)
        self.allowed.relation(self, first, at)
        self.growth.relation(at, has_schema=first < at)
        self.account.relations.append(at)
        self.at = at + 1
        if self.kinds[self.at] == OPERATOR and keys[self.at] == "*":
            self.at += 1

    def relation_alias(self) -> None:
        """Read an alias; TABLESAMPLE is refused."""
        self.alias()
        if self.keys[self.at] == "tablesample":
            raise Refusal(
                "unsupported",
                "TABLESAMPLE is not supported",
                "Use WHERE random() < 0.1, or ORDER BY random() LIMIT n.",
                index=self.at,
            )

    def alias(self, *, definitions: bool = False) -> None:
        """`[as] name [(columns)]`, for a function also `name (column type, ...)`."""
        keys = self.keys
        if keys[self.at] == "as":
            self.at += 1
            self.table_name()
        elif self.kinds[self.at] in (IDENTIFIER, COLUMN_WORD):
            self.at += 1
        else:
            return
        self.growth.alias(self.at - 1)
        if keys[self.at] == "(":
            if definitions and keys[self.at + 2] not in (",", ")"):
                self.column_definitions()
            else:
                self.column_names()
                self.growth.level.is_renamed = True

    def table_name(self) -> None:
        """Read an identifier that is no reserved word (ColId)."""
        if self.kinds[self.at] not in (IDENTIFIER, COLUMN_WORD):
            raise self.unexpected(self.at)
        self.at += 1

    def bare_names(self) -> None:
        """Names between commas."""
        self.table_name()
        while self.keys[self.at] == ",":
            self.at += 1
            self.table_name()

    def column_names(self) -> None:
        """`( name, ... )`."""
        self.enter("(")
        self.bare_names()
        self.leave(")")

    def column_definitions(self) -> None:
        """`( name type, ... )`."""
        start = self.at
        self.enter("(")
        while True:
            self.table_name()
            self.type_name()
            if self.skip("collate"):
                self.collation()
            if self.keys[self.at] != ",":
                break
            self.at += 1
        self.leave(")")
        self.growth.level.widen((self.at - start) // 3)
