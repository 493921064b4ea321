"""Who may in over HTTP: keys, JWTs, a trusted proxy; and what everybody else is told."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from urllib.parse import urlsplit

import httpx2
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from mcp_clients import (
    client_of,
    post,
    request_body,
    request_headers,
    served,
    serving,
    settings_for,
    text_of,
)
from starlette.requests import HTTPConnection

from zava_sql import tokens
from zava_sql.agent import Agent
from zava_sql.auth import Identities, metadata
from zava_sql.database import Database
from zava_sql.errors import ConfigurationError, ServiceUnavailable
from zava_sql.mcp_server import listen, serve_http
from zava_sql.settings import Settings
from zava_sql.tokens import KeySet, TokenReader

pytestmark = [pytest.mark.anyio, pytest.mark.once]

ISSUER = "https://issuer.example"
RESOURCE = "https://db.example/zava/mcp"
STORE = "select string_agg(store_key, ',') as store from retail.stores"

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
EC384 = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()

ALGORITHMS = {
    "rsa": jwt.algorithms.RSAAlgorithm,
    "ec": jwt.algorithms.ECAlgorithm,
    "ec384": jwt.algorithms.ECAlgorithm,
    "ed": jwt.algorithms.OKPAlgorithm,
}
KEYS = {"rsa": RSA, "ec": EC, "ec384": EC384, "ed": ED}


def public(kid, **more):
    document = ALGORITHMS[kid].to_jwk(KEYS[kid].public_key(), as_dict=True)
    document.pop("key_ops", None)
    return {**document, "kid": kid, **more}


JWKS = {"keys": [public("rsa", use="sig", alg="RS256"), public("ec"), public("ed")]}


def claims(**changes):
    now = int(time.time())
    given = {
        "iss": ISSUER,
        "aud": RESOURCE,
        "sub": "seattle",
        "iat": now,
        "exp": now + 60,
        "scope": "openid sql:read",
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def token(key=RSA, algorithm="RS256", kid="rsa", headers=None, **changes):
    header = {"kid": kid, **(headers or {})} if kid else headers
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=header)


def unsigned(header, **changes):
    parts = (json.dumps(part).encode() for part in ({"typ": "JWT", **header}, claims(**changes)))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def signed_with_public_key():
    """Confuse RS256 with HS256: sign with what everybody knows."""
    pem = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    body = unsigned({"alg": "HS256", "kid": "rsa"}).rstrip(".")
    signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(signer.sign(body.encode(), pem)).rstrip(b"=").decode()
    return f"{body}.{signature}"


@pytest.fixture(scope="module")
def jwks_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("jwks") / "jwks.json"
    path.write_text(json.dumps(JWKS))
    return path


def accepting(jwks, **changes):
    return {
        "auth_issuer": ISSUER,
        "auth_resource": RESOURCE,
        "auth_jwks": str(jwks),
        "auth_leeway": 5,
        **changes,
    }


@pytest.fixture(scope="module")
async def url(filled, jwks_file):
    async with served(filled, **accepting(jwks_file)) as url:
        yield url


async def status(url, bearer, **headers):
    return (await post(url, bearer, **headers)).status_code


# ---------------------------------------------------------------- tokens


async def test_a_token_acts_as_the_principal_that_it_names(url):
    for name in ("seattle", "tacoma"):
        async with client_of(url, token(sub=name)) as client:
            result = await client.call_tool("query", {"sql": STORE})
            assert text_of(result).splitlines()[1] == name


async def test_tokens_and_keys_are_accepted_side_by_side(url, keys):
    async with client_of(url, keys["bellevue"]) as client:
        result = await client.call_tool("query", {"sql": STORE})
        assert text_of(result).splitlines()[1] == "bellevue"


async def test_two_tenants_at_once_by_token_do_not_mix(url):
    async def ask(name):
        bearer = token(sub=name)
        for _ in range(10):
            body = request_body("tools/call", name="query", sql=STORE)
            answer = await post(url, bearer, body)
            assert answer.json()["result"]["content"][0]["text"].splitlines()[1] == name

    async with asyncio.TaskGroup() as group:
        for name in ("seattle", "tacoma", "spokane", "online"):
            group.create_task(ask(name))


ACCEPTED = {
    "EC": lambda: token(EC, "ES256", "ec"),
    "the audience among others": lambda: token(aud=["https://other.example", RESOURCE]),
    "just expired, within the leeway": lambda: token(exp=int(time.time()) - 2),
    "no kid, but one key of the type": lambda: token(EC, "ES256", None),
}
REFUSED = {
    "expired": lambda: token(exp=int(time.time()) - 60),
    "not yet valid": lambda: token(nbf=int(time.time()) + 60),
    "issued in the future": lambda: token(iat=int(time.time()) + 60),
    "without an expiry": lambda: token(exp=None),
    "expiry that is no number": lambda: token(exp="never"),
    "another issuer": lambda: token(iss="https://evil.example"),
    "no issuer": lambda: token(iss=None),
    "another audience": lambda: token(aud="https://other.example/mcp"),
    "no audience": lambda: token(aud=None),
    "audience that only begins alike": lambda: token(aud=RESOURCE + ".evil"),
    "another signer": lambda: token(OTHER),
    "unknown key": lambda: token(OTHER, kid="other"),
    "another key's id": lambda: token(kid="ec"),
    "kid that is a list": lambda: unsigned({"alg": "RS256", "kid": ["rsa"]}) + "AA",
    "algorithm that is not listed": lambda: token(ED, "EdDSA", "ed"),
    "algorithm that the key is not for": lambda: token(RSA, "PS256"),
    "no algorithm": lambda: unsigned({"alg": "none"}),
    "no algorithm, written otherwise": lambda: unsigned({"alg": "nOnE"}),
    "no algorithm, with a kid": lambda: unsigned({"alg": "none", "kid": "rsa"}),
    "no alg at all": lambda: unsigned({"kid": "rsa"}),
    "HS256 with the public key": signed_with_public_key,
    "HS256": lambda: token("secret" * 8, "HS256"),
    "unsigned": lambda: token().rpartition(".")[0] + ".",
    "cut": lambda: token()[:-5],
    "changed": lambda: _changed(token()),
    "crit that nobody knows": lambda: token(headers={"crit": ["zava"], "zava": 1}),
    "its own key": lambda: token(OTHER, kid=None, headers={"jwk": public("rsa")}),
    "a URL of its own": lambda: token(OTHER, kid=None, headers={"jku": "http://evil.example/"}),
    "subject missing": lambda: token(sub=None),
    "subject that is a list": lambda: _any_subject(["seattle"]),
    "unknown principal": lambda: token(sub="nobody"),
    "principal with another case": lambda: token(sub="Seattle"),
    "principal with NUL": lambda: token(sub="seattle\0"),
    "principal with half a character": lambda: token(sub="seattle\ud800"),
    "nonsense": lambda: "a.b.c",
    "nothing": lambda: "..",
    "not base64": lambda: "*.*.*",
    "deep": lambda: base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("=") + ".e30.AA",
    "long": lambda: token(padding="x" * 20_000),
}


def _changed(text):
    head, _, tail = text.split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims(sub="head-office")).encode())
    return f"{head}.{body.decode().rstrip('=')}.{tail}"


def _any_subject(value):
    body = json.dumps(claims(sub=value)).encode()
    return jwt.api_jws.encode(body, RSA, algorithm="RS256", headers={"kid": "rsa"})


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED)
async def test_a_good_token_is_let_in(url, make):
    assert await status(url, make()) == 200


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
async def test_a_bad_token_is_401_and_no_more_is_said(url, make):
    answer = await post(url, make())
    assert answer.status_code == 401
    assert answer.json() == {
        "code": "AUTHORIZATION_ERROR",
        "message": "the request has no valid identity",
        "hint": "Send the header: Authorization: Bearer KEY",
    }
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="zava_sql", error="invalid_token",'
        ' error_description="the request has no valid identity", resource_metadata='
        '"https://db.example/.well-known/oauth-protected-resource/zava/mcp"'
    )


async def test_a_disabled_principal_is_shut_out_though_its_token_is_good(url, admin_connection):
    assert await status(url, token(sub="everett")) == 200
    admin_connection.execute("select zava.disable_principal('everett')")
    try:
        assert await status(url, token(sub="everett")) == 401
    finally:
        admin_connection.execute("select zava.enable_principal('everett')")


async def test_without_a_token_no_error_is_named(url):
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(url, content=request_body("tools/list", name="x"))
    assert answer.status_code == 401
    assert "error" not in answer.headers["WWW-Authenticate"]
    assert "resource_metadata=" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("scheme", ["Basic", "Digest", "Bearerx", "Key"])
async def test_only_bearer_is_a_scheme(url, keys, scheme):
    answer = await post(url, "", Authorization=f"{scheme} {keys['seattle']}")
    assert answer.status_code == 401
    assert "error" not in answer.headers["WWW-Authenticate"]  # RFC 6750, 3.1


async def test_two_authorization_headers_are_none(url, keys):
    headers = list(request_headers(keys["seattle"]).items())
    headers.append(("Authorization", f"Bearer {keys['seattle']}"))
    body = request_body("tools/call", name="query", sql=STORE)
    async with httpx2.AsyncClient(trust_env=False) as http:
        assert (await http.post(url, content=body, headers=headers)).status_code == 401
        assert (await http.post(url, content=body, headers=headers[:-1])).status_code == 200


async def test_a_session_id_is_no_identity(url, keys):
    first = await post(url, keys["seattle"], Mcp_Session_Id="a-session")
    assert first.status_code == 200
    assert "mcp-session-id" not in first.headers
    body = request_body("tools/call", name="query", sql=STORE)
    replayed = await post(url, keys["tacoma"], body, Mcp_Session_Id="a-session")
    assert replayed.json()["result"]["content"][0]["text"].splitlines()[1] == "tacoma"
    assert await status(url, "", Authorization="", Mcp_Session_Id="a-session") == 401


async def test_white_space_around_a_header_does_not_count(url, keys):
    body = request_body("tools/call", name="query", sql=STORE)
    headers = {**request_headers(f"{keys['seattle']} "), "Host": "127.0.0.1", "Connection": "close"}
    headers |= {"Mcp-Name": "  query \t", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"store:text\\nseattle" in answer


async def test_the_log_alone_says_why_nobody_was_let_in(url, caplog):
    why = {
        "expired": token(exp=int(time.time()) - 60),
        "other audience": token(aud="https://other.example"),
        "other issuer": token(iss="https://other.example"),
        "signature": token(OTHER),
        "unknown signing key": token(OTHER, kid="other"),
        "algorithm": token("secret" * 8, "HS256"),
        "claim missing": token(sub=None),
        "no such principal": token(sub="nobody"),
        "too long": token(padding="x" * 20_000),
        "malformed": "a.b.c",
        "key": "zava_nonsense",
    }
    for bearer in why.values():
        assert await status(url, bearer) == 401
    told = [one.zava_fields for one in caplog.records if one.msg == "unauthorized"]
    assert told == [{"status": 401, "why": reason} for reason in why]


# ---------------------------------------------------------------- scopes, claims, audience


async def test_a_token_without_the_scope_is_403(filled, keys, jwks_file):
    settings = accepting(jwks_file, auth_scopes="sql:read sql:more", auth_claim="tenant")
    async with served(filled, **settings) as url:
        lacking = await post(url, token(tenant="seattle"))
        assert lacking.status_code == 403
        assert "sql:read sql:more" in lacking.json()["hint"]
        challenge = lacking.headers["WWW-Authenticate"]
        assert 'error="insufficient_scope"' in challenge
        assert 'scope="sql:read sql:more"' in challenge
        assert await status(url, token(tenant="seattle", scope="sql:more sql:read")) == 200
        assert await status(url, token(tenant="seattle", scope=None, scp=["sql:read"])) == 403
        scp = {"scope": None, "scp": ["sql:read", "sql:more", 1]}
        assert await status(url, token(tenant="seattle", **scp)) == 200
        # Nor does head office learn anything about the server without it.
        async with httpx2.AsyncClient(trust_env=False) as http:
            for scope, wanted in (("sql:read", 401), ("sql:read sql:more", 200)):
                bearer = f"Bearer {token(tenant='head-office', scope=scope)}"
                answer = await http.get(
                    url.removesuffix("/mcp") + "/metrics",
                    headers={"Authorization": bearer, "X-Forwarded-For": "192.0.2.1"},
                )
                assert answer.status_code == wanted
        # The subject is not the claim that was chosen; keys have no scopes to lack.
        assert await status(url, token(scope="sql:more sql:read")) == 401
        assert await status(url, keys["seattle"]) == 200


async def test_the_audience_may_differ_from_the_url(filled, jwks_file):
    settings = accepting(jwks_file, auth_audience="api://zava", auth_algorithms="EdDSA, PS256")
    async with served(filled, **settings) as url:
        assert await status(url, token(ED, "EdDSA", "ed", aud="api://zava")) == 200
        assert await status(url, token(ED, "EdDSA", "ed")) == 401
        # The list is what is accepted: RS256 is not on it.
        assert await status(url, token(aud="api://zava")) == 401


async def test_the_resource_is_described_for_clients_that_look_for_the_issuer(url, jwks_file):
    base = url.removesuffix("/mcp")
    async with httpx2.AsyncClient(trust_env=False) as http:
        for path in ("/zava/mcp", ""):
            answer = await http.get(f"{base}/.well-known/oauth-protected-resource{path}")
            assert answer.json() == {
                "resource": RESOURCE,
                "authorization_servers": [ISSUER],
                "bearer_methods_supported": ["header"],
                "resource_name": "zava_sql",
            }
    scoped = metadata(Settings(**accepting(jwks_file, auth_scopes="a b")))
    assert next(iter(scoped.values()))["scopes_supported"] == ["a", "b"]


async def test_with_keys_alone_there_is_no_issuer_to_be_found(filled):
    async with served(filled) as url, httpx2.AsyncClient(trust_env=False) as http:
        base = url.removesuffix("/mcp")
        answer = await http.get(f"{base}/.well-known/oauth-protected-resource/mcp")
        assert answer.status_code == 404
        refused = await http.post(url)
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="zava_sql"'
        assert await status(url, token()) == 401


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"auth_issuer": None}, "issuer"),
        ({"auth_resource": None}, "URL of this server"),
        ({"auth_jwks": None}, "keys"),
        ({"auth_jwks": "/nowhere/jwks.json"}, "no such file"),
        ({"auth_jwks": "http://issuer.example/jwks"}, "https"),
        ({"auth_jwks": "https://[::1/jwks"}, "https"),
        ({"auth_jwks": "https://issuer.example:99999/jwks"}, "https"),
        ({"auth_jwks": "https://"}, "https"),
        ({"auth_algorithms": "HS256"}, "HS256"),
        ({"auth_algorithms": "RS256 none"}, "none"),
        ({"auth_algorithms": ""}, "ALGORITHMS"),
        ({"trusted_proxy": "10.0.0.1/8"}, "networks"),
        ({"trusted_proxy": "proxy.example"}, "networks"),
        ({"trusted_proxy": "0.0.0.0/0"}, "everybody"),
        ({"trusted_proxy": "10.0.0.1 ::/0"}, "everybody"),
    ],
)
async def test_settings_that_would_protect_nothing_are_refused(filled, jwks_file, changes, says):
    settings = settings_for(filled, **accepting(jwks_file, **changes))
    async with Database.open(settings) as database:
        with pytest.raises(ConfigurationError) as caught:
            async with asyncio.timeout(60):  # or it serves for ever
                await serve_http(Agent(database), "127.0.0.1", 0)
    assert says.lower() in caught.value.message.lower()
    assert caught.value.hint


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"keys": 1}', "\xff"])
def test_a_file_that_holds_no_keys_is_refused(tmp_path, text):
    path = tmp_path / "jwks.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match="not a JWK set"):
        KeySet(str(path))


# ---------------------------------------------------------------- where keys come from


class Issuer:
    """Publishes keys over HTTP, and counts how often it is asked."""

    def __init__(self):
        self.body = json.dumps(JWKS).encode()
        self.status = 200
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_asked = asyncio.Event()
        self.pause = 0
        self.answering = set()

    async def answer(self, reader, writer):
        self.answering.add(asyncio.current_task())
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            self.is_asked.set()
            await self.may_answer.wait()
            head = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(self.body)}\r\n"
            writer.write(head.encode() + b"Location: /other\r\nConnection: close\r\n\r\n")
            for part in re.findall(b".", self.body)[:30] if self.pause else [self.body]:
                writer.write(part)
                await asyncio.sleep(self.pause)
            await writer.drain()
        finally:
            writer.close()


@pytest.fixture
async def issuer(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    issuer = Issuer()
    listener = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/jwks"
    async with listener:
        yield issuer
        for task in issuer.answering:
            task.cancel()
        await asyncio.gather(*issuer.answering, return_exceptions=True)


def reader_of(source):
    return TokenReader(Settings(**accepting(source)))


async def test_keys_are_asked_for_once_and_again_when_one_is_new(issuer, monkeypatch):
    reader = reader_of(issuer.url)
    assert (await reader.read(token())).principal == "seattle"
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(reader.read(token()))
            group.create_task(reader.read(token(OTHER, kid="unknown")))
    assert issuer.asked == 1

    monkeypatch.setitem(KEYS, "new", OTHER)
    monkeypatch.setitem(ALGORITHMS, "new", ALGORITHMS["rsa"])
    issuer.body = json.dumps({"keys": [public("new")]}).encode()
    assert await reader.read(token(OTHER, kid="new")) is None
    monkeypatch.setattr(tokens, "_PAUSE", 0)
    assert (await reader.read(token(OTHER, kid="new"))).principal == "seattle"
    # What the issuer has withdrawn signs nothing any more.
    assert await reader.read(token()) is None


async def test_no_proxy_brings_keys_that_came_without_tls(issuer, monkeypatch):
    monkeypatch.setenv("http_proxy", issuer.url)
    reader = reader_of("http://localhost:9/jwks")  # where nobody listens
    with pytest.raises(ServiceUnavailable):
        await reader.read(token())
    assert issuer.asked == 0


async def test_old_keys_do_for_a_while_when_the_issuer_is_away(issuer, monkeypatch):
    issuer.status = 500
    reader = reader_of(issuer.url)
    for _ in range(3):
        with pytest.raises(ServiceUnavailable):
            await reader.read(token())
    assert issuer.asked == 1, "an issuer in trouble is left alone for a moment"
    issuer.status, issuer.asked = 200, 0
    reader = reader_of(issuer.url)
    assert await reader.read(token()) is not None
    issuer.status = 500
    monkeypatch.setattr(tokens, "_FRESH", 0)
    monkeypatch.setattr(tokens, "_PAUSE", 0)
    assert await reader.read(token()) is not None
    assert issuer.asked == 2
    monkeypatch.setattr(tokens, "_STALE", 0)
    with pytest.raises(ServiceUnavailable):
        await reader.read(token())


async def test_an_issuer_that_takes_its_time_holds_one_up_and_not_for_long(issuer, monkeypatch):
    reader = reader_of(issuer.url)
    assert await reader.read(token()) is not None
    monkeypatch.setattr(tokens, "_FRESH", 0)
    monkeypatch.setattr(tokens, "_PAUSE", 0)
    monkeypatch.setattr(tokens, "_FETCH_TIMEOUT", 1)
    issuer.may_answer.clear()
    issuer.is_asked.clear()
    asks = asyncio.create_task(reader.read(token()))
    await issuer.is_asked.wait()
    async with asyncio.timeout(0.5):
        assert await reader.read(token()) is not None
    assert not asks.done()
    # Unless they are so old that they may be an issuer's of long ago.
    monkeypatch.setattr(tokens, "_STALE", 0)
    with pytest.raises(ServiceUnavailable):
        await reader.read(token())
    with pytest.raises(ServiceUnavailable):
        await asks


async def test_keys_that_come_letter_by_letter_are_not_waited_for(issuer, monkeypatch):
    reader = reader_of(issuer.url)
    monkeypatch.setattr(tokens, "_FETCH_TIMEOUT", 0.3)
    issuer.pause = 0.1
    async with asyncio.timeout(2):
        with pytest.raises(ServiceUnavailable):
            await reader.read(token())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (302, b""),
        (200, b"no json"),
        (200, b"{}"),
        (200, b"[" * 2_000_000),
        (200, b" " * 1_048_576 + json.dumps(JWKS).encode()),
    ],
)
async def test_an_issuer_that_publishes_no_keys_is_503(issuer, filled, keys, status, body):
    issuer.status, issuer.body = status, body
    async with served(filled, **accepting(issuer.url)) as url:
        answer = await post(url, token())
        assert answer.status_code == 503
        assert answer.json()["code"] == "SERVICE_UNAVAILABLE"
        # Keys do not need it.
        assert (await post(url, keys["seattle"])).status_code == 200


@pytest.mark.parametrize(
    ("refuse", "allow"),
    [
        (
            "revoke execute on function zava.authenticate(bytea) from zava_service",
            "grant execute on function zava.authenticate(bytea) to zava_service",
        ),
        (
            "alter function zava.authenticate(bytea) rename to authenticated",
            "alter function zava.authenticated(bytea) rename to authenticate",
        ),
    ],
)
async def test_who_cannot_be_looked_up_is_told_that_alone(
    url, keys, admin_connection, refuse, allow
):
    admin_connection.execute(refuse)
    try:
        answer = await post(url, keys["seattle"])
        assert answer.status_code == 503
        assert answer.json() == {
            "code": "SERVICE_UNAVAILABLE",
            "message": "identities cannot be checked now",
            "hint": "Try again in a moment.",
        }
    finally:
        admin_connection.execute(allow)
    assert (await post(url, keys["seattle"])).status_code == 200


async def test_a_file_is_read_again(tmp_path, monkeypatch):
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [public("ec")]}))
    reader = reader_of(path)
    assert await reader.read(token()) is None
    path.write_text(json.dumps(JWKS))
    monkeypatch.setattr(tokens, "_PAUSE", -1)
    assert await reader.read(token()) is not None


async def test_keys_are_not_fetched_from_where_the_issuer_points(issuer):
    async def redirect(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 302 X\r\nLocation: {issuer.url}\r\n".encode())
        writer.write(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(ServiceUnavailable):
            await reader_of(f"http://127.0.0.1:{port}/jwks").read(token())
    assert issuer.asked == 0
    assert await reader_of(issuer.url).read(token()) is not None


async def test_without_a_kid_the_only_key_of_its_type_is_meant(tmp_path):
    path = tmp_path / "jwks.json"
    text = token(kid=None)
    for keys, is_believed in (
        ([public("ec"), public("rsa")], True),
        ([public("rsa"), {**public("rsa"), "kid": "again"}], False),
    ):
        path.write_text(json.dumps({"keys": keys}))
        assert bool(await reader_of(path).read(text)) is is_believed


async def test_a_short_key_is_not_used(tmp_path):
    short = rsa.generate_private_key(65537, key_size=1024)  # noqa: S505 - that is the point
    path = tmp_path / "jwks.json"
    document = ALGORITHMS["rsa"].to_jwk(short.public_key(), as_dict=True)
    path.write_text(json.dumps({"keys": [{**document, "kid": "rsa"}]}))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        text = token(short)
    assert await reader_of(path).read(text) is None


async def test_the_program_that_asks_is_named_by_the_token_or_is_its_subject(jwks_file):
    reader = reader_of(jwks_file)
    for more, client in (
        ({"client_id": "app", "azp": "other"}, "app"),
        ({"azp": "app"}, "app"),
        ({}, "seattle"),
    ):
        assert (await reader.read(token(**more))).client == client


async def test_no_program_names_itself_like_one_that_a_token_vouches_for(filled, keys, jwks_file):
    seen = []
    body = json.loads(request_body("tools/call", name="query", sql="select 1"))
    body["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = {
        "name": "app / me",
        "version": "1\u2003/\n2",
    }
    async with Database.open(settings_for(filled, **accepting(jwks_file))) as opened:
        agent = Agent(opened)
        agent.observers.append(lambda call: seen.append(call.caller.client))
        async with serving(opened, agent) as url:
            for bearer in (keys["seattle"], token(client_id="app")):
                assert await status(url, bearer, body=json.dumps(body)) == 200
            assert await status(url, token(client_id="app")) == 200
    assert seen == ["app/me 1/2", "app / app/me 1/2", "app /"]


@pytest.mark.parametrize("value", ["", 7, ["seattle"], {"name": "seattle"}, True])
async def test_a_claim_that_is_no_name_names_nobody(jwks_file, value):
    told = []
    reader = TokenReader(Settings(**accepting(jwks_file, auth_claim="principal")))
    assert (await reader.read(token(principal="seattle"))).principal == "seattle"
    assert await reader.read(token(principal=value), told.append) is None
    assert told == ["claim is no name"]


@pytest.mark.parametrize(
    "key",
    [
        public("rsa", use="enc"),
        public("rsa", alg="RS512"),
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "rsa"},
        {**ALGORITHMS["rsa"].to_jwk(RSA, as_dict=True), "kid": "rsa"},  # anybody may have signed
        {"kty": "RSA", "kid": "rsa"},
        {"kty": "RSA", "kid": "rsa", "n": 1, "e": []},
        {"kid": "rsa"},
        "rsa",
    ],
)
async def test_a_key_that_is_not_for_this_is_not_used(tmp_path, key):
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [key]}))
    assert await reader_of(path).read(token()) is None


async def test_a_curve_that_the_algorithm_does_not_have_is_refused(tmp_path):
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [public("ec384")]}))
    text = token(EC384, "ES384", "ec384")
    settings = accepting(path, auth_algorithms="ES256 ES384")
    assert await TokenReader(Settings(**settings)).read(text) is not None
    assert await reader_of(path).read(text) is None


# ---------------------------------------------------------------- the word of a proxy


async def as_proxied(url, *ids, **headers):
    given = [
        (name, value)
        for name, value in request_headers("", **headers).items()
        if name != "Authorization" or "Authorization" in headers
    ]
    given += [("x-rls-user-id", one) for one in ids]
    body = request_body("tools/call", name="query", sql=STORE)
    async with httpx2.AsyncClient(trust_env=False) as http:
        return await http.post(url, content=body, headers=given)


@pytest.fixture(scope="module")
def ids(filled):
    with psycopg.connect(filled.admin_url) as connection:
        rows = connection.execute("select name, principal_id::text from zava.principals")
        return dict(rows.fetchall())


@pytest.mark.parametrize("network", ["127.0.0.1", "127.0.0.0/8", "10.1.0.0/16, 127.0.0.1/32"])
async def test_a_trusted_proxy_names_the_principal_by_its_id(filled, ids, network):
    async with served(filled, trusted_proxy=network) as url:
        for name in ("seattle", "tacoma"):
            answer = await as_proxied(url, ids[name])
            assert answer.json()["result"]["content"][0]["text"].splitlines()[1] == name


async def test_from_anybody_else_the_header_is_nothing(filled, ids):
    for trusted in ("", "10.0.0.0/8", "127.0.0.2", "::1"):
        async with served(filled, trusted_proxy=trusted) as url:
            assert (await as_proxied(url, ids["seattle"])).status_code == 401
            forged = await as_proxied(url, ids["seattle"], X_Forwarded_For="10.0.0.1")
            assert forged.status_code == 401


@pytest.mark.parametrize(
    "value",
    ["", "seattle", "00000000-0000-0000-0000-000000000000", "' or true; --", "\u00fc", "1" * 5000],
)
async def test_a_header_that_names_nobody_is_401(filled, value):
    async with served(filled, trusted_proxy="127.0.0.1") as url:
        assert (await as_proxied(url, value.encode("latin-1"))).status_code == 401
        assert (await as_proxied(url)).status_code == 401


async def test_a_proxy_may_name_one_and_a_bearer_counts_more(filled, keys, ids, admin_connection):
    async with served(filled, trusted_proxy="127.0.0.1") as url:
        assert (await as_proxied(url, ids["seattle"], ids["tacoma"])).status_code == 401
        bearer = {"Authorization": f"Bearer {keys['tacoma']}"}
        answer = await as_proxied(url, ids["seattle"], **bearer)
        assert answer.json()["result"]["content"][0]["text"].splitlines()[1] == "tacoma"
        wrong = await as_proxied(url, ids["seattle"], Authorization="Bearer wrong")
        assert wrong.status_code == 401
        both = await as_proxied(url, ids["seattle"], **bearer, authorization="Bearer wrong")
        assert both.status_code == 401
        admin_connection.execute("select zava.disable_principal('seattle')")
        try:
            assert (await as_proxied(url, ids["seattle"])).status_code == 401
        finally:
            admin_connection.execute("select zava.enable_principal('seattle')")


async def test_an_address_in_either_form_is_the_same_proxy(filled, ids):
    async with Database.open(settings_for(filled, trusted_proxy="10.0.0.7")) as database:
        identities = Identities(database)

        async def lets_in(peer):
            headers = [(b"x-rls-user-id", ids["seattle"].encode())]
            scope = {"type": "http", "headers": headers, "client": peer}
            return await identities.authenticate(HTTPConnection(scope)) is not None

        assert await lets_in(("10.0.0.7", 1))
        assert await lets_in(("::ffff:10.0.0.7", 1))
        assert not await lets_in(("::ffff:10.0.0.8", 1))
        assert not await lets_in(("2001:db8::a00:7", 1))
        assert not await lets_in(None)
        assert not await lets_in(("a socket", 1))


# ---------------------------------------------------------------- beyond this machine


def test_beyond_loopback_hosts_must_be_named():
    with pytest.raises(ConfigurationError, match="ZAVA_ALLOWED_HOSTS is not set"):
        listen(Settings(), "0.0.0.0", 0)  # noqa: S104
    with listen(Settings(allowed_hosts="db.example"), "0.0.0.0", 0) as listener:  # noqa: S104
        assert listener.getsockname()[0] == "0.0.0.0"  # noqa: S104
    with pytest.raises(ServiceUnavailable):
        listen(Settings(allowed_hosts="db.example"), "192.0.2.1", 0)


async def test_named_hosts_are_served_and_no_others(filled, keys):
    allowed = "DB.example:8443, zava.example"
    async with served(filled, allowed_hosts=allowed) as url:
        for host, expected in {
            "db.example:8443": 200,
            "zava.example": 200,
            "ZAVA.example": 200,
            "LocalHost:1": 200,
            "127.0.0.1": 200,
            "db.example": 421,
            "zava.example:1": 421,
            "evil.example": 421,
        }.items():
            assert await status(url, keys["seattle"], Host=host) == expected, host
        own = {"Host": "zava.example", "Origin": "https://zava.example"}
        assert await status(url, keys["seattle"], **own) == 200
        assert await status(url, keys["seattle"], Origin="https://evil.example") == 403


async def test_web_pages_may_connect_from_where_the_settings_say(filled, keys):
    origin = "https://app.example"  # as browsers write it
    ask = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,mcp-protocol-version,mcp-method,mcp-name",
    }
    async with (
        served(filled, cors_origins="https://App.example, chrome-extension://abcdefghij") as url,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        allowed = await http.request("OPTIONS", url, headers=ask)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in allowed.headers
        metadata = await http.request(
            "OPTIONS",
            url.removesuffix("/mcp") + "/.well-known/oauth-protected-resource/mcp",
            headers={**ask, "Access-Control-Request-Method": "GET"},
        )
        assert metadata.status_code == 200
        answer = await post(url, keys["seattle"], Origin=origin)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        refused = await post(url, "wrong", Origin=origin)
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == origin
        # A page finds the issuer by it.
        assert "WWW-Authenticate" in refused.headers["access-control-expose-headers"]
        foreign = await http.request("OPTIONS", url, headers={**ask, "Origin": "https://e.example"})
        assert foreign.status_code == 400
        assert "access-control-allow-origin" not in foreign.headers
        assert (await post(url, keys["seattle"], Origin="https://e.example")).status_code == 403
