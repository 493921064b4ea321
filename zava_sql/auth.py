"""Who sends a request over HTTP: by a bearer key, a JWT, or the word of a trusted proxy.

Nothing is remembered from one request to the next: a revoked key, an expired token or a disabled
principal is refused with the very next request. No identity means status 401.
"""

from __future__ import annotations

import ipaddress
import logging
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.authentication import AuthCredentials, AuthenticationBackend
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from zava_sql.errors import (
    AuthorizationError,
    ConfigurationError,
    DatabaseError,
    ServiceUnavailable,
)
from zava_sql.logs import event
from zava_sql.metrics import count_refused_request
from zava_sql.principals import Principal, authenticate, find_principal, find_principal_by_id
from zava_sql.tokens import TokenReader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from zava_sql.database import Database
    from zava_sql.settings import Settings
    from zava_sql.tokens import Token

__all__ = [
    "AGAIN",
    "Identities",
    "RequireIdentity",
    "lacks_scope",
    "metadata",
    "principal_of",
    "request_principal",
]

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
PROXY_HEADER: Final = "x-rls-user-id"
# Where a request keeps the function to identify its sender again, and why that failed.
AGAIN: Final = "zava.again"
WHY: Final = "zava.refused"


class Identities(AuthenticationBackend):
    """Finds the principal of a request; Starlette's middleware asks it before anything runs."""

    def __init__(self, database: Database) -> None:
        """Read the settings once.

        Raises:
            ConfigurationError: those about JWTs or the trusted proxy do not fit together.
        """
        settings = database.settings
        self._database = database
        self._tokens = TokenReader(settings) if _wants_tokens(settings) else None
        self._scopes = frozenset(settings.auth_scopes)
        self._proxies = _networks(settings.trusted_proxy)

    async def authenticate(
        self, conn: HTTPConnection
    ) -> tuple[AuthCredentials, AuthenticatedUser] | None:
        """Give the principal; None means status 401.

        Raises: ServiceUnavailable: whoever knows the keys does not answer.
        """
        bearers = conn.headers.getlist("authorization")
        access: AccessToken | None = None
        if len(bearers) == 1:
            scheme, _, token = bearers[0].partition(" ")
            if scheme.lower() == "bearer":
                access = await self._bearer(token.strip(), partial(conn.scope.__setitem__, WHY))
        elif not bearers:
            access = await self._proxied(conn)
        if access is None:
            return None
        return AuthCredentials(access.scopes), AuthenticatedUser(access)

    async def _bearer(self, token: str, refuse: Callable[[str], None]) -> AccessToken | None:
        # Keys have no dots in them.
        if self._tokens is None or token.count(".") != 2:
            principal = await _known(authenticate(self._database, token))
            if principal is None:
                refuse("key")
                return None
            return _access(principal)
        found = await self._tokens.read(token, refuse)
        if found is None:
            return None
        principal = await _known(find_principal(self._database, found.principal))
        if principal is None:
            refuse("no such principal")
            return None
        return _access(principal, found, lacking=not self._scopes <= found.scopes)

    async def _proxied(self, conn: HTTPConnection) -> AccessToken | None:
        """Take the word of a peer in ZAVA_TRUSTED_PROXY; from anybody else ignore the header."""
        named = conn.headers.getlist(PROXY_HEADER)
        if len(named) != 1 or not self.is_proxy(conn):
            return None
        try:
            principal_id = UUID(named[0])
        except ValueError:
            return None
        principal = await _known(find_principal_by_id(self._database, principal_id))
        return None if principal is None else _access(principal)

    def is_proxy(self, conn: HTTPConnection) -> bool:
        """Say whether the peer is in ZAVA_TRUSTED_PROXY: it only forwards requests of others."""
        try:
            address = ipaddress.ip_address(conn.client.host if conn.client else "")
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._proxies)


class RequireIdentity:
    """Answers 401 or 403 in place of the server, as RFC 6750, RFC 9728 and MCP specify."""

    def __init__(self, app: ASGIApp, settings: Settings, identities: Identities) -> None:
        self._app = app
        self._identities = identities
        self._scope = " ".join(settings.auth_scopes)
        url = settings.auth_resource if _wants_tokens(settings) else None
        self._metadata = _metadata_url(url) if url else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request with an identity pass."""
        user = scope.get("user")
        if not isinstance(user, AuthenticatedUser):
            error = "invalid_token" if _is_bearer(scope) else ""
            answer = self._refusal(401, error, "the request has no valid identity")
        elif lacks_scope(user.access_token):
            answer = self._refusal(403, "insufficient_scope", "the token lacks a scope")
        else:
            again = partial(self._identities.authenticate, HTTPConnection(scope))
            await self._app({**scope, AGAIN: again}, receive, send)
            return
        count_refused_request(answer.status_code)
        # Our own words only: a rejected sender might try to write into the log.
        why = "scope" if answer.status_code == HTTPStatus.FORBIDDEN else scope.get(WHY)
        event("unauthorized", {"status": answer.status_code, "why": why}, logging.WARNING)
        await answer(scope, receive, send)

    def _refusal(self, status: int, error: str, message: str) -> JSONResponse:
        parts = {
            "realm": "zava_sql",
            # RFC 6750: a request without a token, or with something else, is told of no error.
            "error": error,
            "error_description": message if error else "",
            "scope": self._scope,
            "resource_metadata": self._metadata,
        }
        hint = "Send the header: Authorization: Bearer KEY"
        if status == HTTPStatus.FORBIDDEN:
            hint = f"Ask the issuer for a token with the scope {self._scope}."
        challenge = ", ".join(f'{name}="{value}"' for name, value in parts.items() if value)
        return JSONResponse(
            AuthorizationError(message, hint=hint).to_dict(),
            status_code=status,
            headers={"WWW-Authenticate": f"Bearer {challenge}"},
        )


def metadata(settings: Settings) -> dict[str, dict[str, object]]:
    """Give the documents of RFC 9728 by path: none where only keys are accepted."""
    if not _wants_tokens(settings) or settings.auth_resource is None:
        return {}
    document: dict[str, object] = {
        "resource": settings.auth_resource,
        "authorization_servers": [settings.auth_issuer],
        "bearer_methods_supported": ["header"],
        "resource_name": "zava_sql",
    }
    if settings.auth_scopes:
        document["scopes_supported"] = list(settings.auth_scopes)
    # Some clients look at the root only.
    own = urlsplit(_metadata_url(settings.auth_resource)).path
    return dict.fromkeys((own, WELL_KNOWN), document)


async def request_principal() -> Principal:
    """Give the principal of the request that is being served, and of no other.

    Raises:
        AuthorizationError: the request carried nothing that names one.
    """
    principal = principal_of(get_access_token())
    if principal is None:
        raise AuthorizationError(
            "the request has no identity", hint="Send the header: Authorization: Bearer KEY"
        )
    return principal


def principal_of(access: AccessToken | None) -> Principal | None:
    """Give who an access token of ours stands for."""
    principal = (access.claims or {}).get("principal") if access else None
    return principal if isinstance(principal, Principal) else None


def lacks_scope(access: AccessToken | None) -> bool:
    """Say whether a token lacks what ZAVA_AUTH_SCOPES asks for."""
    return bool((access.claims if access and access.claims else {}).get("lacking", True))


def _is_bearer(scope: Scope) -> bool:
    """Say whether a request was to be let in by a token or key."""
    given = (value for name, value in scope["headers"] if name == b"authorization")
    return any(value.partition(b" ")[0].lower() == b"bearer" for value in given)


async def _known(work: Awaitable[Principal]) -> Principal | None:
    try:
        return await work
    except AuthorizationError:
        return None
    # This server's own login is refused, or may not ask: a caller is told no details.
    except (asyncpg.PostgresError, ConfigurationError, DatabaseError) as error:
        raise ServiceUnavailable(
            "identities cannot be checked now", hint="Try again in a moment."
        ) from error


def _access(
    principal: Principal, token: Token | None = None, *, lacking: bool = False
) -> AccessToken:
    # The key or token itself is not kept: an AccessToken may end up in a log.
    return AccessToken(
        token="-",  # noqa: S106 - the absence of one
        client_id=token.client if token else principal.name,
        subject=token.subject if token else principal.name,
        scopes=[],
        claims={
            "principal": principal,
            "iss": token.issuer if token else None,
            "lacking": lacking,
        },
    )


def _wants_tokens(settings: Settings) -> bool:
    """Say whether JWTs are accepted at all: one of these without the others is refused."""
    return bool(settings.auth_issuer or settings.auth_jwks or settings.auth_resource)


def _metadata_url(resource: str) -> str:
    parts = urlsplit(resource)
    return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"


def _networks(texts: tuple[str, ...]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        networks = [ipaddress.ip_network(text) for text in texts]
    except ValueError:
        networks = []
    if len(networks) < len(texts) or any(network.prefixlen == 0 for network in networks):
        raise ConfigurationError(
            "ZAVA_TRUSTED_PROXY is not a list of networks, or trusts everybody",
            hint="Write them as 10.0.0.7 or 10.0.0.0/24.",
        )
    return networks
