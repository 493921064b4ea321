-- zava.authenticate(): the principal whose key this is; asked for every request over HTTP, so that
-- a revoked key, an expired one and a disabled principal are shut out at once.
-- SECURITY DEFINER: the service login reads identities through functions only.
create or replace function zava.authenticate(
    p_key_hash bytea
)
returns table (
    principal_id uuid,
    name text,
    kind text,
    role_name name,
    active boolean,
    key_id uuid
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select p.principal_id, p.name, p.kind, p.role_name, p.active, k.key_id
    from zava.api_keys as k
    join zava.principals as p on p.principal_id = k.principal_id
    where k.key_hash = p_key_hash
        and k.revoked_at is null
        and k.expires_at > clock_timestamp();
end;

comment on function zava.authenticate(bytea) is
    'The principal of a key that is neither revoked nor expired, and the id of the key; or no row.

p_key_hash: SHA-256 of the key';
revoke execute on function zava.authenticate(bytea) from public;
grant execute on function zava.authenticate(bytea) to zava_service;
