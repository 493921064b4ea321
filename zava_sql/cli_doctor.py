"""Commands that look for what could void isolation, and close what only a superuser can close."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import asyncpg
import typer
from rich.console import Console
from rich.markup import escape

from zava_sql import embedded
from zava_sql.cli_options import Json  # noqa: TC001 - typer reads it at run time
from zava_sql.cli_progress import spinner
from zava_sql.connections import connect, translated_connection_errors
from zava_sql.context import ContextKey
from zava_sql.database import Database
from zava_sql.errors import ConfigurationError, ValidationError
from zava_sql.render import visible
from zava_sql.settings import Settings

if TYPE_CHECKING:
    from zava_sql.doctor import Report
    from zava_sql.mutations import Mutation
    from zava_sql.verify import Matrix

__all__ = ["doctor", "harden", "verify"]


def doctor(
    *,
    json_: Json = False,
    sarif: Annotated[
        bool, typer.Option("--sarif", help="Print SARIF, for code-scanning tools.")
    ] = False,
    gateway: Annotated[
        str | None, typer.Option(help="Role that runs the text of agents, if no URL tells.")
    ] = None,
) -> None:
    """Find anything that could void isolation. Exit code 1 on any finding of level error.

    Works on any database of PostgreSQL 16 or newer, over whichever of the three URLs are set.
    """
    from zava_sql.doctor import report  # noqa: PLC0415 - not needed by the other commands

    if json_ and sarif:
        raise ValidationError(
            "--sarif is another form of JSON than --json", hint="Leave --json or --sarif out."
        )
    found = asyncio.run(_examine(gateway))
    with _for_whoever_reads():
        if sarif:
            print(report.to_sarif(found))
        elif json_:
            print(report.to_json(found))
        else:
            _print_report(found)
    if not found.sound:
        raise typer.Exit(1)


def _for_whoever_reads() -> suppress:
    """Print for a reader who may have enough (rich exits then); the findings still count."""
    return suppress(BrokenPipeError, SystemExit)


async def _examine(role: str | None) -> Report:
    from zava_sql.doctor import Sessions, examine  # noqa: PLC0415 - see above

    settings = embedded.resolve(Settings.load())
    urls = {
        "ZAVA_DATABASE_URL": settings.database_url,
        "ZAVA_SERVICE_URL": settings.service_url,
        "ZAVA_ADMIN_URL": settings.admin_url,
    }
    async with AsyncExitStack() as stack:
        gateway, service, admin = [
            await stack.enter_async_context(connect(url, variable=name)) if url else None
            for name, url in urls.items()
        ]
        sessions = Sessions(gateway, service, admin, pooler=settings.pooler is not None)
        async with translated_connection_errors():
            return await examine(sessions, gateway=role)


def _print_report(found: Report) -> None:
    from zava_sql.doctor import checks, report  # noqa: PLC0415 - see above

    console = Console()
    if found.findings:
        console.print(report.to_table(found))
    for name, reason in found.unchecked:
        told = escape(visible(reason))
        console.print(f"[yellow]not checked[/yellow] {name}: {told}", highlight=False)
    counts = []
    for level in ("error", "warning"):
        count = sum(one.level == level for one in found.findings)
        counts.append(f"{count} {level}{'' if count == 1 else 's'}")
    print(f"{len(checks())} checks: {', '.join(counts)}")


def verify(
    *,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Weaken a scratch copy and see what notices.")
    ] = False,
    json_: Json = False,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write everything as an HTML page.")
    ] = None,
) -> None:
    """Measure what each principal sees of each object. Exit code 1 if it is too much or too little.

    With --mutate also apply a list of weakenings to a scratch copy, one after the other: what
    neither the doctor nor the matrix notices counts as a finding.
    """
    settings = embedded.resolve(Settings.load())
    matrix = asyncio.run(_measure(settings))
    mutations = asyncio.run(_mutate(settings)) if mutate else []
    with _for_whoever_reads():
        if json_:
            extra = {"mutations": [one.to_dict() for one in mutations]} if mutate else {}
            print(json.dumps(matrix.to_dict() | extra, indent=2))
        else:
            _print_matrix(matrix, mutations)
    if page:
        _write_page(page, matrix, mutations)
    if matrix.problems or not all(one.caught for one in mutations):
        raise typer.Exit(1)


def _write_page(file: Path, matrix: Matrix, mutations: list[Mutation]) -> None:
    from zava_sql.verify_page import to_page  # noqa: PLC0415 - see above

    # A pipe, a device or a link, as /dev/stdout is, is written to and not replaced.
    is_file = not file.is_symlink() and (file.is_file() or not file.exists())
    whole = Path(f"{file}.new") if is_file else file
    try:
        whole.write_text(to_page(matrix, mutations), encoding="utf-8")
        whole.replace(file)
    except OSError as error:
        if is_file:
            with suppress(OSError):
                whole.unlink()
        raise ValidationError(
            f"cannot write {file}: {error.strerror}", hint="Name a file that can be written."
        ) from None


async def _measure(settings: Settings) -> Matrix:
    from zava_sql.verify import measure, personas, relations, through  # noqa: PLC0415 - see above

    async with connect(settings.admin_url) as admin, Database.open(settings) as database:
        everybody = await personas(admin)
        if not everybody:  # to find nothing wrong would sound like a proof
            raise ConfigurationError(
                "nothing can be measured: there are no principals",
                hint="Register those who may ask: zava-sql principal create.",
            )
        return await measure(through(database), admin, everybody, await relations(admin))


async def _mutate(settings: Settings) -> list[Mutation]:
    from zava_sql.mutations import mutate, scratch_copy  # noqa: PLC0415 - see above

    if settings.admin_url is None or settings.context_key is None:
        raise ConfigurationError(
            "mutations need ZAVA_ADMIN_URL and ZAVA_CONTEXT_KEY", hint="Set both."
        )
    key = ContextKey.parse(settings.context_key.get_secret_value())
    async with scratch_copy(settings.admin_url) as copied:
        with spinner("copying") as tell:
            return await mutate(copied, key, progress=tell)


def _print_matrix(matrix: Matrix, mutations: list[Mutation]) -> None:
    console = Console()
    fitting = max(1, (console.width - 30) // 12)
    console.print(matrix.to_table(fitting))
    for cell in matrix.problems:
        name = visible(cell.object)
        if cell.outcome == "unknown":
            print(f"unknown: {cell.persona} could not count {name}")
            continue
        # Without a truth only rows of others are wrong.
        wrong = "others' among them" if cell.expected is None else f"not {cell.expected}"
        print(f"{cell.outcome}: {cell.persona} saw {cell.seen} of {name}, {wrong}")
    sessions = len({cell.persona for cell in matrix.cells})
    shown = f" ({fitting} fit above; all with --json or --page)" if fitting < sessions else ""
    print(f"{sessions} sessions{shown}, {len(matrix.cells)} cells, {len(matrix.problems)} wrong")
    if mutations:
        from zava_sql.mutations import to_table  # noqa: PLC0415 - see above

        console.print(to_table(mutations))
        caught = sum(one.caught for one in mutations)
        for one in mutations:
            if not one.caught:
                print(f"not noticed: {one.kind}: {visible(one.object)}")
        print(f"mutation score: {caught} of {len(mutations)}")


def harden(
    *,
    print_: Annotated[bool, typer.Option("--print", help="Print the script, run nothing.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Grant back what it revoked.")] = False,
) -> None:
    """Revoke dangerous built-in functions and columns from PUBLIC. Needs a superuser."""
    for line in asyncio.run(_harden(only_script=print_, undo=undo)):
        print(line)


async def _harden(*, only_script: bool, undo: bool) -> list[str]:
    """Give the lines to print: in here a lost reader would be taken for a lost database."""
    async with (
        connect(embedded.resolve(Settings.load()).admin_url) as connection,
        translated_connection_errors(),
    ):
        if only_script:
            return await _script(connection, undo=undo)
        try:
            count = await connection.fetchval("select zava.harden($1)", undo)
        except (asyncpg.InvalidSchemaNameError, asyncpg.UndefinedFunctionError) as error:
            raise ConfigurationError(
                "this database has no zava.harden()",
                hint="Have a superuser run what this prints: zava-sql harden --print",
            ) from error
    return [f"{count} objects changed"]


async def _script(connection: asyncpg.Connection[asyncpg.Record], *, undo: bool) -> list[str]:
    """Give all statements, done or not: each of them can be run again."""
    from zava_sql.doctor import hardening_query  # noqa: PLC0415 - see above

    way = "undo" if undo else "statement"
    rows = await connection.fetch(hardening_query())
    return [f"{row[way]};  -- {row['protects_from']}" for row in rows if row[way]]
