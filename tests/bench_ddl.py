"""The check on a large database, while readers and writers go on: scripts/bench ddl.

Floor of the check: the same files run plainly, in one transaction that is rolled back. Floor of a
writer: the same writes with no check beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import shutil
import statistics
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import psycopg
from conftest import running
from rich.console import Console

from zava_sql import db_files, ddl, ddl_catalogue, ddl_plan, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Event

FUNCTION = """-- zava.many_{n}(): for the benchmark.
create or replace function zava.many_{n}(
    p_x integer
)
returns table (a text, b bigint)
language {language}
stable
parallel safe
security invoker
{body}

comment on function zava.many_{n}(integer) is
    'Number {n}.

p_x: a number';
revoke execute on function zava.many_{n}(integer) from public;
grant execute on function zava.many_{n}(integer) to zava_writer;
"""
BODIES = {
    "plpgsql": "set search_path = pg_catalog, pg_temp\nas $function$\nbegin\n"
    "    return query select 'x'::text, count(*) from retail.orders as o;\n"
    "end;\n$function$;",
    "sql": "begin atomic\n    select 'x'::text, count(*) from retail.orders as o;\nend;",
}
POLICY = """
drop policy if exists {table}_many_{n} on retail.{table};
create policy {table}_many_{n}
    on retail.{table}
    as permissive
    for update
    to zava_writer
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));
"""


def grow(db: Path, functions: int, policies: int) -> None:
    """Add files until there are so many."""
    have = len(list((db / "functions").rglob("*.sql")))
    for n in range(functions - have):
        language = ("plpgsql", "sql")[n % 2]
        text = FUNCTION.format(n=n, language=language, body=BODIES[language])
        (db / "functions" / "seed" / f"many_{n}.sql").write_text(text, encoding="utf-8")
    files = sorted((db / "policies").glob("*.sql"))
    have = sum(f.read_text(encoding="utf-8").count("\ncreate policy") for f in files)
    for n in range(max(0, policies - have)):
        file = files[n % len(files)]
        with file.open("a", encoding="utf-8") as out:
            out.write(POLICY.format(table=file.stem, n=n))


async def plainly(connection: asyncpg.Connection, db: Path) -> float:
    """Run all files once, over what is there."""
    start = time.perf_counter()
    transaction = connection.transaction()
    await transaction.start()
    for text in ddl.sources(db).values():
        await connection.execute(text)
    await transaction.rollback()
    return time.perf_counter() - start


def writing(url: str, stop: Event, took: Queue[list[float]]) -> None:
    """Write rows, one transaction each, in a process apart, and tell how long each took."""
    times = []
    with psycopg.connect(url, autocommit=True) as connection:
        while not stop.is_set():
            start = time.perf_counter()
            connection.execute(
                "insert into retail.categories (name) values (gen_random_uuid()::text)"
            )
            times.append(time.perf_counter() - start)
            time.sleep(0.002)
    took.put(times)


@contextmanager
def writer(url: str) -> Iterator[list[float]]:
    """Write until the block ends; then the times are in the list."""
    times: list[float] = []
    stop, took = multiprocessing.Event(), multiprocessing.Queue()
    process = multiprocessing.Process(target=writing, args=(url, stop, took))
    process.start()
    yield times
    stop.set()
    times += took.get()
    process.join()


async def measure(url: str, db: Path, runs: int) -> None:
    connection, reader = await asyncpg.connect(url), await asyncpg.connect(url)
    await connection.execute("set role zava_owner")
    floor = min([await plainly(connection, db) for _ in range(runs)])
    await connection.execute("reset role")
    live = await ddl_catalogue.read(connection)
    tables = [o.key for o in live.values() if o.kind == "table"]

    with writer(url) as alone:
        await asyncio.sleep(3)

    holding = reader.transaction()
    await holding.start()
    for table in tables:
        await reader.execute(f"select from {table} limit 1")
    checks = []
    with writer(url) as beside:
        for _ in range(runs):
            start = time.perf_counter()
            found = await ddl_plan.plan(connection, db)
            checks.append(time.perf_counter() - start)
            assert found.changes == (), found.changes
    await holding.rollback()
    counts = {kind: sum(o.kind == kind for o in live.values()) for kind in ("function", "policy")}
    say = Console().print
    say(f"{counts['function']} functions, {counts['policy']} policies, {len(tables)} tables")
    say(f"check, a reader on every table   {min(checks):6.2f} s best of {runs}, bar 5 s")
    say(f"the files run plainly            {floor:6.2f} s; ratio {min(checks) / floor:.2f}")
    for name, times in (("alone", alone), ("beside the check", beside)):
        say(
            f"a write {name:17}  median {statistics.median(times) * 1000:6.2f} ms,"
            f" worst {max(times) * 1000:7.2f} ms of {len(times)}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench ddl", description=__doc__)
    parser.add_argument("--functions", type=int, default=500)
    parser.add_argument("--policies", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, running("18") as server:
        db = Path(scratch) / "db"
        shutil.copytree(db_files.db_path(), db, ignore=shutil.ignore_patterns("__pycache__"))
        grow(db, given.functions, given.policies)
        ddl.freeze(db, "many")
        db_files.db_path = lambda: db
        url = server.url("postgres")
        migrate.upgrade(url)
        asyncio.run(measure(url, db, given.runs))


if __name__ == "__main__":
    main()
