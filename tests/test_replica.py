"""A real replica of PostgreSQL: questions are answered there, and how far it is behind is told."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import conftest
import psycopg
import pytest
import tenants
from pydantic import SecretStr
from waiting import until

from zava_sql import doctor, errors, health, migrate, seed
from zava_sql.administrator import advice
from zava_sql.agent import Agent
from zava_sql.cache import Cache
from zava_sql.connections import connect
from zava_sql.database import Database
from zava_sql.function_catalogue import FunctionCatalogue
from zava_sql.principals import find_principal
from zava_sql.server_programs import run
from zava_sql.toolbox import Toolbox

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.anyio, pytest.mark.long]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def replica_of(server: conftest.Server) -> Iterator[conftest.Server]:
    """Copy a running server and have the copy follow it."""
    with psycopg.connect(server.url("postgres")) as connection:
        (found,) = connection.execute("show data_directory").fetchone()
        (major,) = connection.execute(
            "select current_setting('server_version_num')::int / 10000"
        ).fetchone()
    programs = conftest.binaries(str(major))
    home = Path(tempfile.mkdtemp(prefix="zava-replica-"))
    owner = Path(found).stat()
    if os.geteuid() == 0:
        os.chown(home, owner.st_uid, owner.st_gid)
    data, port = home / "data", free_port()

    def done(program: str, *arguments: str) -> None:
        code, said = run(programs / program, *arguments, data=home)
        assert code == 0, said

    done("pg_basebackup", "-D", str(data), "-R", "-c", "fast", "-d", server.url("postgres"))
    try:
        options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        how = ("-D", str(data), "-s", "-w", "-l", str(home / "log"), "-o", options)
        done("pg_ctl", "start", *how)
        yield conftest.Server(server.host, port, server.user, server.password)
    finally:
        done("pg_ctl", "stop", "-D", str(data), "-s", "-m", "immediate")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def servers(run_server) -> Iterator[tuple[conftest.Database, conftest.Database, tenants.Truth]]:
    """Fill a database, and give it with its copy on a replica."""
    with run_server(os.environ.get("ZAVA_TEST_POSTGRES") or "18") as primary:
        with psycopg.connect(primary.url("postgres"), autocommit=True) as admin:
            admin.execute("create database copied")
        conftest.prepare(primary, "copied")
        original = conftest.Database(primary, "copied")
        with psycopg.connect(original.admin_url, autocommit=True) as admin:
            admin.execute("select zava.harden()")
        truth = tenants.fill(original)
        with replica_of(primary) as replica:
            yield original, conftest.Database(replica, "copied"), truth


async def test_a_replica_answers_and_tells_how_far_it_is_behind(servers, monkeypatch, tmp_path):
    monkeypatch.setattr(health, "_MOST_LAG", 0.5)
    original, copy, truth = servers
    # Nothing to apply is no failure there, and what cannot be is told for what it is.
    await asyncio.to_thread(migrate.upgrade, copy.admin_url)
    with pytest.raises(errors.DatabaseError, match="read-only transaction") as caught:
        await asyncio.to_thread(migrate.downgrade, copy.admin_url, "-1")
    assert "name the primary" in caught.value.hint
    async with Database.open(
        tenants.settings(
            copy,
            pool_max=2,
            # As a database may set it for everybody; PostgreSQL refuses that on a replica.
            database_url=f"{copy.gateway_url}?default_transaction_isolation=serializable",
        )
    ) as database:
        agent = Agent(database)
        seattle = await find_principal(database, "seattle")
        assert set((await agent.query(seattle, tenants.OWN_ROWS)).rows) == truth.of("seattle")

        look = health.Health(agent, Toolbox(agent))

        async def gateway() -> dict[str, Any]:
            return (await look.report())["parts"]["gateway"]

        part = await gateway()
        assert (part["replica"], part["status"], part["lag_seconds"]) == (True, "ok", 0)

        orders = "select count(*) from orders"
        with (
            psycopg.connect(copy.admin_url, autocommit=True) as there,
            psycopg.connect(original.admin_url, autocommit=True) as here,
        ):
            there.execute("select pg_wal_replay_pause()")
            here.execute("select zava.disable_principal('seattle')")
            await asyncio.sleep(1)
            part = await gateway()
            assert (part["status"], part["message"]) == ("degraded", "the replica is behind")
            assert 0.5 < part["lag_seconds"] < 60
            # What shuts somebody out reaches a replica with all the rest.
            assert (await agent.query(seattle, orders)).rows != [(0,)]
            there.execute("select pg_wal_replay_resume()")
            await until(
                lambda: there.execute("select from zava.principals where not active").rowcount
            )
            with pytest.raises(errors.AuthorizationError, match="is disabled"):
                await agent.query(seattle, orders)
        assert (await gateway())["lag_seconds"] == 0

    # The doctor says where it has looked, and what a server cannot do there.
    sessions = [
        await asyncpg.connect(url) for url in (copy.gateway_url, copy.service_url, copy.admin_url)
    ]
    found = await doctor.examine(doctor.Sessions(*sessions))
    assert [(one.level, one.check) for one in found.findings] == [
        ("warning", "service_on_replica"),
        ("info", "replica"),
    ]
    assert (found.sound, found.unchecked) == (True, ())
    for session in sessions:
        await session.close()
    async with connect(SecretStr(copy.admin_url)) as admin:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError) as refused:
            await seed.seed(admin, scale=0.01)
        assert "name the primary" in advice(refused.value)
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError) as refused:
            await admin.execute("select zava.disable_principal('seattle')")
        assert "name the primary" in advice(refused.value)

    # The kernel's own login may only lead there where calls are not to be written down.
    at_copy = tenants.settings(copy, home=tmp_path)
    with pytest.raises(errors.ConfigurationError, match="leads to a replica") as caught:
        async with Agent.open(at_copy, fail_closed=True):
            pass
    assert "read-write" in caught.value.hint
    where = at_copy.model_copy(update={"service_url": SecretStr(original.service_url)})
    async with Agent.open(where, fail_closed=True) as agent:
        with pytest.raises(errors.AuthorizationError, match="is disabled"):
            await agent.query(seattle, tenants.OWN_ROWS)


async def test_an_answer_of_a_replica_is_not_kept_beyond_what_the_replica_shows(servers):
    original, copy, _ = servers
    orders = "select count(*) from orders"
    settings = tenants.settings(
        original, database_url=copy.gateway_url, cache_ttl=60, catalogue_interval=0.5
    )
    async with Database.open(settings) as database, Cache.open(database) as cache:
        await until(lambda: cache.on)
        agent = Agent(database, cache=cache)
        seattle = await find_principal(database, "seattle")

        async def is_shown() -> bool:
            try:
                return (await agent.query(seattle, orders)).row_count == 1
            except errors.AccessDenied:
                return False

        with (
            psycopg.connect(copy.admin_url, autocommit=True) as there,
            psycopg.connect(original.admin_url, autocommit=True) as here,
        ):
            there.execute("select pg_wal_replay_pause()")
            # Whoever asks now is shown as before, since the replica does not know of it.
            here.execute("revoke select on retail.orders from store_manager")
            assert await is_shown()
            there.execute("select pg_wal_replay_resume()")
            async with asyncio.timeout(20):
                while await is_shown():
                    pass


async def test_new_functions_are_seen_where_no_login_leads_to_the_primary(servers):
    original, copy, _ = servers
    async with tenants.opened(copy, catalogue_interval=0.2) as database:
        seattle = await find_principal(database, "seattle")
        catalogue = FunctionCatalogue(database)
        seen = asyncio.Event()

        async def changed() -> None:
            if "fresh" in await catalogue.visible_to(seattle):
                seen.set()

        async def nothing() -> None:
            pass

        task = asyncio.create_task(catalogue.watch(changed, nothing, nothing))
        try:
            with psycopg.connect(original.admin_url, autocommit=True) as admin:
                admin.execute(
                    "create function api.fresh() returns integer language sql stable"
                    " begin atomic select 1; end;"
                    "grant execute on function api.fresh() to store_manager"
                )
            await asyncio.wait_for(seen.wait(), 30)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
