"""The commands about the database: the embedded server, and migrations."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import date  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer

from zava_sql import db_files, embedded
from zava_sql.cli_options import Json, day
from zava_sql.cli_progress import show_step
from zava_sql.connections import connect
from zava_sql.render import visible
from zava_sql.settings import Settings, required

if TYPE_CHECKING:
    from zava_sql.ddl_catalogue import Connection
    from zava_sql.ddl_drift import Report
    from zava_sql.ddl_plan import Plan

__all__ = ["db"]

db = typer.Typer(
    help="The database: the embedded server, and migrations.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@db.command()
def up() -> None:
    """Start the embedded server and make its database ready. Can be repeated."""
    settings = Settings.load()
    embedded.up(settings, show_step)
    status = embedded.server(settings).status()
    print(f"PostgreSQL {status.version} runs on {status.host}:{status.port}, data in {status.data}")


@db.command()
def down() -> None:
    """Stop the embedded server and keep its data."""
    embedded.server(Settings.load()).stop()
    print("stopped")


@db.command()
def status(*, json_: Json = False) -> None:
    """Say whether the embedded server runs. Exit code 1 when it does not."""
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
    user: Annotated[
        str, typer.Argument(help="Login: postgres, zava_gateway or zava_service.")
    ] = "postgres",
) -> None:
    """Print a URL of the embedded server, password included."""
    print(embedded.url(Settings.load(), user))


@db.command()
def upgrade(
    revision: Annotated[
        str, typer.Argument(help="Target; with --sql also a range, such as 0113:head.")
    ] = "head",
    *,
    sql: Annotated[bool, typer.Option("--sql", help="Print the script, apply nothing.")] = False,
) -> None:
    """Apply migrations."""
    from zava_sql import migrate  # noqa: PLC0415 - alembic is slow to import

    target = "" if sql else _admin_url(Settings.load())
    migrate.upgrade(target, revision, sql=sql)
    if not sql:
        print(f"at revision {migrate.current(target)}")


@db.command(context_settings={"ignore_unknown_options": True})  # -1 is a target
def downgrade(
    revision: Annotated[
        str,
        typer.Argument(help="Target, such as -1 or base; with --sql a range: 0113:0112."),
    ],
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
        date | None,
        typer.Option(
            "--from",
            parser=day,
            metavar="YYYY-MM-DD",
            help="First day to recompute; unless given, the last 31 stored days are.",
        ),
    ] = None,
) -> None:
    """Bring the daily rollup of sales up to date. Safe to repeat, and to run beside writers."""

    async def _refresh() -> bool:
        is_whole = True
        async with connect(embedded.resolve(Settings.load()).admin_url) as connection:
            sql = "select * from zava.refresh_daily_sales($1)"
            for row in await connection.fetch(sql, since, timeout=None):
                until = row["rolled_up_to"] or "nothing to store"
                told = f"{row['changed_rows']} rows changed"
                if row["changed_rows"] is None:
                    told, is_whole = "no more: a day sold more than the rollup holds", False
                print(f"{row['store_key']}: {until}, {told}")
        return is_whole

    if not asyncio.run(_refresh()):
        raise typer.Exit(1)


@db.command()
def revise(
    name: Annotated[str, typer.Argument(help="Name of the revision, for example add_returns.")],
) -> None:
    """Write a revision of what the files have and the database lacks."""
    from zava_sql import migrate  # noqa: PLC0415 - alembic is slow to import

    migrate.revise(_admin_url(Settings.load()), name)


@db.command()
def review(
    *,
    counts: Annotated[
        bool, typer.Option("--counts", help="Count rows before and after, on a copy.")
    ] = False,
) -> None:
    """Say what the next revision would change. Lists objects, privileges and callers."""
    from zava_sql import ddl_review, migrate  # noqa: PLC0415 - alembic is slow to import
    from zava_sql.ddl_plan import plan  # noqa: PLC0415

    async def _plan(connection: Connection) -> Plan:
        await migrate.require_head(connection)
        return await plan(connection, db_files.db_path())

    target = _admin_url(Settings.load())
    found = migrate.ask(target, _plan)
    for line in [*(c.note for c in found.changes), *found.radius, *ddl_review.words(found.changes)]:
        print(visible(line))
    found.permit()
    if counts and found.changes:
        for line in migrate.run(ddl_review.count_rows(target, found.up)):
            print(visible(line))
    elif not found.changes:
        print("nothing: the database has what db/functions and db/policies say")


@db.command("check")
def check_(*, json_: Json = False) -> None:
    """Find what differs from the files and the snapshot. Exit code 1 when anything does."""
    _show_drift(_drift(), diffs=False, as_json=json_)


@db.command()
def drift(
    *,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Take it over: edit the files and write a revision.")
    ] = False,
    name: Annotated[str, typer.Option(help="Name of that revision.")] = "adopted",
    json_: Json = False,
) -> None:
    """Show what was changed by hand, with a diff, or adopt it. Exit code 1 when anything was."""
    if not adopt:
        _show_drift(_drift(), diffs=True, as_json=json_)
        return
    from zava_sql import migrate  # noqa: PLC0415 - alembic is slow to import
    from zava_sql.ddl_adopt import adopt as take  # noqa: PLC0415
    from zava_sql.ddl_drift import report  # noqa: PLC0415

    async def _adopt(connection: Connection) -> list[str]:
        found = await report(connection, db_files.db_path(), migrate.head())
        return await take(connection, db_files.db_path(), found, name)

    done = migrate.ask(_admin_url(Settings.load()), _adopt)
    print(json.dumps({"done": done}) if json_ else "\n".join(map(visible, done)))


def _drift() -> Report:
    from zava_sql import migrate  # noqa: PLC0415 - alembic is slow to import
    from zava_sql.ddl_drift import report  # noqa: PLC0415

    return migrate.ask(
        _admin_url(Settings.load()),
        lambda connection: report(connection, db_files.db_path(), migrate.head()),
    )


def _show_drift(found: Report, *, diffs: bool, as_json: bool) -> None:
    if as_json:
        findings = [
            {"what": f.what, "object": f.title, "file": f.file or None, "diff": f.diff}
            for f in found.findings
        ]
        answer = {"files": found.files, "snapshot": found.snapshot, "findings": findings}
        print(json.dumps(answer))
    else:
        for finding in found.findings:
            # Whoever changed it by hand might want to wipe this line from the terminal.
            print(visible(finding.line))
            if diffs:
                print("\n".join(map(visible, finding.diff.split("\n"))) + "\n")
        if not found.findings:
            print("no difference")
    if found.reason:
        print(f"compared with the snapshot only: {visible(found.reason)}", file=sys.stderr)
    if not found.snapshot:
        print(
            "no snapshot of this revision: tables and indexes were not compared;"
            " write one: zava-sql db prove --lock",
            file=sys.stderr,
        )
    if found.findings:
        raise typer.Exit(1)


@db.command()
def prove(
    *,
    lock: Annotated[
        bool, typer.Option("--lock", help="Write the snapshot, db/catalog.lock.json.")
    ] = False,
) -> None:
    """Prove the revisions on scratch databases. Up, down, up, the script, the files."""
    from zava_sql import migrate  # noqa: PLC0415 - alembic is slow to import
    from zava_sql.ddl_prove import prove as run  # noqa: PLC0415

    unread: list[OSError] = []

    def tell(line: str) -> None:
        # The proof goes on without a reader: raised in there, this would look like a lost database.
        try:
            print(line, flush=True)
        except OSError as error:
            unread.append(error)

    failures = migrate.run(run(_admin_url(Settings.load()), tell, lock=lock))
    for failure in failures:
        print(failure, file=sys.stderr)
    if failures:
        raise typer.Exit(1)
    if unread:
        raise unread[0]


@db.command()
def blame(
    name: Annotated[str, typer.Argument(metavar="object", help="For example zava.visible_stores.")],
) -> None:
    """Tell which revisions changed an object; needs no database."""
    from zava_sql.ddl_review import blame as look  # noqa: PLC0415 - alembic is slow to import

    print("\n".join(look(db_files.db_path(), name)))


def _admin_url(settings: Settings) -> str:
    return required("ZAVA_ADMIN_URL", embedded.resolve(settings).admin_url)
