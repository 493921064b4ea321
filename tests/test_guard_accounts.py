"""The two accounts of a text: what the readers overlook, the tree must tell, and the reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import guard_lists
import pytest
from sqlglot import exp

from zava_sql.guard import tree
from zava_sql.guard.account import Account
from zava_sql.guard.lexer import Tokens, scan
from zava_sql.guard.limits import Refusal
from zava_sql.guard.names import Names
from zava_sql.guard.queries import QueryReader
from zava_sql.guard.tree import check_tree

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.once
SQL = """
with a as (select lower(name) as x, extract(year from opened_on) as y from retail.stores)
select count(*), x::text, date '2024-01-01', interval '1 day' from a, api.f(1) g
where exists (select 1 from orders) and round(y) > any (array[1, 2]::int[])
"""


def account_of(sql: str) -> tuple[Tokens, Account]:
    tokens = scan(sql)
    reader = QueryReader(tokens, Names())
    reader.statement()
    return tokens, reader.account


@pytest.mark.parametrize("sql", guard_lists.allowed())
def test_both_accounts_of_a_legitimate_question_agree(sql: str) -> None:
    check_tree(*account_of(sql))


@pytest.mark.parametrize("kind", ["functions", "relations", "types"])
def test_a_name_that_one_account_lacks_is_refused(kind: str) -> None:
    tokens, account = account_of(SQL)
    check_tree(tokens, account)
    names = getattr(account, kind)
    assert len(names) > 2
    for index in range(len(names)):
        overlooked = names.pop(index)
        with pytest.raises(Refusal, match="not supported"):
            check_tree(tokens, account)
        names.insert(index, overlooked)
    names.append(names[0])
    with pytest.raises(Refusal, match="not supported"):
        check_tree(tokens, account)


def test_a_name_at_another_place_is_refused() -> None:
    tokens, account = account_of(SQL)
    account.relations[0] += 1
    with pytest.raises(Refusal, match="not supported"):
        check_tree(tokens, account)


@pytest.mark.parametrize(
    "forget",
    [
        lambda reader: setattr(reader, "call", lambda _, name: skip_call(reader, name)),
        lambda reader: setattr(reader, "relation_name", lambda: skip_relation(reader)),
    ],
    ids=["calls", "relations"],
)
def test_a_reader_that_overlooks_a_kind_of_name_lets_nothing_through(
    forget: Callable[[QueryReader], None],
) -> None:
    class Forgetful(QueryReader):
        __slots__ = ("__dict__",)

    tokens = scan(SQL)
    reader = Forgetful(tokens, Names())
    forget(reader)
    reader.statement()
    with pytest.raises(Refusal, match="not supported"):
        check_tree(tokens, reader.account)


def skip_call(reader: QueryReader, name: int) -> None:
    reader.at = name + 1
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(reader.keys[reader.at], 0)
        reader.at += 1
        if depth == 0:
            return


def skip_relation(reader: QueryReader) -> None:
    reader.at += 1
    while reader.keys[reader.at] == ".":
        reader.at += 2


@pytest.mark.parametrize(
    "sql",
    [
        "select * from a pivot (sum(x) for y in (1))",
        "select a.b.c.d.e.f(1)",
        "select x from t tablesample system (1)",
        "select 1 into x",
        "select 1 for update",
    ],
)
def test_the_tree_alone_refuses_what_is_no_plain_query(sql: str) -> None:
    with pytest.raises(Refusal, match="not supported"):
        check_tree(scan(sql), Account())


@pytest.mark.parametrize("node", [exp.Star, exp.Where, exp.Literal, exp.Paren])
def test_a_class_of_node_that_is_not_listed_is_refused(
    node: type[exp.Expr], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, account = account_of("select *, count(*) filter (where (a)), date '2024-01-01' from t")
    tree._KNOWN.clear()  # noqa: SLF001
    tree._SHAPES.clear()  # noqa: SLF001
    monkeypatch.delitem(tree._NODES, node)  # noqa: SLF001
    with pytest.raises(Refusal, match="not supported"):
        check_tree(tokens, account)
    monkeypatch.undo()
    tree._KNOWN.clear()  # noqa: SLF001
    tree._SHAPES.clear()  # noqa: SLF001
    check_tree(tokens, account)
