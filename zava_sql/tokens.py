"""JSON Web Tokens of one issuer: which keys may have signed them, and what they must say.

Only signatures that need the issuer's private key are accepted. What this module does not know,
such as another key type, is no reason to look further: the token is refused.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx2
import jwt

from zava_sql.errors import ConfigurationError, ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from zava_sql.settings import Settings

__all__ = ["KeySet", "Token", "TokenReader", "is_url"]

# With HS256 whoever can verify can also sign, so it is not here, and never can be asked for.
_KEY_TYPES: Final = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "ES512": "EC",
    "EdDSA": "OKP",
}

# Seconds: how long keys are used without asking again, how soon an unknown key may make us ask
# again, and how long they are good for while the issuer does not answer.
_FRESH = 300
_PAUSE = 10
_STALE = 3600

# Why a token is rejected, for the log alone; any other error means that it is malformed.
_REASONS: Final = {
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not valid yet",
    jwt.InvalidAudienceError: "other audience",
    jwt.InvalidIssuerError: "other issuer",
    jwt.InvalidSignatureError: "signature",
    jwt.MissingRequiredClaimError: "claim missing",
}

_FETCH_TIMEOUT = 5
_MAX_SET = 1024 * 1024
_MAX_TOKEN = 16 * 1024


@dataclass(frozen=True, slots=True)
class Token:
    """What a verified token says."""

    principal: str
    subject: str
    client: str
    issuer: str
    scopes: frozenset[str]


class TokenReader:
    """Verifies the tokens of the issuer that the settings name."""

    def __init__(self, settings: Settings) -> None:
        """Refuse settings with which verification would not mean much.

        Raises:
            ConfigurationError: one is missing or wrong.
        """
        if not (settings.auth_issuer and settings.auth_jwks and settings.auth_resource):
            raise ConfigurationError(
                "JWTs need an issuer, its keys and the URL of this server",
                hint="Set ZAVA_AUTH_ISSUER, ZAVA_AUTH_JWKS and ZAVA_AUTH_RESOURCE, or none.",
            )
        unknown = [name for name in settings.auth_algorithms if name not in _KEY_TYPES]
        if unknown or not settings.auth_algorithms:
            raise ConfigurationError(
                "ZAVA_AUTH_ALGORITHMS names an algorithm that is not accepted: "
                f"{(unknown or [''])[0][:40]!r}",
                hint=f"Choose from {', '.join(_KEY_TYPES)}.",
            )
        self._issuer = settings.auth_issuer
        self._audience = settings.auth_audience or settings.auth_resource
        self._claim = settings.auth_claim
        self._algorithms = settings.auth_algorithms
        self._leeway = settings.auth_leeway
        self.keys = KeySet(settings.auth_jwks)

    async def read(self, text: str, refuse: Callable[[str], object] = str) -> Token | None:
        """Give the claims of a token, or None if it is rejected; `refuse` is told why.

        Raises: ServiceUnavailable: the issuer's keys cannot be had.
        """
        if len(text) > _MAX_TOKEN:
            refuse("too long")
            return None
        try:
            # Of the header alone: the rest is looked through once, as it is verified.
            header = jwt.get_unverified_header(f"{text.partition('.')[0]}..")
            algorithm = header.get("alg")
            if algorithm not in self._algorithms:
                refuse("algorithm")
                return None
            key = await self.keys.find(header.get("kid"), algorithm)
            if key is None:
                refuse("unknown signing key")
                return None
            claims = jwt.decode(
                text,
                jwt.PyJWK(key, algorithm=algorithm),
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=self._leeway,
                options={
                    "require": ["exp", "iss", "aud", self._claim],
                    "enforce_minimum_key_length": True,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            refuse(_REASONS.get(type(error), "malformed"))
            return None
        principal = claims[self._claim]
        if not isinstance(principal, str) or not principal:
            refuse("claim is no name")
            return None
        subject = str(claims.get("sub", principal))
        client = claims.get("client_id") or claims.get("azp") or subject
        return Token(principal, subject, str(client), self._issuer, _scopes(claims))


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    """Read RFC 9068's `scope`, and `scp`, which some issuers write instead, as text or list."""
    found: set[str] = set()
    for value in (claims.get("scope"), claims.get("scp")):
        if isinstance(value, str):
            found.update(value.split())
        elif isinstance(value, list):
            found.update(item for item in value if isinstance(item, str))
    return frozenset(found)


class KeySet:
    """Public keys of an issuer, from a URL or a file; asked for again from time to time."""

    def __init__(self, source: str) -> None:
        """Refuse a source that anybody on the way could change.

        Raises:
            ConfigurationError: neither an https URL nor a file that holds keys.
        """
        self._source = source
        self._keys: list[dict[str, Any]] = []
        self._loaded = self._asked = float("-inf")
        self._lock = asyncio.Lock()
        if not is_url(source):
            try:
                self._accept(Path(source).read_bytes())
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not a JWK set"
                raise ConfigurationError(
                    f"ZAVA_AUTH_JWKS: cannot use the file: {reason}",
                    hint="Save the document that the issuer publishes as jwks_uri.",
                ) from None
        elif not _is_private(source):
            raise ConfigurationError(
                "ZAVA_AUTH_JWKS is not an https URL",
                hint="Keys that came over plain http could be anybody's.",
            )

    async def find(self, kid: object, algorithm: str) -> dict[str, Any] | None:
        """Give the one key that may have signed so; with no `kid`, if there is only one such.

        Raises:
            ServiceUnavailable: there are no keys, or only old ones, and no answer.
        """
        found = self._matching(kid, algorithm)
        # While one asks an issuer that takes its time, the others go by the keys at hand.
        if time.monotonic() - self._loaded > _FRESH and not (found and self._asking()):
            await self._load()
            found = self._matching(kid, algorithm)
        if not found and time.monotonic() - self._loaded > _PAUSE:
            # The issuer may have begun to sign with a new key.
            await self._load()
            found = self._matching(kid, algorithm)
        return found[0] if len(found) == 1 else None

    def _matching(self, kid: object, algorithm: str) -> list[dict[str, Any]]:
        return [
            key
            for key in self._keys
            if key.get("kty") == _KEY_TYPES[algorithm]
            and key.get("alg", algorithm) == algorithm
            and key.get("use", "sig") == "sig"
            and (kid is None or key.get("kid") == kid)
        ]

    def _asking(self) -> bool:
        return self._lock.locked() and time.monotonic() - self._loaded <= _STALE

    async def _load(self) -> None:
        async with self._lock:
            if time.monotonic() - self._asked > _PAUSE:
                # If there is no answer, the keys at hand will do for a while.
                with suppress(OSError, ValueError, RecursionError, httpx2.HTTPError):
                    async with asyncio.timeout(_FETCH_TIMEOUT):
                        self._accept(await self._read())
                self._asked = time.monotonic()
        if time.monotonic() - self._loaded > _STALE:
            raise ServiceUnavailable(
                "tokens cannot be checked now: the issuer's keys cannot be read",
                hint="Try again in a moment.",
            )

    async def _read(self) -> bytes:
        if not is_url(self._source):
            return await asyncio.to_thread(Path(self._source).read_bytes)
        async with (
            httpx2.AsyncClient(
                timeout=_FETCH_TIMEOUT,
                follow_redirects=False,
                # A request without TLS stays on this machine: it uses no proxy from the
                # environment.
                trust_env=urlsplit(self._source).scheme == "https",
            ) as client,
            client.stream("GET", self._source) as answer,
        ):
            answer.raise_for_status()
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > _MAX_SET:
                    raise ValueError("more than a set of keys")
            return bytes(body)

    def _accept(self, text: bytes) -> None:
        document = json.loads(text)
        keys = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(keys, list):
            raise ValueError("not a JWK set")  # noqa: TRY004 - it is the document's fault
        # If the private key is published there, anybody may have signed.
        self._keys = [key for key in keys if isinstance(key, dict) and "d" not in key]
        self._loaded = time.monotonic()


def is_url(text: str) -> bool:
    """Say whether this is an address of the web rather than a file."""
    return text.lower().startswith(("http:", "https:"))


def _is_private(url: str) -> bool:
    """Say whether nobody can change what comes from there: TLS, or this machine itself."""
    try:
        parts = urlsplit(url)
        name, _ = parts.hostname, parts.port  # neither of which need be one that there could be
    except ValueError:
        return False
    if parts.scheme == "https" or name == "localhost":
        return bool(name)
    try:
        return ipaddress.ip_address(name or "").is_loopback
    except ValueError:
        return False
