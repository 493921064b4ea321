-- 0016 embedding model turns, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- zava.add_embedding_model(): makes room for the vectors of a model: a partition that takes only its
-- length. Can be repeated, also at the same time. Attaching it, unlike creating it in place, lets
-- searches go on; the short lock_timeout keeps them from queueing behind this.
create or replace function zava.add_embedding_model(
    p_name text,
    p_dimensions integer
)
returns smallint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '3s'
as $function$
declare
    v_model retail.embedding_models;
    v_partition text;
begin
    if coalesce(p_name !~ '^[[:graph:]]{1,200}$', true) then
        raise exception 'not a name of an embedding model: %',
            coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'Use 1 to 200 characters without spaces.';
    end if;
    if coalesce(p_dimensions not between 1 and 4000, true) then
        raise exception 'vectors of % dimensions cannot be indexed', coalesce(p_dimensions, 0)
            using errcode = 'invalid_parameter_value', hint = 'Use 1 to 4000 dimensions.';
    end if;

    insert into retail.embedding_models (name, dimensions)
    values (p_name, p_dimensions)
    on conflict (name) do update
    set dimensions = excluded.dimensions, state = 'building', updated_at = now()
    where embedding_models.state = 'retired';

    select * into v_model from retail.embedding_models as m where m.name = p_name for update;
    if v_model.dimensions <> p_dimensions then
        raise exception 'the vectors of model % have % dimensions, not %',
            p_name, v_model.dimensions, p_dimensions
            using errcode = 'invalid_parameter_value',
                  hint = 'Give vectors of another length a model name of their own.';
    end if;

    v_partition := format('product_embeddings_%s', v_model.model_id);
    if to_regclass('retail.' || v_partition) is null then
        execute format(
            'create table retail.%1$I (
                like retail.product_embeddings including defaults,
                constraint %2$I check (model_id = %3$s and %4$I.vector_dims(embedding) = %5$s)
            )',
            v_partition,
            v_partition || '_check',
            v_model.model_id,
            (
                select n.nspname
                from pg_catalog.pg_extension as e
                join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
                where e.extname = 'vector'
            ),
            p_dimensions
        );
        execute format('alter table retail.%I owner to zava_owner', v_partition);
        execute format(
            'alter table retail.product_embeddings attach partition retail.%I for values in (%s)',
            v_partition,
            v_model.model_id
        );
    end if;
    return v_model.model_id;
end;
$function$;

comment on function zava.add_embedding_model(text, integer) is
    'Makes room for the vectors of a model beside those of others, and gives its id.

p_name: name of the model
p_dimensions: length of its vectors';
revoke execute on function zava.add_embedding_model(text, integer) from public;

-- sources end
reset role;
