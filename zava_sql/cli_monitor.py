"""The command that tells how the tools of a running server are doing."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from zava_sql.cli_options import Json  # noqa: TC001 - typer reads it at run time
from zava_sql.errors import AuthorizationError, ServiceUnavailable, ValidationError
from zava_sql.render import fitting, visible

__all__ = ["monitor"]

_PATIENCE = 10
_PORTS = 65535
_DEFAULT = {"http": 80, "https": 443}

_COLUMNS = ("tool", "calls", "mean ms", "p50 ms", "p95 ms", "max ms", "slow")


def monitor(
    *,
    url: Annotated[
        str, typer.Option(help="URL of the server.", envvar="ZAVA_MONITOR_URL")
    ] = "http://127.0.0.1:8000",
    key: Annotated[
        str | None,
        typer.Option(help="Key of head office, for a server elsewhere.", envvar="ZAVA_MONITOR_KEY"),
    ] = None,
    json_: Json = False,
) -> None:
    """Sum up the calls of each tool: how many, how long, how slow."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - as below

    from zava_sql.monitor import fields, summary  # noqa: PLC0415 - not needed by other commands

    try:
        operations = summary(text_string_to_metric_families(_read(url, key)))
    except ValueError:  # a page, as many servers give for whatever they are asked
        raise ServiceUnavailable(
            "the server answered with no metrics", hint="Give the URL of a zava-sql server."
        ) from None
    if json_:
        print(json.dumps(fields(operations)))
        return
    console = Console()
    names = [Text(name) for name in _COLUMNS]
    rows = []
    for one in operations:
        times = (f"{1000 * value:.1f}" for value in (one.mean, one.p50, one.p95, one.max))
        cells = (one.tool, str(one.count), *times, str(one.slow))
        rows.append([Text(visible(cell)) for cell in cells])
    console.print(fitting(names, rows, console, [name != "tool" for name in _COLUMNS]))


def _read(url: str, key: str | None) -> str:
    import httpx2  # noqa: PLC0415 - not needed by other commands

    base = url.removesuffix("/").removesuffix("/mcp")
    try:
        parts = httpx2.URL(base)
    except httpx2.InvalidURL:
        parts = httpx2.URL("")
    if parts.scheme not in ("http", "https") or not parts.host or (parts.port or 0) > _PORTS:
        raise ValidationError("not an http URL", hint="For example http://127.0.0.1:8000")
    if key and not (key.isascii() and key.isprintable()):
        raise ValidationError(
            "not a key: it holds a character that no key has",
            hint="Give it as `zava-sql token create` printed it.",
        )
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        # No redirect is followed: the key is for this server.
        answer = httpx2.get(f"{base}/metrics", headers=headers, timeout=_PATIENCE, trust_env=False)
    except (httpx2.HTTPError, ValueError):
        raise ServiceUnavailable(
            f"no server answers at {parts.host}, port {parts.port or _DEFAULT[parts.scheme]}",
            hint="Start one: zava-sql serve --transport http. Or say where it is: --url.",
        ) from None
    if answer.status_code in (401, 403):
        raise AuthorizationError(
            "the server tells this only on its own machine, or to head office",
            hint="Give a key of head office in ZAVA_MONITOR_KEY.",
        )
    if answer.status_code != 200:
        raise ServiceUnavailable(
            f"the server answered with status {answer.status_code}",
            hint="Give the URL of a zava-sql server.",
        )
    return answer.text
