"""The tools that a principal may use, kept up to date while a server runs, and who is told."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.subscriptions import PromptsListChanged, ResourcesListChanged, ToolsListChanged

from zava_sql.auth import principal_of
from zava_sql.compat_tools import compat_tools
from zava_sql.function_catalogue import FunctionCatalogue
from zava_sql.mcp_listeners import Listeners
from zava_sql.tasks import ended
from zava_sql.tools import describe_tool, function_tool, query_tool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import mcp_types as types
    from mcp.server import ServerRequestContext
    from mcp.server.session import ServerSession

    from zava_sql.agent import Agent
    from zava_sql.functions import FunctionSpec
    from zava_sql.principals import Principal
    from zava_sql.tools import Tool

__all__ = ["Toolbox"]

# Resources of which one client can be told.
_WATCHED = 100


class Toolbox:
    """All tools of one server."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._catalogue = FunctionCatalogue(agent.database, embeds=agent.embed is not None)
        tools = [describe_tool(agent), query_tool(agent)]
        if agent.database.settings.compat_tools:
            tools += compat_tools(agent, self._catalogue)
        self._always = {tool.spec.name: tool for tool in tools}
        self._made: dict[int, Tool] = {}
        self.listeners = Listeners()
        self._standing: ServerSession | None = None
        self._users = 0
        self._watching: asyncio.Task[None] | None = None

    async def of(self, principal: Principal) -> Mapping[str, Tool]:
        """Give the tools of this principal by name, in a lasting order.

        Raises:
            DatabaseError, ServiceUnavailable: see `errors`.
        """
        tools = dict(self._always)
        for tool, function in await self.functions(principal):
            if function.prompt is None:
                tools.setdefault(function.name, tool)
        return tools

    async def find(self, principal: Principal, name: str) -> Tool | None:
        """Give one of the tools of this principal, if there is one of that name.

        Raises:
            DatabaseError, ServiceUnavailable: see `errors`.
        """
        if name in self._always:
            return self._always[name]
        function = (await self._catalogue.visible_to(principal)).get(name)
        return self._tool(function) if function is not None and function.prompt is None else None

    async def functions(self, principal: Principal) -> list[tuple[Tool, FunctionSpec]]:
        """Give the functions that this principal may call, as a tool each, prompts among them.

        Raises:
            DatabaseError, ServiceUnavailable: see `errors`.
        """
        functions = (await self._catalogue.visible_to(principal)).values()
        return [(self._tool(function), function) for function in functions]

    @property
    def catalogue_age(self) -> float:
        """Say how many seconds ago the functions of the database were looked at."""
        return time.monotonic() - self._catalogue.looked_at

    async def learn(self, principal: Principal) -> None:
        """Make sure it is known which functions this principal may call.

        Raises: DatabaseError, ServiceUnavailable: see `errors`.
        """
        await self._catalogue.visible_to(principal)

    def input_schema(self, name: str) -> dict[str, Any] | None:
        """Give the schema of a function that the caller of this request may use.

        The SDK compares headers with it before anything else: what it says of a tool that is not
        for the caller would tell that there is one. No other tool has arguments that are headers.
        """
        if name in self._always:
            return None
        principal = principal_of(get_access_token())
        function = self._catalogue.find(name, principal.role) if principal else None
        return None if function is None else function.input_schema

    async def listen(
        self,
        principal: Principal,
        is_known: Callable[[], Awaitable[bool]],
        context: ServerRequestContext[Any],
        params: types.SubscriptionsListenRequestParams,
    ) -> types.SubscriptionsListenResult:
        """Tell a client of changes, as long as `is_known`; of a resource only if it may read it.

        Raises:
            DatabaseError, ServiceUnavailable: see `errors`.
        """
        asked = (params.notifications.resource_subscriptions or [])[:_WATCHED]
        resources = [one.resource for _, one in await self.functions(principal) if one.resource]
        watched = [uri for uri in asked if any(one.arguments(uri) is not None for one in resources)]
        honored = params.notifications.model_copy(update={"resource_subscriptions": watched})
        return await self.listeners.serve(
            context, params.model_copy(update={"notifications": honored}), principal.role, is_known
        )

    def remember(self, context: ServerRequestContext[Any]) -> None:
        """Note whom to tell of changes: over stdio, clients of the older era cannot listen."""
        if context.request is None:
            self._standing = context.session

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the database; may be entered more than once, and is done with the last."""
        self._users += 1
        try:
            if self._users == 1:
                await self._catalogue.refresh()
                self._follow()
                self._watching = asyncio.create_task(
                    self._catalogue.watch(
                        self._changed, self.listeners.tell_of_data, self.listeners.end_unknown
                    )
                )
            yield
        finally:
            self._users -= 1
            if self._users == 0 and self._watching is not None:
                watching, self._watching = self._watching, None
                await ended(watching)

    def _tool(self, function: FunctionSpec) -> Tool:
        tool = self._made.get(function.function_id)
        # What another caller waited for may have been read before the last change.
        if tool is None or tool.function is not function:
            tool = self._made[function.function_id] = function_tool(self._agent, function)
        return tool

    async def _changed(self) -> None:
        self._follow()
        await self.listeners.tell(ToolsListChanged(), ResourcesListChanged(), PromptsListChanged())
        if self._standing is not None:
            await self._standing.send_tool_list_changed()
            await self._standing.send_resource_list_changed()
            await self._standing.send_prompt_list_changed()

    def _follow(self) -> None:
        self._made.clear()
        self._agent.allow_functions(self._catalogue.names)
        if self._agent.cache is not None:
            self._agent.cache.leave_out(self._catalogue.volatile)
