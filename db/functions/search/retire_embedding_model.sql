-- zava.retire_embedding_model(): drops the vectors of a model that is not live. Detaching needs the
-- table for itself for a moment; the short lock_timeout keeps searches from queueing behind it.
create or replace function zava.retire_embedding_model(
    p_name text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '3s'
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_name);
    v_partition text := format('product_embeddings_%s', v_model_id);
    v_state text;
begin
    select m.state
    into v_state
    from retail.embedding_models as m
    where m.model_id = v_model_id
    for update;
    if v_state = 'live' then
        raise exception 'model % is live', p_name
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Activate another one first: zava-sql embed --activate.';
    end if;

    delete from zava.embedding_leases as l where l.model_id = v_model_id;
    if to_regclass('retail.' || v_partition) is not null then
        execute format(
            'alter table retail.product_embeddings detach partition retail.%I', v_partition
        );
        execute format('drop table retail.%I', v_partition);
    end if;
    update retail.embedding_models as m
    set state = 'retired', updated_at = now()
    where m.model_id = v_model_id;
end;
$function$;

comment on function zava.retire_embedding_model(text) is
    'Drops the vectors of a model that search does not use.

p_name: name of the model';
revoke execute on function zava.retire_embedding_model(text) from public;
