"""The audit: every call is in the log, whatever is killed; the log cannot be changed unseen."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import functools
import hashlib
import itertools
import json
import os
import re
import resource
import signal
import stat
import sys
import threading
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import conftest
import mcp_clients
import psycopg
import pytest
import reports
import tenants
import typer.testing
from waiting import until

from zava_sql import audit_journal, calls
from zava_sql.agent import Agent, fetch
from zava_sql.audit import Audit, anchor_of
from zava_sql.audit_journal import Journal
from zava_sql.calls import Caller, caller
from zava_sql.cli import app
from zava_sql.errors import ConfigurationError, ServiceUnavailable, ValidationError, ZavaError
from zava_sql.logs import log_call
from zava_sql.principals import find_principal
from zava_sql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from zava_sql.local_postgres import LocalPostgres

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", autouse=True)
def truth(module_database: conftest.Database) -> tenants.Truth:
    return tenants.fill(module_database)


@pytest.fixture
def admin(module_database: conftest.Database) -> Iterator[psycopg.Connection]:
    """Connect as the superuser to the log, which is empty again afterwards."""
    with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
        yield connection
        connection.execute(
            "truncate zava.audit_log; update zava.audit_head set number = 0, hash = first_hash;"
            " truncate zava.audit_sources"
        )


@asynccontextmanager
async def audited(
    database: conftest.Database, home: Path, *, fail_closed: bool = False, **changes: Any
) -> AsyncIterator[Agent]:
    settings = tenants.settings(database, home=home, **changes)
    async with Agent.open(settings, fail_closed=fail_closed) as agent:
        yield agent


async def ask(agent: Agent, *texts: str, principal: str = "seattle") -> list[str]:
    """Give how each call ended, as its caller saw it."""
    who = await find_principal(agent.database, principal)
    ends = []
    for text in texts:
        try:
            await agent.query(who, text)
            ends.append("answered")
        except ZavaError as error:
            ends.append(error.code)
    return ends


def log(connection: psycopg.Connection, columns: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"select {columns} from zava.audit_log order by number").fetchall()


def problem(connection: psycopg.Connection, *anchor: Any) -> tuple[int | None, str | None]:
    given = anchor or (None, None)
    return connection.execute(
        "select broken, problem from zava.verify_audit(%s, %s)", given
    ).fetchone()


@pytest.mark.usefixtures("admin")
async def test_what_others_have_asked_is_judged_and_written_down_anew(
    module_database, tmp_path, monkeypatch
):
    # Else the time of an answer would tell who guesses a text that somebody has asked it.
    scans: list[str] = []
    for module in (sys.modules["zava_sql.guard.check"], calls):
        scan = module.scan
        monkeypatch.setattr(
            module, "scan", lambda text, *most, scan=scan: scans.append(text) or scan(text, *most)
        )
    async with audited(module_database, tmp_path, audit_arguments="hashed") as agent:
        agent.observers.append(log_call)
        work = []
        for principal in ("seattle", "seattle", "seattle-deputy", "bellevue"):
            await ask(
                agent, "select count(*) from orders where total_amount > 7", principal=principal
            )
            work.append(len(scans))
            scans.clear()
    assert work[0] > work[1] == 0
    assert work[2:] == [work[0]] * 2


async def test_every_call_is_written_down_however_it_ends(module_database, admin, tmp_path):
    token = caller.set(Caller("program 1.0", "request-1", "ab" * 16))
    async with audited(module_database, tmp_path, statement_timeout=2) as agent:
        told = await ask(
            agent,
            "select  store_key,'x' from stores -- mine",
            "select 1/0",
            "select pg_sleep(1)",
            "select 1 \0",
            tenants.SLOW,
        )
        who = await find_principal(agent.database, "seattle")
        work = asyncio.create_task(agent.query(who, tenants.SLOW))
        await asyncio.sleep(0.05)
        work.cancel()
        await asyncio.wait([work])
    async with audited(module_database, tmp_path) as agent:
        await agent.describe(who, "orders")
    caller.reset(token)
    expected = ["answered", "DATABASE_ERROR", "QUERY_REFUSED", "QUERY_REFUSED", "QUERY_TIMEOUT"]
    assert told == expected
    assert log(admin, "tool, verdict, code, sqlstate, row_count") == [
        ("query", "answered", None, None, 1),
        ("query", "failed", "DATABASE_ERROR", "22012", None),
        ("query", "refused", "QUERY_REFUSED: function", None, None),
        ("query", "refused", "QUERY_REFUSED: bad_character", None, None),
        ("query", "failed", "QUERY_TIMEOUT", None, None),
        ("query", "cancelled", None, None, None),
        ("describe_schema", "answered", None, None, None),
    ]
    first, *_, last = log(admin, "sql, byte_count, fingerprint, arguments, client, request_id")
    assert first[:2] == ("select store_key , 'x' from stores", len("seattle") + 1)
    assert re.fullmatch("[0-9a-f]{16}", first[2])
    assert first[3:] == (None, "program 1.0", "request-1")
    assert json.loads(last[3]) == {"name": "orders"}
    assert set(log(admin, "principal, trace_id")) == {("seattle", "ab" * 16)}
    (longest,) = admin.execute("select max(duration_us) from zava.audit_log").fetchone()
    assert longest >= 200_000
    assert problem(admin) == (None, None)
    assert [path.suffix for path in (tmp_path / "audit").iterdir()] == [".anchor"]


@pytest.mark.parametrize("policy", ["full", "hashed", "none"])
async def test_literals_and_arguments_stand_in_it_as_the_policy_says(
    module_database, admin, tmp_path, policy
):
    async with audited(module_database, tmp_path, audit_arguments=policy) as agent:
        await ask(agent, "select 'secret', 42 where 1 in (1, 2, 3)", "select lo_create('secret')")
        who = await find_principal(agent.database, "seattle")
        with pytest.raises(ZavaError):
            await agent.describe(who, "secret_not", "customers")
    ran, refused, described = log(admin, "sql, arguments")
    hashed = "sha256:" + hashlib.sha256(b"select lo_create('secret')").hexdigest()
    if policy == "full":
        assert ran[0] == "select 'secret' , 42 where 1 in ( 1 , 2 , 3 )"
        assert refused[0] == "select lo_create('secret')"
        assert json.loads(described[1]) == {"name": "secret_not", "search": "customers"}
        return
    assert "secret" not in str([ran, refused, described])
    assert ran[0] == "select ? , ? where ? in ( ? )"
    assert refused[0] == (hashed if policy == "hashed" else None)
    assert (described[1] or "").startswith("sha256:") == (policy == "hashed")


@pytest.mark.parametrize("policy", ["hashed", "none"])
async def test_no_literal_is_kept_however_long_its_canonical_text_is(
    module_database, admin, tmp_path, policy
):
    async with audited(module_database, tmp_path, audit_arguments=policy) as agent:
        # In canonical form each quote is two: longer than any text that the guard takes.
        await ask(agent, "select length($$secret" + "'" * 12_000 + "$$)")
    assert log(admin, "verdict, sql") == [("answered", "select length ( ? )")]


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_principal_reads_its_own_calls_and_no_others(
    module_database, admin, tmp_path, guarded
):
    # The deputy has the same role and the same store.
    names = ("seattle", "seattle-deputy", "bellevue", "head-office")
    async with audited(module_database, tmp_path) as agent:
        for name in names:
            await ask(agent, f"select 'asked by {name}'", principal=name)
        await until(lambda: len(log(admin, "number")) >= len(names))
        for name in names:
            who = await find_principal(agent.database, name)
            text = "select sql from api.my_queries(1000)"
            if guarded:
                rows = (await agent.query(who, text)).rows
            else:
                rows = (await fetch(agent.database, who, text, 1000)).rows
            asked = {sql for (sql,) in rows if "asked by" in sql}
            assert asked == {f"select 'asked by {name}'"}
        # The kernel's function and table are out of reach, whoever's context it is.
        for text in (
            "select * from zava.queries_of_caller('zava_store_bellevue', 10)",
            "select * from zava.audit_log",
            "select * from zava.audit_records()",
        ):
            with pytest.raises(ZavaError, match="permission denied"):
                await fetch(agent.database, who, text, 10)
    assert problem(admin) == (None, None)


async def test_the_command_shows_the_newest_calls_and_goes_on_with_new_ones(
    module_database, admin, tmp_path
):
    async with audited(module_database, tmp_path) as agent:
        await ask(agent, "select 1", "select 2", "select pg_sleep(1)")
        await ask(agent, "select 'else'", principal="bellevue")
        await until(lambda: len(log(admin, "number")) == 4)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "zava_sql", "audit", "tail", "-n", "2", "--follow"),
            *("--principal", "seattle"),
            # Lines come as they are written, to a program that reads them as well.
            env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
            | {"ZAVA_ADMIN_URL": module_database.admin_url},
            stdout=asyncio.subprocess.PIPE,
        )

        async def line() -> str:
            return (await asyncio.wait_for(process.stdout.readline(), 30)).decode()

        try:
            assert re.fullmatch(
                r"2 \S+ seattle query: answered, 1 rows, \S+ ms: select 2\n", await line()
            )
            assert "QUERY_REFUSED: function" in await line()
            await ask(agent, "select 'else'", principal="bellevue")
            await ask(agent, "select 3")
            assert re.fullmatch(r"6 .* seattle query: answered.*: select 3\n", await line())
        finally:
            process.kill()
            await process.wait()


def test_the_command_says_of_a_call_what_there_is_to_say(module_database, admin, monkeypatch):
    def run(*arguments: str) -> str:
        done = typer.testing.CliRunner().invoke(app, ["audit", *arguments])
        if isinstance(done.exception, ZavaError):
            raise done.exception
        return done.stdout

    monkeypatch.setenv("ZAVA_ADMIN_URL", module_database.admin_url)
    records = [
        {**RECORD, "source_number": 1, "key_id": None, "row_count": 0, "duration_us": 123_456},
        {**RECORD, "source_number": 2, "row_count": None, "verdict": "refused", "sql": None},
    ]
    admin.execute("select zava.append_audit(%s, %s)", [str(uuid.uuid4()), json.dumps(records)])
    assert run("tail") == (
        "1 2026-01-01T00:00:00 x query: answered c 00000, 0 rows, 123.5 ms: select 'ü' {}\n"
        "2 2026-01-01T00:00:00 x query: refused c 00000, 0.0 ms: {}\n"
    )
    first, second = map(json.loads, run("tail", "--json").splitlines())
    assert first["key_id"] is None
    assert second["key_id"] == RECORD["key_id"]
    assert first["called_at"].startswith("2026-01-01T00:00:00")
    assert first["recorded_at"] <= second["recorded_at"]
    for anchor in ("", "1", "1:ab", f"1:{'ab' * 33}", f"{'9' * 19}:{'ab' * 32}"):
        with pytest.raises(ValidationError, match="not an anchor"):
            run("verify", "--anchor", anchor)


def test_what_follows_a_record_is_shown_in_order_also_within_a_batch(admin):
    append(admin, str(uuid.uuid4()), 1, 4)  # all at one moment
    (since,) = admin.execute("select recorded_at from zava.audit_head").fetchone()
    for limit, after, found in ((10, 1, [2, 3, 4]), (2, 1, [2, 3]), (2, None, [3, 4])):
        rows = admin.execute(
            "select number from zava.audit_records(%s, p_after => %s, p_since => %s)",
            [limit, after, since],
        ).fetchall()
        assert [number for (number,) in rows] == found


def test_a_principal_reads_the_newest_of_its_calls_and_a_thousand_at_most(module_database, admin):
    (mine,) = admin.execute(
        "select principal_id::text from zava.principals where name = 'seattle'"
    ).fetchone()
    records = [
        {**RECORD, "principal_id": mine, "sql": str(number), "source_number": number}
        for number in range(1, 1002)
    ]
    admin.execute("select zava.append_audit(%s, %s)", [str(uuid.uuid4()), json.dumps(records)])
    with reports.as_tenant(module_database, "seattle") as connection:
        for limit, most in ((2, 2), (0, 1), (5000, 1000)):
            rows = reports.ask(connection, f"select sql from api.my_queries({limit})")
            assert [row["sql"] for row in rows] == [str(1001 - n) for n in range(most)]


async def test_what_a_call_said_moves_no_cursor(module_database, admin, tmp_path):
    async with audited(module_database, tmp_path, audit_arguments="full") as agent:
        await ask(agent, "select pg_sleep('\x1b]0;title\x07')")
        await until(lambda: log(admin, "number"))
    runner = typer.testing.CliRunner(env={"ZAVA_ADMIN_URL": module_database.admin_url})
    done = await asyncio.to_thread(runner.invoke, app, ["audit", "tail"])
    assert done.stdout.endswith(": select pg_sleep(' ]0;title ')\n")


async def test_what_is_no_text_to_postgresql_or_too_long_holds_no_record_back(
    module_database, admin, tmp_path
):
    odd = "a\0\ud800"
    token = caller.set(Caller(odd + "x" * 300, odd, "ab" * 16))
    async with audited(module_database, tmp_path, audit_arguments="full") as agent:
        assert await ask(agent, f"select '{odd}'") == ["QUERY_REFUSED"]
        await until(lambda: agent.audit.waiting == 0)
        (anchor,) = tmp_path.glob("audit/*.anchor")
        assert stat.S_IMODE(anchor.stat().st_mode) == 0o600
    caller.reset(token)
    ((client, request, sql),) = log(admin, "client, request_id, sql")
    kept = "a\N{REPLACEMENT CHARACTER}?"
    assert (request, sql) == (kept, f"select '{kept}'")
    assert re.fullmatch(kept.replace("?", r"\?") + "x{117}… sha256:[0-9a-f]{64}", client)


async def test_the_service_can_append_and_nothing_else(module_database, admin):
    source = str(uuid.uuid4())
    with psycopg.connect(module_database.service_url, autocommit=True) as service:
        append(service, source, 1, 3)
        for text in (
            "select * from zava.audit_log",
            "insert into zava.audit_log select from zava.audit_log",
            "update zava.audit_log set sql = ''",
            "delete from zava.audit_log",
            "truncate zava.audit_log",
            "update zava.audit_head set number = 0",
            "select * from zava.audit_records()",
            "select zava.drop_audit_before(now())",
            "select zava._audit_partition(now())",
            "select * from zava.verify_audit()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute(text)
    assert log(admin, "number, source_number") == [(1, 1), (2, 2), (3, 3)]


RECORD = {
    "called_at": "2026-01-01T00:00:00Z",
    "principal_id": str(uuid.UUID(int=1)),
    "principal": "x",
    "client": "c",
    "key_id": str(uuid.UUID(int=2)),
    "tool": "query",
    "sql": "select 'ü'",
    "fingerprint": "f",
    "arguments": "{}",
    "verdict": "answered",
    "code": "c",
    "sqlstate": "00000",
    "row_count": 1,
    "byte_count": 2,
    "duration_us": 3,
    "cached": False,
    "request_id": "r",
    "trace_id": "t",
}


def append(connection: psycopg.Connection, source: str, first: int, last: int) -> int:
    step = 1 if first <= last else -1
    records = [{**RECORD, "source_number": number} for number in range(first, last + step, step)]
    (head,) = connection.execute(
        "select number from zava.append_audit(%s, %s)", [source, json.dumps(records)]
    ).fetchone()
    return head


async def test_what_is_sent_again_counts_once(module_database, admin):
    source, other = str(uuid.uuid4()), str(uuid.uuid4())
    with psycopg.connect(module_database.service_url, autocommit=True) as service:
        assert append(service, source, 1, 5) == 5
        assert append(service, source, 1, 5) == 5
        assert append(service, other, 1, 2) == 7
        assert append(service, source, 4, 8) == 10
        assert append(service, other, 4, 3) == 12  # backwards
        assert append(service, other, 4, 4) == 12
    kept = log(admin, "source_id, source_number")
    assert [n for one, n in kept if str(one) == source] == list(range(1, 9))
    assert [n for one, n in kept if str(one) == other] == [1, 2, 3, 4]
    assert problem(admin) == (None, None)


def test_the_log_never_goes_back_in_time_though_the_clock_does(admin):
    with admin.transaction(force_rollback=True):
        admin.execute("update zava.audit_head set recorded_at = now() + interval '1 day'")
        append(admin, str(uuid.uuid4()), 1, 2)
        moments = admin.execute(
            "select recorded_at > now() + interval '1 hour' from zava.audit_log"
            " union all select recorded_at > now() + interval '1 hour' from zava.audit_head"
        ).fetchall()
        assert moments == [(True,)] * 3
        assert problem(admin) == (None, None)


async def test_servers_that_write_together_write_one_chain(module_database, admin, tmp_path):
    async def server(number: int) -> None:
        async with audited(module_database, tmp_path) as agent:
            await ask(agent, *(f"select {number} * 100 + {n}" for n in range(25)))

    await asyncio.gather(*(server(number) for number in range(4)))
    assert len({sql for (sql,) in log(admin, "sql")}) == 100
    assert [number for (number,) in log(admin, "number")] == list(range(1, 101))
    assert problem(admin) == (None, None)


# How a value of each type is changed by as little as there is.
FLIPS = {
    "bigint": "{0} # 64",
    "text": "overlay({0} placing chr(ascii({0}) # 1) from 1)",
    "uuid": "encode(set_bit(uuid_send({0}), 3, 1 - get_bit(uuid_send({0}), 3)), 'hex')::uuid",
    "timestamptz": "{0} + interval '1 microsecond'",
    "boolean": "not {0}",
    "bytea": "set_bit({0}, 7, 1 - get_bit({0}, 7))",
}
SHORT = {"timestamp with time zone": "timestamptz"}


async def test_a_flipped_bit_in_any_column_is_found(module_database, admin):
    with psycopg.connect(module_database.service_url, autocommit=True) as service:
        append(service, str(uuid.uuid4()), 1, 9)
    columns = admin.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'zava.audit_log'::regclass and attnum > 0 and not attisdropped"
    ).fetchall()
    assert len(columns) >= 23
    for name, kind in columns:
        changed = FLIPS[SHORT.get(kind, kind)].format(name)
        if name == "verdict":
            changed = "'failed'"
        for null in (False, True):
            with admin.transaction(force_rollback=True):
                try:
                    with admin.transaction():
                        if null:
                            admin.execute(f"alter table zava.audit_log alter {name} drop not null")
                        admin.execute(
                            f"update zava.audit_log set {name} = {'null' if null else changed}"
                            " where number = 5"
                        )
                except psycopg.errors.Error:
                    assert null  # a part of the key
                    continue
                assert problem(admin)[0] in (5, 6), (name, null)
    # An empty text is not null, and nothing slips from one column into the next.
    for change in ("code = '', client = null", "code = client, client = code || ''"):
        with admin.transaction(force_rollback=True):
            admin.execute("update zava.audit_log set code = null where number = 5")
            admin.execute(f"update zava.audit_log set {change} where number = 5")
            assert problem(admin)[0] == 5
    assert problem(admin) == (None, None)


async def test_what_is_cut_out_is_missed(module_database, admin):
    with psycopg.connect(module_database.service_url, autocommit=True) as service:
        append(service, str(uuid.uuid4()), 1, 9)
    number, link = log(admin, "number, hash")[6]
    for change, broken, said in (
        ("delete from zava.audit_log where number = 4", 4, "is missing"),
        ("delete from zava.audit_log where number = 1", 1, "is missing"),
        ("delete from zava.audit_log where number > 6", 7, "missing at the end"),
        ("truncate zava.audit_log", 1, "missing at the end"),
        ("update zava.audit_head set hash = sha256(hash)", 10, "the head"),
        ("update zava.audit_head set first_hash = sha256(first_hash)", 1, "was changed"),
        ("update zava.audit_head set number = 11", 10, "missing at the end"),
    ):
        with admin.transaction(force_rollback=True):
            admin.execute(change)
            found = problem(admin)
            assert found[0] == broken, change
            assert said in found[1]
    # Who cuts the end and moves the head along is caught by a link noted elsewhere only.
    rewound = (
        "delete from zava.audit_log where number > 5; update zava.audit_head as h"
        " set number = 5, hash = (select l.hash from zava.audit_log as l where l.number = 5)"
    )
    with admin.transaction(force_rollback=True):
        admin.execute(rewound)
        assert problem(admin) == (None, None)
        assert problem(admin, number, link) == (6, "records 6 to 7 are missing at the end")
        with psycopg.connect(module_database.service_url, autocommit=True):
            admin.execute(
                "select zava.append_audit(%s, %s)",
                [
                    str(uuid.uuid4()),
                    json.dumps([{**RECORD, "source_number": n} for n in (1, 2, 3)]),
                ],
            )
        assert problem(admin, number, link)[1].startswith("record 7 is not the anchor")
    # Nor does it help to say that retention took what the anchor belongs to.
    for first, new, found in (
        (7, "hash", (None, None)),
        (7, "sha256(hash)", (7, "record 7 is not the anchor: the log was written anew")),
        (8, "hash", (7, "record 7, the anchor, is no longer kept and cannot be compared")),
    ):
        with admin.transaction(force_rollback=True):
            admin.execute(
                f"update zava.audit_head set number = {first}, first_number = {first}, (hash,"
                f" first_hash) = (select {new}, {new} from zava.audit_log where number = {first});"
                " delete from zava.audit_log"
            )
            assert problem(admin) == (None, None)
            assert problem(admin, number, link) == found
    assert problem(admin, number, link) == (None, None)


async def test_the_command_proves_the_chain_by_the_link_that_a_server_here_knows(
    module_database, admin, tmp_path
):
    async with audited(module_database, tmp_path) as agent:
        await ask(agent, "select 1", "select 2", "select 3")
        await until(lambda: len(log(admin, "number")) == 3)
    links = [f"{number}:{link.hex()}" for number, link in log(admin, "number, hash")]

    async def verify(*arguments, home=tmp_path):
        runner = typer.testing.CliRunner()
        environment = {"ZAVA_ADMIN_URL": module_database.admin_url, "ZAVA_HOME": str(home)}
        run = functools.partial(runner.invoke, app, ["audit", "verify", *arguments])
        done = await asyncio.to_thread(run, env=environment)
        return done.exit_code, done.stdout

    assert await verify() == (0, f"3 records, unbroken\nanchor: {links[2]}\n")
    admin.execute(
        "delete from zava.audit_log where number = 3; update zava.audit_head as h"
        " set number = 2, hash = (select l.hash from zava.audit_log as l where l.number = 2)"
    )
    cut = (1, f"broken at 3: records 3 to 3 are missing at the end\ngood up to: {links[1]}\n")
    assert await verify() == cut
    # Where no server has run only a link noted elsewhere can tell.
    elsewhere = tmp_path / "elsewhere"
    assert await verify(home=elsewhere) == (0, f"2 records, unbroken\nanchor: {links[1]}\n")
    assert await verify("--anchor", links[2], home=elsewhere) == cut
    code, told = await verify("--anchor", links[2], "--json", home=elsewhere)
    assert (code, json.loads(told)["ok"], json.loads(told)["broken"]) == (1, False, 3)


async def test_months_are_dropped_and_the_chain_goes_on(admin):
    with admin.transaction(force_rollback=True):
        # In whichever order these came, also one of which there is nothing.
        for month in ("2020-04-01", "2020-03-01", "2020-02-01", "2020-01-01"):
            admin.execute("select zava._audit_partition(%s)", [month])
        for month in ("2020-01-15", "2020-02-14", "2020-02-15", "2020-02-15", "2020-04-15"):
            # As if time had been then.
            admin.execute(
                "with h as (select * from zava.audit_head), r as (select l as record from"
                " jsonb_populate_record(null::zava.audit_log, %s::jsonb ||"
                " jsonb_build_object('number', (select number + 1 from h), 'recorded_at', %s::text,"
                " 'source_id', gen_random_uuid(), 'source_number', 1)) as l), d as"
                " (select record, zava._audit_digest(h.hash, record) as link from r, h), i as"
                " (insert into zava.audit_log select (jsonb_populate_record(record,"
                " jsonb_build_object('hash', link))).* from d)"
                " update zava.audit_head set number = (d.record).number, hash = d.link from d",
                [json.dumps(RECORD), month],
            )
        source = str(uuid.uuid4())
        append(admin, source, 1, 2)
        admin.execute("insert into zava.audit_sources values (gen_random_uuid(), 1, '2020-01-01')")
        assert problem(admin) == (None, None)
        assert log(admin, "number") == [(n,) for n in range(1, 8)]
        (dropped,) = admin.execute("select zava.drop_audit_before('2020-04-20')").fetchone()
        assert dropped == 3
        assert log(admin, "number") == [(5,), (6,), (7,)]
        assert problem(admin) == (None, None)
        # Whoever writes still is known, and nobody else.
        assert append(admin, source, 1, 2) == 7
        known = admin.execute("select source_id::text from zava.audit_sources").fetchall()
        assert known == [(source,)]
        admin.execute("delete from zava.audit_log where number = 5")
        assert problem(admin)[0] == 5
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            admin.execute("select zava.drop_audit_before(now() + interval '1 day')")


def test_a_month_is_one_of_utc_whatever_a_database_sets(admin):
    with admin.transaction(force_rollback=True):
        admin.execute("set local timezone = 'Asia/Kolkata'; set local datestyle = 'SQL, DMY'")
        admin.execute("select zava._audit_partition('2031-01-31 20:00+00')")  # there, February
        admin.execute("set local timezone = 'UTC'; set local datestyle = 'ISO'")
        found = admin.execute(
            "select pg_get_expr(c.relpartbound, c.oid), c.relrowsecurity from pg_class as c"
            " where c.oid = 'zava.audit_log_2031_01'::regclass"
        ).fetchone()
    month = "FOR VALUES FROM ('2031-01-01 00:00:00+00') TO ('2031-02-01 00:00:00+00')"
    assert found == (month, True), "as closed as the log itself"


def test_what_counts_as_written_survives_a_crash_whatever_a_database_sets(module_database):
    """Its journal is gone by then."""
    with psycopg.connect(module_database.service_url) as service:
        service.execute("set synchronous_commit = off")
        service.commit()
        service.execute("select zava.append_audit(gen_random_uuid(), '[]')")
        assert service.execute("show synchronous_commit").fetchone() == ("on",)
        service.rollback()
        service.execute("set synchronous_commit = remote_apply")
        service.commit()
        service.execute("select zava.append_audit(gen_random_uuid(), '[]')")
        assert service.execute("show synchronous_commit").fetchone() == ("remote_apply",)
        service.rollback()


async def test_a_journal_that_cannot_be_written_stops_the_answer(
    module_database, admin, tmp_path, monkeypatch
):
    async with audited(module_database, tmp_path) as agent:
        monkeypatch.setattr("zava_sql.audit_journal._MAX_BYTES", 1_000)
        long = f"select '{'x' * 2_000}'"
        with pytest.raises(ServiceUnavailable, match="the audit cannot be written"):
            await agent.query(await find_principal(agent.database, "seattle"), long)
        assert await ask(agent, "select 1") == ["answered"]
    assert log(admin, "sql") == [("select 1",)]


@pytest.mark.parametrize("closed", [True, False], ids=["refuse", "spool"])
async def test_a_damaged_journal_holds_nothing_else_back(
    module_database, admin, tmp_path, caplog, closed
):
    (chain,) = admin.execute("select zava.audit_chain()").fetchone()
    paths = []
    # Bytes that no text has, zeros of a disk that lost its power, a record that the log has no
    # place for.
    for damage in (b"\xff\n", b"\0" * 100 + b"\n", b'{"verdict": "no such", "source_number": 9}\n'):
        journal = Journal.create(tmp_path / "audit", chain)
        journal.write(RECORD)
        with journal.path.open("ab") as file:
            file.write(damage)
        os.close(journal._fd)  # noqa: SLF001 - as when its process ends
        paths.append(journal.path)
    audit = "refuse" if closed else "spool"
    async with audited(module_database, tmp_path, audit=audit) as agent:
        await until(lambda: not list(tmp_path.glob("audit/*.journal"))[1:])
        assert await ask(agent, "select 1") == ["answered"]
        await until(lambda: agent.audit.waiting == 0)
        assert agent.audit.taking
    assert len(log(admin, "principal")) == 3  # those of a file that the log refused are in it
    assert log(admin, "principal")[-1] == ("seattle",)
    for path in paths:
        assert str(path) in caplog.text
        assert path.with_suffix(".damaged").read_bytes().count(b"\n") == 2
    assert not list(tmp_path.glob("audit/*.journal"))


@pytest.mark.long
async def test_who_waits_for_the_log_gives_up(module_database, admin, request):
    admin.execute("set statement_timeout = '20s'")  # of another kind, should nothing else end it
    request.addfinalizer(lambda: admin.execute("reset statement_timeout"))
    with psycopg.connect(module_database.admin_url) as other:
        other.execute("select from zava.audit_head for update")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            append(admin, str(uuid.uuid4()), 1, 1)
    append(admin, str(uuid.uuid4()), 1, 1)
    with admin.transaction(force_rollback=True):
        admin.execute("select zava._audit_partition('2020-01-15')")
        with psycopg.connect(module_database.admin_url) as other:
            other.execute("select from zava.audit_log")
            with pytest.raises(psycopg.errors.LockNotAvailable), admin.transaction():
                admin.execute("select zava.drop_audit_before('2020-03-20')")


async def test_a_journal_in_which_something_always_waits_does_not_grow(
    module_database, admin, tmp_path, monkeypatch
):
    monkeypatch.setattr(audit_journal, "_LONG", 3_000, raising=False)
    real = Audit._append  # noqa: SLF001
    sizes = []
    async with audited(module_database, tmp_path) as agent:

        async def busy(audit: Audit, *records: Any) -> None:
            await real(audit, *records)
            if len(sizes) < 60:
                await ask(agent, f"select {len(sizes)}")
                sizes.append(max(p.stat().st_size for p in tmp_path.glob("audit/*.journal")))

        monkeypatch.setattr(Audit, "_append", busy)
        await ask(agent, "select 1")
        await until(lambda: len(sizes) == 60)
    assert max(sizes) < 5_000
    assert len(log(admin, "number")) == 61
    assert problem(admin) == (None, None)
    assert not list(tmp_path.glob("audit/*.journal"))


async def test_calls_that_wait_for_the_disk_as_their_journal_is_sent_are_written(
    module_database, admin, tmp_path, monkeypatch
):
    """So it is after an outage: the rest of a long journal may be sent sooner than it is synced."""
    monkeypatch.setattr(audit_journal, "_LONG", 3_000)
    monkeypatch.setattr(audit_journal, "_BATCH_BYTES", 3_000)
    fsync, begun, slow = os.fsync, threading.Event(), threading.Event()
    monkeypatch.setattr(os, "fsync", lambda fd: (begun.set(), slow.wait(20), fsync(fd)))
    refused = "select lo_create(1)"
    async with audited(module_database, tmp_path) as agent:
        who = await find_principal(agent.database, "seattle")
        admin.execute("alter role zava_service nologin")
        try:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'zava_service' and application_name ~ ' audit$'"
            )
            await ask(agent, refused)
            await until(lambda: not agent.audit.taking)
            calls = [asyncio.create_task(ask_known(agent, who, refused)) for _ in range(20)]
            await until(begun.is_set)
            journal = agent.audit._journal  # noqa: SLF001
        finally:
            admin.execute("alter role zava_service login")
        # Until it is the turn of the next one, and what is left of this one is sent.
        await until(lambda: agent.audit._journal is not journal and not journal.waiting)  # noqa: SLF001
        await asyncio.sleep(0.1)
        slow.set()
        assert set(await asyncio.gather(*calls)) == {"QUERY_REFUSED"}
    assert not list(tmp_path.glob("audit/*.journal"))


async def test_what_was_left_before_counts_and_is_told_at_the_end_as_well(
    module_database, admin, tmp_path, caplog, monkeypatch
):
    (chain,) = admin.execute("select zava.audit_chain()").fetchone()
    journal = Journal.create(tmp_path / "audit", chain)
    journal.write(RECORD)
    size = journal.waiting
    os.close(journal._fd)  # noqa: SLF001 - as when its process ends
    monkeypatch.setattr("zava_sql.audit._FAREWELL", 0.1)
    with psycopg.connect(module_database.admin_url) as other:
        other.execute("select from zava.audit_head for update")  # nothing can be sent
        async with audited(module_database, tmp_path) as agent:
            assert agent.audit.waiting == size
            await ask(agent, "select 1")
            assert agent.audit.waiting > size
    told = [record for record in caplog.records if "bytes of audit wait in" in record.message]
    paths = sorted(str(path) for path in tmp_path.glob("audit/*.journal"))
    assert len(paths) == 2
    assert sorted(str(record.args[1]) for record in told) == paths
    async with audited(module_database, tmp_path) as agent:
        await until(lambda: len(log(admin, "principal")) == 2)
        await until(lambda: agent.audit.waiting == 0)


async def test_a_log_without_a_place_for_records_takes_them_later(module_database, admin, tmp_path):
    (chain,) = admin.execute("select zava.audit_chain()").fetchone()
    admin.execute("select zava._audit_partition(now())")
    journal = Journal.create(tmp_path / "audit", chain)
    journal.write(RECORD)
    os.close(journal._fd)  # noqa: SLF001 - as when its process ends
    partition, bounds = admin.execute(
        "select c.oid::regclass::text, pg_get_expr(c.relpartbound, c.oid) from pg_class as c"
        " where c.relname = to_char(now() at time zone 'UTC', '\"audit_log_\"YYYY_MM')"
    ).fetchone()
    admin.execute(f"alter table zava.audit_log detach partition {partition}")
    try:
        async with audited(module_database, tmp_path) as agent:
            await until(lambda: not agent.audit.taking)
    finally:
        admin.execute(f"alter table zava.audit_log attach partition {partition} {bounds}")
    async with audited(module_database, tmp_path):
        await until(lambda: bool(log(admin, "principal")))
    assert log(admin, "principal") == [("x",)]
    assert not list(tmp_path.glob("audit/*.damaged"))


async def test_a_connection_that_ends_stops_no_calls(module_database, admin, tmp_path, caplog):
    own = "select pid from pg_stat_activity where application_name like '% audit'"
    async with audited(module_database, tmp_path, audit="refuse") as agent:
        with psycopg.connect(module_database.admin_url) as other:
            other.execute("select from zava.audit_head for update")
            assert await ask(agent, "select 1") == ["answered"]
            waiting = f"{own} and wait_event_type = 'Lock'"
            await until(lambda: admin.execute(waiting).fetchone() is not None)
            ended = admin.execute(
                f"select pid, pg_terminate_backend(pid) from ({waiting})"
            ).fetchone()
            # The next connection waits for the lock as well, and may not for long.
            gone = f"select from pg_stat_activity where pid = {ended[0]}"
            await until(lambda: admin.execute(gone).fetchone() is None)
            other.rollback()
            for number in range(20):
                assert await ask(agent, f"select {number}") == ["answered"]
                await asyncio.sleep(0.01)
        await until(lambda: len(log(admin, "number")) == 21)
    assert "cannot be written" not in caplog.text


@pytest.mark.parametrize(
    "elsewhere",
    [
        ("default_transaction_isolation", "serializable", 16),
        ("lock_timeout", "500ms", 16),
        ("statement_timeout", "500ms", 16),
        ("transaction_timeout", "500ms", 17),
    ],
)
async def test_servers_wait_for_each_other_whatever_a_database_sets(
    module_database, admin, tmp_path, caplog, elsewhere
):
    setting, value, since = elsewhere
    if admin.info.server_version < since * 10_000:
        pytest.skip(f"{setting} came with PostgreSQL {since}")
    own = "select from pg_stat_activity where application_name like '% audit'"
    name = module_database.dbname
    admin.execute(f"alter database \"{name}\" set {setting} = '{value}'")
    try:
        async with audited(module_database, tmp_path, audit="refuse") as agent:
            with psycopg.connect(module_database.admin_url) as other:
                other.execute("set transaction_timeout = 0" if since == 17 else "select 1")
                other.commit()
                other.execute("update zava.audit_head set recorded_at = recorded_at")
                assert await ask(agent, "select 1") == ["answered"]
                waiting = f"{own} and wait_event_type = 'Lock'"
                await until(lambda: admin.execute(waiting).fetchone() is not None)
                await asyncio.sleep(0.8)
            await until(lambda: len(log(admin, "number")) == 1)
            assert agent.audit.taking
    finally:
        admin.execute(f'alter database "{name}" reset all')
    assert "cannot be written" not in caplog.text


async def test_calls_are_written_down_where_a_database_begins_transactions_read_only(
    module_database, admin, tmp_path
):
    name = admin.info.dbname
    admin.execute(f'alter database "{name}" set default_transaction_read_only = on')
    try:
        async with audited(module_database, tmp_path, fail_closed=True) as agent:
            assert await ask(agent, "select 1", "select 2") == ["answered", "answered"]
    finally:
        admin.execute(f'alter database "{name}" reset all')
    assert log(admin, "verdict") == [("answered",), ("answered",)]


async def test_whatever_stops_the_sending_is_seen(module_database, tmp_path, monkeypatch):
    async with audited(module_database, tmp_path, audit="refuse") as agent:
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "read", lambda _: b"".decode("no such encoding"))
            assert await ask(agent, "select 1") == ["answered"]
            await until(lambda: not agent.audit.taking)
            assert await ask(agent, "select 1") == ["SERVICE_UNAVAILABLE"]
        await until(lambda: agent.audit.taking)
        assert await ask(agent, "select 1") == ["answered"]


async def test_calls_without_an_answer_are_counted_as_such(module_database, tmp_path, monkeypatch):
    async with audited(module_database, tmp_path, audit="refuse") as agent:
        ends = []
        agent.observers.append(lambda call: ends.append((call.verdict, call.code)))
        monkeypatch.setattr("zava_sql.audit_journal._MAX_BYTES", 10)
        assert await ask(agent, "select 1") == ["SERVICE_UNAVAILABLE"]
        with pytest.raises(ServiceUnavailable, match="no room"):
            agent.audit.check_room()
        agent.audit.taking = False
        assert await ask(agent, "select 1") == ["SERVICE_UNAVAILABLE"]
    assert ends == [("failed", "SERVICE_UNAVAILABLE")] * 2


@pytest.mark.usefixtures("admin")
async def test_a_full_disk_is_told_and_a_look_at_it_leaves_no_trace(
    module_database, tmp_path, monkeypatch
):
    async with audited(module_database, tmp_path) as agent:
        (path,) = tmp_path.glob("audit/*.journal")
        agent.audit.check_room()
        assert not path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr("zava_sql.audit_journal.os.write", full)
            with pytest.raises(ServiceUnavailable, match="no space left on device"):
                agent.audit.check_room()
        assert await ask(agent, "select 1") == ["answered"]


def full(*_: Any) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_an_anchor_that_cannot_be_kept_stops_the_start(module_database, admin, tmp_path):
    (chain,) = admin.execute("select zava.audit_chain()").fetchone()
    (tmp_path / "audit" / f"{chain}.anchor").mkdir(parents=True)
    for _ in range(2):  # as by whatever starts a server again and again
        with pytest.raises(ConfigurationError, match="cannot be written to"):
            async with audited(module_database, tmp_path):
                pass
    assert [path.suffix for path in (tmp_path / "audit").iterdir()] == [".anchor"]


async def test_a_log_that_does_not_answer_at_the_start_is_said_so(module_database, tmp_path):
    with psycopg.connect(module_database.admin_url) as other:
        other.execute("lock table zava.audit_head")  # as a migration does
        with pytest.raises(ServiceUnavailable, match="did not answer in time"):
            async with audited(module_database, tmp_path, command_timeout=0.5):
                pass


def test_an_anchor_that_cannot_be_read_is_told(tmp_path):
    """Without it a log that was written anew would be called unbroken."""
    chain, link = uuid.uuid4(), "ab" * 32
    settings = Settings(home=tmp_path)
    assert anchor_of(settings, chain) is None
    path = tmp_path / "audit" / f"{chain}.anchor"
    path.parent.mkdir()
    path.touch()  # of a server that has sent nothing yet
    assert anchor_of(settings, chain) is None
    path.write_text(f"{7:020}:{link}\n")
    assert anchor_of(settings, chain) == (7, bytes.fromhex(link))
    for damaged in (f"{7:020}:{link[1:]}", f"{10**19}:{link}", "\0" * 86, "x"):
        path.write_text(damaged)
        with pytest.raises(ConfigurationError, match="cannot be read: it is damaged"):
            anchor_of(settings, chain)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read: is a directory") as caught:
        anchor_of(settings, chain)
    assert "--anchor" in caught.value.hint


async def test_a_directory_in_which_others_write_is_refused(module_database, tmp_path):
    """What they left there would be sent as records of calls."""
    directory = tmp_path / "audit"
    directory.mkdir()
    directory.chmod(0o777)
    with pytest.raises(ConfigurationError, match="writable by everybody"):
        async with audited(module_database, tmp_path):
            pass
    directory.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(directory, 65_534, -1)
        with pytest.raises(ConfigurationError, match="belongs to another account"):
            async with audited(module_database, tmp_path):
                pass


async def test_a_journal_is_read_by_nobody_else_and_synced_once_for_all_that_wait(
    tmp_path, monkeypatch
):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    journal = Journal.create(tmp_path / "audit", uuid.uuid4())
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
    for wanted in (1, 2):
        journal.write(RECORD)
        await asyncio.gather(*(journal.sync() for _ in range(9)))
        assert len(synced) == wanted
    journal.take(journal.waiting)
    journal.close()


async def test_what_comes_while_others_are_synced_is_synced_itself(tmp_path, monkeypatch):
    journal = Journal.create(tmp_path / "audit", uuid.uuid4())
    synced = []

    def fsync(_: int) -> None:
        synced.append(journal.number)
        if len(synced) == 1:
            journal.write(RECORD)
        elif len(synced) == 3:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fsync)
    journal.write(RECORD)
    await journal.sync()
    await journal.sync()
    assert synced == [1, 2]

    # What the disk did not take is not on it, and the next attempt is one.
    journal.write(RECORD)
    with pytest.raises(ServiceUnavailable, match="cannot be written: input/output error"):
        await journal.sync()
    await journal.sync()
    assert synced == [1, 2, 3, 3]
    journal.take(journal.waiting)
    journal.close()


def test_a_journal_that_is_being_made_is_not_taken_for_one_that_was_left(tmp_path, monkeypatch):
    directory, chain = tmp_path / "audit", uuid.uuid4()
    lock, looked = fcntl.flock, []

    def meanwhile(fd: int, how: int) -> None:
        if not looked:
            looked.append(fd)
            for other in Journal.left_over(directory, chain):  # as a process that starts just then
                other.close()
        lock(fd, how)

    monkeypatch.setattr(fcntl, "flock", meanwhile)
    journal = Journal.create(directory, chain)
    journal.write(RECORD)
    assert looked
    assert [path.name for path in directory.iterdir()] == [journal.path.name]
    assert list(Journal.left_over(directory, chain)) == []  # it is held
    journal.take(journal.waiting)
    journal.close()
    assert list(directory.iterdir()) == []


def test_half_a_record_is_none_and_the_next_one_is_whole(tmp_path):
    journal = Journal.create(tmp_path / "audit", uuid.uuid4())
    journal.write(RECORD)
    size = journal.waiting
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))  # as on a disk that is full
    try:
        for write in (lambda: journal.write(RECORD), journal.check):
            with pytest.raises(ServiceUnavailable, match="there is no room for it"):
                write()
            assert journal.path.stat().st_size == size
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.write(RECORD)
    records, end = journal.read()
    assert [record["source_number"] for record in json.loads(records)] == [1, 2]
    assert end == journal.waiting
    journal.take(end)
    journal.close()


def test_a_file_is_kept_in_whichever_part_it_is_damaged(tmp_path, monkeypatch):
    chain = uuid.uuid4()
    journal = Journal.create(tmp_path / "audit", chain)
    with journal.path.open("ab") as file:
        file.write(b"no record\n5\n")
    os.close(journal._fd)  # noqa: SLF001 - as when its process ends
    (journal,) = Journal.left_over(tmp_path / "audit", chain)
    monkeypatch.setattr(audit_journal, "_BATCH_BYTES", 1_000)
    for _ in range(9):
        journal.write(RECORD)
    found = 0
    while journal.waiting:
        records, size = journal.read()
        assert size <= 1_000
        found += len(json.loads(records))
        journal.take(size)
    journal.close()
    assert found == 9
    assert [path.suffix for path in tmp_path.glob("audit/*")] == [".damaged"]


def test_only_files_of_the_same_log_that_are_journals_are_taken_up(tmp_path):
    directory, chain, other = tmp_path / "audit", uuid.uuid4(), uuid.uuid4()
    for log in (chain, other):
        journal = Journal.create(directory, log)
        journal.write(RECORD)
        os.close(journal._fd)  # noqa: SLF001 - as when its process ends
    (directory / f"{chain}_copy.journal").write_bytes(b"{}\n")
    (directory / f"{chain}_{uuid.uuid4()}.journal").mkdir()
    found = [journal.path for journal in Journal.left_over(directory, chain)]
    assert len(found) == 1
    assert found[0].name.startswith(f"{chain}_")


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "audit").touch()
    with pytest.raises(ConfigurationError, match=r"cannot be written to .*: file exists") as caught:
        Journal.create(tmp_path / "audit", uuid.uuid4())
    assert "ZAVA_HOME" in caught.value.hint


def test_a_directory_that_root_has_made_is_of_nobody_else(tmp_path, monkeypatch):
    if os.geteuid() != 0:
        pytest.skip("not root")
    monkeypatch.setattr(os, "geteuid", lambda: 65_534)
    journal = Journal.create(tmp_path / "audit", uuid.uuid4())
    journal.close()


async def test_a_torn_line_of_a_killed_process_is_left_out(module_database, admin, tmp_path):
    (chain,) = admin.execute("select zava.audit_chain()").fetchone()
    journal = Journal.create(tmp_path / "audit", chain)
    for _ in range(3):
        journal.write(RECORD)
    with journal.path.open("ab") as file:
        file.write(b'{"principal": "torn')
    held = Journal.create(tmp_path / "audit", chain)  # of a process that lives
    held.write(RECORD)
    os.close(journal._fd)  # noqa: SLF001 - as when its process ends
    async with audited(module_database, tmp_path) as agent:
        await ask(agent, "select 1")
    assert log(admin, "principal, tool") == [*[("x", "query")] * 3, ("seattle", "query")]
    assert sorted(tmp_path.glob("audit/*.journal")) == [held.path]
    assert not list(tmp_path.glob("audit/*.damaged")), "nobody was answered for it"
    held.take(held.waiting)
    held.close()


@pytest.fixture(scope="module")
def postgres() -> Iterator[tuple[LocalPostgres, conftest.Database]]:
    """Run a server that may be killed."""
    with conftest.local(os.environ.get("ZAVA_TEST_POSTGRES") or "18") as postgres:
        server = conftest.superuser_of(postgres)
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("create database audited")
        conftest.prepare(server, "audited")
        database = conftest.Database(server, "audited")
        tenants.fill(database)
        yield postgres, database


@pytest.mark.once
@pytest.mark.parametrize("closed", [True, False], ids=["refuse", "spool"])
async def test_postgresql_is_killed_and_no_answered_call_is_lost(
    postgres, tmp_path, monkeypatch, closed
):
    server, database = postgres
    synced: list[int] = []
    fsync = os.fsync
    answered: set[str] = set()
    other: list[str] = []

    async def client(agent: Agent, who: Any, number: int) -> None:
        for n in itertools.count():
            sql = f"select {int(closed)} , {number} , {n}"
            try:
                await agent.query(who, sql)
                answered.add(sql)
            except ZavaError as error:
                other.append(error.code)
                return

    async with audited(database, tmp_path, fail_closed=closed, pool_max=4) as agent:
        who = await find_principal(agent.database, "seattle")
        clients = [asyncio.create_task(client(agent, who, number)) for number in range(4)]
        await until(lambda: len(answered) >= 40)
        os.kill(server.status().pid, signal.SIGKILL)
        await asyncio.gather(*clients)
        await until(lambda: not agent.audit.taking)
        # What needs no database is where the two differ.
        monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(fd), fsync(fd)))
        outcome = await ask_known(agent, who, "select lo_create(1)")
        assert outcome == ("SERVICE_UNAVAILABLE" if closed else "QUERY_REFUSED")
        assert bool(synced) is not closed, "on the disk before its answer"
        await restarted(server)
        await until(lambda: agent.audit.taking and not agent.audit.waiting)
    assert set(other) <= {"SERVICE_UNAVAILABLE", "DATABASE_ERROR"}
    with psycopg.connect(database.admin_url) as admin:
        rows = [sql for (sql,) in log(admin, "sql")]
        assert answered <= set(rows)
        assert len(rows) == len(set(rows)), "none is there twice"
        assert ("select lo_create(1)" in rows) == (not closed)
        assert problem(admin) == (None, None)


async def restarted(server: LocalPostgres) -> None:
    """Start it again: not before the last process of the killed one has ended."""
    async with asyncio.timeout(60):
        while True:
            try:
                await asyncio.to_thread(server.start)
            except ServiceUnavailable:
                await asyncio.sleep(0.1)
            else:
                return


async def ask_known(agent: Agent, who: Any, text: str) -> str:
    try:
        await agent.query(who, text)
    except ZavaError as error:
        return error.code
    return "answered"


@pytest.mark.long
@pytest.mark.once
async def test_the_server_is_stopped_or_killed_and_no_answered_call_is_lost(
    module_database, admin, tmp_path
):
    keys = mcp_clients.fill(module_database.admin_url)
    for number, deadly in enumerate((signal.SIGTERM, signal.SIGKILL)):
        answered = await answers_until(deadly, module_database, keys["seattle"], tmp_path, number)
        if deadly == signal.SIGKILL:
            # What it left is sent by whoever comes next.
            async with audited(module_database, tmp_path) as agent:
                await ask(agent, "select 1")
        written = log(admin, "sql, client, key_id, request_id")
        assert len(answered) >= 20
        assert answered <= {sql for sql, *_ in written}
        assert all(row[2] and len(row[3]) == 16 for row in written if row[0] in answered)
    assert problem(admin) == (None, None)
    assert not list(tmp_path.glob("audit/*.journal"))


async def answers_until(deadly, database, key, home, number) -> set[str]:
    """Ask a server until this signal ends it; give what it has answered."""
    process = mcp_clients.start(
        database, "--transport", "http", "--port", "0", home=home, audit="spool"
    )
    answered: set[str] = set()
    try:
        line = await asyncio.to_thread(process.stderr.readline)
        url = line.decode().split()[-1]

        async def client(worker: int) -> None:
            for n in itertools.count():
                sql = f"select {number} , {worker} , {n}"
                body = mcp_clients.request_body("tools/call", name="query", sql=sql)
                try:
                    response = await mcp_clients.post(url, key, body)
                except (OSError, mcp_clients.httpx2.HTTPError):
                    return
                if response.status_code != 200 or response.json()["result"]["isError"]:
                    return
                answered.add(sql)

        clients = [asyncio.create_task(client(worker)) for worker in range(3)]
        await until(lambda: len(answered) >= 20)
        process.send_signal(deadly)
        await asyncio.gather(*clients)
        await asyncio.to_thread(process.wait, 20)
    finally:
        process.kill()
        process.communicate()
    return answered
