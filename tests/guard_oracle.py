"""PostgreSQL's own reading of a text (libpg_query by postgast), to hold the guard's against.

`read` is what the guard's three steps found, `harms` what PostgreSQL would do beyond it: a
function, relation, type, attribute or node that is not on the guard's lists, or that it missed.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postgast.native import lib

from zava_sql.guard.keywords import COLUMN_WORD, KINDS, OPERATORS, SYSTEM_COLUMNS, words
from zava_sql.guard.lexer import Tokens, scan
from zava_sql.guard.names import _CLOSED_ATTRIBUTES, _FUNCTIONS, Names
from zava_sql.guard.queries import QueryReader
from zava_sql.guard.tree import check_tree
from zava_sql.guard.type_names import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

WRAP = "select * from (\n{}\n) as q limit 11"

# Every node that PostgreSQL may see in a text that passed, and nothing else.
NODES = words("""
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
FORMS = words("json_object normalize overlay position substring")
# What the grammar itself calls for a piece of syntax, always qualified by pg_catalog.
FOR_SYNTAX = words("""
    timezone extract overlay position substring btrim ltrim rtrim normalize is_normalized
    like_escape similar_to_escape overlaps
    """)
CLOCKS = frozenset(
    f"SVFOP_{name}"
    for clock in ("CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP")
    for name in (clock, f"{clock}_N")
) | {"SVFOP_CURRENT_DATE"}


def parse(sql: str) -> dict[str, Any] | None:
    """PostgreSQL's raw parse tree, or None for a syntax error."""
    result = lib.pg_query_parse(sql.encode())
    try:
        if result.error:
            return None
        tree: dict[str, Any] = json.loads(result.parse_tree)
        return tree
    finally:
        lib.pg_query_free_parse_result(result)


def without_places(tree: Any) -> Any:
    """The tree without what depends on spaces and comments."""
    if isinstance(tree, dict):
        return {
            key: without_places(value)
            for key, value in tree.items()
            if key not in ("location", "stmt_len", "stmt_location", "list_start", "list_end")
            and not key.startswith("rexpr_list_")
        }
    if isinstance(tree, list):
        return [without_places(value) for value in tree]
    return tree


def nodes(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node of the tree as (class, fields); fields that hold a node untagged are named."""
    stack = [tree]
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


def strings(items: list[Any]) -> list[str]:
    return [item["String"].get("sval", "") for item in items if "String" in item]


@dataclass
class Reading:
    """A text that the guard would let pass, and what it accounted for."""

    canonical: str
    tokens: Tokens
    functions: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)


def read(sql: str, names: Names) -> Reading:
    """The guard's steps, with their account; raises Refusal."""
    tokens = scan(sql)
    reader = QueryReader(tokens, names)
    reader.statement()
    check_tree(tokens, reader.account)
    reading = Reading(tokens.canonical(), tokens)
    reading.functions.update(
        tokens.name(index)
        for index in reader.account.functions
        if KINDS.get(tokens.keys[index]) != COLUMN_WORD or tokens.keys[index - 1] == "."
    )
    reading.relations.update(tokens.name(index) for index in reader.account.relations)
    reading.types.update(reader.account.types)
    return reading


def harms(reading: Reading, tree: dict[str, Any]) -> list[str]:
    """What PostgreSQL sees in the text and the guard did not allow, or not see."""
    judge = Judge()
    statements = tree.get("stmts", [])
    if len(statements) != 1 or "SelectStmt" not in statements[0]["stmt"]:
        judge.found.append("not one SELECT")
    for kind, node in nodes(statements):
        if kind not in NODES:
            judge.found.append(f"node {kind}")
        elif kind in RULES:
            RULES[kind](judge, node)
    for ours, theirs in (
        (reading.functions, judge.functions),
        (reading.relations, judge.relations),
        (reading.types, judge.types),
    ):
        if ours != theirs:
            judge.found.append(f"guard {dict(ours - theirs)}, PostgreSQL {dict(theirs - ours)}")
    return judge.found


@dataclass
class Judge:
    """What was found in a tree, and the names in it."""

    found: list[str] = field(default_factory=list)
    functions: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)

    def call(self, node: dict[str, Any]) -> None:
        name = strings(node["funcname"])
        escapes = ("like_escape", "similar_to_escape")
        if node.get("funcformat") == "COERCE_SQL_SYNTAX" or name[-1] in escapes:
            if name[0] != "pg_catalog" or name[1] not in FOR_SYNTAX:
                self.found.append(f"syntax function {name}")
        elif name[-1] not in FORMS or name[:-1] not in ([], ["pg_catalog"]):
            self.functions[name[-1]] += 1
            if not function_is_allowed(name):
                self.found.append(f"function {name}")

    def relation(self, node: dict[str, Any]) -> None:
        self.relations[node["relname"]] += 1
        if (
            "catalogname" in node
            or node.get("schemaname", "retail") not in ("retail", "api")
            or node["relname"].lower().startswith("pg_")
        ):
            self.found.append(f"relation {node}")

    def type(self, node: dict[str, Any]) -> None:
        name = strings(node.get("names", []))
        if node.get("location") == -1:  # substring(x for n) casts n by itself
            return
        self.types[name[-1]] += 1
        if TYPES.get(name[-1]) != name[-1] or name[:-1] not in ([], ["pg_catalog"], ["public"]):
            self.found.append(f"type {name}")

    def column(self, node: dict[str, Any]) -> None:
        names = strings(node["fields"])
        names = names[1:] or names  # the first of several is a relation
        self.found += [f"system column {name}" for name in names if name in SYSTEM_COLUMNS]
        self.found += [f"attribute {name}" for name in strings(node["fields"][1:]) if closed(name)]

    def indirection(self, node: dict[str, Any]) -> None:
        self.found += [f"attribute {name}" for name in strings(node["indirection"]) if closed(name)]

    def select(self, node: dict[str, Any]) -> None:
        self.found += [clause for clause in ("intoClause", "lockingClause") if clause in node]

    def clock(self, node: dict[str, Any]) -> None:
        if node["op"] not in CLOCKS:
            self.found.append(node["op"])

    def operator(self, node: dict[str, Any]) -> None:
        *schema, name = strings(node.get("name", [])) or [""]
        if schema not in ([], ["pg_catalog"], ["public"]) or (
            node["kind"] == "AEXPR_OP" and name not in OPERATORS
        ):
            self.found.append(f"operator {schema} {name}")


RULES = {
    "FuncCall": Judge.call,
    "RangeVar": Judge.relation,
    "TypeName": Judge.type,
    "ColumnRef": Judge.column,
    "A_Indirection": Judge.indirection,
    "SelectStmt": Judge.select,
    "SQLValueFunction": Judge.clock,
    "A_Expr": Judge.operator,
}


def function_is_allowed(name: list[str]) -> bool:
    *schemas, last = name
    if schemas == ["api"]:
        return True
    home = _FUNCTIONS[last][2] if last in _FUNCTIONS else None
    return (not schemas and (home is not None or TYPES.get(last) == last)) or schemas == [home]


def closed(name: str) -> bool:
    return name in _CLOSED_ATTRIBUTES or (name.startswith("pg_") and name not in _FUNCTIONS)
