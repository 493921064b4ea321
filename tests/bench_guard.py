"""What a verdict of the guard costs, beside bare sqlglot and libpg_query, in one run.

    scripts/bench guard [--rounds 7]

Texts: tests/guard_allowed.sql and, where the corpora are at hand (ZAVA_CORPORA), TPC-H and TPC-DS.
Each text is timed once a round by every judge in turn; its figure is the least of the rounds. Floor
of the ratios: `sqlglot.parse` of the same text, its own scanner included. All of it is measured
once more by the guard as machine code, for which the wheel is built that holds it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from itertools import count, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import compiled_guard
import guard_lists
from postgast.native import lib
from rich.console import Console
from rich.table import Table
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import SqlglotError

from zava_sql import guard
from zava_sql.errors import QueryRefused
from zava_sql.guard import Guard
from zava_sql.guard.limits import MAX_JOINS, MAX_TOKENS
from zava_sql.guard.tree import _KNOWN, _SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable

API = {"whoami", "describe_schema"}
DIALECT = Postgres()
HALF = MAX_TOKENS // 2 - 2

CASTS = ["".join(casts) for casts in product(("::int", "::text", "::date", "::bool"), repeat=3)]

# Texts at the limits, each the worst that is known for some part of the guard.
INSIDE = {
    "names": "select " + "a , " * HALF + "a",
    "sums": "select " + "a + " * HALF + "a",
    "conditions": "select 1 where " + " and ".join(["a = 1"] * (HALF // 2)),
    "casts": "select " + " , ".join(["a :: int :: text :: date :: bool"] * 200),
    "labels like types": "select " + " , ".join(['a "int4"'] * (HALF // 2)) + " from t",
    "collations": "select " + " , ".join(["a collate b" + "::int::text collate c" * 6] * 50),
    "intervals": "select " + " ->> ".join(["interval '1 day'"] * 665),
    "dates": "select " + " like ".join(["date '2024-01-01'"] * 665),
    "rows": "select " + " , ".join(["row(row(a::int))"] * 199),
    "windows": "select "
    + " , ".join(
        f"sum(a) over (partition by b{cast} order by a rows between 1 preceding and 1 following)"
        for cast in CASTS[:22]
    ),
    "one long clause": "select cast(" + " || ".join(["not a"] * 175) + " as int)" + ",a" * 20,
    "rows of VALUES": "values " + " , ".join(["(date '2024-01-01', -1)"] * 249),
    "rollup": "select 1 group by rollup (" + " , ".join(["((a))"] * 331) + ")",
    "lengths": "select "
    + " , ".join(["repeat('x', (count(*) / 10)::int)"] * 40)
    + ", '' || 1" * 340,
    "different clauses": "select "
    + " , ".join(f"lower(a{cast})" for cast in CASTS[:36])
    + ",a" * 640,
    "joins": "select 1 from " + " join ".join(["a"] * MAX_JOINS),
    "queries that are named often": "with a as (select "
    + ", ".join(f"x + x as a{number}" for number in range(100))
    + " from t) select 1 from a"
    + "".join(f" cross join a a{number}" for number in range(MAX_JOINS - 2)),
    "subscripts": "select " + " , ".join(["a [ 1 ] [ 2 ]"] * (HALF // 4)),
    "arrays": "select " + " , ".join(["array[[[[1]]]]"] * 12),
    "calls": "select " + " , ".join(["lower ( " * 45 + "1" + " )" * 45] * (HALF // 70)),
    "queries": "select "
    + " , ".join(["( select " * 45 + "1" + " )" * 45] * 2)
    + " , lower ( 1 )" * 345,
    "JSON of intervals": "select 1 from json_table("
    + " || ".join(["interval '1 day'"] * 660)
    + ", '$' columns (a int))",
    "JSON": "select " + " = ".join(["json_value(a,'$')"] * 285),
    "JSON tables": "select 1 from "
    + " full join ".join(["json_table(a,'$' columns(b int path '$')) on 1=1"] * 30),
    "comments": "select 1 " + "/**/" * 4_900,
    "nested comments": "select " + "a , " * HALF + "/* /**/ */" * 25 + "a",
    "escapes": "select E'" + r"\n" * 999 + "'",
    "LATERAL queries of one name": "select 1 from t"
    + "".join(
        f" cross join lateral (select {', '.join(f'y + y as b{n}_{c}' for c in range(4))} from u) x"
        for n in range(60)
    ),
    "digits before a letter": "select " + "9" * 19_980 + "_",
    "parts of digits before a letter": "select 11" + "_0" * 9_900 + "_",
}
BEYOND = {
    "10 MB": "select '" + "x" * 10_000_000 + "'",
    "tokens": "select " + "1," * 9_000 + "1",
    "dollars": "select " + "$$a$$ " * 3_000,
    "brackets": "select " + "(" * 9_000,
    "quotes": "'" * 20_000,
    "signs": "select " + "+-" * 9_000,
    "operators": "select " + "<> " * 6_000,
    "letters": "select " + "\u00e9 " * 9_000,
    "arrays": "select " + "array[" * 3_000,
    "nested comments": "select 1 " + "/* /**/ */" * 1_900,
    "comments in each other": "select 1 " + "/*" * 9_900,
}


def seconds(judge: Callable[[str], object], text: str, times: int = 1) -> float:
    """The time of one call."""
    begin = time.perf_counter()
    try:
        for _ in range(times):
            judge(text)
    except QueryRefused:
        pass
    return (time.perf_counter() - begin) / times


def fresh(text: str) -> float:
    """A text that was never seen, nor any of its clauses."""
    _KNOWN.clear()
    _SHAPES.clear()
    return seconds(Guard(API).check, text)


def alike(text: str) -> float:
    """A new text made of clauses that were seen in others, names and literals aside."""
    _SHAPES.clear()
    return seconds(Guard(API).check, text)


def reworded(text: str) -> float:
    """A new text that differs from one that was seen in names and literals alone."""
    return seconds(Guard(API).check, text)


def libpg_query(text: str) -> None:
    result = lib.pg_query_parse_protobuf(text.encode())
    lib.pg_query_free_protobuf_parse_result(result)


def is_known_to_sqlglot(text: str) -> bool:
    """The floor must be able to read a text; some that pass, it cannot."""
    try:
        DIALECT.parse(text)
    except (SqlglotError, TypeError):
        return False
    return True


def measure(texts: list[str], rounds: int) -> dict[str, list[float]]:
    seen = Guard(API)
    spaces = count(1)  # a text with one more space is new, but for its tokens
    judges: dict[str, Callable[[str], float]] = {
        "sqlglot.parse (floor)": lambda text: seconds(DIALECT.parse, text),
        "libpg_query": lambda text: seconds(libpg_query, text),
        "guard, new text, clauses unknown": fresh,
        "guard, new text, clauses known": alike,
        "guard, new text, all but names and literals known": reworded,
        "guard, new text, all but literals known": lambda text: seconds(
            seen.check, text + " " * next(spaces)
        ),
        "guard, same text again": lambda text: seconds(seen.check, text, 1_000),
    }
    best = {name: [9.0] * len(texts) for name in judges}
    for _ in range(rounds):
        for index, text in enumerate(texts):
            seen.check(text)
            for name, judge in judges.items():
                best[name][index] = min(best[name][index], judge(text))
    return best


def as_they_come(texts: list[str], rounds: int) -> dict[str, list[float]]:
    """Each text once a round, by one guard that knows nothing at first, refused or not."""
    best = {name: [9.0] * len(texts) for name in ("sqlglot.parse (floor)", "guard, as they come")}
    for _ in range(rounds):
        _KNOWN.clear()
        _SHAPES.clear()
        new = Guard(API)
        for index, text in enumerate(texts):
            for values, judge in zip(best.values(), (DIALECT.parse, new.check), strict=True):
                values[index] = min(values[index], seconds(judge, text))
    return best


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def corpora(source: str) -> list[str]:
    path = guard_lists.CORPORA / "selects.jsonl"
    if not path.is_file():
        return []
    found = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [text["sql"] for text in found if text["source"].startswith(source)]


def show(console: Console, title: str, best: dict[str, list[float]]) -> None:
    """Print a table; the first judge is the floor."""
    floor = next(iter(best.values()))
    table = Table("judge", "median us", "p99 us", "x floor", title=f"{len(floor)} {title}")
    for name, values in best.items():
        ratio = statistics.median(v / f for v, f in zip(values, floor, strict=True))
        middle = statistics.median(values) * 1e6
        table.add_row(
            name, f"{middle:.2f}", f"{percentile(values, 0.99) * 1e6:.1f}", f"{ratio:.3f}"
        )
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/bench guard", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    is_compiled = not guard.__file__.endswith(".py")
    console = Console()
    console.rule("compiled" if is_compiled else "as its sources say")
    agents, tpc, pg = (
        [text for text in texts if is_known_to_sqlglot(text)]
        for texts in (guard_lists.allowed(), corpora("tpc"), corpora("pg"))
    )
    show(console, "agent-like texts", measure(agents, rounds))
    if tpc:
        show(console, "TPC-H and TPC-DS", measure(tpc, rounds))
        show(console, "of both (bar: 60 and 500 us)", as_they_come(tpc + agents, rounds))
        show(console, "of these and PostgreSQL's tests", as_they_come(tpc + agents + pg, rounds))
    else:
        console.print(f"TPC and PostgreSQL's tests: no corpora at {guard_lists.CORPORA}")
    for title, cases in (("at the limits", INSIDE), ("beyond the limits", BEYOND)):
        table = Table("text", "ms", title=f"new texts {title}")
        for name, text in cases.items():
            least = min(fresh(text) for _ in range(rounds))
            table.add_row(name, f"{least * 1e3:.2f}")
        console.print(table)
    if not is_compiled:
        with TemporaryDirectory() as directory:
            sys.stderr.write("… compiling the guard\n")
            environment = compiled_guard.environment(compiled_guard.build(Path(directory)))
            command = [sys.executable, __file__, "--rounds", str(rounds)]
            sys.exit(subprocess.run(command, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
