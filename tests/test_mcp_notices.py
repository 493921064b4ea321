"""What functions of the database say while they run reaches who called them, and nobody else."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from urllib.parse import urlsplit

import anyio
import httpx2
import psycopg
import pytest
from mcp import MCPError
from mcp_clients import (
    WAYS,
    client_of,
    published,
    request_body,
    request_headers,
    seattle,
    serving,
    settings_for,
    text_of,
)

from zava_sql.database import Database
from zava_sql.notices import hears
from zava_sql.principals import find_principal
from zava_sql.tenant import tenant_session

pytestmark = [pytest.mark.anyio, pytest.mark.once]

LEGACY = "2025-11-25"


@pytest.fixture(scope="module")
def shops(clone):
    with published(clone) as found:
        yield found


@pytest.fixture(scope="module")
async def database(shops):
    async with Database.open(settings_for(shops[0])) as database:
        yield database


@pytest.fixture(scope="module")
async def url(database):
    async with serving(database) as url:
        yield url


def listening(**options):
    """Give a list in which log messages come to stand, and the options of a client for that."""
    heard = []

    async def note(params):
        heard.append((params.level, params.logger, params.data))

    return heard, {"logging_callback": note, **options}


def said(word, *levels):
    return [(level, "database", f"{level} {word}") for level in levels]


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_what_a_function_says_comes_before_its_answer(way, shops, url, keys):
    heard, options = listening(log_level="info")
    async with seattle(*way, shops[0], url, keys, **options) as client:
        result = await client.call_tool("speaks", {"word": "a"})
        assert text_of(result) == "a"
        assert heard == said("a", "info", "notice", "warning")
        heard.clear()
        result = await client.call_tool("query", {"sql": "select api.speaks('b') as word"})
        assert text_of(result) == "word:text\nb"
        assert heard == said("b", "info", "notice", "warning")
        heard.clear()
        assert (await client.call_tool("speaks_and_fails", {})).is_error
        assert heard == [("notice", "database", "so far")]


@pytest.mark.parametrize("transport", ["http", pytest.param("stdio", marks=pytest.mark.long)])
async def test_the_newest_clients_hear_from_the_level_that_they_ask_for(
    transport, shops, url, keys
):
    for level, wanted in {
        "debug": ["info", "notice", "warning"],
        "warning": ["warning"],
        "error": [],
        None: [],
    }.items():
        heard, options = listening(log_level=level)
        async with seattle(transport, "auto", shops[0], url, keys, **options) as client:
            await client.call_tool("speaks", {"word": "a"})
        assert heard == said("a", *wanted)


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
@pytest.mark.long
async def test_older_clients_set_a_level_where_there_is_a_session(shops, url, keys):
    heard, options = listening()
    async with seattle("stdio", "legacy", shops[0], url, keys, **options) as client:
        assert client.server_capabilities.logging is not None
        for level in ("warning", "debug"):
            await client.set_logging_level(level)
            await client.call_tool("speaks", {"word": level})
    assert heard == said("warning", "warning") + said("debug", "info", "notice", "warning")


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
async def test_over_http_they_hear_all_or_are_told_so(url, keys):
    async with client_of(url, keys["seattle"], "legacy") as client:
        await client.set_logging_level("debug")
        await client.set_logging_level("info")
        for level in ("notice", "error"):
            with pytest.raises(MCPError, match="no level is kept"):
                await client.set_logging_level(level)


async def test_a_flood_is_cut(url, keys):
    heard, options = listening(log_level="debug")
    async with client_of(url, keys["seattle"], **options) as client:
        result = await client.call_tool("shouts", {"times": 5_000})
    assert text_of(result) == "5000"
    assert len(heard) == 100
    assert {len(text) for _, _, text in heard} == {1_000}


async def test_a_flood_is_not_even_listened_to(database):
    heard = []

    def hear(severity, text):
        heard.append((severity, text[:2]))
        return len(heard) < 3

    seattle = await find_principal(database, "seattle")
    token = hears.set(hear)
    try:
        async with tenant_session(database, seattle) as connection:
            await connection.fetch("select api.shouts(3)")
            assert not connection._log_listeners  # noqa: SLF001
            await connection.fetch("select api.shouts(3)")
    finally:
        hears.reset(token)
    assert heard == [("NOTICE", "1 "), ("NOTICE", "2 "), ("NOTICE", "3 ")]


async def test_what_the_driver_tells_after_the_end_of_a_call_is_for_nobody(database):
    heard, messages = [], []

    def note(_, message):
        messages.append(message)

    seattle = await find_principal(database, "seattle")
    token = hears.set(lambda _, text: bool(heard.append(text)) or True)
    try:
        async with tenant_session(database, seattle) as connection:
            (listener,) = connection._log_listeners  # noqa: SLF001
            connection.add_log_listener(note)
            await connection.fetch("select api.shouts(1)")
            connection.remove_log_listener(note)
    finally:
        hears.reset(token)
    assert len(heard) == len(messages) == 1
    # As it does where the call is cut off between what comes in and the next turn of the loop.
    listener.cb(connection, messages[0])
    assert len(heard) == 1


async def test_each_hears_its_own_calls_only(url, database, keys):
    async def ask(name, mode):
        heard, options = listening(log_level="debug")
        async with client_of(url, keys[name], mode, **options) as client:
            for number in range(30):
                word = f"{name} {mode} {number}"
                heard.clear()
                assert text_of(await client.call_tool("speaks", {"word": word})) == word
                assert heard == said(word, "info", "notice", "warning")

    async def ask_nothing():
        async with client_of(url, keys["spokane"]) as client:
            for _ in range(30):
                await client.call_tool("speaks", {"word": "not told"})

    async with asyncio.TaskGroup() as group:
        for name in ("seattle", "tacoma", "everett"):
            for mode in ("auto", "legacy"):
                group.create_task(ask(name, mode))
        group.create_task(ask_nothing())
    await asyncio.sleep(0.2)
    idle = database.gateway._open  # noqa: SLF001
    assert idle
    assert not any(connection._log_listeners for connection in idle)  # noqa: SLF001


# ---------------------------------------------------------------- as it goes over the wire


async def exchange(url, key, tool, **options):
    """Make a call of the older era by hand, and give the type and the messages of the answer."""
    given = options.pop("arguments", {})
    progress = options.pop("progress", False)
    body = request_body("tools/call", name=tool, era=LEGACY, progress=progress, **given)
    headers = request_headers(key, MCP_Protocol_Version=LEGACY, Mcp_Name=tool, **options)
    async with httpx2.AsyncClient(timeout=60, trust_env=False) as http:
        answer = await http.post(url, content=body, headers=headers)
    kind = answer.headers["content-type"]
    if kind == "application/json":
        return kind, [answer.json()]
    lines = [line for line in answer.text.splitlines() if line.startswith("data: ")]
    return kind, [json.loads(line.removeprefix("data: ")) for line in lines]


async def test_an_answer_becomes_a_stream_only_where_something_is_said(url, keys):
    kind, (answer,) = await exchange(url, keys["seattle"], "board")
    assert kind == "application/json"
    assert answer["result"]["content"][0]["text"] == "201 orders"
    for progress in (False, True):  # which is a stream from the beginning
        kind, messages = await exchange(
            url, keys["seattle"], "speaks", progress=progress, arguments={"word": "a"}
        )
        assert kind.partition(";")[0] == "text/event-stream"
        methods = [message.get("method") for message in messages]
        assert methods == ["notifications/message"] * 3 + [None]
        assert messages[0]["params"] == {"level": "info", "logger": "database", "data": "info a"}
        assert messages[-1]["id"] == 1
        assert messages[-1]["result"]["content"][0]["text"] == "a"


async def test_a_client_that_takes_no_stream_gets_its_answer(url, keys):
    options = {"Accept": "application/json", "arguments": {"word": "a"}}
    kind, (answer,) = await exchange(url, keys["seattle"], "speaks", **options)
    assert kind == "application/json"
    assert answer["result"]["content"][0]["text"] == "a"


async def asleep(copy, wanted):
    """Wait until the sleeping function runs, or runs no more."""
    with psycopg.connect(copy.admin_url, autocommit=True) as connection, anyio.fail_after(10):
        while True:
            (count,) = connection.execute(
                "select count(*) from pg_stat_activity"
                " where wait_event = 'PgSleep' and datname = current_database()"
            ).fetchone()
            if count == wanted:
                return
            await asyncio.sleep(0.02)


async def test_a_client_that_hangs_up_after_it_was_told_something_ends_its_query(shops, url, keys):
    body = request_body("tools/call", name="speaks_and_sleeps", era=LEGACY, word="a")
    parts = urlsplit(url)
    headers = request_headers(keys["seattle"], MCP_Protocol_Version=LEGACY, Host=parts.netloc)
    headers["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"POST {parts.path} HTTP/1.1\r\n{head}\r\n".encode() + body)
    with anyio.fail_after(10):
        told = await reader.readuntil(b"before a")
    assert b"200 OK" in told
    await asleep(shops[0], 1)
    writer.close()
    await asleep(shops[0], 0)


@pytest.mark.long
async def test_a_server_that_stops_ends_a_stream_that_has_begun(shops, keys, caplog):
    async with Database.open(settings_for(shops[0])) as database:
        async with serving(database) as url:
            # One that was plain JSON until something was said, and one from the beginning.
            ask = partial(exchange, url, keys["seattle"], "speaks_and_sleeps")
            given = {"arguments": {"word": "a"}}
            calls = asyncio.gather(ask(**given), ask(**given, progress=True))
            await asleep(shops[0], 2)
        for kind, messages in await calls:
            assert kind.partition(";")[0] == "text/event-stream"
            said = [one["params"]["data"] for one in messages if "data" in one["params"]]
            assert said == ["before a"]
    await asleep(shops[0], 0)
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []
