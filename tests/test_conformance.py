"""The public test-suite of the protocol and the reference client, run against this server."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import npmtools
import psycopg
import pytest
import uvicorn
from mcp_clients import ROOT, fill, settings_for, stdio_parameters

from zava_sql.agent import Agent
from zava_sql.auth import request_principal
from zava_sql.database import Database
from zava_sql.mcp_endpoint import Endpoint
from zava_sql.mcp_http import application
from zava_sql.mcp_tools import create_server

pytestmark = [pytest.mark.anyio, pytest.mark.once]

# Scenarios that need something of a fixed name, which a function can be.
WITH_FIXTURES = {
    "completion-complete",
    "http-custom-header-server-validation",
    "json-schema-2020-12",
    "prompts-get-embedded-resource",
    "prompts-get-simple",
    "prompts-get-with-args",
    "prompts-get-with-image",
    "resources-read-binary",
    "resources-read-text",
    "resources-templates-read",
    "tools-call-audio",
    "tools-call-embedded-resource",
    "tools-call-error",
    "tools-call-image",
    "tools-call-mixed-content",
    "tools-call-simple-text",
    "tools-call-with-logging",
    "tools-call-with-progress",
}
FUNCTIONS = (ROOT / "tests" / "conformance.sql").read_text(encoding="utf-8")

ASKS = "the server never asks its client for anything"
STATELESS = "nothing is kept between requests, so nobody can subscribe to a resource"
NOT_HERE = {
    "resources-subscribe": STATELESS,
    "resources-unsubscribe": STATELESS,
    "server-stateless": "passes but for one part, which needs a tool that asks more of its client",
    "tools-call-sampling": ASKS,
    "tools-call-elicitation": ASKS,
    "elicitation-sep1034-defaults": ASKS,
    "elicitation-sep1330-enums": ASKS,
    "input-required-result-basic-elicitation": ASKS,
    "input-required-result-basic-list-roots": ASKS,
    "input-required-result-basic-sampling": ASKS,
    "input-required-result-capability-check": ASKS,
    "input-required-result-multi-round": ASKS,
    "input-required-result-multiple-input-requests": ASKS,
    "input-required-result-non-tool-request": ASKS,
    "input-required-result-request-state": ASKS,
    "input-required-result-result-type": ASKS,
    "input-required-result-tampered-state": ASKS,
}


@pytest.fixture(scope="module")
def modules():
    return npmtools.tools()


@asynccontextmanager
async def open_to_all(database, key):
    """Serve clients that cannot send a key: every request gets this one."""
    agent = Agent(database)
    endpoint = Endpoint(create_server(agent, request_principal), database.settings)
    inner = application(agent, endpoint)

    async def with_key(scope, receive, send):
        headers = [*scope["headers"], (b"authorization", f"Bearer {key}".encode())]
        await inner({**scope, "headers": headers}, receive, send)

    config = uvicorn.Config(with_key, lifespan="off", log_config=None, ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with endpoint.run():
            task = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
            finally:
                server.should_exit = True
                await task


async def run(*command, **options):
    """Run a program beside the server, which lives in this process."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 300)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, out.decode(), err.decode()


async def conformance(modules, url, directory, *options):
    """Run scenarios, and give the names of all and of those in which a check failed."""
    program = modules / "@modelcontextprotocol/conformance/dist/index.js"
    arguments = ["server", "--url", url, "--timeout", "15000", "-o", directory, *options]
    _, out, err = await run(npmtools.node(), program, *arguments, cwd=directory)
    all_, failed = set(), set()
    for file in directory.rglob("checks.json"):
        name = re.fullmatch(r"server-(.+?)-\d{4}-\d\d-\d\dT.*", file.parent.name)[1]
        all_.add(name)
        if any(c["status"] == "FAILURE" for c in json.loads(file.read_text(encoding="utf-8"))):
            failed.add(name)
    assert len(all_) > 25, out + err
    return all_, failed


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
@pytest.mark.long
async def test_the_shipped_server_passes_what_applies_to_it(modules, shops, tmp_path, revision):
    database, keys = shops
    async with (
        Database.open(settings_for(database)) as opened,
        open_to_all(opened, keys["seattle"]) as url,
    ):
        all_, failed = await conformance(modules, url, tmp_path, "--requirements", revision)
    assert failed == {n for n in all_ if n in WITH_FIXTURES or n in NOT_HERE or tasks(n)}


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
@pytest.mark.long
async def test_with_the_functions_that_it_asks_for_it_passes_more(
    modules, clone, tmp_path, revision
):
    with clone() as database:
        keys = fill(database.admin_url)
        with psycopg.connect(database.admin_url) as connection:
            connection.execute(FUNCTIONS)
        async with (
            Database.open(settings_for(database)) as opened,
            open_to_all(opened, keys["seattle"]) as url,
        ):
            all_, failed = await conformance(modules, url, tmp_path, "--requirements", revision)
    assert failed == {name for name in all_ if name in NOT_HERE or tasks(name)}


def test_what_does_not_apply_is_documented_with_its_reason():
    page = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
    for name, reason in NOT_HERE.items():
        (row,) = [line for line in page.splitlines() if f"`{name}`" in line]
        assert f"| {reason} |" in row


def tasks(name):
    """Say whether this is of an extension: its scenarios are not part of either revision."""
    return name.startswith("tasks-") and name != "tasks-status-notifications"


# ---------------------------------------------------------------- the reference client


async def inspect(modules, *arguments, **options):
    program = modules / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
    code, out, err = await run(npmtools.node(), program, "--cli", *arguments, **options)
    assert code == 0, out + err
    return json.loads(out)


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("transport", ["http", "stdio"])
@pytest.mark.long
async def test_the_inspector_lists_and_calls(modules, shops, url, transport, era):
    database, keys = shops
    options = {}
    if transport == "http":
        key = f"Authorization: Bearer {keys['tacoma']}"
        target = [url, "--transport", "http", "--header", key]
    else:
        parameters = stdio_parameters(database, "tacoma")
        given = [f"{k}={v}" for k, v in parameters.env.items() if k.startswith("ZAVA_")]
        target = [word for pair in given for word in ("-e", pair)]
        target += [parameters.command, *parameters.args]
        options = {"cwd": ROOT}
    target += ["--protocol-era", era]

    listed = await inspect(modules, *target, "--method", "tools/list", "--strict", **options)
    assert {"query", "describe_schema", "whoami"} <= {tool["name"] for tool in listed["tools"]}
    sql = "sql=select store_key from retail.stores"
    call = ["--method", "tools/call", "--tool-name", "query", "--tool-arg", sql]
    answer = await inspect(modules, *target, *call, **options)
    assert answer["content"][0]["text"] == "store_key:text\ntacoma"
    resource = ["--method", "resources/read", "--uri", "db://table/retail.orders"]
    read = await inspect(modules, *target, *resource, **options)
    assert read["contents"][0]["text"].startswith("retail.orders: ")


@pytest.mark.parametrize("transport", ["http", "stdio"])
@pytest.mark.long
async def test_the_inspector_reads_the_configuration_that_is_printed(
    modules, shops, url, transport, tmp_path
):
    database, keys = shops
    environment = stdio_parameters(database).env
    where = (
        ["--port", str(urlsplit(url).port)] if transport == "http" else ["--principal", "tacoma"]
    )
    command = [sys.executable, "-m", "zava_sql", "serve", "--transport", transport, *where]
    code, out, err = await run(*command, "--print-config", "inspector", env=environment, cwd=ROOT)
    assert code == 0, err
    # What the user is told to fill in.
    for name, value in {"ZAVA_KEY": keys["tacoma"], **environment}.items():
        out = out.replace(f"<{name}>", value)
    assert "<" not in out
    file = tmp_path / "mcp.json"
    file.write_text(out, encoding="utf-8")
    target = ["--config", file, "--server", "zava", "--method", "tools/call"]
    answer = await inspect(modules, *target, "--tool-name", "whoami", cwd=ROOT)
    assert "tacoma" in json.dumps(answer)
