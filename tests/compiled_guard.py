"""The package as its wheel holds it with the guard compiled, beside the one that is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]


def build(directory: Path, **environment: str) -> Path:
    """Build the wheel as anybody does and unpack it: a directory for PYTHONPATH."""
    bare = directory / "bare"  # nothing of ours is installed where somebody installs it
    venv.create(bare)
    pip = [sys.executable, "-m", "pip", "--python", bare]
    command = [*pip, "wheel", "--quiet", "--no-deps", "-w", directory, ROOT]
    subprocess.run(command, env=os.environ | environment, check=True)
    (wheel,) = directory.glob("*.whl")
    unpacked = directory / "compiled"
    ZipFile(wheel).extractall(unpacked)
    return unpacked


def environment(directory: Path) -> dict[str, str]:
    """Give an environment in which Python finds that package first."""
    return os.environ | {"PYTHONPATH": str(directory)}
