"""pg_typeof(): its result must be cast to text, or be a whole item of the outermost SELECT.

That result, a regtype, is to PostgreSQL a number or a name to look up. Beside other numbers or
strings (in CASE, an array, UNION, an argument) it turns these into types, and so tells the names of
all types: every table of every schema has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zava_sql.guard.limits import Refusal

if TYPE_CHECKING:
    from zava_sql.guard.type_names import TypeReader

__all__ = ["TYPE_OF", "check_types_of", "note_type_alone", "note_type_of"]

TYPE_OF: Final = "pg_typeof"
_TEXTS: Final = frozenset({"text", "varchar"})


def note_type_of(reader: TypeReader, first: int) -> None:
    """Note a call of pg_typeof() that begins at `first`, unless it is cast to text."""
    keys, at = reader.keys, reader.at
    is_text = keys[at] == "::" or (keys[at] == "as" and keys[first - 2 : first] == ["cast", "("])
    if not is_text or keys[at + 1] not in _TEXTS:
        reader.types_of.append((first, at))


def note_type_alone(reader: TypeReader, first: int) -> None:
    """Take a note back if that call is the whole item just read, of the outermost query."""
    types_of = reader.types_of
    if types_of and types_of[-1] == (first, reader.at) and not reader.depth:
        reader.types_alone.append(types_of.pop())


def check_types_of(reader: TypeReader) -> None:
    """Refuse what is noted, also as a whole item if set operations put it beside other values."""
    found = reader.types_of + reader.types_alone * reader.is_combined
    if found:
        raise Refusal(
            "function",
            "the result of pg_typeof() must be cast to text, unless it stands alone in the SELECT",
            "Write pg_typeof(x)::text.",
            index=found[0][0],
        )
