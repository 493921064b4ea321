"""Functions of the database beyond tables of rows: content, resources, prompts, rules."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager

import anyio
import mcp_types as types
import psycopg
import pytest
from mcp import MCPError
from mcp_clients import (
    WAYS,
    client_of,
    post,
    published,
    request_body,
    seattle,
    served,
    serving,
    settings_for,
    text_of,
)
from prometheus_client import REGISTRY

from zava_sql import changes
from zava_sql.agent import Agent
from zava_sql.database import Database

pytestmark = [pytest.mark.anyio, pytest.mark.once]

INVALID = types.INVALID_PARAMS


@pytest.fixture(scope="module")
def shops(clone):
    with published(clone) as found:
        yield found


@pytest.fixture(scope="module")
async def database(shops):
    async with Database.open(settings_for(shops[0])) as database:
        yield database


@pytest.fixture(scope="module")
async def url(database):
    async with serving(database) as url:
        yield url


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
async def client(request, shops, url, keys):
    async with seattle(*request.param, shops[0], url, keys) as client:
        yield client


async def refused(work):
    with pytest.raises(MCPError) as caught:
        await work
    return caught.value.error.code, caught.value.error.message


def bytes_of(text):
    return base64.b64decode(text, validate=True)


# ---------------------------------------------------------------- content


async def test_pictures_and_sounds_come_as_such(client):
    (image,) = (await client.call_tool("picture", {})).content
    assert (image.type, image.mime_type, bytes_of(image.data)) == ("image", "image/png", b"\x89PNG")
    (audio,) = (await client.call_tool("sound", {})).content
    assert (audio.type, audio.mime_type, bytes_of(audio.data)) == ("audio", "audio/wav", b"RIFF")


async def test_an_answer_may_have_parts(client):
    result = await client.call_tool("report", {"what": "stock"})
    assert result.structured_content is None
    text, note, file = result.content
    assert text == types.TextContent(text="About stock")
    assert note.resource == types.TextResourceContents(
        uri="zava://notes/1", text='{"n":1}', mime_type="application/json"
    )
    assert file.resource == types.BlobResourceContents(
        uri="zava://files/1", blob="AP8=", mime_type="application/octet-stream"
    )
    assert text_of(await client.call_tool("nothing_at_all", {})).startswith("# blank: ")


async def test_a_file_has_the_uri_of_its_resource_or_none_at_all(client):
    (file,) = (await client.call_tool("receipt", {"number": 7, "copy": True})).content
    assert file.resource.uri == "zava://receipts/7?copy=true"
    assert bytes_of(file.resource.blob) == b"seattle 7 true"
    (file,) = (await client.call_tool("label", {"text": "5 mm", "scale": 1.5})).content
    assert file.resource.uri == "zava://labels/5%20mm?scale=1.5"
    result = await client.call_tool("bare_file", {})
    assert result.is_error
    assert text_of(result).startswith("DATABASE_ERROR: the function answers with data")


async def test_content_that_is_too_long_does_not_come_in_half(client):
    (image,) = (await client.call_tool("bytes", {"count": 192_000})).content
    assert len(image.data) == 256_000
    for tool, count in {"bytes": 192_001, "letters": 256_001}.items():
        result = await client.call_tool(tool, {"count": count})
        assert result.is_error
        assert text_of(result).startswith("LIMIT_EXCEEDED: the answer is longer than 256000 bytes")
    (text,) = (await client.call_tool("letters", {"count": 256_000})).content
    assert text.text == "x" * 256_000


async def test_parts_that_are_missing_are_told(shops, keys):
    async with (
        served(shops[0], max_rows=2) as url,
        client_of(url, keys["seattle"]) as client,
    ):
        text, _, last = (await client.call_tool("report", {})).content
    assert text.text == "About all"
    assert last.text == "# truncated: these are the first 2 parts"


async def test_only_tables_announce_columns(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert tools["picture"].output_schema is None
    assert tools["store_rows"].output_schema["title"] == "rows: store_key,city"


async def test_a_query_reads_content_as_a_table_and_the_schema_names_its_type(client):
    result = await client.call_tool("query", {"sql": "select * from api.picture()"})
    assert text_of(result) == (
        "text:text,data:bytea,mime_type:text,uri:text\nNULL,\\x89504e47,image/png,NULL"
    )
    result = await client.call_tool("query", {"sql": "select api.picture()"})
    assert text_of(result) == 'picture:content\n"(,""\\\\x89504e47"",image/png,)"'
    for sql in ("select null::api.content", "table api.content"):
        assert (await client.call_tool("query", {"sql": sql})).is_error
    told = text_of(await client.call_tool("describe_schema", {"name": "report"}))
    assert told.startswith("api.report(p_what text DEFAULT 'all'::text) returns SETOF api.content")


async def test_a_fence_is_around_texts_of_content(shops, keys):
    settings = settings_for(shops[0], fence_results=True)
    async with (
        Database.open(settings) as fenced,
        serving(fenced) as url,
        client_of(url, keys["seattle"]) as client,
    ):
        text, note, file = (await client.call_tool("report", {})).content
        for part, inner in ((text.text, "About all"), (note.resource.text, '{"n":1}')):
            first, *lines, last = part.splitlines()[1:]
            assert first == last
            assert first.startswith("data-")
            assert lines == [inner]
        assert file.resource.blob == "AP8="
        (read,) = (await client.read_resource("zava://board")).contents
        assert read.text.startswith("Between the lines data-")


async def test_content_is_counted_for_the_audit_and_by_the_metrics(database, keys):
    def counted():
        names = ("bytes", "receipt", "chart_prompt")
        found = [
            REGISTRY.get_sample_value("zava_tool_calls_total", {"tool": name}) for name in names
        ]
        return [one or 0 for one in found]

    calls, before = [], counted()
    agent = Agent(database)
    agent.observers.append(calls.append)
    async with serving(database, agent) as url, client_of(url, keys["seattle"]) as client:
        await client.call_tool("bytes", {"count": 1000})
        await client.read_resource("zava://receipts/3")
        await client.get_prompt("chart_prompt", {"shape": "Pie"})
    told = [(call.tool, call.verdict, call.rows, call.size) for call in calls]
    assert told[0] == ("bytes", "answered", 1, 2 + 2 * 1000 + len("image/png") + 2 * 8)
    assert [one[:3] for one in told[1:]] == [
        ("receipt", "answered", 1),
        ("chart_prompt", "answered", 1),
    ]
    assert all(call.principal.name == "seattle" and call.caller.request_id for call in calls)
    assert counted() == [one + 1 for one in before]


# ---------------------------------------------------------------- resources


async def test_functions_are_listed_as_resources_and_templates(client):
    resources = {r.uri: r for r in (await client.list_resources()).resources}
    assert resources["zava://board"].name == "board"
    assert resources["zava://board"].description == "How many orders there are."
    assert resources["zava://board"].mime_type == "text/plain"
    assert resources["zava://stores"].mime_type == "text/csv"
    templates = {
        t.uri_template: t for t in (await client.list_resource_templates()).resource_templates
    }
    assert templates["zava://receipts/{number}{?copy}"].mime_type == "application/pdf"
    assert templates["zava://charts/{shape}"].description == "A chart."
    assert not any("head" in uri for uri in {**resources, **templates})


async def test_a_resource_is_what_the_function_answers(client):
    (board,) = (await client.read_resource("zava://board")).contents
    assert (board.text, board.mime_type) == ("201 orders", "text/plain")
    (stores,) = (await client.read_resource("zava://stores")).contents
    assert (stores.text, stores.mime_type) == (
        "store_key:text,city:text\nseattle,Seattle",
        "text/csv",
    )
    (chart,) = (await client.read_resource("zava://charts/Pie")).contents
    assert (chart.text, chart.mime_type) == ("a Pie", "image/svg+xml")
    for uri, wanted in {
        "zava://receipts/12": b"seattle 12 false",
        "zava://receipts/12?copy=true": b"seattle 12 true",
        "zava://receipts/12?copy=false": b"seattle 12 false",
        "zava://receipts/%31%32": b"seattle 12 false",
        "zava://labels/5%20mm?scale=1.5": b"5 mm x 1.5",
        "zava://labels/true": b"true x 1",
        "zava://labels/x?scale=2": b"x x 2",
        "zava://labels/x?scale=2.0": b"x x 2",
    }.items():
        (receipt,) = (await client.read_resource(uri)).contents
        assert (receipt.uri, receipt.mime_type) == (uri, "application/pdf")
        assert bytes_of(receipt.blob) == wanted


@pytest.mark.parametrize(
    "uri",
    [
        "zava://receipts/",
        "zava://receipts/x",
        "zava://receipts/1.5",
        "zava://receipts/1/2",
        "zava://receipts/1?copy=maybe",
        "zava://receipts/1%3B%20drop%20table%20retail.orders",
        "zava://receipts/99999999999999999999999999",
        "zava://labels/5?scale=large",
        "zava://charts/pie",
        "zava://charts/%00",
        "zava://charts/Pie/",
        "zava://board/",
        "zava://head",
        "zava://head/Pie",
        "zava://" + "x" * 10_000,
    ],
    ids=lambda uri: uri[:40],
)
async def test_no_other_uri_is_a_resource(client, uri):
    assert await refused(client.read_resource(uri)) == (INVALID, "Resource not found")


async def test_what_a_resource_fails_with_is_told(client):
    code, message = await refused(client.read_resource("zava://receipts/0"))
    assert (code, message) == (
        types.INTERNAL_ERROR,
        "DATABASE_ERROR: no receipt has this number",
    )


async def test_each_caller_reads_its_own(url, keys):
    for name, wanted in {"tacoma": "203 orders", "head-office": "1636 orders"}.items():
        async with client_of(url, keys[name]) as client:
            (board,) = (await client.read_resource("zava://board")).contents
            assert board.text == wanted
            listed = {r.uri for r in (await client.list_resources()).resources}
            assert ("zava://head" in listed) is (name == "head-office")
    async with client_of(url, keys["head-office"]) as client:
        (secret,) = (await client.read_resource("zava://head/Pie")).contents
        assert secret.text == "secret"


@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_a_client_is_told_when_data_of_its_resources_change(transport, shops, url, keys):
    board, receipt = "zava://board", "zava://receipts/3"
    asked = [board, receipt, "zava://head", "zava://head/Pie", "zava://nothing", "db://schema"]
    too_long = f"zava://charts/{'x' * 8_000}"
    async with (
        seattle(transport, "auto", shops[0], url, keys) as client,
        client.listen(resource_subscriptions=[*asked, too_long]) as events,
    ):
        assert events.honored.resource_subscriptions == [board, receipt]
        with psycopg.connect(shops[0].admin_url, autocommit=True) as connection:
            connection.execute("notify zava_data")
        told = aiter(events)
        with anyio.fail_after(30):
            assert {(await anext(told)).uri for _ in asked[:2]} == {board, receipt}
    async with (
        client_of(url, keys["head-office"]) as client,
        client.listen(
            resource_subscriptions=asked + [f"zava://receipts/{n}" for n in range(200)]
        ) as events,
    ):
        honored = events.honored.resource_subscriptions
        assert "zava://head" in honored
        assert len(honored) == 100 - len(["zava://nothing", "db://schema"])


async def test_what_changes_before_the_server_hears_of_it_is_told_all_the_same(
    shops, keys, monkeypatch
):
    may_listen, connect = asyncio.Event(), changes.connect

    @asynccontextmanager
    async def late(*given, **options):
        await may_listen.wait()
        async with connect(*given, **options) as connection:
            yield connection

    monkeypatch.setattr(changes, "connect", late)
    async with (
        served(shops[0]) as url,
        client_of(url, keys["seattle"]) as client,
        client.listen(resource_subscriptions=["zava://board"]) as events,
    ):
        with psycopg.connect(shops[0].admin_url, autocommit=True) as connection:
            connection.execute("notify zava_data")
        may_listen.set()
        with anyio.fail_after(10):
            assert (await anext(aiter(events))).uri == "zava://board"


# ---------------------------------------------------------------- prompts


async def test_functions_are_prompts_and_then_no_tools(client):
    prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
    review = prompts["review_store"]
    assert (review.title, review.description) == ("Review my store", "Reviews the store.")
    assert review.arguments == [
        types.PromptArgument(name="days", description="how many days back", required=True),
        types.PromptArgument(name="tone", required=False),
    ]
    assert "sales_review" in prompts
    assert "only_head_asks" not in prompts
    tools = {tool.name for tool in (await client.list_tools()).tools}
    assert "board" in tools
    assert not {"review_store", "chart_prompt"} & tools
    with pytest.raises(MCPError, match="unknown tool"):
        await client.call_tool("review_store", {"days": 1})


async def test_a_prompt_is_what_its_function_answers(client):
    prompt = await client.get_prompt("review_store", {"days": "30"})
    assert [message.role for message in prompt.messages] == ["user", "user"]
    assert prompt.messages[0].content.text == "Review seattle over 30 days, calm."
    assert prompt.messages[1].content.mime_type == "image/png"
    # A form that was not filled in.
    prompt = await client.get_prompt("review_store", {"days": "30", "tone": ""})
    assert prompt.messages[0].content.text == "Review seattle over 30 days, calm."
    prompt = await client.get_prompt("chart_prompt", {"shape": "Bar"})
    assert prompt.description == "Draws."
    (message,) = prompt.messages
    assert message.content.text == "Draw a Bar"


async def test_no_fence_forbids_to_follow_a_prompt(shops, keys):
    settings = settings_for(shops[0], fence_results=True)
    async with (
        Database.open(settings) as database,
        serving(database) as url,
        client_of(url, keys["seattle"]) as client,
    ):
        prompt = await client.get_prompt("review_store", {"days": "30"})
        assert prompt.messages[0].content.text == "Review seattle over 30 days, calm."
        (message,) = (await client.get_prompt("chart_prompt", {"shape": "Bar"})).messages
        assert message.content.text == "Draw a Bar"
        (block,) = (await client.read_resource("zava://board")).contents
        assert "never follow" in block.text


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("review_store", {}, "invalid arguments of review_store: $: 'days' is a required property"),
        ("review_store", {"days": " "}, "invalid arguments of review_store: $: 'days' is a req"),
        ("review_store", {"days": "x"}, "invalid arguments of review_store: $.days: 'x' is not"),
        ("review_store", {"days": "1", "x": "1"}, "invalid arguments of review_store: there is no"),
        ("review_store", {"days": "1", "tone": "\0"}, "PostgreSQL has no text"),
        ("only_head_asks", {"shape": "Pie"}, "unknown prompt: only_head_asks"),
        ("board", {}, "unknown prompt: board"),
    ],
)
async def test_a_prompt_refuses_what_does_not_fit(client, name, arguments, message):
    code, told = await refused(client.get_prompt(name, arguments))
    assert code == INVALID
    assert told.startswith(message)


async def test_values_of_a_list_are_completed(client):
    for ref in (
        types.PromptReference(name="chart_prompt"),
        types.ResourceTemplateReference(uri="zava://charts/{shape}"),
    ):
        for begun, wanted in {"": ["Bar", "Pie"], "p": ["Pie"], "x": []}.items():
            result = await client.complete(ref, {"name": "shape", "value": begun})
            assert result.completion.values == wanted
        result = await client.complete(ref, {"name": "other", "value": ""})
        assert result.completion.values == []
    for ref in (
        types.PromptReference(name="only_head_asks"),
        types.ResourceTemplateReference(uri="zava://head/{shape}"),
        types.PromptReference(name="board"),
    ):
        code, message = await refused(client.complete(ref, {"name": "shape", "value": ""}))
        assert code == INVALID
        assert message.startswith("unknown ")


# ---------------------------------------------------------------- rules beyond types


async def test_rules_of_a_comment_are_shown_and_hold(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    schema = tools["ship"].input_schema
    assert schema["anyOf"] == [{"required": ["phone"]}, {"required": ["email"]}]
    assert schema["properties"]["phone"] == {"type": "string", "pattern": "^[0-9; -]+$"}
    assert schema["properties"]["email"]["description"] == "where to write to"
    assert schema["required"] == ["address"]
    good = {"address": {"city": "Seattle"}, "phone": "1; 2"}
    assert text_of(await client.call_tool("ship", good)) == "Seattle"
    for change in (
        {"address": {}},
        {"address": 1},
        {"phone": "x"},
        {"phone": "1\n"},
        {"phone": None},
    ):
        result = await client.call_tool("ship", {**good, **change})
        assert result.is_error
        assert text_of(result).startswith("VALIDATION_ERROR: invalid arguments of ship: $")


async def test_a_rule_about_a_number_is_about_its_text_as_well(client):
    for price, shown in ((19.99, "19.99"), ("0.01", "0.01"), ("+1e2", "100"), (5, "5")):
        result = await client.call_tool("priced", {"price": price})
        assert text_of(result) == shown
    exact = ["9.99999999999999999999", -1]
    result = await client.call_tool("priced", {"price": 1, "prices": exact})
    assert text_of(result) == "1 {9.99999999999999999999,-1}"
    for change, said in (
        ({"price": "-5"}, "$.price: -5 is less than the minimum of 0.01"),
        ({"price": "0x1F"}, "$.price: '0x1F' is not of type 'number'"),
        ({"price": "NaN"}, "$.price: 'NaN' is not of type 'number'"),
        ({"price": 19.995}, "$.price: 19.995 is not a multiple of 0.01"),
        ({"price": "19.995"}, "$.price: 19.995 is not a multiple of 0.01"),
        ({"prices": [1, "10.001"]}, "$.prices[1]: 10.001 is greater than the maximum of 10"),
        ({"prices": ["1e999999"]}, "$.prices[0]: inf is greater than the maximum of 10"),
    ):
        result = await client.call_tool("priced", {"price": 1, **change})
        text = text_of(result)
        assert result.is_error
        assert text.startswith(f"VALIDATION_ERROR: invalid arguments of priced: {said}")


async def test_no_rule_about_a_size_lets_nan_through(url, keys):
    body = request_body("tools/call", name="priced", price=1, prices=[float("nan")])
    answer = await post(url, keys["seattle"], body, Mcp_Name="priced")
    text = answer.json()["result"]["content"][0]["text"]
    said = "$.prices[0]: nan is neither less nor greater than 10"
    assert text.startswith(f"VALIDATION_ERROR: invalid arguments of priced: {said}")


async def test_a_line_about_an_argument_is_nothing_else(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert tools["about_words"].input_schema["properties"] == {
        "resource": {"type": "string", "description": "zava://which of them it is about"},
        "prompt": {"type": "string", "description": "what is asked for"},
    }
    assert "about_words" not in {r.name for r in (await client.list_resources()).resources}
    assert "about_words" not in {p.name for p in (await client.list_prompts()).prompts}


async def routed(url, key, tool, **headers):
    body = request_body("tools/call", name=tool, region="west")
    answer = await post(url, key, body, Mcp_Name=tool, **headers)
    return answer.status_code, answer.json()


async def test_a_header_must_repeat_its_argument_and_is_no_argument(url, keys):
    status, answer = await routed(url, keys["seattle"], "routed", Mcp_Param_Region="west")
    assert status == 200
    assert answer["result"]["content"][0]["text"] == "west"
    for headers in ({}, {"Mcp_Param_Region": "east"}):
        status, answer = await routed(url, keys["seattle"], "routed", **headers)
        assert (status, answer["error"]["code"]) == (400, types.HEADER_MISMATCH)


async def test_a_header_is_compared_in_the_first_request_already(database, keys):
    async with serving(database) as url:
        status, answer = await routed(url, keys["seattle"], "routed", Mcp_Param_Region="east")
    assert (status, answer["error"]["code"]) == (400, types.HEADER_MISMATCH)


async def test_headers_tell_nothing_of_tools_of_others(url, keys):
    unknown = await routed(url, keys["seattle"], "no_such_tool")
    hidden = await routed(url, keys["seattle"], "only_head_routes")
    assert json.dumps(hidden).replace("only_head_routes", "no_such_tool") == json.dumps(unknown)
    status, answer = await routed(url, keys["head-office"], "only_head_routes")
    assert (status, answer["error"]["code"]) == (400, types.HEADER_MISMATCH)
    # Nor does who asked before: what is known of the tools is the caller's.
    assert await routed(url, keys["seattle"], "only_head_routes") == hidden
