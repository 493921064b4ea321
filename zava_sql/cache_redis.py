"""Answers in Redis, shared by all servers that have the same URL and context key.

Redis is trusted to keep rows secret, not to tell the truth: each answer carries a signature with a
key derived from the context key, over its place too, so nothing that somebody else wrote counts.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from zava_sql.errors import ConfigurationError, ServiceUnavailable

try:
    from redis.asyncio import Redis
except ImportError as error:
    raise ConfigurationError(
        "ZAVA_CACHE_URL needs the package redis", hint="Install it: pip install 'zava-sql[redis]'"
    ) from error

from zava_sql.result import Column, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from zava_sql.context import ContextKey

__all__ = ["RedisStore"]

# Seconds to wait for Redis: a query is faster than a Redis that is not. And for which it is not
# asked again after that, so that not every call waits for one that is silent.
_TIMEOUT: Final = 0.5
_PAUSE: Final = 5.0

# Types that survive JSON unchanged.
_EXACT: Final = (str, int, float, bool, type(None))

logger = logging.getLogger(__name__)


class RedisStore:
    """Answers in Redis; without Redis, none."""

    def __init__(self, url: SecretStr, seconds: float, most: int, key: ContextKey) -> None:
        try:
            self._redis = Redis.from_url(
                url.get_secret_value(),
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_TIMEOUT,
            )
            pool = self._redis.connection_pool
            # Answers are bytes, whatever the URL says.
            pool.connection_kwargs |= {"decode_responses": False, "encoding": "utf-8"}
            # Its other options are validated only when a connection is made.
            pool.make_connection()  # type: ignore[no-untyped-call]
        except (ValueError, TypeError, AttributeError):
            raise ConfigurationError(
                "ZAVA_CACHE_URL is not a URL of Redis, or has an option that is none",
                hint="For example redis://127.0.0.1:6379/0",
            ) from None
        self._milliseconds = round(seconds * 1000)
        self._most = most // 4
        self._secret = hmac.digest(key.secret, b"zava answers in redis", "sha256")
        # Only servers of one installation share answers.
        self._prefix = "zava:" + hmac.digest(self._secret, b"prefix", "sha256").hex()[:16]
        self._epoch = f"{self._prefix}:epoch"
        # "read", "written" or both: one that is full can still be read.
        self._failing: set[str] = set()
        self._silent_until = 0.0

    async def get(self, key: str) -> tuple[int, Result | None]:
        """Give the current epoch, and the answer if it is there and ours.

        Raises: ServiceUnavailable: Redis does not answer, or somebody else wrote the epoch.
        """
        if monotonic() < self._silent_until:
            raise _unavailable()
        with self._of_use("read"):
            epoch, body = await self._redis.mget(self._epoch, self._name(key))
            # The epoch was evicted: whichever server is first begins another.
            if epoch is None:
                await self._redis.set(self._epoch, _new_epoch(), nx=True)
                epoch = await self._redis.get(self._epoch)
            now = int(epoch or b"")
        return now, self._read(key, now, body) if isinstance(body, bytes) else None

    async def put(self, key: str, epoch: int, result: Result) -> None:
        """Store an answer, unless it holds what JSON cannot represent exactly.

        Raises: ServiceUnavailable: Redis does not take it.
        """
        if not all(_exact(value) for values in result.values for value in values):
            return
        fields = {
            "epoch": epoch,
            "columns": [[column.name, column.type] for column in result.columns],
            "rows": result.rows,
            "truncated": result.truncated,
        }
        body = json.dumps(fields).encode()
        if len(body) > self._most:
            return
        with self._of_use("written"):
            await self._redis.set(
                self._name(key), self._sign(key, body) + body, px=self._milliseconds
            )

    async def clear(self) -> None:
        """Begin another epoch, for all servers.

        Raises: ServiceUnavailable: Redis does not answer; then nothing may be read from it.
        """
        with self._of_use("written"):
            await self._redis.set(self._epoch, _new_epoch())

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    def _name(self, key: str) -> str:
        return f"{self._prefix}:{key}"

    def _sign(self, key: str, body: bytes) -> bytes:
        return hmac.digest(self._secret, key.encode() + body, "sha256")

    def _read(self, key: str, epoch: int, signed: bytes) -> Result | None:
        signature, body = signed[:32], signed[32:]
        if not hmac.compare_digest(signature, self._sign(key, body)):
            logger.warning("an answer in Redis is not one of ours")
            return None
        fields: dict[str, Any] = json.loads(body)
        if fields["epoch"] != epoch:
            return None
        columns = tuple(Column(name, kind) for name, kind in fields["columns"])
        return Result.of(columns, fields["rows"], truncated=fields["truncated"])

    @contextmanager
    def _of_use(self, what: str) -> Iterator[None]:
        """Log once that Redis cannot be read, or written, and once that it can again.

        Raises: ServiceUnavailable: it cannot.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a reply that is none fails in many ways
            if what == "read":
                self._silent_until = monotonic() + _PAUSE
            if what not in self._failing:
                self._failing.add(what)
                logger.warning("Redis cannot be %s: %s", what, type(error).__name__)
            raise _unavailable() from None
        self._silent_until = 0.0
        if what in self._failing:
            self._failing.discard(what)
            logger.warning("Redis can be %s again", what)


def _unavailable() -> ServiceUnavailable:
    return ServiceUnavailable("the answer cache is unavailable", hint="Check that Redis runs.")


def _new_epoch() -> int:
    """Give an epoch that never was: a counter that was lost would repeat old ones."""
    return secrets.randbits(62)


def _exact(value: object) -> bool:
    return isinstance(value, _EXACT) or (isinstance(value, list) and all(map(_exact, value)))
