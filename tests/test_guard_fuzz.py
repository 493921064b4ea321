"""A short run of the differential fuzzers; scripts/fuzz makes the long ones."""

from __future__ import annotations

import guard_fuzz
import guard_lists
import pytest
from guard_oracle import harms, parse, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zava_sql.errors import QueryRefused
from zava_sql.guard import Guard
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
    tally = guard_fuzz.run(seed=0, chunk=0, samples=6_000)
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


def test_a_sample_can_be_made_again() -> None:
    assert guard_fuzz.run(3, 5, 200).counts == guard_fuzz.run(3, 5, 200).counts


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
