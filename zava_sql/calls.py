"""What is known of one call of an agent: who, what, how it ended. The audit is made from it."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from zava_sql.errors import (
    AccessDenied,
    AuthorizationError,
    BadArgument,
    DatabaseError,
    LimitExceeded,
    QueryRefused,
    ValidationError,
    ZavaError,
)
from zava_sql.guard.lexer import BITS, NUMBER, STRING, scan
from zava_sql.guard.limits import MAX_CHARACTERS, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from zava_sql.principals import Principal

__all__ = [
    "Call",
    "Caller",
    "called_from",
    "caller",
    "digest",
    "fingerprint",
    "normalized",
]

_REFUSALS: Final = (
    AccessDenied,
    AuthorizationError,
    BadArgument,
    LimitExceeded,
    QueryRefused,
    ValidationError,
)
_LITERALS: Final = (STRING, BITS, NUMBER)
_LIST: Final = re.compile(r"(\bin \( \?)(?: , \?)+ \)", re.IGNORECASE)

# Characters of a canonical text at most: it may be longer than the accepted text, by spaces and by
# doubled quotes.
_LONGEST: Final = 3 * MAX_CHARACTERS


@dataclass(frozen=True, slots=True)
class Caller:
    """What the transport knows: the calling program, ids of the request, the tool's name there."""

    client: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    tool: str | None = None


# Set by the transport for as long as a request is served.
caller: ContextVar[Caller] = ContextVar("caller", default=Caller())  # noqa: B039 - frozen


@contextmanager
def called_from(client: str) -> Iterator[None]:
    """Name the program that makes the calls in this block."""
    token = caller.set(Caller(client=client))
    try:
        yield
    finally:
        caller.reset(token)


@dataclass(slots=True)
class Call:
    """One call; `sql` is what ran, `text` what the caller wrote."""

    principal: Principal
    tool: str
    text: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    caller: Caller = field(default_factory=caller.get)
    called_at: float = field(default_factory=time.time)
    begun: float = field(default_factory=time.perf_counter)
    seconds: float = 0.0
    sql: str | None = None
    rows: int | None = None
    size: int | None = None
    cached: bool = False
    verdict: str = "failed"
    code: str | None = None
    sqlstate: str | None = None

    def __post_init__(self) -> None:
        self.tool = self.caller.tool or self.tool

    def answered(self) -> None:
        """Note that an answer goes out."""
        self.verdict = "answered"

    def ended_by(self, error: BaseException) -> None:
        """Note why none does."""
        self.verdict = "failed"
        self.code = "INTERNAL_ERROR"
        if isinstance(error, asyncio.CancelledError):
            self.verdict, self.code = "cancelled", None
        elif isinstance(error, ZavaError):
            self.verdict = "refused" if isinstance(error, _REFUSALS) else "failed"
            self.code = error.code
            error.told = True
            if isinstance(error, QueryRefused):
                self.code = f"{error.code}: {error.reason}"
            if isinstance(error, DatabaseError):
                self.sqlstate = error.sqlstate

    def stop(self) -> None:
        """Note how long it took."""
        self.seconds = time.perf_counter() - self.begun


def fingerprint(canonical: str, whose: UUID | None = None) -> str:
    """Give sixteen digits that are the same for texts that differ only in literals."""
    return hashlib.sha256(normalized(canonical, whose).encode()).hexdigest()[:16]


def normalized(canonical: str, whose: UUID | None = None) -> str:
    """Replace each literal of a canonical text, and each list after IN, by a question mark.

    What it has done is remembered for each principal: an answer waits for it.
    """
    work = _normalized if len(canonical) <= 8_000 else _normalized.__wrapped__
    return work(canonical, whose)


@lru_cache(1_024)
def _normalized(canonical: str, _: UUID | None) -> str:
    try:
        tokens = scan(canonical, _LONGEST)
    except Refusal:
        return canonical  # a function call: its values are not in the text
    parts = (
        "?" if kind in _LITERALS else text
        for kind, text in zip(tokens.kinds, tokens.texts, strict=False)
    )
    return _LIST.sub(r"\1 )", " ".join(parts))


def digest(text: str) -> str:
    """Give what stands for a text that is not to be kept."""
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
