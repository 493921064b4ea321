-- zava.seed_weighted_rank(): a rank drawn so that the low ones come up more often.
-- u * sqrt(u) is a power law, and IEEE 754 rounds sqrt() the same way everywhere (unlike power()).
create or replace function zava.seed_weighted_rank(
    p_key bigint,
    p_salt integer,
    p_limit bigint
)
returns bigint
language sql
immutable
parallel safe
security invoker
begin atomic
    select least(
        p_limit,
        1 + floor(
            p_limit * zava.seed_uniform(p_key, p_salt) * sqrt(zava.seed_uniform(p_key, p_salt))
        )
    )::bigint;
end;

comment on function zava.seed_weighted_rank(bigint, integer, bigint) is
    'Rank from 1 to p_limit by a power law: the first fifth of the ranks gets a third of the draws.

p_key: key of the thing that it is drawn for
p_salt: which of the thing''s numbers
p_limit: highest rank; 0 gives 0';
revoke execute on function zava.seed_weighted_rank(bigint, integer, bigint) from public;
