"""What it takes to plan a query: PostgreSQL tries the orders in which its relations can be joined.

It tries all of up to eight relations that are joined (join_collapse_limit), queries in FROM and in
EXISTS and IN included, and of up to eleven between commas (geqo_threshold); of more it tries some.
Each column that joins them is one more way to join. Sizes are in names, of some 20 kB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zava_sql.guard.columns import Joins

__all__ = ["COMMON_NAMES", "VIEW_PLAN", "VIEW_RELATIONS", "plan_size", "sets_size"]

VIEW_RELATIONS: Final = 2  # that a view of schema api joins, itself aside, as a guess
VIEW_PLAN: Final = 20  # what it takes to plan one
COMMON_NAMES: Final = 40  # in the condition that NATURAL JOIN stands for: two for each column

_QUERY: Final = 1
_RELATION: Final = 2
_TOGETHER: Final = 8  # relations of which each order is tried
_LISTED: Final = 11  # the same, between commas
_JOINED: Final[tuple[int, ...]] = tuple(
    2 * 3**relations // 11 for relations in range(_TOGETHER + 1)
)
_FEW: Final = 5  # relations from which on it matters by what they are joined
_CROSSED: Final = 0.1  # what joins without condition take of that
_SQUARE: Final = 30
_MAX_SETS: Final = 4_096  # of GROUP BY, beyond which PostgreSQL refuses a text
_COLUMNS_OF_SET: Final = 16


def plan_size(joins: Joins, listed: int) -> int:
    """Give the size of the plan of a query, of which so many relations are between commas."""
    relations = joins.relations
    size = _QUERY + _RELATION * relations
    if relations < _FEW:
        return size + _JOINED[relations]
    whole, rest = divmod(relations - 1, _TOGETHER - 1)
    joined = whole * (whole + 3) // 4 * _JOINED[_TOGETHER] + _JOINED[rest + 1]
    if _TOGETHER < listed <= _LISTED:
        joined = max(joined, 3**listed // 10)
    matched = joins.matched / joins.parts
    joined = int(joined * (min(max(matched, _CROSSED), 1) + matched**2 / _SQUARE))
    return size + max(joined, listed**3 if listed > _LISTED else 0)


def sets_size(sets: int, columns: int) -> int:
    """Give the size of the sets of GROUP BY, each of which is a list of columns and planned."""
    return max(sets, min(sets, _MAX_SETS) * (2 + columns // _COLUMNS_OF_SET))
