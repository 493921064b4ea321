"""The embedding of a question: only with the live model, and never at the expense of search.

Whatever goes wrong, the answer is None: the function then gets NULL, searches by words and says so.
The reason is logged once, and shown by `status()`. Neither texts nor vectors are logged, and of a
text only its digest is kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from zava_sql.embedding import LOCAL_MODEL, Embedder, Vector, find_embedder
from zava_sql.errors import ConfigurationError, ServiceUnavailable, ZavaError
from zava_sql.turns import last_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from zava_sql.database import Database
    from zava_sql.principals import Principal
    from zava_sql.settings import Settings

__all__ = ["QueryEmbedder"]

logger = logging.getLogger(__name__)

# Seconds for which a service that failed is not asked again: questions must not wait for it.
_REST: Final = 10.0

# Attempts for one question; after these it is searched by words.
_ATTEMPTS: Final = 2

# Characters of a question that count: a long text must not block the service for everyone.
_LONGEST: Final = 2_000

_LIVE: Final = "select m.name, m.dimensions from zava.live_embedding_model() as m"


class QueryEmbedder:
    """Embeds questions, each once; made by `QueryEmbedder.open()`."""

    def __init__(self, database: Database, embedders: Sequence[Embedder], without: str) -> None:
        self._database = database
        self._embedders = {embedder.name: embedder for embedder in embedders}
        self._without = without
        self._kept: OrderedDict[bytes, list[float]] = OrderedDict()
        self._running: dict[bytes, asyncio.Task[list[float]]] = {}
        # Of each model: what was wrong with it last, and until when it is not asked.
        self._failures: dict[str, str] = {}
        self._resting: dict[str, float] = {}
        self._told = ""
        self._made = 0
        self._repeated = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database) -> AsyncIterator[QueryEmbedder]:
        """Find what can embed: the model of the settings and, where installed, the local one.

        With both, search goes on while the database changes from one to the other.
        """
        embedders, without = _embedders(database.settings)
        query_embedder = cls(database, embedders, without)
        warming = asyncio.create_task(query_embedder._warm())
        try:
            yield query_embedder
        finally:
            for task in (warming, *query_embedder._running.values()):
                task.cancel()
            for embedder in embedders:
                await embedder.aclose()

    async def __call__(self, principal: Principal, text: str) -> Vector | None:
        """Give the vector of a principal's question in the space of the live model, or None."""
        # Half a surrogate pair is not text to a model; whoever passes the text on reports it.
        question = text[:_LONGEST].encode("utf-8", "replace")
        if not question.strip():
            return None
        try:
            embedder, length = await self._current()
            numbers = await self._vector(embedder, length, principal, question)
        except Exception as error:  # noqa: BLE001 - search by words is better than none
            self._tell(_said(error))
            return None
        self._tell("")
        return Vector(embedder.name, numbers)

    async def status(self) -> dict[str, object]:
        """Say for health whether search goes by meaning, and if not, why."""
        try:
            embedder, _ = await self._current()
            problem = self._failures.get(embedder.name, "")
        except ZavaError as error:
            problem = error.message
        except Exception as error:  # noqa: BLE001 - health must answer
            problem = type(error).__name__
        return {
            "by_meaning": not problem,
            "problem": problem or None,
            "models": sorted(self._embedders),
            "made": self._made,
            "repeated": self._repeated,
            "kept": len(self._kept),
        }

    async def _warm(self) -> None:
        """Load the local model, if it is live, before a question has to wait for that."""
        with suppress(Exception):
            embedder, _ = await self._current()
            if embedder.name == LOCAL_MODEL:
                await embedder.embed(["warm"])

    async def _current(self) -> tuple[Embedder, int]:
        """Find the embedder of the live model, which may change with any question."""
        live = await self._database.service_row(_LIVE)
        if live is None:
            raise _unsuited("no embedding model is live; fill one: zava-sql embed")
        embedder = self._embedders.get(live["name"])
        if embedder is None:
            have = ", ".join(sorted(self._embedders)) or self._without
            raise _unsuited(f"the database uses the model {live['name']}, this server has: {have}")
        length: int = live["dimensions"]
        _require(embedder.dimensions in (length, None), f"{embedder.name} is of another length")
        return embedder, length

    async def _vector(
        self, embedder: Embedder, length: int, principal: Principal, question: bytes
    ) -> list[float]:
        # Separate for each principal: response times must not tell what others have asked.
        whose = f"{embedder.name}\n{length}\n{principal.principal_id}\n".encode()
        key = hashlib.sha256(whose + question).digest()
        if key in self._kept:
            self._repeated += 1
            self._kept.move_to_end(key)
            return self._kept[key]
        task = self._running.get(key)
        if task is None and time.monotonic() < self._resting.get(embedder.name, 0.0):
            raise _unsuited(self._failures[embedder.name])
        if task is None:
            task = asyncio.create_task(self._make(embedder, length, question.decode()))
            self._running[key] = task
            task.add_done_callback(lambda done: self._keep(key, done))
        else:
            self._repeated += 1
        # The first caller may hang up: others wait for the same vector, and the turn lasts until
        # then.
        last_until(task)
        return await asyncio.shield(task)

    async def _make(self, embedder: Embedder, length: int, text: str) -> list[float]:
        try:
            async with asyncio.timeout(self._database.settings.embedding_timeout):
                (vector,) = await embedder.embed([text])
            _require(len(vector) == length, f"{embedder.name} gives vectors of another length")
        except TimeoutError:
            failure = "embedding a question took too long"
            self._rest(embedder, failure)
            raise _unsuited(failure) from None
        except ServiceUnavailable as error:
            self._rest(embedder, error.message)
            raise
        except Exception as error:
            # Asked again at once: what it refuses may be this question alone.
            self._failures[embedder.name] = _said(error)
            raise
        self._failures.pop(embedder.name, None)
        self._resting.pop(embedder.name, None)
        self._made += 1
        return vector

    def _rest(self, embedder: Embedder, failure: str) -> None:
        self._failures[embedder.name] = failure
        self._resting[embedder.name] = time.monotonic() + _REST

    def _keep(self, key: bytes, done: asyncio.Task[list[float]]) -> None:
        del self._running[key]
        if done.cancelled() or done.exception() is not None:
            return
        self._kept[key] = done.result()
        while len(self._kept) > self._database.settings.embedding_cache:
            self._kept.popitem(last=False)

    def _tell(self, problem: str) -> None:
        """Log a problem when it begins, and its end."""
        if problem == self._told:
            return
        self._told = problem
        if problem:
            logger.warning("search goes by words only: %s", problem)
        else:
            logger.warning("search goes by meaning again")


def _embedders(settings: Settings) -> tuple[list[Embedder], str]:
    """Give what can embed, and what to say when that is nothing."""
    found: list[Embedder] = []
    if settings.embedding_url or settings.embedding_model:
        found.append(find_embedder(settings, attempts=_ATTEMPTS))
    if LOCAL_MODEL in {embedder.name for embedder in found}:
        return found, ""
    try:
        local = find_embedder(settings.model_copy(update={"embedding_model": LOCAL_MODEL}))
    except ConfigurationError as error:
        return found, f"none ({error.message})"
    return [*found, local], ""


def _said(error: Exception) -> str:
    return (
        error.message
        if isinstance(error, ZavaError)
        else f"the embedder failed: {type(error).__name__}"
    )


def _require(fits: bool, message: str) -> None:  # noqa: FBT001 - the condition
    if not fits:
        raise _unsuited(message)


def _unsuited(message: str) -> ConfigurationError:
    return ConfigurationError(message, hint="Search goes by words until then.")
