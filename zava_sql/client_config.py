"""What to put in the configuration of an MCP client, ready to paste.

Nothing secret is printed: where a client can ask for a value or read it from its environment, the
configuration says so; elsewhere it holds a name in angle brackets to be replaced.
"""

from __future__ import annotations

import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

if TYPE_CHECKING:
    from zava_sql.settings import Settings

__all__ = ["Client", "http_config", "stdio_config"]

_NAME = "zava"
_KEY = "ZAVA_KEY"

# Passed in another way, or of no use to a server.
_LEFT_OUT = frozenset({"home", "principal", "admin_url"})


class Client(StrEnum):
    """Clients whose form of configuration is known."""

    VSCODE = "vscode"
    CLAUDE_DESKTOP = "claude-desktop"
    CURSOR = "cursor"
    INSPECTOR = "inspector"


def stdio_config(client: Client, principal: str, settings: Settings) -> dict[str, Any]:
    """Have the client start the server by itself, as this principal."""
    arguments = ["serve", "--transport", "stdio", "--principal", principal]
    # Clients with windows have neither the caller's PATH nor its directory.
    command = str(Path(shutil.which("zava-sql") or sys.argv[0]).absolute())
    if Path(command).name == "__main__.py":
        command, arguments = sys.executable, ["-m", "zava_sql", *arguments]
    environment = {"ZAVA_HOME": str(settings.home.absolute())}
    # Nor its other settings: without them it would be another server, perhaps with a weaker guard.
    given, asked = _given(settings)
    environment |= given | {name: _value(client, name) for name in asked}
    entry: dict[str, Any] = {"command": command, "args": arguments, "env": environment}
    if client in (Client.VSCODE, Client.INSPECTOR):
        entry = {"type": "stdio", **entry}
    return _document(client, entry, asked)


def _given(settings: Settings) -> tuple[dict[str, str], list[str]]:
    """Give the settings of this process that may be read by anybody, and the names of others."""
    said = {name.upper(): value for name, value in os.environ.items()}
    plain, secret = {}, []
    for field in type(settings).model_fields:
        name = f"ZAVA_{field}".upper()
        if field in _LEFT_OUT or not said.get(name):
            continue
        # A URL may hold a password.
        if isinstance(getattr(settings, field), SecretStr) or "@" in said[name]:
            secret.append(name)
        else:
            plain[name] = said[name]
    return plain, secret


def http_config(client: Client, url: str) -> dict[str, Any]:
    """Have the client connect to a server that runs already, with a key."""
    bearer = f"Bearer {_value(client, _KEY)}"
    if client is Client.CLAUDE_DESKTOP:
        # Its configuration supports processes only. No space in the argument: it may be split
        # there.
        arguments = ["-y", "mcp-remote", url, "--header", "Authorization:${AUTHORIZATION}"]
        parts = urlsplit(url)
        # Only these types select http.
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost"):
            arguments.append("--allow-http")
        entry: dict[str, Any] = {
            "command": "npx",
            "args": arguments,
            "env": {"AUTHORIZATION": bearer},
        }
        return _document(client, entry, [])
    entry = {"url": url, "headers": {"Authorization": bearer}}
    if client is not Client.CURSOR:
        kind = "http" if client is Client.VSCODE else "streamable-http"
        entry = {"type": kind, **entry}
    return _document(client, entry, [_KEY])


def _document(client: Client, entry: dict[str, Any], asked: list[str]) -> dict[str, Any]:
    if client is not Client.VSCODE:
        return {"mcpServers": {_NAME: entry}}
    inputs = [
        {"type": "promptString", "id": name.lower(), "description": name, "password": True}
        for name in asked
    ]
    return {"servers": {_NAME: entry}} | ({"inputs": inputs} if inputs else {})


def _value(client: Client, name: str) -> str:
    if client is Client.VSCODE:
        return f"${{input:{name.lower()}}}"
    return f"${{env:{name}}}" if client is Client.CURSOR else f"<{name}>"
