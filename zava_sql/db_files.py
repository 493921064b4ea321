"""The SQL that travels with the package: where it is, and which revision is its newest."""

from __future__ import annotations

from pathlib import Path

__all__ = ["db_path", "newest_revision"]


def db_path() -> Path:
    """Find db/: inside the installed package, or beside it in a checkout."""
    packaged = Path(__file__).parent / "db"
    return packaged if packaged.is_dir() else packaged.parents[1] / "db"


def newest_revision() -> str:
    """Name it by its file. Alembic, which knows it too, takes seconds to import, and memory."""
    files = (db_path() / "migrations" / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")
    return max(file.name for file in files)[:4]
