"""The command `zava-sql`: its commands put together, and how errors become exit codes.

Exit codes: 0 fine; 1 findings; 2 refused or bad input; 3 database or service unavailable. Errors go
to stderr as one line and a hint, or as one JSON object with --json.
"""

from __future__ import annotations

import json
import os
import sys
from io import TextIOWrapper
from itertools import pairwise
from typing import Annotated

import asyncpg
import typer
from typer.exceptions import TyperException
from typer.main import get_command

from zava_sql import __version__
from zava_sql.administrator import OF_POOLER, advice, no_session
from zava_sql.cli_audit import audit
from zava_sql.cli_db import db
from zava_sql.cli_doctor import doctor, harden, verify
from zava_sql.cli_embed import embed
from zava_sql.cli_identity import key, principal, token
from zava_sql.cli_monitor import monitor
from zava_sql.cli_query import check, query
from zava_sql.cli_seed import demo, seed
from zava_sql.cli_serve import serve
from zava_sql.errors import (
    ConfigurationError,
    DatabaseError,
    ServiceUnavailable,
    ValidationError,
    ZavaError,
)
from zava_sql.logs import printable
from zava_sql.retry import is_lost

__all__ = ["app", "main"]

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
app.command()(query)
app.command()(check)
app.command()(demo)
app.command()(seed)


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
