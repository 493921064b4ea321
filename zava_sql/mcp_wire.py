"""Connections over HTTP/1.1, on which nobody keeps the server busy before it is known who sends."""

from __future__ import annotations

from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["WireProtocol"]

# Bytes of the lines before a body, of which a token may have half.
_HEAD: Final = 32_768

# A body comes in so many pieces, and in more where these have so many bytes on average. Each piece
# takes as long to be read as a kilobyte, and all that a connection has brought are read in one go.
_PIECES: Final = 256
_PIECE_BYTES: Final = 256


class _Reader(h11.Connection):
    """Refuses a body in crumbs."""

    _pieces = 0
    _bytes = 0

    def next_event(self) -> Any:  # noqa: ANN401 - h11's own
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._pieces = self._bytes = 0
        elif isinstance(event, h11.Data):
            self._pieces += 1
            self._bytes += len(event.data)
            if self._pieces > _PIECES + self._bytes // _PIECE_BYTES:
                raise h11.RemoteProtocolError("a body in crumbs")
        return event


class WireProtocol(H11Protocol):
    """Uvicorn's, with that reader."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*args, **options)
        self.conn = _Reader(h11.SERVER, _HEAD)

    def send_400_response(self, msg: str) -> None:
        """Say that a request cannot be read; where it has an answer already, just hang up."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()
