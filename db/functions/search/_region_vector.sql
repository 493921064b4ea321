-- zava._region_vector(): a vector as it is. Not a tool. The index over the copies of several stores is one of this
-- function, so that who may not call it, as stores and the text of agents, never follows that index: it looks at
-- so many of the nearest rows and no further, and row-level security takes away what is not the caller's, so
-- that how many are left would tell a store what its neighbours sell. PL/pgSQL, for PostgreSQL would put the
-- body of SQL in its place. A condition of the index would not do: PostgreSQL never calls what the index implies.
create or replace function zava._region_vector(
    p_vector halfvec
)
returns halfvec
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    return p_vector;
end;
$function$;

comment on function zava._region_vector(halfvec) is
    'A vector as the index of what several stores sell has it.

p_vector: vector of a product';
revoke execute on function zava._region_vector(halfvec) from public;
grant execute on function zava._region_vector(halfvec) to regional_manager, head_office, zava_writer;
