"""A limit on what PostgreSQL sends for one answer, before any of it becomes Python objects.

PostgreSQL has no such limit, and the driver reads an answer whole: rows by the thousand that each
hold one long value cost the server next to nothing, and would fill this process.
"""

from __future__ import annotations

import asyncio
import math
from typing import Self

from zava_sql.errors import LimitExceeded

__all__ = ["Inflow"]


class Inflow(asyncio.Protocol):
    """Hands on to the driver what comes on its connection, which it cuts where that is too much."""

    __slots__ = ("_driver", "_hand_on", "_left", "_most", "_transport")

    def __init__(self, driver: asyncio.Protocol, transport: asyncio.Transport) -> None:
        self._driver = driver
        self._hand_on = driver.data_received
        self._transport = transport
        self._left = self._most = math.inf
        transport.set_protocol(self)

    def limited(self, most: int) -> Self:
        """Let `most` bytes in, as long as this is entered; more cut the connection.

        Raises:
            LimitExceeded: at its end, if it was cut.
        """
        self._left = self._most = most
        return self

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Have no limit any more."""
        left, self._left = self._left, math.inf
        if left < 0 and isinstance(error, Exception):
            raise LimitExceeded(
                f"the answer has more than {self._most / 1e6:.0f} MB before it is cut",
                hint="Ask for fewer rows, or for a part of long values: left(x, 200).",
            ) from None

    def data_received(self, data: bytes) -> None:
        """Hand bytes on, or cut the connection."""
        self._left -= len(data)
        if self._left < 0:
            self._transport.abort()
        else:
            self._hand_on(data)

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
