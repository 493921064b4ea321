"""What the doctor found, as a table for people, and as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Column, Table

from zava_sql.render import visible

if TYPE_CHECKING:
    from zava_sql.doctor import Report

__all__ = ["to_json", "to_table"]

_COLOURS = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def to_table(report: Report) -> Table:
    """Show each finding as three lines: what, how it is known, what to run."""
    # Folded: rich would cut a name, or a remedy, that is wider than a terminal.
    finding = Column("finding", overflow="fold")
    table = Table("level", finding, show_lines=True, expand=True)
    for found in report.findings:
        colour = _COLOURS[found.level]
        table.add_row(
            f"[{colour}]{found.level}[/{colour}]",
            f"[bold]{escape(visible(found.object))}[/bold]  [dim]{found.check}[/dim]\n"
            f"{escape(found.title)}\n"
            f"[dim]is:[/dim] {escape(visible(found.evidence))}\n"
            f"[dim]do:[/dim] {escape(visible(found.remedy))}",
        )
    return table


def to_json(report: Report) -> str:
    """Write all of it for programs."""
    return json.dumps(
        {
            "sound": report.sound,
            "findings": [asdict(found) for found in report.findings],
            "unchecked": [{"check": name, "reason": why} for name, why in report.unchecked],
        },
        indent=2,
    )
