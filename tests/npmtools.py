"""Programs of the tests that come from npm, installed once into a cache outside the project."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import sqltap

TESTS = Path(__file__).parent
PINNED = ("package.json", "package-lock.json")


def tools() -> Path:
    """Give the folder node_modules with exactly what is pinned; the second time without network."""
    digest = hashlib.sha256(b"".join((TESTS / name).read_bytes() for name in PINNED))
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = Path(base, "zava-sql", f"npm-{digest.hexdigest()[:16]}")
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        try:
            _install(home)
        except (OSError, sqltap.PgTapMissingError, subprocess.SubprocessError) as error:
            reason = f"the npm tools are missing: {str(error)[:300]}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)
    return home / "node_modules"


def node() -> str:
    """Give the node beside the npm that installed them."""
    return sqltap.npm()[0]


def _install(home: Path) -> None:
    scratch = Path(tempfile.mkdtemp(dir=home.parent))
    try:
        for name in PINNED:
            shutil.copy(TESTS / name, scratch)
        command = [*sqltap.npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            [*command, "--loglevel=error"],
            cwd=scratch,
            env={**os.environ, "PATH": f"{Path(node()).parent}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode != 0:
            raise OSError(done.stderr.strip())
        if not home.is_dir():  # another process may have been faster
            scratch.rename(home)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
