"""What search costs and how much of what is nearest it finds, whatever share a store sells.

    scripts/bench search [--products 100000] [--queries 40] [--rounds 3] [--real]

Floor: the HNSW index without any filter at ef_search 100, asked as the superuser among the rest,
in an order of chance. Recall is against comparing all that the caller sells. Beside the times on
the clock stands what the server's process computed, which a busy machine disturbs less. Meaning is
asked with a category as well, mostly one that the question is not about: that has a table of its
own. `--real` embeds generated titles with the configured model; else vectors are made in clusters.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import struct
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import reports
from rich.console import Console
from rich.table import Table
from throwaway import thrown_away

from zava_sql.context import ContextKey
from zava_sql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = ContextKey("bench", bytes(range(32)))
CLUSTERS = 500
CATEGORIES = 9
SHARES = {"0.1 %": 0.001, "1 %": 0.01, "1 % in 5 clusters": 0.01, "5 %": 0.05, "20 %": 0.2,
          "50 %": 0.5, "100 %": 1.0}  # fmt: skip
FIVE = (0.1, 0.05, 0.02, 0.01, 0.001)


def words(text: str) -> list[str]:
    return text.split()


# A title is one of each. The first words of a list are common, the last ones rare.
HEADS = words("brandel corvo danfix elmar forsk gritt halvor")
MAKES = [head + tail for head in HEADS for tail in words("co tek line ox max")]
TRAITS = words(
    "steel cordless black heavy duty white galvanized compact adjustable brass outdoor stainless"
    " rubber folding magnetic insulated solid angled copper wooden brushless telescoping ceramic"
    " ratcheting threaded nylon tempered reversible hickory waxed pneumatic knurled"
)
THINGS = words(
    "drill hammer screw paint hose saw nail light switch pipe shelf brush tape box ladder wrench"
    " valve faucet bit blade board cable chain clamp bolt anchor hinge lock glove mower rake seed"
    " soil planter bulb outlet breaker cord fan filter gasket grinder sander router stapler level"
    " square chisel plane vise rope hook bin tote cart rack bench sealant caulk primer stain"
    " roller tray cloth fitting elbow coupling trap auger plunger sprinkler nozzle trellis"
)
USES = words(
    "deck garage kitchen garden bathroom workshop roof fence basement patio attic closet driveway"
    " greenhouse boat fireplace stairs gutter"
)


@dataclass(slots=True)
class Case:
    """A principal, what it sells, and of each way to ask the milliseconds and those computed."""

    principal: str
    sold: np.ndarray
    times: dict[str, list[float]] = field(default_factory=dict)
    computed: dict[str, list[float]] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)
    wanted: Counter[str] = field(default_factory=Counter)

    def recall(self, way: str) -> float:
        """Give the share of what is nearest that was found."""
        return self.hits[way] / max(self.wanted[way], 1)


def titles(count: int, generator: np.random.Generator) -> list[str]:
    """Make product names with the skew of real ones."""

    def pick(words: list[str]) -> np.ndarray:
        return generator.zipf(1.3, count) % len(words)

    parts = [(words, pick(words)) for words in (MAKES, TRAITS, TRAITS, THINGS, USES)]
    sizes = generator.integers(1, 60, count)
    return [
        " ".join(words[index[i]] for words, index in parts[:4])
        + f" {sizes[i]} in for {USES[parts[4][1][i]]}"
        for i in range(count)
    ]


def clusters(count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Make 384-dimensional vectors in skewed clusters of a lower dimension, and their clusters."""
    weights = np.minimum(generator.zipf(1.3, CLUSTERS), 200).astype(float)
    of = generator.choice(CLUSTERS, count, p=weights / weights.sum())
    centres = generator.standard_normal((CLUSTERS, 64))
    basis = generator.standard_normal((64, 384)) / 8
    low = centres[of] + 0.5 * generator.standard_normal((count, 64))
    return low @ basis + 0.15 * generator.standard_normal((count, 384)), of


def real(names: list[str]) -> np.ndarray:
    """Embed names with the configured model."""
    from zava_sql.embedding import find_embedder  # noqa: PLC0415 - only where asked for

    async def embed() -> list[list[float]]:
        embedder = find_embedder(Settings())
        vectors: list[list[float]] = []
        for start in range(0, len(names), 512):
            vectors += await embedder.embed(names[start : start + 512])
            if start % 4096 == 0 or len(vectors) == len(names):
                sys.stderr.write(f"… {len(vectors):,} of {len(names):,} texts embedded\n")
        await embedder.aclose()
        return vectors

    return np.array(asyncio.run(embed()))


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Scale to length 1, as exact as the database keeps them."""
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(">f2").astype("f4")


def copied(ids: list[uuid.UUID], vectors: np.ndarray, model: int) -> Iterator[bytes]:
    """Give rows of retail.product_embeddings as COPY's binary format has them."""
    yield b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
    size = vectors.shape[1]
    for key, vector in zip(ids, vectors.astype(">f2"), strict=True):
        yield struct.pack(">hihi", 4, 2, model, 16) + key.bytes + struct.pack(">ic", 1, b"x")
        yield struct.pack(">ihh", 4 + 2 * size, size, 0) + vector.tobytes()
    yield struct.pack(">h", -1)


def load(
    connection: psycopg.Connection[Any], names: list[str], vectors: np.ndarray, of: np.ndarray
) -> list[Any]:
    """Fill an empty, migrated database with the catalogue; give the ids of products."""
    connection.execute("select zava.create_signing_key(%s, %s, %s)", [KEY.kid, *KEY.pads()])
    connection.execute(
        "insert into retail.categories (name) select n from generate_series(0, %s) as n",
        [CATEGORIES - 1],
    )
    connection.execute(
        "insert into retail.product_types (category_id, name)"
        " select category_id, name from retail.categories"
    )
    generator = np.random.default_rng(2)
    ids = [uuid.UUID(bytes=generator.bytes(16), version=4) for _ in names]
    connection.execute("create temporary table named (id uuid, n integer, name text, kind text)")
    with connection.cursor().copy("copy named from stdin") as copy:
        for number, (key, name) in enumerate(zip(ids, names, strict=True)):
            copy.write_row((key, number, name, str(of[number] % CATEGORIES)))
    connection.execute(
        "insert into retail.products"
        " (product_id, sku, name, description, category_id, type_id, list_price)"
        " select n.id, n.n, n.name, n.name, t.category_id, t.type_id, 1 + n.n % 97"
        " from named as n join retail.product_types as t on t.name = n.kind"
    )
    row = connection.execute("select zava.add_embedding_model('bench', 384)").fetchone()
    assert row is not None
    with connection.cursor().copy(
        "copy retail.product_embeddings (model_id, product_id, content_hash, embedding)"
        " from stdin (format binary)"
    ) as copy:
        for part in copied(ids, vectors, row[0]):
            copy.write(part)
    connection.execute("analyze retail.products, retail.product_embeddings")
    sys.stderr.write("… indexing the catalogue\n")
    began = time.perf_counter()
    connection.execute("select zava.index_embedding_model('bench')")
    Console().print(f"index: {time.perf_counter() - began:.0f} s")
    connection.execute("select zava.activate_embedding_model('bench')")
    return ids


def refresh(connection: psycopg.Connection[Any]) -> None:
    """Take up for search what stores sell, as `zava-sql embed` does at its end."""
    began = time.perf_counter()
    connection.execute("select zava.refresh_search_words()")
    Console().print(f"words and copies: {time.perf_counter() - began:.0f} s")
    began, indexes = time.perf_counter(), 0
    while connection.execute("select zava.index_search_assortments()").fetchone() == (True,):
        indexes += 1
        sys.stderr.write(f"… {indexes} indexes of what stores sell\n")
    Console().print(f"{indexes} indexes of what stores sell: {time.perf_counter() - began:.0f} s")
    connection.execute("vacuum analyze")


def stock(connection: psycopg.Connection[Any], ids: list[Any], of: np.ndarray) -> dict[str, Case]:
    """Make stores that sell a share of the catalogue each, five of one region, and head office."""
    generator = np.random.default_rng(3)
    cases = {}
    region = []
    for number, (name, share) in enumerate([*SHARES.items(), *((str(s), s) for s in FIVE)]):
        pool = np.arange(len(ids))
        if "clusters" in name:
            by_size = np.argsort(-np.bincount(of, minlength=CLUSTERS))
            pool = np.flatnonzero(np.isin(of, by_size[5:10]))
        sold = generator.choice(pool, min(len(pool), round(share * len(ids))), replace=False)
        key = f"bench_{number}"
        connection.execute(
            "insert into retail.stores (store_key, name, city, tax_rate, opened_on)"
            " values (%s, 'Bench', 'Seattle', 0.1, '2020-01-01')",
            [key],
        )
        connection.execute(
            "insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)"
            " select s.store_id, u.id, 9, 5, 3 from retail.stores as s, unnest(%s) as u (id)"
            " where s.store_key = %s",
            [[ids[i] for i in sold], key],
        )
        connection.execute("select zava.create_principal(%s, 'store', %s)", [f"b{number}", [key]])
        if name in SHARES:
            cases[name] = Case(f"b{number}", np.sort(sold))
        else:
            region.append((key, sold))
    connection.execute(
        "select zava.create_principal('five', 'region', %s)", [[key for key, _ in region]]
    )
    connection.execute("select zava.create_principal('head', 'head')")
    cases["five stores"] = Case("five", np.unique(np.concatenate([sold for _, sold in region])))
    cases["head office"] = Case("head", np.arange(len(ids)))
    return cases


BASE = """
select product_id from retail.product_embeddings where model_id = {model}
order by embedding::halfvec(384) <#> %(vector)s::halfvec(384) limit 10
"""
WAYS = {
    "meaning": "select product_id from api._found_products(%(vector)s::vector, null,"
    " null, null, null, false, 10)",
    "category": "select product_id from api._found_products(%(vector)s::vector, null,"
    " api._category_id(%(category)s), null, null, false, 10)",
    "words": "select product_id from api._found_products(null, %(text)s,"
    " null, null, null, false, 20)",
    "search": "select product_id from api.search_products(%(text)s, %(vector)s::vector)",
}


def computed(connection: psycopg.Connection[Any]) -> float:
    """Give the milliseconds that a backend of this machine has computed."""
    stat = Path(f"/proc/{connection.info.backend_pid}/schedstat")
    return int(stat.read_text("ascii").split()[0]) / 1e6 if stat.exists() else 0.0


def measure(url: str, cases: dict[str, Case], ids: list[Any], asked: Asked, rounds: int) -> None:
    """Ask everything, and keep times and hits.

    Each turn has an order of its own: who asks what another has just asked finds it in the
    processor's cache, and takes half the time.
    """
    index = {key: number for number, key in enumerate(ids)}
    generator = random.Random(1)  # noqa: S311 - an order, not a secret
    with psycopg.connect(url, autocommit=True, options="-c jit=off") as owner:
        owner.execute("set hnsw.ef_search = 100")
        row = owner.execute("select model_id from retail.embedding_models").fetchone()
        assert row is not None
        ways = {"floor": BASE.format(model=row[0]), **WAYS}
        calls = [(name, number) for name in ways for number in range(len(asked.texts))]
        for case in cases.values():
            case.times = {name: [] for name in ways}
            case.computed = {name: [] for name in ways}
            with psycopg.connect(url, autocommit=True, options="-c jit=off") as caller:
                reports.become(caller, str(KEY), case.principal, 86_400)
                sys.stderr.write(f"… asking as {case.principal}\n")
                nearest = [asked.nearest(number, case.sold) for number in range(len(asked.texts))]
                for turn in range(rounds + 1):
                    generator.shuffle(calls)
                    for name, number in calls:
                        text, literal = asked.texts[number]
                        category = str(number % CATEGORIES)
                        given = {"text": text, "vector": literal, "category": category}
                        connection = owner if name == "floor" else caller
                        began, before = time.perf_counter(), computed(connection)
                        rows = connection.execute(ways[name], given).fetchall()
                        took = (time.perf_counter() - began) * 1000
                        worked = computed(connection) - before
                        if turn:  # the first round warms up
                            case.times[name].append(took)
                            case.computed[name].append(worked)
                            if name in nearest[number]:
                                wanted = nearest[number][name]
                                case.hits[name] += len(wanted & {index[key] for (key,) in rows})
                                case.wanted[name] += len(wanted)


@dataclass(frozen=True, slots=True)
class Asked:
    """Texts with the literals of their vectors, and the vectors of all products."""

    texts: list[tuple[str, str]]
    queries: np.ndarray
    vectors: np.ndarray
    of: np.ndarray

    def nearest(self, number: int, sold: np.ndarray) -> dict[str, set[int]]:
        """Give the ten products nearest to a query of all that are sold, and of its category."""
        ordered = sold[np.argsort(-(self.vectors @ self.queries[number])[sold])]
        of_category = ordered[self.of[ordered] % CATEGORIES == number % CATEGORIES]
        return {"meaning": set(ordered[:10].tolist()), "category": set(of_category[:10].tolist())}


def report(cases: dict[str, Case]) -> None:
    """Print everything as multiples of the floor."""
    table = Table(
        title="p50 in an order of chance: on the clock, and (computed by the server's process)"
    )
    for column in ("sells", "products", "recall@10", "floor ms", "meaning x", "search x"):
        table.add_column(column)
    table.add_column("words ms")
    table.add_column("search ms")
    for name, case in cases.items():
        clock = {way: statistics.median(times) for way, times in case.times.items()}
        worked = {way: statistics.median(times) for way, times in case.computed.items()}

        def ratio(
            way: str, clock: dict[str, float] = clock, worked: dict[str, float] = worked
        ) -> str:
            floor = worked["floor"] or 1
            return f"{clock[way] / clock['floor']:.2f} ({worked[way] / floor:.2f})"

        table.add_row(
            name,
            f"{len(case.sold):,}",
            f"{case.recall('meaning'):.3f}",
            f"{clock['floor']:.2f} ({worked['floor']:.2f})",
            ratio("meaning"),
            ratio("search"),
            f"{clock['words']:.2f} ({worked['words']:.2f})",
            f"{clock['search']:.2f} ({worked['search']:.2f})",
        )
    Console(width=120).print(table)

    table = Table(title=f"with one of {CATEGORIES} categories")
    for column in ("sells", "recall@10", "meaning x", "meaning ms"):
        table.add_column(column)
    for name, case in cases.items():
        clock, worked = (
            {way: statistics.median(times[way]) for way in ("floor", "category")}
            for times in (case.times, case.computed)
        )
        table.add_row(
            name,
            f"{case.recall('category'):.3f}",
            f"{clock['category'] / clock['floor']:.2f}"
            f" ({worked['category'] / (worked['floor'] or 1):.2f})",
            f"{clock['category']:.2f} ({worked['category']:.2f})",
        )
    Console(width=120).print(table)


def main() -> None:
    """Start a server of its own, fill it, measure, throw it away."""
    parser = argparse.ArgumentParser(prog="scripts/bench search", description=__doc__)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--real", action="store_true")
    arguments = parser.parse_args()
    generator = np.random.default_rng(1)
    names = titles(arguments.products, generator)
    raw, of = clusters(arguments.products, generator)
    chosen = generator.choice(arguments.products, arguments.queries, replace=False)
    texts = [" ".join(names[i].split()[1:4]) for i in chosen]
    if arguments.real:
        raw = real(names)
        wanted = real([f"{text} for my {USES[i % len(USES)]}" for i, text in enumerate(texts)])
        of = raw[:, :64].argmax(axis=1)
    else:
        wanted = raw[chosen] + 0.3 * generator.standard_normal((len(chosen), 384)) * raw.std()
    vectors, queries = normalised(raw), normalised(wanted)
    literals = ["[" + ",".join(f"{x:.6g}" for x in query) + "]" for query in queries]

    with thrown_away() as (_, url):
        with psycopg.connect(url, autocommit=True) as connection:
            ids = load(connection, names, vectors, of)
            cases = stock(connection, ids, of)
            checked = connection.execute("select * from zava.check_search_recall()").fetchall()
            Console().print(f"recall of the index: {checked}")
            refresh(connection)
        asked = Asked(list(zip(texts, literals, strict=True)), queries, vectors, of)
        measure(url, cases, ids, asked, arguments.rounds)
        report(cases)


if __name__ == "__main__":
    main()
