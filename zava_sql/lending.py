"""Connections that are lent, to one caller at a time.

A principal is lent the connection that it had before, where that is free: its statements are kept
there. asyncpg's own pool lends whichever came back last, and tenants that ask in turn would end
each other's statements at every call. It also takes a task, two timers and four turns of the event
loop to lend a connection that is free.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from uuid import UUID

__all__ = ["LentConnection", "Pool"]

logger = logging.getLogger(__name__)

# Seconds for which a transaction waits for the next one.
_LEFT_OPEN = 0.005

# Loans, and seconds in all, after which a connection is replaced: a backend's caches only grow. One
# query that names 50,000 time zones leaves a gigabyte behind.
_MOST_USES = 50_000
_MOST_SECONDS = 2.0

# Seconds until the next attempt to open more connections than the database allowed.
_FULL = 0.5


class LentConnection(asyncpg.Connection):
    """A connection as its pool knows it; it holds nothing of a former user."""

    # Loans so far, start of the current one, seconds lent in all, and when it was last of use.
    uses = 0
    lent_at = 0.0
    seconds = 0.0
    used_at = 0.0
    # The last transaction succeeded, and waits for the next to end it: that saves a round trip.
    is_left_open = False

    async def end(self) -> None:
        """End what is left open."""

    def serves(self, holder: UUID | None) -> bool:  # noqa: ARG002 - alike for everybody
        """Say whether it is to be lent to this principal before others are."""
        return True


C = TypeVar("C", bound=LentConnection)


class Pool(Generic[C]):
    """Lends at most `largest` connections, for which callers wait; `connect` makes one.

    One that was idle for `lifetime` seconds is closed, but for the `smallest` number that is kept,
    and one that served long enough.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[C]],
        *,
        smallest: int,
        largest: int,
        lifetime: float,
        patience: float,
    ) -> None:
        self._connect = connect
        self._smallest = smallest
        self._largest = largest
        self._lifetime = lifetime
        self._patience = patience
        # The holder of a slot finds an idle connection, or may open one.
        self._slots = asyncio.Semaphore(largest)
        # With the time at which each came back; the one that came back last is at the end.
        self._idle: deque[tuple[C, float]] = deque()
        self._open: set[C] = set()
        self._expired: set[C] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._making: set[asyncio.Task[C]] = set()
        # The holder of a slot who gets no connection of its own waits for one that comes back, or
        # for room for another.
        self._waiting: deque[asyncio.Future[C | None]] = deque()
        self._full_until = 0.0
        self._look: asyncio.TimerHandle | None = None
        self._closing = False

    @property
    def is_full(self) -> bool:
        """Say whether the database allowed no more, when it was last asked."""
        return time.monotonic() < self._full_until + _FULL

    async def start(self) -> None:
        """Make the first connections."""
        for _ in range(self._smallest):
            self._put(await self._make())

    async def acquire(self, holder: UUID | None = None) -> C:
        """Take a connection: the one this principal had, else one that was idle for longest.

        Raises:
            TimeoutError: none came free, or was made, within `patience` seconds.
        """
        if self._closing:
            raise asyncpg.InterfaceError("the pool is closed")
        if not self._slots.locked() and (connection := self._take(holder)):
            await self._slots.acquire()  # which does not wait
        else:
            async with asyncio.timeout(self._patience):
                connection = await self._acquire(holder)
        connection.lent_at = time.monotonic()
        return connection

    async def _acquire(self, holder: UUID | None) -> C:
        await self._slots.acquire()
        while not (connection := self._take(holder)):
            # Fewer than the pool has room for, where the login or the server has a limit.
            is_full = self._open and time.monotonic() < self._full_until
            if connection := await (self._returned() if is_full else self._made()):
                break
        return connection

    async def _made(self) -> C | None:
        """Make one; None where the database takes no more and there are others to wait for."""
        # Run to its end even if the caller gives up, with its slot: asyncpg abandons the error of a
        # connect that is cut off, and a caller who keeps hanging up must not exceed the limit.
        making = asyncio.get_running_loop().create_task(self._make())
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(self._made_for_nobody)
            raise
        except BaseException as error:
            if isinstance(error, asyncpg.TooManyConnectionsError) and self._open:
                return None
            self._slots.release()
            raise

    async def _returned(self) -> C | None:
        """Wait for one that comes back; None where it is time to see about another."""
        place: asyncio.Future[C | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await asyncio.wait([place], timeout=_FULL)
        except BaseException:
            if place.done() and (connection := place.result()):
                self._put(connection)
            self._slots.release()
            raise
        finally:
            if not place.done():
                self._waiting.remove(place)
        return place.result() if place.done() else None

    def _made_for_nobody(self, making: asyncio.Task[C]) -> None:
        if making.cancelled() or making.exception():
            self._slots.release()
        else:
            self.release(making.result())

    def release(self, connection: C) -> None:
        """Take a connection back; one that is closed or due is replaced when it is needed."""
        connection.uses += 1
        connection.used_at = time.monotonic()
        connection.seconds += connection.used_at - connection.lent_at
        self._put(connection)
        self._slots.release()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[C]:
        """Lend a connection to who is no principal.

        Where there are principals that is no use: each in turn is looked at every few seconds.
        """
        connection = await self.acquire()
        used_at = connection.used_at
        try:
            if connection.is_left_open:
                await connection.end()
            yield connection
        except asyncpg.PostgresError:
            raise  # said in good order
        except BaseException:
            connection.terminate()
            raise
        finally:
            self.release(connection)
            if not connection.serves(None):
                connection.used_at = used_at

    async def expire_connections(self) -> None:
        """Have all present connections replaced."""
        for connection, _ in self._idle:
            self._drop(connection)
        self._idle.clear()
        self._expired.update(self._open)

    async def close(self) -> None:
        """Wait until all connections are back, and close them."""
        self._closing = True
        for _ in range(self._largest):
            await self._slots.acquire()
        while self._idle:
            await self._idle.popleft()[0].close()
        self.terminate()

    def terminate(self) -> None:
        """Cut all connections."""
        self._closing = True
        for timer in (self._sweep, self._look):
            if timer is not None:
                timer.cancel()
        for making in self._making:
            making.cancel()
        self._idle.clear()
        for connection in list(self._open):
            self._drop(connection)

    def get_size(self) -> int:
        """Count the connections."""
        return sum(not connection.is_closed() for connection in self._open)

    def get_idle_size(self) -> int:
        """Count those that nobody has."""
        return sum(not connection.is_closed() for connection, _ in self._idle)

    def get_max_size(self) -> int:
        """Say how many there may be."""
        return self._largest

    async def _make(self) -> C:
        try:
            connection = await self._connect()
        except asyncpg.TooManyConnectionsError:
            self._full_until = time.monotonic() + _FULL
            raise
        self._full_until = 0.0
        connection.lent_at = connection.used_at = time.monotonic()
        self._open.add(connection)
        return connection

    def _take(self, holder: UUID | None) -> C | None:
        for place in [entry for entry in self._idle if entry[0].is_closed()]:
            self._idle.remove(place)
            self._drop(place[0])
        if not self._idle:
            return None
        own = (entry for entry in reversed(self._idle) if entry[0].serves(holder))
        entry = next(own, self._idle[0])
        self._idle.remove(entry)
        return entry[0]

    def _put(self, connection: C) -> None:
        served = connection.uses >= _MOST_USES or connection.seconds >= _MOST_SECONDS
        due = served or self._closing or connection in self._expired
        if due or connection.is_closed():
            self._drop(connection)
            if self._waiting:
                self._full_until = time.monotonic()
                self._waiting.popleft().set_result(None)
            return
        if self._waiting:
            self._waiting.popleft().set_result(connection)
            return
        self._idle.append((connection, time.monotonic()))
        loop = asyncio.get_running_loop()
        if self._sweep is None:
            self._sweep = loop.call_later(self._lifetime, self._drop_idle)
        if connection.is_left_open and self._look is None:
            self._look = loop.call_later(_LEFT_OPEN, self._end_left)

    def _end_left(self) -> None:
        """End the transactions that waited for too long; look again while any waits."""
        self._look = None
        loop, due = asyncio.get_running_loop(), time.monotonic() - _LEFT_OPEN
        for connection, since in self._idle:
            if not connection.is_left_open:
                continue
            if since > due:
                self._look = self._look or loop.call_later(_LEFT_OPEN, self._end_left)
                continue
            task = loop.create_task(self._end(connection))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end(self, connection: C) -> None:
        async with self._slots:
            entry = next((entry for entry in self._idle if entry[0] is connection), None)
            if entry is None or not connection.is_left_open:
                return
            self._idle.remove(entry)
            try:
                await connection.end()
            except Exception:
                # Whatever was wrong with it, it is nobody's, and the next one is made anew.
                logger.warning("an idle connection was lost", exc_info=True)
                connection.terminate()
            self._put(connection)

    def _drop_idle(self) -> None:
        """Drop what was idle for too long; look again when the next one may be."""
        self._sweep = None
        due = time.monotonic() - self._lifetime
        for entry in sorted(self._idle, key=lambda entry: entry[0].used_at):
            if entry[0].used_at <= due and len(self._open) > self._smallest:
                self._idle.remove(entry)
                self._drop(entry[0])
        if self._idle:
            later = (one.used_at - due for one, _ in self._idle if one.used_at > due)
            wait = min(later, default=self._lifetime)
            self._sweep = asyncio.get_running_loop().call_later(wait, self._drop_idle)

    def _drop(self, connection: C) -> None:
        self._open.discard(connection)
        self._expired.discard(connection)
        connection.terminate()
