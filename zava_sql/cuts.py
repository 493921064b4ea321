"""What of an answer is written at all: rows that may fit, the beginning of long values.

Nobody else is served while an answer is written. So the work goes by what is shown, however much
more of it there is.
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

# Values of these types are never cut.
_SHORT: Final = {int, float, bool, _NULL}

# Characters of an element and what parts it from the next: true, NULL; "(1,1)", NULL; (,).
_ELEMENTS: Final = {bool: 5, asyncpg.Point: 5, asyncpg.Range: 4}


def shown(result: Result, cell: int, size: int) -> tuple[Result, int]:
    """Leave out rows that do not fit in a size, shorten values as `cut_cells`, and count these.

    A text and a row need a byte for each character and field, an array what its elements do at
    least, any other value one; and each one more that parts it from the next. The first row stays.
    """
    width = 2 * len(result.columns)
    count = min(size // max(width, 1) + 1, result.row_count)
    if count < result.row_count:
        result = result.first(count)
    sizes: list[Sequence[int]] = []
    short = set()
    for number, values in enumerate(result.values):
        types = set(map(type, values))
        if types == {str}:
            found = list(map(len, values))
        elif types == {str, _NULL}:
            found = [len(value) if value else 0 for value in values]
        elif types & {str, list, asyncpg.Record}:
            found = list(map(_least, values))
        else:
            if types <= _SHORT:
                short.add(number)
            continue
        if max(found) > cell:
            found = [min(one, cell) for one in found]
        elif types <= {str, _NULL}:
            short.add(number)
        sizes.append(found)
    sizes.append([width - len(sizes)] * count)
    if sum(map(sum, sizes)) > size:
        ends = list(accumulate(map(sum, zip(*sizes, strict=True))))
        fitting = bisect_left(ends, size) + 1
        result = result.first(fitting) if fitting < count else result
    return cut_cells(result, cell, short)


def _least(value: object) -> int:
    if isinstance(value, str | asyncpg.Record):
        return len(value)
    if not isinstance(value, list):
        return 0
    count, element = elements(value)
    return count * _ELEMENTS.get(type(element), 2)


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
