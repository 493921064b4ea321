"""Every insecurity that the doctor knows is made once, and named; a clean install has none."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import asyncpg
import psycopg
import pytest
import tenants
from network import network
from pydantic import SecretStr

from zava_sql import doctor, migrate, verify
from zava_sql.connections import connect
from zava_sql.doctor import Sessions, report
from zava_sql.errors import ConfigurationError, ValidationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import conftest

pytestmark = pytest.mark.anyio


def by_another(role: str, member: str) -> str:
    """Grant a membership as a role that is no superuser, as on a managed service."""
    return (
        f"grant {role} to zava_owner with admin option; set local role zava_owner;"
        f" grant {role} to {member}; reset role"
    )


PROCEDURE = (
    "create procedure api.p() security definer language plpgsql as 'begin end';"
    "alter procedure api.p() owner to zava_owner;"
)

CLOSED = "create schema store;"
# A table of another domain, with a tenant key of its own.
FENCED = (
    "create schema clinic; create table clinic.visits (clinic text);"
    "create index on clinic.visits (clinic);"
    "alter table clinic.visits enable row level security, force row level security;"
    "create policy visits_select on clinic.visits for select to store_manager using (true);"
    "create policy visits_fence on clinic.visits as restrictive to store_manager"
    " using (clinic = any ((select zava.visible_stores(current_user))::text[]));"
    "grant select on clinic.visits to store_manager;"
)
BOUND = FENCED.replace(
    "using (true)",
    "using (true or clinic = any ((select zava.visible_stores(current_user))::text[]))",
)
OPENED = (
    "grant select on store.vip to store_manager;"
    "create view api.vip with (security_invoker) as table store.vip;"
    "grant select on api.vip to store_manager"
)


def dynamic(text: str) -> str:
    """Make a function for agents that runs a text."""
    return (
        "create function api.dynamic(p_column text) returns setof text language plpgsql stable"
        f" set search_path = pg_catalog, pg_temp as $$ begin return query execute {text}; end $$;"
        "grant execute on function api.dynamic(text) to store_manager"
    )


NEAR = "((embedding::halfvec(3)) halfvec_ip_ops)"

# check, damage, what the finding must name
SEEDS = [
    ("gateway_superuser", "alter role zava_gateway superuser", "zava_gateway"),
    ("gateway_bypasses_rls", "alter role zava_gateway bypassrls", "zava_gateway"),
    ("gateway_makes_roles", "alter role zava_gateway createrole", "zava_gateway"),
    ("gateway_makes_roles", "alter role zava_gateway replication", "zava_gateway"),
    ("gateway_owns", "alter table retail.products owner to zava_gateway", "retail.products"),
    ("gateway_owns", "alter schema api owner to store_manager", "api"),
    (
        "gateway_inherits",
        "grant zava_store_seattle to zava_gateway with inherit true",
        "zava_store_seattle",
    ),
    (
        "gateway_privileges",
        "grant select (sku) on retail.products to zava_gateway",
        "retail.products",
    ),
    ("gateway_privileges", "grant usage on schema zava to zava_gateway", "zava"),
    ("admin_option", "grant head_office to store_manager with admin option", "head_office"),
    ("predefined_role", "grant pg_read_all_data to store_manager", "store_manager"),
    ("predefined_role", "grant pg_monitor to zava_gateway with inherit false", "zava_gateway"),
    ("tenant_above_rls", "alter role zava_store_seattle bypassrls", "zava_store_seattle"),
    ("tenant_above_rls", "alter role store_manager bypassrls", "store_manager"),
    ("tenant_logs_in", "alter role zava_store_seattle login", "zava_store_seattle"),
    ("tenant_has_another", "grant zava_head_office to zava_store_seattle", "zava_store_seattle"),
    (
        "tenant_has_another",
        "grant head_office to zava_store_seattle with inherit false, set true",
        "zava_store_seattle",
    ),
    (
        "tenant_of_two_classes",
        "grant head_office to zava_store_seattle with inherit true, set false",
        "zava_store_seattle",
    ),
    # What such a role may do is found as well; this is behind it.
    (
        "agents_have_another",
        "grant zava_writer to zava_gateway with inherit false",
        "zava_gateway",
    ),
    ("agents_have_another", by_another("zava_writer", "zava_gateway"), "zava_gateway"),
    (
        "agents_have_another",
        "grant zava_writer to zava_store_seattle with inherit true, set false",
        "zava_store_seattle",
    ),
    (
        "agents_have_another",
        "grant zava_owner to store_manager with inherit true",
        "store_manager",
    ),
    (
        "agents_have_another",
        (
            f"{FENCED} create role app; grant app to store_manager with inherit true;"
            "create policy app_all on clinic.visits to app using (true)"
        ),
        "store_manager",
    ),
    ("owner_reached", "grant zava_owner to zava_gateway with inherit false", "zava_gateway"),
    ("owner_reached", "grant zava_owner to zava_service", "zava_service"),
    ("service_above_rls", "alter role zava_service bypassrls", "zava_service"),
    ("service_privileges", "grant select on zava.signing_keys to zava_service", "signing_keys"),
    (
        "service_privileges",
        "grant all on all tables in schema zava to zava_service",
        "zava.audit_log",
    ),
    ("service_privileges", "grant pg_read_all_data to zava_service", "zava_service"),
    ("service_above_rls", "grant zava_store_seattle to zava_service", "zava_service"),
    (
        "role_settings",
        "alter role zava_store_seattle set zava.context = 'x'",
        "zava_store_seattle",
    ),
    ("role_settings", "alter role zava_gateway set role = 'zava_head_office'", "zava_gateway"),
    (
        "table_without_rls",
        "create table retail.notes (store_id uuid); grant select on retail.notes to store_manager",
        "retail.notes",
    ),
    (
        "table_without_rls",
        FENCED + "create table clinic.notes (note text); alter table clinic.visits add note text;"
        "create table clinic.heirs () inherits (clinic.notes);"
        "alter table clinic.visits inherit clinic.heirs;"
        "grant select on clinic.notes to store_manager",
        "clinic.notes",
    ),
    ("table_without_rls", "alter table retail.orders disable row level security", "retail.orders"),
    (
        "table_without_rls",
        (
            "create table retail.gifts (s uuid references retail.stores);"
            "grant select (s) on retail.gifts to head_office"
        ),
        "retail.gifts",
    ),
    (
        "table_without_rls",
        f"{FENCED} alter table clinic.visits disable row level security",
        "clinic.visits",
    ),
    (
        "table_without_rls",
        f"{FENCED} create table clinic.bills (clinic text); grant select on clinic.bills to public",
        "clinic.bills",
    ),
    (
        "table_without_rls",
        "create table public.copy as table retail.orders; grant select on public.copy to public",
        "public.copy",
    ),
    ("table_not_forced", "alter table retail.orders no force row level security", "retail.orders"),
    (
        "table_without_policy",
        (
            "drop policy orders_store_manager_select on retail.orders;"
            "drop policy orders_regional_manager_select on retail.orders;"
            "drop policy orders_head_office_select on retail.orders"
        ),
        "retail.orders",
    ),
    (
        "policy_without_fence",
        FENCED + "create table clinic.map (clinic text, label text);"
        "alter policy visits_fence on clinic.visits using"
        " (clinic in (select m.clinic from clinic.map as m))",
        "visits_select on clinic.visits",
    ),
    (
        "policy_without_fence",
        "drop policy orders_store_manager_fence on retail.orders",
        "retail.orders",
    ),
    (
        "policy_without_fence",
        "alter policy orders_store_manager_fence on retail.orders to regional_manager",
        "retail.orders",
    ),
    (
        "policy_without_fence",
        BOUND + "drop policy visits_fence on clinic.visits",
        "visits_select on clinic.visits",
    ),
    (
        "policy_without_fence",
        "alter policy orders_head_office_fence on retail.orders using (true)",
        "retail.orders",
    ),
    (
        "policy_without_fence",
        (
            "create role intern; grant select on retail.orders to intern;"
            "create policy all_rows on retail.orders for select to public using (true);"
            "grant intern to zava_store_seattle with inherit true, set false;"
            "revoke store_manager from zava_store_seattle"
        ),
        "all_rows on retail.orders",
    ),
    (
        "policy_for_owner",
        "create policy mine on retail.orders to zava_owner using (true)",
        "mine on retail.orders",
    ),
    (
        "policy_for_public",
        "create policy everybody on retail.orders for select using (status = 'completed')",
        "everybody on retail.orders",
    ),
    (
        "policy_trusts_setting",
        (
            "grant execute on function pg_catalog.set_config(text, text, boolean) to public;"
            "alter policy orders_store_manager_fence on retail.orders"
            " using (store_id = (select current_setting('my.store')::uuid))"
        ),
        "orders_store_manager_fence on retail.orders",
    ),
    # A function that hands the setting on makes it no safer.
    *(
        (
            "policy_trusts_setting",
            (
                "grant execute on function pg_catalog.set_config(text, text, boolean) to public;"
                f"create function zava.mine() returns uuid {body};"
                "alter policy orders_store_manager_fence on retail.orders"
                " using (store_id = any (array[(select zava.mine())]))"
            ),
            "orders_store_manager_fence on retail.orders",
        )
        for body in (
            "stable return current_setting('my.store')::uuid",
            "language sql stable as $$ select current_setting ('my.store')::uuid $$",
            "language plpgsql stable as 'begin return current_setting(''my.store''); end'",
        )
    ),
    # Nor does one that another calls, or a view.
    *(
        (
            "policy_trusts_setting",
            (
                "grant execute on function pg_catalog.set_config(text, text, boolean) to public;"
                "create function zava.claims() returns text language sql stable as"
                " 'select current_setting(''my.claims'')';"
                "create function zava.mine() returns uuid language sql stable as"
                " 'select zava.claims()::uuid';"
                "create view retail.mine with (security_invoker) as"
                " select current_setting('my.store')::uuid as store_id;"
                "alter policy orders_store_manager_fence on retail.orders"
                f" using (store_id in ({fence}))"
            ),
            "orders_store_manager_fence on retail.orders",
        )
        for fence in ("select zava.mine()", "select m.store_id from retail.mine as m")
    ),
    # The role is a setting as well.
    *(
        (
            "policy_trusts_setting",
            (
                "grant execute on function pg_catalog.set_config(text, text, boolean) to public;"
                "create schema clinic; create table clinic.visits (clinic text);"
                "alter table clinic.visits enable row level security, force row level security;"
                f"create policy mine on clinic.visits for select to {to} using ({condition});"
                "grant select on clinic.visits to store_manager"
            ),
            "mine on clinic.visits",
        )
        for to, condition in (
            ("store_manager", "clinic = any (array[(select current_user::text)])"),
            ("public", "clinic = any (array[user::text])"),
            ("store_manager", "pg_has_role(clinic, 'member')"),
        )
    ),
    *(
        (
            "fence_for_some",
            f"{weakened} search_regions_{who}_fence on retail.search_regions {how}",
            f"search_regions_{who}_select on retail.search_regions",
        )
        for who in ("store_manager", "regional_manager")
        for weakened, how in (
            ("drop policy", ""),
            ("alter policy", "using (store_id is not null)"),
            ("alter policy", "to zava_service"),
        )
    ),
    *(
        (
            "policy_asks_no_column",
            (
                "create table retail.notes (place uuid, note text);"
                "alter table retail.notes enable row level security;"
                f"create policy noted on retail.notes for select to {to} using ({condition});"
                "grant select on retail.notes to store_manager"
            ),
            "noted on retail.notes",
        )
        for to, condition in (
            ("store_manager", "(select zava.visible_stores(current_user)) is not null"),
            ("public", "(select cardinality(zava.visible_stores(current_user))) > 0"),
            ("store_manager", "pg_has_role(current_user, 'store_manager', 'usage')"),
            ("store_manager", "current_user like 'zava_store_%'"),
            ("store_manager", "exists (select from retail.stores)"),
        )
    ),
    *(
        (
            "function_settings",
            (
                "create function api.all_notes() returns int language plpgsql stable"
                f" set {setting} as 'begin return 1; end';"
                "grant execute on function api.all_notes() to store_manager"
            ),
            "api.all_notes()",
        )
        for setting in ("role = 'zava_head_office'", "zava.context = 'x'")
    ),
    *(
        (
            "function_settings",
            (
                f"create function api.all_notes() returns int language plpgsql as $${body}$$;"
                "grant execute on function api.all_notes() to store_manager"
            ),
            "api.all_notes()",
        )
        for body in (
            "begin set local role zava_head_office; return 1; end",
            "begin if true then\n set  role to 'zava_head_office'; end if; return 1; end",
        )
    ),
    (
        "policy_asks_each_row",
        (
            "alter policy orders_regional_manager_fence on retail.orders"
            " using (store_id = any (zava.visible_stores(current_user)))"
        ),
        "orders_regional_manager_fence on retail.orders",
    ),
    (
        "policy_function_volatile",
        "alter function zava.visible_stores(name) volatile",
        "visible_stores",
    ),
    (
        "tenant_key_without_index",
        (
            "create table retail.notes (store_id uuid not null);"
            "alter table retail.notes enable row level security"
        ),
        "retail.notes",
    ),
    (
        "approximate_index",
        (
            "create table retail.notes (store_id uuid not null, embedding vector(3));"
            "alter table retail.notes enable row level security;"
            "grant select on retail.notes to store_manager;"
            "create index notes_near on retail.notes using hnsw (embedding vector_ip_ops)"
        ),
        "notes_near",
    ),
    # Who reads a table reads what inherits from it.
    *(
        (
            "approximate_index",
            (
                f"create table retail.notes (store_id uuid not null, embedding vector(3)) {parent};"
                "alter table retail.notes enable row level security;"
                "grant select on retail.notes to store_manager;"
                f"create schema store; create table store.{heir};"
                "create index heirs_near on store.heirs using hnsw (embedding vector_ip_ops)"
            ),
            "heirs_near",
        )
        for parent, heir in (
            (
                "",
                "a () inherits (retail.notes); create table store.heirs () inherits (store.a)",
            ),
            ("partition by list (store_id)", "heirs partition of retail.notes default"),
        )
    ),
    ("tenant_writes", "grant update on retail.orders to store_manager", "retail.orders"),
    ("tenant_writes", "grant truncate on retail.products to head_office", "retail.products"),
    (
        "view_as_owner",
        (
            "create view retail.all_orders as select * from retail.orders;"
            "grant select on retail.all_orders to store_manager"
        ),
        "retail.all_orders",
    ),
    (
        "view_as_owner",
        "alter view api.sale_lines reset (security_invoker)",
        "api.sale_lines",
    ),
    (
        "materialized_view_readable",
        (
            "create materialized view retail.totals as select count(*) from retail.orders;"
            "grant select on retail.totals to regional_manager"
        ),
        "retail.totals",
    ),
    (
        "foreign_table_readable",
        (
            "create foreign data wrapper w; create server s foreign data wrapper w;"
            "create foreign table retail.far (i int) server s;"
            "grant select on retail.far to store_manager"
        ),
        "retail.far",
    ),
    (
        "sequence_readable",
        "create sequence retail.numbers; grant select on retail.numbers to store_manager",
        "retail.numbers",
    ),
    (
        "definer_callable",
        (
            "create function api.all_orders() returns bigint language sql security definer"
            " set search_path = pg_catalog, pg_temp return 1;"
            "grant execute on function api.all_orders() to store_manager"
        ),
        "api.all_orders()",
    ),
    (
        "definer_search_path",
        "alter function zava.visible_stores(name) reset search_path",
        "visible_stores",
    ),
    (
        "definer_search_path",
        (
            "create function zava.f() returns int language plpgsql security definer"
            " set search_path = pg_temp, pg_catalog as 'begin return 1; end'"
        ),
        "zava.f()",
    ),
    (
        "definer_above_rls",
        "alter function zava.visible_stores(name) owner to postgres",
        "visible_stores",
    ),
    ("leakproof_function", "alter function zava.digest(text) leakproof", "digest"),
    (
        "untrusted_language",
        (
            "create function api.raw(cstring) returns text language internal as 'textin';"
            "grant execute on function api.raw(cstring) to store_manager"
        ),
        "api.raw(cstring)",
    ),
    (
        "public_execute",
        "grant execute on function zava.find_principal(text) to public",
        "find_principal",
    ),
    ("public_relation", "grant select on retail.products to public", "retail.products"),
    ("schema_create", "grant create on schema public to public", "public"),
    ("schema_create", "grant create on schema api to store_manager", "api"),
    ("kernel_schema_open", "grant usage on schema zava to store_manager", "zava"),
    ("schema_closed", "revoke usage on schema public from public", "public"),
    (
        "schema_closed",
        (
            f"{CLOSED} create type store.size as enum ('s');"
            "create function api.of_size(store.size) returns int language sql return 1;"
            "create function api.of_size(int) returns int language sql return 1"
        ),
        "store",
    ),
    (
        "schema_closed",
        (
            f"{CLOSED} create type store.hours as range (subtype = time);"
            "create function api.of_hours(store.hours[]) returns int language sql return 1"
        ),
        "store",
    ),
    ("database_create", "grant create on database {db} to store_manager", "{db}"),
    ("database_temporary", "grant temporary on database {db} to public", "{db}"),
    ("database_connect", "grant connect on database {db} to public", "{db}"),
    (
        "default_privileges",
        (
            "alter default privileges for role zava_owner in schema retail"
            " grant select on tables to store_manager"
        ),
        "zava_owner",
    ),
    (
        "runner_shape",
        "alter function zava_run.store_manager(text) owner to zava_owner",
        "zava_run.store_manager(text)",
    ),
    (
        "runner_shape",
        "grant execute on function zava_run.head_office(text) to store_manager",
        "zava_run.head_office(text)",
    ),
    (
        "runner_shape",
        (
            "create or replace function zava_run.head_office(p_query text) returns setof record"
            " language plpgsql stable security definer set search_path = retail, public, pg_temp as"
            " 'begin if current_user <> ''nobody'' then return; end if;"
            " return query execute p_query; end;'"
        ),
        "zava_run.head_office(text)",
    ),
    # It would run for whoever owns it, as after a dump.
    (
        "runner_shape",
        (
            "create or replace function zava_run.head_office(p_query text) returns setof record"
            " language plpgsql stable security definer set search_path = retail, public, pg_temp as"
            " 'begin return query execute p_query; end;'"
        ),
        "zava_run.head_office(text)",
    ),
    (
        "runner_shape",
        "alter function zava_run.head_office(text) volatile",
        "zava_run.head_office(text)",
    ),
    (
        "runner_shape",
        'alter function zava_run.head_office(text) set search_path = "retail, public", pg_temp',
        "zava_run.head_office(text)",
    ),
    (
        "runner_shape",
        "alter function zava_run.head_office(text) reset search_path",
        "zava_run.head_office(text)",
    ),
    ("extension_reaches_out", "create extension dblink", "dblink"),
    ("extension_reaches_out", "create extension tablefunc", "tablefunc"),
    ("extension_tells", "create extension pg_prewarm", "pg_prewarm"),
    # The grant is of somebody else than whoever follows the remedy.
    (
        "gateway_inherits",
        by_another("zava_store_seattle", "zava_gateway with inherit true"),
        "zava_store_seattle",
    ),
    ("admin_option", by_another("head_office", "store_manager with admin option"), "head_office"),
    ("predefined_role", by_another("pg_monitor", "store_manager"), "store_manager"),
    (
        "tenant_has_another",
        by_another("zava_head_office", "zava_store_seattle"),
        "zava_store_seattle",
    ),
    (
        "tenant_of_two_classes",
        by_another("head_office", "zava_store_seattle with inherit true, set false"),
        "zava_store_seattle",
    ),
    ("service_above_rls", by_another("zava_store_seattle", "zava_service"), "zava_service"),
    (
        "owner_reached",
        (
            "create role dba createrole; grant zava_owner to dba with admin option;"
            "set local role dba; grant zava_owner to zava_service; reset role"
        ),
        "zava_service",
    ),
    # Of every role, in every schema, to one role, of a procedure.
    ("role_settings", "alter role all set row_security = off", "all roles"),
    (
        "default_privileges",
        "alter default privileges for role zava_owner grant select on tables to store_manager",
        "zava_owner",
    ),
    (
        "sequence_readable",
        "create sequence retail.numbers; grant usage on sequence retail.numbers to store_manager",
        "retail.numbers",
    ),
    (
        "policy_without_fence",
        "alter policy orders_head_office_fence on retail.orders using (1 = 1)",
        "retail.orders",
    ),
    (
        "extension_reaches_out",
        (
            "create extension dblink; revoke execute on all functions in schema public from public;"
            "grant execute on function public.dblink(text) to store_manager"
        ),
        "dblink",
    ),
    (
        "statement_statistics_open",
        (
            "create extension pg_stat_statements; revoke all on pg_stat_statements from public;"
            "grant select on pg_stat_statements to store_manager"
        ),
        "pg_stat_statements",
    ),
    ("definer_callable", f"{PROCEDURE} grant execute on procedure api.p() to head_office", "api.p"),
    ("definer_search_path", PROCEDURE, "api.p()"),
    ("public_execute", f"{PROCEDURE} grant execute on procedure api.p() to public", "api.p()"),
    (
        "gateway_privileges",
        f"{PROCEDURE} grant execute on procedure api.p() to zava_gateway",
        "api.p()",
    ),
    ("gateway_owns", f"{PROCEDURE} alter procedure api.p() owner to store_manager", "api.p()"),
    (
        "not_hardened",
        "grant execute on function pg_catalog.set_config(text, text, boolean) to public",
        "{db}",
    ),
    (
        "hardening_incomplete",
        "grant execute on function pg_catalog.pg_sleep(double precision) to public",
        "pg_sleep(double precision)",
    ),
    # As a newer minor version would bring it.
    (
        "hardening_incomplete",
        (
            "set local allow_system_table_mods = on;"
            "create function pg_catalog.pg_sleep_soundly() returns int language sql return 1"
        ),
        "pg_sleep_soundly()",
    ),
    (
        "hardening_incomplete",
        "grant select on pg_catalog.pg_class to public",
        "pg_class",
    ),
    (
        "signing_key_old",
        "update zava.signing_keys set created_at = now() - interval '2 years'",
        "test",
    ),
    (
        "signing_key_left",
        (
            "update zava.signing_keys set created_at = now() - interval '90 days';"
            "insert into zava.signing_keys (kid, ipad, opad, created_at)"
            " select 'newer', ipad, opad, now() - interval '60 days' from zava.signing_keys"
        ),
        "test",
    ),
    (
        "key_without_end",
        (
            "insert into zava.api_keys (key_hash, principal_id, created_at)"
            " select sha256('x'), principal_id, now() - interval '2 years'"
            " from zava.principals where name = 'seattle'"
        ),
        "seattle",
    ),
    (
        "principal_role",
        "update zava.principals set role_name = 'zava_store_nobody' where name = 'seattle'",
        "seattle",
    ),
    (
        "principal_role",
        "revoke store_manager from zava_store_seattle",
        "seattle",
    ),
    (
        "principal_role",
        (
            "insert into zava.principal_stores select p.principal_id, s.store_id"
            " from zava.principals p, retail.stores s"
            " where p.name = 'seattle' and s.store_key = 'tacoma'"
        ),
        "seattle",
    ),
    ("statement_statistics_open", "create extension pg_stat_statements", "pg_stat_statements"),
    # What its views call.
    ("statement_statistics_open", "create extension pg_stat_statements", "pg_stat_statements(b"),
    # In a schema that agents may not name, reached through what was bound to it.
    (
        "table_without_rls",
        f"{CLOSED} create table store.vip as table retail.orders;{OPENED}",
        "store.vip",
    ),
    (
        "materialized_view_readable",
        f"{CLOSED} create materialized view store.vip as select * from retail.orders;{OPENED}",
        "store.vip",
    ),
    (
        "view_as_owner",
        f"{CLOSED} create view store.vip as table retail.orders;{OPENED}",
        "store.vip",
    ),
    (
        "definer_callable",
        (
            "create function zava.f() returns int language sql security definer set search_path ="
            " pg_catalog, pg_temp return 1; alter function zava.f() owner to zava_writer;"
            "grant execute on function zava.f() to store_manager"
        ),
        "zava.f()",
    ),
    (
        "definer_callable",
        (
            "create function zava.f(bigint) returns bigint language sql security definer"
            " set search_path = pg_catalog, pg_temp return 1;"
            "create aggregate api.everything(*) (sfunc = zava.f, stype = bigint);"
            "revoke execute on function zava.f(bigint), api.everything() from public;"
            "grant execute on function api.everything() to store_manager"
        ),
        "zava.f(bigint)",
    ),
    ("tenant_writes", "grant insert on zava.audit_log to store_manager", "zava.audit_log"),
    ("kernel_table_granted", "grant select on zava.principals to head_office", "zava.principals"),
    (
        "table_without_rls",
        (
            "create table retail.vip as select customer_id, email from retail.customers;"
            "grant select on retail.vip to store_manager"
        ),
        "retail.vip",
    ),
    (
        "view_as_owner",
        (
            "create view api.words as select rolpassword from pg_catalog.pg_authid;"
            "grant select on api.words to store_manager"
        ),
        "api.words",
    ),
    # An application may be an extension as well.
    *(
        (
            check,
            "create table retail.far (store_id uuid); alter extension vector add table retail.far;"
            + given,
            name,
        )
        for check, given, name in (
            ("table_without_rls", "grant select on retail.far to store_manager", "retail.far"),
            (
                "table_without_rls",
                "grant select (store_id) on retail.far to store_manager",
                "retail.far",
            ),
            (
                "view_as_owner",
                "create view api.far as table retail.far; grant select on api.far to store_manager",
                "api.far",
            ),
        )
    ),
    # Policies that say something, but nothing about who asks.
    (
        "policy_without_fence",
        "alter policy orders_store_manager_fence on retail.orders using (store_id is not null)",
        "retail.orders",
    ),
    # Nor do those that ask about the caller, and not about the row.
    *(
        (
            "policy_without_fence",
            f"alter policy orders_store_manager_fence on retail.orders using ({fence})",
            "orders_store_manager_select on retail.orders",
        )
        for fence in (
            "(select zava.visible_stores(current_user)) is not null",
            "exists (select from retail.stores)",
            "(select cardinality(zava.visible_stores(current_user))) > 0",
        )
    ),
    (
        "policy_without_fence",
        (
            "create table retail.notes (store_id uuid, note text);"
            "alter table retail.notes enable row level security;"
            "create policy noted on retail.notes to store_manager using (note is not null);"
            "grant select on retail.notes to store_manager"
        ),
        "noted on retail.notes",
    ),
    (
        "fence_with_or",
        (
            "alter policy orders_store_manager_fence on retail.orders using (status = 'returned'"
            " or store_id = (select (zava.visible_stores(current_user))[1]))"
        ),
        "orders_store_manager_fence on retail.orders",
    ),
    (
        "fence_with_or",
        (
            "alter policy orders_store_manager_fence on retail.orders using (case when"
            " status = 'returned' then true"
            " else store_id = (select (zava.visible_stores(current_user))[1]) end)"
        ),
        "orders_store_manager_fence on retail.orders",
    ),
    (
        "fence_with_or",
        (
            "alter policy orders_store_manager_fence on retail.orders using (not ("
            "status <> 'returned' and store_id <> (select (zava.visible_stores(current_user))[1])))"
        ),
        "orders_store_manager_fence on retail.orders",
    ),
    *(
        (
            "fence_with_or",
            (
                "alter policy orders_store_manager_fence on retail.orders using ("
                f"(store_id = any (zava.visible_stores(current_user))) {unknown})"
            ),
            "orders_store_manager_fence on retail.orders",
        )
        for unknown in ("is not false", "is distinct from false", "is null")
    ),
    # What is left out of a fence of db/policies is no more than what is in front of its equality.
    (
        "fence_with_or",
        (
            "alter policy orders_store_manager_fence on retail.orders using ("
            "case when store_id = (select (zava.visible_stores(current_user))[1]) then true end"
            " is null or"
            " case when store_id = (select (zava.visible_stores(current_user))[1]) then true end"
            " is not null and store_id = (select (zava.visible_stores(current_user))[1]))"
        ),
        "orders_store_manager_fence on retail.orders",
    ),
    (
        "fence_with_or",
        (
            "alter policy orders_store_manager_fence on retail.orders using ("
            "case when store_id = (select null::uuid) then true end is not null"
            " or case when store_id = (select (zava.visible_stores(current_user))[1]) then true end"
            " is not null and store_id = (select (zava.visible_stores(current_user))[1]))"
        ),
        "orders_store_manager_fence on retail.orders",
    ),
    *(
        (
            "fence_by_equality",
            f"alter policy orders_store_manager_fence on retail.orders using ({fence})",
            "orders_store_manager_fence on retail.orders",
        )
        for fence in (
            "store_id = (select (zava.visible_stores(current_user))[1])",
            "(select (zava.visible_stores(current_user))[1]) = store_id",
            "total_amount > 0 and store_id = (select (zava.visible_stores(current_user))[1])",
            "store_id::text = (select (zava.visible_stores(current_user))[1]::text)",
            (
                "case when store_id = (select null::uuid) then true end is not null"
                " and store_id = (select (zava.visible_stores(current_user))[1])"
            ),
            "(zava.visible_stores(current_user))[1] = store_id",
            "total_amount > 0 and store_id = (zava.visible_stores(current_user))[1]",
            "(zava.visible_stores(current_user))[1] = store_id and total_amount > 0",
            "not store_id <> (select (zava.visible_stores(current_user))[1])",
        )
    ),
    # What opens a table is as a fence, where there is none.
    *(
        (
            "fence_by_equality",
            (
                "drop policy orders_store_manager_fence on retail.orders;"
                f"alter policy orders_store_manager_select on retail.orders {to} using ("
                " store_id = (select (zava.visible_stores(current_user))[1]))"
            ),
            "orders_store_manager_select on retail.orders",
        )
        for to in ("", "to public")
    ),
    # Nor is it hidden by a function or an operator that PostgreSQL writes out.
    *(
        (
            "fence_by_equality",
            (
                f"create function zava.same(p_one uuid, p_two uuid) returns boolean {body};"
                "create operator zava.=== (leftarg = uuid, rightarg = uuid, function = zava.same);"
                f"alter policy orders_store_manager_fence on retail.orders using ({fence})"
            ),
            "orders_store_manager_fence on retail.orders",
        )
        for body, fence in (
            (
                "language sql stable begin atomic select p_one = p_two; end",
                "zava.same(store_id, (select (zava.visible_stores(current_user))[1]))",
            ),
            (
                "language sql immutable as 'select $1=$2'",
                "store_id operator(zava.===) (select (zava.visible_stores(current_user))[1])",
            ),
            (
                "immutable return p_one = p_two",
                "zava.same((zava.visible_stores(current_user))[1], store_id)",
            ),
        )
    ),
    # Nor is what asks for other columns a fence.
    (
        "fence_by_equality",
        (
            "alter policy orders_store_manager_fence on retail.orders using ("
            "order_id in (select i.order_id from retail.order_items as i));"
            "alter policy orders_store_manager_select on retail.orders using ("
            "store_id = (select (zava.visible_stores(current_user))[1]))"
        ),
        "orders_store_manager_select on retail.orders",
    ),
    # Of PostgreSQL's own objects.
    (
        "system_privilege",
        "grant execute on function pg_catalog.set_config(text, text, boolean) to store_manager",
        "set_config(text,text,boolean)",
    ),
    ("system_privilege", "grant select on pg_catalog.pg_class to head_office", "pg_class"),
    ("system_privilege", "grant select on pg_catalog.pg_statistic to public", "pg_statistic"),
    (
        "system_privilege",
        "grant select (stavalues1) on pg_catalog.pg_statistic to store_manager",
        "pg_statistic",
    ),
    (
        "system_privilege",
        "grant execute on function pg_catalog.pg_read_file(text) to store_manager",
        "pg_read_file(text)",
    ),
    (
        "leakproof_builtin",
        "alter function pg_catalog.texticregexeq(text, text) leakproof",
        "texticregexeq(text,text)",
    ),
    ("leakproof_builtin", "alter function vector_dims(vector) leakproof", "vector_dims("),
    (
        "parameter_granted",
        "grant set on parameter session_replication_role to store_manager",
        "session_replication_role",
    ),
    (
        "dynamic_sql",
        dynamic("format('select %s::text from retail.orders', p_column)"),
        "api.dynamic(text)",
    ),
    ("dynamic_sql", dynamic("'select ' || p_column"), "api.dynamic(text)"),
    ("dynamic_sql", dynamic("p_column"), "api.dynamic(text)"),
    (
        "extension_version",
        "update pg_extension set extversion = '0.7.4' where extname = 'vector'",
        "vector",
    ),
    (
        "spelling_not_repaired",
        "create extension if not exists pg_trgm; drop extension pg_trgm cascade",
        "retail.search_words",
    ),
    (
        "spelling_not_repaired",
        "create extension if not exists pg_trgm; drop index if exists retail.search_words_word_idx",
        "retail.search_words",
    ),
]
# Looked at over a connection of the gateway, or of a server that no test has; below.
ELSEWHERE = {
    "one_login_for_two",
    "row_security_off",
    "log_tells_contexts",
    "pooler_in_the_way",
    "server_version",
    "replica",  # tests/test_replica.py
    "service_on_replica",
}


@pytest.fixture(scope="module")
async def patient(clone) -> AsyncIterator[tuple[conftest.Database, asyncpg.Connection]]:
    """Give a hardened copy with tenants, and the administrator's connection to it."""
    with clone(hardened=True) as copy:
        tenants.fill(copy)
        admin = await asyncpg.connect(copy.admin_url)
        yield copy, admin
        await admin.close()


async def named(sessions: Sessions, check: str) -> list[doctor.Finding]:
    chosen = [one for one in doctor.checks() if one.name == check]
    return list((await doctor.examine(sessions, chosen=chosen)).findings)


def runs(remedy: str) -> bool:
    return remedy[0].islower() and not re.search(
        "…|^zava-sql|concurrently|^alter extension", remedy
    )


@pytest.mark.parametrize(("check", "damage", "name"), SEEDS)
async def test_each_kind_is_named_and_its_remedy_mends_it(patient, check, damage, name):
    copy, admin = patient
    name = name.format(db=copy.dbname)
    transaction = admin.transaction()
    await transaction.start()
    try:
        try:
            await admin.execute(damage.format(db=copy.dbname))
        except asyncpg.FeatureNotSupportedError as error:
            pytest.skip(f"not on this server: {error}")
        sessions = Sessions(admin=admin)
        found = [one for one in await named(sessions, check) if name in one.object]
        assert found
        assert all(one.evidence and one.remedy and one.title for one in found)
        if all(runs(one.remedy) for one in found):
            for one in found:
                await admin.execute(one.remedy)
            left = [one for one in await named(sessions, check) if name in one.object]
            assert left == []
    finally:
        await transaction.rollback()


async def test_who_shuts_out_the_others_of_a_copy_keeps_the_server_in(patient):
    copy, admin = patient
    allowed = "select bool_and(has_database_privilege(v.n, current_database(), 'connect'))"
    for given, known in (
        ("zava_gateway", "('zava_gateway'), ('zava_service')"),
        ("app_user", "('app_user')"),  # as on a database without zava_sql
    ):
        transaction = admin.transaction()
        await transaction.start()
        try:
            await admin.execute("create role app_user")
            if given == "app_user":
                await admin.execute("alter function zava.secure_database() rename to elsewhere")
            # As CREATE DATABASE ... TEMPLATE leaves it: nobody has a privilege of its own.
            await admin.execute(
                f"revoke all on database {copy.dbname} from zava_gateway, zava_service;"
                f"grant connect on database {copy.dbname} to public"
            )
            examined = await doctor.examine(Sessions(admin=admin), gateway=given)
            (found,) = (one for one in examined.findings if one.check == "database_connect")
            await admin.execute(found.remedy)
            assert await named(Sessions(admin=admin), "database_connect") == []
            assert await admin.fetchval(f"{allowed} from (values {known}) as v (n)")
        finally:
            await transaction.rollback()


@pytest.mark.parametrize(
    ("kind", "what", "is_found"),
    [
        ("ivfflat", "((embedding::vector(3)) vector_l2_ops)", True),
        ("hnsw", f"{NEAR} where store_id = '{{a}}' or store_id = '{{b}}'", True),
        ("hnsw", f"{NEAR} where store_id = any ('{{{{{{a}},{{b}}}}}}')", True),
        ("hnsw", f"{NEAR} where model_id = 1", True),
        ("hnsw", f"{NEAR} where not store_id = '{{a}}'", True),
        ("hnsw", f"{NEAR} where (store_id = '{{a}}') is not true", True),
        ("hnsw", f"{NEAR} where (store_id = '{{a}}') = (model_id = 1)", True),
        ("hnsw", f"{NEAR} where store_id = '{{a}}'", False),
        ("hnsw", f"{NEAR} where model_id = 1 and store_id = '{{a}}'", False),
        ("hnsw", "((zava._region_vector(embedding)::halfvec(3)) halfvec_ip_ops)", False),
        ("btree", "(product_id)", False),
    ],
)
async def test_an_approximate_index_over_rows_of_one_store_is_none_to_name(
    patient, kind, what, is_found
):
    _, admin = patient
    stores = {name: f"00000000-0000-0000-0000-00000000000{name}" for name in "ab"}
    transaction = admin.transaction()
    await transaction.start()
    try:
        await admin.execute(
            f"create index near on retail.search_assortments using {kind} {what.format(**stores)}"
        )
        found = await named(Sessions(admin=admin), "approximate_index")
        assert [one.object for one in found] == ["retail.near"] * is_found
    finally:
        await transaction.rollback()


async def test_an_approximate_index_of_a_tenant_whose_key_is_a_number_is_none_to_name(patient):
    _, admin = patient
    transaction = admin.transaction()
    await transaction.start()
    try:
        await admin.execute(
            "create table retail.notes (store_id integer not null, embedding vector(3));"
            "alter table retail.notes enable row level security;"
            "grant select on retail.notes to store_manager;"
            "create index one on retail.notes"
            " using hnsw (embedding vector_ip_ops) where store_id = 5;"
            "create index more on retail.notes"
            " using hnsw (embedding vector_ip_ops) where store_id > 5"
        )
        found = await named(Sessions(admin=admin), "approximate_index")
        assert [one.object for one in found] == ["retail.more"]
    finally:
        await transaction.rollback()


async def test_a_virtual_tenant_key_is_indexed_by_its_expression(patient):
    _, admin = patient
    if admin.get_server_version() < (18,):
        pytest.skip("virtual columns came with PostgreSQL 18")
    transaction = admin.transaction()
    await transaction.start()
    try:
        for expression in ("raw::uuid", "md5(raw)::uuid"):
            await admin.execute(
                "create table retail.notes (raw text, store_id uuid generated always as"
                f" ({expression}) virtual); alter table retail.notes enable row level security"
            )
            (found,) = await named(Sessions(admin=admin), "tenant_key_without_index")
            await admin.execute(found.remedy.replace(" concurrently", ""))
            assert await named(Sessions(admin=admin), "tenant_key_without_index") == []
            await admin.execute("drop table retail.notes")
    finally:
        await transaction.rollback()


async def test_the_remedy_for_a_class_leaves_it_to_its_members(patient):
    _, admin = patient
    members = "select member from pg_auth_members where roleid = 'store_manager'::regrole"
    transaction = admin.transaction()
    await transaction.start()
    try:
        before = await admin.fetch(members)
        await admin.execute("grant store_manager to zava_gateway with inherit false, set true")
        found = await named(Sessions(admin=admin), "tenant_has_another")
        for one in found:
            await admin.execute(one.remedy)
        assert found
        assert await admin.fetch(members) == before
        assert await named(Sessions(admin=admin), "tenant_has_another") == []
    finally:
        await transaction.rollback()


async def test_what_only_looks_unsafe_is_no_finding(patient):
    _, admin = patient
    transaction = admin.transaction()
    await transaction.start()
    try:
        await admin.execute(
            "create aggregate api.total(integer) (sfunc = int4pl, stype = integer);"
            "create view api.mine with (security_invoker = 'TRUE') as select * from retail.orders;"
            "grant select on api.mine to store_manager;"
            "create view api.names as select nspname, rolname from pg_namespace, pg_roles;"
            "grant select on api.names to store_manager;"
            + dynamic("format('select %I::text from retail.orders', p_column)")
            + ";create policy vip on retail.orders as restrictive for select to store_manager"
            " using (order_id in (select order_id from retail.order_items));"
            "create policy mine on retail.orders for select to store_manager"
            " using (store_id = (select (zava.visible_stores(current_user))[1]));"
            "create policy job on retail.orders to zava_writer using (status = 'open');"
            "create policy clerk on retail.orders to zava_writer using (status = current_user);"
            "create policy own on retail.orders for select to store_manager"
            " using (status = any (array[current_user::text]));"
            "create function zava.mine(p_store uuid) returns boolean language sql stable"
            " begin atomic select p_store = any (zava.visible_stores(current_user)); end;"
            "create function zava.done(p_status text) returns boolean language sql immutable"
            " return p_status = 'completed';"
            "create policy done on retail.orders as restrictive for select to store_manager"
            " using (zava.done(status));"
            "create policy mine_too on retail.orders as restrictive for select to store_manager"
            " using (zava.mine(store_id));"
            "create policy sold on retail.orders as restrictive for select to store_manager using"
            " (total_amount > 0 and status = 'completed'"
            " and store_id = any (array[(select (zava.visible_stores(current_user))[1])]));"
            # What an extension shows to everybody.
            "create table public.units (store_id text); alter extension vector add table units;"
            "grant select on public.units to public; create view api.units as table public.units;"
            "grant select on api.units to store_manager;"
            # A function of one's own beside the table, which verifies what the setting says.
            "grant execute on function pg_catalog.set_config(text, text, boolean) to public;"
            + FENCED
            + "create function clinic.mine() returns text[] language plpgsql stable"
            " security definer set search_path = pg_catalog, pg_temp as $$ begin"
            " if sha256(current_setting('my.clinic')::bytea) = '' then return '{}'; end if;"
            " return null; end $$; alter function clinic.mine() owner to zava_owner;"
            "alter policy visits_fence on clinic.visits"
            " using (clinic = any ((select clinic.mine())::text[]));"
            "grant execute on function clinic.mine() to store_manager;"
            "create function api.roles() returns int language plpgsql as 'begin"
            " /* nobody may set role here */ update retail.orders set role = 1; return 1; end';"
            "grant execute on function api.roles() to store_manager;"
            "create policy whole on clinic.visits for select to head_office"
            " using ((select zava.is_head_office(current_user)));"
            "grant select on clinic.visits to head_office;"
            "create function zava.touched() returns trigger language plpgsql security definer"
            " set search_path = pg_catalog, pg_temp as 'begin return new; end';"
            "alter function zava.touched() owner to zava_owner;"
            "create function public.heard() returns event_trigger language plpgsql security definer"
            " set search_path = pg_catalog, pg_temp as 'begin end';"
            "create type retail.hours as range (subtype = time);"
            f"{CLOSED} create type store.size as enum ('s'); create domain store.code as text;"
            "create function api.of_size(store.size[], store.code) returns int"
            " language sql return 1; grant execute on function api.of_size to store_manager;"
            "create role readers; grant select on retail.products to readers;"
            "grant readers to store_manager with inherit true;"
            "create role zava_store_lost;"
            "grant zava_store_lost to zava_gateway with inherit false, set true"
        )
        page = (Path(__file__).parents[1] / "docs" / "limits.md").read_text(encoding="utf-8")
        caps = re.findall(r"`(\w+)`", page.partition("The names are ")[2].partition(".")[0])
        assert len(caps) == 7
        for cap in caps:
            await admin.execute(f"alter role store_manager set zava.{cap} = '10'")
        await admin.execute("alter role zava_gateway set row_security = on")
        checks = (
            "untrusted_language",
            "view_as_owner",
            "dynamic_sql",
            "fence_by_equality",
            "fence_with_or",
            "policy_without_fence",
            "definer_above_rls",
            "definer_callable",
            "role_settings",
            "function_settings",
            "kernel_table_granted",
            "fence_for_some",
            "policy_asks_no_column",
            "policy_trusts_setting",
            "public_relation",
            "table_without_rls",
            "schema_closed",
            "agents_have_another",
        )
        for check in checks:
            assert await named(Sessions(admin=admin), check) == []
    finally:
        await transaction.rollback()


async def test_an_application_keeps_its_own_functions(patient):
    _, admin = patient
    transaction = admin.transaction()
    await transaction.start()
    try:
        await admin.execute(
            f"{CLOSED} create function store.price() returns int language sql return 1;"
            "create function store.touched() returns trigger language plpgsql as"
            " 'begin return new; end'"
        )
        (found,) = await named(Sessions(admin=admin), "public_execute")
        assert found.object == "store.price()"
        assert found.remedy.startswith("grant execute on routine store.price() to …; revoke ")
    finally:
        await transaction.rollback()


def test_no_check_is_without_a_seed():
    assert {check.name for check in doctor.checks()} == {seed[0] for seed in SEEDS} | ELSEWHERE
    assert len({seed[0] for seed in SEEDS}) >= 20


@pytest.fixture(params=[True, False], ids=["hardened", "plain"])
def clean(request, clone):
    with clone(seeded=True, hardened=request.param) as copy:
        yield copy, request.param


async def test_a_clean_install_has_no_finding(clean):
    copy, hardened = clean
    urls = (copy.gateway_url, copy.service_url, copy.admin_url)
    gateway, service, admin = [await asyncpg.connect(url) for url in urls]
    try:
        whole = await doctor.examine(Sessions(gateway, service, admin))
        # That it is not hardened is so, and only that.
        assert [one.check for one in whole.findings] == ([] if hardened else ["not_hardened"])
        assert whole.unchecked == ()
        assert whole.sound

        one = await doctor.examine(Sessions(gateway))
        assert [x.check for x in one.findings] == ([] if hardened else ["not_hardened"])
        reasons = dict(one.unchecked)
        assert "administrator" in reasons["signing_key_old"]
        other = await doctor.examine(Sessions(admin=admin))
        assert "pooler_in_the_way" in dict(other.unchecked)
        with pytest.raises(ValidationError, match="no role nobody_there"):
            await doctor.examine(Sessions(admin=admin), gateway="nobody_there")
        with pytest.raises(ValidationError, match=r"no role $"):
            await doctor.examine(Sessions(admin=admin), gateway="")
        with pytest.raises(ValidationError, match="zava_gateway, not postgres"):
            await doctor.examine(Sessions(gateway), gateway="postgres")
    finally:
        for connection in (gateway, service, admin):
            await connection.close()


async def test_sessions_of_the_gateway_are_looked_at(patient):
    copy, admin = patient
    expected = {"row_security_off", "log_tells_contexts"}
    await admin.execute(
        "alter role zava_gateway set row_security = off; alter role zava_gateway set log_statement"
        " = 'all'; alter role zava_gateway set log_min_duration_statement = 0"
    )
    gateway = await asyncpg.connect(copy.gateway_url)
    try:
        found = (await doctor.examine(Sessions(gateway, admin=admin))).findings
        assert {one.check for one in found} == expected | {"role_settings"}
        assert len(found) == 4
        assert [*found] == sorted(found, key=lambda one: doctor.LEVELS.index(one.level))
        for one in found:
            await admin.execute(one.remedy)
    finally:
        await gateway.close()
        await admin.execute("alter role zava_gateway reset all")
    assert not (await doctor.examine(Sessions(admin=admin))).findings


async def test_row_security_that_is_off_for_the_database_can_be_put_right(patient):
    copy, admin = patient
    gateway = None
    await admin.execute(f'alter database "{copy.dbname}" set row_security = off')
    try:
        gateway = await asyncpg.connect(copy.gateway_url)
        found = (await doctor.examine(Sessions(gateway, admin=admin))).findings
        (remedy,) = (one.remedy for one in found if one.check == "row_security_off")
        await gateway.close()
        await admin.execute(remedy)
        gateway = await asyncpg.connect(copy.gateway_url)
        found = (await doctor.examine(Sessions(gateway, admin=admin))).findings
        # What the database sets is still told, for others log in there.
        assert [(one.check, one.evidence) for one in found] == [
            ("role_settings", "set row_security=off")
        ]
    finally:
        if gateway is not None:
            await gateway.close()
        await admin.execute(f'alter database "{copy.dbname}" reset all')
        await admin.execute("alter role zava_gateway reset all")


async def test_a_sound_database_is_found_sound_whatever_it_sets(patient):
    copy, admin = patient
    await admin.execute(
        "create schema shadows; create type shadows.text as (n integer);"
        "grant usage on schema shadows to public;"
        f'alter database "{copy.dbname}" set search_path = shadows, pg_catalog;'
        f'alter database "{copy.dbname}" set quote_all_identifiers = on;'
        # Less than one session waits here for another.
        f"alter database \"{copy.dbname}\" set idle_in_transaction_session_timeout = '50ms'"
    )
    if admin.get_server_version() >= (17,):
        await admin.execute(f"alter database \"{copy.dbname}\" set transaction_timeout = '50ms'")
    urls = (copy.gateway_url, copy.service_url)
    try:
        gateway, service = [await asyncpg.connect(url) for url in urls]
        for sessions in (Sessions(gateway), Sessions(gateway, service)):
            assert [one.check for one in (await doctor.examine(sessions)).findings] == []
        await gateway.close()
        await service.close()
        async with tenants.opened(copy) as database:
            await doctor.require_sound(database)
    finally:
        await admin.execute(f'alter database "{copy.dbname}" reset all')
        await admin.execute("drop schema shadows cascade")


async def test_a_check_that_fails_is_told_and_keeps_no_other_from_its_finding(patient):
    copy, admin = patient
    function = "pg_catalog.pg_get_indexdef(oid, integer, boolean)"
    await admin.execute(
        f"revoke execute on function {function} from public;"
        "grant select on retail.products to public"
    )
    gateway = await asyncpg.connect(copy.gateway_url)
    try:
        found = await doctor.examine(Sessions(gateway))
    finally:
        await gateway.close()
        await admin.execute(
            f"grant execute on function {function} to public;"
            "revoke select on retail.products from public"
        )
    assert {one.check for one in found.findings} == {"public_relation"}
    told = dict(found.unchecked)["tenant_key_without_index"]
    assert told == "permission denied for function pg_get_indexdef"


async def test_no_function_of_others_is_called(patient):
    """One that fits arguments better than PostgreSQL's own would be, wherever its schema stands."""
    copy, admin = patient
    kinds = [["text", "name", "name"], *(["text"] * count for count in range(2, 9))]
    shadows = "".join(
        f"create function public.format({', '.join(kind)}) returns text language plpgsql"
        " as $$ begin raise 'called by %', session_user; end $$;"
        for kind in kinds
    )
    await admin.execute(shadows)
    gateway, service = [await asyncpg.connect(url) for url in (copy.gateway_url, copy.service_url)]
    try:
        whole = await doctor.examine(Sessions(gateway, service, admin))
        assert {one.check for one in whole.findings} <= {"public_execute"}
        async with tenants.opened(copy) as database:
            await doctor.require_sound(database)
        async with connect(SecretStr(copy.admin_url)) as administrator:
            assert await verify.relations(administrator)
            assert await administrator.fetch(doctor.hardening_query())
    finally:
        for connection in (gateway, service):
            await connection.close()
        for kind in kinds:
            await admin.execute(f"drop function public.format({', '.join(kind)})")


async def test_a_runner_that_was_restored_where_all_names_are_quoted_is_sound(patient):
    _, admin = patient
    await admin.execute("set quote_all_identifiers = on")
    # So a dump does it, and the remedy.
    for role in ("store_manager", "regional_manager", "head_office"):
        await admin.execute(
            f"alter function zava_run.{role}(text) set search_path to 'retail', 'public', 'pg_temp'"
        )
    assert not await named(Sessions(admin=admin), "runner_shape")


async def test_one_login_for_two_is_named(patient):
    copy, admin = patient
    gateway = await asyncpg.connect(copy.gateway_url)
    try:
        found = await named(Sessions(gateway, gateway, admin), "one_login_for_two")
        assert [one.object for one in found] == ["zava_gateway"]
        assert not await named(Sessions(gateway, admin=admin), "one_login_for_two")
    finally:
        await gateway.close()


def with_another_pid(data: bytes) -> bytes:
    """Give the client a pid of one's own, as poolers do."""
    at = data.find(b"K\0\0\0\x0c")  # BackendKeyData
    return data if at < 0 else data[: at + 5] + (4711).to_bytes(4) + data[at + 9 :]


async def test_a_pooler_in_the_way_is_named_and_refused(patient):
    copy, _ = patient
    async with network(f"{copy.server.host}:{copy.server.port}", with_another_pid) as between:
        url = between.url(copy.gateway_url)
        gateway = await asyncpg.connect(url, ssl=False)
        found = await named(Sessions(gateway), "pooler_in_the_way")
        await gateway.close()
        assert "connected to pid 4711" in found[0].evidence
        async with tenants.opened(copy, database_url=f"{url}?sslmode=disable") as database:
            with pytest.raises(ConfigurationError, match="A pooler stands before"):
                await doctor.require_sound(database)


async def test_a_server_refuses_an_unsound_database(clone):
    with clone() as copy, psycopg.connect(copy.admin_url, autocommit=True) as admin:
        async with tenants.opened(copy) as database:
            await doctor.require_sound(database)
        admin.execute("grant select on retail.products to public")
        admin.execute("alter table retail.orders no force row level security")
        async with tenants.opened(copy) as database:
            with pytest.raises(ConfigurationError) as caught:
                await doctor.require_sound(database)
        assert caught.value.message.startswith("isolation could be void: ")
        assert caught.value.message.endswith("(and 1 more)")
        assert "zava-sql doctor" in caught.value.hint


@pytest.mark.once
def test_a_database_that_was_left_half_way_is_no_unfenced_one(server):
    """Between its first two revisions it has tables for agents, and no policy."""
    url = server.url("zava_test_half")

    async def examine() -> None:
        async with connect(SecretStr(url)) as admin:
            await doctor.examine(Sessions(admin=admin))

    with server.janitor("zava_test_half"):
        migrate.upgrade(url, migrate.revisions()[0])
        with pytest.raises(ConfigurationError, match="not the functions") as caught:
            asyncio.run(examine())
        assert "zava-sql db upgrade" in caught.value.hint


@pytest.mark.once
async def test_a_database_of_others_is_examined_too(server):
    with server.janitor("zava_test_other"):
        admin = await asyncpg.connect(server.url("zava_test_other"))
        try:
            await admin.execute(
                "create role app_user login; create table t (tenant_id int); create view v as"
                " select * from t; grant select on t, v to app_user;"
                "create function f() returns int language sql security definer return 1"
            )
            with pytest.raises(ValidationError, match="no role app_usr"):
                await doctor.examine(Sessions(admin=admin), gateway="app_usr")
            found = (await doctor.examine(Sessions(admin=admin), gateway="app_user")).findings
            assert {one.check for one in found} >= {
                "table_without_rls",
                "view_as_owner",
                "definer_callable",
                "not_hardened",
                "database_temporary",
            }
            await admin.execute(
                "alter table t enable row level security; alter table t force row level security;"
                "create policy p on t to app_user"
                " using (tenant_id = current_setting('app.tenant')::int)"
            )
            found = (await doctor.examine(Sessions(admin=admin), gateway="app_user")).findings
            names = {one.check for one in found}
            assert names >= {"policy_trusts_setting", "tenant_key_without_index"}
            assert "table_without_rls" not in names
        finally:
            await admin.execute("drop owned by app_user; drop role app_user")
            await admin.close()


@pytest.mark.once
def test_reports_can_be_read_by_programs():
    finding = doctor.Finding("view_as_owner", "error", "T.", "retail.v", "is", "do")
    found = doctor.Report((finding,), (("pooler_in_the_way", "why"),))
    told = json.loads(report.to_json(found))
    assert told["sound"] is False
    assert told["findings"][0]["object"] == "retail.v"
    assert told["unchecked"] == [{"check": "pooler_in_the_way", "reason": "why"}]
    sarif = json.loads(report.to_sarif(found))
    (run,) = sarif["runs"]
    assert sarif["version"] == "2.1.0"
    assert run["results"][0]["ruleId"] in {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    for result in run["results"]:
        (location,) = result["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert unquote(uri) == location["logicalLocations"][0]["fullyQualifiedName"]
        assert re.fullmatch(r"[\w.~%/-]+", uri)
    assert {rule["defaultConfiguration"]["level"] for rule in run["tool"]["driver"]["rules"]} == {
        "error",
        "warning",
        "note",
    }
