"""When to try again, and when to stop trying. Only reads go this way: running twice does no harm.

What a lost connection or a conflict ended is retried, after a random wait that grows, and within
the caller's time. What was cancelled, ran into a limit or was refused is not. While the database is
away calls are refused at once, except one now and then that finds out.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING, Final, TypeVar

import asyncpg

from zava_sql.context import TIME_OVER
from zava_sql.errors import ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Breaker", "is_elsewhere", "is_lost", "is_retryable", "retrying"]

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Conflicts, a server that has no connection free at the moment, and a clock that is followed.
_CONFLICTS: Final = frozenset({"40001", "40P01", "53300", TIME_OVER})
# What a query meets where a function, type or relation of its plan was replaced meanwhile, as
# revisions do: an internal error, whose text PostgreSQL never translates.
_INTERNAL: Final = "XX000"
_REPLACED: Final = ("cache lookup failed for ", "could not open relation with OID ")
# Class 08 is added to these: shut down by an administrator, crashed, or about to start or stop.
_LOSSES: Final = frozenset({"57P01", "57P02", "57P03"})

# The last: it is consuming an error that came while nothing was asked, which ends a connection.
_GONE: Final = ("not connected", 'the "failed" state', "operation (2) is in progress")

_FIRST: Final = 0.1
_LONGEST: Final = 2.0

# Seconds for which a breaker refuses calls at first, doubled each time the database is still away:
# many restarts take less than a second.
_SOON: Final = 0.25


def is_lost(error: BaseException) -> bool:
    """Say whether this means that there is no database at the other end."""
    if isinstance(error, TimeoutError):
        return False  # a statement that takes long; a connection that does is told as unavailable
    error = _origin(error)
    if isinstance(error, asyncpg.PostgresError):
        return _tells_of_loss(error) and not is_elsewhere(error)
    if isinstance(error, asyncpg.InterfaceError):
        # asyncpg has no class of its own for this; its other misuses are errors of ours.
        return "closed" in str(error)
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return True  # of several hosts none is the primary, as while another one becomes it
    if isinstance(error, asyncpg.InternalClientError):
        # Its error if it has not noticed yet that the connection is gone.
        return any(sign in str(error) for sign in _GONE)
    return isinstance(error, OSError)


def is_elsewhere(error: BaseException) -> bool:
    """Say whether the database reports a loss and goes on: of a server that it reads itself."""
    return (
        isinstance(error, asyncpg.PostgresError)
        and _tells_of_loss(error)
        # Of its own end it tells as FATAL; what the driver says of itself has no severity.
        and error.severity_en == "ERROR"
    )


def _tells_of_loss(error: asyncpg.PostgresError) -> bool:
    sqlstate = error.sqlstate or ""
    return sqlstate in _LOSSES or sqlstate.startswith("08")


def is_retryable(error: BaseException) -> bool:
    """Say whether the same read may well succeed in a moment."""
    error = _origin(error)
    if isinstance(error, TimeoutError):
        return False  # the time is used up
    if isinstance(error, asyncpg.PostgresError):
        replaced = error.sqlstate == _INTERNAL and str(error).startswith(_REPLACED)
        if replaced or error.sqlstate in _CONFLICTS or is_elsewhere(error):
            return True
    return is_lost(error)


def _origin(error: BaseException) -> BaseException:
    cause = error.__cause__
    return cause if isinstance(error, ServiceUnavailable) and cause is not None else error


def _during_statement(error: BaseException) -> bool:
    """Say whether it may be the statement itself that ended the server."""
    return isinstance(
        _origin(error),
        asyncpg.AdminShutdownError | asyncpg.CrashShutdownError | asyncpg.PostgresConnectionError,
    )


class Breaker:
    """Lets calls through to one database until it is away; then one at a time, to find out."""

    def __init__(self, name: str, *, failures: int, seconds: float) -> None:
        self.name = name
        self._allowed = failures
        self._seconds = seconds
        self._failures = 0
        self._until = 0.0
        self._wait = _SOON
        self._probing = False
        self._retries = 0

    @property
    def state(self) -> str:
        """Say closed, open, or half-open while a call finds out."""
        if self._failures < self._allowed:
            return "closed"
        return "half-open" if self._probing else "open"

    def take_retries(self) -> int:
        """Give the number of retries since this was last called."""
        taken, self._retries = self._retries, 0
        return taken

    def admit(self) -> None:
        """Let a call through, or not.

        Raises:
            ServiceUnavailable: the database is away, and it is not yet time to look again.
        """
        if self.state == "closed":
            return
        wait = self._until - time.monotonic()
        if self._probing or wait > 0:
            raise ServiceUnavailable(
                "the database is away, and no further calls are sent to it",
                hint=f"Try again in {max(1, round(wait))} seconds.",
            )
        self._probing = True

    def heard(self) -> None:
        """Note that the database answered, be it with an error."""
        if self.state != "closed":
            logger.warning("the database of the %s is back", self.name)
        self._failures = 0
        self._wait = _SOON
        self._probing = False

    def missed(self) -> None:
        """Note that there was nobody to answer."""
        self._failures += 1
        if self._probing:
            self._wait *= 2
        self._probing = False
        if self._failures >= self._allowed:
            self._wait = min(self._wait, self._seconds)
            self._until = time.monotonic() + self._wait
        if self._failures == self._allowed:
            logger.error("the database of the %s is away: calls are refused", self.name)

    def left(self) -> None:
        """Note that a call ended without a sign either way, such as one that was cancelled."""
        self._probing = False

    def again(self) -> None:
        """Note that a call is tried again."""
        self._retries += 1


async def retrying(
    work: Callable[[], Awaitable[T]],
    breaker: Breaker,
    *,
    attempts: int,
    seconds: float,
    lost: Callable[[], Awaitable[None]],
) -> T:
    """Do `work`, which only reads, until it succeeds or there is no point in another attempt.

    `lost` is called when a connection turned out to be dead. A statement that was running when the
    database went away is tried once more at most: it may be what brought it down.

    Raises:
        ServiceUnavailable: the breaker is open.
    """
    deadline = time.monotonic() + seconds
    attempt = 1
    while True:
        breaker.admit()
        try:
            if attempt == 1:
                result = await work()
            else:
                async with asyncio.timeout_at(_loop_time(deadline)):
                    result = await work()
        except Exception as error:
            gone = is_lost(error)
            if gone:
                breaker.missed()
                await lost()
            elif isinstance(error, asyncpg.PostgresError):
                breaker.heard()
            else:
                breaker.left()
            most = min(attempts, 2) if _during_statement(error) else attempts
            # Full jitter: those that failed together do not come back together.
            wait = random.uniform(0, min(_LONGEST, _FIRST * 2**attempt))  # noqa: S311 - no secret
            in_time = time.monotonic() + wait < deadline
            if (
                attempt >= most
                or breaker.state != "closed"
                or not (in_time and is_retryable(error))
            ):
                raise
        except BaseException:
            breaker.left()
            raise
        else:
            breaker.heard()
            return result
        attempt += 1
        breaker.again()
        await asyncio.sleep(wait)


def _loop_time(deadline: float) -> float:
    return asyncio.get_running_loop().time() + deadline - time.monotonic()
