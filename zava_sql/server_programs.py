"""Run PostgreSQL's programs as an account that may: root cannot run them itself.

Programs that this account cannot reach are copied, once, to a place where it can.
"""

from __future__ import annotations

import errno
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zava_sql.errors import ConfigurationError, ServiceUnavailable
from zava_sql.private_files import locked

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE: Final = Path("/var/lib/zava-sql")


def is_root() -> bool:
    """Tell whether an account to hand over to is needed."""
    return os.geteuid() == 0


def account() -> tuple[int, int]:
    """Look up the uid and gid that root hands new data to."""
    name = os.environ.get("ZAVA_SERVER_ACCOUNT", "nobody")
    with suppress(KeyError):
        entry = pwd.getpwnam(name)
        if entry.pw_uid:
            return entry.pw_uid, entry.pw_gid
    raise ConfigurationError(
        f"PostgreSQL cannot run as the account {name!r}",
        hint="Set ZAVA_SERVER_ACCOUNT to an existing account other than root.",
    )


def run(
    program: Path, *arguments: str, data: Path | None = None, output: int = subprocess.PIPE
) -> tuple[int, str]:
    """Run it as the owner of `data`, or as the account that the next owner will be."""
    environment = {k: v for k, v in os.environ.items() if k in {"PATH", "TZ", "LD_LIBRARY_PATH"}}
    environment |= {"LC_ALL": "C"} | ({"PGDATA": str(data)} if data else {})
    user = group = None
    if is_root():
        user, group = account()
        if data and (owner := data.stat()).st_uid:
            user, group = owner.st_uid, owner.st_gid
    made: list[subprocess.Popen[bytes]] = []

    def make() -> None:
        process = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment,
            start_new_session=True,  # Ctrl-C is ours to handle; no server is stopped by it
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )
        made.append(process)

    try:
        # An interrupt, which comes in the main thread, would end Popen in the midst of it, and
        # nobody would know of the program that it has started.
        with ThreadPoolExecutor(1) as aside:
            aside.submit(int).result()  # the thread is there, and is waited for
            aside.submit(make).result()
        said, _ = made[0].communicate()
    except OSError as error:
        if user is None or error.errno not in {errno.EPERM, errno.EINVAL}:
            raise
        raise ConfigurationError(
            "PostgreSQL refuses to run as root, and root may not change to another account here",
            hint="Run this as an ordinary user.",
        ) from error
    except BaseException:
        for process in made:
            _kill(process)
        raise
    return made[0].returncode, (said or b"").decode(errors="replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it has started, which may write until it is dead."""
    with process:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdout and not process.stdout.closed:
            process.stdout.read()  # ends with the last of them: they write to the same pipe


def may(script: str, path: Path, data: Path | None = None) -> bool:
    """Tell whether that account succeeds in a line of shell about the path, its $0."""
    return run(Path("/bin/sh"), "-c", script, str(path), data=data)[0] == 0


@cache
def version(bindir: Path) -> str:
    """Ask the programs for their version, like 18.6."""
    try:
        said = subprocess.check_output([bindir / "postgres", "--version"], text=True)
        return said.split()[2]
    except (OSError, subprocess.CalledProcessError, IndexError) as error:
        raise ConfigurationError(
            f"the PostgreSQL in {bindir} does not run on this machine",
            hint="Install zava-sql[local] anew, or set ZAVA_DATABASE_URL to a server.",
        ) from error


def make_store() -> None:
    """Make the directory that every account may pass but not list."""
    STORE.mkdir(exist_ok=True)
    STORE.chmod(0o711)


def copied(bindir: Path) -> Path:
    """Copy the programs, with the libraries that wheels put beside them, to STORE."""
    tree, package = bindir.parent, bindir.parent.parent
    site = package.parent
    parts = [part for part in (tree, site / f"{package.name}.libs") if part.is_dir()]
    digest = hashlib.sha256()
    for file in sorted(file for part in parts for file in part.rglob("*") if file.is_file()):
        digest.update(os.fsencode(file.relative_to(site)) + b"\0" + file.read_bytes())
    target = STORE / f"postgresql-{version(bindir)}-{digest.hexdigest()[:16]}"
    work = target.with_name(f"{target.name}.new")
    make_store()
    with locked(STORE / "lock"):
        shutil.rmtree(work, ignore_errors=True)
        if not target.exists():
            try:
                for part in parts:
                    shutil.copytree(part, work / part.relative_to(site))
                for path in (work, *work.rglob("*")):
                    path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
                os.sync()
                work.rename(target)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return target / bindir.relative_to(site)


@contextmanager
def explained(where: Path) -> Iterator[None]:
    """Turn what the system refuses into an error with a hint."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT} or "No space left" in str(error):
            raise no_space(where) from error
        raise ConfigurationError(
            f"{error.filename or where} cannot be used: {error.strerror or error}",
            hint="ZAVA_HOME must be a directory that this account may write.",
        ) from error


def no_space(where: Path) -> ServiceUnavailable:
    """Word the error for a full disk."""
    return ServiceUnavailable(
        f"the disk of {where} is full", hint="Free 200 MB and start again; nothing was lost."
    )


def why(said: str) -> str:
    """Find the last problem in a program's output."""
    problems = re.findall(r"(?:FATAL|PANIC|error): +(.+)", said)
    problems = problems or re.findall(r"\Ainitdb: +(.+)", said)
    return problems[-1] if problems else "Try again; postgresql.log in ZAVA_HOME tells more."


def failure(message: str, said: str, where: Path) -> ServiceUnavailable:
    """Word the error of a program that failed."""
    if "No space left" in said or shutil.disk_usage(where).free < 1 << 20:
        return no_space(where)
    return ServiceUnavailable(message, hint=why(said))
