-- info: Search corrects no misspelt word, or scans all words for one: pg_trgm or its index is missing.
select
    r.name as object,
    case when e.oid is null then 'pg_trgm is available, not installed' else 'no index' end as evidence,
    case when e.oid is null then 'create extension pg_trgm schema public; ' else '' end
    || format(
        'create index search_words_word_idx on %s using gin (word %I.gin_trgm_ops);',
        r.name,
        coalesce(n.nspname, 'public')
    ) as remedy
from relations as r
join pg_catalog.pg_available_extensions as a on a.name = 'pg_trgm'
left join pg_catalog.pg_extension as e on e.extname = 'pg_trgm'
left join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
-- As the migration makes it where the extension is there by then.
where r.name = 'retail.search_words'
    and not exists (
        select
        from pg_catalog.pg_index as i
        join pg_catalog.pg_opclass as o on o.oid = i.indclass[0]
        where i.indrelid = r.oid and o.opcname = 'gin_trgm_ops'
    )
