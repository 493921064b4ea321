-- zava.create_signing_key(): makes a context key known to the database. The client computes the
-- pads (RFC 2104), so that verifying costs two hashes and no loop.
create or replace function zava.create_signing_key(
    p_kid text,
    p_ipad bytea,
    p_opad bytea
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    insert into zava.signing_keys (kid, ipad, opad)
    values (p_kid, p_ipad, p_opad);
exception
    when unique_violation then
        raise exception 'signing key % exists already', p_kid
            using errcode = 'unique_violation', hint = 'Choose another key id.';
end;
$function$;

comment on function zava.create_signing_key(text, bytea, bytea) is
    'Adds a key that contexts may be signed with; older keys go on verifying until retired.

p_kid: id of the key, up to 16 lower-case letters and digits
p_ipad: the key padded with zeros to 64 bytes, each xor 0x36
p_opad: the key padded with zeros to 64 bytes, each xor 0x5c';
revoke execute on function zava.create_signing_key(text, bytea, bytea) from public;
