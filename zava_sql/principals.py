"""Principals: who asks, found by name, by id or by the key that was shown."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zava_sql.errors import AuthorizationError

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from zava_sql.database import Database

__all__ = [
    "Principal",
    "authenticate",
    "disabled",
    "find_principal",
    "find_principal_by_id",
    "hash_key",
    "new_key",
]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: `kind` is store, region or head; `role` is the PostgreSQL role of its scope.

    `key_id` names the bearer key that was shown, if it was one.
    """

    principal_id: UUID = field(repr=False)
    name: str
    kind: str
    role: str
    key_id: UUID | None = field(default=None, compare=False)


def new_key() -> str:
    """Make a bearer key for an AI client."""
    return "zava_" + secrets.token_urlsafe(32)


def hash_key(key: str) -> bytes:
    """Give the form in which the database keeps a bearer key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


async def find_principal(database: Database, name: str) -> Principal:
    """Look an identity up by name, for callers whose identity is fixed at start.

    Raises:
        AuthorizationError: there is no such principal, or it is disabled.
    """
    if "\0" in name or not name.isprintable():
        row = None
    else:
        row = await database.service_row("select * from zava.find_principal($1)", name)
    if row is None:
        raise AuthorizationError(
            f"unknown principal: {name[:60]!r}", hint="List them with: zava-sql principal list"
        )
    return _principal(row)


async def find_principal_by_id(database: Database, principal_id: UUID) -> Principal:
    """Look an identity up by the id that only its holder and a trusted proxy know.

    Raises:
        AuthorizationError: there is no such principal, or it is disabled.
    """
    row = await database.service_row("select * from zava.find_principal_by_id($1)", principal_id)
    if row is None:
        raise AuthorizationError("unknown principal", hint="Ask an administrator for its id.")
    return _principal(row)


async def authenticate(database: Database, key: str) -> Principal:
    """Find whose key this is.

    Raises:
        AuthorizationError: unknown, revoked or expired, all said alike; or the principal is
            disabled.
    """
    row = await database.service_row("select * from zava.authenticate($1)", hash_key(key))
    if row is None:
        raise AuthorizationError(
            "the key is not valid", hint="Ask for a new one: zava-sql token create PRINCIPAL"
        )
    return _principal(row)


def _principal(row: asyncpg.Record) -> Principal:
    if not row["active"]:
        raise disabled(row["name"])
    return Principal(
        row["principal_id"], row["name"], row["kind"], row["role_name"], row.get("key_id")
    )


def disabled(name: str) -> AuthorizationError:
    """Give the error for a principal that is disabled."""
    return AuthorizationError(
        f"the principal {name} is disabled",
        hint=f"An administrator can enable it: zava-sql principal enable {name}",
    )
