"""`zava-sql embed` and the embedding of questions, against a real database and a real service."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from datetime import timedelta

import psycopg
import pytest
from embedding_service import LENGTH, serving, silent, well
from starlette.responses import JSONResponse, Response
from waiting import until

from zava_sql import cli_embed, embedding_http, embedding_query
from zava_sql.agent import Agent
from zava_sql.database import Database
from zava_sql.embedding import LOCAL_MODEL, find_embedder
from zava_sql.embedding_fill import fill
from zava_sql.embedding_query import QueryEmbedder
from zava_sql.errors import ConfigurationError, DatabaseError, ServiceUnavailable
from zava_sql.function_catalogue import FunctionCatalogue
from zava_sql.principals import find_principal
from zava_sql.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.once]

PRODUCTS = 300
QUESTION = "what nobody else is to know"

ARRANGE = f"""
insert into retail.stores (store_key, name, city, tax_rate, opened_on)
select s, s, s, 0.1, '2020-01-01' from unnest(array['seattle', 'bellevue']) as s;
select zava.create_principal(s, 'store', array[s]) from unnest(array['seattle', 'bellevue']) as s;
insert into retail.categories (name) values ('Hand Tools');
insert into retail.product_types (category_id, name)
select category_id, 'Hammers' from retail.categories;
insert into retail.products (sku, name, description, category_id, type_id, list_price)
select 'sku' || i, 'Hammer ' || i, 'Drives nails.', category_id, type_id, 10
from retail.product_types cross join generate_series(1, {PRODUCTS}) as i;
set role zava_owner;
create function api.found(p_query text, p_query_embedding public.halfvec default null)
returns text language sql stable begin atomic
select coalesce(public.vector_dims(p_query_embedding) || ' numbers', 'by words'); end;
comment on function api.found(text, public.halfvec) is 'Found.

p_query: words
p_query_embedding: their vector';
grant execute on function api.found(text, public.halfvec) to store_manager;
reset role;
"""


@pytest.fixture(scope="module")
def running():
    with serving() as service:
        yield service


@pytest.fixture
def service(running, monkeypatch):
    running.forget()
    monkeypatch.setattr(embedding_http, "_PAUSE", 0.001)
    return running


@pytest.fixture(scope="module")
def shop(clone):
    """A copy with products and no vectors; tests take back what they did."""
    with clone(hardened=True) as copy:
        with psycopg.connect(copy.admin_url, autocommit=True) as connection:
            connection.execute(ARRANGE)
        yield copy


@pytest.fixture
def connection(shop):
    with psycopg.connect(shop.admin_url, autocommit=True) as connection:
        yield connection
        connection.execute("update retail.embedding_models set state = 'building'")
        connection.execute("select zava.retire_embedding_model(name) from retail.embedding_models")


@pytest.fixture
def settings(shop, service):
    return Settings(
        database_url=shop.gateway_url,
        service_url=shop.service_url,
        admin_url=shop.admin_url,
        context_key=shop.context_key,
        embedding_url=service.url,
        embedding_model="small",
        embedding_timeout=60,
        pool_max=2,
    )


async def filled(settings, model="small", **options):
    embedder = find_embedder(settings.model_copy(update={"embedding_model": model}))
    try:
        return await fill(settings.admin_url, embedder, **options)
    finally:
        await embedder.aclose()


def sent(service):
    return [text for request in service.requests for text in request["body"]["input"]]


def state(connection, model="small"):
    return connection.execute(
        "select state, embedded, missing, changed, leased, is_indexed"
        " from zava.embedding_status() where model = %s",
        [model],
    ).fetchone()


# ---------------------------------------------------------------- products


def zava_sql(shop, *arguments, **extra):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ZAVA_")}
    return subprocess.run(
        [sys.executable, "-m", "zava_sql", *arguments],
        env=environment | {"ZAVA_ADMIN_URL": shop.admin_url} | extra,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.long
def test_the_command_embeds_once_and_says_what_it_did(shop, service, connection):
    def embed(*arguments):
        done = zava_sql(
            shop, "embed", "--json", *arguments,
            ZAVA_EMBEDDING_URL=service.url, ZAVA_EMBEDDING_MODEL="small",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    answer = embed("--dry-run")
    assert (answer["missing"], answer["embedded"], answer["live"]) == (PRODUCTS, 0, None)
    assert not service.requests
    answer = embed()
    assert (answer["missing"], answer["embedded"], answer["live"]) == (PRODUCTS, PRODUCTS, "small")
    assert answer["dimensions"] == LENGTH
    connection.execute("update retail.products set name = 'Mallet' where sku = 'sku7'")
    # What is of no use any more is dropped where indexes of what stores sell are seen to.
    index = "search_assortments_of_no_use_idx"
    connection.execute(f"create index {index} on retail.search_assortments (product_id)")
    service.forget()
    answer = embed()
    assert (answer["changed"], answer["embedded"]) == (1, 1)
    assert "Mallet\nHammers, Hand Tools\nDrives nails." in sent(service)
    assert state(connection) == ("live", PRODUCTS, 0, 0, 0, True)
    words = "select lexeme, to_regclass('retail.' || %s) from retail.search_words where word = %s"
    assert connection.execute(words, [index, "mallet"]).fetchone() == ("mallet", None)


@pytest.mark.long
def test_a_bad_start_is_one_line_and_a_code(shop, connection):
    model = {"ZAVA_EMBEDDING_MODEL": "small"}
    for code, said, extra in (
        (2, "a model of a service is named, but no service", model),
        (3, "cannot be reached", model | {"ZAVA_EMBEDDING_URL": "http://127.0.0.1:9"}),
    ):
        done = zava_sql(shop, "embed", **extra)
        assert done.returncode == code, done.stderr
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 2
        assert done.stdout == ""
    assert (state(connection) or ["retired"])[0] == "retired"


async def test_workers_never_do_the_same_text_twice(settings, service, connection):
    reports = await asyncio.gather(*(filled(settings, workers=3) for _ in range(2)))
    assert sum(report.embedded for report in reports) == PRODUCTS
    texts = [text for text in sent(service) if text.startswith(("Hammer", "Mallet"))]
    assert len(texts) == len({*texts}) == PRODUCTS
    assert state(connection) == ("live", PRODUCTS, 0, 0, 0, True)


async def test_what_was_done_before_a_failure_stays(settings, service, connection):
    async def refuse(_):
        return Response(status_code=401)

    settings = settings.model_copy(update={"embedding_dimensions": LENGTH})
    async with asyncio.timeout(20):
        service.answers += [*[well] * 9, refuse]  # the first request asks for the length
        with pytest.raises(ConfigurationError, match="refused the key"):
            await filled(settings, workers=1)
    model = f"small/{LENGTH}"
    assert state(connection, model) == ("building", 256, PRODUCTS - 256, 0, 0, False)
    report = await filled(settings)
    assert (report.embedded, report.live) == (PRODUCTS - 256, model)


def meanwhile(shop, statement, found=None):
    """Answer well, after this was done in the database while a worker waits."""

    def answer(body):
        with psycopg.connect(shop.admin_url, autocommit=True) as other:
            done = other.execute(statement)
            if found is not None:
                found.extend(done.fetchall())
        return well(body)

    return answer


async def test_what_is_claimed_is_claimed_for_as_long_as_a_slow_service_takes(
    settings, service, shop, connection
):
    left = []
    look = "select min(l.leased_until) - clock_timestamp() from zava.embedding_leases as l"
    service.answers += [well, meanwhile(shop, look, left)]
    await filled(settings)
    assert timedelta(minutes=4) < left[0][0] <= timedelta(minutes=5)
    assert state(connection)[4] == 0


async def test_who_is_stopped_while_it_claims_keeps_nothing_from_others(settings, shop, connection):
    waiting = (
        "select 1 from pg_stat_activity where query ~ 'claim_embed' and wait_event_type = 'Lock'"
    )
    claimed = "select count(*) from zava.embedding_leases"
    with psycopg.connect(shop.admin_url) as other:
        other.execute("lock table zava.embedding_leases in share mode")
        filling = asyncio.create_task(filled(settings, workers=1))
        await until(lambda: connection.execute(waiting).fetchone())
        other.rollback()
    # The database has done it, and the answer is not read yet.
    while connection.execute(claimed).fetchone() == (0,):
        pass
    filling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await filling
    assert connection.execute(claimed).fetchone() == (0,)


async def test_whatever_stops_a_worker_is_one_error_and_nothing_stays_claimed(
    settings, service, shop, connection
):
    leases = "select count(*) from zava.embedding_leases"
    service.answers += [well, *[Response(status_code=503)] * 99]
    with pytest.raises(ServiceUnavailable, match="not available"):
        await filled(settings)
    assert connection.execute(leases).fetchone() == (0,)

    store = "zava.store_embeddings(text, uuid[], bytea[], real[])"
    service.answers[:] = [well, meanwhile(shop, f"alter function {store} rename to gone")]
    with pytest.raises(DatabaseError, match="store_embeddings"):
        await filled(settings, workers=1)
    connection.execute(f"alter function {store.replace('store_embeddings', 'gone')}"
                       " rename to store_embeddings")  # fmt: skip
    assert connection.execute(leases).fetchone() == (0,)

    mine = connection.info.backend_pid
    end = (
        "select pg_terminate_backend(a.pid, 10000) from pg_stat_activity as a"
        f" where a.datname = current_database() and a.pid not in (pg_backend_pid(), {mine})"
    )
    service.answers[:] = [well, meanwhile(shop, end)]
    with pytest.raises(ServiceUnavailable, match="the connection to the database broke") as caught:
        await filled(settings, workers=1)
    assert "what is done stays" in caught.value.hint
    connection.execute("update zava.embedding_leases set leased_until = now()")
    assert (await filled(settings)).live == "small"


async def picky(body):
    """Refuse two texts, in whatever company they come."""
    refused = any(text.startswith(("Hammer 17\n", "Hammer 18\n")) for text in body["input"])
    return Response(status_code=400) if refused else well(body)


@pytest.mark.long
def test_a_text_that_is_refused_is_named_and_stops_nobody(shop, service, connection):
    def embed(*arguments):
        service.answers[:] = [picky] * 500
        return zava_sql(
            shop, "embed", *arguments,
            ZAVA_EMBEDDING_URL=service.url, ZAVA_EMBEDDING_MODEL="small",
        )  # fmt: skip

    done = embed()
    assert done.returncode == 1, done.stderr
    assert re.findall(r"refused: (\S+) \([-0-9a-f]{36}\)", done.stderr) == ["sku17", "sku18"]
    assert "zava-sql embed --activate" in done.stdout
    assert state(connection) == ("building", PRODUCTS - 2, 2, 0, 0, True)

    # The next run asks once for each, and only who asks for it gets a model without them.
    service.forget()
    done = embed("--activate", "--json")
    assert done.returncode == 1, done.stderr
    assert [one["sku"] for one in json.loads(done.stdout)["refused"]] == ["sku17", "sku18"]
    assert len(service.requests) == 1 + 1 + 2
    assert state(connection)[:3] == ("live", PRODUCTS - 2, 2)

    # What it says to run is about the same model.
    done = embed("--model", "o'ther")
    other = "zava-sql embed --model 'o'\"'\"'ther'"
    assert done.stderr.endswith(f"Then: {other}\n")
    assert done.stdout.endswith(f"\nsearch uses small; change it with: {other} --activate\n")


async def test_two_runs_do_not_wait_for_what_both_are_refused(settings, service, connection):
    service.answers += [picky] * 900
    async with asyncio.timeout(30):
        reports = await asyncio.gather(*(filled(settings, workers=2) for _ in range(2)))
    assert sum(report.embedded for report in reports) == PRODUCTS - 2
    for report in reports:
        assert {sku for _, sku in report.refused} == {"sku17", "sku18"}
    assert state(connection) == ("building", PRODUCTS - 2, 2, 0, 0, True)


async def test_what_a_dead_worker_has_claimed_is_done_in_the_end(settings, connection):
    connection.execute("select zava.add_embedding_model('small', %s)", [LENGTH])
    connection.execute("select count(*) from zava.claim_embeddings('small', null, 10, '2 seconds')")
    report = await filled(settings)
    assert report.embedded == PRODUCTS


async def test_a_product_that_is_removed_while_it_is_embedded_stops_nobody(settings, connection):
    await filled(settings)
    connection.execute("update retail.products set description = 'x' where sku in ('sku1', 'sku2')")
    claimed = connection.execute("select * from zava.claim_embeddings('small')").fetchall()
    with psycopg.connect(settings.admin_url.get_secret_value()) as remover:
        remover.execute("delete from retail.products where sku = 'sku1'")

        def store():
            with psycopg.connect(settings.admin_url.get_secret_value()) as worker:
                return worker.execute(
                    "select zava.store_embeddings('small', %s, %s, %s::real[])",
                    [[c[0] for c in claimed], [c[2] for c in claimed], [0.5] * 2 * LENGTH],
                ).fetchone()

        storing = asyncio.create_task(asyncio.to_thread(store))
        await asyncio.sleep(0.3)
        assert not storing.done()
        remover.commit()
    assert await storing == (1,)
    connection.execute(
        "insert into retail.products (sku, name, description, category_id, type_id, list_price)"
        " select 'sku1', 'Hammer 1', 'Drives nails.', category_id, type_id, 10"
        " from retail.product_types"
    )


async def test_what_is_stored_while_another_claims_is_not_embedded_twice(settings, connection):
    await filled(settings)
    connection.execute("update retail.products set description = 'y' where sku in ('sku1', 'sku2')")
    with psycopg.connect(settings.admin_url.get_secret_value()) as first:
        (one,) = first.execute(
            "insert into zava.embedding_leases (model_id, product_id, leased_until)"
            " select m.model_id, p.product_id, now() + interval '1 minute'"
            " from retail.embedding_models as m, retail.products as p"
            " where m.name = 'small' and p.sku = 'sku1' returning product_id"
        ).fetchone()

        def claim():
            with psycopg.connect(settings.admin_url.get_secret_value()) as second:
                return second.execute("select * from zava.claim_embeddings('small')").fetchall()

        def waiting():
            while not connection.execute(
                "select 1 from pg_stat_activity"
                " where query ~ 'claim_emb' and wait_event_type = 'Lock'"
            ).fetchone():
                pass

        claiming = asyncio.create_task(asyncio.to_thread(claim))
        async with asyncio.timeout(20):
            await asyncio.to_thread(waiting)
        first.execute(
            "select zava.store_embeddings('small', array[x.product_id], array[x.content_hash],"
            " array_fill(0.5::real, array[%s])) from zava.product_texts() as x"
            " where x.product_id = %s",
            [LENGTH, one],
        )
        first.commit()
    claimed = await claiming
    assert len(claimed) == 1
    assert claimed[0][0] != one
    leases = connection.execute("select product_id from zava.embedding_leases").fetchall()
    assert leases == [(claimed[0][0],)]


async def test_a_product_that_comes_while_the_index_is_built_is_embedded(settings, connection):
    def come(step, *_):
        if step == "indexing":
            connection.execute(
                "insert into retail.products"
                " (sku, name, description, category_id, type_id, list_price)"
                " select 'late', 'Late', 'It comes late.', category_id, type_id, 10"
                " from retail.product_types"
            )

    try:
        report = await filled(settings, progress=come)
        assert (report.live, report.embedded) == ("small", PRODUCTS + 1)
        assert state(connection, "small") == ("live", PRODUCTS + 1, 0, 0, 0, True)
    finally:
        connection.execute("delete from retail.products where sku = 'late'")


async def test_a_model_is_filled_beside_the_live_one_and_takes_its_place(settings, connection):
    await filled(settings)
    report = await filled(settings, "other")
    assert report.live == "small"
    assert state(connection, "other") == ("building", PRODUCTS, 0, 0, 0, True)
    report = await filled(settings, "other", activate=True)
    assert (report.embedded, report.live) == (0, "other")
    assert [state(connection, model)[0] for model in ("small", "other")] == ["building", "live"]


async def test_the_recall_of_an_index_is_told_and_measured_again_when_products_have_come(
    settings, connection, capsys
):
    def measured():
        return connection.execute(
            "select r.updated_at, r.products from retail.search_recall as r"
            " join retail.embedding_models as m on m.model_id = r.model_id where m.name = 'small'"
        ).fetchone()

    assert (await filled(settings)).recall == 1
    before = measured()
    assert before[1] == PRODUCTS
    await filled(settings)
    assert measured() == before
    connection.execute("update retail.search_recall set products = 200, recall = 0.5")
    assert (await filled(settings)).recall == 1
    assert measured()[1] == PRODUCTS
    connection.execute("update retail.search_recall set recall = 0.97")
    report = await filled(settings)
    assert report.recall == 0.97
    cli_embed._show(report, 1.0, "zava-sql embed", as_json=False)  # noqa: SLF001
    assert "finds 97.0% of what is nearest" in capsys.readouterr().err


async def test_an_index_is_measured_with_as_many_points_as_by_hand(settings, shop, connection):
    await filled(settings)
    # One of which much is out of reach: few points would tell something else of it than many.
    ((index, built),) = connection.execute(
        "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index"
        " where indexrelid::regclass::text ~ 'product_embeddings_.*_embedding_idx'"
    ).fetchall()
    for setting in ("seqscan", "sort", "bitmapscan"):
        connection.execute(f"alter database {shop.dbname} set enable_{setting} = off")
    try:
        connection.execute(f"drop index {index}")
        connection.execute(re.sub("WITH .*", "with (m = 2, ef_construction = 4)", built))
        connection.execute("update retail.search_recall set products = 1")
        told = (await filled(settings)).recall
        with psycopg.connect(shop.admin_url) as by_hand:
            measured = by_hand.execute("select recall from zava.check_search_recall()").fetchone()
        assert told == float(measured[0])
    finally:
        connection.execute(f"alter database {shop.dbname} reset all")


async def test_a_service_that_changes_its_vectors_is_stopped(settings, service, connection):
    await filled(settings)
    connection.execute("update retail.products set description = 'x' where sku = 'sku1'")
    service.answers += [lambda body: well(body | {"dimensions": 4})] * 99
    with pytest.raises(ConfigurationError, match="have 8 dimensions, not 4"):
        await filled(settings)
    assert state(connection)[:2] == ("live", PRODUCTS - 1)


async def test_a_service_that_changes_its_vectors_half_way_is_stopped(settings, service):
    def longer(body):
        return well(body | {"dimensions": LENGTH + 1})

    service.answers += [well, well, longer, *[well] * 99]
    with pytest.raises(ConfigurationError, match=f"small gives vectors of {LENGTH} dim.* others"):
        await filled(settings, workers=1)


async def test_the_local_model_finds_a_product_by_what_it_is_for(settings, connection):
    await filled(settings)
    connection.execute("create table public.aside as select * from retail.products")
    try:
        connection.execute("delete from retail.products where sku <> 'sku2'")
        connection.execute(
            "insert into retail.products (sku, name, description, category_id, type_id, list_price)"
            " select n, n, d, category_id, type_id, 1 from retail.product_types, (values"
            " ('Interior Latex Paint', 'Covers walls in one coat.'),"
            " ('Garden Hose 50 ft', 'Waters the lawn.')) as v (n, d)"
        )
        report = await filled(settings, LOCAL_MODEL, activate=True)
        assert (report.embedded, report.live) == (3, LOCAL_MODEL)
        async with Database.open(settings) as database, QueryEmbedder.open(database) as embed:
            principal = await find_principal(database, "seattle")
            vector = await embed(principal, "water the grass behind the house")
        best = connection.execute(
            "select p.name from retail.product_embeddings as e join retail.products as p"
            " using (product_id) join retail.embedding_models as m using (model_id)"
            " where m.state = 'live' order by e.embedding <#> %s::halfvec limit 1",
            [str(vector.numbers)],
        ).fetchone()
        assert best == ("Garden Hose 50 ft",)
    finally:
        connection.execute("delete from retail.products")
        connection.execute(
            "insert into retail.products (product_id, sku, name, description, category_id,"
            " type_id, list_price) select product_id, sku, name, description, category_id,"
            " type_id, list_price from public.aside"
        )
        connection.execute("drop table public.aside")


async def test_a_load_goes_on_without_an_embedder_and_says_so(settings, service, capsys):
    service.answers += [Response(status_code=503)] * 99
    await cli_embed.embed_if_possible(settings)
    assert "search goes by words only" in capsys.readouterr().err


# ---------------------------------------------------------------- questions


@pytest.fixture
async def live(settings, service, connection):  # noqa: ARG001 - the models are taken back after
    """Open the database of a filled shop with the embedder of its questions."""
    await filled(settings)
    service.forget()
    async with Database.open(settings) as database, QueryEmbedder.open(database) as embed:
        people = [await find_principal(database, name) for name in ("seattle", "bellevue")]
        yield embed, people


async def test_a_question_is_embedded_once_for_each_who_asks_it(live, service):
    embed, (seattle, bellevue) = live
    vectors = await asyncio.gather(*(embed(seattle, "nails") for _ in range(10)))
    assert (vectors[0].model, len(vectors[0].numbers)) == ("small", LENGTH)
    assert all(one == vectors[0] for one in vectors)
    assert await embed(seattle, "nails") == vectors[0]
    assert len(service.requests) == 1
    await embed(bellevue, "nails")
    assert len(service.requests) == 2
    status = await embed.status()
    assert (status["by_meaning"], status["made"], status["repeated"]) == (True, 2, 10)


async def test_what_is_kept_is_bounded_and_no_text(settings, service, connection):  # noqa: ARG001
    await filled(settings)
    small = settings.model_copy(update={"embedding_cache": 3})
    async with Database.open(small) as database, QueryEmbedder.open(database) as embed:
        seattle = await find_principal(database, "seattle")
        for i in range(10):
            await embed(seattle, f"{QUESTION} {i}")
        assert (await embed.status())["kept"] == 3
        assert QUESTION not in repr(vars(embed))
        service.forget()
        await embed(seattle, f"{QUESTION} 9")
        await embed(seattle, f"{QUESTION} 0")
        assert len(service.requests) == 1
        # What is asked again and again stays longest.
        await embed(seattle, f"{QUESTION} 9")
        for i in range(1, 3):
            await embed(seattle, f"{QUESTION} {i}")
            await embed(seattle, f"{QUESTION} 9")
        assert len(service.requests) == 3


async def test_what_is_kept_is_of_one_model_and_length(settings, service, connection):
    for model in ("small", "other"):
        await filled(settings, model)
    service.forget()
    one, other = (
        find_embedder(settings.model_copy(update={"embedding_model": model}))
        for model in ("small", "other")
    )
    async with Database.open(settings) as database:
        embed = QueryEmbedder(database, [one, other], "")
        seattle = await find_principal(database, "seattle")
        assert (await embed(seattle, "nails")).model == "small"
        connection.execute("select zava.activate_embedding_model('other')")
        assert (await embed(seattle, "nails")).model == "other"
        assert [request["body"]["model"] for request in service.requests] == ["small", "other"]
        length = LENGTH + 1
        service.answers.append(JSONResponse({"data": [{"embedding": [1] * length}]}))
        resize = "update retail.embedding_models set dimensions = %s where name = 'other'"
        connection.execute(resize, [length])
        vector = await embed(seattle, "nails")
        connection.execute(resize, [LENGTH])
        assert len(vector.numbers) == length
    for embedder in (one, other):
        await embedder.aclose()


async def test_one_who_hangs_up_does_not_take_the_others_along(live, service):
    embed, (seattle, _) = live

    async def late(body):
        await asyncio.sleep(0.2)
        return well(body)

    service.answers.append(late)
    first = asyncio.create_task(embed(seattle, "nails"))
    second = asyncio.create_task(embed(seattle, "nails"))
    await asyncio.sleep(0.1)
    first.cancel()
    assert await second
    assert len(service.requests) == 1


async def test_one_who_hangs_up_again_and_again_has_no_more_embedded_than_others(live, service):
    embed, (seattle, _) = live
    agent = Agent(embed._database, embed=embed)  # noqa: SLF001
    catalogue = FunctionCatalogue(agent.database, embeds=True)
    await catalogue.refresh()
    found = (await catalogue.visible_to(seattle))["found"]
    service.answers += [silent] * 9
    for number in range(6):
        asking = asyncio.create_task(agent.call_function(seattle, found, {"query": f"{number}"}))
        await asyncio.wait({asking}, timeout=0.1)
        asking.cancel()
        await asyncio.wait({asking})
    assert len(service.requests) == agent.database.settings.pool_max
    # Connections to the database are taken from nobody meanwhile.
    assert (await agent.query(seattle, "select 1")).row_count == 1


async def test_another_live_model_means_words_and_one_warning(live, settings, connection, caplog):
    embed, (seattle, _) = live
    assert await embed(seattle, "nails")
    await filled(settings, "other", activate=True)
    assert await embed(seattle, "nails") is None
    assert await embed(seattle, QUESTION) is None
    (warning,) = [r.message for r in caplog.records if r.name == embedding_query.__name__]
    models = f"the database uses the model other, this server has: {LOCAL_MODEL}, small"
    assert warning == f"search goes by words only: {models}"
    status = await embed.status()
    assert not status["by_meaning"]
    assert "uses the model other" in status["problem"]
    connection.execute("select zava.activate_embedding_model('small')")
    assert await embed(seattle, "nails")
    assert (await embed.status())["by_meaning"]
    connection.execute("update retail.embedding_models set state = 'building'")
    assert await embed(seattle, "nails") is None
    assert "no embedding model is live" in (await embed.status())["problem"]


async def test_a_service_that_fails_is_left_in_peace_and_searches_do_not_wait(
    live, service, caplog, monkeypatch
):
    caplog.set_level("DEBUG")
    embed, (seattle, _) = live
    service.answers += [Response(status_code=503)] * 99
    assert await embed(seattle, QUESTION) is None
    asked = len(service.requests)
    assert asked == 2
    assert await embed(seattle, QUESTION + " again") is None
    assert len(service.requests) == asked
    assert not (await embed.status())["by_meaning"]
    assert QUESTION not in caplog.text
    assert caplog.text.count("search goes by words only") == 1
    monkeypatch.setattr(embed, "_resting", {})
    service.forget()
    assert await embed(seattle, QUESTION)
    assert (await embed.status())["by_meaning"]
    assert "search goes by meaning again" in caplog.text


async def test_the_local_model_is_loaded_before_anybody_asks_for_it(settings, service, connection):
    connection.execute("select zava.add_embedding_model(%s, 384)", [LOCAL_MODEL])
    connection.execute("update retail.embedding_models set state = 'live' where dimensions = 384")
    async with Database.open(settings) as database, QueryEmbedder.open(database) as embed:
        local = embed._embedders[LOCAL_MODEL]  # noqa: SLF001
        await until(lambda: local._loading is not None and local._loading.done())  # noqa: SLF001
    assert not service.requests


async def test_what_is_wrong_with_a_service_is_not_laid_at_the_door_of_another_model(
    live, service, connection
):
    embed, (seattle, _) = live
    service.answers += [Response(status_code=503)] * 99
    assert await embed(seattle, "nails") is None
    connection.execute("select zava.add_embedding_model(%s, 384)", [LOCAL_MODEL])
    use = "update retail.embedding_models set state = 'building'; update retail.embedding_models"
    connection.execute(f"{use} set state = 'live' where name = '{LOCAL_MODEL}'")
    assert (await embed.status())["by_meaning"]
    assert (await embed(seattle, "nails")).model == LOCAL_MODEL
    connection.execute(f"{use} set state = 'live' where name = 'small'")
    assert "not available" in (await embed.status())["problem"]
    asked = len(service.requests)
    assert await embed(seattle, "nails") is None
    assert len(service.requests) == asked


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Response(status_code=401), "refused the key"),
        (Response(status_code=404), "no such model"),
        (Response(status_code=400), "refused the request"),
        (JSONResponse({"data": [{"embedding": [1, 2]}]}), "vectors of another length"),
    ],
)
async def test_health_tells_of_a_service_that_refuses(live, service, answer, problem):
    embed, (seattle, _) = live
    service.answers.append(answer)
    assert await embed(seattle, "nails") is None
    status = await embed.status()
    assert not status["by_meaning"]
    assert problem in status["problem"]
    # It may be that text alone: the next one is sent.
    assert await embed(seattle, "screws")
    assert (await embed.status())["by_meaning"]


async def test_a_service_that_is_silent_costs_one_wait(live, service, settings):
    embed, (seattle, _) = live
    embed._database.settings = settings.model_copy(  # noqa: SLF001
        update={"embedding_timeout": 0.1}
    )
    service.answers += [silent] * 9
    assert await embed(seattle, "nails") is None
    assert (await embed.status())["problem"] == "embedding a question took too long"


async def test_texts_that_are_none_are_not_sent(live, service):
    embed, (seattle, _) = live
    for text in ("", "  \n\t"):
        assert await embed(seattle, text) is None
    assert not service.requests
    assert await embed(seattle, "\ud800 nails")
    assert await embed(seattle, "🔨" * 100_000)
    assert all(len(text) <= 2_000 for text in sent(service))


async def test_a_function_gets_the_vector_or_goes_by_words(live, service, connection):
    embed, (seattle, _) = live
    agent = Agent(embed._database, embed=embed)  # noqa: SLF001
    catalogue = FunctionCatalogue(agent.database, embeds=True)
    await catalogue.refresh()
    found = (await catalogue.visible_to(seattle))["found"]
    assert list(found.input_schema["properties"]) == ["query"]

    async def ask(text):
        ((answer,),) = (await agent.call_function(seattle, found, {"query": text})).rows
        return answer

    assert await ask("nails") == f"{LENGTH} numbers"
    connection.execute("update retail.embedding_models set state = 'building'")
    assert await ask("nails") == "by words"
    connection.execute("select zava.activate_embedding_model('small')")
    service.answers += [Response(status_code=500)] * 99
    assert await ask("screws") == "by words"


async def test_a_vector_of_the_model_before_is_not_compared(live, settings, connection):
    embed, (seattle, _) = live
    await filled(settings, "other")

    async def late(principal, text):
        vector = await embed(principal, text)
        connection.execute("select zava.activate_embedding_model('other')")
        return vector

    for search, expected in ((embed, f"{LENGTH} numbers"), (late, "by words")):
        agent = Agent(embed._database, embed=search)  # noqa: SLF001
        catalogue = FunctionCatalogue(agent.database, embeds=True)
        await catalogue.refresh()
        found = (await catalogue.visible_to(seattle))["found"]
        answer = await agent.call_function(seattle, found, {"query": "nails"})
        assert answer.rows == [(expected,)]


async def test_a_server_refuses_settings_that_do_not_fit(settings):
    wrong = settings.model_copy(update={"embedding_model": None})
    async with Database.open(wrong) as database:
        with pytest.raises(ConfigurationError, match="ZAVA_EMBEDDING_MODEL is not"):
            async with QueryEmbedder.open(database):
                pass
