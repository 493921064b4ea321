"""Autogenerate against the live catalogue: a project of its own, small, edited case by case."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import shutil
from typing import TYPE_CHECKING

import asyncpg
import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg import sql

from zava_sql import db_files, ddl, ddl_catalogue, ddl_moves, ddl_plan, ddl_review, errors, migrate

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
create schema zava authorization zava_owner;
create schema retail authorization zava_owner;
create schema api authorization zava_owner;
set local role zava_owner;
alter default privileges for role zava_owner revoke execute on functions from public;
create type api.part as (name text, amount numeric);
create type retail."State" as enum ('open', 'closed');
create type retail.span as range (subtype = numeric);
create table retail.orders (
    store_id uuid not null, order_id uuid not null, amount numeric, state retail."State",
    constraint orders_pkey primary key (store_id, order_id)
);
create table retail.notes (note text);
grant select (note) on retail.notes to head_office;
create view api.notes with (security_invoker = true) as select n.note from retail.notes as n;
"""
BASE_DOWN = "drop schema api, retail, zava cascade;"

HEAD = "-- {name}(): for a test.\n"
TAIL = """
comment on {kind} {signature} is 'It''s a test: 100 % \\ {name}.';
revoke execute on {kind} {signature} from public;
{grant}
"""
GRANT = "grant execute on {kind} {signature} to store_manager, {role};"


def routine(
    name: str,
    arguments: str,
    rest: str,
    *,
    types: str = "",
    kind: str = "function",
    grant: str = GRANT,
) -> str:
    signature = f"{name}({types})"
    grant = grant.format(kind=kind, signature=signature, role='"store-manager"')
    return (
        HEAD.format(name=name)
        + f"create or replace {kind} {name}({arguments})\n{rest}\n"
        + TAIL.format(kind=kind, signature=signature, name=name, grant=grant)
    )


PINNED = "set search_path = pg_catalog, pg_temp"
SUMMARY = routine(
    "zava.summary",
    "p_x integer, p_default text default 'a,b', p_y integer[] default '{1,2}'",
    "returns table (a text, b bigint)\nlanguage plpgsql\nstable\n"
    + PINNED
    + r"""
as $function$
begin
    -- :name %s %(x)s %% := a[1:2] '12:30'	tab \b zava.context
    return query select format('%s 100%%', p_x || ':name')::text, 1::bigint;
end;
$function$;""",
    types="integer, text, integer[]",
)
SHARE = routine(
    "zava.share",
    "p_x integer",
    f"returns integer\nlanguage sql\nstable\n{PINNED}\nas $function$ select p_x $function$;",
    types="integer",
) + routine(
    "zava.share",
    "p_x text",
    f"returns text\nlanguage sql\nsecurity definer\n{PINNED}\nas $function$ select p_x $function$;",
    types="text",
)
MINE = routine(
    "zava.mine",
    "p_store uuid",
    "returns boolean\nlanguage sql\nstable\nbegin atomic\n"
    "    select p_store is not null and zava.share(1) = 1;\nend;",
    types="uuid",
)
WIDER = MINE.replace("uuid)", "uuid, p_y text default '')").replace(
    "mine(uuid, p_y text default '')", "mine(uuid, text)"
)
TIDY = routine(
    "zava.tidy",
    "inout p_n integer",
    f"language plpgsql\n{PINNED}\nas $function$ begin p_n := p_n + 1; end $function$;",
    types="integer",
    kind="procedure",
)
STAMP = routine(
    "zava.stamp",
    "",
    f"returns trigger\nlanguage plpgsql\n{PINNED}\nas $function$ begin return new; end $function$;",
)
POLICIES = """alter table retail.orders enable row level security;
alter table retail.orders force row level security;

drop policy if exists orders_mine on retail.orders;
create policy orders_mine
    on retail.orders
    as permissive
    for select
    to store_manager, "store-manager"
    using (zava.mine(store_id) and exists (
        select from retail.orders as o where o.store_id = orders.store_id
    ));

drop policy if exists "Recent orders only" on retail.orders;
create policy "Recent orders only"
    on retail.orders
    as restrictive
    for all
    to store_manager
    using (amount > 0)
    with check (amount > 1);
comment on policy "Recent orders only" on retail.orders is 'Recent.';

revoke all on retail.orders from public;
grant select on retail.orders to store_manager, "store-manager";
grant update (amount) on retail.orders to head_office;
"""
PARTS = routine(
    "zava.parts",
    """p_state retail."State" default 'open'""",
    "returns setof api.part\nlanguage sql\nstable\nbegin atomic\n"
    "    select o.order_id::text, o.amount from retail.orders as o where o.state = p_state;\nend;",
    types='retail."State"',
)
LOW = routine("zava.low", "", "returns integer\nlanguage sql\nbegin atomic\n    select 1;\nend;")
HIGH = routine(
    "zava.high",
    "",
    "returns bigint\nlanguage sql\nbegin atomic\n    select zava.low()::bigint;\nend;",
)
TRIGGER = """create or replace trigger orders_stamp
    before update on retail.orders
    for each row execute function zava.stamp();
"""
VIEW = """create or replace view api.big_orders
with (security_invoker = true)
as
select o.store_id, o.amount from retail.orders as o where o.amount > 100;
comment on view api.big_orders is 'Big.';
comment on column api.big_orders.amount is 'USD.';
grant select on api.big_orders to store_manager;
"""
FIRST = {
    "functions/search/summary.sql": SUMMARY,
    "functions/search/share.sql": SHARE,
    "functions/security/mine.sql": MINE,
    "functions/search/tidy.sql": TIDY,
    "functions/search/parts.sql": PARTS,
    "functions/seed/stamp.sql": STAMP,
    "functions/seed/stamp_orders.sql": TRIGGER,
    "functions/schema/big_orders.sql": VIEW,
    "policies/orders.sql": POLICIES,
}

# Name, files as they are then (None: removed), and what has to be noticed: no more, no less.
CASES = [
    (
        "a body",
        {"functions/search/summary.sql": SUMMARY.replace("1::bigint", "2::bigint")},
        {"change function zava.summary(integer,text,integer[])"},
    ),
    (
        "a column of returns table",
        {
            "functions/search/summary.sql": SUMMARY.replace(
                "b bigint)", "b bigint, n int)"
            ).replace("1::bigint", "1::bigint, 2")
        },
        {"change function zava.summary(integer,text,integer[])"},
    ),
    (
        "a setting, volatility and a grant",
        {
            "functions/search/summary.sql": SUMMARY.replace("stable", "volatile").replace(
                "to store_manager, ", "to "
            )
        },
        {"change function zava.summary(integer,text,integer[])"},
    ),
    (
        "a body that uses types of these schemas",
        {"functions/search/parts.sql": PARTS.replace("o.amount from", "-o.amount from")},
        {'change function zava.parts(retail."State")'},
    ),
    (
        "a comment that goes",
        {"policies/orders.sql": POLICIES.replace("comment on", "-- comment on")},
        {'change policy "Recent orders only" on retail.orders'},
    ),
    (
        "a signature under a policy",
        {
            "functions/security/mine.sql": WIDER,
        },
        {
            "create function zava.mine(uuid,text)",
            "drop function zava.mine(uuid)",
            "rebuild policy orders_mine on retail.orders",
        },
    ),
    (
        "a result type under a bound body under a policy",
        {"functions/search/share.sql": SHARE.replace("returns integer", "returns bigint")},
        {
            "change function zava.share(integer)",
            "rebuild function zava.mine(uuid,text)",
            "rebuild policy orders_mine on retail.orders",
        },
    ),
    (
        "policies and grants",
        {
            "policies/orders.sql": POLICIES.replace("amount > 0", "amount > 5")
            .replace(', "store-manager"', "")
            .replace("grant update", "grant insert, update")
        },
        {
            "change access to retail.orders",
            'change policy "Recent orders only" on retail.orders',
            "change policy orders_mine on retail.orders",
        },
    ),
    (
        "columns of a view",
        {
            "functions/schema/big_orders.sql": VIEW.replace("o.store_id, ", "").replace(
                "comment on view", "-- comment on view"
            )
        },
        {"change view api.big_orders"},
    ),
    (
        "a trigger",
        {"functions/seed/stamp_orders.sql": TRIGGER.replace("before update", "after insert")},
        {"change trigger orders_stamp on retail.orders"},
    ),
    (
        "a procedure that becomes a function",
        {
            "functions/search/tidy.sql": TIDY.replace("procedure", "function")
            .replace("inout p_n integer)", "p_n integer)\nreturns integer")
            .replace("p_n := p_n + 1;", "return p_n;")
        },
        {"change function zava.tidy(integer)"},
    ),
    (
        "default privileges",
        {
            "functions/security/born.sql": (
                "alter default privileges for role zava_owner in schema api"
                " grant execute on functions to head_office;\n"
            )
        },
        {"create default privileges of zava_owner IN SCHEMA api on functions"},
    ),
    (
        "default privileges of somebody else",
        {
            "functions/security/born.sql": (
                "alter default privileges for role zava_owner in schema api"
                " grant execute on functions to store_manager;\n"
            )
        },
        {"change default privileges of zava_owner IN SCHEMA api on functions"},
    ),
    (
        "an overload, a procedure, a trigger and a view that go",
        {
            "functions/search/share.sql": SHARE.replace(
                "returns integer", "returns bigint"
            ).partition(
                "-- zava.share(): for a test.\ncreate or replace function zava.share(p_x text)"
            )[0],
            "functions/search/tidy.sql": None,
            "functions/seed/stamp_orders.sql": None,
            "functions/schema/big_orders.sql": None,
        },
        {
            "drop function zava.share(text)",
            "drop function zava.tidy(integer)",
            "drop trigger orders_stamp on retail.orders",
            "drop view api.big_orders",
        },
    ),
    (
        "a file that takes over the access to a table",
        {"policies/notes.sql": "grant select on retail.notes to store_manager;\n"},
        {"change access to retail.notes"},
    ),
    (
        "access and default privileges whose files go",
        {"policies/notes.sql": None, "functions/security/born.sql": None},
        {
            "change access to retail.notes",
            "drop default privileges of zava_owner IN SCHEMA api on functions",
        },
    ),
    (
        "bodies that are bound to each other",
        {
            "functions/search/low.sql": LOW,
            "functions/search/high.sql": HIGH,
            "functions/security/mine.sql": WIDER.replace("zava.share(1)", "zava.high()"),
        },
        {
            "create function zava.low()",
            "create function zava.high()",
            "change function zava.mine(uuid,text)",
        },
    ),
    (
        "a result type and the body that is bound to it",
        {
            "functions/search/low.sql": LOW.replace("returns integer", "returns bigint"),
            "functions/search/high.sql": HIGH.replace("zava.low()::bigint", "zava.low() + 0"),
        },
        {
            "change function zava.low()",
            "change function zava.high()",
            "rebuild function zava.mine(uuid,text)",
            "rebuild policy orders_mine on retail.orders",
        },
    ),
    (
        "what a body was bound to, and what that one was",
        {
            "functions/search/low.sql": None,
            "functions/search/high.sql": None,
            "functions/security/mine.sql": WIDER.replace(" and zava.share(1) = 1", ""),
        },
        {
            "change function zava.mine(uuid,text)",
            "drop function zava.low()",
            "drop function zava.high()",
        },
    ),
]


def write(db: Path, files: dict[str, str | None]) -> None:
    for name, text in files.items():
        path = db / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text, encoding="utf-8")


@pytest.fixture
def db(tmp_path, monkeypatch):
    """Make a project with tables and without functions, but for the rules."""
    real, made = db_files.db_path(), tmp_path / "db"
    (made / "migrations" / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        shutil.copy(real / "migrations" / name, made / "migrations")
    read = ("catalogue.sql", "functions/security/house_rules.sql")
    write(made, {name: (real / name).read_text(encoding="utf-8") for name in read})
    ddl.freeze(made, "base")
    for way, text in (("up", BASE), ("down", BASE_DOWN)):
        (file,) = made.glob(f"migrations/versions/*.{way}.sql")
        frozen = file.read_text(encoding="utf-8")
        frozen = frozen.replace("set local role zava_owner;", text) if way == "up" else text
        file.write_text(frozen, encoding="utf-8")
    ddl.rehash(made, "0001")
    monkeypatch.setattr(db_files, "db_path", lambda: made)
    return made


@pytest.fixture(params=["superuser", "owner"])
def url(request, server, template):  # noqa: ARG001 - it made the roles
    """Make an empty database of a superuser, and of an owner who is none."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        user = server.user
        if request.param == "owner":
            user = "ddl_dba"
            admin.execute("create role ddl_dba login createrole password 'dba'")
            admin.execute("grant zava_owner to ddl_dba with inherit true, set true")
        admin.execute('create role "store-manager"')
        admin.execute(sql.SQL("create database ddl owner {}").format(sql.Identifier(user)))
        try:
            yield server.url("ddl", user, "dba") if user == "ddl_dba" else server.url("ddl")
        finally:
            admin.execute("drop database ddl with (force)")
            admin.execute('drop role "store-manager"')
            admin.execute("drop role if exists ddl_dba")


def state(url: str) -> dict[str, str]:
    async def run() -> dict[str, str]:
        connection = await asyncpg.connect(url)
        try:
            objects = await ddl_catalogue.read(connection, None)
            return {key: o.text for key, o in objects.items()}
        finally:
            await connection.close()

    return asyncio.run(run())


def revise(url: str, name: str = "a change") -> list[str]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        migrate.revise(url, name)
    return out.getvalue().splitlines()


def without_file(note: str) -> str:
    return note.partition(" (db/")[0]


@pytest.mark.long
def test_every_change_goes_up_and_down_and_up(db, url):
    migrate.upgrade(url)
    write(db, FIRST)
    states = [state(url)]
    said = revise(url, "first")
    assert "head_office gains UPDATE (amount) ON retail.orders" in said
    wrote = said[said.index("wrote 0002_first") + 1 :]
    assert [line.partition(" ")[0] for line in wrote] == ["create"] * 11 + ["change"]
    migrate.upgrade(url)
    states.append(state(url))
    for number, (name, files, notes) in enumerate(CASES, start=3):
        write(db, files)
        said = revise(url, name)
        assert f"wrote {number:04}_{name.replace(',', '').replace(' ', '_')[:40]}" in said, said
        found = {
            without_file(line)
            for line in said
            if line.startswith(("create ", "change ", "drop ", "rebuild "))
        }
        assert found == notes, name
        migrate.upgrade(url)
        states.append(state(url))
        assert states[-1] != states[-2], name
    assert "nothing to write" in revise(url)[0]

    for number, expected in enumerate(reversed(states[:-1])):
        migrate.downgrade(url, "-1")
        found = state(url)
        assert found == expected, CASES[-1 - number][0]
    migrate.upgrade(url)
    assert state(url) == states[-1]


@pytest.fixture
def first(db, url):
    """Have the first revision applied."""
    migrate.upgrade(url)
    write(db, FIRST)
    revise(url, "first")
    migrate.upgrade(url)
    return url


@pytest.mark.parametrize("url", ["superuser"], indirect=True)
def test_what_no_file_holds_stops_a_signature_and_what_calls_it_is_told(db, first):
    url = first
    caller = SUMMARY.replace("zava.summary", "zava.caller").replace(
        "p_x || ':name'", "zava.share(p_x) || ':name'"
    )
    write(db, {"functions/search/caller.sql": caller})
    revise(url, "caller")
    migrate.upgrade(url)
    widened = SHARE.replace("returns integer", "returns bigint")
    write(db, {"functions/search/share.sql": widened.replace(', "store-manager"', "")})
    with psycopg.connect(url) as admin:
        admin.execute("create view api.by_hand as select zava.share(1) as n")
        admin.execute("create table retail.used (n int default zava.share(1))")
    with pytest.raises(errors.ValidationError) as caught:
        revise(url, "share")
    told = f"{caught.value.message} {caught.value.hint}"
    assert "function zava.share(integer) has to be dropped, but is used by" in told
    assert "default value for column n of table retail.used" in told
    assert len(list(db.glob("migrations/versions/*share*"))) == 0

    with psycopg.connect(url) as admin:
        admin.execute("drop table retail.used; drop view api.by_hand")
    said = revise(url, "share")
    wrote = said.index("wrote 0004_share")
    assert (
        "function zava.share(integer) is called by function zava.caller(integer,text,integer[])"
        in said[:wrote]
    )
    assert 'lost: GRANT EXECUTE ON FUNCTION zava.share(integer) TO "store-manager";' in said[:wrote]


BROKEN = {
    "pins its search_path": SUMMARY.replace(PINNED, ""),
    "executed by PUBLIC": SUMMARY.replace("revoke execute", "-- revoke execute")
    + "grant execute on function zava.summary(integer, text, integer[]) to public;",
    "has a comment": SUMMARY.replace("comment on", "-- comment on"),
    "enabled and forced": POLICIES.replace("force row", "no force row"),
    "no policy is for PUBLIC": POLICIES.replace('    to store_manager, "store-manager"\n', ""),
    "line 3: syntax error": SUMMARY.replace("returns table", "returns tabel"),
    r"summary\.sql ends the transaction": SUMMARY + "commit;\n",
    r"summary\.sql ends the trans": SUMMARY + "  rollback;\n",
    "at or near": SUMMARY.rstrip().removesuffix(";"),
    r"summary\.sql is not UTF-8": "\ufeff" + SUMMARY,
    r"summary\.sql makes or changes aggregate zava\.total\(integer\)": SUMMARY
    + "create aggregate zava.total(integer) (sfunc = int4pl, stype = integer);",
}


@pytest.mark.parametrize("url", ["superuser"], indirect=True)
def test_what_breaks_a_rule_is_refused_and_nothing_is_written(db, first):
    before = set(db.rglob("*.sql"))
    for rule, text in BROKEN.items():
        name = "policies/orders.sql" if text.startswith("alter") else "functions/search/summary.sql"
        write(db, {**FIRST, name: text})
        with pytest.raises(errors.ZavaError, match=rule) as caught:
            revise(first, "bad")
        assert "alembic history" not in caught.value.hint
    (db / "functions/search/summary.sql").write_bytes(b"-- \xe9\n")
    with pytest.raises(errors.ConfigurationError, match=r"summary\.sql is not UTF-8"):
        revise(first, "bad")
    assert set(db.rglob("*.sql")) == before


@pytest.mark.parametrize("url", ["superuser"], indirect=True)
def test_a_revision_that_cannot_be_written_leaves_nothing(db, first):
    write(db, {"functions/search/summary.sql": SUMMARY.replace("1::bigint", "2::bigint")})
    in_the_way = db / "migrations" / "versions" / "0003_half.down.sql"
    in_the_way.mkdir()
    with pytest.raises(errors.ConfigurationError, match=r"0003_half\.down\.sql: Is a directory"):
        revise(first, "half")
    in_the_way.rmdir()
    assert list(db.glob("migrations/versions/*half*")) == []

    revise(first, "one")
    one = db / "migrations" / "versions" / "0003_one.py"
    text = one.read_text(encoding="utf-8")
    one.with_name("0004_two.py").write_text(text.replace('"0003"', '"0004"'), encoding="utf-8")
    with pytest.raises(errors.ConfigurationError, match="heads"):
        ddl.freeze(db, "three", empty=True)
    assert list(db.glob("migrations/versions/*three*")) == []


def test_a_revision_that_is_interrupted_leaves_nothing(db, monkeypatch):
    write_whole = ScriptDirectory.generate_revision

    def interrupted(*arguments, **options):
        write_whole(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(ScriptDirectory, "generate_revision", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ddl.freeze(db, "half", empty=True)
    assert list(db.glob("migrations/versions/*half*")) == []


@pytest.mark.parametrize("url", ["superuser"], indirect=True)
def test_a_revision_repairs_what_was_changed_by_hand(first):
    before = state(first)
    with psycopg.connect(first) as admin:
        admin.execute("alter table retail.orders no force row level security")
        admin.execute("grant select on retail.orders to public")
        admin.execute("alter function zava.mine(uuid) owner to postgres")
        admin.execute("create function zava.mine(text) returns int language sql return 1")
        admin.execute("alter policy orders_mine on retail.orders using (true)")
        admin.execute("comment on trigger orders_stamp on retail.orders is 'Stray.'")
    damaged = state(first)
    revise(first, "repair")
    migrate.upgrade(first)
    assert state(first) == before
    migrate.downgrade(first, "-1")
    assert state(first) == damaged


@pytest.mark.parametrize("url", ["superuser"], indirect=True)
def test_nobody_waits_for_a_check(db, first):
    """Readers and writers hold every table, and the check ends all the same."""
    with psycopg.connect(first) as reader, psycopg.connect(first) as writer:
        reader.execute("select from retail.orders, retail.notes")
        writer.execute("insert into retail.notes values ('x')")
        writer.execute("set lock_timeout = '1ms'")

        async def held(connection) -> set[str]:
            live = await ddl_catalogue.read(connection)
            async with connection.transaction():
                await ddl_plan.plan(connection, db)
                writer.execute(
                    "insert into retail.orders values (gen_random_uuid(), gen_random_uuid())"
                )
                rows = await connection.fetch(
                    "select distinct l.mode from pg_locks as l where l.pid = pg_backend_pid()"
                    " and l.relation = any ($1::regclass[]::oid[])",
                    [o.key for o in live.values() if o.kind == "table"],
                )
                return {row["mode"] for row in rows}

        assert migrate.ask(first, held) <= {"AccessShareLock"}


@pytest.mark.long
@pytest.mark.parametrize("url", ["superuser"], indirect=True)
def test_a_check_does_not_wait_for_ever(first):
    with psycopg.connect(first) as writer:
        # Who waits for ever gets the lock in the end, and no error.
        writer.execute("set idle_in_transaction_session_timeout = '30s'")
        writer.execute("lock table retail.notes in access exclusive mode")
        with pytest.raises(errors.DatabaseError, match=r"lock timeout$"):  # of no revision
            migrate.ask(first, ddl_catalogue.read)
        writer.rollback()


def test_words_say_who_gains_and_who_loses():
    def policy(using: str) -> ddl_catalogue.Object:
        body = (
            "CREATE POLICY p ON retail.orders\n    AS PERMISSIVE\n    FOR SELECT\n"
            f"    TO store_manager\n    USING ({using});"
        )
        return ddl_catalogue.Object(
            "policy", "policy p on retail.orders", "POLICY p ON retail.orders", body, None, None,
            (), None, "pg_policy", 1,
        )  # fmt: skip

    change = ddl_moves.Change("change", "", policy("(a > 1)"), policy("true"), "")
    assert ddl_review.words([change]) == [
        "store_manager no longer may SELECT rows of retail.orders where (a > 1)",
        "store_manager now may SELECT rows of retail.orders where true",
    ]
    assert ddl_review.words([ddl_moves.Change("drop", "", policy("true"), None, "")]) == [
        "store_manager no longer may SELECT rows of retail.orders where true"
    ]

    born = "ALTER DEFAULT PRIVILEGES FOR ROLE x GRANT SELECT ON TABLES TO head_office;"
    defaults = dataclasses.replace(policy("true"), kind="default privileges", body=born)
    assert ddl_review.words([ddl_moves.Change("create", "", None, defaults, "")]) == [
        f"now: {born.removesuffix(';')}"
    ]
    passed_on = dataclasses.replace(
        policy("true"),
        kind="view",
        body="CREATE OR REPLACE VIEW v WITH (security_invoker=true) AS\n SELECT 1;",
        grants=("GRANT SELECT ON v TO head_office WITH GRANT OPTION;",),
    )
    assert ddl_review.words([ddl_moves.Change("create", "", None, passed_on, "")]) == [
        "head_office gains SELECT ON v WITH GRANT OPTION"
    ]


@pytest.mark.parametrize("url", ["superuser"], indirect=True)
def test_a_revision_tells_in_words_what_each_change_means(db, first):
    def told(file: str, text: str) -> list[str]:
        write(db, {file: text})
        lines = revise(first, "words")
        migrate.upgrade(first)
        return lines[: next(i for i, line in enumerate(lines) if line.startswith("wrote "))]

    orders = "policies/orders.sql"
    rows = "rows of retail.orders"
    above, write_above = (
        "where (amount > (0)::numeric)",
        "and write rows where (amount > (1)::numeric)",
    )
    held = "store_manager {} is held, in all it does, to " + rows + " for {} " + above
    may = f"store_manager {{}} may do everything with {rows} {above}, {write_above}"

    # What may be written is said where that is something else than what is seen.
    updates = POLICIES.replace("for all", "for update").replace("amount > 1", "amount > 0")
    assert told(orders, updates) == [
        held.format("no longer", "ALL") + f", {write_above}",
        held.format("now", "UPDATE"),
    ]
    permissive = POLICIES.replace("as restrictive", "as permissive")
    assert told(orders, permissive.replace("grant update (amount)", "grant insert (amount)")) == [
        "head_office loses UPDATE (amount) ON retail.orders",
        "head_office gains INSERT (amount) ON retail.orders",
        held.format("no longer", "UPDATE"),
        may.format("now"),
    ]
    # A comment changes nobody's rights; neither does a policy that is made again as it was.
    assert told(orders, permissive.replace("Recent.", "New.")) == [
        "head_office loses INSERT (amount) ON retail.orders",
        "head_office gains UPDATE (amount) ON retail.orders",
    ]
    assert told(
        "functions/search/share.sql", SHARE.replace("returns integer", "returns bigint")
    ) == [
        "function zava.share(integer) is called by function zava.mine(uuid)",
        "function zava.share(integer) is called by function zava.share(text)",
    ]
    fence = "alter table retail.notes enable row level security;\n"
    assert told("policies/notes.sql", fence + "grant select on retail.notes to public;") == [
        "head_office loses SELECT (note) ON retail.notes",
        "PUBLIC gains SELECT ON retail.notes",
        "retail.notes ENABLE ROW LEVEL SECURITY (was otherwise)",
    ]


@pytest.mark.parametrize("url", ["superuser"], indirect=True)
def test_whose_rights_are_used_is_told_whatever_stands_around_it(db, first):
    def told(name: str, text: str) -> list[str]:
        write(db, {f"functions/search/{name}.sql": text})
        lines = [line for line in revise(first, name) if "rights of its owner" in line]
        migrate.upgrade(first)
        return lines

    # Its word stands behind what looks like the begin of a body, in a text or in a name.
    masked = routine(
        "zava.masked",
        "\"p\nAS \" text default e'\\nAS \\'\"\\\\', p_b text default '\nAS \"'",
        f"returns text\nlanguage sql\nsecurity definer\n{PINNED}\nas $$ select p_b $$;",
        types="text, text",
    )
    runs = "runs with the rights of its owner, zava_owner"
    assert told("masked", masked) == [f"function zava.masked(text,text) {runs}"]

    # It stands in a default and in a body that is bound before it is meant.
    says = routine(
        "zava.says",
        "p_a text default 'SECURITY DEFINER'",
        "returns text\nlanguage sql\nbegin atomic\n    select 'SECURITY DEFINER' || p_a;\nend;",
        types="text",
    )
    assert told("says", says) == []
    meant = says.replace("begin atomic", "security definer\nbegin atomic")
    assert told("says", meant) == [f"function zava.says(text) {runs}"]


@pytest.mark.parametrize("url", ["superuser"], indirect=True)
def test_a_view_that_reads_with_the_rights_of_its_owner_is_told(db, first):
    def told(options: str) -> list[str]:
        view = f'create or replace view api.sums{options} as select 1 as "security_invoker=true";\n'
        write(db, {"functions/search/sums.sql": view})
        lines = [line for line in revise(first, "sums") if "rights of its owner" in line]
        migrate.upgrade(first)
        return lines

    reads = "view api.sums reads with the rights of its owner, zava_owner"
    assert told(" with (security_barrier, security_invoker)") == []
    assert told(" with (security_invoker = false)") == [reads]
    assert told("") == []  # as before
    assert told(" with (security_invoker = on)") == []
    assert told(" with (security_barrier)") == [reads]


def test_blame_reads_the_frozen_files(tmp_path):
    db = tmp_path / "db"
    shutil.copytree(db_files.db_path(), db)
    file = db / "functions" / "security" / "visible_stores.sql"
    text = file.read_text("utf-8")
    file.write_text(text.replace("Ids of the stores", "Ids of all stores"), encoding="utf-8")
    (wrote, *_) = ddl.freeze(db, "all_stores")
    lines = ddl_review.blame(db, "zava.visible_stores(name)")
    made = "create or replace, comment on, revoke, grant  db/functions/security/visible_stores.sql"
    assert lines == [
        f"0113_functions  {made}  +25 -0 lines",
        f"{wrote.removeprefix('wrote ')}  {made}  +1 -1 lines",
    ]
    assert any("by hand" in line for line in ddl_review.blame(db, "retail.orders"))
    for same in ("function zava.visible_stores(name)", '"zava".visible_stores'):
        assert ddl_review.blame(db, same) == lines
    fence = ddl_review.blame(db, "policy orders_store_manager_fence on retail.orders")
    assert fence[0].startswith("0113_functions  drop, create, comment on  db/policies/orders.sql")
    # Comments tell of orders; that changes nothing of that name.
    for wrong in ("zava.nowhere", "orders", "x; drop", ""):
        with pytest.raises(errors.ValidationError):
            ddl_review.blame(db, wrong)
