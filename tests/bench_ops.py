"""What it costs to run it for real: `SELECT 1` over HTTP with and without, and a long log proved.

    scripts/bench ops [--rounds 40] [--records 1000000] [--calls 100000]

Floor: the same server process with the thing switched off; blocks of calls in turn, one client with
one connection. Then the log is filled and proved, and the memory of a server is read before and
after many calls.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import mcp_clients
from rich.console import Console
from rich.table import Table
from throwaway import thrown_away

if TYPE_CHECKING:
    from zava_sql.settings import Settings

BLOCK = 50
OFF = {"ZAVA_AUDIT": "off", "ZAVA_LOG_LEVEL": "error"}
VARIANTS = {
    "off": OFF,
    "metrics": OFF,
    "metrics, logs": {"ZAVA_AUDIT": "off"},
    "metrics, audit": {"ZAVA_AUDIT": "refuse", "ZAVA_LOG_LEVEL": "error"},
    "metrics, logs, audit": {"ZAVA_AUDIT": "refuse"},
}
SERVE = "from zava_sql.cli import main; main()"
# Metrics cannot be switched off: for the floor nothing is counted.
UNCOUNTED = """
from prometheus_client import Counter, Gauge, Histogram
Counter.inc = Gauge.inc = Gauge.dec = Gauge.set = Histogram.observe = lambda *_, **__: None
"""
# What a server is asked in turn while its memory is watched.
MIX = (
    ("query", {"sql": "select 1"}),
    ("query", {"sql": "select order_id, total_amount from retail.orders limit 20"}),
    ("whoami", {}),
    ("query", {"sql": "select 1 / 0"}),
    ("query", {"sql": "delete from retail.orders"}),
    ("describe_schema", {"name": "orders"}),
)

FILL = """
select zava.append_audit($1, (
    select jsonb_agg(jsonb_build_object(
        'called_at', now(), 'principal_id', p.principal_id, 'principal', p.name,
        'client', 'bench 1.0', 'tool', 'query', 'sql', 'select ' || n || ' as n from retail.orders',
        'fingerprint', '0123456789abcdef', 'verdict', 'answered', 'row_count', n % 200,
        'byte_count', n, 'duration_us', n, 'cached', false, 'request_id', md5(n::text),
        'source_number', n))
    from zava.principals as p, generate_series($2::bigint, $3::bigint) as n
    where p.name = 'seattle'))
"""


class Client:
    """One connection to one server process."""

    def __init__(self, settings: Settings, variant: str, key: str) -> None:
        values = {
            f"ZAVA_{name.upper()}": getattr(settings, name).get_secret_value()
            for name in ("database_url", "service_url", "context_key")
        }
        home = {"ZAVA_HOME": str(settings.home / variant)}
        program = UNCOUNTED + SERVE if variant == "off" else SERVE
        # A file, as a supervisor keeps: nobody would read a pipe.
        self.log = settings.home / f"{variant}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program, "serve", "--transport", "http", "--port", "0"],
                env={**os.environ, **values, **home, **VARIANTS[variant]},
                stderr=log,
            )
        while "/mcp" not in self.log.read_text():
            time.sleep(0.05)
        url = urlsplit(self.log.read_text().split()[1])
        self.connection = http.client.HTTPConnection(url.hostname or "", url.port)
        self.headers = mcp_clients.request_headers(key)
        self.body = mcp_clients.request_body("tools/call", name="query", sql="select 1")

    def call(self) -> float:
        """Ask once; give the seconds it took."""
        begun = time.perf_counter()
        self.connection.request("POST", "/mcp", self.body, self.headers)
        answer = self.connection.getresponse().read()
        taken = time.perf_counter() - begun
        if json.loads(answer)["result"].get("isError"):
            raise RuntimeError(answer.decode())
        return taken

    def send(self, number: int) -> None:
        """Ask one of many things, whatever the answer is."""
        name, arguments = MIX[number % len(MIX)]
        body = json.loads(self.body)
        body["params"] |= {"name": name, "arguments": arguments}
        headers = {**self.headers, "Mcp-Name": name}
        self.connection.request("POST", "/mcp", json.dumps(body), headers)
        self.connection.getresponse().read()

    def resident(self) -> int:
        """Give the memory of the server in bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def busy(self) -> float:
        """Give the seconds for which the server has had a processor."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def held(self) -> str:
        """Say how many files and threads the server has."""
        process = Path(f"/proc/{self.process.pid}")
        files, threads = (len(list((process / name).iterdir())) for name in ("fd", "task"))
        return f"{files} files, {threads} threads"

    def stop(self) -> None:
        """End it as a supervisor would."""
        self.connection.close()
        self.process.terminate()
        self.process.wait()


def overhead(clients: dict[str, Client], rounds: int) -> None:
    """Time blocks of calls in turn."""
    times: dict[str, list[float]] = {name: [] for name in clients}
    busy = dict.fromkeys(clients, 0.0)
    for client in clients.values():
        for _ in range(100):
            client.call()
    for number in range(rounds):
        order = list(clients.items())
        for name, client in order if number % 2 else reversed(order):
            client.connection.close()  # the server may have, while others had their turn
            client.call()
            before = client.busy()
            times[name] += [client.call() for _ in range(BLOCK)]
            busy[name] += client.busy() - before
    floor = statistics.median(times["off"])
    table = Table("variant", "n", "p50 µs", "x off", "cpu µs", "x off", title="SELECT 1 over HTTP")
    for name, taken in times.items():
        middle = statistics.median(taken)
        times_off = (f"{middle / floor:.3f}", f"{busy[name] / busy['off']:.3f}")
        cpu = f"{busy[name] / len(taken) * 1e6:.0f}"
        table.add_row(name, str(len(taken)), f"{middle * 1e6:.0f}", times_off[0], cpu, times_off[1])
    Console().print(table)


def memory(client: Client, calls: int) -> None:
    """Read the memory of a server along many calls."""
    seen = []
    for tenth in range(11):
        seen.append(client.resident())
        Console(highlight=False).print(
            f"after {tenth * calls // 10:,} calls: {seen[-1] / 1e6:.1f} MB, {client.held()}"
        )
        for number in range(calls // 10 if tenth < 10 else 0):
            client.send(number)
    Console(highlight=False).print(
        f"memory after the first tenth to the end: {seen[-1] / seen[1] - 1:+.1%}"
    )


async def prove(admin_url: str, records: int) -> None:
    """Fill the log, walk it, and flip a bit near its end."""
    connection = await asyncpg.connect(admin_url)
    source = "00000000-0000-4000-8000-000000000001"
    begun = time.perf_counter()
    for first in range(1, records + 1, 1_000):
        last = min(first + 999, records)
        await connection.execute(FILL, source, first, last, timeout=None)
    Console(highlight=False).print(
        f"{records:,} records appended: {time.perf_counter() - begun:.1f} s"
    )
    verify = "select checked, broken, problem from zava.verify_audit()"
    begun = time.perf_counter()
    found = await connection.fetchrow(verify, timeout=None)
    Console(highlight=False).print(
        f"proved: {time.perf_counter() - begun:.1f} s: {tuple(found or ())}"
    )
    await connection.execute(
        "update zava.audit_log set byte_count = byte_count # 1 where number = $1", records - 10
    )
    Console(highlight=False).print(
        f"a bit flipped: {tuple(await connection.fetchrow(verify, timeout=None) or ())}"
    )
    await connection.close()


def main() -> None:
    """Run on a server of its own that is thrown away."""
    parser = argparse.ArgumentParser(prog="scripts/bench ops", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=100_000)
    options = parser.parse_args()
    with thrown_away() as (resolved, admin_url):
        key = mcp_clients.fill(admin_url)["seattle"]
        clients = {name: Client(resolved, name, key) for name in VARIANTS}
        try:
            overhead(clients, options.rounds)
            memory(clients["metrics, logs, audit"], options.calls)
        finally:
            for client in clients.values():
                client.stop()
        if options.records:
            asyncio.run(prove(admin_url, options.records))


if __name__ == "__main__":
    main()
