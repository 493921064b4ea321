"""A service on loopback that speaks OpenAI's protocol, and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

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
