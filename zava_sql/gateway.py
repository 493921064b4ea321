"""The connections on which the text of agents runs, and how they are shared.

A connection keeps the statements of one principal at a time: they are gone before the next one
begins, whose sight of them, and whose plans made of them, would else be a leak. So a principal is
lent the connection that it had before, where that is free. asyncpg's own pool lends whichever came
back last, and tenants that ask in turn would end each other's statements at every call.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from zava_sql.inflow import Inflow
from zava_sql.result import Column
from zava_sql.text_types import read_arrays

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from uuid import UUID

    from asyncpg.prepared_stmt import PreparedStatement

__all__ = ["KEPT_STATEMENTS", "GatewayConnection", "GatewayPool", "TransactionConnection"]

logger = logging.getLogger(__name__)

# Statements that a gateway connection keeps, and the longest text of one.
KEPT_STATEMENTS = 64
_KEPT_LENGTH = 4_096

# Transactions end in ROLLBACK, never COMMIT: it undoes role, settings, LISTEN and cursors. Session
# advisory locks are what it leaves; they go before anybody else comes, or when nobody does.
_UNLOCK = "SELECT pg_catalog.pg_advisory_unlock_all()"

# Statements inside functions keep plans of their own, for as long as the session lasts. What a
# function answered that is IMMUTABLE by mistake stands in them as a constant: one tenant's rows.
_FORGET = "DISCARD PLANS"

# Seconds for which a transaction waits for the next one.
_LEFT_OPEN = 0.005

# Transactions after which a connection is replaced: a backend's caches only grow.
_MOST_USES = 50_000


class GatewayConnection(asyncpg.Connection):
    """Runs the texts of one principal after the other and keeps those that come again, by name."""

    _server_caps: Any
    _protocol: Any
    _transport: Any
    _stmt_cache: Any
    _stmts_to_close: set[Any]
    _prepare: Callable[..., Awaitable[PreparedStatement[asyncpg.Record]]]
    _loop: asyncio.AbstractEventLoop

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - asyncpg's own
        super().__init__(*args, **kwargs)
        # asyncpg would look types up with set_config(), which tenants lack, to switch JIT off.
        self._server_caps = self._server_caps._replace(jit=False)
        self.inflow = Inflow(self._protocol, self._transport)
        # Numbers of types beyond those that every database has (`text_types`).
        self.read_as_text: set[int] = set()
        self._holder: UUID | None = None
        # Transactions that it was begun for.
        self.uses = 0
        # The last one did well, and waits for the next to end it: that saves a trip.
        self.is_left_open = False
        self._seen: set[str] = set()
        # Of the kept statements, by their names, each of which is given once.
        self._columns: dict[str, tuple[Column, ...]] = {}

    async def _introspect_types(self, *args: Any) -> Any:  # noqa: ANN401 - asyncpg's own
        """Look up types that are met for the first time, such as an extension of today's."""
        found = await super()._introspect_types(*args)  # type: ignore[misc]
        await read_arrays(self)
        return found

    async def begin(self, holder: UUID, begin: str, settings: str) -> None:
        """Start a transaction: what the last one left is ended, and what another principal left.

        `begin` starts it where none is yet, `settings` are the statements that set it up.
        """
        # In this order: only who is no tenant any more may unlock, and READ COMMITTED comes first.
        if self.is_left_open:
            begin = f"ROLLBACK; {begin}"
        if holder != self._holder:
            self.forget()
            # What DEALLOCATE ALL ends need not be closed by name.
            self._stmt_cache.clear()
            self._stmts_to_close.clear()
            begin = f"{begin} DEALLOCATE ALL; {_FORGET}; {_UNLOCK};"
        self.uses += 1
        self.is_left_open = False
        await self.execute(f"{begin} {settings}")
        self._holder = holder

    async def end(self) -> None:
        """End the transaction, and the advisory locks that outlive it."""
        self.is_left_open = False
        await self.execute(f"ROLLBACK; {_UNLOCK}")

    def serves(self, holder: UUID | None) -> bool:
        """Say whether this principal's statements are kept here."""
        return self._holder is not None and self._holder == holder

    def _cancel_current_command(self, sent: asyncio.Future[None], _: object = None) -> None:
        """Leave it to `stopping` to have a query stopped: asyncpg would cut what does not stop."""
        sent.set_result(None)

    def forget(self) -> None:
        """Have the next transaction end all statements, whoever begins it."""
        self._holder = None
        self._seen.clear()
        self._columns.clear()

    async def statement(self, text: str) -> PreparedStatement[asyncpg.Record]:
        """Prepare a text: without a name at first, to be kept when it comes again."""
        if text in self._seen:
            return await self._prepare(text, use_cache=True)
        if len(text) <= _KEPT_LENGTH:
            if len(self._seen) == KEPT_STATEMENTS:
                self._seen.clear()
            self._seen.add(text)
        return await self._prepare(text, name="")

    def columns(self, statement: PreparedStatement[asyncpg.Record]) -> tuple[Column, ...]:
        """Give the columns of what a statement answers."""
        name = statement.get_name()
        columns = self._columns.get(name)
        if columns is None:
            columns = tuple(
                Column(attribute.name, attribute.type.name)
                for attribute in statement.get_attributes()
            )
            if len(self._columns) == KEPT_STATEMENTS:
                self._columns.clear()
            if name:
                self._columns[name] = columns
        return columns


class TransactionConnection(GatewayConnection):
    """The same behind a pooler, where the next transaction may be on another backend."""

    async def begin(self, holder: UUID, begin: str, settings: str) -> None:  # noqa: ARG002
        """Set a transaction up; no statement is kept, and no plan."""
        self.uses += 1
        await self.execute(f"{begin} {_FORGET}; {settings}")

    def serves(self, holder: UUID | None) -> bool:  # noqa: ARG002 - alike for everybody
        """Say that who comes next may have it, whoever had it."""
        return True

    async def statement(self, text: str) -> PreparedStatement[asyncpg.Record]:
        """Prepare a text without a name: the server forgets it with the next one."""
        return await self._prepare(text, name="")


class GatewayPool:
    """Lends at most `largest` connections, for which callers wait; `connect` makes one.

    One that was idle for `lifetime` seconds is closed, and one that served long enough.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[GatewayConnection]],
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
        # Whoever holds a slot finds an idle connection, or may make one.
        self._slots = asyncio.Semaphore(largest)
        # With the time at which each came back; the one that came back last is at the end.
        self._idle: deque[tuple[GatewayConnection, float]] = deque()
        self._open: set[GatewayConnection] = set()
        self._expired: set[GatewayConnection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._making: set[asyncio.Task[GatewayConnection]] = set()
        self._look: asyncio.TimerHandle | None = None
        self._closing = False

    async def start(self) -> None:
        """Make the first connections."""
        for _ in range(self._smallest):
            self._put(await self._make())

    async def acquire(self, holder: UUID | None = None) -> GatewayConnection:
        """Take a connection: the one this principal had, else one that was idle for longest.

        Raises:
            TimeoutError: none came free, or was made, within `patience` seconds.
        """
        if self._closing:
            raise asyncpg.InterfaceError("the pool is closed")
        if not self._slots.locked() and (connection := self._take(holder)):
            await self._slots.acquire()  # which does not wait
            return connection
        async with asyncio.timeout(self._patience):
            return await self._acquire(holder)

    async def _acquire(self, holder: UUID | None) -> GatewayConnection:
        await self._slots.acquire()
        if connection := self._take(holder):
            return connection
        # To its end, whoever gives up, with its slot: asyncpg leaves the error of one that is cut
        # off to nobody, and who hangs up again and again makes no more than there may be.
        making = asyncio.get_running_loop().create_task(self._make())
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(self._made_for_nobody)
            raise
        except BaseException:
            self._slots.release()
            raise

    def _made_for_nobody(self, making: asyncio.Task[GatewayConnection]) -> None:
        if making.cancelled() or making.exception():
            self._slots.release()
        else:
            self.release(making.result())

    def release(self, connection: GatewayConnection) -> None:
        """Take a connection back; one that is closed or due is replaced when it is needed."""
        self._put(connection)
        self._slots.release()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[GatewayConnection]:
        """Lend a connection to who is no principal."""
        connection = await self.acquire()
        try:
            if connection.is_left_open:
                await connection.end()
            yield connection
        except BaseException:
            connection.terminate()
            raise
        finally:
            self.release(connection)

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

    async def _make(self) -> GatewayConnection:
        connection = await self._connect()
        self._open.add(connection)
        return connection

    def _take(self, holder: UUID | None) -> GatewayConnection | None:
        for place in [entry for entry in self._idle if entry[0].is_closed()]:
            self._idle.remove(place)
            self._drop(place[0])
        if not self._idle:
            return None
        own = (entry for entry in reversed(self._idle) if entry[0].serves(holder))
        entry = next(own, self._idle[0])
        self._idle.remove(entry)
        return entry[0]

    def _put(self, connection: GatewayConnection) -> None:
        due = self._closing or connection in self._expired or connection.uses >= _MOST_USES
        if due or connection.is_closed():
            self._drop(connection)
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

    async def _end(self, connection: GatewayConnection) -> None:
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
        while self._idle:
            left = self._idle[0][1] + self._lifetime - time.monotonic()
            if left > 0:
                loop = asyncio.get_running_loop()
                self._sweep = loop.call_later(left, self._drop_idle)
                return
            self._drop(self._idle.popleft()[0])

    def _drop(self, connection: GatewayConnection) -> None:
        self._open.discard(connection)
        self._expired.discard(connection)
        connection.terminate()
