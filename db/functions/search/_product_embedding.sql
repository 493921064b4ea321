-- api._product_embedding(): the vector of a product by the live model, or null. Not a tool.
create or replace function api._product_embedding(
    p_product_id uuid
)
returns vector
language sql
stable
parallel safe
security invoker
begin atomic
    select e.embedding::vector
    from retail.product_embeddings as e
    where e.model_id = (select m.model_id from retail.embedding_models as m where m.state = 'live')
        and e.product_id = p_product_id;
end;

comment on function api._product_embedding(uuid) is
    'Vector of a product by the live model; null when it has none yet.

p_product_id: the product';
revoke execute on function api._product_embedding(uuid) from public;
grant execute on function api._product_embedding(uuid)
    to store_manager, regional_manager, head_office;
