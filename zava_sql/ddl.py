"""Revisions: a stub `.py` beside the frozen SQL that it runs, and how that SQL is made.

    db/functions, db/policies     the readable present, edited by hand
    db/migrations/versions        the past, never edited once it was released

`freeze` copies what changed in the first since the last revision into a new one. It compares text:
every copy stands behind a mark that names its file. How to undo a copy is read from a few lines
that the house style asks of every file; nothing else of the SQL is understood here.
"""

from __future__ import annotations

import hashlib
import re
from importlib.util import cache_from_source
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import asyncpg
from alembic import util
from alembic.operations import MigrateOperation, Operations
from alembic.script import ScriptDirectory

from zava_sql.db_files import all_or_nothing, require_clone
from zava_sql.errors import ConfigurationError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import Connection

__all__ = [
    "EditedRevisionError",
    "check_name",
    "freeze",
    "place",
    "redo",
    "rehash",
    "sources",
]

# Files apply in this order, by name within a folder; a body that PostgreSQL binds when it reads it
# comes after what it calls. Policies call functions, so they come last.
DOMAINS: Final = ("security", "schema", "search", "seed", "analytics", "audit")
BYTE_ORDER_MARK: Final = "\ufeff"
FILE_TEMPLATE: Final = "%(rev)s_%(slug)s"
BEGIN: Final = "-- sources begin (written by scripts/freeze up to the end mark)\n"
END: Final = "-- sources end\n"
SKELETON: Final = "{title}\nset local lock_timeout = '3s';\nset local role zava_owner;\n\n{block}"

BLOCK = re.compile(f"^{re.escape(BEGIN)}(.*?)^{re.escape(END)}", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"^-- (?:(?:source|removed): |sources (?:begin|end)\b)", re.MULTILINE)
SECTION = re.compile(
    r"^-- (source|removed): (\S+)\n(.*?)(?=^-- (?:source|removed): |\Z)", re.MULTILINE | re.DOTALL
)

# What a file creates, from lines that begin in the first column; bodies are indented.
ROUTINE = re.compile(r"^revoke execute on (function|procedure) ([^;]+) from public;$", re.MULTILINE)
HEADER = re.compile(
    r"^create or replace (?:function|procedure) .+?(?=^language )", re.MULTILINE | re.DOTALL
)
POLICY = re.compile(r"^create policy (\S+)\s+on (\S+)", re.MULTILINE)
ROW_SECURITY = re.compile(r"^alter table (\S+) (enable|force) row level security;$", re.MULTILINE)
VIEW = re.compile(r"^create (?:or replace )?view (\S+)", re.MULTILINE)
TRIGGER = re.compile(r"^create (?:or replace )?trigger (\S+)[^;]+?\son (\S+)", re.MULTILINE)
DEFAULTS = re.compile(
    r"^alter default privileges ([^;]+?) (grant|revoke) ([^;]+?) (?:to|from) ([^;]+);$",
    re.MULTILINE,
)
GRANT = re.compile(r"^grant ([^;]+?)\s+on ([^;]+?)\s+to ([^;]+);$", re.MULTILINE)


class EditedRevisionError(util.CommandError):
    """A frozen file is missing, or is not the one that its revision was made with."""


def sources(db: Path) -> dict[str, str]:
    """Read the text of every file of db/functions and db/policies, in the order they apply."""
    folders = [db / "functions" / domain for domain in DOMAINS] + [db / "policies"]
    texts: dict[Path, str] = {}
    for folder in folders:
        texts |= _callees_first({path: read(path).strip() for path in sorted(folder.glob("*.sql"))})
    stray = {*(db / "functions").glob("**/*.sql"), *(db / "policies").glob("**/*.sql")} - {*texts}
    if stray:
        raise ConfigurationError(
            f"{_label(db, min(stray))} is in no folder that is applied",
            hint=f"Folders of db/functions: {', '.join(DOMAINS)}.",
        )
    found = {_label(db, path): text for path, text in texts.items()}
    refuse_ambiguous(found)
    return found


def refuse_ambiguous(texts: Mapping[str, str]) -> None:
    """Refuse what cannot be told apart again: lines like our marks, an object of two files."""
    makers: dict[str, str] = {}
    for path, text in texts.items():
        if mark := MARK.search(text):
            line = text[mark.start() :].splitlines()[0]
            raise ConfigurationError(
                f"{path} has a line that revisions are divided by: {line[:60]}",
                hint="Write it otherwise, or not at the start of the line.",
            )
        for undone in _creates(text):
            what = undone.removeprefix("drop ").rstrip(";")
            if what != undone.rstrip(";") and makers.setdefault(what, path) != path:
                raise ConfigurationError(
                    f"{makers[what]} and {path} both make {what}",
                    hint="Keep it in one of them: only the last would count.",
                )


def _callees_first(texts: dict[Path, str]) -> dict[Path, str]:
    ordered: dict[Path, str] = {}
    calls = {path: f".{path.stem}(" for path in texts}

    def add(path: Path, callers: tuple[Path, ...]) -> None:
        bound = texts[path].partition("\nbegin atomic\n")[2]
        for other in texts if bound else ():
            if calls[other] in bound and other not in (path, *callers):
                add(other, (*callers, path))
        ordered.setdefault(path, texts[path])

    for path in texts:
        add(path, ())
    return ordered


def freeze(db: Path, name: str, *, empty: bool = False) -> list[str]:
    """Write a revision of what changed and list it; `empty` allows one without a change."""
    check_name(name)
    notes, up, down = _plan(frozen(db), sources(db))
    if not notes and not empty:
        raise ValidationError(
            "nothing in db/functions and db/policies changed since the last revision",
            hint="--empty makes a revision for statements of your own, such as a new table.",
        )
    return [write(db, name, up, down), *notes]


def write(db: Path, name: str, up: str, down: str) -> str:
    """Write a revision with these parts between the marks, all of it or nothing."""
    check_name(name)
    require_clone(db)
    newest = max((int(file.name[:4]) for file in frozen(db)), default=0)
    revision = f"{newest + 1:04}"
    stem = f"{revision}_{name}"
    title = f"-- {revision} {name.replace('_', ' ')}"
    calls, texts = {}, {}
    for way, block, heading in (("up", up, f"{title}."), ("down", down, f"{title}, undone.")):
        file = db / "migrations" / "versions" / f"{stem}.{way}.sql"
        text = SKELETON.format(title=heading, block=f"{BEGIN}{block}{END}") + "reset role;\n"
        texts[file] = text.encode()
        calls[way] = (
            f'op.sql_file(\n        "{file.name}",\n        sha256="{_digest(texts[file])}",\n    )'
        )
    scripts = ScriptDirectory(
        str(db / "migrations"), file_template=FILE_TEMPLATE, messaging_opts={"quiet": True}
    )
    # A part of a revision would count as one here, and as none or a broken one to alembic.
    with all_or_nothing([*texts, db / "migrations" / "versions" / f"{stem}.py"]):
        for file, content in texts.items():
            file.write_bytes(content)
        try:
            scripts.generate_revision(
                revision, name, upgrades=calls["up"], downgrades=calls["down"]
            )
        except util.CommandError as error:
            raise ConfigurationError(str(error), hint="See: alembic heads.") from error
    return f"wrote {stem}"


def check_name(name: str) -> None:
    """Refuse what cannot name a revision."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ValidationError(
            f"not a name for a revision: {name[:60]!r}",
            hint="Use up to 40 lower-case letters, digits and _, a letter first.",
        )


def redo(db: Path) -> list[str]:
    """Write the newest revision's part between the marks anew; what is around it stays."""
    *earlier, newest = frozen(db)
    notes, up, down = _plan(earlier, sources(db))
    texts = {}
    for way, block in (("up", up), ("down", down)):
        file = newest.with_name(newest.name.replace(".up.", f".{way}."))
        text = read(file)
        found = BLOCK.search(text)
        if found is None:
            raise ConfigurationError(
                f"{file.name} has no part that scripts/freeze wrote",
                hint="The marks '-- sources begin' and '-- sources end' enclose it.",
            )
        texts[file] = f"{text[: found.start(1)]}{block}{text[found.end(1) :]}"
    with all_or_nothing(texts):
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8", newline="\n")
        done = rehash(db, newest.name[:4])
    return [*done, *notes]


def rehash(db: Path, revision: str) -> list[str]:
    """Accept hand-made edits of a revision that was not released yet."""
    frozen(db)
    stubs = list((db / "migrations" / "versions").glob(f"{revision}_*.py"))
    if len(stubs) != 1:
        raise ValidationError(f"there is no revision {revision[:60]!r}", hint="For example 0113.")
    text = read(stubs[0])
    for file in stubs[0].parent.glob(f"{stubs[0].stem}.*.sql"):
        pattern = rf'("{re.escape(file.name)}",\s+sha256=")[0-9a-f]*'
        text = re.sub(pattern, rf"\g<1>{_digest(file.read_bytes())}", text)
    stubs[0].write_text(text, encoding="utf-8", newline="\n")
    # Python tells byte code that is out of date by the second and the size alone.
    Path(cache_from_source(str(stubs[0]))).unlink(missing_ok=True)
    return [f"rehashed {stubs[0].stem}"]


def _plan(revisions: list[Path], now: dict[str, str]) -> tuple[list[str], str, str]:
    """Compare; return what changed and the two parts between the marks."""
    then, by_hand = history(revisions)
    notes = []
    ups: tuple[list[str], list[str]] = ([], [])  # statements that undo, texts that create
    downs: tuple[list[str], list[str]] = ([], [])
    restored: set[str] = set()
    late: list[str] = []
    for path in [p for p in then if p not in now]:
        notes.append(f"removed {path}")
        ups[0].extend(_undo(path, then[path], ""))
        ups[1].append(f"-- removed: {path}\n")
        downs[1].append(f"{then[path]}\n")
        restored.update(_creates(then[path]))
    for path, text in now.items():
        if path not in then:
            notes.append(f"new {path}")
            # What a revision made by hand before its file came is not this revision's to drop.
            gone = [s for s in _undo(path, text, "") if s not in by_hand]
            # What calls it is bound to it until the older text of that is back.
            undo = [s for s in gone if s in restored]
            late[:0] = [s for s in gone if s not in restored]
        elif text != then[path]:
            notes.append(f"changed {path}")
            undo = _undo(path, text, then[path])
            ups[0].extend(_undo(path, then[path], text))
            downs[1].append(f"{then[path]}\n")
        else:
            continue
        ups[1].append(f"-- source: {path}\n{text}\n")
        downs[0][:0] = undo
    up, down = (
        "".join(f"\n{part}" for part in [_lines(undo), *texts, _lines(then_gone)] if part)
        for undo, texts, then_gone in ((*ups, []), (*downs, late))
    )
    return notes, up and f"{up}\n", down and f"{down}\n"


def _lines(statements: list[str]) -> str:
    return "".join(f"{statement}\n" for statement in statements)


def history(revisions: list[Path]) -> tuple[dict[str, str], set[str]]:
    """Replay the revisions: text of every file as last frozen, and what was made by hand."""
    then: dict[str, str] = {}
    by_hand: set[str] = set()
    for file in revisions:
        text = read(file)
        for block in BLOCK.findall(text):
            for kind, path, body in SECTION.findall(block):
                then.pop(path, None)
                if kind == "source":
                    then[path] = body.strip()
        by_hand.update(_creates(BLOCK.sub("", text)))
    return then, by_hand


def _undo(path: str, text: str, kept: str) -> list[str]:
    """List statements that take away what `text` made and `kept` does not make."""
    made = _creates(text)
    if not made:
        raise ConfigurationError(
            f"nothing to undo was found in {path}",
            hint="A function's file has 'revoke execute on function … from public;', a policy's "
            "'alter table … enable row level security;', each at the start of a line.",
        )
    gone = [s for s in made if s not in _creates(kept)]
    if kept and HEADER.findall(text) != HEADER.findall(kept):
        # CREATE OR REPLACE refuses another result type or other parameter names.
        gone += [s for s in made if s.startswith("drop function ") and s not in gone]
    dropped = [re.sub("^drop (?:view )?", "", s).removesuffix(";") for s in gone]
    return [s for s in reversed(gone) if not any(f" on {d} from " in s for d in dropped)]


def _creates(text: str) -> list[str]:
    """List the undoing statement of everything that a text creates, in the order of creation."""
    found = [(m.start(), f"drop {m[1]} {m[2]};") for m in ROUTINE.finditer(text)]
    found += [(m.start(), f"drop policy {m[1]} on {m[2]};") for m in POLICY.finditer(text)]
    found += [(m.start(), f"drop view {m[1]};") for m in VIEW.finditer(text)]
    found += [(m.start(), f"drop trigger {m[1]} on {m[2]};") for m in TRIGGER.finditer(text)]
    for m in DEFAULTS.finditer(text):
        undone = f"revoke {m[3]} from" if m[2] == "grant" else f"grant {m[3]} to"
        found.append((m.start(), f"alter default privileges {m[1]} {undone} {m[4]};"))
    for m in ROW_SECURITY.finditer(text):
        undone = "disable" if m[2] == "enable" else "no force"
        found.append((m.start(), f"alter table {m[1]} {undone} row level security;"))
    for m in GRANT.finditer(text):
        found.append((m.start(), f"revoke {m[1]} on {m[2]} from {m[3]};"))
    return [statement for _, statement in sorted(found)]


def frozen(db: Path) -> list[Path]:
    """List the SQL of the revisions, oldest first; refuse two of one number."""
    files = sorted((db / "migrations" / "versions").glob("[0-9][0-9][0-9][0-9]_*.up.sql"))
    for one, other in pairwise(files):
        if one.name[:4] == other.name[:4]:
            names = " and ".join(file.name.removesuffix(".up.sql") for file in (one, other))
            raise ConfigurationError(
                f"{names} are revisions of the same number, as of two branches that met",
                hint="Remove the three files of the one that fewer databases have, and write it"
                " again: scripts/freeze NAME, or zava-sql db revise NAME.",
            )
    return files


def _label(db: Path, path: Path) -> str:
    return f"db/{path.relative_to(db).as_posix()}"


def read(path: Path) -> str:
    """Read a file as it is hashed and run: not read_text(), which changes line ends."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        text = BYTE_ORDER_MARK
    if text.startswith(BYTE_ORDER_MARK):
        raise ConfigurationError(
            f"{path.name} is not UTF-8 without a byte-order mark", hint="Save it in that encoding."
        )
    return text


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@Operations.register_operation("sql_file")
class SqlFile(MigrateOperation):
    """Run a frozen file that lies beside its revision."""

    def __init__(self, name: str, sha256: str) -> None:
        self.name = name
        self.sha256 = sha256

    @classmethod
    def sql_file(cls, operations: Operations, name: str, sha256: str) -> None:
        """Run the file, if it is the one with this digest."""
        operations.invoke(cls(name, sha256))


@Operations.implementation_for(SqlFile)
def _apply(operations: Operations, operation: SqlFile) -> None:
    context: MigrationContext = operations.get_context()
    script = cast("EnvironmentContext", context.environment_context).script
    path = Path(script.dir, "versions", operation.name)
    if not path.is_file() or _digest(path.read_bytes()) != operation.sha256:
        raise EditedRevisionError(
            f"{operation.name} was edited after its revision was made, or is missing"
        )
    if context.as_sql:
        # Not op.execute(): it takes :name for a parameter and writes tabs as spaces.
        context.impl.static_output(read(path))
    else:
        _run(cast("Connection", context.connection), path)


def _run(connection: Connection, path: Path) -> None:
    """Send a whole file as it is, in the transaction of this migration."""
    sql = read(path)
    connection.exec_driver_sql("select 1")  # only now does the adapter open the transaction
    driver = connection.connection.dbapi_connection
    if driver is None:
        raise util.CommandError("the connection was lost")
    try:
        driver.run_async(lambda raw: raw.execute(sql))
    except asyncpg.PostgresError as error:
        error.add_note(place(path.name, sql, error))
        raise


def place(name: str, text: str, error: asyncpg.PostgresError) -> str:
    """Say where in a text an error is: in which line, if PostgreSQL tells."""
    if not error.position:
        return name
    line = text.count("\n", 0, int(error.position) - 1) + 1
    return f"{name}, line {line}"
