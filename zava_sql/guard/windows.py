"""Reader of ORDER BY and of windows (sort_clause, window_specification in gram.y)."""

from __future__ import annotations

from zava_sql.guard.keywords import COLUMN_WORD, IDENTIFIER
from zava_sql.guard.lexer import OPERATOR
from zava_sql.guard.sources import SourceReader
from zava_sql.guard.type_of import note_type_alone

__all__ = ["WindowReader"]


class WindowReader(SourceReader):
    """Adds orders, and the windows of functions."""

    __slots__ = ()

    def order_by(self) -> None:
        """`order by expression [asc | desc | using operator] [nulls first | last], ...`."""
        keys = self.keys
        self.expect("order")
        self.expect("by")
        while True:
            start = self.at
            self.expression()
            if self.types_of:
                note_type_alone(self, start)
            if keys[self.at] in ("asc", "desc"):
                self.at += 1
            elif keys[self.at] == "using":
                self.at += 1
                if self.kinds[self.at] != OPERATOR:
                    raise self.unexpected(self.at)
                self.at += 1
            if keys[self.at] == "nulls":
                self.at += 1
                if not (self.skip("first") or self.skip("last")):
                    raise self.unexpected(self.at)
            if keys[self.at] != ",":
                return
            self.at += 1

    def windows(self) -> None:
        """Read `window name as (...), ...`."""
        while True:
            self.at += 1
            self.table_name()
            self.expect("as")
            self.window_definition()
            if self.keys[self.at] != ",":
                return

    def window_definition(self) -> None:
        """`( [name] [partition by ...] [order by ...] [frame] )`."""
        keys = self.keys
        self.enter("(")
        if (
            self.kinds[self.at] in (IDENTIFIER, COLUMN_WORD)
            and not (keys[self.at] == "partition" and keys[self.at + 1] == "by")
            and keys[self.at] not in ("range", "rows", "groups")
        ):
            self.at += 1
        if keys[self.at] == "partition":
            self.at += 1
            self.expect("by")
            self.expressions()
        if keys[self.at] == "order":
            self.order_by()
        if keys[self.at] in ("range", "rows", "groups"):
            self.at += 1
            if keys[self.at] == "between":
                self.at += 1
                self.frame_bound()
                self.expect("and")
            self.frame_bound()
            if self.skip("exclude") and not (
                self.skip("current", "row")
                or self.skip("group")
                or self.skip("ties")
                or self.skip("no", "others")
            ):
                raise self.unexpected(self.at)
        self.leave(")")

    def frame_bound(self) -> None:
        """`unbounded preceding`, `current row`, `n following`."""
        if self.skip("current", "row"):
            return
        if not self.skip("unbounded"):
            self.expression()
        if not (self.skip("preceding") or self.skip("following")):
            raise self.unexpected(self.at)
