"""What somebody changed by hand is found, named with its file, and can be taken over."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest
import typer
from alembic import command, util
from typer.testing import CliRunner

from zava_sql import (
    cli_db,
    db_files,
    ddl,
    ddl_adopt,
    ddl_catalogue,
    ddl_drift,
    ddl_plan,
    errors,
    migrate,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

# What is done by hand, what is found of it, and in which file it belongs.
SEEDS = [
    (
        (
            "create or replace function api.whoami() returns table (principal text, kind text,"
            " stores text[]) language sql stable parallel restricted begin atomic"
            " select 'me'::text, 'head'::text, '{}'::text[]; end"
        ),
        "changed function api.whoami()",
        "db/functions/security/whoami.sql",
    ),
    (
        "alter function zava.identify(name) set search_path = public",
        "changed function zava.identify(name)",
        "db/functions/security/identify.sql",
    ),
    (
        "grant execute on function zava.enable_principal(text) to public",
        "changed function zava.enable_principal(text)",
        "db/functions/security/enable_principal.sql",
    ),
    (
        "comment on function zava.hardening() is 'Nothing to see.'",
        "changed function zava.hardening()",
        "db/functions/security/hardening.sql",
    ),
    (
        "alter function zava.secure_database() owner to postgres",
        "changed function zava.secure_database()",
        "db/functions/security/secure_database.sql",
    ),
    (
        "drop function zava.knows_signing_key(text, bytea)",
        "missing function zava.knows_signing_key(text,bytea)",
        "db/functions/security/knows_signing_key.sql",
    ),
    (
        "create function zava.hotfix() returns int language sql return 1",
        "stray function zava.hotfix()",
        "",
    ),
    (
        "alter policy orders_writer_all on retail.orders to public",
        "changed policy orders_writer_all on retail.orders",
        "db/policies/orders.sql",
    ),
    (
        "alter policy orders_head_office_fence on retail.orders using (true)",
        "changed policy orders_head_office_fence on retail.orders",
        "db/policies/orders.sql",
    ),
    (
        "drop policy stores_store_manager_fence on retail.stores",
        "missing policy stores_store_manager_fence on retail.stores",
        "db/policies/stores.sql",
    ),
    (
        "create policy hotfix on retail.orders to zava_service using (true)",
        "stray policy hotfix on retail.orders",
        "",
    ),
    (
        "alter table retail.customers no force row level security",
        "changed access to retail.customers",
        "db/policies/customers.sql",
    ),
    (
        "grant insert on retail.orders to store_manager",
        "changed access to retail.orders",
        "db/policies/orders.sql",
    ),
    (
        (
            "create trigger hotfix before update on retail.orders for each row"
            " execute function suppress_redundant_updates_trigger()"
        ),
        "stray trigger hotfix on retail.orders",
        "",
    ),
    ("create view api.hotfix as select * from retail.orders", "stray view api.hotfix", ""),
    # What files do not hold is found by the snapshot.
    ("alter type api.content rename attribute uri to url", "changed type api.content", ""),
    ("alter table retail.products add column hotfix int", "changed table retail.products", ""),
    (
        "grant select (sku) on retail.products to zava_gateway",
        "changed access to retail.products",
        "",
    ),
    (
        "alter view api.sale_lines set (security_invoker = false)",
        "changed view api.sale_lines",
        "",
    ),
    (
        "alter table retail.stock_movements set unlogged",
        "changed table retail.stock_movements",
        "",
    ),
    (
        "alter table retail.product_types replica identity full",
        "changed table retail.product_types",
        "",
    ),
    (
        'alter table retail.customers alter column first_name type text collate "C"',
        "changed table retail.customers",
        "",
    ),
    (
        "alter table retail.search_recall disable trigger all",
        "changed constraint search_recall_model_id_fkey on retail.search_recall",
        "",
    ),
    ("drop index retail.products_type_id_idx", "missing index retail.products_type_id_idx", ""),
    (
        "alter table retail.products drop constraint products_list_price_check",
        "missing constraint products_list_price_check on retail.products",
        "",
    ),
    ("grant usage on schema zava to store_manager", "changed schema zava", ""),
    (
        "alter default privileges for role zava_owner grant execute on functions to public",
        "missing default privileges of zava_owner on functions",
        "",
    ),
    (
        (
            "do $$ begin execute format('grant connect on database %I to public',"
            " current_database()); end $$"
        ),
        "changed database this database",
        "",
    ),
    # What an administrator grants on what it makes says nothing of tables that are the owner's.
    (
        "alter default privileges grant select on tables to pg_monitor",
        "stray default privileges of postgres on tables",
        "",
    ),
]


@pytest.fixture
def db(tmp_path, monkeypatch):
    """Give a copy of db/ with a snapshot of the template; migrations read it instead."""
    copy = tmp_path / "db"
    shutil.copytree(db_files.db_path(), copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(db_files, "db_path", lambda: copy)
    return copy


@pytest.fixture
def snapshot(db, database):
    async def write(connection) -> None:
        found = await ddl_plan.plan(connection, db)
        assert found.changes == ()
        objects = await ddl_catalogue.read(connection)
        ddl_drift.lock(db, migrate.head(), objects, found.files)

    migrate.ask(database.admin_url, write)
    return db / ddl_drift.LOCK


def report(url: str) -> ddl_drift.Report:
    return migrate.ask(url, lambda c: ddl_drift.report(c, db_files.db_path(), migrate.head()))


def adopt(url: str, name: str = "adopted") -> list[str]:
    async def work(connection) -> list[str]:
        found = await ddl_drift.report(connection, db_files.db_path(), migrate.head())
        return await ddl_adopt.adopt(connection, db_files.db_path(), found, name)

    return migrate.ask(url, work)


def state(url: str) -> dict[str, str]:
    async def work(connection) -> dict[str, str]:
        return {key: o.text for key, o in (await ddl_catalogue.read(connection)).items()}

    return migrate.ask(url, work)


def do(url: str, *statements: str) -> None:
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_every_kind_of_drift_is_named_and_nothing_else(database, snapshot):
    url = database.admin_url
    do(
        url,  # what a database in use has, and a new one has not
        "create table retail.product_embeddings_9"
        " partition of retail.product_embeddings for values in (9)",
        "create index on retail.product_embeddings_9 (content_hash)",
        "select zava.create_principal('ddl-head', 'head')",
        "select zava.harden()",
        # and what was there before: others who use it
        "do $$ begin execute format('grant all on database %I to pg_monitor',"
        " current_database());"
        " execute format('alter database %I set timezone = ''Asia/Kolkata''', current_database());"
        " end $$",
        "alter default privileges for role pg_monitor grant select on tables to pg_signal_backend",
    )
    clean = report(url)
    assert (clean.findings, clean.files, clean.snapshot) == ((), True, True)
    do(url, *(statement for statement, _, _ in SEEDS))

    found = report(url)
    assert {(f"{f.what} {f.title}", f.file) for f in found.findings} == {
        (line, file) for _, line, file in SEEDS
    }
    diffs = {f.title: f.diff for f in found.findings}
    fence = diffs["policy orders_head_office_fence on retail.orders"].splitlines()
    assert fence[:2] == ["--- database", "+++ db/policies/orders.sql"]
    assert "-    USING (true);" in fence
    assert any(line.startswith("+    USING (( SELECT zava.is_head_office") for line in fence)
    assert "+GRANT" not in diffs["access to retail.products"]

    # A role that may read the catalogue and no more finds the same with plain SELECTs.
    reader = database.server.url(database.dbname, "zava_service", "service-password")
    do(
        url,
        "alter default privileges for role zava_owner revoke execute on functions from public",
        "grant select on public.alembic_version to zava_service",
    )
    plain = report(reader)
    assert (plain.files, plain.snapshot) == (False, True)
    assert {f"{f.what} {f.title}" for f in plain.findings} == {line for _, line, _ in SEEDS} - {
        "missing default privileges of zava_owner on functions"
    }
    snapshot.unlink()
    with pytest.raises(errors.ConfigurationError, match="no snapshot"):
        report(reader)


def test_tables_that_no_file_fits_any_more_are_told_by_the_snapshot(database, snapshot, db):
    do(database.admin_url, "alter table retail.orders rename column order_date to day")
    found = report(database.admin_url)
    assert "changed table retail.orders" in {finding.line for finding in found.findings}
    assert (found.files, found.snapshot) == (False, True)
    assert "order_date does not exist" in found.reason
    with pytest.raises(errors.ValidationError, match="order_date does not exist"):
        adopt(database.admin_url)
    snapshot.unlink()
    with pytest.raises(errors.ValidationError, match="order_date does not exist"):
        report(database.admin_url)

    # A file with a fault is told as such.
    do(database.admin_url, "alter table retail.orders rename column day to order_date")
    file = db / "functions" / "security" / "whoami.sql"
    text = file.read_text(encoding="utf-8")
    for fault in ("select 'open;", "do $$ begin raise ''; end $$;"):
        file.write_text(f"{text}\n{fault}\n", encoding="utf-8")
        with pytest.raises(errors.ValidationError, match=r"whoami\.sql.* \(SQLSTATE") as caught:
            report(database.admin_url)
        assert "\n" not in caught.value.message


def test_a_snapshot_of_a_revision_that_was_written_anew_accuses_no_database(database, snapshot, db):
    assert report(database.admin_url).snapshot
    text = snapshot.read_text(encoding="utf-8")
    snapshot.write_text(text.replace("RETURNS", "GAVE", 1), encoding="utf-8")
    newest = ddl.frozen(db)[-1]
    newest.write_text(f"{ddl.read(newest)}-- as scripts/freeze --redo does\n", encoding="utf-8")
    ddl.rehash(db, newest.name[:4])
    found = report(database.admin_url)
    assert (found.findings, found.snapshot) == ((), False)


def test_a_snapshot_that_is_none_is_told(database, db):
    for text in ("<<<<<<< HEAD\n", "", "[]", f'{{"revision": "{migrate.head()}"}}'):
        (db / ddl_drift.LOCK).write_text(text, encoding="utf-8")
        with pytest.raises(errors.ConfigurationError, match=r"lock\.json is no snapshot") as caught:
            report(database.admin_url)
        assert "prove --lock" in caught.value.hint


def read_again(url: str) -> list[str]:
    """Do what restoring a dump does: PostgreSQL reads the functions as it wrote them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set search_path = pg_catalog")
        asked = (
            "select p.oid::regprocedure::text, pg_get_functiondef(p.oid) from pg_proc as p"
            " where p.pronamespace::regnamespace::text in ('zava', 'retail', 'api')"
        )
        before = dict(connection.execute(asked).fetchall())
        for text in before.values():
            connection.execute(text.encode())
        after = dict(connection.execute(asked).fetchall())
    return [name for name, text in before.items() if after[name] != text]


@pytest.mark.long
@pytest.mark.usefixtures("snapshot")
def test_a_restored_database_is_changed_only_where_somebody_changed_it(database, db):
    url = database.admin_url
    clean = state(url)
    assert "zava.hardening()" in read_again(url)
    assert state(url) != clean
    found = report(url)
    assert (found.findings, found.changes, found.snapshot) == ((), (), True)
    assert migrate.ask(url, lambda c: ddl_plan.plan(c, db)).up == ""

    with psycopg.connect(url, autocommit=True) as connection:
        asked = "select pg_get_functiondef('zava.hardening()'::regprocedure)"
        (text,) = connection.execute(asked).fetchone()
        assert "reading the configuration" in text
        connection.execute(text.replace("reading the configuration", "having it").encode())
    assert [f.line for f in report(url).findings] == [
        "changed function zava.hardening() (db/functions/security/hardening.sql)"
    ]


@pytest.mark.long
def test_a_file_that_was_edited_is_no_drift_of_the_database(database, snapshot, db):
    whoami = db / "functions" / "security" / "whoami.sql"
    text = whoami.read_text(encoding="utf-8")
    whoami.write_text(text.replace("order by s.store_key", "order by 1 desc"), encoding="utf-8")
    for held in (True, False):
        if not held:
            snapshot.unlink()
        (finding,) = report(database.admin_url).findings
        assert finding.line == "edited function api.whoami() (db/functions/security/whoami.sql)"
    with pytest.raises(errors.ValidationError, match=r"whoami\.sql was edited"):
        adopt(database.admin_url)


@pytest.mark.long
def test_a_hotfix_becomes_an_edit_and_a_revision_that_does_nothing_there(database, db, clone):
    url = database.admin_url
    require = db / "functions" / "analytics" / "_require_range.sql"
    before, former = state(url), require.read_text(encoding="utf-8")
    with psycopg.connect(url) as connection:
        (definition,) = connection.execute(
            "select pg_get_functiondef(oid) from pg_proc where proname = '_require_range'"
        ).fetchone()
        assert "begin\n" in definition
        connection.execute(
            definition.replace("begin\n", "begin\n    -- a hotfix, 100 %\n", 1).encode()
        )
    do(
        url,
        "set role zava_owner",
        "create function api.hotfix(p_x text default 'A,b') returns table (a text, n int)"
        " language sql stable parallel restricted begin atomic select p_x || 'X', 1; end",
        "comment on function api.hotfix(text) is 'It''s new.'",
        "grant execute on function api.hotfix(text) to head_office",
        "alter policy orders_writer_all on retail.orders with check (store_id is not null)",
        'create policy "a hotfix" on retail.orders as restrictive to zava_writer using (true)',
        "grant truncate on retail.orders to zava_writer",
        "alter function zava.hardening() volatile",
        "drop function zava.disable_principal(text)",
    )
    hot = state(url)

    done = adopt(url)

    assert require.read_text(encoding="utf-8") == former.replace(
        "begin\n", "begin\n    -- a hotfix, 100 %\n", 1
    )
    assert not (db / "functions" / "security" / "disable_principal.sql").exists()
    new = (db / "functions" / "analytics" / "hotfix.sql").read_text(encoding="utf-8")
    assert new.startswith(
        "create or replace function api.hotfix(p_x text default 'A,b'::text)\nreturns table("
    )
    assert "revoke execute on function api.hotfix(text) from public;" in new
    assert any(line.startswith("wrote ") for line in done)
    assert len([line for line in done if line.startswith("edited ")]) == 5

    migrate.upgrade(url)
    assert state(url) == hot
    assert report(url).findings == ()
    migrate.downgrade(url, "-1")
    assert state(url) == before
    with clone() as elsewhere:
        migrate.upgrade(elsewhere.admin_url)
        assert state(elsewhere.admin_url) == hot


def test_what_kept_files_from_running_moves_no_cursor(database, capsys):
    """It quotes names that somebody made up who changed the database by hand."""
    kind = 'zava."k\x1b[2J"'
    do(
        database.admin_url,
        "drop function zava.knows_signing_key(text, bytea)",
        "alter table zava.signing_keys rename column kid to former",
        f"create type {kind} as enum ('a')",
        f"alter table zava.signing_keys add column kid {kind}",
    )
    with pytest.raises(typer.Exit):
        cli_db._show_drift(report(database.admin_url), diffs=False, as_json=False)  # noqa: SLF001
    told = capsys.readouterr()
    assert 'operator does not exist: zava."k\\x1b[2J" = text' in told.err
    assert "\x1b" not in told.out + told.err
    with pytest.raises(util.CommandError, match="operator does not exist") as caught:
        command.check(migrate._config(database.admin_url))  # noqa: SLF001 - as alembic does alone
    assert "\x1b" not in str(caught.value)


def texts_of(db) -> dict[Path, str]:
    """Read what was written; Python puts what it has compiled beside it."""
    return {
        path: path.read_text(encoding="utf-8")
        for path in db.rglob("*.*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_a_body_that_holds_the_quote_of_its_file_is_adopted(database, db):
    (text,) = [
        o.body
        for o in migrate.ask(database.admin_url, ddl_catalogue.read).values()
        if o.key == "zava.identify(name)"
    ]
    was = text[text.index("AS $function$") :]
    do(database.admin_url, text.replace(was, "AS $x$begin return; end -- $function$\n$x$"))
    assert adopt(database.admin_url)[0] == "edited db/functions/security/identify.sql"
    migrate.upgrade(database.admin_url)
    assert report(database.admin_url).findings == ()
    assert "-- $function$" in (db / "functions/security/identify.sql").read_text(encoding="utf-8")


def test_where_no_revision_can_be_written_no_file_is_edited(database, db):
    before = texts_of(db)
    do(database.admin_url, "comment on function zava.identify(name) is 'Otherwise.'")
    number = f"{int(migrate.head()) + 1:04}"
    (db / "migrations" / "versions" / f"{number}_adopted.down.sql").mkdir()
    with pytest.raises(errors.ConfigurationError, match=f"{number}_adopted") as caught:
        adopt(database.admin_url)
    assert caught.value.hint == "Nothing was written."
    assert texts_of(db) == before


def test_a_comment_that_no_revision_could_hold_is_not_adopted(database, db):
    before = texts_of(db)
    do(database.admin_url, "comment on function zava.identify(name) is 'Who.\n-- sources end\n'")
    with pytest.raises(errors.ConfigurationError, match="revisions are divided by"):
        adopt(database.admin_url)
    assert texts_of(db) == before


@pytest.mark.long
def test_what_is_not_to_be_kept_is_not_adopted(database, db, snapshot):
    before = texts_of(db)
    assert snapshot in before
    for bad, undo, match in (
        (
            "create function api.bad() returns int language sql return 1",
            "drop function api.bad()",
            "has a comment",
        ),
        (
            "grant execute on function api.whoami() to public",
            "revoke execute on function api.whoami() from public",
            "executed by PUBLIC",
        ),
        (
            "alter function api.whoami() owner to postgres",
            "alter function api.whoami() owner to zava_owner",
            "belongs to postgres, and what files make to zava_owner",
        ),
        (
            "alter table retail.products add column hotfix int",
            "alter table retail.products drop column hotfix",
            r"no file can hold table retail\.products",
        ),
    ):
        do(database.admin_url, bad)
        with pytest.raises(errors.ValidationError, match=match):
            adopt(database.admin_url)
        do(database.admin_url, undo)
    do(database.admin_url, "comment on function api.whoami() is 'A hotfix.'")
    with pytest.raises(errors.ValidationError, match="not a name for a revision"):
        adopt(database.admin_url, "Not a name")
    assert texts_of(db) == before
    text = (db / "functions/security/whoami.sql").read_text(encoding="utf-8")
    do(database.admin_url, text[text.index("comment on") : text.index("revoke")])
    do(database.admin_url, 'create function api."../x"() returns int language sql return 1')
    with pytest.raises(errors.ValidationError, match="no file can be named"):
        adopt(database.admin_url)
    do(database.admin_url, 'drop function api."../x"()')
    with pytest.raises(errors.ValidationError, match="nothing to adopt"):
        adopt(database.admin_url)
    assert texts_of(db) == before


def test_the_snapshot_is_of_the_newest_revision(module_database):
    """Write it anew with `zava-sql db prove --lock`."""
    text = (db_files.db_path() / ddl_drift.LOCK).read_text(encoding="utf-8")
    held = json.loads(text)
    assert held["revision"] == migrate.head()
    newest = ddl.frozen(db_files.db_path())[-1]
    assert held["sha256"] == hashlib.sha256(newest.read_bytes()).hexdigest()
    assert {k: "\n".join(v["text"]) for k, v in held["objects"].items()} == state(
        module_database.admin_url
    )


@pytest.fixture
def call(database, db, monkeypatch):  # noqa: ARG001 - the commands read that copy
    """Run `zava-sql db …` as the administrator: `code, out = call("check")`."""
    monkeypatch.setenv("ZAVA_ADMIN_URL", database.admin_url)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli_db.db, arguments)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    return run


@pytest.mark.long
def test_a_reviewer_sees_in_rows_what_a_policy_lets_through(call, database, db, monkeypatch):
    make = (
        (
            "insert into retail.stores (store_key, name, city, tax_rate, opened_on)"
            " values ('{0}', 'x', 'x', 0.1, '2020-01-01')"
        ),
        (
            "insert into retail.orders (store_id, order_date, status, total_amount)"
            " select s.store_id, now(), 'completed', 1 from retail.stores as s,"
            " generate_series(1, {1}) where s.store_key = '{0}'"
        ),
        "select zava.create_principal('{0}', 'store', '{{{0}}}')",
    )
    do(
        database.admin_url,
        *(line.format(*s) for s in (("ddl_a", 3), ("ddl_b", 5)) for line in make),
    )
    orders = db / "policies" / "orders.sql"
    text = orders.read_text(encoding="utf-8")
    asked = "(select (zava.visible_stores(current_user))[1])"
    fence = (
        f"using (\n        case when store_id = {asked} then true end is not null"
        f"\n        and store_id = {asked}\n    )"
    )
    assert text.count(fence) == 1
    orders.write_text(text.replace(fence, "using (true)"), encoding="utf-8")

    # A URL may name the database elsewhere than in its path.
    where = database.server.url("").rstrip("/")
    monkeypatch.setenv("ZAVA_ADMIN_URL", f"{where}?dbname={database.dbname}")
    code, out = call("review", "--counts")

    assert code == 0
    assert (
        "change policy orders_store_manager_fence on retail.orders (db/policies/orders.sql)" in out
    )
    held = "store_manager now is held, in all it does, to rows of retail.orders for ALL where true"
    assert held in out.splitlines()
    assert "ddl_a (zava_store_ddl_a) reads retail.orders: 3 rows -> 8 rows" in out.splitlines()
    assert "ddl_a (zava_store_ddl_a) reads retail.stores: 1 rows" in out.splitlines()
    with psycopg.connect(database.server.url("postgres")) as connection:
        left = "select count(*) from pg_database where datname ~ '^zava_scratch'"
        assert connection.execute(left).fetchone() == (0,)


@pytest.mark.long
def test_the_commands_say_it_to_people_and_to_programs(call, database, snapshot):
    held = migrate.head()
    assert snapshot.is_file()
    assert call("check") == (0, "no difference\n")
    assert "nothing: the database has" in call("review")[1]
    do(database.admin_url, "grant insert on retail.orders to store_manager")
    assert call("check") == (1, "changed access to retail.orders (db/policies/orders.sql)\n")
    code, out = call("drift")
    assert (code, "-GRANT INSERT, SELECT ON retail.orders TO store_manager;" in out) == (1, True)
    code, out = call("drift", "--json")
    (finding,) = json.loads(out)["findings"]
    assert (code, finding["what"], finding["file"]) == (1, "changed", "db/policies/orders.sql")
    assert call("blame", "api.whoami")[1].startswith("0113_functions  create")
    code, out = call("drift", "--adopt", "--name", "let_in")
    assert (code, out.splitlines()[0]) == (0, "edited db/policies/orders.sql")
    assert call("upgrade")[0] == 0
    assert call("downgrade", "-1") == (0, f"at revision {held}\n")
    with pytest.raises(errors.ConfigurationError, match=f"at revision {held}"):
        call("review")
    do(database.admin_url, "update public.alembic_version set version_num = '9999'")
    for words in (["check"], ["review"], ["upgrade"]):
        with pytest.raises(errors.ConfigurationError, match="9999") as caught:
            call(*words)
        assert "newer zava-sql" in caught.value.hint


def test_what_was_not_compared_is_told(database, snapshot, monkeypatch):
    """Or nothing found would pass for nothing changed."""
    reader = database.server.url(database.dbname, "zava_service", "service-password")
    do(database.admin_url, "grant select on public.alembic_version to zava_service")
    monkeypatch.setenv("ZAVA_ADMIN_URL", reader)
    done = CliRunner().invoke(cli_db.db, "check")
    assert (done.exit_code, done.stdout) == (0, "no difference\n")
    assert done.stderr.startswith("compared with the snapshot only: this role, or server, cannot")
    monkeypatch.setenv("ZAVA_ADMIN_URL", database.admin_url)
    snapshot.unlink()
    done = CliRunner().invoke(cli_db.db, "check")
    assert (done.exit_code, done.stdout) == (0, "no difference\n")
    assert done.stderr.startswith("no snapshot of this revision: tables and indexes were not")


@pytest.mark.long
def test_plpgsql_check_finds_nothing(module_database):
    with psycopg.connect(module_database.admin_url) as connection:
        there = "select from pg_available_extensions where name = 'plpgsql_check'"
        if connection.execute(there).fetchone() is None:
            pytest.skip("the server has no plpgsql_check")
        connection.execute("create extension plpgsql_check")
        found = connection.execute(
            "select c.functionid::regprocedure, c.lineno, c.message from pg_proc as p"
            " join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'"
            " cross join lateral plpgsql_check_function_tb(p.oid, fatal_errors => false) as c"
            " where p.pronamespace in ('zava'::regnamespace, 'api'::regnamespace)"
            " and p.prorettype <> 'trigger'::regtype and c.level = 'error'"
        ).fetchall()
        connection.rollback()
    assert found == []
