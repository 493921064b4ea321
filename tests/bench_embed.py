"""What `zava-sql embed` costs beside the model itself.

    scripts/bench embed [--products 2000] [--rounds 3]

Floor: the model alone, the same texts, tokens and batches ready made, all processors busy. Both run
in turn within a round; the texts are those of the shipped catalogue, each in several variants. What
is compared is the time from the first claim to the last vector in the database; the index over them
is built after that and told beside it. Processor time is that of this process, without what
PostgreSQL uses: a busy machine disturbs it less.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import asyncpg
import numpy as np
from rich.console import Console
from rich.table import Table
from throwaway import thrown_away

from zava_sql import embedding_local
from zava_sql.embedding_fill import fill
from zava_sql.embedding_local import LocalEmbedder
from zava_sql.seed import _catalogue

if TYPE_CHECKING:
    from zava_sql.settings import Settings

BAR = 0.9


async def load(connection: asyncpg.Connection, products: int) -> None:
    """Fill the catalogue with variants of the shipped products."""
    await connection.execute("select zava.seed_stores()")
    await connection.fetchval("select zava.seed_catalogue($1)", _catalogue())
    shipped = await connection.fetchval("select count(*) from retail.products")
    await connection.execute(
        "insert into retail.products"
        " (sku, name, description, category_id, type_id, list_price)"
        " select p.sku || '-' || i, p.name || ', No. ' || i, p.description, p.category_id,"
        " p.type_id, p.list_price"
        " from generate_series(1, $1::int / $2::int + 1) as i cross join retail.products as p"
        " order by i, p.sku limit greatest($1::int - $2::int, 0)",
        products,
        shipped,
    )
    await connection.execute("analyze retail.products")


def raw(texts: list[str]) -> tuple[float, float]:
    """Give texts a second, wall clock and processor, of the model alone."""
    model = embedding_local._load()  # noqa: SLF001 - the model without what is around it
    tokens = embedding_local._tokenise(model, texts)  # noqa: SLF001
    feeds = []
    for batch in embedding_local._batches(tokens):  # noqa: SLF001
        ids = np.zeros((len(batch), max(len(tokens[i]) for i in batch)), np.int64)
        mask = np.zeros_like(ids)
        for row, i in enumerate(batch):
            ids[row, : len(tokens[i])] = tokens[i]
            mask[row, : len(tokens[i])] = 1
        feeds.append(
            {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        )
    with ThreadPoolExecutor() as threads:
        started, used = time.perf_counter(), time.process_time()
        list(threads.map(lambda feed: model.session.run(None, feed), feeds))
        taken, spent = time.perf_counter() - started, time.process_time() - used
        return len(texts) / taken, len(texts) / spent


async def whole(settings: Settings, products: int) -> tuple[float, float, float]:
    """Give products a second of the whole path, and the seconds for the index."""
    moments: dict[str, tuple[float, float]] = {}
    embedder = LocalEmbedder()
    await embedder.embed(["loaded beforehand, as the floor's is"])
    try:
        report = await fill(
            settings.admin_url,
            embedder,
            progress=lambda step, *_: moments.setdefault(
                step, (time.perf_counter(), time.process_time())
            ),
        )
        ended = time.perf_counter()
    finally:
        await embedder.aclose()
    if report.embedded != products:
        sys.exit(f"{report.embedded} of {products} products were embedded")
    taken, spent = (moments["indexing"][i] - moments["embedding"][i] for i in (0, 1))
    return products / taken, products / spent, ended - moments["indexing"][0]


async def measure(settings: Settings, products: int, rounds: int) -> list[tuple[float, ...]]:
    """Run both in turn."""
    assert settings.admin_url is not None
    connection = await asyncpg.connect(settings.admin_url.get_secret_value())
    try:
        await load(connection, products)
        texts = [
            row["content"] for row in await connection.fetch("select * from zava.product_texts()")
        ]
        found = []
        for number in range(1, rounds + 1):
            sys.stderr.write(f"… round {number} of {rounds}: the model alone\n")
            floor = await asyncio.to_thread(raw, texts)
            sys.stderr.write(f"… round {number} of {rounds}: all of it\n")
            found.append((*floor, *await whole(settings, products)))
            await connection.execute("update retail.embedding_models set state = 'building'")
            await connection.execute(
                "select zava.retire_embedding_model(m.name) from retail.embedding_models as m"
            )
        return found
    finally:
        await connection.close()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench embed", description=__doc__)
    parser.add_argument("--products", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with thrown_away() as (settings, _):
        found = asyncio.run(measure(settings, given.products, given.rounds))
    table = Table("round", "model alone", "zava-sql embed", "ratio", "by processor time", "index")
    ratios = []
    for number, (floor, floor_used, path, path_used, index) in enumerate(found, 1):
        ratios.append(path / floor)
        table.add_row(
            str(number),
            f"{floor:.1f} texts/s",
            f"{path:.1f} texts/s",
            f"{ratios[-1]:.3f}",
            f"{path_used / floor_used:.3f}",
            f"{index:.1f} s",
        )
    Console().print(table)
    median = statistics.median(ratios)
    Console().print(f"median {median:.3f} of the model alone; bar {BAR}")
    sys.exit(median < BAR)


if __name__ == "__main__":
    main()
