-- zava.seed_uuid(): id made from a natural key, so that the same thing has the same id everywhere.
-- Marked as version 8 of RFC 9562 (made by a rule of one's own); gen_random_uuid() makes version 4.
create or replace function zava.seed_uuid(
    p_natural_key text
)
returns uuid
language sql
immutable
parallel safe
security invoker
begin atomic
    select (
        lpad(to_hex(hashtextextended(p_natural_key, 1) & -61441 | 32768), 16, '0')
        || lpad(to_hex(hashtextextended(p_natural_key, 2) & 4611686018427387903
            | (-9223372036854775807 - 1)), 16, '0')
    )::uuid;
end;

comment on function zava.seed_uuid(text) is
    'Id of a thing of the demo data; the same for ever.

p_natural_key: what names the thing, for example store:seattle';
revoke execute on function zava.seed_uuid(text) from public;
