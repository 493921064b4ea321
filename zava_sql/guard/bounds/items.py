"""The items of a FROM by their names: which whole rows, and which columns, a name may stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zava_sql.guard.bounds.columns import OF_ROWS, TABLE, Columns, larger

if TYPE_CHECKING:
    from zava_sql.guard.bounds.columns import Level
    from zava_sql.guard.lexer import Tokens

__all__ = ["Items"]


class Items:
    """Finds in one text what the names mean that its FROMs give."""

    __slots__ = ("_tokens",)

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def row_named_by(self, level: Level, index: int, rows: dict[str, Columns | None]) -> int | None:
        """Say where the name stands of a whole row: `t`, or before `.*` or `.to_jsonb`."""
        keys, key = self._tokens.keys, self._tokens.keys[index]
        if keys[index - 1] != ".":
            is_row = key in rows or (key == '"' and self._tokens.name(index) in rows)
            return index if is_row and keys[index + 1] != "." else None
        is_row = key == "*" or (
            self._tokens.name(index) in OF_ROWS and not self._is_column(level, index)
        )
        return index - 2 if is_row else None

    def rows(self, level: Level) -> dict[str, Columns | None]:
        """Give the whole rows of the items of FROM by name, of all queries around to LATERAL."""
        rows = self._own_rows(level)
        around = level.around if level.visible is not TABLE else None
        if around:
            rows = rows.copy()
        while around:
            for name, row in self._own_rows(around).items():
                rows[name] = _either(row, rows[name]) if name in rows else row
            around = around.around
        return rows

    def _own_rows(self, level: Level) -> dict[str, Columns | None]:
        """Give those of one FROM; the queries of LATERAL ask again for each item that was added."""
        rows = level.by_name
        for place, row in zip(
            level.aliases[level.counted :], level.rows[level.counted :], strict=True
        ):
            name = self._tokens.name(place)
            rows[name] = _either(row, rows.get(name, TABLE))
        level.counted = len(level.aliases)
        return rows

    def _is_column(self, level: Level, index: int) -> bool:
        """Whether `x.name` is a column, since x is an item of this FROM and has it."""
        known = self.known_by(level, index - 2) if self._tokens.keys[index - 3] != "." else None
        return known is not None and self._tokens.name(index) in known.sizes

    def known_by(self, level: Level, index: int) -> Columns | None:
        """Give the columns of the item of FROM of that name, unless another may be meant."""
        if level.visible is not TABLE or level.is_renamed or level.merged:
            return None  # by LATERAL a query around
        if level.named is None:
            level.named = {}
            for place, columns in zip(level.aliases, level.columns, strict=True):
                name = self._tokens.name(place)
                level.named[name] = TABLE if name in level.named else columns
        found = level.named.get(self._tokens.name(index), TABLE)
        return found if found.is_certain and not found.is_plain() else None


def _either(row: Columns | None, other: Columns | None) -> Columns | None:
    return larger(row, other) if row and other else None
