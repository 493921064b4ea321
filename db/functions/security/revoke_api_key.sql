-- zava.revoke_api_key(): ends a key at once; revoking twice keeps the first moment.
create or replace function zava.revoke_api_key(
    p_key_id uuid
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    update zava.api_keys as k
    set revoked_at = coalesce(k.revoked_at, clock_timestamp())
    where k.key_id = p_key_id;

    if not found then
        raise exception 'unknown key: %', p_key_id
            using errcode = 'no_data_found', hint = 'List them: zava-sql token list.';
    end if;
end;
$function$;

comment on function zava.revoke_api_key(uuid) is
    'Revokes a key.

p_key_id: id that zava.create_api_key() returned';
revoke execute on function zava.revoke_api_key(uuid) from public;
