"""Types whose values are read as PostgreSQL writes them, since the driver would lose something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zava_sql.gateway import GatewayConnection

__all__ = ["read_arrays", "read_exactly", "read_rows"]

# PostgreSQL's own text of these is exact and keeps what Python's types lose: months of intervals,
# infinity, years before 1 and after 9999, trailing zeros. Of bits and points it saves Python from
# making and writing each, which takes longer than anybody waits.
_TEXT_TYPES = (
    "numeric",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "bytea",
    "uuid",
    "bit",
    "varbit",
    "inet",
    "cidr",
    "path",
    "polygon",
)

# Types made of numbers, which PostgreSQL writes in its own way. The driver does not treat them as
# scalars, so it must be told by OID.
_TEXT_MADE_OF_OTHERS = {
    "point": 600,
    "lseg": 601,
    "box": 603,
    "line": 628,
    "circle": 718,
    # Rows without a type of their own: the driver reads their fields in the format that is set for
    # columns, which gives wrong values.
    "record": 2249,
    "record[]": 2287,
}

# Arrays of types that may be written as no character at all: bits, vectors of words, citext,
# hstore. As text, the driver leaves such an element out, and whoever looks at its place ends the
# process. So these arrays are read as PostgreSQL writes them. pgvector's have no such elements. And
# all ranges: the driver cannot read those of such types, and for two seconds makes objects of a
# million others.
_OF_TODAY = """
with recursive risky as (
    select t.oid
    from pg_catalog.pg_type as t
    where t.typtype = 'b'
        and case t.typnamespace
            when 'pg_catalog'::pg_catalog.regnamespace
                then t.typname in ('bit', 'varbit', 'tsvector', 'tsquery', 'refcursor', 'xml')
            else t.typname not in ('vector', 'halfvec', 'sparsevec')
        end
        or t.typtype = 'e'
        and exists (
            select from pg_catalog.pg_enum as e where e.enumtypid = t.oid and e.enumlabel = ''
        )
    union all
    select d.oid
    from risky as r
    join pg_catalog.pg_type as d on d.typbasetype = r.oid and d.typtype = 'd'
)
select t.typname || '[]', n.nspname, t.typarray
from risky as r
join pg_catalog.pg_type as t on t.oid = r.oid
join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
where t.typarray <> 0
union all
select t.typname, n.nspname, t.oid
from pg_catalog.pg_type as t
join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
where t.typtype in ('r', 'm')
"""


async def read_exactly(connection: GatewayConnection) -> None:
    """Read all these as text, in a transaction, which a pooler keeps on one backend."""
    for name in _TEXT_TYPES:
        # As the type text is read: by the driver's own code, without a call for each value.
        await connection.set_builtin_type_codec(
            name, schema="pg_catalog", codec_name="text", format="text"
        )
    for name, number in _TEXT_MADE_OF_OTHERS.items():
        _read_as_text(connection, name, number)
    await read_arrays(connection)


async def read_arrays(connection: GatewayConnection) -> None:
    """Read ranges, and the arrays that may not be taken apart, as text: those of today."""
    for name, schema, number in await connection.fetch(_OF_TODAY):
        # Told of one, the driver forgets all arrays that it has looked up: were it told each time,
        # a statement with two that are met for the first time after each other would never have
        # both.
        if number not in connection.read_as_text:
            connection.read_as_text.add(number)
            _read_as_text(connection, name, number, schema)


def read_rows(
    connection: GatewayConnection, types: Sequence[asyncpg.Record]
) -> Sequence[asyncpg.Record]:
    """Read row types with a field that is read as text, as text themselves; give the others.

    The driver reads no such row. `types` are described as it does, each after those it is made of.
    """
    known: Any = connection._protocol.get_settings()  # noqa: SLF001
    for index, described in enumerate(types):
        try:
            known.register_data_types([described])
        except asyncpg.UnsupportedClientFeatureError:
            _read_as_text(connection, described["name"], described["oid"], described["ns"])
            # Told of one, the driver forgets those before it.
            return read_rows(connection, [*types[:index], *types[index + 1 :]])
    return types


def _read_as_text(
    connection: GatewayConnection,
    name: str,
    number: int,
    schema: str = "pg_catalog",
) -> None:
    known: Any = connection._protocol.get_settings()  # noqa: SLF001
    known.set_builtin_type_codec(number, name, schema, "scalar", "text", "text")
