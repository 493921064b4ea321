"""What a caller may ask about. The database describes itself: see db/functions/schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from zava_sql.database import translated_connection_errors
from zava_sql.errors import QueryTimeout, ValidationError
from zava_sql.tenant import tenant_session

if TYPE_CHECKING:
    from zava_sql.database import Database
    from zava_sql.tenant import Principal

__all__ = ["describe_schema"]


async def describe_schema(database: Database, principal: Principal, name: str | None = None) -> str:
    """Describe all that this principal may use in a line each, or one table or function in full.

    Raises:
        ValidationError: nothing of that name may be read by this principal.
        QueryTimeout, LimitExceeded, ServiceUnavailable: see `errors`.
    """
    try:
        async with (
            translated_connection_errors(),
            tenant_session(database, principal) as connection,
        ):
            # PostgreSQL has no text with NUL in it, so there is nothing of such a name either.
            text: str | None = None
            if name is None or "\0" not in name:
                text = await connection.fetchval("select api.describe_schema($1)", name)
    except asyncpg.QueryCanceledError:
        raise QueryTimeout(
            "describing the schema took too long", hint="Try again in a moment."
        ) from None
    if text is None:
        raise ValidationError(
            f"there is no table or function {(name or '')[:80]!r} that you may use",
            hint="Without a name, describe_schema lists them all.",
        )
    return text
