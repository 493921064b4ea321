"""Reader of PostgreSQL type names (Typename in gram.y), and the tools all readers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zava_sql.guard.account import Account
from zava_sql.guard.bounds.growth import Growth
from zava_sql.guard.bounds.lengthening import Lengthening
from zava_sql.guard.bounds.rounds import Rounds
from zava_sql.guard.keywords import RESERVED, words
from zava_sql.guard.lexer import END, NUMBER, STRING, Tokens
from zava_sql.guard.limits import (
    MAX_ARRAY_NESTING,
    MAX_ARRAYS,
    MAX_CAST_MODIFIER,
    MAX_DEPTH,
    MAX_DIMENSIONS,
    Refusal,
    piece,
)

if TYPE_CHECKING:
    from zava_sql.guard.names import Names

__all__ = [
    "CONFIGURATION", "LOOKUPS", "OTHER_TYPES", "TEXT_SEARCH", "TYPES", "TYPE_WORDS", "TypeReader",
    "behind_national", "quoted_type",
]  # fmt: skip

_BUILT_IN: Final = """
    bool int2 int4 int8 float4 float8 numeric money text varchar bpchar name bytea bit varbit
    date time timetz timestamp timestamptz interval uuid json jsonb jsonpath inet cidr macaddr
    macaddr8 point line lseg box path polygon circle tsvector tsquery
    int4range int8range numrange tsrange tstzrange daterange
    int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange
"""
_OF_EXTENSIONS: Final = "vector halfvec sparsevec"
# Names by which a type may be written, bare; quoted or qualified, only the right-hand ones.
TYPES: Final[dict[str, str]] = {
    **{name: name for name in (_BUILT_IN + _OF_EXTENSIONS).split()},
    "boolean": "bool",
    "smallint": "int2",
    "int": "int4",
    "integer": "int4",
    "bigint": "int8",
    "real": "float4",
    "float": "float8",
    "dec": "numeric",
    "decimal": "numeric",
    "char": "bpchar",
    "character": "bpchar",
    "nchar": "bpchar",
}
# Keywords that begin a type: literals of these need no look at the name that follows.
TYPE_WORDS: Final = words("""
    int integer smallint bigint real float decimal dec numeric boolean bit char character varchar
    national nchar timestamp time interval json
    """)
# To PostgreSQL a number or a name to look up; here only what these functions make of their first
# argument anyway: see is_configuration().
CONFIGURATION: Final = "regconfig"
TEXT_SEARCH: Final = words("""
    to_tsvector json_to_tsvector jsonb_to_tsvector to_tsquery plainto_tsquery phraseto_tsquery
    websearch_to_tsquery ts_headline
    """)
_ONE_BYTE: Final = "char"  # the type of this name is not that of the keyword
_EXTENSION_TYPES: Final = frozenset(_OF_EXTENSIONS.split())
_INTERVAL_FIELDS: Final = frozenset({"year", "month", "day", "hour", "minute", "second"})
OTHER_TYPES: Final = {
    "string": "text",
    "datetime": "timestamp",
    "double": "double precision",
    "tinyint": "smallint",
    "unsigned": "bigint",
    "signed": "bigint",
    "number": "numeric",
    "nvarchar": "varchar",
    "varchar2": "varchar",
    "clob": "text",
    "nclob": "text",
    "tinytext": "text",
    "mediumtext": "text",
    "longtext": "text",
    "blob": "bytea",
    "int64": "bigint",
    "float64": "double precision",
    "float32": "real",
    "bignumeric": "numeric",
    "datetime2": "timestamp",
    "smalldatetime": "timestamp",
    "datetime64": "timestamp",
    "datetimeoffset": "timestamptz",
    "timestamp_ntz": "timestamp",
    "timestamp_tz": "timestamptz",
    "timestamp_ltz": "timestamptz",
    "uniqueidentifier": "uuid",
    "variant": "jsonb",
    "year": "int",
    "uint8": "smallint",
    "int16": "smallint",
    "uint16": "int",
    "int32": "int",
    "uint32": "bigint",
    "mediumint": "int",
    "long": "bigint",
    "uint64": "numeric",
    "hugeint": "numeric",
    "str": "text",
    "ntext": "text",
    "varbinary": "bytea",
    "bytes": "bytea",
    "smallmoney": "numeric",
    "object": "jsonb",
    "super": "jsonb",
}
_PREFIXES: Final = ("r", "b", "q", "nq", "f")
# Types that look a name up in the catalogue.
LOOKUPS: Final = words("""
    regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc
    regprocedure regrole regtype
    """)


def behind_national(keys: list[str], index: int) -> int:
    """Step over NATIONAL, which does not change the type behind it."""
    is_type = keys[index] == "national" and keys[index + 1] in ("character", "char")
    return index + is_type


def quoted_type(name: str) -> str:
    """Give what a type is called, in quotes or behind a schema, if it is allowed."""
    return name if TYPES.get(name) == name or name == _ONE_BYTE else ""


class TypeReader:
    """Position in the tokens of one text, and the reader of type names."""

    __slots__ = (
        "account",
        "allowed",
        "arrays",
        "arrays_total",
        "at",
        "depth",
        "from_items",
        "growth",
        "is_combined",
        "keys",
        "kinds",
        "lengthening",
        "lengths",
        "rounds",
        "set_operations",
        "tokens",
        "types_alone",
        "types_of",
    )

    def __init__(self, tokens: Tokens, allowed: Names) -> None:
        self.tokens = tokens
        self.keys = tokens.keys
        self.kinds = tokens.kinds
        self.allowed = allowed
        self.account = Account()
        self.at = 0
        self.depth = 0
        self.arrays = 0
        self.arrays_total = 0
        self.from_items = 0
        self.growth = Growth(tokens)
        self.lengths = 0
        self.rounds = Rounds(tokens)
        self.lengthening = Lengthening(tokens)
        self.set_operations = 0
        self.is_combined = False  # the outermost query, by set operations
        self.types_of: list[tuple[int, int]] = []  # see type_of.py
        self.types_alone: list[tuple[int, int]] = []

    # Tools

    def unexpected(self, index: int) -> Refusal:
        """Return the refusal of a token that the grammar has no place for here."""
        message = "the query ends too early"
        if self.kinds[index] != END:
            message = f"syntax error, or unsupported syntax, at {piece(self.tokens.texts[index])}"
        return Refusal("syntax", message, self.allowed.syntax_hint(self.keys, index), index=index)

    def expect(self, key: str) -> None:
        """Step over `key`, or refuse."""
        if self.keys[self.at] != key:
            raise self.unexpected(self.at)
        self.at += 1

    def skip(self, *keys: str) -> bool:
        """Step over these words if they stand here."""
        end = self.at + len(keys)
        if self.keys[self.at] != keys[0] or tuple(self.keys[self.at : end]) != keys:
            return False
        self.at = end
        return True

    def enter(self, key: str) -> None:
        """Step over an opening bracket (or CASE), one level deeper."""
        if self.keys[self.at] != key:
            raise self.unexpected(self.at)
        self.at += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Refusal(
                "too_deep",
                f"more than {MAX_DEPTH} brackets within brackets",
                "Use WITH to name the inner queries.",
                index=self.at - 1,
            )

    def leave(self, key: str) -> None:
        """Step over a closing bracket (or END)."""
        if self.keys[self.at] != key:
            raise self.unexpected(self.at)
        self.at += 1
        self.depth -= 1

    def enter_array(self) -> None:
        """Count array constructors, for which sqlglot doubles its time at each level."""
        self.arrays += 1
        self.arrays_total += 1
        if self.arrays > MAX_ARRAY_NESTING or self.arrays_total > MAX_ARRAYS:
            raise Refusal(
                "too_deep",
                f"more than {MAX_ARRAY_NESTING} arrays within each other, or {MAX_ARRAYS} in all",
                "Write large arrays as literals: '{1,2,3}'::int[].",
                index=self.at,
            )

    def label(self) -> None:
        """Any word, as a column's name (ColLabel)."""
        if self.kinds[self.at] > RESERVED:
            raise self.unexpected(self.at)
        self.at += 1

    # Types

    def type_name(self) -> str:  # noqa: C901  # one branch per form
        """Read a type of the allowlist with modifiers and array bounds; its canonical name."""
        keys, start = self.keys, self.at
        if keys[start] == "national":
            self.at = start = behind_national(keys, start)
        key = keys[start]
        name = TYPES.get(key, "")
        if keys[start + 1] == ".":
            name = self.qualified_type(start)
        elif key == '"':
            name = quoted_type(self.tokens.name(start))
        elif key == CONFIGURATION and self.is_configuration(start):
            name = CONFIGURATION
        if key == "double" and keys[start + 1] == "precision":
            name = "float8"
            self.at += 1
        if not name or self.kinds[start] == RESERVED:
            raise self.refused_type(start)
        self.at += 1
        if name in ("bpchar", "bit") and keys[self.at] == "varying":
            name = "varchar" if name == "bpchar" else "varbit"
            self.at += 1
        if name == "interval" and keys[self.at] != "(":
            self.interval_fields()
        length = 0
        if keys[self.at] == "(":
            first = self.at + 1
            self.modifiers()
            digits = self.tokens.literal(first)
            length = int(digits) if digits.isdecimal() else 0
            if key == "float" and digits.isdecimal() and length < 25:  # opt_float
                name = "float4"
        if key in ("time", "timestamp") and not self.skip("without", "time", "zone"):
            name += "tz" * self.skip("with", "time", "zone")
        self.lengthening.note_type(name, length, start, is_array=self.array_bounds())
        self.account.types.append(name)
        return name

    def qualified_type(self, start: int) -> str:
        """`pg_catalog.type`, `public.vector`; the reader is left on the last word."""
        schema, name = self.tokens.name(start), self.tokens.name(start + 2)
        home = "public" if name in _EXTENSION_TYPES else "pg_catalog"
        if schema != home or self.keys[start + 3] == ".":
            return ""
        self.at = start + 2
        return quoted_type(name)

    def is_configuration(self, start: int) -> bool:
        """Whether it stands in `to_tsvector('english'::regconfig, `, or with CAST.

        There it says nothing that `to_tsvector('english', ` does not say. Beside other values it
        would make configurations of these: numbers would tell the names of all.
        """
        keys = self.keys
        behind, first = start + 1, start - 3
        if keys[start - 1] == "as" and keys[first - 1] == "cast":
            behind, first = start + 2, start - 5
        return (
            keys[behind - 1 : behind + 1] in ([CONFIGURATION, ","], [")", ","])
            and self.kinds[start - 2] == STRING
            and keys[first] == "("
            and keys[first - 1] in TEXT_SEARCH
            and keys[first - 2] != "."
        )

    def refused_type(self, start: int) -> Refusal:
        """Make the refusal of a type that is not in the allowlist."""
        if self.kinds[start] >= RESERVED:
            return self.unexpected(start)
        name = shown = self.tokens.name(start)
        if self.keys[start + 1] == ".":
            name = self.tokens.name(start + 2)
            shown = f"{shown}.{name}"
        hint = (
            "Use a base type: text, int, bigint, numeric, date, timestamptz, boolean, jsonb ...; "
            "an enum needs no cast: x = 'value'."
        )
        if other := OTHER_TYPES.get(name):
            hint = f"PostgreSQL calls it {other}."
        elif self.keys[start + 1] == "'" and name in _PREFIXES:
            hint = f"Leave {name} out: '...' keeps backslashes, and ' is doubled in it."
        elif name == CONFIGURATION:
            hint = "Write to_tsvector('english', x), the name alone as the first argument."
        elif name in LOOKUPS:
            hint = "Catalogue look-ups are closed; describe_schema shows tables and columns."
        return Refusal("type", f"type {piece(shown)} is not allowed", hint, index=start)

    def modifiers(self) -> None:
        """`(10, 2)`: plain integers that do not make the value huge."""
        keys = self.keys
        self.at += 1
        while True:
            if keys[self.at] == "-":
                self.at += 1
            if (
                self.kinds[self.at] != NUMBER
                or not (text := self.tokens.literal(self.at)).isdecimal()
            ):
                raise self.unexpected(self.at)
            if len(text) > len(str(MAX_CAST_MODIFIER)) or int(text) > MAX_CAST_MODIFIER:
                raise Refusal(
                    "type",
                    f"a length of more than {MAX_CAST_MODIFIER:,}",
                    "Use text.",
                    index=self.at,
                )
            self.at += 1
            if keys[self.at] != ",":
                break
            self.at += 1
        self.expect(")")

    def interval_fields(self) -> None:
        """`day to second (3)` and the like, if they stand here."""
        keys = self.keys
        if keys[self.at] not in _INTERVAL_FIELDS:
            return
        self.at += 1
        if keys[self.at] == "to" and keys[self.at + 1] in _INTERVAL_FIELDS:
            self.at += 2
        if keys[self.at - 1] == "second" and keys[self.at] == "(":
            self.modifiers()

    def array_bounds(self) -> bool:
        """`[]`, `[3]`, `array`, `array[3]`; whether they stand here."""
        keys, start = self.keys, self.at
        if keys[self.at] == "array":
            self.at += 1
        bounds = 0
        while keys[self.at] == "[":
            bounds += 1
            self.at += 1
            if self.kinds[self.at] == NUMBER:
                self.at += 1
            self.expect("]")
            if bounds > MAX_DIMENSIONS:
                raise Refusal(
                    "too_deep",
                    f"an array has at most {MAX_DIMENSIONS} dimensions",
                    index=self.at - 1,
                )
        return self.at > start
