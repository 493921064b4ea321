"""What operators see: logs that quote nothing, metrics that exist, health that is honest."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import http.server
import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import typing
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
import typer.testing
from mcp import MCPError
from mcp_clients import (
    client_of,
    fill,
    post,
    request_body,
    served,
    serving,
    settings_for,
    wire_request,
)
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from waiting import until

from zava_sql import logs, migrate, traces
from zava_sql.agent import Agent
from zava_sql.auth import request_principal
from zava_sql.calls import Call, fingerprint
from zava_sql.cli import app
from zava_sql.database import Database
from zava_sql.errors import ConfigurationError, ServiceUnavailable
from zava_sql.mcp_endpoint import Endpoint
from zava_sql.mcp_http import application
from zava_sql.mcp_tools import create_server
from zava_sql.monitor import summary
from zava_sql.principals import find_principal
from zava_sql.settings import Settings
from zava_sql.slow import SlowCalls, plan_shape

pytestmark = [pytest.mark.anyio, pytest.mark.once]

ROOT = Path(__file__).resolve().parents[1]

# Planted wherever a caller can write; nothing of it may come out again.
SECRET = "hunter2"
NUMBER = "86753091"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def logged():
    """Catch what would be written to standard error."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.getLogger("zava_sql").level
    stream = io.StringIO()
    logs.configure("debug", stream)
    yield stream
    root.handlers[:], level, ours = before
    root.setLevel(level)
    logging.getLogger("zava_sql").setLevel(ours)


def events(stream, name=None):
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [one for one in found if name in (None, one["event"])]


HOSTILE = [
    f"select '{SECRET}' as \"{SECRET}\", {NUMBER} -- {SECRET}",
    f"select '{SECRET}'::integer",
    f"select {SECRET} from retail.orders",
    f"select * from {SECRET}",
    f"select 1 /* {SECRET} */ where '{SECRET}' = $a${SECRET}$a$ and {NUMBER} > 1",
    f"delete from {SECRET}",
    f"select {SECRET}('{SECRET}')",
    f"with {SECRET} as (select '{SECRET}' as {SECRET}) select * from {SECRET} order by {SECRET}",
    f"select '{SECRET}",
    f"select {NUMBER} / 0",
    f"select * from retail.orders as {SECRET} where {SECRET}.total_amount > {NUMBER}",
]


async def test_the_log_quotes_nothing_that_a_caller_wrote(shops, logged):
    database, keys = shops
    settings = settings_for(database, slow_query=1e-9, slow_query_plan=True)
    async with (
        Database.open(settings) as opened,
        serving(opened) as url,
        client_of(url, keys["seattle"]) as client,
    ):
        for sql in HOSTILE:
            await client.call_tool("query", {"sql": sql})
        await client.call_tool("describe_schema", {"name": SECRET, "search": SECRET})
        with pytest.raises(MCPError):
            await client.call_tool(SECRET, {})
        assert (await client.call_tool("query", {"sql": "select 1", SECRET: SECRET})).is_error
        with pytest.raises(MCPError):
            await client.read_resource(f"db://table/{SECRET}")
        assert (await post(url, SECRET)).status_code == 401
        trace = f"00-{SECRET}-{SECRET}-01"
        assert (await post(url, keys["seattle"], traceparent=trace)).status_code == 200
        logging.getLogger("asyncpg").error("failed: %s", SECRET)
        logging.getLogger("mcp.server").error("failed: " + SECRET)  # noqa: G003 - as libraries do
        await asyncio.sleep(0.1)  # plans come after their answers
    text = logged.getvalue()
    assert SECRET not in text
    assert NUMBER not in text
    for word in (
        "password",
        "postgresql://",
        "zava_store_",
        database.context_key[5:],
        *keys.values(),
    ):
        assert word not in text
    told = events(logged, "call")
    assert len([one for one in told if one["tool"] == "query"]) == len(HOSTILE) + 1
    assert {one["principal"] for one in told} == {"seattle"}
    assert all(re.fullmatch("[0-9a-f]{16}", one["request_id"]) for one in told)
    assert {one.get("code", "").partition(":")[0] for one in told} == {
        "", "DATABASE_ERROR", "QUERY_REFUSED", "VALIDATION_ERROR",
    }  # fmt: skip
    assert len(events(logged, "unauthorized")) == 1
    assert any(one.get("plan") for one in events(logged, "slow"))
    # Once each: what a call's event tells is not told again, and the bad argument was no call.
    (bad,) = events(logged, "error")
    assert (bad["code"], bad["principal"], bad["tool"]) == ("VALIDATION_ERROR", "seattle", "query")


async def test_a_plan_is_looked_up_in_a_turn_of_its_tenant(shops, logged):
    database, _ = shops
    settings = settings_for(
        database, slow_query_plan=True, max_concurrent=1, pool_timeout=0.01, pool_max=2
    )
    async with Database.open(settings) as opened:
        seattle = await find_principal(opened, "seattle")
        slow, call = SlowCalls(opened), Call(seattle, "query", "")
        call.sql, call.seconds = "select 1", 9.0

        async def plan() -> object:
            slow(call)
            await slow._explaining  # noqa: SLF001
            return events(logged, "slow")[-1].get("plan")

        assert await plan()
        async with opened.turns.turn(seattle.role, 1, 1):
            assert await plan() is None


async def test_texts_that_differ_in_literals_only_have_one_fingerprint(shops, logged):
    database, keys = shops
    async with (
        served(database) as url,
        client_of(url, keys["seattle"]) as client,
    ):
        for sql in ("select 1, 'a'", "select 22,  'b' -- c", "select 1, 'a', 2"):
            await client.call_tool("query", {"sql": sql})
    one, same, other = (event["fingerprint"] for event in events(logged, "call"))
    assert one == same != other
    assert [event["rows"] for event in events(logged, "call")] == [1, 1, 1]
    assert all(event["seconds"] > 0 for event in events(logged, "call"))
    assert fingerprint("select x IN ( 1 )") == fingerprint("select x IN ( 1 , 2 )")


async def test_a_schema_that_is_read_as_a_resource_has_a_caller_too(shops, logged):
    database, keys = shops
    async with (
        served(database) as url,
        client_of(url, keys["seattle"]) as client,
    ):
        await client.read_resource("db://schema")
        await client.get_prompt("explore_table", {"table": "orders"})
    found = events(logged, "call")
    assert [one["tool"] for one in found] == ["describe_schema"] * 2
    assert len({one["request_id"] for one in found}) == 2


async def test_a_call_bears_the_trace_that_its_client_names(shops, logged):
    database, keys = shops

    def named(letter):
        return f"00-{letter * 32}-{letter * 16}-01"

    async with served(database) as url:
        # Where both name one, that of 2026-07-28 is meant: proxies write into headers.
        for meta, header in (
            (named("a"), named("b")),
            (None, named("c")),
            (named("d") + "\n", named("e")),
            (7, named("e")),
        ):
            body = json.loads(request_body("tools/call", name="query", sql="select 1"))
            if meta is not None:
                body["params"]["_meta"]["traceparent"] = meta
            answer = await post(url, keys["seattle"], json.dumps(body), traceparent=header)
            assert not answer.json()["result"]["isError"]
    told = [one.get("trace_id") for one in events(logged, "call")]
    assert told == ["a" * 32, "c" * 32, None, None]
    assert [one for one in events(logged) if one["level"] == "error"] == []


def test_people_at_a_terminal_read_lines(logged):
    stream = Terminal()
    logs.configure("info", stream)
    logs.event("call", {"principal": "seattle", "rows": 3, "code": None})
    logs.event("slow", {"seconds": 2}, logging.WARNING)
    first, second = stream.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d call principal=seattle rows=3", first)
    assert second.endswith("warning: slow seconds=2")
    assert not logged.getvalue()


def test_an_event_is_one_line_whatever_names_are_in_it(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logs.configure("info", terminal)
    logging.getLogger("zava_sql.x").warning("the function %s", "api.a\nb\x1b[2J\u2028c")
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().rstrip("\n").isprintable()


@pytest.mark.usefixtures("logged")
def test_a_log_that_cannot_be_written_stops_nothing_and_quotes_nothing(monkeypatch):
    class Full(io.StringIO):
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    err = io.StringIO()
    monkeypatch.setattr("sys.stderr", err)
    logs.configure("debug", Full())
    logging.getLogger("asyncpg").error("failed: %s", SECRET)
    assert err.getvalue() == ""
    monkeypatch.setattr("sys.stderr", Full())
    logs.say("serving")


@pytest.mark.usefixtures("logged")
def test_a_log_that_nobody_reads_holds_nobody(monkeypatch):
    """Some clients start a server, and leave its standard error unread."""
    monkeypatch.setattr(logs, "_PATIENCE", 0.01)
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream, os.fdopen(read) as log:
        logs.configure("info", stream)

        def many():
            for number in range(1_000):
                logs.event("call", {"number": number, "plan": "x" * 10_000 * (number % 2)})

        # What a pipe holds is a few hundred of them, and not much more of the others.
        writing = threading.Thread(target=many, daemon=True)
        writing.start()
        writing.join(60)
        assert not writing.is_alive()
        os.set_blocking(read, False)
        written = log.read()
        assert json.loads(written.splitlines()[0])["number"] == 0
        logs.event("call", {"number": 1_000})
        assert json.loads(log.read().splitlines()[-1])["number"] == 1_000


def test_a_plan_keeps_its_shape_and_no_word_of_the_statement():
    node = {
        "Node Type": "Seq Scan",
        "Relation Name": "orders",
        "Alias": SECRET,
        "Filter": f"(x = '{SECRET}')",
        "Total Cost": 1.5,
        "Plans": [{"Node Type": "CTE Scan", "CTE Name": SECRET, "Output": [SECRET]}],
    }
    assert plan_shape(node) == {
        "node": "Seq Scan",
        "relation": "orders",
        "cost": 1.5,
        "plans": [{"node": "CTE Scan"}],
    }


# ---------------------------------------------------------------- metrics


async def get(url, path, key=None, **headers):
    given = headers | ({"Authorization": f"Bearer {key}"} if key else {})
    async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=60) as http:
        return await http.get(url.removesuffix("/mcp") + path, headers=given)


async def test_dashboard_and_alerts_name_what_the_server_tells(shops):
    database, keys = shops
    async with served(database) as url:
        await post(url, keys["seattle"])
        text = (await get(url, "/metrics")).text
    families = list(text_string_to_metric_families(text))
    told = {sample.name for family in families for sample in family.samples}
    # Families with labels have no samples before they are used; their names are told all the same.
    for family in families:
        ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        told |= {family.name + end for end in ends.get(family.type, [""])}
    labels = {name for family in families for one in family.samples for name in one.labels}
    dashboard = json.loads((ROOT / "ops" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    shown = " ".join(one["expr"] for panel in dashboard["panels"] for one in panel["targets"])
    alerts = (ROOT / "ops" / "alerts.yml").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for text in (shown, alerts, re.sub("`NOTIFY.*?`|//zava_gateway", "", page)):
        names = set(re.findall(r"\bzava_[a-z_]+\b", text))
        assert names
        # The page has a histogram by its family's name.
        known = told | {family.name for family in families} if "# Operations" in text else told
        assert names <= known, names - known
    ours = {name for name in told if name.startswith("zava_")}
    unseen = {
        n for n in ours if not re.search(rf"\b{re.sub('_(sum|count|created)$', '', n)}", shown)
    }
    assert not {n for n in unseen if not n.endswith("_created")}
    assert labels <= {
        "by", "code", "implementation", "generation", "le", "major", "minor", "patchlevel", "path",
        "pool", "result", "state", "status", "tool", "type", "verdict", "version",
    }  # fmt: skip


async def test_who_did_not_wait_is_not_counted_as_our_failure(shops):
    database, keys = shops
    slow = "select count(*) from orders as a, orders as b, orders as c, orders as d"
    async with Database.open(settings_for(database)) as opened, serving(opened) as url:
        before = await counted(url)
        host, port = urlsplit(url).netloc.split(":")
        _, writer = await asyncio.open_connection(host, port)
        writer.write(wire_request(url, keys["seattle"], slow))
        await until(opened.turns._running.__len__)  # noqa: SLF001 - the query runs
        writer.close()
        hung_up = 'zava_http_requests_total{path="/mcp",status="499"}'
        await until(lambda: not opened.turns._running)  # noqa: SLF001 - nor does it any more
        await asyncio.sleep(0.1)
        after = await counted(url)
        assert after[hung_up] == before.get(hung_up, 0) + 1
        failed = 'zava_http_requests_total{path="/mcp",status="503"}'
        assert after.get(failed, 0) == before.get(failed, 0)


async def test_what_was_not_said_to_its_end_is_not_done(shops, logged):
    def hung_up():
        labels = {"path": "/mcp", "status": "499"}
        return REGISTRY.get_sample_value("zava_http_requests_total", labels) or 0

    database, keys = shops
    async with served(database) as url:
        request = wire_request(url, keys["seattle"], "select 1", progress=True)
        head, end, body = request.partition(b"\r\n\r\n")
        # All of the JSON is there, and one byte more was promised.
        head = head.replace(b"Length: %d" % len(body), b"Length: %d" % (len(body) + 1))
        before = hung_up()
        for said in (head + end, head + end + body):
            _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            writer.write(said)
            writer.close()
        await until(lambda: hung_up() == before + 2)
    assert events(logged, "call") == []
    assert [one for one in events(logged) if one["level"] == "error"] == []


async def test_calls_are_counted_by_kind_and_how_they_ended(shops):
    database, keys = shops
    async with served(database, statement_timeout=2) as url:
        before = await counted(url)
        async with client_of(url, keys["seattle"]) as client:
            await client.call_tool("query", {"sql": "select generate_series(1, 20)", "max_rows": 9})
            await client.call_tool("query", {"sql": "select 1 / 0"})
            await client.call_tool("query", {"sql": "drop table x"})
            long = "select count(*) from generate_series(1, 1000000000)"
            await client.call_tool("query", {"sql": long})
            await client.call_tool("whoami", {})
            await client.call_tool("describe_schema", {})
        await get(url, f"/{SECRET}")
        after = await counted(url)
    grew = {name: value - before.get(name, 0) for name, value in after.items()}
    for name, value in {
        'zava_query_total{status="success",type="query"}': 1,
        'zava_query_total{status="error",type="query"}': 2,
        'zava_query_total{status="refused",type="query"}': 1,
        'zava_query_total{status="success",type="function"}': 1,
        'zava_query_total{status="success",type="schema"}': 1,
        'zava_query_duration_seconds_count{type="query"}': 4,
        'zava_guard_verdicts_total{verdict="allowed"}': 3,
        'zava_cut_answers_total{by="rows"}': 1,
        'zava_slow_tool_calls_total{tool="query"}': 1,
        'zava_cancelled_queries_total{by="time"}': 1,
        'zava_rows_returned_total{type="query"}': 9,
        'zava_http_requests_total{path="other",status="404"}': 1,
    }.items():
        assert grew[name] == value, name
    assert after['zava_pool_connections_max{pool="gateway"}'] == 10
    assert not any(SECRET in name for name in after)


async def counted(url):
    families = text_string_to_metric_families((await get(url, "/metrics")).text)
    return {
        sample.name + json_labels(sample.labels): sample.value
        for family in families
        for sample in family.samples
    }


def json_labels(labels):
    inside = ",".join(f'{name}="{labels[name]}"' for name in sorted(labels))
    return f"{{{inside}}}" if inside else ""


# ---------------------------------------------------------------- monitor


def test_the_monitor_sums_up_what_was_measured():
    text = "\n".join(
        [
            "# TYPE zava_tool_call_seconds histogram",
            *(
                f'zava_tool_call_seconds_bucket{{tool="query",le="{bound}"}} {count}'
                for bound, count in (("0.01", 50), ("0.1", 90), ("1.0", 100), ("+Inf", 101))
            ),
            'zava_tool_call_seconds_count{tool="query"} 101',
            'zava_tool_call_seconds_sum{tool="query"} 20.2',
            "# TYPE zava_tool_call_seconds_max gauge",
            'zava_tool_call_seconds_max{tool="query"} 4.0',
            "# TYPE zava_slow_tool_calls counter",
            'zava_slow_tool_calls_total{tool="query"} 1',
            "",
        ]
    )
    (one,) = summary(text_string_to_metric_families(text))
    assert (one.tool, one.count, one.slow, one.max) == ("query", 101, 1, 4.0)
    assert one.mean == pytest.approx(0.2)
    assert one.p50 == pytest.approx(0.01, abs=0.002)
    assert one.p95 == pytest.approx(0.1 + 0.9 * (95.95 - 90) / 10)


async def test_the_monitor_is_for_head_office_and_by_the_command_line(shops):
    database, keys = shops
    async with served(database, slow_query=1e-9) as url:
        async with client_of(url, keys["seattle"]) as client:
            await client.call_tool("query", {"sql": "select 1"})
            listed = {str(one.uri) for one in (await client.list_resources()).resources}
            assert "db://monitor" not in listed
            with pytest.raises(MCPError, match="not found"):
                await client.read_resource("db://monitor")
        async with client_of(url, keys["head-office"]) as client:
            listed = {str(one.uri) for one in (await client.list_resources()).resources}
            assert "db://monitor" in listed
            (read,) = (await client.read_resource("db://monitor")).contents
        run = typer.testing.CliRunner().invoke
        done = await asyncio.to_thread(run, app, ["monitor", "--url", url, "--json"])
        table = await asyncio.to_thread(run, app, ["monitor", "--url", url])
    (query,) = [one for one in json.loads(read.text) if one["tool"] == "query"]
    assert query["count"] >= 1
    assert query["slow"] >= 1
    assert 0 < query["p50"] <= query["p95"] <= query["max"]
    assert query in json.loads(done.stdout)
    assert "query" in table.stdout
    assert not re.search("seattle|tacoma", read.text)


# ---------------------------------------------------------------- health


@pytest.fixture
def patient(monkeypatch):
    """Let looks take as long as they take on a busy machine."""
    monkeypatch.setattr("zava_sql.health._PATIENCE", 60)


async def test_strangers_learn_yes_or_no_and_insiders_the_rest(shops):
    database, keys = shops
    async with served(database) as url:
        assert (await get(url, "/readyz")).json() == {"ready": True}
        report = (await get(url, "/health")).json()
        for path in ("/health", "/metrics"):
            for outside in (
                {"X-Forwarded-For": "1.2.3.4"},
                {"X-Forwarded-Proto": "https"},
                {"Forwarded": "for=1.2.3.4"},
                {"X-Real-IP": "1.2.3.4"},
                {"Via": "1.1 proxy"},
                {"Host": "db.example"},
                {"Host": "localhost.evil.example"},
                {"Origin": "https://app.example"},
            ):
                refused = await get(url, path, **outside)
                assert refused.status_code == 401
                assert "parts" not in refused.text
                assert (await get(url, path, keys["seattle"], **outside)).status_code == 401
                assert (await get(url, path, keys["head-office"], **outside)).status_code == 200
    assert report["status"] == "ok", report
    parts = report["parts"]
    assert parts["schema"]["revision"] == parts["schema"]["wanted"]
    assert parts["gateway"]["replica"] is False
    assert parts["catalogue"]["age_seconds"] < 60
    assert "postgresql" not in json.dumps(report)


def test_the_newest_revision_is_known_at_once():
    """Alembic takes seconds to import, in which the first look at health would be given up."""
    script = "import sys; from zava_sql import db_files, health; "
    script += "print(db_files.newest_revision(), 'alembic' in sys.modules)"
    said = subprocess.check_output([sys.executable, "-c", script], timeout=60)
    assert said.decode().split() == [migrate.head(), "False"]


@pytest.mark.parametrize(
    ("peer", "status"),
    [("127.0.0.1", 200), ("::1", 200), ("10.0.0.7", 401), ("::ffff:10.0.0.7", 401), ("", 401)],
)
async def test_who_is_elsewhere_is_no_insider_whatever_name_it_uses(shops, peer, status):
    async with Database.open(settings_for(shops[0])) as opened:
        agent = Agent(opened)
        endpoint = Endpoint(create_server(agent, request_principal), opened.settings)
        transport = httpx2.ASGITransport(application(agent, endpoint), client=(peer, 5))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
            assert (await http.get("/metrics")).status_code == status


async def test_what_a_proxy_on_this_machine_passes_on_is_no_insider_s(shops):
    database, keys = shops
    given = settings_for(database, trusted_proxy="127.0.0.1")
    async with Database.open(given) as opened, serving(opened) as url:
        for path in ("/health", "/metrics"):
            assert (await get(url, path)).status_code == 401
            assert (await get(url, path, keys["head-office"])).status_code == 200


@pytest.mark.parametrize(("version", "status"), [("1.1", b"200"), ("1.0", b"401")])
async def test_a_proxy_may_be_known_by_the_version_alone(shops, version, status):
    async with served(shops[0]) as url:
        port = urlsplit(url).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        # What nginx sends of itself.
        head = f"GET /metrics HTTP/{version}\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        assert (await reader.read()).split()[1] == status
        writer.close()


async def test_a_hardened_database_is_as_ready_as_any(clone):
    with clone(hardened=True) as copy:
        async with served(copy) as url:
            assert (await get(url, "/readyz")).json() == {"ready": True}
            report = (await get(url, "/health")).json()
    assert {part["status"] for part in report["parts"].values()} == {"ok"}, report


async def test_a_revision_that_cannot_be_read_is_told(clone):
    with clone() as copy, psycopg.connect(copy.admin_url, autocommit=True) as admin:
        async with served(copy) as url:
            admin.execute("revoke select on public.alembic_version from zava_service, public")
            report = await get(url, "/health")
            assert report.json()["parts"]["schema"]["message"] == "the revision cannot be read"
            # As services advise for every table of public.
            admin.execute("grant select on public.alembic_version to zava_service")
            admin.execute("alter table public.alembic_version enable row level security")
            report = await get(url, "/health")
            assert report.json()["parts"]["schema"]["message"] == "the revision cannot be read"
            with pytest.raises(ConfigurationError, match="row-level security hides"):
                await asyncio.to_thread(migrate.ask, copy.service_url, migrate.require_head)
            await asyncio.to_thread(migrate.ask, copy.admin_url, migrate.require_head)
            admin.execute("drop table public.alembic_version")
            assert (await get(url, "/health")).json()["status"] == "degraded"


async def test_an_audit_that_takes_nothing_is_told(shops, tmp_path, monkeypatch):
    database, _ = shops
    given = settings_for(database, home=tmp_path, audit="refuse")
    async with Agent.open(given) as agent, serving(agent.database, agent) as url:
        assert (await counted(url))["zava_audit_stopped"] == 0
        assert (await get(url, "/health")).json()["parts"]["audit"]["status"] == "ok"
        assert (await get(url, "/readyz")).status_code == 200
        with monkeypatch.context() as patch:
            patch.setattr("zava_sql.audit_journal._MAX_BYTES", 10)  # as on a full disk
            report = await get(url, "/health")
            assert (report.status_code, report.json()["parts"]["audit"]["status"]) == (503, "down")
            assert (await get(url, "/readyz")).status_code == 503
        agent.audit.taking = False
        assert (await counted(url))["zava_audit_stopped"] == 1
        assert (await get(url, "/readyz")).status_code == 503
        agent.audit.taking = True


@pytest.mark.usefixtures("patient")
async def test_what_is_worse_than_it_should_be_is_told_and_stops_nothing(shops, tmp_path):
    given = settings_for(
        shops[0], pool_min=1, pool_max=1, catalogue_interval=600, home=tmp_path, audit="spool"
    )
    async with Agent.open(given) as agent, serving(agent.database, agent) as url:

        async def part(name):
            assert (await get(url, "/readyz")).status_code == 200
            report = await get(url, "/health")
            assert report.status_code == 200
            return report.json()["parts"][name]

        async with asyncio.timeout(60):  # what looked at isolation may be about to give it back
            while (await part("gateway"))["status"] != "ok":  # noqa: ASYNC110 - asked of a server
                await asyncio.sleep(0.01)
        async with agent.database.gateway.lend():
            assert await part("gateway") == {
                "status": "degraded",
                "connections": 1,
                "busy": 1,
                "breaker": "closed",
                "message": "all connections are busy",
            }
        agent.database.clock_offset += 100
        gateway = await part("gateway")
        assert (gateway["status"], gateway["message"]) == ("degraded", "the clock has moved")
        assert gateway["drift_seconds"] == pytest.approx(-100, abs=9)
        agent.database.clock_offset -= 100
        assert (await part("gateway"))["status"] == "ok"
        agent.audit.taking = False
        assert await part("audit") == {
            "status": "degraded",
            "used": True,
            "waiting_bytes": 0,
            "message": "the log is not written, a journal is",
        }


async def test_isolation_that_nobody_has_time_to_look_at_is_not_down(shops, monkeypatch):
    monkeypatch.setattr("zava_sql.health._PATIENCE", 0.3)
    given = settings_for(shops[0], pool_min=1, pool_max=1)
    async with Database.open(given) as opened, serving(opened) as url, opened.gateway.lend():
        assert (await get(url, "/health")).json()["parts"]["isolation"] == {
            "status": "degraded",
            "message": "no answer in time",
        }


@pytest.mark.usefixtures("patient")
async def test_functions_that_are_not_looked_for_are_told(clone):
    with clone() as copy, psycopg.connect(copy.admin_url, autocommit=True) as admin:
        given = settings_for(copy, catalogue_interval=0.1)
        async with Database.open(given) as opened, serving(opened) as url:
            assert (await get(url, "/readyz")).status_code == 200
            for change, status, message in (
                ("revoke {} from zava_service", "degraded", "new functions are not seen"),
                ("grant {} to zava_service", "ok", None),
            ):
                admin.execute(change.format("execute on function zava.api_fingerprint"))
                async with asyncio.timeout(60):
                    while True:
                        found = (await get(url, "/health")).json()["parts"]["catalogue"]
                        if found["status"] == status:
                            break
                assert found.get("message") == message


@pytest.mark.usefixtures("patient")
async def test_isolation_that_could_be_void_is_down_until_it_is_not(clone, monkeypatch):
    with clone() as copy, psycopg.connect(copy.admin_url, autocommit=True) as admin:
        async with served(copy) as url:
            admin.execute("alter table retail.orders no force row level security")
            report = await get(url, "/health")
            assert (report.status_code, report.json()["status"]) == (503, "down")
            isolation = report.json()["parts"]["isolation"]
            assert isolation["status"] == "down"
            assert isolation["message"].startswith("isolation could be void: ")
            admin.execute("alter table retail.orders force row level security")
            report = await get(url, "/health")
            assert report.json()["parts"]["isolation"] == {"status": "ok"}
            # Nor is it sound for good.
            monkeypatch.setattr("zava_sql.health._DOCTOR", 0)
            admin.execute("alter table retail.orders no force row level security")
            assert (await get(url, "/health")).json()["parts"]["isolation"]["status"] == "down"


async def test_a_retired_key_and_an_unbound_login_are_not_ready(clone):
    with clone() as database:
        keys = fill(database.admin_url)
        settings = settings_for(database)
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            async with Database.open(settings) as opened, serving(opened) as url:
                assert (await get(url, "/readyz")).status_code == 200
                admin.execute("alter role zava_gateway bypassrls")
                try:
                    report = await get(url, "/health")
                finally:
                    admin.execute("alter role zava_gateway nobypassrls")
                assert report.status_code == 503
                assert report.json()["parts"]["gateway"]["status"] == "down"
                admin.execute("update public.alembic_version set version_num = '0001'")
                report = await get(url, "/health")
                assert (report.status_code, report.json()["status"]) == (200, "degraded")
                assert report.json()["parts"]["schema"]["revision"] == "0001"
                admin.execute("select zava.retire_signing_key('test')")
                assert (await get(url, "/readyz")).status_code == 503
                assert (await get(url, "/healthz")).status_code == 200
                # No rows would be taken for the truth.
                async with asyncio.timeout(10):
                    while "is retired" not in (await post(url, keys["seattle"])).text:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)


async def test_a_clock_that_moves_is_followed(shops):
    """A context of the past shows no rows, which would be taken for the truth."""
    count = request_body("tools/call", name="query", sql="select count(*) from orders")
    async with (
        Database.open(settings_for(shops[0], catalogue_interval=0.2)) as opened,
        serving(opened) as url,
    ):
        before = (await post(url, shops[1]["seattle"], count)).json()["result"]["content"]
        for moved in (-100_000, 100_000):
            opened.clock_offset += moved
            async with asyncio.timeout(10):
                while abs(opened.clock_offset) > 60:  # noqa: ASYNC110 - nothing tells it
                    await asyncio.sleep(0.05)
            after = (await post(url, shops[1]["seattle"], count)).json()["result"]["content"]
            assert after == before


# ---------------------------------------------------------------- traces


async def test_spans_name_what_happened_and_quote_nothing(shops, monkeypatch):
    received = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    database, keys = shops
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{collector.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "sql-of-ours")
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        with traces.exporting():
            async with served(database) as url:
                for sql in HOSTILE:
                    body = request_body("tools/call", name="query", sql=sql)
                    await post(
                        url, keys["seattle"], body, traceparent=f"00-{trace}-00f067aa0ba902b7-01"
                    )
        collector.shutdown()
    sent = b"".join(received)
    for name in (
        b"sql-of-ours",
        b"tools/call",
        b"guard",
        b"database",
        b"QUERY_REFUSED",
        bytes.fromhex(trace),
    ):
        assert name in sent
    assert SECRET.encode() not in sent
    assert NUMBER.encode() not in sent


# ---------------------------------------------------------------- settings

# Any text is a value of these, or whoever uses them judges it (see below, and test_auth.py).
FREE = {
    "home", "trusted_proxy", "auth_jwks", "auth_audience",
    "auth_algorithms", "auth_claim", "auth_scopes",
}  # fmt: skip
SECRETS = {
    name
    for name, field in Settings.model_fields.items()
    if SecretStr in typing.get_args(field.annotation) or field.annotation is SecretStr
}


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - FREE - SECRETS))
def test_a_wrong_value_fails_at_start_and_names_its_variable(name, monkeypatch):
    monkeypatch.setenv(f"ZAVA_{name.upper()}", f"{SECRET}; drop table x" * 20)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert caught.value.message.startswith(f"ZAVA_{name.upper()} is not valid")
    assert SECRET not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("name", ["database_url", "service_url", "context_key"])
@pytest.mark.parametrize("value", [SECRET, ""])
async def test_a_wrong_secret_fails_at_start_and_names_its_variable(shops, name, value):
    database, _ = shops
    settings = settings_for(database).model_copy(update={name: SecretStr(value)})
    with pytest.raises(ConfigurationError) as caught:
        async with Database.open(settings):
            pass
    assert f"ZAVA_{name.upper()}" in caught.value.message
    assert SECRET not in caught.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("allowed_hosts", "db.example https://db.example"),
        ("allowed_hosts", "db.example/mcp"),
        ("allowed_hosts", "*"),
        ("cors_origins", "https://app.example/"),
        ("cors_origins", "app.example"),
        ("cors_origins", "*"),
        ("auth_resource", "https://[::1/mcp"),
        ("auth_resource", "https://b\u00fccher.example/mcp"),
        ("auth_resource", "https://db.example/a%20b/mcp"),
        ("auth_resource", "https://db.example/{x}/mcp"),
        ("auth_resource", "https://db.example/mcp#part"),
        ("auth_scopes", "sql:read sql:b\u00fccher"),
        ("auth_scopes", 'sql:"read"'),
    ],
)
def test_what_no_client_could_send_or_read_fails_at_start(name, value, monkeypatch):
    monkeypatch.setenv(f"ZAVA_{name.upper()}", value)
    with pytest.raises(ConfigurationError, match=f"^ZAVA_{name.upper()} is not valid"):
        Settings.load()


def test_what_a_value_must_be_is_told_as_it_is(monkeypatch):
    monkeypatch.setenv("ZAVA_WORK_MEM", "lots")
    with pytest.raises(ConfigurationError, match=r"string should match .*kB\|MB\|GB"):
        Settings.load()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"time_zone": "Mars/Phobos"}, '"TimeZone": "Mars/Phobos"'),
        ({"work_mem": "1kB"}, 'parameter "work_mem"'),
    ],
)
async def test_a_value_that_postgresql_refuses_fails_at_start(shops, change, said):
    settings = settings_for(shops[0], **change)
    with pytest.raises(ConfigurationError, match="PostgreSQL refuses a setting: ") as caught:
        async with Database.open(settings):
            pass
    assert said in caught.value.message
    assert f"ZAVA_{next(iter(change)).upper()}" in caught.value.hint


@pytest.mark.parametrize("name", ["database_url", "service_url"])
@pytest.mark.parametrize(
    ("setting", "kind", "said"),
    [
        ("channel_binding=require", ConfigurationError, "channel_binding"),
        ("sslmode=require", ConfigurationError, "does not speak TLS"),
        ("sslmode=verify-full&sslrootcert=/no/file", ConfigurationError, "sslrootcert"),
        ("target_session_attrs=standby", ServiceUnavailable, "kind that it asks for"),
    ],
)
async def test_what_is_wrong_with_a_url_is_told_and_names_its_variable(
    shops, name, setting, kind, said
):
    settings = settings_for(shops[0])
    url = getattr(settings, name).get_secret_value()
    changed = settings.model_copy(update={name: SecretStr(f"{url}?{setting}")})
    with pytest.raises(kind, match=said) as caught:
        async with Database.open(changed):
            pass
    assert f"ZAVA_{name.upper()}" in caught.value.message
    assert caught.value.hint
    assert "ZAVA_WORK_MEM" not in caught.value.hint


async def test_a_home_that_cannot_be_looked_into_is_no_database_that_is_away(shops, monkeypatch):
    """As of another account, which a container may have left in HOME."""
    monkeypatch.setenv("HOME", "/" + 300 * "x")  # to root all directories are open
    with pytest.raises(ConfigurationError, match=r"ZAVA_DATABASE_URL .* /x+/\.postgresql"):
        async with Database.open(settings_for(shops[0])):
            pass


@pytest.mark.parametrize(
    ("name", "value"),
    [("command_timeout", "inf"), ("pool_timeout", "1e300"), ("statement_timeout", "0.0001"),
     ("catalogue_interval", "inf"), ("max_rows_limit", "9" * 20)],
)  # fmt: skip
def test_what_no_clock_and_no_counter_holds_fails_at_start(name, value, monkeypatch):
    monkeypatch.setenv(f"ZAVA_{name.upper()}", value)
    with pytest.raises(ConfigurationError, match=f"ZAVA_{name.upper()} is not valid"):
        Settings.load()


def test_a_variable_that_is_misspelt_is_noticed(monkeypatch, logged):
    monkeypatch.setenv("ZAVA_AUDIT_ARGUMENT", "none")
    monkeypatch.setenv("ZAVA_MONITOR_URL", "http://127.0.0.1")
    monkeypatch.setattr("zava_sql.cli_serve.configure", lambda _: None)
    typer.testing.CliRunner().invoke(app, ["serve", "--print-config", "vscode"])
    typer.testing.CliRunner().invoke(
        app, ["serve", "--transport", "http", "--print-config", "vscode"]
    )
    assert [one["message"] for one in events(logged, "message")] == [
        "ZAVA_AUDIT_ARGUMENT is no setting: ZAVA_AUDIT_ARGUMENTS may be meant"
    ] * 2


async def test_a_command_that_finds_no_server_says_so():
    run = typer.testing.CliRunner().invoke
    done = await asyncio.to_thread(run, app, ["monitor", "--url", "http://127.0.0.1:9"])
    assert done.exception.exit_code == 3
    for no_url in ("ftp://x", "http://", "http://[::1", "http://127.0.0.1:65536"):
        done = await asyncio.to_thread(run, app, ["monitor", "--url", no_url])
        assert done.exception.exit_code == 2
    for no_key in ("zava_a\n", "zava_\xe9"):
        done = await asyncio.to_thread(run, app, ["monitor", "--key", no_key])
        assert done.exception.exit_code == 2

    answers = {b"200 OK": 3, b"500 Server Error": 3, b"403 Forbidden": 2}
    status = iter(answers)

    async def page(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: 6\r\n\r\n<html>" % next(status))
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0) as other:
        url = "http://{}:{}".format(*other.sockets[0].getsockname())
        for exit_code in answers.values():
            done = await asyncio.to_thread(run, app, ["monitor", "--url", url])
            assert done.exception.exit_code == exit_code


async def test_what_a_server_says_of_its_tools_is_obeyed_by_no_terminal():
    metric = b'zava_tool_call_seconds_%b{tool="q\x1b[2J"} 1'
    body = b"\n".join([metric % part for part in (b"count", b"sum")] + [b""])

    async def metrics(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    async with await asyncio.start_server(metrics, "127.0.0.1", 0) as other:
        url = "http://{}:{}".format(*other.sockets[0].getsockname())
        done = await asyncio.to_thread(
            typer.testing.CliRunner().invoke, app, ["monitor", "--url", url]
        )
    assert r"q\x1b[2J" in done.output


async def test_the_cache_is_counted(shops):
    database, keys = shops
    async with (
        Agent.open(settings_for(database, cache_ttl=60, audit="off")) as agent,
        serving(agent.database, agent) as url,
    ):
        before = await counted(url)
        body = request_body("tools/call", name="query", sql="select 'cached'")
        while not (await counted(url)).get("zava_cache_bytes"):
            await post(url, keys["seattle"], body)
        await post(url, keys["seattle"], body)
        after = await counted(url)
    hit, miss = (
        after[f'zava_cache_lookups_total{{result="{result}"}}']
        - before.get(f'zava_cache_lookups_total{{result="{result}"}}', 0)
        for result in ("hit", "miss")
    )
    assert hit >= 1
    assert miss == 1
    assert after["zava_cache_bytes"] > 0


async def test_observers_are_told_of_calls_outside_of_mcp_as_well(shops):
    database, _ = shops
    async with Database.open(settings_for(database)) as opened:
        agent, seen = Agent(opened), []
        agent.observers.append(seen.append)
        await agent.query(await find_principal(opened, "seattle"), "select 1")
    assert [call.verdict for call in seen] == ["answered"]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def open_scopes() -> int:
    """Count what could still be cancelled: each request has one, by which a stop ends it."""
    gc.collect()
    return sum(type(one).__name__ == "CancelScope" for one in gc.get_objects())


@pytest.mark.long
async def test_calls_leave_no_task_no_connection_and_no_file(shops):
    database, keys = shops
    slow = "select count(*) from orders as a, orders as b, orders as c, orders as d"
    # The slow one's connection may be ended or kept; what follows needs one in any case.
    texts = (slow, "select 1/0", "select set_config('a', 'b', true)", "select count(*) from orders")

    async def all_kinds(opened, url) -> tuple[int, int, int]:
        for text in texts:
            told = text == texts[-1]
            body = request_body("tools/call", name="query", progress=told, sql=text)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.3 if text == slow else 20):
                    await post(url, keys["seattle"], body)
        # What still ends, such as the connection of a client that hung up, has time to.
        for _ in range(500):
            if opened.gateway.get_idle_size() == opened.gateway.get_size():
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert opened.gateway.get_idle_size() == opened.gateway.get_size() == 1
        return len(asyncio.all_tasks()), open_files(), open_scopes()

    one = settings_for(database, pool_max=1)
    async with Database.open(one) as opened, serving(opened) as url:
        await all_kinds(opened, url)
        before = await all_kinds(opened, url)
        for _ in range(8):
            after = await all_kinds(opened, url)
        assert all(now <= then for now, then in zip(after, before, strict=True)), (before, after)
