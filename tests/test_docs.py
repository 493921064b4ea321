"""What the pages say is so: the README's example is run, its links lead somewhere."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import asyncpg
import pytest

from zava_sql.agent import Agent
from zava_sql.database import Database
from zava_sql.errors import QueryRefused
from zava_sql.render import to_csv
from zava_sql.seed import seed
from zava_sql.settings import Settings
from zava_sql.tenant import find_principal

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "scripts").iterdir()))
def test_scripts_are_short(name):
    script = ROOT / "scripts" / name
    if script.suffix != ".sql":
        assert len(script.read_text(encoding="utf-8").splitlines()) <= 30
