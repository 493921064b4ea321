"""The session in which the text of an agent runs.

It is the second half of the boundary and does not rely on the guard. What it refuses to do: run
more than one statement, leave anything behind on a pooled connection, or reuse a connection whose
state is not known.
"""

from __future__ import annotations

import math
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

import asyncpg

from zava_sql.context import DISABLED, KEY_RETIRED, TIME_OVER
from zava_sql.errors import ServiceUnavailable, ZavaError
from zava_sql.notices import heard
from zava_sql.principals import disabled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zava_sql.database import Database
    from zava_sql.gateway import GatewayConnection
    from zava_sql.principals import Principal
    from zava_sql.settings import Settings

__all__ = ["tenant_session"]

# A context outlives its statement by this many seconds, never a request.
_CONTEXT_MARGIN = 30

# On a database where a session that becomes the gateway can read pg_stat_activity, and use a
# context it found there as soon as it is lent the same backend, the context is sent as a value,
# which no view shows, and not as part of the text.
_TAKE = (
    "select pg_catalog.set_config('zava.context', $1, true),"
    " pg_catalog.set_config('role', $2, true)"
)

# PostgreSQL evaluates a leakproof condition that costs less than ten operators before a fence that
# costs more, so for rows that the fence hides. A subquery in such a condition runs, and fails, if
# it is reached: `case when email > 'x' then (select 1 / 0 …) end` read the rows of others letter by
# letter. If operators cost nothing, no condition costs less, and fences come first
# (order_qual_clauses).
_FENCES_FIRST = " SET LOCAL cpu_operator_cost = 0;"


def _limits(gateway: GatewayConnection, caps: Settings, usual: Settings, planning: str) -> str:
    """Give the statements for settings that are tighter for a role, or are not ours."""
    limits = planning
    if gateway.get_server_version() >= (17,):
        # A default of the role would end the connection: long queries of one tenant would look like
        # a database that is away.
        limits += " SET LOCAL transaction_timeout = 0;"
    if caps.statement_timeout != usual.statement_timeout:
        limits += f" SET LOCAL statement_timeout = {round(caps.statement_timeout * 1000)};"
    return limits


def _retired() -> ServiceUnavailable:
    return ServiceUnavailable(
        "the key in ZAVA_CONTEXT_KEY is retired",
        hint="An administrator has to start this server with a new one.",
    )


@asynccontextmanager
async def tenant_session(
    database: Database,
    principal: Principal,
    *,
    role: str | None = None,
    caps: Settings | None = None,
    is_ours: bool = False,
) -> AsyncIterator[GatewayConnection]:
    """Lend a pooled connection inside a read-only transaction of this principal.

    The session has the principal's role, or `role` if the runner is to take the principal's.
    Planning is tuned for speed if the text `is_ours`, and for safety otherwise. Afterwards the
    connection goes back clean, or is closed; the caller does not wait for that.

    Raises:
        AuthorizationError: the principal was disabled since it was looked up.
        LimitExceeded, ServiceUnavailable: no connection came free, or was made, in time; or the
            signing key is retired.
    """
    if not database.is_key_known:
        raise _retired()
    gateway = await database.acquire(principal.principal_id)
    state: Literal["sound", "failed", "unknown"] = "unknown"
    try:
        caps = caps or database.caps.of(principal.role)
        lifetime = caps.statement_timeout + _CONTEXT_MARGIN
        expiry = math.ceil(time.time() + database.clock_offset + lifetime)
        begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;"
        pid = gateway.get_server_pid()
        if database.session_start:
            # A pooler reports an invented pid. Without any, a context that another session shows in
            # pg_stat_activity could be used in this one.
            await gateway.execute(begin + database.session_start)
            begin = ""
            pid = await gateway.fetchval("select pg_catalog.pg_backend_pid()")
        context = database.context_key.sign(principal, pid=pid, expiry=expiry)
        role = role or principal.role
        # Values of ours only: the role's form is checked by the table it comes from.
        taking = f"SET LOCAL zava.context = '{context}'; SET LOCAL ROLE \"{role}\""
        # No row is hidden from head office.
        planning = "" if is_ours or principal.kind == "head" else _FENCES_FIRST
        limits = _limits(gateway, caps, database.settings, planning)
        try:
            if database.is_open:
                await gateway.begin(principal.principal_id, begin, limits)
                await gateway.fetchval(_TAKE, context, role)
            else:
                await gateway.begin(principal.principal_id, begin, f"{limits} {taking}")
        except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError) as error:
            # Nothing that a caller wrote has run: the role is gone, or the gateway not its member.
            raise ServiceUnavailable(
                "this server cannot take the role of this identity",
                hint="Tell an administrator: zava-sql doctor says why.",
            ) from error
        with heard(gateway):
            yield gateway
        # A function may have caught the database's error for a key that was retired meanwhile.
        if not database.is_key_known:
            raise _retired()
        state = "sound"
    except (asyncpg.PostgresError, asyncpg.UnsupportedClientFeatureError, ZavaError) as error:
        # A statement that failed half-way may be one that only the server knows of.
        gateway.forget()
        state = "unknown" if gateway.inflow.is_over else "failed"
        sqlstate = error.sqlstate if isinstance(error, asyncpg.PostgresError) else None
        # The database reports these before this server has heard of them.
        if sqlstate == KEY_RETIRED:
            raise _retired() from error
        if sqlstate == DISABLED:
            raise disabled(principal.name) from error
        if sqlstate == TIME_OVER:
            # A clock has moved. The next attempt uses the current time.
            await gateway.end()
            await database.follow_clock(gateway)
            raise ServiceUnavailable(
                "the clock of the database has moved", hint="Try again in a moment."
            ) from error
        raise
    finally:
        # Otherwise cancelled, timed out in the client, or out of step: its state is not known.
        database.give_back(gateway, state)
