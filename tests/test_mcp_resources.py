"""Beside tools: resources, prompts, completions; and serving in several processes, with metrics."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx2
import mcp_types as types
import pytest
from mcp import Client, MCPError
from mcp_clients import (
    ROOT,
    WAYS,
    client_of,
    post,
    request_body,
    seattle,
    start,
    stdio_parameters,
    text_of,
)
from waiting import until

from zava_sql.client_config import Client as Program
from zava_sql.client_config import stdio_config
from zava_sql.settings import Settings
from zava_sql.workers import shared_directory

pytestmark = [pytest.mark.anyio, pytest.mark.once]


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
async def client(request, shops, url, keys):
    async with seattle(*request.param, shops[0], url, keys) as client:
        yield client


def only(result) -> str:
    (contents,) = result.contents
    assert contents.mime_type == "text/plain"
    return contents.text


# ---------------------------------------------------------------- resources


async def test_what_the_caller_may_use_is_listed_as_resources(client):
    resources = {str(r.uri): r for r in (await client.list_resources()).resources}
    assert next(iter(resources)) == "db://schema"
    assert resources["db://table/retail.orders"].description.startswith("Sales and returns")
    assert "db://function/api.whoami" in resources
    assert not any("zava" in uri or "/api._" in uri for uri in resources)
    templates = {
        t.uri_template for t in (await client.list_resource_templates()).resource_templates
    }
    assert templates == {"db://table/{name}", "db://function/{name}"}
    for uri in resources:
        assert only(await client.read_resource(uri))


async def test_a_resource_says_what_the_tool_says(client):
    for uri, arguments in {
        "db://schema": {},
        "db://table/retail.orders": {"name": "retail.orders"},
        "db://table/orders": {"name": "orders"},
        "db://function/api.whoami": {"name": "api.whoami"},
        "db://table/retail%2Estores": {"name": "stores"},
        "db://table/%22retail%22.%22Stores%22": {"name": 'retail."stores"'},
    }.items():
        told = text_of(await client.call_tool("describe_schema", arguments))
        assert only(await client.read_resource(uri)) == told


@pytest.mark.parametrize(
    "uri",
    [
        "db://table/zava.principals",
        "db://table/api.whoami",
        "db://function/retail.orders",
        "db://function/_list_names",
        "db://table/",
        "db://table/%00",
        "db://tables",
        "db://schema/",
        "file:///etc/passwd",
        "test://static-text",
    ],
)
async def test_there_is_no_other_resource(client, uri):
    with pytest.raises(MCPError) as caught:
        await client.read_resource(uri)
    assert caught.value.error.code == types.INVALID_PARAMS
    assert caught.value.error.message == "Resource not found"


async def test_a_long_uri_is_not_taken_apart(client):
    with pytest.raises(MCPError) as caught:
        await client.read_resource("db://table/" + "%6F" * 3_000)
    assert caught.value.error.message == "Resource not found"
    assert caught.value.error.data is None


async def test_resources_follow_the_callers_role(url, keys, admin_connection):
    admin_connection.execute("revoke select on retail.customers from store_manager")
    try:
        async with (
            client_of(url, keys["tacoma"]) as store,
            client_of(url, keys["head-office"]) as all_,
        ):
            uri = "db://table/retail.customers"
            assert uri not in {str(r.uri) for r in (await store.list_resources()).resources}
            assert uri in {str(r.uri) for r in (await all_.list_resources()).resources}
            with pytest.raises(MCPError):
                await store.read_resource(uri)
            assert "Rows you see: " in only(await all_.read_resource(uri))
    finally:
        admin_connection.execute("grant select on retail.customers to store_manager")


async def test_a_resource_counts_the_callers_own_rows(url, keys):
    for name, rows in {"seattle": 201, "tacoma": 203, "head-office": 8 * 200 + 36}.items():
        async with client_of(url, keys[name]) as client:
            text = only(await client.read_resource("db://table/retail.orders"))
            assert f"\nRows you see: {rows}\n" in text
            stores = only(await client.read_resource("db://table/retail.stores"))
            assert ("store_key text (seattle)" in stores) is (name == "seattle")


async def test_the_tool_searches(client):
    found = text_of(await client.call_tool("describe_schema", {"search": "loyalty none"}))
    assert "retail.customers.loyalty_tier text (none|" in found
    nothing = await client.call_tool("describe_schema", {"search": "no-such-thing"})
    assert nothing.is_error
    assert text_of(nothing).startswith("VALIDATION_ERROR: nothing that you may use is found by")


# ---------------------------------------------------------------- prompts and completions


async def test_prompts_are_listed_and_filled_in(client):
    prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
    assert set(prompts) == {"explore_table", "sales_review", "stock_check", "customer_review"}
    for prompt in prompts.values():
        values = {"table": "orders", "period": "May {2025}"}
        given = {argument.name: values[argument.name] for argument in prompt.arguments or []}
        result = await client.get_prompt(prompt.name, given)
        text = result.messages[0].content.text
        assert all(value in text for value in given.values())
        assert not re.search(r"\{(table|period)\}", text)
        # Some clients take one word behind a command for an argument.
        for argument in prompt.arguments or []:
            examples = re.split(", | or ", argument.description.removeprefix("Such as "))
            assert examples
            assert not any(" " in example for example in examples)


async def test_a_prompt_about_a_table_brings_its_description(client):
    result = await client.get_prompt("explore_table", {"table": 'Retail."Orders"'})
    resource = result.messages[1].content.resource
    assert str(resource.uri) == "db://table/retail.orders"
    assert resource.text.startswith("retail.orders: ")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("no_such_prompt", {}),
        ("explore_table", {}),
        ("explore_table", {"table": "zava.principals"}),
        ("explore_table", {"table": "orders", "more": "x"}),
        ("explore_table", {"table": " "}),
        ("explore_table", {"table": "whoami"}),
        ("stock_check", {"period": "2025"}),
        ("sales_review", {"period": " "}),
    ],
)
async def test_a_prompt_that_cannot_be_filled_in_is_refused(client, name, arguments):
    with pytest.raises(MCPError, match=r"unknown|there is no table") as caught:
        await client.get_prompt(name, arguments)
    assert caught.value.error.code == types.INVALID_PARAMS


TABLE = types.ResourceTemplateReference(uri="db://table/{name}")
FUNCTION = types.ResourceTemplateReference(uri="db://function/{name}")
EXPLORE = types.PromptReference(name="explore_table")


async def test_names_are_completed_with_and_without_their_schema(client):
    async def values(ref, name, value):
        result = await client.complete(ref, {"name": name, "value": value})
        assert result.completion.total == len(result.completion.values)
        return result.completion.values

    assert await values(TABLE, "name", "ord") == ["retail.order_items", "retail.orders"]
    assert await values(EXPLORE, "table", 'retail."order_') == ["retail.order_items"]
    assert "retail.stores" in await values(EXPLORE, "table", "")
    assert await values(FUNCTION, "name", "WHO") == ["api.whoami"]
    assert await values(TABLE, "name", "who") == []
    assert await values(TABLE, "name", "princip") == []
    assert await values(types.PromptReference(name="sales_review"), "period", "2") == []


@pytest.mark.parametrize(
    "ref",
    [
        types.PromptReference(name="no_such_prompt"),
        types.ResourceTemplateReference(uri="db://schema"),
        types.ResourceTemplateReference(uri="test://{x}"),
    ],
)
async def test_what_is_not_there_is_not_completed(client, ref):
    with pytest.raises(MCPError) as caught:
        await client.complete(ref, {"name": "name", "value": ""})
    assert caught.value.error.code == types.INVALID_PARAMS


async def test_one_page_holds_all(client):
    for listing in (client.list_resources, client.list_resource_templates, client.list_prompts):
        with pytest.raises(MCPError) as caught:
            await listing(cursor="more")
        assert caught.value.error.code == types.INVALID_PARAMS
        # As a program that knows no null says that it has none.
        assert await listing(cursor="")


async def test_over_stdio_a_principal_that_was_disabled_is_told_nothing(shops, admin_connection):
    async with Client(stdio_parameters(shops[0], "kirkland")) as client:
        assert (await client.list_resources()).resources
        admin_connection.execute("select zava.disable_principal('kirkland')")
        try:
            with pytest.raises(MCPError, match="AUTHORIZATION_ERROR"):
                await client.read_resource("db://schema")
        finally:
            admin_connection.execute("select zava.enable_principal('kirkland')")


# ---------------------------------------------------------------- waiting, counting


@pytest.mark.long
async def test_a_client_that_asks_is_told_that_time_passes(client):
    told = []

    async def progress(done, total, message):
        told.append((done, total, message))

    sql = "select count(*) from generate_series(1, 30000000) as g"
    result = await client.call_tool("query", {"sql": sql}, progress_callback=progress)
    assert text_of(result) == "count:int8\n30000000"
    assert told[0] == (1, None, "running for 1 s")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


async def numbers(url):
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.get(url.replace("/mcp", "/metrics"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    lines = (line for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def test_metrics_count_calls_errors_refusals_and_connections(url, keys):
    before = await numbers(url)
    async with client_of(url, keys["seattle"]) as client:
        await client.call_tool("query", {"sql": "select 1"})
        await client.call_tool("query", {"sql": "select no_such_column"})
        await client.call_tool("query", {"sql": "delete from retail.orders"})
        with pytest.raises(MCPError):
            await client.call_tool("no_such_tool_" * 3, {})
    assert (await post(url, "wrong")).status_code == 401
    after = await numbers(url)

    def grew(name):
        return after.get(name, 0) - before.get(name, 0)

    assert grew('zava_tool_calls_total{tool="query"}') == 3
    assert grew('zava_tool_call_seconds_count{tool="query"}') == 3
    assert grew('zava_errors_total{code="DATABASE_ERROR"}') == 1
    assert grew('zava_errors_total{code="QUERY_REFUSED"}') == 1
    refusals = [n for n in after if n.startswith("zava_guard_verdicts_total") and grew(n) == 1]
    assert len(refusals) == 1
    assert grew('zava_unauthorized_requests_total{status="401"}') == 1
    assert after["zava_tool_calls_in_flight"] == 0
    assert after['zava_pool_connections{pool="gateway",state="idle"}'] >= 1
    # Nothing that a caller wrote becomes a label, and no tenant is named.
    assert not any("no_such" in name or "seattle" in name for name in after)


async def test_calls_in_flight_are_counted_while_they_run(url, keys):
    sql = "select count(*) from generate_series(1, 20000000) as g"
    body = request_body("tools/call", name="query", sql=sql)
    async with asyncio.TaskGroup() as group:
        group.create_task(post(url, keys["seattle"], body))
        with anyio.fail_after(30):
            while True:
                pools = await numbers(url)
                if pools["zava_tool_calls_in_flight"] == 1:
                    break
                await asyncio.sleep(0.01)
        assert pools['zava_pool_connections{pool="gateway",state="busy"}'] >= 1
    assert (await numbers(url))["zava_tool_calls_in_flight"] == 0


# ---------------------------------------------------------------- several processes


STATES = ("idle", "busy")


@pytest.fixture
def workers(shops):
    process = start(shops[0], "--transport", "http", "--port", "0", "--workers", "2")
    yield process
    process.kill()
    process.communicate()


def children_of(process):
    path = f"/proc/{process.pid}/task/{process.pid}/children"
    with open(path, encoding="ascii") as file:  # noqa: PTH123 - not a file of a tree
        return [int(pid) for pid in file.read().split()]


def running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - the same
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until_in_flight(url):
    with anyio.fail_after(15):
        while True:
            if (await numbers(url))["zava_tool_calls_in_flight"] == 1:
                return
            await asyncio.sleep(0.05)


@pytest.mark.long
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="looks into /proc")  # noqa: PTH112
async def test_several_processes_serve_one_port_and_are_replaced(workers, keys):
    line = await anyio.to_thread.run_sync(workers.stderr.readline)
    url = re.fullmatch(rb"serving (\S+) in 2 processes\n", line)[1].decode()
    assert (await post(url, keys["seattle"])).status_code == 200
    await until(lambda: len(children_of(workers)) == 2)
    first, second = children_of(workers)

    # Both count: the sum is there whichever is asked.
    for _ in range(10):
        assert (await post(url, keys["seattle"])).status_code == 200
    assert (await numbers(url))['zava_tool_calls_total{tool="query"}'] == 11
    assert (await numbers(url))["zava_audit_stopped"] == 0

    # Two processes, and two connections that each keeps open.
    with anyio.fail_after(30):
        while True:
            found = await numbers(url)
            states = [found[f'zava_pool_connections{{pool="gateway",state="{s}"}}'] for s in STATES]
            if sum(states) == 4:
                break
            await asyncio.sleep(0.1)

    os.kill(first, signal.SIGKILL)
    await until(lambda: len(children_of(workers)) == 2 and first not in children_of(workers))
    assert second in children_of(workers)
    for _ in range(5):
        assert (await post(url, keys["seattle"])).status_code == 200
    assert (await numbers(url))['zava_tool_calls_total{tool="query"}'] == 16

    workers.send_signal(signal.SIGTERM)
    assert await anyio.to_thread.run_sync(workers.wait, 15) == 0
    (told,) = map(json.loads, workers.stderr)
    assert told["message"] == f"process {first} has ended, another follows: Killed"


@pytest.mark.long
async def test_several_processes_that_end_take_nothing_new(workers, keys):
    line = await anyio.to_thread.run_sync(workers.stderr.readline)
    url = re.fullmatch(rb"serving (\S+) in 2 processes\n", line)[1].decode()
    sql = "select count(*) from generate_series(1, 1000000000)"
    body = request_body("tools/call", name="query", sql=sql)
    asked = asyncio.create_task(post(url, keys["seattle"], body))
    await until_in_flight(url)
    os.killpg(workers.pid, signal.SIGINT)  # as by Ctrl-C, which the others are not to hear
    with anyio.fail_after(5):
        while True:
            try:
                _, connected = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            except ConnectionRefusedError:
                break
            connected.close()
            await asyncio.sleep(0.05)
    assert workers.poll() is None
    assert not asked.done()
    workers.send_signal(signal.SIGTERM)  # who asks twice does not want to wait
    assert (await asked).status_code == 503
    assert await anyio.to_thread.run_sync(workers.wait, 15) == 0


@pytest.mark.long
async def test_several_processes_end_with_their_terminal(shops, keys):
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as under nohup it would not be
    try:
        process = start(shops[0], "--transport", "http", "--port", "0", "--workers", "2")
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        line = await anyio.to_thread.run_sync(process.stderr.readline)
        url = re.fullmatch(rb"serving (\S+) in 2 processes\n", line)[1].decode()
        assert (await post(url, keys["seattle"])).status_code == 200
        process.send_signal(signal.SIGHUP)
        assert await anyio.to_thread.run_sync(process.wait, 15) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="looks into /proc")  # noqa: PTH112
@pytest.mark.long
async def test_no_process_outlives_the_one_that_watches(workers):
    await anyio.to_thread.run_sync(workers.stderr.readline)
    await until(lambda: len(children_of(workers)) == 2)
    children = children_of(workers)
    workers.kill()
    await until(lambda: not any(running(child) for child in children))


WATCHER = """
import os, time
from zava_sql.workers import shared_directory
with shared_directory("zava-test-"):
    # Of the two only the watcher, or its line may be the second.
    if worker := os.fork():
        print(worker, flush=True)
    time.sleep(60)
"""


def test_what_killed_servers_have_left_is_removed_once_nobody_uses_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", WATCHER],
        stdout=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as watcher:
        worker = int(watcher.stdout.readline())
        (left,) = tmp_path.iterdir()
        (left / "counter.db").touch()
        os.utime(left, (0, 0))
        watcher.kill()
        watcher.wait()
        with shared_directory("zava-test-"):
            assert left.exists()  # a process still writes there
        os.kill(worker, signal.SIGKILL)
        watcher.stdout.read()  # ends with it
    new = tmp_path / "zava-test-new"
    new.mkdir()
    with shared_directory("zava-test-") as own:
        assert {path.name for path in tmp_path.iterdir()} == {Path(own).name, new.name}
    assert list(tmp_path.iterdir()) == [new]


def test_processes_share_what_was_loaded_before_they_began():
    """Collecting garbage writes to all of it, and each would have a copy."""
    script = """
import gc, os, signal
from zava_sql.workers import supervise

def work(_):
    print(gc.get_freeze_count() > 0, flush=True)
    os.kill(os.getppid(), signal.SIGTERM)

supervise(1, work, print, print, print)
"""
    said = subprocess.check_output([sys.executable, "-c", script], timeout=30)
    assert said.split()[0] == b"True"


@pytest.mark.parametrize("name", ["SIGHUP", "SIGCHLD"])
def test_what_whoever_began_it_ignores_does_no_harm(tmp_path, name):
    """As under nohup; and without SIGCHLD nobody would hear of a process that has ended."""
    script = f"""
import os, signal
from pathlib import Path
from zava_sql.workers import supervise

signal.signal(signal.{name}, signal.SIG_IGN)
begun = Path("begun")

def work(_):
    print("works", flush=True)
    again = begun.exists()
    begun.touch()
    os.kill(os.getppid(), signal.SIGTERM if again else signal.{name})
    if again:
        signal.pause()

supervise(
    1, work, lambda _: print("buried", flush=True), lambda: print("stop", flush=True), lambda: None
)
"""
    said = subprocess.check_output([sys.executable, "-c", script], cwd=tmp_path, timeout=30)
    assert said.split() == [b"works", b"buried", b"works", b"stop", b"buried"]


@pytest.mark.long
async def test_what_would_fail_in_each_process_fails_once(shops):
    environment = stdio_parameters(shops[0]).env | {"ZAVA_TRUSTED_PROXY": "everybody"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "zava_sql", "serve", "--transport", "http"),
        *("--port", "0", "--workers", "3"),
        env=environment,
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert err.decode().count("ZAVA_TRUSTED_PROXY") == 1


# ---------------------------------------------------------------- configuration of clients


async def printed(shops, client, *options, **environment):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "zava_sql", "serve", "--print-config", client, *options),
        env=stdio_parameters(shops[0]).env | environment,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    return json.loads(out), out.decode()


CLIENTS = {
    "vscode": ("servers", "${input:zava_key}"),
    "claude-desktop": ("mcpServers", "<ZAVA_KEY>"),
    "cursor": ("mcpServers", "${env:ZAVA_KEY}"),
    "inspector": ("mcpServers", "<ZAVA_KEY>"),
}


@pytest.mark.parametrize(
    "client",
    ["inspector", *(pytest.param(c, marks=pytest.mark.long) for c in CLIENTS if c != "inspector")],
)
async def test_the_configuration_of_a_client_over_http(shops, client):
    place, key = CLIENTS[client]
    config, text = await printed(shops, client, "--transport", "http", "--port", "9000")
    entry = config[place]["zava"]
    assert "http://127.0.0.1:9000/mcp" in text
    assert f"Bearer {key}" in (entry.get("headers") or entry["env"]).values()
    assert ("inputs" in config) is (client == "vscode")
    if client == "vscode":
        assert [(i["id"], i["password"]) for i in config["inputs"]] == [("zava_key", True)]
    _, text = await printed(
        shops, client, "--transport", "http", ZAVA_AUTH_RESOURCE="https://db.example/mcp"
    )
    assert "https://db.example/mcp" in text
    assert "--allow-http" not in text


@pytest.mark.parametrize(
    ("host", "url", "more"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000/mcp", []),
        ("0.0.0.0", "http://127.0.0.1:8000/mcp", []),  # noqa: S104
        ("::1", "http://[::1]:8000/mcp", ["--allow-http"]),
        ("::", "http://[::1]:8000/mcp", ["--allow-http"]),
        ("10.0.0.7", "http://10.0.0.7:8000/mcp", ["--allow-http"]),
    ],
)
@pytest.mark.long
async def test_a_configuration_leads_to_where_the_server_is(shops, host, url, more):
    config, _ = await printed(shops, "claude-desktop", "--transport", "http", "--host", host)
    _, name, where, _, _, *rest = config["mcpServers"]["zava"]["args"]
    assert (name, where, rest) == ("mcp-remote", url, more)


def test_a_configuration_does_not_depend_on_where_it_was_printed(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "zava-sql"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "bin")
    entry = stdio_config(Program.CURSOR, "seattle", Settings())["mcpServers"]["zava"]
    assert entry["command"] == str(program)
    assert entry["env"] == {"ZAVA_HOME": str(tmp_path / ".zava")}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.long
async def test_the_configuration_of_a_client_over_stdio_starts_a_server(shops, client):
    secrets = {
        "ZAVA_EMBEDDING_KEY": "sesame",
        "ZAVA_EMBEDDING_URL": "https://me:sesame@embed.example",
    }
    plain = {"ZAVA_FENCE_RESULTS": "true", "ZAVA_MAX_ROWS": "7", "ZAVA_RUNNER": "never"}
    others = {"ZAVA_ADMIN_URL": "postgresql://db.example/zava", "ZAVA_PRINCIPAL": "seattle"}
    config, text = await printed(
        shops, client, "--principal", "tacoma", **secrets, **others, **plain
    )
    entry = config[CLIENTS[client][0]]["zava"]
    environment = stdio_parameters(shops[0]).env
    assert plain.items() <= entry["env"].items()
    assert not others.keys() & entry["env"].keys()
    assert "sesame" not in text
    for name in ("ZAVA_DATABASE_URL", "ZAVA_SERVICE_URL", "ZAVA_CONTEXT_KEY", *secrets):
        assert name in entry["env"]
        assert environment.get(name, "sesame") not in text
    assert os.path.isabs(entry["command"])  # noqa: PTH117 - a text of the client's
    parameters = stdio_parameters(shops[0])
    parameters.command, parameters.args = entry["command"], entry["args"]
    async with Client(parameters) as connected:
        result = await connected.call_tool("query", {"sql": "select store_key from retail.stores"})
        assert text_of(result).splitlines()[1] == "tacoma"
