"""The second account: sqlglot's tree of the same tokens, by exact node classes.

What the tree holds must be what the readers found: the same functions and relations at the same
tokens, the same types and special forms as often, and no node of a class that is not listed here.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ErrorLevel
from sqlglot.tokenizer_core import Token, TokenType

from zava_sql.guard.limits import Refusal
from zava_sql.guard.shape import FORMS, GAP, TOKENS, shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zava_sql.guard.account import Account
    from zava_sql.guard.lexer import Tokens

__all__ = ["check_tree"]

# Every class of node that may be in a tree, by exact type. A string names the form that the readers
# must have found as often; the capitals stand for nodes that are compared one by one.
_NODES: Final[dict[type[exp.Expr], str]] = {
    **dict.fromkeys(
        (
            exp.Add, exp.Alias, exp.All, exp.And, exp.Any, exp.Array, exp.AtTimeZone, exp.Between,
            exp.Boolean, exp.Bracket, exp.CTE, exp.Case, exp.Cast, exp.Collate, exp.Column,
            exp.ColumnDef, exp.Cube, exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp,
            exp.DPipe, exp.DataTypeParam, exp.Distinct, exp.Div, exp.Dot, exp.EQ, exp.Escape,
            exp.Except, exp.Fetch, exp.Filter, exp.From, exp.GT, exp.GTE, exp.Group,
            exp.GroupingSets, exp.Having, exp.ILike, exp.Identifier, exp.If, exp.In, exp.Intersect,
            exp.IntervalSpan, exp.Is, exp.JSON, exp.Join, exp.Kwarg, exp.LT,
            exp.LTE, exp.Lateral, exp.Like, exp.Limit, exp.LimitOptions, exp.Literal, exp.Localtime,
            exp.Localtimestamp, exp.Mul, exp.NEQ, exp.Neg, exp.Not, exp.Null, exp.NullSafeEQ,
            exp.NullSafeNEQ, exp.Offset, exp.Or, exp.Order, exp.Ordered, exp.Overlaps, exp.Paren,
            exp.PropertyEQ, exp.Rollup, exp.Select, exp.SimilarTo,
            exp.Slice, exp.Star, exp.Sub, exp.Subquery, exp.TableAlias, exp.Tuple, exp.Union,
            exp.Values, exp.Var, exp.Variadic, exp.Where, exp.Window, exp.WindowSpec, exp.With,
            exp.WithinGroup,
        ),
        "",
    ),
    exp.Exists: "exists",
    exp.Extract: "extract",
    exp.Overlay: "overlay",
    exp.StrPosition: "position",
    exp.Substring: "substring",
    exp.Trim: "trim",
    exp.Anonymous: "FUNCTION",
    exp.Table: "RELATION",
    exp.DataType: "TYPE",
    exp.Interval: "INTERVAL",
    exp.ParseJSON: "JSON",
}  # fmt: skip


class _Dialect(Postgres):
    """PostgreSQL without the shift of subscripts to zero, which costs 0.2 ms for each."""

    INDEX_OFFSET = 0


_DIALECT: Final = _Dialect()


def check_tree(tokens: Tokens, account: Account) -> None:
    """Refuse unless sqlglot's tree holds exactly the names that the readers accounted for."""
    keys = tokens.keys
    functions: list[int] = []
    forms: list[str] = []
    for index in account.functions:
        if keys[index] in FORMS and keys[index - 1] != ".":
            forms.append(keys[index])
        else:
            functions.append(index)
    types = [TOKENS.get(name, TokenType.HSTORE).name for name in account.types]
    ours = (sorted(functions), sorted(account.relations), sorted(types), sorted(forms))
    if _account_of(shape(tokens)) != ours:
        raise Refusal(
            "unsupported",
            "this form of SELECT is not supported",
            "Write it in plainer SQL: joins with ON, casts as cast(x as type).",
        )


@lru_cache(maxsize=1_024)
def _account_of(words: str) -> tuple[list[int], list[int], list[str], list[str]] | None:
    """Account for a tree: functions, relations, types, forms. None: no tree, or a strange one."""
    tokens = [
        # Positions twice the index: to sqlglot no two tokens touch each other.
        Token(TOKENS.get(word, TokenType.VAR), word, 1, 2 * index, 2 * index, 2 * index, [])
        for index, word in enumerate(words.split(" "))
        if word != GAP
    ]
    with _no_collection():
        try:
            trees = _DIALECT.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, "")
            return _read(trees[0]) if len(trees) == 1 and trees[0] is not None else None
        except Exception:  # noqa: BLE001  # whatever a parser does on strange input, the answer is no
            return None


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector out of the few milliseconds in which a tree lives.

    A tree is thousands of objects that point at each other; a collection that they set off walks
    through the whole process and takes longer than all the rest.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read(tree: exp.Expr) -> tuple[list[int], list[int], list[str], list[str]] | None:
    functions: list[int] = []
    relations: list[int] = []
    types: list[str] = []
    forms: list[str] = []
    nodes = _NODES
    for node in list(tree.walk()):
        role = nodes.get(type(node))
        node.parent = None  # no cycles: the tree goes when it is read
        if role is None:
            return None
        if not role:
            continue
        if role == "FUNCTION":
            functions.append(node.meta["start"] // 2)
        elif role == "RELATION":
            name = node.this
            if type(name) is exp.Identifier:
                relations.append(name.meta["start"] // 2)
        elif role == "TYPE":
            if node.this is not exp.DType.ARRAY:
                types.append(node.this.name)
        elif role in ("INTERVAL", "JSON"):
            types.append(role)
        else:
            forms.append(role)
    functions.sort()
    relations.sort()
    types.sort()
    forms.sort()
    return functions, relations, types, forms
