"""Ends a connection whose query may run on, and waits until that query has ended.

Within some functions PostgreSQL notices no request to stop, for hours if the values are long. If
the connection were cut meanwhile, its backend would remain uncounted, and one tenant could fill the
server with such backends.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from asyncpg import connect_utils

if TYPE_CHECKING:
    from zava_sql.gateway import GatewayConnection

__all__ = ["stop"]

# Seconds after which a running query is asked to stop once more, and the longest interval after.
_AGAIN: Final = 0.02, 5.0

# Seconds for one request: where nobody answers it would wait for ever. And for how long nobody may
# have taken one before the connection is cut.
_REQUEST: Final = 2.0
_SILENCE: Final = 5.0

# Seconds until asyncpg cuts the connection: it wants a limit.
_NEVER: Final = 7 * 86_400.0

# When, how often and how many times the kernel asks the other end for a sign of life.
_LIFE: Final = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


async def stop(connection: GatewayConnection) -> None:
    """Have PostgreSQL stop what runs, and end the connection; cut it where nobody is there.

    Unlike terminate(), close() sends the cancel request that asyncpg has queued, and waits for the
    query. A request that comes while PostgreSQL has not begun with the query is lost on it, so it
    is sent until it is heard.
    """
    _ask_for_life(connection)
    closing = asyncio.create_task(connection.close(timeout=_NEVER))
    wait, longest = _AGAIN
    taken = time.monotonic()
    while not (await asyncio.wait({closing}, timeout=wait))[0]:
        wait = min(2 * wait, longest)
        if await _request(connection):
            taken = time.monotonic()
        elif time.monotonic() - taken > _SILENCE:
            connection.terminate()
    await closing


async def _request(connection: Any) -> bool:  # noqa: ANN401 - asyncpg's own
    """Ask PostgreSQL to stop the query; say whether it took the request."""
    try:
        async with asyncio.timeout(_REQUEST):
            await connect_utils._cancel(  # type: ignore[attr-defined]  # noqa: SLF001 - no other way
                loop=connection._loop,  # noqa: SLF001
                addr=connection._addr,  # noqa: SLF001
                params=connection._params,  # noqa: SLF001
                backend_pid=connection._protocol.backend_pid,  # noqa: SLF001
                backend_secret=connection._protocol.backend_secret,  # noqa: SLF001
            )
    except OSError:
        return False
    return True


def _ask_for_life(connection: GatewayConnection) -> None:
    """Have the kernel notice that the other end is gone: nothing more is sent to it."""
    own: socket.socket = connection._transport.get_extra_info("socket")  # noqa: SLF001
    # Within one machine there are no such options; uvloop has a ValueError for a closed socket.
    with suppress(OSError, ValueError):
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _LIFE.items():
            if hasattr(socket, name):  # macOS has the first by another name
                own.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
