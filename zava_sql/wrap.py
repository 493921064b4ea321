"""The text of a query within brackets, and PostgreSQL's description of its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zava_sql.errors import DatabaseError

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.prepared_stmt import PreparedStatement

    from zava_sql.gateway import GatewayConnection
    from zava_sql.result import Column

__all__ = ["HEAD", "Prepared", "prepared", "unsendable", "wrapped"]

# The newline keeps a trailing comment from swallowing the bracket. Since only a query can stand in
# the brackets, PREPARE, SET, COMMIT and the like are errors: the wrap is a security boundary.
HEAD: Final = "select * from (\n"
_TAIL: Final = "\n) as q limit "

# Values of an answer, of which far fewer are shown: while they are turned into one, nobody else is
# served.
_MOST_VALUES: Final = 1_000_000

# Bytes that PostgreSQL may send for an answer, of which ZAVA_MAX_BYTES are shown. Of arrays each
# element becomes an object, and nobody else is served until those of a value are made.
_MOST_BYTES: Final = 32_000_000
_MOST_BYTES_OF_ARRAYS: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that returns one row more than `rows`, if there is one."""

    text: str
    statement: PreparedStatement[asyncpg.Record]
    columns: tuple[Column, ...]
    rows: int

    @property
    def most_bytes(self) -> int:
        """Say how many bytes of an answer are read."""
        has_arrays = any(column.type.endswith("[]") for column in self.columns)
        return _MOST_BYTES_OF_ARRAYS if has_arrays else _MOST_BYTES


def wrapped(sql: str, rows: int) -> str:
    """Put a query in the brackets, and ask for one row more than these."""
    return f"{HEAD}{sql}{_TAIL}{rows + 1}"


async def prepared(
    connection: GatewayConnection, sql: str, rows: int, values: int, *, keep: bool
) -> Prepared:
    """Have a query described that is given so many values; of wide rows it gives fewer.

    Raises:
        DatabaseError: a value is missing.
    """
    text = wrapped(sql, rows)
    statement = await _statement(connection, text, keep=keep)
    columns = connection.columns(statement)
    if len(statement.get_parameters()) > values:
        raise DatabaseError(
            "there is no value for the parameter $1",
            sqlstate="42P02",
            hint="Write the value itself into the statement.",
        )
    if rows * len(columns) > _MOST_VALUES:
        rows = _MOST_VALUES // len(columns)
        text = wrapped(sql, rows)
        statement = await _statement(connection, text, keep=keep)
    return Prepared(text, statement, columns, rows)


async def _statement(
    connection: GatewayConnection, text: str, *, keep: bool
) -> PreparedStatement[asyncpg.Record]:
    return await (connection.statement(text) if keep else connection.prepare(text, name=""))


def unsendable(said: str = "") -> DatabaseError:
    """Say that a value of a column cannot arrive; `said` is what the driver says of it."""
    name = said.partition(" type ")[2].partition(": ")[0]
    return DatabaseError(
        f"a column is of a type that cannot be sent{name and f': {name}'}",
        sqlstate="0A000",
        hint="Cast it to text, as in x::text; a function that gives rows stands in FROM.",
    )
