"""Texts as vectors: what an embedder is, and which one the settings mean.

Vectors of two models have nothing to say to each other, so that each comes with the name under
which the database keeps them. No text is logged, and no error quotes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from zava_sql.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zava_sql.settings import Settings

__all__ = ["LOCAL_MODEL", "Embedder", "Vector", "find_embedder"]

LOCAL_MODEL = "all-MiniLM-L6-v2-onnx-int8"


class Vector(NamedTuple):
    """What a model made of one text; `model` is its name in the database."""

    model: str
    numbers: list[float]


class Embedder(Protocol):
    """Makes normalised vectors of texts."""

    @property
    def name(self) -> str:
        """The model, as the database knows it."""
        ...

    @property
    def dimensions(self) -> int | None:
        """Length of its vectors; None where only an answer tells it."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Give a vector for each text, in their order.

        Raises:
            ServiceUnavailable: the model cannot be reached, or answers nonsense.
            ConfigurationError: it refuses what the settings say.
            TextsRefused: it refuses some of the texts; the vectors of the others come with it.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and memory."""
        ...


def find_embedder(settings: Settings, *, attempts: int = 5) -> Embedder:
    """Give the embedder of these settings: the service where a URL is set, else the local model.

    A service that is busy or away is asked `attempts` times.

    Raises:
        ConfigurationError: the settings do not fit together, or the local model is not installed.
    """
    model = settings.embedding_model
    if model == LOCAL_MODEL or (model is None and settings.embedding_url is None):
        from zava_sql.embedding_local import LocalEmbedder  # noqa: PLC0415 - needs the extra

        return LocalEmbedder()
    if settings.embedding_url is None:
        raise ConfigurationError(
            "a model of a service is named, but no service",
            hint=f"Set ZAVA_EMBEDDING_URL; the model that needs no service is {LOCAL_MODEL}.",
        )
    if model is None:
        raise ConfigurationError(
            "ZAVA_EMBEDDING_URL is set, ZAVA_EMBEDDING_MODEL is not",
            hint="Name the model that the service is to use.",
        )
    from zava_sql.embedding_http import HttpEmbedder  # noqa: PLC0415 - not needed by the local one

    return HttpEmbedder(settings, settings.embedding_url, model, attempts)
