"""Which functions of the database are tools, kept up to date while a server runs.

The catalogue is read every few seconds, and at once after `notify zava_catalogue`. Changes of data
are announced by `notify zava_data`, changes of identities by `notify zava_access`. Nothing here
decides what may run: PostgreSQL judges every call by the role of its caller.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from zava_sql.changes import ACCESS, DATA, listen
from zava_sql.functions import FunctionSpec, read_functions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zava_sql.database import Database
    from zava_sql.principals import Principal

__all__ = ["FunctionCatalogue"]

logger = logging.getLogger(__name__)


class FunctionCatalogue:
    """The tools of schema api; `names` are of all its functions, shown or not, some `volatile`."""

    def __init__(self, database: Database, *, embeds: bool = False) -> None:
        self._database = database
        self._embeds = embeds
        self._fingerprint = ""
        self._tools: dict[int, FunctionSpec] = {}
        self._visible: dict[str, dict[str, FunctionSpec]] = {}
        self.names: frozenset[str] = frozenset()
        self.volatile: frozenset[str] = frozenset()
        self.looked_at = time.monotonic()

    async def refresh(self) -> bool:
        """Look whether anything changed, and if so read it all.

        Raises:
            DatabaseError, ServiceUnavailable: see `errors`.
        """
        (seen,) = await self._database.service_rows("select zava.api_fingerprint() as fingerprint")
        self.looked_at = time.monotonic()
        if seen["fingerprint"] == self._fingerprint:
            return False
        rows = await self._database.service_rows("select * from zava.api_functions()")
        tools, left_out = read_functions(map(dict, rows), embeds=self._embeds)
        for line in left_out:
            logger.warning("%s", line)
        self._tools = {tool.function_id: tool for tool in tools}
        self._visible = {}
        functions = [row for row in rows if row["kind"] == "f"]
        self.names = frozenset(row["function_name"] for row in functions)
        self.volatile = frozenset(
            row["function_name"] for row in functions if row["volatility"] == "v"
        )
        self._fingerprint = seen["fingerprint"]
        return True

    async def visible_to(self, principal: Principal) -> dict[str, FunctionSpec]:
        """Give the tools that this principal's role may call, by name and in its order.

        Raises:
            DatabaseError, ServiceUnavailable: see `errors`.
        """
        visible = self._visible.get(principal.role)
        if visible is None:
            tools, known = self._tools, self._visible
            rows = (
                await self._database.service_rows(
                    "select f.function_id from zava.api_functions_of($1) as f", principal.role
                )
                if tools
                else []
            )
            may = [tools[row["function_id"]] for row in rows if row["function_id"] in tools]
            # Into the catalogue it was read for: that may have been replaced meanwhile.
            visible = known[principal.role] = {
                tool.name: tool for tool in sorted(may, key=lambda tool: tool.name)
            }
        return visible

    def find(self, name: str, role: str) -> FunctionSpec | None:
        """Find what a role may call by its name, where it is known already what that is."""
        return self._visible.get(role, {}).get(name)

    async def watch(
        self,
        changed: Callable[[], Awaitable[None]],
        updated: Callable[[], Awaitable[None]],
        identified: Callable[[], Awaitable[None]],
    ) -> None:
        """Look for changes until cancelled, and tell of each, of data, and of who may ask."""
        # What was said before is not known.
        told = {DATA, ACCESS}

        async def look(_: bool) -> None:  # noqa: FBT001 - what nobody tells is seen as well
            await self._database.refresh()
            if await self.refresh():
                await changed()
            for channel, tell in ((ACCESS, identified), (DATA, updated)):
                if channel in told:
                    told.discard(channel)
                    await tell()

        await listen(self._database.settings, told.add, look)
