"""The MCP server as its clients see it: real clients, real transports, real PostgreSQL."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import termios
from contextlib import asynccontextmanager
from functools import partial
from itertools import product
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import anyio
import h11
import httpx2
import mcp_types as types
import psycopg
import pytest
from mcp import Client, MCPError
from mcp_clients import (
    ROOT,
    WAYS,
    bearing,
    client_of,
    fill,
    post,
    request_body,
    request_headers,
    seattle,
    served,
    serving,
    settings_for,
    start,
    stdio_parameters,
    text_of,
    wire_request,
)
from prometheus_client import REGISTRY
from tenants import STORES
from waiting import until

from zava_sql import mcp_inbox, mcp_wire
from zava_sql.agent import Agent
from zava_sql.auth import Identities, request_principal
from zava_sql.database import Database
from zava_sql.errors import AuthorizationError, ConfigurationError, ServiceUnavailable
from zava_sql.mcp_server import listen, serve_http
from zava_sql.principals import hash_key, new_key

pytestmark = [pytest.mark.anyio, pytest.mark.once]

ERAS = ("auto", "legacy")  # 2026-07-28, and the newest version that begins with a handshake
# Runs for minutes in a few kilobytes; the name put behind it marks it in pg_stat_activity.
SLOW = "select count(*) from retail.orders a, retail.orders b, retail.orders c, retail.orders as "
RUNNING = "select count(*) from pg_stat_activity where state = 'active' and query like %s"


# ---------------------------------------------------------------- what the tests stand on


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
async def client(request, filled, url, keys):
    async with seattle(*request.param, filled, url, keys) as client:
        yield client


# ---------------------------------------------------------------- tools, in each transport and era


async def test_tools_are_listed_and_read_only(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools)[:2] == ["describe_schema", "query"]
    assert "whoami" in tools
    for tool in tools.values():
        assert tool.annotations.read_only_hint is True


async def test_the_list_of_tools_is_short(url, keys):
    """A model reads it with every question: what it costs is a promise of the documents."""
    answer = await post(
        url, keys["head-office"], request_body("tools/list"), Mcp_Method="tools/list"
    )
    tools = answer.json()["result"]["tools"]
    assert [tool["name"] for tool in tools[:2]] == ["describe_schema", "query"]
    assert "up to the newest sale" in tools[0]["description"]
    assert len(json.dumps(tools[:2])) <= 2_500
    assert len(answer.content) <= 16 * 1024
    # What services of models refuse: see function_types.py.
    for schema in (one for tool in tools for one in tool["inputSchema"]["properties"].values()):
        assert isinstance(schema["type"], str)
        assert schema.get("format", "date-time") == "date-time"


async def test_a_query_answers_csv_and_a_small_summary(client):
    result = await client.call_tool(
        "query", {"sql": "select store_key, null as nothing, '' as empty from retail.stores"}
    )
    assert text_of(result) == 'store_key:text,nothing:text,empty:text\nseattle,NULL,""'
    assert result.structured_content == {
        "columns": [
            {"name": "store_key", "type": "text"},
            {"name": "nothing", "type": "text"},
            {"name": "empty", "type": "text"},
        ],
        "row_count": 1,
        "truncated": False,
        # For a model that is shown nothing else.
        "hint": "The rows are in the text. To have them here, too: rows: true",
    }
    assert not result.is_error


async def test_a_query_answers_json_where_asked(client):
    sql = "select 9007199254740993 as big, 1.50 as price, array[1, null] as list"
    result = await client.call_tool("query", {"sql": sql, "format": "json"})
    assert json.loads(text_of(result)) == {
        "columns": [
            {"name": "big", "type": "int8"},
            {"name": "price", "type": "numeric"},
            {"name": "list", "type": "int4[]"},
        ],
        "rows": [["9007199254740993", "1.50", [1, None]]],
        "row_count": 1,
        "truncated": False,
    }


@pytest.mark.parametrize(("max_rows", "truncated"), [(201, False), (200, True)])
async def test_truncated_is_exact(client, max_rows, truncated):
    sql = "select total_amount from retail.orders order by order_date"
    result = await client.call_tool("query", {"sql": sql, "max_rows": max_rows, "rows": True})
    *_, last = text_of(result).splitlines()
    assert result.structured_content["row_count"] == max_rows
    assert result.structured_content["truncated"] is truncated
    assert last.startswith("# truncated") is truncated
    assert truncated or last == "201.00"


async def test_the_schema_is_described_from_overview_to_columns(client):
    overview = text_of(await client.call_tool("describe_schema", {}))
    assert "retail.orders (store_id, order_id): Sales and returns of a store." in overview
    assert "api.whoami(): Who is asking: " in overview
    assert "zava." not in overview
    detail = text_of(await client.call_tool("describe_schema", {"name": "orders"}))
    assert "status text (pending|completed|return|cancelled): " in detail
    assert "foreign key (store_id) references retail.stores (store_id)" in detail
    # A model asks for what it has read.
    for listed in ("retail.orders (store_id, order_id)", "api.whoami()", "api.cross_sell(p_sku, "):
        assert listed in overview
        named = text_of(await client.call_tool("describe_schema", {"name": listed}))
        assert named.startswith(listed.partition("(")[0].strip())
    unknown = text_of(await client.call_tool("describe_schema", {"name": "nothing(x)"}))
    assert "there is no table or function 'nothing(x)'" in unknown


async def test_what_the_model_can_repair_is_an_error_result(client):
    attack = "select set_config('zava.context', 'x', true)"
    refused = await client.call_tool("query", {"sql": attack})
    assert refused.is_error
    first, *more = text_of(refused).splitlines()
    assert first.startswith("QUERY_REFUSED: ")
    assert "set_config" in first
    assert any(line.startswith("hint: ") for line in more)
    assert "position: 8" in more

    wrong = await client.call_tool("query", {"sql": "select total from retail.orders"})
    assert wrong.is_error
    assert text_of(wrong).startswith('DATABASE_ERROR: column "total" does not exist')
    assert {"sqlstate: 42703", "position: 8"} <= set(text_of(wrong).splitlines())

    other = {"store_id": "5ec2e702-0000-4000-8000-000000000000"}
    denied = await client.call_tool("store_performance", other)
    assert denied.is_error
    assert text_of(denied).startswith(f"AUTHORIZATION_ERROR: store {other['store_id']} is not vis")
    assert "sqlstate: 42501" in text_of(denied).splitlines()

    unknown = await client.call_tool("describe_schema", {"name": "zava.api_keys"})
    assert unknown.is_error
    assert text_of(unknown).startswith("VALIDATION_ERROR: ")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("query", {}),
        ("query", {"sql": ""}),
        ("query", {"sql": 1}),
        ("query", {"sql": "select 1", "max_rows": 0}),
        ("query", {"sql": "select 1", "max_rows": 1_000_000}),
        ("query", {"sql": "select 1", "max_rows": True}),
        ("query", {"sql": "select 1", "format": "xml"}),
        ("query", {"sql": "select 1", "principal": "bellevue"}),
        ("describe_schema", {"name": ["orders"]}),
        ("whoami", {"name": "orders"}),
    ],
)
async def test_a_model_is_told_of_bad_arguments(client, tool, arguments):
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    first, *more = text_of(result).splitlines()
    assert first.startswith(f"VALIDATION_ERROR: invalid arguments of {tool}: ")
    takes = {"query": "sql, max_rows, format, rows", "describe_schema": "name, search"}
    assert more == [f"hint: It takes {takes.get(tool, 'none')}."]


async def test_an_unknown_tool_is_a_protocol_error(client):
    with pytest.raises(MCPError, match="unknown tool: no_such_tool") as caught:
        await client.call_tool("no_such_tool", {})
    assert caught.value.error.code == types.INVALID_PARAMS


# ---------------------------------------------------------------- who asks


@pytest.mark.parametrize("mode", ERAS)
async def test_each_tenant_gets_its_own_rows_and_head_office_the_sum(url, keys, mode):
    counts = {}
    for name, key in keys.items():
        async with client_of(url, key, mode) as client:
            result = await client.call_tool("query", {"sql": "select count(*) from retail.orders"})
            counts[name] = int(text_of(result).splitlines()[1])
    assert counts["seattle"] != counts["bellevue"]
    assert counts.pop("head-office") == sum(counts.values())


async def test_calls_of_many_tenants_at_once_do_not_mix(url, keys):
    sql = "select string_agg(distinct s.store_key, ',') from retail.stores s join retail.orders o"
    sql += " on o.store_id = s.store_id"

    async def ask(name, mode):
        async with client_of(url, keys[name], mode) as client:
            for _ in range(10):
                result = await client.call_tool("query", {"sql": sql})
                assert text_of(result).splitlines()[1] == name

    async with asyncio.TaskGroup() as group:
        for name in STORES:
            for mode in ERAS:
                group.create_task(ask(name, mode))


async def test_a_key_counts_until_it_is_revoked_expired_or_its_principal_disabled(
    url, keys, admin_connection
):
    key = new_key()
    row = admin_connection.execute(
        "select zava.create_api_key('tacoma', %s)", [hash_key(key)]
    ).fetchone()
    assert (await post(url, key)).status_code == 200
    admin_connection.execute("select zava.revoke_api_key(%s)", row)
    assert (await post(url, key)).status_code == 401

    short = new_key()
    admin_connection.execute("select zava.create_api_key('tacoma', %s)", [hash_key(short)])
    assert (await post(url, short)).status_code == 200
    admin_connection.execute(
        "update zava.api_keys set expires_at = now() where key_hash = %s", [hash_key(short)]
    )
    assert (await post(url, short)).status_code == 401

    assert (await post(url, keys["tacoma"])).status_code == 200
    admin_connection.execute("select zava.disable_principal('tacoma')")
    try:
        assert (await post(url, keys["tacoma"])).status_code == 401
    finally:
        admin_connection.execute("select zava.enable_principal('tacoma')")
    assert (await post(url, keys["tacoma"])).status_code == 200


async def test_a_key_that_is_revoked_while_its_request_is_on_its_way_opens_nothing(
    url, admin_connection
):
    async def ask(*, revoked):
        key = new_key()
        row = admin_connection.execute(
            "select zava.create_api_key('tacoma', %s)", [hash_key(key)]
        ).fetchone()
        head, end, body = wire_request(url, key, "select 1").partition(b"\r\n\r\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        # The server asks for the body when it knows already who it is.
        writer.write(head + b"\r\nExpect: 100-continue\r\nConnection: close" + end)
        assert b"100" in await reader.readuntil(end)
        if revoked:
            admin_connection.execute("select zava.revoke_api_key(%s)", row)
        await asyncio.sleep(0.2)
        writer.write(body)
        answer = await reader.read()
        writer.close()
        return int(answer.split()[1])

    assert await ask(revoked=False) == 200
    assert await ask(revoked=True) == 401


@asynccontextmanager
async def half_sent(url, key, missing=1):
    """Hold a request whose body never ends."""
    head, end, body = wire_request(url, key, "select 1").partition(b"\r\n\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(head + b"\r\nExpect: 100-continue" + end)
    assert b"100" in await reader.readuntil(end)
    writer.write(body[:-missing])
    await asyncio.sleep(0.1)
    try:
        yield reader, writer
    finally:
        writer.close()


def chunked(request, size):
    """Give the head of a request, and its body in chunks of so many bytes."""
    head, end, body = request.partition(b"\r\n\r\n")
    head = re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", head)
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return head + end, b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in chunks)


@pytest.mark.parametrize(
    ("size", "length", "status"), [(1, 1_000, b"400"), (64, 1_000, b"200"), (300, 120_000, b"200")]
)
async def test_a_body_in_crumbs_is_refused(url, keys, size, length, status):
    """Each takes as long as a kilobyte, and nobody else is served until all of them are read."""
    request = wire_request(url, keys["seattle"], "select 1" + " " * length)
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(b"".join(chunked(request, size)) + b"0\r\n\r\n")
    assert (await reader.readline()).split()[1] == status
    writer.close()


async def test_crumbs_are_counted_by_the_body(url, keys, monkeypatch):
    monkeypatch.setattr(mcp_wire, "_PIECES", 5)
    head, body = chunked(wire_request(url, keys["seattle"], "select 1"), 200)
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    for _ in range(10):
        writer.write(head + body + b"0\r\n\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.split()[1] == b"200"
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", answer)[1]))
    writer.close()


async def test_lines_behind_a_body_are_refused(url, keys):
    request = b"".join(chunked(wire_request(url, keys["seattle"], "select 1"), 64))
    for behind, status in ((b"", b"200"), (b"x: y\r\n", b"400")):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(request + b"0\r\n" + behind + b"\r\n")
        assert (await reader.readline()).split()[1] == status
        writer.close()


async def test_a_body_of_two_lengths_is_refused(url, keys):
    """A proxy that believes the other one would take its end for the next request."""
    request = b"".join(chunked(wire_request(url, keys["seattle"], "select 1"), 64)) + b"0\r\n\r\n"
    for length, status in ((b"", b"200"), (b"Content-Length: 5\r\n", b"400")):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(request.replace(b"\r\n", b"\r\n" + length, 1))
        assert (await reader.readline()).split()[1] == status
        writer.close()


@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_an_answer_leaves_with_its_head_and_a_stream_after_it(method):
    connection = mcp_wire._Connection(h11.SERVER)  # noqa: SLF001
    connection.receive_data(f"{method} /mcp HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert isinstance(connection.next_event(), h11.Request)
    assert isinstance(connection.next_event(), h11.EndOfMessage)
    body = b"{}" if method == "POST" else b""
    assert connection.send(h11.Response(status_code=200, headers=[("content-length", "2")])) == b""
    sent = connection.send(h11.Data(data=body))
    assert sent.startswith(b"HTTP/1.1 200 ")
    assert sent.endswith(b"\r\n\r\n" + body)
    assert connection.send(h11.EndOfMessage()) == b""
    connection.start_next_cycle()
    connection.receive_data(b"POST /mcp HTTP/1.1\r\nHost: x\r\n\r\n")
    connection.next_event()
    connection.next_event()
    assert connection.send(h11.Response(status_code=200, headers=[])).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("more", ["crumbs", "no chunk"])
async def test_who_is_refused_keeps_nobody_busy(url, caplog, more):
    head, crumbs = chunked(wire_request(url, "zava_nobody", "select 1" + " " * 1_000), 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(head)
    assert (await reader.readline()).split()[1] == b"401"
    writer.write(crumbs if more == "crumbs" else b"no chunk\r\n")
    with anyio.fail_after(10):
        await reader.read()  # until the connection is closed
    writer.close()
    assert [one for one in caplog.records if one.name == "asyncio"] == []


async def test_a_body_that_never_ends_is_given_up(url, keys, monkeypatch):
    monkeypatch.setattr(mcp_inbox, "_GIVEN_UP", 0.2)
    async with half_sent(url, keys["seattle"]) as (reader, _):
        with anyio.fail_after(10):
            answer = await reader.read()  # until the connection is closed
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"LIMIT_EXCEEDED" in answer


async def test_a_body_that_comes_letter_by_letter_is_given_up(url, keys, monkeypatch):
    monkeypatch.setattr(mcp_inbox, "_GIVEN_UP", 0.5)
    async with half_sent(url, keys["seattle"], missing=20) as (reader, writer):
        answer = asyncio.create_task(reader.readline())
        for _ in range(15):
            if not answer.done():
                writer.write(b" ")
            await asyncio.wait([answer], timeout=0.1)
        assert answer.done()
        assert (await answer).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("limit", "said"), [({"_WAITING": -3}, "1 requests"), ({"_BYTES": 450}, "MiB of requests")]
)
async def test_requests_that_take_their_time_are_at_the_expense_of_their_tenant_alone(
    url, keys, monkeypatch, caplog, *, limit, said
):
    for name, value in limit.items():
        monkeypatch.setattr(mcp_inbox, name, value)
    async with half_sent(url, keys["seattle"]):
        for _ in range(2):  # one that is refused leaves the others counted
            refused = await post(url, keys["seattle"])
            assert refused.status_code == 429
            assert said in refused.json()["message"]
            assert refused.headers["Retry-After"] == "1"
        told = [one.zava_fields for one in caplog.records if one.msg == "error"]
        assert told == [{"code": "LIMIT_EXCEEDED", "principal": "seattle", "tool": None}] * 2
        assert (await post(url, keys["tacoma"])).status_code == 200
    with anyio.fail_after(10):
        while (await post(url, keys["seattle"])).status_code == 429:
            await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("line", "number", "end"),
    [(b"y" * 1000, 33, b""), (b"y" * 1000, 33, b"\r\n"), (b"", 200, b"\r\n")],
)
async def test_headers_are_limited_whatever_else_is_installed(
    filled, keys, monkeypatch, *, line, number, end
):
    # uvicorn would take this parser where it is there, which has no limit.
    monkeypatch.setitem(sys.modules, "httptools", ModuleType("httptools"))
    monkeypatch.delitem(sys.modules, "uvicorn.protocols.http.auto", raising=False)
    async with served(filled) as url:
        for before in (b"", wire_request(url, keys["seattle"], "select 1")):
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            head = b"POST /mcp HTTP/1.1\r\nHost: x\r\n" + b"x: %s\r\n" % line * number + end
            writer.write(before + head)
            if before:
                assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
                await reader.readuntil(b"}HTTP/1.1 ")
            assert b"400 " in await reader.readline()
            writer.close()


@pytest.mark.parametrize("key", ["zava_wrong", "\u00fc", "a b", "-"])
async def test_a_wrong_key_is_401(url, key):
    answer = await post(url, "", Authorization=f"Bearer {key}".encode("latin-1"))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


async def test_no_key_is_401_whatever_else_a_request_claims(url):
    async with httpx2.AsyncClient(trust_env=False) as http:
        headers = request_headers("", x_rls_user_id="seattle", Mcp_Session_Id="1")
        del headers["Authorization"]
        body = request_body("tools/call", name="query", sql="select 1")
        assert (await http.post(url, content=body, headers=headers)).status_code == 401


async def test_the_key_itself_is_not_kept(filled, keys):
    async with Database.open(settings_for(filled)) as database:
        _, user = await Identities(database).authenticate(bearing(keys["seattle"]))
    token = user.access_token
    assert keys["seattle"] not in repr(token)
    assert (token.client_id, token.subject) == ("seattle", "seattle")


async def test_without_a_verified_key_there_is_no_principal():
    with pytest.raises(AuthorizationError):
        await request_principal()


async def test_over_stdio_a_disabled_principal_is_shut_out_at_once(filled, admin_connection):
    async with Client(stdio_parameters(filled, "spokane")) as client:
        assert not (await client.call_tool("query", {"sql": "select 1"})).is_error
        admin_connection.execute("select zava.disable_principal('spokane')")
        try:
            result = await client.call_tool("query", {"sql": "select 1"})
        finally:
            admin_connection.execute("select zava.enable_principal('spokane')")
        assert result.is_error
        assert text_of(result).startswith("AUTHORIZATION_ERROR: ")
        assert not (await client.call_tool("query", {"sql": "select 1"})).is_error


# ---------------------------------------------------------------- HTTP


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:6274"}, 200),
        ({"Host": "[::1]:8000", "Origin": "http://[::1]:6274"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:8000"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 400),
    ],
)
async def test_only_names_of_this_machine_are_answered(url, keys, headers, status):
    assert (await post(url, keys["seattle"], **headers)).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"[]", 400),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}', 400),
        (b" " * (4 * 1024 * 1024 + 1), 413),
    ],
)
async def test_a_bad_body_is_refused(url, keys, body, status):
    assert (await post(url, keys["seattle"], body)).status_code == status


@pytest.mark.parametrize("era", ["2026-07-28", "2025-11-25"])
async def test_the_type_of_a_body_is_the_same_in_any_case(url, keys, era):
    body = request_body("tools/call", name="query", era=era, sql="select 1")
    headers = {"Content-Type": "Application/JSON; charset=UTF-8", "MCP_Protocol_Version": era}
    assert (await post(url, keys["seattle"], body, **headers)).status_code == 200


@pytest.mark.parametrize("era", ["2026-07-28", "2025-11-25"])
async def test_a_request_with_an_odd_id_is_refused(url, keys, era):
    """It was taken for a notification in the older era, which has no answer."""
    body = json.loads(request_body("tools/call", name="query", era=era, sql="select 1"))
    body["params"]["_meta"]["of.ours"] = {"id": 1.5}
    for odd in (1.5, 1.0, True, [1], {"a": 1}):
        answer = await post(
            url, keys["seattle"], json.dumps(body | {"id": odd}), MCP_Protocol_Version=era
        )
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == types.INVALID_REQUEST
    for id_ in (1, -5, "", "1.5", 2**70):
        answer = await post(
            url, keys["seattle"], json.dumps(body | {"id": id_}), MCP_Protocol_Version=era
        )
        assert (answer.status_code, answer.json()["id"]) == (200, id_)


@pytest.mark.parametrize("era", ["2026-07-28", "2025-03-26"])
async def test_what_is_no_message_is_refused_in_a_word(url, keys, era):
    """The older era told of every way in which it is none, for each kind of message."""
    ping = {"jsonrpc": "2.0", "id": 7, "method": "ping"}
    for body, asked in (
        ([ping, ping], None),
        ({}, None),
        (ping | {"jsonrpc": "1.0"}, 7),
        ({"jsonrpc": "2.0", "id": 7}, 7),
    ):
        answer = await post(url, keys["seattle"], json.dumps(body), MCP_Protocol_Version=era)
        assert answer.status_code == 400
        assert answer.json() == {
            "jsonrpc": "2.0",
            "id": asked,
            "error": {"code": -32600, "message": "this is not one request or notification"},
        }


async def test_a_wrong_parameter_of_a_request_is_named(url, keys):
    """Arguments as a text of JSON, say, which some models write."""
    for era, status in (("2026-07-28", 400), ("2025-11-25", 200)):
        body = json.loads(request_body("tools/call", name="query", era=era, sql="select 1"))
        body["params"]["arguments"] = '{"sql": "select 1"}'
        answer = await post(url, keys["seattle"], json.dumps(body), MCP_Protocol_Version=era)
        assert answer.status_code == status
        assert answer.json()["error"] == {
            "code": types.INVALID_PARAMS,
            "message": "invalid parameters: params.arguments: Input should be a valid dictionary",
        }


async def test_two_versions_are_none(url, keys):
    """A gateway that goes by the last would believe headers that the first has nobody compare."""
    request = wire_request(url, keys["seattle"], "select 1", era="2025-11-25")
    for more, status in ((b"", b"200"), (b"MCP-Protocol-Version: 2026-07-28\r\n", b"400")):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(request.replace(b"\r\n\r\n", b"\r\n" + more + b"\r\n", 1))
        assert (await reader.readline()).split()[1] == status
        writer.close()


async def test_a_large_query_is_refused_by_the_guard_not_by_the_transport(url, keys):
    body = request_body("tools/call", name="query", sql="select " + "1+" * 500_000 + "1")
    answer = await post(url, keys["seattle"], body)
    assert answer.status_code == 200
    assert answer.json()["result"]["content"][0]["text"].startswith("QUERY_REFUSED: ")


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
async def test_only_post_is_served(url, keys, method):
    headers = request_headers(keys["seattle"], MCP_Protocol_Version="2025-11-25")
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
        answer = await http.request(method, url, headers=headers)
        stranger = await http.request(method, url, headers=headers | {"Authorization": "Bearer x"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "access-control-allow-origin" not in answer.headers
    # Where POST was refused, clients try this next, and tell of its answer.
    assert stranger.status_code == 401


async def test_no_request_is_redirected_with_its_key(url, keys):
    answer = await post(f"{url}/", keys["seattle"])
    assert answer.status_code == 200
    assert not answer.json()["result"]["isError"]
    answer = await post(f"{url}//", keys["seattle"])
    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_progress_gets_a_stream_or_json_but_the_same_answer(url, keys):
    body = request_body("tools/call", name="query", sql="select 42 as n", progress=True)
    answer = await post(url, keys["seattle"], body)
    assert answer.status_code == 200
    assert '"text":"n:int4\\n42"' in answer.text


@pytest.mark.parametrize("era", ["2026-07-28", "2025-11-25"])
async def test_who_takes_no_stream_goes_without_progress(url, keys, era):
    body = request_body("tools/call", name="query", sql="select 42 as n", progress=True, era=era)
    answer = await post(
        url, keys["seattle"], body, Accept="application/json", MCP_Protocol_Version=era
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["result"]["content"][0]["text"] == "n:int4\n42"


@pytest.mark.parametrize(
    "lines",
    [(), ("application/json", "text/event-stream"), ("text/event-stream", "application/json")],
    ids=len,
)
async def test_what_a_client_takes_is_said_in_any_number_of_lines(url, keys, lines):
    request = wire_request(url, keys["seattle"], "select 42 as n", era="2025-11-25", progress=True)
    said = b"Accept: application/json, text/event-stream\r\n"
    assert said in request
    request = request.replace(said, "".join(f"Accept: {one}\r\n" for one in lines).encode())
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(request)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


@asynccontextmanager
async def closed_to_connections(name, server):
    """Take a database away from everybody, and give it back."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'alter database "{name}" allow_connections false')
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
        try:
            yield
        finally:
            connection.execute(f'alter database "{name}" allow_connections true')


async def test_health_and_readiness_tell_a_lost_database_from_a_lost_process(
    database, server, caplog
):
    keys = fill(database.admin_url)
    settings = settings_for(database, connect_timeout=5)
    async with (
        Database.open(settings) as opened,
        serving(opened) as url,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        health, ready = url.replace("/mcp", "/healthz"), url.replace("/mcp", "/readyz")
        assert (await http.get(health)).json() == {"alive": True}
        assert (await http.get(ready)).json() == {"ready": True}
        counted = partial(
            REGISTRY.get_sample_value, "zava_errors_total", {"code": "SERVICE_UNAVAILABLE"}
        )
        before = counted() or 0
        async with closed_to_connections(database.dbname, server):
            assert (await http.get(health)).status_code == 200
            assert (await http.get(ready)).status_code == 503
            refused = await post(url, keys["seattle"])
            assert refused.status_code == 503
            assert refused.json()["code"] == "SERVICE_UNAVAILABLE"
            assert refused.headers["Retry-After"] == "1"
        told = [one.zava_fields["code"] for one in caplog.records if one.msg == "error"]
        assert told == ["SERVICE_UNAVAILABLE"]
        assert counted() == before + 1
        assert (await http.get(ready)).status_code == 200
        assert (await post(url, keys["seattle"])).status_code == 200


@pytest.mark.parametrize("language", ["python", "sh"])
async def test_the_examples_of_the_page_work_as_they_stand(language, url, keys):
    page = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
    (example,) = (
        text
        for text in re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
        if "127.0.0.1:8000/mcp" in text and "serve" not in text
    )
    program = sys.executable if language == "python" else "sh"
    if language == "sh" and shutil.which("curl") is None:
        pytest.skip("no curl")
    process = await asyncio.create_subprocess_exec(
        *(program, "-c", example.replace("http://127.0.0.1:8000/mcp", url)),
        env={**os.environ, "ZAVA_KEY": keys["tacoma"], "NO_PROXY": "127.0.0.1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    assert re.search(r"store_key:text(\n|\\n)tacoma", out.decode()), out.decode()
    if language == "python":
        assert "product_id:uuid" in out.decode()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "db.example", ""])  # noqa: S104
async def test_it_listens_on_loopback_only(filled, host):
    async with Database.open(settings_for(filled)) as database:
        with pytest.raises(ConfigurationError) as caught:
            await serve_http(Agent(database), host, 0)
    assert "reverse proxy" in caught.value.hint


async def test_a_port_in_use_is_said_so(filled):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with Database.open(settings_for(filled)) as database:
            with pytest.raises(ServiceUnavailable) as caught:
                await serve_http(Agent(database), "127.0.0.1", taken.getsockname()[1])
    assert caught.value.message.endswith(": address already in use")
    assert "--port" in caught.value.hint


def test_an_address_of_another_machine_is_no_port_in_use(filled):
    settings = settings_for(filled).model_copy(update={"allowed_hosts": ["db.example"]})
    with pytest.raises(ServiceUnavailable) as caught:
        listen(settings, "192.0.2.1", 8000)
    assert caught.value.hint == "Choose an address of this machine with --host."


def test_a_port_that_only_root_may_have_is_no_port_in_use(filled):
    first = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if not first.exists() or int(first.read_text(encoding="ascii")) <= 80:
        pytest.skip("anybody may listen on port 80 here")
    account = os.geteuid()
    os.seteuid(account or 65534)
    try:
        with pytest.raises(ServiceUnavailable) as caught:
            listen(settings_for(filled), "127.0.0.1", 80)
    finally:
        os.seteuid(account)
    assert caught.value.hint == "This account may not have it: choose one from 1024 on with --port."


def test_no_answer_waits_for_an_acknowledgement(filled):
    with (
        listen(settings_for(filled), "127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.long
async def test_a_connection_waits_longer_for_its_next_request_than_clients_do(url, keys):
    """They send on one that has rested for 5 seconds, proxies on one that has for 60."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(wire_request(url, keys["seattle"], "select 1"))
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(6):
            await reader.read()  # until it is closed
    writer.close()


class _BrokenAgent(Agent):
    async def query(self, *_, **__):
        raise RuntimeError("row of another tenant")


async def test_an_unexpected_error_tells_a_reference_and_nothing_else(filled, keys, caplog):
    async with (
        Database.open(settings_for(filled)) as database,
        serving(database, _BrokenAgent(database)) as url,
        client_of(url, keys["seattle"]) as client,
    ):
        result = await client.call_tool("query", {"sql": "select 'secret literal'"})
    assert result.is_error
    assert text_of(result).startswith("INTERNAL_ERROR: ")
    reference = text_of(result).split()[-1]
    (record,) = [r for r in caplog.records if r.name == "zava_sql.mcp_tools"]
    assert reference in record.getMessage()
    assert "RuntimeError" in record.getMessage()
    assert "another tenant" not in caplog.text + text_of(result)
    assert "secret literal" not in caplog.text + text_of(result)


@pytest.mark.parametrize("era", ERAS)
async def test_so_it_is_whatever_a_client_asks_for(url, keys, admin_connection, caplog, era):
    role = "update zava.principals set role_name = %s where name = 'kirkland'"
    async with client_of(url, keys["kirkland"], era) as client:
        admin_connection.execute(role, ["zava_store_gone"])
        try:
            for ask in (client.list_tools, client.list_prompts):
                with pytest.raises(MCPError) as caught:
                    await ask()
                message = caught.value.error.message
                assert message.startswith("INTERNAL_ERROR: the server failed")
                assert message.split()[-1] in caplog.text
                assert "zava_store_gone" not in caplog.text + message
            with pytest.raises(MCPError, match="cannot take the role of this identity"):
                await client.list_resources()
            assert "zava_store_gone" not in caplog.text
        finally:
            admin_connection.execute(role, ["zava_store_kirkland"])


# ---------------------------------------------------------------- cancelled and stopped


async def seen(connection, marker, wanted, seconds=10):
    """Wait until so many queries with this marker run."""
    with anyio.fail_after(seconds):
        while True:
            if connection.execute(RUNNING, [f"%as {marker}%"]).fetchone()[0] == wanted:
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("progress", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("era", ["2026-07-28", "2025-11-25"])
async def test_a_client_that_hangs_up_ends_its_query(url, keys, admin_connection, era, progress):
    marker = f"gone_{era[:4]}_{progress}".lower()
    body = request_body("tools/call", name="query", era=era, progress=progress, sql=SLOW + marker)
    call = asyncio.create_task(post(url, keys["seattle"], body, MCP_Protocol_Version=era))
    await seen(admin_connection, marker, 1)
    call.cancel()
    await seen(admin_connection, marker, 0, seconds=3)


async def test_it_may_hang_up_long_after_its_request_was_there(
    url, keys, admin_connection, monkeypatch
):
    monkeypatch.setattr(mcp_inbox, "_GIVEN_UP", 0.3)
    body = request_body("tools/call", name="query", sql=SLOW + "gone_late")
    call = asyncio.create_task(post(url, keys["seattle"], body))
    await seen(admin_connection, "gone_late", 1)
    await asyncio.sleep(0.4)
    call.cancel()
    await seen(admin_connection, "gone_late", 0, seconds=3)


# Not in the older era over HTTP: its notice of cancellation is a request of its own, and without
# sessions nothing but an id that any client may choose tells which call is meant.
@pytest.mark.parametrize("way", [("http", "auto"), *product(["stdio"], ERAS)], ids="-".join)
async def test_a_call_that_its_client_gives_up_ends_its_query(way, url, shops, admin_connection):
    marker = "cancelled_" + "_".join(way)
    async with seattle(*way, shops[0], url, shops[1]) as client:
        async with asyncio.TaskGroup() as group:
            call = group.create_task(client.call_tool("query", {"sql": SLOW + marker}))
            await seen(admin_connection, marker, 1)
            call.cancel()
        await seen(admin_connection, marker, 0, seconds=3)
        assert not (await client.call_tool("query", {"sql": "select 1"})).is_error


async def test_a_signal_lets_running_queries_end(filled, keys, admin_connection):
    process = start(filled, "--transport", "http", "--port", "0")
    try:
        url = process.stderr.readline().decode().split()[-1]
        sql = SLOW + "draining where a.total_amount <= 2"
        body = request_body("tools/call", name="query", sql=sql)
        async with client_of(url, keys["bellevue"], "legacy") as idle, asyncio.TaskGroup() as group:
            await idle.list_tools()
            call = group.create_task(post(url, keys["seattle"], body))
            await seen(admin_connection, "draining", 1)
            process.send_signal(signal.SIGTERM)
        assert f"count:int8\\n{2 * 201**3}" in call.result().text
        assert await anyio.to_thread.run_sync(process.wait, 10) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.long
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_signal_just_when_it_says_that_it_serves_ends_it_in_good_order(filled, workers):
    process = start(filled, "--transport", "http", "--port", "0", "--workers", workers)
    try:
        assert (await anyio.to_thread.run_sync(process.stderr.readline)).startswith(b"serving ")
        process.send_signal(signal.SIGTERM)
        assert await anyio.to_thread.run_sync(process.wait, 10) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()


@pytest.mark.long
async def test_a_second_signal_does_not_wait_for_them(filled, keys, admin_connection):
    process = start(filled, "--transport", "http", "--port", "0")
    try:
        url = process.stderr.readline().decode().split()[-1]
        body = request_body("tools/call", name="query", sql=SLOW + "hurried")
        call = asyncio.create_task(post(url, keys["seattle"], body))
        await seen(admin_connection, "hurried", 1)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert await anyio.to_thread.run_sync(process.wait, 5) == 0
        await seen(admin_connection, "hurried", 0, seconds=3)
        assert (await call).status_code == 503
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_over_stdio_a_signal_ends_the_server_in_good_order(filled, number):
    process = start(filled, "--transport", "stdio", "--principal", "seattle")
    try:
        request = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        }
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        assert b'"serverInfo"' in await anyio.to_thread.run_sync(process.stdout.readline)
        process.send_signal(number)
        assert await anyio.to_thread.run_sync(process.wait, 10) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()


@pytest.mark.long
async def test_over_stdio_the_server_ends_with_its_input(filled):
    process = start(filled, "--transport", "stdio", "--principal", "seattle")
    out, err = await anyio.to_thread.run_sync(lambda: process.communicate(b"not json\n", 60))
    assert (process.returncode, err) == (0, b"")
    assert b"not json" not in out


@pytest.mark.long
async def test_over_stdio_half_an_emoji_is_refused_and_a_whole_one_is_not(filled):
    """Clients in JavaScript write a half where a text was cut."""
    process = start(filled, "--transport", "stdio", "--principal", "seattle")
    try:
        for text, answer in (
            (r"\ud83d", b"half of a surrogate pair"),
            (r"\ud83d\uD83D\uDE00", b"half of a surrogate pair"),
            (r"\uDE00\uD83D", b"half of a surrogate pair"),
            (r"\uD83D\uDE00", "e:text\\n\U0001f600".encode()),
            (r"\\ud83d", rb"e:text\n\\ud83d"),
        ):
            body = request_body("tools/call", name="query", sql="select '?' as e")
            process.stdin.write(body.replace(b"?", text.encode()) + b"\n")
            process.stdin.flush()
            with anyio.fail_after(60):
                told = await anyio.to_thread.run_sync(
                    process.stdout.readline, abandon_on_cancel=True
                )
            assert answer in told
    finally:
        process.kill()
        process.communicate()


@pytest.mark.long
async def test_over_stdio_what_is_no_message_is_answered(filled):
    process = start(filled, "--transport", "stdio", "--principal", "seattle")
    ping = {"jsonrpc": "2.0", "id": 7, "method": "ping"}
    try:
        for line, asked, code in (
            ("no JSON", None, types.PARSE_ERROR),
            ("[" * 100_000, None, types.PARSE_ERROR),
            (json.dumps([ping]), None, types.INVALID_REQUEST),
            (json.dumps(ping | {"params": [1]}), 7, types.INVALID_REQUEST),
            (json.dumps(ping | {"id": "a", "jsonrpc": "1.0"}), "a", types.INVALID_REQUEST),
            (json.dumps(ping | {"id": 1.5}), None, types.INVALID_REQUEST),
            (json.dumps(ping | {"params": {"deep": json.loads("[" * 300 + "]" * 300)}}), 7, -32600),
            # None of these has an answer, but what comes behind them.
            (json.dumps({"jsonrpc": "2.0", "id": None, "method": "notifications/x"}), 0, None),
            (json.dumps({"jsonrpc": "2.0", "id": 9.5, "result": {}}), 0, None),
            (json.dumps({"id": 9, "error": None}), 0, None),
            ("", 0, None),
        ):
            behind = "" if code else "\n" + json.dumps(ping | {"id": 0})
            process.stdin.write(f"{line}{behind}\n".encode())
            process.stdin.flush()
            with anyio.fail_after(60):
                told = await anyio.to_thread.run_sync(
                    process.stdout.readline, abandon_on_cancel=True
                )
            answer = json.loads(told)
            assert (answer["id"], answer.get("error", {}).get("code")) == (asked, code), line
    finally:
        process.kill()
        process.communicate()


def test_over_stdio_what_else_is_printed_is_no_message():
    script = """if True:
        import asyncio, os
        from zava_sql.mcp_stdio import Output

        async def main():
            output = Output(lambda: None)
            print("by a library", flush=True)
            os.write(1, b"by another\\n")
            await output.write("{}\\n")
            output.close()
            os.write(1, b"given back")

        asyncio.run(main())
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"{}\ngiven back"
    assert done.stderr == b"by a library\nby another\n"


@pytest.mark.long
async def test_over_stdio_a_client_that_does_not_read_is_no_error(filled):
    process = start(filled, "--transport", "stdio", "--principal", "seattle")
    process.stdout.close()
    process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    process.stdin.flush()
    assert await anyio.to_thread.run_sync(process.wait, 20) == 0
    assert process.stderr.read() == b""
    process.stdin.close()
    process.stderr.close()


@pytest.mark.long
async def test_over_stdio_a_client_that_stopped_reading_holds_nothing(filled):
    process = start(filled, "--transport", "stdio", "--principal", "seattle")
    try:
        sql = "select repeat('x', 2000) from generate_series(1, 100)"
        process.stdin.write(request_body("tools/call", name="query", sql=sql) + b"\n")
        process.stdin.flush()
        # More than any pipe holds is on its way.
        await until(lambda: waiting_in(process.stdout))
        process.send_signal(signal.SIGTERM)
        assert await anyio.to_thread.run_sync(process.wait, 20) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()


def waiting_in(pipe):
    """Count the bytes that nobody has read."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.long
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
async def test_over_stdio_a_disk_that_is_full_is_told(filled):
    full = os.open("/dev/full", os.O_WRONLY)
    process = start(filled, "--transport", "stdio", "--principal", "seattle", stdout=full)
    os.close(full)
    try:
        process.stdin.write(request_body("tools/call", name="query", sql="select 1") + b"\n")
        process.stdin.flush()
        assert await anyio.to_thread.run_sync(process.wait, 60) == 3
        told = b"error: standard output cannot be written: no space left on device"
        assert process.stderr.read().startswith(told)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("arguments", [[], ["--principal", "tacoma"]])
async def test_over_stdio_the_environment_says_who_asks_unless_the_option_does(filled, arguments):
    parameters = stdio_parameters(filled)
    parameters.args = ["-m", "zava_sql", "serve", *arguments]
    parameters.env["ZAVA_PRINCIPAL"] = "seattle"
    async with Client(parameters) as client:
        text = text_of(await client.call_tool("whoami", {}))
        assert text.splitlines()[1].split(",")[0] == (arguments or ["seattle"])[-1]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_is_told_why_there_is_no_server(filled, mode):
    """It shows its user what the protocol says, and the standard error to nobody."""
    wrong = stdio_parameters(filled)
    wrong.env["ZAVA_MAX_ROWS"] = "many"
    for parameters, why in (
        (stdio_parameters(filled, "nobody"), "AUTHORIZATION_ERROR: unknown principal: 'nobody'"),
        (wrong, "CONFIGURATION_ERROR: ZAVA_MAX_ROWS is not valid"),
    ):
        told = pytest.RaisesExc(MCPError, match=rf"^{why}.*\nhint: ")
        with pytest.RaisesGroup(told, flatten_subgroups=True, allow_unwrapped=True):
            async with Client(parameters, mode=mode):
                pass


async def test_only_requests_are_refused_and_the_rest_is_as_without_a_client(filled):
    requests = [{"id": "a", "method": "initialize"}, {"method": "notifications/x"}, {"id": 3}]
    lines = [*map(json.dumps, requests), "no JSON", json.dumps({"id": 2, "method": "ping"}), "{"]
    process = start(filled, "--transport", "stdio", "--principal", "nobody")
    out, err = await anyio.to_thread.run_sync(process.communicate, "\n".join(lines).encode())
    answers = [json.loads(line) for line in out.splitlines()]
    assert [(one["id"], one["error"]["code"]) for one in answers] == [("a", -32603), (2, -32603)]
    assert b"[AUTHORIZATION_ERROR]" in err
    assert process.returncode == 2


async def test_over_stdio_an_unknown_principal_is_refused_at_start(filled):
    process = start(filled, "--transport", "stdio", "--principal", "nobody")
    out, err = await anyio.to_thread.run_sync(lambda: process.communicate(b"", 60))
    assert process.returncode == 2
    assert out == b""
    assert b"unknown principal" in err


async def test_the_client_configuration_of_the_documents_works(filled):
    page = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (entry,) = json.loads(text)["mcpServers"].values()
    parameters = stdio_parameters(filled)
    assert entry["command"] == "zava-sql"
    parameters.args = ["-m", "zava_sql", *entry["args"]]
    async with Client(parameters) as client:
        for tool in (await client.list_tools()).tools[:2]:
            assert f"| `{tool.name}` |" in page
