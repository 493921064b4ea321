"""Tell the client that has started a server over stdio why there is none.

Most clients show their user what the protocol says, and hide standard error in a log: without an
answer that is "connection closed".
"""

from __future__ import annotations

import json
import os
import select
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from zava_sql.errors import ZavaError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["refusing"]

# Seconds: a client has sent its first request long before a server is up, and the next one at once.
_SILENT: Final = 1.0
_LONGEST: Final = 5.0

_INTERNAL_ERROR: Final = -32603


@contextmanager
def refusing() -> Iterator[None]:
    """Have an error answer what is asked on standard input."""
    try:
        yield
    except ZavaError as error:
        _refuse(error)
        raise


def _refuse(error: ZavaError) -> None:
    """Answer requests with this error, until none comes; people read it."""
    if os.isatty(0):
        return
    message = f"{error.code}: {error.message}"
    if error.hint:
        message = f"{message}\nhint: {error.hint}"
    told = {"code": _INTERNAL_ERROR, "message": message}
    end = time.monotonic() + _LONGEST
    rest = b""
    with suppress(OSError):
        while time.monotonic() < end and select.select([0], [], [], _SILENT)[0]:
            given = os.read(0, 1 << 16)
            if not given:
                return
            *lines, rest = (rest + given).split(b"\n")
            for line in lines:
                asked = _id_of(line)
                if asked is not None:
                    answer = {"jsonrpc": "2.0", "id": asked, "error": told}
                    os.write(1, f"{json.dumps(answer)}\n".encode())


def _id_of(line: bytes) -> str | int | None:
    """Give the id of a request; None of what wants no answer."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or "method" not in message:
        return None
    asked = message.get("id")
    return asked if isinstance(asked, str) or type(asked) is int else None
