"""A bound on what calls make of each other's results: replace ( repeat ( 'a', 9 ), 'a', 'bb' ).

PostgreSQL works out constants when it plans, and a timeout does not end a call that is under way.
A call multiplies the length of its text by some factor at most, and may take what another made, as
a column of any name; but not what one beside it in the same select list made. So factors add up
within a select list, but for calls within each other. All others are multiplied: with each other,
with the longest string that the text writes or makes, and with the copies of names. What stands in
columns of tables has no bound, nor does `||` count.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final

from zava_sql.guard.lexer import NUMBER, STRING
from zava_sql.guard.limits import MAX_COPIED, MAX_LENGTH_ARGUMENT, MAX_LENGTHENED, Refusal

if TYPE_CHECKING:
    from zava_sql.guard.lexer import Tokens

__all__ = ["LENGTHENING", "Lengthening"]

_QUOTING: Final = frozenset({"quote_ident", "quote_literal", "quote_nullable"})
_REPLACING: Final = frozenset({"replace", "regexp_replace"})
_PADDING: Final = frozenset({"lpad", "rpad"})
LENGTHENING: Final = _QUOTING | _REPLACING | _PADDING | {"repeat"}
_LENGTHS: Final = frozenset({"length", "char_length", "character_length", "octet_length"})
_FLAGS: Final = 4  # arguments of regexp_replace() that may say `g`
_OFTEN: Final = 2


class Lengthening:
    """Of one text: the factors of its calls, and how long a text some make."""

    __slots__ = ("_chains", "_factor", "_index", "_made", "_replaced", "_tokens")

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

    def note(
        self, index: int, arguments: list[tuple[int, int]], *, listed: int | None = None
    ) -> None:
        """Note a call of one of `LENGTHENING`, whose name is at `index`, after those inside it.

        `listed` is where the query begins, if the call stands in its select list.
        """
        name = self._tokens.name(index)
        if name in _QUOTING:
            factor = 2
        elif name in _REPLACING:
            factor = self._by_replacing(name, arguments)
        else:
            factor = self._by_repeating(name, arguments)
        if listed is None:
            self._factor *= factor
        else:
            chains = self._chains.setdefault(listed, [])
            inside = [chain for begin, chain in chains if begin > index]
            chains.append((index, factor * max(inside, default=1)))
        if factor > 1:
            self._index = index

    def check(self, copies: int) -> None:
        """Refuse a text that was read, if its calls may make one too long for so many copies."""
        factor = self._factor * prod(
            sum(chain for _, chain in chains if chain > 1) or 1 for chains in self._chains.values()
        )
        if factor == 1 and not self._replaced:
            return
        tokens = self._tokens
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
                "replace(), repeat() and the like may make each other's results longer than "
                f"{MAX_LENGTHENED:,} characters, or {MAX_COPIED:,} in all copies",
                "Repeat or insert less, or call them in fewer places.",
                index=self._index,
            )

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
        is_once = len(arguments) < _FLAGS
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
