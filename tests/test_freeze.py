"""scripts/freeze: what a revision is made of, on a copy of db/ that each test edits."""

from __future__ import annotations

import asyncio
import io
import runpy
import shutil
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from zava_sql import db_files, ddl, ddl_adopt, ddl_drift, ddl_prove, errors, migrate

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]

RANK = """-- zava.rank(): for a test.
create or replace function zava.rank(
    p_{parameter} integer
)
returns {result}
language sql
stable
parallel safe
security invoker
begin atomic
    select p_{parameter}::{result};
end;

comment on function zava.rank(integer) is
    'A rank.

p_{parameter}: a number';
revoke execute on function zava.rank(integer) from public;
{grant}"""
GRANT = "grant execute on function zava.rank(integer) to zava_writer;\n"


def rank(parameter: str = "x", result: str = "text", grant: str = GRANT) -> str:
    return RANK.format(parameter=parameter, result=result, grant=grant)


@pytest.fixture
def db(tmp_path, monkeypatch, template):  # noqa: ARG001 - it is made of the files as they are
    """Give a copy of db/ in which everything is frozen; migrations read it instead."""
    copy = tmp_path / "db"
    shutil.copytree(db_files.db_path(), copy, ignore=shutil.ignore_patterns("__pycache__"))
    ddl.redo(copy)
    monkeypatch.setattr(db_files, "db_path", lambda: copy)
    return copy


@pytest.fixture
def rank_file(db) -> Path:
    return db / "functions" / "search" / "rank.sql"


def read(db: Path, name: str) -> str:
    return (db / "migrations" / "versions" / name).read_text(encoding="utf-8")


def newest(db: Path, way: str) -> str:
    return read(db, max(p.name for p in db.glob(f"migrations/versions/*.{way}.sql")))


def state(url: str) -> list[tuple[object, ...]]:
    """Tell what a revision of these tests can change."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """
            select p.oid::regprocedure::text, pg_get_functiondef(p.oid),
                obj_description(p.oid, 'pg_proc'), array(
                    select a.grantee::regrole::text
                    from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
                    order by 1
                )::text
            from pg_proc as p
            where p.pronamespace in ('zava'::regnamespace, 'api'::regnamespace)
            union all
            select format('%s %s', c.oid::regclass, p.polname), p.polcmd::text, p.polroles::text,
                format('%s %s %s', c.relrowsecurity, c.relforcerowsecurity, array(
                    select a from aclexplode(c.relacl) as a order by a
                ))
            from pg_class as c
            left join pg_policy as p on p.polrelid = c.oid
            where c.relnamespace = 'retail'::regnamespace
            order by 1, 2
            """
        ).fetchall()


def round_trip(url: str) -> None:
    """Go to the newest revision, back, and there again."""
    before = state(url)
    migrate.upgrade(url)
    after = state(url)
    assert after != before
    migrate.downgrade(url, "-1")
    assert state(url) == before
    migrate.upgrade(url)
    assert state(url) == after


def test_every_file_of_the_project_is_frozen(tmp_path):
    copy = tmp_path / "db"
    shutil.copytree(db_files.db_path(), copy)
    try:
        waiting = ddl.freeze(copy, "forgotten")[1:]
    except errors.ValidationError:
        waiting = []
    assert waiting == [], "run scripts/freeze NAME, or --redo while the newest is not released"


def test_a_new_file_is_copied_whole_and_dropped_on_the_way_down(db, rank_file, database):
    rank_file.write_text(rank(), encoding="utf-8")
    before = migrate.head()
    done = ddl.freeze(db, "add_rank")
    assert done[1:] == ["new db/functions/search/rank.sql"]
    assert rank() in newest(db, "up")
    assert "drop function zava.rank(integer);" in newest(db, "down")
    assert migrate.head() == f"{int(before) + 1:04}"
    round_trip(database.admin_url)


def test_an_edited_body_goes_back_to_its_former_text(db, database):
    whoami = db / "functions" / "security" / "whoami.sql"
    former = whoami.read_text(encoding="utf-8")
    whoami.write_text(former.replace("order by s.store_key", "order by 1 desc"), encoding="utf-8")
    assert ddl.freeze(db, "x")[1:] == ["changed db/functions/security/whoami.sql"]
    assert former in newest(db, "down")
    assert "drop function" not in newest(db, "up") + newest(db, "down")
    round_trip(database.admin_url)


def test_what_create_or_replace_cannot_do_is_done(db, rank_file, database):
    rank_file.write_text(rank(), encoding="utf-8")
    ddl.freeze(db, "add_rank")
    migrate.upgrade(database.admin_url)
    texts = [rank(result="bigint"), rank(parameter="y"), rank(grant="")]
    for text in (*texts, rank().replace("integer", "bigint")):
        rank_file.write_text(text, encoding="utf-8")
        ddl.freeze(db, "change_rank")
        round_trip(database.admin_url)
    names = [row[0] for row in state(database.admin_url) if str(row[0]).startswith("zava.rank")]
    assert names == ["zava.rank(bigint)"], "an overload was left behind"


def test_a_removed_file_is_dropped_and_comes_back(db, rank_file, database):
    rank_file.write_text(rank(), encoding="utf-8")
    ddl.freeze(db, "add_rank")
    migrate.upgrade(database.admin_url)
    rank_file.unlink()
    assert ddl.freeze(db, "drop_rank")[1:] == ["removed db/functions/search/rank.sql"]
    round_trip(database.admin_url)
    with pytest.raises(errors.ValidationError, match="nothing"):
        ddl.freeze(db, "again")


def test_a_policy_that_left_its_file_leaves_the_table(db, database):
    stores = db / "policies" / "stores.sql"
    text = stores.read_text(encoding="utf-8")
    start = text.index("drop policy if exists stores_head_office_select")
    end = text.index("drop policy", start + 1)
    text = text[:start] + text[end:]
    text = text.replace(
        "grant select on retail.stores to store_manager, regional_manager, head_office;",
        "grant select on retail.stores to store_manager, regional_manager;",
    )
    stores.write_text(text, encoding="utf-8")
    assert ddl.freeze(db, "close_stores")[1:] == ["changed db/policies/stores.sql"]
    round_trip(database.admin_url)
    with psycopg.connect(database.admin_url) as connection:
        assert connection.execute(
            "select has_table_privilege('head_office', 'retail.stores', 'select'),"
            " exists (select from pg_policy where polname = 'stores_head_office_select')"
        ).fetchone() == (False, False)


def test_a_bound_body_comes_after_what_it_calls(db, rank_file, database):
    rank_file.write_text(rank(), encoding="utf-8")
    caller = rank_file.with_name("a_caller.sql")
    caller.write_text(
        rank().replace("zava.rank", "zava.a_caller").replace("select p_x", "select zava.rank(p_x)"),
        encoding="utf-8",
    )
    ddl.freeze(db, "caller")
    round_trip(database.admin_url)


def test_an_empty_revision_is_for_statements_of_ones_own(db, database):
    with pytest.raises(errors.ValidationError, match="nothing") as caught:
        ddl.freeze(db, "add_note")
    assert "--empty" in caught.value.hint
    ddl.freeze(db, "add_note", empty=True)
    versions = db / "migrations" / "versions"
    (up,) = versions.glob("*_add_note.up.sql")
    (down,) = versions.glob("*_add_note.down.sql")
    for file, statement in (
        (up, "alter table retail.stores add column note text"),
        (down, "alter table retail.stores drop column note"),
    ):
        text = file.read_text(encoding="utf-8")
        assert text.splitlines()[1] == "set local lock_timeout = '3s';"
        file.write_text(text.replace("reset role;", f"{statement};\nreset role;"), encoding="utf-8")

    with pytest.raises(errors.ConfigurationError, match=r"add_note\.up\.sql was edited"):
        migrate.upgrade(database.admin_url)
    ddl.rehash(db, up.name[:4])
    migrate.upgrade(database.admin_url)
    migrate.downgrade(database.admin_url, "-1")


def test_redo_keeps_what_was_written_by_hand(db, rank_file, database):
    rank_file.write_text(rank(), encoding="utf-8")
    ddl.freeze(db, "add_rank")
    versions = db / "migrations" / "versions"
    (up,) = versions.glob("*_add_rank.up.sql")
    older = {p.name: p.read_bytes() for p in versions.glob("000[12]*")}
    up.write_text(
        up.read_text(encoding="utf-8").replace("set local role", "select 'before';\nset local role")
        + "\nselect 'after';\n",
        encoding="utf-8",
    )
    rank_file.write_text(rank(result="bigint"), encoding="utf-8")

    assert ddl.redo(db)[1:] == ["new db/functions/search/rank.sql"]

    text = up.read_text(encoding="utf-8")
    assert "returns bigint" in text
    assert "returns text\nlanguage sql\nstable\nparallel safe\nsecurity invoker\nbegin" not in text
    assert text.count("select 'before';") == text.count("select 'after';") == 1
    assert {p.name: p.read_bytes() for p in versions.glob("000[12]*")} == older
    round_trip(database.admin_url)


def test_what_redo_cannot_do_whole_it_does_not_begin(db, rank_file):
    rank_file.write_text(rank(), encoding="utf-8")
    ddl.freeze(db, "add_rank")
    versions = db / "migrations" / "versions"
    rank_file.write_text(rank(result="bigint"), encoding="utf-8")
    (down,) = versions.glob("*_add_rank.down.sql")
    (stub,) = versions.glob("*_add_rank.py")

    def refused(match):
        before = {file: file.read_bytes() for file in versions.glob("*_add_rank.*")}
        with pytest.raises(errors.ZavaError, match=match):
            ddl.redo(db)
        assert {file: file.read_bytes() for file in versions.glob("*_add_rank.*")} == before

    former = down.read_text(encoding="utf-8")
    down.write_text("drop function zava.rank(text);\n", encoding="utf-8")
    refused(f"{down.name} has no part")
    down.write_text(former, encoding="utf-8")
    stub.unlink()
    refused("there is no revision")


def test_a_name_that_cannot_be_a_file_is_refused(db):
    for name in ("", "Add", "1st", "a b", "../x", "a" * 41):
        with pytest.raises(errors.ValidationError, match="not a name"):
            ddl.freeze(db, name, empty=True)


def test_a_file_where_none_is_applied_is_refused(db):
    lost = db / "functions" / "misc" / "rank.sql"
    lost.parent.mkdir()
    lost.write_text(rank(), encoding="utf-8")
    with pytest.raises(errors.ConfigurationError, match=r"db/functions/misc/rank\.sql"):
        ddl.freeze(db, "lost")


def test_a_file_that_cannot_be_undone_is_refused(db, rank_file):
    for text in ("select 1;\n", "\n"):
        rank_file.write_text(text, encoding="utf-8")
        with pytest.raises(errors.ConfigurationError, match=rf"nothing to undo .*{rank_file.name}"):
            ddl.freeze(db, "useless")


def test_a_line_that_divides_revisions_is_refused(db, rank_file):
    for line in ("-- source: the shop's own list", "-- sources end"):
        rank_file.write_text(f"{line}\n{rank()}", encoding="utf-8")
        with pytest.raises(
            errors.ConfigurationError, match=f"{rank_file.name} has a line .*{line}"
        ):
            ddl.freeze(db, "cited")
        rank_file.write_text(f"{rank()}    {line}\n", encoding="utf-8")
        ddl.sources(db)


def test_an_object_that_two_files_make_is_refused(db, rank_file):
    rank_file.write_text(rank(), encoding="utf-8")
    other = db / "functions" / "audit" / "moved.sql"
    other.write_text(rank(), encoding="utf-8")
    with pytest.raises(errors.ConfigurationError, match=rf"{rank_file.name} and .*{other.name}"):
        ddl.freeze(db, "twice")


def test_two_branches_that_wrote_a_revision_each_are_told(db, rank_file):
    rank_file.write_text(rank(), encoding="utf-8")
    ddl.freeze(db, "mine")
    newest = ddl.frozen(db)[-1]
    number = newest.name[:4]
    for file in newest.parent.glob(f"{number}_mine.*"):
        shutil.copy(file, file.with_name(file.name.replace("_mine", "_yours")))
    told = f"{number}_mine and {number}_yours are revisions of the same number"
    for work in (
        lambda: ddl.freeze(db, "third"),
        lambda: ddl.rehash(db, number),
        lambda: migrate.upgrade("", sql=True),
        lambda: migrate.ask("", ddl_drift.report),
        migrate.head,
    ):
        with pytest.raises(errors.ConfigurationError, match=told):
            work()


def test_revisions_go_on_where_alembic_merged_branches(db):
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(db / "migrations"))
    before = ddl.frozen(db)
    head = migrate.head()
    for name in ("one", "other"):
        command.revision(config, name, head=head, splice=True)
    with pytest.raises(errors.ConfigurationError, match="Multiple heads"):
        ddl.freeze(db, "between", empty=True)
    assert ddl.frozen(db) == before
    command.merge(config, "heads", "both")
    ddl.freeze(db, "after", empty=True)
    assert migrate.head() == ddl.frozen(db)[-1].name[:4]


def test_nothing_is_written_into_an_installed_package(monkeypatch):
    packaged = Path(ddl.__file__).parent / "db"
    with pytest.raises(errors.ConfigurationError, match="installed package"):
        ddl.write(packaged, "adopted", "", "")
    with pytest.raises(errors.ConfigurationError, match="installed package"):
        asyncio.run(ddl_adopt.adopt(None, packaged, None, "adopted"))
    monkeypatch.setattr(db_files, "db_path", lambda: packaged)
    with pytest.raises(errors.ConfigurationError, match="installed package"):
        asyncio.run(ddl_prove.prove("", print, lock=True))


def test_the_script_says_what_is_wrong(db, monkeypatch, capsys):
    (db.parent / "scripts").mkdir()
    script = shutil.copy(ROOT / "scripts" / "freeze.py", db.parent / "scripts")

    def freeze(*arguments: str) -> tuple[object, str]:
        monkeypatch.setattr("sys.argv", [script, *arguments])
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as left:
            return left.code, capsys.readouterr().err
        return 0, capsys.readouterr().out

    assert freeze("--redo")[0] == 0
    code, told = freeze("forgotten")
    assert (code, told.splitlines()[0][:30]) == (2, "error: nothing in db/functions")
    assert freeze("a", "--redo")[0] == 2
    assert freeze()[0] == 2
    assert freeze("--rehash", "9999")[1].startswith("error: there is no revision")
    assert freeze("mine", "--empty")[1].endswith("_mine\n")
