"""The commands about the database: the embedded server, and migrations."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import Annotated

import typer
from rich.console import Console

from zava_sql import embedded
from zava_sql.database import connect
from zava_sql.errors import ValidationError
from zava_sql.settings import Settings

__all__ = ["day", "db"]

db = typer.Typer(
    help="The database: the embedded server, and migrations.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@db.command()
def up() -> None:
    """Start the embedded server and make its database ready; can be repeated."""
    settings = Settings.load()
    console = Console(stderr=True)
    embedded.up(settings, lambda step: console.print(f"[dim]… {step}[/dim]"))
    status = embedded.server(settings).status()
    print(f"PostgreSQL {status.version} runs on {status.host}:{status.port}, data in {status.data}")


@db.command()
def down() -> None:
    """Stop the embedded server; its data stay."""
    embedded.server(Settings.load()).stop()
    print("stopped")


@db.command()
def status(*, json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Say whether the embedded server runs; exit code 1 when it does not."""
    status = embedded.server(Settings.load()).status()
    if json_:
        fields = ("running", "pid", "host", "port", "version")
        answer = {name: getattr(status, name) for name in fields} | {"data": str(status.data)}
        print(json.dumps(answer))
    elif status.running:
        print(f"running: PostgreSQL {status.version}, {status.host}:{status.port}, {status.data}")
    else:
        print("not running")
    if not status.running:
        raise typer.Exit(1)


@db.command()
def url(
    user: Annotated[str, typer.Argument(help="Login.")] = "postgres",
) -> None:
    """Print a connection URL of the embedded server, password included."""
    settings = Settings.load()
    embedded.resolve(settings.model_copy(update={"database_url": None}))
    print(embedded.server(settings).url(user, embedded.DATABASE))


@db.command()
def upgrade(
    revision: Annotated[str, typer.Argument(help="Target.")] = "head",
    *,
    sql: Annotated[bool, typer.Option("--sql", help="Print the script, apply nothing.")] = False,
) -> None:
    """Apply migrations."""
    from zava_sql import migrate  # noqa: PLC0415 - alembic is slow to import

    target = "" if sql else _admin_url(Settings.load())
    migrate.upgrade(target, revision, sql=sql)
    if not sql:
        print(f"at revision {migrate.current(target)}")


@db.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="Target, for example -1 or base.")],
    *,
    sql: Annotated[bool, typer.Option("--sql", help="Print the script, apply nothing.")] = False,
) -> None:
    """Undo migrations."""
    from zava_sql import migrate  # noqa: PLC0415 - alembic is slow to import

    target = "" if sql else _admin_url(Settings.load())
    migrate.downgrade(target, revision, sql=sql)
    if not sql:
        print(f"at revision {migrate.current(target) or 'base'}")


@db.command()
def refresh(
    *,
    since: Annotated[
        str | None, typer.Option("--from", help="First day to compute anew, YYYY-MM-DD.")
    ] = None,
) -> None:
    """Bring the daily rollup of sales up to date; can be repeated, and run beside writers."""

    async def _refresh() -> None:
        async with connect(embedded.resolve(Settings.load()).admin_url) as connection:
            sql = "select * from zava.refresh_daily_sales($1)"
            for row in await connection.fetch(sql, day(since), timeout=None):
                until = row["rolled_up_to"] or "nothing to store"
                print(f"{row['store_key']}: {until}, {row['changed_rows']} rows changed")

    asyncio.run(_refresh())


def day(text: str | None) -> date | None:
    """Read a date as a person types it."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValidationError(
            f"not a date: {text}", hint="Write it as YYYY-MM-DD, for example 2026-06-30."
        ) from None


def _admin_url(settings: Settings) -> str:
    admin = embedded.resolve(settings).admin_url
    if admin is None:
        raise ValidationError(
            "ZAVA_ADMIN_URL is not set", hint="Set it to the URL of the administrator."
        )
    return admin.get_secret_value()
