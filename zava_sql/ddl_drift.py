"""Is the database what was reviewed? Each object that is not, with its file and a diff.

Two questions. The files: PostgreSQL runs them aside (`ddl_catalogue.imagine`), for which it takes a
server that can be written and a role that may act as the owner. The snapshot: db/catalog.lock.json
holds every object of the newest revision, tables and indexes included; plain SELECTs compare it, on
a replica or as a role that may only read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zava_sql import ddl, migrate
from zava_sql.ddl_catalogue import OWNER, diff, read, title
from zava_sql.ddl_plan import plan
from zava_sql.errors import ConfigurationError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zava_sql.ddl_catalogue import Connection, Object
    from zava_sql.ddl_moves import Change

__all__ = ["Finding", "Report", "lock", "report"]

LOCK = "catalog.lock.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of the snapshot."""

    kind: str
    text: str
    file: str


@dataclass(frozen=True, slots=True)
class Finding:
    """An object that is `changed`, `missing` or `stray`, or a file that was `edited` since."""

    what: str
    title: str
    file: str
    diff: str

    @property
    def line(self) -> str:
        """One line for people."""
        return f"{self.what} {self.title}" + (f" ({self.file})" if self.file else "")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found; `held`: the file of each object; which of the two questions were asked.

    `reason`: why the files were not.
    """

    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    held: Mapping[str, str]
    files: bool
    snapshot: bool
    reason: str = ""


async def report(connection: Connection, db: Path, head: str) -> Report:
    """Compare a database that is at the newest revision, as thoroughly as it lets us."""
    await migrate.require_head(connection)
    live = await read(connection)
    snapshot = _snapshot(db, head)
    found, problem = None, None
    asked = await _may_imagine(connection)
    if not asked and snapshot is None:
        raise ConfigurationError(
            f"there is no snapshot of revision {head} to compare with",
            hint="Ask as the administrator, or write one: zava-sql db prove --lock.",
        )
    if asked:
        try:
            found = await plan(connection, db)
        except ValidationError as error:
            # Files do not run over tables that somebody changed; the snapshot tells which.
            problem = error
    changes = found.changes if found else ()
    findings = {
        change.key: _from_files(change, db, snapshot)
        for change in changes
        if change.what != "rebuild"
    }
    if snapshot is not None:
        same = found.reworded if found else ()
        for key in sorted({*live, *snapshot} - findings.keys() - {*same}):
            held, now = snapshot.get(key), live.get(key)
            if (held and held.text) != (now and now.text):
                findings[key] = _from_snapshot(key, held, now, head)
    if problem and not findings:
        raise problem
    return Report(
        tuple(findings.values()),
        changes,
        found.files if found else {},
        found is not None,
        snapshot is not None,
        problem.message if problem else "" if asked else "this role, or server, cannot run files",
    )


def _from_files(change: Change, db: Path, snapshot: Mapping[str, Entry] | None) -> Finding:
    """Tell whether the database moved, or the file since the last revision."""
    before = change.before.text if change.before else None
    held = (snapshot or {}).get(change.key)
    if snapshot is not None:
        edited = (held.text if held else None) == before
    else:
        then = ddl.history(ddl.frozen(db))[0]
        edited = then.get(change.file) != ddl.sources(db).get(change.file)
    what = {"create": "missing", "drop": "stray"}.get(change.what, "changed")
    return Finding("edited" if edited else what, change.title, change.file, change.diff)


def _from_snapshot(key: str, held: Entry | None, now: Object | None, head: str) -> Finding:
    file = held.file if held else ""
    return Finding(
        "changed" if held and now else "missing" if held else "stray",
        title(held.kind if held else now.kind if now else "", key),
        file,
        diff(
            now.text if now else "",
            held.text if held else "",
            ("database", file or f"revision {head}"),
        ),
    )


def lock(db: Path, head: str, objects: Mapping[str, Object], files: Mapping[str, str]) -> None:
    """Write the snapshot: of a database that was made by the revisions and nothing else."""
    entries: dict[str, Any] = {}
    for key, o in sorted(objects.items()):
        entries[key] = {"kind": o.kind, "text": o.text.splitlines()}
        if key in files:
            entries[key]["file"] = files[key]
    held = {"revision": head, "sha256": _digest(db), "objects": entries}
    text = json.dumps(held, indent=1, ensure_ascii=False)
    (db / LOCK).write_text(f"{text}\n", encoding="utf-8", newline="\n")


def _snapshot(db: Path, head: str) -> dict[str, Entry] | None:
    """Read the snapshot, if there is one of this revision, and that was not written anew since."""
    path = db / LOCK
    if not path.is_file():
        return None
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if (held["revision"], held["sha256"]) != (head, _digest(db)):
            return None
        return {
            key: Entry(entry["kind"], "\n".join(entry["text"]), entry.get("file", ""))
            for key, entry in held["objects"].items()
        }
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"db/{LOCK} is no snapshot, as after a merge with conflicts",
            hint="Write it anew: zava-sql db prove --lock.",
        ) from error


def _digest(db: Path) -> str:
    return hashlib.sha256(ddl.frozen(db)[-1].read_bytes()).hexdigest()


async def _may_imagine(connection: Connection) -> bool:
    """Ask whether files can be run here: a primary, and a role that may act as the owner."""
    asked: bool = await connection.fetchval(
        """
        select not pg_catalog.pg_is_in_recovery()
            and current_setting('transaction_read_only') = 'off'
            and pg_catalog.has_database_privilege(current_database(), 'CREATE')
            and pg_catalog.pg_has_role(current_user, $1, 'SET')
        """,
        OWNER,
    )
    return asked
