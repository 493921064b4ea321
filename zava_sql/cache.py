"""Answers cached for a while, for the principal who got them and nobody else. Off unless set.

An answer is stored under the version of its principal's access (`zava.access_version()`), which is
asked for again with every call. Whatever was disabled, regranted, edited or retired since changes
the version, and no old answer is under the new one. So isolation does not depend on notifications.
Changes of data are announced by `notify zava_data`; while nobody listens, nothing is stored or
given.
"""

from __future__ import annotations

import asyncio
import copy
import hmac
import json
import logging
import re
from collections import OrderedDict
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from zava_sql.changes import listen
from zava_sql.errors import ConfigurationError, ServiceUnavailable, ZavaError
from zava_sql.tasks import ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
    from typing import Protocol

    from zava_sql.calls import Call
    from zava_sql.database import Database
    from zava_sql.result import Result

    class Store(Protocol):
        """Stores answers; each counts only with the epoch in which its query began.

        Raises: ServiceUnavailable: it is away; every method may.
        """

        async def get(self, key: str) -> tuple[int, Result | None]:
            """Give the epoch of now, and the answer if it is there."""

        async def put(self, key: str, epoch: int, result: Result) -> None:
            """Keep an answer."""

        async def clear(self) -> None:
            """Begin another epoch: nothing that is stored, or on its way, counts any more."""

        async def close(self) -> None:
            """Forget everything that this process holds."""


__all__ = ["NEVER_KEPT", "Cache", "MemoryStore", "is_kept"]

# Words of texts whose answer differs each time or each moment: the functions that PostgreSQL calls
# volatile, the clock by all its names, and the caller's own log.
NEVER_KEPT: Final = frozenset(
    {
        *("random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7"),
        *("array_shuffle", "array_sample"),
        *("now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday"),
        *("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"),
        *("age", "today", "tomorrow", "yesterday", "tablesample", "my_queries"),
    }
)
_WORD: Final = re.compile(r"\w+")

# Bytes that Python needs for a value and for a row beyond those of the value itself.
_OVERHEAD: Final = 56

logger = logging.getLogger(__name__)


def words(text: str) -> frozenset[str]:
    """Give the words of a text, in small letters."""
    return frozenset(_WORD.findall(text.casefold()))


def is_kept(sql: str, never: frozenset[str] = NEVER_KEPT) -> bool:
    """Say whether the answer to this text may be the same a moment later."""
    return never.isdisjoint(words(sql))


class MemoryStore:
    """Answers in this process, the least used leaving first when they are too many bytes."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._epoch = 0
        self._kept: OrderedDict[str, tuple[float, int, Result]] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, key: str) -> tuple[int, Result | None]:
        """Give the epoch of now, and the answer if it is there."""
        found = self._kept.get(key)
        if found is None:
            return self._epoch, None
        if found[0] <= monotonic():
            self._drop(key)
            return self._epoch, None
        self._kept.move_to_end(key)
        return self._epoch, found[2]

    async def put(self, key: str, epoch: int, result: Result) -> None:
        """Keep an answer, unless its epoch is over."""
        size = result.size + _OVERHEAD * result.row_count * (len(result.columns) + 1) + _OVERHEAD
        if epoch != self._epoch or size > self._most // 4:
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = monotonic() + self._seconds, size, result
        self.size += size
        while self.size > self._most:
            self._drop(next(iter(self._kept)))

    async def clear(self) -> None:
        """Begin another epoch."""
        self._epoch += 1
        self._kept.clear()
        self.size = 0

    async def close(self) -> None:
        """Forget everything."""
        await self.clear()

    def _drop(self, key: str) -> None:
        self.size -= self._kept.pop(key)[1]


@dataclass(slots=True)
class _Flight:
    """A query that runs for several calls."""

    task: asyncio.Task[Result]
    waiting: int = 0


@dataclass(slots=True)
class Cache:
    """The answers of one server; made by `Cache.open()`."""

    database: Database
    store: Store
    on: bool = False
    hits: int = 0
    misses: int = 0
    never_kept: frozenset[str] = NEVER_KEPT
    _told: tuple[int, int] = (0, 0)
    _told_of_replica: bool = False
    _flights: dict[str, _Flight] = field(default_factory=dict)
    # What was said before is not known.
    _is_due: bool = True

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database) -> AsyncIterator[Cache | None]:
        """Keep answers as long as this is open, if the settings say so.

        Raises:
            ConfigurationError: the settings do not fit together.
        """
        settings = database.settings
        if settings.cache_ttl is None:
            yield None
            return
        if settings.pooler:
            raise ConfigurationError(
                "ZAVA_CACHE_TTL needs notifications, which no pooler (ZAVA_POOLER) passes on",
                hint="Let ZAVA_SERVICE_URL and ZAVA_DATABASE_URL lead to PostgreSQL itself.",
            )
        store: Store
        kept = settings.cache_ttl, settings.cache_bytes
        if settings.cache_url is None:
            store = MemoryStore(*kept)
        else:
            from zava_sql.cache_redis import RedisStore  # noqa: PLC0415 - an extra

            store = RedisStore(settings.cache_url, *kept, database.context_key)
        cache = cls(database, store)
        listening = asyncio.create_task(listen(settings, cache._heard, cache._look))
        try:
            yield cache
        finally:
            await ended(listening)
            for flight in list(cache._flights.values()):
                flight.task.cancel()
            await store.close()

    @property
    def size(self) -> int:
        """Bytes that this process holds."""
        return self.store.size if isinstance(self.store, MemoryStore) else 0

    def leave_out(self, functions: Collection[str]) -> None:
        """Never store an answer to a text that names one of these: they are volatile."""
        self.never_kept = NEVER_KEPT | words(" ".join(functions))

    def take_lookups(self) -> dict[str, int]:
        """Give the hits and misses since this was last called."""
        before, self._told = self._told, (self.hits, self.misses)
        return {"hit": self.hits - before[0], "miss": self.misses - before[1]}

    async def answer(
        self,
        call: Call,
        limit: int,
        values: Sequence[object],
        fresh: Callable[[], Awaitable[Result]],
    ) -> Result:
        """Give the stored answer, the one under way for the same principal, or a fresh one.

        Raises: Whatever `fresh` does; ServiceUnavailable: access cannot be looked up.
        """
        sql = call.sql or ""
        if not self.on or not is_kept(sql, self.never_kept):
            return await fresh()
        key = await self._key(call, sql, limit, values)
        if key is None:
            return await fresh()  # row-level security knows what to show
        try:
            epoch, found = await self.store.get(key)
        except ServiceUnavailable:
            # Nor is a query shared: it may be from before what changed since.
            return await fresh()
        if found is not None and self.on:
            self.hits += 1
            call.cached = True
            return found
        self.misses += 1
        flight = self._flights.get(f"{epoch}:{key}")
        if flight is None:
            anew = partial(self._key, call, sql, limit, values)
            flight = self._begin(f"{epoch}:{key}", key, epoch, fresh, anew)
        else:
            call.cached = True
        return await self._share(f"{epoch}:{key}", flight)

    async def _key(self, call: Call, sql: str, limit: int, values: Sequence[object]) -> str | None:
        """Give an answer's key: all that decides it, hashed with a secret."""
        key = self.database.context_key
        row = await self.database.service_row(
            "select zava.access_version($1, $2) as version", call.principal.principal_id, key.kid
        )
        if row is None or row["version"] is None:
            return None
        parts = [row["version"], self.database.settings.time_zone, limit, sql, values]
        return hmac.digest(key.secret, b"answer " + json.dumps(parts).encode(), "sha256").hex()

    def _begin(
        self,
        name: str,
        key: str,
        epoch: int,
        fresh: Callable[[], Awaitable[Result]],
        anew: Callable[[], Awaitable[str | None]],
    ) -> _Flight:
        async def run() -> Result:
            result = await fresh()
            if result.of_replica:
                # What a replica has not seen yet, such as a change of access, would never be
                # noticed.
                if not self._told_of_replica:
                    logger.warning("answers of a replica are not kept")
                self._told_of_replica = True
                return result
            # A role that could do more for a while has its old version again afterwards.
            with suppress(ZavaError):
                if self.on and await anew() == key:
                    await self.store.put(key, epoch, result)
            return result

        flight = self._flights[name] = _Flight(asyncio.create_task(run()))
        flight.task.add_done_callback(lambda task: self._end(name, flight, task))
        return flight

    def _end(self, name: str, flight: _Flight, task: asyncio.Task[Result]) -> None:
        if self._flights.get(name) is flight:
            del self._flights[name]
        if not task.cancelled():
            task.exception()  # seen, even if all who waited are gone

    async def _share(self, name: str, flight: _Flight) -> Result:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        except ZavaError as error:
            # Each caller gets its own error object: positions in it are adjusted to its text.
            raise copy.copy(error) from error.__cause__
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                # Nobody waits for it any more, and nobody new may.
                self._flights.pop(name, None)
                flight.task.cancel()

    async def _look(self, is_heard: bool) -> None:  # noqa: FBT001 - as `listen` says it
        """Begin anew if anything was heard of, and give nothing while nothing can be."""
        if is_heard and self._is_due:
            self._is_due = False
            try:
                await self.store.clear()
            except ServiceUnavailable:
                self._is_due = True  # the next look tries again
            self.on = not self._is_due

    def _heard(self, _: str) -> None:
        self.on = False
        self._is_due = True
