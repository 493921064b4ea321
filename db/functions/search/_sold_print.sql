-- api._sold_print(): what tells a product of a store from all others; those of an assortment make its
-- print together, by bit_xor. Not a tool.
create or replace function api._sold_print(
    p_store_id uuid,
    p_product_id uuid
)
returns bigint
language sql
immutable
parallel safe
security invoker
begin atomic
    select uuid_hash_extended(p_product_id, uuid_hash_extended(p_store_id, 0));
end;

comment on function api._sold_print(uuid, uuid) is
    'Hash of a product of a store.

p_store_id: the store
p_product_id: the product';
revoke execute on function api._sold_print(uuid, uuid) from public;
grant execute on function api._sold_print(uuid, uuid) to store_manager, regional_manager, head_office;
