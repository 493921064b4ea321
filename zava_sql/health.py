"""Is it alive, is it ready, and how is it: the answers of GET /readyz and GET /health.

Ready means that a call would be answered, and for the right tenant. What is worse than it should
be, but does not prevent that, is degraded. A caller from elsewhere without a key of head office
learns yes or no, and nothing more.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from zava_sql import __version__
from zava_sql.connections import CONNECTION_ERRORS, translated_connection_errors
from zava_sql.db_files import newest_revision
from zava_sql.doctor import require_sound
from zava_sql.embedding_query import QueryEmbedder
from zava_sql.errors import ConfigurationError, ZavaError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from zava_sql.agent import Agent
    from zava_sql.toolbox import Toolbox

    Check = Callable[[], Awaitable["Part"]]
    Connection = asyncpg.Connection[asyncpg.Record]

__all__ = ["Health", "Part"]

# Seconds for one part.
_PATIENCE: Final = 2.0

# Seconds by which a replica may be behind, and by which the clocks may have drifted apart since the
# start: contexts live for 30 seconds longer than a statement may run.
_MOST_LAG: Final = 30.0
_MOST_DRIFT: Final = 10.0

# Seconds between looks of the doctor that find nothing.
_DOCTOR: Final = 60.0

# Looks for new functions that may have failed.
_MOST_LOOKS: Final = 6

_GATEWAY: Final = """
select
    r.rolsuper or r.rolbypassrls as is_unbound,
    extract(epoch from clock_timestamp())::float8 as now,
    pg_is_in_recovery() as is_replica
from pg_catalog.pg_roles as r
where r.rolname = current_user
"""

# A replica that has replayed nothing since its start is behind since then. Hardening leaves the
# gateway these functions.
_LAG: Final = """
select case
    when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
    else extract(epoch from clock_timestamp() - coalesce(
        pg_last_xact_replay_timestamp(), pg_postmaster_start_time()
    ))::float8
end as lag
"""

# Those that nobody waits for any more.
_looking: Final[set[asyncio.Task[Part]]] = set()


@dataclass(frozen=True, slots=True)
class Part:
    """How one part is: ok, degraded or down; `facts` are for administrators."""

    status: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Health:
    """Looks at the database, and at what a server has around it."""

    def __init__(self, agent: Agent, toolbox: Toolbox) -> None:
        self._database = agent.database
        self._agent = agent
        self._toolbox = toolbox
        self._vital: dict[str, Check] = {
            "gateway": self._gateway,
            "service": self._service,
            "audit": self._audit,
        }
        self._parts = self._vital | {
            "schema": self._schema,
            "catalogue": self._catalogue,
            "embedder": self._embedder,
            "isolation": self._isolation,
        }
        self._sound_at: float | None = None
        self._ready: asyncio.Task[bool] | None = None

    async def ready(self) -> bool:
        """Say whether calls can be answered; one check at a time, however many ask."""
        if self._ready is None or self._ready.done():
            self._ready = asyncio.create_task(self._is_ready())
        return await asyncio.shield(self._ready)

    async def report(self) -> dict[str, Any]:
        """Look at everything."""
        found = await asyncio.gather(
            # If all connections are busy, the doctor waits for one while calls are answered.
            *(_look(c, "down" if n in self._vital else "degraded") for n, c in self._parts.items())
        )
        parts = dict(zip(self._parts, found, strict=True))
        worst = {part.status for part in parts.values()}
        return {
            "status": next((s for s in ("down", "degraded") if s in worst), "ok"),
            "version": __version__,
            "parts": {name: {"status": p.status, **p.facts} for name, p in parts.items()},
        }

    async def _is_ready(self) -> bool:
        found = await asyncio.gather(*(_look(check) for check in self._vital.values()))
        return all(part.status != "down" for part in found)

    async def _gateway(self) -> Part:
        pool = self._database.gateway
        facts: dict[str, Any] = {
            "connections": pool.get_size(),
            "busy": pool.get_size() - pool.get_idle_size(),
            "breaker": self._database.breakers[0].state,
        }
        if facts["busy"] == pool.get_max_size():
            return Part("degraded", facts | {"message": "all connections are busy"})
        begun = time.perf_counter()
        row = await _row(pool.lend(), _GATEWAY)
        drift = row["now"] - time.time() - self._database.clock_offset
        facts |= {
            "seconds": round(time.perf_counter() - begun, 4),
            "replica": row["is_replica"],
            "lag_seconds": (await _row(pool.lend(), _LAG))["lag"] if row["is_replica"] else None,
            "drift_seconds": round(drift, 3),
        }
        if row["is_unbound"]:
            return Part("down", facts | {"message": "row-level security does not bind this login"})
        if abs(drift) > _MOST_DRIFT:
            return Part("degraded", facts | {"message": "the clock has moved"})
        if (facts["lag_seconds"] or 0) > _MOST_LAG:
            return Part("degraded", facts | {"message": "the replica is behind"})
        return Part("ok", facts)

    async def _service(self) -> Part:
        key = self._database.context_key
        row = await _row(
            self._database.service.lend(),
            "select zava.knows_signing_key($1, $2) as known",
            key.kid,
            key.fingerprint(),
        )
        facts = {"breaker": self._database.breakers[1].state}
        if not row["known"]:
            message = "the key in ZAVA_CONTEXT_KEY is not known, or retired"
            return Part("down", facts | {"message": message})
        return Part("ok", facts)

    async def _audit(self) -> Part:
        audit = self._agent.audit
        if audit is None:
            return Part("ok", {"used": False})
        facts: dict[str, Any] = {"used": True, "waiting_bytes": audit.waiting}
        audit.check()
        audit.check_room()
        if not audit.taking:
            return Part("degraded", facts | {"message": "the log is not written, a journal is"})
        return Part("ok", facts)

    async def _catalogue(self) -> Part:
        age = self._toolbox.catalogue_age
        facts = {"age_seconds": round(age, 1)}
        if age > _MOST_LOOKS * self._database.settings.catalogue_interval:
            return Part("degraded", facts | {"message": "new functions are not seen"})
        return Part("ok", facts)

    async def _embedder(self) -> Part:
        embed = self._agent.embed
        if not isinstance(embed, QueryEmbedder):
            return Part("ok", {"used": embed is not None})
        facts = await embed.status()
        return Part("ok" if facts["by_meaning"] else "degraded", {"used": True, **facts})

    async def _isolation(self) -> Part:
        # A look takes its time, and what it looks at rarely changes for the worse.
        if self._sound_at is None or time.monotonic() - self._sound_at > _DOCTOR:
            try:
                await require_sound(self._database)
            except ConfigurationError as error:
                return Part("down", {"message": error.message})
            self._sound_at = time.monotonic()
        return Part("ok")

    async def _schema(self) -> Part:
        wanted = newest_revision()
        try:
            row = await _row(
                self._database.service.lend(),
                "select v.version_num from public.alembic_version as v",
            )
        except (
            asyncpg.InsufficientPrivilegeError,
            asyncpg.UndefinedTableError,
            asyncpg.DataError,  # no row, as where row-level security hides it
        ):
            return Part("degraded", {"wanted": wanted, "message": "the revision cannot be read"})
        facts = {"revision": row["version_num"], "wanted": wanted}
        if row["version_num"] != wanted:
            return Part("degraded", facts | {"message": "migrate it: zava-sql db upgrade"})
        return Part("ok", facts)


async def _look(check: Check, late: str = "down") -> Part:
    # Not awaited to its end: on a silent connection that takes a while.
    task = asyncio.create_task(_looked(check))
    _looking.add(task)
    task.add_done_callback(_looking.discard)
    if not (await asyncio.wait({task}, timeout=_PATIENCE))[0]:
        task.cancel()
        return Part(late, {"message": "no answer in time"})
    return task.result()


async def _looked(check: Check) -> Part:
    try:
        async with translated_connection_errors():
            return await check()
    except ZavaError as error:
        return Part("down", {"message": error.message})
    except (asyncpg.PostgresError, *CONNECTION_ERRORS) as error:
        return Part("down", {"message": type(error).__name__})


async def _row(
    lent: AbstractAsyncContextManager[Connection], sql: str, *arguments: object
) -> asyncpg.Record:
    async with lent as connection:
        reading = asyncio.create_task(_read(connection, sql, arguments))
        try:
            await asyncio.wait({reading}, timeout=_PATIENCE)
        finally:
            if not reading.done():
                # Cut where it is silent. Cancelled, or parting in good order, it would be kept from
                # the pool until a cancel request is answered.
                connection.terminate()
                await asyncio.wait({reading})
                reading.exception()  # nobody may be left to ask
        return reading.result()


async def _read(connection: Connection, sql: str, arguments: Sequence[object]) -> asyncpg.Record:
    # In a transaction, which a pooler keeps on one backend.
    async with connection.transaction():
        row = await connection.fetchrow(sql, *arguments)
    if row is None:
        raise asyncpg.DataError("no row")
    return row
