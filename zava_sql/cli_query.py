"""The commands that ask: one query as a principal, or the guard alone about a text."""

from __future__ import annotations

import asyncio
import json
import sys
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from zava_sql import embedded
from zava_sql.agent import Agent
from zava_sql.calls import called_from
from zava_sql.cli_input import lines_of, text_of
from zava_sql.doctor import require_sound
from zava_sql.errors import ValidationError
from zava_sql.guard import Guard, judge_line
from zava_sql.principals import find_principal
from zava_sql.render import harmless, to_csv, to_json, to_table
from zava_sql.settings import Settings

if TYPE_CHECKING:
    from zava_sql.result import Result

__all__ = ["check", "query"]


class Format(StrEnum):
    """How `query` prints an answer."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT; - reads it from standard input.")],
    *,
    principal: Annotated[str, typer.Option("--as", help="Principal who asks.")],
    format: Annotated[  # noqa: A002
        Format | None, typer.Option(help="Form of the answer; a table unless given.")
    ] = None,
    max_rows: Annotated[
        int | None, typer.Option(help="Rows at most; ZAVA_MAX_ROWS unless given.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Run one query as a principal, through the whole path.

    To see what there is: select api.describe_schema(). If the doctor finds an error, nothing runs.
    """
    chosen = Format.JSON if json_ else format or Format.TABLE
    if format not in (None, chosen):
        raise ValidationError(
            f"--json is --format json, and not {format}", hint="Leave --json or --format out."
        )
    text = text_of(None) if sql == "-" else sql
    result = asyncio.run(_query(text, principal, max_rows))
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
