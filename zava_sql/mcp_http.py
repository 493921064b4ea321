"""The web application around the endpoint: identity, health, metrics, and what browsers ask for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import asyncpg
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.transport_security import (
    DEFAULT_MAX_REQUEST_BODY_SIZE,
    RequestBodyLimitMiddleware,
)
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from zava_sql.auth import Identities, RequireIdentity, metadata
from zava_sql.database import CONNECTION_ERRORS
from zava_sql.errors import ZavaError
from zava_sql.metrics import respond

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from zava_sql.database import Database
    from zava_sql.mcp_endpoint import Endpoint

__all__ = ["application"]

_READY_TIMEOUT = 2

# What clients of both eras send, and what they must be able to read.
_CORS_HEADERS = (
    "authorization",
    "content-type",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
)
_CORS_EXPOSED = ("Mcp-Session-Id", "WWW-Authenticate")


def application(database: Database, endpoint: Endpoint) -> Starlette:
    """Put together `/mcp` behind an identity, and the few paths that need none.

    Raises:
        ConfigurationError: the settings about identities do not fit together.
    """
    settings = database.settings

    async def healthz(_: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(_: Request) -> Response:
        ready = await _is_ready(database)
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    async def metrics(_: Request) -> Response:
        return respond(database)

    documents = metadata(settings)

    async def resource(request: Request) -> Response:
        return JSONResponse(documents[request.url.path])

    async def unavailable(_: Request, error: Exception) -> Response:
        return JSONResponse(cast("ZavaError", error).to_dict(), status_code=503)

    mcp = Route(
        "/mcp",
        RequestBodyLimitMiddleware(endpoint, DEFAULT_MAX_REQUEST_BODY_SIZE),
        # No GET: it would be a stream that nothing is ever sent on.
        methods=["POST"],
        middleware=[
            Middleware(AuthenticationMiddleware, backend=Identities(database)),
            Middleware(AuthContextMiddleware),
            Middleware(RequireIdentity, settings=settings),
        ],
    )
    return Starlette(
        routes=[
            mcp,
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            *(Route(path, resource) for path in documents),
        ],
        middleware=[
            # Outermost: a browser asks beforehand, without an identity.
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["POST"],
                allow_headers=_CORS_HEADERS,
                expose_headers=_CORS_EXPOSED,
            )
        ]
        if settings.cors_origins
        else [],
        exception_handlers={ZavaError: unavailable},
    )


async def _is_ready(database: Database) -> bool:
    try:
        async with asyncio.timeout(_READY_TIMEOUT):
            for pool in (database.gateway, database.service):
                await pool.fetchval("select 1")
    except (TimeoutError, asyncpg.PostgresError, *CONNECTION_ERRORS):
        return False
    return True
