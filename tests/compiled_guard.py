"""The package as its wheel holds it with the guard compiled, beside the one that is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]


def build(directory: Path) -> Path:
    """Build the wheel as docs/guard.md says and unpack it: a directory for PYTHONPATH."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", directory, ROOT]
    subprocess.run(command, env=os.environ | {"HATCH_BUILD_HOOKS_ENABLE": "true"}, check=True)
    (wheel,) = directory.glob("*.whl")
    unpacked = directory / "compiled"
    ZipFile(wheel).extractall(unpacked)
    return unpacked


def environment(directory: Path) -> dict[str, str]:
    """Give an environment in which Python finds that package first."""
    return os.environ | {"PYTHONPATH": str(directory)}
