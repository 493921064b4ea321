"""Revisions against real servers: what they make, what they take back, what they refuse.

A cluster of their own, for they create and drop roles; on PostgreSQL 18 and 16.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from zava_sql import ddl, errors, migrate

pytestmark = pytest.mark.once

REVISIONS = sorted(
    path.name[:4] for path in (ddl.db_path() / "migrations" / "versions").glob("*.up.sql")
)
OURS = "^(zava_.*|store_manager|regional_manager|head_office)$"

# Everything of a database but what extensions brought and alembic's own table, one line an object.
CATALOGUE = r"""
with
objects as (
    select 'pg_proc'::regclass as classid, p.oid, p.pronamespace as namespace, p.proowner as owner,
        'f' as kind, p.oid::regprocedure::text as name, p.proacl as acl,
        pg_get_functiondef(p.oid) as definition
    from pg_proc as p
    where p.prokind <> 'a'
    union all
    select 'pg_class'::regclass, c.oid, c.relnamespace, c.relowner,
        case c.relkind when 'S' then 's' else 'r' end, c.oid::regclass::text, c.relacl,
        concat_ws(' ', c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.reloptions::text,
            pg_get_partkeydef(c.oid))
    from pg_class as c
    where c.relkind in ('r', 'p', 'v', 'm', 'S')
    union all
    select 'pg_class'::regclass, c.oid, c.relnamespace, c.relowner, null, c.oid::regclass::text,
        null, pg_get_indexdef(c.oid)
    from pg_class as c
    where c.relkind in ('i', 'I')
    union all
    select 'pg_constraint'::regclass, c.oid, c.connamespace, null, null,
        format('%s on %s', c.conname, c.conrelid::regclass), null, pg_get_constraintdef(c.oid)
    from pg_constraint as c
    union all
    select 'pg_policy'::regclass, p.oid, c.relnamespace, null, null,
        format('%s on %s', p.polname, c.oid::regclass), null,
        concat_ws(' ', p.polcmd, p.polpermissive, (
            select string_agg(coalesce(r.rolname, 'public'), ',' order by r.rolname)
            from unnest(p.polroles) as u (oid) left join pg_roles as r on r.oid = u.oid
        ), pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    from pg_policy as p join pg_class as c on c.oid = p.polrelid
    union all
    select 'pg_trigger'::regclass, t.oid, c.relnamespace, null, null,
        format('%s on %s', t.tgname, c.oid::regclass), null, pg_get_triggerdef(t.oid)
    from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
    where not t.tgisinternal
    union all
    select 'pg_namespace'::regclass, n.oid, n.oid, n.nspowner, 'n', n.nspname, n.nspacl, ''
    from pg_namespace as n
),
mine as (
    select o.*
    from objects as o
    join pg_namespace as n on n.oid = o.namespace
    where n.nspname !~ '^(pg_|information_schema$)' and o.name !~ 'alembic_version'
        and not exists (
            select from pg_depend as d
            where d.classid = o.classid and d.objid = o.oid and d.deptype = 'e'
        )
),
privileges as (
    select m.name, m.kind, m.acl, m.owner from mine as m where m.kind is not null
    union all
    select 'this database', 'd', d.datacl, d.datdba
    from pg_database as d
    where d.datname = current_database()
    union all
    select format('%s.%s', c.oid::regclass, a.attname), 'c', a.attacl, c.relowner
    from pg_attribute as a join pg_class as c on c.oid = a.attrelid
    where a.attacl is not null and c.relnamespace >= 16384
)
select concat_ws(' | ', m.classid::regclass, m.name, m.owner::regrole, m.definition,
    obj_description(m.oid, m.classid::regclass::name))
from mine as m
union all
select concat_ws(' | ', 'column', c.oid::regclass,
    row_number() over (partition by c.oid order by a.attnum), a.attname,
    format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
    pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
from mine as m
join pg_class as c on c.oid = m.oid and m.kind = 'r'
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
union all
select concat_ws(' | ', 'privilege', p.name, coalesce(g.rolname, 'public'), x.privilege_type,
    x.is_grantable)
from privileges as p
cross join lateral aclexplode(coalesce(p.acl, acldefault(p.kind::"char", p.owner))) as x
left join pg_roles as g on g.oid = x.grantee
where x.grantee <> p.owner
union all
select concat_ws(' | ', 'default privilege', d.defaclrole::regrole, d.defaclobjtype,
    d.defaclnamespace, d.defaclacl::text)
from pg_default_acl as d
order by 1
"""

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
    with psycopg.connect(url) as connection:
        connection.execute("set local search_path = pg_catalog")
        return [line for (line,) in connection.execute(CATALOGUE.encode())]


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
            "select rolname from pg_roles where rolname ~ %s or rolname = 'dba'", [OURS]
        ).fetchall():
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@pytest.fixture
def db(tmp_path, monkeypatch):
    """Give a copy of db/ that a test may edit; migrations read it instead."""
    copy = tmp_path / "100% ours" / "db"  # a percent sign means something to configuration files
    shutil.copytree(ddl.db_path(), copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrate, "db_path", lambda: copy)
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

    versions = ddl.db_path() / "migrations" / "versions"
    starts, tails = [], []
    for path in sorted(versions.glob("*.up.sql")):
        by_hand = ddl.BLOCK.sub("", path.read_text(encoding="utf-8"))
        # The tail of a revision calls functions, and files name its tables: so they come between.
        start, *tail = by_hand.split("\nreset role;\n", 1)
        starts.append(start)
        tails.extend(tail)
    with psycopg.connect(applied) as connection:
        for start in starts:
            connection.execute(f"{start}\nreset role;".encode())
        connection.execute("set local role zava_owner")
        for text in ddl.sources(ddl.db_path()).values():
            connection.execute(text.encode())
        connection.execute("reset role")
        for tail in tails:
            connection.execute(tail.encode())

    assert catalogue(migrated) == catalogue(applied)
    assert len(catalogue(migrated)) > 300


def test_every_step_leads_back_and_forth(create):
    url = create("steps")
    seen = [catalogue(url)]
    for number, revision in enumerate(REVISIONS, start=1):
        migrate.upgrade(url, revision)
        seen.append(catalogue(url))
        assert seen[-1] != seen[-2]
        migrate.downgrade(url, "-1")
        assert catalogue(url) == seen[number - 1], f"down from {revision}"
        migrate.upgrade(url, revision)
        assert catalogue(url) == seen[number], f"up to {revision} again"
    assert migrate.current(url) == migrate.head() == REVISIONS[-1]


def test_downgrade_to_base_leaves_nothing(create):
    url = create("nothing")
    empty = catalogue(url)
    migrate.upgrade(url)
    full, ours = catalogue(url), roles(url)
    with psycopg.connect(url) as connection:
        connection.execute("select zava.create_principal('head', 'head')")

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
    assert not [line for line in catalogue(offline) if line.startswith("pg_proc")]


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
    file = db / "migrations" / "versions" / "0002_kernel.up.sql"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(errors.ConfigurationError, match=r"0002_kernel\.up\.sql was edited"):
        migrate.upgrade(url)
    assert migrate.current(url) == "0001"
    with pytest.raises(errors.ConfigurationError, match=r"0002_kernel\.up\.sql"):
        script(migrate.upgrade)
    file.unlink()
    with pytest.raises(errors.ConfigurationError, match=r"0002_kernel\.up\.sql"):
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


def test_a_reader_in_the_way_is_named_and_nothing_happens(create):
    url = create("busy")
    migrate.upgrade(url, "0001")
    before = catalogue(url)
    with psycopg.connect(url) as reader:
        reader.execute("select from retail.stores")
        with pytest.raises(errors.DatabaseError, match="lock timeout") as caught:
            migrate.upgrade(url)
        assert caught.value.sqlstate == "55P03"
        assert re.search(rf"\b{reader.info.backend_pid}\b", caught.value.hint)
        assert migrate.current(url) == "0001"
    assert catalogue(url) == before
    migrate.upgrade(url)
    assert migrate.current(url) == migrate.head()


def test_what_cannot_work_is_said_without_the_url(create, cluster):
    url = create("errors")
    assert migrate.current(url) is None
    secret = "s3cr3t"
    cases = {
        cluster.url("errors", "postgres", secret): errors.ConfigurationError,
        cluster.url("missing"): errors.ConfigurationError,
        f"postgresql://u:{secret}@127.0.0.1:1/x": errors.ServiceUnavailable,
        f"postgresql://u:{secret}@host:{secret}/x": errors.ConfigurationError,
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
    with pytest.raises(errors.ConfigurationError, match="nowhere"):
        migrate.upgrade(url, "nowhere")


def test_a_failing_revision_keeps_its_sqlstate_and_leaves_nothing(create, db):
    ddl.freeze(db, "fails", empty=True)
    file = db / "migrations" / "versions" / f"{len(REVISIONS) + 1:04}_fails.up.sql"
    file.write_text("create table public.half (id int);\nselect 1 / 0;\n", encoding="utf-8")
    ddl.rehash(db, file.name[:4])
    url = create("fails")
    with pytest.raises(errors.DatabaseError, match="division by zero") as caught:
        migrate.upgrade(url)
    assert caught.value.sqlstate == "22012"
    assert migrate.current(url) == REVISIONS[-1]
    with psycopg.connect(url) as connection:
        assert connection.execute("select to_regclass('public.half')").fetchone() == (None,)


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

    bare = subprocess.run(
        [*alembic, "upgrade", "head"], cwd=root, capture_output=True, text=True, check=False
    )
    assert bare.returncode != 0
    assert "Set ZAVA_ADMIN_URL" in bare.stdout + bare.stderr
    assert "Traceback" not in bare.stderr


def test_a_hardened_database_is_left_without_our_roles(create):
    url = create("hard")
    migrate.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select zava.harden()")
    migrate.downgrade(url, "base")
    assert roles(url) == []


def test_two_upgrades_at_once_both_end_well(create):
    url = create("twice")
    program = "import sys; from zava_sql import migrate; migrate.upgrade(sys.argv[1])"
    both = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert migrate.current(url) == migrate.head()
