"""The commands about the demo data: load it, and show with it what this is for."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from datetime import date  # noqa: TC003 - typer reads it at run time
from typing import Annotated

import typer

from zava_sql import embedded
from zava_sql.cli_embed import embed_if_possible
from zava_sql.cli_options import day
from zava_sql.cli_progress import progress_bar, show_step
from zava_sql.connections import connect
from zava_sql.errors import ConfigurationError
from zava_sql.settings import Settings

__all__ = ["demo", "seed"]


def seed(
    *,
    scale: Annotated[float, typer.Option(help="1.0 is 50,000 customers, 200,000 orders.")] = 1.0,
    until: Annotated[
        date | None,
        typer.Option(
            parser=day,
            metavar="YYYY-MM-DD",
            help="Last day of the data; 2026-06-30 unless given.",
        ),
    ] = None,
) -> None:
    """Load the demo data, Zava Retail. The same data every time; all or nothing."""
    asyncio.run(_seed(embedded.resolve(Settings.load()), scale, until))


async def _seed(settings: Settings, scale: float, until: date | None) -> None:
    from zava_sql.seed import seed as fill  # noqa: PLC0415 - not needed by other commands
    from zava_sql.seed import vacuum  # noqa: PLC0415

    async with connect(settings.admin_url) as connection:
        with progress_bar("seeding") as update:
            report = await fill(
                connection,
                scale=scale,
                until=until,
                progress=lambda step, part: update(description=step, completed=part),
            )
            # Agents may query the daily tables, and would find them empty.
            update(description="sums by day")
            await connection.execute("select from zava.refresh_daily_sales()", timeout=None)
            update(description="vacuum")
            await vacuum(connection)
    made = (
        f"{report.products:,} products, {report.customers:,} customers, {report.orders:,} orders,"
        f" {report.returns:,} returns, {report.order_items:,} lines"
    )
    print(f"scale {report.scale:f} until {report.until}: ", end="")
    print("nothing to add" if report.unchanged else made)
    await embed_if_possible(settings)


def demo() -> None:
    """Show it all on an embedded server. One question by two tenants, an attack refused."""
    from zava_sql.demo.show import show  # noqa: PLC0415 - not needed by other commands

    command = "zava-sql" if shutil.which("zava-sql") else os.path.relpath(sys.argv[0])
    asyncio.run(show(_prepared_demo(), command))


def _prepared_demo() -> Settings:
    settings = Settings.load()
    # The data would go where the URLs lead.
    for name in ("admin_url", "database_url", "service_url"):
        if getattr(settings, name):
            variable = f"ZAVA_{name.upper()}"
            raise ConfigurationError(
                f"the demo is for an embedded server, and {variable} leads to another",
                hint=f"Unset {variable} for it; zava-sql seed fills a database of your own.",
            )
    embedded.up(settings, show_step)
    resolved = embedded.resolve(settings)
    asyncio.run(_seed(resolved, 0.05, None))
    return resolved
