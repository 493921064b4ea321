"""Hearing of changes: one connection that listens, and another whenever it is lost.

What is said while nobody listens is not known. So it counts as said.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import asyncpg

from zava_sql.connections import CONNECTION_ERRORS, PROBE, connect
from zava_sql.errors import ZavaError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zava_sql.settings import Settings

__all__ = ["ACCESS", "CATALOGUE", "DATA", "listen"]

# Channels on which the database tells of changes: of data, of who may ask, of functions.
DATA: Final = "zava_data"
ACCESS: Final = "zava_access"
CATALOGUE: Final = "zava_catalogue"
_CHANNELS: Final = (DATA, ACCESS, CATALOGUE)

logger = logging.getLogger(__name__)


async def listen(
    settings: Settings,
    heard: Callable[[str], None],
    look: Callable[[bool], Awaitable[None]],
) -> None:
    """Say at once on which channel something was `heard`, and then `look`, until cancelled.

    Also look at first, and when nothing was heard for a while. `look` is told whether anything
    would be: a replica sends no notifications until it is promoted.
    """
    wait = settings.catalogue_interval
    woken = asyncio.Event()
    told = False

    def hear(_: object, *notification: object) -> None:
        for channel in notification[1:2] or _CHANNELS:  # all of them when the connection ends
            heard(str(channel))
        woken.set()

    while True:
        try:
            # A separate connection: a listener would occupy one of a small pool for ever.
            async with connect(settings.service_url, variable="ZAVA_SERVICE_URL") as connection:
                connection.add_termination_listener(hear)
                unheard = list(_CHANNELS)
                try:
                    while not connection.is_closed():
                        with suppress(asyncpg.ReadOnlySQLTransactionError):
                            while unheard:
                                await connection.add_listener(unheard[-1], hear)
                                unheard.pop()
                        woken.clear()
                        await look(not unheard)
                        told = False
                        try:
                            async with asyncio.timeout(wait):
                                await woken.wait()
                        except TimeoutError:
                            # Silence may mean that nobody is there.
                            await connection.fetchval("select 1", timeout=PROBE)
                finally:
                    # Before closing it: if nobody is there, closing takes a while.
                    hear(connection)
        except (ZavaError, asyncpg.PostgresError, *CONNECTION_ERRORS):
            if not told:
                told = True
                logger.warning("changes of the database cannot be heard of")
        except Exception:
            logger.warning("a look for changes failed", exc_info=True)
        await asyncio.sleep(min(wait, 1.0))
