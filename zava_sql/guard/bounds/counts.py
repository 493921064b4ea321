"""What a part of a text holds: names, all of which become nodes in PostgreSQL, and whole rows."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from zava_sql.guard.bounds.columns import COLUMNS, MAX_COLUMNS, OTHERS, STAR, Columns, Joins, add
from zava_sql.guard.bounds.items import Items
from zava_sql.guard.keywords import COLUMN_WORD, IDENTIFIER, RESERVED, words
from zava_sql.guard.lexer import DOT, PUNCTUATION

if TYPE_CHECKING:
    from collections.abc import Collection

    from zava_sql.guard.bounds.columns import Level, Sizes
    from zava_sql.guard.lexer import Tokens

__all__ = ["Counts", "half"]

_PARTING: Final = words(", as from distinct all")
_OPENING: Final = ("(", "[")
_CLOSING: Final = (")", "]")
_LONG: Final = 12  # tokens of a part
_MOVED: Final = 5  # tokens of `select t from as t`
_PLAN: Final = 10  # size of a plan in names, at least


class Counts:
    """Counts in one text; for long parts, which are nested, all tokens are counted once."""

    __slots__ = ("_again", "_before", "_items", "_names", "_places", "_tokens", "planned")

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._items = Items(tokens)
        self.planned: list[tuple[int, int]] = []  # where queries begin, and the size of their plans
        self._again: list[int] = []  # names that are copied: one entry per copy
        self._before: list[int] = []  # tokens that may be columns, before each token
        self._names: list[str] = []  # what each token is that may be a column
        self._places: dict[str, list[int]] = {}  # where each of these stands

    def names(self, start: int, end: int) -> int:
        """Count what may be columns."""
        if not self._before:
            if end - start < _LONG:
                return sum([self._may_be_column(index) for index in range(start, end)])
            found, self._before = 0, [0]
            for index in range(len(self._tokens.texts)):
                found += self._may_be_column(index)
                self._before.append(found)
        return self._before[end] - self._before[start]

    def grown(
        self, columns: Columns, parts: list[tuple[int, int]], names: int | None = None
    ) -> tuple[int, int]:
        """Say by how much parts grow when names are replaced by the expressions they stand for.

        The second number is for conditions. `names` is how many names there are; without it, half
        of the tokens are taken for names.
        """
        others, in_condition = columns.sizes[OTHERS]
        if names is None:
            names = half(sum(last - first for first, last in parts))
        names += self.repeats_of(parts)
        extra, more = (others - 1) * names, (in_condition - 1) * names
        if len(columns.sizes) > 1:
            found, in_condition = self.differences(columns.sizes, parts)
            extra, more = extra + found, more + in_condition
        if columns.rows:
            indexes, sums, sums_in_condition = columns.rows
            for start, end in parts:
                first, last = bisect_left(indexes, start), bisect_left(indexes, end)
                extra += sums[last] - sums[first]
                more += sums_in_condition[last] - sums_in_condition[first]
        return max(extra, 0), max(more, 0)

    def repeated(self, columns: Columns, level: Level) -> int:
        """Say by how much names in GROUP BY would grow that are items of the select list.

        PostgreSQL uses these items, as it does for their numbers.
        """
        start, end = level.grouped
        if start == end or "(" in self._tokens.keys[start:end]:
            return 0
        items = {path for path, _ in self._paths(level.start + 1, start)}
        parts = [part for path, part in self._paths(start, end) if path in items]
        return max(self.differences(columns.sizes, parts)[0], 0)

    def _paths(self, start: int, end: int) -> list[tuple[tuple[str, ...], tuple[int, int]]]:
        """Give the items of a list that are a name, qualified or not, and where."""
        keys, name, depth, first = self._tokens.keys, self._tokens.name, 0, start
        found: list[tuple[tuple[str, ...], tuple[int, int]]] = []
        for index in range(start, end + 1):
            key = keys[index] if index < end else ","
            depth += (key in _OPENING) - (key in _CLOSING)
            if depth or key not in _PARTING:
                continue
            if first < index and self.is_path(first, index):
                found.append((tuple(map(name, range(first, index))), (first, index)))
            if key == "from":
                break
            first = index + 1 if key != "as" else end + 1  # a label is no item
        return found

    def differences(self, sizes: Sizes, parts: list[tuple[int, int]]) -> tuple[int, int]:
        """Sum up by how much the sizes of the names there exceed those of other names."""
        self._find_names()
        others, others_in_condition = sizes[OTHERS]
        found = in_condition = 0
        for start, end in parts:
            if end - start < len(sizes):
                for name in self._names[start:end]:
                    if size := sizes.get(name):
                        found += size[0] - others
                        in_condition += size[1] - others_in_condition
            else:
                for name, size in sizes.items():
                    if places := self._places.get(name):
                        times = bisect_left(places, end) - bisect_left(places, start)
                        found += (size[0] - others) * times
                        in_condition += (size[1] - others_in_condition) * times
        for index in self._copied(parts) if self._again else ():
            size = sizes.get(self._names[index], sizes[OTHERS])
            found += size[0] - others
            in_condition += size[1] - others_in_condition
        return found, in_condition

    def _find_names(self) -> None:
        if not self._names:
            for index in range(len(self._tokens.texts)):
                name = self._tokens.name(index) if self._may_be_column(index) else OTHERS
                self._names.append(name)
                if not name:
                    continue
                if (places := self._places.get(name)) is None:
                    self._places[name] = [index]
                else:
                    places.append(index)

    def again(self, start: int, end: int, times: int) -> bool:
        """Note that a name is copied: it counts as if it stood there as often again."""
        if is_path := self.is_path(start, end):
            place = bisect_left(self._again, end)  # JSON_TABLE copies what stands before columns
            self._again[place:place] = [end - 1] * times
        return is_path

    def repeats(self, start: int, end: int) -> int:
        """Count the copies of names there."""
        again = self._again
        return max(bisect_left(again, end) - bisect_left(again, start), 0) if again else 0

    def repeats_of(self, parts: list[tuple[int, int]]) -> int:
        """Count the copies of names in parts."""
        return sum([self.repeats(start, end) for start, end in parts]) if self._again else 0

    def _copied(self, parts: list[tuple[int, int]]) -> list[int]:
        """Give the names that are copied there, each as often as it is."""
        again = self._again
        ends = [(bisect_left(again, start), bisect_left(again, end)) for start, end in parts]
        return [index for first, last in ends for index in again[first:last]]

    def nodes(self, start: int, end: int) -> int:
        """Count all but punctuation and what stands before a dot; and queries, by their plans."""
        if end <= start + 1:
            return 1
        kinds = self._tokens.kinds
        nodes = end - start - kinds.count(PUNCTUATION, start, end)
        nodes -= 2 * kinds.count(DOT, start, end)
        if kinds.find(RESERVED, start, end) >= 0:
            keys = self._tokens.keys[start:end]
            if "case" in keys:
                nodes -= _words_of_case(keys)
            nodes += _PLAN * keys.count("select")
        return max(1, nodes) + self.repeats(start, end)

    def is_path(self, start: int, end: int) -> bool:
        """Whether that is a name, qualified or not."""
        return (end - start) % 2 == 1 and all(
            key == "." for key in self._tokens.keys[start + 1 : end : 2]
        )

    def label(self, start: int, end: int, behind: int) -> str:
        """Give the name of an item's column: its label, which ends at `behind`, or PostgreSQL's."""
        keys, depth = self._tokens.keys, 0
        if behind > end or end == start + 1 or self.is_path(start, end):
            return self._tokens.name(behind - 1)
        is_call = keys[start + 1] == "(" and keys[end - 1] == ")" and keys[start] != '"'
        if is_call and self._tokens.kinds[start] == IDENTIFIER:
            for index in range(start + 1, end):
                depth += (keys[index] == "(") - (keys[index] == ")")
                if not depth:  # a call's is that of the function
                    return keys[start] if index == end - 1 else OTHERS
        return OTHERS

    def joins(self, level: Level, copies: int) -> Joins:
        """Count what a query joins, and the names by which, about."""
        matched, kinds = level.matched, self._tokens.kinds
        for start, end in level.conditions:
            matched += kinds.count(IDENTIFIER, start, end) + kinds.count(COLUMN_WORD, start, end)
            matched -= kinds.count(DOT, start, end)
            if level.widest > COLUMNS:  # row(a.*) = row(b.*)
                matched += level.widest * self._tokens.keys[start:end].count(STAR)
        copied = sum([item[2] for item in level.items]) if copies else 0
        return Joins(level.relations, level.parts, matched, copied, level.joined)

    def width(self, level: Level, widest: int) -> int:
        """Give how many columns a query has; `(x).*` has those of the widest in the text."""
        if self._tokens.keys[level.start] == "values":
            return max(half(end - start) for start, end, *_ in level.items)
        columns = len(level.items) - len(level.stars)
        for start, end in level.stars:
            is_one = end > start + 1
            columns += level.wide if not is_one else level.widest
            if is_one and not self.is_path(start, end):
                columns += widest
        return min(columns, MAX_COLUMNS)

    def columns(self, level: Level, sources: Columns, *, is_within: bool) -> Columns:
        """Give what the columns of a query stand for; any names of a query around count twice.

        Such a name bears another one in the queries of an expression, and is copied as that.
        """
        is_plain, is_closed = sources.is_plain(), level.is_closed
        has_names = is_within or not is_plain  # those of an item count
        least = 1 + is_within
        found: Sizes = {OTHERS: (1 if is_closed else least, least)}
        row, growth, is_certain = 0, 0, True
        for start, end, copies, called, is_computed in level.items:
            if called == STAR:
                # Of `t.*` only those of t are columns here, and none of a query around.
                is_one = end == start + 3 and sources.sizes is level.sources.sizes
                known = self._items.known_by(level, start) if is_one else None
                is_all = level.visible.is_plain() and (level.number == 1 or end == start + 1)
                is_certain &= known.is_certain if known else sources.is_certain and is_all
                row += max(level.width, level.visible.row) * (1 + level.merged) * least
                growth += (known or sources).growth
                for name, sizes in (known or sources).sizes.items():
                    add(found, name, sizes, is_closed=is_closed)
                continue
            is_one = end == start + 1
            names = self.names(start, end) if has_names and not is_one else 1
            size = copies + is_within * names + (1 if is_one else self.nodes(start, end))
            in_condition = size
            if not is_plain:
                extra, more = self.grown(sources, [(start, end)], names)
                copied = max(copies - self.plans([(start, end)]), 0) if copies else 0
                in_condition += copied * (sources.condition - 1) + more
                size += copied * (sources.column - 1) + extra
                if is_computed:  # an aggregate goes into HAVING, and no further
                    in_condition = size
            row += 1 if is_closed else size
            growth += in_condition - 1
            if in_condition > 1 or called in found:
                add(found, called, (size, in_condition), is_closed=is_closed)
            elif found[OTHERS] != (1, 1):
                found[called] = 1, 1
        if not is_certain:  # a name that is none of these may be one that is not known
            for name in sources.sizes:
                add(found, name, found[OTHERS], is_closed=is_closed)
        return Columns.of(found, row, growth, is_certain=is_certain)

    def plans(self, parts: list[tuple[int, int]]) -> int:
        """Sum up the plans of queries there: what a name stands for does not multiply these."""
        return sum(
            size for start, end in parts for index, size in self.planned if start <= index < end
        )

    def with_rows(
        self,
        level: Level,
        sources: Columns,
        parts: list[tuple[int, int]],
        given: Collection[int],
    ) -> Columns:
        """Give the sources with the items of FROM that are named as a whole in parts of a query.

        `given` is where names are given.
        """
        if sources.row <= sources.sizes[OTHERS][0] and not sources.growth:
            return sources
        rows, found = self._items.rows(level), []
        if level.sources.is_certain and not level.is_renamed:  # a column comes first
            rows = {name: row for name, row in rows.items() if name not in level.sources.sizes}
        stars = {last - 1 for _, last, _, called, _ in level.items if called == STAR}
        keys = self._tokens.keys
        for start, last in parts:
            for index in range(start, last):
                key = keys[index]
                may_be_row = key in rows or key == '"' or keys[index - 1] == "."
                if not may_be_row or index in stars or index in given:
                    continue
                if (place := self._items.row_named_by(level, index, rows)) is None:
                    continue
                row = rows.get(self._tokens.name(place))
                if row is None:  # of a join, or of an expression
                    return sources.of_rows()
                if row.row > 1 or row.growth:
                    found.append((index, row, 1 + self.repeats(index, index + 1)))
        return sources.with_rows(found) if found else sources

    def moves(self, level: Level, sources: Columns, end: int) -> bool:
        """Whether that is `select t from ( query ) t`: what is named once is no copy."""
        if len(level.items) != 1 or len(level.inner) != 1 or level.number != 1 or not sources.rows:
            return False
        (start, last, _), (first, behind, *_) = level.inner[0], level.items[0]
        written = end - level.start - (last - start)
        return start < last and written <= _MOVED and sources.rows[0] == [first] == [behind - 1]

    def _may_be_column(self, index: int) -> bool:
        keys = self._tokens.keys
        before = keys[index - 1]
        return (
            (self._tokens.kinds[index] <= COLUMN_WORD or before == ".")
            and before != "as"  # a label, or a type
            and keys[index + 1] not in (".", "(")
        )


def _words_of_case(keys: list[str]) -> int:
    """Count the words of CASE that are not nodes: THEN, ELSE, and END behind ELSE.

    Without ELSE there is a null; in `case x when` each WHEN is a comparison that contains x.
    """
    plain = [key for before, key in pairwise(["", *keys]) if before != "."]  # and no attributes
    if any(key == "case" and after != "when" for key, after in pairwise(plain)):
        return 0
    return plain.count("then") + 2 * plain.count("else")


def half(tokens: int) -> int:
    """Take half of so many tokens for names."""
    return tokens // 2 + 1
