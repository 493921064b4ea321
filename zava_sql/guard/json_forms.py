"""Reader of SQL/JSON: its constructors, its readers, JSON_TABLE."""

from __future__ import annotations

from zava_sql.guard.expressions import QUERY_START, ExpressionReader
from zava_sql.guard.keywords import COLUMN_WORD, IDENTIFIER
from zava_sql.guard.lexer import STRING

__all__ = ["JsonReader"]


class JsonReader(ExpressionReader):
    """Adds what may stand in the brackets of JSON_OBJECT, JSON_VALUE and the like."""

    __slots__ = ()

    def json_value(self, *, as_json: bool = False) -> None:
        """`expression [format json [encoding utf8]]`; PostgreSQL keeps JSON beside its text."""
        start, copies = self.at, self.growth.copies
        self.expression()
        if self.skip("format", "json"):
            self.skip("encoding", "utf8")
            as_json = True
        if as_json:
            self.growth.twice(start, self.at, copies)

    def json_builder(self) -> None:
        """Keys and values or values alone, or a query, then the clauses of a constructor."""
        keys = self.keys
        if keys[self.at] in QUERY_START and self.starts_query():
            start, copies = self.at, self.growth.copies
            self.growth.correlated += 1
            self.query()
            self.growth.correlated -= 1
            self.growth.twice(start, self.at, copies)
        elif keys[self.at] not in (")", "returning", "null", "absent") or (
            keys[self.at] == "null" and keys[self.at + 1] != "on"
        ):
            while True:
                self.json_value()
                if keys[self.at] in (":", "value"):
                    self.at += 1
                    self.json_value()
                if keys[self.at] != ",":
                    break
                self.at += 1
            if keys[self.at] == "order":
                self.order_by()
        self.json_tail()

    def json_reader(self) -> None:
        """`context, path [passing value as name, ...]` and its clauses."""
        self.json_value(as_json=True)
        self.expect(",")
        self.expression()
        self.json_passing()
        self.json_tail()

    def json_passing(self) -> list[tuple[int, int, int]]:
        """Read `passing value as name, ...`; where values begin and end, and copies before them."""
        keys, passed = self.keys, []
        if keys[self.at] == "passing":
            while True:
                self.at += 1
                start, copies = self.at, self.growth.copies
                self.json_value()
                passed.append((start, self.at, copies))
                self.expect("as")
                self.label()
                if keys[self.at] != ",":
                    break
        return passed

    def json_tail(self) -> None:
        """Clauses that may close a JSON form, in any order."""
        keys = self.keys
        while (key := keys[self.at]) not in (")", ","):
            if key == "returning":
                self.lengthening.texts += 1
                self.at += 1
                self.type_name()
                self.skip("format", "json") and self.skip("encoding", "utf8")
            elif key in ("with", "without"):
                self.at += 1
                if self.skip("unique"):
                    self.skip("keys")
                    continue
                _ = self.skip("conditional") or self.skip("unconditional")
                self.skip("array")
                self.expect("wrapper")
            elif key in ("keep", "omit"):
                self.at += 1
                self.expect("quotes")
                self.skip("on", "scalar", "string")
            elif key in ("null", "absent", "error", "empty", "true", "false", "unknown", "default"):
                self.at += 1
                if key == "default":
                    self.expression()
                elif key == "empty":
                    _ = self.skip("array") or self.skip("object")
                self.expect("on")
                if keys[self.at] not in ("null", "empty", "error"):
                    raise self.unexpected(self.at)
                self.at += 1
            else:
                raise self.unexpected(self.at)

    # JSON_TABLE

    def json_table(self) -> None:
        """`json_table ( context, path [as name] [passing ...] columns (...) [... on error] )`."""
        self.account.functions.append(self.at)
        self.lengthening.texts += 1
        self.at += 1
        self.enter("(")
        self.json_value(as_json=True)
        self.expect(",")
        self.expression()
        if self.skip("as"):
            self.label()
        passed = self.json_passing()
        columns = self.json_columns()
        for start, end, copies in passed:  # each column gets the value
            self.growth.left = start, copies
            self.growth.copied(columns, end)
        self.growth.level.widen(columns)
        self.json_tail()
        self.leave(")")

    def json_columns(self) -> int:
        """`columns ( name for ordinality | name type ... | nested path '...' columns (...) )`."""
        keys, kinds, columns = self.keys, self.kinds, 0
        self.expect("columns")
        self.enter("(")
        while True:
            if keys[self.at] == "nested" and (keys[self.at + 1] in ("path", "'")):
                self.at += 1
                self.json_path()
                if self.skip("as"):
                    self.label()
                columns += self.json_columns()
            else:
                columns += 1
                if kinds[self.at] not in (IDENTIFIER, COLUMN_WORD):
                    raise self.unexpected(self.at)
                self.at += 1
                if not self.skip("for", "ordinality"):
                    self.type_name()
                    _ = self.skip("exists") or (
                        self.skip("format", "json") and self.skip("encoding", "utf8")
                    )
                    if keys[self.at] == "path":
                        self.json_path()
                    self.json_tail()
            if keys[self.at] != ",":
                break
            self.at += 1
        self.leave(")")
        return columns

    def json_path(self) -> None:
        """`[path] '...'`."""
        self.skip("path")
        if self.kinds[self.at] != STRING:
            raise self.unexpected(self.at)
        self.at += 1
