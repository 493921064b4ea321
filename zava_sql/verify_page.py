"""The access matrix as a page that stands alone, for whoever audits it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mako.template import Template  # type: ignore[import-untyped]

from zava_sql import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zava_sql.mutations import Mutation
    from zava_sql.verify import Cell, Matrix

__all__ = ["to_page"]

_TEMPLATE = Path(__file__).with_name("verify_page.html.mako")


def to_page(matrix: Matrix, mutations: Sequence[Mutation]) -> str:
    """Give HTML with all cells of the matrix, and what noticed each mutation if there were any."""
    # Names of objects may hold anything: whatever is filled in is escaped.
    template = Template(filename=str(_TEMPLATE), default_filters=["h"])  # noqa: S702 - see above
    return str(
        template.render_unicode(
            matrix=matrix,
            mutations=mutations,
            people=list(dict.fromkeys(cell.persona for cell in matrix.cells)),
            grids=[
                ("Tables and views", "object", _rows(matrix, functions=False)),
                ("Functions that can be called", "function", _rows(matrix, functions=True)),
            ],
            at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            version=__version__,
        )
    )


def _rows(matrix: Matrix, *, functions: bool) -> dict[str, dict[str, Cell]]:
    rows: dict[str, dict[str, Cell]] = {}
    for cell in sorted(matrix.cells, key=lambda cell: cell.object):
        if cell.is_call is functions:
            rows.setdefault(cell.object, {})[cell.persona] = cell
    return rows
