"""Calls that lengthen what others made: no text may make its constants much longer by them."""

from __future__ import annotations

import pytest

from zava_sql.errors import QueryRefused
from zava_sql.guard import Guard

pytestmark = pytest.mark.once
GUARD = Guard({"whoami"})
TEN = "'xxxxxxxxxx'"
LONG = "'xxxxxxxxxxxxxxx'"
REPEATED = "(select repeat('a', 9999) as x) t"
ESCAPED = (
    "replace(replace(replace(replace(replace(name, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), "
    "'\"', '&quot;'), '''', '&#39;')"
)


def within(call: str, times: int, start: str) -> str:
    """The call of itself, at `{}`."""
    for _ in range(times):
        start = call.replace("{}", start)
    return start


# Most were run: PostgreSQL planned them in 200 MB to 1.8 GB, up to 4.6 seconds at a timeout of 2.
@pytest.mark.parametrize(
    "sql",
    [
        "select length(" + within(f"replace({{}}, 'x', {TEN})", 7, TEN) + ")",
        "select length(" + within(f"regexp_replace({{}}, 'x', {TEN}, 'g')", 7, TEN) + ")",
        "select length(" + within(r"regexp_replace({}, '.*', '\&\&\&\&\&\&\&\&\&')", 7, TEN) + ")",
        "select length(" + within("quote_literal({})", 26, "''''") + ")",
        "select length(" + within("quote_ident({})", 26, TEN) + ")",
        "select length(replace(repeat('a', 10000), 'a', repeat('b', 10000)))",
        "select length(replace(lpad('', 10000, 'a'), 'a', rpad('', 10000, 'b')))",
        f"select length(y) from (select repeat(x, 9000) as y from {REPEATED}) t",
        f"select length(y) from (select replace(x, 'a', '{'b' * 200}') as y from {REPEATED}) t",
        "select " + within("replace({}, 'x', c)", 7, "c") + f" from (select {TEN} as c) t",
        "select x from "
        + within("(select replace(x, 'x', x) as x from {} t)", 5, "(select 'xxxx'::text as x)")
        + " t",
        # One may take what the other made: in FROM, of another query, within it, of the same row.
        (
            "select length(r.y) from repeat('a', 9999) as t(x), "
            f"replace(t.x, 'a', {LONG}) as r(y), replace(r.y, 'b', {LONG}) as s(z)"
        ),
        f"select replace(y, 'x', {LONG}) from (select replace(x, 'x', {LONG}) y from {REPEATED}) u",
        "select " + ", ".join([f"replace(lpad('', 9999, 'x'), 'x', {LONG})"] * 7),
        f"select replace((select replace(x, 'x', {LONG}) from {REPEATED}), 'x', {LONG})",
        f"select x from {REPEATED} where length(replace(replace(x, 'a', {LONG}), 'x', {LONG})) > 9",
        f"select regexp_replace(x, 'a', x, 'g') from {REPEATED}",
        f"select replace(x, lower('A'), x) from {REPEATED}",
        (
            f"select {', '.join(['x || x'] * 300)} from (select replace(x, 'a', '{'b' * 90}') as x "
            f"from {REPEATED}) t"
        ),
        "select x from "
        + within("(select repeat('1234567890', length(x)) as x from {} t)", 6, "(select 'a' as x)")
        + " t",
    ],
)
def test_calls_that_lengthen_each_others_results_are_refused(sql: str) -> None:
    with pytest.raises(QueryRefused, match="longer than 1,000,000") as caught:
        GUARD.check(sql)
    assert caught.value.reason == "unbounded"


@pytest.mark.parametrize(
    "sql",
    [
        f"select {ESCAPED} from products",
        (
            "select replace(replace(replace('Dear {name} from {city}, it is {day}. Kind regards', "
            "'{name}', name), '{city}', city), '{day}', to_char(now(), 'YYYY-MM-DD')) from stores"
        ),
        (
            r"select regexp_replace(phone, '(\d{3})(\d{3})(\d{4})', '(\1) \2-\3'), regexp_replace("
            r"name, '[^a-z]', '', 'gi'), regexp_replace(name, '\s+', ' ', 'g') from customers"
        ),
        "select replace(replace(name, ' ', city), '-', name) from stores",
        "select replace(name, ' ', city), repeat(name, 9), repeat('#', least(n, 50)) from stores",
        "select " + within("replace({}, 'a', 'b')", 30, "name") + " from stores",
        f"select {', '.join(['quote_literal(name)'] * 12)} from stores",
        "select concat_ws(',', "
        + ", ".join(f"'\"' || replace(c{n}, '\"', '\"\"') || '\"'" for n in range(25))
        + ") from (select * from stores) s",
        f"select {', '.join(ESCAPED.replace('name', name) for name in 'abcde')} from stores",
    ],
)
def test_what_hardly_lengthens_passes(sql: str) -> None:
    assert GUARD.check(sql)


def test_a_longer_string_is_seen_where_a_short_one_has_passed() -> None:
    sql = "select replace(replace(replace(name, 'a', '{}'), 'b', '{}'), 'c', '{}') from stores"
    assert GUARD.check(sql.replace("{}", "d" * 20))
    with pytest.raises(QueryRefused, match="longer than"):
        GUARD.check(sql.replace("{}", "d" * 50))
