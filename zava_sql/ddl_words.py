"""The same function in other words: PostgreSQL reads its own text, and writes it differently.

A dump holds bound bodies and queries of views as PostgreSQL wrote them; restored, some get brackets
or names that they had not. Nobody changed them. So where a text differs from what the files make,
both are read once more, aside, and are the same if that makes the same of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg

from zava_sql.ddl_catalogue import clones, run_files, shadows, staged, unfiled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zava_sql.ddl_catalogue import Connection, Object

__all__ = ["reworded"]

_REPLACEABLE = ("function", "procedure", "view")


async def reworded(
    connection: Connection,
    db: Path,
    texts: Mapping[str, str],
    live: Mapping[str, Object],
    made: Mapping[str, Object],
) -> dict[str, Object]:
    """Find the live objects that are what the files make, in other words; give them in these."""
    differ = {
        key: o
        for key, o in live.items()
        if o.kind in _REPLACEABLE
        and key in made
        and made[key].body != o.body
        and replace(o, body=made[key].body).text == made[key].text
    }
    if not differ:
        return {}
    async with staged(connection, live) as aside:
        await run_files(connection, aside, {**clones(live, unfiled(db, texts, live)), **texts})
        ours = await _read_again(connection, {key: aside(made[key].body) for key in differ})
        theirs = await _read_again(connection, {key: aside(o.body) for key, o in differ.items()})
    return {
        key: replace(o, body=made[key].body)
        for key, o in differ.items()
        if ours.get(key) is not None and ours.get(key) == theirs.get(key)
    }


async def _read_again(connection: Connection, bodies: Mapping[str, str]) -> dict[str, str]:
    """Have PostgreSQL read these texts and write them; what it cannot read is left out."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        read = []
        for key, body in bodies.items():
            try:
                async with connection.transaction():
                    await connection.execute(body)
            except asyncpg.PostgresError:
                continue
            read.append(key)
        written = await shadows(connection)
        return {key: written[key].body for key in read}
    finally:
        await transaction.rollback()
