"""A server over eight small shops, and clients of it: real ones, and requests made by hand."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import mcp_types as types
import psycopg
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr
from starlette.requests import HTTPConnection
from tenants import STORES

from zava_sql.agent import Agent
from zava_sql.database import Database
from zava_sql.mcp_server import serve_http
from zava_sql.principals import hash_key, new_key
from zava_sql.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PRINCIPALS = (*STORES, "head-office")
# Each transport and each era once on every commit, all four where there is time.
WAYS = [
    ("http", "auto"),
    pytest.param(("http", "legacy"), marks=pytest.mark.long),
    pytest.param(("stdio", "auto"), marks=pytest.mark.long),
    ("stdio", "legacy"),
]


def fill(admin_url: str) -> dict[str, str]:
    """Make eight stores of different size, and a key for each principal."""
    keys = {name: new_key() for name in PRINCIPALS}
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for number, store in enumerate(STORES, 1):
            connection.execute(
                "insert into retail.stores (store_key, name, city, tax_rate, opened_on)"
                " values (%s, %s, %s, 0.1, '2020-01-01') on conflict do nothing",
                [store, store.title(), store.title()],
            )
            connection.execute(
                "insert into retail.orders (store_id, order_date, status, total_amount)"
                " select s.store_id, timestamptz '2025-01-01 00:00-08' + g * interval '1 hour',"
                " 'completed', g from retail.stores as s, generate_series(1, %s) as g"
                " where s.store_key = %s",
                [200 + number, store],
            )
        for name in PRINCIPALS:
            known = connection.execute(
                "select from zava.principals as p where p.name = %s", [name]
            ).fetchone()
            if known is None and name in STORES:
                connection.execute(
                    "select zava.create_principal(%s, 'store', array[%s])", [name, name]
                )
            elif known is None:
                connection.execute("select zava.create_principal(%s, 'head')", [name])
            connection.execute("select zava.create_api_key(%s, %s)", [name, hash_key(keys[name])])
    return keys


@contextmanager
def published(clone):
    """Copy the template with shops, keys, and functions that are more than tools."""
    with clone() as copy:
        keys = fill(copy.admin_url)
        with psycopg.connect(copy.admin_url) as connection:
            connection.execute("set local role zava_owner")
            connection.execute((ROOT / "tests" / "published.sql").read_text(encoding="utf-8"))
        yield copy, keys


def settings_for(database, **changes) -> Settings:
    return Settings(
        database_url=SecretStr(database.gateway_url),
        service_url=SecretStr(database.service_url),
        context_key=SecretStr(database.context_key),
        **{"runner": "never", **changes},
    )


@asynccontextmanager
async def serving(database, agent=None):
    """Serve over HTTP in this process, on a free port."""
    announced = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve_http(agent or Agent(database), "127.0.0.1", 0, announced.set_result)
    )
    await asyncio.wait([task, announced], return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            await task
        yield await announced
    finally:
        if not task.done():
            signal.raise_signal(signal.SIGTERM)
        await task


@asynccontextmanager
async def served(copy, **changes):
    """Serve a copy over HTTP, with settings of its own."""
    async with Database.open(settings_for(copy, **changes)) as database, serving(database) as url:
        yield url


def bearing(key):
    """Give a request by its headers alone."""
    header = (b"authorization", f"Bearer {key}".encode())
    return HTTPConnection({"type": "http", "headers": [header]})


@asynccontextmanager
async def client_of(url, key, mode="auto", **options):
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, **options) as client,
    ):
        yield client


def stdio_parameters(database, principal="seattle"):
    settings = {
        "ZAVA_DATABASE_URL": database.gateway_url,
        "ZAVA_SERVICE_URL": database.service_url,
        "ZAVA_CONTEXT_KEY": database.context_key,
        "ZAVA_LOG_LEVEL": "warning",
        "ZAVA_RUNNER": "never",
    }
    arguments = ["-m", "zava_sql", "serve", "--transport", "stdio", "--principal", principal]
    return StdioServerParameters(
        command=sys.executable, args=arguments, env={**os.environ, **settings}, cwd=ROOT
    )


@asynccontextmanager
async def seattle(transport, mode, database, url, keys, **options):
    """Connect as the store of Seattle, whichever way."""
    if transport == "http":
        async with client_of(url, keys["seattle"], mode, **options) as client:
            yield client
    else:
        async with Client(stdio_parameters(database), mode=mode, **options) as client:
            yield client


async def post(url, key, body=None, **headers):
    """Send one tools/call of the newest era by hand."""
    body = body if body is not None else request_body("tools/call", name="query", sql="select 1")
    async with httpx2.AsyncClient(timeout=60, trust_env=False, verify=False) as http:
        return await http.post(url, content=body, headers=request_headers(key, **headers))


def request_headers(key, **headers):
    return {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "query",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }


def request_body(method, *, name=None, progress=False, era="2026-07-28", **arguments):
    meta = {"progressToken": 1} if progress else {}
    if era == "2026-07-28":
        meta |= {
            "io.modelcontextprotocol/protocolVersion": era,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    call = {} if name is None else {"name": name, "arguments": arguments}
    params = {**call, "_meta": meta}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def text_of(result) -> str:
    assert [type(part) for part in result.content] == [types.TextContent]
    return result.content[0].text


def start(database, *options, stdout=subprocess.PIPE, **settings):
    """Start the server as a process of its own."""
    parameters = stdio_parameters(database)
    given = {f"ZAVA_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "zava_sql", "serve", *options],
        env={**parameters.env, **given},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        process_group=0,
    )


def wire_request(url, key, sql, *, era="2026-07-28", progress=False) -> bytes:
    """Write down a call of `query` as it goes over the wire."""
    body = request_body("tools/call", name="query", era=era, progress=progress, sql=sql)
    parts = urlsplit(url)
    headers = request_headers(key, MCP_Protocol_Version=era, Host=parts.netloc)
    headers["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {parts.path} HTTP/1.1\r\n{head}\r\n".encode() + body


def is_whole(data: bytes) -> bool:
    """Say whether this is an answer to its end."""
    head, end, body = data.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length: ")
    if length:
        return bool(end) and len(body) >= int(length.split(b"\r\n")[0])
    return body.endswith(b"0\r\n\r\n")
