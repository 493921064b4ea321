"""How many names, and other things of which PostgreSQL makes nodes, stand in a part of a text."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from zava_sql.guard.columns import OTHERS
from zava_sql.guard.keywords import COLUMN_WORD
from zava_sql.guard.lexer import NUMBER, STRING

if TYPE_CHECKING:
    from zava_sql.guard.columns import Sizes
    from zava_sql.guard.lexer import Tokens

__all__ = ["Counts", "half"]

_LONG: Final = 12  # tokens of a part
_PLAN: Final = 10  # names that a plan is like, at least


class Counts:
    """Of one text; of long parts, which lie in each other, all is counted once."""

    __slots__ = ("_before", "_names", "_places", "_tokens")

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._before: list[int] = []  # of what may be columns, before each token
        self._names: list[str] = []  # what each token is that may be a column
        self._places: dict[str, list[int]] = {}  # where each of these stands

    def names(self, start: int, end: int) -> int:
        """Count what may be columns."""
        if end - start < _LONG:
            return sum(self._may_be_columns(start, end))
        if not self._before:
            every = self._may_be_columns(0, len(self._tokens.texts))
            self._before = list(accumulate(every, initial=0))
        return self._before[end] - self._before[start]

    def differences(self, sizes: Sizes, place: int, parts: list[tuple[int, int]]) -> int:
        """Sum up by how much the sizes of the names there differ from those of other names."""
        others = sizes[OTHERS][place]
        if not self._names:
            every = self._may_be_columns(0, len(self._tokens.texts))
            self._names = [
                self._tokens.name(index) if may_be else OTHERS for index, may_be in enumerate(every)
            ]
            for index, name in enumerate(self._names):
                self._places.setdefault(name, []).append(index)
        found = 0
        for start, end in parts:
            if end - start < len(sizes):
                for name in self._names[start:end]:
                    if size := sizes.get(name):
                        found += size[place] - others
            else:
                for name, size in sizes.items():
                    if size[place] != others and (places := self._places.get(name)):
                        times = bisect_left(places, end) - bisect_left(places, start)
                        found += (size[place] - others) * times
        return found

    def others(self, start: int, end: int) -> int:
        """Count literals; and queries, by the plan that each needs."""
        if end == start + 1:
            return 0
        kinds, keys = self._tokens.kinds[start:end], self._tokens.keys[start:end]
        return kinds.count(NUMBER) + kinds.count(STRING) + _PLAN * keys.count("select")

    def is_path(self, start: int, end: int) -> bool:
        """Whether that is a name, maybe with those before it."""
        return (end - start) % 2 == 1 and all(
            key == "." for key in self._tokens.keys[start + 1 : end : 2]
        )

    def _may_be_columns(self, start: int, end: int) -> list[bool]:
        keys, kinds = self._tokens.keys, self._tokens.kinds
        return [
            keys[index + 1] not in (".", "(")
            and (kinds[index] <= COLUMN_WORD or keys[index - 1] == ".")
            for index in range(start, end)
        ]


def half(tokens: int) -> int:
    """Take half of so many tokens for names."""
    return tokens // 2 + 1
