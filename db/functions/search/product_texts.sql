-- zava.product_texts(): the text of each product that is embedded, the one definition of it. The
-- kind and the category stand before the description, which a model may cut. Of every product: one
-- that is no longer ordered may still be in stock.
create or replace function zava.product_texts()
returns table (product_id uuid, content text, content_hash bytea)
language sql
stable
parallel safe
security invoker
begin atomic
    select x.product_id, x.content, zava.digest(x.content)
    from (
        select
            p.product_id,
            p.name || e'\n' || t.name || ', ' || c.name || e'\n' || p.description as content
        from retail.products as p
        join retail.product_types as t on t.type_id = p.type_id
        join retail.categories as c on c.category_id = p.category_id
    ) as x;
end;

comment on function zava.product_texts() is
    'The text of each product that is embedded for search by meaning, and its digest.';
revoke execute on function zava.product_texts() from public;
