-- zava.release_embeddings(): gives claimed products back, for a worker that stops before its time.
create or replace function zava.release_embeddings(
    p_model text,
    p_product_ids uuid[]
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    delete from zava.embedding_leases as l
    where l.model_id = zava._embedding_model_id(p_model) and l.product_id = any (p_product_ids);
end;
$function$;

comment on function zava.release_embeddings(text, uuid[]) is
    'Ends the leases of products, so that another worker may claim them at once.

p_model: name of the model
p_product_ids: products that were claimed';
revoke execute on function zava.release_embeddings(text, uuid[]) from public;
