"""How much one call may consume: caps by role, and the cost of its plan.

An administrator owns the caps of a role, by `ALTER ROLE … SET zava.max_rows = '500'`; they only
tighten what the settings of the server allow.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from pydantic import ValidationError

from zava_sql.errors import LimitExceeded
from zava_sql.tenant import tenant_session

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zava_sql.database import Database
    from zava_sql.principals import Principal
    from zava_sql.settings import Settings

__all__ = ["Caps", "check_cost", "explained"]

# What a role may have a tighter cap for.
_NAMES: Final = frozenset(
    {
        "max_rows",
        "max_rows_limit",
        "max_bytes",
        "max_cell",
        "max_cost",
        "max_concurrent",
        "statement_timeout",
    }
)

# Seconds for EXPLAIN, and bytes of what it says. It writes conditions out, what they name in each
# other too: of 2,000 characters it can make gigabytes, where a plan that is but run takes none of
# that.
_PLANNING: Final = 3.0
_PLAN_BYTES: Final = 4_000_000

logger = logging.getLogger(__name__)


class Caps:
    """The settings as they are for each role."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rows: list[tuple[str, str, str]] = []
        self._by_role: dict[str, Settings] = {}

    def of(self, role: str) -> Settings:
        """Give the settings with the caps of this role in them."""
        return self._by_role.get(role, self._settings)

    def update(self, rows: Iterable[asyncpg.Record]) -> None:
        """Take over what `zava.role_caps()` says; a cap that makes no sense is told and left."""
        found = [(row["role_name"], row["cap"], row["value"]) for row in rows]
        if found == self._rows:
            return
        self._rows = found
        by_role: dict[str, dict[str, object]] = {}
        for role, name, value in found:
            tightened = self._tightened(name, value)
            if tightened is None:
                logger.warning("role %s: zava.%s is no cap, or not a valid one", role, name)
            else:
                by_role.setdefault(role, {})[name] = tightened
        self._by_role = {
            role: self._settings.model_copy(update=caps) for role, caps in by_role.items()
        }

    def _tightened(self, name: str, value: str) -> float | None:
        if name not in _NAMES:
            return None
        try:
            checked = type(self._settings)(**{**self._settings.model_dump(), name: value})
        except ValidationError:
            return None
        asked: float = getattr(checked, name)
        allowed: float | None = getattr(self._settings, name)
        return asked if allowed is None else min(asked, allowed)


async def check_cost(
    database: Database,
    principal: Principal,
    text: str,
    values: Sequence[object],
    allowed: float | None,
) -> None:
    """Have the plan of a query estimated for its principal, where that is wanted.

    Raises:
        LimitExceeded: it would cost more than is allowed, or the estimate itself does.
    """
    if allowed is None:
        return
    plan = await explained(database, principal, text, values)
    if plan["Total Cost"] > allowed:
        # The estimate is not shown: it comes from statistics over the rows of all tenants.
        raise LimitExceeded(
            "the plan of this query is estimated to cost more than is allowed",
            hint="Filter by store and date, join fewer tables, or ask for one period at a time.",
        )


async def explained(
    database: Database, principal: Principal, text: str, values: Sequence[object] = ()
) -> dict[str, Any]:
    """Give the plan that PostgreSQL makes of a query for this principal.

    Raises:
        LimitExceeded: it is too large, or no connection came free.
    """
    caps = database.caps.of(principal.role)
    seconds = min(caps.statement_timeout, _PLANNING)
    caps = caps.model_copy(update={"statement_timeout": seconds})
    try:
        async with tenant_session(database, principal, caps=caps) as connection:
            # An empty name: the server forgets the statement with the next one.
            statement = await connection.prepare(f"explain (format json) {text}", name="")
            try:
                async with connection.inflow.limited(_PLAN_BYTES):
                    said = await statement.fetchval(*values)
            except LimitExceeded:
                raise _too_large() from None
    except asyncpg.QueryCanceledError:
        raise _too_large() from None
    plan: dict[str, Any] = json.loads(said)[0]["Plan"]
    return plan


def _too_large() -> LimitExceeded:
    return LimitExceeded(
        "the plan of this query is so large that it cannot be estimated",
        hint="Ask in smaller steps: nest fewer queries.",
    )
