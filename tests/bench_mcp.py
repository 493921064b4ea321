"""What the MCP server costs: ratios against the SDK's own echo and against plain asyncpg, one run.

    scripts/bench mcp [--rounds 40]

* latency: one request at a time over a kept connection, `SELECT 1` by key and by JWT, with guard
  and tenancy, against echo tools of the bare SDK: its low-level server in JSON mode, the least that
  it can do, and `MCPServer` as its documents show it. Both eras, the variants in turn.
* identity: finding the principal of a key, and of a JWT.
* rows: a query of 10,000 rows by 8 columns and its text, against asyncpg's fetch and orjson.
* disconnect: how long a query is still in pg_stat_activity after its client hung up, or gave up.
* size: the text of 100 rows by 8 columns against compact JSON objects, in bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import jwt
import mcp_clients
import mcp_types as types
import orjson
import uvicorn
import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa
from mcp import Client
from mcp.server import MCPServer, Server
from rich.console import Console
from rounds import Rounds
from starlette.requests import HTTPConnection
from throwaway import thrown_away

from zava_sql.agent import Agent
from zava_sql.answer import Form, answer
from zava_sql.auth import Identities
from zava_sql.database import Database
from zava_sql.principals import find_principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from zava_sql.settings import Settings

ISSUER = "https://issuer.example"
RESOURCE = "https://db.example/mcp"
ERAS = ("2026-07-28", "2025-11-25")
BLOCK = 50

ROWS = """
select
    o.order_id, o.customer_id, o.order_date, o.status, o.payment_method, o.total_amount,
    o.tax_amount, extract(hour from o.order_date)::integer as hour
from retail.orders as o
where {where}
limit {limit}"""


# ---------------------------------------------------------------- latency


def echo_server(kind: str) -> None:
    """Serve the SDK's echo on a free port, and print the port."""
    security = {"stateless_http": True, "json_response": True}
    if kind == "low-level":

        async def call(_: object, params: types.CallToolRequestParams) -> types.CallToolResult:
            text = (params.arguments or {})["sql"]
            return types.CallToolResult(content=[types.TextContent(text=text)])

        async def list_(_: object, __: object) -> types.ListToolsResult:
            schema = {"type": "object", "properties": {"sql": {"type": "string"}}}
            return types.ListToolsResult(tools=[types.Tool(name="query", input_schema=schema)])

        app = Server("echo", on_call_tool=call, on_list_tools=list_).streamable_http_app(**security)
    else:
        server = MCPServer("echo", log_level="ERROR")

        @server.tool()
        def query(sql: str) -> str:
            """Give back the text."""
            return sql

        app = server.streamable_http_app(stateless_http=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, log_config=None, access_log=False, ws="none")
        uvloop.run(uvicorn.Server(config).serve(sockets=[listener]))


class Caller:
    """Sends the same request again and again over one connection, and reads each answer whole."""

    def __init__(self, url: str, key: str, era: str) -> None:
        self.url = urlsplit(url)
        self.request = mcp_clients.wire_request(url, key, "select 1", era=era)

    @contextlib.contextmanager
    def connected(self) -> Iterator[Callable[[], bytes]]:
        """Connect, and see that the answer is one; servers close what is idle between blocks."""
        address = (self.url.hostname, self.url.port)
        with socket.create_connection(address, timeout=30) as self.socket:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answer = self.ask()
            assert b" 200 " in answer.partition(b"\r\n")[0], answer
            assert b'"content"' in answer, answer
            yield self.ask

    def ask(self) -> bytes:
        """Ask once."""
        self.socket.sendall(self.request)
        data = b""
        while not mcp_clients.is_whole(data):
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError(data)
            data += part
        return data


@contextlib.contextmanager
def process(*arguments: str, environment: dict[str, str]) -> Iterator[str]:
    """Start a server and give where it listens, the last word of its first line.

    What it says goes to a file: a thread that read it would take turns with the caller's.
    """
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            [sys.executable, *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=mcp_clients.ROOT,
        ) as started,
    ):
        try:
            while b"\n" not in (said := os.pread(log.fileno(), 4096, 0)):
                assert started.poll() is None, said
                time.sleep(0.01)
            line = said.partition(b"\n")[0].decode()
            assert "http://" in line, line
            yield line.split()[-1]
        finally:
            started.terminate()


def latency(settings: Settings, keys: dict[str, str], rounds: int, signer: Signer) -> None:
    """Compare `SELECT 1` with echoes."""
    environment = {**os.environ, "ZAVA_HOME": str(settings.home), **signer.environment}
    serve = ("-m", "zava_sql", "serve", "--transport", "http", "--port", "0")
    with (
        process(__file__, "--echo", "low-level", environment=environment) as low,
        process(__file__, "--echo", "MCPServer", environment=environment) as high,
        process(*serve, environment=environment) as ours,
    ):
        for era in ERAS:
            callers = {
                "low-level echo": Caller(low, "-", era),
                "MCPServer echo": Caller(high, "-", era),
                "select 1, key": Caller(ours, keys["seattle"], era),
                "select 1, JWT": Caller(ours, signer.token(), era),
            }
            times = Rounds()
            for _ in range(rounds):
                for name, caller in callers.items():
                    with caller.connected() as ask:
                        times.call(name, ask, BLOCK)
            times.show(f"SELECT 1 over HTTP, {era}", "low-level echo", "MCPServer echo")
        uvloop.run(disconnect(settings, keys, ours, max(1, rounds // 8)))


# ---------------------------------------------------------------- disconnect

SLOW = (
    "select count(*) from retail.orders as a, retail.orders as b, retail.orders as c,"
    " retail.orders as hung_up"
)


async def disconnect(settings: Settings, keys: dict[str, str], url: str, rounds: int) -> None:
    """Hang up, or give up, in each transport and era."""
    assert settings.admin_url is not None
    admin = await asyncpg.connect(settings.admin_url.get_secret_value())
    names = ("database_url", "service_url", "context_key")
    secrets = (getattr(settings, name).get_secret_value() for name in names)
    there = dict(zip(("gateway_url", "service_url", "context_key"), secrets, strict=True))
    times = Rounds()

    async def gone(name: str, leave: Callable[[], object]) -> None:
        """Wait until the query runs, leave, and time until it does not."""

        async def count(wanted: int) -> None:
            while wanted != await admin.fetchval(  # noqa: ASYNC110 - nothing tells it
                "select count(*) from pg_stat_activity where state = 'active'"
                " and usename = 'zava_gateway' and query like '%as hung_up%'"
            ):
                await asyncio.sleep(0.001)

        await count(1)
        start = time.perf_counter()
        leave()
        await count(0)
        times.times.setdefault(name, []).append(time.perf_counter() - start)

    parts = urlsplit(url)
    for _ in range(rounds):
        for era in ERAS:
            for stream in (False, True):
                request = mcp_clients.wire_request(
                    url, keys["seattle"], SLOW, era=era, progress=stream
                )
                _, writer = await asyncio.open_connection(parts.hostname, parts.port)
                writer.write(request)
                await gone(f"HTTP, {era}, {'stream' if stream else 'JSON'}", writer.close)
            mode = "auto" if era == ERAS[0] else "legacy"
            async with Client(
                mcp_clients.stdio_parameters(SimpleNamespace(**there)), mode=mode
            ) as client:
                call = asyncio.create_task(client.call_tool("query", {"sql": SLOW}))
                await gone(f"stdio, {era}, gives up", call.cancel)
        with mcp_clients.start(
            SimpleNamespace(**there), "--transport", "stdio", "--principal", "seattle"
        ) as process:
            body = mcp_clients.request_body("tools/call", name="query", sql=SLOW)
            process.stdin.write(body + b"\n")
            process.stdin.flush()
            await gone("stdio, hangs up", process.stdin.close)
    times.show("From hanging up until the query is gone")
    longest = max(max(found) for found in times.times.values())
    Console().print(f"longest: {longest * 1e3:.0f} ms\n")
    await admin.close()


# ---------------------------------------------------------------- identity


class Signer:
    """An issuer whose keys are in a file."""

    def __init__(self, directory: Path) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        file = directory / "jwks.json"
        file.write_text(json.dumps({"keys": [{**public, "kid": "1"}]}), encoding="utf-8")
        self.environment = {
            "ZAVA_AUTH_ISSUER": ISSUER,
            "ZAVA_AUTH_JWKS": str(file),
            "ZAVA_AUTH_RESOURCE": RESOURCE,
        }

    def token(self) -> str:
        """Make a token of Seattle's."""
        claims = {"iss": ISSUER, "aud": RESOURCE, "sub": "seattle", "exp": time.time() + 3600}
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "1"})


async def identity(database: Database, key: str, token: str, rounds: int) -> None:
    """Compare the two kinds of credentials."""
    identities = Identities(database)
    times = Rounds()
    for _ in range(rounds):
        for name, credential in (("key", key), ("JWT", token)):
            header = (b"authorization", f"Bearer {credential}".encode())
            request = HTTPConnection({"type": "http", "headers": [header], "client": None})
            assert await identities.authenticate(request) is not None
            await times.wait(name, lambda it=request: identities.authenticate(it), BLOCK)
    times.show("Identity of a request", "key")


# ---------------------------------------------------------------- rows and size


async def rows(database: Database, owner: asyncpg.Connection[Any], rounds: int) -> None:
    """Compare a large answer as text with what the usual tools make of the same rows."""
    agent = Agent(database)
    principal = await find_principal(database, "seattle")
    store = await owner.fetchval("select store_id from retail.stores where store_key = 'seattle'")
    by_hand = ROWS.format(where=f"o.store_id = '{store}'", limit=10_000)
    asked = ROWS.format(where="true", limit=10_000)
    settings = database.settings.model_copy(update={"max_bytes": 10_000_000})

    async def floor() -> None:
        found = await owner.fetch(by_hand)
        orjson.dumps([dict(row) for row in found], default=str)

    async def ours(*, form: Form = "csv") -> None:
        result = await agent.query(principal, asked, max_rows=10_000)
        answer(result, settings, form=form).text.encode()

    times = Rounds()
    for _ in range(rounds):
        await times.wait("fetch + orjson", floor, 1)
        await times.wait("query + CSV", ours, 1)
        await times.wait("query + JSON", lambda: ours(form="json"), 1)
        await times.wait("fetch alone", lambda: owner.fetch(by_hand), 1)
        await times.wait("query alone", lambda: agent.query(principal, asked, max_rows=10_000), 1)
    times.show("10,000 rows by 8 columns", "fetch + orjson")
    found = await owner.fetch(ROWS.format(where=f"o.store_id = '{store}'", limit=100))
    objects = orjson.dumps([dict(row) for row in found], default=str)
    text = answer(await agent.query(principal, asked, max_rows=100), database.settings).text
    ratio = len(text.encode()) / len(objects)
    Console().print(f"100 rows by 8 columns, bytes / compact JSON objects: {ratio:.2f}\n")


async def measure(settings: Settings, keys: dict[str, str], rounds: int, signer: Signer) -> None:
    """Measure what needs no server of its own."""
    assert settings.admin_url is not None
    owner = await asyncpg.connect(
        settings.admin_url.get_secret_value(),
        server_settings={"jit": "off", "TimeZone": settings.time_zone},
    )
    await owner.execute(
        "insert into retail.orders (store_id, order_date, status, total_amount)"
        " select s.store_id, timestamptz '2020-01-01' + n * interval '7 minutes', 'completed',"
        " n * 0.37 from retail.stores as s, generate_series(1, 12000) as n"
        " where s.store_key = 'seattle'"
    )
    await owner.execute("vacuum analyze")
    async with Database.open(settings) as database:
        await identity(database, keys["seattle"], signer.token(), rounds)
        await rows(database, owner, rounds)
    await owner.close()


def main() -> None:
    """Run on a server of its own that is thrown away."""
    parser = argparse.ArgumentParser(prog="scripts/bench mcp", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--echo", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.echo:
        echo_server(options.echo)
        return
    with thrown_away() as (settings, url):
        signer = Signer(settings.home)
        issued = {
            "auth_issuer": ISSUER,
            "auth_jwks": signer.environment["ZAVA_AUTH_JWKS"],
            "auth_resource": RESOURCE,
        }
        resolved = settings.model_copy(update=issued)
        keys = mcp_clients.fill(url)
        latency(resolved, keys, options.rounds, signer)
        uvloop.run(measure(resolved, keys, options.rounds, signer))


if __name__ == "__main__":
    main()
