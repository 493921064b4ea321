"""Embeddings by a service that speaks OpenAI's protocol: OpenAI, Azure, Ollama, vLLM, TEI.

Its answers are checked like any input. Neither the key nor a text nor an answer is ever part of an
error, since a service may quote one in the other.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx2

from zava_sql.errors import ConfigurationError, ServiceUnavailable, TextsRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zava_sql.settings import Settings

__all__ = ["HttpEmbedder"]

# Seconds: of the first pause, and of any pause however long the service asks for.
_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 30.0
# Tokens of one request; OpenAI takes 300,000.
_REQUEST_TOKENS: Final = 250_000
# Bytes of an answer for each text: 4,000 numbers, each written out in full.
_ANSWER: Final = 120_000
_LONGEST_VECTOR: Final = 4_000

_AGAIN: Final = frozenset({408, 429, *range(500, 600)})
_TOO_LARGE: Final = frozenset({400, 413, 422})


class _RetryError(Exception):
    """The service may do it later; `after`: seconds it asks for."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.message = message
        self.after = after


class _RefusedError(Exception):
    """The service does not take this request; a smaller one perhaps."""


class HttpEmbedder:
    """Asks one service, in batches that it can take, and again when it is busy."""

    def __init__(self, settings: Settings, url: str, model: str, attempts: int) -> None:
        self._settings = settings
        self._attempts = attempts
        self._model = model
        self._length = settings.embedding_dimensions
        key = settings.embedding_key.get_secret_value() if settings.embedding_key else ""
        if not re.fullmatch("[!-~]*", key):
            raise ConfigurationError(
                "ZAVA_EMBEDDING_KEY has characters that no key has", hint="Set it anew."
            )
        headers = {"Accept-Encoding": "identity"}
        self._url = f"{url.rstrip('/')}/embeddings"
        if settings.embedding_api_version:
            deployment = settings.embedding_deployment or model
            self._url = f"{url.rstrip('/')}/openai/deployments/{deployment}/embeddings"
            if key:
                headers["api-key"] = key
        elif key:
            headers["Authorization"] = f"Bearer {key}"
        if not _is_base(url):
            raise ConfigurationError(
                "ZAVA_EMBEDDING_URL is not a base URL",
                hint="Write it as in https://api.openai.com/v1",
            )
        try:
            self._client = httpx2.AsyncClient(
                headers=headers,
                params={"api-version": settings.embedding_api_version}
                if settings.embedding_api_version
                else None,
                timeout=None,  # of a whole request there is one: `_post`
                # Without TLS a proxy from the environment would read the key and the texts.
                trust_env=self._url.startswith("https:"),
            )
        except (OSError, ValueError, ImportError, httpx2.InvalidURL):
            raise ConfigurationError(
                "the proxy or the certificates that the environment names cannot be used",
                hint="Check HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE.",
            ) from None

    @property
    def name(self) -> str:
        """The model; with its length where that was chosen, since vectors then differ."""
        chosen = self._settings.embedding_dimensions
        return self._model if chosen is None else f"{self._model}/{chosen}"

    @property
    def dimensions(self) -> int | None:
        """Length of the vectors, where it was chosen: what one answer has is no rule for others."""
        return self._length

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Give a vector for each text.

        Raises:
            ServiceUnavailable: no usable answer came, however often it was asked for.
            ConfigurationError: the service refuses the key or the model.
            TextsRefused: it refuses some of the texts, each by itself as well.
        """
        answers: list[list[float] | str] = []
        for batch in self._batches(texts):
            answers += await self._embed(batch)
        vectors = [None if isinstance(answer, str) else answer for answer in answers]
        for answer in answers:
            if isinstance(answer, str):
                raise TextsRefused(
                    f"the embedding service refused the request ({answer})",
                    vectors=vectors,
                    hint="Check ZAVA_EMBEDDING_MODEL and ZAVA_EMBEDDING_DIMENSIONS;"
                    " lower ZAVA_EMBEDDING_TOKENS.",
                )
        return [vector for vector in vectors if vector is not None]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """Cut texts to what a model accepts, and put as many together as a request may hold.

        Two bytes per token is more than any text needs, so that no limit is exceeded by guessing.
        """
        batch: list[str] = []
        size = 0
        for text in texts:
            cut = text.encode("utf-8", "replace")[: self._settings.embedding_tokens * 2]
            tokens = len(cut) // 2 + 1
            if batch and (
                len(batch) == self._settings.embedding_batch or size + tokens > _REQUEST_TOKENS
            ):
                yield batch
                batch, size = [], 0
            # An empty text is refused by some.
            batch.append(cut.decode("utf-8", "ignore").strip() or ".")
            size += tokens
        if batch:
            yield batch

    async def _embed(self, batch: list[str]) -> list[list[float] | str]:
        """Give vectors, and for a text that is refused by itself as well, how."""
        try:
            return [*await self._persist(batch)]
        except _RefusedError as error:
            if len(batch) == 1:
                return [str(error)]
        half = len(batch) // 2
        return await self._embed(batch[:half]) + await self._embed(batch[half:])

    async def _persist(self, batch: list[str]) -> list[list[float]]:
        """Ask again while the service is busy, no sooner than it says."""
        for attempt in itertools.count(1):
            try:
                return self._read(await self._post(batch), len(batch))
            except _RetryError as error:
                if attempt == self._attempts:
                    raise ServiceUnavailable(
                        error.message, hint="Try again later; see that the service is up."
                    ) from None
                pause = max(_PAUSE * 2**attempt, error.after)
                spread = random.uniform(1.0, 1.25)  # noqa: S311 - so that workers part
                await asyncio.sleep(min(pause * spread, _LONGEST_PAUSE))
        raise AssertionError

    async def _post(self, batch: list[str]) -> bytes:
        body: dict[str, Any] = {"model": self._model, "input": batch}
        if self._settings.embedding_dimensions is not None:
            body["dimensions"] = self._settings.embedding_dimensions
        try:
            async with (
                asyncio.timeout(self._settings.embedding_timeout),
                self._client.stream("POST", self._url, json=body) as response,
            ):
                self._judge(response)
                answer = bytearray()
                async for part in response.aiter_bytes():
                    answer += part
                    if len(answer) > _ANSWER * (len(batch) + 1):
                        raise _nonsense("is too long")
                return bytes(answer)
        except TimeoutError:
            raise _RetryError("the embedding service did not answer in time") from None
        except httpx2.TransportError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise ConfigurationError(
                    "the certificate of the embedding service is not to be trusted",
                    hint="Of an authority of your own, name the file in SSL_CERT_FILE.",
                ) from None
            raise _RetryError("the embedding service cannot be reached") from None
        except (httpx2.RequestError, httpx2.InvalidURL):
            raise _nonsense("cannot be read") from None

    def _judge(self, response: httpx2.Response) -> None:
        status = response.status_code
        if status in _AGAIN:
            raise _RetryError(
                f"the embedding service is not available (HTTP {status})",
                _seconds(response.headers.get("Retry-After", "")),
            )
        if status in _TOO_LARGE:
            raise _RefusedError(f"HTTP {status}")
        if status in (401, 403):
            raise ConfigurationError(
                f"the embedding service refused the key (HTTP {status})",
                hint="Check ZAVA_EMBEDDING_KEY.",
            )
        if status != 200:
            raise ConfigurationError(
                f"the embedding service has no such model or address (HTTP {status})",
                hint="Check ZAVA_EMBEDDING_URL and ZAVA_EMBEDDING_MODEL; pull the model first.",
            )

    def _read(self, answer: bytes, count: int) -> list[list[float]]:
        """Take the vectors out of an answer that may be anything."""
        try:
            data = json.loads(answer)["data"]
            rows = {int(row.get("index", i)): row["embedding"] for i, row in enumerate(data)}
            vectors = [_normalised(rows[i]) for i in range(count)]
            fits = len(data) == count
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            raise _nonsense("is not what was asked for") from None
        lengths = {len(vector) for vector in vectors}
        if not fits or len(lengths) > 1:
            raise _nonsense("is not what was asked for")
        (length,) = lengths
        if length != (self._length or length) or not 1 <= length <= _LONGEST_VECTOR:
            raise ConfigurationError(
                f"the embedding service gave vectors of {length} dimensions,"
                f" not of {self._length or f'at most {_LONGEST_VECTOR}'}",
                hint="Check ZAVA_EMBEDDING_MODEL and ZAVA_EMBEDDING_DIMENSIONS.",
            )
        return vectors


def _is_base(url: str) -> bool:
    """Say whether paths can be put behind a URL."""
    try:
        httpx2.URL(url)
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and not (parts.query or parts.fragment)
    except (ValueError, httpx2.InvalidURL):  # of a port beyond all ports as well
        return False


def _normalised(numbers: Sequence[Any]) -> list[float]:
    """Bring a vector to length 1.

    Raises:
        ValueError, TypeError, OverflowError: it is none.
    """
    if not all(type(n) in (int, float) for n in numbers):
        raise TypeError
    length = math.hypot(*numbers)
    if not 0 < length < math.inf:  # not a number fails both
        raise ValueError
    return [n / length for n in numbers]


def _nonsense(what: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"the answer of the embedding service {what}",
        hint="See that ZAVA_EMBEDDING_URL is the base URL of an OpenAI-compatible service.",
    )


def _seconds(header: str) -> float:
    """Read Retry-After: seconds, or a date; 0 for what is neither, or over."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return seconds if math.isfinite(seconds) else 0.0
