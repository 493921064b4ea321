-- zava.secure_database(): only our logins may connect, and nobody makes temporary objects.
-- CREATE DATABASE ... TEMPLATE does not copy a database's privileges: run it again in a copy.
create or replace function zava.secure_database()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to zava_gateway, zava_service', current_database()
    );
end;
$function$;

comment on function zava.secure_database() is
    'Takes CONNECT and TEMPORARY on this database from PUBLIC and lets the two logins connect.';
revoke execute on function zava.secure_database() from public;
