"""Reader of calls and of PostgreSQL's special forms: its func_expr, CASE, ARRAY, CAST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zava_sql.guard.bounds.escapes import TEXTS
from zava_sql.guard.json_forms import JsonReader
from zava_sql.guard.keywords import CLOCKS, COLUMN_WORD, FORMS, FUNCTION_WORD, IDENTIFIER, words
from zava_sql.guard.lexer import NUMBER, STRING
from zava_sql.guard.limits import Refusal
from zava_sql.guard.type_names import TYPE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CallReader"]

_CONSTANTS: Final = frozenset({"null", "true", "false"})
_IDENTITIES: Final = words(
    "current_user session_user user current_role system_user current_catalog"
)
_LISTS: Final = words("coalesce greatest least nullif grouping")
_JSON_BUILDERS: Final = words("json_object json_array json_objectagg json_arrayagg")
_JSON_READERS: Final = words("json_value json_query json_exists")
_JSON_CASTS: Final = words("json_scalar json_serialize json")
_UNSUPPORTED: Final = {
    "treat": "Use a cast: cast(x as type).",
    "merge_action": "",
    "json_table": "Write JSON_TABLE in FROM.",
    "xmltable": "XML is not supported.",
}


class CallReader(JsonReader):
    """Adds what begins with a name or a reserved word and goes on in brackets."""

    __slots__ = ()

    # Calls

    def call(self, first: int, name: int) -> None:
        """`[schema.]function ( arguments )` with WITHIN GROUP, FILTER and OVER."""
        keys, copies = self.keys, self.growth.copies
        self.allowed.function(self, first, name)
        self.at = name + 1
        arguments = self.arguments()
        grouped = keys[self.at] == "within"
        if grouped:
            self.expect("within")
            self.expect("group")
            self.enter("(")
            self.order_by()
            self.leave(")")
        self.allowed.arguments(self, first, name, arguments, grouped=grouped)
        if self.tokens.name(name) == "overlaps":
            self.growth.twice(first, self.at, copies)
        self.account.functions.append(name)
        self.window_call()

    def arguments(self) -> list[tuple[int, int]]:
        """`( x, name => y, variadic z order by ... )`; where each of them begins and ends."""
        keys, kinds = self.keys, self.kinds
        self.enter("(")
        arguments: list[tuple[int, int]] = []
        key = keys[self.at]
        if key == "*" and keys[self.at + 1] == ")":
            self.at += 1
        elif key != ")":
            if key in ("all", "distinct"):
                self.at += 1
            while True:
                if keys[self.at] == "variadic":
                    self.at += 1
                if keys[self.at + 1] in ("=>", ":=") and kinds[self.at] in (
                    IDENTIFIER,
                    FUNCTION_WORD,
                ):
                    self.at += 2
                begin = self.at
                self.expression()
                arguments.append((begin, self.at))
                if keys[self.at] != ",":
                    break
                self.at += 1
            if keys[self.at] == "order":
                self.order_by()
        self.leave(")")
        return arguments

    def window_call(self) -> None:
        """FILTER and OVER behind a call."""
        keys = self.keys
        if keys[self.at] == "filter":
            self.at += 1
            self.enter("(")
            self.expect("where")
            self.expression()
            self.leave(")")
        if keys[self.at] == "over":
            self.growth.computed = True
            self.at += 1
            if keys[self.at] == "(":
                self.window_definition()
            elif self.kinds[self.at] in (IDENTIFIER, COLUMN_WORD):
                self.at += 1
            else:
                raise self.unexpected(self.at)

    # Operands that begin with a keyword

    def column_word(self, key: str) -> None:  # noqa: C901, PLR0912  # one branch per form
        """Read a special form, a typed literal, or a column that bears the keyword's name."""
        at, keys = self.at, self.keys
        following = keys[at + 1]
        if key in TYPE_WORDS and (
            following in ("'", "varying")
            or (following == "(" and key != "json")
            or (following in ("with", "without") and keys[at + 2] == "time")
            or (key == "national" and following in ("character", "char"))
        ):
            self.typed_literal()
            return
        if following != "(":
            if following in (".", "["):
                self.name()
            else:
                self.at = at + 1
            return
        if key in _UNSUPPORTED or key.startswith("xml"):
            raise Refusal(
                "function",
                f"{key}() is not allowed",
                _UNSUPPORTED.get(key, "XML is not supported."),
                index=at,
            )
        if key in FORMS:
            self.account.forms.append(key)
        else:
            self.account.functions.append(at)
        self.at = at + 1
        if key == "exists":
            copies = self.growth.copies
            if not self.bracket():
                raise self.unexpected(at + 2)
            self.growth.semi_joined()
            self.growth.twice(at, self.at, copies)
            return
        self.enter("(")
        if key in _LISTS:
            self.expressions()
        elif key in _JSON_BUILDERS:
            self.json_builder()
        elif key in _JSON_READERS:
            self.json_reader()
        elif key in _JSON_CASTS:
            self.json_value(as_json=True)
            self.json_tail()
        elif key in _FORMS:
            _FORMS[key](self)
        else:
            raise self.unexpected(at + 1)
        self.leave(")")
        if key in ("json_objectagg", "json_arrayagg"):
            self.window_call()

    def row(self) -> None:
        """Read nothing, or expressions."""
        self.lengthening.texts += 1
        if self.keys[self.at] != ")":
            self.expressions()

    def extract(self) -> None:
        """Read `field from x`."""
        if self.kinds[self.at] not in (IDENTIFIER, STRING):
            raise self.unexpected(self.at)
        self.at += 1
        self.expect("from")
        self.expression()

    def position(self) -> None:
        """Read `part in x`."""
        self.expression(plain=True)
        self.expect("in")
        self.expression(plain=True)

    def normalize(self) -> None:
        """Read `x [, form]`."""
        self.expression()
        if self.keys[self.at] == "," and self.keys[self.at + 1] in ("nfc", "nfd", "nfkc", "nfkd"):
            self.at += 2

    def overlay(self) -> None:
        """Read `x placing y from n [for m]`, or a list: then it is a function like others."""
        name = self.at - 2
        self.expression()
        if self.keys[self.at] == ",":
            self.account.forms.remove("overlay")
            self.account.functions.append(name)
            self.rest_of_list()
            return
        self.expect("placing")
        self.expression()
        self.expect("from")
        self.expression()
        if self.skip("for"):
            self.expression()

    def substring(self) -> None:
        """`x, n, m`, `x from n for m`, `x similar p escape e`."""
        keys = self.keys
        self.expression()
        if keys[self.at] == "similar":
            self.at += 1
            self.expression()  # ESCAPE included: the readers take it for an operator
        elif keys[self.at] == ",":
            self.rest_of_list()
        else:
            for _ in range(2):
                if keys[self.at] in ("from", "for"):
                    self.at += 1
                    self.expression()

    def trim(self) -> None:
        """`[both | leading | trailing] [characters] from x`, or a plain list."""
        keys = self.keys
        if keys[self.at] in ("both", "leading", "trailing"):
            self.at += 1
        if keys[self.at] != "from":
            self.expression()
        if keys[self.at] == "from":
            self.at += 1
            self.expression()
        self.rest_of_list()

    # Operands that begin with a reserved word

    def reserved(self, key: str) -> None:  # noqa: C901  # one branch per word
        """Operands that begin with a reserved word."""
        keys, at = self.keys, self.at
        if key in _CONSTANTS:
            self.at = at + 1
        elif key in CLOCKS:
            self.at = at + 1
            if keys[at + 1] == "(" and key != "current_date":
                if self.kinds[at + 2] != NUMBER or keys[at + 3] != ")":
                    raise self.unexpected(at + 2)
                self.at = at + 4
        elif key == "case":
            self.case()
        elif key == "cast":
            self.at = at + 1
            self.enter("(")
            self.expression()
            self.expect("as")
            self.lengthening.texts += self.type_name() in TEXTS
            self.leave(")")
        elif key == "array":
            self.array()
        elif key in ("any", "some", "all"):
            self.at = at + 1
            left = self.growth.left
            if self.bracket():
                self.growth.left = left
                self.growth.compared()
                self.growth.copied(2, at)
            else:
                self.lengthening.arrays += 1
        elif key in _IDENTITIES:
            raise Refusal(
                "function",
                f"{key} is not allowed",
                "Leave it out, or ask who you are: select * from api.whoami().",
                index=at,
            )
        else:
            raise self.unexpected(at)

    def case(self) -> None:
        """CASE ... END."""
        self.enter("case")
        if self.keys[self.at] != "when":
            self.expression()
        while True:
            self.expect("when")
            self.expression()
            self.expect("then")
            self.expression()
            if self.keys[self.at] != "when":
                break
        if self.keys[self.at] == "else":
            self.at += 1
            self.expression()
        self.leave("end")

    def array(self) -> None:
        """`array[...]`, with inner arrays as bare brackets, or `array(query)`."""
        start = self.at
        self.lengthening.texts += 1
        self.at += 1
        if self.keys[self.at] == "(":
            if not self.bracket():
                raise self.unexpected(start + 2)
            return
        self.array_items()

    def array_items(self) -> None:
        """`[ expression, ... ]` or `[ [...], ... ]`."""
        self.enter_array()
        self.enter("[")
        keys = self.keys
        if keys[self.at] != "]":
            while True:
                if keys[self.at] == "[":
                    self.array_items()
                else:
                    self.expression()
                if keys[self.at] != ",":
                    break
                self.at += 1
        self.leave("]")
        self.arrays -= 1


_FORMS: Final[dict[str, Callable[[CallReader], None]]] = {
    "row": CallReader.row,
    "extract": CallReader.extract,
    "position": CallReader.position,
    "normalize": CallReader.normalize,
    "substring": CallReader.substring,
    "overlay": CallReader.overlay,
    "trim": CallReader.trim,
}
