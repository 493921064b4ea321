"""The guard over JSON lines (`zava-sql check --jsonl`): one verdict per line, whatever it holds."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final, NoReturn

from zava_sql.errors import QueryRefused, ValidationError

if TYPE_CHECKING:
    from zava_sql.guard.check import Guard

__all__ = ["MAX_LINE", "judge_line"]

# Bytes; a query with every character escaped, plus an id, takes a hundredth of this.
MAX_LINE: Final = 16_000_000

_HINT = 'Send lines such as {"id": 1, "sql": "select ..."}, in UTF-8.'


def judge_line(line: str | bytes, guard: Guard) -> dict[str, Any]:
    """Judge one line `{"id", "sql"}`; `id` is null where none can be read."""
    identity: Any = None
    try:
        request = _parse(line)
        identity = request.get("id")
        return {"id": identity, "ok": True, "canonical": guard.check(_sql(request)).canonical}
    except (QueryRefused, ValidationError) as error:
        return {"id": identity, "ok": False, "hint": "", "position": None, **error.to_dict()}


def _parse(line: str | bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise ValidationError(f"the line has more than {MAX_LINE:,} bytes", hint=_HINT)
    try:
        request = json.loads(line, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise ValidationError("the line is not JSON", hint=_HINT) from None
    if not isinstance(request, dict):
        raise ValidationError("the line is not a JSON object", hint=_HINT)
    return request


def _sql(request: dict[str, Any]) -> str:
    sql = request.get("sql")
    if not isinstance(sql, str):
        raise ValidationError("sql is missing, or not a string", hint=_HINT)
    return sql


def _finite(number: str) -> float:
    return float(number) if math.isfinite(float(number)) else _refuse(number)


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity are not JSON, and could not be written back as JSON."""
    raise ValueError(constant)
