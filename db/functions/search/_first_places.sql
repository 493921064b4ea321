-- api._first_places(): the places of the first bits that are set. Not a tool. The text of the bits is
-- split at each one, so that the zeros between are skipped and not looked at one by one. Of many bits
-- only as much is split as holds twice what is asked for, if they are spread evenly. A table, for that
-- becomes a part of the statement that asks.
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
    select (sum(octet_length(g.gap) + 1) over (rows unbounded preceding))::integer
    from (
        select h.number,
            case
                when bit_count(h.head) < least(h.number, p_limit) then p_bits
                else h.head
            end as bits
        from (
            select c.number,
                substring(
                    p_bits for least(
                        length(p_bits), 64 + 2 * p_limit * (length(p_bits) / greatest(c.number, 1))
                    )::integer
                ) as head
            from (select bit_count(p_bits) as number offset 0) as c
            offset 0
        ) as h
        offset 0
    ) as b
    cross join lateral unnest(string_to_array(b.bits::text, '1')) as g (gap)
    limit least(p_limit, bit_count(p_bits));
end;

comment on function api._first_places(bit varying, integer) is
    'Places of the first ones in a string of bits, from 1.

p_bits: the bits
p_limit: how many places';
revoke execute on function api._first_places(bit varying, integer) from public;
grant execute on function api._first_places(bit varying, integer)
    to store_manager, regional_manager, head_office;
