"""The commands about identities: principals, keys of AI clients, keys that sign contexts."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID  # noqa: TC003 - typer reads it at run time

import asyncpg
import typer
from rich.console import Console
from rich.text import Text

from zava_sql import embedded
from zava_sql.cli_options import Json  # noqa: TC001 - typer reads it at run time
from zava_sql.connections import connect
from zava_sql.context import ContextKey
from zava_sql.errors import ValidationError
from zava_sql.principals import hash_key, new_key
from zava_sql.render import fitting
from zava_sql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

__all__ = ["key", "principal", "token"]

principal = typer.Typer(
    help="Principals, who may ask.", no_args_is_help=True, rich_markup_mode=None
)
token = typer.Typer(help="Keys of AI clients.", no_args_is_help=True, rich_markup_mode=None)
key = typer.Typer(help="Keys that sign contexts.", no_args_is_help=True, rich_markup_mode=None)


@asynccontextmanager
async def _administrator() -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Lend an administrator's connection; what a function refuses is bad input."""
    async with connect(embedded.resolve(Settings.load()).admin_url) as connection:
        try:
            yield connection
        except (
            asyncpg.InvalidParameterValueError,
            asyncpg.UniqueViolationError,
            asyncpg.NoDataFoundError,
        ) as error:
            raise ValidationError(error.message or "bad value", hint=error.hint or "") from error


async def _call(sql: str, *arguments: object) -> list[asyncpg.Record]:
    async with _administrator() as connection:
        rows: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
        return rows


async def _make(secret: str, sql: str, *arguments: object) -> None:
    """Print a secret, and store its hash: a key that nobody was given would stay for ever."""
    async with _administrator() as connection, connection.transaction():
        await connection.fetch(sql, *arguments)
        print(secret, flush=True)


def _show(rows: Sequence[asyncpg.Record], columns: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([dict(row) for row in rows], default=_plain))
        return
    console = Console()
    names = [Text(name) for name in columns]
    cells = [[Text("" if v is None else _text(v)) for v in row.values()] for row in rows]
    console.print(fitting(names, cells, console, [False] * len(names)))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


# ---------------------------------------------------------------- principals


@principal.command("list")
def principal_list(*, json_: Json = False) -> None:
    """List the principals; their ids are secrets and are not shown."""
    rows = asyncio.run(
        _call(
            "select p.name, p.kind, p.role_name::text as role, p.active,"
            " array(select s.store_key from zava.principal_stores as ps"
            " join retail.stores as s on s.store_id = ps.store_id"
            " where ps.principal_id = p.principal_id order by 1) as stores"
            " from zava.principals as p order by p.kind, p.name"
        )
    )
    _show(rows, ("name", "kind", "role", "active", "stores"), as_json=json_)


@principal.command("create")
def principal_create(
    name: Annotated[str, typer.Argument(help="Its name: lower-case letters, digits, - and _.")],
    *,
    kind: Annotated[str, typer.Option(help="store, region or head (which sees all stores).")],
    store: Annotated[
        list[str] | None,
        typer.Option(help="Key of a store: one for a store, one or more for a region."),
    ] = None,
) -> None:
    """Register a principal and create its tenant role."""
    rows = asyncio.run(_call("select zava.create_principal($1, $2, $3)", name, kind, store or []))
    print(f"created {name}, role {rows[0][0]}")


@principal.command("disable")
def principal_disable(name: Annotated[str, typer.Argument(help="Its name.")]) -> None:
    """Shut a principal out at once, running queries included."""
    asyncio.run(_call("select zava.disable_principal($1)", name))
    print(f"disabled {name}")


@principal.command("enable")
def principal_enable(name: Annotated[str, typer.Argument(help="Its name.")]) -> None:
    """Let a disabled principal in again."""
    asyncio.run(_call("select zava.enable_principal($1)", name))
    print(f"enabled {name}")


# ---------------------------------------------------------------- keys of clients


@token.command("create")
def token_create(
    name: Annotated[str, typer.Argument(metavar="principal", help="Whose key it is.")],
    *,
    ttl: Annotated[
        str | None, typer.Option(help="Life of the key: 30d, 12h or 90m; for ever if not given.")
    ] = None,
) -> None:
    """Make a key for an AI client. It is printed once and kept only as a hash."""
    secret = new_key()
    sql = "select zava.create_api_key($1, $2, coalesce($3, timestamptz 'infinity'))"
    expires = None if ttl is None else datetime.now(UTC) + _life(ttl)
    asyncio.run(_make(secret, sql, name, hash_key(secret), expires))


def _life(text: str) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,6})([dhm])", text)
    if match is None:
        raise ValidationError(f"not a duration: {text[:40]}", hint="Write 30d, 12h or 90m.")
    return (
        int(match[1])
        * {
            "d": timedelta(days=1),
            "h": timedelta(hours=1),
            "m": timedelta(minutes=1),
        }[match[2]]
    )


@token.command("list")
def token_list(*, json_: Json = False) -> None:
    """List the keys by id; the keys themselves are not stored."""
    rows = asyncio.run(
        _call(
            "select k.key_id, p.name as principal, k.created_at,"
            " nullif(k.expires_at, 'infinity') as expires_at, k.revoked_at"
            " from zava.api_keys as k"
            " join zava.principals as p on p.principal_id = k.principal_id"
            " order by k.created_at"
        )
    )
    _show(rows, ("id", "principal", "created", "expires", "revoked"), as_json=json_)


@token.command("revoke")
def token_revoke(
    key_id: Annotated[UUID, typer.Argument(help="Id of the key, as token list has it.")],
) -> None:
    """End a key at once."""
    asyncio.run(_call("select zava.revoke_api_key($1)", key_id))
    print(f"revoked {key_id}")


# ---------------------------------------------------------------- keys that sign contexts


@key.command("create")
def key_create() -> None:
    """Make a signing key, register it and print it for ZAVA_CONTEXT_KEY. Older keys stay valid."""
    new = ContextKey.generate()
    sql = "select zava.create_signing_key($1, $2, $3)"
    asyncio.run(_make(str(new), sql, new.kid, *new.pads()))


@key.command("list")
def key_list(*, json_: Json = False) -> None:
    """List the signing keys by id."""
    rows = asyncio.run(
        _call(
            "select k.kid, k.created_at, nullif(k.not_after, 'infinity') as retired_at"
            " from zava.signing_keys as k order by k.created_at"
        )
    )
    _show(rows, ("id", "created", "retired"), as_json=json_)


@key.command("retire")
def key_retire(kid: Annotated[str, typer.Argument(help="Id of the key.")]) -> None:
    """End a signing key at once. Whoever still signs with it gets errors."""
    asyncio.run(_call("select zava.retire_signing_key($1)", kid))
    print(f"retired {kid}")
