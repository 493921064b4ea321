"""The guard as machine code: the same verdicts, to the letter, as those that all else proves."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import bench_guard
import compiled_guard
import guard_fuzz
import guard_lists
import pytest

COMPILER = (sysconfig.get_config_var("CC") or "cc").split()[0]
HEADERS = Path(sysconfig.get_path("include"), "Python.h")
pytestmark = pytest.mark.once
SAMPLES = 4_000  # of each kind
MODULES = """
import sys, zava_sql.guard
print(*(m.__file__ for name, m in sys.modules.items() if name.startswith("zava_sql.guard")))
"""


def texts() -> list[str]:
    """The kept lists, texts at the limits, corpora if they are at hand, and fuzzers' samples."""
    rng = random.Random(1)  # noqa: S311
    kinds = (guard_fuzz.grow, guard_fuzz.lexical, guard_fuzz.Mutator())
    found = [make(rng) for _ in range(SAMPLES) for make in kinds]
    found += guard_lists.allowed() + [case.sql for case in guard_lists.refused()]
    found += [*bench_guard.INSIDE.values(), *bench_guard.BEYOND.values()]
    for path in sorted(guard_lists.CORPORA.glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [text["sql"] for text in map(json.loads, lines) if "sql" in text]
    return found


def python(
    directory: Path, *arguments: str, given: str = "", environment: dict[str, str] | None = None
) -> str:
    return subprocess.run(
        [sys.executable, *arguments],
        input=given,
        cwd=directory,  # which comes before any other place
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.skipif(
    shutil.which(COMPILER) is None or not HEADERS.exists(),
    reason=f"to compile takes {COMPILER} and {HEADERS}",
)
def test_compiled_it_judges_every_text_as_its_sources_do(tmp_path: Path) -> None:
    # Not optimised: that takes half the time of the compiler, and gives the same verdicts.
    environment = compiled_guard.environment(compiled_guard.build(tmp_path, MYPYC_OPT_LEVEL="0"))
    files = python(tmp_path, "-c", MODULES, environment=environment).split()
    assert len(files) > 20
    assert all(file.startswith(str(tmp_path)) and not file.endswith(".py") for file in files)

    given = "".join(json.dumps({"sql": sql}) + "\n" for sql in texts())
    judge = ("-m", "zava_sql", "check", "--jsonl")
    verdicts = python(tmp_path, *judge, given=given).splitlines()
    compiled = python(tmp_path, *judge, given=given, environment=environment).splitlines()
    assert len(verdicts) == given.count("\n")
    assert sum('"ok": true' in verdict for verdict in verdicts) > SAMPLES // 2
    assert [pair for pair in zip(verdicts, compiled, strict=True) if pair[0] != pair[1]] == []


@pytest.mark.parametrize("compiler", ["none", pytest.param("false", marks=pytest.mark.long)])
def test_without_a_compiler_the_wheel_holds_the_sources_alone(
    tmp_path: Path, compiler: str
) -> None:
    unpacked = compiled_guard.build(tmp_path, CC=compiler)
    assert [wheel.name.split("-", 2)[2] for wheel in tmp_path.glob("*.whl")] == ["py3-none-any.whl"]
    environment = compiled_guard.environment(unpacked)
    files = python(tmp_path, "-c", MODULES, environment=environment).split()
    assert len(files) > 20
    assert all(file.startswith(str(tmp_path)) and file.endswith(".py") for file in files)
