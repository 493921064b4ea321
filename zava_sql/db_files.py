"""The SQL that travels with the package: where it is, its newest revision, who may edit it, how."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zava_sql.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["all_or_nothing", "db_path", "newest_revision", "require_clone"]

_PACKAGED = Path(__file__).parent / "db"


def db_path() -> Path:
    """Find db/: inside the installed package, or beside it in a checkout."""
    return _PACKAGED if _PACKAGED.is_dir() else _PACKAGED.parents[1] / "db"


def require_clone(db: Path) -> None:
    """Refuse to write into an installed package: the next one to be installed has none of it.

    Raises:
        ConfigurationError: it is one.
    """
    if db == _PACKAGED:
        raise ConfigurationError(
            "nothing is written into an installed package",
            hint="Do it in a clone of the repository (scripts/setup), and install from that.",
        )


@contextmanager
def all_or_nothing(files: Iterable[Path]) -> Iterator[None]:
    """Have these files as they were before, where not all succeeds that is done to them."""
    former = {file: file.read_bytes() if file.is_file() else None for file in files}
    try:
        yield
    except BaseException:
        for file, content in former.items():
            with suppress(OSError):
                if content is None:
                    file.unlink()
                else:
                    file.write_bytes(content)
        raise


def newest_revision() -> str:
    """Name it by its file. Alembic, which knows it too, takes seconds to import, and memory."""
    files = (db_path() / "migrations" / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")
    return max(file.name for file in files)[:4]
