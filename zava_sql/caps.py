"""How much one tenant may take: caps by role, the cost of a plan, and a fair share of connections.

An administrator owns the caps of a role, by `ALTER ROLE … SET zava.max_rows = '500'`; they only
tighten what the settings of the server allow.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter, deque
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from zava_sql.errors import LimitExceeded
from zava_sql.tenant import tenant_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    import asyncpg

    from zava_sql.database import Database
    from zava_sql.settings import Settings
    from zava_sql.tenant import Principal

__all__ = ["Caps", "Turns", "check_cost", "last_until"]

# What a role may have a tighter cap for.
_NAMES: Final = frozenset(
    {
        "max_rows",
        "max_rows_limit",
        "max_bytes",
        "max_cell",
        "max_cost",
        "max_concurrent",
        "statement_timeout",
    }
)

# Calls of one tenant that wait for a connection; more are told so at once.
_MAX_WAITING: Final = 100

logger = logging.getLogger(__name__)


class Caps:
    """The settings as they are for each role."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rows: list[tuple[str, str, str]] = []
        self._by_role: dict[str, Settings] = {}

    def of(self, role: str) -> Settings:
        """Give the settings with the caps of this role in them."""
        return self._by_role.get(role, self._settings)

    def update(self, rows: Iterable[asyncpg.Record]) -> None:
        """Take over what `zava.role_caps()` says; a cap that makes no sense is told and left."""
        found = [(row["role_name"], row["cap"], row["value"]) for row in rows]
        if found == self._rows:
            return
        self._rows = found
        by_role: dict[str, dict[str, object]] = {}
        for role, name, value in found:
            tightened = self._tightened(name, value)
            if tightened is None:
                logger.warning("role %s: zava.%s is no cap, or not a valid one", role, name)
            else:
                by_role.setdefault(role, {})[name] = tightened
        self._by_role = {
            role: self._settings.model_copy(update=caps) for role, caps in by_role.items()
        }

    def _tightened(self, name: str, value: str) -> float | None:
        if name not in _NAMES:
            return None
        try:
            checked = type(self._settings)(**{**self._settings.model_dump(), name: value})
        except ValidationError:
            return None
        asked: float | None = getattr(checked, name)
        allowed: float | None = getattr(self._settings, name)
        return asked if asked is None or allowed is None else min(asked, allowed)


@dataclass(slots=True)
class _Turn:
    """A turn; it lasts until a connection that was used in it is back."""

    returning: asyncio.Task[None] | None = None


# The turn in which this task is.
_current: ContextVar[_Turn | None] = ContextVar("current", default=None)


def last_until(returning: asyncio.Task[None]) -> None:
    """Have the turn of who calls, if there is one, last until a connection is back."""
    if turn := _current.get():
        turn.returning = returning


class Turns:
    """Shares slots among tenants: who has fewest calls running, then the oldest turn, is next.

    A tenant never runs more than its limit, so that however many calls one sends, the others find
    a slot.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._running: Counter[str] = Counter()
        self._last: Counter[str] = Counter()
        self._turns = 0
        self._waiting: dict[str, deque[tuple[asyncio.Future[None], int]]] = {}

    @asynccontextmanager
    async def turn(self, tenant: str, limit: int, seconds: float) -> AsyncIterator[None]:
        """Hold a slot, for which this waits so many seconds at most.

        Whoever gives up does not wait for the end of a query that runs on: the slot does.

        Raises:
            LimitExceeded: none came free in time, or too many calls of this tenant wait.
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
            if turn.returning is None or turn.returning.done():
                self._end(tenant)
            else:
                turn.returning.add_done_callback(lambda _: self._end(tenant))

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
            if place[0].done() and not place[0].cancelled():
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


async def check_cost(
    database: Database,
    principal: Principal,
    text: str,
    values: Sequence[object],
    allowed: float | None,
) -> None:
    """Have the plan of a query estimated for its principal, where that is wanted.

    Raises:
        LimitExceeded: it would cost more than is allowed.
    """
    if allowed is None:
        return
    async with tenant_session(database, principal) as connection:
        # An empty name: the server forgets the statement with the next one.
        statement = await connection.prepare(f"explain (format json) {text}", name="")
        plan = await statement.fetchval(*values)
    if json.loads(plan)[0]["Plan"]["Total Cost"] > allowed:
        # Without the estimate: it comes from statistics over the rows of all tenants.
        raise LimitExceeded(
            "the plan of this query is estimated to cost more than is allowed",
            hint="Filter by store and date, join fewer tables, or ask for one period at a time.",
        )


def _too_many(limit: int) -> LimitExceeded:
    return LimitExceeded(
        f"{limit} queries of this tenant run already, and more wait",
        hint="Ask one question at a time, or join several into one query.",
    )
