"""Slow calls: an event for each, with the shape of its plan where that is asked for.

A plan quotes the statement: literals in conditions, names that the caller made up. So of each node
only what comes from PostgreSQL or the catalogue is kept.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from zava_sql.caps import explained
from zava_sql.logs import call_fields, event

if TYPE_CHECKING:
    from zava_sql.calls import Call
    from zava_sql.database import Database

__all__ = ["SlowCalls", "plan_shape"]

_KEPT: Final = {
    "Node Type": "node",
    "Relation Name": "relation",
    "Index Name": "index",
    "Join Type": "join",
    "Strategy": "strategy",
    "Total Cost": "cost",
    "Plan Rows": "rows",
    "Workers Planned": "workers",
}


class SlowCalls:
    """Tells of calls that took longer than ZAVA_SLOW_QUERY; an observer of an agent."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._explaining: asyncio.Task[None] | None = None

    def __call__(self, call: Call) -> None:
        """Look at a call at its end."""
        settings = self._database.settings
        if call.seconds < settings.slow_query:
            return
        idle = self._explaining is None or self._explaining.done()
        # One at a time, and not of functions: they are one node.
        if settings.slow_query_plan and idle and call.tool == "query" and call.sql is not None:
            self._explaining = asyncio.get_running_loop().create_task(self._explain(call, call.sql))
        else:
            event("slow", call_fields(call), logging.WARNING)

    async def _explain(self, call: Call, sql: str) -> None:
        plan: dict[str, Any] | None = None
        database, who = self._database, call.principal
        caps = database.caps.of(who.role)
        try:
            # Under a turn of the tenant: planning alone may be what made the query slow.
            async with database.turns.turn(who.role, caps.max_concurrent, caps.pool_timeout):
                found = await explained(database, who, f"select * from (\n{sql}\n) as q")
            plan = plan_shape(found)
        except Exception as error:  # noqa: BLE001 - the event is what matters
            logging.getLogger(__name__).debug("no plan: %s", type(error).__name__)
        event("slow", call_fields(call) | {"plan": plan}, logging.WARNING)


def plan_shape(node: dict[str, Any]) -> dict[str, Any]:
    """Keep of a plan what quotes nothing of the statement."""
    shape = {ours: node[name] for name, ours in _KEPT.items() if name in node}
    below = [plan_shape(child) for child in node.get("Plans", ())]
    return shape | ({"plans": below} if below else {})
