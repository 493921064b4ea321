-- zava.seed_key(): the number that everything random about one thing of the demo data hangs on.
-- Keys are chained, store to day to order to line: the parent is the seed of the hash, so two
-- parts never meet. (hashint8extended folds its first argument to 32 bits; the seed it does not.)
create or replace function zava.seed_key(
    p_parent bigint,
    p_part bigint
)
returns bigint
language sql
immutable
parallel safe
security invoker
begin atomic
    select hashint8extended(p_part, p_parent);
end;

comment on function zava.seed_key(bigint, bigint) is
    'Key of a part of something in the demo data; the same for ever.

p_parent: key of the whole
p_part: number of the part inside the whole';
revoke execute on function zava.seed_key(bigint, bigint) from public;
