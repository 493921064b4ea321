"""The kept lists of texts: guard_allowed.sql and guard_refused.sql; and where the corpora are."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
# Texts of PostgreSQL's tests and of TPC, which are no part of the repository: docs/guard.md, Proof.
CORPORA = Path(os.environ.get("ZAVA_CORPORA") or HERE.parents[1] / "shared" / "corpora")


class Refused(NamedTuple):
    reason: str
    sql: str


def allowed() -> list[str]:
    """Every text ends in a semicolon (and a comment) at the end of a line."""
    text = (HERE / "guard_allowed.sql").read_text(encoding="utf-8").split("\n\n", 1)[1]
    return [sql for sql in re.split(r"(?<=;)(?: *--[^\n]*)?\n", text) if sql.strip()]


def refused() -> list[Refused]:
    """Every text stands behind its reason; <U+00A0> is that character."""
    text = (HERE / "guard_refused.sql").read_text(encoding="utf-8")
    found = []
    for case in re.split(r"(?m)^-- family: .*\n", text)[1:]:
        for one in re.split(r"(?m)^-- refused: ", case)[1:]:
            reason, _, sql = one.partition("\n")
            sql = re.sub(r"<U\+([0-9A-F]{4,6})>", lambda m: chr(int(m[1], 16)), sql)
            found.append(Refused(reason, sql.removesuffix("\n")))
    return found
