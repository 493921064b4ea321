"""Vectors for products: what `zava-sql embed` does. What is to be done is for the database to say.

Workers, here and in other processes, never do the same product twice. Whatever stops one, what it
has stored stays, and the next run goes on from there.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import asyncpg

from zava_sql.administrator import advice
from zava_sql.connections import CONNECTION_ERRORS, connect
from zava_sql.errors import ConfigurationError, DatabaseError, ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

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


@dataclass(frozen=True, slots=True)
class FillReport:
    """How a model stands; `embedded` counts what this run has stored.

    `recall` is what share of the nearest its index finds, as far as it was measured.
    """

    model: str
    products: int
    missing: int
    changed: int
    embedded: int = 0
    dimensions: int | None = None
    live: str | None = None
    recall: float | None = None

    @property
    def stale(self) -> int:
        """Texts that have no vector of their own."""
        return self.missing + self.changed


async def outlook(url: SecretStr | None, model: str) -> FillReport:
    """Say what there is to do for a model, and change nothing."""
    async with connected(url) as connection:
        return await _standing(connection, model)


async def fill(
    url: SecretStr | None,
    embedder: Embedder,
    *,
    workers: int = 2,
    activate: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> FillReport:
    """Embed all that is new or changed, index the model, and make it live if none is.

    `progress` is called with a step, what is done and how much there is. `activate` makes the model
    live in the place of another.

    Raises:
        ServiceUnavailable, ConfigurationError: the embedder failed; what was stored stays.
        DatabaseError: the administrator's URL is of somebody who may not do this.
    """
    tell = progress or _silent
    async with connected(url) as connection:
        tell("loading the model", 0, 0)
        length = embedder.dimensions or len((await embedder.embed(["length"]))[0])
        await connection.fetchval("select zava.add_embedding_model($1, $2)", embedder.name, length)

        done = 0
        before = await _standing(connection, embedder.name)
        total = before.stale

        def count(stored: int) -> None:
            nonlocal done
            done += stored
            tell("embedding", done, max(total, done))

        async def catch_up() -> None:
            while (await _standing(connection, embedder.name)).stale:
                stored = done
                await _together(url, embedder, length, workers, count)
                if done == stored:
                    # Others have claimed the rest: see that they end, or take it over if not.
                    tell("waiting for other runs", done, max(total, done))
                    await asyncio.sleep(_WAIT)

        count(0)
        await catch_up()
        tell("indexing", done, done)
        built = await connection.fetchval("select zava.index_embedding_model($1)", embedder.name)
        if done:
            await connection.execute("analyze retail.product_embeddings")
        measured = await connection.fetchrow(_RECALL, embedder.name, before.products)
        if built or measured is None or not measured["holds"]:
            await connection.execute("select zava.check_search_recall()")
            measured = await connection.fetchrow(_RECALL, embedder.name, before.products)
        await connection.execute("select zava.refresh_search_words()")
        # What came meanwhile: a model that lacks a product is not made live.
        await catch_up()
        after = await _standing(connection, embedder.name)
        if activate or after.live is None:
            await connection.execute("select zava.activate_embedding_model($1)", embedder.name)
        indexed = 0
        while await connection.fetchval("select zava.index_search_assortments()"):
            indexed += 1
            tell("indexing what large stores sell", indexed, indexed)
        after = await _standing(connection, embedder.name)
    return FillReport(
        model=embedder.name,
        products=after.products,
        missing=before.missing,
        changed=before.changed,
        embedded=done,
        dimensions=length,
        live=after.live,
        recall=None if measured is None else float(measured["recall"]),
    )


async def _together(
    url: SecretStr | None,
    embedder: Embedder,
    length: int,
    workers: int,
    count: Callable[[int], None],
) -> None:
    """Let workers go through the products once; the first failure ends them all."""
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(_work(url, embedder, length, count))
    except ExceptionGroup as failures:
        # Not except*: what is raised in one comes in a group again before Python 3.11.4.
        for failure in failures.exceptions:
            if isinstance(failure, ServiceUnavailable | ConfigurationError | DatabaseError):
                raise failure from None
        raise


async def _work(
    url: SecretStr | None, embedder: Embedder, length: int, count: Callable[[int], None]
) -> None:
    last = None
    async with connected(url) as connection:
        while claimed := await connection.fetch(
            "select * from zava.claim_embeddings($1, $2, $3, $4)",
            embedder.name,
            last,
            _CLAIM,
            _LEASE,
        ):
            last = claimed[-1]["product_id"]
            products = [row["product_id"] for row in claimed]
            try:
                vectors = await _vectors(embedder, length, [row["content"] for row in claimed])
                count(
                    await connection.fetchval(
                        "select zava.store_embeddings($1, $2, $3, $4)",
                        embedder.name,
                        products,
                        [row["content_hash"] for row in claimed],
                        vectors,
                    )
                )
            except BaseException:
                with suppress(asyncpg.PostgresError, *CONNECTION_ERRORS):
                    await connection.execute(
                        "select zava.release_embeddings($1, $2)", embedder.name, products
                    )
                raise


async def _vectors(embedder: Embedder, length: int, texts: Sequence[str]) -> list[float]:
    """Give the vectors of texts, one after the other."""
    vectors = await embedder.embed(texts)
    if any(len(vector) != length for vector in vectors):
        raise ConfigurationError(
            f"{embedder.name} gives vectors of {length} dimensions, and then of others",
            hint="See that one model alone answers at ZAVA_EMBEDDING_URL.",
        )
    return list(itertools.chain.from_iterable(vectors))


async def _standing(connection: asyncpg.Connection[asyncpg.Record], model: str) -> FillReport:
    products = await connection.fetchval("select count(*) from retail.products")
    report = FillReport(model=model, products=products, missing=products, changed=0)
    live = None
    for row in await connection.fetch(_STATUS):
        if row["state"] == "live":
            live = row["model"]
        if row["model"] == model and row["state"] != "retired":
            report = FillReport(model, products, row["missing"], row["changed"])
    return FillReport(model, products, report.missing, report.changed, live=live)


@asynccontextmanager
async def connected(
    url: SecretStr | None,
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Lend an administrator's connection; what the database says becomes an error of ours."""
    async with connect(url) as connection:
        try:
            # An index over many products takes as long as it takes.
            await connection.execute("set statement_timeout = 0")
            yield connection
        except asyncpg.InvalidParameterValueError as error:
            raise ConfigurationError(error.args[0], hint=error.hint or "") from error
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


def _silent(_step: str, _done: int, _total: int) -> None:
    """Take the place of a progress bar that nobody asked for."""
