"""A managed service, where nobody is superuser: the steps of docs/install.md, and what holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from mcp import Client, StdioServerParameters

from zava_sql import embedded, migrate
from zava_sql.agent import Agent, fetch
from zava_sql.database import Database
from zava_sql.ddl_review import count_rows
from zava_sql.errors import DatabaseError, QueryRefused
from zava_sql.principals import find_principal
from zava_sql.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.long]


@pytest.fixture(scope="module")
def environment(run_server, tmp_path_factory) -> dict[str, str]:
    """Install as an owner with CREATEROLE, who never was superuser."""
    with run_server(os.environ.get("ZAVA_TEST_POSTGRES") or "18") as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            admin.execute("create role dba login createrole createdb password 'dba'")
            # Of what it makes it would be a member, and be held to the rows of a store.
            admin.execute("alter role dba set createrole_self_grant = 'set, inherit'")
            admin.execute("create database managed owner dba")
            admin.execute("create database restored owner dba")
        for name in ("managed", "restored"):
            with psycopg.connect(server.url(name), autocommit=True) as admin:
                admin.execute("create extension vector")
        known = {
            **{name: value for name, value in os.environ.items() if name != "ZAVA_TEST_POSTGRES"},
            "ZAVA_HOME": str(tmp_path_factory.mktemp("home")),
            "SUPERUSER_URL": server.url("managed"),
            "ZAVA_ADMIN_URL": server.url("managed", "dba", "dba"),
            "ZAVA_DATABASE_URL": server.url("managed", "zava_gateway", "gateway"),
            "ZAVA_SERVICE_URL": server.url("managed", "zava_service", "service"),
        }
        zava_sql(known, "db", "upgrade")
        with psycopg.connect(known["ZAVA_ADMIN_URL"], autocommit=True) as dba:
            dba.execute("alter role zava_gateway login password 'gateway'")
            dba.execute("alter role zava_service login password 'service'")
        known["ZAVA_CONTEXT_KEY"] = zava_sql(known, "key", "create").strip()
        zava_sql(known, "seed", "--scale", "0.005")
        yield known


@pytest.fixture
async def database(environment, monkeypatch) -> Database:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with Database.open(embedded.resolve(Settings.load())) as opened:
        yield opened


def zava_sql(environment, *arguments) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "zava_sql", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nobody_is_superuser(environment):
    with psycopg.connect(environment["ZAVA_ADMIN_URL"]) as dba:
        rows = dba.execute(
            "select rolname from pg_roles where rolsuper and rolname <> 'postgres'"
        ).fetchall()
    assert rows == []
    assert migrate.current(environment["ZAVA_ADMIN_URL"]) is not None


def test_a_superuser_lets_the_administrator_set_limits_by_role(environment):
    page = (Path(__file__).parents[1] / "docs" / "limits.md").read_text(encoding="utf-8")
    limits, leave = re.findall(r"```sql\n(.*?)```", page.partition("## By role")[2], re.DOTALL)
    with psycopg.connect(environment["ZAVA_ADMIN_URL"]) as dba:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            dba.execute(limits.encode())
        dba.rollback()
        with psycopg.connect(environment["SUPERUSER_URL"], autocommit=True) as superuser:
            superuser.execute(leave.replace(" admin;", " dba;").encode())
        dba.execute(limits.encode())
        found = dba.execute("select distinct c.cap from zava.role_caps() as c").fetchall()
        assert {cap for (cap,) in found} == {"max_rows_limit", "statement_timeout", "max_cost"}
        dba.rollback()


def test_two_tenants_get_their_own(environment):
    counts = {
        name: int(
            zava_sql(
                environment, "query", "select count(*) from orders", "--as", name, "--format", "csv"
            ).split()[-1]
        )
        for name in ("seattle", "bellevue", "head-office")
    }
    assert 0 < counts["bellevue"] != counts["seattle"] > 0
    assert counts["seattle"] + counts["bellevue"] < counts["head-office"]


def test_what_was_seeded_is_summed_up_by_day(environment):
    (days, orders) = (
        zava_sql(
            environment,
            "query",
            "select (select sum(orders) from daily_totals), (select count(*) from orders"
            " where status = 'completed')",
            "--as",
            "seattle",
            "--format",
            "csv",
        )
        .split()[-1]
        .split(",")
    )
    assert int(days) == int(orders) > 0


async def test_who_reads_what_before_and_after_a_change_is_counted(environment):
    """As nobody's superuser, who may give itself the roles that it made."""
    url = environment["ZAVA_ADMIN_URL"]
    told = await count_rows(
        url,
        "alter policy stores_store_manager_fence on retail.stores using (true);"
        "create view api.failing with (security_invoker = true) as select 1 as a from retail.stores"
        " where 1 / (tax_rate * 0) = 1; grant select on api.failing to store_manager",
    )
    seattle = "seattle (zava_store_seattle) reads"
    assert f"{seattle} api.failing: no access -> error 22012, division by zero" in told
    assert f"{seattle} retail.stores: 1 rows -> 8 rows" in told
    assert any(f"{seattle} api.sale_lines: " in line for line in told)
    with psycopg.connect(url) as dba, pytest.raises(psycopg.errors.InsufficientPrivilege):
        dba.execute("set role zava_store_seattle")


async def test_the_server_starts_and_answers_in_the_runner(environment, database):
    assert database.runner
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "zava_sql", "serve", "--principal", "seattle"],
        env=environment,
    )
    async with Client(server) as client:
        result = await client.call_tool("query", {"sql": "select store_key from retail.stores"})
        assert result.content[0].text.split() == ["store_key:text", "seattle"]
        result = await client.call_tool("whoami", {})
        assert "seattle" in result.content[0].text


ATTACKS = (
    "select set_config('role', 'zava_store_bellevue', true)",
    "select set_config('role', 'none', true)",
    "select query_to_xml('set role zava_store_bellevue', true, true, '')",
)
# Nobody has hardened anything: it is the runner in which PostgreSQL lets no role be changed.
DENIED = ("42501", 'cannot set parameter "role" within security-definer function')
MOVED = (
    "select distinct s.store_key from (select set_config('zava.context', '1.forged', true)"
    " offset 0) as x cross join lateral"
    " (select o.store_id from retail.orders as o where x is not null) as o"
    " join retail.stores as s using (store_id)"
)


async def test_with_the_guard_no_attack_runs(database):
    seattle = await find_principal(database, "seattle")
    for attack in (*ATTACKS, MOVED):
        with pytest.raises(QueryRefused):
            await Agent(database).query(seattle, attack)


async def test_without_the_guard_nobody_becomes_another(database):
    seattle = await find_principal(database, "seattle")
    told = []
    for attack in ATTACKS:
        with pytest.raises(DatabaseError) as caught:
            await fetch(database, seattle, attack, 10)
        # Nobody has hardened anything: it is the runner in which no role can be changed.
        told.append((caught.value.sqlstate, caught.value.message))
    assert told == [DENIED, DENIED, ("0A000", "SET is not allowed in a non-volatile function")]
    assert set((await fetch(database, seattle, MOVED, 10)).rows) <= {("seattle",)}


@pytest.fixture
def restored(environment, psql, tmp_path) -> dict[str, str]:
    """Dump and restore as an administrator who is no superuser."""
    dump = str(tmp_path / "managed.dump")
    moved = {
        name: value.replace("/managed", "/restored") if name.endswith("_URL") else value
        for name, value in environment.items()
    }
    source, target = (f"--dbname={urls['ZAVA_ADMIN_URL']}" for urls in (environment, moved))
    subprocess.run(
        [psql.with_name("pg_dump"), "-Fc", "--enable-row-security", "-f", dump, source], check=True
    )
    # It cannot comment on the extension, nor give the runner away.
    subprocess.run([psql.with_name("pg_restore"), target, dump], check=False, capture_output=True)
    return moved


async def test_what_is_restored_shows_nobody_the_rows_of_another(
    environment, restored, monkeypatch
):
    for name, value in restored.items():
        monkeypatch.setenv(name, value)
    mine = (
        "select distinct s.store_key from retail.orders as o"
        " join retail.stores as s on s.store_id = o.store_id"
    )
    async with Database.open(embedded.resolve(Settings.load())) as opened:
        seattle = await find_principal(opened, "seattle")
        for ask in (Agent(opened).query(seattle, mine), fetch(opened, seattle, mine, 10)):
            with pytest.raises(DatabaseError, match="runner") as caught:
                await ask
            assert "zava._create_runner()" in caught.value.hint
        with psycopg.connect(restored["ZAVA_ADMIN_URL"], autocommit=True) as dba:
            dba.execute("select zava._create_runner()")
        assert (await fetch(opened, seattle, mine, 10)).rows == [("seattle",)]
    found = []
    for urls in (environment, restored):
        with psycopg.connect(urls["ZAVA_ADMIN_URL"]) as dba:
            found += dba.execute("select count(*) from retail.orders").fetchall()
    assert found[0] == found[1] > (0,)
