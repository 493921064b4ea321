"""Answers as text: what a model reads must have one meaning only."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from zava_sql.answer import answer
from zava_sql.cuts import shown
from zava_sql.database import Database
from zava_sql.render import dump, markdown_lines, to_csv, to_json, to_table
from zava_sql.result import Column, Result
from zava_sql.settings import Settings

pytestmark = pytest.mark.once

untimed = settings(deadline=None)  # how long an example takes depends on the machine


def result(*rows, types=None, truncated=False) -> Result:
    types = types or ["text"] * len(rows[0])
    columns = tuple(Column(f"c{number}", kind) for number, kind in enumerate(types, 1))
    return Result.of(columns, rows, truncated=truncated)


def cell(value, kind="text"):
    """Give the only value of an answer as CSV."""
    head, text = to_csv(result((value,), types=[kind])).split("\n", 1)
    assert head == f"c1:{kind}"
    return text


def plain(value, kind="text"):
    """Give the only value of an answer as JSON."""
    return json.loads(to_json(result((value,), types=[kind])))["rows"][0][0]


# ---------------------------------------------------------------- CSV


def test_csv_starts_with_names_and_types_and_has_a_line_a_row():
    answer = result((1, "a"), (2, "b"), types=["int4", "text"])
    assert to_csv(answer) == "c1:int4,c2:text\n1,a\n2,b"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        ("NULL", '"NULL"'),
        ("null", "null"),
        ("", '""'),
        ("a,b", '"a,b"'),
        ('say "x"', '"say ""x"""'),
        ("two\nlines", '"two\nlines"'),
        ("two\rlines", '"two\rlines"'),
        (" spaces ", " spaces "),
        ("# truncated: no", '"# truncated: no"'),
        ("a # b", "a # b"),
        ("\\N", "\\N"),
    ],
)
def test_csv_tells_null_empty_and_text_apart(value, text):
    assert cell(value) == text
    # The same among others: columns are looked through as a whole.
    assert to_csv(result(("x",), (value,), ("y",))).split("\n", 2)[2] == f"{text}\ny"


def test_csv_says_exactly_when_it_is_truncated():
    last = "# truncated: these are the first 2 rows, there are more"
    assert to_csv(result(("a",), ("b",), truncated=True)).splitlines() == [
        "c1:text",
        "a",
        "b",
        last,
    ]
    assert "#" not in to_csv(result(("a",), ("b",)))


def test_csv_keeps_columns_of_the_same_name_and_odd_names():
    columns = (Column("n", "int4"), Column("n", "int4"), Column('a,"b"', "text"))
    assert (
        to_csv(Result.of(columns, [(1, 2, "x")], truncated=False))
        == 'n:int4,n:int4,"a,""b"":text"\n1,2,x'
    )


def test_an_answer_without_rows_or_without_columns_has_its_shape():
    none = Result.of((Column("n", "int4"),), [], truncated=False)
    assert to_csv(none) == "n:int4"
    assert json.loads(to_json(none))["rows"] == []
    bare = Result.of((), [(), ()], truncated=False)
    assert to_csv(bare) == "\n\n"
    assert json.loads(to_json(bare))["rows"] == [[], []]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
hostile = st.sampled_from(["", "NULL", "#", '"', ",", "\n", "\r", '""', "a,b", "NULL\n", "#\n"])


@untimed
@given(st.lists(st.tuples(*[st.none() | texts | hostile] * 3), min_size=1, max_size=5))
def test_csv_reads_back_as_what_it_was(rows):
    _, *lines = read(to_csv(result(*rows)))
    assert lines == [list(row) for row in rows]


def read(text):
    """Read RFC 4180 with bare NULL for null; a bare field must not look like the last line."""
    lines = [[]]
    for match in re.finditer(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\n|\Z)', text):
        quoted, bare, end = match.groups()
        assert quoted is not None or (bare and bare[0] != "#")
        value = quoted.replace('""', '"') if quoted is not None else bare
        lines[-1].append(None if bare == "NULL" else value)
        if end == "\n":
            lines.append([])
        if end == "":
            return lines
    raise AssertionError(text)


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("value", "kind", "text", "json_value"),
    [
        (True, "bool", "true", True),
        (2**53 - 1, "int8", "9007199254740991", 2**53 - 1),
        (2**53, "int8", "9007199254740992", "9007199254740992"),
        (-(2**63), "int8", "-9223372036854775808", "-9223372036854775808"),
        ("1.10", "numeric", "1.10", "1.10"),
        (0.1, "float8", "0.1", 0.1),
        (0.1234567890123456, "float8", "0.1234567890123456", 0.1234567890123456),
        ([0.1234567890123456], "float8[]", "{0.1234567890123456}", [0.1234567890123456]),
        (3.0, "float8", "3", 3.0),
        (float("nan"), "float8", "NaN", "NaN"),
        (float("-inf"), "float8", "-Infinity", "-Infinity"),
        (0.10000000149011612, "float4", "0.1", 0.1),
        (16777216.0, "float4", "16777216", 16777216.0),
        (float("inf"), "float4", "Infinity", "Infinity"),
        ([1, None, 3], "int4[]", '"{1,NULL,3}"', [1, None, 3]),
        ([[1, 2], [3, 4]], "int4[]", '"{{1,2},{3,4}}"', [[1, 2], [3, 4]]),
        ([], "int4[]", "{}", []),
        ([2**60], "int8[]", "{1152921504606846976}", ["1152921504606846976"]),
        (
            ["a", "b c", "", "NULL", None, '"'],
            "text[]",
            '"{a,""b c"","""",""NULL"",NULL,""\\""""}"',
            ["a", "b c", "", "NULL", None, '"'],
        ),
        ((1, "a b", "", None), "record", '"(1,""a b"","""",)"', [1, "a b", "", None]),
        (b"x", "char", "x", "x"),
        (4294967298, "pg_lsn", "1/2", "1/2"),
        ('{"a": 1}', "jsonb", '"{""a"": 1}"', '{"a": 1}'),
    ],
)
def test_every_kind_of_value_is_exact_in_both_forms(value, kind, text, json_value):
    assert cell(value, kind) == text
    assert plain(value, kind) == json_value
    assert type(plain(value, kind)) is type(json_value)


def test_values_do_not_depend_on_their_neighbours():
    rows = [(1,), (None,), (2**60,), (3,)]
    assert to_csv(result(*rows, types=["int8"])).splitlines()[1:] == [
        "1",
        "NULL",
        "1152921504606846976",
        "3",
    ]
    answer = json.loads(to_json(result(*rows, types=["int8"])))
    assert answer["rows"] == [[1], [None], ["1152921504606846976"], [3]]


@pytest.mark.parametrize(
    ("kind", "values", "texts"),
    [
        ("bool", [True, None, False], ["true", "NULL", "false"]),
        ("float8", [0.5, None, float("inf"), 2.0], ["0.5", "NULL", "Infinity", "2"]),
        ("float4", [0.10000000149011612, None], ["0.1", "NULL"]),
        ("pg_lsn", [4294967298, None], ["1/2", "NULL"]),
        ("int8", [None, None], ["NULL", "NULL"]),
        ("int4[]", [[1], None, []], ["{1}", "NULL", "{}"]),
        ("text", ["a", None, "NULL", "", "#"], ["a", "NULL", '"NULL"', '""', '"#"']),
    ],
)
def test_null_may_stand_among_values_of_every_kind(kind, values, texts):
    assert to_csv(result(*((value,) for value in values), types=[kind])).split("\n")[1:] == texts


def test_json_holds_all_there_is_to_know():
    answer = result((1, "é"), types=["int4", "text"], truncated=True)
    text = to_json(answer)
    assert json.loads(text) == {
        "columns": [{"name": "c1", "type": "int4"}, {"name": "c2", "type": "text"}],
        "rows": [[1, "é"]],
        "row_count": 1,
        "truncated": True,
    }
    assert "é" in text


def test_markdown_shows_values_and_obeys_none():
    rows = [
        (1, "a|b\r\nc", None),
        (-2, "![x](https://evil.example/?q=1) <img src=x> `*a*` \\", "*NULL*"),
        (None, "net_price _slanted_ __init__ a_ &amp; ~~$1~~", ""),
    ]
    columns = (Column("n", "int4"), Column("unit_price|x", "text"), Column("t", "text"))
    found = markdown_lines(Result.of(columns, rows, truncated=False))
    assert found == [
        r"| n:int4 | unit_price\|x:text | t:text |",
        "| ---: | --- | --- |",
        r"| 1 | a\|b<br>c | *NULL* |",
        r"| -2 | !\[x\](https://evil.example/?q=1) \<img src=x\> \`\*a\*\` \\ | \*NULL\* |",
        r"| *NULL* | net_price \_slanted\_ \_\_init\_\_ a\_ \&amp; \~\~\$1\~\~ |  |",
    ]
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render("\n".join(found))
    cells = re.findall("<td.*?>(.*?)</td>", html)
    assert [unescape(cell) for cell in cells] == [
        "1", "a|b<br>c", "<em>NULL</em>",
        "-2", rows[1][1], "*NULL*",
        "<em>NULL</em>", rows[2][1], "",
    ]  # fmt: skip
    assert "<img" not in html


def test_markdown_of_no_columns_has_a_line_for_each_row():
    bare = Result.of((), [(), ()], truncated=False)
    assert markdown_lines(bare) == ["| |", "| --- |", "| |", "| |"]


def test_csv_is_short():
    names = ("number", "id", "status", "payment", "note", "total", "ordered", "pieces")
    rows = [
        (n, f"{n * 7919:08x}-aa", "completed", "card", "gift" if n % 3 == 0 else None,
         f"{n * 1.37:.2f}", f"2025-01-01 08:{n % 60:02}:00-08", n % 9)
        for n in range(100)
    ]  # fmt: skip
    columns = tuple(Column(name, "text") for name in names)
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    whole = json.dumps(objects, separators=(",", ":"))
    assert len(to_csv(Result.of(columns, rows, truncated=False))) <= 0.7 * len(whole)


@pytest.mark.anyio
async def test_postgresql_reads_back_what_is_printed_as_its_own_text(module_database):
    """What CSV shows of arrays, rows, ranges and floats casts back to an equal value."""
    literals = [
        ("array[1, null, 3]", "int4[]"),
        ("array['a', 'b c', '', 'NULL', null, '\"', '\\', '{}', ',']", "text[]"),
        ("array[array[1.50, 2], array[3, null]]", "numeric[]"),
        ("array['2024-01-01'::timestamptz, null]", "timestamptz[]"),
        ("int4range(1, 5)", "int4range"),
        ("array[int4range(1, 5), 'empty']", "int4range[]"),
        ("'{[1,3),[5,7)}'::int4multirange", "int4multirange"),
        ("0.1::float4", "float4"),
        ("'1e-30'::float4", "float4"),
        ("1e100::float8", "float8"),
        ("'-infinity'::float8", "float8"),
        ("b'1010101011'", "bit(10)"),
        ("array[b'101', null]::varbit[]", "varbit[]"),
        ("array['1.2.3.4/24', '::ffff:1.2.3.4']::inet[]", "inet[]"),
        ("'10.0.0.0/8'::cidr", "cidr"),
        ("interval '1 mon -2 days 03:04:05.6'", "interval"),
        ("'0044-03-15 BC'::date", "date"),
        ("'\\xdead'::bytea", "bytea"),
        ("'16/B374D848'::pg_lsn", "pg_lsn"),
        ("array[tstzrange('2024-01-01', null), 'empty']", "tstzrange[]"),
        ("'{[1.5,2],[3,)}'::nummultirange", "nummultirange"),
        ("box '(1,1),(0,0)'", "box"),
        ("circle '<(0,0),1>'", "circle"),
        ("line '{1,2,3}'", "line"),
        ("lseg '[(0,0),(1,1)]'", "lseg"),
    ]
    settings = Settings(
        database_url=module_database.gateway_url,
        service_url=module_database.service_url,
        context_key=module_database.context_key,
    )
    async with Database.open(settings) as database, database.gateway.lend() as connection:
        for literal, kind in literals:
            statement = await connection.prepare(f"select {literal} as value", name="")
            (column,) = statement.get_attributes()
            (row,) = await statement.fetch()
            answer = Result.of((Column("value", column.type.name),), [tuple(row)], truncated=False)
            (shown,) = list(csv.reader(io.StringIO(to_csv(answer), newline="")))[1]
            equal = await connection.fetchval(f"select ({literal}) = $1::text::{kind}", shown)
            assert equal, (literal, shown)


# ---------------------------------------------------------------- caps


class Element:
    """A value that counts how often its text is made."""

    written = 0

    def __str__(self) -> str:
        Element.written += 1
        return "(1,1)"


@pytest.mark.parametrize("form", ["csv", "json", "markdown"])
@pytest.mark.parametrize("dimensions", [1, 2])
def test_no_more_is_written_of_arrays_than_is_shown(form, dimensions):
    array = [Element()] * 50_000
    for _ in range(1, dimensions):
        array = [array]
    Element.written = 0
    rows = [(array,)] * 1000
    made = answer(result(*rows, types=["point[]"]), Settings(max_bytes=50_000), form=form)
    assert "more elements" in made.text
    assert 10_000 <= Element.written < 200_000
    assert made.fields["truncated_by"] == "bytes"
    assert made.fields["cut_cells"] == made.fields["row_count"] > 0
    assert len(made.text) < 51_000


@pytest.mark.parametrize("form", ["csv", "json", "markdown"])
def test_no_more_rows_are_written_than_may_fit(form):
    Element.written = 0
    rows = [(Element(), "x" * 500)] * 1000
    made = answer(result(*rows, types=["point", "text"]), Settings(max_bytes=50_000), form=form)
    assert 80 < made.fields["row_count"] < 100
    assert Element.written < 300


@pytest.mark.parametrize("beside", [None, True, 1])
@pytest.mark.parametrize(("length", "count"), [(1, 1_000), (500, 100)])
def test_no_more_texts_are_looked_at_than_may_fit(length, count, beside):
    rows = [("x" * length, beside, "y")] * count
    some, _ = shown(result(*rows, types=["text", "int4", "text"]), 2_000, 1_000)
    assert some.row_count == -(-1_000 // (length + 5))  # with two values, and an end each


@untimed
@given(st.integers(1, 300), st.integers(1, 40), st.integers(1000, 1100))
def test_all_rows_are_shown_that_fit(length, count, size):
    answered = result(
        *[("x" * length, [True, None], None)] * count, types=["text", "bool[]", "int4"]
    )
    made = answer(answered, Settings(max_bytes=size))
    head, line, *_ = to_csv(answered).split("\n")
    fitting = (size - len(head) - 1) // (len(line) + 1)
    assert made.fields["row_count"] == min(fitting, count)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("form", ["csv", "json", "markdown"])
def test_it_is_bytes_that_are_capped_however_few_characters_they_are(form, *, beside):
    rows = [('"' * 10, "\u00fc" * 10, None)] * 1000
    answered = result(*rows, types=["text", "text", "int4"])
    made = answer(answered, Settings(max_bytes=10_000), form=form, rows=beside)
    assert made.fields["truncated_by"] == "bytes"
    assert 170 < made.fields["row_count"] < 230
    assert len(made.text.encode()) < 10_300  # with what is said of the columns and of the rest
    assert len(dump(made.fields.get("rows", [])).encode()) <= 10_000


# ---------------------------------------------------------------- tables


DATED = ["date", "numeric", "text"]


def test_long_values_are_shortened_and_no_others():
    made = answer(
        result(("ab", ["a"]), (None, None), ("x" * 15, ["b"] * 20), types=["text", "text[]"]),
        Settings(max_cell=10),
    )
    assert made.text.splitlines()[1:4] == [
        "ab,{a}",
        "NULL,NULL",
        'xxxxxxxxxx…[5 more characters],"{b,b,b,b,b…[more elements]"',
    ]
    assert made.fields["cut_cells"] == 2


@untimed
@given(
    st.lists(st.one_of(st.none(), st.integers(0, 25).map("x".__mul__)), min_size=1, max_size=12),
    st.integers(10, 12),
)
def test_exactly_what_is_longer_is_shortened_wherever_it_stands(values, length):
    made = answer(result(*[(value,) for value in values]), Settings(max_cell=length), rows=True)
    assert [row[0] for row in made.fields["rows"]] == [
        f"{value[:length]}…[{len(value) - length} more characters]"
        if value is not None and len(value) > length
        else value
        for value in values
    ]


def test_a_value_counts_for_as_much_as_is_shown_of_it():
    made = answer(result(*[("ab",)] * 200, ("x" * 300_000,), types=["text"]), Settings())
    assert (made.fields["row_count"], made.fields["cut_cells"]) == (201, 1)


def on_console(answer: Result, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(to_table(answer, console))
    return console.file.getvalue()


def test_a_table_shows_names_values_and_null():
    text = on_console(result((1, None), types=["int4", "text"]))
    for part in ("c1", "c2", "1", "NULL"):
        assert part in text


def test_a_table_shows_markup_and_control_characters_instead_of_obeying_them():
    text = on_console(
        result(("[red]x[/red]",), ("\x1b[2Jgone",), ("\u202eabc",), ("\u061cx",), ("a\tb",))
    )
    assert "[red]x[/red]" in text
    assert "\\x1b[2Jgone" in text
    assert "\\u202eabc" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\u061c" not in text


def test_a_row_that_is_wider_than_the_terminal_is_shown_as_a_list():
    answer = result(("2026-11-28", "7941.51", "a b c"), ("2026-11-29", None, "x" * 60), types=DATED)
    lines = [line.strip("│ ").split(" │ ") for line in on_console(answer, 30).splitlines()]
    assert ["c1", "2026-11-28"] in [[part.strip() for part in line] for line in lines]
    assert "NULL" in on_console(answer, 30)
    for width in (20, 30, 65, 90):
        text = on_console(answer, width)
        assert "…" not in text
        assert text.count("x") == 60
        assert text.count("c2") == (1 if width == 90 else 2)
    assert "c1" in on_console(Result.of(answer.columns, [], truncated=False), 20)
    uuid = "e83f18e9-b3f6-82e8-88c6-b4d3dae9cecb"
    for width in range(45, 120, 5):
        assert uuid in on_console(result((uuid, "some words " * 9)), width)


def test_a_table_does_not_obey_column_names_either():
    text = on_console(Result.of((Column("\x1b[2J[b]n[/b]", "int4"),), [(1,)], truncated=False))
    assert "\\x1b[2J[b]n[/b]" in text


def test_the_size_of_an_answer_is_that_of_its_texts_and_eight_bytes_for_each_number():
    columns = tuple(Column(name, "x") for name in "abcd")
    rows = [("ab", 1, [[1, None], [3, 4]], ["ab"]), (None, 2.5, [], "abc")]
    assert Result.of(columns, rows, truncated=False).size == 2 + 16 + 32 + 6 + 3
