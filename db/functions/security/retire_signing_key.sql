-- zava.retire_signing_key(): ends a context key at once: contexts signed with it are an error.
create or replace function zava.retire_signing_key(
    p_kid text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    update zava.signing_keys as k
    set not_after = least(k.not_after, clock_timestamp())
    where k.kid = p_kid;

    if not found then
        raise exception 'unknown signing key: %', coalesce(quote_literal(left(p_kid, 60)), 'null')
            using errcode = 'no_data_found', hint = 'List them: zava-sql key list.';
    end if;
end;
$function$;

comment on function zava.retire_signing_key(text) is
    'Ends a signing key.

p_kid: id of the key';
revoke execute on function zava.retire_signing_key(text) from public;
