"""The cost of planning a query: PostgreSQL tries the orders in which its relations can be joined.

It tries all orders of up to eight joined relations (join_collapse_limit), those of queries in FROM,
EXISTS and IN included, and of up to eleven between commas (geqo_threshold); of more it tries some.
Each column that joins them is one more way to join. Before that, queries in FROM are pulled up into
the outer query: for each of them PostgreSQL copies all of the outer query, and lists of the columns
of each join with the expressions they stand for. Sizes are counted in names, of some 20 kB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zava_sql.guard.bounds.columns import COLUMNS, VIEW, larger
from zava_sql.guard.bounds.counts import half

if TYPE_CHECKING:
    from zava_sql.guard.bounds.columns import Joins, Level

__all__ = [
    "FEW_MATCHED", "PLANS", "add_natural", "add_view", "joined_size", "plan_size", "pulled_size",
    "sets_size", "union_size",
]  # fmt: skip

_COMMON_NAMES: Final = 40  # in the condition that NATURAL JOIN implies: two for each column
_VIEW_RELATIONS: Final = 2  # that a view of schema api joins, itself aside, as a guess
_VIEW_PLAN: Final = 20  # what it takes to plan one
_QUERY: Final = 1
_RELATION: Final = 2
_TOGETHER: Final = 8  # relations of which each order is tried
_LISTED: Final = 11  # the same, between commas
_JOINED: Final[tuple[int, ...]] = tuple(
    2 * 3**relations // 11 for relations in range(_TOGETHER + 1)
)
_FEW: Final = 5  # relations from which on the join columns matter, if these are few
FEW_MATCHED: Final = 3 * _COMMON_NAMES
PLANS: Final = tuple(
    _QUERY + _RELATION * relations + _JOINED[relations] for relations in range(_FEW)
)
_CROSSED: Final = 0.1  # what joins without condition take of that
_SQUARE: Final = 30
_KEYS: Final = 100  # pairs of these take as much as one name
_MAX_SETS: Final = 4_096  # of GROUP BY, beyond which PostgreSQL refuses a text
_COLUMNS_OF_SET: Final = 16
_WRITTEN: Final = 80  # names that are only copied, in the memory of one
_OF_COPY: Final = 4  # of these, what a copy takes beside its own


def add_view(level: Level) -> None:
    """Add a view of schema api, or a function, which may be as large if it is one of SQL."""
    level.pulled += 1
    level.whole = VIEW
    level.sources = larger(level.sources, VIEW)
    level.relations += _VIEW_RELATIONS
    level.planned += _VIEW_PLAN


def add_natural(level: Level, wide: int) -> None:
    """Add NATURAL JOIN of `wide` columns with those of the last item: all may be common."""
    level.naturals += 1
    common = min(wide, level.wide - wide)
    level.matched += _COMMON_NAMES if common <= COLUMNS else 2 * common


def plan_size(joins: Joins, listed: int) -> int:
    """Give the size of the plan of a query with so many relations between commas."""
    relations = joins.relations
    if not relations or (relations < _FEW and joins.matched <= FEW_MATCHED):
        return PLANS[relations]
    size = _QUERY + _RELATION * relations
    whole, rest = divmod(relations - 1, _TOGETHER - 1)
    joined = whole * (whole + 3) // 4 * _JOINED[_TOGETHER] + _JOINED[rest + 1]
    if _TOGETHER < listed <= _LISTED:
        joined = max(joined, 3**listed // 10)
    matched = joins.matched / joins.parts
    joined = int(joined * (min(max(matched, _CROSSED), 1) + matched**2 / _SQUARE))
    return size + max(joined, listed**3 if listed > _LISTED else 0)


def joined_size(level: Level) -> int:
    """Give the size of the lists of columns of all joins of a query, in names that are copied."""
    return (level.number - level.listed) * (level.width + _OF_COPY * level.copied)


def pulled_size(level: Level, end: int, copies: int, *, is_lateral: bool) -> int:
    """Give the size of what is copied when queries in FROM are pulled up into the outer one.

    That is the columns of all joins for each of these queries, and all of the outer query for each
    but the first; with the queries of LATERAL. `copies` are those in it.
    """
    size = end - level.start
    if not is_lateral:
        for first, last, inner in level.inner:
            size -= last - first
            copies -= inner
    again = (level.pulled - 1) * (half(size) + _OF_COPY * copies)
    return (level.pulled * level.joined + again) // _WRITTEN


def sets_size(sets: int, columns: int) -> int:
    """Give the size of the sets of GROUP BY: each is a list of columns, and is planned."""
    return max(sets, min(sets, _MAX_SETS) * (2 + columns // _COLUMNS_OF_SET))


def union_size(columns: int) -> int:
    """Give the size of UNION, INTERSECT or EXCEPT of queries with so many columns, each a key."""
    return columns**2 // _KEYS
