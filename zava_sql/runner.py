"""The runner: the text of an agent inside a SECURITY DEFINER function of its class role.

For databases that nobody hardened, as where a service gives no superuser. There `set_config()`
could turn a tenant into the gateway; inside such a function PostgreSQL itself refuses to change the
role. It never fetches through a cursor, whose rows would be produced after the function has
returned, with the rights of its caller.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import asyncpg

from zava_sql.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zava_sql.gateway import GatewayConnection
    from zava_sql.principals import Principal

__all__ = ["ROLE", "acting", "is_open", "run", "wanted"]

# May call the runner's functions, and holds nothing else.
ROLE = "zava_runner"

# As zava._class_role() has them.
_CLASSES = {"store": "store_manager", "region": "regional_manager", "head": "head_office"}

# Schemas whose types the runner may name, whatever others a database has.
_USABLE = frozenset({"pg_catalog", "public", "retail", "api"})

# Whatever the gateway may execute PUBLIC may, and so every tenant: hardening ends that.
_OPEN = """
select pg_catalog.has_function_privilege(
    current_user, 'pg_catalog.set_config(text, text, boolean)', 'execute'
)
"""
_READY = """
select exists (
    select
    from pg_catalog.pg_auth_members as m
    join pg_catalog.pg_roles as r on r.oid = m.roleid
    where r.rolname = $1
        and m.member = current_user::regrole
        and m.set_option
)
"""


async def is_open(connection: GatewayConnection) -> bool:
    """Say whether a text could call set_config(), and so become the gateway."""
    found: bool = await connection.fetchval(_OPEN)
    return found


async def wanted(
    connection: GatewayConnection,
    setting: Literal["auto", "always", "never"],
) -> bool:
    """Say whether the text of agents is to run in the runner of this database.

    Raises:
        ConfigurationError: it is, and there is none for this login.
    """
    if setting == "never":
        return False
    if setting == "auto" and not await is_open(connection):
        return False
    if not await connection.fetchval(_READY, ROLE):
        raise ConfigurationError(
            "the database is not hardened and has no runner for this login",
            hint="Migrate it with `zava-sql db upgrade`, or harden it: zava-sql harden",
        )
    return True


def acting(principal: Principal) -> Principal:
    """Give the principal as its context must name it: with its class role."""
    return replace(principal, role=_CLASSES[principal.kind])


async def run(
    connection: GatewayConnection,
    principal: Principal,
    text: str,
    attributes: Sequence[asyncpg.Attribute],
) -> list[asyncpg.Record]:
    """Run a query that was described as having these columns, in a session of `ROLE`.

    The function returns records, so the call must list their types; the casts make them so where
    the described type is not the column's own, as for domains. Without a column there is one to
    count by.
    """
    names = [f"c{number}" for number in range(1, len(attributes) + 1)]
    types = [_type_name(attribute.type) for attribute in attributes]
    casts = [f"q.{name}::{type_}" for name, type_ in zip(names, types, strict=True)]
    listed = [f"{name} {type_}" for name, type_ in zip(names, types, strict=True)]
    inner = (
        f"select {', '.join(casts) or 'true'} from (\n{text}\n) as q"
        f"{' (' + ', '.join(names) + ')' if names else ''}"
    )
    # The driver reads void as null, whatever it is.
    shown = [
        "null" if attribute.type.name == "void" else name
        for name, attribute in zip(names, attributes, strict=True)
    ]
    outer = (
        f"select {', '.join(shown)} from zava_run.{_CLASSES[principal.kind]}($1)"
        f" as r ({', '.join(listed) or 'c bool'})"
    )
    try:
        statement = await connection.statement(outer)
        return await statement.fetch(inner)
    except asyncpg.PostgresError as error:
        error.position = None  # in a text that nobody wrote
        raise


def _type_name(described: asyncpg.Type) -> str:
    """Write a type as SQL; a pseudo-type cannot be a column of a record, its text can."""
    name, array = described.name, ""
    if name in ("void", "cstring", "record", "record[]"):
        return "text"
    if name in ("int2vector[]", "oidvector[]"):
        name = name[:-2]  # a type of its own, for which the driver has no better name
    elif name.endswith("[]"):
        name, array = name[:-2], "[]"
    if described.schema not in _USABLE:
        # The runner may not name it. As text it arrives the same, or as PostgreSQL prints it.
        return f"text{array}"
    schema, base = (part.replace('"', '""') for part in (described.schema, name))
    return f'"{schema}"."{base}"{array}'
