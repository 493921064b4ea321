"""Where the guard's lexer cuts operators, beside the rule of scan.l written out."""

from __future__ import annotations

import random
from itertools import product

import pytest

from zava_sql.guard.keywords import OPERATORS
from zava_sql.guard.lexer import scan
from zava_sql.guard.limits import Refusal

pytestmark = pytest.mark.once
SIGNS = "+-*/<>=~!@#^&|`?%"


def cut(run: str) -> list[str]:
    """Cut a run of operator characters as scan.l does; what stands behind -- is a comment."""
    found = []
    while run and not run.startswith("--"):
        end = min((at for at in (run.find("--"), run.find("/*")) if at > 0), default=len(run))
        word = run[:end]
        if set(word[:-1]).isdisjoint("~!@#^&|`?%"):
            word = word[0] + word[1:].rstrip("+-")
        found.append(word)
        run = run[len(word) :]
    return found


def runs() -> list[str]:
    rng = random.Random(5)  # noqa: S311  # to be repeatable, not secret
    pieces = [*sorted(OPERATORS), *SIGNS]
    made = ["".join(signs) for length in (1, 2) for signs in product(SIGNS, repeat=length)]
    for _ in range(4_000):
        made.append("".join(rng.choice(pieces) for _ in range(rng.randint(2, 6))))
        made.append("".join(rng.choice("+-*/<>=") for _ in range(rng.randint(4, 12))))
    return [run for run in made if "/*" not in run]


def test_operators_are_cut_where_postgresql_cuts_them_or_refused() -> None:
    accepted = 0
    for run in runs():
        expected = cut(run)
        try:
            found = scan(run).texts
        except Refusal:
            assert not OPERATORS.issuperset(expected), run
            continue
        assert found == expected, run
        accepted += 1
    assert accepted > 200


@pytest.mark.parametrize("run", ["<->>->>", "<->>+~", "<<->>>=", "*<>-+-|", "<->>>>+~"])
def test_two_operators_in_one_run_are_not_taken_apart(run: str) -> None:
    with pytest.raises(Refusal):
        scan(f"select a {run} b")


def test_a_number_may_have_many_parts() -> None:
    for number in ("1" + "_0" * 500, "0x" + "_f" * 500, "1_0.0_1e+1_0"):
        assert scan(number).texts == [number]
