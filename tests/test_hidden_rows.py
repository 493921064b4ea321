"""Random texts are answered alike by two databases that differ in hidden rows: see hidden_rows.py.

ZAVA_HIDDEN_ROWS=20000 pytest tests/test_hidden_rows.py
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from random import Random
from typing import TYPE_CHECKING

import hidden_rows
import mcp_types as types
import psycopg
import pytest
import tenants
from mcp import MCPError
from mcp_clients import client_of, serving

from zava_sql import tenant
from zava_sql.agent import Agent, fetch
from zava_sql.catalogue import list_names
from zava_sql.errors import ZavaError
from zava_sql.function_catalogue import FunctionCatalogue
from zava_sql.principals import hash_key, new_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from contextlib import AbstractContextManager

    import conftest

    from zava_sql.principals import Principal
    from zava_sql.result import Result

pytestmark = pytest.mark.anyio

SEED = 20263411
MANY = int(os.environ.get("ZAVA_HIDDEN_ROWS", "1500"))
FEW, MOST, TOOL_CALLS = 60, 2000, 4
ASKERS = ("seattle", "south-sound")

# Looked up by an index, hidden rows are met by nothing else; otherwise all of a table are read.
PLANS = {
    "as usual": "",
    "by index": "enable_seqscan",
    "row by row": "enable_indexscan enable_bitmapscan enable_indexonlyscan",
}

MERGED = ["stores", "customers", "orders", "order_items", "inventory"]

Worlds = tuple["conftest.Database", "conftest.Database"]


@pytest.fixture(scope="module")
def worlds(clone: Callable[..., AbstractContextManager[conftest.Database]]) -> Iterator[Worlds]:
    with clone() as one, hidden_rows.worlds(one) as both:
        yield both


def plan(worlds: Worlds, without: str) -> None:
    """Have sessions that begin from now on plan without some ways to read a table."""
    for database in worlds:
        with psycopg.connect(database.admin_url, autocommit=True) as connection:
            connection.execute(f"alter role zava_gateway in database {database.dbname} reset all")
            for setting in without.split():
                connection.execute(
                    f"alter role zava_gateway in database {database.dbname} set {setting} = off"
                )


async def outcome(asked: Awaitable[Result | str], *, in_order: bool = False) -> object:
    """Give the rows, of a text in any order, or the error: all that an asker is told."""
    try:
        answer = await asked
    except ZavaError as error:
        return error.to_dict()
    if isinstance(answer, str):
        return answer
    rows = list(map(repr, answer.rows))
    return rows if in_order else sorted(rows)


@asynccontextmanager
async def asking(
    worlds: Worlds, name: str, runner: str = "never"
) -> AsyncIterator[list[tuple[Agent, Principal]]]:
    """Give who asks either database."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(tenants.opened(x, runner=runner)) for x in worlds]
        yield [(Agent(x), (await tenants.principals(x, [name]))[name]) for x in opened]


async def told_apart(
    worlds: Worlds, name: str, texts: int, *, seed: int = SEED, runner: str = "never"
) -> tuple[str, object, object] | None:
    """Ask both the same texts, each second one past the guard; find the first that differs."""
    random = Random(seed)  # noqa: S311 - to be repeatable, not secret
    answered = 0
    async with asking(worlds, name, runner) as both:
        for number in range(texts):
            sql = hidden_rows.text(random, tenants.store_id("seattle"))
            one, other = [
                await outcome(
                    agent.query(asker, sql)
                    if number % 2
                    else fetch(agent.database, asker, sql, 1000)
                )
                for agent, asker in both
            ]
            if one != other:
                return sql, one, other
            answered += isinstance(one, list)
    # Those that fail over own rows ask nothing of others.
    assert answered > texts / 2
    return None


@pytest.mark.parametrize("runner", ["never", "always"])
@pytest.mark.parametrize("plans", PLANS)
@pytest.mark.parametrize("name", ASKERS)
async def test_what_is_hidden_changes_no_answer(
    worlds: Worlds, name: str, plans: str, runner: str
) -> None:
    plan(worlds, PLANS[plans])
    assert await told_apart(worlds, name, FEW, runner=runner) is None


@pytest.mark.long
@pytest.mark.parametrize("plans", PLANS)
@pytest.mark.parametrize("name", ASKERS)
async def test_what_is_hidden_changes_no_answer_to_many_texts(
    worlds: Worlds, name: str, plans: str
) -> None:
    plan(worlds, PLANS[plans])
    assert await told_apart(worlds, name, MANY, seed=SEED + 1) is None


async def test_conditions_before_the_fence_would_be_seen(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant, "_FENCES_FIRST", "")
    plan(worlds, PLANS["row by row"])
    assert await told_apart(worlds, "south-sound", MOST)


async def test_a_fence_that_is_merged_would_be_seen(worlds: Worlds) -> None:
    plan(worlds, PLANS["row by row"])
    with ExitStack() as stack:
        for database in worlds:
            stack.enter_context(merging(database))
        assert await told_apart(worlds, "seattle", MOST)


@contextmanager
def merging(database: conftest.Database) -> Iterator[None]:
    """Make the fences of stores equalities and nothing else."""
    altered = "alter policy {} on retail.{} using ({})"
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        fences = connection.execute(
            "select polname, c.relname, pg_get_expr(p.polqual, c.oid) from pg_policy as p"
            " join pg_class as c on c.oid = p.polrelid"
            " where polname = relname || '_store_manager_fence' and c.relname = any (%s)",
            [MERGED],
        ).fetchall()
        assert len(fences) == len(MERGED)
        for name, table, _ in fences:
            equality = "store_id = (select (zava.visible_stores(current_user))[1])"
            connection.execute(altered.format(name, table, equality))
        yield
        for fence in fences:
            connection.execute(altered.format(*fence))


@pytest.mark.parametrize("name", ASKERS)
async def test_what_is_hidden_changes_no_answer_of_a_tool(worlds: Worlds, name: str) -> None:
    random = Random(SEED)  # noqa: S311 - the same
    plan(worlds, "")
    async with asking(worlds, name) as both:
        catalogue = FunctionCatalogue(both[0][0].database)
        await catalogue.refresh()
        tools = await catalogue.visible_to(both[0][1])
        # What was asked before, and when, is the caller's own.
        for tool in [tools[key] for key in tools if key != "my_queries"] * TOOL_CALLS:
            given = hidden_rows.arguments(tool, random)
            one, other = [
                await outcome(agent.call_function(asker, tool, given), in_order=True)
                for agent, asker in both
            ]
            assert one == other, (tool.name, given)


@pytest.mark.parametrize("name", ASKERS)
async def test_what_is_hidden_changes_no_description(worlds: Worlds, name: str) -> None:
    async with asking(worlds, name) as both:
        agent, asker = both[0]
        names = [one.name for one in await list_names(agent.database, asker)]
        asked = [(None, None), (None, "sought"), (None, "bellevue"), *((x, None) for x in names)]
        for what in asked:
            one, other = [await outcome(agent.describe(asker, *what)) for agent, asker in both]
            assert one == other, what


@pytest.mark.parametrize("name", ASKERS)
async def test_what_search_makes_of_many_hidden_rows_changes_no_answer(
    worlds: Worlds, name: str
) -> None:
    async with asking(worlds, name) as both:
        for sql in hidden_rows.MADE_OF_MANY:
            one, other = [await outcome(agent.query(asker, sql)) for agent, asker in both]
            assert one == other, sql
            # Names of indexes are open to whoever gets past the guard, as the catalogue is.
            if "search_regions" in sql:
                one, other = [
                    await outcome(fetch(agent.database, asker, sql, 1000)) for agent, asker in both
                ]
                assert one == other, sql


@pytest.mark.parametrize("name", ASKERS)
async def test_what_is_hidden_changes_nothing_beside_tools(worlds: Worlds, name: str) -> None:
    one, other = [await beside_tools(database, name) for database in worlds]
    assert one == other
    assert len(one) > 50


async def beside_tools(database: conftest.Database, name: str) -> dict[str, object]:
    """Read all resources and prompts as a client does, and have names completed."""
    key = new_key()
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("select zava.create_api_key(%s, %s)", [name, hash_key(key)])
    table = types.ResourceTemplateReference(uri="db://table/{name}")
    function = types.ResourceTemplateReference(uri="db://function/{name}")
    explore = types.PromptReference(name="explore_table")
    asked = [(table, "name"), (function, "name"), (explore, "table"), (explore, "other")]
    told: dict[str, object] = {}
    async with (
        tenants.opened(database) as opened,
        serving(opened) as url,
        client_of(url, key) as client,
    ):
        told["tools"] = await client.list_tools()
        told["templates"] = await client.list_resource_templates()
        told["prompts"] = await client.list_prompts()
        told["resources"] = listed = await client.list_resources()
        for uri in [str(one.uri) for one in listed.resources]:
            told[uri] = (await client.read_resource(uri)).contents
        for uri in ("db://table/stores", "db://table/search_regions", "db://monitor"):
            told[uri] = await answered(client.read_resource(uri))
        for prompt in told["prompts"].prompts:
            for value in ("orders", "stores", "bellevue", "sought"):
                given = {argument.name: value for argument in prompt.arguments}
                told[f"{prompt.name} {value}"] = await answered(
                    client.get_prompt(prompt.name, given)
                )
        for ref, argument in asked:
            for value in ("", "s", "search_", "bellevue", "sought", "api.s"):
                told[f"{ref} {argument} {value}"] = await client.complete(
                    ref, {"name": argument, "value": value}
                )
    return told


async def answered(request: Awaitable[object]) -> object:
    try:
        return await request
    except MCPError as refusal:
        return refusal.error
