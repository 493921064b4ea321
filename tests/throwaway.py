"""A server for one benchmark: set up as `zava-sql db up` does, and gone afterwards."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zava_sql import embedded
from zava_sql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["thrown_away"]


@contextmanager
def thrown_away() -> Iterator[tuple[Settings, str]]:
    """Give its settings, with URLs and key, and the administrator's URL."""
    home = Path(tempfile.mkdtemp(prefix="zava-bench-"))
    home.chmod(0o755)  # for root, whose server runs under another account
    settings = Settings(home=home)
    try:
        embedded.up(settings, lambda step: sys.stderr.write(f"… {step}\n"))
        resolved = embedded.resolve(settings)
        assert resolved.admin_url is not None
        yield resolved, resolved.admin_url.get_secret_value()
    finally:
        postgres = embedded.server(settings)
        data = postgres.status().data
        postgres.stop()
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
