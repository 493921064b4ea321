"""The doctor: every reason it knows why isolation could be void on a database, with a remedy.

A check is one file of checks/: a query over the catalogue, each of whose rows is a finding (object,
evidence, remedy). What the checks share is prelude.sql. Here they are only run, over whichever
connections there are; what could not be looked at is said. Nothing is ever changed.
"""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import asyncpg

from zava_sql import db_files
from zava_sql.errors import ConfigurationError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zava_sql.database import Database

    Connection = asyncpg.Connection[asyncpg.Record]

__all__ = [
    "Check",
    "Finding",
    "Report",
    "Sessions",
    "checks",
    "examine",
    "hardening_query",
    "require_sound",
]

Level = Literal["error", "warning", "info"]
LEVELS: tuple[Level, ...] = ("error", "warning", "info")

_HERE = Path(__file__).parent
_HEADER = re.compile(
    r"-- (?P<level>error|warning|info): (?P<title>.+)\n"
    r"(?:-- over: (?P<over>gateway|service|hardening)\n)?"
    r"(?:-- needs: (?P<needs>\S+)\n)?"
)

# Checks compare names as PostgreSQL writes them, and call its own functions: what an agent has put
# into public would run with the rights of who looks, and say what it likes.
_AS_WRITTEN = "set local search_path = pg_catalog; set local quote_all_identifiers = off"

# One session waits while another is asked, for longer than a database may give its others.
_PATIENT = "set local idle_in_transaction_session_timeout = 0"

# Whether it was left between the revision of the tables and that of the functions and policies.
_HALF_WAY = """
select exists (
    select from pg_catalog.pg_namespace as n
    where n.nspname = 'zava' and not exists (
        select from pg_catalog.pg_proc as p
        where p.pronamespace = n.oid and p.proname = 'find_principal'
    )
)"""


@dataclass(frozen=True, slots=True)
class Check:
    """One file of checks/; `name` is the file's, and the id of its findings."""

    name: str
    level: Level
    title: str
    over: str | None
    needs: str | None
    sql: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason, and what to do: `remedy` is SQL or a command that can be run."""

    check: str
    level: Level
    title: str
    object: str
    evidence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, worst first, and which checks could not be made, with the reason."""

    findings: tuple[Finding, ...]
    unchecked: tuple[tuple[str, str], ...]

    @property
    def sound(self) -> bool:
        """Whether there is no finding of level error."""
        return not any(finding.level == "error" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The connections that there are; with a `pooler` before them if one is known of."""

    gateway: Connection | None = None
    service: Connection | None = None
    admin: Connection | None = None
    pooler: bool = False

    def for_catalogue(self) -> Connection:
        """Give the connection that is allowed to see most."""
        found = self.admin or self.service or self.gateway
        if found is None:
            raise ConfigurationError(
                "no database to examine", hint="Set ZAVA_ADMIN_URL or ZAVA_DATABASE_URL."
            )
        return found


@cache
def checks() -> tuple[Check, ...]:
    """Read the files, worst level first."""
    found = []
    for path in sorted((_HERE / "checks").glob("*.sql")):
        text = path.read_text("utf-8")
        header = _HEADER.match(text)
        if header is None:
            raise ConfigurationError(f"{path.name} does not start as a check does")
        level = cast("Level", header["level"])
        found.append(
            Check(
                path.stem,
                level,
                header["title"],
                header["over"],
                header["needs"],
                text[header.end() :].strip(),
            )
        )
    return tuple(sorted(found, key=lambda check: LEVELS.index(check.level)))


async def examine(
    sessions: Sessions, *, gateway: str | None = None, chosen: Sequence[Check] | None = None
) -> Report:
    """Make the chosen checks, or all; `gateway` names its role where it has no connection.

    Raises:
        ValidationError: there is no such role, or the connection is of another.
        ConfigurationError: an upgrade was left half-way.
    """
    async with AsyncExitStack() as stack:
        for session in (sessions.gateway, sessions.service, sessions.admin):
            if session is not None:
                await stack.enter_async_context(session.transaction())
                await session.execute(f"{_AS_WRITTEN}; {_PATIENT}")
                if session.get_server_version() >= (17,):
                    await session.execute("set local transaction_timeout = 0")
        return await _examine(sessions, gateway, checks() if chosen is None else chosen)


async def _examine(sessions: Sessions, gateway: str | None, chosen: Sequence[Check]) -> Report:
    catalogue = sessions.for_catalogue()
    user = await _user(sessions.gateway)
    if gateway is not None and user not in (None, gateway):
        raise ValidationError(
            f"the login of ZAVA_DATABASE_URL runs the text of agents: {user}, not {gateway}",
            hint="Leave --gateway out, or unset ZAVA_DATABASE_URL.",
        )
    given = (
        user or ("zava_gateway" if gateway is None else gateway),
        await _user(sessions.service) or "zava_service",
        await _user(sessions.admin),
        # The pid that a pooler tells is an invention of its own, as the server knows then.
        sessions.gateway.get_server_pid() if sessions.gateway and not sessions.pooler else None,
    )
    known = "select exists (select from pg_catalog.pg_roles as r where r.rolname = $1)"
    if not await catalogue.fetchval(known, given[0]):
        # Without it next to nothing is looked at, which would pass for a sound database.
        raise ValidationError(
            f"there is no role {given[0]}",
            hint="Name the role that runs the text of agents: zava-sql doctor --gateway ROLE.",
        )
    if await catalogue.fetchval(_HALF_WAY):
        # No table has its policies yet, so each would pass for one that somebody forgot to fence.
        raise ConfigurationError(
            "this database has tables of zava_sql, but not the functions",
            hint="Go on with `zava-sql db upgrade`; `zava-sql db check` tells what is missing.",
        )
    own = {"gateway": sessions.gateway, "service": sessions.service}
    unchecked: list[tuple[str, str]] = []
    together, alone = [], []
    for check in chosen:
        if own.get(check.over or "", catalogue) is None:
            unchecked.append((check.name, f"needs a connection of the {check.over}"))
        elif check.needs and not (may_read := await _may_read(catalogue, check.needs)):
            # None: the table is not there, so the database is none of ours.
            if may_read is not None:
                unchecked.append((check.name, f"needs the administrator, who reads {check.needs}"))
        elif check.over or check.needs:
            alone.append(check)
        else:
            together.append(check)
    rows = await _run(catalogue, together, given, unchecked)
    for check in alone:
        session = own.get(check.over or "", catalogue)
        rows += await _run(cast("Connection", session), [check], given, unchecked)
    by_name = {check.name: check for check in checks()}
    findings = [
        Finding(
            check.name,
            check.level,
            check.title,
            row["object"],
            " ".join(row["evidence"].split()),
            row["remedy"],
        )
        for row in rows
        for check in [by_name[row["check_name"]]]
    ]
    findings.sort(key=lambda found: (LEVELS.index(found.level), found.check, found.object))
    return Report(tuple(findings), tuple(unchecked))


async def require_sound(database: Database) -> None:
    """Make the checks of level error over the pools of a server.

    Raises:
        ConfigurationError: there is a finding; the message tells the first one.
    """
    errors = [check for check in checks() if check.level == "error"]
    pooler = database.settings.pooler is not None
    async with (
        database.service_session() as service,
        database.gateway.lend() as gateway,
        gateway.transaction(readonly=True),  # which holds one backend behind a pooler
    ):
        report = await examine(Sessions(gateway, service, pooler=pooler), chosen=errors)
    if not report.sound:
        first, *others = report.findings
        more = f" (and {len(others)} more)" if others else ""
        raise ConfigurationError(
            f"isolation could be void: {first.object}: {first.title}{more}",
            hint="See all findings and their remedies: zava-sql doctor",
        )


async def _user(connection: Connection | None) -> str | None:
    if connection is None:
        return None
    return cast("str", await connection.fetchval("select session_user::text"))


async def _may_read(connection: Connection, table: str) -> bool | None:
    sql = (
        "select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')"
        " from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n"
        " on n.oid = c.relnamespace where format('%s.%s', n.nspname, c.relname) = $1"
    )
    return cast("bool | None", await connection.fetchval(sql, table))


async def _run(
    connection: Connection,
    chosen: Sequence[Check],
    given: tuple[object, ...],
    unchecked: list[tuple[str, str]],
) -> list[asyncpg.Record]:
    """Run checks as one statement; where one of them fails, each by itself."""
    if not chosen:
        return []
    parts = [
        f"select '{check.name}' as check_name, c.object::text, c.evidence::text, c.remedy::text"
        f" from (\n{check.sql}\n) as c"
        for check in chosen
    ]
    shared = _prelude(hardening=any(check.over == "hardening" for check in chosen))
    sql = f"{shared}\n" + "\nunion all\n".join(parts)
    try:
        async with connection.transaction():  # from which the next goes on, should this one fail
            return await connection.fetch(sql, *given)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedObjectError) as error:
        if len(chosen) == 1:
            unchecked.append((chosen[0].name, error.message or "not allowed"))
            return []
    rows = []
    for check in chosen:
        rows += await _run(connection, [check], given, unchecked)
    return rows


@cache
def _prelude(*, hardening: bool) -> str:
    text = (_HERE / "prelude.sql").read_text("utf-8")
    return f"{text},\nhardening as (\n{hardening_query()}\n)" if hardening else text


@cache
def hardening_query() -> str:
    """Give the query of zava.hardening(), for databases that have no such function as well."""
    function = (db_files.db_path() / "functions" / "security" / "hardening.sql").read_text("utf-8")
    return function.partition("\nbegin atomic\n")[2].partition(";\nend;\n")[0]
