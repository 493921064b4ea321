-- zava._has_embedding_index(): whether the vectors of a model are indexed. Read from the catalogue
-- and not by to_regclass(), which may not have heard yet of what another session has just built.
create or replace function zava._has_embedding_index(
    p_model_id smallint
)
returns boolean
language sql
stable
parallel safe
security invoker
begin atomic
    select exists (
        select
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        join pg_catalog.pg_index as i on i.indexrelid = c.oid
        where n.nspname = 'retail'
            and c.relname = format('product_embeddings_%s_embedding_idx', p_model_id)
            and i.indisvalid
    );
end;

comment on function zava._has_embedding_index(smallint) is
    'Whether the vectors of a model are indexed.

p_model_id: id of the model';
revoke execute on function zava._has_embedding_index(smallint) from public;
