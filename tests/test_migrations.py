"""Revisions against real servers: what they make, what they take back, what they refuse.

A cluster of their own, for they create and drop roles; on PostgreSQL 18 and 16.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import psycopg
import pytest
from embedding_service import distrusted
from psycopg import sql

from zava_sql import db_files, ddl, ddl_catalogue, ddl_locks, ddl_prove, errors, migrate

pytestmark = pytest.mark.once

REVISIONS = sorted(
    path.name[:4] for path in (db_files.db_path() / "migrations" / "versions").glob("*.up.sql")
)
FIRST, SECOND = REVISIONS[:2]
OURS = "^(zava_.*|store_manager|regional_manager|head_office)$"

ROLES = """
select concat_ws(' | ', 'role', r.rolname, r.rolcanlogin, r.rolinherit, r.rolcreaterole,
    r.rolcreatedb, r.rolsuper, r.rolbypassrls, shobj_description(r.oid, 'pg_authid'))
from pg_roles as r
where r.rolname ~ %(ours)s
union all
select concat_ws(' | ', 'member', m.roleid::regrole, m.member::regrole, m.inherit_option,
    m.set_option, m.admin_option)
from pg_auth_members as m
where m.roleid::regrole::text ~ %(ours)s
order by 1
"""


def catalogue(url: str) -> list[str]:
    """Tell everything of a database but what extensions brought and alembic's own table."""

    async def fetch() -> list[str]:
        connection = await asyncpg.connect(url)
        try:
            objects = await ddl_catalogue.read(connection, None)
            return [f"{o.title}: {o.text}" for o in objects.values()]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def roles(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [line for (line,) in connection.execute(ROLES, {"ours": OURS})]


@pytest.fixture(scope="module", params=["18", "16"])
def cluster(request, run_server):
    with run_server(request.param) as server:
        yield server


@pytest.fixture
def create(cluster):
    """Make empty databases: `url = create("one")`; they and all our roles are gone afterwards."""
    made = []
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:

        def make(name: str, owner: str = "postgres") -> str:
            made.append(sql.Identifier(name))
            admin.execute(
                sql.SQL("create database {} owner {}").format(made[-1], sql.Identifier(owner))
            )
            return cluster.url(name)

        yield make
        for name in made:
            admin.execute(sql.SQL("drop database {} with (force)").format(name))
        for (name,) in admin.execute(
            "select rolname from pg_roles where rolname ~ %s or rolname ~ '^dba'"
            " order by rolname ~ '^dba', rolname desc",  # they granted the others
            [OURS],
        ).fetchall():
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@pytest.fixture
def db(tmp_path, monkeypatch):
    """Give a copy of db/ that a test may edit; migrations read it instead."""
    copy = tmp_path / "100% ours" / "db"  # a percent sign means something to configuration files
    shutil.copytree(db_files.db_path(), copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(db_files, "db_path", lambda: copy)
    return copy


def script(run, *arguments) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        run("", *arguments, sql=True)
    return out.getvalue()


def run_script(psql: Path, url: str, text: str) -> None:
    """Do what a DBA would with a script."""
    done = subprocess.run(
        [psql, "-Xq", "-v", "ON_ERROR_STOP=1", "-v", "name=oops", "-d", url],
        input=text.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_upgrade_makes_what_the_files_say(create):
    migrated, applied = create("migrated"), create("applied")
    migrate.upgrade(migrated)

    versions = db_files.db_path() / "migrations" / "versions"
    starts, tails = [], []
    for path in sorted(versions.glob("*.up.sql")):
        by_hand = ddl.BLOCK.sub("", path.read_text(encoding="utf-8"))
        # The tail of a revision calls functions, and files name its tables: so they come between.
        start, *tail = by_hand.split("\nreset role;\n", 1)
        starts.append(start)
        tails.extend(tail)
    with psycopg.connect(applied) as connection:
        connection.execute(
            "create table public.alembic_version (version_num varchar(32) not null"
            " constraint alembic_version_pkc primary key)"
        )
        for start in starts:
            connection.execute(f"{start}\nreset role;".encode())
        connection.execute("set local role zava_owner")
        for text in ddl.sources(db_files.db_path()).values():
            connection.execute(text.encode())
        connection.execute("reset role")
        for tail in tails:
            connection.execute(tail.encode())

    assert catalogue(migrated) == catalogue(applied)
    assert len(catalogue(migrated)) > 300


@pytest.mark.long
def test_the_revisions_are_proved_but_for_what_was_broken(cluster, db):
    newest = REVISIONS[-1]
    (down,) = db.glob(f"migrations/versions/{newest}_*.down.sql")
    with down.open("a", encoding="utf-8") as file:
        file.write("comment on schema zava is 'left behind';\n")
    ddl.rehash(db, newest)
    whoami = db / "functions" / "security" / "whoami.sql"
    text = whoami.read_text("utf-8").replace("order by s.store_key", "order by 1 desc")
    whoami.write_text(text, encoding="utf-8")

    said: list[str] = []
    failures = migrate.run(ddl_prove.prove(cluster.url("postgres"), said.append, lock=True))

    assert failures == [
        f"{newest} leads back",
        f"{newest} leads there again",
        "change function api.whoami() (db/functions/security/whoami.sql)",
    ]
    assert len(said) == 2 * len(REVISIONS) + 4
    assert len([line for line in said if line.startswith("FAILED")]) == 3


def test_downgrade_to_base_leaves_nothing(create):
    url = create("nothing")
    empty = catalogue(url)
    migrate.upgrade(url)
    full, ours = catalogue(url), roles(url)
    with psycopg.connect(url) as connection:
        connection.execute("select zava.create_principal('head', 'head')")
        # What search keeps of a large store: rows that the owner is not shown.
        connection.execute(
            "with stored as (insert into retail.stores (store_key, name, city, tax_rate, opened_on)"
            "  values ('oak', 'Oak', 'Oak', 0, '2020-01-01') returning store_id),"
            " copied as (insert into retail.search_assortments (store_id, product_id)"
            "  select store_id, store_id from stored)"
            "insert into retail.search_stores (store_id, products, ef_search)"
            " select store_id, 2000, 80 from stored"
        )
        connection.execute(
            "with m as (insert into retail.embedding_models (name, dimensions) values ('m', 3)"
            " returning model_id) insert into retail.search_recall (model_id, ef_search, recall)"
            " select model_id, 80, 1 from m"
        )
        # The index of a region calls a function.
        connection.execute(
            "create index on retail.search_assortments using hnsw"
            " ((zava._region_vector(embedding)::public.halfvec(8)) public.halfvec_ip_ops)"
            " where store_id = any ('{5ec2e701-0000-4000-8000-000000000000}') and model_id = 1"
        )

    migrate.downgrade(url, "base")

    assert catalogue(url) == empty
    assert roles(url) == []
    assert migrate.current(url) is None
    migrate.upgrade(url)
    assert catalogue(url) == full
    assert roles(url) == ours


def test_the_script_does_what_an_upgrade_does(create, psql):
    online, offline = create("online"), create("offline")
    migrate.upgrade(online)
    run_script(psql, offline, script(migrate.upgrade))
    assert catalogue(offline) == catalogue(online)
    assert migrate.current(offline) == migrate.head()

    run_script(psql, offline, script(migrate.downgrade, f"{migrate.head()}:base"))
    assert migrate.current(offline) is None
    assert not [line for line in catalogue(offline) if line.startswith("function")]


def test_no_character_is_changed_on_the_way(create, db, psql):
    body = (
        "\n-- :name %s %(x)s %% \t tab \\b \\\\ ' \" $1 ${y} é €\n    select ':name'::text || '%'\n"
    )
    folder = db / "functions" / "search"
    (folder / "odd.sql").write_text(
        "create or replace function zava.odd()\nreturns text\nlanguage sql\n"
        f"as $function${body}$function$;\n\n"
        "comment on function zava.odd() is 'a:b %d \t\\';\n"
        "revoke execute on function zava.odd() from public;\n",
        encoding="utf-8",
    )
    ddl.freeze(db, "odd")

    online, offline = create("online"), create("offline")
    migrate.upgrade(online)
    run_script(psql, offline, script(migrate.upgrade))
    for url in (online, offline):
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "select prosrc, obj_description(oid) from pg_proc where proname = 'odd'"
            ).fetchone()
        assert row == (body, "a:b %d \t\\")


def test_an_edited_revision_is_refused_by_name(create, db):
    url = create("edited")
    file = db / "migrations" / "versions" / "0113_functions.up.sql"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(errors.ConfigurationError, match=r"0113_functions\.up\.sql was edited"):
        migrate.upgrade(url)
    assert migrate.current(url) == FIRST
    with pytest.raises(errors.ConfigurationError, match=r"0113_functions\.up\.sql"):
        script(migrate.upgrade)
    file.unlink()
    with pytest.raises(errors.ConfigurationError, match=r"0113_functions\.up\.sql"):
        migrate.upgrade(url)


def test_an_owner_without_superuser_can_migrate(create, cluster):
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
        admin.execute("create role dba login createrole createdb password 'dba'")
    name = "owned"
    superuser, dba = create(name, "dba"), cluster.url(name, "dba", "dba")

    with pytest.raises(errors.DatabaseError, match="vector extension is missing") as caught:
        migrate.upgrade(dba)
    assert caught.value.sqlstate == "42501"
    assert "create extension vector" in caught.value.hint
    assert migrate.current(dba) is None

    with psycopg.connect(superuser, autocommit=True) as admin:
        admin.execute("create extension vector")
    empty = catalogue(superuser)
    migrate.upgrade(dba)
    full = catalogue(superuser)
    with psycopg.connect(dba, autocommit=True) as connection:
        connection.execute("select zava.create_principal('head', 'head')")
    migrate.downgrade(dba, "base")
    assert catalogue(superuser) == empty
    assert roles(superuser) == []
    migrate.upgrade(dba)
    assert catalogue(superuser) == full


def test_the_roles_of_another_administrator_are_granted_first(create, cluster):
    page = (db_files.db_path().parent / "docs" / "install.md").read_text(encoding="utf-8")
    told = "".join(re.findall(r"^grant [^;]*to other [^;]*;", page, re.MULTILINE))
    told = told.replace("to other", "to dba")
    theirs = create("theirs")
    migrate.upgrade(theirs)
    with psycopg.connect(theirs) as connection:
        connection.execute("select zava.create_principal('head', 'head')")
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
        admin.execute("create role dba login createrole password 'dba'")
        superuser, dba = create("mine", "dba"), cluster.url("mine", "dba", "dba")
        with psycopg.connect(superuser, autocommit=True) as mine:
            mine.execute("create extension vector")
        with pytest.raises(errors.DatabaseError, match="grant role") as caught:
            migrate.upgrade(dba)
        assert "install.md" in caught.value.hint
        admin.execute(told.encode())
    migrate.upgrade(dba)
    with psycopg.connect(dba, autocommit=True) as connection:
        connection.execute(
            "insert into retail.stores (store_key, name, city, tax_rate, opened_on)"
            " values ('oak', 'Oak', 'Oak', 0, '2020-01-01')"
        )
        connection.execute("select zava.create_principal('oak', 'store', array['oak'])")
    # What only the other one may drop is told as such.
    with pytest.raises(errors.DatabaseError, match="drop role") as caught:
        migrate.downgrade(dba, "base")
    assert "install.md" in caught.value.hint


def test_a_second_administrator_goes_on_where_the_first_is_gone(create, cluster):
    page = (db_files.db_path().parent / "docs" / "install.md").read_text(encoding="utf-8")
    told = "".join(re.findall(r"^grant [^;]*to other [^;]*;", page, re.MULTILINE))
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
        admin.execute("create role dba login createrole password 'dba'")
        admin.execute("create role dba_2 login createrole password 'dba'")
        superuser, first = create("handed", "dba"), cluster.url("handed", "dba", "dba")
        with psycopg.connect(superuser, autocommit=True) as handed:
            handed.execute("create extension vector")
        migrate.upgrade(first)
        second = cluster.url("handed", "dba_2", "dba")
        make = "select zava.create_principal(%s, 'store', array['oak'])"
        with psycopg.connect(first, autocommit=True) as dba:
            dba.execute(
                "insert into retail.stores (store_key, name, city, tax_rate, opened_on)"
                " values ('oak', 'Oak', 'Oak', 0, '2020-01-01')"
            )
            # Who became a member of the role that it makes would see no store from then on.
            dba.execute("set createrole_self_grant = 'set, inherit'")
            dba.execute(make, ["oak"])
            assert len(dba.execute("table zava.principal_stores").fetchall()) == 1
            assert len(dba.execute("table retail.stores").fetchall()) == 1
            dba.execute("grant zava_owner to dba_2; grant connect on database handed to dba_2")
            with psycopg.connect(second, autocommit=True) as other:
                with pytest.raises(psycopg.errors.InvalidParameterValue) as caught:
                    other.execute(make, ["oak-2"])
                assert "zava_writer" in caught.value.diag.message_hint
            dba.execute(told.replace("to other", "to dba_2").encode())
        admin.execute("alter database handed owner to dba_2")
    # A role that is complete is left as it is: only the first could grant it.
    with psycopg.connect(second, autocommit=True) as other:
        other.execute(make, ["oak-2"])
        other.execute("select zava._create_runner()")
        other.execute("update public.alembic_version set version_num = version_num")
    assert migrate.current(second) == migrate.head()


def test_the_table_of_another_application_is_told(create):
    url = create("theirs")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "create table public.alembic_version (version_num text);"
            "insert into public.alembic_version values ('ae1027a6acf')"
        )
    with pytest.raises(errors.ConfigurationError, match="ae1027a6acf") as caught:
        migrate.upgrade(url)
    assert "another application" in caught.value.hint


def test_roles_that_no_dump_of_one_database_brings_are_told(create):
    url = create("restored")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("create table public.alembic_version (version_num text)")
        admin.execute("insert into public.alembic_version values (%s)", [migrate.revisions()[-2]])
    with pytest.raises(errors.DatabaseError, match='role "zava_owner" does not exist') as caught:
        migrate.upgrade(url)
    assert "Copies and dumps" in caught.value.hint


def test_what_a_database_sets_for_everybody_changes_nothing(create):
    plain, odd = create("plain"), create("odd")
    with psycopg.connect(odd, autocommit=True) as admin:
        for setting in (
            "search_path = nowhere",
            "standard_conforming_strings = off",
            "row_security = off",
            "statement_timeout = '300ms'",
            "idle_session_timeout = '50ms'",
            "quote_all_identifiers = on",
            "transform_null_equals = on",
            "datestyle = 'German, DMY'",
            "default_tablespace = pg_default",
        ):
            admin.execute(f"alter database odd set {setting}")
        if admin.info.server_version >= 170000:
            admin.execute("alter database odd set transaction_timeout = '50ms'")
    migrate.upgrade(plain)
    migrate.upgrade(odd)
    with psycopg.connect(odd, autocommit=True) as admin:
        admin.execute("alter database odd reset all")
    assert catalogue(odd) == catalogue(plain)


def test_an_extension_in_another_schema_is_told_before_anything_is_done(create):
    url = create("elsewhere")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("create schema extensions; create extension vector schema extensions")
    with pytest.raises(errors.ConfigurationError, match="not extensions") as caught:
        migrate.upgrade(url)
    assert migrate.current(url) is None
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(re.search("alter extension vector set schema public", caught.value.hint)[0])
    migrate.upgrade(url, FIRST)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN9"])
def test_a_database_of_another_encoding_is_told_before_anything_is_done(cluster, create, encoding):
    url = create("encoded")
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
        admin.execute("drop database encoded")
        admin.execute(
            f"create database encoded template template0 encoding {encoding} locale 'C'"
            + (" locale_provider libc" if admin.info.server_version >= 170000 else "")
        )
    with pytest.raises(errors.ConfigurationError, match=f"{encoding}, it needs UTF8") as caught:
        migrate.upgrade(url)
    assert "createdb -T template0 -E UTF8 --locale C.UTF-8" in caught.value.hint
    assert migrate.current(url) is None


def test_roles_that_another_database_uses_stay(create):
    first, second = create("first"), create("second")
    migrate.upgrade(first)
    migrate.upgrade(second)
    before, ours = catalogue(second), roles(second)
    migrate.downgrade(first, "base")
    assert catalogue(second) == before
    assert roles(second) == ours
    migrate.downgrade(second, "base")
    assert roles(second) == []


@pytest.mark.long
def test_a_reader_in_the_way_is_named_and_nothing_happens(create, monkeypatch, capsys):
    monkeypatch.setattr(ddl_locks, "TRIES", 1)
    url = create("busy")
    migrate.upgrade(url, FIRST)
    before = catalogue(url)
    with psycopg.connect(url) as reader:
        pid = reader.info.backend_pid
        reader.execute("select from retail.stores")
        with pytest.raises(errors.DatabaseError, match="lock timeout; nothing of") as caught:
            migrate.upgrade(url)
        assert caught.value.sqlstate == "55P03"
        assert re.search(rf"\b{pid}\b", caught.value.hint)
        assert migrate.current(url) == FIRST
        assert catalogue(url) == before

        # It tries again, and the reader is done by then.
        monkeypatch.setattr(ddl_locks, "TRIES", 2)
        monkeypatch.setattr(ddl_locks, "PAUSE", 0.1)
        pause = asyncio.sleep

        async def leave(seconds: float) -> None:
            if 0 < seconds < ddl_locks.LOOK:
                reader.rollback()
            await pause(seconds)

        monkeypatch.setattr(ddl_locks.asyncio, "sleep", leave)
        migrate.upgrade(url)
        said = capsys.readouterr().err
    assert re.search(rf"waited for backend {pid} \(.*; tries left: 1", said)
    assert migrate.current(url) == migrate.head()


def test_what_cannot_work_is_said_without_the_url(create, cluster, tmp_path, monkeypatch):
    url = create("errors")
    assert migrate.current(url) is None
    secret = "s3cr3t"
    cases = {
        cluster.url("errors", "postgres", secret): errors.ConfigurationError,
        cluster.url("missing"): errors.ConfigurationError,
        f"postgresql://u:{secret}@127.0.0.1:1/x": errors.ServiceUnavailable,
        f"postgresql://u:{secret}@host:{secret}/x": errors.ConfigurationError,
        f"postgresql://u:{secret}@127.0.0.1:99999/x": errors.ConfigurationError,
        f"mysql://u:{secret}@host/x": errors.ConfigurationError,
    }
    for wrong, expected in cases.items():
        for ask in (migrate.current, migrate.upgrade):
            with pytest.raises(expected) as caught:
                ask(wrong)
            assert caught.value.hint
            shown = "".join(traceback.format_exception(caught.value)) + caught.value.hint
            assert secret not in shown
            assert cluster.password not in shown
    # Neither what only libpq knows nor a wrong value is told as an error of a revision.
    for setting in ("channel_binding=require", "connect_timeout=5", "statement_timeout=soon"):
        with pytest.raises(errors.ConfigurationError, match=setting.partition("=")[0]) as caught:
            migrate.upgrade(f"{url}?{setting}")
        assert "URL" in caught.value.hint
    # Nor what is wrong with its files for a database that is away; a service that is not known
    # would lead to the database of this machine.
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    monkeypatch.setenv("PGSERVICEFILE", str(garbage.with_name("services")))
    for setting, expected, said in (
        ("sslmode=require", errors.ConfigurationError, "does not speak TLS"),
        ("sslmode=verify-full&sslrootcert=/no/file", errors.ConfigurationError, "sslrootcert"),
        (f"sslmode=require&sslcert={garbage}", errors.ConfigurationError, "no TLS"),
        ("service=unknown", errors.ConfigurationError, "service .* is not in"),
        ("target_session_attrs=standby", errors.ServiceUnavailable, "kind that it asks for"),
    ):
        for ask in (migrate.current, migrate.upgrade):
            with pytest.raises(expected, match=said) as caught:
                ask(f"{url}?{setting}")
            assert caught.value.hint
    with distrusted(tmp_path) as (other, _):
        where = other.removeprefix("https://localhost").removesuffix("/v1")
        trust = f"sslmode=verify-full&sslnegotiation=direct&sslrootcert={tmp_path}/localhost.pem"
        with pytest.raises(errors.ConfigurationError, match="certificate") as caught:
            migrate.upgrade(f"postgresql://u:{secret}@127.0.0.1{where}/x?{trust}")
        assert "sslrootcert" in caught.value.hint
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("create role dba_out nologin password {}").format(secret))
    with pytest.raises(errors.ConfigurationError, match="the login of ZAVA_ADMIN_URL") as caught:
        migrate.upgrade(cluster.url("errors", "dba_out", secret))
    assert "password" not in caught.value.hint
    with pytest.raises(errors.ConfigurationError, match="nowhere"):
        migrate.upgrade(url, "nowhere")
    monkeypatch.setattr(migrate, "OLDEST", 19)
    with pytest.raises(errors.ConfigurationError, match="too old"):
        migrate.upgrade(url)
    assert migrate.current(url) is None
    # As when the end of a connection is met by the rollback first.
    broken = asyncpg.InterfaceError("the underlying connection is closed")
    assert migrate.explain(broken, {}).message == "the database went away"


def test_an_event_trigger_of_others_that_may_not_is_told_as_theirs(create):
    url = create("events")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("create table public.ddl_log (tag text, at timestamptz)")
        admin.execute(
            "create function public.log_ddl() returns event_trigger language plpgsql as"
            " $$ begin insert into public.ddl_log values (tg_tag, now()); end $$"
        )
        admin.execute(
            "create event trigger log_ddl on ddl_command_end execute function public.log_ddl()"
        )
        with pytest.raises(errors.DatabaseError, match="ddl_log") as caught:
            migrate.upgrade(url)
        assert caught.value.hint.startswith("log_ddl() is none of zava_sql's")
        assert migrate.current(url) is None
        admin.execute("alter function public.log_ddl() security definer set search_path = ''")
    migrate.upgrade(url, FIRST)
    assert migrate.current(url) == FIRST


def test_a_schema_public_that_is_closed_is_told_and_no_missing_right_of_the_login(create):
    url = create("closed")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("revoke all on schema public from public")
        with pytest.raises(errors.DatabaseError, match="schema public") as caught:
            migrate.upgrade(url)
        remedy = "grant usage on schema public to public"
        assert remedy in caught.value.hint
        admin.execute(remedy)
    migrate.upgrade(url, FIRST)


def test_a_failing_revision_keeps_its_sqlstate_and_leaves_nothing(create, db):
    ddl.freeze(db, "fails", empty=True)
    file = db / "migrations" / "versions" / f"{int(REVISIONS[-1]) + 1:04}_fails.up.sql"
    file.write_text("create table public.half (id int);\nselect 1 / 0;\n", encoding="utf-8")
    ddl.rehash(db, file.name[:4])
    url = create("fails")
    with pytest.raises(errors.DatabaseError, match="division by zero") as caught:
        migrate.upgrade(url)
    assert caught.value.sqlstate == "22012"
    assert caught.value.message.startswith(f"{file.name}: ")
    assert migrate.current(url) == REVISIONS[-1]
    with psycopg.connect(url) as connection:
        assert connection.execute("select to_regclass('public.half')").fetchone() == (None,)

    # What somebody else made of what a revision takes away is named, and not to be dropped with it.
    used = "create table public.used (id int);\ncreate view public.theirs as table public.used;\n"
    file.write_text(f"{used}drop table public.used;\n", encoding="utf-8")
    ddl.rehash(db, file.name[:4])
    with pytest.raises(errors.DatabaseError, match="other objects depend on it") as caught:
        migrate.upgrade(url)
    assert "view theirs depends on table used" in (caught.value.hint or "")
    assert "CASCADE" not in (caught.value.hint or "")

    # The line is that of what PostgreSQL does not understand, not of the statement's beginning.
    file.write_text("select 1;\nselect 'ä',\n    nothing.here;\n", encoding="utf-8")
    ddl.rehash(db, file.name[:4])
    with pytest.raises(errors.DatabaseError) as caught:
        migrate.upgrade(url)
    assert caught.value.message.startswith(f"{file.name}, line 3: missing FROM-clause entry")


@pytest.mark.long
def test_alembic_works_on_its_own(create):
    url = create("plain")
    root = Path(__file__).parents[1]
    alembic = [sys.executable, "-m", "alembic"]
    done = subprocess.run(
        [*alembic, "upgrade", "head"],
        cwd=root,
        env={**os.environ, "ZAVA_ADMIN_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert migrate.current(url) == migrate.head()
    same = subprocess.run(
        [*alembic, "check"],
        cwd=root,
        env={**os.environ, "ZAVA_ADMIN_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert same.stdout.strip() == "No new upgrade operations detected."

    bare = subprocess.run(
        [*alembic, "upgrade", "head"], cwd=root, capture_output=True, text=True, check=False
    )
    assert bare.returncode != 0
    assert "Set ZAVA_ADMIN_URL" in bare.stdout + bare.stderr
    assert "Traceback" not in bare.stderr
    lost = subprocess.run(
        [*alembic, "current"],
        cwd=root,
        env={**os.environ, "ZAVA_ADMIN_URL": f"{url}_lost"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert lost.returncode != 0
    assert (lost.stdout + lost.stderr).strip() == (
        "FAILED: the database named in the URL does not exist. Create it first."
    )


def test_a_hardened_database_is_left_without_our_roles(create):
    url = create("hard")
    migrate.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select zava.harden()")
    migrate.downgrade(url, "base")
    assert roles(url) == []


@pytest.mark.long
def test_two_upgrades_at_once_both_end_well(create):
    url = create("twice")
    program = "import sys; from zava_sql import migrate; migrate.upgrade(sys.argv[1])"
    both = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert migrate.current(url) == migrate.head()


def test_whoever_waits_for_another_upgrade_says_for_whom_and_holds_up_nobody(create, capsys):
    url = create("queue")
    waiting = (
        "select state, backend_xmin from pg_stat_activity"
        " where application_name = 'zava-sql migrations' and datname = current_database()"
    )
    said, seen = "", []
    with ThreadPoolExecutor(1) as pool, psycopg.connect(url, autocommit=True) as other:
        pid = other.info.backend_pid
        other.execute("select pg_advisory_lock(%s)", [0x7A617661])
        work = pool.submit(migrate.upgrade, url, FIRST)
        for _ in range(200):
            said = said or capsys.readouterr().err
            seen = other.execute(waiting).fetchall()
            if said and ("idle", None) in seen:
                break
            time.sleep(0.05)
    work.result()
    assert f"waiting for backend {pid} (" in said
    assert ("idle", None) in seen
    assert capsys.readouterr().err == ""
    assert migrate.current(url) == FIRST


def test_the_name_of_whom_an_upgrade_waits_for_moves_no_cursor(create, capsys):
    url, odd = create("named"), "odd\x1b[2J"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"create role \"{odd}\" login password 'x'")
        try:
            with (
                ThreadPoolExecutor(1) as pool,
                psycopg.connect(url, user=odd, password="x", autocommit=True) as other,
            ):
                other.execute("select pg_advisory_lock(%s)", [0x7A617661])
                work = pool.submit(migrate.upgrade, url, FIRST)
                said = ""
                for _ in range(200):
                    said += capsys.readouterr().err
                    if said:
                        break
                    time.sleep(0.05)
                other.execute("select pg_advisory_unlock_all()")
                work.result()
        finally:
            admin.execute(f'drop role "{odd}"')
    assert r"odd\x1b[2J" in said
    assert "\x1b" not in said


def test_nobody_is_told_of_new_functions_where_nothing_was_applied(create):
    url = create("silent")
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute("listen zava_catalogue")
        heard = []
        for target in (FIRST, FIRST, SECOND):
            migrate.upgrade(url, target)
            heard.append(len(list(listener.notifies(timeout=0.2))))
    assert heard == [1, 0, 1]


def test_whoever_watches_for_blockers_may_be_cut_off(create, monkeypatch):
    monkeypatch.setattr(ddl_locks, "LOOK", 0.1)

    async def watch(url):
        watcher = await migrate.connect(url)

        async def connected():
            return watcher

        async with ddl_locks.watching(connected, 0, {}):
            await asyncio.sleep(0.05)
            watcher.terminate()
            await asyncio.sleep(0.3)

    asyncio.run(watch(create("cut")))
