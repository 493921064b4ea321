-- zava.embedding_status(): how far each model is, for `zava-sql embed` and whoever looks after it.
create or replace function zava.embedding_status()
returns table (
    model text,
    state text,
    dimensions integer,
    products bigint,
    embedded bigint,
    missing bigint,
    changed bigint,
    leased bigint,
    is_indexed boolean,
    size_bytes bigint
)
language sql
stable
parallel safe
security invoker
begin atomic
    with texts as materialized (
        select t.product_id, t.content_hash from zava.product_texts() as t
    )
    select
        m.name,
        m.state,
        m.dimensions,
        n.products,
        n.embedded,
        n.missing,
        n.products - n.embedded - n.missing,
        (
            select count(*)
            from zava.embedding_leases as l
            where l.model_id = m.model_id and l.leased_until > clock_timestamp()
        ),
        to_regclass(format('retail.product_embeddings_%s_embedding_idx', m.model_id)) is not null,
        coalesce(
            pg_total_relation_size(to_regclass(format('retail.product_embeddings_%s', m.model_id))),
            0
        )
    from retail.embedding_models as m
    cross join lateral (
        select
            count(*) as products,
            count(*) filter (where e.content_hash = x.content_hash) as embedded,
            count(*) filter (where e.content_hash is null) as missing
        from texts as x
        left join retail.product_embeddings as e
            on e.model_id = m.model_id and e.product_id = x.product_id
    ) as n
    order by m.model_id;
end;

comment on function zava.embedding_status() is
    'For each model: how many products have a vector of their text, have none, or one of a text that has changed since; what workers hold; whether it is indexed; its size in bytes.';
revoke execute on function zava.embedding_status() from public;
