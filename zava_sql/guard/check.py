"""The verdict on one text: limits, tokens, the two accounts, and caches of verdicts."""

from __future__ import annotations

import gc
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from zava_sql.errors import QueryRefused
from zava_sql.guard.foreign import foreign_hints
from zava_sql.guard.lexer import Tokens, scan
from zava_sql.guard.limits import Refusal
from zava_sql.guard.names import Names
from zava_sql.guard.queries import QueryReader
from zava_sql.guard.tree import check_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable

    from zava_sql.guard.account import Account

__all__ = ["Checked", "Guard", "check"]

_CACHED_TEXTS: Final = 1_024
_CACHED_CHARACTERS: Final = 8_000  # of one text: each cache stays below some ten megabytes
_OF_DIALECTS: Final = ("function", "type", "syntax")  # reasons to refuse what another dialect has
_LONG: Final = 1_000  # characters of a text that is worth a large call


@dataclass(frozen=True, slots=True)
class Checked:
    """A text that passed. `canonical` is what was checked, and the only thing to run."""

    canonical: str
    _original: str

    def original_position(self, canonical_offset: int) -> int:
        """Position, from 1, in the caller's text of an offset, from 0, in the canonical text."""
        *starts, _end = scan(self.canonical, len(self.canonical)).positions()
        index = max(bisect_right(starts, canonical_offset) - 1, 0)
        return scan(self._original).positions()[index] + 1


@dataclass(frozen=True, slots=True)
class _Refused:
    """A verdict to repeat; keeping the exception itself would keep its stack alive."""

    reason: str
    message: str
    hint: str
    position: int | None


class Guard:
    """Judges texts against the allowlist; remembers its latest verdicts and the forms that passed.

    It remembers them for each caller: the time of an answer must not tell what others have asked.

    `api_functions` are the bare names of the functions in schema api. None, for a caller without a
    database, lets any name in schema api pass. `strict` has PostgreSQL's own parser agree.

    Raises:
        ConfigurationError: `strict`, and that parser is not installed.
    """

    __slots__ = ("_forms", "_names", "_opinion", "_remembered")

    def __init__(
        self, api_functions: Collection[str] | None = None, *, strict: bool = False
    ) -> None:
        self._names = Names(api_functions)
        self._opinion: Callable[[Tokens, Account], None] | None = None
        if strict:
            from zava_sql.guard.opinion import check_opinion  # noqa: PLC0415 - an extra

            self._opinion = check_opinion
        # With the literals that were looked at.
        self._forms: dict[tuple[Hashable, str], dict[int, str]] = {}
        self._remembered = lru_cache(_CACHED_TEXTS)(self._judge)

    def check(self, sql: str, whose: Hashable = None) -> Checked:
        """Return the text to run instead of `sql`; raise QueryRefused, and nothing else."""
        judge = self._remembered if len(sql) <= _CACHED_CHARACTERS else self._judge
        verdict = judge(sql, whose)
        if isinstance(verdict, Checked):
            return verdict
        raise QueryRefused(
            verdict.message, reason=verdict.reason, hint=verdict.hint, position=verdict.position
        )

    def _has_passed(self, form: tuple[Hashable, str], tokens: Tokens) -> bool:
        """Whether a text has passed that differs only in literals which do not matter."""
        literals = self._forms.get(form)
        return literals is not None and all(
            tokens.texts[index] == text for index, text in literals.items()
        )

    def _remember(self, form: tuple[Hashable, str], tokens: Tokens) -> None:
        if len(form[1]) <= _CACHED_CHARACTERS:
            if len(self._forms) >= _CACHED_TEXTS:
                self._forms.clear()
            self._forms[form] = tokens.literals

    def _judge(self, sql: str, whose: Hashable) -> Checked | _Refused:
        try:
            return (
                self._read(sql, whose) if len(sql) < _LONG else _with_room(self._read, sql, whose)
            )
        except Exception:  # noqa: BLE001  # a fault of ours on some strange text: fail closed
            return _Refused("unsupported", "this text cannot be judged", "Write it plainer.", None)

    def _read(self, sql: str, whose: Hashable) -> Checked | _Refused:
        tokens: Tokens | None = None
        # Readers and trees are thousands of short-lived objects. A garbage collection that they
        # trigger walks through the whole process and takes longer than all the rest.
        collects = gc.isenabled()
        gc.disable()
        try:
            tokens = scan(sql)
            if not self._has_passed(form := (whose, tokens.form), tokens):
                reader = QueryReader(tokens, self._names)
                reader.statement()
                check_tree(tokens, reader.account)
                if self._opinion is not None:
                    self._opinion(tokens, reader.account)
                self._remember(form, tokens)
            # Here, since what is made behind gc.enable() begins a collection of all of the above.
            passed = Checked(tokens.canonical(), sql)
        except Refusal as refusal:
            hint = refusal.hint
            if tokens is not None and refusal.index is not None and refusal.reason in _OF_DIALECTS:
                hint = (hint + foreign_hints(tokens, refusal.index, self._names)).lstrip()
            return _Refused(refusal.reason, refusal.message, hint, _position(refusal, tokens))
        finally:
            if collects:
                gc.enable()
        return passed


def _with_room(
    read: Callable[[str, Hashable], Checked | _Refused], sql: str, whose: Hashable
) -> Checked | _Refused:
    return read(sql, whose)


# Python allocates the frames of calls in chunks, and until 2026 freed a chunk as soon as its first
# call returned (its issue 142183): where a chunk's boundary lies among our calls, a text takes up
# to four times as long. Inside a call as large as this one, all of ours lie in one chunk. Compiled
# code uses none.
if hasattr(_with_room, "__code__"):
    _with_room.__code__ = _with_room.__code__.replace(co_stacksize=16_500)


def _position(refusal: Refusal, tokens: Tokens | None) -> int | None:
    if refusal.offset is not None:
        return refusal.offset + 1
    if refusal.index is not None and tokens is not None:
        positions = tokens.positions()
        return positions[min(refusal.index, len(positions) - 1)] + 1
    return None


def check(sql: str, api_functions: Collection[str] | None = None) -> Checked:
    """Judge one text without a lasting guard."""
    return Guard(api_functions).check(sql)
