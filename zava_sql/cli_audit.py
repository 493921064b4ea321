"""The commands that read the audit log and prove it, as the administrator."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zava_sql import embedded
from zava_sql.audit import anchor_of
from zava_sql.cli_options import Json  # noqa: TC001 - typer reads it at run time
from zava_sql.connections import connect
from zava_sql.errors import ValidationError
from zava_sql.logs import printable
from zava_sql.settings import Settings

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import asyncpg

__all__ = ["audit"]

audit = typer.Typer(
    help="The audit log: every call of AI clients, in a chain.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

# Seconds between looks for new records, and records of one look.
_FOLLOW = 1.0
_PAGE = 1_000


@audit.command()
def tail(
    *,
    number: Annotated[int, typer.Option("-n", help="Records to show.", min=1, max=100_000)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones.")] = False,
    principal: Annotated[str | None, typer.Option(help="Calls of this principal only.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show the newest records, oldest first."""
    asyncio.run(_tail(number, principal, follow=follow, as_json=json_))


async def _tail(limit: int, principal: str | None, *, follow: bool, as_json: bool) -> None:
    async with _connected() as connection:
        sql = "select * from zava.audit_records($1, $2, $3, coalesce($4::timestamptz, '-infinity'))"
        rows = await connection.fetch(sql, limit, principal, None, None)
        if principal is not None and not rows:
            await _require_principal(connection, principal)
        after, since = 0, None
        while True:
            for row in rows:
                print(_line_of(row, as_json=as_json), flush=follow)
            if rows:
                after, since = rows[-1]["number"], rows[-1]["recorded_at"]
            if not follow:
                return
            if len(rows) < _PAGE:
                await asyncio.sleep(_FOLLOW)
            rows = await connection.fetch(sql, _PAGE, principal, after, since)


async def _require_principal(connection: asyncpg.Connection[asyncpg.Record], name: str) -> None:
    """Tell a misspelt name from one without calls. Raises ValidationError."""
    sql = "select exists (select from zava.principals as p where p.name = $1)"
    if not await connection.fetchval(sql, name):
        raise ValidationError(
            f"unknown principal: {name[:60]!r}", hint="List them with: zava-sql principal list"
        )


@audit.command()
def verify(
    *,
    anchor: Annotated[
        str | None, typer.Option(help="Link noted elsewhere, as NUMBER:HASH from an earlier run.")
    ] = None,
    json_: Json = False,
) -> None:
    """Prove the chain. Exit code 1 and the first broken link if it does not hold."""
    found = asyncio.run(_verify(_anchor(anchor)))
    fields = {
        "ok": found["problem"] is None,
        "checked": found["checked"],
        "broken": found["broken"],
        "problem": found["problem"],
        "anchor": f"{found['number']}:{found['hash'].hex()}",
    }
    if json_:
        print(json.dumps(fields))
    elif fields["ok"]:
        print(f"{fields['checked']} records, unbroken\nanchor: {fields['anchor']}")
    else:
        print(f"broken at {fields['broken']}: {fields['problem']}\ngood up to: {fields['anchor']}")
    if not fields["ok"]:
        raise typer.Exit(1)


async def _verify(anchor: tuple[int, bytes] | None) -> asyncpg.Record:
    settings = Settings.load()
    async with _connected() as connection:
        if anchor is None:
            chain_id = await connection.fetchval("select zava.audit_chain()")
            anchor = anchor_of(settings, chain_id)
        (found,) = await connection.fetch(
            "select * from zava.verify_audit($1, $2)", *(anchor or (None, None)), timeout=None
        )
    return found


def _connected() -> AbstractAsyncContextManager[asyncpg.Connection[asyncpg.Record]]:
    return connect(embedded.resolve(Settings.load()).admin_url)


def _anchor(text: str | None) -> tuple[int, bytes] | None:
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text)
    if match is None:
        raise ValidationError(
            f"not an anchor: {text[:100]!r}", hint="Copy it from an earlier `audit verify`."
        )
    return int(match[1]), bytes.fromhex(match[2])


def _line_of(row: asyncpg.Record, *, as_json: bool) -> str:
    fields: dict[str, Any] = dict(row)
    for name in ("recorded_at", "called_at"):
        fields[name] = fields[name].isoformat()
    if as_json:
        return json.dumps({**fields, "key_id": fields["key_id"] and str(fields["key_id"])})
    ended = " ".join(
        str(part) for part in (fields["verdict"], fields["code"], fields["sqlstate"]) if part
    )
    amount = f", {fields['row_count']} rows" if fields["row_count"] is not None else ""
    asked = printable(" ".join(filter(None, (fields["sql"], fields["arguments"]))))
    return (
        f"{fields['number']} {fields['called_at'][:19]} {fields['principal']} {fields['tool']}: "
        f"{ended}{amount}, {fields['duration_us'] / 1000:.1f} ms: {asked}"
    )
