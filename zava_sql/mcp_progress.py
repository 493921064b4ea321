"""Progress for a client that waits: PostgreSQL does not say how far a query is, but time passes."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp.server import ServerRequestContext

__all__ = ["reported"]


@asynccontextmanager
async def reported(context: ServerRequestContext[Any]) -> AsyncIterator[None]:
    """Tell a client that asked for it how many seconds its call has run, every second."""
    if not (context.meta and context.meta.get("progress_token") is not None):
        yield
        return

    async def tell() -> None:
        # A client that hung up is told nothing; its call is being cancelled.
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            for second in itertools.count(1):
                await asyncio.sleep(1)
                await context.session.report_progress(second, message=f"running for {second} s")

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
