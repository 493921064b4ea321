"""An answer as the database gave it, by column: whatever is done to values is done by column.

A tuple for each row would cost as much as fetching them, and only some formats of an answer need
one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Column", "Result", "elements"]

# Of one value that is no text: what PostgreSQL needs for most of them.
_VALUE_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer; names may repeat."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Result:
    """Columns and their values; `truncated` is exact: True means that there are more rows.

    `of_replica` says that it may be of a moment before what the primary has told of since.
    """

    columns: tuple[Column, ...]
    values: tuple[Sequence[Any], ...]
    row_count: int
    truncated: bool
    of_replica: bool = False

    @classmethod
    def of(
        cls,
        columns: tuple[Column, ...],
        rows: Sequence[Iterable[object]],
        *,
        truncated: bool,
        of_replica: bool = False,
    ) -> Self:
        """Turn rows on their side."""
        values = tuple(zip(*rows, strict=True)) or ((),) * len(columns)
        return cls(columns, values, len(rows), truncated, of_replica)

    def first(self, count: int) -> Self:
        """Give the first of the rows only; there are more."""
        values = tuple(column[:count] for column in self.values)
        return replace(self, values=values, row_count=count, truncated=True)

    @property
    def size(self) -> int:
        """Count about how many bytes the values have."""
        return sum(map(_size_of_column, self.values))

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """Give the values by row."""
        return list(zip(*self.values, strict=True)) or [()] * self.row_count


def _size_of_column(values: Sequence[Any]) -> int:
    # Most columns are of texts alone, which joining finds out and counts at once.
    with suppress(TypeError):
        return len("".join(values))
    if set(map(type, values)) <= {int, float, bool, type(None)}:
        return _VALUE_BYTES * len(values)
    return sum(map(_size, values))


def _size(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, list):
        count, element = elements(value)
        # What is not text takes Python long to format, only to be measured.
        if not isinstance(element, str):
            return _VALUE_BYTES * count
    return len(value) if isinstance(value, str) else len(str(value))


def elements(array: list[Any]) -> tuple[int, object]:
    """Count the elements of an array, and give one that is not null, if the first of them has one.

    Of PostgreSQL's arrays all parts are of one length.
    """
    count = len(array)
    while array and isinstance(array[0], list):
        array = array[0]
        count *= len(array)
    return count, next((one for one in array if one is not None), None)
