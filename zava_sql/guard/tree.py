"""The second account: sqlglot's trees of the same tokens, by exact node classes.

The trees must hold what the readers found: the same functions and relations at the same tokens, the
same number of each type and special form, and no node of a class that is not listed here.
"""

from __future__ import annotations

from functools import lru_cache
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ErrorLevel
from sqlglot.tokenizer_core import Token, TokenType

from zava_sql.guard.clauses import CONTEXTS, clauses
from zava_sql.guard.keywords import CLOCKS
from zava_sql.guard.limits import MAX_CLAUSES, MAX_READING, WORD_OF_CLAUSE, Refusal
from zava_sql.guard.shape import shape
from zava_sql.guard.tree_words import TOKENS
from zava_sql.guard.type_names import CONFIGURATION, TYPES

if TYPE_CHECKING:
    from sqlglot.parser import Parser

    from zava_sql.guard.account import Account
    from zava_sql.guard.lexer import Tokens

__all__ = ["check_tree", "unsupported"]

# Every class of node that may be in the tree of a clause, by exact type. A string names the form of
# which the readers must have found as many; the constants in capitals mark nodes that are compared
# one by one.
_NODES: Final[dict[type[exp.Expr], str]] = {
    **dict.fromkeys(
        (
            exp.Alias, exp.All, exp.And, exp.Any, exp.Array, exp.Between, exp.Boolean,
            exp.Bracket, exp.CTE, exp.Case, exp.Cast, exp.Column, exp.ColumnDef, exp.CurrentDate,
            exp.CurrentTime, exp.CurrentTimestamp, exp.DPipe, exp.DataTypeParam, exp.Distinct,
            exp.Except, exp.Fetch, exp.Filter, exp.From, exp.Identifier, exp.If, exp.Join,
            exp.Lateral, exp.Limit, exp.LimitOptions, exp.Literal, exp.Localtime,
            exp.Localtimestamp, exp.Neg, exp.Not, exp.Null, exp.Or, exp.Order, exp.Ordered,
            exp.Paren, exp.PropertyEQ, exp.Select, exp.Slice, exp.Star, exp.Subquery,
            exp.TableAlias, exp.Tuple, exp.Union, exp.Var, exp.Where, exp.Window, exp.WindowSpec,
            exp.With, exp.WithinGroup,
        ),
        "",
    ),
    exp.Exists: "exists",
    exp.Extract: "extract",
    exp.Overlay: "overlay",
    exp.Substring: "substring",
    exp.Trim: "trim",
    exp.Anonymous: "FUNCTION",
    exp.Table: "RELATION",
    exp.DataType: "TYPE",
    exp.ObjectIdentifier: CONFIGURATION,
}  # fmt: skip
# Words that are several tokens to sqlglot.
_TOKENS_OF: Final[dict[str, tuple[str, ...]]] = {
    "(_": ("(", "_"),
    "[_": ("[", "_"),
    "(select+_": ("(", "select", "_"),
    "null+::": ("null", "::"),
    ",+null+::": (",", "null", "::"),
    "rows+from": ("rows", "from"),
}
_PLACE: Final = 2  # between the positions of two words: to sqlglot no two tokens are adjacent
# What sqlglot is asked to parse, by context; a statement otherwise.
_ROOTS: Final[dict[str, type[exp.Expr]]] = {"s": exp.Expr, "f": exp.From, "w": exp.With}
_MOST_BEFORE: Final = max(map(len, CONTEXTS.values()))


class _Dialect(Postgres):
    """PostgreSQL without shifting subscripts to start at zero, which costs 0.2 ms for each."""

    INDEX_OFFSET = 0


_DIALECT: Final = _Dialect()


class _Found(NamedTuple):
    """What a tree holds: the words of functions, of relations; names of types, and forms."""

    functions: list[int]
    relations: list[int]
    others: list[str]


_NOTHING: Final = _Found([], [], [])
_UNKNOWN: Final = _Found([], [], [])
_REMEMBERED: Final = 8_192
_REMEMBERED_TEXTS: Final = 1_024
_KNOWN: Final[dict[str, _Found | None]] = {}  # clauses that were seen before
_SHAPES: Final[dict[str, _Found]] = {}  # whole texts of known clauses, by their words
_TYPES: Final = {
    **{name: TOKENS.get(name, TokenType.HSTORE).name for name in (*TYPES, "varbit", "timetz")},
    CONFIGURATION: CONFIGURATION,
}


def check_tree(tokens: Tokens, account: Account) -> None:
    """Refuse unless sqlglot's trees hold exactly the names that the readers accounted for."""
    made = shape(tokens)
    words = " ".join(made)
    found = _SHAPES.get(words)
    if found is None:
        found = _account_of_text(made, len(tokens.texts))
        _remember(_SHAPES, _REMEMBERED_TEXTS, words, found)
    functions, relations, others = found
    if functions != sorted(account.functions) or relations != sorted(account.relations):
        raise unsupported()
    if others or account.types or account.forms:
        ours = [_TYPES[name] for name in account.types]
        if others != sorted(ours + account.forms):
            raise unsupported()


def _account_of_text(made: list[str], size: int) -> _Found:
    """Account for all clauses of a text; functions and relations are those of its tokens."""
    functions: list[int] = []
    relations: list[int] = []
    others: list[str] = []
    parser: Parser | None = None
    cut = clauses(made)
    _check_size(size, cut)
    for text, places in cut:
        found = _KNOWN.get(text, _UNKNOWN)
        if found is _NOTHING:
            continue
        if found is _UNKNOWN:
            parser = parser or _parser(get_ident())
            found = _account_of(text, parser)
            _remember(_KNOWN, _REMEMBERED, text, found)
        if found is None:
            raise unsupported()
        if found.functions:
            functions += [places[word] for word in found.functions]
        if found.relations:
            relations += [places[word] for word in found.relations]
        others += found.others
    return _Found(sorted(functions), sorted(relations), sorted(others))


@lru_cache(maxsize=64)
def _parser(_thread: int) -> Parser:
    """Give each thread a parser of its own: making one for each text takes time."""
    return _DIALECT.parser(error_level=ErrorLevel.IMMEDIATE)


def _check_size(size: int, cut: list[tuple[str, list[int]]]) -> None:
    """Refuse what would keep sqlglot busy for long."""
    if len(cut) <= MAX_CLAUSES and size * (1 + WORD_OF_CLAUSE) <= MAX_READING:
        return
    different = {text for text, _ in cut}
    words = sum(text.count(" ") + 1 for text in different)
    if len(different) > MAX_CLAUSES or size + WORD_OF_CLAUSE * words > MAX_READING:
        raise Refusal(
            "too_many_clauses",
            f"more than {MAX_CLAUSES} different expressions and clauses, names and literals aside, "
            "or too long ones",
            "Ask in smaller steps.",
        )


def unsupported() -> Refusal:
    """Return the refusal of a text that two accounts read differently."""
    return Refusal(
        "unsupported",
        "this form of SELECT is not supported",
        "Write it in plainer SQL: joins with ON, casts as cast(x as type).",
    )


def _remember(known: dict[str, Any], most: int, text: str, found: _Found | None) -> None:
    if len(known) >= most:
        known.clear()
    known[text] = found


def _account_of(text: str, parser: Parser) -> _Found | None:
    """Account for the tree of a clause. None: no tree, or an unexpected one."""
    before = CONTEXTS[text[0]]
    words = [*before, *text[1:].split(" ")]
    first = _PLACE * (_MOST_BEFORE - len(before))
    tokens = [
        _token(token, first + _PLACE * number)
        for number, word in enumerate(words)
        for token in _TOKENS_OF.get(word, (word,))
    ]
    try:
        root = _ROOTS.get(text[0])
        trees = parser.parse_into(root, tokens, "") if root else parser.parse(tokens, "")
        return _read(trees[0]) if len(trees) == 1 and trees[0] is not None else None
    except Exception:  # noqa: BLE001  # whatever a parser does on strange input, the answer is no
        return None


@lru_cache(maxsize=16_384)
def _token(word: str, place: int) -> Token:
    return Token(TOKENS.get(word, TokenType.VAR), word, 1, place, place, place, [])


def _read(tree: exp.Expr) -> _Found | None:
    functions: list[int] = []
    relations: list[int] = []
    others: list[str] = []
    for node in list(tree.walk()):
        role = _NODES.get(type(node))
        node.parent = None  # no cycles: the tree is freed when it has been read
        if role is None:
            return None
        if not role:
            continue
        if role == "FUNCTION":
            functions.append(node.meta["start"] // _PLACE - _MOST_BEFORE)
        elif role == "RELATION":
            name = node.this
            if type(name) is exp.Identifier and name.this not in CLOCKS:
                relations.append(name.meta["start"] // _PLACE - _MOST_BEFORE)
        elif role == "TYPE":
            if node.this is not exp.DType.ARRAY:
                others.append(node.this.name)
        else:
            others.append(role)
    found = _Found(functions, relations, others)
    return found if any(found) else _NOTHING
