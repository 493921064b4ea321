"""For the reviewer: what a change lets whom see, in words and in rows, and who made what."""

from __future__ import annotations

import difflib
import re
import time
from typing import TYPE_CHECKING

import asyncpg

from zava_sql import ddl, migrate
from zava_sql.context import ContextKey
from zava_sql.ddl_catalogue import OWNER
from zava_sql.ddl_prove import scratch
from zava_sql.errors import ValidationError
from zava_sql.principals import Principal
from zava_sql.retry import is_lost

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from zava_sql.ddl_catalogue import Connection, Object
    from zava_sql.ddl_moves import Change

__all__ = ["blame", "count_rows", "words"]

_CLAUSES = re.compile(
    r"\n    AS (\w+)\n    FOR (\w+)\n    TO ([^\n]+)(?:\n    USING \((.*?)\))?"
    r"(?:\n    WITH CHECK \((.*)\))?;\Z",
    re.DOTALL,
)
_MENTION = (
    r"^(create or replace|create|alter|drop|comment on|grant|revoke)\b"
    r"(?:[^;('$]|\([\w, ]*\))*?(?<![\w.]){}(?![\w.])"
)
# A text or a name in quotes, of which a default may hold any words; and where a body begins.
_QUOTED = re.compile(r"""(?<!\w)E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*\"""", re.DOTALL)
_BODY = re.compile(r"\n(?! )")
_VIEW = re.compile(r"CREATE OR REPLACE VIEW \S+(?: WITH \((.*)\))? AS\n")
_INVOKER = re.compile(r"\bsecurity_invoker=(?:t|y|1|on)", re.IGNORECASE)
# As it is written in SQL, or as the other commands call it: policy orders_fence on retail.orders.
_NAME = re.compile(r'(?:[a-z ]+ )?((?:[\w.]|"[^"]*")+)(?:\(.*\))?(?: on \S+)?')

# What a tenant may read by its rows: the tables behind policies, and views, also of other tables.
_TABLES = """
select c.oid::regclass::text
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'retail' and c.relrowsecurity or n.nspname = 'api' and c.relkind = 'v'
order by 1
"""


def words(changes: Iterable[Change]) -> list[str]:
    """Say who gains and who loses what; a rebuilt object changes nothing."""
    lines: list[str] = []
    for change in changes:
        if change.what == "rebuild":
            continue
        old, new = change.before, change.after
        for told in (_grants, _defaults, _policy, _flags):
            lines += told(old, new)
    return lines


def _grants(old: Object | None, new: Object | None) -> Iterable[str]:
    had, has = (set(o.grants) if o else set() for o in (old, new))
    for verb, grants in (("loses", had - has), ("gains", has - had)):
        for grant in sorted(grants):
            what, _, whom = grant.removeprefix("GRANT ").rstrip(";").rpartition(" TO ")
            whom, option, _ = whom.partition(" WITH GRANT OPTION")
            yield f"{whom} {verb} {what}{option}"


def _defaults(old: Object | None, new: Object | None) -> Iterable[str]:
    had, has = (
        set(o.body.splitlines()) if o and o.kind == "default privileges" else set()
        for o in (old, new)
    )
    for verb, statements in (("no longer", had - has), ("now", has - had)):
        for statement in sorted(statements):
            yield f"{verb}: {statement.rstrip(';')}"


def _policy(old: Object | None, new: Object | None) -> Iterable[str]:
    for verb, o in (("no longer", old), ("now", new)):
        found = _CLAUSES.search(o.body) if o and o.kind == "policy" else None
        if o is None or found is None or (old and new and old.body == new.body):
            continue
        permissive, command, roles, using, check = found.groups()
        table = o.key.rpartition(" on ")[2]
        held = "may" if permissive == "PERMISSIVE" else "is held, in all it does, to"
        what = "do everything with" if command == "ALL" else command
        what = f"{what} rows of {table}" if held == "may" else f"rows of {table} for {command}"
        where = f" where {' '.join(using.split())}" if using else ""
        if check and check != using:
            where += f", and write rows where {' '.join(check.split())}"
        yield f"{roles} {verb} {held} {what}{where}"


def _flags(old: Object | None, new: Object | None) -> Iterable[str]:
    if old and new and new.kind == "access":
        for was, now in zip(old.body.splitlines(), new.body.splitlines(), strict=True):
            if was != now:
                yield f"{now.removeprefix('ALTER TABLE ').rstrip(';')} (was otherwise)"
    if new and _lends_rights(new) and not (old and _lends_rights(old)):
        does = "reads" if new.kind == "view" else "runs"
        yield f"{new.title} {does} with the rights of its owner, {new.owner}"


def _lends_rights(o: Object) -> bool:
    """Say whether who uses it does so with the rights of its owner."""
    plain = _QUOTED.sub("''", o.body)
    if o.kind == "view":
        view = _VIEW.match(plain)
        return not (view and _INVOKER.search(view[1] or ""))
    return o.kind in ("function", "procedure") and "SECURITY DEFINER" in _BODY.split(plain, 1)[0]


async def count_rows(url: str, up: str) -> list[str]:
    """Count, on a copy of the database, what each principal reads before and after a change."""
    async with migrate.connected(url) as admin:  # one that is in use cannot be copied
        name = await admin.fetchval("select current_database()")
    async with scratch(url, name) as copy, migrate.connected(copy) as connection:
        key = ContextKey.generate()
        create = "select zava.create_signing_key($1, $2, $3)"
        await connection.execute(create, key.kid, *key.pads())
        before = await _counts(connection, key)
        async with connection.transaction():
            await connection.execute(f"set local role {OWNER};\n{up}")
        after = await _counts(connection, key)
    lines = []
    for place in sorted({*before, *after}):
        old, new = before.get(place, "no access"), after.get(place, "no access")
        lines.append(f"{place}: {old}" + ("" if old == new else f" -> {new}"))
    return lines


async def _counts(connection: Connection, key: ContextKey) -> dict[str, str]:
    rows = await connection.fetch(
        "select p.principal_id, p.name, p.kind, p.role_name::text as role"
        " from zava.principals as p where p.active order by p.kind, p.name"
    )
    if not rows:
        raise ValidationError(
            "there is no principal to count rows for",
            hint="Count on a copy of a database in use: it has principals and rows.",
        )
    tables = [row[0] for row in await connection.fetch(_TABLES)]
    counts: dict[str, str] = {}
    for row in rows:
        principal = Principal(row["principal_id"], row["name"], row["kind"], row["role"])
        context = key.sign(
            principal, pid=connection.get_server_pid(), expiry=int(time.time()) + 3600
        )
        for table in tables:
            transaction = connection.transaction()
            await transaction.start()
            try:
                # Who made the role, but is no superuser, may let itself be the role; not for long.
                await connection.execute(
                    f'grant "{principal.role}" to current_user with inherit false, set true;'
                    f"set transaction read only; set local zava.context = '{context}';"
                    f'set local role "{principal.role}"'
                )
                if await connection.fetchval(
                    "select pg_catalog.has_table_privilege($1, 'SELECT')", table
                ):
                    place = f"{principal.name} ({principal.role}) reads {table}"
                    counts[place] = await _count(connection, table)
            finally:
                await transaction.rollback()
    return counts


async def _count(connection: Connection, table: str) -> str:
    try:
        return f"{await connection.fetchval(f'select count(*) from {table}'):,} rows"
    except asyncpg.PostgresError as error:
        if is_lost(error):
            raise
        # A view that fails for somebody is what the reviewer wants to know.
        return f"error {error.sqlstate}, {(error.message or '').partition(chr(10))[0]}"


def blame(db: Path, name: str) -> list[str]:
    """Tell which revisions changed an object, from the frozen files alone."""
    found = _NAME.fullmatch(name.strip())
    if found is None:
        raise ValidationError(
            f"not the name of an object: {name[:60]!r}",
            hint="For example zava.visible_stores, retail.orders, or the name of a policy.",
        )
    bare = re.sub(r'"([a-z_][a-z0-9_]*)"', r"\1", found[1])
    mention = re.compile(_MENTION.format(re.escape(bare)), re.MULTILINE | re.IGNORECASE)
    lines: list[str] = []
    texts: dict[str, str] = {}
    for file in ddl.frozen(db):
        revision = file.name.removesuffix(".up.sql")
        whole = ddl.read(file)
        parts = [("by hand", ddl.BLOCK.sub("", whole))]
        for block in ddl.BLOCK.findall(whole):
            parts += [(path, body.strip()) for _, path, body in ddl.SECTION.findall(block)]
            parts.append(("by hand", ddl.SECTION.sub("", block)))
        for path, text in parts:
            verbs = dict.fromkeys(match[1].lower() for match in mention.finditer(text))
            former = "" if path == "by hand" else texts.get(path, "")
            if verbs or mention.search(former):
                said = ", ".join(verbs) or "gone"
                lines.append(f"{revision}  {said}  {path}{_size(former, text, path)}")
            if path != "by hand":
                texts[path] = text
    if not lines:
        raise ValidationError(
            f"no revision names {bare}",
            hint="For example zava.visible_stores, retail.orders, or the name of a policy.",
        )
    return lines


def _size(old: str, new: str, path: str) -> str:
    if path == "by hand":
        return ""
    changed = list(difflib.ndiff(old.splitlines(), new.splitlines()))
    signs = [line[0] for line in changed]
    return f"  +{signs.count('+')} -{signs.count('-')} lines"
