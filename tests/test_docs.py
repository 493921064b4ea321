"""What the pages say is so: the README's example is run, its links lead somewhere."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import asyncpg
import psycopg
import pytest
import tenants

from zava_sql import doctor, verify
from zava_sql.agent import Agent
from zava_sql.database import Database
from zava_sql.errors import QueryRefused
from zava_sql.principals import find_principal
from zava_sql.render import to_csv
from zava_sql.seed import seed
from zava_sql.settings import Settings

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "db" / "functions" / "README.md",
]

CLINICS = """
create role clinic_owner;
create role clinic_app;
create schema clinic authorization clinic_owner;
create table clinic.clinics (clinic_id uuid primary key, slug text, name text);
create table clinic.visits (
    clinic_id uuid references clinic.clinics, visit_id int, at timestamptz, fee numeric,
    primary key (clinic_id, at, visit_id)
) partition by range (at);
create table clinic.visits_2026 partition of clinic.visits
    for values from ('2026-01-01') to ('2027-01-01');
alter table clinic.clinics owner to clinic_owner;
alter table clinic.visits owner to clinic_owner;
grant usage on schema clinic to clinic_app;
grant select on clinic.visits to clinic_app;
"""


@pytest.mark.long
def test_the_example_of_the_readme_is_what_comes_out(database):
    (console,) = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    sql = re.search(r'export Q="(.*?)"', console, re.DOTALL)[1]
    expected = dict(re.findall(r'"\$Q" --as (\S+) --format csv\n(.*?)(?=\$ )', console, re.DOTALL))
    refusal = re.search(r"query \"(select set_config.*?)\" --as (\S+)\nerror: (.*?) \(", console)
    settings = Settings(
        database_url=database.gateway_url,
        service_url=database.service_url,
        context_key=database.context_key,
    )

    async def ask() -> dict[str, str]:
        connection = await asyncpg.connect(database.admin_url)
        await seed(connection, scale=0.05)
        await connection.close()
        async with Database.open(settings) as opened:
            agent = Agent(opened)
            answers = {}
            for name in expected:
                principal = await find_principal(opened, name)
                answers[name] = to_csv(await agent.query(principal, sql))
            with pytest.raises(QueryRefused, match=re.escape(refusal[3])):
                await agent.query(await find_principal(opened, refusal[2]), refusal[1])
            return answers

    answers = asyncio.run(ask())
    assert len(answers) == 2
    assert {name: text.rstrip("\n") for name, text in answers.items()} == {
        name: text.rstrip("\n") for name, text in expected.items()
    }


def headings(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            path, _, anchor = target.partition("#")
            to = page.parent / path if path else page
            assert to.exists(), target
            assert not anchor or anchor in headings(to), target


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "scripts").iterdir()))
def test_scripts_are_short(name):
    script = ROOT / "scripts" / name
    if script.suffix != ".sql":
        assert len(script.read_text(encoding="utf-8").splitlines()) <= 30


def test_tables_of_another_domain_are_fenced_as_the_page_says(clone):
    page = (ROOT / "docs/own-tables.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sql\n(\S.*?)```", page, re.DOTALL)  # the indented one is a variant
    ids = {name: uuid.uuid4() for name in ("north", "south")}
    with clone() as copy, psycopg.connect(copy.admin_url, autocommit=True) as admin:
        admin.execute(CLINICS.encode())
        try:
            for name, store_id in ids.items():
                admin.execute(
                    "insert into clinic.clinics values (%s, %s, %s)", [store_id, name, name]
                )
                admin.execute(
                    "insert into clinic.visits select %s, i, '2026-01-01'::timestamptz, 1"
                    " from generate_series(1, %s) as i",
                    [store_id, len(name) + (name == "south")],
                )
            for block in blocks:
                admin.execute(block.encode())
            for name in ids:
                admin.execute("select zava.create_principal(%s, 'store', array[%s])", [name, name])
            admin.execute("select zava.create_principal('all', 'head')")

            async def look() -> tuple[doctor.Report, verify.Matrix, dict[str, object], str]:
                connection = await asyncpg.connect(copy.admin_url)
                async with tenants.opened(copy) as database:
                    found = await doctor.examine(doctor.Sessions(admin=connection))
                    everybody = await verify.personas(connection)
                    matrix = await verify.measure(
                        verify.through(database),
                        connection,
                        everybody,
                        [r for r in await verify.relations(connection) if "visits" in r.name],
                    )
                    agent = Agent(database)
                    counts = {}
                    for name in (*ids, "all"):
                        principal = await find_principal(database, name)
                        counts[name] = await agent.query(
                            principal, "select count(*) from api.visits"
                        )
                    offered = await agent.query(principal, "select api.describe_schema()")
                await connection.close()
                counts = {name: result.rows[0][0] for name, result in counts.items()}
                return found, matrix, counts, offered.rows[0][0]

            found, matrix, counts, offered = asyncio.run(look())
            assert [one.check for one in found.findings] == ["not_hardened"]
            assert matrix.problems == ()
            assert counts == {"north": 5, "south": 6, "all": 11}
            functions = re.findall(r"^(api\.\w+)\(", offered, re.MULTILINE)
            assert functions == ["api.describe_schema", "api.my_queries", "api.whoami"]
            admin.execute("set role clinic_app")
            assert admin.execute("select count(*) from clinic.visits").fetchone() == (11,)
            admin.execute("reset role")
        finally:
            admin.execute("drop owned by clinic_app, clinic_owner cascade")
            admin.execute("drop role clinic_app, clinic_owner")


@pytest.mark.parametrize("name", ["bench", "derive-functions", "freeze", "fuzz", "test"])
def test_scripts_say_what_they_take(name):
    command = [ROOT / "scripts" / name, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"scripts/{name} " in done.stdout


# Python as Debian has it without its package for environments: it makes half of one, and fails.
HALF_PYTHON = """#!/bin/sh
case "$*" in
*" venv "*)
    mkdir -p .venv/bin && cp "$0" .venv/bin/python
    [ -e package ] && touch .venv/pip && exit
    echo "ensurepip is not available" >&2; exit 1 ;;
*" pip "*)
    [ -e .venv/pip ] && echo "$*" >>said && exit
    echo "No module named pip" >&2; exit 1 ;;
esac
"""


def test_an_environment_that_was_made_in_part_is_made_again(tmp_path):
    scripts, python = tmp_path / "scripts", tmp_path / "bin" / "python3"
    for directory in (scripts, python.parent):
        directory.mkdir()
    shutil.copy(ROOT / "scripts" / "setup", scripts)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    python.write_text(HALF_PYTHON)
    python.chmod(0o755)
    environment = {"PATH": f"{python.parent}:{os.environ['PATH']}"}

    def setup() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [scripts / "setup"], env=environment, capture_output=True, text=True, check=False
        )

    failed = setup()
    assert failed.returncode == 2
    assert failed.stderr.endswith("hint: install Python's venv module\n")
    (tmp_path / "package").touch()
    done = setup()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "said").read_text().splitlines()[-1].endswith("--editable .[local]")
    assert (tmp_path / ".venv" / ".done-local").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("freeze", "Not a name"), 2),
        (("derive-functions", "postgresql://127.0.0.1:1/a", "postgresql://127.0.0.1:1/a"), 3),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_scripts_fail_as_commands_do(arguments, code, tmp_path):
    command = [ROOT / "scripts" / arguments[0], *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == code
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
