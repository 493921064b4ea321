"""Objects as PostgreSQL has them, and as it would have them if it ran the files.

`read` is plain SELECTs. `imagine` runs the files of db/functions and db/policies in schemas of its
own, beside empty copies of the tables, reads the catalogue and rolls everything back: PostgreSQL
puts the text into its own words, nothing is parsed here, and no live object is locked but the
tables, in ACCESS SHARE.
"""

from __future__ import annotations

import difflib
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

import asyncpg

from zava_sql import db_files, ddl
from zava_sql.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from pathlib import Path

    Connection = asyncpg.Connection[asyncpg.Record]
    Aside = Callable[[str], str]

__all__ = ["OWNER", "SCHEMAS", "Imagined", "Link", "Object", "imagine", "links", "read"]

OWNER: Final = "zava_owner"
SCHEMAS: Final = ("zava", "retail", "api")
SHADOW: Final = "_zava_check_"
# Holds what the run itself needs: the file of each subtransaction, and a trigger that lets no file
# end the transaction with a commit.
RUN: Final = f"{SHADOW}run"
GUARD: Final = f"""
create schema {RUN} authorization {OWNER};
create table {RUN}.files (path text);
alter table {RUN}.files owner to {OWNER};
create function {RUN}.refuse() returns trigger language plpgsql as $function$
begin
    raise exception 'a file must not commit' using errcode = 'invalid_transaction_termination';
end
$function$;
create constraint trigger refuse after insert on {RUN}.files
    deferrable initially deferred for each row execute function {RUN}.refuse();
insert into {RUN}.files values ('');
"""
ROUTINES: Final = ("function", "procedure", "aggregate")
# What files hold; the rest is made by hand in revisions.
FROM_FILES: Final = ("function", "procedure", "view", "policy", "trigger")
HELD: Final = (*FROM_FILES, "access", "default privileges")

_SHADOWED = re.compile(rf"{SHADOW}({'|'.join(SCHEMAS)})\b")
# But types, which no file makes: the copies of the tables have the live ones as well.
_QUALIFIED: Final = r'(?<![\w.])(?!(?:{})(?![\w(]))"?({})"?(?=\.)'
_SCHEMA = re.compile(rf"(\bschema\s+)({'|'.join(SCHEMAS)})\b", re.IGNORECASE)
_LEAVES = re.compile(
    r"^(?:commit|rollback|start transaction|savepoint)\b", re.MULTILINE | re.IGNORECASE
)
_CREATED = re.compile(
    r"^create (?:or replace )?(?:view|function|procedure) ([\w.]+)", re.MULTILINE | re.IGNORECASE
)

# What depends on a routine or a view; a view through its rule, a rowtype through its view.
_LINKS = """
select
    case when t.oid is null then d.refclassid else 'pg_class'::regclass end::regclass::text
        as used_catalogue,
    coalesce(t.typrelid, d.refobjid) as used,
    case when w.oid is null then d.classid else 'pg_class'::regclass end::regclass::text
        as user_catalogue,
    coalesce(w.ev_class, d.objid) as user,
    pg_describe_object(d.classid, d.objid, d.objsubid) as described
from pg_catalog.pg_depend as d
left join pg_catalog.pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
left join pg_catalog.pg_type as t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
where d.deptype in ('n', 'a')
    and coalesce(t.typrelid, d.refobjid) = any ($1::oid[])
    and coalesce(w.ev_class, d.objid) <> coalesce(t.typrelid, d.refobjid)
order by d.objid
"""


# The file of each object: that of the subtransaction which wrote its row last.
_MAKERS = f"""
select o.catalogue, o.oid, f.path
from (
    select 'pg_proc' as catalogue, p.oid, p.xmin from pg_catalog.pg_proc as p
    union all
    select 'pg_class', c.oid, c.xmin from pg_catalog.pg_class as c
    union all
    select 'pg_policy', p.oid, p.xmin from pg_catalog.pg_policy as p
    union all
    select 'pg_trigger', t.oid, t.xmin from pg_catalog.pg_trigger as t
    union all
    select 'pg_default_acl', d.oid, d.xmin from pg_catalog.pg_default_acl as d
) as o
join {RUN}.files as f on f.xmin = o.xmin
where f.path <> ''
"""


@dataclass(frozen=True, slots=True)
class Object:
    """One object; `text` is all of its state, and nearly the SQL that makes it."""

    kind: str
    key: str
    ref: str | None
    body: str
    owner: str | None
    comment: str | None
    grants: tuple[str, ...]
    shape: str | None
    catalogue: str
    oid: int

    @property
    def statements(self) -> str:
        """The SQL that makes it, run by its owner."""
        lines = [f"{self.body};" if self.kind in ROUTINES else self.body]
        if self.kind in ROUTINES:
            lines.append(f"REVOKE ALL ON {self.ref} FROM PUBLIC;")
        if self.comment is not None:
            quoted = self.comment.replace("'", "''")
            lines.append(f"COMMENT ON {self.ref or self.key} IS '{quoted}';")
        return "\n".join([line for line in lines if line] + list(self.grants))

    @property
    def text(self) -> str:
        """Everything that is compared."""
        owner = "" if self.owner in (None, OWNER) else f"\nOWNER {self.owner};"
        return self.statements + owner

    @property
    def title(self) -> str:
        """What messages call it."""
        return title(self.kind, self.key)


@dataclass(frozen=True, slots=True)
class Link:
    """`user` cannot be without `used`; a key each, or PostgreSQL's words for what has none."""

    used: str
    user: str


@dataclass(frozen=True, slots=True)
class Imagined:
    """What the files make: an order that works, their objects, the file of each, broken rules.

    `untouched` is the access to the tables that none of them speaks of.
    """

    order: tuple[str, ...]
    objects: Mapping[str, Object]
    untouched: Mapping[str, Object]
    files: Mapping[str, str]
    links: tuple[Link, ...]
    by_hand: frozenset[str]
    broken: tuple[tuple[str, str, str], ...]


def title(kind: str, key: str) -> str:
    """Say what an object is, unless its key does."""
    return key if key.startswith(kind) else f"{kind} {key}"


def diff(before: str, after: str, labels: tuple[str, str]) -> str:
    """Compare two states of an object, as `diff -u` does."""
    old, new = before.splitlines(), after.splitlines()
    return "\n".join(difflib.unified_diff(old, new, *labels, lineterm=""))


async def read(
    connection: Connection, schemas: Iterable[str] | None = SCHEMAS
) -> dict[str, Object]:
    """Read the objects of these schemas, or of all; SELECTs only."""
    sql = (db_files.db_path() / "catalogue.sql").read_text(encoding="utf-8")
    names = None if schemas is None else list(schemas)
    transaction = connection.transaction()
    await transaction.start()
    try:
        # Every name comes out qualified. The text of a view waits for whoever rewrites its tables.
        await connection.execute(
            "set local search_path = pg_catalog; set local jit = off; set local lock_timeout = '3s'"
        )
        rows = await connection.fetch(sql, names)
    finally:
        await transaction.rollback()  # gives the path back, in a transaction of the caller as well
    objects = (
        Object(**{**row, "body": row["body"] or "", "grants": tuple(row["grants"])}) for row in rows
    )
    return {o.key: o for o in objects}


async def links(connection: Connection, objects: Mapping[str, Object]) -> tuple[Link, ...]:
    """Find what depends on these objects, be it of them or not."""
    keys = {(o.catalogue, o.oid): o.key for o in objects.values() if o.kind in FROM_FILES}
    found = []
    for row in await connection.fetch(_LINKS, [oid for _, oid in keys]):
        used = keys.get((row["used_catalogue"], row["used"]))
        user = keys.get((row["user_catalogue"], row["user"]), row["described"])
        if used is not None:
            found.append(Link(used, user))
    return tuple(found)


@asynccontextmanager
async def staged(connection: Connection, live: Mapping[str, Object]) -> AsyncIterator[Aside]:
    """Be the owner beside empty copies of the tables; nothing that is done there stays."""
    types = "|".join(re.escape(key[5:]) for key, o in live.items() if o.kind == "type")
    aside = partial(_aside, re.compile(_QUALIFIED.format(types or "(?!)", "|".join(SCHEMAS))))
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(_stage(live, aside))
        await connection.execute(f"set local role {OWNER}")
        yield aside
    finally:
        if connection.is_in_transaction():  # unless a file ended it
            await transaction.rollback()


async def imagine(
    connection: Connection, db: Path, texts: Mapping[str, str], live: Mapping[str, Object]
) -> Imagined:
    """Let PostgreSQL run the files aside, see what they make, and roll back."""
    by_hand = unfiled(db, texts, live)
    async with staged(connection, live) as aside:
        pristine = await shadows(connection)
        order = await run_files(connection, aside, {**clones(live, by_hand), **texts})
        made = await shadows(connection)
        makers = {
            (row["catalogue"], row["oid"]): row["path"] for row in await connection.fetch(_MAKERS)
        }
        same = {key for key, o in pristine.items() if key in made and made[key].text == o.text}
        objects = {key: o for key, o in made.items() if key not in by_hand and key not in same}
        files = {key: _file(o, makers, texts) for key, o in objects.items()}
        _refuse_by_hand(objects, files)
        broken = await connection.fetch(
            f"select * from {SHADOW}zava.house_rules($1)", [SHADOW + name for name in SCHEMAS]
        )
        return Imagined(
            order=tuple(path for path in order if path in texts),
            objects=objects,
            untouched={key: pristine[key] for key in same if pristine[key].kind == "access"},
            files=files,
            links=await links(connection, objects),
            by_hand=by_hand,
            broken=tuple(
                (row["rule"], _plain(row["object"]), _plain(row["remedy"])) for row in broken
            ),
        )


def _refuse_by_hand(objects: Mapping[str, Object], files: Mapping[str, str]) -> None:
    """Stop where a file makes what no revision would take from it."""
    for key, o in objects.items():
        if o.kind not in HELD:
            raise ValidationError(
                f"{files[key] or 'a file'} makes or changes {o.title}: files hold no such thing",
                hint="Write it in a revision by hand instead: scripts/freeze NAME --empty.",
            )


def unfiled(db: Path, texts: Mapping[str, str], live: Mapping[str, Object]) -> frozenset[str]:
    """Find what revisions made outside the marks, and no file has taken over."""
    created: set[str] = set()
    for file in ddl.frozen(db):
        created.update(_CREATED.findall(ddl.BLOCK.sub("", ddl.read(file))))
    filed = {PurePosixPath(path).stem for path in texts if path.startswith("db/functions/")}
    names = {name for name in created if name.rpartition(".")[2] not in filed}
    return frozenset(
        o.key for o in live.values() if o.kind in FROM_FILES and o.key.partition("(")[0] in names
    )


def clones(live: Mapping[str, Object], keys: Iterable[str]) -> dict[str, str]:
    """Write objects that no file holds as they are, for files that use them."""
    return {key: live[key].statements for key in sorted(keys, key=lambda k: live[k].oid)}


def _stage(live: Mapping[str, Object], aside: Aside) -> str:
    """Write the schemas and the empty copies of the tables, with their primary keys."""
    script = ["set local lock_timeout = '3s';"]
    script += [f"create schema {SHADOW}{name} authorization {OWNER};" for name in SCHEMAS]
    primary = (o for o in live.values() if o.body.startswith("PRIMARY KEY"))
    keys = {o.key.partition(" on ")[2]: f", {o.body}" for o in primary}
    for name in (o.key for o in live.values() if o.kind == "table"):
        copy = f"create table {aside(name)} (like {name}{keys.get(name, '')});"
        if live[f"access to {name}"].owner == OWNER:
            # By the administrator it would have what that one's default privileges grant.
            script += [f"set local role {OWNER};", copy, "reset role;"]
        else:
            script += [copy, f"alter table {aside(name)} owner to {OWNER};"]
    return "\n".join([*script, GUARD])


async def run_files(connection: Connection, aside: Aside, texts: Mapping[str, str]) -> list[str]:
    """Run the texts, and tell in which order: all at once if they are in one that works.

    Each runs in a subtransaction of its own, whose number its objects carry, and writes down its
    name there. What fails comes again after the others, for it may need one of them.
    """
    scripts = {
        path: "{}\n\ninsert into {}.files values ('{}');".format(
            aside(text), RUN, path.replace("'", "''")
        )
        for path, text in texts.items()
    }
    try:
        async with connection.transaction():
            await connection.execute(
                "\n".join(
                    f"savepoint of_file;\n{script}\nrelease savepoint of_file;"
                    for script in scripts.values()
                )
            )
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        likely = (path for path, text in texts.items() if _LEAVES.search(text))
        _still_inside(connection, next(likely, "a file"), error)
        return await _run_singly(connection, scripts)
    return list(texts)


def _still_inside(connection: Connection, path: str, error: Exception) -> None:
    """Stop where a file ended the transaction: what follows would be kept."""
    if not connection.is_in_transaction():
        raise ValidationError(
            f"{path} ends the transaction that it runs in", hint="Take that statement out."
        ) from error


async def _run_singly(connection: Connection, scripts: Mapping[str, str]) -> list[str]:
    done: list[str] = []
    left = dict(scripts)
    while left:
        failed: dict[str, asyncpg.PostgresError] = {}
        for path, script in left.items():
            try:
                async with connection.transaction():
                    await connection.execute(script)
            except asyncpg.PostgresError as error:
                _still_inside(connection, path, error)
                failed[path] = error
        if len(failed) == len(left):
            path, first = next(iter(failed.items()))
            # Its other lines quote the file, and what was put behind it; it may be empty.
            told = _plain(first.args[0].partition("\n")[0])
            raise ValidationError(
                f"{ddl.place(path, scripts[path], first)}: {told} (SQLSTATE {first.sqlstate})",
                hint=_plain(first.hint or "PostgreSQL cannot run this file."),
            )
        done += [path for path in left if path not in failed]
        left = {path: left[path] for path in failed}
    return done


async def shadows(connection: Connection) -> dict[str, Object]:
    """Read what was made aside, as if it were not."""
    objects = await read(connection, [SHADOW + name for name in SCHEMAS])
    plain = (
        replace(
            o,
            key=_plain(o.key),
            ref=o.ref and _plain(o.ref),
            body=_plain(o.body),
            comment=o.comment and _plain(o.comment),
            grants=tuple(map(_plain, o.grants)),
            shape=o.shape and _plain(o.shape),
        )
        for o in objects.values()
    )
    return {o.key: o for o in plain}


def _aside(qualified: re.Pattern[str], text: str) -> str:
    """Have a text speak of the schemas aside."""
    return _SCHEMA.sub(rf"\1{SHADOW}\2", qualified.sub(rf"{SHADOW}\1", text))


def _plain(text: str) -> str:
    return _SHADOWED.sub(r"\1", text)


def _file(o: Object, makers: Mapping[tuple[str, int], str], texts: Iterable[str]) -> str:
    """Say which file an object comes from."""
    table = o.key.rpartition(".")[2]
    if o.kind == "access" and (path := f"db/policies/{table}.sql") in texts:
        return path
    name = o.key.partition("(")[0].rpartition(".")[2]
    likely = (path for path in texts if PurePosixPath(path).stem == name)
    return makers.get((o.catalogue, o.oid)) or next(likely, "")
