"""Every house rule is broken once, on purpose, and has to notice it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqltap

RULES = (Path(__file__).parent / "sql" / "house_rules.sql").read_text(encoding="utf-8")

FUNCTION = """
create function {name}(p_x text default '') returns text language plpgsql {options}
as $function$ begin return p_x; end $function$;
alter function {name} owner to zava_owner;
comment on function {name} is 'x

p_x: the text';
revoke execute on function {name} from public;
"""
PINNED = "stable parallel restricted set search_path = pg_catalog, pg_temp"


def function(name: str = "api.bad", options: str = PINNED) -> str:
    return FUNCTION.format(name=name, options=options)


TABLE = """
create table retail.bad (
    store_id uuid not null, bad_id uuid not null,
    created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
    constraint bad_pkey primary key (store_id, bad_id){more}
);
alter table retail.bad owner to zava_owner;
comment on table retail.bad is 'x';
alter table retail.bad enable row level security;
alter table retail.bad force row level security;
"""


def table(more: str = "") -> str:
    return TABLE.format(more=more)


# What is broken: the rule that has to fail, and how it is broken.
BROKEN = [
    (
        "a function is bound at creation or pins its search_path to pg_catalog, pg_temp",
        function(options="stable parallel restricted"),
    ),
    (
        "no function sets another search_path",
        function(options="stable parallel restricted set search_path = public, pg_temp"),
    ),
    ("every function has a comment", f"{function()} comment on function api.bad is null;"),
    (
        "no function can be executed by PUBLIC",
        f"{function()} grant execute on function api.bad to public;",
    ),
    (
        "no function can be executed by PUBLIC",
        (
            f"create role house_rules_other; {function()} alter function api.bad owner to postgres;"
            "create or replace function zava.born_open() returns int language sql return 1;"
        ),
    ),
    ("zava_owner owns every function", f"{function()} alter function api.bad owner to postgres;"),
    (
        "exactly these functions are SECURITY DEFINER",
        function("zava.bad", f"{PINNED} security definer"),
    ),
    ("every api function is SECURITY INVOKER", function("api.bad", f"{PINNED} security definer")),
    ("no api function is VOLATILE", f"{function()} alter function api.bad volatile;"),
    *(
        (
            "no IMMUTABLE function reads a table, a setting, the clock or the caller",
            f"alter function {name} immutable;",
        )
        for name in ("zava.authenticate(bytea)", "zava.disable_principal(text)")
    ),
    (
        "no function that may read tenant tables is PARALLEL SAFE, for their policies are not",
        f"{function()} alter function api.bad parallel safe;",
    ),
    (
        "no function that may read tenant tables is PARALLEL SAFE, for their policies are not",
        (
            "create function api.bad() returns bigint language sql stable parallel safe"
            " begin atomic select count(*) from retail.orders; end;"
        ),
    ),
    (
        "every parameter has a name that starts with p_",
        "create function api.bad(text) returns int language sql return 1;",
    ),
    (
        "the comment has a line for every parameter",
        f"{function()} comment on function api.bad is 'p_x is the text';",
    ),
    (
        "functions that read the context are STABLE, PARALLEL RESTRICTED and owned by zava_owner",
        "alter function zava.visible_stores(name) parallel safe;",
    ),
    (
        "functions that read the context are STABLE, PARALLEL RESTRICTED and owned by zava_owner",
        "alter function zava.identify(name) volatile;",
    ),
    (
        "no PARALLEL SAFE function calls one that is not",
        "alter function api.whoami() parallel safe;",
    ),
    (
        "api functions are granted to the class roles and nobody else",
        "grant execute on function api.whoami() to zava_gateway;",
    ),
    (
        "with the rights of the owner a tenant runs just what policies, whoami and my_queries call",
        "grant execute on function zava.verify_context(name) to store_manager;",
    ),
    (
        "and the service login what tells who asks, takes the audit, names the model; no other",
        "grant execute on function zava.verify_context(name) to zava_service;",
    ),
    (
        "and the service login what tells who asks, takes the audit, names the model; no other",
        "grant execute on function zava.create_api_key(text, bytea, timestamptz) to zava_writer;",
    ),
    (
        "what api functions call among themselves each class may run",
        "revoke execute on function api._region_id(uuid[]) from head_office;",
    ),
    (
        "a function of zava_owner is born closed to PUBLIC",
        "alter default privileges for role zava_owner grant execute on functions to public;",
    ),
    (
        "what belongs to a store is a tenant table: it has a store_id",
        "alter table retail.stock_movements rename column store_id to shop_id;",
    ),
    (
        "row-level security is enabled and forced on every tenant table",
        "alter table retail.orders no force row level security;",
    ),
    (
        "row-level security is enabled and forced on every tenant table",
        "alter table retail.stores disable row level security;",
    ),
    (
        "row-level security without a policy closes every table of the kernel",
        "alter table zava.api_keys disable row level security;",
    ),
    (
        "row-level security without a policy closes every table of the kernel",
        "create policy bad on zava.principals for select to zava_service using (true);",
    ),
    (
        "store_id comes first in the primary key of every tenant table",
        (
            f"{table()} alter table retail.bad drop constraint bad_pkey,"
            " add constraint bad_pkey primary key (bad_id, store_id);"
        ),
    ),
    (
        "a foreign key between tenant tables stays within the store",
        (
            "alter table retail.customers add constraint customers_id_key unique (customer_id);"
            "alter table retail.orders add constraint orders_bad_fkey foreign key (customer_id)"
            " references retail.customers (customer_id);"
        ),
    ),
    (
        "every index of columns of a tenant table holds its store_id",
        "create index customers_email_idx on retail.customers (email);",
    ),
    (
        "each class has exactly one permissive policy on each tenant table, and it is for SELECT",
        "create policy bad on retail.orders for select to store_manager using (true);",
    ),
    (
        "each class has exactly one permissive policy on each tenant table, and it is for SELECT",
        "drop policy orders_head_office_select on retail.orders;",
    ),
    (
        "each class stands behind exactly one restrictive fence on each tenant table, for ALL",
        "drop policy inventory_store_manager_fence on retail.inventory;",
    ),
    (
        "each class stands behind exactly one restrictive fence on each tenant table, for ALL",
        table(),
    ),
    (
        "every fence asks the signed context, once a statement",
        (
            "alter policy orders_store_manager_fence on retail.orders"
            " using (store_id = any ((select zava.visible_stores(current_user))::uuid[]) or true);"
        ),
    ),
    (
        "every fence asks the signed context, once a statement",
        "alter policy orders_head_office_fence on retail.orders using (true);",
    ),
    (
        "no role but zava_writer is let in without a fence",
        "create policy bad on retail.orders for select to zava_service using (true);",
    ),
    (
        "only zava_writer has a policy for writing",
        "create policy bad on retail.orders for insert to store_manager with check (true);",
    ),
    (
        "and it writes to every tenant table, whatever the store",
        "alter policy customers_writer_all on retail.customers using (false);",
    ),
    (
        "and it writes to every tenant table, whatever the store",
        "revoke insert on retail.search_regions from zava_writer;",
    ),
    (
        "no policy is for PUBLIC or zava_owner",
        "create policy bad on retail.orders for select to public using (true);",
    ),
    (
        "no policy is for PUBLIC or zava_owner",
        "create policy bad on retail.orders for select to zava_owner using (true);",
    ),
    (
        "policies call the kernel only inside a sub-select, which runs once a statement",
        (
            "alter policy orders_head_office_fence on retail.orders"
            " using (zava.is_head_office(current_user));"
        ),
    ),
    (
        "the shared catalogue has no row-level security to be mistaken for isolation",
        "alter table retail.products enable row level security;",
    ),
    (
        "no table of the shop has a trigger",
        (
            "create trigger bad before update on retail.orders for each row"
            " execute function suppress_redundant_updates_trigger();"
        ),
    ),
    (
        "nobody but zava_service has USAGE on the kernel",
        "grant usage on schema zava to store_manager;",
    ),
    (
        "nobody but zava_owner creates in our schemas",
        "grant create on schema api to zava_writer;",
    ),
    ("nobody but zava_owner creates in our schemas", "alter schema api owner to postgres;"),
    ("nothing of ours is granted to PUBLIC", "grant select on retail.products to public;"),
    ("the gateway holds no grant", "grant select (sku) on retail.products to zava_gateway;"),
    (
        "the gateway is a member of tenant roles and of the runner only, and inherits from none",
        "grant store_manager to zava_gateway with inherit false, set true;",
    ),
    (
        "the gateway is a member of tenant roles and of the runner only, and inherits from none",
        "create role zava_store_bad; grant zava_store_bad to zava_gateway with inherit true;",
    ),
    (
        "the runner has one SECURITY DEFINER function for each class role, which owns it",
        "alter function zava_run.store_manager(text) owner to zava_owner;",
    ),
    (
        "the runner has one SECURITY DEFINER function for each class role, which owns it",
        "alter function zava_run.head_office(text) reset search_path;",
    ),
    (
        "the runner is STABLE, so that it runs nothing but SELECT, and has comments",
        "alter function zava_run.store_manager(text) volatile;",
    ),
    (
        "nobody but zava_runner calls the runner",
        "grant execute on function zava_run.head_office(text) to store_manager;",
    ),
    ("nobody but zava_runner calls the runner", "grant usage on schema zava_run to public;"),
    (
        "zava_runner may name what stands in api and retail, and holds nothing else",
        "grant select on retail.products to zava_runner;",
    ),
    (
        "zava_runner may name what stands in api and retail, and holds nothing else",
        "grant store_manager to zava_runner;",
    ),
    (
        "the service login uses the kernel through functions only",
        "grant select on zava.principals to zava_service;",
    ),
    (
        "the service login uses the kernel through functions only",
        "grant zava_owner to zava_service;",
    ),
    (
        "no role of ours is above row-level security or makes roles",
        "alter role zava_gateway bypassrls;",
    ),
    (
        "no role of ours is above row-level security or makes roles",
        "alter role head_office createrole;",
    ),
    ("nobody logs in as a tenant, the owner or the writer", "alter role store_manager login;"),
    ("nobody logs in as a tenant, the owner or the writer", "alter role zava_owner login;"),
    (
        "tenants create nothing, not even temporary objects",
        (
            "do $$ begin execute format('grant temporary on database %I to public',"
            " current_database()); end $$;"
        ),
    ),
    (
        "tenants create nothing, not even temporary objects",
        "grant create on schema public to store_manager;",
    ),
    (
        "tenants hold no privilege on a table but SELECT",
        "grant update (name) on retail.products to head_office;",
    ),
    (
        "the role of one tenant has its privileges from its class",
        "create role zava_store_bad; grant select on retail.products to zava_store_bad;",
    ),
    (
        "only the two logins connect to this database",
        (
            "do $$ begin execute format('grant connect on database %I to store_manager',"
            " current_database()); end $$;"
        ),
    ),
    (
        "zava_owner owns every table, view and sequence",
        "alter table retail.products owner to postgres;",
    ),
    (
        "every foreign key has an index that starts with its columns",
        "drop index retail.orders_store_id_customer_id_idx;",
    ),
    (
        "every foreign key has an index that starts with its columns",
        (
            "drop index retail.order_items_return_of_idx; create index order_items_return_of_idx on"
            " retail.order_items (store_id, return_of_order_id, return_of_line_number)"
            " where quantity < 0;"
        ),
    ),
    (
        "every constraint has a name of its own",
        "alter table retail.products add check (sku <> ''), add check (name <> sku);",
    ),
    (
        "every table of the shop has created_at and updated_at",
        f"{table()} alter table retail.bad drop column updated_at;",
    ),
    (
        "no column is a varchar, a timestamp without zone, money or a floating-point number",
        "alter table retail.products add column size varchar(10);",
    ),
    (
        "no column is a varchar, a timestamp without zone, money or a floating-point number",
        "alter table retail.products add column seen_at timestamp;",
    ),
    ("every table has a comment", "comment on table retail.products is null;"),
    (
        "everything that can be selected from in api has a comment on each column",
        (
            "create view api.bad with (security_invoker) as select sku from retail.products;"
            "comment on view api.bad is 'x';"
        ),
    ),
    (
        "every view is a security_invoker view",
        "create view api.bad as select * from retail.orders;",
    ),
    (
        "no materialized view or foreign table is granted, for row-level security is not theirs",
        (
            "create materialized view retail.bad as select * from retail.orders;"
            "grant select on retail.bad to store_manager;"
        ),
    ),
    (
        "a function is bound at creation or pins its search_path to pg_catalog, pg_temp",
        function(options="stable parallel restricted set search_path = 'pg_catalog, pg_temp'"),
    ),
]


@pytest.mark.parametrize(("rule", "damage"), BROKEN)
def test_a_broken_rule_is_noticed(tap_connection, rule, damage):
    report = sqltap.run(tap_connection, RULES.replace("begin;", f"begin;\n{damage}", 1))
    failed = {a.text for a in report.assertions.values() if not a.passed}
    assert rule in failed, report.error


def test_a_function_that_was_restored_where_all_names_are_quoted_breaks_no_rule(tap_connection):
    restored = f"set local quote_all_identifiers = on; {function()} reset quote_all_identifiers;"
    report = sqltap.run(tap_connection, RULES.replace("begin;", f"begin;\n{restored}", 1))
    rule = "a function is bound at creation or pins its search_path to pg_catalog, pg_temp"
    assert [a.passed for a in report.assertions.values() if a.text == rule] == [True], report.error


def test_no_rule_is_without_such_a_test(tap_connection):
    report = sqltap.run(tap_connection, RULES)
    assert not report.error
    assert {a.text for a in report.assertions.values()} == {rule for rule, _ in BROKEN}
