-- zava.create_api_key(): stores the hash of a key that the caller made; the key itself never
-- reaches the database.
create or replace function zava.create_api_key(
    p_principal text,
    p_key_hash bytea,
    p_expires_at timestamptz default 'infinity'
)
returns uuid
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_key_id uuid;
begin
    if p_expires_at <= clock_timestamp() then
        raise exception 'the key would be expired already: %', p_expires_at
            using errcode = 'invalid_parameter_value', hint = 'Choose a moment in the future.';
    end if;

    insert into zava.api_keys (key_hash, principal_id, expires_at)
    select p_key_hash, p.principal_id, p_expires_at
    from zava.principals as p
    where p.name = p_principal and p.active
    returning key_id into v_key_id;

    if v_key_id is null then
        raise exception 'unknown or disabled principal: %',
            coalesce(quote_literal(left(p_principal, 60)), 'null')
            using errcode = 'no_data_found', hint = 'List them: zava-sql principal list.';
    end if;

    return v_key_id;
end;
$function$;

comment on function zava.create_api_key(text, bytea, timestamptz) is
    'Registers a key of a principal; returns the id by which it can be revoked.

p_principal: name of the principal
p_key_hash: SHA-256 of the key
p_expires_at: end of its validity';
revoke execute on function zava.create_api_key(text, bytea, timestamptz) from public;
