"""Columns that count: the rounds of WITH RECURSIVE, 1 as depth ... union all ... depth + 1; rows.

Such a column is no larger than the rounds that ran, or the rows that were read, so it may be a
length: repeat('  ', depth - 1) draws a tree, repeat('*', n) the bar of a count. Whatever is not
plainly one is none: the column must begin with a number and grow by 1, or be a count(...), in a
query of the outermost WITH whose name no other has, or in one of FROM, and be read from that query
by name, in the select list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zava_sql.guard.keywords import IDENTIFIER
from zava_sql.guard.lexer import NUMBER
from zava_sql.guard.limits import MAX_LENGTH_ARGUMENT

if TYPE_CHECKING:
    from zava_sql.guard.lexer import Tokens

__all__ = ["Rounds"]

_ASKED: Final = 20
_LOOKS: Final = 3
_BEGINS: Final = frozenset({"select", "with", "values", "table"})
_SETS: Final = ("union", "intersect", "except")
_ENDS: Final = (
    *_SETS, "where", "group", "having", "window", "order", "limit", "offset", "fetch", "for",
)  # fmt: skip
_END_OF_FROM: Final = frozenset({*_ENDS, ")", ""})
_JOINING: Final = frozenset({"join", "inner", "left", "right", "full", "cross", "natural"})
_BEHIND_ITEM: Final = _END_OF_FROM | _JOINING | {",", "on", "using"}
_MERGING: Final = frozenset({"using", "natural"})
_INTEGERS: Final = frozenset({"int", "integer", "int4", "bigint", "int8"})
_NUMBERS: Final = _INTEGERS | {"numeric", "decimal", "float", "float8", "real"}


class Rounds:
    """Of one text: which columns were asked about, and what was found."""

    __slots__ = ("_asked", "_found", "_tokens")

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._asked = 0
        # By the select list and the name: where in FROM the query stands that it is read from.
        self._found: dict[tuple[int, str, str], int] = {}

    def counted_in(self, start: int, index: int, table: str, column: str) -> int:
        """Give where the query stands in FROM of which `column` counts: `table`, or the only one.

        It is 0 if none does, or `index` is not in the select list that begins at `start`. Each look
        takes about as long as reading the text, so there are few.
        """
        keys = self._tokens.keys
        self._asked += 1
        if keys[start] != "select" or self._asked > _ASKED:
            return 0
        opened: list[int] = []
        for at in range(start + 1, index):
            if keys[at] in ("(", "["):
                opened.append(at)
            elif keys[at] in (")", "]"):
                if not opened:
                    return 0
                opened.pop()
        if opened and not _BEGINS.isdisjoint(keys[opened[0] : index]):  # in a query of its own
            return 0
        key = start, table, column
        if key not in self._found and len(self._found) < _LOOKS:
            begin = _from(keys, start)
            self._found[key] = _read(self._tokens, begin, table, column) if begin else 0
        place = self._found.get(key, 0)
        return place if index < place else 0


def _read(tokens: Tokens, begin: int, table: str, column: str) -> int:
    """Give where the query stands in the FROM at `begin` of which this column counts; 0 if none."""
    keys = tokens.keys
    found = [item for item in _items(tokens, begin) if table in ("", keys[item[1]])]
    if len(found) != 1:
        return 0
    place, called = found[0]
    is_alone = place == begin + 1 and keys[called + 1] in _END_OF_FROM
    return place if (table or is_alone) and _counts(tokens, place, column) else 0


def _from(keys: list[str], at: int) -> int:
    """Give where the FROM of a select list is; 0 if it has none, or that cannot be told."""
    at = _find(keys, at, ("from", *_ENDS))
    return at if keys[at] == "from" and keys[at - 1] != "distinct" else 0


def _find(keys: list[str], at: int, wanted: tuple[str, ...]) -> int:
    """Give where one of these stands in no bracket, or the bracket around ends, or the text.

    What stands behind a dot or AS is a name: `x.join`, `1 as from`.
    """
    depth = 0
    while keys[at]:
        if keys[at] in ("(", "["):
            depth -= 1
        elif keys[at] in (")", "]"):
            if depth == 0:
                break
            depth += 1
        elif depth == 0 and keys[at] in wanted and keys[at - 1] not in (".", "as"):
            break
        at += 1
    return at


def _items(tokens: Tokens, begin: int) -> list[tuple[int, int]]:
    """Give where plain names and queries stand in a FROM, and where what each is called there."""
    keys, found = tokens.keys, []
    at = begin
    while keys[at] not in _END_OF_FROM:
        if at == begin or keys[at] in ("join", ","):
            name = end = at + 1
            is_query = keys[name] == "(" and keys[name + 1] == "select"
            if is_query:
                end = _find(keys, name + 1, ())
            alias = end + 1 + (keys[end + 1] == "as")
            if tokens.kinds[alias] != IDENTIFIER or keys[alias] == '"':
                alias = end
            is_plain = tokens.kinds[name] == IDENTIFIER and keys[name] != '"'
            if (is_plain or is_query) and keys[alias + 1] in _BEHIND_ITEM:
                found.append((name, alias))
        at = _find(keys, at + 1, ("join", ",", *_ENDS))
    return found


def _counts(tokens: Tokens, place: int, column: str) -> bool:
    """Whether what stands at `place` in FROM has this column, and it counts."""
    keys = tokens.keys
    at = place if keys[place] == "(" else _defined(tokens, place)
    body = at + 1 if at == place else _body(keys, at)
    if not at or keys[body] != "select":
        return False
    first = _list(keys, body)
    labels = _labels(tokens, at, first)
    if labels.count(column) != 1:
        return False
    number = labels.index(column)
    end = _find(keys, body, _SETS)
    if keys[end] == ")":  # in itself it would be a table of that name
        return not body < place < end and _is_count(keys, *first[number])
    names, grown = _second(tokens, keys[at], end)
    moved = _place(keys, first, grown, number)
    return (
        at != place  # a query of FROM is none that names itself
        and keys[:2] == ["with", "recursive"]
        and moved is not None
        and _is_number(tokens, first[number])
        and _grows(tokens, grown[moved], column, names)
    )


def _defined(tokens: Tokens, place: int) -> int:
    """Give where the outermost WITH defines the query named at `place`; 0 if none or two do."""
    keys = tokens.keys
    query = keys[place]
    places = [at for at, key in enumerate(keys) if key in (query, '"')]
    defined = [at for at in places if tokens.name(at) == query and _body(keys, at)]
    if len(defined) != 1 or defined[0] > place:
        return 0
    before = keys[: defined[0]]
    return defined[0] if before.count("(") == before.count(")") else 0


def _is_count(keys: list[str], begin: int, end: int) -> bool:
    """Whether it is count(...) as a whole, of a window or not, with a label."""
    if keys[begin : begin + 2] != ["count", "("]:
        return False
    at = _find(keys, begin + 2, ()) + 1
    while keys[at] in ("filter", "over") and keys[at + 1] == "(":
        at = _find(keys, at + 2, ()) + 1
    at += 2 * (keys[at] == "::" and keys[at + 1] in _NUMBERS)
    return at + (keys[at] == "as") == end - 1


def _second(tokens: Tokens, query: str, union: int) -> tuple[set[str], list[tuple[int, int]]]:
    """Give what `query` is called behind its UNION, if it is there once, and the select list."""
    keys = tokens.keys
    select = union + 1 + (keys[union + 1] == "all")
    begin = _from(keys, select) if keys[union] == "union" and keys[select] == "select" else 0
    if not begin or keys[_find(keys, select, _SETS)] != ")":
        return set(), []
    names = {keys[called] for place, called in _items(tokens, begin) if keys[place] == query}
    is_clear = len(names) == 1 and _MERGING.isdisjoint(keys[begin : _find(keys, begin + 1, _ENDS)])
    return (names, _list(keys, select)) if is_clear else (set(), [])


def _labels(tokens: Tokens, at: int, first: list[tuple[int, int]]) -> list[str]:
    """Give the names of the columns of the query of WITH at `at`, "" where there is none."""
    keys = tokens.keys
    if keys[at + 1] != "(":
        return [keys[end - 1] if tokens.kinds[end - 1] == IDENTIFIER else "" for _, end in first]
    listed = keys[at + 2 : _find(keys, at + 2, ())]
    is_clear = len(listed[::2]) == len(first) and "*" not in [keys[end - 1] for _, end in first]
    return listed[::2] if is_clear else []


def _body(keys: list[str], at: int) -> int:
    """Give where the query begins that has its name here in WITH; 0 if none has."""
    behind = at + 1
    if keys[behind] == "(":
        behind = _find(keys, behind + 1, ()) + 1
    if keys[behind] != "as":
        return 0
    behind += 1 + (keys[behind + 1] == "not")
    behind += keys[behind] == "materialized"
    return behind + 1 if keys[behind] == "(" else 0


def _list(keys: list[str], select: int) -> list[tuple[int, int]]:
    """Give the items of a select list; none if `is distinct from` could be its end."""
    items = []
    begin, behind = select + 1, select
    while keys[behind] != "from" and keys[behind] not in _END_OF_FROM:
        behind = _find(keys, begin, (",", "from", *_ENDS))
        items.append((begin, behind))
        begin = behind + 1
    return [] if keys[behind - 1] == "distinct" else items


def _place(
    keys: list[str], first: list[tuple[int, int]], grown: list[tuple[int, int]], number: int
) -> int | None:
    """Give the place in the second list of an item of the first, which `*` may move."""
    stars = [[keys[end - 1] == "*" for _, end in items] for items in (first, grown)]
    if number < len(grown) and not any(stars[0][:number]) and not any(stars[1][:number]):
        return number
    left = len(first) - number
    place = len(grown) - left
    is_clear = place >= 0 and not any(stars[0][number:]) and not any(stars[1][place:])
    return place if is_clear else None


def _is_number(tokens: Tokens, item: tuple[int, int]) -> bool:
    """Whether it is a small number, with a label or without."""
    begin, end = item
    text = tokens.literal(begin) if tokens.kinds[begin] == NUMBER else ""
    if not text.isdecimal() or len(text) > len(str(MAX_LENGTH_ARGUMENT)):
        return False
    rest = tokens.keys[begin + 1 : end]
    if rest[:1] == ["::"] and rest[1:2] and rest[1] in _INTEGERS:
        rest = rest[2:]
    return int(text) <= MAX_LENGTH_ARGUMENT and rest[:-1] in ([], ["as"]) and rest != ["as"]


def _grows(tokens: Tokens, item: tuple[int, int], label: str, names: set[str]) -> bool:
    """Whether it is the column of that name of the last round, and 1 more."""
    begin, end = item
    keys = tokens.keys[begin:end]
    if keys[1:2] == ["."]:
        if keys[0] not in names:
            return False
        begin, keys = begin + 2, keys[2:]
    is_more = keys[:3] == [label, "+", "0"] and tokens.literal(begin + 2) == "1"
    rest = keys[3:]
    return is_more and (len(rest) < 2 or (len(rest) == 2 and rest[0] == "as"))
