"""Connections over HTTP/1.1, on which nobody keeps the server busy before it is known who sends."""

from __future__ import annotations

import re
from typing import Any, Final

import h11
from h11._readers import ChunkedReader
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["WireProtocol"]

# Bytes of the lines before a body, of which a token may have half; and how many they may be.
_HEAD: Final = 32_768
_LINES: Final = 200
_BLANK: Final = re.compile(rb"\n\r?\n")

# A body comes in so many pieces, and in more where these have so many bytes on average. Each piece
# takes as long to be read as a kilobyte, and all that a connection has brought are read in one go.
_PIECES: Final = 256
_PIECE_BYTES: Final = 256


# Of a request with both a proxy may believe one and this server the other: what follows would be
# taken for the beginning of somebody else's request (RFC 9112, 6.1).
_LENGTHS: Final = {b"content-length", b"transfer-encoding"}


class _Chunks(ChunkedReader):
    """Refuses trailers after a body, which nobody reads: they take as long as those before it."""

    def __call__(self, buf: Any) -> Any:  # noqa: ANN401 - h11's own
        if self._reading_trailer and bytes(buf)[:1] not in (b"", b"\r", b"\n"):
            raise h11.RemoteProtocolError("trailers after a body")
        return super().__call__(buf)


class _Connection(h11.Connection):
    """Refuses a body in tiny chunks or with two lengths and, unparsed, too much before one."""

    _pieces = 0
    _bytes = 0
    _head = b""

    def send(self, event: Any) -> Any:  # noqa: ANN401 - h11's own
        """Give the head of an answer with its body, which follows at once where its length is told.

        In two packets they would wake the client twice.
        """
        data = super().send(event)
        if isinstance(event, h11.Response) and b"content-length" in dict(event.headers):
            self._head, data = data, b""
        elif self._head:
            self._head, data = b"", self._head + (data or b"")
        return data

    def next_event(self) -> Any:  # noqa: ANN401 - h11's own
        if self.their_state is h11.IDLE:
            head = _BLANK.split(self.trailing_data[0], 1)[0]
            if len(head) > _HEAD or head.count(b"\n") > _LINES:
                raise h11.RemoteProtocolError("too much before a body")
        event = super().next_event()
        if isinstance(event, h11.Request):
            if _LENGTHS.issubset(name for name, _ in event.headers):
                raise h11.RemoteProtocolError("two lengths of a body")
            self._pieces = self._bytes = 0
            if isinstance(self._reader, ChunkedReader):
                self._reader = _Chunks()
        elif isinstance(event, h11.Data):
            self._pieces += 1
            self._bytes += len(event.data)
            if self._pieces > _PIECES + self._bytes // _PIECE_BYTES:
                raise h11.RemoteProtocolError("a body in too many small chunks")
        return event


class WireProtocol(H11Protocol):
    """Uvicorn's, on that connection."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*args, **options)
        self.conn = _Connection(h11.SERVER, _HEAD)

    def send_400_response(self, msg: str) -> None:
        """Say that a request cannot be read; where it has an answer already, just hang up."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()
