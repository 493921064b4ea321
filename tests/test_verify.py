"""The matrix shows what is seen and what is wrong; every weakening is noticed by something."""

from __future__ import annotations

import asyncpg
import psycopg
import pytest
import tenants
from pydantic import SecretStr

from zava_sql import cli_doctor, mutations, verify
from zava_sql.cli_progress import spinner
from zava_sql.connections import connect
from zava_sql.context import ContextKey
from zava_sql.doctor import Finding, Report
from zava_sql.errors import ConfigurationError, DatabaseError
from zava_sql.mutations import Mutation
from zava_sql.verify import Cell, Matrix

pytestmark = [pytest.mark.anyio, pytest.mark.once]


@pytest.fixture(scope="module")
def copy(clone):
    with clone(hardened=True) as database:
        truth = tenants.fill(database)
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute("select zava.disable_principal('inactive')")
        yield database, truth


async def matrix_of(database, runner: str = "never", names=None) -> verify.Matrix:
    admin = await asyncpg.connect(database.admin_url)
    try:
        async with tenants.opened(database, runner=runner) as opened:
            everybody = await verify.personas(admin)
            chosen = [who for who in everybody if names is None or who.name in names]
            what = await verify.relations(admin)
            return await verify.measure(verify.through(opened), admin, chosen, what)
    finally:
        await admin.close()


# Rows of no store: everybody's are counted by store, and head office sees these as well.
NOBODYS = """
    create table retail.posters (store_id uuid, title text);
    insert into retail.posters values (null, 'sale'), (null, 'closed');
    insert into retail.posters select s.store_id, s.store_key from retail.stores as s;
    alter table retail.posters enable row level security;
    create policy posters_select on retail.posters for select
        to head_office, store_manager using (true);
    create policy posters_head on retail.posters as restrictive to head_office
        using ((select zava.is_head_office(current_user)));
    create policy posters_store on retail.posters as restrictive to store_manager
        using (store_id = (select (zava.visible_stores(current_user))[1]) {more});
    grant select on retail.posters to head_office, store_manager;
"""


async def test_rows_of_no_store_are_head_office_s_alone(clone):
    for more, wrong in (("", []), ("or store_id is null", [("seattle", "leak")])):
        with clone() as database:
            tenants.fill(database)
            with psycopg.connect(database.admin_url, autocommit=True) as admin:
                admin.execute(NOBODYS.format(more=more).encode())
            matrix = await matrix_of(database, names=["seattle", "head-office"])
        assert [(cell.persona, cell.outcome) for cell in matrix.problems] == wrong


async def test_rows_of_a_region_are_none_of_its_stores(clone):
    with clone() as database:
        tenants.fill(database)
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(
                "select zava.refresh_search_words();"
                "insert into retail.search_regions"
                " (region_id, store_id, model_id, indexed, ef_search)"
                " select api._region_id(array_agg(s.store_id) over w),"
                " s.store_id, 1, true, 80 from retail.stores as s"
                " where s.store_key in ('seattle', 'tacoma')"
                " window w as (order by s.store_id"
                " rows between unbounded preceding and unbounded following)"
            )
            matrix = await matrix_of(database, names=["seattle", "south-sound", "head-office"])
            admin.execute(
                "alter policy search_regions_store_manager_select on retail.search_regions"
                " using (true);"
                "alter policy search_regions_store_manager_fence on retail.search_regions"
                " using (true);"
                "alter policy search_regions_regional_manager_select on retail.search_regions"
                " using (false)"
            )
            changed = await matrix_of(database, names=["seattle", "south-sound"])
    seen = {c.persona: c.seen for c in matrix.cells if c.object == "retail.search_regions"}
    assert (matrix.problems, seen) == ((), {"seattle": 0, "south-sound": 2, "head-office": 2})
    assert [(c.object, c.persona, c.outcome) for c in changed.problems] == [
        ("retail.search_regions", "south-sound", "missing"),
        ("retail.search_regions", "seattle", "leak"),
    ]


@pytest.mark.parametrize("runner", ["never", "always"])
async def test_everybody_sees_exactly_its_own(copy, runner):
    database, truth = copy
    matrix = await matrix_of(database, runner)
    assert matrix.problems == ()
    seen = {(cell.persona, cell.object): cell for cell in matrix.cells}
    for table in tenants.TABLES:
        for store in tenants.STORES:
            cell = seen[store, f"retail.{table}"]
            assert (cell.outcome, cell.seen) == ("own", truth.rows[table, tenants.store_id(store)])
        total = sum(count for (name, _), count in truth.rows.items() if name == table)
        assert seen["head-office", f"retail.{table}"].seen == total
        for nobody in ("inactive, disabled", "head-office, forged", "bellevue, expired"):
            assert seen[nobody, f"retail.{table}"].seen == 0
    assert {cell.outcome for cell in matrix.cells if cell.object.startswith("zava.")} == {"denied"}
    assert seen["seattle", "api.whoami()"].outcome == "shared"


async def test_no_name_changes_what_a_principal_is_asked_as(copy):
    database, _ = copy
    async with connect(SecretStr(database.admin_url)) as admin:
        before = await verify.personas(admin)
        transaction = admin.transaction()
        await transaction.start()
        await admin.execute("update zava.principals set name = 'disabled-' || name")
        after = await verify.personas(admin)
        await transaction.rollback()
    assert [(who.name.removeprefix("disabled-"), who.flaw, who.stores) for who in after] == [
        (who.name, who.flaw, who.stores) for who in before
    ]


async def test_what_is_wrong_shows(clone):
    damages = """
        alter policy orders_store_manager_fence on retail.orders using (true);
        alter policy customers_store_manager_fence on retail.customers using (false);
        grant usage on schema zava to store_manager;
        grant select on zava.principals to store_manager;
        alter table zava.principals disable row level security;
        create function api.planted() returns int language sql security definer return 1;
        grant execute on function api.planted() to store_manager;
        create function public.heard() returns event_trigger language plpgsql as 'begin end';
        create materialized view retail.never_filled as table retail.orders with no data;
        create view api.broken as
        select 1 as one where 1 / (extract(epoch from now()) * 0)::int = 1;
        grant select on api.broken to store_manager;
        create view api.by_key with (security_invoker = true) as
        select s.store_key as store_id from retail.stores as s;
        grant select on api.by_key to store_manager;
    """
    with clone() as database:
        tenants.fill(database)
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(damages)
        matrix = await matrix_of(database, names=["seattle", "head-office", "bellevue, forged"])
    found = {(cell.persona, cell.outcome, cell.object) for cell in matrix.problems}
    assert found >= {
        ("seattle", "leak", "retail.orders"),
        ("bellevue, forged", "leak", "retail.orders"),
        ("seattle", "missing", "retail.customers"),
        ("seattle", "leak", "zava.principals"),
        ("seattle", "leak", "api.planted()"),
        ("seattle", "unknown", "api.broken"),
    }
    assert {"retail.never_filled", "api.by_key"}.isdisjoint(cell.object for cell in matrix.problems)
    assert Cell("api.by_key", "seattle", "own", 1, 1) in matrix.cells
    # Nobody but stores stood behind those fences; the function is for PUBLIC.
    assert {what for persona, _, what in found if persona == "head-office"} == {"api.planted()"}
    assert not matrix.to_dict()["ok"]


@pytest.mark.parametrize("each", [False, pytest.param(True, marks=pytest.mark.long)])
async def test_every_kind_of_weakening_is_noticed(copy, each):
    database, _ = copy
    key = ContextKey.parse(database.context_key)
    async with mutations.scratch_copy(SecretStr(database.admin_url)) as scratch:
        before = await scratch.fetchval("select md5(string_agg(p::text, '')) from pg_policy as p")
        done = await mutations.mutate(scratch, key, each=each)
        after = await scratch.fetchval("select md5(string_agg(p::text, '')) from pg_policy as p")
    assert [one.statement for one in done if not one.caught] == []
    assert len({one.kind for one in done}) > 30
    assert (len({one.kind for one in done}) == len(done)) is not each
    # What no catalogue tells is seen by asking.
    by_matrix = {one.kind for one in done if not one.checks}
    assert by_matrix >= {
        "signature not checked",
        "expiry not checked",
        "backend not checked",
        "disabled principals let in",
        "all stores for everybody",
        "head office for everybody",
    }
    assert before == after


async def test_a_database_in_use_is_not_copied(copy):
    database, _ = copy
    with psycopg.connect(database.admin_url), pytest.raises(DatabaseError, match="in use"):
        async with mutations.scratch_copy(SecretStr(database.admin_url)):
            pass


async def test_without_a_superuser_nothing_is_weakened(copy):
    database, _ = copy
    with pytest.raises(ConfigurationError, match="need a superuser"):
        async with mutations.scratch_copy(SecretStr(database.gateway_url)):
            pass


def test_a_narrow_terminal_parts_names_where_a_reader_would(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    names = ("head-office", "puget-sound", "seattle, expired")
    check = "materialized_view_readable"
    cells = tuple(Cell("retail.orders", name, "own", 1, 1) for name in names)
    noticed = Mutation("fence for somebody else", "", "", (check,))
    cli_doctor._print_matrix(Matrix(cells), [noticed])  # noqa: SLF001
    said = capsys.readouterr().out
    heads = [row.split("┃")[2:-1] for row in said.splitlines()[1:3]]
    assert [[cell.strip() for cell in row] for row in heads] == [
        ["head-", "puget-", "seattle,"],
        ["office", "sound", "expired"],
    ]
    assert check in said


def test_names_of_objects_are_shown_and_not_obeyed(capsys, monkeypatch):
    """By them whoever makes a hole could hide what is told of it, or end the telling."""
    monkeypatch.setenv("COLUMNS", "200")
    odd = 'retail."[/x(]\x1b[2J\nsound"'
    cells = (Cell(odd, "seattle", "leak", 3, None), Cell(odd, "tacoma", "unknown", 0, None))
    cli_doctor._print_matrix(Matrix(cells), [Mutation("grant", odd, "", "")])  # noqa: SLF001
    finding = Finding("check", "error", "Title.", odd, odd, odd)
    cli_doctor._print_report(Report((finding,), (("other", odd),)))  # noqa: SLF001
    with spinner("copying") as tell:
        tell(f"grant: {odd}")
    said = capsys.readouterr().out
    assert said.count('retail."[/x(]\\x1b[2J\\nsound"') == 8
    assert "leak: seattle saw 3 of" in said
    assert "others' among them" in said
    assert "None" not in said
    assert "not unknown" not in said
    assert "\x1b" not in said
