-- zava._embedding_model_id(): finds a model whose vectors are kept. Locks nothing.
create or replace function zava._embedding_model_id(
    p_name text
)
returns smallint
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id smallint;
begin
    select m.model_id
    into v_model_id
    from retail.embedding_models as m
    where m.name = p_name and m.state <> 'retired';

    if v_model_id is null then
        raise exception 'unknown embedding model: %', coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'no_data_found', hint = 'Fill it with: zava-sql embed.';
    end if;
    return v_model_id;
end;
$function$;

comment on function zava._embedding_model_id(text) is
    'Id of an embedding model that is not retired.

p_name: name of the model';
revoke execute on function zava._embedding_model_id(text) from public;
