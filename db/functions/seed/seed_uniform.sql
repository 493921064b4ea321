-- zava.seed_uniform(): a fraction drawn by hash, for choices that seed_number() cannot express.
-- 53 bits, so the division is exact on every platform.
create or replace function zava.seed_uniform(
    p_key bigint,
    p_salt integer
)
returns double precision
language sql
immutable
parallel safe
security invoker
begin atomic
    select (hashint8extended(p_salt, p_key) & 9007199254740991)::double precision
        / 9007199254740992::double precision;
end;

comment on function zava.seed_uniform(bigint, integer) is
    'Evenly distributed fraction from 0 to below 1 that depends on nothing but the arguments.

p_key: key of the thing that it is drawn for
p_salt: which of the thing''s numbers';
revoke execute on function zava.seed_uniform(bigint, integer) from public;
