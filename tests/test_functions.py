"""Functions of the database as tools: what is shown of them, and what a call does."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import sys
from collections import Counter
from typing import Any

import functions
import jsonschema
import psycopg
import pytest
import tenants

from zava_sql.agent import Agent
from zava_sql.embedding import Vector
from zava_sql.errors import (
    BadArgument,
    DatabaseError,
    QueryRefused,
    ServiceUnavailable,
    ValidationError,
)
from zava_sql.function_catalogue import FunctionCatalogue
from zava_sql.function_types import in_words
from zava_sql.toolbox import Toolbox
from zava_sql.tools import checked, function_tool

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def shop(clone):
    """Give a copy with eight stores and the functions in it."""
    with clone(hardened=True) as copy:
        tenants.fill(copy)
        functions.create(copy.admin_url)
        with psycopg.connect(copy.admin_url) as connection:
            connection.execute(
                "insert into retail.embedding_models (name, dimensions, state)"
                " values ('fixed', 2, 'live')"
            )
        yield copy


@pytest.fixture(scope="module")
async def opened(shop):
    async with tenants.opened(shop, pool_max=4) as database:
        yield database


@pytest.fixture(scope="module")
async def people(opened):
    return await tenants.principals(opened, [*tenants.STORES, "head-office"])


async def embed(_, text):
    return Vector("fixed", [float(len(text)), 0.5])


@pytest.fixture(scope="module")
async def tools(opened, people):
    """Give the tools of Seattle by name."""
    catalogue = FunctionCatalogue(opened, embeds=True)
    assert await catalogue.refresh()
    return await catalogue.visible_to(people["seattle"])


@pytest.fixture
def call(opened, people, tools):
    """Call a tool as the store of Seattle."""
    agent = Agent(opened, embed=embed)

    async def calling(name, principal="seattle", **arguments):
        given = checked(function_tool(agent, tools[name]), arguments)
        return await agent.call_function(people[principal], tools[name], given)

    return calling


# ---------------------------------------------------------------- what is shown


async def test_every_function_that_can_be_shown_is_a_tool(tools):
    expected = {
        "echo_text", "echo_number", "echo_whole", "echo_json", "echo_list", "echo_array",
        "echo_choice", "numbers", "whole_rows", "just_set", "nothing", "doubled", "counted",
        "pick__text", "pick__int4_int4s", "own_orders", "fails", "tries_to_write", "shop_row",
        "long_text", "nearest", "found", "whoami", "echo_signs", "echo_code", "Echo_Loud",
        "shorter__int4_int4", "admitted", "pair", "one", "told",
    }  # fmt: skip
    assert expected <= set(tools)
    assert list(tools) == sorted(tools)
    assert not {"_internal", "pick", "for_head_office"} & set(tools)
    # The server's own tools have no namesakes.
    assert not [name for name in tools if name.startswith(("query", "describe_schema"))]


@pytest.mark.parametrize("reason", functions.LEFT_OUT)
async def test_what_cannot_be_shown_whole_is_left_out_and_said(opened, people, caplog, reason):
    catalogue = FunctionCatalogue(opened)
    with caplog.at_level(logging.WARNING, "zava_sql.function_catalogue"):
        await catalogue.refresh()
    name = functions.LEFT_OUT[reason].split("api.")[1].split("(")[0].strip('"')
    (line,) = [r.getMessage() for r in caplog.records if f"api.{name} " in r.getMessage()]
    assert reason in line
    assert name not in await catalogue.visible_to(people["head-office"])


async def test_schemas_are_schemas_of_2020_12(tools):
    for tool in tools.values():
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        assert not any(name.startswith("p_") for name in tool.input_schema["properties"])


async def test_schemas_hold_nothing_that_services_of_models_refuse(tools):
    """Of a list of types, an enum without one or another format, Gemini refuses all tools."""
    for tool in tools.values():
        for name, schema in tool.input_schema["properties"].items():
            while "items" in schema:
                assert schema["type"] == "array"
                schema = schema["items"]  # noqa: PLW2901
            takes_anything = tool.name == "echo_json"
            assert takes_anything or isinstance(schema["type"], str), (tool.name, name)
            assert schema.get("format", "date-time") == "date-time", (tool.name, name)


def test_numbers_to_choose_from_are_shown_in_words():
    """Of an enum of anything but texts Gemini refuses all tools, too."""
    choice = {"type": "integer", "enum": [1, 2.5, None, True]}
    texts = {"type": "string", "enum": ["a", "b"]}
    told = {"type": "integer", "description": "one of 1, 2.5, null, true"}
    schema = {
        "type": "object",
        "properties": {
            "one": choice,
            "described": {**choice, "description": "how many"},
            "list": {"type": "array", "items": choice},
            "part": {"type": "object", "properties": {"one": choice, "any": True}},
            "texts": texts,
            "enum": {"type": "array", "items": True},
        },
    }
    assert in_words(schema)["properties"] == {
        "one": told,
        "described": {**told, "description": "how many; one of 1, 2.5, null, true"},
        "list": {"type": "array", "items": told},
        "part": {"type": "object", "properties": {"one": told, "any": True}},
        "texts": texts,
        "enum": {"type": "array", "items": True},
    }
    assert schema["properties"]["one"] is choice


async def test_the_comment_is_the_description(tools):
    tool = tools["numbers"]
    assert tool.description == "Numbers in a row, e.g. 1, 2, 3."
    assert tool.input_schema == {
        "type": "object",
        "properties": {
            "first": {"type": "integer", "description": "the first of them"},
            "limit": {"type": "integer", "default": 3, "description": "how many there are"},
        },
        "required": ["first"],
    }
    assert tool.output_schema == {"type": "object", "title": "rows: n,price,day,words,note"}


async def test_domains_and_enums_list_their_values_and_constants_are_defaults(tools):
    assert tools["echo_choice"].input_schema["properties"] == {
        "unit": {"type": "string", "enum": ["day", "we'ek", "a|b"], "default": "day"},
        "stars": {"type": "integer", "enum": [1, 2, 3], "default": 2},
        "moods": {
            "type": "array",
            "maxItems": 1000,
            "items": {"type": "string", "enum": ["calm", "keen"]},
        },
        "flag": {"type": "boolean", "default": True},
        "ratio": {"type": "number", "default": 0.95},
        "below": {"type": "integer", "default": -1},
        "until": {"type": "string", "description": "a date"},
        "word": {"type": "string", "default": "it's"},
        "none": {"type": "string"},
    }
    assert "required" not in tools["echo_choice"].input_schema
    assert tools["echo_signs"].input_schema["properties"] == {
        "sign": {"type": "integer", "enum": [-1, 0, 1]},
        "share": {"type": "number", "enum": [-0.5, 1, 2.25], "default": 1},
        # What is no plain list of values is kept by the database alone.
        "mixed": {"type": "number", "default": 1},
        "shouted": {"type": "string", "default": "a, b"},
        "limit": {"type": "number"},
        # A default would not be of the format; an offset would be dropped.
        "since": {"type": "string", "format": "date-time"},
        "within": {"type": "string", "description": "1 day 2 hours, or P1DT2H"},
        "at": {"type": "string", "default": "2025-01-01 00:00:00"},
    }


async def test_each_kind_of_type_is_told_as_what_json_has_for_it(call, tools):
    assert tools["echo_json"].input_schema["properties"] == {"doc": {}}
    assert tools["echo_kinds"].input_schema["properties"] == {
        "unit": {"type": "string", "enum": ["day", "we'ek", "a|b"], "default": "day"},
        "small": {"type": "integer", "default": 1},
        "oid": {"type": "integer", "default": 7},
        "real": {"type": "number", "default": 0.5},
        "id": {"type": "string", "description": "UUID"},
        "tags": {"type": "array", "maxItems": 1000, "items": {"type": "string"}},
        "span": {"type": "string"},
        "spans": {"type": "string"},
    }
    given = {"unit": "a|b", "id": "0" * 32, "span": "[1,2]", "spans": "{[3,4]}"}
    assert (await call("echo_kinds", **given)).rows == [
        ("a|b 1 7 0.5 00000000-0000-0000-0000-000000000000 {} [1,3) {[3,5)}",)
    ]


async def test_a_comment_may_end_its_lines_as_another_system_does(tools):
    tool = tools["commented"]
    assert tool.description == "Written elsewhere."
    assert tool.input_schema["properties"] == {
        "x": {"type": "integer", "maximum": 9, "description": "a number that is small"}
    }


async def test_lines_about_parameters_are_found_as_people_write_them(tools):
    tool = tools["told"]
    assert tool.description == "Patients of a ward"
    told = {name: one["description"] for name, one in tool.input_schema["properties"].items()}
    assert told == {
        "patientId": "number of the patient, as on the wristband",
        "first": "the day on which it begins",
        "last": "the day on which it ends",
        "limit": "a number of patients",
        "Order": "asc or desc, as you please",
    }


async def test_what_goes_with_every_question_is_short(tools):
    tool = tools["wordy"]
    texts = [tool.description, tool.input_schema["properties"]["x"]["description"]]
    assert [len(text) for text in texts] == [1_000, 1_000]
    assert all(text.endswith("…") for text in texts)


async def test_columns_of_rows_and_of_out_parameters_are_told(tools):
    def names(name):
        return tools[name].output_schema["title"].removeprefix("rows: ").split(",")

    assert {"category_id", "name"} <= set(names("whole_rows"))
    assert names("doubled") == ["p_double", "half"]
    assert list(tools["doubled"].input_schema["properties"]) == ["x"]
    assert names("counted") == ["counter"]
    assert list(tools["counted"].input_schema["properties"]) == ["counter"]
    assert names("just_set") == ["just_set"]
    assert names("pair") == ["column1", "column2"]
    assert names("one") == ["one"]
    assert names("shop_row") == names("whole_rows")
    assert tools["shop_row"].answers == "rows"


async def test_only_what_does_not_write_is_called_read_only(tools):
    assert not tools["tries_to_write"].read_only
    assert tools["numbers"].read_only


# ---------------------------------------------------------------- calls

NASTY = [
    "plain", "", "NULL", "it's", "'; drop table retail.orders; --", "$1", "a\\b", '"', "{a,b}",
    "\u00fc\U0001f600", "%s %(x)s :name", "\n\t", r"\u0000",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
async def test_a_text_arrives_as_it_was_sent(call, text):
    assert (await call("echo_text", text=text)).rows == [(text,)]
    assert (await call("echo_array", list=[text, "x"])).rows == [([text, "x"],)]
    doc = {"k": [text, 1, None, True]}
    for name in ("echo_json", "echo_json_text"):
        assert json.loads((await call(name, doc=doc)).rows[0][0]) == doc


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_what_no_text_of_postgresql_can_hold_is_a_bad_argument(call, text):
    with pytest.raises(ValidationError):
        await call("echo_text", text=text)
    for name in ("echo_json", "echo_json_text"):
        with pytest.raises(ValidationError):
            await call(name, doc={"k": ["\\" + text]})


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("echo_number", "12345678901234567890.123456789", "12345678901234567890.123456789"),
        ("echo_number", 1.5, "1.5"),
        ("echo_number", 7, "7"),
        ("echo_whole", 9007199254740993, 9007199254740993),
        ("echo_whole", -(2**63), -(2**63)),
        ("echo_whole", 5.0, 5),
    ],
)
async def test_numbers_are_exact(call, name, argument, value):
    (parameter,) = {"echo_number": ["number"], "echo_whole": ["whole"]}[name]
    assert (await call(name, **{parameter: argument})).rows == [(value,)]


async def test_what_cannot_be_checked_to_its_end_is_a_bad_argument(call):
    parts: dict[str, Any] = {}
    assert (await call("nested", parts={"parts": parts})).rows == [("fits",)]
    for _ in range(sys.getrecursionlimit()):
        parts = {"parts": parts}
    with pytest.raises(ValidationError, match="nested too deep"):
        await call("nested", parts=parts)


async def test_what_is_left_out_takes_its_default(call):
    assert (await call("echo_choice")).rows == [("day 2 {calm} t 0.95 -1 it's",)]
    given = {"unit": "we'ek", "stars": 3, "moods": ["keen", "calm"], "flag": False, "ratio": "1.10"}
    answer = await call("echo_choice", **given, below=4, word="w", none="n")
    assert answer.rows == [("we'ek 3 {keen,calm} f 1.10 4 w n",)]


async def test_lists_are_lists_of_their_type(call):
    answer = await call("echo_list", list=["a", "b c"], days=["2026-01-31", "2026-02-01"])
    assert answer.rows == [('{a,"b c"}{2026-01-31,2026-02-01}',)]


async def test_each_kind_of_answer_comes_as_rows(call):
    answer = await call("numbers", first=5, limit=2)
    assert [(c.name, c.type) for c in answer.columns] == [
        ("n", "int8"), ("price", "numeric"), ("day", "date"), ("words", "text[]"), ("note", "text"),
    ]  # fmt: skip
    assert answer.rows == [
        (5, "7.50", "2020-01-06", ["w", None], None),
        (6, "9.00", "2020-01-07", ["w", None], None),
    ]
    assert (await call("just_set", count=3)).rows == [(1,), (2,), (3,)]
    assert (await call("doubled", x=3)).rows == [(6, "1.5000000000000000")]
    assert (await call("counted", counter=3)).rows == [(4,)]
    assert (await call("whole_rows")).columns[1].name in ("name", "category_id")
    assert (await call("nothing", x=1)).columns[0].type == "void"


async def test_functions_of_one_name_are_told_apart(call):
    assert (await call("pick__text", x="1")).rows == [("text",)]
    assert (await call("pick__int4_int4s", x=1)).rows == [("two 7",)]
    assert (await call("pick__int4_int4s", x=1, y=[9])).rows == [("two 9",)]
    assert (await call("shorter__int4_int4", x=1)).rows == [(2,)]


async def test_arguments_may_be_of_types_whose_schema_is_closed_to_the_caller(call, tools):
    properties = tools["admitted"].input_schema["properties"]
    values = {"type": "string", "enum": ["open", 'it\'s "shut"']}
    assert properties["current"] == properties["status"] == values
    assert (await call("admitted", status="open")).rows == [("open 1 abc",)]
    given = {"status": 'it\'s "shut"', "severity": 3, "code": "x", "current": "open"}
    lists = {"statuses": ["open", 'it\'s "shut"'], "severities": [2, 1]}
    (row,) = (await call("admitted", **given, **lists)).rows
    assert row == ('it\'s "shut" 3 x {open,"it\'s \\"shut\\""} {2,1} open',)
    for code in ("no", "much too long"):
        with pytest.raises(BadArgument):
            await call("admitted", status="open", code=code)


async def test_a_type_that_may_have_a_length_has_none(call):
    answer = await call("echo_code", code="abcdefg", flags="101", codes=["xyz"])
    assert answer.rows == [("abcdefg|101|{xyz}",)]


async def test_numbers_of_a_list_arrive_as_they_are(call):
    for sign in (-1, 0, 1):
        assert (await call("echo_signs", sign=sign)).rows == [(f"{sign} 1 1 a, b",)]


async def test_a_tool_is_never_older_than_its_function(opened, shop, people, monkeypatch):
    toolbox = Toolbox(Agent(opened, embed=embed))
    read = opened.service_rows
    asked, changed, go = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def late(sql, *arguments):
        rows = await read(sql, *arguments)
        if "api_functions_of" in sql and not asked.is_set():
            asked.set()
            await go.wait()
        return rows

    async def tell(*_):
        changed.set()

    async with toolbox.running():
        with monkeypatch.context() as patch:
            patch.setattr(opened, "service_rows", late)
            patch.setattr(toolbox.listeners, "tell", tell)
            first = asyncio.create_task(toolbox.of(people["seattle"]))
            await asyncio.wait_for(asked.wait(), 10)
            with psycopg.connect(shop.admin_url) as connection:
                connection.execute("comment on function api.fails(integer) is 'It is new.'")
                connection.execute("notify zava_catalogue")
            await asyncio.wait_for(changed.wait(), 10)
            go.set()
            await first
        assert (await toolbox.of(people["seattle"]))["fails"].spec.description == "It is new."


async def test_an_embedding_is_made_of_the_text_it_belongs_to(call, tools):
    assert list(tools["nearest"].input_schema["properties"]) == ["query", "limit"]
    assert (await call("nearest", query="four")).rows == [("four [4,0.5]",)]


async def test_where_a_text_cannot_be_embedded_its_vector_is_null(opened, people, tools, caplog):
    async def fails(*_):
        raise ServiceUnavailable("the model is away")

    agent = Agent(opened, embed=fails)
    answer = await agent.call_function(people["seattle"], tools["found"], {"query": "four"})
    assert answer.rows == [("four by words",)]
    assert "the model is away" in caplog.text
    answer = await Agent(opened, embed=embed).call_function(
        people["seattle"], tools["found"], {"query": "four"}
    )
    assert answer.rows == [("four [4,0.5]",)]


async def test_a_tenant_with_many_questions_does_not_keep_the_embedder_from_others(
    opened, people, tools
):
    """Each embedding takes as long as nobody else is served in the order that they came."""
    begun, at_once, most = [], Counter(), 0

    async def slow(principal, _):
        nonlocal most
        begun.append(principal.name)
        at_once[principal.name] += 1
        most = max(most, at_once["seattle"])
        await asyncio.sleep(0.02)
        at_once[principal.name] -= 1
        return Vector("fixed", [1.0, 0.5])

    agent = Agent(opened, embed=slow)

    def ask(name):
        return agent.call_function(people[name], tools["found"], {"query": f"{len(begun)}"})

    many = [asyncio.create_task(ask("seattle")) for _ in range(60)]
    await asyncio.sleep(0.05)
    await ask("bellevue")
    place = begun.index("bellevue")
    await asyncio.gather(*many)
    assert begun.count("seattle") == 60
    assert place < 30
    assert most == opened.settings.max_concurrent


async def test_without_an_embedder_only_a_function_that_can_do_without_is_shown(
    opened, people, caplog
):
    catalogue = FunctionCatalogue(opened)
    await catalogue.refresh()
    shown = await catalogue.visible_to(people["seattle"])
    assert "nearest" not in shown
    answer = await Agent(opened).call_function(people["seattle"], shown["found"], {"query": "x"})
    assert answer.rows == [("x by words",)]
    assert "api.nearest is not a tool: nothing is set up to embed" in caplog.text


async def test_a_function_sees_the_rows_of_its_caller_only(opened, people, tools):
    agent = Agent(opened)

    async def count(name):
        (row,) = (await agent.call_function(people[name], tools["own_orders"], {})).rows
        return row[0]

    names = [*tenants.STORES] * 5
    counts = dict(zip(names, await asyncio.gather(*map(count, names)), strict=True))
    assert len({*counts.values()}) == len(tenants.STORES)
    assert await count("head-office") == sum(counts.values())


async def test_a_call_cannot_write(call, shop):
    with pytest.raises(DatabaseError) as caught:
        await call("tries_to_write")
    assert caught.value.sqlstate in ("25006", "42501")
    with psycopg.connect(shop.admin_url) as connection:
        assert connection.execute("select count(*) > 0 from retail.orders").fetchone()[0]


async def test_an_error_of_the_function_is_a_database_error_without_a_position(
    call, opened, people, tools
):
    with pytest.raises(DatabaseError) as caught:
        await call("fails", x=0)
    assert (caught.value.sqlstate, caught.value.position) == ("22012", None)
    with pytest.raises(DatabaseError) as caught:
        await call("echo_list", list=[], days=["31.2.2026"])
    assert caught.value.sqlstate.startswith("22")
    # PostgreSQL says where in the text of the call, which nobody wrote.
    gone = dataclasses.replace(tools["fails"], function="gone")
    with pytest.raises(DatabaseError) as caught:
        await Agent(opened).call_function(people["seattle"], gone, {"x": 0})
    assert (caught.value.sqlstate, caught.value.position) == ("42883", None)


async def test_privileges_are_the_databases_whatever_is_shown(opened, people):
    catalogue = FunctionCatalogue(opened)
    await catalogue.refresh()
    secret = (await catalogue.visible_to(people["head-office"]))["for_head_office"]
    agent = Agent(opened)
    assert (await agent.call_function(people["head-office"], secret, {})).rows == [("secret",)]
    with pytest.raises(DatabaseError) as caught:
        await agent.call_function(people["seattle"], secret, {})
    assert (caught.value.code, caught.value.sqlstate) == ("AUTHORIZATION_ERROR", "42501")


async def test_rows_are_capped_and_said_so(opened, people, tools):
    agent = Agent(opened)
    seattle = people["seattle"]
    answer = await agent.call_function(seattle, tools["just_set"], {"count": 11}, max_rows=10)
    assert (len(answer.rows), answer.truncated) == (10, True)
    answer = await agent.call_function(seattle, tools["just_set"], {"count": 10}, max_rows=10)
    assert (len(answer.rows), answer.truncated) == (10, False)
    with pytest.raises(ValidationError):
        await agent.call_function(seattle, tools["just_set"], {"count": 1}, max_rows=0)


# ---------------------------------------------------------------- kept up to date


@pytest.mark.parametrize(
    "change",
    [
        "create function api.newcomer() returns text stable begin atomic select current_user; end",
        "comment on function api.numbers(integer, integer) is 'Another comment.'",
        "revoke execute on function api.numbers(integer, integer) from store_manager",
        "drop function api.just_set(integer)",
        "alter function api.just_set(integer) volatile",
        "alter domain retail.stars drop constraint stars_check",
        "alter type retail.mood add value 'new'",
        "alter table retail.categories add column extra text",
        "revoke usage on schema api from store_manager",
        "revoke store_manager from zava_store_seattle",
        # Tables are resources.
        "create view api.newcomers as select 1 as x",
        "comment on table retail.orders is 'Internal: not for everybody.'",
        "revoke select on retail.orders from store_manager",
        "grant select (name) on retail.categories to public",
    ],
)
async def test_every_change_that_matters_changes_the_fingerprint(shop, change):
    with psycopg.connect(shop.admin_url) as connection:
        ask = "select zava.api_fingerprint()"
        before = connection.execute(ask).fetchone()
        assert connection.execute(ask).fetchone() == before
        connection.execute(change)
        assert connection.execute(ask).fetchone() != before
        connection.rollback()
        assert connection.execute(ask).fetchone() == before


async def test_a_notification_is_heard_at_once_and_a_silent_change_soon(clone):
    with clone() as copy:
        tenants.fill(copy)
        for interval, notify in ((0.2, False), (600, True)):
            async with tenants.opened(copy, catalogue_interval=interval) as database:
                await _hears(copy, database, notify=notify)


# What a connection that listens has said last: that, or whether anybody is there.
LISTENS = "query ~ '^(LISTEN |select 1$)'"


async def _hears(copy, database, *, notify):
    catalogue = FunctionCatalogue(database)
    await catalogue.refresh()
    people = await tenants.principals(database, ["seattle"])
    heard, updated, identified = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def changed():
        heard.set()

    async def data_changed():
        updated.set()

    async def people_changed():
        identified.set()

    name = f"fresh_{notify}".lower()
    task = asyncio.create_task(catalogue.watch(changed, data_changed, people_changed))
    try:
        with psycopg.connect(copy.admin_url, autocommit=True) as connection:
            await _listening(connection)
            # What was said before anybody listened counts as said, and once.
            for event in (updated, identified):
                await asyncio.wait_for(event.wait(), 30)
                event.clear()
            assert name not in await catalogue.visible_to(people["seattle"])
            connection.execute(
                f"create function api.{name}() returns integer language sql stable"
                f" begin atomic select 1; end; grant execute on function api.{name}()"
                " to store_manager" + ("; notify zava_catalogue" if notify else "")
            )
            await asyncio.wait_for(heard.wait(), 30)
            assert name in await catalogue.visible_to(people["seattle"])
            assert name in catalogue.names
            assert not updated.is_set()
            assert not identified.is_set()
            connection.execute("notify zava_data")
            await asyncio.wait_for(updated.wait(), 30)
            assert not identified.is_set()
            connection.execute("notify zava_access")
            await asyncio.wait_for(identified.wait(), 30)
            # A lost connection is made anew, and what was said meanwhile counts as said.
            if not notify:
                for event in (heard, updated, identified):
                    event.clear()
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    f" where datname = current_database() and {LISTENS}"
                )
                connection.execute(f"drop function api.{name}()")
                await asyncio.wait_for(heard.wait(), 30)
                assert name not in await catalogue.visible_to(people["seattle"])
                await asyncio.wait_for(updated.wait(), 30)
                await asyncio.wait_for(identified.wait(), 30)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_who_cannot_be_told_does_not_end_the_watch(clone, caplog):
    told = asyncio.Event()

    async def cannot():
        if not caplog.records:
            raise RuntimeError("a client that is gone")
        told.set()

    async def ignore():
        pass

    with clone() as copy:
        async with tenants.opened(copy, catalogue_interval=0.1) as database:
            task = asyncio.create_task(FunctionCatalogue(database).watch(ignore, cannot, ignore))
            try:
                with psycopg.connect(copy.admin_url, autocommit=True) as connection:
                    async with asyncio.timeout(30):
                        while not told.is_set():
                            connection.execute("notify zava_data")
                            await asyncio.sleep(0.1)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    assert [record.getMessage() for record in caplog.records] == ["a look for changes failed"]


async def _listening(connection):
    for _ in range(500):
        (count,) = connection.execute(
            "select count(*) from pg_stat_activity"
            f" where datname = current_database() and {LISTENS}"
        ).fetchone()
        if count:
            return
        await asyncio.sleep(0.02)
    pytest.fail("nobody listens")


async def test_the_guard_knows_the_functions_that_there_are(opened, people):
    agent = Agent(opened)
    catalogue = FunctionCatalogue(opened)
    await catalogue.refresh()
    agent.allow_functions(catalogue.names)
    answer = await agent.query(people["seattle"], "select api.echo_text('x') as x")
    assert answer.rows == [("x",)]
    with pytest.raises(QueryRefused):
        await agent.query(people["seattle"], "select api.no_such_function()")
