-- 0005 embeddings, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

drop function zava.store_embeddings(text, uuid[], bytea[], real[]);
drop function zava.retire_embedding_model(text);
drop function zava.release_embeddings(text, uuid[]);
drop function zava.live_embedding_model();
drop function zava.index_embedding_model(text);
drop function zava.embedding_status();
drop function zava.product_texts();
drop function zava.claim_embeddings(text, uuid, integer, interval);
drop function zava.add_embedding_model(text, integer);
drop function zava.activate_embedding_model(text);
drop function zava._embedding_model_id(text);

-- sources end

comment on column retail.product_embeddings.content_hash is
    'Digest of the text that was embedded; differs from the product''s when that has changed since.';
comment on column retail.products.content_hash is 'Digest of the text that is embedded for search.';
drop table zava.embedding_leases;

reset role;
