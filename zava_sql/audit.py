"""The trail of calls: each is recorded before its answer goes out, and sent to the database.

An answered call is in a journal on disk, and from there, in batches and over a separate connection,
in `zava.audit_log`. While the database accepts none, calls are either refused, or recorded in the
journal alone and synced to the disk before the answer: ZAVA_AUDIT says which. A call that cannot be
recorded anywhere gets no answer in either case.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from zava_sql.audit_journal import Journal
from zava_sql.calls import digest, fingerprint, normalized
from zava_sql.connections import translated_connection_errors
from zava_sql.errors import ConfigurationError, DatabaseError, ServiceUnavailable, ZavaError
from zava_sql.retry import is_lost
from zava_sql.settings import required
from zava_sql.tasks import ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from uuid import UUID

    from zava_sql.calls import Call
    from zava_sql.settings import Settings

__all__ = ["Audit", "anchor_of"]

# Seconds: to gather a batch; between attempts; for the last attempt.
_GATHER: Final = 0.05
_PAUSE: Final = (0.25, 5.0)
_FAREWELL: Final = 5.0

# Characters of one text of a record: the guard lets no longer one through.
_LONGEST: Final = 20_000

logger = logging.getLogger(__name__)


class Audit:
    """Writes calls down; made by `Audit.open()`."""

    def __init__(
        self, settings: Settings, chain_id: UUID, directory: Path, *, fail_closed: bool
    ) -> None:
        self._settings = settings
        self._fail_closed = fail_closed
        self._directory, self._chain_id = directory, chain_id
        self._journal = Journal.create(directory, chain_id)
        try:
            self._anchor = _open_anchor(directory / f"{chain_id}.anchor")
        except BaseException:
            self._journal.close()
            raise
        # The journals of killed processes go first.
        self._left_over = Journal.left_over(directory, chain_id)
        self._older = next(self._left_over, None)
        self._wake = asyncio.Event()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self.taking = True

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, *, fail_closed: bool) -> AsyncIterator[Audit | None]:
        """Record calls as long as this is open, and send what is left at its end.

        `fail_closed` is for where ZAVA_AUDIT does not say.

        Raises: ConfigurationError: the journal cannot be written, or the database has no log.
        ServiceUnavailable: the database cannot be reached.
        """
        if settings.audit == "off":
            yield None
            return
        closed = fail_closed if settings.audit is None else settings.audit == "refuse"
        connection = await _connect(settings)
        try:
            chain_id = await _chain(connection, writable=closed)
            audit = cls(settings, chain_id, _directory(settings), fail_closed=closed)
        except BaseException:
            connection.terminate()  # nobody else has it yet
            raise
        audit._connection = connection
        sending = asyncio.create_task(audit._send())
        try:
            yield audit
        finally:
            try:
                await ended(sending)
            finally:
                await audit._close()

    @property
    def waiting(self) -> int:
        """Bytes that the database does not have yet, what is sent of a process before included."""
        return sum(journal.waiting for journal in self._journals())

    def _journals(self) -> list[Journal]:
        return [journal for journal in (self._older, self._journal) if journal is not None]

    def check(self) -> None:
        """Let a call begin, or not.

        Raises:
            ServiceUnavailable: the database does not take records, and calls are not to go on.
        """
        if self._fail_closed and not self.taking:
            raise ServiceUnavailable(
                "the audit log cannot be written, so no queries are answered",
                hint="Try again in a moment; ZAVA_AUDIT=spool would answer meanwhile.",
            )

    def check_room(self) -> None:
        """Check that a call could be recorded.

        Raises: ServiceUnavailable: it could not.
        """
        self._journal.check()

    async def record(self, call: Call) -> None:
        """Record a call; only then may its answer go out.

        Raises: ServiceUnavailable: it cannot be written.
        """
        self._journal.write(_record(call, self._settings.audit_arguments))
        self._wake.set()
        if not self.taking:
            await self._journal.sync()

    async def _send(self) -> None:
        """Send what waits until cancelled."""
        pause, again = _PAUSE[0], False
        while True:
            try:
                await self._drain_all()
            except Exception as error:  # noqa: BLE001 - whatever it is, the log does not have them
                self._hang_up()
                # A connection may end while its server goes on: that stops no calls.
                again = self.taking and not again and is_lost(error)
                if again:
                    continue
                if self.taking:
                    logger.warning("the audit log cannot be written: %s", type(error).__name__)
                self.taking = False
                await asyncio.sleep(pause)
                pause = min(2 * pause, _PAUSE[1])
            else:
                again = False
                if not self.taking:
                    logger.warning("the audit log can be written again")
                self.taking, pause = True, _PAUSE[0]
                self._wake.clear()
                if not self._journal.waiting:
                    await self._wake.wait()
                await asyncio.sleep(_GATHER)

    async def _drain_all(self) -> None:
        while True:
            while self._older is not None:
                await self._drain_left_over(self._older)
                # Calls that began before the switch may still wait for the disk.
                await self._older.settled()
                self._older.close()
                self._older = next(self._left_over, None)
            await self._drain(self._journal)
            if not self._journal.is_long:
                return
            # It is never empty while calls keep coming: from now on they go to a new one.
            following = Journal.create(self._directory, self._chain_id)
            self._older, self._journal = self._journal, following

    async def _drain_left_over(self, journal: Journal) -> None:
        """Send what the database accepts of it; keep the rest, and report it."""
        try:
            await self._drain(journal)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            # Without either there is no partition for now, which is no fault of the records.
            if error.sqlstate == "23514" and error.constraint_name is None:
                raise
            journal.is_damaged = True
            journal.take(journal.waiting)
        if journal.is_damaged:
            logger.error("not all of %s are records: it is kept as .damaged", journal.path)

    async def _drain(self, journal: Journal) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await _connect(self._settings)
        connection = self._connection
        if not self.taking:
            # Find out whether the database accepts records again: refused calls cannot show it.
            await self._append(connection, journal, "[]")
        while journal.waiting and not (journal.is_long and journal is self._journal):
            records, size = journal.read()
            await self._append(connection, journal, records)
            journal.take(size)

    async def _append(
        self, connection: asyncpg.Connection[asyncpg.Record], journal: Journal, records: str
    ) -> None:
        head = await connection.fetchrow(
            "select number, hash from zava.append_audit($1, $2)", journal.source_id, records
        )
        if head is not None:
            # Of fixed length, so that no part of an older one is left.
            os.pwrite(self._anchor, f"{head['number']:020}:{head['hash'].hex()}\n".encode(), 0)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _close(self) -> None:
        # A batch that was cut off by cancelling may or may not have arrived; sent again, it counts
        # once.
        with suppress(Exception):
            async with asyncio.timeout(_FAREWELL):
                if self._connection is not None and self._connection.is_in_transaction():
                    self._hang_up()
                await self._drain_all()
        for journal in self._journals():
            if journal.waiting:
                logger.error(
                    "%d bytes of audit wait in %s: the next start sends them",
                    journal.waiting,
                    journal.path,
                )
                with suppress(ZavaError):
                    await journal.sync()
            await journal.settled()
            journal.close()
        os.close(self._anchor)
        self._hang_up()


def anchor_of(settings: Settings, chain_id: UUID) -> tuple[int, bytes] | None:
    """Give the last link that a server here knows of, for `zava-sql audit verify`.

    Raises: ConfigurationError: there is one that cannot be read: without it a new chain would pass.
    """
    path = _directory(settings) / f"{chain_id}.anchor"
    reason = "it is damaged"
    try:
        text = path.read_bytes().strip()
    except FileNotFoundError:
        text = b""
    except OSError as error:
        text, reason = b"?", (error.strerror or str(error)).lower()
    if not text:  # no server here has sent anything yet
        return None
    match = re.fullmatch(rb"0*([0-9]{1,18}):([0-9a-f]{64})", text)
    if match is None:
        raise ConfigurationError(
            f"the anchor in {path} cannot be read: {reason}",
            hint="Run this as the account of the server, or give a link noted elsewhere: --anchor",
        )
    return int(match[1]), bytes.fromhex(match[2].decode())


def _open_anchor(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT, mode=0o600)
    except OSError as error:
        raise ConfigurationError(
            f"the audit cannot be written to {path}: {(error.strerror or '').lower()}",
            hint="Give the file to the account of this process, or set ZAVA_HOME.",
        ) from None


def _directory(settings: Settings) -> Path:
    return settings.home / "audit"


async def _connect(settings: Settings) -> asyncpg.Connection[asyncpg.Record]:
    url = required("ZAVA_SERVICE_URL", settings.service_url)
    session = {"application_name": f"{settings.application_name[:55]} audit"}
    if not settings.pooler:
        # Servers wait for each other; any other isolation level would cause conflicts.
        session["default_transaction_isolation"] = "read committed"
        # A database may set read-only by default against mistakes; this is none.
        session["default_transaction_read_only"] = "off"
        # Nor may it time out while it waits for another server, or has many records to write.
        session |= {"lock_timeout": "0", "statement_timeout": "0", "idle_session_timeout": "0"}
    async with translated_connection_errors():
        connection = await asyncpg.connect(
            url,
            timeout=settings.connect_timeout,
            command_timeout=settings.command_timeout,
            statement_cache_size=0,
            server_settings=session,
        )
        try:
            if not settings.pooler and connection.get_server_version() >= (17,):
                await connection.execute("set transaction_timeout = 0")
        except BaseException:
            connection.terminate()  # nobody else has it yet
            raise
        return connection


async def _chain(connection: asyncpg.Connection[asyncpg.Record], *, writable: bool) -> UUID:
    """Ask which log it is; with `writable` it must be one that accepts writes."""
    try:
        async with translated_connection_errors():
            chain_id: UUID = await connection.fetchval("select zava.audit_chain()")
            read_only = await connection.fetchval("show transaction_read_only") == "on"
    except (asyncpg.PostgresError, DatabaseError) as error:
        raise ConfigurationError(
            "this database has no audit log, or ZAVA_SERVICE_URL may not use it",
            hint="Migrate it with `zava-sql db upgrade`, or set ZAVA_AUDIT=off.",
        ) from error
    if writable and read_only:
        raise ConfigurationError(
            "ZAVA_SERVICE_URL leads to a replica, or to a pooler's sessions that begin read-only:"
            " no call can be recorded",
            hint="Let it lead to the primary: name both hosts, and"
            " target_session_attrs=read-write. ZAVA_DATABASE_URL may lead to a replica. For a"
            " pooler, alter its login: set default_transaction_read_only = off.",
        )
    return chain_id


def _record(call: Call, arguments: str) -> dict[str, Any]:
    """Give the columns of zava.audit_log."""
    who = call.principal
    full = arguments == "full"
    sql: str | None
    if call.sql is not None:
        sql = call.sql if full else normalized(call.sql, who.principal_id)
    else:
        # Refused before it had a canonical text: use the caller's.
        sql = call.text if full else digest(call.text) if arguments == "hashed" else None
    given = json.dumps(call.arguments, sort_keys=True, default=str) if call.arguments else None
    if given is not None and not full:
        given = digest(given) if arguments == "hashed" else None
    return {
        "called_at": datetime.fromtimestamp(call.called_at, UTC).isoformat(),
        "principal_id": str(who.principal_id),
        "principal": who.name,
        "client": _text(call.caller.client, 200),
        "key_id": str(who.key_id) if who.key_id else None,
        "tool": _text(call.tool, 200),
        "sql": _text(sql),
        "fingerprint": None if call.sql is None else fingerprint(call.sql, who.principal_id),
        "arguments": _text(given),
        "verdict": call.verdict,
        "code": call.code,
        "sqlstate": call.sqlstate,
        "row_count": call.rows,
        "byte_count": call.size,
        "duration_us": round(call.seconds * 1_000_000),
        "cached": call.cached,
        "request_id": _text(call.caller.request_id, 200),
        "trace_id": _text(call.caller.trace_id, 64),
    }


def _text(text: str | None, longest: int = _LONGEST) -> str | None:
    """Give a text that PostgreSQL can hold; one that is too long ends in its hash."""
    if text is None:
        return None
    if len(text) > longest:
        text = f"{text[: longest - 80]}… {digest(text)}"
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
