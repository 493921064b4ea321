"""What a model can write instead of what PostgreSQL rejected."""

from __future__ import annotations

from typing import Final

__all__ = ["COLUMNS", "FUNCTIONS", "OURS", "TABLES", "repair"]

# Errors for unknown names; a caller that can look names up gives a better hint.
COLUMNS: Final = (
    "Names are in describe_schema; 'text' in single quotes; WHERE and HAVING know no alias."
)
FUNCTIONS: Final = "describe_schema lists them, by name with arguments: p_limit => 5."
TABLES: Final = "Table names are in describe_schema; those of api need it in front: api.name."

_NO_TABLE: Final = (
    "Name the table in FROM, or use its alias; of JSON take x ->> 'key', of a row (x).field."
)
_IDS: Final = "Ids are uuids: look them up by name or key; beside a text cast them, x::text."
_DATES: Final = "Quote dates, as in date '2024-12-31'; add intervals: x - interval '30 days'."
_DAYS: Final = "date - date is a number of days: leave extract() or date_part() out."
_PARTS: Final = "Compare with dates, x >= date '2024-12-01'; or as a text, to_char(x, 'YYYY-MM')."
_SPANS: Final = (
    "Compare with a span, x > interval '30 days'; in days it is extract(epoch from x) / 86400."
)
_JSON: Final = "Make it JSON first: x::jsonb ->> 'key'."
_STEP: Final = "Of dates the step is an interval: generate_series(a, b, interval '1 day')."
_ONE_SELECT: Final = "The statement must be one SELECT in PostgreSQL's dialect."
_NOW: Final = "Use now(), or current_date for the day."
_CHAIN: Final = "Comparisons are joined by AND or OR, as in 1 < x and x < 5; || joins texts."
_INSIDE: Final = "Order inside: array_agg(x order by y)."
_ADD: Final = "Add an interval: x + interval '7 days', or to a date a number: d + 7."
_JOIN: Final = "Join texts with ||, as in a || ' ' || b."

_COMPARISONS: Final = ("<", ">", "=", "<=", ">=", "<>")
_MOMENTS: Final = ("timestamp with time zone", "timestamp without time zone", "date")
# Aggregates whose order other databases put into WITHIN GROUP, which here makes it an argument.
_ORDERED: Final = ("array_agg", "json_agg", "jsonb_agg")

# Error code, how the message begins, what to do. The first that fits counts.
_REPAIRS: Final[tuple[tuple[str, str, str], ...]] = (
    ("21000", "", "Let the subquery give one row: aggregate, or order and LIMIT 1."),
    ("22003", "percentile value", "Write it as 0 to 1: percentile_cont(0.5)."),
    ("22003", "", "Compute with numeric: cast to it first, as in x::numeric."),
    (
        "22007",
        "invalid input syntax for type interval",
        "Write interval '7 days', '2 hours', '3 months'; a quarter is 3 months.",
    ),
    (
        "22007",
        "",
        "Dates are like date '2024-12-31', months date_trunc('month', x); add interval '1 month'.",
    ),
    ("22008", "", "Dates are year, month, day, and of the calendar: date '2024-12-31'."),
    ("22012", "", "Guard the divisor with nullif(x, 0)."),
    ("22P02", "invalid input syntax for type uuid", _IDS),
    ("22P02", "malformed array literal", "Write an array as array['a', 'b'], or '{a,b}'."),
    ("22P02", "invalid input value for enum", "describe_schema of its table lists the values."),
    ("22P02", "", "Give a value of that type; what is compared with text needs a cast, x::text."),
    ("22023", "unit ", "Units: year, quarter, month, week, day, dow, isodow, doy, hour, minute."),
    ("22023", "time zone ", "Time zones are like 'America/Los_Angeles', or 'UTC'."),
    ("0A000", "input of anonymous", "Compare rows of as many columns, as in (a, b) = (1, 2)."),
    ("0A000", "OVER is not supported", "Aggregate with GROUP BY in an inner query, and join it."),
    ("0A000", "FILTER is not impl", "Filter in an inner query."),
    ("0A000", "cross-database", "Leave the database out: name tables plain, views as api.name."),
    ("0A000", "DISTINCT is not impl", "Aggregate with GROUP BY in an inner query, and join it."),
    ("40001", "", "Try again in a moment."),
    ("40P01", "", "Try again in a moment."),
    ("42501", "", "This identity may not read that; describe_schema lists what it may."),
    ("42601", "each ", "Both sides of a set operation need as many columns."),
    ("42601", "subquery has too many", "Select one column there, or compare (a, b) with as many."),
    ("42601", 'syntax error at or near ","', "ANY takes an array: x = any (array['a', 'b'])."),
    ("42601", 'syntax error at or near "on"', "ON stands behind a JOIN, and not behind a comma."),
    *(
        ("42601", f'syntax error at or near "{sign}"', _CHAIN)
        for sign in ("<", ">", "=", "<=", ">=")
    ),
    ("42601", "", f"{_ONE_SELECT} JOIN needs ON or USING, unless it is CROSS or NATURAL."),
    ("42702", "", "Say of which table, as in orders.order_id."),
    ("42703", 'column "rownum"', "Use LIMIT, or row_number() over (order by x)."),
    ("42703", 'column "sysdate"', _NOW),
    ("42703", 'column "systimestamp"', _NOW),
    ("42703", "", COLUMNS),
    ("42704", "collation", 'Leave COLLATE out, or write collate "C".'),
    ("42725", "operator is not unique: unknown + ", _JOIN),
    ("42725", "", "Give the literal a type, as in date '2024-01-01'."),
    ("42803", "aggregate functions are not allowed in WHERE", "Filter groups with HAVING."),
    ("42803", "aggregate function calls cannot be nested", "Aggregate in an inner query first."),
    ("42803", "", "Put every column that is not aggregated into GROUP BY."),
    (
        "42809",
        "WITHIN GROUP is required for ordered-set aggregate mode",
        "Write mode() within group (order by x), with GROUP BY instead of OVER.",
    ),
    (
        "42809",
        "WITHIN GROUP is required",
        "Write percentile_cont(0.5) within group (order by x), with GROUP BY instead of OVER.",
    ),
    (
        "42804",
        "cannot subscript",
        "Arrays have elements: (string_to_array(x, ','))[1]; of a text take substr(x, 1, 3).",
    ),
    ("42804", "", "Cast so that both sides have one type, as in x::text."),
    ("42846", "cannot cast type json", "Take its text first: (x ->> 'key')::int."),
    (
        "42846",
        "cannot cast type boolean",
        "Make it an int first: x::int, or case when x then 1 end.",
    ),
    ("42883", "function api.", FUNCTIONS),
    ("42883", "function round(double precision, ", "Digits need numeric: round(x::numeric, 2)."),
    ("42883", "function pg_catalog.json_object(", "Use json_build_object('a', 1, 'b', 2)."),
    ("42883", "function date_trunc(", "The unit comes first: date_trunc('month', x)."),
    ("42883", "function trunc(timestamp", "Use date_trunc('month', x)."),
    ("42883", "function pg_catalog.extract(unknown, integer)", _DAYS),
    ("42883", "function date_part(unknown, integer)", _DAYS),
    ("42883", "function date_add(", _ADD),
    ("42883", "function date_subtract(", "Subtract an interval: x - interval '7 days'."),
    ("42883", "function to_date(timestamp", "Use x::date."),
    ("42883", "function to_date(date", "It is a date already."),
    *(("42883", f"function {name}(", _INSIDE) for name in _ORDERED),
    ("42883", "function string_agg(", "Order texts inside: string_agg(x::text, ',' order by x)."),
    ("42883", "function generate_series(", _STEP),
    ("42883", "function sum(boolean)", "Use count(*) filter (where x)."),
    ("42883", "function avg(boolean)", "Use avg(x::int)."),
    ("42883", "function max(", "Use max(x::text), or bool_or(x)."),
    ("42883", "function min(", "Use min(x::text), or bool_and(x)."),
    (
        "42883",
        "operator does not exist: @ ",
        "Variables are not supported: write the value itself.",
    ),
    ("42883", "operator does not exist: boolean = integer", "Write x, or not x."),
    ("42883", "operator does not exist: boolean && boolean", "Use AND."),
    ("42883", "operator does not exist: boolean || boolean", "Use OR."),
    *(("42883", f"operator does not exist: {moment} ~", _PARTS) for moment in _MOMENTS),
    ("42883", "operator does not exist: timestamp", _DATES),
    ("42883", "operator does not exist: date", _DATES),
    *(("42883", f"operator does not exist: interval {sign}", _SPANS) for sign in _COMPARISONS),
    *(("42883", f"operator does not exist: text {sign}", _JSON) for sign in ("->", "#>")),
    ("42883", "operator does not exist: text + ", _JOIN),
    ("42883", "operator does not exist: unknown + text", _JOIN),
    ("42883", "operator does not exist: uuid", _IDS),
    ("42883", "operator", "Cast one side to the type of the other, as in x::text."),
    ("42883", "", "No such function for these types: cast what it is given, to numeric or text."),
    ("42P01", 'relation "dual"', "Leave FROM out: select now()."),
    ("42P01", "missing FROM-clause entry", _NO_TABLE),
    ("42P01", "", TABLES),
    (
        "42P10",
        "in an aggregate with DISTINCT",
        "Order by the argument itself: string_agg(distinct x::text, ',' order by x::text).",
    ),
    ("42P10", "for SELECT DISTINCT, ORDER BY", "Select what is ordered by, or use GROUP BY."),
    ("42P20", "window functions are not allowed", "Put it in an inner query, and filter outside."),
    ("53200", "", "Ask for less: aggregate, filter or limit."),
    ("54001", "", "Simplify the statement: fewer nested expressions."),
)

# Of a value that was bound, not written into a statement.
_OF_ARGUMENTS: Final[tuple[tuple[str, str, str], ...]] = (
    ("22003", "", "Give a number that is nearer to 0."),
    ("22007", "invalid input syntax for type interval", "Write it as P1DT2H, or 1 day 2 hours."),
    ("22007", "", "Write a day as 2024-12-31, a moment as 2024-12-31T09:30:00-08:00."),
    ("22008", "", "Write year, month and day of the calendar, as in 2024-12-31."),
    ("22P02", "invalid input syntax for type uuid", _IDS),
    ("22P02", "", "Give a value of that type."),
)

# Hints that quote nothing from the database.
OURS: Final = frozenset(hint for _, _, hint in _OF_ARGUMENTS + _REPAIRS)

# PostgreSQL's generic hints; its other hints are specific to the case.
_GENERAL: Final = (
    "No function matches",
    "No operator matches",
    "Could not choose a best",
    "Perhaps you need a different",
)


def repair(
    sqlstate: str, message: str, hint: str | None, *, bound: bool = False, quoted: bool = False
) -> str:
    """Give PostgreSQL's own hint where it knows the case, or ours, or none ("").

    `bound`: the caller gave arguments, and has not written a statement. `quoted`: it stands in
    double quotes, where other databases have texts.
    """
    if hint and not hint.startswith(_GENERAL):
        return f"{hint} A text stands in single quotes." if quoted else hint
    for code, begins, ours in _OF_ARGUMENTS + _REPAIRS if bound else _REPAIRS:
        if code == sqlstate and message.startswith(begins):
            return ours
    return hint or ""
