"""What has to be done so that a database has what the files say, and how to take it back.

The way up runs whole files, as `scripts/freeze` does, after it dropped what CREATE OR REPLACE would
refuse. The way down is written from the catalogue: the objects as they were, grants and comments
included. Both ways are one comparison, with the two states changed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zava_sql import ddl
from zava_sql.ddl_catalogue import FROM_FILES, Object, imagine, links, read
from zava_sql.ddl_moves import Change, changes, down, moves, up, users_first
from zava_sql.ddl_words import reworded
from zava_sql.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from zava_sql.ddl_catalogue import Connection, Imagined

__all__ = ["Plan", "plan", "refuse_broken"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What changes, the parts of a revision that do it, and what it means for others.

    `reworded`: what is in the database in other words than the files make, and yet the same.
    """

    changes: tuple[Change, ...]
    files: Mapping[str, str]
    up: str
    down: str
    radius: tuple[str, ...]
    blocked: tuple[str, ...]
    broken: tuple[tuple[str, str, str], ...]
    reworded: Collection[str]

    def permit(self) -> None:
        """Refuse to write it where PostgreSQL would, or where it breaks a house rule."""
        if self.blocked:
            raise ValidationError(
                f"{self.blocked[0]}, which no file holds",
                hint="Drop and make it again in a revision by hand (scripts/freeze NAME --empty)."
                + "".join(f" Also: {other}." for other in self.blocked[1:]),
            )
        refuse_broken(self.broken)


def refuse_broken(broken: Collection[tuple[str, str, str]]) -> None:
    """Refuse what breaks a house rule: which rule, what breaks it, how to mend it."""
    if broken:
        raise ValidationError(
            "; ".join(f"{key}: {rule}" for rule, key, _ in broken),
            hint=" ".join(dict.fromkeys(remedy for *_, remedy in broken)),
        )


async def plan(connection: Connection, db: Path) -> Plan:
    """Compare a database with the files; nothing is kept of it, and nothing is written."""
    live = await read(connection)
    texts = ddl.sources(db)
    frozen = ddl.history(ddl.frozen(db))[0]
    imagined = await imagine(connection, db, texts, live)
    same = await reworded(connection, db, texts, live, imagined.objects)
    live |= same
    was = imagined if frozen == texts else await _imagine_former(connection, db, frozen, live)
    # Access to a table that a file spoke of, and none does now, goes back to what it is without.
    let_go = was.objects.keys() - imagined.objects.keys() if was else set()
    after = {
        **imagined.objects,
        **{key: o for key, o in imagined.untouched.items() if key in let_go},
    }
    before = {
        key: o
        for key, o in live.items()
        if key in after
        or (o.kind in FROM_FILES and key not in imagined.by_hand)
        or (o.kind == "default privileges" and key in let_go)
    }
    uses = await links(connection, live)
    there = moves(before, after, uses)
    found = changes(there, before, after, imagined.files)
    if not found:
        return Plan((), imagined.files, "", "", (), (), imagined.broken, same.keys())
    back = moves(after, before, imagined.links)
    lost = [
        before[key]
        for key in reversed(users_first(before, uses))
        if key in back.changed or key in back.new or key in back.early
    ]
    return Plan(
        found,
        imagined.files,
        up(there, before, imagined, texts, frozen),
        down(back, after, _former(was, frozen, live, lost)),
        tuple(_radius(found, after, live.values())),
        there.blocked,
        imagined.broken,
        same.keys(),
    )


async def _imagine_former(
    connection: Connection, db: Path, frozen: Mapping[str, str], live: Mapping[str, Object]
) -> Imagined | None:
    """Run the files as last frozen; None where this database could not."""
    try:
        return await imagine(connection, db, frozen, live)
    except ValidationError:
        return None


def _former(
    was: Imagined | None,
    frozen: Mapping[str, str],
    live: Mapping[str, Object],
    back: Collection[Object],
) -> Iterable[str]:
    """Write what brings objects back: the files as last frozen, where they make just these.

    PostgreSQL's words for a query are not always the same again when it reads them; they stand in
    for the files where somebody changed the database by hand.
    """
    paths = {was.files.get(o.key, "") for o in back} if was else {""}
    if (
        was
        and "" not in paths
        and all(
            key in live and live[key].text == o.text
            for key, o in was.objects.items()
            if was.files[key] in paths
        )
    ):
        return [f"{frozen[path]}\n" for path in was.order if path in paths]
    return [f"{o.statements}\n" for o in back]


def _radius(
    changes: Iterable[Change],
    after: Mapping[str, Object],
    live: Iterable[Object],
) -> Iterable[str]:
    """Say what a changed signature means: who calls it by name, and who loses a grant."""
    for change in changes:
        old, new = change.before, change.after
        if old is None or old.kind not in ("function", "procedure"):
            continue
        if change.what == "rebuild" or (new is not None and new.shape == old.shape):
            continue
        name = old.key.partition("(")[0]
        calls = re.compile(rf"(?<![\w.]){re.escape(name)}\s*\(")
        for o in live:
            if o.kind in FROM_FILES and o.key != old.key:
                # What is bound to it is rebuilt or stops the plan; a text fails when it runs.
                state = after.get(o.key, o)
                if calls.search(state.body):
                    yield f"{old.title} is called by {o.title}"
        siblings = [o for o in after.values() if o.key.partition("(")[0] == name]
        kept = {grant.rpartition(" TO ")[2] for o in siblings for grant in o.grants}
        for grant in old.grants:
            if grant.rpartition(" TO ")[2] not in kept:
                yield f"lost: {grant}"
