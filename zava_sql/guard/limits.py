"""How much text the guard reads, and the one way in which its parts refuse.

The figures leave room for the longest query of TPC-DS (19,154 characters, 1,343 tokens) and for
reports of thirty queries in WITH. Every text within them takes a few milliseconds at most.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "MAX_ARRAYS",
    "MAX_ARRAY_NESTING",
    "MAX_BACKSLASHES",
    "MAX_CAST_MODIFIER",
    "MAX_CHARACTERS",
    "MAX_CLAUSES",
    "MAX_COPIED",
    "MAX_DEPTH",
    "MAX_DIMENSIONS",
    "MAX_ESCAPES",
    "MAX_ESTIMATED",
    "MAX_GROWN",
    "MAX_JOINED",
    "MAX_JOINS",
    "MAX_LENGTHENED",
    "MAX_LENGTHS",
    "MAX_LENGTH_ARGUMENT",
    "MAX_NAME_BYTES",
    "MAX_NESTED_COMMENTS",
    "MAX_PREFIXES",
    "MAX_QUERIES",
    "MAX_READING",
    "MAX_SET_OPERATIONS",
    "MAX_SUBSCRIPTS",
    "MAX_SUFFIXES",
    "MAX_SYMMETRIC",
    "MAX_TERMS",
    "MAX_TOKENS",
    "MAX_WIDTH",
    "MESSAGE_PIECE",
    "WORD_OF_CLAUSE",
    "Refusal",
    "piece",
]

MAX_CHARACTERS: Final = 20_000
MAX_TOKENS: Final = 2_000
MAX_CLAUSES: Final = 40  # different ones, names and literals aside: TPC-DS has up to 7
# What is to be read: a token counts once, and a word of a distinct clause four times, which is what
# sqlglot takes for it. TPC-DS has up to 1,372.
MAX_READING: Final = 2_700
WORD_OF_CLAUSE: Final = 4
MAX_DEPTH: Final = 50  # brackets within brackets, and CASE within CASE
MAX_GROWN: Final = 20_000  # names, copies included, before PostgreSQL runs it: see growth.py
MAX_TERMS: Final = 40_000  # names beyond these that take little, as of CASE: see terms.py
MAX_SYMMETRIC: Final = 3  # BETWEEN SYMMETRIC, of which PostgreSQL makes four comparisons
MAX_SUBSCRIPTS: Final = 20  # a[1][2]... in a row
MAX_JOINS: Final = 150  # FROM items in one text, joins and commas alike; plans.py bounds a query's
MAX_PREFIXES: Final = 20  # NOT NOT -+-1
MAX_SUFFIXES: Final = 20  # a::int::text IS NULL
MAX_QUERIES: Final = 100  # SELECT, VALUES and TABLE in a text: TPC-DS has up to 18
MAX_SET_OPERATIONS: Final = 64
MAX_ARRAY_NESTING: Final = 4  # array[[...], ...]: sqlglot doubles its time with each level
MAX_ARRAYS: Final = 50  # inner ones included
MAX_DIMENSIONS: Final = 6  # int[][]: PostgreSQL's MAXDIM
MAX_NESTED_COMMENTS: Final = 50  # nesting or nested comments
MAX_BACKSLASHES: Final = 2_000  # in one text
MAX_ESCAPES: Final = 1_000  # in one E'...' or U&'...' string
MAX_NAME_BYTES: Final = 63  # NAMEDATALEN - 1: PostgreSQL cuts longer names, silently
MAX_LENGTH_ARGUMENT: Final = 10_000  # repeat(), lpad(), rpad()
MAX_LENGTHS: Final = 40  # of these, lengths that are not a plain number
MAX_LENGTHENED: Final = 1_000_000  # characters, by replace() and repeat(): see lengthening.py
MAX_COPIED: Final = 200_000_000  # of these, in all copies that growth.py counts
MAX_JOINED: Final = 1_000_000_000  # of these, in all steps of an expression that joins them by ||
MAX_ESTIMATED: Final = 2_000_000  # elements of arrays behind ANY and ALL: see lengthening.py
MAX_WIDTH: Final = 1_000  # %1000s in format()
MAX_CAST_MODIFIER: Final = 65_535  # char(n), bit(n): both pad to n
MESSAGE_PIECE: Final = 60  # characters of the caller's text that a message repeats


class Refusal(Exception):  # not a bug: the verdict on a text
    """A refusal at a token (or at a character, inside the lexer); `check` gives it its position."""

    __slots__ = ("hint", "index", "message", "offset", "reason")

    def __init__(
        self,
        reason: str,
        message: str,
        hint: str = "",
        *,
        index: int | None = None,
        offset: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.hint = hint
        self.index = index
        self.offset = offset


def piece(text: str) -> str:
    """`text` as messages quote it: printable, one line, not too long."""
    shown = text if len(text) <= MESSAGE_PIECE else text[: MESSAGE_PIECE - 3] + "..."
    return "".join(c if c.isprintable() else "?" for c in shown)
