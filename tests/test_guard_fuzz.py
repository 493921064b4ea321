"""A short run of the differential fuzzers; scripts/fuzz makes the long ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import guard_fuzz
import guard_lists
import pytest
from guard_oracle import harms, parse, read, without_places
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zava_sql.errors import QueryRefused
from zava_sql.guard import Guard
from zava_sql.guard.lexer import NUMBER, STRING, scan
from zava_sql.guard.limits import Refusal

pytestmark = pytest.mark.once
WORDS = st.sampled_from([*guard_fuzz.STRANGE, *guard_fuzz.POOL, "evil ( )", "( table evil )"])
TAILS = st.lists(WORDS, max_size=9).map(" ".join)
quick = settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))


def judge(sql: str) -> None:
    try:
        reading = read(sql, guard_fuzz.NAMES)
    except Refusal:
        return
    tree = parse(reading.canonical)
    assert tree is None or harms(reading, tree) == []


def test_a_chunk_of_every_kind_of_sample_finds_nothing() -> None:
    tally = guard_fuzz.run(seed=0, chunk=0, samples=9_000)
    assert tally.findings == []
    for outcome in (
        "lexical: same statement",
        "lexical: refused",
        "grammar: accepted, read alike",
        "grammar: refused",
        "mutation: accepted, read alike",
        "mutation: refused",
    ):
        assert tally.counts[outcome] > 50, outcome


def test_a_legitimate_question_stays_the_same_statement() -> None:
    named = (
        "select * from json_table('1', '$' columns (nested  path '$[1]' as p columns (a int))) t"
    )
    for sql in (*guard_lists.allowed(), named):
        original = parse(sql)
        assert original is not None, sql
        assert without_places(parse(scan(sql).canonical())) == without_places(original), sql


def test_a_sample_can_be_made_again_by_another_process() -> None:
    made = [
        subprocess.run(
            [
                sys.executable,
                "-c",
                "import guard_fuzz as f; print(f.run(3, 5, 500).counts, f.STRANGE)",
            ],
            cwd=Path(__file__).parent,
            env={**os.environ, "PYTHONHASHSEED": number},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for number in "12"
    ]
    assert made[0] == made[1] != ""


@pytest.mark.parametrize("digits", [1, 24, 25, 53])
def test_float_is_the_type_that_its_precision_says(digits: int) -> None:
    reading = read(f"select float({digits}) '1', '1'::float({digits})", guard_fuzz.NAMES)
    tree = parse(reading.canonical)
    assert tree is not None
    assert harms(reading, tree) == []


@quick
@given(head=st.sampled_from(["select ", "select 1 ", "select a from t ", "table t "]), tail=TAILS)
def test_whatever_follows_a_query_is_read_as_postgresql_reads_it(head: str, tail: str) -> None:
    judge(head + tail)


@quick
@given(st.sampled_from(guard_lists.allowed()), st.randoms(use_true_random=False), WORDS)
def test_a_word_put_anywhere_is_read_as_postgresql_reads_it(sql, rng, word) -> None:
    words = guard_fuzz.WORDS.findall(sql)
    words.insert(rng.randrange(len(words) + 1), word)
    judge(" ".join(words))


# Of these the literals matter; in other texts they should not.
BY_LITERAL = [
    "select repeat('x', 100), lpad(a, 20), rpad(a, 1 + 2, ' ') from t",
    "select repeat('-', count(*)::int / 10), repeat('x', least(a, 5)) from t",
    "select format('%s: %10s', a, b), float(24) '1', '1'::float(25), a::numeric(10, 2) from t",
    "select cast(a as varchar(20)), a::char(5), a::bit(3), interval '1' second (3) from t",
]
OTHERS = ["0", "'xxxxxxxxxxxxxxxx'", "99999999"]
LITERALS = [*OTHERS, "24", "25", "10001", "1.5", "b'1'", "''", "'%s'", "'%99999s'", "'%1$*2$s'"]


def verdict(guard: Guard, sql: str) -> str | dict[str, object]:
    try:
        return guard.check(sql).canonical
    except QueryRefused as refused:
        return refused.to_dict()


@pytest.mark.parametrize(
    ("sqls", "literals"), [(BY_LITERAL, LITERALS), (guard_lists.allowed(), OTHERS)]
)
def test_what_was_seen_with_other_literals_is_judged_as_if_new(sqls, literals) -> None:
    refused = 0
    for sql in sqls:
        guard, tokens = Guard(), scan(sql)
        guard.check(sql)
        for index, kind in enumerate(tokens.kinds):
            for literal in literals if STRING <= kind <= NUMBER else ():
                other = " ".join([*tokens.texts[:index], literal, *tokens.texts[index + 1 :]])
                new = verdict(Guard(), other)
                assert verdict(guard, other) == new
                refused += isinstance(new, dict)
    assert refused > len(sqls) / 10


@quick
@given(st.text(st.characters(codec=None), max_size=40))
def test_any_text_is_judged_and_only_refusals_are_raised(text: str) -> None:
    guard = Guard()
    for sql in (text, "select " + text, f"select '{text}'", f'select "{text}"'):
        try:
            canonical = guard.check(sql).canonical
        except QueryRefused:
            continue
        assert guard.check(canonical).canonical == canonical
