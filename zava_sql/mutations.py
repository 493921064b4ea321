"""Weakenings of a database, one after the other, to see whether the doctor or the matrix notices.

All of it happens on a scratch copy, and there in a transaction that is rolled back: not even the
roles, which belong to the whole server, are changed for anybody else.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from pydantic import SecretStr
from rich.table import Column, Table

from zava_sql import doctor
from zava_sql.connections import connect
from zava_sql.context import DISABLED, TIME_OVER, ContextKey
from zava_sql.ddl_prove import scratch
from zava_sql.errors import ConfigurationError
from zava_sql.verify import Persona, measure, personas, relations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from zava_sql.verify import Ask, Connection, Rows

__all__ = ["Mutation", "mutate", "scratch_copy", "to_table"]

_SQL = Path(__file__).with_name("mutations.sql")

# Somebody who must see nothing, in the role of somebody who does.
_DISABLED = """
with twin as (
    insert into zava.principals (name, kind, role_name, active)
    select 'zava-verify-disabled', p.kind, p.role_name, false
    from zava.principals as p
    where p.active and p.kind = 'store'
    order by p.name
    limit 1
    returning principal_id, role_name
)
insert into zava.principal_stores (principal_id, store_id)
select distinct t.principal_id, s.store_id
from twin as t
join zava.principals as p on p.role_name = t.role_name
join zava.principal_stores as s on s.principal_id = p.principal_id
"""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One weakening, and what noticed it: checks or, failing them, cells of the matrix."""

    kind: str
    object: str
    statement: str
    checks: tuple[str, ...] = ()
    cells: int = 0

    @property
    def caught(self) -> bool:
        """Whether anything noticed."""
        return bool(self.checks or self.cells)

    def to_dict(self) -> dict[str, Any]:
        """Give it for programs."""
        return asdict(self) | {"caught": self.caught}


@asynccontextmanager
async def scratch_copy(admin_url: SecretStr) -> AsyncIterator[Connection]:
    """Lend the administrator's connection to a copy of its database, and drop the copy afterwards.

    Raises:
        ConfigurationError: the administrator is no superuser.
        DatabaseError: the database is in use.
    """
    async with connect(admin_url) as admin:
        source = await admin.fetchval("select current_database()")
        if not await admin.fetchval("select current_setting('is_superuser') = 'on'"):
            raise ConfigurationError(
                "mutations need a superuser, who can take every role",
                hint="Run them where you have one, for example on the embedded server.",
            )
    async with (
        scratch(admin_url.get_secret_value(), source) as url,
        connect(SecretStr(url)) as copied,
    ):
        await copied.execute("select zava.secure_database()")  # a copy loses its privileges
        yield copied


async def mutate(
    copied: Connection,
    key: ContextKey,
    *,
    each: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Mutation]:
    """Apply each weakening, or one of each kind; the doctor is asked first, then the matrix."""
    rows = await copied.fetch(_SQL.read_text("utf-8"))
    chosen = [Mutation(**row) for row in rows]
    if not each:
        chosen = list({mutation.kind: mutation for mutation in reversed(chosen)}.values())
    sessions = doctor.Sessions(admin=copied)
    cheap = [check for check in doctor.checks() if check.over is None]
    costly = [check for check in doctor.checks() if check.over == "hardening"]
    ask = _within(copied, key)
    await copied.execute(_DISABLED)
    who = _one_of_each([*await personas(copied), *await _other_backends(copied)])
    known = {_key(found) for found in (await doctor.examine(sessions)).findings}
    wrong = len((await measure(ask, copied, who, await relations(copied))).problems)
    done = []
    for mutation in chosen:
        progress(f"{mutation.kind}: {mutation.object}")
        transaction = copied.transaction()
        await transaction.start()
        try:
            await copied.execute(mutation.statement)
            noticed: tuple[str, ...] = ()
            cells = 0
            for chosen_checks in (cheap, costly):
                found = (await doctor.examine(sessions, chosen=chosen_checks)).findings
                noticed = tuple(sorted({one.check for one in found if _key(one) not in known}))
                if noticed:
                    break
            else:
                matrix = await measure(ask, copied, who, await relations(copied))
                cells = len(matrix.problems) - wrong
        finally:
            await transaction.rollback()
        done.append(replace(mutation, checks=noticed, cells=max(cells, 0)))
    return done


def to_table(mutations: Sequence[Mutation]) -> Table:
    """Show kinds: how many there were, how many were noticed, and by what."""
    # Folded: rich would cut a word that is wider than its column. Names of checks stay whole.
    widest = max((len(name) for one in mutations for name in one.checks), default=0)
    heads = {"weakening": 0, "caught": 0, "by the doctor": widest + 1, "cells of the matrix": 0}
    table = Table(*(Column(head, overflow="fold", min_width=n) for head, n in heads.items()))
    for kind in dict.fromkeys(mutation.kind for mutation in mutations):
        same = [mutation for mutation in mutations if mutation.kind == kind]
        caught = sum(mutation.caught for mutation in same)
        colour = "green" if caught == len(same) else "bold red"
        names = sorted({name for mutation in same for name in mutation.checks})
        cells = max(mutation.cells for mutation in same)
        score = f"[{colour}]{caught} of {len(same)}[/{colour}]"
        table.add_row(kind, score, ", ".join(names), str(cells or ""))
    return table


def _key(found: doctor.Finding) -> tuple[str, str]:
    return found.check, found.object


def _one_of_each(everybody: Sequence[Persona]) -> list[Persona]:
    """Keep one persona of each kind and flaw: the others tell nothing more of a weakening."""
    kept: dict[tuple[str, str | None], Persona] = {}
    for who in everybody:
        kept.setdefault((who.principal.kind, who.flaw), who)
    return list(kept.values())


async def _other_backends(copied: Connection) -> list[Persona]:
    return [
        who.flawed("other backend")
        for who in _one_of_each(await personas(copied))
        if who.flaw is None
    ]


def _within(copied: Connection, key: ContextKey) -> Ask:
    """Ask as a session of the principal would, inside the transaction of the mutation."""
    wrong_key = ContextKey(key.kid, b"\0" * 32)

    async def ask(persona: Persona, sql: str) -> Rows | None:
        now = await copied.fetchval("select extract(epoch from clock_timestamp())::bigint")
        context = (wrong_key if persona.flaw == "forged" else key).sign(
            persona.principal,
            pid=copied.get_server_pid() + (persona.flaw == "other backend"),
            expiry=now + (-60 if persona.flaw == "expired" else 60),
        )
        savepoint = copied.transaction()
        await savepoint.start()
        try:
            await copied.execute(
                f"set local zava.context = '{context}'; set local role \"{persona.principal.role}\""
            )
            return [tuple(row.values()) for row in await copied.fetch(sql)]
        except asyncpg.InsufficientPrivilegeError:
            return None
        except asyncpg.PostgresError as error:
            if error.sqlstate in (DISABLED, TIME_OVER):
                return []
            raise
        finally:
            await savepoint.rollback()

    return ask
