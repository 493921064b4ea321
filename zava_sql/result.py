"""An answer as the database gave it, by its columns: what is done to values is done by column.

A tuple for each row would cost as much as fetching them, and only some forms of an answer want one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Column", "Result"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer; names may repeat."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Result:
    """Columns and their values; `truncated` is exact: True means that there are more rows."""

    columns: tuple[Column, ...]
    values: tuple[Sequence[Any], ...]
    row_count: int
    truncated: bool

    @classmethod
    def of(
        cls, columns: tuple[Column, ...], rows: Sequence[Iterable[object]], *, truncated: bool
    ) -> Self:
        """Turn rows on their side."""
        values = tuple(zip(*rows, strict=True)) or ((),) * len(columns)
        return cls(columns, values, len(rows), truncated)

    def first(self, count: int) -> Self:
        """Give the first of the rows only; there are more."""
        values = tuple(column[:count] for column in self.values)
        return replace(self, values=values, row_count=count, truncated=True)

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """Give the values by row."""
        return list(zip(*self.values, strict=True)) or [()] * self.row_count
