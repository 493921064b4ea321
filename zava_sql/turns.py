"""A fair share of scarce things, such as connections: tenants take turns.

However many calls one tenant sends, the others find a slot.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from zava_sql.errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Turns", "last_until"]

# Calls of one tenant that wait for a connection; more are told so at once.
_MAX_WAITING: Final = 100


@dataclass(slots=True)
class _Turn:
    """A turn; it lasts until what was begun in it has ended."""

    running: asyncio.Task[Any] | None = None


# The turn in which this task is.
_current: ContextVar[_Turn | None] = ContextVar("current", default=None)


def last_until(running: asyncio.Task[Any]) -> None:
    """Make the caller's turn, if there is one, last until this has ended."""
    if turn := _current.get():
        turn.running = running


class Turns:
    """Shares slots among tenants: who has fewest calls running, then the oldest turn, is next.

    A tenant never runs more than its limit.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._running: Counter[str] = Counter()
        self._last: Counter[str] = Counter()
        self._turns = 0
        self._waiting: dict[str, deque[tuple[asyncio.Future[None], int]]] = {}

    @asynccontextmanager
    async def turn(self, tenant: str, limit: int, seconds: float) -> AsyncIterator[None]:
        """Hold a slot, after waiting for it at most so many seconds.

        A caller who gives up does not wait for the end of what runs on, such as a query; the slot
        does.

        Raises: LimitExceeded: none came free in time, or too many calls of this tenant wait.
        """
        if self._free and self._running[tenant] < limit and tenant not in self._waiting:
            self._begin(tenant)
        else:
            await self._wait(tenant, limit, seconds)
        turn = _Turn()
        token = _current.set(turn)
        try:
            yield
        finally:
            _current.reset(token)
            if turn.running is None or turn.running.done():
                self._end(tenant)
            else:
                turn.running.add_done_callback(lambda _: self._end(tenant))

    async def _wait(self, tenant: str, limit: int, seconds: float) -> None:
        queue = self._waiting.setdefault(tenant, deque())
        if len(queue) >= _MAX_WAITING:
            raise _too_many(limit)
        place = asyncio.get_running_loop().create_future(), limit
        queue.append(place)
        try:
            async with asyncio.timeout(seconds):
                await place[0]
        except BaseException as error:
            if not place[0].cancelled():
                self._end(tenant)  # the slot came, and nobody is there to use it
            elif place in queue:
                queue.remove(place)
                if not queue:
                    self._waiting.pop(tenant, None)
            if not isinstance(error, TimeoutError):
                raise
            if self._running[tenant] >= limit:
                raise _too_many(limit) from None
            raise LimitExceeded(
                "all database connections are busy",
                hint="Try again in a moment, or raise ZAVA_POOL_MAX.",
            ) from None

    def _begin(self, tenant: str) -> None:
        self._free -= 1
        self._running[tenant] += 1
        self._turns += 1
        self._last[tenant] = self._turns

    def _end(self, tenant: str) -> None:
        self._free += 1
        self._running[tenant] -= 1
        if not self._running[tenant]:
            del self._running[tenant]
        while self._free and (following := self._next()):
            queue = self._waiting[following]
            place, _ = queue.popleft()
            if not queue:
                del self._waiting[following]
            if not place.cancelled():
                self._begin(following)
                place.set_result(None)

    def _next(self) -> str | None:
        able = (name for name, queue in self._waiting.items() if self._running[name] < queue[0][1])
        return min(able, key=lambda name: (self._running[name], self._last[name]), default=None)


def _too_many(limit: int) -> LimitExceeded:
    return LimitExceeded(
        f"{limit} queries of this tenant run already, and more wait",
        hint="Ask one question at a time, or join several into one query.",
    )
