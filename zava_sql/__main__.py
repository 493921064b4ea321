"""`zava-sql`, and `python -m zava_sql`: ending a command early gives one line, and no leftovers.

Everything else is imported in `main`: that takes a second, in which somebody may press Ctrl-C.
"""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]


def main() -> None:
    """Run the command line, and undo what it has begun when it is told to end."""
    ended: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        """Treat it as Ctrl-C: copies of databases are dropped, and nothing is half written."""
        ended.append(number)
        interrupt = signal.getsignal(signal.SIGINT)
        if not callable(interrupt):  # as in the background of a shell
            raise KeyboardInterrupt
        interrupt(signal.SIGINT, frame)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)
    try:
        early: list[int] = []
        interrupt = signal.getsignal(signal.SIGINT)
        if callable(interrupt):
            # An interrupt in here would become whatever the importing module makes of it.
            signal.signal(signal.SIGINT, lambda number, _: early.append(number))
        from zava_sql.cli import main as run  # noqa: PLC0415 - see above

        if callable(interrupt):
            signal.signal(signal.SIGINT, interrupt)
        if early:
            signal.raise_signal(signal.SIGINT)
        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    finally:
        if ended:
            with suppress(OSError):
                sys.stdout.flush()
            signal.signal(ended[0], signal.SIG_DFL)
            signal.raise_signal(ended[0])


# Python allocates the frames of calls in chunks of 16 KB, and until 2026 freed a chunk as soon as
# its first call returned (its issue 142183). A loop whose calls cross a chunk's boundary pays two
# system calls for each: at one depth in fifteen, the guard took up to four times as long. Inside a
# call as large as this one, all others fit into the same chunk.
main.__code__ = main.__code__.replace(co_stacksize=16_500)

if __name__ == "__main__":
    main()
