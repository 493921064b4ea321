"""Puts the guard into the wheel as machine code, made by mypyc of the same sources.

Takes a C compiler and a minute; without a compiler the wheel holds the sources alone, which take
twice as long for a verdict. `HATCH_BUILD_NO_HOOKS=true` leaves them alone on purpose. Nothing is
written beside the sources: whoever changes them there runs what they say.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

GUARD = Path("zava_sql", "guard")


def _flags() -> dict[str, str]:
    """Let functions of the guard call each other directly: nothing else takes their place."""
    if sys.platform != "linux":  # where each call goes by a table else
        return {}
    return {"CFLAGS": f"{os.environ.get('CFLAGS', '')} -fno-semantic-interposition"}


def _has_compiler() -> bool:
    """Say whether to try: making what it compiles takes 15 seconds."""
    named = os.environ.get("CC") or sysconfig.get_config_var("CC")
    return named is None or shutil.which(named.split()[0]) is not None  # none on Windows


class CompiledGuard(BuildHookInterface):
    """Compiles a copy, of which the wheel takes the machine code."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the compiled modules to a wheel that is built."""
        if version == "editable":
            return
        root = Path(self.root)
        self._directory = TemporaryDirectory(prefix="zava-sql-")  # goes with a failure, too
        if not _has_compiler():
            self._warn("no C compiler found\n")
            return
        copy = Path(self._directory.name)
        shutil.copytree(root / "zava_sql", copy / "zava_sql")
        modules = sorted(path.relative_to(copy) for path in (copy / GUARD).rglob("*.py"))
        made = subprocess.run(
            [sys.executable, "-m", "mypyc", f"--config-file={root / 'pyproject.toml'}", *modules],
            cwd=copy,
            env={"MYPYC_OPT_LEVEL": "2", "MYPYC_DEBUG_LEVEL": "0"} | os.environ | _flags(),
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            self._warn(f"{made.stdout}{made.stderr}")
            return
        for path in [*copy.glob("*__mypyc.*"), *(copy / GUARD).rglob("*.*.*")]:
            build_data["force_include"][str(path)] = str(path.relative_to(copy))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def _warn(self, why: str) -> None:
        self.app.display_warning(
            f"the guard is not compiled, and takes twice as long for a verdict:\n{why}"
            "To have it compiled, install a C compiler and Python's headers and build again."
        )

    def finalize(self, version: str, _: dict[str, Any], __: str) -> None:
        """Remove the copy."""
        if version != "editable":
            self._directory.cleanup()
