-- api._similarity(): cosine of a stored vector and one of length 1. Not a tool. Bound at creation, so
-- that callers need not know in which schema the extension is.
create or replace function api._similarity(
    p_stored halfvec,
    p_unit vector
)
returns real
language sql
immutable
parallel safe
security invoker
begin atomic
    select -(p_stored <#> p_unit::halfvec)::real;
end;

comment on function api._similarity(halfvec, vector) is
    'Cosine of two vectors of length 1.

p_stored: vector of a product
p_unit: vector of a query';
revoke execute on function api._similarity(halfvec, vector) from public;
grant execute on function api._similarity(halfvec, vector)
    to store_manager, regional_manager, head_office;
