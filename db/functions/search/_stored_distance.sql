-- api._stored_distance(): how far a stored vector is from another, as indexes have it: the less the nearer. Not
-- a tool. Bound at creation, so that callers need not know in which schema the extension is. It becomes a part
-- of the statement that asks, which an index fits where the number of dimensions is known to its plan.
create or replace function api._stored_distance(
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
    select halfvec(p_stored, p_dimensions, true) <#> halfvec(p_unit, p_dimensions, true);
end;

comment on function api._stored_distance(halfvec, halfvec, integer) is
    'Negative inner product of two vectors, written as the indexes of vectors are.

p_stored: vector of a product
p_unit: vector of a query
p_dimensions: dimensions of both';
revoke execute on function api._stored_distance(halfvec, halfvec, integer) from public;
grant execute on function api._stored_distance(halfvec, halfvec, integer)
    to store_manager, regional_manager, head_office;
