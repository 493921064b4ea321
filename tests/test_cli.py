"""The command line as a person and a program meet it: real processes, a real database."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import typer
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr
from typer.main import get_command

from zava_sql import cli_db, cli_serve
from zava_sql.cli import app
from zava_sql.connections import connect
from zava_sql.demo import show
from zava_sql.mutations import Mutation
from zava_sql.settings import Settings
from zava_sql.verify import Cell, Matrix
from zava_sql.verify_page import to_page

pytestmark = pytest.mark.once

DOCS = Path(__file__).parents[1] / "docs"
STORES = ("seattle", "bellevue")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(module_database, tmp_path_factory) -> Iterator[Run]:
    """Run zava-sql against a copy with two stores, ten and twenty orders."""
    directory = tmp_path_factory.mktemp("work")
    settings = {
        "ZAVA_DATABASE_URL": module_database.gateway_url,
        "ZAVA_SERVICE_URL": module_database.service_url,
        "ZAVA_ADMIN_URL": module_database.admin_url,
        "ZAVA_CONTEXT_KEY": module_database.context_key,
    }
    with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
        for number, store in enumerate(STORES, 1):
            connection.execute(
                "insert into retail.stores (store_key, name, city, tax_rate, opened_on)"
                " values (%s, %s, 'x', 0.1, '2020-01-01')",
                [store, store],
            )
            connection.execute(
                "insert into retail.orders (store_id, order_date, status, total_amount)"
                " select s.store_id, now(), 'completed', 1 from retail.stores as s,"
                " generate_series(1, %s) where s.store_key = %s",
                [number * 10, store],
            )
            connection.execute(
                "select zava.create_principal(%s, 'store', array[%s])", [store, store]
            )
        connection.execute("select zava.create_principal('head-office', 'head')")

    def call(
        *arguments: str,
        stdin: str | bytes = "",
        command: Sequence[str] = (sys.executable, "-m", "zava_sql"),
        **extra: str,
    ):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ZAVA_")}
        text = isinstance(stdin, str)
        return subprocess.run(
            [*command, *arguments],
            env={**environment, **settings, "COLUMNS": "200", **extra},
            cwd=directory,
            input=stdin,
            capture_output=True,
            text=text,
            timeout=60,
            check=False,
        )

    return call


def on_terminal(run: Run, *arguments: str, **extra: str) -> str:
    """Give what a terminal gets."""
    program = (
        "import os, pty, sys; said = []; "
        "pty.spawn(sys.argv[1:], lambda fd: said.append(os.read(fd, 9999)) or said[-1]); "
        "os.write(2, b''.join(said))"
    )
    command = (sys.executable, "-c", program, sys.executable, "-m", "zava_sql")
    return run(*arguments, command=command, **extra).stderr


def count(run: Run, principal: str) -> int:
    done = run("query", "select count(*) from retail.orders", "--as", principal, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["rows"][0][0]


def complains(done: subprocess.CompletedProcess[str], code: str, exit_code: int) -> None:
    """One line, a hint, the right code, nothing else."""
    lines = done.stderr.splitlines()
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("error: ")
    assert lines[0].endswith(f"[{code}]")
    assert lines[1].startswith("hint: ")


@pytest.mark.long
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_no_value_is_obeyed_by_a_terminal(run, form):
    """The title of the window, for one; a program that reads gets the value as it is."""
    ask = ("query", "select e'a\\x1b]0;b\\x07\\u009bc' as x", "--as", "seattle", "--format", form)
    shown = on_terminal(run, *ask)
    assert "a" in shown
    assert not any(mark in shown for mark in ("\x1b]", "\x07", "\x9b"))
    if form == "csv":
        assert "a\x1b]0;b\x07\x9bc" in run(*ask).stdout


@pytest.mark.long
def test_no_text_that_the_guard_is_asked_about_is_obeyed_by_a_terminal(run):
    """It is asked about texts of others."""
    ask = ("check", "select '\x1b]0;b\x07' as \"\x1b[2J\"")
    assert not any(mark in on_terminal(run, *ask) for mark in ("\x1b", "\x07"))
    assert "select '\x1b]0;b\x07'" in run(*ask).stdout


def test_two_tenants_differ_and_sum_up_to_head_office(run):
    assert (count(run, "seattle"), count(run, "bellevue")) == (10, 20)
    assert count(run, "head-office") == 30


@pytest.mark.long
def test_formats(run):
    ask = ("query", "select 1 as a, null::text as b", "--as", "seattle")
    assert run(*ask, "--format", "csv").stdout.startswith("a:int4,b:text\n")
    assert json.loads(run(*ask, "--format", "json").stdout)["rows"] == [[1, None]]
    assert "a" in run(*ask).stdout


@pytest.mark.long
def test_the_query_may_come_from_standard_input(run):
    done = run("query", "-", "--as", "seattle", "--json", stdin="select 41 + 1 as n")
    assert json.loads(done.stdout)["rows"] == [[42]]


@pytest.mark.long
def test_truncation_is_said(run):
    ask = ("query", "select order_id from retail.orders", "--as", "seattle")
    assert json.loads(run(*ask, "--max-rows", "10", "--json").stdout)["truncated"] is False
    assert json.loads(run(*ask, "--max-rows", "9", "--json").stdout)["truncated"] is True
    assert "there are more" in run(*ask, "--max-rows", "9").stderr


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("", "QUERY_REFUSED"),
        ("delete from retail.orders", "QUERY_REFUSED"),
        ("select set_config('role', 'zava_store_bellevue', true)", "QUERY_REFUSED"),
        ("select " + "1," * 500_000 + "1", "QUERY_REFUSED"),
        ("select \udcff", "QUERY_REFUSED"),
        ("select 1/0", "DATABASE_ERROR"),
        ("select nope from retail.orders", "DATABASE_ERROR"),
    ],
    ids=["empty", "delete", "attack", "1 MB", "not UTF-8", "division", "unknown column"],
)
@pytest.mark.long
def test_a_bad_query_is_one_line_and_a_hint(run, sql, code):
    done = run("query", "-", "--as", "seattle", stdin=sql.encode("utf-8", "surrogateescape"))
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    complains(done, code, 2)


@pytest.mark.long
def test_bad_input_is_one_line_and_a_hint(run):
    ask = ("query", "select 1", "--as")
    complains(run(*ask, "nobody"), "AUTHORIZATION_ERROR", 2)
    complains(run(*ask, "sea\ttle"), "AUTHORIZATION_ERROR", 2)
    complains(run(*ask, "seattle", "--max-rows", "0"), "VALIDATION_ERROR", 2)
    complains(run(*ask, "seattle", ZAVA_CONTEXT_KEY="secret"), "CONFIGURATION_ERROR", 2)
    complains(run(*ask, "seattle", ZAVA_CONTEXT_KEY="x:" + "00" * 32), "CONFIGURATION_ERROR", 2)
    complains(run(*ask, "seattle", ZAVA_POOL_MAX="many"), "CONFIGURATION_ERROR", 2)
    complains(run(*ask, "seattle", ZAVA_DATABASE_URL="nonsense"), "CONFIGURATION_ERROR", 2)
    done = run("seed", "--until", "soon")
    complains(done, "VALIDATION_ERROR", 2)
    assert "'soon' is no date such as 2026-06-30" in done.stderr
    complains(run("seed", "--scale", "-1"), "VALIDATION_ERROR", 2)
    complains(run("principal", "create", "Bad Name", "--kind", "head"), "VALIDATION_ERROR", 2)
    complains(run("principal", "create", "x", "--kind", "king"), "VALIDATION_ERROR", 2)
    complains(
        run("principal", "create", "x", "--kind", "store", "--store", "nowhere"),
        "VALIDATION_ERROR",
        2,
    )
    complains(run("principal", "create", "seattle", "--kind", "head"), "VALIDATION_ERROR", 2)
    complains(run("principal", "disable", "nobody"), "VALIDATION_ERROR", 2)
    complains(run("token", "create", "nobody"), "VALIDATION_ERROR", 2)
    complains(run("token", "create", "seattle", "--ttl", "soon"), "VALIDATION_ERROR", 2)
    complains(run("token", "revoke", "x"), "VALIDATION_ERROR", 2)
    complains(run("key", "retire", "nope"), "VALIDATION_ERROR", 2)
    complains(run("check"), "VALIDATION_ERROR", 2)
    complains(run("check", "select 1", f"--file={DOCS / 'cli.md'}"), "VALIDATION_ERROR", 2)
    complains(run("check", "select 1", "--jsonl"), "VALIDATION_ERROR", 2)
    complains(run("check", "--file", "/no/such/file"), "VALIDATION_ERROR", 2)
    done = run("serve", "--port", "8000")
    complains(done, "VALIDATION_ERROR", 2)
    assert "--transport http" in done.stderr
    complains(run("serve", "--transport", "http", "--principal", "seattle"), "VALIDATION_ERROR", 2)
    for option in ("--host=127.0.0.1", "--port=8000", "--workers=2"):
        complains(run("serve", "--principal", "seattle", option), "VALIDATION_ERROR", 2)
    complains(run("doctor", "--gateway", "postgres"), "VALIDATION_ERROR", 2)
    done = run("doctor", "--json", "--sarif")
    assert (done.returncode, done.stdout) == (2, "")
    assert json.loads(done.stderr)["code"] == "VALIDATION_ERROR"


@pytest.mark.long
def test_arguments_that_do_not_fit_are_one_line_and_a_hint(run):
    for arguments in (
        ("query",),
        ("query", "select 1"),
        ("query", "select 1", "--as", "seattle", "--max-rows", "many"),
        ("nothing",),
        ("db", "stat"),
        ("db", "status", "--nothing"),
        ("db", "url", "nobody"),
        ("check", "select 1", "--jsonl"),
        ("check", "--jsonl", "--file", "/no/such/file"),
        ("seed", "--until", ""),
        ("db", "upgrade", ""),
        ("db", "downgrade", ""),
        ("db", "downgrade", "-1x"),
        ("db", "upgrade", "0036:head"),
        ("db", "upgrade", "0036:", "--sql"),
        ("db", "upgrade", "0036:0037:head", "--sql"),
        ("db", "revise", ""),
        ("token", "create", "seattle", "--ttl", ""),  # no key for ever by an unset variable
    ):
        complains(run(*arguments), "VALIDATION_ERROR", 2)
    for arguments in (  # with a byte that is not UTF-8
        ("principal", "create", "n\udcff", "--kind", "head"),
        ("principal", "disable", "n\udcff"),
        ("token", "create", "n\udcff"),
        ("key", "retire", "n\udcff"),
        ("audit", "tail", "--principal", "n\udcff"),
    ):
        done = run(*arguments)
        complains(done, "VALIDATION_ERROR", 2)
        assert "not UTF-8" in done.stderr
    complains(run("db", "downgrade", "-1", "--sql"), "CONFIGURATION_ERROR", 2)  # not the option -1
    error = json.loads(run("query", "select 1", "--json").stderr)
    assert error["code"] == "VALIDATION_ERROR"
    assert "--as" in error["message"]
    error = json.loads(run("query", "select 1", "--format", "xml", "--json").stderr)
    assert error["message"].startswith("Invalid value for '--format': 'xml' is not one of 'table'")
    ask = ("query", "select 1", "--as", "seattle", "--json", "--format")
    error = json.loads(run(*ask, "csv").stderr)
    assert (error["code"], "not csv" in error["message"]) == ("VALIDATION_ERROR", True)
    assert json.loads(run(*ask, "json").stdout)["rows"] == [[1]]


def piped(run: Run, how: str, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run zava-sql in a pipeline of bash that ends with its exit code."""
    script = f'set -o pipefail; zava() {{ "$PYTHON" -m zava_sql "$@"; }}; {how}'
    return run(*arguments, command=("bash", "-c", script, "bash"), PYTHON=sys.executable, **extra)


@pytest.mark.long
def test_streams_that_are_closed_or_full(run):
    ask = ("query", "select generate_series(1, 9000) as n", "--as", "seattle")
    ask += ("--max-rows", "9000", "--format", "csv")
    enough = piped(run, 'zava "$@" | head -1', *ask)
    assert (enough.returncode, enough.stdout, enough.stderr) == (0, "n:int4\n", "")
    for how in ('zava "$@" >&-', 'zava "$@" 2>&- >&-', 'zava "$@" <&- >&- 2>&-'):
        done = piped(run, how, *ask)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    complains(piped(run, 'zava "$@" <&-', "query", "-", "--as", "seattle"), "QUERY_REFUSED", 2)
    listed = piped(run, 'zava "$@" | true', "principal", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    script = ("db", "upgrade", "--sql")
    enough = piped(run, 'zava "$@" | head -1', *script)
    assert (enough.returncode, enough.stdout, enough.stderr) == (0, "BEGIN;\n", "")
    for few_or_many in (ask, ("db", "blame", "retail.orders"), script, ("harden", "--print")):
        full = piped(run, 'zava "$@" >/dev/full', *few_or_many)
        complains(full, "CONFIGURATION_ERROR", 2)
        assert "No space left on device" in full.stderr
    for arguments, code in ((("nothing",), 2), (("db",), 2), (("monitor", "--url", "http://["), 3)):
        assert piped(run, 'zava "$@" 2>/dev/full', *arguments).returncode == code


@pytest.mark.long
def test_a_working_directory_that_is_gone_is_told(run, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    how = 'cd "$GONE"; rmdir "$GONE"; zava "$@"'
    unset = {"ZAVA_HOME": "", "ZAVA_ADMIN_URL": "", "GONE": str(gone)}
    done = piped(run, how, "db", "status", **unset)
    complains(done, "CONFIGURATION_ERROR", 2)
    assert "the working directory cannot be used" in done.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    ("make", "kept"),
    [(("token", "create", "seattle"), "api_keys"), (("key", "create"), "signing_keys")],
    ids=["token", "key"],
)
def test_a_key_that_nobody_was_given_is_none(run, module_database, make, kept):
    with psycopg.connect(module_database.admin_url, autocommit=True) as admin:
        count = SQL("select count(*) from zava.{}").format(Identifier(kept))
        before = admin.execute(count).fetchone()
        complains(piped(run, 'zava "$@" >/dev/full', *make), "CONFIGURATION_ERROR", 2)
        assert admin.execute(count).fetchone() == before


@pytest.mark.parametrize(("failures", "ends"), [([], OSError), (["not proved"], typer.Exit)])
def test_a_proof_goes_on_when_nobody_reads_it(monkeypatch, failures, ends):
    told = []

    async def proof(_url, tell, *, lock):
        for line in ("ok  0112", "ok  0113"):
            tell(line)
            told.append(lock)
        return failures

    monkeypatch.setattr("zava_sql.ddl_prove.prove", proof)
    monkeypatch.setenv("ZAVA_ADMIN_URL", "postgresql://nobody@127.0.0.1:1/none")
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(ends):
            cli_db.prove(lock=False)
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
    assert told == [False, False]


@pytest.mark.long
def test_programs_read_utf_8_whatever_the_locale(run):
    ask = ("query", "select 'é居'", "--as", "seattle", "--json")
    done = run(*ask, PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)["rows"] == [["é居"]]
    shown = on_terminal(run, *ask[:-1], "--format", "csv", PYTHONIOENCODING="ascii")
    assert "\\xe9\\u5c45" in shown  # which shows what it can


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("query", "select 1", "--as"), "zava-sql query"),
        (("query", "select 1"), "zava-sql query"),
        (("db", "drift", "--name"), "zava-sql db drift"),
        (("db", "nothing"), "zava-sql db"),
        (("--nothing", "db"), "zava-sql"),
    ],
)
def test_the_help_that_is_named_is_of_the_command_that_was_given(run, arguments, named):
    done = run(*arguments)
    complains(done, "VALIDATION_ERROR", 2)
    assert done.stderr.endswith(f"hint: See: {named} --help\n")


def test_the_monitor_says_where_it_looked(run):
    done = run("monitor", "--url", "http://somebody:secret-word@127.0.0.1:1")
    complains(done, "SERVICE_UNAVAILABLE", 3)
    assert "no server answers at 127.0.0.1, port 1" in done.stderr
    assert "--url" in done.stderr
    assert "secret-word" not in done.stderr


@pytest.mark.long
def test_a_url_of_a_server_that_does_not_run_is_not_asked_for_by_another(run):
    done = run("db", "url")
    complains(done, "SERVICE_UNAVAILABLE", 3)
    assert "the embedded server is not running" in done.stderr
    assert "ZAVA_" not in done.stderr


def test_no_database_is_service_unavailable(run):
    gone = "postgresql://zava_gateway:secret-word@127.0.0.1:1/zava"
    done = run("query", "select 1", "--as", "seattle", ZAVA_DATABASE_URL=gone)
    complains(done, "SERVICE_UNAVAILABLE", 3)
    assert "secret-word" not in done.stderr
    nowhere = dict.fromkeys(("ZAVA_DATABASE_URL", "ZAVA_SERVICE_URL", "ZAVA_ADMIN_URL"), "")
    complains(run("query", "select 1", "--as", "seattle", **nowhere), "SERVICE_UNAVAILABLE", 3)
    complains(run("db", "upgrade", ZAVA_ADMIN_URL=gone), "SERVICE_UNAVAILABLE", 3)
    complains(run("principal", "list", ZAVA_ADMIN_URL=gone), "SERVICE_UNAVAILABLE", 3)


def test_the_calls_of_a_misspelt_principal_are_not_an_empty_list(run):
    complains(run("audit", "tail", "--principal", "seatle"), "VALIDATION_ERROR", 2)
    assert run("audit", "tail", "--principal", "head-office").stderr == ""


@pytest.mark.long
def test_a_database_that_is_not_migrated_or_goes_away_is_said_so(run, module_database):
    bare = module_database.server.url("postgres")
    for command in (["audit", "tail"], ["audit", "verify"], ["db", "refresh"]):
        done = run(*command, ZAVA_ADMIN_URL=bare)
        complains(done, "DATABASE_ERROR", 2)
        assert "zava-sql db upgrade" in done.stderr
    # As in a database of an older revision, of which PostgreSQL has a hint of its own.
    with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
        connection.execute("alter function zava.audit_chain() rename to audit_chain_gone")
        assert "zava-sql db upgrade" in run("audit", "verify").stderr
        connection.execute("alter function zava.audit_chain_gone() rename to audit_chain")
    for command in (["audit", "tail"], ["db", "upgrade"]):
        complains(run(*command, ZAVA_ADMIN_URL=""), "CONFIGURATION_ERROR", 2)
    too_high = "postgresql://postgres:secret-word@127.0.0.1:99999/zava"
    complains(run("audit", "tail", ZAVA_ADMIN_URL=too_high), "CONFIGURATION_ERROR", 2)
    followed = "tests-follow"
    url = f"{module_database.admin_url}?application_name={followed}"
    with ThreadPoolExecutor(1) as beside:
        done = beside.submit(run, "audit", "tail", "--follow", ZAVA_ADMIN_URL=url)
        with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
            for _ in range(600):
                ended = connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = %s and query like '%%audit_records%%'",
                    [followed],
                ).fetchall()
                if ended or done.done():
                    break
                time.sleep(0.05)
        lost = done.result()
        lost.stdout = ""  # what other tests left to follow
        complains(lost, "SERVICE_UNAVAILABLE", 3)


@pytest.mark.long
def test_what_an_error_quotes_does_not_move_the_cursor(run):
    done = run("query", "select (chr(27) || '[2Jgone')::integer", "--as", "seattle")
    complains(done, "DATABASE_ERROR", 2)
    assert 'type integer: " [2Jgone"' in done.stderr
    assert "\x1b" not in done.stderr


def test_what_was_changed_by_hand_wipes_out_nothing_that_is_said_of_it(run, module_database):
    name = '"odd\x1b[1A\x1b[2K\nno difference"'
    with psycopg.connect(module_database.admin_url, autocommit=True) as admin:
        admin.execute(f"create function api.{name}() returns text language sql return 'a\x1b[2J'")
        try:
            told = [run("db", command).stdout for command in ("check", "drift", "review")]
        finally:
            admin.execute(f"drop function api.{name}()")
    for text in told:
        assert "\x1b" not in text
        assert '"odd\\x1b[1A\\x1b[2K\\nno difference"()' in text.splitlines()[0]
    assert "a\\x1b[2J" in told[1]


def test_a_narrow_terminal_cuts_no_name_and_no_remedy(run, module_database):
    name = f"retail.{'narrow' * 10}"
    with psycopg.connect(module_database.admin_url, autocommit=True) as admin:
        admin.execute(f"create table {name} (store_id uuid)")
        try:
            admin.execute(f"insert into {name} select s.store_id from retail.stores as s")
            admin.execute(f"grant select on {name} to store_manager")
            found = run("doctor", COLUMNS="60", ZAVA_DATABASE_URL="", ZAVA_SERVICE_URL="")
            seen = run("verify", COLUMNS="60")
        finally:
            admin.execute(f"drop table {name}")
    assert (found.returncode, seen.returncode) == (1, 1)
    told = re.sub(r"[\s│]", "", found.stdout)
    assert f"do:altertable{name}enablerowlevelsecurity;" in told
    assert re.search(
        r"^not checked pooler_in_the_way: .+\n(.+\n)*\d+ checks: 1 error, ",
        found.stdout,
        re.MULTILINE,
    )
    row = r"│ retail\.nar\S* +│ leak 2 of +│ leak 2 of +│\n│ \S+ +│ 1 "
    assert re.search(row, seen.stdout), seen.stdout
    assert name in re.sub(r"│.*\n│ |\s", "", seen.stdout.replace(" ", ""))
    assert " sessions (2 fit above; all with --json or --page), " in seen.stdout
    # As a terminal without a size says it.
    shown = run("query", "select 'a value' as a", "--as", "seattle", COLUMNS="0").stdout
    assert "a value" in shown


@pytest.mark.long
@pytest.mark.parametrize("form", [["--json"], ["--format", "json"], ["--format=json"]])
def test_errors_as_json(run, form):
    done = run("query", "select 1/0", "--as", "seattle", *form)
    error = json.loads(done.stderr)
    assert (done.returncode, error["code"], error["sqlstate"]) == (2, "DATABASE_ERROR", "22012")


def test_nothing_is_asked_of_a_database_whose_isolation_could_be_void(run, admin_connection):
    admin_connection.execute("alter table retail.orders no force row level security")
    try:
        done = run("query", "select count(*) from retail.orders", "--as", "seattle")
        # Whoever stops reading is told by the exit code all the same.
        for form in ((), ("--json",)):
            assert piped(run, 'zava "$@" | true', "doctor", *form).returncode == 1
    finally:
        admin_connection.execute("alter table retail.orders force row level security")
    complains(done, "CONFIGURATION_ERROR", 2)
    assert "isolation could be void: retail.orders" in done.stderr
    assert "zava-sql doctor" in done.stderr


@pytest.mark.long
def test_a_disabled_principal_is_refused_until_enabled(run):
    assert run("principal", "disable", "bellevue").returncode == 0
    complains(run("query", "select 1", "--as", "bellevue"), "AUTHORIZATION_ERROR", 2)
    complains(run("token", "create", "bellevue"), "VALIDATION_ERROR", 2)
    assert run("principal", "enable", "bellevue").returncode == 0
    assert count(run, "bellevue") == 20


@pytest.mark.long
def test_principals_are_listed_without_their_ids(run, admin_connection):
    listed = json.loads(run("principal", "list", "--json").stdout)
    assert {p["name"]: p["stores"] for p in listed} == {
        "head-office": [],
        "bellevue": ["bellevue"],
        "seattle": ["seattle"],
    }
    text = run("principal", "list").stdout
    assert re.search(r" seattle +│ store +│ zava_store_seattle +│ True +│ seattle ", text), text
    for (identifier,) in admin_connection.execute("select principal_id from zava.principals"):
        assert str(identifier) not in text


@pytest.mark.long
def test_a_key_is_printed_once_and_kept_as_a_hash(run, admin_connection):
    secret = run("token", "create", "seattle", "--ttl", "12h").stdout.strip()
    assert re.fullmatch(r"zava_[A-Za-z0-9_-]{43}", secret)
    (hours,) = admin_connection.execute(
        "select round(extract(epoch from expires_at - created_at) / 3600) from zava.api_keys"
        " where key_hash = sha256(%s)",
        [secret.encode()],
    ).fetchone()
    assert hours == 12
    (listed,) = json.loads(run("token", "list", "--json").stdout)
    assert secret not in str(listed)
    assert run("token", "revoke", listed["key_id"]).returncode == 0
    (listed,) = json.loads(run("token", "list", "--json").stdout)
    for name in ("created_at", "expires_at", "revoked_at"):
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT[0-9:.]+\+00:00", listed[name])


@pytest.mark.long
def test_an_id_can_be_copied_from_a_narrow_terminal(run):
    run("token", "create", "bellevue")
    known = {key["key_id"] for key in json.loads(run("token", "list", "--json").stdout)}
    shown = run("token", "list", COLUMNS="80").stdout
    assert known
    assert all(key_id in shown for key_id in known)


@pytest.mark.long
def test_the_signing_key_rotates(run):
    new = run("key", "create").stdout.strip()
    rotated = {"ZAVA_CONTEXT_KEY": new}
    ask = ("query", "select count(*) from retail.orders", "--as", "seattle", "--json")
    assert json.loads(run(*ask, **rotated).stdout)["rows"] == [[10]]
    assert count(run, "seattle") == 10
    kid = new.split(":")[0]
    assert run("key", "retire", kid).returncode == 0
    complains(run(*ask[:-1], **rotated), "CONFIGURATION_ERROR", 2)
    listed = json.loads(run("key", "list", "--json").stdout)
    assert {k["kid"]: bool(k["retired_at"]) for k in listed} == {"test": False, kid: True}
    assert count(run, "seattle") == 10


@pytest.mark.long
def test_check_prints_what_would_run(run, tmp_path):
    nothing = dict.fromkeys(("ZAVA_DATABASE_URL", "ZAVA_SERVICE_URL", "ZAVA_ADMIN_URL"), "")
    done = run("check", "SELECT 1 -- one", **nothing)
    assert (done.returncode, "--" in done.stdout) == (0, False)
    complains(run("check", "drop table x", **nothing), "QUERY_REFUSED", 2)
    file = tmp_path / "query.sql"
    file.write_text("select 2;")
    assert "2" in run("check", "--file", str(file)).stdout


@pytest.mark.long
def test_check_answers_lines_one_for_one(run):
    lines = [
        '{"id": 1, "sql": "select 1"}',
        '{"id": "two", "sql": "select pg_sleep(1)"}',
        "not json",
        "",
        '{"id": 5}',
    ]
    done = run("check", "--jsonl", stdin="\n".join(lines) + "\n")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [a["ok"] for a in answers] == [True, False, False, False, False]
    assert [a["id"] for a in answers] == [1, "two", None, None, 5]
    assert all(set(a) >= {"code", "message", "hint", "position"} for a in answers[1:])


@pytest.mark.long
def test_input_need_not_end_nor_be_readable(run, tmp_path):
    little = ("sh", "-c", 'ulimit -v 2000000; exec "$@"', "sh", sys.executable, "-m", "zava_sql")
    endless = ("sh", "-c", 'ulimit -v 2000000; yes "select" | "$@"', *little[3:])
    for asked in (("check", "-"), ("query", "-", "--as", "seattle")):
        complains(run(*asked, command=endless), "QUERY_REFUSED", 2)
    complains(run("check", "--file", "/dev/zero", command=little), "QUERY_REFUSED", 2)
    written = ("sh", "-c", f'exec "$@" 0>{tmp_path}/x', *little[3:])
    for asked in (("check", "-"), ("check", "--jsonl"), ("query", "-", "--as", "seattle")):
        done = run(*asked, command=written)
        complains(done, "VALIDATION_ERROR", 2)
        assert "cannot read standard input" in done.stderr
    for asked in (("check", "--file"), ("check", "--jsonl", "--file")):
        done = run(*asked, "/proc/self/mem")
        complains(done, "VALIDATION_ERROR", 2)
        assert "cannot read /proc/self/mem" in done.stderr
    # The longest text that there may be is one.
    assert run("check", "-", stdin=f"select '{'😀' * 19_990}' ").returncode == 0


@pytest.mark.long
def test_a_line_that_is_too_long_is_one_and_told_as_such(run):
    lines = [b'{"id": 1, "sql": "select 1"}', b" " * 40_000_000, b'{"id": 3, "sql": "select 3"}']
    done = run("check", "--jsonl", stdin=b"\n".join(lines))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(a["id"], a["ok"]) for a in answers] == [(1, True), (None, False), (3, True)]
    assert "more than 16,000,000 bytes" in answers[1]["message"]


@pytest.mark.long
def test_the_rollup_is_refreshed_once(run):
    first = run("db", "refresh")
    assert (first.returncode, first.stderr) == (0, "")
    assert {line.split(":")[0] for line in first.stdout.splitlines()} == set(STORES)
    again = run("db", "refresh", "--from", "2020-01-01")
    assert all(line.endswith(" 0 rows changed") for line in again.stdout.splitlines())
    complains(run("db", "refresh", "--from", "soon"), "VALIDATION_ERROR", 2)


HUGE = """
with c as (insert into retail.categories (name) values ('Huge') returning category_id),
t as (
    insert into retail.product_types (category_id, name) select c.category_id, 'Huge' from c
    returning category_id, type_id
),
p as (
    insert into retail.products (sku, name, description, category_id, type_id, list_price)
    select 'huge', 'Huge', 'Huge', t.category_id, t.type_id, 1 from t
    returning product_id
),
o as (
    insert into retail.orders (store_id, order_date, status, total_amount)
    select s.store_id, now() - interval '9 days', 'completed', 0 from retail.stores as s
    where s.store_key = %s
    returning store_id, order_id, order_date
)
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    total_amount
)
select o.store_id, o.order_id, n, p.product_id, o.order_date, 2065550100, 0, 0, 0
from o cross join p cross join generate_series(1, 2) as n
"""


@pytest.mark.long
def test_a_store_whose_rollup_cannot_hold_a_day_is_named(run, module_database):
    with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
        connection.execute(HUGE, [STORES[0]])
        done = run("db", "refresh", "--from", "2020-01-01")
        connection.execute("delete from retail.orders where total_amount = 0")
        for table in ("products", "product_types", "categories"):
            connection.execute(f"delete from retail.{table} where name = 'Huge'".encode())
    told = [line for line in done.stdout.splitlines() if not line.endswith("rows changed")]
    assert (done.returncode, done.stderr) == (1, "")
    assert [line.split(":")[0] for line in told] == [STORES[0]]
    assert told[0].endswith("no more: a day sold more than the rollup holds")


def test_what_the_demo_says_fits_a_terminal():
    texts = (
        show.QUESTION,
        show.ATTACK.format(context="1.forged.bellevue", role="zava_store_bellevue"),
        show.CONNECT.format(command=".venv/bin/zava-sql"),
    )
    assert max(len(line) for text in texts for line in text.splitlines()) <= 80


@pytest.mark.long
def test_the_demo_leaves_a_database_of_ones_own_alone(run, tmp_path):
    unset = {}
    for name in ("ZAVA_ADMIN_URL", "ZAVA_DATABASE_URL", "ZAVA_SERVICE_URL"):
        done = run("demo", ZAVA_HOME=str(tmp_path), **unset)
        complains(done, "CONFIGURATION_ERROR", 2)
        assert f"{name} leads" in done.stderr
        unset[name] = ""
    assert not any(tmp_path.iterdir())


def test_hardening_can_be_printed(run):
    done = run("harden", "--print")
    assert "revoke execute on function set_config(text,text,boolean) from public;" in done.stdout
    assert all("-- " in line for line in done.stdout.splitlines())
    undone = run("harden", "--print", "--undo")
    assert "grant execute on function set_config(text,text,boolean) to public;" in undone.stdout


@pytest.mark.long
def test_a_command_without_work_shows_help(run):
    for arguments in ((), ("db",), ("principal",), ("token",), ("key",)):
        done = run(*arguments)
        assert "Usage:" in done.stdout + done.stderr


def commands(command, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{prefix}{name} ")
    if not hasattr(command, "commands"):
        yield prefix.strip(), command


def test_every_command_has_help_and_is_documented():
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    for name, command in commands(get_command(app)):
        assert command.help, name
        group, _, verb = name.partition(" ")
        row = next(line for line in page.splitlines() if f"`{group}" in line)
        rows = " ".join(line for line in page.splitlines() if f"`{group} " in line or line == row)
        assert (verb or group) in rows, name


# Read by one command, or before the settings.
OUTSIDE = {"ZAVA_DEBUG", "ZAVA_SERVER_ACCOUNT", "ZAVA_MONITOR_URL", "ZAVA_MONITOR_KEY"}


def test_every_setting_is_documented():
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        match field.default:
            case None | ():
                default = ""
            case bool() as given:
                default = f"`{given}`".lower()
            case tuple() as given:
                default = f"`{' '.join(given)}`"
            case float() as given:
                default = f"`{given:g}`"
            case given:
                default = f"`{given}`"
        assert f"| `ZAVA_{name.upper()}` | {default} | {field.description} |" in page
    for name in re.findall(r"`(ZAVA_[A-Z_]+)` \|", page):
        known = {f"ZAVA_{field.upper()}" for field in Settings.model_fields}
        assert name in known | OUTSIDE


def test_a_home_that_is_empty_is_none(monkeypatch):
    monkeypatch.setenv("ZAVA_HOME", "")
    assert Settings.load().home == Path(".zava")


def test_secrets_do_not_show():
    settings = Settings(
        database_url="postgresql://u:hunter2@h/d", context_key="abc:" + "12" * 32, admin_url="x"
    )
    assert "hunter2" not in repr(settings)
    assert "1212" not in repr(settings)


@pytest.mark.long
def test_what_a_command_does_is_told_whole(run):
    for group in ((), ("db",), ("principal",), ("token",), ("key",), ("audit",)):
        assert "..." not in run(*group, "--help").stdout.partition("Commands:")[2], group


# These tests may run in the background of a shell, which has signals ignored.
STARTED = """
import signal
from zava_sql.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
"""
INTERRUPTED = """
import sys

class Interrupting:
    def find_spec(self, name, *rest):
        if name == "typer":
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:  # as pydantic does, at work on a class
                raise ValueError from None

sys.meta_path.insert(0, Interrupting())
main()
"""


def test_a_server_that_is_interrupted_before_it_runs_leaves_nothing_behind(monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    async def work():
        """Never begin."""

    monkeypatch.setitem(sys.modules, "uvloop", SimpleNamespace(run=interrupted))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(KeyboardInterrupt):
            cli_serve._run(work())  # noqa: SLF001 - what every way of serving goes through
    assert told == []


def test_a_command_that_is_interrupted_as_it_begins_says_so_in_a_line():
    done = subprocess.run(
        [sys.executable, "-c", STARTED + INTERRUPTED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_that_is_ended_leaves_no_database(module_database, admin_connection, number):
    def scratch() -> list[str]:
        asked = "select datname from pg_database where datname like 'zava\\_scratch%'"
        return [name for (name,) in admin_connection.execute(asked)]

    assert scratch() == []
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ZAVA_")}
    with subprocess.Popen(
        [sys.executable, "-c", f"{STARTED}main()", "db", "prove"],
        env={**environment, "ZAVA_ADMIN_URL": module_database.admin_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 30
        while len(scratch()) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(scratch()) == 2
        process.send_signal(number)
        said = process.communicate(timeout=30)[1]
    assert scratch() == []
    assert said == "interrupted\n"
    assert process.returncode == (130 if number is signal.SIGINT else -number)


@pytest.mark.long
def test_an_administrator_works_whatever_a_database_sets(module_database, admin_connection):
    name = module_database.dbname
    admin_connection.execute(f'alter database "{name}" set statement_timeout = 100')
    admin_connection.execute(f'alter database "{name}" set row_security = off')
    admin_connection.execute(f'alter database "{name}" set lock_timeout = 10')

    async def settings() -> list[str]:
        async with connect(SecretStr(module_database.admin_url)) as connection:
            asked = "select current_setting($1)"
            return [
                await connection.fetchval(asked, setting)
                for setting in ("statement_timeout", "lock_timeout", "row_security", "search_path")
            ]

    try:
        assert asyncio.run(settings()) == ["0", "0", "on", "pg_catalog"]
    finally:
        admin_connection.execute(f'alter database "{name}" reset all')


def test_a_command_loads_no_server():
    said = "import sys, zava_sql.cli; print({'mcp', 'alembic', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# ---------------------------------------------------------------- what each principal sees


class Grids(HTMLParser):
    """Cells of the tables of a page: class and text, by table, row and column."""

    def __init__(self, text: str):
        super().__init__()
        self.tables, self.tags, self.is_cell = [], set(), False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.is_cell = self.is_cell or tag in ("td", "th")
        match tag:
            case "table":
                self.tables.append([])
            case "tr":
                self.tables[-1].append([])
            case "td" | "th":
                self.tables[-1][-1].append([dict(attrs).get("class"), ""])

    def handle_endtag(self, tag):
        self.is_cell = self.is_cell and tag not in ("td", "th", "tr")

    def handle_data(self, data):
        if self.is_cell:
            self.tables[-1][-1][-1][1] += data.strip()


def test_the_matrix_as_a_page_tells_what_the_program_is_told(run, module_database, tmp_path):
    page = tmp_path / "matrix.html"
    with psycopg.connect(module_database.admin_url, autocommit=True) as admin:
        admin.execute(
            'create function api."<script>"() returns int language sql security definer return 1'
        )
        try:
            done = run("verify", "--json", "--page", str(page))
        finally:
            admin.execute('drop function api."<script>"()')
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    found = Grids(page.read_text(encoding="utf-8"))
    assert "script" not in found.tags
    wrong, *grids = found.tables
    assert {row[2][1] for row in wrong} == {'api."<script>"()'}
    cells = {}
    for head, *rows in grids:
        for (_, name), *values in rows:
            for (_, persona), (outcome, text) in zip(head[1:], values, strict=True):
                if text != "·":
                    cells[name, persona] = (outcome, 1 if text == "✓" else int(text))
    assert cells == {
        (cell["object"], cell["persona"]): (cell["outcome"], cell["seen"])
        for cell in told["cells"]
        if cell["outcome"] != "denied"
    }
    assert ("leak", 1) in cells.values()
    assert ("own", 20) in cells.values()


@pytest.mark.long
def test_a_page_goes_into_a_pipe_and_does_not_take_its_place(run, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["/bin/cat", pipe], stdout=subprocess.PIPE)
    try:
        assert run("verify", "--page", str(pipe)).returncode == 0
        assert pipe.is_fifo()
        assert reader.communicate(timeout=30)[0].startswith(b"<!doctype html>")
    finally:
        reader.kill()
        reader.communicate()
    assert not (tmp_path / "pipe.new").exists()
    # As /dev/stdout is where the output goes into a file.
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "page.html")
    for _ in range(2):
        assert run("verify", "--page", str(link)).returncode == 0
        assert link.is_symlink()
    assert (tmp_path / "page.html").read_bytes().startswith(b"<!doctype html>")


@pytest.mark.long
def test_nobody_to_ask_is_no_proof(run, database, tmp_path):
    settings = {
        "ZAVA_DATABASE_URL": database.gateway_url,
        "ZAVA_SERVICE_URL": database.service_url,
        "ZAVA_ADMIN_URL": database.admin_url,
        "ZAVA_CONTEXT_KEY": database.context_key,
    }
    page = tmp_path / "matrix.html"
    complains(run("verify", "--page", str(page), **settings), "CONFIGURATION_ERROR", 2)
    assert not page.exists()


@pytest.mark.long
def test_on_a_narrow_screen_names_leave_room_for_what_was_seen(tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no browser")
    names = ["retail." + "a" * 63, f"api.f({','.join(['timestamp with time zone'] * 9)})"]
    matrix = Matrix(tuple(Cell(name, "p" * 40, "leak", 7, 0) for name in names))
    weakening = Mutation("a policy for everybody", names[0], "", ("c" * 50,), 0)
    (tmp_path / "page.html").write_text(to_page(matrix, [weakening]), encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(
        "<iframe id=page src=page.html width=400 height=900 style='border:0'></iframe>"
        "<pre id=found></pre><script>onload = () => {"
        " const whole = page.contentDocument.documentElement;"
        " const rooms = [...whole.querySelectorAll('.grid')].map(grid =>"
        " grid.clientWidth - grid.querySelector('th[scope=row]').offsetWidth);"
        " found.textContent = [whole.scrollWidth - whole.clientWidth, ...rooms].join()"
        "}</script>"
    )
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files")
    done = subprocess.run(
        [browser, *options, f"--user-data-dir={tmp_path}/profile", "--dump-dom", frame.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    outside, *rooms = map(int, re.search('<pre id="found">([^<]+)', done.stdout)[1].split(","))
    assert outside == 0
    assert len(rooms) == 2
    assert min(rooms) > 100


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere/matrix.html", "No such file or directory"),
        ("taken", "directory"),
        ("/", ""),  # a name without one of a file
    ],
)
def test_a_page_that_cannot_be_written_loses_nothing_else(run, tmp_path, name, why):
    (tmp_path / "taken").mkdir()
    done = run("verify", "--page", str(tmp_path / name))
    assert done.returncode == 2
    assert " cells, 0 wrong\n" in done.stdout
    assert done.stderr.splitlines()[0].endswith(f"{why} [VALIDATION_ERROR]")
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]
