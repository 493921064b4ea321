"""What the guard lets through, PostgreSQL runs: wrapped, in the session of a tenant."""

from __future__ import annotations

import guard_lists
import pytest
import tenants

from zava_sql.agent import Agent, Result, fetch
from zava_sql.errors import DatabaseError
from zava_sql.guard import Guard

pytestmark = pytest.mark.anyio


async def test_every_allowed_text_runs_as_a_tenant(seeded_database) -> None:
    guard = Guard({"whoami", "describe_schema"})
    async with tenants.opened(seeded_database) as database:
        principal = (await tenants.principals(database, ["seattle"]))["seattle"]
        for sql in guard_lists.allowed():
            result = await fetch(database, principal, guard.check(sql).canonical, 50)
            assert isinstance(result, Result), sql


async def test_a_position_of_the_server_is_one_in_the_callers_text(seeded_database) -> None:
    sql = "select name, /* no such */ \n  nosuch from retail.stores"
    async with tenants.opened(seeded_database) as database:
        principal = (await tenants.principals(database, ["seattle"]))["seattle"]
        with pytest.raises(DatabaseError) as caught:
            await Agent(database).query(principal, sql)
    assert caught.value.position == sql.index("nosuch") + 1
