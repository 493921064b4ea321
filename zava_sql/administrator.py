"""The administrator's session, and remedies for what the database refused an administrator."""

from __future__ import annotations

import re

import asyncpg

from zava_sql.errors import ConfigurationError

__all__ = ["OF_POOLER", "ROLE_MISSING", "ROLE_OF_ANOTHER", "administer", "advice", "no_session"]

# Settings for the administrator's session, whatever a database, a role or the server sets by
# default: files and functions are read as they were written; row-level security hides and never
# raises; long work is not cancelled; values are always written the same way, since the catalogue is
# compared as text. Whoever becomes a member of the roles it creates would be held to the rows of a
# store. PostgreSQL creates no partitioned table if the default tablespace is that of the database.
# A function in public that fits arguments better than PostgreSQL's own would be called with the
# administrator's rights.
_ADMINISTRATION = """
set search_path = pg_catalog;
set standard_conforming_strings = on;
set transform_null_equals = off;
set default_transaction_isolation = 'read committed';
set row_security = on;
set statement_timeout = 0;
set lock_timeout = 0;
set idle_in_transaction_session_timeout = 0;
set idle_session_timeout = 0;
set datestyle = 'ISO, YMD';
set timezone = 'UTC';
set intervalstyle = 'postgres';
set bytea_output = 'hex';
set extra_float_digits = 1;
set quote_all_identifiers = off;
set createrole_self_grant = '';
do $$
begin
    if exists (
        select
        from pg_catalog.pg_database as d
        join pg_catalog.pg_tablespace as t on t.oid = d.dattablespace
        where d.datname = current_database() and t.spcname = current_setting('default_tablespace')
    ) then
        set default_tablespace = '';
    end if;
end;
$$
"""

# Errors where each statement may run on another backend.
OF_POOLER = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)

# PostgreSQL's errors if somebody else may grant or drop a role, or give the right to become it.
ROLE_OF_ANOTHER = re.compile("(?:grant|set|drop) role", re.IGNORECASE)

# Its error for a missing role: the SQLSTATE depends on who looked for it.
ROLE_MISSING = re.compile(r'^role ".*" does not exist$')

# Errors of a database of an older revision.
_OLDER = (
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InvalidSchemaNameError,
)


async def administer(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Set up a session of the administrator."""
    since_17 = ";set transaction_timeout = 0" if connection.get_server_version() >= (17,) else ""
    try:
        await connection.execute(_ADMINISTRATION + since_17)
    except BaseException:
        connection.terminate()  # no other task has it yet
        raise


def advice(error: asyncpg.PostgresError) -> str:
    """Say what an administrator can do about a refusal of the database."""
    message = error.message or ""
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return "It is a replica, or default_transaction_read_only is on: name the primary."
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        if ROLE_OF_ANOTHER.search(message):
            return (
                "Another administrator made that role:"
                " see docs/install.md, More than one administrator."
            )
        if not error.hint:
            return "Log in as a superuser, or as an administrator who has zava_owner."
    if ROLE_MISSING.search(message):
        return (
            "A dump of one database has no roles: restore these, then the dump once more,"
            " see docs/install.md, Copies and dumps."
        )
    if isinstance(error, _OLDER):
        return "Migrate with `zava-sql db upgrade`; log in as administrator."
    return error.hint or "The log of PostgreSQL may say more."


def no_session() -> ConfigurationError:
    """Say what is wrong where OF_POOLER is met."""
    return ConfigurationError(
        "ZAVA_ADMIN_URL leads to a pooler that lends a backend for one transaction",
        hint="Name PostgreSQL itself: this needs a session of its own.",
    )
