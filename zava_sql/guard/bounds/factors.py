"""By how much a call lengthens a text at most: replace ( x, 'a', 'bb' ) doubles it.

Each rule looks at the arguments that are written out, and notes what a call makes out of nothing:
what repeat() repeats, what it pads, how many digits a number may have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from zava_sql.guard.bounds.lengths import OF_TEXT
from zava_sql.guard.keywords import COLUMN_WORD, IDENTIFIER
from zava_sql.guard.lexer import NUMBER, STRING
from zava_sql.guard.limits import MAX_LENGTH_ARGUMENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from zava_sql.guard.lexer import Tokens

__all__ = ["MAX_DIGITS", "RULES", "Factors"]

_Arguments = list[tuple[int, int]]
_LENGTHS: Final = OF_TEXT | {"length"}
_PAIR: Final = 2
_FLAGS: Final = 4  # arguments of regexp_replace() that may say `g`, of ts_headline() with options
_SMALL: Final = 3  # digits of an exponent
_SHORT: Final = 60  # digits that are not worth a look
_ENCODED: Final = {"'hex'": 2, "'base64'": 2}  # 'escape' writes \000
_BITS: Final = 4  # of a digit in 'x0f'::varbit
_BYTES: Final = 3  # of UTF8, for one of another encoding
_FIELD: Final = 12  # of to_char(), for one character of its format: DCH_MAX_ITEM_SIZ
# What normalize() makes of one character, and what upper() does in some collations.
_NORMALIZED: Final = 18
_IN_CAPITALS: Final = 3
_CASES: Final = frozenset({"upper", "lower", "initcap", "casefold"})
_QUERIES: Final = frozenset(
    {"to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery"}
)
_POWERS: Final = frozenset({"power", "pow", "exp"})
_ROUNDING: Final = frozenset({"round", "trunc"})
_NUMBERS: Final = _POWERS | {"^", '"'}  # and any quoted name
MAX_DIGITS: Final = 131_072  # of a number
# Powers count for less: they seldom have so many, and twenty times as long a text is still short.
_CALCULATED: Final = MAX_DIGITS // 20
_TYPED: Final = 1_000  # of numeric(1000, 999)
_SCALE: Final = 16_383  # of these, behind the point
_EXPONENT: Final = re.compile(r"[0-9.]e[+-]?0*([1-9][0-9]{0,6})", re.IGNORECASE)
_RUN: Final = re.compile(r"[0-9.]+")
_SIGNS: Final = frozenset({"*", "/"})  # by which numbers become longer
_NO_OPERAND: Final = frozenset({"select", "distinct", "all", "(", ",", "."})  # before a star
_NUMERIC: Final = frozenset({"numeric", "decimal", "dec"})
_WHOLE: Final = re.compile(r"\b[0-9]{1,7}")
# Patterns that find no empty string: they begin with a character, and have no other branch.
_NEVER_EMPTY: Final = re.compile(
    r"(?:\\[sdwSDW.]|\[\^?(?:[^\[\]\\]|\\[sdwSDW])+\]|[A-Za-z0-9_ ,;:/&@%!~<>=#-])(?![*?{])[^|]*"
)


class Factors:
    """What the calls of one text make; the rules give the factor of one of them."""

    __slots__ = ("_tokens", "is_pretty", "padded", "put_in", "repeated", "replaced")

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.repeated = 1  # characters, by repeat() of a string, lpad() and rpad()
        self.padded = 1  # by a type, as char(n)
        # What calls replace by something that is no string; None if it may be anything.
        self.replaced: list[str | None] = []
        self.put_in = 0  # calls that put in characters which others may lengthen
        self.is_pretty = False  # jsonb_pretty() is called

    def by_characters(self) -> int:
        """Say by how much normalize() and upper() may lengthen what other calls put in."""
        normalized = min(self._tokens.form.count("normalize ("), self.put_in + len(self.replaced))
        names = map(self._tokens.name, range(len(self._tokens.texts)))
        in_capitals = min(sum(name in _CASES for name in names), self.put_in)
        return int(_NORMALIZED**normalized * _IN_CAPITALS**in_capitals)

    def digits(self, enough: int, copies: int) -> int:
        """Say how long a number may be, names in it being copied so often.

        What rounding writes matters if `enough` is less.
        """
        tokens, keys = self._tokens, self._tokens.keys
        places = [index for index, kind in enumerate(tokens.kinds) if kind in (NUMBER, STRING)]
        texts = [tokens.literal(index).replace("_", "") for index in places]
        written = " ".join(texts)
        digits = max([1, *map(int, _EXPONENT.findall(written)), *map(len, texts)])
        digits = max(digits, self._multiplied(written, copies))
        if not _NUMBERS.isdisjoint(keys) or (enough < _SCALE and not _ROUNDING.isdisjoint(keys)):
            most = max([1, *map(int, _WHOLE.findall(written))])
            digits = self._calculated(digits, most)
        return digits if digits > _SHORT else 1  # as what stands in columns

    def _multiplied(self, written: str, copies: int) -> int:
        """Say how many digits products have: those of all numbers, also in strings, together."""
        keys, kinds = self._tokens.keys, self._tokens.kinds
        times = 1 + sum(
            (key in _SIGNS and (keys[i - 1] not in _NO_OPERAND or "operator" in keys[i - 4 : i]))
            or self._tokens.name(i) == "lcm"
            for i, key in enumerate(keys)
        )
        digits = max([1, *map(int, _EXPONENT.findall(written)), *map(len, _RUN.findall(written))])
        for index, key in enumerate(keys):
            if key in _NUMERIC and keys[index + 1] == "(":
                digits = max(digits, self._whole(index + 2, index + 3) or _TYPED)
        names = kinds.count(IDENTIFIER) + kinds.count(COLUMN_WORD)
        return min(digits * times * (1 + copies // max(names, 1)), MAX_DIGITS)

    def _calculated(self, digits: int, most: int) -> int:
        """Say how many digits powers and rounding may make of these; exponents are `most`."""
        tokens, keys, powers = self._tokens, self._tokens.keys, digits
        opened: list[tuple[str, int]] = []  # the names before brackets, and their latest commas
        for index in range(len(tokens.texts)):
            key = keys[index]
            if key in ("(", "["):
                opened.append((tokens.name(index - 1), 0))
            elif key == "." and tokens.name(index + 1) == "exp":
                powers *= most
            elif key == "^":
                powers *= self._whole(index + 1, index + 2) or most
            elif key == "," and opened:
                opened[-1] = opened[-1][0], index
            elif key in (")", "]"):
                name, comma = opened.pop()
                if name in _POWERS:
                    powers *= (comma and self._whole(comma + 1, index)) or most
                elif comma and name in _ROUNDING:
                    digits = max(digits, self._whole(comma + 1, index) or _SCALE)
            powers = min(powers, MAX_DIGITS)
        return max(digits, min(powers, _CALCULATED))

    def _whole(self, begin: int, end: int) -> int | None:
        """Give a small number that is written there, or none."""
        is_number = end - begin == 1 and self._tokens.kinds[begin] == NUMBER
        text = self._tokens.literal(begin).partition(".")[0] if is_number else ""
        return max(1, int(text)) if text.isdecimal() and len(text) <= _SMALL else None

    # The rules: by how much a call may multiply a length.

    def quoting(self, _name: str, _arguments: _Arguments) -> int:
        """quote_literal(): it doubles quotes and backslashes."""
        return 2

    def encoding(self, _name: str, arguments: _Arguments) -> int:
        """encode(): by its format."""
        return _ENCODED.get(self._tokens.literal(arguments[1][0]), 4)

    def spelling(self, _name: str, _arguments: _Arguments) -> int:
        """varbit(): it writes the four bits of each digit."""
        return _BITS

    def converting(self, name: str, arguments: _Arguments) -> int:
        """convert(): each byte may become three, but not what is UTF8."""
        encoding = self._string(arguments[1])
        is_same = name == "convert_from" and (encoding or "").lower() in ("utf8", "utf-8")
        return 1 if is_same else _BYTES

    def writing(self, _name: str, arguments: _Arguments) -> int:
        """to_char(): a format that is a string is short; others may be what another call made."""
        begin, end = arguments[1]
        return 1 if end - begin == 1 and self._tokens.kinds[begin] == STRING else _FIELD

    def marking(self, _name: str, arguments: _Arguments) -> int:
        """ts_headline(): it writes marks of its options, if it has some, around each word."""
        if len(arguments) == _PAIR:
            return 1
        options = self._string(arguments[-1])
        begin, end = arguments[-1]
        keys = self._tokens.keys
        is_query = len(arguments) < _FLAGS and keys[begin] in _QUERIES
        if options is None and not (is_query and {"||", "::"}.isdisjoint(keys[begin:end])):
            self.replaced.append(None)
        return 1 + len(options or "") // 2

    def matching(self, _name: str, arguments: _Arguments) -> int:
        """regexp_match(): groups within each other take the same text."""
        pattern = self._string(arguments[1])
        if pattern is None or self._are_named(arguments[:2]):
            self.replaced.append(None)
            return 1
        return max(1, pattern.count("(") - pattern.count("(?"))

    def joining(self, name: str, arguments: _Arguments) -> int:
        """array_to_string(), concat_ws(): by what stands between values, or for those missing."""
        is_variadic = self._tokens.keys[arguments[-1][0] - 1] == "variadic"
        inserted = list(map(self._string, arguments[1:] if name != "concat_ws" else arguments[:1]))
        if name == "concat_ws" and not is_variadic:
            return 1 if inserted[0] is not None else max(1, len(arguments) - 2)
        if None in inserted:
            self.replaced.append(None)
            return 1
        return 1 + sum(len(text or "") for text in inserted)

    def formatting(self, _name: str, arguments: _Arguments) -> int:
        """format(): it writes an argument often, or quotes it."""
        text = self._tokens.literal(arguments[0][0]).replace("%%", "")
        quoted = 2 if "L" in text or "I" in text else 1
        return max(1, quoted * text.count("%"))

    def repeating(self, name: str, arguments: _Arguments) -> int:
        """repeat(): by its number; or note what it or padding makes."""
        number = self._number(*arguments[1])
        written = self._string(arguments[0]) if name == "repeat" else " "
        if written is None:
            return number
        self.repeated = max(self.repeated, number * len(written))
        begin, end = arguments[1]  # as often as other texts are long
        return max(1, len(written) * sum(key in _LENGTHS for key in self._tokens.keys[begin:end]))

    def replacing(self, name: str, arguments: _Arguments) -> int:
        """replace() and its kin: by what is put in, for each character or where it is found."""
        found, inserted = map(self._string, arguments[1:3])
        if inserted is None or self._are_named(arguments):
            self.replaced.append(found if name == "replace" else None)
            return 1
        self.put_in += not inserted.isascii()
        if name == "replace":
            return max(1, -(-len(inserted) // max(len(found or ""), 1)))
        if name == "translate":
            return 1
        if name == "regexp_replace" and len(arguments) < _FLAGS:  # once
            return 1 + inserted.count("\\")
        if name == "regexp_replace" and not self._finds_characters(found, arguments[3:]):
            return 1 + len(inserted)
        return max(1, len(inserted))

    def _finds_characters(self, pattern: str | None, flags: _Arguments) -> bool:
        """Whether a pattern is plainly one that finds no empty string: `[^a-z]`, ` +`."""
        is_plain = len(flags) == 1 and set(self._string(flags[0]) or "x") <= {"g", "i"}
        return is_plain and pattern is not None and _NEVER_EMPTY.fullmatch(pattern) is not None

    def _are_named(self, arguments: _Arguments) -> bool:
        """Whether arguments may stand in any order: `pattern => 'a'`."""
        keys = self._tokens.keys
        return any(keys[begin - 1] in ("=>", ":=") for begin, _ in arguments[:3])

    def _string(self, argument: tuple[int, int]) -> str | None:
        """Give what a string holds."""
        begin, end = argument
        if end - begin > 1 or self._tokens.kinds[begin] != STRING:
            return None
        return self._tokens.literal(begin)[1:-1].replace("''", "'")

    def _number(self, begin: int, end: int) -> int:
        """Give the largest number in a length, which has a bound, or their sum."""
        numbers = [
            self._tokens.literal(index).partition(".")[0]
            for index in range(begin, end)
            if self._tokens.kinds[index] == NUMBER
        ]
        lengths = [min(int(text), MAX_LENGTH_ARGUMENT) for text in numbers if text.isdecimal()]
        is_sum = not {"+", "-"}.isdisjoint(self._tokens.keys[begin:end])
        return max(1, sum(lengths) if is_sum else max(lengths, default=1))

    def pretty(self, _name: str, _arguments: _Arguments) -> int:
        """jsonb_pretty(): it indents, so what counts is how deep JSON is."""
        self.is_pretty = True
        return 1


RULES: Final[dict[str, Callable[[Factors, str, _Arguments], int]]] = {
    **dict.fromkeys(("quote_ident", "quote_literal", "quote_nullable"), Factors.quoting),
    **dict.fromkeys(("repeat", "lpad", "rpad"), Factors.repeating),
    **dict.fromkeys(("replace", "regexp_replace", "array_replace", "translate"), Factors.replacing),
    **dict.fromkeys(("array_to_string", "concat_ws"), Factors.joining),
    **dict.fromkeys(("regexp_match", "regexp_matches"), Factors.matching),
    **dict.fromkeys(("convert", "convert_from"), Factors.converting),
    "format": Factors.formatting,
    "encode": Factors.encoding,
    "varbit": Factors.spelling,
    "to_char": Factors.writing,
    "ts_headline": Factors.marking,
    "jsonb_pretty": Factors.pretty,
}
