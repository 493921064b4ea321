-- api._region_distance(): how far a stored vector is from one of length 1, written as the index over the copies of
-- several stores has it, so that PostgreSQL follows that: of zava._region_vector(), which a store may not call.
-- Not a tool.
create or replace function api._region_distance(
    p_stored halfvec,
    p_unit halfvec,
    p_dimensions integer
)
returns double precision
language sql
immutable
parallel safe
security invoker
begin atomic
    select halfvec(zava._region_vector(p_stored), p_dimensions, true) <#> halfvec(p_unit, p_dimensions, true);
end;

comment on function api._region_distance(halfvec, halfvec, integer) is
    'Negative inner product of two vectors, written as the indexes of what several stores sell are.

p_stored: vector of a product
p_unit: vector of a query
p_dimensions: dimensions of both';
revoke execute on function api._region_distance(halfvec, halfvec, integer) from public;
grant execute on function api._region_distance(halfvec, halfvec, integer)
    to store_manager, regional_manager, head_office;
