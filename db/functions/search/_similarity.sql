-- api._similarity(): cosine of two vectors of length 1. Not a tool. Bound at creation, so that callers
-- need not know in which schema the extension is. Both are of the type that is stored: to convert one
-- takes longer than to compare it, and would be done anew for each product.
create or replace function api._similarity(
    p_stored halfvec,
    p_unit halfvec
)
returns real
language sql
immutable
parallel safe
security invoker
begin atomic
    select -(p_stored <#> p_unit)::real;
end;

comment on function api._similarity(halfvec, halfvec) is
    'Cosine of two vectors of length 1.

p_stored: vector of a product
p_unit: vector of a query';
revoke execute on function api._similarity(halfvec, halfvec) from public;
grant execute on function api._similarity(halfvec, halfvec)
    to store_manager, regional_manager, head_office;
