"""The web application around the endpoint: identity, health, metrics, and what browsers ask for."""

from __future__ import annotations

import ipaddress
import time
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from zava_sql.auth import Identities, RequireIdentity, lacks_scope, metadata, principal_of
from zava_sql.errors import AuthorizationError, ZavaError
from zava_sql.health import Health
from zava_sql.logs import log_error
from zava_sql.mcp_endpoint import LOOPBACK_NAMES
from zava_sql.mcp_inbox import Inbox
from zava_sql.metrics import count_error, count_request, respond

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from zava_sql.agent import Agent
    from zava_sql.mcp_endpoint import Endpoint
    from zava_sql.settings import Settings

__all__ = ["application"]

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

# The status that proxies log for a request whose client did not wait for the answer.
_HUNG_UP = 499

# Headers in which proxies say for whom they ask.
_FORWARDED: Final = ("forwarded", "x-forwarded-", "x-real-ip", "via")


def application(agent: Agent, endpoint: Endpoint) -> Starlette:
    """Put together `/mcp` behind an identity, and the few paths that need none.

    Raises:
        ConfigurationError: the settings about identities do not fit together.
    """
    settings = agent.database.settings
    identities = Identities(agent.database)

    def identified(app: ASGIApp) -> ASGIApp:
        required = RequireIdentity(app, settings, identities)
        return AuthenticationMiddleware(AuthContextMiddleware(required), identities)

    inbox = Inbox(endpoint, identified(endpoint), agent.database.caps)
    served_mcp = identified(partial(_posted, inbox))
    operations = _operations(agent, endpoint, identities)
    counted = {"/mcp", *(route.path for route in operations)}
    served = Starlette(
        routes=[
            *(Route(path, served_mcp) for path in ("/mcp", "/mcp/")),
            *operations,
            *_metadata(settings),
        ],
        # Before identities: a browser asks beforehand, without one.
        middleware=[Middleware(_Counted, paths=counted), *_cors(settings)],
        exception_handlers={ZavaError: _unavailable},
    )
    # Behind a proxy with TLS it would lead to http, and a client would send its key in clear.
    served.router.redirect_slashes = False
    return served


def _operations(agent: Agent, endpoint: Endpoint, identities: Identities) -> list[Route]:
    """Give the paths by which a server is watched."""
    look = Health(agent, endpoint.toolbox)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(_: Request) -> Response:
        ready = await look.ready()
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    async def health(request: Request) -> Response:
        if not await _is_insider(request, identities):
            return _insiders_only()
        report = await look.report()
        return JSONResponse(report, status_code=503 if report["status"] == "down" else 200)

    async def metrics(request: Request) -> Response:
        if not await _is_insider(request, identities):
            return _insiders_only()
        return respond(agent)

    return [Route(f"/{work.__name__}", work) for work in (healthz, readyz, health, metrics)]


def _metadata(settings: Settings) -> list[Route]:
    """Give the paths by which clients find out who issues their tokens."""
    documents = metadata(settings)

    async def resource(request: Request) -> Response:
        return JSONResponse(documents[request.url.path])

    return [Route(path, resource) for path in documents]


def _cors(settings: Settings) -> list[Middleware]:
    """Let web pages of the origins that are named connect."""
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            # GET: clients that look for the issuer name the protocol's version.
            allow_methods=["GET", "POST"],
            allow_headers=_CORS_HEADERS,
            expose_headers=_CORS_EXPOSED,
        )
    ]


async def _unavailable(_: Request, error: Exception) -> Response:
    told = cast("ZavaError", error)
    count_error(told)
    log_error(told)
    return JSONResponse(told.to_dict(), 503, headers={"Retry-After": "1"})


async def _posted(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve POST alone: GET would be a stream that nothing is ever sent on.

    Behind identities: clients whose key is refused try GET next, and tell of that answer.
    """
    if scope["method"] != "POST":
        app = PlainTextResponse("Method Not Allowed", 405, headers={"Allow": "POST"})
    await app(scope, receive, send)


class _Counted:
    """Counts what is asked for and how it is answered."""

    def __init__(self, app: ASGIApp, paths: set[str]) -> None:
        self._app = app
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        status = 0

        async def hear() -> Message:
            nonlocal status
            message = await receive()
            if message["type"] == "http.disconnect":
                status = status or _HUNG_UP
            return message

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = status or message["status"]
            await send(message)

        try:
            await self._app(scope, hear, note)
        finally:
            # Paths that are not ours are whatever a caller has made up.
            path = scope["path"].rstrip("/")
            path = path if path in self._paths else "other"
            count_request(path, status or 500, time.perf_counter() - begun)


async def _is_insider(request: Request, identities: Identities) -> bool:
    """Say whether it is somebody on this machine, or head office, which sees all stores."""
    if _is_local(request) and not identities.is_proxy(request):
        return True
    found = await identities.authenticate(request)
    access = found[1].access_token if found else None
    principal = principal_of(access)
    return principal is not None and principal.kind == "head" and not lacks_scope(access)


def _is_local(request: Request) -> bool:
    """Say whether somebody on this machine asks, no proxy or web page on it for somebody else."""
    if "origin" in request.headers or any(name.startswith(_FORWARDED) for name in request.headers):
        return False
    # Most nginx send no such header, but use a version that nobody else does.
    if request.scope["http_version"] == "1.0":
        return False
    host = request.headers.get("host", "")
    if not any(host == name or host.startswith(f"{name}:") for name in LOOPBACK_NAMES):
        return False
    try:
        return ipaddress.ip_address(request.client.host if request.client else "").is_loopback
    except ValueError:
        return False


def _insiders_only() -> Response:
    error = AuthorizationError(
        "this is told on the server's own machine, or to head office",
        hint="Send the header: Authorization: Bearer KEY",
    )
    return JSONResponse(error.to_dict(), 401, headers={"WWW-Authenticate": "Bearer"})
