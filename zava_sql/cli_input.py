"""What commands read from a file or from standard input, and no more than can be of use.

A pipe need not end, and what is too long for a query would only fill the memory.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, BinaryIO, Final

from zava_sql.errors import QueryRefused, ValidationError
from zava_sql.guard.jsonl import MAX_LINE
from zava_sql.guard.limits import MAX_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["lines_of", "text_of"]

# A character of UTF-8 has four bytes at most.
_MAX_BYTES: Final = 4 * MAX_CHARACTERS


def text_of(file: Path | None) -> str:
    """Read a query from a file; without one from standard input.

    Raises:
        QueryRefused: it is too long, however much of it would follow.
        ValidationError: it cannot be read.
    """
    with _readable(file), _opened(file) as source:
        text = source.read(_MAX_BYTES + 1)
    if len(text) > _MAX_BYTES:
        raise QueryRefused(
            f"the query has more than {MAX_CHARACTERS:,} characters",
            reason="too_long",
            hint="Ask in smaller steps.",
        )
    return text.decode("utf-8", "surrogateescape")


def lines_of(file: Path | None) -> Iterator[bytes]:
    """Read lines; of one that is longer than `MAX_LINE`, one byte more than that.

    Raises:
        ValidationError: they cannot be read.
    """
    with _readable(file):
        opened = _opened(file)
    with opened as source:
        # Not around the loop: errors of the output must be reported as such.
        while True:
            with _readable(file):
                line = rest = source.readline(MAX_LINE + 1)
                while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
                    rest = source.readline(MAX_LINE + 1)
            if not line:
                return
            yield line


def _opened(file: Path | None) -> AbstractContextManager[BinaryIO]:
    # Standard input stays open: the next connection would take its place.
    return file.open("rb") if file else nullcontext(sys.stdin.buffer)


@contextmanager
def _readable(file: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ValidationError(
            f"cannot read {file or 'standard input'}: {error.strerror or error}",
            hint="Name a file that exists." if file else "Pipe a text in, or a file.",
        ) from None
