"""Proofs about the revisions, on databases of their own that are gone afterwards.

Every revision leads up, down and up again to the same catalogue; the script of `upgrade --sql`
makes what an upgrade makes; and what the revisions make is what the files say.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import secrets
from contextlib import asynccontextmanager, redirect_stdout
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from zava_sql import db_files, ddl_drift, migrate
from zava_sql.ddl_catalogue import read
from zava_sql.ddl_plan import plan
from zava_sql.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["prove", "scratch"]


async def prove(url: str, report: Callable[[str], None], *, lock: bool = False) -> list[str]:
    """Prove it on the server of this URL; say each step, and return what does not hold.

    `lock` writes the snapshot that `ddl_drift` compares with, of what was proved.
    """
    db = db_files.db_path()
    if lock:
        db_files.require_clone(db)
    failures: list[str] = []

    def check(name: str, *digests: str) -> None:
        same = len(set(digests)) == 1
        report(f"{'ok' if same else 'FAILED'}  {name}  {digests[0]}")
        if not same:
            failures.append(name)

    async with scratch(url) as online, scratch(url) as offline:
        empty = before = await digest(online)
        for revision in migrate.revisions():
            await asyncio.to_thread(migrate.upgrade, online, revision)
            after = await digest(online)
            await asyncio.to_thread(migrate.downgrade, online, "-1")
            check(f"{revision} leads back", before, await digest(online))
            await asyncio.to_thread(migrate.upgrade, online, revision)
            check(f"{revision} leads there again", after, await digest(online))
            before = after

        with redirect_stdout(io.StringIO()) as script:
            migrate.upgrade("", sql=True)
        async with migrate.connected(offline) as connection:
            await connection.execute(script.getvalue())
        check("the script makes what an upgrade makes", before, await digest(offline))

        async with migrate.connected(online) as connection:
            found = await plan(connection, db)
            broken = [f"{rule}: {name}" for rule, name, _ in found.broken]
            waiting = [change.note for change in found.changes]
            report(f"{'FAILED' if waiting else 'ok'}  the files say what the revisions make")
            report(f"{'FAILED' if broken else 'ok'}  the house rules are kept")
            if lock and not (failures or waiting or broken):
                ddl_drift.lock(db, migrate.head(), await read(connection), found.files)
                report(f"wrote db/{ddl_drift.LOCK}")
        # Takes the roles along, too, where no other database uses them.
        for made in (offline, online):
            await asyncio.to_thread(migrate.downgrade, made, "base")
        check("base leaves nothing", empty, await digest(online), await digest(offline))
    return [*failures, *waiting, *broken]


async def digest(url: str) -> str:
    """Hash everything of a database but what extensions brought and alembic's own table."""
    async with migrate.connected(url) as connection:
        objects = await read(connection, None)
    text = "\n".join(f"{o.title}\n{o.text}" for o in objects.values())
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@asynccontextmanager
async def scratch(url: str, template: str = "template1") -> AsyncIterator[str]:
    """Lend a database on the server of this URL, copied from another if one is named."""
    name = f"zava_scratch_{secrets.token_hex(4)}"
    quoted = template.replace('"', '""')
    try:
        try:
            await _administer(url, f'create database {name} template "{quoted}"')
        except asyncpg.ObjectInUseError as error:
            raise DatabaseError(
                f"the database {template} is in use and cannot be copied",
                sqlstate=error.sqlstate,
                hint="Name a copy of it, such as a restored backup, with ZAVA_ADMIN_URL.",
            ) from error
        yield urlunsplit(urlsplit(url)._replace(path=f"/{quote(name)}"))
    finally:
        # Who is interrupted may not have heard yet that it was made.
        await _administer(url, f"drop database if exists {name} with (force)")


async def _administer(url: str, statement: str) -> None:
    async with migrate.connected(url) as connection:
        await connection.execute(statement)
