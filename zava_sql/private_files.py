"""Files that are one account's alone: read as such, written whole, one process at a time."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zava_sql.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["locked", "read_private", "write_private"]


def read_private(path: Path) -> bytes:
    """Read a file whose content only the owner of its directory knows and chooses.

    Raises:
        ConfigurationError: another could.
        FileNotFoundError: there is none.
    """
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        if found.st_uid != path.parent.stat().st_uid or found.st_mode & 0o077:
            raise ConfigurationError(
                f"{path} belongs to another account, or others may read or write it",
                hint=f"Run: chmod 600 {path}",
            )
        return file.read()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    made = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(made, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the only process that holds this file's lock."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
