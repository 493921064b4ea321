"""The list of functions against the catalogues of PostgreSQL 16 and 18."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, LiteralString, cast

import psycopg
import pytest
from guard_catalogue import attributes_text, derive, functions_text, read_catalogue
from psycopg import sql

from zava_sql.guard.bounds.columns import OF_ROWS
from zava_sql.guard.keywords import (
    BARE_RESERVED,
    COLUMN_WORD,
    FUNCTION_WORD,
    KINDS,
    NOT_BARE_LABEL,
    RESERVED,
    words,
)
from zava_sql.guard.names import CLOSED_ATTRIBUTES, FUNCTIONS, OF_COLUMNS, is_closed_attribute
from zava_sql.guard.type_names import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once
VOLATILE = {
    "random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7", "clock_timestamp",
    "array_shuffle", "array_sample",
}  # fmt: skip
# Calls and casts that read nothing, by names that agents give to columns.
NAMES_OF_COLUMNS = {
    "cid", "oid", "tid", "path_length", "cash_in", "cash_out", "date_in", "date_out", "time_out",
}  # fmt: skip
# Known to read settings, catalogues or sessions, to run text, to write, to lock, to wait.
NEVER = words("""
    set_config current_setting pg_sleep pg_sleep_for pg_sleep_until lo_create lo_from_bytea lo_put
    lo_unlink query_to_xml table_to_xml schema_to_xml database_to_xml cursor_to_xml ts_stat
    ts_rewrite ts_debug ts_parse ts_token_type pg_notify pg_advisory_lock pg_try_advisory_lock
    pg_export_snapshot txid_current pg_current_xact_id pg_logical_emit_message setseed nextval
    currval lastval setval has_table_privilege pg_relation_size pg_stat_get_live_tuples
    pg_read_file pg_ls_dir pg_stat_file pg_cancel_backend pg_terminate_backend to_regclass regclass
    obj_description col_description format_type row_security_active version current_schemas
    inet_client_addr pg_get_functiondef pg_get_viewdef array_fill factorial
    json_populate_record json_to_recordset jsonb_populate_recordset set_limit show_limit
    pg_input_is_valid pg_size_bytes currtid2 mxid_age satisfies_hash_partition pg_column_size
""")


@pytest.fixture(scope="module", params=["16", "18"])
def catalogue(request: pytest.FixtureRequest, run_server: Any) -> Iterator[psycopg.Connection[Any]]:
    with (
        run_server(request.param) as server,
        psycopg.connect(server.url("postgres"), autocommit=True) as connection,
    ):
        assert connection.info.server_version // 10_000 == int(request.param)
        for extension in ("vector", "pg_trgm"):
            available = connection.execute(
                "select from pg_available_extensions where name = %s", [extension]
            ).fetchone()
            if available is not None:
                connection.execute(f"create extension {extension}")
        yield connection


def test_the_list_holds_nothing_that_this_server_would_not_allow(catalogue) -> None:
    found = read_catalogue(catalogue)
    here = set(FUNCTIONS) & set(found)
    assert len(here) > 300
    assert [name for name in sorted(here) if not found[name].is_allowed] == []
    for name in here:
        least, most, schema = FUNCTIONS[name]
        assert least <= found[name].least
        assert most >= found[name].most
        assert schema == found[name].schema


def test_keywords_are_those_of_the_servers_each_as_strict_as_the_strictest(catalogue) -> None:
    rows = catalogue.execute(
        "select word, catcode::text, barelabel from pg_get_keywords()"
    ).fetchall()
    codes = {"C": COLUMN_WORD, "T": FUNCTION_WORD, "R": RESERVED}
    kinds = {word: codes[code] for word, code, _ in rows if code in codes}
    bare = {word for word, _, is_bare in rows if is_bare}
    with_as = {word for word, _, is_bare in rows if not is_bare}
    assert [word for word, kind in kinds.items() if KINDS.get(word, 0) < kind] == []
    assert with_as <= NOT_BARE_LABEL
    assert {word for word, kind in KINDS.items() if kind == RESERVED} >= BARE_RESERVED
    assert bare >= BARE_RESERVED
    if catalogue.info.server_version >= 180_000:
        assert kinds == KINDS
        assert with_as == NOT_BARE_LABEL


def test_the_attributes_that_call_functions_of_a_whole_row_are_known(catalogue) -> None:
    rows = catalogue.execute(
        """
        select distinct proname from pg_catalog.pg_proc
        where prokind in ('f', 'a') and pronargs - pronargdefaults <= 1 and proargtypes[0] in (
            'record'::regtype, 'anyelement'::regtype, '"any"'::regtype, 'anycompatible'::regtype,
            'anynonarray'::regtype, 'anycompatiblenonarray'::regtype
        )
        """
    ).fetchall()
    # Hypothetical-set aggregates want WITHIN GROUP, which an attribute has not.
    found = {name for (name,) in rows} - {"rank", "dense_rank", "percent_rank", "cume_dist"}
    assert {name for name in found if name in FUNCTIONS} <= OF_ROWS <= {*FUNCTIONS, "pg_typeof"}


def test_every_attribute_that_is_a_call_here_is_allowed_or_closed(catalogue) -> None:
    found = read_catalogue(catalogue)
    open_calls = {
        name for name, function in found.items() if function.takes_one and not function.is_allowed
    }
    own = {*TYPES, *(f"_{name}" for name in TYPES), *NAMES_OF_COLUMNS}
    assert {name for name in open_calls if not is_closed_attribute(name)} <= own


def test_no_attribute_casts_to_a_type_that_agents_may_not_name(catalogue) -> None:
    rows = catalogue.execute(
        """
        select t.typname, e.typname from pg_type t left join pg_type e on e.oid = t.typelem
        where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype <> 'p'
            and not exists (select from pg_class c where c.reltype = t.oid)
        """
    ).fetchall()
    assert {"regrole", "_regrole", "xid", "text", "int4range"} <= {name for name, _ in rows}
    for name, element in rows:
        allowed = name in {*TYPES, *NAMES_OF_COLUMNS} or (name[0] == "_" and element in TYPES)
        assert allowed or is_closed_attribute(name) or name == "char", name


@pytest.mark.long
def test_an_attribute_that_is_left_open_runs_nothing_but_what_is_allowed(catalogue) -> None:
    names = catalogue.execute(
        """
        select proname from pg_proc
        where pronamespace::regnamespace::text in ('pg_catalog', 'public')
        union
        select typname from pg_type where typnamespace = 'pg_catalog'::regnamespace
            and typtype <> 'p'
        """
    ).fetchall()
    values = (
        "'a'::text", "'{}'::text", "1", "'{}'::jsonb", "'{}'::json", "now()", "interval '1 day'",
        "1.5", "1.5::float8", "true", "'[1,2)'::int4range", "'a'::tsvector", "'a'::tsquery",
        "'a'::bytea", "'(1,1),(0,0)'::box", "'10.0.0.1'::inet", "b'1'", "1::oid", "'1'::xid",
    )  # fmt: skip
    allowed = {*FUNCTIONS, *TYPES, *(f"_{name}" for name in TYPES), *NAMES_OF_COLUMNS}
    allowed |= {"char", "_char", "json_object", "normalize"}
    catalogue.execute("set statement_timeout = '1s'")
    found = set()
    literals = ("('a')", "('1')", "('pg_class')", "('{}')")
    for name in {name for (name,) in names if not is_closed_attribute(name)} - allowed:
        columns = [f"select x.{{}} from unnest(array[{value}]) as x" for value in values]
        for text in (*columns, *(f"select {literal}.{{}}" for literal in literals)):
            query = sql.SQL(cast("LiteralString", text.replace("'{}'", "'{{}}'"))).format(
                sql.Identifier(name)
            )
            with contextlib.suppress(psycopg.Error):
                catalogue.execute(query)
                found.add(name)
    assert found == set()


def test_nothing_listed_is_volatile_or_takes_a_name_for_a_relation(catalogue) -> None:
    rows = catalogue.execute(
        """
        select p.proname, p.provolatile::text, p.proretset,
            array(
                select t.typname from unnest(p.proargtypes::oid[] || p.prorettype) u (o)
                join pg_type t on t.oid = u.o
            ) as types
        from pg_proc p
        where p.proname = any (%s)
        """,
        [[*FUNCTIONS, *OF_COLUMNS, *TYPES]],
    ).fetchall()
    volatile = {name for name, kind, _, _ in rows if kind == "v" and name not in TYPES}
    of_columns = {kind for name, _, _, types in rows if name in OF_COLUMNS for kind in types}
    assert of_columns == {"json", "jsonb", "record"}
    assert volatile <= VOLATILE
    names = {"regclass", "regproc", "regprocedure", "regrole", "regnamespace", "refcursor", "xid"}
    takes_names = {name for name, _, _, types in rows if names & set(types)}
    assert takes_names <= {"age", "text"}  # age(xid), text(xml) and their like need such a value


def test_known_dangers_are_neither_functions_nor_attributes() -> None:
    assert NEVER & set(FUNCTIONS) == set()
    reachable = {name for name in NEVER if not name.startswith("pg_")} - CLOSED_ATTRIBUTES
    one_argument = {"current_setting", "lo_create", "nextval", "to_regclass", "regclass", "setseed"}
    assert one_argument & reachable == set()


@pytest.mark.long
def test_the_data_files_are_what_the_script_would_write(run_server) -> None:
    with run_server("16") as old, run_server("18") as new:
        for server in (old, new):
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                connection.execute("create extension vector")
                connection.execute(
                    """
                    do $$ begin
                        if exists (select from pg_available_extensions where name = 'pg_trgm') then
                            create extension pg_trgm;
                        end if;
                    end $$
                    """
                )
        found = derive([old.url("postgres"), new.url("postgres")])
    from zava_sql.guard import names  # noqa: PLC0415

    directory = names.files("zava_sql.guard")
    assert functions_text(found) == directory.joinpath("functions.txt").read_text(encoding="utf-8")
    assert attributes_text(found) == directory.joinpath("attributes.txt").read_text(
        encoding="utf-8"
    )
