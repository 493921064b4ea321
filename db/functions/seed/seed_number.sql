-- zava.seed_number(): a whole number below a limit, drawn by hash instead of random().
-- Nothing depends on the order of rows, on parallel workers or on the version of PostgreSQL.
create or replace function zava.seed_number(
    p_key bigint,
    p_salt integer,
    p_limit integer
)
returns integer
language sql
immutable
parallel safe
security invoker
begin atomic
    select (((hashint8extended(p_salt, p_key) & 4294967295) * p_limit) >> 32)::integer;
end;

comment on function zava.seed_number(bigint, integer, integer) is
    'Evenly distributed number from 0 to p_limit - 1 that depends on nothing but the arguments.

p_key: key of the thing that it is drawn for
p_salt: which of the thing''s numbers
p_limit: how many values there are';
revoke execute on function zava.seed_number(bigint, integer, integer) from public;
