"""Behind PgBouncer in transaction mode, the real one: all tenants on two backends in turn."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest
import tenants
from conftest import LOGINS
from mcp_clients import client_of, serving, text_of
from waiting import until

from zava_sql.agent import Agent, fetch
from zava_sql.errors import ConfigurationError, DatabaseError, QueryTimeout
from zava_sql.principals import find_principal, hash_key, new_key
from zava_sql.tenant import tenant_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    import conftest

pytestmark = [pytest.mark.anyio, pytest.mark.once]

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

CONFIGURATION = """\
[databases]
by_session = host={host} port={port} dbname={dbname} pool_mode=session
* = host={host} port={port} pool_size=2
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = plain
auth_file = {home}/users
pool_mode = transaction
max_client_conn = 100
logfile =
"""


class Pooled(NamedTuple):
    """The URLs of both logins through PgBouncer, and the copy behind it."""

    copy: conftest.Database
    truth: tenants.Truth
    urls: dict[str, str]


@pytest.fixture(scope="module")
def pooled(module_database: conftest.Database) -> Iterator[Pooled]:
    """Two backends for each login, however many connections there are."""
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed: apt-get install pgbouncer")
    truth = tenants.fill(module_database)
    server = module_database.server
    home = Path(tempfile.mkdtemp(prefix="zava-pgbouncer-"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        own = listener.getsockname()[1]
    logins = LOGINS | {server.user: server.password}
    (home / "users").write_text("".join(f'"{name}" "{word}"\n' for name, word in logins.items()))
    (home / "pgbouncer.ini").write_text(
        CONFIGURATION.format(
            host=server.host, port=server.port, dbname=module_database.dbname, own=own, home=home
        )
    )
    home.chmod(0o755)
    process = subprocess.Popen(
        [PROGRAM, "-q", home / "pgbouncer.ini"],
        stderr=subprocess.DEVNULL,
        # It refuses to run as root.
        user=pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None,
    )
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", own), 1).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        urls = {
            name: url.replace(f":{server.port}/", f":{own}/")
            for name, url in (
                ("database_url", module_database.gateway_url),
                ("service_url", module_database.service_url),
            )
        }
        yield Pooled(module_database, truth, urls)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(home)


def opened(pooled: Pooled, **changes):
    given = {"pooler": "transaction", "pool_max": 4, **pooled.urls, **changes}
    return tenants.opened(pooled.copy, **given)


async def test_without_the_setting_the_server_says_which_one_is_missing(pooled):
    with pytest.raises(ConfigurationError) as caught:
        async with tenants.opened(pooled.copy, **pooled.urls):
            pass
    assert "ZAVA_POOLER=transaction" in caught.value.hint


async def test_session_mode_needs_the_setting_as_well(pooled):
    urls = {name: f"{url.rpartition('/')[0]}/by_session" for name, url in pooled.urls.items()}
    with pytest.raises(ConfigurationError) as caught:
        async with tenants.opened(pooled.copy, **urls):
            pass
    assert "in session mode too" in caught.value.hint
    async with opened(pooled, **urls) as database:
        known = await tenants.principals(database)
        for name in tenants.STORES:
            result = await Agent(database).query(known[name], tenants.OWN_ROWS, max_rows=1000)
            assert set(result.rows) == pooled.truth.of(name)


@pytest.mark.parametrize("wrong", ["password", "database"])
async def test_a_login_that_it_refuses_is_no_matter_of_settings(pooled, wrong):
    url = pooled.urls["database_url"]
    if wrong == "password":
        url = url.replace(":gateway-password@", ":forgotten@")
    else:
        url = f"{url.rpartition('/')[0]}/nothing"
    with pytest.raises(ConfigurationError) as caught:
        async with opened(pooled, database_url=url):
            pass
    assert "user, password and database" in caught.value.hint


def zava_sql(*command: str, **urls: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zava_sql", *command],
        env={"PATH": os.environ["PATH"], "ZAVA_POOLER": "transaction", **urls},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_doctor_may_look_time_and_again(pooled):
    urls = {f"ZAVA_{name.upper()}": url for name, url in pooled.urls.items()}
    for _ in range(2):
        looked = zava_sql("doctor", **urls)
        assert " checks: 0 errors" in looked.stdout, looked.stderr


@pytest.mark.parametrize(
    "command", ["principal list", "embed", "seed", "audit verify", "db upgrade"]
)
def test_an_administrator_is_told_to_go_round_it(pooled, command):
    own = pooled.urls["service_url"].rpartition("/")[0].rpartition(":")[2]
    url = pooled.copy.admin_url.replace(f":{pooled.copy.server.port}/", f":{own}/")
    zava_sql("principal", "list", ZAVA_ADMIN_URL=url)  # the next meets what this leaves behind
    said = zava_sql(*command.split(), ZAVA_ADMIN_URL=url).stderr
    assert said.startswith("error: ZAVA_ADMIN_URL leads to a pooler"), said
    assert "hint: Name PostgreSQL itself" in said


@pytest.mark.parametrize("guarded", [True, False], ids=["guard", "no guard"])
async def test_tenants_who_share_backends_each_see_their_own(pooled, guarded):
    async with opened(pooled) as database:
        agent = Agent(database)
        known = await tenants.principals(database)

        async def ask(name: str) -> set[int]:
            principal = known[name]
            sql = f"select rows.*, pg_backend_pid() from ({tenants.OWN_ROWS}) as rows"
            if guarded:
                result = await agent.query(principal, tenants.OWN_ROWS, max_rows=1000)
                assert set(result.rows) == pooled.truth.of(name)
                return set()
            result = await fetch(database, principal, sql, 1000)
            assert {row[:3] for row in result.rows} == pooled.truth.of(name)
            return {row[3] for row in result.rows}

        pids = await asyncio.gather(*(ask(name) for name in tenants.STORES * 5))
        assert len(set().union(*pids)) <= 2


async def test_each_transaction_has_the_settings_of_a_session_and_leaves_none(pooled):
    names = ("search_path", "statement_timeout", "timezone", "jit", "work_mem", "datestyle")
    sql = "select " + ", ".join(f"current_setting('{name}')" for name in names)
    direct = tenants.opened(pooled.copy, statement_timeout=7, work_mem="5MB")
    through = opened(pooled, statement_timeout=7, work_mem="5MB", application_name="it's me")
    async with direct as one, through as other:
        seattle = await find_principal(one, "seattle")
        expected = (await fetch(one, seattle, sql, 1)).rows
        assert (await fetch(other, seattle, sql, 1)).rows == expected
        assert expected[0][:2] == ("retail, public", "7s")
        async with other.gateway.lend() as connection:
            left = "select current_setting('statement_timeout'), current_user::text, "
            left += "current_setting('zava.context', true)"
            # A simple query: there is no transaction to hold the backend.
            row = await connection.fetchrow(left)
    assert row[0] == "0"
    assert row[1] == "zava_gateway"
    assert not row[2]


@pytest.mark.parametrize(
    "attempt",
    [
        "select set_config('zava.context', 'x', false)",
        "select set_config('role', 'zava_store_tacoma', false)",
        "select set_config('search_path', 'evil', false)",
        "select pg_advisory_lock(42)",
    ],
)
async def test_what_one_tenant_leaves_behind_does_not_reach_the_next(pooled, attempt):
    async with opened(pooled) as database:
        known = await tenants.principals(database, ("seattle", "tacoma"))
        for _ in range(3):
            await fetch(database, known["tacoma"], attempt, 1)
            assert await tenants.own_rows(database, known["seattle"]) == pooled.truth.of("seattle")
    with psycopg.connect(pooled.copy.admin_url) as connection:
        held = connection.execute("select from pg_locks where locktype = 'advisory'").fetchall()
    assert not held


async def test_no_plan_of_one_tenant_is_left_on_a_backend_for_the_next(pooled):
    with psycopg.connect(pooled.copy.admin_url, autocommit=True) as connection:
        connection.execute(tenants.NAIVE)
        try:
            async with opened(pooled) as database:
                known = await tenants.principals(database, ("seattle", "tacoma"))
                # On two backends.
                for name in ("seattle", "tacoma") * 4:
                    answer = await fetch(database, known[name], "select api.naive_answer()", 1)
                    assert answer.rows == [(name,)]
        finally:
            connection.execute(tenants.NO_NAIVE)


async def test_errors_and_time_limits_give_the_backend_back(pooled):
    async with opened(pooled) as database:
        seattle = await find_principal(database, "seattle")
        with pytest.raises(DatabaseError):
            await fetch(database, seattle, "select 1 / 0", 1)
        with tenants.hurried(database, seattle), pytest.raises(QueryTimeout):
            await fetch(database, seattle, tenants.SLOW, 1)
        assert await tenants.own_rows(database, seattle) == pooled.truth.of("seattle")


async def test_a_caller_who_leaves_ends_the_query_in_postgresql(pooled):
    running = "select from pg_stat_activity where query like '%as p4%' and pid <> pg_backend_pid()"
    running += " and state = 'active'"
    with psycopg.connect(pooled.copy.admin_url, autocommit=True) as connection:

        def backends() -> int:
            return len(connection.execute(running).fetchall())

        async with opened(pooled) as database:
            seattle = await find_principal(database, "seattle")
            task = asyncio.create_task(fetch(database, seattle, tenants.SLOW, 1))
            await until(lambda: backends() == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: backends() == 0)
            assert await tenants.own_rows(database, seattle) == pooled.truth.of("seattle")


# Takes the place of another tenant with its context; that order is kept by `materialized`.
STEAL = """
with taken as materialized (
    select
        set_config('zava.context', '{}', true) as context,
        set_config('role', 'zava_store_seattle', true) as role
)
select s.store_key from taken cross join lateral (
    select store_key from retail.stores where taken.role is not null offset 0
) as s"""


async def test_a_context_that_was_stolen_from_another_backend_is_void(pooled):
    async with opened(pooled) as database:
        known = await tenants.principals(database, ("seattle", "tacoma"))
        async with tenant_session(database, known["seattle"]) as connection:
            stolen = await connection.fetchval("select current_setting('zava.context')")
            # The other of the two backends, since this one is taken.
            found = await fetch(database, known["tacoma"], STEAL.format(stolen), 9)
            assert found.rows == []
            # What it would be without: this is why the backend is asked for its pid.
            bound_to_none = tenants.context(database, known["seattle"], now=time.time())
            found = await fetch(database, known["tacoma"], STEAL.format(bound_to_none), 9)
            assert found.rows == [("seattle",)]


async def test_the_mcp_server_works_behind_it(pooled):
    key = new_key()
    with psycopg.connect(pooled.copy.admin_url, autocommit=True) as connection:
        connection.execute("select zava.create_api_key('seattle', %s)", [hash_key(key)])
    async with (
        opened(pooled) as database,
        serving(database) as url,
        client_of(url, key) as client,
    ):
        assert "whoami" in {tool.name for tool in (await client.list_tools()).tools}
        answer = await client.call_tool("query", {"sql": "select count(*) from retail.stores"})
        assert text_of(answer).splitlines()[1] == "1"
        assert "orders" in text_of(await client.call_tool("describe_schema", {}))
