"""Reader of PostgreSQL expressions over the tokens: the a_expr and c_expr of its gram.y.

The reader accepts a little more than the grammar where that changes no reading (operators have no
precedence here), and less elsewhere. What it must get right, and what the tests compare with
PostgreSQL's own parser, is the role of each name: function, relation, type, attribute.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from zava_sql.guard.bounds.columns import COLUMNS
from zava_sql.guard.bounds.escapes import TEXTS
from zava_sql.guard.keywords import (
    COLUMN_WORD,
    FUNCTION_WORD,
    IDENTIFIER,
    RESERVED,
    SYSTEM_COLUMNS,
    words,
)
from zava_sql.guard.lexer import BITS, NUMBER, OPERATOR, STRING
from zava_sql.guard.limits import MAX_PREFIXES, MAX_SUBSCRIPTS, MAX_SUFFIXES, Refusal
from zava_sql.guard.predicates import PredicateReader

__all__ = ["QUERY_START", "QUERY_TAIL", "ExpressionReader"]

QUERY_TAIL: Final = frozenset(
    {"union", "intersect", "except", "order", "limit", "offset", "fetch", "for"}
)
QUERY_START: Final = frozenset({"select", "with", "values", "table"})
_NOT_PREFIX: Final = words("* / % ^ < > = <= >= <> != =>")
_AFTER_OPERAND: Final = words("""
    :: and or is in not like ilike similar between overlaps isnull notnull escape collate at
    operator
    """)
_NAME_GOES_ON: Final = frozenset({".", "(", "'", "["})
_LITERALS: Final = (NUMBER, STRING, BITS)
_SUFFIXES: Final = range(MAX_SUFFIXES + 1)
_PARTS: Final = ("and", "or")
_INFIX_WORDS: Final = frozenset({*_PARTS, "like", "ilike"})


class ExpressionReader(PredicateReader, ABC):
    """Reads expressions; `QueryReader` adds what may stand in their brackets."""

    __slots__ = ()

    @abstractmethod
    def query(self) -> None:
        """Read a whole query; the reader stops behind it."""

    @abstractmethod
    def query_tail(self) -> None:
        """Read what may follow a bracketed query inside a further bracket."""

    @abstractmethod
    def call(self, first: int, name: int) -> None:
        """Read a call of the function whose name begins at `first` and ends at `name`."""

    @abstractmethod
    def column_word(self, key: str) -> None:
        """Read an operand that begins with a COL_NAME_KEYWORD."""

    @abstractmethod
    def reserved(self, key: str) -> None:
        """Read an operand that begins with a reserved word."""

    @abstractmethod
    def order_by(self) -> None:
        """`order by ...`."""

    @abstractmethod
    def window_definition(self) -> None:
        """`( partition by ... order by ... frame )`."""

    # Lists and brackets

    def expressions(self) -> None:
        """Expressions between commas."""
        self.expression()
        self.rest_of_list()

    def bracket(self) -> bool:
        """`( query )`, `( expression, ... )`; true for a query."""
        self.enter("(")
        keys = self.keys
        key = keys[self.at]
        is_query = False
        if key in QUERY_START and self.starts_query():
            self.growth.correlated += 1
            self.query()
            self.growth.correlated -= 1
            is_query = True
        elif key == "(":
            left = self.at, self.growth.copies
            is_query = self.bracket()
            if is_query and keys[self.at] in QUERY_TAIL:
                self.query_tail()
            elif is_query and keys[self.at] == ")":
                pass
            else:
                is_query = False
                self.growth.left = left
                self.indirection()
                self.growth.left = left
                if self.infix():
                    self.expression(left=left)
                self.lengthening.texts += keys[self.at] == ","
                self.rest_of_list()
        else:
            self.expression()
            if keys[self.at] == ",":  # a row, or the list of IN
                self.lengthening.texts += 1
                self.rest_of_list()
        self.leave(")")
        return is_query

    def rest_of_list(self) -> None:
        """`, expression ...` after a first one."""
        while self.keys[self.at] == ",":
            self.at += 1
            self.expression()

    def starts_query(self) -> bool:
        """Whether SELECT, WITH, VALUES or TABLE here begins a query (VALUES may name a column)."""
        return self.keys[self.at] != "values" or self.keys[self.at + 1] == "("

    # Expressions

    def expression(self, *, plain: bool = False, left: tuple[int, int] | None = None) -> None:
        """Operands between operators; `plain` leaves IN to the caller (b_expr of POSITION).

        `left` is where it began, if its first operand was read, and the copies before that.
        """
        keys, kinds, growth = self.keys, self.kinds, self.growth
        start, copies = left or (self.at, growth.copies)
        while True:
            self.operand()
            at = self.at
            key = keys[at]
            if kinds[at] == OPERATOR and key != "=>":
                growth.left = start, copies
                self.at = at + 1
            elif key in _PARTS:
                self.at = at + 1
                start, copies = self.at, growth.copies
            elif key not in _AFTER_OPERAND:
                return
            else:
                growth.left = start, copies
                if not self.infix(plain=plain):
                    return
                if keys[self.at - 1] in _PARTS:
                    start, copies = self.at, growth.copies

    def operand(self) -> None:  # noqa: C901, PLR0912  # one branch per form of c_expr
        """One operand with its prefix operators and what hangs on it."""
        keys, kinds = self.keys, self.kinds
        at = self.at
        kind = kinds[at]
        if kind == OPERATOR or keys[at] == "not":
            self.prefixes()
            at = self.at
            kind = kinds[at]
        key = keys[at]
        if kind == IDENTIFIER:
            following = keys[at + 1]
            if following in _NAME_GOES_ON:
                self.name()
            elif following == "precision" and key == "double":
                self.typed_literal()
            else:
                if key in SYSTEM_COLUMNS or key == '"':
                    self.allowed.column(self, at)
                self.at = at + 1
        elif kind in _LITERALS:
            self.at = at + 1
        elif key == "(":
            copies = self.growth.copies
            self.bracket()
            if keys[self.at] in _NAME_GOES_ON:
                self.growth.left = at, copies
                self.indirection()
        elif kind == COLUMN_WORD:
            self.column_word(key)
        elif kind == FUNCTION_WORD:
            if keys[at + 1] != "(" or key == "collation":  # none of them is a type's name
                raise self.unexpected(at)
            self.name()
        elif kind == RESERVED:
            self.reserved(key)
        else:
            raise self.unexpected(at)

    def prefixes(self) -> None:
        """Signs and NOTs."""
        keys, start = self.keys, self.at
        while self.kinds[self.at] == OPERATOR or keys[self.at] == "not":
            if keys[self.at] in _NOT_PREFIX:
                raise self.unexpected(self.at)
            self.at += 1
        if self.at - start > MAX_PREFIXES:
            raise Refusal(
                "too_deep", f"more than {MAX_PREFIXES} signs or NOTs in a row", index=self.at
            )

    def infix(self, *, plain: bool = False) -> bool:  # noqa: C901, PLR0911, PLR0912
        """Read what follows an operand; true if it was an operator that wants another operand."""
        keys = self.keys
        for _ in _SUFFIXES:
            at = self.at
            key = keys[at]
            if self.kinds[at] == OPERATOR:
                if key == "=>":
                    return False
                self.at = at + 1
                return True
            if key in _INFIX_WORDS:
                self.at = at + 1
                return True
            if key == "::":
                self.at = at + 1
                self.lengthening.texts += self.type_name() in TEXTS
            elif key == "is":
                if self.is_predicate():
                    return True
            elif key == "in":
                if plain:
                    return False
                self.in_list()
            elif key == "overlaps":
                self.overlaps()
            elif key == "not":
                if keys[at + 1] not in ("in", "like", "ilike", "similar", "between"):
                    raise self.unexpected(at + 1)
                self.at = at + 1
            elif key == "between":
                self.at = at + 1
                self.growth.between(at)
                if keys[at + 1] in ("symmetric", "asymmetric"):
                    self.at = at + 2
                return True
            elif key == "similar":
                if keys[at + 1] != "to":
                    return False
                self.at = at + 2
                return True
            elif key in ("isnull", "notnull"):
                self.at = at + 1
            elif key == "escape":
                if not self.starts_operand(at + 1):
                    return False
                self.at = at + 1
                return True
            elif key == "collate":
                self.at = at + 1
                self.collation()
            elif key == "at":
                if keys[at + 1] == "local":
                    self.at = at + 2
                elif keys[at + 1] == "time" and keys[at + 2] == "zone":
                    self.at = at + 3
                    return True
                else:
                    return False
            elif key == "operator" and keys[at + 1] == "(":
                self.named_operator()
                return True
            else:
                return False
        raise Refusal(
            "too_deep", f"more than {MAX_SUFFIXES} casts or predicates in a row", index=self.at
        )

    def overlaps(self) -> None:
        """`overlaps ( begin, end )`: of both rows PostgreSQL copies a part."""
        left = self.growth.left
        self.at += 1
        self.operand()
        self.growth.left = left
        self.growth.copied(2, self.at)

    def in_list(self) -> None:
        """`in ( expression, ... )`, `in ( query )`."""
        self.at += 1
        start, left = self.at, self.growth.left
        is_query = self.bracket()
        self.growth.left = left
        if is_query:
            self.growth.compared()
            self.growth.copied(2, start)
        else:
            self.growth.copied_for(start + 1, self.at)

    # Names

    def name(self) -> None:
        """Read a name that goes on: column, function call or typed literal."""
        keys, kinds = self.keys, self.kinds
        first = at = self.at
        while keys[at + 1] == "." and keys[at + 2] != "*":
            at += 2
            if kinds[at] > RESERVED:
                raise self.unexpected(at)
        following = keys[at + 1]
        if following == "(":
            self.call(first, at)
        elif following == "'":
            self.typed_literal()
        elif kinds[first] == FUNCTION_WORD:
            raise self.unexpected(first)
        else:
            if first == at:
                self.allowed.column(self, at)
            for index in range(first + 2, at + 1, 2):
                self.allowed.attribute(self, index)
            self.at = at + 1
            if following == "[":
                self.growth.left = first, self.growth.copies
                self.indirection()
            elif following == ".":
                self.at += 2

    def indirection(self) -> None:
        """`.attribute`, `.*`, `[subscript]` after a column or a bracket."""
        keys = self.keys
        subscripts = 0
        while True:
            key = keys[self.at]
            if key == ".":
                self.at += 1
                if keys[self.at] == "*":
                    self.growth.copied(COLUMNS, self.at)
                    self.at += 1
                    return
                if self.kinds[self.at] > RESERVED:
                    raise self.unexpected(self.at)
                self.allowed.attribute(self, self.at)
                self.at += 1
            elif key == "[":
                subscripts += 1
                if subscripts > MAX_SUBSCRIPTS:
                    raise Refusal(
                        "too_deep", f"more than {MAX_SUBSCRIPTS} subscripts in a row", index=self.at
                    )
                self.enter("[")
                if keys[self.at] not in (":", "]"):
                    self.expression()
                if keys[self.at] == ":":
                    self.at += 1
                    if keys[self.at] != "]":
                        self.expression()
                self.leave("]")
            else:
                return

    def typed_literal(self) -> None:
        """`type 'literal'`, the type with modifiers or not."""
        name = self.type_name()
        if self.kinds[self.at] != STRING:
            raise self.unexpected(self.at)
        self.at += 1
        if name == "interval":
            self.interval_fields()
