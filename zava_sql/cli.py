"""The command `zava-sql`: thin; what it does is in the modules it calls.

Exit codes: 0 fine; 1 findings; 2 refused or bad input; 3 database or service unavailable. Errors go
to stderr as one line and a hint, or as one JSON object with --json.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from enum import StrEnum
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated, TypeVar

import asyncpg
import typer
from rich.console import Console
from typer.exceptions import TyperException
from typer.main import get_command

from zava_sql import __version__, embedded
from zava_sql.administrator import OF_POOLER, advice, no_session
from zava_sql.agent import Agent
from zava_sql.calls import called_from
from zava_sql.cli_audit import audit
from zava_sql.cli_db import day, db
from zava_sql.cli_doctor import doctor, harden, verify
from zava_sql.cli_embed import embed, embed_if_possible
from zava_sql.cli_identity import key, principal, token
from zava_sql.cli_input import lines_of, text_of
from zava_sql.cli_monitor import monitor
from zava_sql.cli_progress import progress_bar, show_step
from zava_sql.cli_serve import serve
from zava_sql.connections import connect
from zava_sql.doctor import require_sound
from zava_sql.errors import (
    ConfigurationError,
    DatabaseError,
    ServiceUnavailable,
    ValidationError,
    ZavaError,
)
from zava_sql.guard import Guard, judge_line
from zava_sql.logs import printable
from zava_sql.render import harmless, to_csv, to_json, to_table
from zava_sql.retry import is_lost
from zava_sql.settings import Settings
from zava_sql.tenant import find_principal

if TYPE_CHECKING:
    from datetime import date

    from zava_sql.result import Result

__all__ = ["app", "main"]

T = TypeVar("T")

_STDOUT, _STDERR = 1, 2

# Columns to assume where a terminal says it has none: rich would leave values out.
_NARROWEST = 20

app = typer.Typer(
    name="zava-sql",
    help="Let AI agents query a shared, multi-tenant PostgreSQL safely.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(db, name="db")
app.add_typer(principal, name="principal")
app.add_typer(token, name="token")
app.add_typer(key, name="key")
app.add_typer(audit, name="audit")
app.command()(serve)
app.command()(embed)
app.command()(doctor)
app.command()(verify)
app.command()(harden)
app.command()(monitor)


class Format(StrEnum):
    """How `query` prints an answer."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def main() -> None:
    """Run the command line; every error becomes one line, a hint and an exit code."""
    _have_streams()
    code = 0
    if os.environ.get("COLUMNS", "").isdecimal() and int(os.environ["COLUMNS"]) < _NARROWEST:
        os.environ["COLUMNS"] = str(_NARROWEST)
    try:
        code = _invoke()
        sys.stdout.flush()
    except ZavaError as error:
        _complain(error)
        code = error.exit_code
    except KeyboardInterrupt:
        _tell("interrupted")
        code = 130
    except BrokenPipeError:
        # The reader has what it wanted; what a command has found still counts.
        _discard_output()
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        # This is how rich ends a program whose reader is gone.
    except OSError as error:
        _discard_output()
        gone = "the working directory" if isinstance(error, FileNotFoundError) else "the output"
        _complain(
            ConfigurationError(
                f"{error.filename or gone} cannot be used: {error.strerror or error}",
                hint="Check that it exists, has room, and that this account may write there.",
            )
        )
        code = ConfigurationError.exit_code
    except Exception as error:
        if os.environ.get("ZAVA_DEBUG"):
            raise
        told = _of_database(error) or ZavaError(
            f"internal error: {type(error).__name__}", hint="See the stack with ZAVA_DEBUG=1."
        )
        _complain(told)
        code = told.exit_code
    sys.exit(code)


def _invoke() -> int:
    """Do what the arguments say.

    Raises: ValidationError: they do not fit. Typer would report it for people only, and treat a
    reader that has enough as an error.
    """
    command = get_command(app)
    try:
        with command.make_context("zava-sql", sys.argv[1:]) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except TyperException as error:
        message = error.format_message().replace(": Value error, ", ": ")  # pydantic's words
        if message.startswith("Usage:"):  # a command without work
            _tell(message)
            return error.exit_code
        raise ValidationError(
            message.removesuffix("."), hint=f"See: {_named(command)} --help"
        ) from None
    return 0


def _named(command: object) -> str:
    """Give the command that the arguments name: not all errors of the parser know theirs."""
    names = ["zava-sql"]
    for word in sys.argv[1:]:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        names.append(word)
    return " ".join(names)


def _have_streams() -> None:
    """Make sure that standard input and output exist, and that each character can be written."""
    # A connection could take the place of a closed stream, and be read and written.
    while (spare := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(spare)
    sys.stdin, sys.stdout, sys.stderr = (
        stream or open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
        for number, (stream, mode) in enumerate(
            ((sys.stdin, "r"), (sys.stdout, "w"), (sys.stderr, "w"))
        )
    )
    if isinstance(sys.stdout, TextIOWrapper):
        # Programs read UTF-8; a terminal shows what it can.
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="backslashreplace")
        else:
            sys.stdout.reconfigure(encoding="utf-8")


def _discard_output() -> None:
    """Leave nothing to flush at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)


def _of_database(error: Exception) -> ZavaError | None:
    """Translate what the database told an administrator's command, or that it went away."""
    if is_lost(error):
        return ServiceUnavailable(
            "the connection to the database was lost", hint="Check that it runs, and try again."
        )
    if isinstance(error, asyncpg.DataError) and not error.message:  # the driver's own
        return ValidationError(
            "an argument is not UTF-8, and PostgreSQL has no such text",
            hint="Set the terminal, or the script, to UTF-8.",
        )
    if isinstance(error, OF_POOLER):
        return no_session()
    if isinstance(error, asyncpg.PostgresError):
        return DatabaseError(
            error.message or "the statement failed",
            sqlstate=error.sqlstate,
            hint=advice(error),
        )
    return None


def _complain(error: ZavaError) -> None:
    given = sys.argv[1:]
    formats = {f"{one}={two}" for one, two in pairwise(given)}
    if "--json" in given or "--format=json" in formats.union(given):
        _tell(json.dumps(error.to_dict()))
        return
    where = getattr(error, "position", None)
    place = f" (character {where})" if where else ""
    _tell(f"error: {_line(error.message)}{place} [{error.code}]")
    if error.hint:
        _tell(f"hint: {_line(error.hint)}")


def _tell(text: str) -> None:
    """Write to standard error; if that fails, the exit code says enough."""
    try:
        print(text, file=sys.stderr)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), _STDERR)


def _line(text: str) -> str:
    return " ".join(printable(text).split())


def _version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    if value:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


# ---------------------------------------------------------------- asking


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT; - reads it from standard input.")],
    *,
    principal: Annotated[str, typer.Option("--as", help="Principal who asks.")],
    format: Annotated[Format, typer.Option(help="Form of the answer.")] = Format.TABLE,  # noqa: A002
    max_rows: Annotated[
        int | None, typer.Option(help="Rows at most; ZAVA_MAX_ROWS unless given.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Run one query as a principal, through the whole path.

    To see what there is: select api.describe_schema(). If the doctor finds an error, nothing runs.
    """
    text = text_of(None) if sql == "-" else sql
    result = asyncio.run(_query(text, principal, max_rows))
    chosen = Format.JSON if json_ else format
    if chosen is Format.TABLE:
        console = Console()
        console.print(to_table(result, console))
        if result.truncated:
            print(f"({result.row_count} rows shown, there are more)", file=sys.stderr)
    else:
        _show(to_csv(result) if chosen is Format.CSV else to_json(result))


async def _query(sql: str, name: str, max_rows: int | None) -> Result:
    async with Agent.open(embedded.resolve(Settings.load())) as agent:
        await require_sound(agent.database)
        asks = await find_principal(agent.database, name)
        with called_from("zava-sql"):
            return await agent.query(asks, sql, max_rows=max_rows)


@app.command()
def check(
    sql: Annotated[str | None, typer.Argument(help="One SELECT; - reads standard input.")] = None,
    *,
    file: Annotated[Path | None, typer.Option(help="File with the text or lines.")] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Read lines {"id", "sql"}, print a verdict for each.')
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The verdict as JSON.")] = False,
) -> None:
    """Ask the guard alone: no database is needed. Prints the canonical text that would run."""
    guard = Guard(strict=Settings.load().guard_strict)
    if jsonl:
        if sql is not None:
            raise ValidationError("--jsonl reads lines, not the argument", hint="Pipe them in.")
        for line in lines_of(file):
            print(json.dumps(judge_line(line, guard)))
        return
    if (sql is None) == (file is None):
        raise ValidationError(
            "give the text either as argument or with --file",
            hint='For example: zava-sql check "select 1"; - reads standard input.',
        )
    text = text_of(file) if file or sql == "-" else str(sql)
    checked = guard.check(text)
    _show(json.dumps({"ok": True, "canonical": checked.canonical}) if json_ else checked.canonical)


def _show(text: str) -> None:
    """Print what holds values, or a text of somebody else's, which no terminal is to obey."""
    print(harmless(text) if sys.stdout.isatty() else text)


@app.command()
def demo() -> None:
    """Show it all on an embedded server. One question by two tenants, an attack refused."""
    from zava_sql.demo.show import show  # noqa: PLC0415 - not needed by the other commands

    command = "zava-sql" if shutil.which("zava-sql") else os.path.relpath(sys.argv[0])
    asyncio.run(show(_prepared_demo(), command))


def _prepared_demo() -> Settings:
    settings = Settings.load()
    # The data would go where the URLs lead.
    for name in ("admin_url", "database_url", "service_url"):
        if getattr(settings, name):
            variable = f"ZAVA_{name.upper()}"
            raise ConfigurationError(
                f"the demo is for an embedded server, and {variable} leads to another",
                hint=f"Unset {variable} for it; zava-sql seed fills a database of your own.",
            )
    embedded.up(settings, show_step)
    resolved = embedded.resolve(settings)
    asyncio.run(_seed(resolved, 0.05, None))
    return resolved


# ---------------------------------------------------------------- the data


@app.command()
def seed(
    *,
    scale: Annotated[float, typer.Option(help="1.0 is 50,000 customers, 200,000 orders.")] = 1.0,
    until: Annotated[
        str | None,
        typer.Option(help="Last day of the data, YYYY-MM-DD; 2026-06-30 unless given."),
    ] = None,
) -> None:
    """Load the demo data, Zava Retail. The same data every time; all or nothing."""
    last = day(until)
    asyncio.run(_seed(embedded.resolve(Settings.load()), scale, last))


async def _seed(settings: Settings, scale: float, until: date | None) -> None:
    from zava_sql.seed import seed as fill  # noqa: PLC0415 - not needed by the other commands
    from zava_sql.seed import vacuum  # noqa: PLC0415

    async with connect(settings.admin_url) as connection:
        with progress_bar("seeding") as update:
            report = await fill(
                connection,
                scale=scale,
                until=until,
                progress=lambda step, part: update(description=step, completed=part),
            )
            # Agents may query the daily tables, and would find them empty.
            update(description="sums by day")
            await connection.execute("select from zava.refresh_daily_sales()", timeout=None)
            update(description="vacuum")
            await vacuum(connection)
    made = (
        f"{report.products:,} products, {report.customers:,} customers, {report.orders:,} orders,"
        f" {report.returns:,} returns, {report.order_items:,} lines"
    )
    print(f"scale {report.scale:f} until {report.until}: ", end="")
    print("nothing to add" if report.unchanged else made)
    await embed_if_possible(settings)
