"""What several commands take."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from zava_sql.errors import ValidationError

__all__ = ["Json", "day"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def day(text: str | None) -> date | None:
    """Read a date as a person types it."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise ValidationError(
            f"not a date: {text}", hint="Write it as YYYY-MM-DD, for example 2026-06-30."
        ) from None
