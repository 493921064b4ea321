-- api._vector_facts(): length, norm and direction of a vector. Not a tool. Bound at creation, so that
-- callers need not know in which schema the extension is.
create or replace function api._vector_facts(
    p_embedding vector default null
)
returns table (dimensions integer, norm double precision, unit vector)
language sql
immutable
parallel safe
security invoker
rows 1
begin atomic
    select vector_dims(p_embedding), vector_norm(p_embedding), l2_normalize(p_embedding);
end;

comment on function api._vector_facts(vector) is
    'Number of dimensions, norm, and the vector scaled to length 1.

p_embedding: the vector';
revoke execute on function api._vector_facts(vector) from public;
grant execute on function api._vector_facts(vector)
    to store_manager, regional_manager, head_office;
