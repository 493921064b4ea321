"""Clients that listen for changes (2026-07-28), as long as their callers would be let in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anyio
import mcp_types as types
from mcp import MCPError
from mcp.server.subscriptions import (
    SUBSCRIPTION_ID_META_KEY,
    InMemorySubscriptionBus,
    ListenHandler,
    ResourceUpdated,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.server import ServerRequestContext
    from mcp.server.subscriptions import ServerEvent

__all__ = ["Listeners"]

# Streams of one tenant: what the SDK allows to all together is left to the others.
_STREAMS: Final = 100


@dataclass(frozen=True, slots=True)
class _Stream:
    role: str
    resources: list[str]
    is_known: Callable[[], Awaitable[bool]]


class Listeners:
    """The streams of one server."""

    def __init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self._handler = ListenHandler(self._bus)
        self._open: dict[anyio.CancelScope, _Stream] = {}

    async def serve(
        self,
        context: ServerRequestContext[Any],
        params: types.SubscriptionsListenRequestParams,
        role: str,
        is_known: Callable[[], Awaitable[bool]],
    ) -> types.SubscriptionsListenResult:
        """Tell a client of changes until it hangs up, or until its caller is known no more."""
        if sum(stream.role == role for stream in self._open.values()) >= _STREAMS:
            raise MCPError(types.INVALID_REQUEST, f"{_STREAMS} clients of this tenant listen")
        resources = params.notifications.resource_subscriptions or []
        with anyio.CancelScope() as scope:
            self._open[scope] = _Stream(role, resources, is_known)
            try:
                return await self._handler(context, params)
            finally:
                del self._open[scope]
        meta = {SUBSCRIPTION_ID_META_KEY: context.request_id}
        return types.SubscriptionsListenResult(_meta=meta)

    async def tell(self, *events: ServerEvent) -> None:
        """Tell all who want to know, and may."""
        await self.end_unknown()
        for event in events:
            await self._bus.publish(event)

    async def tell_of_data(self) -> None:
        """Tell that data changed, whatever resources are made of them."""
        watched = {uri for stream in self._open.values() for uri in stream.resources}
        await self.tell(*map(ResourceUpdated, sorted(watched)))

    async def end_unknown(self) -> None:
        """End the streams of keys that were revoked or expired, and of disabled principals."""
        for scope, stream in list(self._open.items()):
            if not await stream.is_known():
                scope.cancel()

    def close(self) -> None:
        """End all of them in good order."""
        self._handler.close()
