"""The guard with PostgreSQL's own parser as a third account (ZAVA_GUARD_STRICT)."""

from __future__ import annotations

import os
import subprocess
import sys

import bench_guard
import guard_lists
import pytest
from guard_oracle import read

from zava_sql.agent import Agent
from zava_sql.errors import ConfigurationError, QueryRefused
from zava_sql.guard import Guard
from zava_sql.guard.limits import Refusal
from zava_sql.guard.names import Names
from zava_sql.guard.opinion import check_opinion, objections, parse
from zava_sql.guard.queries import QueryReader
from zava_sql.settings import Settings

pytestmark = pytest.mark.once
STRICT = Guard(strict=True)
SQL = """
with a as (select lower(name) as x, pg_catalog.upper(y) from retail.stores)
select count(*), x::text, date '2024-01-01', cast(x as numeric(4, 2)) from a, api.f(1) g
where exists (select 1 from orders) and round(y) > any (array[1, 2]::int[])
"""


@pytest.mark.parametrize("sql", guard_lists.allowed())
def test_a_legitimate_question_passes_unchanged(sql: str) -> None:
    assert STRICT.check(sql) == Guard().check(sql)


@pytest.mark.parametrize("kind", ["functions", "relations", "types"])
def test_a_name_that_the_other_accounts_lack_is_refused(kind: str) -> None:
    reading = read(SQL, Names())
    check_opinion(reading.tokens, reading.account)
    names = getattr(reading.account, kind)
    for index in range(len(names)):
        overlooked = names.pop(index)
        with pytest.raises(Refusal, match="not supported"):
            check_opinion(reading.tokens, reading.account)
        names.insert(index, overlooked)
    names.append(names[0])
    with pytest.raises(Refusal, match="not supported"):
        check_opinion(reading.tokens, reading.account)


@pytest.mark.parametrize(
    "sql",
    [
        "select set_config('a', 'b', true)",
        "select zava.round(1)",
        "select 1 from pg_class",
        "select 1 from zava.principals",
        "select a.pg_sleep from orders a",
        "select (a).pg_sleep from orders a",
        "select ctid from orders",
        "select 'a'::regclass",
        "select current_user",
        "select 1 into b",
        "select 1 from orders for update",
        "delete from orders",
        "select 1 operator(zava.+) 2",
        "select xmlelement(name a)",
        "select * from orders tablesample system (1)",
    ],
)
def test_what_is_closed_is_refused_by_this_account_too(sql: str, monkeypatch) -> None:
    """Names that were accounted for are not on that account allowed."""
    check = sys.modules["zava_sql.guard.check"]

    class Careless(QueryReader):
        def statement(self) -> None:
            """Account for every name, and ask nobody whether it is allowed."""
            for index, key in enumerate(self.tokens.keys):
                if key in ("set_config", "round"):
                    self.account.functions.append(index)
                elif key in ("orders", "pg_class", "principals", "b"):
                    self.account.relations.append(index)
                elif key == "regclass":
                    self.account.types.append(key)

    monkeypatch.setattr(check, "QueryReader", Careless)
    monkeypatch.setattr(check, "check_tree", lambda *_: None)
    assert Guard().check(sql)
    with pytest.raises(QueryRefused, match="not supported"):
        Guard(strict=True).check(sql)


def test_two_statements_are_not_one() -> None:
    reading = read("select 1", Names())
    tree, _, _ = parse("select 1; select 1")
    assert tree is not None
    assert objections(tree, reading.tokens, reading.account) == ["not one SELECT"]


@pytest.mark.parametrize(
    ("sql", "position"),
    [
        ("select 1 from stores as a join stores as b", 43),
        ("select /* é */ 'é', 1 from stores where 'a' like  'b' like 'c'", 55),
    ],
)
def test_a_syntax_error_is_told_in_the_callers_text(sql: str, position: int) -> None:
    assert Guard().check(sql)
    with pytest.raises(QueryRefused, match="syntax error at") as caught:
        STRICT.check(sql)
    assert (caught.value.reason, caught.value.position) == ("syntax", position)


def test_texts_at_the_limits_are_judged_and_none_ends_the_process() -> None:
    judge = (
        "import bench_guard; from zava_sql.errors import QueryRefused\n"
        "from zava_sql.guard import Guard\n"
        "for text in bench_guard.INSIDE.values():\n"
        "    try: Guard(strict=True).check(text)\n"
        "    except QueryRefused as error: assert error.reason in ('syntax', 'too_deep'), error\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", judge], env=environment, check=False)
    assert done.returncode == 0
    assert len(bench_guard.INSIDE) > 20


def test_the_setting_makes_the_agents_guard_strict(monkeypatch) -> None:
    monkeypatch.setenv("ZAVA_GUARD_STRICT", "true")

    class Opened:
        settings = Settings.load()

    agent = Agent(Opened())
    wrong = "select 'a' like 'b' like 'c'"
    for _ in range(2):
        with pytest.raises(QueryRefused, match="syntax error"):
            agent.guard.check(wrong)
        agent.allow_functions({"whoami"})
    monkeypatch.delenv("ZAVA_GUARD_STRICT")
    Opened.settings = Settings.load()
    assert Agent(Opened()).guard.check(wrong)


def test_without_the_package_the_setting_is_refused(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "zava_sql.guard.opinion")
    monkeypatch.setitem(sys.modules, "postgast.native", None)
    with pytest.raises(ConfigurationError, match="postgast") as caught:
        Guard(strict=True)
    assert "zava-sql[strict]" in caught.value.hint
