"""Which functions, attributes, relations and schemas agents may name.

Allowed functions are in functions.txt, names that no attribute may bear in attributes.txt, hints
for other dialects and system names in hints.txt.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from zava_sql.guard.bounds.lengthening import LENGTHENING, OF_ATTRIBUTES
from zava_sql.guard.bounds.lengths import BOUNDED, check_bounds
from zava_sql.guard.keywords import SYSTEM_COLUMNS
from zava_sql.guard.limits import Refusal, piece
from zava_sql.guard.type_names import LOOKUPS, TYPE_WORDS, TYPES
from zava_sql.guard.type_of import TYPE_OF, note_type_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from zava_sql.guard.type_names import TypeReader

__all__ = [
    "CLOSED_ATTRIBUTES",
    "FUNCTIONS",
    "OF_COLUMNS",
    "OPEN_SCHEMAS",
    "Names",
    "is_closed_attribute",
]


def _rows(name: str) -> list[list[str]]:
    text = files("zava_sql.guard").joinpath(name).read_text(encoding="utf-8")
    return [line.split(maxsplit=4) for line in text.splitlines() if line and line[0] != "#"]


_ANY_NUMBER: Final = 1_000
_OF_DATABASE: Final = 4  # tokens before the last one of database.schema.name
# name -> least arguments, most arguments, schema
FUNCTIONS: Final[dict[str, tuple[int, int, str]]] = {
    name: (int(least), _ANY_NUMBER if most == "*" else int(most), schema)
    for name, _kind, least, most, schema in _rows("functions.txt")
}
_AGGREGATES: Final = frozenset(row[0] for row in _rows("functions.txt") if row[1] == "aggregate")
# Return rows of the columns and types that FROM lists behind them; closed elsewhere.
OF_COLUMNS: Final = frozenset(
    {"json_to_record", "json_to_recordset", "jsonb_to_record", "jsonb_to_recordset"}
)
CLOSED_ATTRIBUTES: Final = frozenset(row[0] for row in _rows("attributes.txt"))
_HINTS: Final = {row[0]: " ".join(row[1:]) for row in _rows("hints.txt")}
# Of the catalogue, and of extensions that run text: crosstab2('select ...'), dblink_connect().
_CLOSED_PREFIXES: Final = ("pg_", "_pg_", "crosstab", "dblink")
_SYSTEM_FUNCTIONS: Final = ("pg_", "has_", "to_reg", "lo_", "txid_", "inet_", "format_type")
# Plain names are found in retail, then in public, so that public. in front opens nothing: what a
# table of retail hides there is for its grants to close, as is all the rest.
OPEN_SCHEMAS: Final = frozenset({"retail", "api", "public"})
_SYSTEM_SCHEMAS: Final = frozenset({"pg_catalog", "information_schema", "zava", "pg_toast"})
# That they are there, and what they hold, depends on rows of stores that the caller may not see: an
# index of search bears the id of a store or region that sells many products, and for each region
# of a store search_regions has a row that was measured over the products of all its stores.
_OF_OTHERS: Final = ("search_assortments_", "search_regions")
_CLOSED_RELATIONS: Final = ("pg_", *_OF_OTHERS)


def is_closed_attribute(name: str) -> bool:
    """Whether `x.name` could call a function, or cast to a type, that is not allowed."""
    return name in CLOSED_ATTRIBUTES or name.startswith(_CLOSED_PREFIXES)


class Names:
    """The allowlist of names; `api_functions` None stands for any name in schema api."""

    __slots__ = ("api_functions",)

    def __init__(self, api_functions: Collection[str] | None = None) -> None:
        self.api_functions = None if api_functions is None else frozenset(api_functions)

    # Functions

    def function(self, reader: TypeReader, first: int, last: int) -> None:
        """Refuse a call of a function that is not allowed. A type's name is a cast: `date(x)`."""
        name = reader.tokens.name(last)
        if first == last:
            allowed = name in FUNCTIONS or TYPES.get(name) == name
        elif last - first == 2 and reader.tokens.name(first) == "api":
            allowed = self.api_functions is None or name in self.api_functions
        else:
            allowed = (
                last - first == 2
                and name in FUNCTIONS
                and reader.tokens.name(first) == FUNCTIONS[name][2]
            )
        if not allowed:
            raise self.refused_function(reader, first, last)

    def refused_function(self, reader: TypeReader, first: int, last: int) -> Refusal:
        """Return the refusal, with the PostgreSQL name or the way to ask instead."""
        name = reader.tokens.name(last)
        shown = _shown(reader, first, last)
        if last > first and reader.tokens.name(first) == "api":
            hint = "describe_schema lists the functions of schema api."
        else:
            hint = self.hint(name) or self.closed_hint(name)
        return Refusal("function", f"function {shown} is not allowed", hint, index=last)

    def hint(self, name: str) -> str:
        """Say what to write instead of a call of a plain name, where that is known."""
        if self.api_functions is not None and name in self.api_functions:
            return f"Write api.{name}(...)."
        return _HINTS.get(name, "")

    def closed_hint(self, name: str) -> str:
        """Say what to do instead of calling a function about which nothing else is known."""
        if name.startswith(_SYSTEM_FUNCTIONS) or name.endswith("_description") or name in LOOKUPS:
            return "System functions are closed; describe_schema shows tables and columns."
        if name.startswith(("xml", "xpath")):
            return "XML is not supported."
        return (
            "It is closed, or none of PostgreSQL's: use another built-in function, or one of "
            "schema api, called with its schema: api.name(...)."
        )

    def arguments(
        self,
        reader: TypeReader,
        first: int,
        last: int,
        arguments: list[tuple[int, int]],
        *,
        grouped: bool,
    ) -> None:
        """Refuse surplus arguments, lengths without bound, and types that could become others."""
        name, count = reader.tokens.name(last), len(arguments)
        if last > first and reader.tokens.name(first) == "api":
            return
        least, most, _schema = FUNCTIONS.get(name, (1, 1, ""))
        # Behind WITHIN GROUP stand further arguments of an ordered-set aggregate.
        if not (least <= count <= most or (grouped and count < most and name in _AGGREGATES)):
            wanted = f"{least} to {most}" if least < most else f"{least}"
            if most == _ANY_NUMBER:
                wanted = f"at least {least}"
            raise Refusal(
                "function",
                f"{name} takes {wanted} arguments, not {count}",
                _HINTS.get(name, ""),
                index=last,
            )
        if name in _AGGREGATES:
            reader.growth.aggregate(name)
        if name in BOUNDED:
            check_bounds(reader, last, arguments)
        if name in LENGTHENING:
            level = reader.growth.level
            listed = None if level.number else level.start  # FROM comes behind the select list
            reader.lengthening.note(last, arguments, listed=listed)
        if name == TYPE_OF:
            note_type_of(reader, first)

    def column(self, reader: TypeReader, index: int) -> None:
        """Refuse system columns, which every table has: they tell of the rows of all tenants."""
        if reader.tokens.name(index) in SYSTEM_COLUMNS:
            raise Refusal(
                "column",
                f"the system column {reader.tokens.name(index)} is not allowed",
                "Order and join by the keys of the table; give a column of your own another name.",
                index=index,
            )

    def attribute(self, reader: TypeReader, index: int) -> None:
        """Refuse `x.name` if PostgreSQL could read it as the call name(x) or the cast x::name."""
        name = reader.tokens.name(index)
        if name in SYSTEM_COLUMNS:
            self.column(reader, index)
        if name in OF_ATTRIBUTES:
            reader.lengthening.note(index, [])
        if is_closed_attribute(name):
            raise Refusal(
                "function",
                f"attribute {piece(name)} is not allowed: it could call the function, or cast to "
                "the type, of that name",
                "Write the column without its table before it, or give it another name with AS in "
                "an inner query.",
                index=index,
            )

    # Relations

    def relation(self, reader: TypeReader, first: int, last: int) -> None:
        """Refuse relations other than those of open schemas, CTEs and unqualified names.

        A database name may come before the schema: PostgreSQL accepts only the current one.
        """
        tokens = reader.tokens
        name = tokens.name(last).lower()
        if first == last:
            if not name.startswith(_CLOSED_RELATIONS) and name not in _SYSTEM_SCHEMAS:
                return
        elif (
            last - first <= _OF_DATABASE
            and tokens.name(last - 2) in OPEN_SCHEMAS
            and not name.startswith(_CLOSED_RELATIONS)
        ):
            return
        shown = _shown(reader, first, last)
        if name.startswith(_OF_OTHERS):
            hint = "It is internal to search; describe_schema shows tables and columns."
        elif first < last and tokens.name(last - 2) not in _SYSTEM_SCHEMAS - {"zava"}:
            hint = (
                "Name tables plain, or as retail.name, and views as api.name: see describe_schema."
            )
        else:
            hint = "The catalogue is closed; describe_schema shows tables and columns."
        raise Refusal("relation", f"relation {shown} is not allowed", hint, index=first)

    def cte(self, reader: TypeReader, index: int) -> None:
        """Refuse a WITH query that bears the name of a closed relation or of a system schema."""
        name = reader.tokens.name(index).lower()
        if name.startswith(_CLOSED_RELATIONS) or name in _SYSTEM_SCHEMAS:
            raise Refusal(
                "relation",
                f"a WITH query may not be called {piece(name)}",
                "Choose a name of your own.",
                index=index,
            )

    # Hints

    def statement_hint(self, word: str) -> str:
        """Say what to send instead of a statement that begins with this word."""
        return _HINTS.get("statement:" + word) or _HINTS["statement"]

    def syntax_hint(self, keys: list[str], index: int) -> str:
        """Say what to write instead of what other dialects have in this place."""
        before = keys[index - 2] if index > 1 else "", keys[index - 1] if index else ""
        if before[1] == "?":  # a parameter, whatever follows it
            return _HINTS["after:?"]
        near = ["near:" + key for key in keys[max(index - 4, 0) : index + 1]]
        wanted = (
            f"at:{before[1]}+{keys[index]}",
            f"syntax:{keys[index]}+{keys[index + 1]}",
            "syntax:" + keys[index],
            "after:" + "+".join(before),
            "after:" + before[1],
            *near,
            "in:" + ("type" if (called := _called(keys, index)) in TYPE_WORDS else called),
            "open:case" if keys[:index].count("case") > keys[:index].count("end") else "",
            "syntax",
        )
        return next(_HINTS[name] for name in wanted if name in _HINTS)


def _called(keys: list[str], index: int) -> str:
    """Give the word before the bracket in which a token stands."""
    depth = 0
    for at in range(index - 1, 0, -1):
        depth += (keys[at] == "(") - (keys[at] == ")")
        if depth > 0:
            return keys[at - 1]
    return ""


def _shown(reader: TypeReader, first: int, last: int) -> str:
    return piece(".".join(reader.tokens.name(index) for index in range(first, last + 1, 2)))
