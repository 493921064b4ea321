"""What stands between a server and its clients: it can be silent, or change what it passes on."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["Network", "network"]


class Network:
    """Passes connections on to `place`, a host and port; where `change` gives b"" it hangs up."""

    def __init__(self, place: str, change: Callable[[bytes], bytes]) -> None:
        self._place = place
        self._change = change
        self._silent = 0.0
        self.accepted: list[asyncio.Task[None]] = []
        self.port = 0

    def hush(self, *, for_ever: bool = False) -> None:
        """Be silent from now on: for those who are connected, or for everybody who comes, too."""
        self._silent = math.inf if for_ever else len(self.accepted)

    def url(self, url: str) -> str:
        """Let a URL lead through here."""
        assert self._place in url
        return url.replace(self._place, f"127.0.0.1:{self.port}")

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.accepted.append(task)
        number = len(self.accepted)
        writers = [writer]

        async def heard() -> None:
            if number <= self._silent:
                await asyncio.sleep(3_600)

        async def pass_on(
            source: asyncio.StreamReader,
            target: asyncio.StreamWriter,
            change: Callable[[bytes], bytes],
        ) -> None:
            while data := change(await source.read(65_536)):
                await heard()
                target.write(data)
            await heard()
            for one in writers:
                one.close()

        with suppress(ConnectionError, asyncio.CancelledError):
            await heard()
            there, back = await asyncio.open_connection(*self._place.split(":"))
            writers.append(back)
            await asyncio.gather(pass_on(reader, back, bytes), pass_on(there, writer, self._change))
        for one in writers:
            one.close()


@asynccontextmanager
async def network(place: str, change: Callable[[bytes], bytes] = bytes) -> AsyncIterator[Network]:
    """Stand in the way of whoever connects by the URLs that lead through here."""
    between = Network(place, change)
    proxy = await asyncio.start_server(between.connected, "127.0.0.1", 0)
    between.port = proxy.sockets[0].getsockname()[1]
    try:
        yield between
    finally:
        for task in between.accepted:
            task.cancel()
        await asyncio.gather(*between.accepted)
        proxy.close()
        await asyncio.sleep(0.05)
