-- 0087 store keys tell nothing.
set local lock_timeout = '3s';
set local role zava_owner;

-- A condition of a query that PostgreSQL knows to be leakproof, such as one of equal keys, may be looked up in
-- an index before the fence is asked. Where the index finds nothing, the signed context is never verified: how
-- long that takes told that another store has the key, or sells the product. With store_id in the index the
-- fence is a part of what is looked up; lower() is not known to be leakproof, so that only who writes uses that.
-- squawk-ignore ban-drop-constraint
alter table retail.stores drop constraint stores_store_key_key;
-- squawk-ignore require-concurrent-index-creation
create unique index stores_store_key_idx on retail.stores (lower(store_key));
-- squawk-ignore require-concurrent-index-creation
create index inventory_product_id_store_id_idx on retail.inventory (product_id, store_id);
-- squawk-ignore require-concurrent-index-deletion
drop index retail.inventory_product_id_idx;
-- squawk-ignore require-concurrent-index-creation
create index daily_sales_category_id_store_id_idx on retail.daily_sales (category_id, store_id);
-- squawk-ignore require-concurrent-index-deletion
drop index retail.daily_sales_category_id_idx;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/schema/_describe_columns.sql
-- zava._describe_columns(): one line a column that the caller may read. Where a check constraint or
-- the type lists the values of a column, so does its line; and where a text is the key of a small table.
create or replace function zava._describe_columns(
    p_table oid
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    select string_agg(
        concat(
            quote_ident(a.attname),
            ' ',
            format_type(a.atttypid, a.atttypmod),
            case when not a.attnotnull then ' null' end,
            ' (' || coalesce(
                v.list,
                case when t.typtype in ('d', 'e') or t.typcategory = 'A'
                    then zava._type_values(t.oid) end,
                o.list
            ) || ')',
            ': ' || regexp_replace(col_description(a.attrelid, a.attnum), '\s*[\n\r]\s*', ' ', 'g')
        ),
        e'\n'
        order by a.attnum
    )
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as t on t.oid = a.atttypid
    left join lateral (
        select string_agg(m.value, '|' order by m.position) as list
        from (
            select d.list
            from pg_catalog.pg_constraint as k
            cross join lateral
                zava._listed_values(pg_get_constraintdef(k.oid), t.typcategory = 'N') as d (list)
            where k.conrelid = a.attrelid
                and k.contype = 'c'
                and k.conkey = array[a.attnum]
                and d.list is not null
            order by k.conname
            limit 1
        ) as l
        cross join lateral json_array_elements_text(l.list)
            with ordinality as m (value, position)
    ) as v on true
    left join lateral (
        select zava._own_values(k.indrelid, a.attnum) as list
        from pg_catalog.pg_index as k
        where k.indrelid = a.attrelid
            and k.indisunique
            and not k.indisprimary
            and k.indnkeyatts = 1
            and k.indpred is null
            and pg_get_indexdef(k.indexrelid, 1, true) in (
                quote_ident(a.attname), format('lower(%I)', a.attname)
            )
            and a.atttypid = 'text'::regtype
            and has_column_privilege(a.attrelid, a.attnum, 'select')
        limit 1
    ) as o on true
    where a.attrelid = p_table
        and a.attnum > 0
        and not a.attisdropped
        and has_column_privilege(a.attrelid, a.attnum, 'select');
end;

comment on function zava._describe_columns(oid) is
    'Columns of a table: name, type, null where they may be, values where they are few, comment.

p_table: the table';
revoke execute on function zava._describe_columns(oid) from public;
grant execute on function zava._describe_columns(oid)
    to store_manager, regional_manager, head_office;

-- source: db/functions/seed/seed_stores.sql
-- zava.seed_stores(): adds the stores that are missing; returns how many.
-- First step of a load: the lock makes a second load wait, while readers and shops go on.
create or replace function zava.seed_stores()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_added bigint;
begin
    lock table retail.stores in share row exclusive mode;

    insert into retail.stores (
        store_id, store_key, name, city, is_online, tax_rate, opened_on, created_at, updated_at
    )
    select
        zava.seed_uuid('store:' || s.store_key),
        s.store_key,
        s.name,
        s.city,
        s.is_online,
        s.tax_rate,
        s.opened_on,
        timestamptz '2020-07-01 00:00:00-07',
        timestamptz '2020-07-01 00:00:00-07'
    from zava.seed_shops() as s
    on conflict (lower(store_key)) do nothing;

    get diagnostics v_added = row_count;
    return v_added;
end;
$function$;

comment on function zava.seed_stores() is
    'Adds the stores of the demo data that are missing; returns how many.';
revoke execute on function zava.seed_stores() from public;

-- sources end
reset role;
