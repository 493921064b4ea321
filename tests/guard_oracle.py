"""PostgreSQL's own reading of a text (libpg_query by postgast), to hold the guard's against.

`read` is what the guard's steps found, `harms` what PostgreSQL would do beyond it: a function,
relation, type, attribute or node that is not on the guard's lists, or that it missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zava_sql.guard import opinion
from zava_sql.guard.lexer import Tokens, scan
from zava_sql.guard.queries import QueryReader
from zava_sql.guard.tree import check_tree

if TYPE_CHECKING:
    from zava_sql.guard.account import Account
    from zava_sql.guard.names import Names

WRAP = "select * from (\n{}\n) as q limit 11"


def parse(sql: str) -> dict[str, Any] | None:
    """PostgreSQL's raw parse tree, or None for a syntax error."""
    return opinion.parse(sql)[0]


def without_places(tree: Any) -> Any:
    """The tree without what depends on spaces and comments."""
    if isinstance(tree, dict):
        return {
            key: without_places(value)
            for key, value in tree.items()
            if key not in ("stmt_len", "list_start", "list_end")
            and not key.endswith("location")
            and not key.startswith("rexpr_list_")
        }
    if isinstance(tree, list):
        return [without_places(value) for value in tree]
    return tree


@dataclass
class Reading:
    """A text that the guard would let pass, and what it accounted for."""

    canonical: str
    tokens: Tokens
    account: Account


def read(sql: str, names: Names) -> Reading:
    """The guard's steps, with their account; raises Refusal."""
    tokens = scan(sql)
    reader = QueryReader(tokens, names)
    reader.statement()
    check_tree(tokens, reader.account)
    return Reading(tokens.canonical(), tokens, reader.account)


def harms(reading: Reading, tree: dict[str, Any]) -> list[str]:
    """What PostgreSQL sees in the text and the guard did not allow, or not see."""
    return opinion.objections(tree, reading.tokens, reading.account)
