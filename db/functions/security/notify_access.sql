-- zava.notify_access(): trigger of the tables of identities and keys, whatever changes them, a
-- function or an administrator's own UPDATE: tells servers to forget the answers they keep, and
-- counts the change for zava.access_version().
create or replace function zava.notify_access()
returns trigger
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    update zava.access_changes as a set number = a.number + 1;
    notify zava_access;
    return null;
end;
$function$;

comment on function zava.notify_access() is
    'Trigger: counts changes of identities and keys and notifies the channel zava_access.';
revoke execute on function zava.notify_access() from public;
create or replace trigger principals_notify
    after insert or update or delete or truncate on zava.principals
    for each statement execute function zava.notify_access();
create or replace trigger principal_stores_notify
    after insert or update or delete or truncate on zava.principal_stores
    for each statement execute function zava.notify_access();
create or replace trigger api_keys_notify
    after insert or update or delete or truncate on zava.api_keys
    for each statement execute function zava.notify_access();
create or replace trigger signing_keys_notify
    after insert or update or delete or truncate on zava.signing_keys
    for each statement execute function zava.notify_access();
