"""An answer as text: CSV for models, JSON for programs, Markdown to show, a table for terminals.

Values come as the driver gives them (those of `text_types` are PostgreSQL's own text already). Work
is done by column, not by cell: most columns need nothing, and one look shows that.
"""

from __future__ import annotations

import json
import math
import re
import struct
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import asyncpg
from rich.measure import Measurement
from rich.table import Column as TableColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from zava_sql.result import Result


__all__ = [
    "cell_text",
    "csv_lines",
    "dump",
    "fitting",
    "harmless",
    "json_rows",
    "markdown_lines",
    "to_csv",
    "to_json",
    "to_table",
    "visible",
]

# Programs that read JSON numbers as doubles are exact up to here.
_MAX_JSON_INT = 2**53 - 1

_NULL = type(None)

_ANY_WIDTH = 100_000  # characters of a line, more than any terminal has

_NUMBERS = {"int2", "int4", "int8", "oid", "float4", "float8", "numeric", "money"}

# A cell must not be able to move a terminal's cursor, or to turn its text around.
_INVISIBLE = [*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x2028, 0x2029]
_INVISIBLE += [*range(0x200E, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_VISIBLE = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _INVISIBLE}
_VISIBLE |= {ord("\n"): "\n", ord("\t"): "\\t", ord("\r"): "\\r"}

# What Markdown would interpret in a cell, links, images and HTML among it; _ within a word stays.
_MARKUP = re.compile(r"[\\`*\[\]<>|&~$]|(?<![^\W_])_|_(?![^\W_])")


def to_csv(result: Result) -> str:
    """Give CSV by RFC 4180: a first line of `name:type`, NULL bare, a last line when truncated.

    The text NULL and the empty text are quoted, and so is what begins like the last line, so that
    no value can be taken for something else. Arrays, rows and ranges look as PostgreSQL prints
    them.
    """
    lines = csv_lines(result)
    if result.truncated:
        lines.append(f"# truncated: these are the first {result.row_count} rows, there are more")
    return "\n".join(lines)


def csv_lines(result: Result) -> list[str]:
    """Give the first line and one for each row; a quoted value may go over several."""
    lines = [",".join(_field(f"{column.name}:{column.type}") for column in result.columns)]
    if not result.columns:
        return lines + [""] * result.row_count
    columns = map(_csv_column, result.values, (one.type for one in result.columns))
    return lines + list(map(",".join, zip(*columns, strict=True)))


def markdown_lines(result: Result) -> list[str]:
    """Give the two first lines of a table (GitHub's Markdown) and one for each row; NULL slanted.

    It is to be shown: values are escaped, and ends of lines are `<br>`.
    """
    names = [_markdown(f"{column.name}:{column.type}") for column in result.columns]
    marks = ["---:" if column.type in _NUMBERS else "---" for column in result.columns]
    if not result.columns:
        return ["| |", "| --- |", *["| |"] * result.row_count]
    columns = [
        ["*NULL*" if value is None else _markdown(_text(value, column.type)) for value in values]
        for column, values in zip(result.columns, result.values, strict=True)
    ]
    rows = zip(*columns, strict=True)
    return [f"| {' | '.join(row)} |" for row in (names, marks, *rows)]


def to_json(result: Result) -> str:
    """Give `{"columns", "rows", "row_count", "truncated"}`, rows as arrays.

    What a double cannot hold is a string of digits: numeric, and integers beyond 2^53; so are NaN
    and the infinities.
    """
    return dump(
        {
            "columns": [{"name": column.name, "type": column.type} for column in result.columns],
            "rows": json_rows(result),
            "row_count": result.row_count,
            "truncated": result.truncated,
        }
    )


def json_rows(result: Result) -> list[Sequence[object]]:
    """Give the rows as arrays of what JSON can say exactly."""
    if not result.columns:
        return [()] * result.row_count
    columns = map(_json_column, result.values, (one.type for one in result.columns))
    return list(zip(*columns, strict=True))


def dump(value: object) -> str:
    """Write JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def cell_text(value: object, kind: str) -> str:
    """Give one value as PostgreSQL would print it; NULL is `NULL`."""
    return "NULL" if value is None else _text(value, kind)


def to_table(result: Result, console: Console) -> Table:
    """Give a table for rich; values are shown, never obeyed, as markup or by the terminal."""
    names = [Text(column.name.translate(_VISIBLE)) for column in result.columns]
    kinds = [column.type for column in result.columns]
    rows = [list(map(_cell, row, kinds)) for row in result.rows]
    return fitting(names, rows, console, numbers=[kind in _NUMBERS for kind in kinds])


def fitting(
    names: Sequence[Text], rows: Sequence[Sequence[Text]], console: Console, numbers: Sequence[bool]
) -> Table:
    """Give a table as wide as the console: lines are broken between words, nothing is cut.

    Where not every word fits, each row is a list of names and values.
    """
    table = Table()
    for number, name in enumerate(names):
        table.add_column(
            name,
            justify="right" if numbers[number] else "left",
            overflow="fold",
            no_wrap=not any(" " in row[number].plain for row in rows),  # or rich would cut it
        )
    for row in rows:
        table.add_row(*row)
    needed = Measurement.get(console, console.options.update(max_width=_ANY_WIDTH), table).minimum
    if needed <= console.width or not rows:
        return table
    lists = Table(TableColumn(style="bold"), TableColumn(overflow="fold"), show_header=False)
    for row in rows:
        lists.add_section()
        for name, cell in zip(names, row, strict=True):
            lists.add_row(name, cell)
    return lists


def harmless(text: str) -> str:
    """Give a text that a terminal shows, and does not obey."""
    return text.translate(_VISIBLE)


def visible(text: str) -> str:
    """Give the name of an object like that, in one line."""
    return harmless(text).replace("\n", "\\n")


def _cell(value: object, kind: str) -> Text:
    if value is None:
        return Text("NULL", style="dim")
    return Text(_text(value, kind).translate(_VISIBLE))


def _csv_column(values: Sequence[Any], kind: str) -> Iterable[str]:
    try:
        return map(_field, values) if _any_quoted(values) else values
    except TypeError:
        types = set(map(type, values))
    has_null = _NULL in types
    present = [value for value in values if value is not None] if has_null else values
    types.discard(_NULL)
    fields: Iterable[str]
    if types == {int} and kind != "pg_lsn":
        fields = map(str, present)
    elif types <= {bool, float}:
        fields = [_text(value, kind) for value in present]
    else:
        texts = present if types == {str} else [_text(value, kind) for value in present]
        fields = map(_field, texts) if _any_quoted(texts) else texts
    if not has_null:
        return fields
    given = iter(fields)
    return ["NULL" if value is None else next(given) for value in values]


def _markdown(text: str) -> str:
    return "<br>".join(_MARKUP.sub(r"\\\g<0>", line) for line in re.split("\r\n|\r|\n", text))


def _any_quoted(texts: Sequence[str]) -> bool:
    """Look through a column at once; PostgreSQL's text holds no NUL, so that it can separate."""
    all_ = "\0".join(["", *texts, ""])
    # Single characters first: several take ten times as long to find, and most are not there.
    return (
        any(mark in all_ for mark in ('"', ",", "\n", "\r"))
        or not all(texts)
        or ("#" in all_ and "\0#" in all_)
        or ("N" in all_ and "\0NULL\0" in all_)
    )


def _field(text: str) -> str:
    if (
        '"' in text
        or "," in text
        or "\n" in text
        or "\r" in text
        or text in ("", "NULL")
        or text[0] == "#"
    ):
        return '"' + text.replace('"', '""') + '"'
    return text


def _json_column(values: Sequence[Any], kind: str) -> Sequence[object]:
    types = set(map(type, values))
    if types <= {str, bool, _NULL}:
        return values
    if types == {int} and kind != "pg_lsn" and max(map(abs, values)) <= _MAX_JSON_INT:
        return values
    if types == {float} and kind == "float8" and all(map(math.isfinite, values)):
        return values
    return [_plain(value, kind) for value in values]


def _plain(value: object, kind: str) -> object:
    """Give what JSON can say exactly."""
    match value:
        case None | str() | bool():
            plain: object = value
        case int() if kind != "pg_lsn" and -_MAX_JSON_INT <= value <= _MAX_JSON_INT:
            plain = value
        case float() if math.isfinite(value):
            plain = float(_float(value, kind))
        case list():
            plain = [_plain(element, kind.removesuffix("[]")) for element in value]
        case asyncpg.Record() if len(set(value.keys())) == len(value):
            plain = {name: _plain(field, "") for name, field in value.items()}
        case asyncpg.Record() | tuple():
            plain = [_plain(field, "") for field in value]
        case _:
            plain = _text(value, kind)
    return plain


@singledispatch
def _text(value: object, kind: str) -> str:
    """Give the text of a value, as PostgreSQL would where it has a say."""
    _ = kind
    return str(value)


@_text.register
def _(value: bool, kind: str) -> str:  # noqa: FBT001 - dispatched by its type
    _ = kind
    return "true" if value else "false"


@_text.register
def _(value: int, kind: str) -> str:
    return f"{value >> 32:X}/{value & 0xFFFFFFFF:X}" if kind == "pg_lsn" else str(value)


@_text.register
def _(value: float, kind: str) -> str:
    return _float(value, kind)


@_text.register(list)
def _(value: list[object], kind: str) -> str:
    element = kind.removesuffix("[]")
    return "{" + ",".join(_element(item, element) for item in value) + "}"


@_text.register(tuple)
@_text.register(asyncpg.Record)
def _(value: Iterable[object], kind: str) -> str:
    _ = kind
    return "(" + ",".join(map(_part, value)) + ")"


@_text.register
def _(value: bytes, kind: str) -> str:
    _ = kind
    return value.decode("latin-1")  # the type "char"; bytea comes as text


def _float(value: float, kind: str) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if kind == "float4":
        # The driver widened it: 0.1 came as 0.10000000149011612.
        for digits in range(6, 9):
            short = f"{value:.{digits}g}"
            if struct.pack("f", float(short)) == struct.pack("f", value):
                return short
        return f"{value:.9g}"
    return repr(value).removesuffix(".0")


def _element(value: object, kind: str) -> str:
    """Give an element of an array in curly braces."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return _text(value, kind + "[]")
    text = _text(value, kind)
    if text.upper() in ("", "NULL") or any(mark in text for mark in '{}",\\ \t\n\r\v\f'):
        return _quoted(text)
    return text


def _part(value: object) -> str:
    """Give a field of a row in brackets; NULL is nothing at all there."""
    if value is None:
        return ""
    text = _text(value, "[]" if isinstance(value, list) else "")
    return _quoted(text) if not text or any(mark in text for mark in '()",\\ \t\n\r\v\f') else text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
