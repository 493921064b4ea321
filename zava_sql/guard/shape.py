"""The tokens of a text as words for sqlglot's parser, one for one.

sqlglot gets our tokens, not the text, since its scanner differs from PostgreSQL's. Every name that
is not a word of PostgreSQL's SELECT becomes "_", so that sqlglot's knowledge of functions and of
other dialects finds nothing to interpret: no argument is dropped, no name becomes a clause. Syntax
that holds no name (operators, modifiers of types, the words of JSON) is simplified, so that similar
clauses look the same. Each rule looks only at neighbouring tokens, never at what the readers found:
this account is independent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zava_sql.guard.gaps import (
    after_with,
    argument_name,
    collate,
    distinct_on,
    first,
    only,
    overlays,
    using,
)
from zava_sql.guard.json_words import json_words
from zava_sql.guard.keywords import FORMS, IDENTIFIER, KINDS, OPERATORS, RESERVED, words
from zava_sql.guard.lexer import BITS, OPERATOR, STRING
from zava_sql.guard.operands import follows_operand
from zava_sql.guard.tree_words import GAP, TOKENS
from zava_sql.guard.type_names import CONFIGURATION, TYPES, behind_national
from zava_sql.guard.type_words import (
    FIELDS,
    is_name,
    is_of_column,
    quoted_types,
    skip_modifiers,
    type_word,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from zava_sql.guard.lexer import Tokens

__all__ = ["shape"]

# Words that sqlglot knows by their text alone. All others get a name that no dialect knows.
_KNOWN_BY_TEXT: Final = words("""
    both cast current exclude following group groups leading materialized no others placing
    preceding range row rows sets ties trailing unbounded within
    """)
_PAIRS: Final = {"group": "by", "order": "by", "partition": "by", "grouping": "sets"}
# Words that may stand before a bracket without being a function there ...
_BEFORE_BRACKET: Final = words("""
    by cube filter following group materialized over preceding recursive rollup within
    """)
# ... and keywords that are one.
_FUNCTION_KEYWORDS: Final = words("""
    left right overlaps coalesce greatest least nullif grouping row normalize position
    json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar
    json_serialize json_table json_value
    """)
_SETS: Final = words("cube rollup")  # columns, except before their brackets
_INFIX_WORDS: Final = words("like ilike between similar in")
_NEVER_PREFIX: Final = words("/ % ^ < > = <= >= <> !=")  # MathOp of gram.y
_JOINS: Final = words("natural cross inner left right full outer join")
_BEFORE_SOURCE: Final = words("from join lateral ,")
_BEFORE_COLUMN: Final = words("where and or on having when not select , .")  # never before a frame
_BEGINS_QUERY: Final = words("select with values (")  # not the calls of ROWS FROM
_WITHOUT_TYPE: Final = words("materialized not")


def _default(key: str) -> str:
    if key in OPERATORS - {"=>"}:
        return "||"
    return key if key in _KNOWN_BY_TEXT or (key in TOKENS and key not in TYPES) else "_"


_PLAIN: Final = {
    **{key: _default(key) for key in (*KINDS, *TOKENS, *OPERATORS, *_KNOWN_BY_TEXT)},
    "": GAP,  # behind the last token
    "some": "any",
    "'": "_",  # except behind a type
    **dict.fromkeys(("asc", "desc", "isnull", "notnull", "variadic"), GAP),
}


def shape(tokens: Tokens) -> list[str]:
    """Give the word of each token, one of `TOKENS` or of those known by their text, or a gap.

    Names and literals all look alike, so that clauses which differ only in these share a tree.
    """
    keys = tokens.keys
    made = [_PLAIN.get(key, "_") for key in keys]
    done = 0
    for index in [index for index, key in enumerate(keys) if key in _RULES]:
        if index >= done:
            done = _RULES[keys[index]](tokens, made, index)
    if "distinct on (" in tokens.form:
        distinct_on(tokens, made)
    if '"' in tokens.form:
        quoted_types(tokens, made)
    if "overlay (" in tokens.form:
        overlays(tokens, made)
    if "json" in tokens.form:
        json_words(tokens, made)
    return made


# The rules: each looks around one token, writes its word and those beside it that belong to it, and
# gives the index behind the last of these.


def _operator(tokens: Tokens, made: list[str], index: int) -> int:
    if not follows_operand(tokens, index):
        made[index] = "*" if tokens.keys[index] == "*" else "-"
    return index + 1


def _dot(tokens: Tokens, made: list[str], index: int) -> int:
    """`a.b` and `a.*` are one name, the last word; so is `(a).b` what `(a)` is."""
    keys = tokens.keys
    made[index] = GAP
    if keys[index - 1] in (")", "]"):
        made[index + 1] = GAP
        return index + 2
    made[index - 1] = GAP
    if keys[index + 2] == "'" or (
        tokens.kinds[index - 2] < RESERVED and is_of_column(tokens, index - 1)
    ):
        return type_word(tokens, made, index + 1)
    made[index + 1] = "_"
    return index + 2


def _pair(tokens: Tokens, made: list[str], index: int) -> int:
    key = tokens.keys[index]
    if tokens.keys[index + 1] == _PAIRS[key]:
        made[index : index + 2] = f"{key}+{_PAIRS[key]}", GAP
        return index + 2
    return _word(tokens, made, index) if key != "group" else index + 1


def _word(tokens: Tokens, made: list[str], index: int) -> int:
    """Tell a keyword from a function that is called like it."""
    keys = tokens.keys
    key = keys[index]
    if keys[index + 1] == "(":
        is_function = key in _FUNCTION_KEYWORDS if key in KINDS else key not in _BEFORE_BRACKET
        if is_function:
            made[index] = "_"
        elif key in FORMS:
            made[index] = key
            if key == "extract":
                made[index + 2] = "_"
                return index + 3
    elif key in _JOINS:
        return _join(tokens, made, index)
    elif key in _SETS:
        made[index] = "_"
    return index + 1


def _join(tokens: Tokens, made: list[str], index: int) -> int:
    """NATURAL LEFT OUTER JOIN and the like are all one JOIN."""
    after = index
    while tokens.keys[after] in _JOINS:
        after += 1
        if tokens.keys[after] == "join":
            made[index : after + 1] = "join", *[GAP] * (after - index)
    return after


def _as(tokens: Tokens, made: list[str], index: int) -> int:
    """Write a label, or in CAST a type; a label may look like a type."""
    following = index + 1
    keys = tokens.keys
    key = keys[following]
    if not is_name(tokens, following) or (key in _WITHOUT_TYPE and _opens(tokens, following)):
        return following
    if (
        tokens.name(following) in TYPES
        or key == "double"
        or keys[following + 1] == "."
        or (key == CONFIGURATION and keys[index - 3 : index - 1] == ["cast", "("])
        or (key == "national" and behind_national(keys, following) > following)
    ):
        return type_word(tokens, made, following)
    made[following] = "_"
    return following + 1


def _opens(tokens: Tokens, index: int) -> bool:
    return tokens.keys[index + 1 + (tokens.keys[index] == "not")] == "("


def _cast(tokens: Tokens, made: list[str], index: int) -> int:
    if tokens.keys[index] == "returning":
        made[index] = "null+::" if tokens.keys[index - 1] == "(" else ",+null+::"
    return type_word(tokens, made, index + 1)


def _type_or_name(tokens: Tokens, made: list[str], index: int) -> int:
    """Write a type before a literal, or in a list of column definitions; else a name."""
    keys = tokens.keys
    key, after = keys[index], index + 1
    if keys[after] == "'" and key != "double" and keys[after + 1] not in FIELDS:
        name = TYPES[key]
        made[index : after + 1] = name if name in TOKENS else "other+type", "'"
        return after + 1
    if key == "double":
        if keys[after] != "precision":
            return after
        after += 1
    elif keys[after] == "varying":
        after += 1
    after = skip_modifiers(tokens, after)
    if keys[after] in ("with", "without") and keys[after + 1] == "time":
        after += 3
    if keys[after] == "'" or (tokens.kinds[index - 1] < RESERVED and keys[index - 2] in ("(", ",")):
        return type_word(tokens, made, index)
    made[index] = "_"
    return index + 1


def _national(tokens: Tokens, made: list[str], index: int) -> int:
    """Write a type of two words or more as `_type_or_name` does those of one; else a name."""
    if behind_national(tokens.keys, index) == index:
        return index + 1
    after = index + 2 + (tokens.keys[index + 2] == "varying")
    if tokens.keys[skip_modifiers(tokens, after)] == "'" or is_of_column(tokens, index):
        return type_word(tokens, made, index)
    return index + 2


def _recursive(tokens: Tokens, made: list[str], index: int) -> int:
    """WITH RECURSIVE, or a query of WITH that bears the name."""
    if tokens.keys[index - 1] != "with" or tokens.keys[index + 1] in ("as", "("):
        made[index] = "_"
    return index + 1


def _is(tokens: Tokens, made: list[str], index: int) -> int:
    """IS [NOT] anything holds nothing, and leaves a gap; DISTINCT FROM is like an operator."""
    keys, after = tokens.keys, index + 1
    if keys[after] == "not":
        after += 1
    if keys[after] == "distinct" and keys[after + 1] == "from":
        made[index : after + 2] = "||", *[GAP] * (after + 1 - index)
        return after + 2
    start = after
    if keys[after] == "json":
        after += keys[after + 1] in ("value", "array", "object", "scalar")
        if keys[after + 1] in ("with", "without") and keys[after + 2] == "unique":
            after += 2 + (keys[after + 3] == "keys")
    elif keys[after + 1] == "normalized":
        after += 1
    elif not is_name(tokens, after):
        return after
    made[index : after + 1] = [GAP] * (after + 1 - index)
    return max(after + 1, start)


def _infix(tokens: Tokens, made: list[str], index: int) -> int:
    """LIKE, BETWEEN and so on are operators, their AND included."""
    keys, key = tokens.keys, tokens.keys[index]
    if key == "not":
        if keys[index + 1] in _INFIX_WORDS:
            made[index] = GAP
        return index + 1
    if key == "similar":
        made[index] = "||"
        if keys[index + 1] == "to":
            made[index + 1] = GAP
            return index + 2
    elif key == "escape":
        kind = tokens.kinds[index + 1]
        if follows_operand(tokens, index) and (
            kind in (STRING, BITS, IDENTIFIER) or keys[index + 1] in ("(", "null")
        ):
            made[index] = "||"
    else:
        made[index] = "||"
    return index + 1


def _between(tokens: Tokens, made: list[str], index: int) -> int:
    """Tell BETWEEN from the frame of a window, and from a column, which follows no operand."""
    keys, before = tokens.keys, tokens.keys[index - 1]
    if before in ("rows", "range", "groups") and keys[index - 2] not in _BEFORE_COLUMN:
        return index + 1
    begins = before != "not" and (tokens.kinds[index - 1] >= RESERVED or made[index - 1] == GAP)
    made[index] = "_" if begins and not follows_operand(tokens, index) else "||"
    if keys[index + 1] in ("symmetric", "asymmetric"):
        made[index + 1] = GAP
        return index + 2
    return index + 1


def _values(tokens: Tokens, made: list[str], index: int) -> int:
    """VALUES without a row is a name, as it is behind WITH."""
    if tokens.keys[index + 1] != "(" or tokens.keys[index - 1] in ("with", "recursive"):
        made[index] = "_"
    return index + 1


def _overlaps(tokens: Tokens, made: list[str], index: int) -> int:
    """OVERLAPS between two rows, or the function that is called like it."""
    if follows_operand(tokens, index):
        made[index] = "||"
        return index + 1
    return _word(tokens, made, index)


def _at(tokens: Tokens, made: list[str], index: int) -> int:
    """AT TIME ZONE is an operator; AT LOCAL stands behind its operand."""
    if tokens.keys[index + 1] == "time" and tokens.keys[index + 2] == "zone":
        made[index : index + 3] = "||", GAP, GAP
        return index + 3
    if tokens.keys[index + 1] == "local" and follows_operand(tokens, index):
        made[index : index + 2] = GAP, GAP
        return index + 2
    return _word(tokens, made, index)


def _any(tokens: Tokens, made: list[str], index: int) -> int:
    before = tokens.keys[index - 1]
    if tokens.keys[index + 1] == "(" and (
        tokens.kinds[index - 1] == OPERATOR or before in ("like", "ilike", ")")
    ):
        made[index] = "any"
    return index + 1


def _named_operator(tokens: Tokens, made: list[str], index: int) -> int:
    """OPERATOR(schema.op), which the readers have checked."""
    if tokens.keys[index + 1] == "(" and tokens.keys[index + 3] == ".":
        sign = "||" if follows_operand(tokens, index) else "-"
        made[index : index + 6] = sign, *[GAP] * 5
        if tokens.kinds[index + 6] == OPERATOR:
            made[index + 6] = "-"
            return index + 7
        return index + 6
    return _word(tokens, made, index)


def _rows(tokens: Tokens, made: list[str], index: int) -> int:
    """ROWS FROM ( calls ), which begins no clause; ROW ONLY and ROWS WITH TIES, which end FETCH."""
    keys = tokens.keys
    is_source = keys[index + 3] not in _BEGINS_QUERY and (
        keys[index - 1] in _BEFORE_SOURCE
        or (keys[index - 1] == "(" and keys[index - 2] not in FORMS)
    )
    if is_source and keys[index : index + 3] == ["rows", "from", "("]:
        made[index : index + 2] = "rows+from", GAP
        return index + 2
    after = keys[index + 1 : index + 3]
    length = 3 * (after == ["with", "ties"]) or 2 * (after[0] == "only")
    made[index : index + length] = [GAP] * length
    return index + length if length else _word(tokens, made, index)


_RULES: Final[dict[str, Callable[[Tokens, list[str], int], int]]] = {
    **dict.fromkeys((*FORMS, *_FUNCTION_KEYWORDS, *_JOINS - {"join"}), _word),
    **dict.fromkeys((word for word in _KNOWN_BY_TEXT if word not in KINDS), _word),
    **dict.fromkeys(
        (word for word in TOKENS if word.isalpha() and word not in KINDS and word not in TYPES),
        _word,
    ),
    **dict.fromkeys(OPERATORS - _NEVER_PREFIX - {"=>"}, _operator),
    **dict.fromkeys((*TYPES, "double"), _type_or_name),
    **dict.fromkeys(_PAIRS, _pair),
    **dict.fromkeys(("like", "ilike", "similar", "escape", "not", "in"), _infix),
    **dict.fromkeys(("all", "any", "some"), _any),
    **dict.fromkeys(("::", "returning"), _cast),
    **dict.fromkeys(("search", "cycle"), after_with),
    **dict.fromkeys(("=>", ":="), argument_name),
    **dict.fromkeys(("nulls", "fetch"), first),
    **dict.fromkeys(("rows", "row"), _rows),
    "national": _national,
    "recursive": _recursive,
    ".": _dot,
    "as": _as,
    "is": _is,
    "at": _at,
    "operator": _named_operator,
    "using": using,
    "collate": collate,
    "overlaps": _overlaps,
    "only": only,
    "values": _values,
    "between": _between,
}
