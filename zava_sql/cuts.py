"""Which part of an answer is written at all: rows that may fit, the beginning of long values.

Nobody else is served while an answer is written. So the cost must depend on what is shown, not on
how much more there is.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, cast

import asyncpg

from zava_sql.render import cell_text
from zava_sql.result import elements

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from zava_sql.result import Result

__all__ = ["cut_cells", "shown"]

_NULL: Final = type(None)

# Separates texts that are searched together; PostgreSQL's contain no such character.
_END: Final = "\0"

# Values of these types are never cut.
_SHORT: Final = {int, float, bool, _NULL}


def shown(result: Result, cell: int, size: int) -> tuple[Result, int]:
    """Leave out rows that do not fit in a size, shorten values as `cut_cells`, and count these.

    A text and a row need a byte for each character and field, an array what its elements do at
    least, any other value one; and each one more that parts it from the next. The first row stays.
    """
    width = 2 * len(result.columns)
    count = min(size // max(width, 1) + 1, result.row_count)
    if count < result.row_count:
        result = result.first(count)
    short, most = set(), width * count
    for number, values in enumerate(result.values):
        text = _joined(values)
        if text is None:
            most = size + 1  # to be counted row by row
            continue
        most += len(text)
        if not _has_longer(text, cell):
            short.add(number)
    if most > size:
        result = _fitting(result, cell, size)
    return cut_cells(result, cell, short)


def _joined(values: Sequence[Any]) -> str | None:
    """Join a column of texts, or of values that are never cut: "" for these, None for any other."""
    try:
        return _END.join(values)
    except TypeError:
        types = set(map(type, values))
    if types <= {str, _NULL}:
        return _END.join(filter(None, values))
    return "" if types <= _SHORT else None


def _has_longer(joined: str, length: int) -> bool:
    """Find a longer text among joined ones without looking at most of what is between."""
    at = 0
    while len(joined) - at > length:
        end = joined.rfind(_END, at, at + length + 1)
        if end < 0:
            return True
        at = end + 1
    return False


def _fitting(result: Result, cell: int, size: int) -> Result:
    """Leave out rows that cannot fit, whatever their values need beside what `shown` says."""
    width = 2 * len(result.columns)
    sizes: list[Sequence[int]] = []
    for values in result.values:
        types = set(map(type, values))
        if types == {str}:
            found = list(map(len, values))
        elif types & {str, list, asyncpg.Record}:
            found = list(map(_least, values))
        else:
            continue
        sizes.append([min(one, cell) for one in found] if max(found) > cell else found)
    sizes.append([width - len(sizes)] * result.row_count)
    if sum(map(sum, sizes)) <= size:
        return result
    ends = list(accumulate(map(sum, zip(*sizes, strict=True))))
    fitting = bisect_left(ends, size) + 1
    return result.first(fitting) if fitting < result.row_count else result


def _least(value: object) -> int:
    if isinstance(value, str | asyncpg.Record):
        return len(value)
    if not isinstance(value, list):
        return 0
    count, element = elements(value)
    # With the separator an element has so many characters at least: as in true, and 1,
    return count * (5 if isinstance(element, bool) else 2)


def cut_cells(result: Result, length: int, short: Container[int] = ()) -> tuple[Result, int]:
    """Shorten values whose text is longer, each with a mark behind it, and count them.

    `short` has the numbers of columns that are known to have no such value.
    """
    cut = 0
    columns = list(result.values)
    for number, values in enumerate(result.values):
        if number in short:
            continue
        types = set(map(type, values))
        if types <= _SHORT:
            continue
        texts: Sequence[str | None] = values
        beginnings: Sequence[object] = values
        if not types <= {str, _NULL}:
            kind = result.columns[number].type
            if list in types:
                beginnings = [_beginning(value, length) for value in values]
            texts = [None if value is None else cell_text(value, kind) for value in beginnings]
        if max(map(len, filter(None, texts)), default=0) > length:
            long = [text is not None and len(text) > length for text in texts]
            columns[number] = [
                _shortened(cast("str", text), length, is_whole=value is beginning)
                if is_long
                else value
                for value, beginning, text, is_long in zip(
                    values, beginnings, texts, long, strict=True
                )
            ]
            cut += sum(long)
    return (replace(result, values=tuple(columns)), cut) if cut else (result, 0)


def _shortened(text: str, length: int, *, is_whole: bool) -> str:
    rest = f"{len(text) - length} more characters" if is_whole else "more elements"
    return f"{text[:length]}…[{rest}]"


def _beginning(value: object, most: int) -> object:
    """Give an array with so many elements at most; itself where it has no more."""
    left = most

    def taken(array: list[Any]) -> list[Any]:
        nonlocal left
        found: list[Any] = []
        for element in array:
            if left < 0:
                break
            if isinstance(element, list):
                found.append(taken(element))
            else:
                found.append(element)
                left -= 1
        return found

    beginning = taken(value) if isinstance(value, list) else value
    return beginning if left < 0 else value
