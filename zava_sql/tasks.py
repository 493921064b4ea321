"""Tasks that run beside everything else, and how they end."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["ended"]

# Seconds after which a task that goes on is cancelled once more.
_AGAIN = 1.0


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it has ended, and raise what else it ended with.

    Once may not be enough: a connection that is silent, closed on the way out, raises an error of
    its own in the place of the cancellation, and whoever is there for errors goes on.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN)
    if not task.cancelled():
        task.result()
