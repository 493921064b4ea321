"""Waiting for what happens by itself: every test as long, so that none fails on a busy machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["until"]


async def until(question: Callable[[], Any]) -> Any:
    """Ask again until the answer is true, and give it."""
    async with asyncio.timeout(60):
        while not (answer := question()):  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.01)
    return answer
