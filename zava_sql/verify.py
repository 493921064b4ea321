"""What each principal really sees: measured through its session, compared with the truth.

Every table and view is asked by every principal, and what comes out is counted by store; nothing of
it is read from grants or policies. So are sessions that must see nothing: a forged context, an
expired one, a disabled principal. `mutations` asks again after each of a list of weakenings.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, replace
from textwrap import wrap
from typing import TYPE_CHECKING, Final, Literal

import asyncpg
from rich.markup import escape
from rich.table import Column, Table

from zava_sql.agent import fetch
from zava_sql.context import DISABLED, TIME_OVER, ContextKey
from zava_sql.errors import AuthorizationError, DatabaseError, ServiceUnavailable
from zava_sql.principals import Principal
from zava_sql.render import visible
from zava_sql.retry import is_lost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from zava_sql.database import Database

    Connection = asyncpg.Connection[asyncpg.Record]
    Rows = Sequence[tuple[object, ...]]
    # Answers of one SELECT, or None where the session may not read that.
    Ask = Callable[["Persona", str], Awaitable[Rows | None]]

__all__ = ["Cell", "Matrix", "Persona", "Relation", "measure", "personas", "relations"]

Outcome = Literal["own", "shared", "denied", "leak", "missing", "unknown"]
WRONG: Final = ("leak", "missing", "unknown")
Flaw = Literal["disabled", "forged", "expired", "other backend"]

# Width of a session's column.
_NARROW: Final = 9

_RELATIONS = """
select
    format('%I.%I', n.nspname, c.relname) as name,
    n.nspname = 'zava' as is_kernel,
    exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attname = 'store_id' and not a.attisdropped
    ) as has_key,
    c.oid = to_regclass('retail.search_regions') as is_of_regions
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and not c.relispartition
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and not exists (
        select from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by n.nspname, c.relname
"""

_PRINCIPALS = """
select p.principal_id, p.name, p.kind, p.role_name::text as role, p.active, s.stores
from zava.principals as p
cross join lateral (
    select array(
        select x.name
        from zava.principal_stores as ps
        join retail.stores as s using (store_id)
        cross join lateral (values (s.store_id::text), (s.store_key)) as x (name)
        where ps.principal_id = p.principal_id
        union all
        -- Rows of search for a region are of all those stores together that sell something.
        select api._region_id(array_agg(b.store_id order by b.store_id))::text
        from zava.principal_stores as ps
        join retail.search_stores as b using (store_id)
        where ps.principal_id = p.principal_id
        having count(*) > 0
    ) as stores
) as s
order by p.kind, p.name
"""

# What the session itself may call, outside of PostgreSQL's own schemas.
_FUNCTIONS = """
select p.oid::regprocedure::text, n.nspname <> 'api' or p.prosecdef
from pg_catalog.pg_proc as p
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and pg_catalog.has_schema_privilege(n.oid, 'usage')
    and pg_catalog.has_function_privilege(p.oid, 'execute')
    and p.prorettype <> 'pg_catalog.event_trigger'::regtype
    and not exists (
        select from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    )
"""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view; with the tenant key, its rows belong to stores, or to a region of these."""

    name: str
    is_kernel: bool
    has_key: bool
    is_of_regions: bool = False

    @property
    def question(self) -> str:
        """Count rows, by store or region where these have rows."""
        if self.has_key:
            key = "region_id" if self.is_of_regions else "store_id"
            return f"select {key}::text, count(*) from {self.name} group by {key}"
        return f"select '', count(*) from {self.name}"


@dataclass(frozen=True, slots=True)
class Persona:
    """Who asks, and whose rows it must get, by ids and keys of stores: None stands for all."""

    name: str
    principal: Principal
    stores: frozenset[str] | None
    flaw: Flaw | None = None

    def owns(self, store: str) -> bool:
        """Say whether the rows of a store are its own."""
        return self.stores is None or store in self.stores

    def flawed(self, flaw: Flaw) -> Persona:
        """Give the same persona with a flaw, of which it must see nothing."""
        return replace(self, name=f"{self.name}, {flaw}", stores=frozenset(), flaw=flaw)


@dataclass(frozen=True, slots=True)
class Cell:
    """What one session saw of one object; `expected` is None where the truth is not known."""

    object: str
    persona: str
    outcome: Outcome
    seen: int
    expected: int | None

    @property
    def is_call(self) -> bool:
        """Say whether it is of a function; what else ends in a bracket stands in quotes."""
        return self.object.endswith(")")


@dataclass(frozen=True, slots=True)
class Matrix:
    """All cells; a function has a cell where it can be called."""

    cells: tuple[Cell, ...]

    @property
    def problems(self) -> tuple[Cell, ...]:
        """Cells that show too much or too little, or could not be filled."""
        return tuple(cell for cell in self.cells if cell.outcome in WRONG)

    def to_dict(self) -> dict[str, object]:
        """Give all of it for programs."""
        return {"ok": not self.problems, "cells": [asdict(cell) for cell in self.cells]}

    def to_table(self, limit: int = 10) -> Table:
        """Show objects by sessions, as many of these as fit beside each other, wrong ones first."""
        shown = dict.fromkeys(cell.persona for cell in self.problems + self.cells)
        names = list(shown)[:limit]
        # Folded: rich would cut what is too wide, numbers as well. It parts names by spaces alone.
        heads = ["\n".join(wrap(name, _NARROW)) for name in names]
        columns = [Column(head, overflow="fold", max_width=_NARROW) for head in heads]
        table = Table(Column("object", overflow="fold"), *columns)
        for name in dict.fromkeys(cell.object for cell in self.cells if not cell.is_call):
            found = {cell.persona: cell for cell in self.cells if cell.object == name}
            table.add_row(escape(visible(name)), *(_shown(found.get(persona)) for persona in names))
        calls = [
            [cell for cell in self.cells if cell.persona == persona and cell.is_call]
            for persona in names
        ]
        table.add_row("functions that can be called", *(str(len(cells)) for cells in calls))
        return table


def _shown(cell: Cell | None) -> str:
    if cell is None or cell.outcome == "denied":
        return "[dim]·[/dim]"
    if cell.outcome == "unknown":
        return "[bold red]unknown[/bold red]"
    if cell.outcome in WRONG:
        expected = "" if cell.expected is None else f" of {cell.expected}"
        return f"[bold red]{cell.outcome} {cell.seen}{expected}[/bold red]"
    return f"{cell.seen}" if cell.outcome == "own" else f"[dim]{cell.seen}[/dim]"


async def relations(admin: Connection) -> list[Relation]:
    """List what could be read."""
    return [Relation(**row) for row in await admin.fetch(_RELATIONS)]


async def personas(admin: Connection) -> list[Persona]:
    """List who could ask: all principals, and one of each kind with a context that is not good."""
    found = []
    for row in await admin.fetch(_PRINCIPALS):
        principal = Principal(row["principal_id"], row["name"], row["kind"], row["role"])
        stores = None if row["kind"] == "head" else frozenset(row["stores"])
        who = Persona(principal.name, principal, stores)
        found.append(who if row["active"] else who.flawed("disabled"))
    first = {who.principal.kind: who for who in reversed(found) if who.flaw is None}
    flaws: tuple[Flaw, ...] = ("forged", "expired")
    return found + [who.flawed(flaw) for who in first.values() for flaw in flaws]


async def measure(
    ask: Ask,
    admin: Connection,
    who: Iterable[Persona],
    what: Iterable[Relation],
) -> Matrix:
    """Ask everybody everything."""
    truths = {relation: await _truth(admin, relation) for relation in what}
    cells = []
    for persona in who:
        for relation, truth in truths.items():
            try:
                rows = await ask(persona, relation.question)
            except DatabaseError:  # a view that divides by zero, a foreign server that is away
                cells.append(Cell(relation.name, persona.name, "unknown", 0, None))
            else:
                cells.append(_judge(persona, relation, truth, rows))
        for name, is_foreign in await ask(persona, _FUNCTIONS) or ():
            outcome: Outcome = "leak" if is_foreign else "shared"
            cells.append(Cell(str(name), persona.name, outcome, 1, 0 if is_foreign else 1))
    return Matrix(tuple(cells))


async def _truth(admin: Connection, relation: Relation) -> dict[str, int] | None:
    """Count as the administrator, or as the writer where that one is bound by policies too."""
    unbound = await admin.fetchval(
        "select r.rolsuper or r.rolbypassrls from pg_catalog.pg_roles as r"
        " where r.rolname = current_user"
    )
    transaction = admin.transaction()
    await transaction.start()
    try:
        if not unbound:
            await admin.execute("set local role zava_writer")
        rows = await admin.fetch(relation.question)
    except asyncpg.PostgresError as error:
        if is_lost(error):
            raise
        return None  # as of a materialized view that was never filled
    finally:
        await transaction.rollback()
    return {str(row[0]): row[1] for row in rows}


def _judge(
    persona: Persona, relation: Relation, truth: dict[str, int] | None, rows: Rows | None
) -> Cell:
    if rows is None:
        return Cell(relation.name, persona.name, "denied", 0, None)
    seen = {str(store): int(str(count)) for store, count in rows}
    total = sum(seen.values())
    if relation.is_kernel:
        return Cell(relation.name, persona.name, "leak" if total else "denied", total, 0)
    if not relation.has_key:
        expected = None if truth is None else truth.get("", 0)
        outcome: Outcome = "missing" if expected is not None and total < expected else "shared"
        return Cell(relation.name, persona.name, outcome, total, expected)
    if truth is None:
        outcome = "own" if all(map(persona.owns, seen)) else "leak"
        return Cell(relation.name, persona.name, outcome, total, None)
    own = {store: count for store, count in truth.items() if persona.owns(store)}
    outcome = "own"
    if any(count > own.get(store, 0) for store, count in seen.items()):
        outcome = "leak"
    elif seen != own:
        outcome = "missing"
    return Cell(relation.name, persona.name, outcome, total, sum(own.values()))


class _Late(ContextKey):
    """Signs for a time that is over."""

    def sign(self, principal: Principal, *, pid: int, expiry: int) -> str:
        """Give a context of long ago."""
        return super().sign(principal, pid=pid, expiry=expiry - 1_000_000)


def through(database: Database) -> Ask:
    """Ask as a server does: through the pool, in the principal's session or the runner."""
    forged, expired = copy.copy(database), copy.copy(database)
    forged.context_key = ContextKey(database.context_key.kid, b"\0" * 32)
    expired.context_key = _Late(database.context_key.kid, database.context_key.secret)
    expired.settings = database.settings.model_copy(update={"retry_attempts": 1})
    paths: dict[Flaw | None, Database] = {"forged": forged, "expired": expired}

    async def ask(persona: Persona, sql: str) -> Rows | None:
        path = paths.get(persona.flaw, database)
        try:
            return (await fetch(path, persona.principal, sql, 1_000_000)).rows
        except DatabaseError as error:
            if error.sqlstate == "42501":
                return None
            raise
        except (AuthorizationError, ServiceUnavailable) as error:
            cause = error.__cause__
            if isinstance(cause, asyncpg.PostgresError) and cause.sqlstate in (DISABLED, TIME_OVER):
                return []
            raise

    return ask
