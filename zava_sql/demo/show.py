"""What `zava-sql demo` shows once the data are there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console

from zava_sql.agent import Agent, fetch
from zava_sql.errors import ZavaError
from zava_sql.principals import find_principal
from zava_sql.render import to_table

if TYPE_CHECKING:
    from zava_sql.settings import Settings

__all__ = ["show"]

QUESTION = """\
select
    c.name as category,
    count(distinct i.order_id) as orders,
    sum(i.total_amount) as revenue
from retail.order_items as i
join retail.products as p on p.product_id = i.product_id
join retail.categories as c on c.category_id = p.category_id
where i.order_date >= timestamptz '2026-01-01'
group by c.name
order by revenue desc
limit 3"""

ATTACK = """\
select s.store_key, count(*)
from (
    select set_config('zava.context', '{context}', true),
        set_config('role', '{role}', true)
    offset 0
) as x
cross join lateral (
    select o.store_id from retail.orders as o where x is not null
) as o
join retail.stores as s on s.store_id = o.store_id
group by s.store_key"""

CONNECT = """\
  over stdio:  {command} serve --principal seattle
  over HTTP:   {command} token create seattle    (prints a key)
               {command} serve --transport http
               at http://127.0.0.1:8000/mcp, header Authorization: Bearer <key>
  stop:        {command} db down"""


async def show(settings: Settings, command: str) -> None:
    """Ask as two tenants, attack as one of them, and say how to connect with that command."""
    out = Console(highlight=False)
    async with Agent.open(settings) as agent:
        database = agent.database
        out.print("\n[bold]One question, two tenants[/bold]\n")
        out.print(f"[cyan]{QUESTION}[/cyan]\n", soft_wrap=True)  # to be copied
        for name in ("seattle", "bellevue"):
            principal = await find_principal(database, name)
            out.print(f"[bold]as {name}[/bold]")
            out.print(to_table(await agent.query(principal, QUESTION), out))

        seattle = await find_principal(database, "seattle")
        bellevue = await find_principal(database, "bellevue")
        attack = ATTACK.format(context="1.forged.bellevue", role=bellevue.role)
        out.print("\n[bold]Seattle tries to become Bellevue inside a SELECT[/bold]\n")
        out.print(f"[cyan]{attack}[/cyan]\n", soft_wrap=True)
        try:
            await agent.query(seattle, attack)
        except ZavaError as error:
            out.print(f"[green]the guard:[/green] {error.message} ({error.code})")
        else:
            sys.exit("the guard let the attack through")
        try:
            leaked = (await fetch(database, seattle, attack, 10)).rows
        except ZavaError as error:
            out.print(f"[green]PostgreSQL, with the guard left out:[/green] {error.message}")
        else:
            if any(row[0] != "seattle" for row in leaked):
                sys.exit("the attack reached another tenant")
            out.print("[green]PostgreSQL, with the guard left out:[/green] no row of another store")

    out.print("\n[bold]Connect an AI client[/bold]")
    out.print(CONNECT.format(command=command), soft_wrap=True)
