"""Vectors for products: what `zava-sql embed` does. What is to be done is for the database to say.

Workers, here and in other processes, never do the same product twice. Whatever stops one, what it
has stored stays, and the next run goes on from there.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import asyncpg

from zava_sql.administrator import OF_POOLER, advice, no_session
from zava_sql.connections import CONNECTION_ERRORS, connect
from zava_sql.errors import ConfigurationError, DatabaseError, ServiceUnavailable, TextsRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
    from uuid import UUID

    from pydantic import SecretStr

    from zava_sql.embedding import Embedder

__all__ = ["FillReport", "fill", "outlook"]

# Products that a worker claims at a time: of fewer, those of like length make no whole batches.
_CLAIM: Final = 256
# Time after which others take over: by then a slow machine or a busy service is done as well.
_LEASE: Final = timedelta(minutes=5)
# Seconds between looks at what other runs have claimed.
_WAIT: Final = 1.0

_STATUS: Final = "select * from zava.embedding_status() as s"

# What was measured holds while the catalogue is about as large as it was.
_RECALL: Final = """
select r.recall, coalesce(abs(r.products - $2) <= r.products / 10, false) as holds
from retail.search_recall as r
join retail.embedding_models as m on m.model_id = r.model_id
where m.name = $1
"""

# A product that is removed is left out; nobody needs to wait for it.
_REFUSED: Final = """
select p.product_id, p.sku from retail.products as p where p.product_id = any ($1) order by p.sku
"""


@dataclass(frozen=True, slots=True)
class FillReport:
    """How a model stands; `embedded` counts what this run has stored.

    `recall` is what share of the nearest its index finds, as far as it was measured. `refused` are
    products, by id and article number, whose text the model does not take.
    """

    model: str
    products: int
    missing: int
    changed: int
    embedded: int = 0
    dimensions: int | None = None
    live: str | None = None
    recall: float | None = None
    refused: tuple[tuple[UUID, str], ...] = ()

    @property
    def stale(self) -> int:
        """Texts that have no vector of their own."""
        return self.missing + self.changed


@dataclass(slots=True)
class _Run:
    """Workers that embed what is to be done: `done` counts what was stored of about `total`.

    `refused` has the hash of each text that the model did not take.
    """

    url: SecretStr | None
    embedder: Embedder
    length: int
    workers: int
    progress: Callable[[str, int, int], None]
    total: int
    done: int = 0
    refused: dict[UUID, bytes] = field(default_factory=dict)

    async def catch_up(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Go on until nothing is left that the model takes."""
        while await self._left(connection) > 0:
            stored = self.done
            await _together(self._work() for _ in range(self.workers))
            if self.done == stored and await self._left(connection) > 0:
                # Others have claimed the rest: see that they end, or take it over if not.
                self.progress("waiting for other runs", self.done, max(self.total, self.done))
                await asyncio.sleep(_WAIT)

    async def _left(self, connection: asyncpg.Connection[asyncpg.Record]) -> int:
        stale = (await _standing(connection, self.embedder.name)).stale
        return stale - len(await connection.fetch(_REFUSED, list(self.refused)))

    def _count(self, stored: int) -> None:
        self.done += stored
        self.progress("embedding", self.done, max(self.total, self.done))

    async def _work(self) -> None:
        """Embed what can be claimed, once."""
        last = None
        async with _connected(self.url) as connection:
            while claimed := await _claim(connection, self.embedder.name, last):
                last = claimed[-1]["product_id"]
                left = {row["product_id"] for row in claimed}
                try:
                    left -= await self._embed(connection, claimed)
                finally:
                    if left:
                        await _release(connection, self.embedder.name, list(left))

    async def _embed(
        self, connection: asyncpg.Connection[asyncpg.Record], claimed: Sequence[asyncpg.Record]
    ) -> set[UUID]:
        """Store vectors and give their products; a text that was refused is not sent again."""
        sent = [r for r in claimed if self.refused.get(r["product_id"]) != r["content_hash"]]
        vectors = await _vectors(self.embedder, self.length, [row["content"] for row in sent])
        made: list[asyncpg.Record] = []
        for row, vector in zip(sent, vectors, strict=True):
            if vector is None:
                self.refused[row["product_id"]] = row["content_hash"]
            else:
                self.refused.pop(row["product_id"], None)
                made.append(row)
        products = [row["product_id"] for row in made]
        stored = await connection.fetchval(
            "select zava.store_embeddings($1, $2, $3, $4)",
            self.embedder.name,
            products,
            [row["content_hash"] for row in made],
            list(itertools.chain.from_iterable(filter(None, vectors))),
        )
        self._count(stored)
        return set(products)


async def outlook(url: SecretStr | None, model: str) -> FillReport:
    """Say what there is to do for a model, and change nothing."""
    async with _connected(url) as connection:
        return await _standing(connection, model)


async def fill(
    url: SecretStr | None,
    embedder: Embedder,
    *,
    workers: int = 2,
    activate: bool = False,
    progress: Callable[[str, int, int], None] = lambda _step, _done, _total: None,
) -> FillReport:
    """Embed all that is new or changed, index the model, and make it live if none is.

    `progress` is called with a step, what is done and how much there is. `activate` makes the model
    live in the place of another, and without the products whose texts it refuses: only who asks for
    that gets it.

    Raises:
        ServiceUnavailable, ConfigurationError: the embedder failed; what was stored stays.
        DatabaseError: the administrator's URL is of somebody who may not do this.
    """
    async with _connected(url) as connection:
        progress("loading the model", 0, 0)
        # Whoever refuses this refuses everything, and not the text of some product.
        length = len((await embedder.embed(["length"]))[0])
        await connection.fetchval("select zava.add_embedding_model($1, $2)", embedder.name, length)
        before = await _standing(connection, embedder.name)
        run = _Run(url, embedder, length, workers, progress, total=before.stale)
        progress("embedding", 0, run.total)
        await run.catch_up(connection)
        progress("indexing", run.done, run.done)
        recall = await _index(connection, before, is_changed=bool(run.done))
        # What came meanwhile: a model that lacks a product is not made live.
        await run.catch_up(connection)
        after = await _standing(connection, embedder.name)
        if activate or (after.live is None and not run.refused):
            await connection.execute(
                "select zava.activate_embedding_model($1, $2)", embedder.name, list(run.refused)
            )
        indexed = 0
        while await connection.fetchval("select zava.index_search_assortments()"):
            indexed += 1
            progress("indexing what large stores sell", indexed, indexed)
        after = await _standing(connection, embedder.name)
        without = await connection.fetch(_REFUSED, list(run.refused))
    return replace(
        after,
        missing=before.missing,
        changed=before.changed,
        embedded=run.done,
        dimensions=length,
        recall=recall,
        refused=tuple((row["product_id"], row["sku"]) for row in without),
    )


async def _index(
    connection: asyncpg.Connection[asyncpg.Record], model: FillReport, *, is_changed: bool
) -> float | None:
    """Index what is stored of a model, and say what share of the nearest the index finds."""
    built = await connection.fetchval("select zava.index_embedding_model($1)", model.model)
    if is_changed:
        await connection.execute("analyze retail.product_embeddings")
    measured = await connection.fetchrow(_RECALL, model.model, model.products)
    if built or measured is None or not measured["holds"]:
        await connection.execute("select zava.check_search_recall()")
        measured = await connection.fetchrow(_RECALL, model.model, model.products)
    await connection.execute("select zava.refresh_search_words()")
    return None if measured is None else float(measured["recall"])


async def _together(works: Iterable[Coroutine[None, None, None]]) -> None:
    """Let workers go through the products once; the first failure ends them all."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except ExceptionGroup as failures:
        # Not except*: what is raised in one comes in a group again before Python 3.11.4.
        for failure in failures.exceptions:
            if isinstance(failure, ServiceUnavailable | ConfigurationError | DatabaseError):
                raise failure from None
        raise


async def _claim(
    connection: asyncpg.Connection[asyncpg.Record], model: str, last: UUID | None
) -> list[asyncpg.Record]:
    """Claim products behind the last one; one that is cancelled leaves nothing claimed."""
    claiming = asyncio.ensure_future(
        connection.fetch(
            "select * from zava.claim_embeddings($1, $2, $3, $4)", model, last, _CLAIM, _LEASE
        )
    )
    try:
        return await asyncio.shield(claiming)
    except asyncio.CancelledError:
        # The database may have done it already: else nobody would get them for minutes.
        with suppress(asyncpg.PostgresError, *CONNECTION_ERRORS):
            claimed = [row["product_id"] for row in await claiming]
            await _release(connection, model, claimed)
        raise


async def _release(
    connection: asyncpg.Connection[asyncpg.Record], model: str, products: list[UUID]
) -> None:
    """Give products back, also when another worker's failure ends this one just then."""
    releasing = asyncio.ensure_future(
        connection.execute("select zava.release_embeddings($1, $2)", model, products)
    )
    with suppress(asyncpg.PostgresError, *CONNECTION_ERRORS):
        try:
            await asyncio.shield(releasing)
        except asyncio.CancelledError:
            await releasing
            raise


async def _vectors(
    embedder: Embedder, length: int, texts: Sequence[str]
) -> list[list[float] | None]:
    """Give the vector of each text, None for those that are refused."""
    try:
        vectors: list[list[float] | None] = [*await embedder.embed(texts)]
    except TextsRefused as error:
        vectors = error.vectors
    if any(vector is not None and len(vector) != length for vector in vectors):
        raise ConfigurationError(
            f"{embedder.name} gives vectors of {length} dimensions, and then of others",
            hint="See that one model alone answers at ZAVA_EMBEDDING_URL.",
        )
    return vectors


async def _standing(connection: asyncpg.Connection[asyncpg.Record], model: str) -> FillReport:
    products = await connection.fetchval("select count(*) from retail.products")
    rows = await connection.fetch(_STATUS)
    live = next((row["model"] for row in rows if row["state"] == "live"), None)
    stale = {row["model"]: (row["missing"], row["changed"]) for row in rows}
    missing, changed = stale.get(model, (products, 0))
    return FillReport(model, products, missing, changed, live=live)


@asynccontextmanager
async def _connected(
    url: SecretStr | None,
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Lend an administrator's connection; what the database says becomes an error of ours."""
    async with connect(url) as connection:
        try:
            yield connection
        except asyncpg.InvalidParameterValueError as error:
            raise ConfigurationError(error.args[0], hint=error.hint or "") from error
        except OF_POOLER as error:
            raise no_session() from error
        except asyncpg.PostgresError as error:
            raise DatabaseError(
                error.args[0],
                sqlstate=error.sqlstate,
                hint=advice(error),
            ) from error
        except CONNECTION_ERRORS as error:
            raise ServiceUnavailable(
                "the connection to the database broke", hint="Run it again: what is done stays."
            ) from error
