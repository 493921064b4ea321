-- 0003 analytics, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

drop function api.describe_schema(text, text);

-- zava._describe_columns(): one line a column that the caller may read. Where a check constraint
-- lists the values of a column, so does its line.
create or replace function zava._describe_columns(
    p_table oid
)
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select string_agg(
        concat(
            quote_ident(a.attname),
            ' ',
            format_type(a.atttypid, a.atttypmod),
            case when not a.attnotnull then ' null' end,
            ' (' || v.list || ')',
            ': ' || col_description(a.attrelid, a.attnum)
        ),
        e'\n'
        order by a.attnum
    )
    from pg_catalog.pg_attribute as a
    left join lateral (
        select string_agg(replace(m.value[1], '''''', ''''), '|' order by m.position) as list
        from pg_catalog.pg_constraint as k
        cross join lateral pg_get_constraintdef(k.oid) as d (definition)
        cross join lateral regexp_matches(d.definition, '''((?:[^'']|'''')*)''', 'g')
            with ordinality as m (value, position)
        where k.conrelid = a.attrelid
            and k.contype = 'c'
            and k.conkey = array[a.attnum]
            -- PostgreSQL's own form of: column in ('a', 'b')
            and d.definition ~ '^CHECK \(\(\S+ = ANY \(ARRAY\[''[^\]]*\]\)\)\)$'
    ) as v on true
    where a.attrelid = p_table
        and a.attnum > 0
        and not a.attisdropped
        and has_column_privilege(a.attrelid, a.attnum, 'select');
end;

comment on function zava._describe_columns(oid) is
    'Columns of a table: name, type, null where they may be, values where a check lists them, comment.

p_table: the table';
revoke execute on function zava._describe_columns(oid) from public;
grant execute on function zava._describe_columns(oid)
    to store_manager, regional_manager, head_office;

-- api.describe_schema(): what the caller may ask about, in few words: an overview first, then one
-- table or function in full. Reads the system catalogue with the caller's own rights, so nothing is
-- shown that the caller could not read; an unknown name and a forbidden one look alike.
create or replace function api.describe_schema(
    p_name text default null
)
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select case
        when coalesce(btrim(p_name), '') = '' then zava._describe_all()
        else (
            select string_agg(d.description, e'\n\n' order by d.description)
            from (
                select concat_ws(
                    e'\n',
                    concat(
                        format('%I.%I', t.schema_name, t.table_name),
                        ': ' || obj_description(t.table_id, 'pg_class')
                    ),
                    zava._describe_keys(t.table_id),
                    'Columns (not null unless marked):',
                    zava._describe_columns(t.table_id)
                )
                from zava._readable_tables() as t
                where lower(btrim(p_name)) in
                    (t.table_name, t.schema_name || '.' || t.table_name)
                union all
                select concat_ws(e'\n', f.signature, f.description)
                from zava._callable_functions() as f
                where lower(btrim(p_name)) in (f.function_name, 'api.' || f.function_name)
            ) as d (description)
        )
    end;
end;

comment on function api.describe_schema(text) is
    'What there is to ask about. Without a name: a line for each table and function. With one: columns, types, keys, allowed values and comments. Null when nothing of that name may be read.

p_name: table or function, with or without its schema, for example orders or api.whoami';
revoke execute on function api.describe_schema(text) from public;
grant execute on function api.describe_schema(text)
    to store_manager, regional_manager, head_office;

revoke select, insert, update, delete on retail.daily_totals from zava_writer;
revoke select on retail.daily_totals from store_manager, regional_manager, head_office;
drop policy daily_totals_writer_all on retail.daily_totals;
drop policy daily_totals_head_office_fence on retail.daily_totals;
drop policy daily_totals_regional_manager_fence on retail.daily_totals;
drop policy daily_totals_store_manager_fence on retail.daily_totals;
drop policy daily_totals_head_office_select on retail.daily_totals;
drop policy daily_totals_regional_manager_select on retail.daily_totals;
drop policy daily_totals_store_manager_select on retail.daily_totals;
alter table retail.daily_totals no force row level security;
alter table retail.daily_totals disable row level security;
revoke select, insert, update, delete on retail.daily_sales from zava_writer;
revoke select on retail.daily_sales from store_manager, regional_manager, head_office;
drop policy daily_sales_writer_all on retail.daily_sales;
drop policy daily_sales_head_office_fence on retail.daily_sales;
drop policy daily_sales_regional_manager_fence on retail.daily_sales;
drop policy daily_sales_store_manager_fence on retail.daily_sales;
drop policy daily_sales_head_office_select on retail.daily_sales;
drop policy daily_sales_regional_manager_select on retail.daily_sales;
drop policy daily_sales_store_manager_select on retail.daily_sales;
alter table retail.daily_sales no force row level security;
alter table retail.daily_sales disable row level security;
drop function api.top_products(text, date, date, text, text, integer);
drop function api.store_performance(uuid, date, date);
drop function api.store_comparison(date, date, text);
drop function api.seasonality(text, text, integer);
drop function api.sales_trend(text, date, date, text, text);
drop function api.sales_forecast(text, integer, date, numeric);
drop function api.sales_anomalies(text, date, date, numeric, integer);
drop function api.returns_analysis(text, date, date, text, text, integer);
drop function zava.refresh_daily_sales(date, date);
revoke execute on function api.inventory_status(text, text, text, integer, integer, integer) from store_manager, regional_manager, head_office;
drop function api.inventory_status(text, text, text, integer, integer, integer)
   ;
drop function api.discount_impact(text, date, date, text);
drop function api.customer_segments(text, date, date);
revoke execute on function api.customer_lifetime_value(text, date, date, integer, integer) from store_manager, regional_manager, head_office;
drop function api.customer_lifetime_value(text, date, date, integer, integer)
   ;
drop function api.customer_cohorts(text, date, date);
drop function api.category_performance(text, date, date);
revoke execute on function api.basket_affinity(text, date, date, text, numeric, integer) from store_manager, regional_manager, head_office;
drop function api.basket_affinity(text, date, date, text, numeric, integer)
   ;
drop function api._store_ids(text);
drop function api._store_filter(text);
drop function zava._store_daily_sales(uuid, date, date);
drop function api._stock_days(uuid[], date, date);
drop function api._span(uuid[], date, date);
drop function api._require_range(text, numeric, numeric, numeric);
drop function api._require_choice(text, text, text[]);
drop function api._performance(uuid, date, date);
drop function api._percent(numeric, numeric);
drop function api._oldest_day(uuid[]);
drop function api._newest_day();
drop function api._insights(text, numeric, numeric, numeric, integer);
drop function api._growth(numeric, numeric);
drop function api._forecast_candidates(numeric[], integer, integer);
drop function api._forecast(numeric[], integer, numeric);
drop function api._date_range(date, date, integer);
drop function api._daily_totals(uuid[], date, date);
drop function api._daily_sales(uuid[], date, date);
drop function api._daily_revenue(uuid[], date, date);
drop function api._category_id(text);
drop function api._base_sales(uuid, date, date);
drop function api._base_orders(uuid, date, date);
drop function zava.api_functions_of(name);
drop function zava.api_fingerprint();
drop function zava.api_functions();
drop function zava._type_facts(oid);
drop function zava._search_schema(text, text);
drop function zava._own_rows(oid);
drop function api._list_names();
drop function zava._domain_values(oid);
drop function zava._own_values(oid, smallint);
drop function zava.find_principal_by_id(uuid);

-- sources end

drop table retail.daily_totals;
drop table retail.daily_sales;
alter table retail.stores drop column rolled_up_to;
drop view api.sale_lines;
drop index retail.orders_not_sold_idx;
reset role;
