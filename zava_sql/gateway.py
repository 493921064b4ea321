"""The connections on which the text of agents runs.

A connection keeps the statements of one principal at a time. They are gone before the next one
begins: seeing them, or plans made from them, would be a leak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zava_sql.inflow import Inflow
from zava_sql.lending import LentConnection
from zava_sql.result import Column
from zava_sql.text_types import read_arrays, read_rows

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    import asyncpg
    from asyncpg.prepared_stmt import PreparedStatement

__all__ = ["KEPT_STATEMENTS", "GatewayConnection", "TransactionConnection"]

# Statements that a gateway connection keeps, and the longest text of one.
KEPT_STATEMENTS = 64
_KEPT_LENGTH = 4_096

# Transactions end in ROLLBACK, never COMMIT: it undoes role, settings, LISTEN and cursors. Only
# session advisory locks remain; they are released before anybody else comes, or when nobody does.
_UNLOCK = "SELECT pg_catalog.pg_advisory_unlock_all()"

# Statements inside functions keep plans of their own for as long as the session lasts. The result
# of a function that is wrongly IMMUTABLE stands in them as a constant: one tenant's rows.
_FORGET = "DISCARD PLANS"


class GatewayConnection(LentConnection):
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
        self._seen: set[str] = set()
        # Of the kept statements, by their names, each of which is given once.
        self._columns: dict[str, tuple[Column, ...]] = {}

    async def _introspect_types(self, *args: Any) -> Any:  # noqa: ANN401 - asyncpg's own
        """Look up types that are met for the first time, such as an extension of today's."""
        found, statement = await super()._introspect_types(*args)  # type: ignore[misc]
        await read_arrays(self)
        return read_rows(self, found), statement

    async def begin(self, holder: UUID, begin: str, settings: str) -> None:
        """Start a transaction: end the last one, and drop what another principal left.

        `begin` starts it where none is yet, `settings` are the statements that set it up.
        """
        # In this order: only a session that has left the tenant's role may unlock, and READ
        # COMMITTED comes first.
        if self.is_left_open:
            begin = f"ROLLBACK; {begin}"
        if holder != self._holder:
            self.forget()
            # What DEALLOCATE ALL ends need not be closed by name.
            self._stmt_cache.clear()
            self._stmts_to_close.clear()
            begin = f"{begin} DEALLOCATE ALL; {_FORGET}; {_UNLOCK};"
        self.is_left_open = False
        await self.execute(f"{begin} {settings}")
        self._holder = holder

    async def end(self) -> None:
        """End the transaction, and the advisory locks that outlive it."""
        self.is_left_open = False
        await self.execute(f"ROLLBACK; {_UNLOCK}")

    @property
    def is_of_replica(self) -> bool:
        """Say whether what is read here may be behind; PostgreSQL tells of a promotion."""
        return getattr(self.get_settings(), "in_hot_standby", "off") == "on"

    def serves(self, holder: UUID | None) -> bool:
        """Say whether this principal's statements are kept here."""
        return self._holder is not None and self._holder == holder

    def _cancel_current_command(self, sent: asyncio.Future[None], _: object = None) -> None:
        """Leave stopping a query to `stopping`: asyncpg would cut what does not stop."""
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
        await self.execute(f"{begin} {_FORGET}; {settings}")

    def serves(self, holder: UUID | None) -> bool:  # noqa: ARG002 - alike for everybody
        """Say that who comes next may have it, whoever had it."""
        return True

    async def statement(self, text: str) -> PreparedStatement[asyncpg.Record]:
        """Prepare a text without a name: the server forgets it with the next one."""
        return await self._prepare(text, name="")
