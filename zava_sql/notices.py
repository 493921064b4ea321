"""Messages of functions of the database while they run (`raise notice` and the like).

Only PL/pgSQL's RAISE is passed on, which holds the words of a function's author: messages of
PostgreSQL itself may quote more. A connection is listened to only while one call has it.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zava_sql.gateway import GatewayConnection

__all__ = ["heard", "hears"]

_RAISE: Final = "exec_stmt_raise"

# Called with the severity, as PostgreSQL has it in English, and the text; says if it wants more.
hears: ContextVar[Callable[[str, str], bool] | None] = ContextVar("hears", default=None)


@contextmanager
def heard(connection: GatewayConnection) -> Iterator[None]:
    """Let whoever makes this call hear what functions say on its connection."""
    hear = hears.get()
    if hear is None:
        yield
        return

    ended = False

    def pass_on(_: object, message: asyncpg.PostgresLogMessage) -> None:
        # The driver calls a little later: a call that was cut off meanwhile has nobody to tell.
        if ended or message.server_source_function != _RAISE:
            return
        if not hear(message.severity_en or "", message.message or ""):
            stop()

    def stop() -> None:
        nonlocal ended
        ended = True
        with suppress(asyncpg.InterfaceError):  # a lost connection has no listeners any more
            connection.remove_log_listener(pass_on)

    connection.add_log_listener(pass_on)
    try:
        yield
    finally:
        stop()
