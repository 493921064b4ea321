"""What the doctor found, as a table for people, as JSON, and as SARIF for code-scanning tools."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import quote

from rich.markup import escape
from rich.table import Column, Table

from zava_sql import __version__
from zava_sql.doctor import checks
from zava_sql.render import visible

if TYPE_CHECKING:
    from zava_sql.doctor import Report

__all__ = ["to_json", "to_sarif", "to_table"]

_COLOURS = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_SARIF_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


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


def to_sarif(report: Report) -> str:
    """Write SARIF 2.1.0; the object of a finding is its logical location."""
    rules = [
        {
            "id": check.name,
            "shortDescription": {"text": check.title},
            "defaultConfiguration": {"level": _SARIF_LEVELS[check.level]},
        }
        for check in checks()
    ]
    results = [
        {
            "ruleId": found.check,
            "level": _SARIF_LEVELS[found.level],
            "message": {"text": f"{found.title} {found.evidence}. Remedy: {found.remedy}"},
            # GitHub refuses all of them if one has no file, of which it only shows the name.
            "locations": [
                {
                    "physicalLocation": {"artifactLocation": {"uri": quote(found.object)}},
                    "logicalLocations": [{"fullyQualifiedName": found.object}],
                }
            ],
        }
        for found in report.findings
    ]
    driver = {"name": "zava-sql doctor", "version": __version__, "rules": rules}
    return json.dumps(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "results": results}],
        },
        indent=2,
    )
