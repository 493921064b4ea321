-- api._checked_embedding(): the vector of a query as search takes it: of the live model, of length 1; null
-- when there is none, or no model is live. Not a tool.
-- A vector of another length was made by another model: it is refused, for what it would find looks
-- like an answer and is none.
create or replace function api._checked_embedding(
    p_embedding vector default null
)
returns vector
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model record;
begin
    select m.name, m.dimensions, f.dimensions as given, f.norm, f.unit into v_model
    from retail.embedding_models as m
    cross join api._vector_facts(p_embedding) as f
    where m.state = 'live';
    if p_embedding is null or not found then
        return null;
    end if;

    if v_model.given <> v_model.dimensions then
        raise exception 'p_query_embedding has % dimensions, those of the live model % have %',
                v_model.given, v_model.name, v_model.dimensions
            using errcode = 'invalid_parameter_value',
                  hint = 'Embed with the live model, or leave p_query_embedding out to search by words.';
    end if;
    if v_model.norm = 0 then
        raise exception 'p_query_embedding has length zero'
            using errcode = 'invalid_parameter_value',
                  hint = 'Leave p_query_embedding out to search by words.';
    end if;

    return v_model.unit;
end;
$function$;

comment on function api._checked_embedding(vector) is
    'A vector of the live model scaled to length 1; null for null, and when no model is live.

p_embedding: the vector';
revoke execute on function api._checked_embedding(vector) from public;
grant execute on function api._checked_embedding(vector)
    to store_manager, regional_manager, head_office;
