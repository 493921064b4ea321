"""The words of a text split into clauses, which sqlglot parses one by one.

A clause begins at a word that PostgreSQL reserves, so that nothing else can have that name, at an
operator, which has no name, or at the comma of a list. What stands in brackets is split off and
leaves `_` in its place, or `select _` for a query; so does CASE. What holds nothing to account for
is left out: a label, an operand that is only a name or literal. So a misreading of one clause by
sqlglot hides nothing beyond it; no long chain of joins or operators reaches a parser that tries
each of them in two ways; and since agents write few forms of each clause, most are cached by the
time they come.
"""

from __future__ import annotations

from typing import Final

from zava_sql.guard.keywords import words

__all__ = ["CONTEXTS", "clauses"]

# What a clause is read behind, by the first character of its text.
CONTEXTS: Final[dict[str, tuple[str, ...]]] = {
    "=": (),  # a query in brackets, TABLE
    "s": (),  # an operand: of the select list, of a condition, of a call; a row of VALUES
    "d": ("select",),  # DISTINCT ON
    "f": ("from",),
    "n": ("select", "_", "window"),
    "w": ("with",),  # queries of WITH
}
_QUERY: Final = frozenset({"select", "with", "values", "table"})
# Words that begin a clause, and its context. Those with a null are RETURNING behind the query of
# JSON_ARRAY, and part of the clause.
_STARTS: Final = {
    "select": "s", "from": "f", "where": "s", "having": "s", "limit": "s", "offset": "s",
    "group+by": "s", "order+by": "s", "values": "s", "window": "n",
    "union": "=", "intersect": "=", "except": "=", "null+::": "s", ",+null+::": "s",
    ";": "=",  # the end
}  # fmt: skip
_KEPT: Final = frozenset({"null+::", ",+null+::"})
_PARTS: Final = words("when then else :")  # of CASE and of a slice
_GROUPINGS: Final = words("cube rollup grouping+sets")
_BRACKETS: Final = words("( ) [ ] case end")
_CLOSING: Final = words(") ] end")
_BORDERS: Final = (
    frozenset(_STARTS)
    | _QUERY
    | _PARTS
    | _GROUPINGS
    | _BRACKETS
    | words(", all distinct join on || and or - not")
)
# Commas separate items behind these.
_LISTS: Final = words("select from group+by window order+by values null+:: ,+null+::")
_OPENS: Final = ("s", "f")  # contexts in which brackets are split off
_INFIX: Final = frozenset({"||", "and", "or"})
_PREFIX: Final = frozenset({"-", "not"})
_BETWEEN: Final = _INFIX | {","}
_AFTER_OPERAND: Final = _BETWEEN | _PARTS | _CLOSING | frozenset(_STARTS) | words("join on")
_AS: Final = ("as",)
_OF_FRAME: Final = words("preceding following row")  # before the AND of a window's frame
_BEFORE_LABEL: Final = ("_", ")")
_BEGIN: Final = _QUERY | {"("}
_AFTER_QUERY: Final = words("union intersect except order+by limit offset")


def clauses(made: list[str]) -> list[tuple[str, list[int]]]:  # noqa: C901, PLR0912, PLR0915  # one branch per border
    """Split the words of a text into clauses; some words are rewritten.

    A clause is its context and words as one text, and the index of the token behind each word.
    """
    found: list[tuple[str, list[int]]] = []
    outer: list[tuple[str, str, int, list[int]]] = []
    context = "="
    items = ""  # context of what commas separate: of the select list, or of FROM
    depth = 0  # of brackets that are not split off
    places: list[int] = []
    nested: set[int] | None = None
    while made and not made[-1]:
        made.pop()
    made.append(";")
    for index, word in enumerate(made):
        if word == "_":
            following = made[index + 1]
            if following not in _AFTER_OPERAND or (not depth and context not in _OPENS):
                places.append(index)
            elif not places:
                if context == "s" and following in _INFIX:
                    made[index + 1] = ""
                elif context != "s":
                    places.append(index)
            elif made[places[-1]] in (_BETWEEN if depth else _AS):
                if depth and made[places[-2]] in _OF_FRAME:
                    places.append(index)
                else:
                    del places[-1]
            elif depth or made[places[-1]] not in _BEFORE_LABEL:
                places.append(index)
            continue
        if word not in _BORDERS or (depth and word not in _BRACKETS):
            if word:
                places.append(index)
            continue
        begins, kept, opens, closes = "", True, "", False
        if word == ",":
            begins, kept = items, not items
        elif word == "(":
            if depth == 0 and context == "w" and made[places[-1]] == ")":
                begins = "="  # with a as (...) (select ...)
            if nested is None and made[index + 1] == "(" and made[index + 2] in _BEGIN:
                nested = _nested(made, index)
            if made[index + 1] in _QUERY or (nested and index in nested):
                opens = "="
            elif (
                depth == 0
                and context in _OPENS
                and (not places or (len(places) == 1 and made[places[0]] == "_"))
            ):
                opens = "s" if places else context
            else:
                depth += 1
        elif depth:
            depth += -1 if word in _CLOSING else 1
        elif word in _CLOSING:
            closes = bool(outer)
        elif word in _INFIX or word in _PREFIX:
            if context == "s" and (places or word in _PREFIX):
                begins, kept = "s", False
            elif context in ("f", "="):
                kept = False  # the star of `from t *`
        elif word in _STARTS:
            begins, kept = _STARTS[word], word in _KEPT
            items = begins if word in _LISTS else ""
        elif word in _PARTS:
            begins, kept = "s", False
        elif word in ("case", "["):
            if context == "s" and (word == "[" or not places):
                opens = "s"
            else:
                depth = 1
        elif word in ("join", "on"):
            if items == "f":
                begins, kept = "f" if word == "join" else "s", False
        elif word in _GROUPINGS:
            kept = context != "s" or bool(places) or "(" not in made[index + 1 : index + 3]
        elif word in ("all", "distinct"):
            kept = bool(places) or made[index + 1] == "on"
            context = "d" if kept and not places else context
        elif word == "with" and context == "=" and not places:
            begins, items, kept = "w", "w", False
        elif word == "table" and context == "w":
            begins, items = "=", ""
        if places and (begins or closes):
            if context != "s" or len(places) > 1 or made[places[0]] != "_":
                found.append((context + " ".join([made[place] for place in places]), places))
            places = []
        if closes:
            context, items, depth, places = outer.pop()
            kept = made[places[-1]] != "_"
        context = begins or context
        if opens:
            if word == "case" or (word == "(" and context == "s" and not places):
                made[index] = "_"
            else:
                made[index] = word + ("_" if opens == "s" else "select+_")
            places.append(index)
            outer.append((context, items, depth, places))
            context, items, depth, places = opens, opens.strip("="), 0, []
        elif kept:
            if word == ",+null+::" and not places:
                made[index] = "null+::"
            places.append(index)
    if places or outer:
        found.append((context + " ".join([made[place] for place in places]), places))
    return found


def _nested(made: list[str], start: int) -> set[int]:
    """Give the brackets from `start` on that hold a query which begins with one in brackets."""
    found: set[int] = set()
    begun: set[int] = set()  # these, and all brackets in which a query comes first
    ends: list[int] = []
    end = 0  # of the bracket behind
    for index in range(len(made) - 1, start - 1, -1):
        word = made[index]
        if word == ")":
            ends.append(index)
        elif word == "(" and ends:
            if made[index + 1] in _QUERY:
                begun.add(index)
            elif index + 1 in begun:
                begun.add(index)
                if made[end + 1] in _AFTER_QUERY:
                    found.add(index)
            end = ends.pop()
    return found
