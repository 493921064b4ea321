"""Reader of what follows an operand without being an expression: IS, OPERATOR(), COLLATE."""

from __future__ import annotations

from zava_sql.guard.keywords import COLUMN_WORD, IDENTIFIER
from zava_sql.guard.lexer import BITS, NUMBER, OPERATOR, STRING
from zava_sql.guard.limits import Refusal
from zava_sql.guard.type_names import TypeReader

__all__ = ["PredicateReader"]


class PredicateReader(TypeReader):
    """Adds predicates to types."""

    __slots__ = ()

    def starts_operand(self, at: int) -> bool:
        """Whether an operand can begin here; tells ESCAPE the operator from escape the label."""
        kind, key = self.kinds[at], self.keys[at]
        return kind in (NUMBER, STRING, BITS, IDENTIFIER, COLUMN_WORD) or key in (
            "(",
            "case",
            "null",
        )

    def named_operator(self) -> None:
        """`operator(schema.op)`: only operators that are allowed bare, from their own schema."""
        at, keys = self.at, self.keys
        schema = self.tokens.name(at + 2)
        if schema not in ("pg_catalog", "public") or keys[at + 3] != ".":
            raise Refusal(
                "operator",
                "OPERATOR() is allowed for pg_catalog and public only",
                "Write the operator itself.",
                index=at,
            )
        if self.kinds[at + 4] != OPERATOR or keys[at + 4] == "=>" or keys[at + 5] != ")":
            raise self.unexpected(at + 4)
        self.at = at + 6

    def is_predicate(self) -> bool:
        """IS [NOT] ...; true for DISTINCT FROM, which wants another operand."""
        keys = self.keys
        start = self.at
        at = start + 1
        if keys[at] == "not":
            at += 1
        key = keys[at]
        if key in ("null", "true", "false", "unknown", "normalized"):
            self.at = at + 1
            return False
        if key in ("nfc", "nfd", "nfkc", "nfkd") and keys[at + 1] == "normalized":
            self.at = at + 2
            return False
        if key == "distinct" and keys[at + 1] == "from":
            self.at = at + 2
            return True
        if key == "json":
            at += 1
            if keys[at] in ("value", "array", "object", "scalar"):
                at += 1
            if keys[at] in ("with", "without") and keys[at + 1] == "unique":
                at += 2
                if keys[at] == "keys":
                    at += 1
            self.at = at
            return False
        raise self.unexpected(at)

    def collation(self) -> None:
        """`collate name`; the name may be qualified by pg_catalog."""
        at, keys = self.at, self.keys
        if keys[at + 1] == ".":
            if self.tokens.name(at) != "pg_catalog":
                raise Refusal(
                    "type",
                    "collations come from pg_catalog only",
                    "Leave the schema out.",
                    index=at,
                )
            at += 2
        if self.kinds[at] != IDENTIFIER or keys[at + 1] == ".":
            raise self.unexpected(at)
        self.at = at + 1
