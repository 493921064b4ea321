"""Text of JSON, rows, arrays and bytes within each other: row ( row ( x )::text )::text.

PostgreSQL doubles each quote and backslash when it writes a row, an array or a string of JSON. So
such values within each other, or text of them, double with each level. JSON in JSON stays as it is,
and so do numbers and dates: what counts is a cast to text, or a call or operator that makes text,
of what holds such a value, and a row or array of what holds one, unless it becomes JSON. It holds
one that is written there, or a name that an item with such a value bears in a select list, or that
is given in FROM.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import TYPE_CHECKING, Final

from zava_sql.guard.bounds.columns import OTHERS, STAR
from zava_sql.guard.keywords import FUNCTION_WORD, IDENTIFIER, words
from zava_sql.guard.lexer import OPERATOR, STRING

if TYPE_CHECKING:
    from zava_sql.guard.bounds.columns import Level
    from zava_sql.guard.lexer import Tokens

__all__ = ["JOINING", "PARTING", "TEXTS", "TO_TEXT", "escaped", "joined", "rows_named"]

TEXTS: Final = words("text varchar bpchar name")
# Calls that make text of any value.
TO_TEXT: Final = words("""
    concat concat_ws format quote_literal quote_nullable array_to_string jsonb_pretty
    json_extract_path_text jsonb_extract_path_text json_each_text jsonb_each_text
    json_array_elements_text jsonb_array_elements_text json_to_record json_to_recordset
    jsonb_to_record jsonb_to_recordset
    """)
_FORMS: Final = TO_TEXT | TEXTS | words("json_value json_serialize json_table")
_CASTS: Final = TEXTS - {"name"}  # by `(x).text`; a name is short, and the name of columns
_TYPES: Final = TEXTS | words("character char national")
_OPERATORS: Final = words("|| ->> #>>")
# What joins values as `||` does, by commas.
JOINING: Final = words("""
    concat concat_ws overlay array_append array_cat array_prepend jsonb_concat jsonb_insert
    jsonb_set jsonb_set_lax json_array json_object json_build_array json_build_object
    jsonb_build_array jsonb_build_object
    """)
_RETURNING: Final = words("json_query json_object json_array json_objectagg json_arrayagg")
# What parts a text into an array, what else makes JSON, rows, arrays or bytes, and what columns of
# functions in FROM that give such values are called.
PARTING: Final = words("string_to_array regexp_split_to_array tsvector_to_array show_trgm")
_VALUES: Final = PARTING | words("""
    row array json jsonb bytea to_json to_jsonb row_to_json array_to_json json_build_object
    json_build_array jsonb_build_object jsonb_build_array json_agg json_agg_strict jsonb_agg
    jsonb_agg_strict json_object json_object_agg json_object_agg_strict json_object_agg_unique
    json_object_agg_unique_strict jsonb_object jsonb_object_agg jsonb_object_agg_strict
    jsonb_object_agg_unique jsonb_object_agg_unique_strict jsonb_set jsonb_set_lax jsonb_insert
    json_array json_objectagg json_arrayagg json_scalar json_query array_agg array_append array_cat
    array_prepend array_replace array_remove regexp_match regexp_matches convert convert_to decode
    to_tsvector array_to_tsvector value unnest json_array_elements jsonb_array_elements
    jsonb_path_query jsonb_path_query_array jsonb_path_query_first
    """)
# Of these, what doubles quotes once more when it is written, unless it became JSON.
_ROWS: Final = words("""
    row array array_agg array_append array_cat array_prepend array_replace array_remove
    """)
_FACTOR: Final = 2
_FACTOR_OF_PARTS: Final = 5  # `"` becomes `"\"",`
_NO_FIELD: Final = words("select with values table partition order")
_NO_ROW: Final = words("in values using on any some all by sets over group")
_BEFORE_BRACKET: Final = words("array row ) ]")
_BEFORE_QUERY: Final = words("( materialized not")
_BEHIND_FROM: Final = words("where group having order window limit offset")
_SETS: Final = words("union intersect except all distinct")
_ITEM, _TEXT, _ROW, _JSON = range(4)  # kinds of parts


def escaped(tokens: Tokens, levels: list[Level]) -> int:
    """Say by how much a text may so lengthen what it writes; `levels` are its queries."""
    return _Escapes(tokens, levels).factor()


def joined(tokens: Tokens, levels: list[Level]) -> int:
    """Say how often a text may join a value, by `||` or calls, in all steps of an expression.

    PostgreSQL keeps each step until the row is done. Queries may take what others joined.
    """
    return _Escapes(tokens, levels).joined()


def rows_named(tokens: Tokens, levels: list[Level]) -> int:
    """Say how many names may stand for rows of FROM or make text of one, at most."""
    keys, count = tokens.keys, 0
    given = {place for level in levels for place in level.aliases}
    names = {tokens.name(place) for place in given}
    for index in range(len(tokens.texts)):
        name = tokens.name(index)
        if keys[index - 1] == ".":
            count += name in TO_TEXT
        elif name in names and index not in given:
            count += keys[index + 1] != "." or keys[index + 2] == "*"
    return count


class _Escapes:
    """Of one text: where such values stand, and what makes text of them."""

    __slots__ = (
        "_closing", "_given", "_keys", "_kinds", "_levels", "_lists", "_named", "_names",
        "_opening", "_places",
    )  # fmt: skip

    def __init__(self, tokens: Tokens, levels: list[Level]) -> None:
        self._keys, self._kinds, self._levels = tokens.keys, tokens.kinds, levels
        self._names = [tokens.name(index) for index in range(len(tokens.texts))]
        self._opening: dict[int, int] = {}
        self._closing: dict[int, int] = {}
        self._lists: set[int] = set()  # brackets with a comma
        self._places: list[tuple[int, bool]] = []  # of each token: its query, if in a select list
        self._given = {place for level in levels for place in level.aliases}
        self._named: dict[str, list[int]] = {}  # where a name stands that may be a column
        for index, name in enumerate(self._names):
            is_name = IDENTIFIER <= self._kinds[index] <= FUNCTION_WORD
            if is_name and self._keys[index + 1] != "(":
                self._named.setdefault(name, []).append(index)

    def factor(self) -> int:
        """Multiply by query; within a select list add, as one there takes nothing of the other."""
        self._find_brackets()
        rows, whole = self._rows(), self._whole_rows()
        if not (values := self._values(rows, whole)):
            return 1
        parts = [(begin, -end, OTHERS, _TEXT) for begin, end in self._texts()]
        parts += [(row + 1, -self._closing[row], OTHERS, _ROW) for row in rows]
        parts += [(row, -row - 1, OTHERS, _ROW) for row in whole]
        for index, name in enumerate(self._names):
            if "json" in name and name in _VALUES and index + 1 in self._closing:
                parts.append((index + 1, -self._closing[index + 1], OTHERS, _JSON))
        parts += self._items()
        parts.sort()
        around, inner = [], [-1] * len(self._keys)
        for number, (begin, end, *_) in enumerate(parts):
            around.append(inner[begin])
            inner[begin:-end] = [number] * (-end - begin)
        counted = self._counted(parts, around, inner, values)
        one = _FACTOR if PARTING.isdisjoint(self._names) else _FACTOR_OF_PARTS
        chains: dict[tuple[int, int], int] = {}
        factors = [1] * len(parts)
        for number in reversed(range(len(parts))):
            outer, factor = around[number], factors[number] * (one if number in counted else 1)
            if outer >= 0:
                factors[outer] = max(factors[outer], factor)
            while outer >= 0 and outer not in counted:
                outer = around[outer]
            if number in counted and outer < 0:
                begin = parts[number][0]
                query, is_listed = self._places[begin]
                key = query, 0 if is_listed else begin
                chains[key] = chains.get(key, 0) + factor
        return prod(chains.values())

    def joined(self) -> int:
        """Multiply by query; each keeps its steps, as often as those around it copy it."""
        self._find_brackets()
        signs = Counter(self._places[index][0] for index in self._joins()).values()
        return prod(1 + number for number in signs) * sum((2 + number) // 2 for number in signs)

    def _joins(self) -> list[int]:
        """Find where a value is joined to others."""
        found, is_joining = [], [False]
        for index, key in enumerate(self._keys):
            if key in ("(", "["):
                is_joining.append(self._names[index - 1] in JOINING)
            elif key in (")", "]"):
                is_joining.pop()
            elif key in ("||", "placing") or (key == "," and is_joining[-1]):
                found.append(index)
        return found

    def _items(self) -> list[tuple[int, int, str, int]]:
        """Give the items of select lists; branches of a UNION have the names of the first."""
        keys, found = self._keys, []
        first: dict[int, Level] = {}  # by the query around
        for level in self._levels:
            before = level.start - 1 - (keys[level.start - 1] == "(")
            if keys[before] not in _SETS:
                first[id(level.around)] = level
            names = [item[3] for item in first.get(id(level.around), level).items]
            is_certain = STAR not in names and all(item[3] != STAR for item in level.items)
            for place, (start, end, _, own, _) in enumerate(level.items):
                name = own
                if keys[before] in _SETS:
                    name = names[place] if is_certain and place < len(names) else OTHERS
                if own != STAR:
                    found.append((start, -end, name, _ITEM))
        return found

    def _counted(
        self,
        parts: list[tuple[int, int, str, int]],
        around: list[int],
        inner: list[int],
        values: list[int],
    ) -> set[int]:
        """Give the parts that make text of a value, or a row or an array that is no JSON."""
        named = dict(self._named)
        seen: set[int] = set()
        counted: set[int] = set()
        while values:
            number = inner[values.pop()]
            while number >= 0 and number not in seen:
                seen.add(number)
                _, _, called, kind = parts[number]
                if kind == _TEXT:
                    counted.add(number)
                    break
                if kind == _ROW and not self._is_json(around[number], parts, around):
                    counted.add(number)
                if kind == _ITEM:
                    if called == OTHERS:  # a column of any name
                        values += [index for places in named.values() for index in places]
                        named.clear()
                    values += named.pop(called, ())
                number = around[number]
        return counted

    @staticmethod
    def _is_json(number: int, parts: list[tuple[int, int, str, int]], around: list[int]) -> bool:
        """Whether what stands in this part becomes JSON before it becomes text."""
        while number >= 0 and parts[number][3] not in (_TEXT, _JSON):
            number = around[number]
        return number >= 0 and parts[number][3] == _JSON

    def _rows(self) -> list[int]:
        """Find the brackets of rows and arrays."""
        keys, kinds = self._keys, self._kinds
        of_values = {
            item[0]
            for level in self._levels
            if keys[level.start] == "values"
            for item in level.items
        }
        found = []
        for opening in self._closing:
            is_list = opening in self._lists and keys[opening] == "("
            is_list = is_list and not IDENTIFIER <= kinds[opening - 1] <= FUNCTION_WORD
            is_list = is_list and keys[opening - 1] not in _NO_ROW and opening not in of_values
            is_list = is_list and keys[opening + 1] not in _NO_FIELD
            if is_list or (opening and self._names[opening - 1] in _ROWS):
                found.append(opening)
        return found

    def _whole_rows(self) -> list[int]:
        """Find the names of items of FROM that stand for their rows."""
        keys, given = self._keys, set(self._given)
        expanded = {item[0] for level in self._levels for item in level.items if item[3] == STAR}
        for opening, closing in self._closing.items():
            if opening - 1 in self._given:  # names of columns
                given.update(range(opening, closing))
        return [
            index
            for name in {self._names[place] for place in self._given}
            for index in self._named.get(name, ())
            if index not in given
            and (keys[index + 1] != "." or (keys[index + 2] == "*" and index not in expanded))
            and keys[index - 1] not in (".", "as")
            and keys[index - 2 : index] != ["count", "("]
            and not (keys[index + 1] == "as" and keys[index + 2] in _BEFORE_QUERY)
        ]

    def _values(self, rows: list[int], whole: list[int]) -> list[int]:
        """Find where a value is written, or an item of FROM named as a whole."""
        keys, names = self._keys, self._names
        found = [*rows, *whole]
        found += [
            index
            for index, name in enumerate(names)
            if (name in _VALUES and (name != "unnest" or keys[index + 1] != "("))
            or (keys[index - 1] == "." and (name == "*" or name in TO_TEXT))
        ]
        for opening, closing in self._closing.items() if found else ():
            is_with = keys[closing + 1] == "as" and keys[closing + 2] in _BEFORE_QUERY
            if opening - 1 in self._given or is_with:  # names of columns
                for index in range(opening + 1, closing):
                    found += self._named.get(names[index], ())
        return found

    def _find_brackets(self) -> None:
        """Find brackets, CASE and END, and which queries and select lists tokens stand in."""
        keys, open_ones, query = self._keys, [], (0, False)
        around: list[tuple[int, bool]] = []
        for index, key in enumerate(keys):
            if key in ("(", "[", "case", ")", "]", "end"):
                if key in ("case", "end") and keys[index - 1] in (".", "as"):
                    pass
                elif key in ("(", "[", "case"):
                    open_ones.append(index)
                    around.append(query)
                elif open_ones:
                    self._opening[index] = open_ones[-1]
                    self._closing[open_ones.pop()] = index
                    query = around.pop()
            elif key == "," and open_ones:
                self._lists.add(open_ones[-1])
            elif key == "select":
                # Branches of a UNION count as one.
                is_first = not query[0] or (around and query == around[-1])
                query = (index + 1 if is_first else query[0]), True
            elif key == "from" and keys[index - 1] != "distinct":
                query = query[0], False
            elif key in _BEHIND_FROM:  # nothing takes what is made there
                query = query[0], True
            self._places.append(query)

    def _texts(self) -> list[tuple[int, int]]:
        """Find what makes text of a value, and what of."""
        keys, names, found = self._keys, [*self._names, "", "", ""], []
        ends: dict[int, int] = {}  # of chains of operations: where they end and begin
        for index, key in enumerate(self._names):
            if key == "::":
                if names[index + 1] in _TYPES or names[index + 3] in TEXTS:
                    found.append((self._start(index), index))
            elif key in _OPERATORS:
                is_named = index + 1 in self._opening  # operator ( pg_catalog . || )
                at = self._opening[index + 1] - 1 if is_named else index
                begin = ends.pop(at, self._start(at))
                ends[self._end(index + 1 + is_named)] = begin
            elif keys[index + 1] == "(" and index + 1 in self._closing:
                end = self._closing[index + 1]
                is_cast = key == "cast" and not _TYPES.isdisjoint(names[end - 4 : end])
                if is_cast or key in _FORMS:
                    found.append((index + 2, end))
                elif key in _RETURNING and "returning" in keys[index:end]:
                    found.append((index, end))
            elif keys[index - 1] == "." and (key in TO_TEXT or key in _CASTS):
                found.append((self._start(index - 1), index + 1))
        return found + [(begin, end) for end, begin in ends.items()]

    def _start(self, index: int) -> int:
        """Say where the operand begins that ends before `index`."""
        keys, kinds = self._keys, self._kinds
        index -= 1
        while index > 0:
            opening = self._opening.get(index)
            if opening is not None:
                index = opening
                is_call = IDENTIFIER <= kinds[index - 1] <= FUNCTION_WORD
                if keys[index] != "case" and (is_call or keys[index - 1] in _BEFORE_BRACKET):
                    index -= 1
                    continue
            elif kinds[index] == STRING and IDENTIFIER <= kinds[index - 1] <= FUNCTION_WORD:
                index -= 1
                continue
            if keys[index - 1] not in ("::", "."):
                break
            index -= 2
        return index

    def _end(self, index: int) -> int:
        """Say where the operand ends that begins at `index`."""
        keys = self._keys
        while self._kinds[index] == OPERATOR:
            index += 1
        if index not in self._closing:
            index += 1
        while keys[index] in ("(", "[", ".", "'", "::", "case"):
            index = self._closing.get(index, index + (keys[index] in (".", "::"))) + 1
        return index
