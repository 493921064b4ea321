"""The attacks of attacks.sql through the product's own session, with the guard and without it.

On a plain database, on a hardened one, and on a plain one through the runner. After each one
another tenant uses the same connection, and the session is searched for leftovers.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import psycopg
import pytest
import tenants

from zava_sql import runner
from zava_sql.agent import Agent, fetch
from zava_sql.connections import CONNECTION_ERRORS
from zava_sql.errors import AuthorizationError, DatabaseError, QueryTimeout, ZavaError
from zava_sql.result import Result
from zava_sql.tenant import tenant_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager

    import conftest

    from zava_sql.database import Database
    from zava_sql.principals import Principal

pytestmark = pytest.mark.anyio

ATTACKER, VICTIM, NEXT = "seattle", "bellevue", "tacoma"


@dataclass(frozen=True, slots=True)
class Attack:
    """One statement of attacks.sql and what is said of it there."""

    name: str
    tries: str
    sql: str
    plain: str
    hardened: str
    runner: str
    open: set[str]

    @classmethod
    def parse(cls, block: str) -> Attack:
        fields = dict(
            re.findall(r"^-- (name|tries|open|plain|hardened|runner): (.+)$", block, re.MULTILINE)
        )
        sql = "\n".join(x for x in block.splitlines() if not re.match(r"-- (\w+:|=)", x))
        return cls(
            fields["name"],
            fields["tries"],
            sql.strip("\n"),
            fields["plain"],
            fields["hardened"],
            fields.get("runner", fields["plain"]),
            set(fields.get("open", "").split()),
        )


FILE = Path(__file__).with_name("attacks.sql").read_text(encoding="utf-8")
ATTACKS = [Attack.parse("-- name:" + block) for block in FILE.split("-- name:")[2:]]

# The functions that hardening must take from tenants, named anew here rather than read from it.
DANGEROUS = r"""
    ^(set_config|ts_stat|loread|lowrite|pg_notify|pg_listening_channels|pg_notification_queue_usage
    |pg_logical_emit_message|pg_export_snapshot|setseed|pg_prepared_statement|pg_prepared_xact
    |pg_cursor|pg_lock_status|pg_blocking_pids|pg_safe_snapshot_blocking_pids|pg_cancel_backend
    |pg_terminate_backend|pg_current_xact_id|pg_current_xact_id_if_assigned|pg_current_snapshot
    |pg_show_all_settings|pg_backend_memory_contexts|pg_get_backend_memory_contexts
    |pg_isolation_test_session_is_blocked|pg_last_committed_xact|pg_xact_status|pg_xact_commit_timestamp
    |pg_xact_commit_timestamp_origin|pg_get_multixact_members|pg_sequence_last_value
    |pg_current_wal_lsn|pg_current_wal_insert_lsn|pg_current_wal_flush_lsn
    |pg_available_wal_summaries|pg_wal_summary_contents|pg_get_wal_summarizer_state|pg_config
    |pg_hba_file_rules|pg_relation_filenode
    |pg_relation_filepath|currtid2|pg_(clear|restore)_(relation|attribute)_stats
    |(query|cursor|table|schema|database)_to_xml(schema|_and_xmlschema)?
    |pg_(relation|table|indexes|total_relation|database|tablespace)_size
    |(lo_|pg_advisory_|pg_try_advisory_|pg_sleep|txid_|pg_stat_get_|pg_stat_reset|pg_replication_
    |pg_create_|pg_drop_|pg_logical_slot|pg_sync_).*)$
"""

# Queries that fail over a customer of that name, so that who hides it must not be asked for it.
_FAILS = "(select 1 / (count(*) - 2) = 1 from generate_series(1, 2))"
_ITSELF = "case when c.last_name = '{name}' then now()::text::uuid else c.store_id end"
_NAMED = "c.last_name >= '{name}' and c.last_name <= '{name}'"
CONDITIONS = [
    f"select count(*) from customers as c where {condition}"
    for condition in (
        f"case when c.last_name = '{{name}}' then {_FAILS} else true end",
        f"case when c.last_name = any ('{{{{{{name}}}}}}') then {_FAILS} else true end",
        f"{_NAMED} and case when c.city <> '' then {_FAILS} end",
        f"{_NAMED} and sqrt(-random()) > 0",
        f"case when c.last_name = '{{name}}' and c.city is not null then {_FAILS} else true end",
        # PostgreSQL takes all for equal that are equal to one, and asks of the first what it likes.
        f"{_ITSELF} = '{{own}}'::uuid and {_ITSELF} = c.store_id",
    )
]

# Of a session of the gateway nothing of this may depend on who used it before.
SESSION = """
    select current_user::text, session_user::text, current_setting('role'),
        coalesce(current_setting('zava.context', true), ''),
        (select count(*) from pg_prepared_statement() as s where s.from_sql),
        (select count(*) from pg_listening_channels()),
        (select count(*) from pg_cursor() as c where c.is_holdable)
"""
TRACES = """
    select (select count(*) from pg_locks as l where l.pid = $1 and l.locktype = 'advisory'),
        (select count(*) from pg_class as c where c.relpersistence = 't'),
        (select count(*) from pg_largeobject_metadata),
        (select a.state from pg_stat_activity as a where a.pid = $1),
        (select count(*) from pg_stat_activity as a
            where a.usename = 'zava_gateway' and a.datname = current_database()),
        (select count(*) from pg_class as c where c.relname = 'evil'),
        (select count(*) from pg_proc as p where p.proname = 'evil')
"""


class Bystander:
    """A session of the victim, idle in a transaction after a query with a marked literal."""

    connection: asyncpg.Connection

    def __init__(self, copy: conftest.Database, database: Database, principal: Principal) -> None:
        self.copy, self.database, self.principal = copy, database, principal

    async def ensure(self) -> None:
        self.connection = await asyncpg.connect(self.copy.gateway_url)
        self.pid = self.connection.get_server_pid()
        self.context = tenants.context(self.database, self.principal, pid=self.pid, now=time.time())
        await self.connection.execute(
            f"begin; set local zava.context = '{self.context}';"
            f' set local role "{self.principal.role}"'
        )
        assert await self.is_alive()

    async def is_alive(self) -> bool:
        try:
            return await self.connection.fetchval("select 'SECRET-bellevue'") == "SECRET-bellevue"
        except (asyncpg.PostgresError, *CONNECTION_ERRORS):
            return False


class Stage:
    """A copy with eight stores, a pool of one connection, and a bystander."""

    def __init__(self, database: Database, truth: tenants.Truth, way: str) -> None:
        self.database, self.truth, self.way = database, truth, way
        self.hardened = way == "hardened"
        self.texts: dict[str, str] = {}
        self.bystander: Bystander
        self.people: dict[str, Principal]
        self.admin: asyncpg.Connection
        self.clean: tuple[object, ...]

    async def session(self) -> tuple[object, ...]:
        async with self.database.gateway.lend() as connection:
            own = await connection.fetchrow(SESSION)
            settings = await connection.fetch("show all")
            pid = connection.get_server_pid()
        traces = await self.admin.fetchrow(TRACES, pid)
        return pid, *own.values(), *traces.values(), {s["name"]: s["setting"] for s in settings}

    async def suffer(self, attack: Attack, *, guarded: bool) -> tuple[str, str]:
        """Ask what an attack asks; what is to end by the clock ends soon."""
        if getattr(attack, self.way) == "QUERY_TIMEOUT":
            with tenants.hurried(self.database, self.people[ATTACKER]):
                return await self.ask(attack.sql, guarded=guarded)
        return await self.ask(attack.sql, guarded=guarded)

    async def ask(self, sql: str, *, guarded: bool) -> tuple[str, str]:
        """Give the outcome (ran, or a code) and everything that the attacker is told."""
        for name, text in self.texts.items():
            sql = sql.replace("{{" + name + "}}", text)
        attacker = self.people[ATTACKER]
        try:
            if guarded:
                answer = await Agent(self.database).query(attacker, sql, max_rows=5000)
            else:
                answer = await fetch(self.database, attacker, sql, 5000)
        except DatabaseError as error:
            return error.sqlstate or "", repr(error.to_dict())
        except ZavaError as error:
            return error.code, repr(error.to_dict())
        return "ran", repr(answer)


@pytest.fixture(scope="module", params=["plain", "hardened", "runner"])
def way(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def each_database(
    way: str, clone: Callable[..., AbstractContextManager[conftest.Database]]
) -> Iterator[conftest.Database]:
    with clone(hardened=way == "hardened") as copy:
        yield copy


@pytest.fixture(scope="module")
async def stage(way: str, each_database: conftest.Database) -> AsyncIterator[Stage]:
    truth = tenants.fill(each_database)
    admin = await asyncpg.connect(each_database.admin_url)
    # For the probe; no tenant can become the gateway where set_config() is closed.
    await admin.execute(
        "grant execute on function pg_prepared_statement(), pg_listening_channels(), pg_cursor()"
        " to zava_gateway"
    )
    path = "always" if way == "runner" else "never"
    async with tenants.opened(each_database, runner=path) as database:
        people = await tenants.principals(
            database, [*tenants.STORES, "head-office", "seattle-deputy", "inactive"]
        )
        await admin.execute("select zava.disable_principal('inactive')")
        found = Stage(database, truth, way)
        found.people, found.admin = people, admin
        found.bystander = Bystander(each_database, database, people[VICTIM])
        await found.bystander.ensure()
        await tenants.own_rows(database, people[NEXT])
        found.clean = await found.session()
        yield found
        await found.bystander.connection.close()
    await admin.close()


@pytest.fixture
def ready(stage: Stage) -> Stage:
    """Fill in the contexts and pids that attacks name."""
    now = time.time()

    def context(name: str, **terms: int) -> str:
        principal = stage.people[name]
        if stage.way == "runner":
            principal = runner.acting(principal)
        return tenants.context(stage.database, principal, now=now, **terms)

    mine, victims = context(ATTACKER), context(VICTIM)
    stage.texts = {
        "forged": victims[:-64] + mine[-64:],
        "other_pid": context(VICTIM, pid=stage.bystander.pid),
        "expired": context(VICTIM, lifetime=-1),
        "head": context("head-office"),
        "disabled": context("inactive"),
        "deputy": context("seattle-deputy"),
        "stolen": victims,
        "scope": tenants.context(stage.database, stage.people[VICTIM], now=now),
        "victim": str(stage.bystander.pid),
    }
    return stage


async def leaks(stage: Stage, told: str) -> set[str]:
    """Find what the attacker got or did that is not its own."""
    for text in stage.texts.values():  # what it said itself is no news to it
        told = told.replace(text, "")
    found = tenants.marks(told, stage.truth, ATTACKER)
    if stage.bystander.principal.role + "." + str(stage.bystander.pid) in told:
        found.add("a living context")
    if not await stage.bystander.is_alive():
        found.add("a session was ended")
        await stage.bystander.ensure()
    return found


async def assert_clean(stage: Stage) -> None:
    """Let the next tenant use the connection, and search the session."""
    assert await tenants.own_rows(stage.database, stage.people[NEXT]) == stage.truth.of(NEXT)
    before, stage.clean = stage.clean, await stage.session()
    assert stage.clean == before


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_without_the_guard_nothing_leaks_but_what_is_known(
    ready: Stage, attack: Attack
) -> None:
    outcome, told = await ready.suffer(attack, guarded=False)
    found = await leaks(ready, told)
    assert bool(found) == (ready.way in attack.open), f"{attack.tries}: {found}"
    expected = getattr(attack, ready.way)
    assert outcome in expected.split(" or "), f"{attack.tries}: {told[:300]}"
    await assert_clean(ready)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_with_the_guard_nothing_leaks(ready: Stage, attack: Attack) -> None:
    outcome, told = await ready.suffer(attack, guarded=True)
    if ready.way == "runner" and outcome == "QUERY_REFUSED":
        return  # before any path; as on a plain database
    assert await leaks(ready, told) == set(), attack.tries
    await assert_clean(ready)


@pytest.mark.parametrize("store", tenants.STORES)
async def test_every_store_sees_exactly_its_own(stage: Stage, store: str) -> None:
    assert await tenants.own_rows(stage.database, stage.people[store]) == stage.truth.of(store)


async def test_a_region_sees_its_list_and_head_office_all(stage: Stage) -> None:
    region = (await tenants.principals(stage.database, ["south-sound"]))["south-sound"]
    assert await tenants.own_rows(stage.database, region) == stage.truth.of(*tenants.REGION)
    everything = stage.truth.of(*tenants.STORES)
    assert await tenants.own_rows(stage.database, stage.people["head-office"]) == everything


async def test_a_stolen_identity_is_void_once_it_is_disabled(stage: Stage) -> None:
    """The server may hold a principal that was looked up before it was disabled."""
    with pytest.raises(AuthorizationError, match="the principal inactive is disabled"):
        await tenants.own_rows(stage.database, stage.people["inactive"])


@pytest.mark.parametrize(
    "sql",
    [
        "select array_agg(customer_id), array_agg(c) from retail.customers as c",
        "select c, array[row(1, 'x')], array[c] from retail.customers as c",
        "select array[1.5, 2], array['1 month'::interval], '{[1,2)}'::int4multirange",
        "select array_agg(t) from retail.product_types as t",
    ],
)
async def test_looking_up_types_leaves_no_statement_behind(stage: Stage, sql: str) -> None:
    try:
        await fetch(stage.database, stage.people[VICTIM], sql, 10)
    except DatabaseError as error:
        assert error.sqlstate != "42501", error  # noqa: PT017 - it may fail, for another reason
    await assert_clean(stage)


# Of the statements before as well, whoever's they were; not all of it is passed on at once.
ROWS_READ = """
select pg_stat_get_tuples_returned('retail.orders'::regclass)
    + pg_stat_get_xact_tuples_returned('retail.orders'::regclass)
"""


async def test_what_another_has_read_is_told_by_counters_where_it_is_known(stage: Stage) -> None:
    attacker, victim = stage.people[ATTACKER], stage.people[VICTIM]
    if stage.hardened:
        with pytest.raises(DatabaseError, match="permission denied"):
            await fetch(stage.database, attacker, ROWS_READ, 1)
        return
    ((before,),) = (await fetch(stage.database, attacker, ROWS_READ, 1)).rows
    await fetch(stage.database, victim, "select count(total_amount) from retail.orders", 1)
    ((after,),) = (await fetch(stage.database, attacker, ROWS_READ, 1)).rows
    assert after > before


async def test_a_key_of_another_store_is_looked_up_like_one_that_nobody_has(stage: Stage) -> None:
    """The end of the own context is an error: it shows whether the fence was asked."""
    mine = stage.people[ATTACKER]
    mine = runner.acting(mine) if stage.way == "runner" else mine
    context = tenants.context(stage.database, mine, now=time.time(), lifetime=-1)
    # By sku: one that others sell, and one that nobody does.
    sold, unsold = [
        await stage.admin.fetchval("select product_id from retail.products where sku = $1", sku)
        for sku in ("sku30", "sku199")
    ]
    for condition, values in (
        ("retail.stores as c where c.store_key", ("bellevue", "nowhere")),
        ("retail.inventory as c where c.product_id", (sold, unsold)),
    ):
        ends = [
            await stage.ask(
                f"with a as materialized (select set_config('zava.context', '{context}', true))"
                f" select c.* from a, {condition} = '{value}'",
                guarded=False,
            )
            for value in values
        ]
        assert ends[0] == ends[1], condition
        assert ends[0][0] == ("42501" if stage.hardened else "SERVICE_UNAVAILABLE")


# As whoever has become the gateway reads what other sessions were told.
OVERHEARD = """
with a as materialized (select set_config('role', 'none', true))
select pg_stat_get_backend_activity(s.i) from a, pg_stat_get_backend_idset() as s (i)
"""


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("who", [ATTACKER, "south-sound"])
async def test_no_condition_is_asked_of_a_row_behind_the_fence(
    stage: Stage, who: str, condition: str
) -> None:
    asker = (await tenants.principals(stage.database, [who]))[who]

    async def asked(name: str) -> list[str]:
        sql = condition.format(name=name, own=tenants.store_id(ATTACKER))
        texts = [Agent(stage.database).query(asker, sql), fetch(stage.database, asker, sql, 50)]
        found = await asyncio.gather(*texts, return_exceptions=True)
        return [x.sqlstate if isinstance(x, DatabaseError) else str(x.rows) for x in found]

    assert await asked(f"SECRET-{VICTIM}") == await asked("SECRET-nobody")
    assert set(await asked(f"SECRET-{ATTACKER}")) <= {"22012", "22P02", "2201F"}


TABLES = """
    customers daily_customers daily_sales daily_totals inventory order_items orders
    search_assortments search_stores stock_movements stores
"""


@pytest.mark.parametrize("table", TABLES.split())
async def test_what_is_equal_to_the_store_of_a_row_is_not_asked_in_place_of_the_fence(
    stage: Stage, table: str
) -> None:
    asker = (await tenants.principals(stage.database, [ATTACKER]))[ATTACKER]
    # Few rows are read through, and not looked up.
    await stage.admin.execute(f"analyze retail.{table}")
    own = f"'{tenants.store_id(ATTACKER)}'::uuid"
    itself = f"case when t.store_id <> {own} then now()::text::uuid else t.store_id end"
    counted = f"select count(*) from retail.{table} as t"
    merged = f"{counted} where {itself} = {own} and {itself} = t.store_id"
    plain, found = [await fetch(stage.database, asker, sql, 1) for sql in (counted, merged)]
    assert found.rows == plain.rows
    assert (await Agent(stage.database).query(asker, merged)).rows == plain.rows


async def test_no_context_can_be_overheard(stage: Stage, each_database: conftest.Database) -> None:
    """Whoever is lent the backend next could use it: another's context opens another's rows."""
    path = stage.database.settings.runner
    async with tenants.opened(each_database, runner=path) as others:
        victim = (await tenants.principals(others, [VICTIM]))[VICTIM]
        # Nothing has run yet, whose text would stand where that of the context stood.
        async with tenant_session(others, victim):
            outcome, told = await stage.ask(OVERHEARD, guarded=False)
    assert outcome == ("ran" if stage.way == "plain" else "42501")
    assert f".{victim.role}." not in told


async def test_a_server_goes_on_when_its_database_is_hardened(
    stage: Stage, each_database: conftest.Database
) -> None:
    async with tenants.opened(each_database, runner="never") as database:
        victim = (await tenants.principals(database, [VICTIM]))[VICTIM]
        rows = await tenants.own_rows(database, victim)
        change = "function pg_catalog.set_config(text, text, boolean)"
        was_open = await stage.admin.fetchval(
            "select has_function_privilege('zava_gateway', 'set_config(text, text, boolean)',"
            " 'execute')"
        )
        closing, opening = (
            f"revoke execute on {change} from public",
            f"grant execute on {change} to public",
        )
        try:
            for statement in (closing, opening):
                await stage.admin.execute(statement)
                async with asyncio.timeout(60):
                    # It looks once there is a connection that nobody has.
                    while database.is_open != (statement == opening):
                        await database.refresh()
                assert await tenants.own_rows(database, victim) == rows
        finally:
            await stage.admin.execute(opening if was_open else closing)


KEPT = "select email, 'SECRET-bellevue' as literal from retail.customers order by email"


async def kept_names(stage: Stage) -> list[str]:
    """Give the names under which PostgreSQL keeps the victim's text on the one connection.

    Of the runner it is the call that is kept, never the text.
    """
    async with stage.database.gateway.lend() as connection:
        rows = await connection.fetch(
            "select s.name, s.statement from pg_prepared_statement() as s"
            " where strpos(s.statement, $1) > 0 or s.statement ~ 'from zava_run[.]'",
            KEPT,
        )
    assert not (stage.way == "runner" and any(KEPT in row["statement"] for row in rows))
    return [row["name"] for row in rows]


async def test_a_kept_statement_cannot_be_replaced(stage: Stage) -> None:
    """Where the driver names its statements, `deallocate` and `prepare` replace one of another."""
    victim = stage.people[VICTIM]
    before = [await fetch(stage.database, victim, KEPT, 100) for _ in range(3)]
    names = await kept_names(stage)
    assert len(names) == 1
    for poison in (f'deallocate "{names[0]}"', f'prepare "{names[0]}" as select 1'):
        outcome, _ = await stage.ask(poison, guarded=False)
        assert outcome == "42601"
    assert [await fetch(stage.database, victim, KEPT, 100) for _ in range(3)] == before
    await assert_clean(stage)


async def test_kept_statements_are_gone_before_another_principal_begins(stage: Stage) -> None:
    for _ in range(3):
        await fetch(stage.database, stage.people[VICTIM], KEPT, 100)
    assert len(await kept_names(stage)) == 1
    outcome, told = await stage.ask("select * from pg_prepared_statements", guarded=False)
    assert outcome == ("42501" if stage.hardened else "ran")
    assert "SECRET" not in told
    assert await kept_names(stage) == []


async def test_hardening_takes_every_dangerous_function_from_tenants(stage: Stage) -> None:
    rows = await stage.admin.fetch(
        "select p.oid::regprocedure::text as name from pg_proc as p"
        " where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f'"
        " and (p.proname ~ ('(?x)' || $1) or p.proname = 'ts_rewrite' and p.pronargs = 2)"
        " and has_function_privilege('zava_store_seattle', p.oid, 'execute')",
        DANGEROUS,
    )
    names = {row["name"] for row in rows}
    assert names == set() if stage.hardened else "set_config(text,text,boolean)" in names


async def test_hardening_takes_estimates_and_settings_from_tenants(stage: Stage) -> None:
    readable = await stage.admin.fetch(
        "select a.attname from pg_attribute as a"
        " where a.attrelid = 'pg_class'::regclass and a.attnum > 0"
        " and a.attname ~ '^rel(tuples|pages|all|filenode|frozen|minmxid)'"
        " and has_column_privilege('zava_store_seattle', 'pg_class', a.attname, 'select')"
        " union all select 'pg_settings'"
        " where has_table_privilege('zava_store_seattle', 'pg_settings', 'select, update')"
    )
    assert bool(readable) is not stage.hardened


async def test_a_type_that_the_driver_has_to_look_up_needs_nothing_that_hardening_closes(
    stage: Stage,
) -> None:
    await stage.admin.execute("create type retail.besides as enum ('a')")
    try:
        outcome, told = await stage.ask("select 'a'::retail.besides", guarded=False)
        assert (outcome, "42501" in told) == ("ran", False)
    finally:
        await stage.admin.execute("drop type retail.besides")


async def test_what_hardening_closes_is_still_open_to_those_who_need_it(stage: Stage) -> None:
    assert await stage.admin.fetchval(
        "select has_function_privilege('zava_gateway', 'pg_advisory_unlock_all()', 'execute')"
        " and has_function_privilege('pg_monitor', 'pg_stat_get_activity(integer)', 'execute')"
        " and has_function_privilege('zava_owner', 'set_config(text,text,boolean)', 'execute')"
    )


async def test_public_has_nothing_in_the_database(stage: Stage) -> None:
    acl = await stage.admin.fetch(
        "select g.privilege_type from pg_database as d"
        " cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as g"
        " where d.datname = current_database() and g.grantee = 0"
    )
    assert acl == []
    allowed = await stage.admin.fetch(
        "select r.rolname from pg_roles as r where r.rolname ~ '^zava_(store|region|head)_'"
        " and (has_database_privilege(r.oid, current_database(), 'temporary, connect, create')"
        " or has_schema_privilege(r.oid, 'public', 'create'))"
    )
    assert allowed == []


async def test_a_role_outside_cannot_connect(
    stage: Stage, each_database: conftest.Database
) -> None:
    await stage.admin.execute("create role zava_outsider login password 'x'")
    try:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(each_database.server.url(each_database.dbname, "zava_outsider", "x"))
    finally:
        await stage.admin.execute("drop role zava_outsider")


async def test_marks_are_found_when_they_are_there(stage: Stage) -> None:
    """Head office sees all stores: had an attacker seen as much, these tests would say so."""
    for table in tenants.TABLES:
        sql = f"select * from retail.{table}"
        answer = await fetch(stage.database, stage.people["head-office"], sql, 5000)
        found = tenants.marks(repr(answer), stage.truth, ATTACKER)
        assert found == set(tenants.STORES) - {ATTACKER}
        mine = await fetch(stage.database, stage.people[ATTACKER], sql, 5000)
        assert isinstance(mine, Result)
        assert tenants.marks(repr(mine), stage.truth, ATTACKER) == set()


async def test_a_timeout_leaves_a_clean_session(stage: Stage) -> None:
    victim = stage.people[VICTIM]
    with tenants.hurried(stage.database, victim), pytest.raises(QueryTimeout):
        await fetch(stage.database, victim, tenants.SLOW, 1)
    await assert_clean(stage)
