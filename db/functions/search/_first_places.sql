-- api._first_places(): the places of the first bits that are set. Not a tool. Bits are looked at 512 at a
-- time: most of these have none set and are passed over; the text of others is split at each one. A table,
-- for that becomes a part of the statement that asks.
create or replace function api._first_places(
    p_bits bit varying,
    p_limit integer
)
returns table (place integer)
language sql
stable
parallel safe
security invoker
rows 20
begin atomic
    select (b.start + p.place)::integer
    from (
        select c.start, substring(p_bits from c.start + 1 for 512) as bits
        from generate_series(0, length(p_bits) - 1, 512) as c (start)
        offset 0
    ) as b
    cross join lateral (
        select sum(octet_length(g.gap) + 1) over (rows unbounded preceding) as place
        from unnest(trim_array(string_to_array(b.bits::text, '1'), 1)) as g (gap)
        offset 0
    ) as p
    where bit_count(b.bits) > 0
    limit p_limit;
end;

comment on function api._first_places(bit varying, integer) is
    'Places of the first ones in a string of bits, from 1.

p_bits: the bits
p_limit: how many places';
revoke execute on function api._first_places(bit varying, integer) from public;
grant execute on function api._first_places(bit varying, integer)
    to store_manager, regional_manager, head_office;
