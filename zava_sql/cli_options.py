"""What several commands take."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

__all__ = ["Json", "day"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def day(text: str) -> date:
    """Read a date for typer.

    Raises: BadParameter: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text[:60]!r} is no date such as 2026-06-30.") from None
