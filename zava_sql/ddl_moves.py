"""From one state of the objects to another: what goes first, what is made, what goes last.

Up and down are the same comparison, with the two states changed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zava_sql.ddl_catalogue import OWNER, Link, Object, diff

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from zava_sql.ddl_catalogue import Imagined

__all__ = ["Change", "Moves", "changes", "down", "moves", "up", "users_first"]


@dataclass(frozen=True, slots=True)
class Change:
    """One object that is not as its file says; `what` is create, change, drop or rebuild."""

    what: str
    key: str
    before: Object | None
    after: Object | None
    file: str

    @property
    def title(self) -> str:
        """What it is called."""
        return next(o.title for o in (self.after, self.before) if o)

    @property
    def note(self) -> str:
        """One line for people."""
        return f"{self.what} {self.title}" + (f" ({self.file})" if self.file else "")

    @property
    def diff(self) -> str:
        """Lines that the database loses, lines that it gains."""
        old, new = (o.text if o else "" for o in (self.before, self.after))
        return diff(old, new, ("database", self.file or "no file"))


@dataclass(frozen=True, slots=True)
class Moves:
    """From one state to another: what goes first, what is made, what goes last."""

    changed: frozenset[str]
    new: frozenset[str]
    early: tuple[str, ...]
    late: tuple[str, ...]
    mends: tuple[str, ...]
    owners: tuple[str, ...]
    returned: tuple[str, ...]
    blocked: tuple[str, ...]


def changes(
    moves: Moves,
    before: Mapping[str, Object],
    after: Mapping[str, Object],
    files: Mapping[str, str],
) -> tuple[Change, ...]:
    """Name what differs, and what is rebuilt without a difference of its own."""
    return tuple(
        Change(what, key, before.get(key), after.get(key), files.get(key, ""))
        for what, keys in (
            ("create", moves.new),
            ("change", moves.changed),
            ("drop", before.keys() - after.keys()),
            ("rebuild", {*moves.early} & after.keys() - moves.changed),
        )
        for key in sorted(keys)
    )


def moves(
    before: Mapping[str, Object], after: Mapping[str, Object], uses: Collection[Link]
) -> Moves:
    """Compare two states; `uses` is what depends on what in the first."""
    changed = frozenset(
        key for key in before.keys() & after.keys() if before[key].text != after[key].text
    )
    early, blocked = _early(before, after, changed, uses)
    order = users_first(before, uses)
    # Gone first, before an overload can be mistaken for it; last where a text that is replaced in
    # place is still bound to it.
    late: list[str] = []
    for key in (key for key in order if key not in after):
        users = {link.user for link in uses if link.used == key}
        if users & {*late, *(changed - early)}:
            late.append(key)
        else:
            early.add(key)
    touched = {*changed, *late, *early}
    kept = [key for key in order if key in changed and key not in early]
    made = {*changed, *early, *(after.keys() - before.keys())}
    return Moves(
        changed=changed,
        new=frozenset(after.keys() - before.keys()),
        early=tuple(key for key in order if key in early),
        late=tuple(late),
        mends=tuple(line for key in kept for line in _mend(before[key], after[key])),
        owners=tuple(
            f"ALTER {before[key].ref} OWNER TO {OWNER};"
            for key in order
            if key in touched and before[key].owner not in (None, OWNER)
        ),
        returned=tuple(
            f"ALTER {after[key].ref} OWNER TO {after[key].owner};"
            for key in sorted(made & after.keys())
            if after[key].owner not in (None, OWNER)
        ),
        blocked=blocked,
    )


def _early(
    before: Mapping[str, Object],
    after: Mapping[str, Object],
    changed: Collection[str],
    uses: Collection[Link],
) -> tuple[set[str], tuple[str, ...]]:
    """Find what must be dropped before the new can be made, and what forbids it."""
    gone = before.keys() - after.keys()
    early = {
        key
        for key in changed
        if before[key].kind in ("policy", "trigger") or before[key].shape != after[key].shape
    }
    blocked: dict[str, None] = {}
    pending = {*early, *gone}
    while pending:
        used = pending.pop()
        for user in [link.user for link in uses if link.used == used]:
            if user in early or user in gone:
                continue
            if user not in before:
                blocked[f"{before[used].title} has to be dropped, but is used by {user}"] = None
            elif used in early or user not in changed:
                early.add(user)
                pending.add(user)
    return early, tuple(blocked)


def _mend(old: Object, new: Object) -> Iterable[str]:
    """Take away what running the new text over the old object would leave."""
    yield from map(_revoke, (grant for grant in old.grants if grant not in new.grants))
    if old.comment is not None and new.comment is None:
        yield f"COMMENT ON {old.ref} IS NULL;"
    if new.kind == "access" and old.body != new.body:
        yield new.body
    if new.kind == "default privileges":
        yield _reverse(old.body)


def users_first(objects: Mapping[str, Object], uses: Iterable[Link]) -> list[str]:
    """Order objects so that nothing comes before what depends on it."""
    users: dict[str, list[str]] = {}
    for link in uses:
        users.setdefault(link.used, []).append(link.user)
    order: dict[str, None] = {}

    def place(key: str, path: tuple[str, ...]) -> None:
        for user in users.get(key, ()):
            if user in objects and user not in order and user not in path:
                place(user, (*path, key))
        order[key] = None

    for key in sorted(objects, key=lambda k: objects[k].oid, reverse=True):
        if key not in order:
            place(key, ())
    return list(order)


def up(
    moves: Moves,
    before: Mapping[str, Object],
    imagined: Imagined,
    texts: Mapping[str, str],
    frozen: Iterable[str],
) -> str:
    """Write the part of a revision that runs the files of what changed.

    What it drops need not be there: another database may never have had it.
    """
    touched = {*moves.changed, *moves.new, *moves.early} & imagined.objects.keys()
    paths = {imagined.files[key] for key in touched}
    parts = [
        _as_administrator(moves.owners),
        _lines(_drop(before[key], " IF EXISTS") for key in moves.early),
        _lines(moves.mends),
        *(f"-- removed: {path}\n" for path in frozen if path not in texts),
        *(f"-- source: {path}\n{texts[path]}\n" for path in imagined.order if path in paths),
        # The mark ends the part of the last file.
        moves.late
        and "-- removed: objects\n"
        + _lines(_drop(before[key], " IF EXISTS") for key in moves.late),
    ]
    return _joined(parts)


def down(moves: Moves, now: Mapping[str, Object], former: Iterable[str]) -> str:
    """Write the part that takes it back, with the texts that make what was before."""
    parts = [
        _lines(_drop(now[key]) for key in moves.early),
        _lines(moves.mends),
        *former,
        _lines(_drop(now[key]) for key in moves.late),
        _as_administrator(moves.returned),
    ]
    return _joined(parts)


def _drop(o: Object, careful: str = "") -> str:
    if o.kind == "default privileges":
        return _reverse(o.body)
    kind, _, name = (o.ref or "").partition(" ")
    return f"DROP {kind}{careful} {name};"


def _revoke(grant: str) -> str:
    what, _, whom = grant.removeprefix("GRANT ").rpartition(" TO ")
    return f"REVOKE {what} FROM {whom.removesuffix(';').removesuffix(' WITH GRANT OPTION')};"


def _reverse(statements: str) -> str:
    """Take back ALTER DEFAULT PRIVILEGES."""
    words = {" GRANT ": " REVOKE ", " REVOKE ": " GRANT ", " TO ": " FROM ", " FROM ": " TO "}
    return re.sub("|".join(words), lambda m: words[m[0]], statements)


def _as_administrator(statements: Iterable[str]) -> str:
    text = _lines(statements)
    return text and f"reset role;\n{text}set local role {OWNER};\n"


def _joined(parts: Iterable[str | tuple[str, ...]]) -> str:
    return "".join(f"\n{part}" for part in parts if part) + "\n"


def _lines(statements: Iterable[str]) -> str:
    return "".join(f"{statement}\n" for statement in statements)
