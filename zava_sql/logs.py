"""Events on standard error: one JSON object per line, or readable lines on a terminal.

An event has fields with names of ours. It never holds what a caller wrote, what a row holds, a key
or a connection string. A statement appears as its fingerprint, which is the same for all that
differ only in literals. Of what libraries log only the place is kept, since nobody has checked what
they may quote.
"""

from __future__ import annotations

import json
import logging
import select
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

from zava_sql.calls import fingerprint

if TYPE_CHECKING:
    from zava_sql.calls import Call
    from zava_sql.errors import ZavaError

__all__ = ["call_fields", "configure", "event", "log_call", "log_error", "printable", "say"]

_OURS: Final = "zava_sql"
_FIELDS: Final = "zava_fields"

# Bytes that a pipe accepts at once, if any; and seconds for which its reader may be busy.
_PIECE: Final = 4_096
_PATIENCE: Final = 1.0

logger = logging.getLogger(__name__)


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Have events written; for programs, never at import."""
    stream = stream or sys.stderr
    handler = _Handler(stream)
    handler.setFormatter(_Lines() if stream.isatty() else _Json())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(level.upper())
    # Nor is a failed write reported, as on a full disk: that would quote a library's message and
    # arguments.
    logging.raiseExceptions = False


def say(line: str) -> None:
    """Tell whoever started the server something, if possible: it serves without as well."""
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")


def event(name: str, fields: dict[str, Any], level: int = logging.INFO) -> None:
    """Log an event; fields that are None are left out."""
    if logger.isEnabledFor(level):
        logger.log(level, name, extra={_FIELDS: fields})


def call_fields(call: Call) -> dict[str, Any]:
    """Give what is logged of a call."""
    who = call.principal
    return {
        "request_id": call.caller.request_id,
        "trace_id": call.caller.trace_id,
        "principal": who.name,
        "tool": call.tool,
        "fingerprint": None if call.sql is None else fingerprint(call.sql, who.principal_id),
        "seconds": round(call.seconds, 6),
        "rows": call.rows,
        "bytes": call.size,
        "cached": call.cached or None,
        "status": call.verdict,
        "code": call.code,
        "sqlstate": call.sqlstate,
    }


def log_call(call: Call) -> None:
    """Log a call at its end: what failed by no fault of the caller is a warning."""
    fault = call.verdict == "failed" and call.code in ("INTERNAL_ERROR", "SERVICE_UNAVAILABLE")
    level = logging.WARNING if fault else logging.INFO
    if logger.isEnabledFor(level):
        event("call", call_fields(call), level)


def log_error(error: ZavaError, principal: str | None = None, tool: str | None = None) -> None:
    """Log an error at the edge where a caller is told of it, unless its call was logged."""
    if not error.told:
        fields = {"code": error.code, "principal": principal, "tool": tool}
        event("error", fields, logging.WARNING)


def _event(record: logging.LogRecord) -> dict[str, Any]:
    made: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
    }
    fields = record.__dict__.get(_FIELDS)
    if fields is not None:
        made["event"] = record.msg
        made.update((name, value) for name, value in fields.items() if value is not None)
    elif record.name.partition(".")[0] == _OURS:
        made |= {"event": "message", "logger": record.name, "message": record.getMessage()}
    else:
        made |= {"event": "library", "logger": record.name, "line": record.lineno}
    if record.exc_info and record.exc_info[0]:
        made["error"] = record.exc_info[0].__name__
    return made


class _Handler(logging.StreamHandler[TextIO]):
    """Drops what nobody reads: a full pipe would block this process, for all callers.

    Some clients start a server, and never read its standard error.
    """

    _is_read = True

    def emit(self, record: logging.LogRecord) -> None:
        """Write an event, as far as there is room for it."""
        try:
            text = self.format(record) + self.terminator
            for at in range(0, len(text), _PIECE):
                if not self._has_room():
                    return
                self.stream.write(text[at : at + _PIECE])
                self.stream.flush()
        except Exception:  # noqa: BLE001 - as in logging
            self.handleError(record)

    def _has_room(self) -> bool:
        try:
            place = select.poll()
            place.register(self.stream, select.POLLOUT)
        except (AttributeError, OSError, ValueError):
            return True  # no such thing on this platform, or no file
        # Waited for once: not again until it is read.
        self._is_read = bool(place.poll(1_000 * _PATIENCE if self._is_read else 0))
        return self._is_read


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_event(record), default=str)


class _Lines(logging.Formatter):
    """For people: the time of day, what happened, and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        made = _event(record)
        when = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        level = "" if record.levelno == logging.INFO else f"{made['level']}: "
        what = made.get("message") or made["event"]
        hidden = ("time", "level", "event", "message", "logger")
        rest = " ".join(f"{name}={value}" for name, value in made.items() if name not in hidden)
        line = f"{when} {level}{what} {rest}".rstrip()
        return printable(line)


def printable(text: str) -> str:
    """Give a text in one line, in which nothing moves the cursor of who reads it."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
