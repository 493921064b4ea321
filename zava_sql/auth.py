"""Bearer keys of requests over HTTP, and the principal that the verified key of a request names.

Nothing is remembered from one request to the next: a key that was revoked, that expired or whose
principal was disabled is refused with the very next request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken

from zava_sql.errors import AuthorizationError, ServiceUnavailable
from zava_sql.tenant import Principal, authenticate

if TYPE_CHECKING:
    from zava_sql.database import Database

__all__ = ["KeyVerifier", "request_principal"]


class KeyVerifier:
    """The SDK's TokenVerifier over the keys that the database knows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def verify_token(self, token: str) -> AccessToken | None:
        """Accept a valid key; None makes the SDK answer 401.

        Raises:
            ServiceUnavailable: the database that knows the keys does not answer.
        """
        try:
            principal = await authenticate(self._database, token)
        except AuthorizationError:
            return None
        except asyncpg.PostgresError as error:
            raise ServiceUnavailable(
                "keys cannot be checked now", hint="Try again in a moment."
            ) from error
        # The key itself is not kept: an AccessToken may end up in a log.
        return AccessToken(
            token="-",  # noqa: S106 - the absence of one
            client_id=principal.name,
            subject=principal.name,
            scopes=[],
            claims={"principal": principal},
        )


async def request_principal() -> Principal:
    """Give the principal of the request that is being served, from its own key and nothing else.

    Raises:
        AuthorizationError: the request carried no verified key.
    """
    token = get_access_token()
    principal = token.claims.get("principal") if token is not None and token.claims else None
    if not isinstance(principal, Principal):
        raise AuthorizationError(
            "the request has no identity", hint="Send the header: Authorization: Bearer KEY"
        )
    return principal
