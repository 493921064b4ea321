"""The words of a text cut into clauses, which sqlglot reads one by one.

A clause begins at a word that PostgreSQL reserves, so that nothing else can be called like it, at
an operator, which has no name, or at the comma of a list; what stands in brackets is cut for
itself, and leaves `_` in its place, or `select _` for a query; so does CASE. Elsewhere, a plain
name or literal between two separators is left out: it holds nothing. So what one clause hides from
sqlglot ends with it; no long chain of joins or operators meets a parser that tries each of them in
two ways; and since agents write few forms of each clause, most are known by the time they come.
"""

from __future__ import annotations

from typing import Final

from zava_sql.guard.keywords import words

__all__ = ["CONTEXTS", "clauses"]

# What a clause is read behind, and before, by the first character of its text.
CONTEXTS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "=": ((), ()),  # a query in brackets, TABLE
    "s": ((), ()),  # an operand: of the select list, of a condition, of a call; a row of VALUES
    "d": (("select",), ()),  # DISTINCT ON
    "f": (("from",), ()),
    "n": (("select", "_", "window"), ()),
    "t": (("select", "_"), ()),  # FETCH
    "w": (("with",), ("select", "_")),  # a query of WITH
}
_QUERY: Final = frozenset({"select", "with", "values", "table"})
# Words that begin a clause, and its context; those of "t" are part of it, and the last two, which
# are RETURNING behind the query of JSON_ARRAY.
_STARTS: Final = {
    "select": "s", "from": "f", "where": "s", "having": "s", "limit": "s", "offset": "s",
    "group+by": "s", "order+by": "s", "values": "s", "window": "n", "fetch": "t",
    "union": "=", "intersect": "=", "except": "=", "null+::": "s", ",+null+::": "s",
}  # fmt: skip
_KEPT: Final = frozenset({"fetch", "null+::", ",+null+::"})
_PARTS: Final = words("when then else :")  # of CASE and of a slice
_GROUPINGS: Final = words("cube rollup grouping+sets")
_BORDERS: Final = (
    frozenset(_STARTS)
    | _QUERY
    | _PARTS
    | _GROUPINGS
    | words("( ) [ ] , all distinct join on || and or - not case end")
)
# Commas part what follows these.
_LISTS: Final = words("select from group+by window order+by values null+:: ,+null+::")
_OPENS: Final = ("s", "f")  # contexts in which brackets are cut for themselves
_CALL: Final = ["_"]
_OPERATORS: Final = frozenset({"||", "and", "or", "-", "not"})
_PLAIN: Final = frozenset({"_", "1"})
_BETWEEN: Final = frozenset({",", "||", "and", "or"})
_AFTER_PLAIN: Final = _BETWEEN | _PARTS | {")", "]", "end"}


def clauses(made: list[str]) -> list[tuple[str, list[int]]]:  # noqa: C901, PLR0912, PLR0915  # one branch per border
    """Cut the words of a text, which ends in a gap.

    A clause is its context and words as one text, and the index of the token behind each word.
    """
    found: list[tuple[str, list[int]]] = []
    outer: list[tuple[str, str, int, list[str], list[int]]] = []
    context = "="
    items = ""  # context of what commas part: of the select list, or of FROM
    depth = 0  # of brackets that are not cut for themselves
    texts: list[str] = []
    places: list[int] = []
    for index, word in enumerate(made):
        if word not in _BORDERS:
            if (
                depth
                and word in _PLAIN
                and texts[-1] in _BETWEEN
                and made[index + 1] in _AFTER_PLAIN
            ):
                del texts[-1], places[-1]
            elif word:
                texts.append(word)
                places.append(index)
            continue
        begins, kept, opens, closes = "", True, "", False
        if word == "(":
            if depth == 0 and context == "w" and texts[-1] == ")":  # with a as (...) (select ...)
                begins = "="
            if made[index + 1] in _QUERY:
                opens = "="
            elif depth == 0 and (context in _OPENS and (not texts or texts == _CALL)):
                opens = "s" if texts else context
            else:
                depth += 1
        elif word == "case" and depth == 0 and context == "s" and not texts:
            opens, kept = "s", False
        elif word == "[" and depth == 0 and context == "s":
            opens = "s"
        elif word in ("[", "case"):
            depth += 1
        elif word in (")", "]", "end") and depth:
            depth -= 1
        elif depth:
            pass
        elif word in (")", "]", "end"):
            closes, kept = bool(outer), word != "end"
        elif word in _PARTS:
            begins, kept = "s", False
        elif word in _STARTS:
            begins, kept = _STARTS[word], word in _KEPT
            items = begins if word in _LISTS else ""
        elif word == "," or (word == "join" and items == "f"):
            if items:
                begins, kept = items, False
        elif word == "on" and items == "f":
            begins, kept = "s", False
        elif word in _GROUPINGS:
            kept = context != "s" or bool(texts) or "(" not in made[index + 1 : index + 3]
        elif word in _OPERATORS:
            if context == "s" and (texts or word in ("-", "not")):
                begins, kept = "s", False
        elif word in ("all", "distinct"):
            kept = bool(texts) or made[index + 1] == "on"
            context = "d" if kept and not texts else context
        elif word == "with" and context == "=" and not texts:
            begins, items, kept = "w", "w", False
        elif word in _QUERY and context == "w" and word != "with":
            begins, items = "=", ""
        if (begins or closes) and texts:
            found.append((context + " ".join(texts), places))
            texts, places = [], []
        if closes:
            context, items, depth, texts, places = outer.pop()
        context = begins or context
        if kept:
            texts.append(word if texts else word.lstrip(",+"))
            places.append(index)
        if opens:
            texts.append("_" if opens == "s" else "select+_")
            places.append(index)
            outer.append((context, items, depth, texts, places))
            context, items, depth, texts, places = opens, opens.strip("="), 0, [], []
    if texts or outer:
        found.append((context + " ".join(texts), places))
    return found
