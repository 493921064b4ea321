"""A service on loopback that speaks OpenAI's protocol, and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from starlette.requests import Request

LENGTH = 8


def vector(text: str, length: int = LENGTH) -> list[float]:
    """Give numbers that depend on every character and mean nothing."""
    digest = hashlib.shake_128(text.encode()).digest(length)
    return [byte - 127.5 for byte in digest]


@dataclass
class Service:
    """`answers` are given first, one a request; then every text gets its vector."""

    url: str
    answers: list[Response | Callable[[dict[str, Any]], Response | Awaitable[Response]]] = field(
        default_factory=list
    )
    requests: list[dict[str, Any]] = field(default_factory=list)

    def forget(self) -> None:
        """Begin anew."""
        self.answers.clear()
        self.requests.clear()

    async def answer(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.requests.append(
            {"path": str(request.url.path), "query": str(request.url.query), "body": body}
            | {"headers": dict(request.headers), "at": time.monotonic()}
        )
        if self.answers:
            answer = self.answers.pop(0)
            if callable(answer) and not isinstance(answer, Response):
                answer = answer(body)
            return answer if isinstance(answer, Response) else await answer
        return well(body)


def well(body: dict[str, Any]) -> Response:
    """Answer as one should, in another order."""
    length = body.get("dimensions", LENGTH)
    rows = [{"index": i, "embedding": vector(t, length)} for i, t in enumerate(body["input"])]
    return JSONResponse({"object": "list", "data": rows[::-1], "model": body["model"]})


async def silent(_: dict[str, Any]) -> Response:
    """Say nothing for longer than anybody waits in a test."""
    await asyncio.sleep(30)
    return Response()


@contextmanager
def distrusted(folder: Path) -> Iterator[tuple[str, list[object]]]:
    """Offer TLS with a certificate that it made itself: the URL, and who has come so far."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "localhost.pem"
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(key.private_bytes(*form) + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    came: list[object] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, address = listener.accept()
                came.append(address)
                with connection, suppress(OSError):
                    context.wrap_socket(connection, server_side=True).recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}/v1", came
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@contextmanager
def serving() -> Iterator[Service]:
    """Serve in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = Service(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
        route = Route("/{rest:path}", service.answer, methods=["POST"])
        config = uvicorn.Config(
            Starlette(routes=[route]), log_level="error", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield service
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join()
