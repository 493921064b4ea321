"""A bound on what calls make of each other's results: replace ( repeat ( 'a', 9 ), 'a', 'bb' ).

PostgreSQL works out constants when it plans, and a timeout does not end a call that is under way.
A call multiplies the length of its text by some factor at most, and may take what another made, as
a column of any name; but not what one beside it in the same select list made. So factors add up
within a select list, but for calls within each other. All others are multiplied: with each other,
with the longest string that the text writes or makes, with what escapes in escapes (see escapes.py)
and with the copies of names. What stands in columns of tables has no bound, nor does `||` count.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final

from zava_sql.guard.escapes import TEXTS, TO_TEXT, escaped, joined, rows_named
from zava_sql.guard.lexer import NUMBER, STRING
from zava_sql.guard.limits import (
    MAX_CHARACTERS,
    MAX_COPIED,
    MAX_JOINED,
    MAX_LENGTH_ARGUMENT,
    MAX_LENGTHENED,
    Refusal,
)

if TYPE_CHECKING:
    from zava_sql.guard.columns import Level
    from zava_sql.guard.lexer import Tokens

__all__ = ["LENGTHENING", "Lengthening"]

_QUOTING: Final = frozenset({"quote_ident", "quote_literal", "quote_nullable"})
_REPLACING: Final = frozenset({"replace", "regexp_replace", "array_replace"})
_PADDING: Final = frozenset({"lpad", "rpad"})
_JOINING: Final = frozenset({"array_to_string", "concat_ws"})
_TEXTS: Final = TEXTS | TO_TEXT
LENGTHENING: Final = _QUOTING | _REPLACING | _PADDING | _TEXTS | {"repeat", "encode"}
_LENGTHS: Final = frozenset({"length", "char_length", "character_length", "octet_length"})
_FLAGS: Final = 4  # arguments of regexp_replace() that may say `g`
_OFTEN: Final = 2
_FEW: Final = 10  # texts of values, which are not worth a look
_LONG: Final = 5_000  # characters that calls make
_SIGNS: Final = ("||", ">>", ") .")  # of what makes text as well: ->>, #>>, (x).concat
_ENCODED: Final = {"'hex'": 2, "'base64'": 2}  # 'escape' writes \000


class Lengthening:
    """Of one text: the factors of its calls, and how long a text some make."""

    __slots__ = ("_chains", "_factor", "_index", "_made", "_replaced", "_tokens", "texts")

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._factor = 1  # of calls outside of select lists
        # By where a query begins: where the calls of its select list are, and their factors with
        # those of the calls inside.
        self._chains: dict[int, list[tuple[int, int]]] = {}
        self._made = 1  # by repeat() of a string, lpad() and rpad()
        # What calls replace by something that is no string; None if it may be anything.
        self._replaced: list[str | None] = []
        self._index = 0  # of the last call
        self.texts = 0  # what makes text of any value, rows and arrays

    def note(
        self, index: int, arguments: list[tuple[int, int]], *, listed: int | None = None
    ) -> None:
        """Note a call of one of `LENGTHENING`, whose name is at `index`, after those inside it.

        `listed` is where the query begins, if the call stands in its select list.
        """
        name = self._tokens.name(index)
        self.texts += name in _TEXTS
        factor = self._factor_of(name, arguments)
        if factor == 1:
            return
        self._index = index
        if listed is None:
            self._factor *= factor
        else:
            chains = self._chains.setdefault(listed, [])
            inside = [chain for begin, chain in chains if begin > index]
            chains.append((index, factor * max(inside, default=1)))

    def _factor_of(self, name: str, arguments: list[tuple[int, int]]) -> int:
        """By how much a call may multiply a length."""
        if name in _QUOTING:
            return 2
        if name in _REPLACING:
            return self._by_replacing(name, arguments)
        if name in _JOINING:
            return self._by_joining(name, arguments)
        if name == "format":
            return self._by_formatting(arguments)
        if name == "encode":
            return _ENCODED.get(self._tokens.literal(arguments[1][0]), 4)
        return 1 if name in _TEXTS else self._by_repeating(name, arguments)

    def check(self, copies: int, levels: list[Level]) -> None:
        """Refuse a text that was read, if its calls may make one too long for so many copies."""
        factor = self._factor * prod(
            sum(chain for _, chain in chains if chain > 1) or 1 for chains in self._chains.values()
        )
        is_plain = factor == 1 and not self._replaced
        tokens = self._tokens
        few = _FEW - self.texts - sum(map(tokens.form.count, _SIGNS))
        if is_plain and (len(levels) < few or rows_named(tokens, levels) < few):
            return
        factor *= escaped(tokens, levels)
        if self._made == 1 and not self._replaced and factor <= MAX_LENGTHENED // MAX_CHARACTERS:
            return
        written = [tokens.literal(i) for i, kind in enumerate(tokens.kinds) if kind == STRING]
        longest = max(self._made, *map(len, written), 1)
        length = longest * factor
        for text in self._replaced:
            is_once = self._made == 1 and text and all(one.count(text) < _OFTEN for one in written)
            length *= 2 if is_once else length  # what is put in may be as long
            if length > MAX_LENGTHENED:
                break
        if length > min(MAX_LENGTHENED, MAX_COPIED // max(copies, 1)):
            raise Refusal(
                "unbounded",
                "replace(), repeat(), text of JSON and rows, and the like may make each other's "
                f"results longer than {MAX_LENGTHENED:,} characters, or {MAX_COPIED:,} in all "
                "copies",
                "Repeat or insert less, or call them in fewer places.",
                index=self._index,
            )
        made = self._made * prod(
            max((chain for _, chain in chains), default=1) for chains in self._chains.values()
        )
        if made >= _LONG and made * self._factor * joined(tokens, levels) > MAX_JOINED:
            raise Refusal(
                "unbounded",
                f"|| may join what repeat(), replace() and the like made to {MAX_JOINED:,} "
                "characters, in all steps",
                "Repeat or insert less, or join fewer of them: string_agg() keeps no steps.",
                index=tokens.keys.index("||"),
            )

    def _by_joining(self, name: str, arguments: list[tuple[int, int]]) -> int:
        """By how much array_to_string() or concat_ws(..., variadic x) may multiply a length."""
        if name == "concat_ws" and self._tokens.keys[arguments[-1][0] - 1] != "variadic":
            return 1
        inserted = self._string(arguments[name != "concat_ws"])
        if inserted is None:
            self._replaced.append(None)
            return 1
        return 1 + len(inserted)

    def _by_formatting(self, arguments: list[tuple[int, int]]) -> int:
        """By how much format() may multiply a length: it writes an argument often, or quotes it."""
        text = self._tokens.literal(arguments[0][0]).replace("%%", "")
        quoted = 2 if "L" in text or "I" in text else 1
        return max(1, quoted * text.count("%"))

    def _by_repeating(self, name: str, arguments: list[tuple[int, int]]) -> int:
        """By how much repeat() may multiply a length; or note what it or padding makes."""
        number = self._number(*arguments[1])
        written = self._string(arguments[0])
        if name == "repeat" and written is None:
            return number
        begin, end = arguments[1]
        if name == "repeat" and not _LENGTHS.isdisjoint(self._tokens.keys[begin:end]):
            return max(1, len(written or ""))  # as often as another text is long
        self._made = max(self._made, number * (len(written or "") if name == "repeat" else 1))
        return 1

    def _by_replacing(self, name: str, arguments: list[tuple[int, int]]) -> int:
        """By how much replace() or regexp_replace() may multiply a length."""
        found, inserted = map(self._string, arguments[1:3])
        if inserted is None:
            self._replaced.append(found if name == "replace" else None)
            return 1
        if name == "replace":
            return max(1, -(-len(inserted) // max(len(found or ""), 1)))
        is_once = name == "regexp_replace" and len(arguments) < _FLAGS
        return 1 + inserted.count("\\") if is_once else max(1, len(inserted))

    def _string(self, argument: tuple[int, int]) -> str | None:
        """Give what a string holds."""
        begin, end = argument
        if end - begin > 1 or self._tokens.kinds[begin] != STRING:
            return None
        return self._tokens.literal(begin)[1:-1].replace("''", "'")

    def _number(self, begin: int, end: int) -> int:
        """Give the largest number in a length, which has a bound."""
        numbers = [
            self._tokens.literal(index).partition(".")[0]
            for index in range(begin, end)
            if self._tokens.kinds[index] == NUMBER
        ]
        lengths = [int(text) for text in numbers if text.isdecimal()]
        return max(1, *(min(length, MAX_LENGTH_ARGUMENT) for length in lengths), 1)
