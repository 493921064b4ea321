-- zava.knows_signing_key(): lets the server see at start that its contexts will verify. With a key
-- unknown here every tenant would silently see nothing.
-- SECURITY DEFINER: the service login may compare a fingerprint, not read a key.
create or replace function zava.knows_signing_key(
    p_kid text,
    p_fingerprint bytea
)
returns boolean
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select exists (
        select
        from zava.signing_keys as k
        where k.kid = p_kid
            and k.not_after > clock_timestamp()
            and sha256(k.ipad || k.opad) = p_fingerprint
    );
end;

comment on function zava.knows_signing_key(text, bytea) is
    'Whether contexts signed with this key verify here.

p_kid: id of the key
p_fingerprint: SHA-256 of its two pads, ipad first';
revoke execute on function zava.knows_signing_key(text, bytea) from public;
grant execute on function zava.knows_signing_key(text, bytea) to zava_service;
