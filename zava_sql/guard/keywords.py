"""PostgreSQL's keywords by what they may name, and the operators that agents may use.

From pg_get_keywords() of PostgreSQL 16 and 18, the stricter of the two. A word in none of the first
three sets is an ordinary identifier wherever a name may stand (kwlist.h: UNRESERVED_KEYWORD).
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BARE_RESERVED",
    "CLOCKS",
    "COLUMN_WORD",
    "FORMS",
    "FUNCTION_WORD",
    "IDENTIFIER",
    "KINDS",
    "NOT_BARE_LABEL",
    "OPERATORS",
    "RESERVED",
    "SYSTEM_COLUMNS",
    "words",
]


def words(text: str) -> frozenset[str]:
    """Make a set of the words of a text."""
    return frozenset(text.split())


# Kinds of word tokens; the lexer adds those of the other tokens.
IDENTIFIER: Final = 1
COLUMN_WORD: Final = 2  # COL_NAME_KEYWORD: names columns and tables, not functions
FUNCTION_WORD: Final = 3  # TYPE_FUNC_NAME_KEYWORD: names functions and types, not tables
RESERVED: Final = 4  # RESERVED_KEYWORD: names nothing

_RESERVED = """
    all analyse analyze and any array as asc asymmetric both case cast check collate column
    constraint create current_catalog current_date current_role current_time current_timestamp
    current_user default deferrable desc distinct do else end except false fetch for foreign from
    grant group having in initially intersect into lateral leading limit localtime localtimestamp
    not null offset on only or order placing primary references returning select session_user some
    symmetric system_user table then to trailing true union unique user using variadic when where
    window with
"""
_FUNCTION_WORDS = """
    authorization binary collation concurrently cross current_schema freeze full ilike inner is
    isnull join left like natural notnull outer overlaps right similar tablesample verbose
"""
_COLUMN_WORDS = """
    between bigint bit boolean char character coalesce dec decimal exists extract float greatest
    grouping inout int integer interval json json_array json_arrayagg json_exists json_object
    json_objectagg json_query json_scalar json_serialize json_table json_value least merge_action
    national nchar none normalize nullif numeric out overlay position precision real row setof
    smallint substring time timestamp treat trim values varchar xmlattributes xmlconcat xmlelement
    xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
"""

KINDS: Final[dict[str, int]] = {
    **dict.fromkeys(_RESERVED.split(), RESERVED),
    **dict.fromkeys(_FUNCTION_WORDS.split(), FUNCTION_WORD),
    **dict.fromkeys(_COLUMN_WORDS.split(), COLUMN_WORD),
}

# Forms that the grammar spells out, with words between their arguments.
FORMS: Final = words("exists extract overlay substring trim")

# Functions without brackets, except those that tell who asks.
CLOCKS: Final = words("current_date current_time current_timestamp localtime localtimestamp")

# Keywords that need AS before them to be a column alias (kwlist.h: AS_LABEL).
NOT_BARE_LABEL: Final = words("""
    array as char character create day except fetch filter for from grant group having hour
    intersect into isnull limit minute month notnull offset on order over overlaps precision
    returning second to union varying where window with within without year
    """)

# Reserved words that may be a column alias without AS all the same (kwlist.h: BARE_LABEL), except
# those that begin or end something in a query.
BARE_RESERVED: Final = words("""
    analyse analyze asc check column constraint desc foreign primary references unique user
    """)

# System columns, which every table has. They tell where a row lies, and the numbers of transactions
# and of their commands: both tell the size of a table, which row-level security hides.
SYSTEM_COLUMNS: Final = words("ctid tableoid xmin xmax cmin cmax")

# Operators whose code reads nothing but its arguments: built-in ones, those of vector and pg_trgm;
# and => between the name and the value of an argument.
OPERATORS: Final = words("""
    + - * / % ^ | & # ~ << >> = <> != < > <= >= || @ |/ ||/ !! ~~ !~~ ~~* !~~* ~* !~ !~* ^@
    ~<~ ~<=~ ~>~ ~>=~ @@ @@@ && -> ->> #> #>> #- @> <@ ? ?| ?& @? << >> &< &> -|- <-> <<->>
    |>> <<| |&> &<| <^ >^ ~= ## @-@ ?- ?|| ?-| ?# <<= >>= *= *<> *< *> *<= *>=
    => <=> <#> <+> <~> <%> %> <% %>> <<% <->> <<-> <<<-> <->>>
    """)
