-- warning: An extension is older than the version that the server has, or that this product needs.
select
    e.extname as object,
    format('installed %s, available %s', e.extversion, a.default_version) as evidence,
    format('alter extension %I update;', e.extname) as remedy
from pg_catalog.pg_extension as e
left join pg_catalog.pg_available_extensions as a on a.name = e.extname
where e.extname = 'vector' and string_to_array(e.extversion, '.')::integer[] < '{0,8}'
    or e.extname in ('vector', 'pg_trgm', 'pg_stat_statements') and e.extversion <> a.default_version
