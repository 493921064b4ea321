"""Standard input and output, in threads that the end of the process need not wait for.

The SDK's own sit in calls that nothing can interrupt: a signal would take effect with the client's
next line only, and never where the client has stopped reading.
"""

from __future__ import annotations

import asyncio
import os
import queue
import re
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import anyio

from zava_sql.errors import ServiceUnavailable
from zava_sql.mcp_messages import refusal_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["Output", "lines"]

# Seconds in which a client may read the rest of what is being written to it.
_FAREWELL: Final = 1.0

# One escape of JSON: a surrogate pair, half of one, or any other.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


class Output:
    """Standard output for one message at a time; what else is printed goes to standard error.

    `stop` is called when it cannot be written any more.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), stop
        self._error: OSError | None = None
        self._given: queue.SimpleQueue[tuple[bytes, Future[None]]] = queue.SimpleQueue()
        self._fd = os.dup(1)
        os.dup2(2, 1)
        threading.Thread(target=self._write_on, daemon=True).start()

    async def write(self, text: str) -> None:
        """Return when it is written, or cannot be."""
        done: Future[None] = Future()
        self._given.put((text.encode(), done))
        writing = {asyncio.wrap_future(done)}
        try:
            await asyncio.wait(writing)
        except asyncio.CancelledError:
            # A line is whole for a client that reads; for one that does not it does not matter.
            with anyio.CancelScope(shield=True):
                await asyncio.wait(writing, timeout=_FAREWELL)
            raise

    async def flush(self) -> None:
        """Do nothing: what was given is written."""

    def close(self) -> None:
        """Give standard output back.

        Raises:
            ServiceUnavailable: it could not be written. That a client has hung up is no error.
        """
        os.dup2(self._fd, 1)
        if self._error is not None and not isinstance(self._error, BrokenPipeError):
            raise ServiceUnavailable(
                f"standard output cannot be written: {os.strerror(self._error.errno or 0).lower()}",
                hint="It is for a client, which reads it.",
            ) from self._error

    def _write_on(self) -> None:
        while True:
            data, done = self._given.get()
            try:
                while data:
                    data = data[os.write(self._fd, data) :]
            except OSError as error:
                self._error = error
                with suppress(RuntimeError):  # a loop that has ended
                    self._loop.call_soon_threadsafe(self._stop)
            done.set_result(None)


async def lines(output: Output) -> AsyncIterator[str]:
    """Read standard input, to its end or the end of the loop; what is no message is answered."""
    loop = asyncio.get_running_loop()
    found: asyncio.Queue[bytes | None] = asyncio.Queue()

    def read() -> None:
        # A terminal that is gone reads as an error; a loop that has ended wants no more lines.
        with suppress(RuntimeError):
            with suppress(OSError), os.fdopen(0, "rb", closefd=False) as stdin:
                for line in stdin:
                    loop.call_soon_threadsafe(found.put_nowait, line)
            loop.call_soon_threadsafe(found.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await found.get()) is not None:
        text = _without_halves(line.decode("utf-8", "replace"))
        refusal = refusal_of(text)
        if refusal is None:
            yield text
        else:
            await output.write(f"{refusal}\n")


def _without_halves(line: str) -> str:
    """Replace half a surrogate pair by NUL, which is refused where it stands.

    The SDK takes such a line for no JSON and says nothing, so that its client waits for ever.
    """
    if "\\ud" not in line and "\\uD" not in line:
        return line
    return _ESCAPE.sub(lambda found: "\\u0000" if found[1] else found[0], line)
