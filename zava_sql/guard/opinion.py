"""An optional third account: PostgreSQL's own grammar (libpg_query, extra `strict`).

It is asked last, about what the other two accept: libpg_query crashes on what the limits refuse.
While it is optional nothing relies on it; the tests compare the other two with it.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from zava_sql.errors import ConfigurationError
from zava_sql.guard.keywords import COLUMN_WORD, KINDS, OPERATORS, SYSTEM_COLUMNS, words
from zava_sql.guard.limits import Refusal, piece
from zava_sql.guard.names import FUNCTIONS, OF_COLUMNS, OPEN_SCHEMAS, is_closed_attribute
from zava_sql.guard.tree import unsupported
from zava_sql.guard.type_names import CONFIGURATION, TEXT_SEARCH, TYPES, quoted_type

try:
    from postgast.native import lib
except (ImportError, OSError) as error:
    raise ConfigurationError(
        "ZAVA_GUARD_STRICT needs the package postgast",
        hint="Install it: pip install 'zava-sql[strict]'",
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zava_sql.guard.account import Account
    from zava_sql.guard.lexer import Tokens

__all__ = ["check_opinion", "objections", "parse"]

# Every node class that PostgreSQL may see in a text that passed.
_NODES = words("""
    A_ArrayExpr A_Const A_Expr A_Indices A_Indirection A_Star Alias BitString BoolExpr Boolean
    BooleanTest CaseExpr CaseWhen CoalesceExpr CollateClause ColumnDef ColumnRef CommonTableExpr
    CTECycleClause CTESearchClause Float FuncCall GroupingFunc GroupingSet Integer JoinExpr
    JsonAggConstructor JsonArrayAgg JsonArrayConstructor JsonArrayQueryConstructor JsonBehavior
    JsonFormat JsonFuncExpr JsonIsPredicate JsonKeyValue JsonObjectAgg JsonObjectConstructor
    JsonOutput JsonParseExpr JsonReturning JsonScalarExpr JsonSerializeExpr JsonValueExpr
    JsonArgument JsonTable JsonTableColumn JsonTablePathSpec List
    MinMaxExpr MultiAssignRef NamedArgExpr NullIfExpr NullTest RangeFunction
    RangeSubselect RangeVar ResTarget RowExpr SQLValueFunction SelectStmt SortBy String SubLink
    TypeCast TypeName WindowDef WithClause
    """)
# Forms that are also called by name: `substring(x, 1, 2)` is a plain FuncCall to PostgreSQL.
_FORMS = words("json_object normalize overlay position substring")
# Functions that the grammar itself calls for syntax, always qualified by pg_catalog.
_FOR_SYNTAX = words("""
    timezone extract overlay position substring btrim ltrim rtrim normalize is_normalized
    like_escape similar_to_escape overlaps
    """)
_CLOCKS = frozenset(
    f"SVFOP_{name}"
    for clock in ("CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP")
    for name in (clock, f"{clock}_N")
) | {"SVFOP_CURRENT_DATE"}


def check_opinion(tokens: Tokens, account: Account) -> None:
    """Refuse unless PostgreSQL's parser sees one SELECT that holds what was accounted for."""
    try:
        tree, message, position = parse(tokens.canonical())
    except RecursionError:  # of json, at some 480 operators in a row
        raise Refusal(
            "too_deep",
            "an expression is too long",
            "Split long chains of operators, or put brackets around parts of them.",
        ) from None
    if tree is None:
        ends = accumulate(len(text) + 1 for text in tokens.texts)
        raise Refusal(
            "syntax",
            piece(message),
            "PostgreSQL cannot parse it from there on: look at what comes before it, too.",
            index=bisect_right(list(ends), position),
        )
    if objections(tree, tokens, account):
        raise unsupported()


def parse(sql: str) -> tuple[dict[str, Any] | None, str, int]:
    """Give PostgreSQL's raw parse tree; or None, its error and the position of that, from 1."""
    result = lib.pg_query_parse(sql.encode())
    try:
        if result.error:
            error = result.error.contents
            return None, error.message.decode(), error.cursorpos
        return json.loads(result.parse_tree), "", 0
    finally:
        lib.pg_query_free_parse_result(result)


def objections(tree: dict[str, Any], tokens: Tokens, account: Account) -> list[str]:
    """Find what PostgreSQL sees in a text that is not allowed, or was not accounted for."""
    judge = _Judge()
    statements = tree.get("stmts", [])
    if len(statements) != 1 or "SelectStmt" not in statements[0]["stmt"]:
        judge.found.append("not one SELECT")
    for kind, node in _nodes(statements):
        if kind not in _NODES:
            judge.found.append(f"node {kind}")
        elif kind in _RULES:
            _RULES[kind](judge, node)
    functions = Counter(
        tokens.name(index)
        for index in account.functions
        if KINDS.get(tokens.keys[index]) != COLUMN_WORD or tokens.keys[index - 1] == "."
    )
    for ours, theirs in (
        (functions, judge.functions),
        (Counter(tokens.name(index) for index in account.relations), judge.relations),
        (Counter(account.types), judge.types),
    ):
        if ours != theirs:
            judge.found.append(f"guard {dict(ours - theirs)}, PostgreSQL {dict(theirs - ours)}")
    if judge.types[CONFIGURATION] != judge.configurations:
        judge.found.append(f"type {CONFIGURATION}")
    return judge.found


def _nodes(tree: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node of the tree as (class, fields); fields that hold a node untagged are named."""
    stack: list[Any] = [tree]
    untagged = {
        "relation": "RangeVar", "typeName": "TypeName", "alias": "Alias", "over": "WindowDef",
        "withClause": "WithClause", "larg": "SelectStmt", "rarg": "SelectStmt",
        "search_clause": "CTESearchClause", "cycle_clause": "CTECycleClause",
        "intoClause": "IntoClause",
    }  # fmt: skip
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, dict):
            for key, inner in value.items():
                if isinstance(inner, dict):
                    if key[0].isupper():
                        yield key, inner
                    elif key in untagged and not next(iter(inner), "a")[0].isupper():
                        yield untagged[key], inner
                    stack.append(inner)
                elif isinstance(inner, list):
                    stack.append(inner)


def _strings(items: list[Any]) -> list[str]:
    return [item["String"].get("sval", "") for item in items if "String" in item]


@dataclass
class _Judge:
    """What was found in a tree, and the names in it."""

    found: list[str] = field(default_factory=list)
    functions: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    configurations: int = 0  # literals that are the first argument of a text search

    def call(self, node: dict[str, Any]) -> None:
        name = _strings(node["funcname"])
        escapes = ("like_escape", "similar_to_escape")
        if node.get("funcformat") == "COERCE_SQL_SYNTAX" or name[-1] in escapes:
            if name[0] != "pg_catalog" or name[1] not in _FOR_SYNTAX:
                self.found.append(f"syntax function {name}")
        elif name[-1] not in _FORMS or name[:-1] not in ([], ["pg_catalog"]):
            self.functions[name[-1]] += 1
            if not _function_is_allowed(name):
                self.found.append(f"function {name}")
        if len(name) == 1 and name[0] in TEXT_SEARCH:
            self.configurations += _casts_to_configuration(node["args"][0])

    def relation(self, node: dict[str, Any]) -> None:
        self.relations[node["relname"]] += 1
        if node.get("schemaname", "retail") not in OPEN_SCHEMAS or node[
            "relname"
        ].lower().startswith("pg_"):
            self.found.append(f"relation {node}")

    def type(self, node: dict[str, Any]) -> None:
        name = _strings(node.get("names", []))
        if node.get("location") == -1:  # substring(x for n) casts n by itself
            return
        self.types[name[-1]] += 1
        if name == [CONFIGURATION] and "arrayBounds" not in node and "typmods" not in node:
            return
        if not quoted_type(name[-1]) or name[:-1] not in ([], ["pg_catalog"], ["public"]):
            self.found.append(f"type {name}")

    def column(self, node: dict[str, Any]) -> None:
        names = _strings(node["fields"])
        names = names[1:] or names  # the first of several is a relation
        self.found += [f"system column {name}" for name in names if name in SYSTEM_COLUMNS]
        self.found += [
            f"attribute {name}"
            for name in _strings(node["fields"][1:])
            if is_closed_attribute(name)
        ]

    def indirection(self, node: dict[str, Any]) -> None:
        self.found += [
            f"attribute {name}"
            for name in _strings(node["indirection"])
            if is_closed_attribute(name)
        ]

    def clock(self, node: dict[str, Any]) -> None:
        if node["op"] not in _CLOCKS:
            self.found.append(node["op"])

    def operator(self, node: dict[str, Any]) -> None:
        *schema, name = _strings(node.get("name", [])) or [""]
        if schema not in ([], ["pg_catalog"], ["public"]) or (
            node["kind"] == "AEXPR_OP" and name not in OPERATORS
        ):
            self.found.append(f"operator {schema} {name}")


def _casts_to_configuration(node: dict[str, Any]) -> bool:
    cast = node.get("TypeCast", {})
    name = _strings(cast.get("typeName", {}).get("names", []))
    return name == [CONFIGURATION] and "sval" in cast["arg"].get("A_Const", {})


_RULES = {
    "FuncCall": _Judge.call,
    "RangeVar": _Judge.relation,
    "TypeName": _Judge.type,
    "ColumnRef": _Judge.column,
    "A_Indirection": _Judge.indirection,
    "SQLValueFunction": _Judge.clock,
    "A_Expr": _Judge.operator,
}


def _function_is_allowed(name: list[str]) -> bool:
    *schemas, last = name
    if schemas == ["api"]:
        return True
    home = FUNCTIONS[last][2] if last in FUNCTIONS else None
    if last in OF_COLUMNS:  # PostgreSQL itself refuses them without columns
        return not schemas
    return (not schemas and (home is not None or TYPES.get(last) == last)) or schemas == [home]
