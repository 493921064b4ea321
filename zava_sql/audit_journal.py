"""The file in which the records of calls wait until the database has them.

A record is in the file before its answer goes out, so that no answered call is forgotten when this
process or PostgreSQL is killed. The next process sends what a killed one left: a file that nobody
holds locked has no owner. The file is the queue, so memory use stays flat.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID, uuid4

from zava_sql.errors import ConfigurationError, ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Journal"]

# Bytes of one batch, and of a file while the database accepts none.
_BATCH_BYTES: Final = 1_000_000
_MAX_BYTES: Final = 256_000_000

# Bytes of a file that was never empty, since calls came all the time.
_LONG: Final = 16_000_000

# The unit in which a file system allocates.
_BLOCK: Final = 4_096


class Journal:
    """One file of one process: lines of JSON, numbered; `waiting` bytes are not in the database."""

    def __init__(self, path: Path, fd: int, *, is_left_over: bool = False) -> None:
        self.path = path
        self.source_id = UUID(path.stem.partition("_")[2])
        self.number = 0
        # It holds something that is not a record: the file is kept.
        self.is_damaged = False
        self._is_left_over = is_left_over
        self._fd = fd
        self._taken = 0
        self._written = os.fstat(fd).st_size
        self._synced = 0
        self._syncing = asyncio.Lock()

    @classmethod
    def create(cls, directory: Path, chain_id: UUID) -> Self:
        """Make a new one, for the log of one database.

        Raises:
            ConfigurationError: the directory cannot be written.
        """
        path = directory / f"{chain_id}_{uuid4()}.journal"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_owner(directory)
            # It gets this name only once it is locked: before, it would look left over, and another
            # process would remove it.
            unlocked = path.with_suffix(".new")
            fd = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unlocked.rename(path)
        except OSError as error:
            raise ConfigurationError(
                f"the audit cannot be written to {directory}: {_reason(error)}",
                hint="Set ZAVA_HOME to a directory that this process may write, or ZAVA_AUDIT=off.",
            ) from None
        return cls(path, fd)

    @classmethod
    def left_over(cls, directory: Path, chain_id: UUID) -> Iterator[Self]:
        """Find those of the same log whose process has ended."""
        for path in sorted(directory.glob(f"{chain_id}_*.journal")):
            with suppress(OSError, ValueError):
                fd = os.open(path, os.O_RDWR | os.O_APPEND)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    # In between, another process may have sent and removed it.
                    path.stat()
                    yield cls(path, fd, is_left_over=True)
                except (OSError, ValueError):
                    os.close(fd)

    @property
    def is_long(self) -> bool:
        """Say whether it has grown, for something always waits in it."""
        return self._taken > _LONG

    @property
    def waiting(self) -> int:
        """Bytes that the database does not have yet."""
        return self._written - self._taken

    def write(self, record: Mapping[str, object]) -> None:
        """Append a record: all of it or nothing.

        Raises: ServiceUnavailable: it cannot be written.
        """
        number = self.number + 1
        line = json.dumps({**record, "source_number": number}).encode() + b"\n"
        written = 0
        try:
            if self.waiting + len(line) <= _MAX_BYTES:
                written = os.write(self._fd, line)
            reason = "there is no room for it"
        except OSError as error:
            reason = _reason(error)
        if written < len(line):
            with suppress(OSError):
                os.ftruncate(self._fd, self._written)
            raise _unwritable(reason)
        self._written += len(line)
        self.number = number

    def check(self) -> None:
        """See that there is room for records.

        Raises:
            ServiceUnavailable: there is none.
        """
        room = _BLOCK if self.waiting + _BLOCK <= _MAX_BYTES else 0
        try:
            # Without a line end, so not a record even if this process is killed here.
            written = os.write(self._fd, b" " * room)
            reason = "there is no room for it"
        except OSError as error:
            written, reason = 0, _reason(error)
        with suppress(OSError):
            os.ftruncate(self._fd, self._written)
        if written < _BLOCK:
            raise _unwritable(reason)

    async def sync(self) -> None:
        """Return when everything written is on the disk; concurrent calls share one sync.

        Raises: ServiceUnavailable: the disk does not take it.
        """
        wanted = self.number
        async with self._syncing:
            if self._synced >= wanted:
                return
            reached = self.number
            try:
                await asyncio.to_thread(os.fsync, self._fd)
            except OSError as error:
                raise ServiceUnavailable(
                    f"the audit cannot be written: {_reason(error)}",
                    hint="An administrator has to check the disk.",
                ) from None
            self._synced = reached

    async def settled(self) -> None:
        """Return when nobody syncs it any more; `close()` has to wait for that."""
        async with self._syncing:
            pass

    def read(self) -> tuple[str, int]:
        """Give the next records as a JSON array, and how many bytes of the file they are."""
        data = os.pread(self._fd, min(self.waiting, _BATCH_BYTES), self._taken)
        # A line without an end was being written when its process was killed: it was never
        # answered.
        end = data.rfind(b"\n") + 1
        if not end:
            return "[]", len(data)
        lines = data[: end - 1]
        if self._is_left_over:
            # Whatever happened to the file must not hold back the records of others.
            all_lines = lines.split(b"\n")
            records = list(filter(_is_record, all_lines))
            self.is_damaged = self.is_damaged or len(records) < len(all_lines)
            lines = b"\n".join(records)
        return "[" + lines.replace(b"\n", b",").decode() + "]", end

    def take(self, size: int) -> None:
        """Note that the database has what was read."""
        self._taken += size
        if self._taken >= self._written and not self.is_damaged:
            os.ftruncate(self._fd, 0)
            self._taken = self._written = 0

    def close(self) -> None:
        """Remove the file if nothing waits in it, else leave it for the next process."""
        if not self.waiting:
            with suppress(OSError):
                if self.is_damaged:
                    self.path.rename(self.path.with_suffix(".damaged"))
                else:
                    self.path.unlink()
        os.close(self._fd)


def _check_owner(directory: Path) -> None:
    """Check that nobody else can put files there: their records would be sent like ours."""
    found = directory.stat()
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & stat.S_IWOTH:
        raise ConfigurationError(
            f"{directory} belongs to another account, or is writable by everybody",
            hint="Give it to the account of this process with mode 700, or set ZAVA_HOME.",
        )


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _unwritable(reason: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"the audit cannot be written: {reason}",
        hint="An administrator has to make room, or the database available.",
    )


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
