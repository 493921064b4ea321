"""A limit on what PostgreSQL sends for one answer, before any of it becomes Python objects.

PostgreSQL has no such limit, and the driver reads an answer whole. Thousands of rows that each hold
one long value cost PostgreSQL next to nothing, but would fill this process. The connection is not
cut here: its query may run on, and whoever ends it must make sure that it stops (`stopping`).
"""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from zava_sql.errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Inflow"]

# The protocol's Terminate message. PostgreSQL reads it when its query has ended.
_TERMINATE: Final = b"X\x00\x00\x00\x04"


class Inflow(asyncio.Protocol):
    """Passes data of a connection on to the driver, until it is too much.

    Then `is_over`, for ever: whatever else comes is dropped, and the connection is of no use.
    """

    __slots__ = ("_driver", "_hand_on", "_left", "_transport", "_until", "is_over")

    def __init__(self, driver: asyncio.Protocol, transport: asyncio.Transport) -> None:
        self._driver = driver
        self._hand_on = driver.data_received
        self._transport = transport
        self._left = math.inf
        self._until: asyncio.Timeout | None = None
        self.is_over = False
        transport.set_protocol(self)

    @asynccontextmanager
    async def limited(self, most: int) -> AsyncIterator[None]:
        """Let `most` bytes in, as long as this is entered; more end it.

        Raises:
            LimitExceeded: there were more.
        """
        self._left = most
        try:
            async with asyncio.timeout(None) as self._until:
                yield
        except Exception:
            if self.is_over:
                raise LimitExceeded(
                    f"the answer has more than {most / 1e6:.0f} MB before it is cut",
                    hint="Ask for fewer rows, or for a part of long values: left(x, 200).",
                ) from None
            raise
        finally:
            self._left, self._until = math.inf, None

    def data_received(self, data: bytes) -> None:
        """Hand bytes on, or drop them."""
        self._left -= len(data)
        if self.is_over:
            return
        if self._left < 0:
            self._end()
        else:
            self._hand_on(data)

    def _end(self) -> None:
        self.is_over = True
        self._transport.write(_TERMINATE)
        if self._until is not None:
            self._until.reschedule(asyncio.get_running_loop().time())

    def eof_received(self) -> bool | None:
        """Hand the end on."""
        return self._driver.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand the loss on."""
        self._driver.connection_lost(exc)

    def pause_writing(self) -> None:
        """Hand it on that too much waits to be sent."""
        self._driver.pause_writing()

    def resume_writing(self) -> None:
        """Hand it on that more may be sent."""
        self._driver.resume_writing()
