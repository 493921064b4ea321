"""Bounds on the results of repeat(), lpad(), rpad() and format(): none may fill the memory at once.

A length has a bound if it is a number, or least(..., number), or comes from what is there anyway:
count(...) does not exceed the rows that were read, length(x) and cardinality(x) not x, the depth of
a tree not the rounds of WITH RECURSIVE (rounds.py), a remainder, ntile(number) or width_bucket(...,
number) not their number, nor does a count times a number that number, where it is divided by the
largest one or their sum. repeat() may take these only with a short string, so that its result stays
close to them, and does not repeat what was just made long. Other columns have no bound: an inner
query can give them any value.
"""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING, Final

from zava_sql.guard.keywords import IDENTIFIER, words
from zava_sql.guard.lexer import STRING
from zava_sql.guard.limits import (
    MAX_LENGTH_ARGUMENT,
    MAX_LENGTHS,
    MAX_WIDTH,
    MESSAGE_PIECE,
    Refusal,
)

if TYPE_CHECKING:
    from zava_sql.guard.lexer import Tokens
    from zava_sql.guard.type_names import TypeReader

__all__ = ["BOUNDED", "OF_TEXT", "check_bounds"]

BOUNDED: Final = frozenset({"repeat", "lpad", "rpad", "format"})
_PADDING: Final = BOUNDED - {"format"}
_NUMERIC_TYPES: Final = words(
    "int integer int4 bigint int8 smallint int2 numeric decimal float float8 real"
)
_CHOICES: Final = frozenset({"least", "greatest", "coalesce"})
_ROUNDING: Final = frozenset({"round", "ceil", "ceiling", "floor", "trunc"})
# length() is not among the last: of a line or path it may be any number.
OF_TEXT: Final = frozenset(
    {"char_length", "character_length", "octet_length", "cardinality", "array_length"}
)
_BY_LAST: Final = {"mod": 2, "ntile": 1, "width_bucket": 4}  # name -> number of arguments
_COUNTED: Final = frozenset({"*", "distinct", ".", "0"})  # beside names, in count()
_WHOLES: Final = frozenset({"max", "sum"})
_FRAMES: Final = frozenset({"order", "rows", "range", "groups"})
_SHORT: Final = 12  # characters of a string, its quotes included
_PAIR: Final = 2
_FEW: Final = 4
_LITTLE: Final = 100
_WIDE: Final = re.compile(r"%(?:\d+\$)?-*(?:(\d+)|\*)")  # any number of minus signs


def check_bounds(reader: TypeReader, index: int, arguments: list[tuple[int, int]]) -> None:
    """Refuse a call of one of `BOUNDED` whose result may become huge; its name is at `index`."""
    name = reader.tokens.name(index)
    if name == "format":
        _check_format(reader, *arguments[0])
        return
    (first, last), (begin, end) = arguments[:2]
    tokens = reader.tokens
    reader.lengths += end - begin > 1
    if reader.lengths > MAX_LENGTHS:
        raise Refusal(
            "unbounded",
            f"more than {MAX_LENGTHS} lengths that are computed",
            "Write numbers, or ask in smaller steps.",
            index=begin,
        )
    nested = _PADDING.intersection(map(tokens.name, range(first, last))) if name == "repeat" else ()
    if nested:
        raise Refusal(
            "unbounded",
            f"{min(nested)}() inside repeat(), which multiplies their lengths",
            "Repeat a string or a column.",
            index=first,
        )
    is_short = last - first == 1 and tokens.kinds[first] == STRING
    is_short = is_short and len(tokens.literal(first)) <= _SHORT
    if not _Length(reader, begin, end, by_rows=name != "repeat" or is_short).has_bound(begin, end):
        raise Refusal(
            "unbounded",
            f"the length in {name}() must have a bound of at most {MAX_LENGTH_ARGUMENT:,}",
            _repaired(tokens, (index, begin, end, reader.at)),
            index=begin,
        )


def _repaired(tokens: Tokens, borders: tuple[int, int, int, int]) -> str:
    """Say what to write: the caller's own call, if it is short, with a bound on its length."""
    places = tokens.positions()
    call, begin, end, behind = (places[border] for border in borders)
    sql = tokens.sql
    written = f"{sql[call:begin]}least({sql[begin:end].rstrip()}, 100){sql[end:behind].rstrip()}"
    if len(written) > 3 * MESSAGE_PIECE or not written.isprintable():
        return "Write a number, or least(expression, 100)."
    return f"Write a bound: {written}"


class _Length:
    """What is known of an expression without running it; `begin` to `end` are its tokens."""

    __slots__ = ("by_rows", "closing", "keys", "known", "rounds", "select", "tokens", "used")

    def __init__(self, reader: TypeReader, begin: int, end: int, *, by_rows: bool) -> None:
        self.tokens = reader.tokens
        self.keys = reader.keys
        self.rounds = reader.rounds
        self.select = reader.growth.level.start
        self.used = frozenset(self.keys[begin:end])
        self.by_rows = by_rows
        self.known: dict[tuple[int, int, bool, bool], bool] = {}  # of these, who has a bound
        self.closing: dict[int, int] = {}  # of an opening bracket: the index behind the other
        open_ones: list[int] = []
        for index, key in enumerate(self.keys[begin:end], begin):
            if key in ("(", "["):
                open_ones.append(index)
            elif key in (")", "]"):
                self.closing[open_ones.pop()] = index + 1

    def has_bound(self, begin: int, end: int, *, small: bool = False, cast: bool = False) -> bool:
        """Whether it is not above a bound; `small`: nor far below zero; `cast`: may be no int."""
        key = begin, end, small, cast
        if key not in self.known:
            self.known[key] = self.look(begin, end, small=small, cast=cast)
        return self.known[key]

    def look(self, begin: int, end: int, *, small: bool, cast: bool) -> bool:
        """Look whether it has a bound, for the first time."""
        if self.is_number(begin, end):
            return True
        keys = self.keys
        if keys[begin] == "case":
            results = self.results(begin, end)
            return bool(results) and all(
                self.has_bound(*result, small=small, cast=cast) for result in results
            )
        sums = self.parts(begin, end, ("+", "-"))
        if len(sums) > 1:
            return all(
                self.has_bound(*part, small=small or keys[part[0] - 1] == "-", cast=cast)
                for part in sums[keys[begin] == "-" :]
            )
        whole = begin, end
        (begin, end), *divisors = self.parts(begin, end, ("/",))
        while end - begin > 1 and keys[end - 2] == "::" and keys[end - 1] in _NUMERIC_TYPES:
            end, cast = end - 2, True
        is_divided = all(self.is_number(*divisor, least=1) for divisor in divisors)
        is_bound = is_divided and (
            self.is_number(begin, end)
            or self.is_product(begin, end)
            or self.is_remainder(begin, end)
            or self.is_share(begin, end)
            or self.call_has_bound(begin, end, small=small, cast=cast)
            or self.is_of_rounds(begin, end)
        )
        return is_bound or self.is_of_whole(*whole)

    def results(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Give what stands behind THEN and ELSE of a CASE; nothing if it is not all there is."""
        keys, found = self.keys, []
        index = start = begin + 1
        depth = 1
        while index < end:
            key = keys[index] if keys[index - 1] != "." else ""
            if depth == 1 and key in ("then", "when", "else", "end"):
                if keys[start - 1] in ("then", "else"):
                    found.append((start, index))
                start = index + 1
            depth += (key == "case") - (key == "end")
            if depth == 0:
                break
            index = self.closing[index] if key in ("(", "[") else index + 1
        return found if index == end - 1 else []

    def is_remainder(self, begin: int, end: int) -> bool:
        """Whether it is what is left of a name, call or bracket by a number: `n % 5`."""
        (begin, middle), *others = self.parts(begin, end, ("%",))
        if len(others) != 1 or not self.is_number(*others[0], least=1):
            return False
        while middle - begin > 2 and self.keys[middle - 2] == "::":
            middle -= 2
        opening = begin + (self.keys[begin] != "(")
        is_column = middle - begin == 1 or (middle - begin == 3 and self.keys[opening] == ".")
        return is_column or (self.keys[opening] == "(" and self.closing[opening] == middle)

    def is_share(self, begin: int, end: int) -> bool:
        """Whether it is a call whose last argument, a number, its result does not exceed by far."""
        keys = self.keys
        if keys[begin] not in _BY_LAST or keys[begin + 1] != "(":
            return False
        closing = self.closing[begin + 1]
        inner = self.parts(begin + 2, closing - 1, (",",))
        if keys[begin] == "ntile" and keys[closing] == "over":
            closing = self.closing.get(closing + 1, closing + 2)
        is_whole = closing == end and len(inner) == _BY_LAST[keys[begin]]
        return is_whole and self.is_number(*inner[-1], least=1)

    def is_of_rounds(self, begin: int, end: int) -> bool:
        """Whether it is the depth of a tree, a little more or less, or a few times that."""
        times = self.parts(begin, end, ("*",))
        factors = [part for part in times if not self.is_number(*part, most=_FEW)]
        if len(factors) != 1 or len(times) > _PAIR:
            return False
        begin, end = factors[0]
        if self.keys[begin] == "(" and self.closing[begin] == end:
            (begin, end), *others = self.parts(begin + 1, end - 1, ("+", "-"))
            if not all(self.is_number(*other, most=_LITTLE) for other in others):
                return False
        return self.by_rows and self.counted_in(begin, end) > 0

    def counted_in(self, begin: int, end: int) -> int:
        """Give where the query stands in FROM of which it is a column that holds a count, or 0."""
        table = self.keys[begin] if self.keys[begin + 1 : end - 1] == ["."] else ""
        if end - begin != (3 if table else 1) or self.keys[end - 1] == '"':
            return 0  # a quoted name has no key by which to tell it from others
        return self.rounds.counted_in(self.select, begin, table, self.keys[end - 1])

    def is_of_whole(self, begin: int, end: int, numbers: int = 1) -> bool:
        """Whether it is a count by the largest or the sum of all, times so many numbers above 1.

        As in `n * 50 / max(n) over ()`: a count is not below zero, and is among all.
        """
        parts = self.parts(begin, end, ("*", "/"))
        divisors = [part for part in parts[1:] if self.keys[part[0] - 1] == "/"]
        wholes = [part for part in divisors if not self.is_number(*part, least=1)]
        factors = [part for part in parts if part not in divisors and not self.is_one(*part)]
        counts = [part for part in factors if not self.is_number(*part)]
        if len(counts) != 1 or len(factors) > 1 + numbers:
            return False
        begin, end = self.bare(*counts[0])
        if not wholes and len(parts) - len(divisors) > 1:  # others are looked into anyway
            return self.is_of_whole(begin, end, 1 + numbers - len(factors))
        if len(wholes) != 1:
            return False
        if self.is_whole(*wholes[0], self.keys[begin:end]):
            return self.is_count(begin, end) or self.counted_in(begin, end) > 0
        return self.is_whole_query(*wholes[0], begin, end)

    def is_one(self, begin: int, end: int) -> bool:
        """Whether it is a number of at most 1, such as 1.0."""
        return self.is_number(begin, end, most=1) and float(self.tokens.literal(begin)) <= 1

    def is_whole(self, begin: int, end: int, count: list[str]) -> bool:
        """Whether it is the largest or the sum of the counts of all rows of a window."""
        keys = self.keys
        begin, end = self.bare(begin, end)
        behind = self.closing.get(begin + 1, end)
        if keys[begin] in ("nullif", "greatest") and behind == end:
            return self.is_whole(*self.parts(begin + 2, end - 1, (",",))[0], count)
        window = keys[behind + 2 : end - 1]
        return (
            keys[begin] in _WHOLES
            and keys[begin + 1 : behind + 2] == ["(", *count, ")", "over", "("]
            and self.closing[behind + 1] == end
            and window[:1] in ([], ["partition"])
            and _FRAMES.isdisjoint(window)
        )

    def is_whole_query(self, begin: int, end: int, count: int, behind: int) -> bool:
        """Whether it is `(select max(n) from q)`, and `n` is a count that is read from that query.

        PostgreSQL runs a query of WITH once that is named twice, unless it is told not to.
        """
        keys = self.keys
        begin, end = self.bare(begin, end)
        asked = [["select", name, "(", keys[behind - 1], ")", "from"] for name in _WHOLES]
        if keys[begin : end - 1] not in asked or "not materialized" in self.tokens.form:
            return False
        place = self.counted_in(count, behind)
        return place > 0 and keys[place] == keys[end - 1]

    def is_count(self, begin: int, end: int) -> bool:
        """Whether it is count(*), count(x) or count(distinct x)."""
        keys, kinds = self.keys, self.tokens.kinds
        return (
            keys[begin] == "count"
            and self.closing.get(begin + 1) == end
            and all(
                keys[index] in _COUNTED or (kinds[index] == IDENTIFIER and keys[index] != '"')
                for index in range(begin + 2, end - 1)
            )
        )

    def bare(self, begin: int, end: int) -> tuple[int, int]:
        """Give where it is without brackets around it, and casts to numbers."""
        keys = self.keys
        while True:
            if end - begin > _PAIR and keys[end - 2] == "::" and keys[end - 1] in _NUMERIC_TYPES:
                end -= 2
            elif keys[begin] == "(" and self.closing[begin] == end:
                begin, end = begin + 1, end - 1
            elif self.closing.get(begin + 1) == end and self.is_cast(begin, end):
                begin, end = begin + 2, end - 3
            else:
                return begin, end

    def is_cast(self, begin: int, end: int) -> bool:
        """Whether it is the word CAST, whose brackets end in a type of numbers."""
        keys = self.keys
        return keys[begin] == "cast" and keys[end - 3] == "as" and keys[end - 2] in _NUMERIC_TYPES

    def call_has_bound(self, begin: int, end: int, *, small: bool, cast: bool) -> bool:
        """Whether it is a bracket or one of the calls above, and has a bound."""
        keys = self.keys
        word = "" if keys[begin] == "(" else keys[begin]
        opening = begin + bool(word)
        if opening >= end or keys[opening] != "(":
            return False
        closing = self.closing[opening]
        if word == "count" or word in OF_TEXT or (word == "length" and not cast):
            while keys[closing] in ("filter", "over") and keys[closing + 1] == "(":
                closing = self.closing[closing + 1]
            return self.by_rows and closing == end
        if closing != end:
            return False
        if word in _CHOICES:
            inner = self.parts(opening + 1, end - 1, (",",))
            is_bound = (word == "least" and self.is_number_among(inner)) or all(
                self.has_bound(*part, cast=cast) for part in inner
            )
            return is_bound and not (small and not self.has_floor(begin, end))
        if self.is_cast(begin, end):
            return self.has_bound(opening + 1, end - 3, small=small, cast=True)
        is_passed_on = not word or word in _ROUNDING
        return is_passed_on and self.has_bound(opening + 1, end - 1, small=small, cast=cast)

    def has_floor(self, begin: int, end: int) -> bool:
        """Whether it is not far below zero."""
        begin, end = self.bare(begin, end)
        word = self.keys[begin]
        if word not in _CHOICES or self.closing.get(begin + 1) != end:
            return self.has_bound(begin, end, small=True)
        inner = self.parts(begin + 2, end - 1, (",",))
        is_floored = word == "greatest" and self.is_number_among(inner)
        return is_floored or all(self.has_floor(*part) for part in inner)

    def is_number_among(self, parts: list[tuple[int, int]]) -> bool:
        """Whether one is a number, which is no NULL: least() and greatest() leave those out."""
        return any(self.is_number(*self.bare(*part)) for part in parts)

    def is_number(
        self, begin: int, end: int, least: int = 0, most: int = MAX_LENGTH_ARGUMENT
    ) -> bool:
        """Whether it is a number within the limit."""
        text = self.tokens.literal(begin) if end - begin == 1 else ""
        whole, _, rest = text.partition(".")
        return (
            (whole + rest).isdecimal()
            and whole.isdecimal()
            and len(whole) <= len(str(MAX_LENGTH_ARGUMENT))
            and least <= int(whole) <= most
        )

    def is_product(self, begin: int, end: int) -> bool:
        """Whether it is a product of numbers within the limit: `20 * 3`."""
        numbers = self.parts(begin, end, ("*",))
        if not all(self.is_number(*number) for number in numbers):
            return False
        values = [float(self.tokens.literal(start)) for start, _ in numbers]
        return prod(values) <= MAX_LENGTH_ARGUMENT

    def parts(self, begin: int, end: int, separators: tuple[str, ...]) -> list[tuple[int, int]]:
        """Cut at the separators that stand in no bracket."""
        found: list[tuple[int, int]] = []
        index = end if self.used.isdisjoint(separators) else begin
        while index < end:
            if self.keys[index] in ("(", "["):
                index = self.closing[index]
                continue
            if self.keys[index] in separators:
                found.append((begin, index))
                begin = index + 1
            index += 1
        return [*found, (begin, end)]


def _check_format(reader: TypeReader, begin: int, end: int) -> None:
    """Make sure that the format of format() is a plain string, its widths small."""
    text = reader.tokens.literal(begin)
    if end - begin != 1 or reader.kinds[begin] != STRING:
        raise Refusal(
            "unbounded",
            "the format of format() must be a string",
            "Write it out, or join strings with ||; to_char(x, 'YYYY-MM') and to_char(x, "
            "'FM999,990.00') write dates and numbers.",
            index=begin,
        )
    for found in _WIDE.finditer(text.replace("%%", "")):
        if found[1] is None or len(found[1]) > len(str(MAX_WIDTH)) or int(found[1]) > MAX_WIDTH:
            raise Refusal(
                "unbounded", f"a width in format() of more than {MAX_WIDTH:,}", index=begin
            )
