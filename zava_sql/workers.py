"""Several processes that serve one socket; the one that started them watches over them.

A process that dies is replaced. When the watcher dies, however suddenly, the others end too.
"""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zava_sql.errors import ZavaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["shared_directory", "supervise"]

logger = logging.getLogger(__name__)

# Seconds before a process that died is replaced: one that cannot start must not cause a busy loop.
_PAUSE = 1

# Seconds for which a directory that nobody holds may be one that is being made.
_NEW = 60

_WATCHED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD})


def supervise(
    number: int,
    work: Callable[[int], None],
    buried: Callable[[int], None],
    stop: Callable[[], None],
    announce: Callable[[], None],
) -> None:
    """Run `work` in so many processes until a signal says `stop`, and wait for them to end.

    `work` gets a file that reads as ended once the watcher is gone; `buried` gets the id of each
    process that has ended. Once it obeys signals it calls `announce`.
    """
    watched = set(_WATCHED)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        watched.remove(signal.SIGHUP)  # as under nohup: even ignored, what is waited for comes
    # If ignored, as it may be by the parent, SIGCHLD would never come, and no child would be
    # reaped.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    alive, held = os.pipe()
    # Loaded memory is shared as long as nobody writes to it, which garbage collection does. Nor
    # need it be freed at the end, which takes seconds.
    gc.collect()
    gc.freeze()
    # From here on signals are blocked until they are asked for; a child unblocks them again.
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    try:
        children = {_start(work, alive, held) for _ in range(number)}
        announce()
        stopping = False
        while children:
            if signal.sigwait(watched) != signal.SIGCHLD:
                stopping = True
                stop()
                for child in children:
                    os.kill(child, signal.SIGTERM)
                continue
            gone = _reap(children)
            for child, code in gone.items():
                children.discard(child)
                buried(child)
                if not stopping:
                    how = signal.strsignal(-code) if code < 0 else f"status {code}"
                    logger.warning("process %d has ended, another follows: %s", child, how)
            if gone and not stopping:
                time.sleep(_PAUSE)
                children |= {_start(work, alive, held) for _ in gone}
    finally:
        os.close(held)
        os.close(alive)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, watched)


def _start(work: Callable[[int], None], alive: int, held: int) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    # Never back into the caller's stack: this process ends here.
    code = 1
    try:
        os.close(held)
        # A terminal's Ctrl-C is for the watcher, which passes it on once.
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until the server takes it
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        work(alive)
        code = 0
    except ZavaError as error:
        sys.stderr.write(f"error: {error.message} [{error.code}]\n")
        code = error.exit_code
    except BaseException as error:  # noqa: BLE001 - nobody above would say anything
        sys.stderr.write(f"internal error: {type(error).__name__}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


def _reap(children: set[int]) -> dict[int, int]:
    """Find all that have ended, with their exit codes: one signal may stand for several."""
    gone = {}
    for child in children:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            gone[child] = os.waitstatus_to_exitcode(status)
    return gone


@contextmanager
def shared_directory(prefix: str) -> Iterator[str]:
    """Make a directory for all processes; remove those of servers that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        _remove_left_over(path)
    directory = tempfile.mkdtemp(prefix=prefix)
    # Held by this process and those that it starts, until the last of them has ended.
    held = os.open(directory, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_SH)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(held)


def _remove_left_over(path: Path) -> None:
    with suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            found = os.fstat(fd)
            if found.st_uid == os.geteuid() and found.st_mtime < time.time() - _NEW:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)
        finally:
            os.close(fd)
