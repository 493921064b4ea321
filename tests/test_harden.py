"""Hardening can be repeated, undone, and takes nothing that was never PUBLIC's."""

from __future__ import annotations

import json

import psycopg
import pytest
from typer.testing import CliRunner

from zava_sql import cli, errors

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


def test_who_came_after_it_was_hardened_is_given_what_it_needs(database, monkeypatch):
    """`harden --print` can be run before the roles are made, and before zava_sql is there."""
    taken = ("pg_advisory_xact_lock(bigint)", "set_config(text,text,boolean)", "pg_class")
    monkeypatch.setenv("ZAVA_ADMIN_URL", database.admin_url)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("select zava.harden()")
        after = admin.execute(ACLS).fetchall()
        for name in taken:
            privilege = "execute on function" if "(" in name else "select on"
            admin.execute(f"revoke {privilege} {name} from zava_owner")
        found = json.loads(CliRunner().invoke(cli.app, ["doctor", "--json"]).stdout)["findings"]
        found = [one for one in found if "harden" in one["check"]]
        assert {one["check"] for one in found} == {"hardening_incomplete"}
        assert sorted(one["object"] for one in found) == sorted(taken)
        assert {one["evidence"] for one in found} == {
            "taken from PUBLIC, and not given to those who need it"
        }
        assert admin.execute("select zava.harden()").fetchone() == (len(taken),)
        assert admin.execute(ACLS).fetchall() == after
        assert admin.execute("select zava.harden()").fetchone() == (0,)


def test_a_database_of_others_is_hardened_by_the_script(server, monkeypatch):
    def call(*arguments: str) -> str:
        done = CliRunner().invoke(cli.app, arguments)
        if isinstance(done.exception, errors.ZavaError):
            raise done.exception
        return done.stdout

    def still_open() -> bool:
        return "not_hardened" in call("doctor", "--json")

    with server.janitor("zava_test_other_harden"):
        monkeypatch.setenv("ZAVA_ADMIN_URL", server.url("zava_test_other_harden"))
        assert still_open()
        assert "harden --print |" in call("doctor", "--json")
        with pytest.raises(errors.ConfigurationError) as caught:
            call("harden")
        assert "--print" in caught.value.hint
        with psycopg.connect(server.url("zava_test_other_harden"), autocommit=True) as admin:
            before = admin.execute(ACLS).fetchall()
            admin.execute(call("harden", "--print"))
            assert not still_open()
            admin.execute(call("harden", "--print", "--undo"))
            assert admin.execute(ACLS).fetchall() == before


def test_nobody_but_a_superuser_hardens(database):
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("set role zava_owner")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="superuser"):
            admin.execute("select zava.harden()")


# What changes something, or tells of more than its arguments, and stays PUBLIC's: looked at, one by
# one. Each needs a right of its own, serves pg_upgrade alone, or tells of the session that asks.
LEFT = """
age amvalidate array_sample array_shuffle brin_desummarize_range brin_summarize_new_values
brin_summarize_range clock_timestamp current_query current_schema current_schemas currval
gen_random_uuid gin_clean_pending_list inet_client_addr inet_client_port inet_server_addr
inet_server_port lastval nextval pg_backend_pid pg_collation_actual_version pg_conf_load_time
pg_copy_logical_replication_slot pg_copy_physical_replication_slot
pg_database_collation_actual_version pg_event_trigger_ddl_commands
pg_event_trigger_dropped_objects pg_event_trigger_table_rewrite_oid
pg_event_trigger_table_rewrite_reason pg_extension_config_dump pg_get_loaded_modules
pg_get_sequence_data pg_get_viewdef pg_get_wait_events pg_get_wal_replay_pause_state
pg_get_wal_resource_managers pg_import_system_collations pg_is_in_recovery pg_is_wal_replay_paused
pg_jit_available pg_my_temp_schema pg_nextoid pg_partition_ancestors pg_partition_tree
pg_read_file_old pg_rotate_logfile_old pg_stat_clear_snapshot pg_stat_force_next_flush
pg_stop_making_pinned_objects pg_trigger_depth plpgsql_validator random random_normal setval
timeofday uuidv4 uuidv7
"""
OPEN = """
select distinct p.proname
from pg_proc as p
join pg_type as t on t.oid = p.prorettype
cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
where p.pronamespace = 'pg_catalog'::regnamespace
    and a.grantee = 0
    and (p.provolatile = 'v' or p.proparallel <> 's')
    and p.proname !~ '^binary_upgrade_'
    and not (t.typtype = 'p' and t.typname ~ '(trigger|internal|handler)$')
    and not 'internal'::regtype = any (p.proargtypes)
"""


def test_what_it_leaves_to_everybody_was_looked_at(clone):
    with clone(hardened=True) as database, psycopg.connect(database.admin_url) as admin:
        left = {name for (name,) in admin.execute(OPEN)}
    assert left - {*LEFT.split()} == set()
    assert len(left) > 40
