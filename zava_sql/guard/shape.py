"""The tokens of a text as words for sqlglot's parser, one for one.

sqlglot gets our tokens, not the text, since its scanner differs from PostgreSQL's; and every name
that is no word of PostgreSQL's SELECT becomes "_", so that sqlglot's knowledge of functions and of
other dialects finds nothing to interpret: no argument is dropped, no name becomes a clause. Syntax
that holds no name and that sqlglot does not know (operators, JSON clauses) is put in plainer terms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot.dialects.postgres import Postgres
from sqlglot.tokenizer_core import TokenType

from zava_sql.guard.keywords import KINDS, RESERVED, words
from zava_sql.guard.lexer import NUMBER, OPERATOR, STRING
from zava_sql.guard.type_names import TYPES

if TYPE_CHECKING:
    from zava_sql.guard.lexer import Tokens

__all__ = ["FORMS", "GAP", "TOKENS", "shape"]

_WORDS: Final = """
    all and any array as asc between case collate cross cube current_date current_time
    current_timestamp default desc distinct else end escape except exists false fetch filter first
    for from full having ilike in inner intersect interval into is isnull join lateral left like
    limit localtime localtimestamp natural next not notnull null offset on only or ordinality outer
    over overlaps partition range recursive right rollup row rows select table then true
    union using values variadic when where window with
"""
# sqlglot's token for each of our words; a name is "_", a string "s", a number "1".
TOKENS: Final[dict[str, TokenType]] = {
    **{
        word: Postgres.Tokenizer.KEYWORDS[word.upper()]
        for word in (*_WORDS.split(), *TYPES)
        if word.upper() in Postgres.Tokenizer.KEYWORDS
    },
    "char": TokenType.BPCHAR,
    "character": TokenType.BPCHAR,
    "some": TokenType.ANY,
    "_": TokenType.VAR,
    "s": TokenType.STRING,
    "1": TokenType.NUMBER,
    "||": TokenType.DPIPE,
    "(": TokenType.L_PAREN,
    ")": TokenType.R_PAREN,
    "[": TokenType.L_BRACKET,
    "]": TokenType.R_BRACKET,
    ",": TokenType.COMMA,
    ".": TokenType.DOT,
    ":": TokenType.COLON,
    "::": TokenType.DCOLON,
    ":=": TokenType.COLON_EQ,
    "=>": TokenType.FARROW,
    "+": TokenType.PLUS,
    "-": TokenType.DASH,
    "*": TokenType.STAR,
    "/": TokenType.SLASH,
    "<": TokenType.LT,
    ">": TokenType.GT,
    "=": TokenType.EQ,
    "<=": TokenType.LTE,
    ">=": TokenType.GTE,
    "<>": TokenType.NEQ,
    "!=": TokenType.NEQ,
    # Two words that are one token to sqlglot; the second one leaves a gap.
    "group+by": TokenType.GROUP_BY,
    "order+by": TokenType.ORDER_BY,
    "partition+by": TokenType.PARTITION_BY,
    "grouping+sets": TokenType.GROUPING_SETS,
    "similar+to": TokenType.SIMILAR_TO,
    "double+precision": TokenType.DOUBLE,
    "character+varying": TokenType.VARCHAR,
    "char+varying": TokenType.VARCHAR,
    # Types of ours that sqlglot has no word for all become one that is none of ours.
    "other+type": TokenType.HSTORE,
}
GAP: Final = ""
_PAIR_STARTS: Final = frozenset(word.partition("+")[0] for word in TOKENS if "+" in word[1:])
_SIGNS: Final = frozenset(word for word in TOKENS if not word[0].isalnum() and word != "_")
# Words that sqlglot knows by their text alone. All others get a name that no dialect knows.
_KNOWN_BY_TEXT: Final = words("""
    at both by current day double exclude following group groups
    hour last leading local materialized minute month no nulls on others
    partition placing preceding row second sets symmetric asymmetric ties time to
    trailing unbounded unknown within without year zone
    """)
_BEFORE_TYPE: Final = ("::", "as", "returning")
_END_OF_OPERAND: Final = frozenset({")", "]", "end", "null", "true", "false", "isnull", "notnull"})


# Forms that PostgreSQL's grammar writes out: the readers' word, and below, sqlglot's node.
FORMS: Final = words("cast exists extract overlay position substring trim")
# Words that may stand before a bracket and are no function there ...
_BEFORE_BRACKET: Final = words("""
    by cube escape filter following group materialized over preceding recursive rollup second within
    zone
    """)
# ... and keywords that are one.
_FUNCTION_KEYWORDS: Final = words("""
    left right coalesce greatest least nullif grouping row normalize
    json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar
    json_serialize json_value
    """)

# Clauses without names, which are left out. `returning type` becomes a cast.
_JSON_CLAUSES: Final = (
    ("null", "on", "null"),
    ("absent", "on", "null"),
    ("with", "unique", "keys"),
    ("without", "unique", "keys"),
    ("with", "unique"),
    ("without", "unique"),
    ("format", "json"),
    ("encoding", "utf8"),
    ("null", "on", "empty"),
    ("null", "on", "error"),
    ("error", "on", "empty"),
    ("error", "on", "error"),
    ("on", "empty"),
    ("on", "error"),
    ("json", "value"),
    ("json", "object"),
    ("json", "array"),
    ("json", "scalar"),
)
_JSON_STARTS: Final = frozenset(clause[0] for clause in _JSON_CLAUSES) | {
    "returning", "passing", "default", "value", ":",
}  # fmt: skip
_JSON_WORDS: Final = frozenset(word for word in KINDS if word.startswith("json"))


def shape(tokens: Tokens) -> str:
    """Write the tokens as words of `TOKENS`, or of `_KNOWN_BY_TEXT`, one for one, with gaps.

    Names and literals all look alike, so that queries which differ in nothing else share a tree.
    """
    keys, kinds = tokens.keys, tokens.kinds
    made: list[str] = []
    index, count = 0, len(tokens.texts)
    has_json = not _JSON_WORDS.isdisjoint(keys)
    while index < count:
        key, kind = keys[index], kinds[index]
        if has_json and key in _JSON_STARTS and (plain := _json_clause(keys, index)):
            made += plain
        elif kind <= RESERVED:
            made += _word(keys, kinds, index)
        elif key in _SIGNS:
            made.append(key)
        elif kind == OPERATOR:
            infix = (
                kinds[index - 1] < RESERVED
                or STRING <= kinds[index - 1] <= NUMBER
                or keys[index - 1] in _END_OF_OPERAND
            )
            made.append("||" if infix else "-")
        else:
            made.append("1" if kind == NUMBER else "s")
        index = len(made)
    return " ".join(made)


def _word(keys: list[str], kinds: list[int], index: int) -> tuple[str, ...]:  # noqa: PLR0911
    """Say what a name or keyword is to sqlglot, with a gap for each further token that is done."""
    key, following = keys[index], keys[index + 1]
    previous = keys[index - 1]  # an END token before the first one
    if following == "(":
        return _before_bracket(keys, kinds, index)
    if following == "." and previous in _BEFORE_TYPE:  # a type's schema
        return (GAP, GAP, *_word([previous, *keys[index + 2 : index + 4]], [], 1))
    if kinds and kinds[index] == RESERVED and previous == "as" and key != "not":  # a label
        return ("_",)
    if key in _PAIR_STARTS and (pair := key + "+" + following) in TOKENS:
        return (pair, GAP)
    if key == "interval" and following != "'" and previous not in _BEFORE_TYPE:  # a column
        return ("_",)
    if key in TYPES and key not in KINDS:
        if following == "'" or previous in _BEFORE_TYPE:
            return (key if key in TOKENS else "other+type",)
        return ("_",)  # a column called date
    if key == "using" and kinds[index + 1] == OPERATOR:  # order by x using <
        return (GAP, GAP)
    if key in ("search", "cycle") and previous == ")" and following != ",":
        return (GAP,) * _after_with(keys, index)
    return (key if key in TOKENS or key in _KNOWN_BY_TEXT else "_",)


def _json_clause(keys: list[str], index: int) -> list[str]:
    """Put a JSON clause in plainer words, if one begins here."""
    key = keys[index]
    if key == ":":
        return [","] if _is_in_round_brackets(keys, index) else []
    if key == "returning":
        return ["::"]
    if key in ("passing", "default") and keys[index - 1] != ",":
        return [","]
    for clause in _JSON_CLAUSES:
        if tuple(keys[index : index + len(clause)]) == clause:
            gap = [GAP] * len(clause)
            return ["null", *gap[1:]] if clause[0] == "json" else gap  # x is json
    return []


def _is_in_round_brackets(keys: list[str], index: int) -> bool:
    """Tell the colon of json_object(key : value) from that of a slice."""
    depth = 0
    for key in reversed(keys[:index]):
        if key in ("(", "["):
            depth += 1
            if depth > 0:
                return key == "("
        elif key in (")", "]"):
            depth -= 1
    return False


def _after_with(keys: list[str], index: int) -> int:
    """Length of a SEARCH or CYCLE clause behind a WITH query: names of columns and constants."""
    last = "set" if keys[index] == "search" else "using"
    return keys.index(last, index) + 2 - index if last in keys[index:] else 1


def _before_bracket(keys: list[str], kinds: list[int], index: int) -> tuple[str, ...]:
    """Say what a word before a bracket is to sqlglot."""
    key = keys[index]
    if key == "all" and kinds[index - 1] == OPERATOR:
        return ("any",)
    if key == "operator" and keys[index + 3] == ".":  # OPERATOR(schema.op), already checked
        return ("||", *[GAP] * 5)
    if key == "second" and keys[index + 3] == ")":  # an interval's precision
        return ("second", *[GAP] * 3)
    if _is_function(keys, index):
        return ("_",)
    if key in TYPES and key not in TOKENS:
        return ("other+type",)
    return (key if key in TOKENS or key in FORMS or key in _KNOWN_BY_TEXT else "_",)


def _is_function(keys: list[str], index: int) -> bool:
    """Whether a word before a bracket is, by the words around it, a function and no other form."""
    key = keys[index]
    if key in KINDS:
        return key in _FUNCTION_KEYWORDS and keys[index - 1] not in _BEFORE_TYPE
    if key in TYPES:
        return keys[index - 1] not in _BEFORE_TYPE
    return key not in _BEFORE_BRACKET
