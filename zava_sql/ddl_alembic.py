"""What alembic needs of ours: `revision --autogenerate` and `check` ask the live catalogue.

Alembic's own comparison is left out, for tables are made by hand in revisions. A revision is
written by the same code as that of `scripts/freeze`, so it looks the same: alembic gets none to
write. Nothing changed: no revision.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from alembic import util
from alembic.autogenerate import renderers
from alembic.operations import MigrateOperation
from alembic.runtime.plugins import Plugin
from alembic.util import PriorityDispatchResult

from zava_sql import ddl
from zava_sql.ddl_plan import Plan, plan
from zava_sql.ddl_review import words
from zava_sql.errors import ZavaError
from zava_sql.render import visible

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.operations.ops import MigrationScript, UpgradeOps
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext

__all__ = ["PLUGIN", "write_revision"]

PLUGIN = "zava_sql.ddl"


class Compared(MigrateOperation):
    """What `check` reports; it is never rendered into a revision."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def reverse(self) -> MigrateOperation:
        """Stand for both ways: the plan has them."""
        return self

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """List the changes for `alembic check`."""
        return ("sql_objects", *(change.note for change in self.plan.changes))


def _db(context: MigrationContext) -> Path:
    return Path(cast("EnvironmentContext", context.environment_context).script.dir).parent


def _compare(autogen: AutogenContext, upgrade_ops: UpgradeOps) -> PriorityDispatchResult:
    connection = autogen.connection
    driver = connection.connection.dbapi_connection if connection else None
    if driver is None:
        raise util.CommandError("the connection was lost")
    db = _db(autogen.migration_context)
    try:
        found: Plan = driver.run_async(lambda raw: plan(raw, db))
    except ZavaError as error:
        raise util.CommandError(visible(f"{error.message}. {error.hint}")) from error
    if found.changes:
        upgrade_ops.ops.append(Compared(found))
    return PriorityDispatchResult.CONTINUE


def write_revision(
    context: MigrationContext, _revision: object, directives: list[MigrationScript]
) -> None:
    """Write what alembic was asked for, and leave it nothing to do; `check` has no message."""
    script = directives[0]
    operations = cast("UpgradeOps", script.upgrade_ops).ops
    found = [operation.plan for operation in operations if isinstance(operation, Compared)]
    if not script.message:
        return
    directives.clear()
    say = cast("EnvironmentContext", context.environment_context).config.print_stdout
    if not found:
        say("nothing to write: the database has what db/functions and db/policies say")
        return
    name = re.sub(r"\W+", "_", script.message.lower()).strip("_")[:40]
    try:
        found[0].permit()
        for line in (*found[0].radius, *words(found[0].changes)):
            say(visible(line))
        say(ddl.write(_db(context), name, found[0].up, found[0].down))
    except ZavaError as error:
        raise util.CommandError(visible(f"{error.message}. {error.hint}")) from error
    for change in found[0].changes:
        say(visible(change.note))


@renderers.dispatch_for(Compared)
def _render(*_: object) -> str:
    raise util.CommandError("a revision needs a name: alembic revision --autogenerate -m add_rank")


Plugin(PLUGIN).add_autogenerate_comparator(_compare, "autogenerate")
