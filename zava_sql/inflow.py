"""A limit on what PostgreSQL sends for one answer, before any of it becomes Python objects.

PostgreSQL has no such limit, and the driver reads an answer whole: rows by the thousand that each
hold one long value cost the server next to nothing, and would fill this process.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zava_sql.errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Inflow"]


class Inflow(asyncio.Protocol):
    """Hands on to the driver what comes on its connection, which it cuts where that is too much."""

    def __init__(self, driver: asyncio.Protocol, transport: asyncio.Transport) -> None:
        self._driver = driver
        self._transport = transport
        self._left: float = math.inf
        transport.set_protocol(self)

    @contextmanager
    def limited(self, most: int) -> Iterator[None]:
        """Let `most` bytes in; the connection is lost with the answer that has more.

        Raises:
            LimitExceeded: it was cut.
        """
        self._left = most
        try:
            yield
        except Exception:
            if self._left < 0:
                raise LimitExceeded(
                    f"the answer has more than {most // 1_000_000} MB before it is cut",
                    hint="Ask for fewer rows, or for a part of long values: left(x, 200).",
                ) from None
            raise
        finally:
            self._left = math.inf

    def data_received(self, data: bytes) -> None:
        """Hand bytes on, or cut the connection."""
        self._left -= len(data)
        if self._left < 0:
            self._transport.abort()
        else:
            self._driver.data_received(data)

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
