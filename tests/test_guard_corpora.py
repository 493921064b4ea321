"""The guard on PostgreSQL's regression tests and on TPC-H and TPC-DS, read where they lie."""

from __future__ import annotations

import json
from typing import Any

import guard_lists
import pytest
from guard_oracle import WRAP, harms, parse, read, without_places

from zava_sql.guard.limits import Refusal
from zava_sql.guard.names import Names

pytestmark = pytest.mark.once
NAMES = Names()


def texts(name: str) -> list[dict[str, Any]]:
    path = guard_lists.CORPORA / name
    if not path.is_file():
        pytest.skip(f"no corpora: {path} is missing (ZAVA_CORPORA names their directory)")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def verdict(sql: str) -> str:
    try:
        read(sql, NAMES)
    except Refusal as refusal:
        return refusal.reason
    return "passed"


def test_what_passes_is_the_same_statement_to_postgresql_and_read_alike() -> None:
    passed = 0
    for text in texts("selects.jsonl"):
        try:
            reading = read(text["sql"], NAMES)
        except Refusal:
            continue
        passed += 1
        original, canonical = parse(text["sql"]), parse(reading.canonical)
        assert original is not None
        assert canonical is not None
        assert without_places(canonical) == without_places(original), text["sql"]
        assert harms(reading, canonical) == [], text["sql"]
        assert parse(WRAP.format(reading.canonical)) is not None
    assert passed > 4_000


def test_tpc_passes_and_almost_every_select_whose_names_are_allowed() -> None:
    outcomes = [
        (text["source"].startswith("tpc"), verdict(text["sql"])) for text in texts("selects.jsonl")
    ]
    assert [outcome for is_tpc, outcome in outcomes if is_tpc] == ["passed"] * 129
    judged = [o for _, o in outcomes if o not in ("function", "relation", "type")]
    assert judged.count("passed") / len(judged) >= 0.96


def test_of_what_must_be_refused_only_syntax_errors_pass() -> None:
    for text in texts("must_refuse.jsonl"):
        try:
            reading = read(text["sql"], NAMES)
        except Refusal:
            continue
        assert parse(reading.canonical) is None, text["sql"]
