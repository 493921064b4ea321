"""What describe_schema tells: all that its caller may use, and nothing else."""

from __future__ import annotations

from contextlib import contextmanager

import psycopg
import pytest

from zava_sql.catalogue import describe_schema
from zava_sql.database import Database
from zava_sql.errors import ValidationError
from zava_sql.principals import find_principal
from zava_sql.settings import Settings

CLASSES = ("store_manager", "regional_manager", "head_office")

pytestmark = pytest.mark.anyio


@pytest.fixture
def as_role(each_database):
    """Ask as a role, in a transaction whose arrangements are undone afterwards."""

    @contextmanager
    def acting(role, *arrange):
        with psycopg.connect(each_database.admin_url) as connection:
            for statement in arrange:
                connection.execute(statement)
            connection.execute(f"set local role {role}")

            def describe(name=None, search=None):
                return connection.execute(
                    "select api.describe_schema(%s, %s)", [name, search]
                ).fetchone()[0]

            yield describe
            connection.rollback()

    return acting


@pytest.mark.parametrize("role", CLASSES)
async def test_the_overview_has_a_line_for_every_table_and_function(as_role, role):
    with as_role(role) as describe:
        lines = describe().splitlines()
    tables = [line.split(" ")[0] for line in lines if line.startswith("retail.")]
    assert tables == sorted(tables)
    assert {"retail.orders", "retail.stores", "retail.product_embeddings"} <= set(tables)
    assert "retail.customers (store_id, customer_id): Customers of a store." in lines
    assert any(line.startswith("api.whoami(): Who is asking: ") for line in lines)
    assert not any("zava." in line or "_describe" in line for line in lines)


async def test_the_overview_is_short(as_role):
    with as_role(
        "store_manager",
        "create function api.add(p_a integer, integer, p_c date default now()) returns integer"
        " return $1 + $2",
        "create function api.halve(integer) returns integer return $1 / 2",
        "comment on function api.add(integer, integer, date) is"
        " 'Adds, e.g. 1 and 2. Commutative.\nAnd more.\n\np_a: the first'",
        "grant execute on all functions in schema api to store_manager",
    ) as describe:
        lines = describe().splitlines()
        assert "api.add(p_a, $2, [p_c]): Adds, e.g. 1 and 2." in lines
        assert "api.halve(integer)" in lines
        assert len("\n".join(lines).encode()) < 6_000
        (found,) = describe(search="commutative adds").splitlines()
        assert found in lines


async def test_what_has_not_all_sales_or_more_than_sales_says_where_they_are(as_role):
    with as_role("store_manager") as describe:
        lines = [line.partition(" ") for line in describe().splitlines()]
        told = {name for name, _, about in lines if "api.sale_lines has" in about}
        assert told == {
            "retail.daily_customers", "retail.daily_sales", "retail.daily_totals",
            "retail.order_items",
        }  # fmt: skip
        assert "pending and cancelled do not" in describe("orders")


async def test_what_is_internal_is_not_told(as_role):
    with as_role("store_manager") as describe:
        assert describe("search_words") is None
        assert "retail.search_" not in describe() + describe(search="words")


async def test_a_table_is_told_in_full(as_role):
    with as_role("store_manager") as describe:
        assert describe("customers") == (
            "retail.customers: Customers of a store.\n"
            "Rows you see: 0\n"
            "primary key (store_id, customer_id)\n"
            "unique (store_id, email)\n"
            "foreign key (store_id) references retail.stores (store_id)\n"
            "Columns (not null unless marked):\n"
            "store_id uuid\n"
            "customer_id uuid\n"
            "first_name text\n"
            "last_name text\n"
            "email text\n"
            "city text\n"
            "loyalty_tier text (none|bronze|silver|gold): none, bronze, silver or gold.\n"
            "joined_on date: Day the customer was registered.\n"
            "created_at timestamptz\n"
            "updated_at timestamptz"
        )


@pytest.mark.parametrize("name", ["orders", "retail.orders", " Retail.ORDERS "])
async def test_a_name_may_come_with_its_schema_and_in_any_case(as_role, name):
    with as_role("store_manager") as describe:
        assert describe(name) == describe("orders")
        assert describe(name).startswith("retail.orders: ")
        assert "customer_id uuid null: " in describe(name)


async def test_a_function_is_told_with_its_whole_comment(as_role):
    with as_role("store_manager") as describe:
        text = describe("api.describe_schema")
    assert text.startswith("api.describe_schema(p_name text DEFAULT NULL::text,")
    assert "\np_name: " in text


@pytest.mark.parametrize("name", ["", "  ", None])
async def test_no_name_is_the_overview(as_role, name):
    with as_role("store_manager") as describe:
        assert describe(name) == describe()


@pytest.mark.parametrize(
    "name",
    ["nothing", "zava.principals", "principals", "pg_class", "pg_catalog.pg_class", "_describe_all",
     "zava._describe_all", "visible_stores", "retail", "retail.", ".orders", "orders; --", "%"],
)  # fmt: skip
async def test_what_is_unknown_or_forbidden_is_null(as_role, name):
    with as_role("store_manager") as describe:
        assert describe(name) is None


async def test_a_table_that_may_not_be_read_is_not_told(as_role):
    with as_role("store_manager", "revoke select on retail.orders from store_manager") as describe:
        assert describe("orders") is None
        assert "retail.orders (" not in describe()
        # Nor does another table's foreign key give it away.
        assert "foreign key (product_id)" in describe("order_items")
        assert "retail.orders" not in describe("order_items")


async def test_a_column_that_may_not_be_read_is_not_told(as_role):
    arrange = [
        "revoke select on retail.customers from store_manager",
        "grant select (store_id, first_name, loyalty_tier) on retail.customers to store_manager",
    ]
    with as_role("store_manager", *arrange) as describe:
        text = describe("customers")
        assert "first_name text" in text
        assert "loyalty_tier text (none|bronze|silver|gold)" in text
        assert "email" not in text
        assert "primary key" not in text
        assert "foreign key (store_id) references retail.stores" in text
        # Another table's key is told without it.
        assert "retail.customers" not in describe("orders")


async def test_a_function_that_may_not_be_called_is_not_told(as_role):
    with as_role(
        "store_manager", "revoke execute on function api.whoami() from store_manager"
    ) as describe:
        assert describe("whoami") is None
        assert "api.whoami" not in describe()


async def test_functions_of_one_name_are_told_apart(as_role):
    arrange = [
        "create function api.twice(p_n integer) returns integer language sql return p_n * 2",
        "create function api.twice(p_n text) returns text language sql return p_n || p_n",
        "comment on function api.twice(integer) is 'Doubles.'",
        "create function api._hidden() returns integer language sql return 1",
        "grant execute on all functions in schema api to store_manager",
    ]
    with as_role("store_manager", *arrange) as describe:
        assert describe("twice") == (
            "api.twice(p_n integer) returns integer\nDoubles.\n\napi.twice(p_n text) returns text\n"
        )
        assert describe("_hidden") is None
        assert "_hidden" not in describe()


async def test_odd_names_come_as_sql_writes_them(as_role):
    arrange = [
        """create table retail."Odd ""name" (
            "select" text check ("select" in ('it''s', 'b, c', 'x|y')), n int check (n in (1, 2))
        )""",
        """grant select on retail."Odd ""name" to store_manager""",
        "create view api.odd as select 1 as n",
        "grant select on api.odd to store_manager",
    ]
    with as_role("store_manager", *arrange) as describe:
        assert 'retail."Odd ""name"' in describe().splitlines()
        assert describe('odd "name').startswith('retail."Odd ""name"\n')
        for name in ('retail."Odd ""name"', '"Odd ""name"', '"RETAIL".odd name'):
            assert describe(name) == describe('odd "name')
            assert describe(name, "select").startswith('retail."Odd ""name"."select" text null (')
        assert "api.odd" in describe().splitlines()
        assert describe("odd").startswith("api.odd\nColumns")


async def test_values_are_told_of_enums_domains_and_every_form_of_a_list(as_role):
    wards = ", ".join(f"'{number}'" for number in range(51))
    arrange = [
        "create schema clinic",
        "create type clinic.status as enum ('open', 'it''s shut')",
        "create domain clinic.severity as smallint check (value in (1, 2, 3))",
        "create domain clinic.severe as clinic.severity check (value > 1)",
        "create domain clinic.current as clinic.status",
        f"create type clinic.ward as enum ({wards})",
        """create table retail.patients (
            status clinic.status, statuses clinic.status[], severity clinic.severity,
            severe clinic.severe, current clinic.current, ward clinic.ward,
            shut clinic.status check (shut in ('it''s shut')),
            kind varchar(9) check (kind in ('in', 'o''ut')),
            code char(2) check (code in ('a', 'b')),
            "Floor" text constraint a check ("Floor" <> '')
                constraint b check ("Floor" in ('x', 'y')),
            level int check (level in (1, -2)), size numeric check (size in (0.5, 1)),
            loose text check (loose in ('a', 'b') or loose > 'x'), plain text[]
        )""",
        "create view api.patients as select status, severe from retail.patients",
        "comment on column retail.patients.level is e'Where.\r\n\nnone text: no column'",
        "grant select on retail.patients, api.patients to store_manager",
    ]
    with as_role("store_manager", *arrange) as describe:
        lines = describe("retail.patients").partition("marked):\n")[2].splitlines()
        assert lines == [
            "status clinic.status null (open|it's shut)",
            "statuses clinic.status[] null (open|it's shut)",
            "severity clinic.severity null (1|2|3)",
            "severe clinic.severe null (1|2|3)",
            "current clinic.current null (open|it's shut)",
            "ward clinic.ward null",
            "shut clinic.status null (open|it's shut)",
            "kind character varying(9) null (in|o'ut)",
            "code character(2) null (a|b)",
            '"Floor" text null (x|y)',
            "level integer null (1|-2): Where. none text: no column",
            "size numeric null (0.5|1)",
            "loose text null",
            "plain text[] null",
        ]
        assert describe("api.patients").endswith(
            "status clinic.status null (open|it's shut)\nsevere clinic.severe null (1|2|3)"
        )
        assert describe(search="shut open").splitlines() == [
            f"{table}.{line}"
            for table, line in [("api.patients", lines[0])]
            + [("retail.patients", line) for line in sorted([*lines[:2], lines[4], lines[6]])]
        ]


async def test_a_long_comment_is_short_in_the_overview(as_role):
    arrange = [
        "create function api.wordy() returns integer return 1",
        f"comment on function api.wordy() is '{'word ' * 9_999}'",
        f"comment on table retail.orders is '{'more ' * 9_999}'",
        "grant execute on all functions in schema api to store_manager",
    ]
    with as_role("store_manager", *arrange) as describe:
        assert max(map(len, describe().splitlines())) < 1_100
        assert len(describe("wordy")) > 40_000
        assert max(map(len, describe(search="more more").splitlines())) < 1_100


async def test_partitions_are_left_to_their_parent(as_role):
    arrange = [
        """create table retail.product_embeddings_1
            partition of retail.product_embeddings for values in (1)""",
        "grant select on retail.product_embeddings_1 to store_manager",
    ]
    with as_role("store_manager", *arrange) as describe:
        assert "product_embeddings_1" not in describe()
        assert describe("product_embeddings_1") is None


async def test_words_find_tables_columns_and_functions(as_role):
    with as_role("store_manager") as describe:
        column = "retail.customers.loyalty_tier text (none|bronze|silver|gold): "
        assert describe("customers", "LOYALTY tier") == column + "none, bronze, silver or gold."
        both = describe(search=" Stock  level").splitlines()
        assert any(line.startswith("retail.inventory.stock_level integer: ") for line in both)
        for line in both:  # a function is found by all that is told of it
            name = line.partition("(")[0]
            told = (describe(name) if name.startswith("api.") else line).lower()
            assert "stock" in told
            assert "level" in told
        assert any(line.startswith("api.inventory_status(") for line in both)
        everywhere = describe(search="stock").splitlines()
        assert any(line.startswith("retail.stock_movements: ") for line in everywhere)
        assert any(line.startswith("retail.inventory.stock_level ") for line in everywhere)
        assert any(
            line.startswith("api.whoami(") for line in describe(search="asking").splitlines()
        )
        assert describe("orders", "status").startswith("retail.orders.status text (pending|")
        assert "order_items" not in describe("orders", "order_date")
        zones = describe(search="time zone").splitlines()
        assert any(line.startswith("retail.stores.time_zone text: ") for line in zones)
        assert not any("created_at" in line for line in zones)
        assert describe(search="no-such-word") is None
        assert describe(search="sto%k") is None
        kinds = [line.partition(".")[0] for line in describe(search="e").splitlines()]
        # Tables and one view, columns, functions.
        assert len(kinds) == 15 + 20 + 20
        assert kinds.count("api") > 20


async def test_where_not_all_words_are_found_most_of_them_are(as_role):
    with as_role("store_manager") as describe:
        first, *lines = describe(search="customer email address").splitlines()
        assert first == "Nothing has all of these words; these have most of them:"
        assert lines == ["retail.customers.email text"]
        first, *lines = describe(search="returns nowhere").splitlines()
        assert first.startswith("Nothing has all ")
        assert len(lines) <= 24
        assert "return" in lines[0].lower()
        # Of what is cut off first are those that have the word in what is told of them only.
        assert any(line.startswith("api.returns_analysis(") for line in lines)
        # That a function returns something is no word of it.
        assert not any(line.startswith("api.whoami(") for line in lines)


async def test_a_plural_finds_its_singular_and_a_short_word_is_whole(as_role):
    with as_role("store_manager") as describe:
        assert describe("orders", "moments").startswith("retail.orders.order_date ")
        assert describe("orders", "  moment\t of\nsales ") == describe("orders", "moment of sale")
        assert describe("stores", "ids") is None
        assert describe("stores", "id").startswith("retail.stores.store_id ")


async def test_blanks_around_words_and_a_word_said_twice_find_nothing_of_their_own(as_role):
    with as_role("store_manager") as describe:
        assert describe(search="\tnowhere\n") is None
        assert describe(search="\nmoment\t") == describe(search="moment")
        twice = "email email customer customers nowhere"
        assert describe(search=twice) == describe(search="email customer nowhere")
        assert describe(search="email email moment") == describe(search="email moment")
        assert describe(search="\t\n") == describe()


async def test_what_is_forbidden_is_not_found(as_role):
    with as_role("store_manager", "revoke select on retail.orders from store_manager") as describe:
        assert "retail.orders." not in describe(search="order_date")
        assert describe("orders", "status") is None
        assert "zava." not in (describe(search="principal") or "")


async def test_the_keys_of_small_tables_are_listed(as_role):
    arrange = [
        "insert into retail.categories (name) select 'Kind ' || g from generate_series(1, 3) as g",
    ]
    more = "insert into retail.categories (name) select 'More ' || g from generate_series(1, 48) g"
    odd = "insert into retail.categories (name) values (E'a\\nRows you see: 9')"
    with as_role("store_manager", *arrange) as describe:
        assert "\nname text (Kind 1|Kind 2|Kind 3): " in describe("categories")
        assert describe(search="kind 2").startswith("retail.categories.name text (Kind 1|")
        assert "Rows you see: 3\n" in describe("categories")
    with as_role("store_manager", *arrange, more) as describe:
        assert "\nname text: " in describe("categories")
        assert "Rows you see: 51\n" in describe("categories")
    with as_role("store_manager", *arrange, odd) as describe:
        assert "\nname text: " in describe("categories")


async def test_rows_are_counted_up_to_a_limit(as_role):
    arrange = "insert into retail.categories (name) select g::text from generate_series(1, {}) as g"
    with as_role("store_manager", arrange.format(10_000)) as describe:
        assert "Rows you see: 10000\n" in describe("categories")
    with as_role("store_manager", arrange.format(10_001)) as describe:
        assert "Rows you see: more than 10000\n" in describe("categories")


async def test_names_are_listed_for_clients_as_far_as_the_caller_may_use_them(each_database):
    with psycopg.connect(each_database.admin_url) as connection:
        connection.execute("revoke select on retail.orders from store_manager")
        connection.execute("create function api.whoami(p_x integer) returns integer return 1")
        connection.execute("grant execute on function api.whoami(integer) to store_manager")
        connection.execute("set local role store_manager")
        names = connection.execute("select * from api._list_names()").fetchall()
        connection.rollback()
    assert ("table", "retail.customers", "Customers of a store.") in names
    assert [row[:2] for row in names].count(("function", "api.whoami")) == 1
    assert "retail.orders" not in {name for _, name, _ in names}
    assert not any("_list_names" in name or "zava." in name for _, name, _ in names)
    assert [kind for kind, _, _ in names] == sorted((row[0] for row in names), reverse=True)


async def test_parts_are_listed_as_far_as_the_caller_may_use_them_whoever_asks(each_database):
    # As a query past the guard would.
    with psycopg.connect(each_database.admin_url) as connection:
        connection.execute("revoke select on retail.orders, retail.stores from store_manager")
        connection.execute("grant select (store_id, city) on retail.stores to store_manager")
        connection.execute("create function api.hide(p_x integer) returns integer return 1")
        connection.execute(
            "revoke execute on function api.hide(integer) from public, store_manager"
        )
        connection.execute("set local role store_manager")

        def parts(*arguments):
            asked = "select name, parts, has_column from api._list_parts(%s, %s)"
            return connection.execute(asked, arguments).fetchall()

        assert parts(["orders", "stores", "hide", "principals"], None) == [
            ("stores", "store_id, city", False)
        ]
        assert parts([], "tax_rate") == []
        assert {name for name, _, has_column in parts([], "city")} == {"stores", "customers"}
        every = {name for name, _, _ in parts(None, None)}
        assert {"stores", "api.sale_lines"} <= every
        assert not every & {"orders", "principals", "zava.principals"}
        connection.rollback()


@pytest.mark.parametrize("role", ["zava_gateway", "zava_service", "zava_writer"])
async def test_who_is_no_tenant_may_not_ask(as_role, role):
    with as_role(role) as describe, pytest.raises(psycopg.errors.InsufficientPrivilege):
        describe()


async def test_it_runs_in_the_session_of_the_principal(each_database):
    with psycopg.connect(each_database.admin_url, autocommit=True) as connection:
        connection.execute(
            "insert into retail.stores (store_key, name, city, tax_rate, opened_on)"
            " values ('seattle', 'Seattle', 'Seattle', 0.1, '2020-01-01'),"
            " ('tacoma', 'Tacoma', 'Tacoma', 0.1, '2020-01-01') on conflict do nothing"
        )
        if not connection.execute("select from zava.principals where name = 'seattle'").fetchone():
            connection.execute("select zava.create_principal('seattle', 'store', '{seattle}')")
    settings = Settings(
        database_url=each_database.gateway_url,
        service_url=each_database.service_url,
        context_key=each_database.context_key,
    )
    async with Database.open(settings) as database:
        seattle = await find_principal(database, "seattle")
        assert "retail.orders (" in await describe_schema(database, seattle)
        assert (await describe_schema(database, seattle, "orders")).startswith("retail.orders: ")
        for name in ("zava.principals", "a\0b", "';select_1;--"):
            with pytest.raises(ValidationError):
                await describe_schema(database, seattle, name)
            with pytest.raises(ValidationError, match="is found by"):
                await describe_schema(database, seattle, search=name)
        for name, meant in [
            ("Order", "Did you mean retail.orders"),
            ("retail.customer", "Did you mean retail.customers"),
            ("api.top_product(x)", "Did you mean api.top_products"),
            ("principals", "Give one name"),
            ("api_keys", "Give one name"),
        ]:
            with pytest.raises(ValidationError) as caught:
                await describe_schema(database, seattle, name)
            assert caught.value.hint.startswith(meant)
            assert caught.value.hint.endswith("describe_schema lists them all.")
        # The store's own rows, and the values in them.
        assert "Rows you see: 1\n" in await describe_schema(database, seattle, "stores")
        assert "store_key text (seattle)" in await describe_schema(database, seattle, "stores")
