-- zava._search_indexes(): the indexes that search wants of what stores sell: one for each store, and for the
-- stores of each principal that has several, if all of it is copied, and is more than can be compared one by
-- one but no more than half of the catalogue. An index of several stores is over the copies of each of them,
-- and what some of them sell alike is in it once (pgvector keeps equal vectors together).
create or replace function zava._search_indexes()
returns table (index_id uuid, stores uuid[], products bigint, model_id smallint, is_due boolean)
language sql
stable
parallel restricted
security invoker
begin atomic
    select n.index_id, n.stores, c.products, c.model_id,
        case
            when cardinality(n.stores) = 1 then c.is_due
            else r.is_known is not true or r.changed > c.products / 10
        end
    from (
        select s.store_id as index_id, array[s.store_id] as stores
        from retail.search_stores as s
        union all
        select api._region_id(g.stores), g.stores
        from (
            select distinct array_agg(s.store_id order by s.store_id) as stores
            from zava.principals as p
            join zava.principal_stores as o on o.principal_id = p.principal_id
            join retail.search_stores as s on s.store_id = o.store_id
            where p.active
            group by p.principal_id
            having count(*) > 1
        ) as g
    ) as n
    cross join lateral (
        select bit_count(bit_or(s.sold)) as products, max(s.model_id) as model_id, bool_and(s.copied) as copied,
            bool_or(s.indexed is null or s.ef_search is null or s.changed > s.products / 10) as is_due
        from retail.search_stores as s
        where s.store_id = any (n.stores)
    ) as c
    cross join lateral (
        select bool_and(r.model_id = c.model_id) as is_known, sum(r.changed) as changed
        from retail.search_regions as r
        where r.region_id = n.index_id
    ) as r
    cross join api._few() as f
    where c.copied and c.products > 1500 and (cardinality(n.stores) = 1 or c.products <= f.copied);
end;

comment on function zava._search_indexes() is
    'Indexes of what stores, and the stores of regions, sell: of which stores, how many products, of which model, and whether one is to be built or measured again.';
revoke execute on function zava._search_indexes() from public;
