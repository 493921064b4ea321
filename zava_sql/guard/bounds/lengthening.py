"""A bound on what calls make of each other's results: replace ( repeat ( 'a', 9 ), 'a', 'bb' ).

PostgreSQL works out constants when it plans, and a timeout does not end a call that is under way.
A call multiplies the length of its text by some factor at most, and may take what another made, as
a column of any name; but not what one beside it in the same select list made. So factors add up
within a select list, but for calls within each other. All others are multiplied: with each other,
with the longest string or number that the text writes or makes, with what escapes in escapes (see
escapes.py) and with the copies of names. What stands in columns of tables has no bound, nor does
`||` count.

PostgreSQL estimates `x = any (array)` for each element of a constant array, in some 300 bytes, and
no timeout ends it. So what calls make, or a string writes, may hold only so many elements for all
ANY and ALL and all copies of names.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final

from zava_sql.guard.bounds.escapes import (
    JOINING,
    PARTING,
    TEXTS,
    TO_TEXT,
    escaped,
    joined,
    rows_named,
)
from zava_sql.guard.bounds.factors import MAX_DIGITS, RULES, Factors
from zava_sql.guard.lexer import STRING
from zava_sql.guard.limits import (
    MAX_CHARACTERS,
    MAX_COPIED,
    MAX_ESTIMATED,
    MAX_JOINED,
    MAX_LENGTHENED,
    Refusal,
)

if TYPE_CHECKING:
    from zava_sql.guard.bounds.columns import Level
    from zava_sql.guard.lexer import Tokens

__all__ = ["LENGTHENING", "OF_ATTRIBUTES", "Lengthening"]

_TEXTS: Final = TEXTS | TO_TEXT
_JOINING: Final = JOINING | {"||"}
LENGTHENING: Final = _TEXTS | frozenset(RULES)
_LENGTHENING_TYPES: Final = frozenset({"bpchar", "bit", "varbit"})
# Those that `x.name` may call, but for what escapes.py counts.
OF_ATTRIBUTES: Final = frozenset({"quote_ident", "jsonb_pretty", "varbit"})
_OFTEN: Final = 2
_FEW: Final = 10  # texts of values, which are not worth a look
_LONG: Final = 5_000  # characters that calls make
_SIGNS: Final = ("||", ">>", ") .")  # of what makes text as well: ->>, #>>, (x).concat
_ELEMENT: Final = 24  # bytes of an array's element, which may be one character
_WRITTEN: Final = 1_000  # characters of an array that is written out
_FEW_JOINED: Final = 7
_INDENT: Final = 4  # of jsonb_pretty(), for each level


class Lengthening:
    """Of one text: the factors of its calls, and how long a text some make."""

    __slots__ = (
        "_chains", "_factor", "_index", "_is_array", "_made", "_tokens", "arrays", "texts",
    )  # fmt: skip

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._factor = 1  # of calls outside of select lists
        # By where a query begins: where the calls of its select list are, and their factors with
        # those of the calls inside.
        self._chains: dict[int, list[tuple[int, int]]] = {}
        self._made = Factors(tokens)
        self._index = 0  # of the last call
        self.arrays = 0  # behind ANY and ALL
        self._is_array = False  # the type of a cast is one, or jsonb
        self.texts = 0  # what makes text of any value, rows and arrays

    def note(
        self, index: int, arguments: list[tuple[int, int]], *, listed: int | None = None
    ) -> None:
        """Note a call of one of `LENGTHENING`, whose name is at `index`, after those inside it.

        `listed` is where the query begins, if the call stands in its select list.
        """
        name = self._tokens.name(index)
        self.texts += name in _TEXTS
        rule = RULES.get(name)
        factor = rule(self._made, name, arguments) if rule else 1
        if factor == 1:
            return
        self._index = index
        if listed is None:
            self._factor *= factor
        else:
            chains = self._chains.setdefault(listed, [])
            inside = [chain for begin, chain in chains if begin > index]
            chains.append((index, factor * max(inside, default=1)))

    def note_type(self, name: str, length: int, index: int, *, is_array: bool) -> None:
        """Note a type, which may pad to a length, in an array each element, or be like a call."""
        self._is_array |= is_array or name == "jsonb"
        if name not in _LENGTHENING_TYPES:
            return
        if name in RULES:
            self._factor, self._index = self._factor * RULES[name](self._made, name, []), index
        elif is_array:
            self._factor, self._index = self._factor * max(length, 1), index
        else:
            self._made.padded = max(self._made.padded, length)

    def check(self, copies: int, levels: list[Level]) -> None:
        """Refuse a text that was read, if its calls may make one too long for so many copies."""
        calls = self._factor * prod(
            sum(chain for _, chain in chains if chain > 1) or 1 for chains in self._chains.values()
        )
        limit = min(MAX_LENGTHENED, MAX_COPIED // max(copies, 1))
        made, tokens = self._made, self._tokens
        is_plain = not (made.replaced or made.put_in or made.is_pretty)
        few = _FEW - self.texts - sum(map(tokens.form.count, _SIGNS))
        factor = calls
        if not is_plain or calls > 1 or (len(levels) >= few and rows_named(tokens, levels) >= few):
            factor *= escaped(tokens, levels)
        longest = max(made.repeated, made.padded)
        is_written = factor > 1 or few < _FEW  # and so may be numbers, with all their digits
        is_short = longest * factor < _LONG and (not is_written or factor * MAX_DIGITS <= limit)
        if not is_short and longest == 1 and factor <= MAX_LENGTHENED // MAX_CHARACTERS:
            is_short = made.digits(limit // factor, copies) < _LONG
        elements = MAX_ESTIMATED // (self.arrays + copies) if self.arrays else MAX_ESTIMATED
        is_parted = not PARTING.isdisjoint(tokens.keys)  # digits may be elements, and characters
        is_array = self._is_array or is_parted
        is_joined = is_array and sum(x in _JOINING for x in tokens.keys) > _FEW_JOINED
        are_few = elements >= (MAX_DIGITS if is_parted else MAX_CHARACTERS)
        if is_plain and is_short and are_few and not is_joined:
            return
        written = [tokens.literal(i) for i, kind in enumerate(tokens.kinds) if kind == STRING]
        texts = max(longest, *map(len, written), 1)
        digits = max(made.digits(0, copies), texts)
        length = self._inserted(digits * factor * made.by_characters(), calls, written)
        if length > limit:
            raise Refusal(
                "unbounded",
                "replace(), repeat(), text of JSON and rows, and the like may make each other's "
                f"results longer than {MAX_LENGTHENED:,} characters, or {MAX_COPIED:,} in all "
                "copies",
                "Repeat or insert less, or call them in fewer places.",
                index=self._index,
            )
        if not is_parted:
            length //= digits // texts
            if longest * factor == 1:  # no more than is written
                length = 1 + max([text.count(",") for text in written], default=0)
        self._check_arrays(length, elements)
        if is_array:
            longest = _ELEMENT * max(longest, texts if texts >= _WRITTEN else 1)
        longest *= prod(
            max((chain for _, chain in chains), default=1) for chains in self._chains.values()
        )
        steps = joined(tokens, levels) if longest >= _LONG else 0
        if is_array:
            steps = max(steps, tokens.keys.count("("))  # each call makes an array
        if longest * self._factor * steps > MAX_JOINED:
            raise Refusal(
                "unbounded",
                "||, concat(), array_cat() and the like may join what repeat(), replace() and the "
                f"like made to {MAX_JOINED:,} characters, in all steps",
                "Repeat or insert less, or join fewer of them: string_agg() keeps no steps.",
                index=next((i for i, x in enumerate(tokens.keys) if x in _JOINING), self._index),
            )

    def _inserted(self, length: int, calls: int, written: list[str]) -> int:
        """Say how long a text becomes by what is put in that is no string, and by indents."""
        made = self._made
        if made.is_pretty:
            depth = sum(text.count("[") + text.count("{") for text in written)
            length *= max(1, _INDENT * (length if calls * made.repeated > 1 else depth))
        for text in made.replaced:
            is_once = text and all(one.count(text) < _OFTEN for one in written)
            length *= 2 if is_once and made.repeated == 1 else length  # of what is put in
            if length > MAX_LENGTHENED:
                break
        return length

    def _check_arrays(self, length: int, elements: int) -> None:
        if length > elements:
            raise Refusal(
                "unbounded",
                "arrays behind ANY and ALL are too long for so many of them, or for so many copies",
                "Join with unnest(array) in FROM, or ask in smaller steps.",
                index=self._index,
            )
