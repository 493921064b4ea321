"""Answers that are not a table: a chart, a receipt, a recording, a note that names its document.

A function returns them as rows of `api.content (text, data, mime_type, uri)`: a row with a URI is
an embedded resource, data is an image or audio by its type, the rest is text.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast

import mcp_types as types

from zava_sql.answer import fenced
from zava_sql.errors import DatabaseError, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zava_sql.result import Result
    from zava_sql.settings import Settings

    Contents = types.TextResourceContents | types.BlobResourceContents

__all__ = ["blocks", "contents"]

_TEXT = "text/plain"
_BYTES = "application/octet-stream"


def blocks(result: Result, settings: Settings, where: str | None) -> list[types.ContentBlock]:
    """Give the parts of an answer; `where` is the URI of data that are neither image nor audio.

    Raises:
        LimitExceeded: they are too long together; half a picture is of no use.
        DatabaseError: such data have no URI.
    """
    made: list[types.ContentBlock] = []
    left = settings.max_bytes
    for row in result.rows:
        text, data, mime_type, uri = cast("tuple[str | None, ...]", row)
        if text is None and data is None:
            continue
        # As PostgreSQL prints bytea.
        body = text or "" if data is None else base64.b64encode(bytes.fromhex(data[2:])).decode()
        left -= len(body.encode())
        if left < 0:
            raise LimitExceeded(
                f"the answer is longer than {settings.max_bytes} bytes",
                hint="Ask for less, or have the limit raised: ZAVA_MAX_BYTES.",
            )
        if data is None and settings.fence_results:
            body = fenced(body)
        made.append(_block(body, mime_type, uri, where, is_text=data is None))
    if result.truncated:
        made.append(
            types.TextContent(text=f"# truncated: these are the first {result.row_count} parts")
        )
    return made


def contents(uri: str, given: Iterable[object], mime_type: str, own: str) -> list[Contents]:
    """Give the parts of an answer as the content of a URI; its texts are of the type given.

    `own` is the URI for parts that were given none.
    """
    made: list[Contents] = []
    for block in given:
        match block:
            case types.TextContent():
                made.append(
                    types.TextResourceContents(uri=uri, text=block.text, mime_type=mime_type)
                )
            case types.ImageContent() | types.AudioContent():
                made.append(
                    types.BlobResourceContents(uri=uri, blob=block.data, mime_type=block.mime_type)
                )
            case types.EmbeddedResource():
                resource = block.resource
                at = uri if resource.uri == own else resource.uri
                made.append(resource.model_copy(update={"uri": at}))
    return made


def _block(
    body: str, mime_type: str | None, uri: str | None, where: str | None, *, is_text: bool
) -> types.ContentBlock:
    if is_text:
        if uri is None:
            return types.TextContent(text=body)
        embedded = types.TextResourceContents(uri=uri, text=body, mime_type=mime_type or _TEXT)
        return types.EmbeddedResource(resource=embedded)
    kind = (mime_type or _BYTES).partition("/")[0]
    if uri is None and kind == "image":
        return types.ImageContent(data=body, mime_type=str(mime_type))
    if uri is None and kind == "audio":
        return types.AudioContent(data=body, mime_type=str(mime_type))
    if uri is None and where is None:
        raise DatabaseError(
            "the function answers with data that are neither image nor audio, and no uri",
            hint="Tell the author of the function.",
        )
    blob = types.BlobResourceContents(
        uri=str(uri or where), blob=body, mime_type=mime_type or _BYTES
    )
    return types.EmbeddedResource(resource=blob)
