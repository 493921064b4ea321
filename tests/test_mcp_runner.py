"""The tools over MCP with the text of agents inside the runner: the same, for each its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import functions
import psycopg
import pytest
from mcp_clients import client_of, fill, serving, settings_for, text_of

from zava_sql.database import Database

pytestmark = [pytest.mark.anyio, pytest.mark.once]

PUBLISHED = Path(__file__).with_name("published.sql").read_text(encoding="utf-8")

# A function without arguments is called in the runner, one with arguments beside it.
CALLS = {
    "query": {"sql": "select count(*) as n, max(total_amount) from retail.orders"},
    "describe_schema": {"name": "orders"},
    "own_orders": {},
    "whoami": {},
    "board": {},
    "picture": {},
    "report": {"what": "stock"},
    "receipt": {"number": 7},
    "numbers": {"first": 1},
    "whole_rows": {},
    "counted": {"counter": 1},
    "fails": {"x": 0},
    "tries_to_write": {},
}


@pytest.fixture(scope="module")
def shops(clone):
    with clone() as copy:
        keys = fill(copy.admin_url)
        functions.create(copy.admin_url)
        with psycopg.connect(copy.admin_url) as connection:
            connection.execute("set local role zava_owner")
            connection.execute(PUBLISHED)
        yield copy, keys


async def answers(copy, keys, runner):
    """Give all that two tenants and head office get, asked at the same time."""
    async with Database.open(settings_for(copy, runner=runner)) as database:
        assert database.runner is (runner == "always")
        async with serving(database) as url:

            async def ask(name):
                heard = []

                async def note(params):
                    heard.append(params.data)

                options = {"logging_callback": note, "log_level": "info"}
                async with client_of(url, keys[name], **options) as client:
                    got = {tool: await client.call_tool(tool, CALLS[tool]) for tool in CALLS}
                    got["read"] = await client.read_resource("zava://stores")
                    got["asked"] = await client.get_prompt("review_store", {"days": "3"})
                    sql = f"select api.speaks('{name}')"
                    got["said"] = await client.call_tool("query", {"sql": sql})
                    return {key: value.model_dump() for key, value in got.items()}, heard, got

            names = ("seattle", "tacoma", "head-office")
            found = await asyncio.gather(*map(ask, names))
            return dict(zip(names, found, strict=True))


async def test_everything_is_the_same_in_the_runner_and_each_sees_its_own(shops):
    copy, keys = shops
    plain = await answers(copy, keys, "never")
    run = await answers(copy, keys, "always")
    for name, rows in {"seattle": 201, "tacoma": 203, "head-office": 1636}.items():
        dumped, heard, got = run[name]
        assert text_of(got["query"]).splitlines()[1].startswith(f"{rows},")
        assert text_of(got["own_orders"]) == str(rows)
        assert f"\nRows you see: {rows}\n" in text_of(got["describe_schema"])
        assert heard == [f"{level} {name}" for level in ("info", "notice", "warning")]
        assert dumped == plain[name][0]
        assert heard == plain[name][1]
