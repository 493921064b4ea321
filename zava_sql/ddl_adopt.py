"""A change that was made by hand in the database becomes an edit of its file, and a revision.

PostgreSQL is asked before anything is written: the edited files have to make exactly what the
database has, and to keep the house rules. The revision does nothing where the change was made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from zava_sql import ddl
from zava_sql.db_files import all_or_nothing, require_clone
from zava_sql.ddl_catalogue import FROM_FILES, ROUTINES, Imagined, Object, imagine, read
from zava_sql.ddl_moves import down, moves, up
from zava_sql.ddl_plan import refuse_broken
from zava_sql.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from zava_sql.ddl_catalogue import Connection
    from zava_sql.ddl_drift import Report
    from zava_sql.ddl_moves import Change

__all__ = ["adopt"]

# Where a function goes that no file holds yet.
DOMAIN_OF = {"zava": "security", "api": "analytics", "retail": "schema"}

# PostgreSQL quotes names with capitals, so a bare word in capitals is a keyword.
_KEYWORD = re.compile(r"""("(?:[^"]|"")*"|'(?:[^']|'')*')|[A-Z_]{2,}\b""")
_ATOMIC = re.compile(r"^begin atomic\n.*?^end;", re.MULTILINE | re.DOTALL)
_BODY = re.compile(r"\n\s*AS (\$\w*\$)(.*)\1\Z", re.DOTALL)


@dataclass(slots=True)
class _Edit:
    changes: list[Change] = field(default_factory=list)
    objects: list[Object] = field(default_factory=list)


async def adopt(connection: Connection, db: Path, report: Report, name: str) -> list[str]:
    """Edit the files of what was found and write a revision; list what was done.

    Raises:
        ValidationError: something cannot be adopted; nothing was written.
    """
    ddl.check_name(name)
    require_clone(db)
    if not report.files:
        raise ValidationError(
            f"nothing can be adopted: {report.reason}",
            hint="Ask as the administrator, on the primary, where the files can be run.",
        )
    for finding in report.findings:
        if finding.what == "edited":
            raise ValidationError(
                f"{finding.file or finding.title} was edited since the newest revision",
                hint="Write its revision first, or restore it.",
            )
    changes = [change for change in report.changes if change.what != "rebuild"]
    titles = {change.title for change in changes}
    for finding in report.findings:
        if finding.title not in titles or finding.title.startswith("default privileges"):
            raise ValidationError(
                f"no file can hold {finding.title}, which the database has otherwise",
                hint="Undo it there, or write its revision by hand: scripts/freeze NAME --empty.",
            )
    if not changes:
        raise ValidationError("there is nothing to adopt", hint="The database has what was frozen.")
    live = await read(connection)
    texts = ddl.sources(db)
    edited = _edited(texts, changes, live, report.held)
    now = {path: text for path, text in {**texts, **edited}.items() if text is not None}
    ddl.refuse_ambiguous(now)
    old = await imagine(connection, db, texts, live)
    new = await imagine(connection, db, now, live)
    _verify(new, live, {change.key for change in changes})
    parts = _parts(old, new, texts, now)
    with all_or_nothing(db.parent / path for path in edited):
        for path, text in edited.items():
            file = db.parent / path
            if text is None:
                file.unlink()
            else:
                file.write_text(f"{text}\n", encoding="utf-8", newline="\n")
        written = ddl.write(db, name, *parts)
    return [*(f"edited {path}" for path in edited), written]


def _parts(
    old: Imagined, new: Imagined, texts: Mapping[str, str], now: Mapping[str, str]
) -> tuple[str, str]:
    """Write both ways for a database that never had the change."""
    there = moves(old.objects, new.objects, old.links)
    back = moves(new.objects, old.objects, new.links)
    lost = {*back.changed, *back.new, *back.early} & old.objects.keys()
    paths = {old.files[key] for key in lost}
    former = [f"{texts[path]}\n" for path in old.order if path in paths]
    return up(there, old.objects, new, now, texts), down(back, new.objects, former)


def _edited(
    texts: Mapping[str, str],
    changes: Iterable[Change],
    live: Mapping[str, Object],
    held: Mapping[str, str],
) -> dict[str, str | None]:
    """Write the new text of each file; None where nothing is left for it to hold."""
    edits: dict[str, _Edit] = {}
    for change in changes:
        edits.setdefault(change.file or _home(change.key, texts), _Edit()).changes.append(change)
    result: dict[str, str | None] = {}
    for path, edit in edits.items():
        keys = {key for key, file in held.items() if file == path}
        keys |= {change.key for change in edit.changes}
        edit.objects = sorted((live[key] for key in keys & live.keys()), key=lambda o: o.oid)
        former = texts.get(path, "")
        result[path] = _patched(former, edit) or _composed(former, edit)
    return result


def _home(key: str, texts: Mapping[str, str]) -> str:
    """Find the file for what no file holds: that of its name or table, or a new one."""
    if key.startswith(("policy ", "trigger ", "access to ")):
        return f"db/policies/{_plain_name(key.rpartition(' ')[2], key)[1]}.sql"
    schema, name = _plain_name(key.partition("(")[0], key)
    likely = (path for path in texts if path.endswith(f"/{name}.sql"))
    return next(likely, f"db/functions/{DOMAIN_OF[schema]}/{name}.sql")


def _plain_name(name: str, key: str) -> tuple[str, str]:
    """Split a name that may name a file."""
    found = re.fullmatch(r"(\w+)\.([a-z_][a-z0-9_]*)", name)
    if found is None:
        raise ValidationError(
            f"no file can be named after {key[:80]}", hint="Write its file by hand, or drop it."
        )
    return found[1], found[2]


def _patched(text: str, edit: _Edit) -> str | None:
    """Exchange the body alone, where nothing else of one function changed."""
    if len(edit.changes) != 1:
        return None
    old, new = edit.changes[0].after, edit.changes[0].before
    if old is None or new is None or old.kind not in ROUTINES:
        return None
    was, now = _BODY.search(old.body), _BODY.search(new.body)
    if not was or not now or was[1] != now[1] or text.count(was[2]) != 1:
        return None
    if old.text.replace(old.body, old.body[: was.start()]) != new.text.replace(
        new.body, new.body[: now.start()]
    ):
        return None
    return text.replace(was[2], now[2])


def _composed(former: str, edit: _Edit) -> str | None:
    """Write a file anew below its first comment, in the style of the house."""
    parts = [part for o in edit.objects for part in _statements(o)]
    if not parts:
        return None
    head = re.match(r"(?:--.*\n)*", f"{former}\n")
    text = (head[0] if head else "") + "\n\n".join(parts)
    bound, written = _ATOMIC.findall(former), _ATOMIC.findall(text)
    if len(bound) == len(written) == len(edit.changes) == 1:
        # A bound body that did not change stays as it was written.
        old, new = edit.changes[0].after, edit.changes[0].before
        states = [_ATOMIC.findall(f"{o.body};".lower()) for o in (old, new) if o]
        if len(states) == 2 and states[0] == states[1]:
            text = text.replace(written[0], bound[0])
    return text


def _statements(o: Object) -> Iterable[str]:
    ref = _lower(o.ref or "")
    comment = []
    if o.comment is not None:
        quoted = o.comment.replace("'", "''")
        comment = [f"comment on {ref} is '{quoted}';"]
    grants = [_lower(grant) for grant in o.grants]
    match o.kind:
        case "access":
            flags = _lower(o.body).splitlines()
            table = ref.removeprefix("table ")
            yield "\n".join([*flags, f"revoke all on {table} from public;", *grants])
        case "policy":
            yield "\n".join([f"drop {_if_exists(ref)};", _lower(o.body), *comment])
        case "trigger":
            made = re.sub("^create trigger", "create or replace trigger", _lower(o.body))
            yield "\n".join([made, *comment])
        case "view":
            yield "\n".join(
                [
                    o.body.replace("CREATE OR REPLACE VIEW", "create or replace view"),
                    *comment,
                    *grants,
                ]
            )
        case _:
            yield f"{_routine(o.body)};"
            closed = f"revoke execute on {ref} from public;"
            yield "\n".join([*comment, closed, *grants])


def _if_exists(ref: str) -> str:
    kind, _, rest = ref.partition(" ")
    return f"{kind} if exists {rest}"


def _routine(definition: str) -> str:
    """Write the header in small letters; a body in quotes stays as it is."""
    quoted = _BODY.search(definition)
    header = definition[: quoted.start()] if quoted else definition
    lines = _lower(header).splitlines()
    atomic = next((n for n, line in enumerate(lines) if line == "begin atomic"), len(lines))
    text = "\n".join([*(line.strip() for line in lines[:atomic]), *lines[atomic:]])
    return f"{text}\nas {quoted[1]}{quoted[2]}{quoted[1]}" if quoted else text


def _lower(text: str) -> str:
    return _KEYWORD.sub(lambda m: m[1] or m[0].lower(), text)


def _verify(new: Imagined, live: Mapping[str, Object], keys: Iterable[str]) -> None:
    """See that the edited files make what the database has, and keep the rules."""
    refuse_broken(new.broken)
    for key in sorted({*keys, *new.objects}):
        made, has = new.objects.get(key), live.get(key)
        managed = has is not None and has.kind in FROM_FILES
        if (made.text if made else None) != (has.text if has and (made or managed) else None):
            found = made or has
            if made and has and has.ref and replace(has, owner=made.owner).text == made.text:
                raise ValidationError(
                    f"{has.title} belongs to {has.owner}, and what files make to {made.owner}",
                    hint=f"Hand it over: alter {_lower(has.ref)} owner to {made.owner};",
                )
            raise ValidationError(
                f"{found.title if found else key} cannot be said in a file as the database has it",
                hint="Edit the file by hand.",
            )
