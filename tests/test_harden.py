"""Hardening can be repeated, undone, and takes nothing that was never PUBLIC's."""

from __future__ import annotations

import psycopg
import pytest

ACLS = """
select p.oid::regprocedure::text, array(
    select format('%s %s', a.grantee::regrole, a.privilege_type)
    from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a order by 1
)
from pg_proc as p where p.pronamespace = 'pg_catalog'::regnamespace
union all
select c.oid::regclass::text, array(
    select format('%s %s', a.grantee::regrole, a.privilege_type)
    from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a order by 1
)
from pg_class as c where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind in ('r', 'v')
union all
select a.attname::text, array[a.attacl::text] from pg_attribute as a
where a.attrelid = 'pg_class'::regclass and a.attacl is not null
order by 1
"""


def test_it_is_done_once_and_undone_without_a_trace(database):
    with psycopg.connect(database.admin_url, autocommit=True) as admin:

        def call(sql: str) -> int:
            return admin.execute(sql).fetchone()[0]

        before = admin.execute(ACLS).fetchall()
        total = call("select count(*) from zava.hardening()")
        assert call("select count(*) from zava.hardening() as h where h.done") == 0
        assert call("select zava.harden()") == total > 200
        after = admin.execute(ACLS).fetchall()
        assert call("select zava.harden()") == 0
        assert admin.execute(ACLS).fetchall() == after != before

        admin.execute("grant execute on function pg_sleep(float8), pg_notify(text, text) to public")
        assert call("select zava.harden()") == 2
        assert admin.execute(ACLS).fetchall() == after

        assert call("select zava.harden(true)") == total
        assert admin.execute(ACLS).fetchall() == before


def test_what_only_superusers_had_stays_so(database):
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        # As an earlier version left a database.
        admin.execute("grant execute on function lo_import(text) to zava_owner, pg_monitor")
        admin.execute("select zava.harden()")
        (given,) = admin.execute(
            "select array_agg(r.rolname::text) from pg_roles as r where not r.rolsuper"
            " and has_function_privilege(r.oid, 'lo_import(text)', 'execute')"
        ).fetchone()
        assert given is None


def test_nobody_but_a_superuser_hardens(database):
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("set role zava_owner")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="superuser"):
            admin.execute("select zava.harden()")
