-- 0003 analytics: definition of a sale line, daily rollup, reports. Run by the administrator.
set local lock_timeout = '3s';
set local role zava_owner;

-- What is sold and what came back: the one definition of a sale line, for reports and the rollup.
-- Written so that a report pays for what it names. The outer joins cost nothing unless one of their
-- columns is asked for; orders that are no sales are looked for, being few, not those that are. The
-- foreign keys of order_items make that the same.
create index orders_not_sold_idx
    on retail.orders (store_id, order_id)
    where status in ('pending', 'cancelled');

create view api.sale_lines
with (security_invoker = true)
as
select
    i.store_id,
    i.order_id,
    i.line_number,
    i.product_id,
    p.category_id,
    p.type_id,
    o.customer_id,
    i.order_date,
    (i.order_date at time zone s.time_zone)::date as sold_on,
    i.quantity < 0 as is_return,
    i.quantity,
    i.unit_price,
    i.unit_cost,
    i.discount_amount,
    i.total_amount,
    i.quantity * i.unit_cost as cost,
    i.return_of_order_id,
    i.return_of_line_number
from retail.order_items as i
left join retail.stores as s on s.store_id = i.store_id
left join retail.products as p on p.product_id = i.product_id
left join retail.orders as o on o.store_id = i.store_id and o.order_id = i.order_id
where not exists (
    select
    from retail.orders as n
    where n.store_id = i.store_id
        and n.order_id = i.order_id
        and n.status in ('pending', 'cancelled')
);
comment on view api.sale_lines is
    'Lines of completed orders and of returns; pending and cancelled orders are left out. Filter by order_date, which has an index, rather than by sold_on alone.';
comment on column api.sale_lines.store_id is 'Store of the sale.';
comment on column api.sale_lines.order_id is 'Order of the line.';
comment on column api.sale_lines.line_number is 'Number of the line in its order.';
comment on column api.sale_lines.product_id is 'Product sold or returned.';
comment on column api.sale_lines.category_id is 'Category of the product.';
comment on column api.sale_lines.type_id is 'Kind of the product.';
comment on column api.sale_lines.customer_id is 'Empty for a cash sale.';
comment on column api.sale_lines.order_date is 'Moment of the sale or return.';
comment on column api.sale_lines.sold_on is 'Its day in the store''s time zone.';
comment on column api.sale_lines.is_return is 'True for returned pieces.';
comment on column api.sale_lines.quantity is 'Pieces; negative when returned.';
comment on column api.sale_lines.unit_price is 'Price a piece in USD before discount.';
comment on column api.sale_lines.unit_cost is 'Purchase cost a piece in USD on that day.';
comment on column api.sale_lines.discount_amount is
    'Discount of the line in USD; negative when returned.';
comment on column api.sale_lines.total_amount is
    'Revenue of the line in USD after discount, without tax; negative when returned.';
comment on column api.sale_lines.cost is 'quantity * unit_cost in USD.';
comment on column api.sale_lines.return_of_order_id is 'Order of the line that came back.';
comment on column api.sale_lines.return_of_line_number is 'Number of the line that came back.';
grant select on api.sale_lines to store_manager, regional_manager, head_office;

-- The rollup. A row is good up to its store's rolled_up_to; what is later, or lies behind it since
-- a writer took that day back, is nobody's business but zava.refresh_daily_sales()'s.
alter table retail.stores add column rolled_up_to date;
comment on column retail.stores.rolled_up_to is
    'Last day that retail.daily_sales and daily_totals hold; later days are in order_items only.';

create table retail.daily_sales (
    store_id uuid not null,
    sold_on date not null,
    category_id uuid not null,
    lines integer not null,
    orders integer not null,
    units integer not null,
    returned_units integer not null,
    gross_revenue numeric(14, 2) not null,
    revenue numeric(14, 2) not null,
    cost numeric(14, 2) not null,
    discount_amount numeric(14, 2) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint daily_sales_pkey primary key (store_id, sold_on, category_id),
    constraint daily_sales_store_id_fkey foreign key (store_id)
        references retail.stores (store_id),
    constraint daily_sales_category_id_fkey foreign key (category_id)
        references retail.categories (category_id)
);
create index daily_sales_category_id_idx on retail.daily_sales (category_id);
comment on table retail.daily_sales is
    'Sales by store, day and category, for days up to stores.rolled_up_to. Orders do not add up over categories: use retail.daily_totals.';
comment on column retail.daily_sales.sold_on is 'Day in the store''s time zone.';
comment on column retail.daily_sales.lines is 'Sale lines, returned ones included.';
comment on column retail.daily_sales.orders is
    'Orders in which something of the category was sold.';
comment on column retail.daily_sales.units is 'Pieces sold less pieces returned.';
comment on column retail.daily_sales.returned_units is 'Pieces returned.';
comment on column retail.daily_sales.gross_revenue is
    'Lines that are not returns: USD after discount, without tax.';
comment on column retail.daily_sales.revenue is 'Net of returns: USD after discount, without tax.';
comment on column retail.daily_sales.cost is 'Purchase cost of the net pieces in USD.';
comment on column retail.daily_sales.discount_amount is 'Discount in USD, less that of returned lines.';

create table retail.daily_totals (
    store_id uuid not null,
    sold_on date not null,
    lines integer not null,
    orders integer not null,
    units integer not null,
    returned_units integer not null,
    gross_revenue numeric(14, 2) not null,
    revenue numeric(14, 2) not null,
    cost numeric(14, 2) not null,
    discount_amount numeric(14, 2) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint daily_totals_pkey primary key (store_id, sold_on),
    constraint daily_totals_store_id_fkey foreign key (store_id)
        references retail.stores (store_id)
);
comment on table retail.daily_totals is
    'Sales by store and day, for days up to stores.rolled_up_to.';
comment on column retail.daily_totals.sold_on is 'Day in the store''s time zone.';
comment on column retail.daily_totals.lines is 'Sale lines, returned ones included.';
comment on column retail.daily_totals.orders is
    'Completed orders.';
comment on column retail.daily_totals.units is 'Pieces sold less pieces returned.';
comment on column retail.daily_totals.returned_units is 'Pieces returned.';
comment on column retail.daily_totals.gross_revenue is
    'Lines that are not returns: USD after discount, without tax.';
comment on column retail.daily_totals.revenue is 'Net of returns: USD after discount, without tax.';
comment on column retail.daily_totals.cost is 'Purchase cost of the net pieces in USD.';
comment on column retail.daily_totals.discount_amount is 'Discount in USD, less that of returned lines.';

-- sources begin (written by scripts/freeze up to the end mark)

drop function api.describe_schema(text);

-- source: db/functions/security/find_principal_by_id.sql
-- zava.find_principal_by_id(): a principal by its id, for requests of a trusted proxy, which has
-- authenticated the caller itself. Disabled ones are told apart so that the error can say so.
-- SECURITY DEFINER: the service login reads identities through functions only.
create or replace function zava.find_principal_by_id(
    p_principal_id uuid
)
returns table (principal_id uuid, name text, kind text, role_name name, active boolean)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select p.principal_id, p.name, p.kind, p.role_name, p.active
    from zava.principals as p
    where p.principal_id = p_principal_id;
end;

comment on function zava.find_principal_by_id(uuid) is
    'The principal of an id, or no row.

p_principal_id: id of the principal';
revoke execute on function zava.find_principal_by_id(uuid) from public;
grant execute on function zava.find_principal_by_id(uuid) to zava_service;

-- source: db/functions/schema/_own_values.sql
-- zava._own_values(): the values of a column in a table of which the caller sees at most 50 rows:
-- names of categories, keys of stores. Null when there are more, or one that does not fit in a list.
create or replace function zava._own_values(
    p_table oid,
    p_column smallint
)
returns text
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_list text;
begin
    execute format(
        $query$
            select string_agg(t.v, '|' order by t.v)
            from (select %1$I as v from %2$s limit 51) as t
            having count(*) <= 50 and not bool_or(t.v ~ '[|[:cntrl:]]' or length(t.v) > 60)
        $query$,
        (
            select a.attname
            from pg_attribute as a
            where a.attrelid = p_table and a.attnum = p_column
        ),
        p_table::regclass
    ) into v_list;
    return v_list;
end;
$function$;

comment on function zava._own_values(oid, smallint) is
    'Values of a text column that the caller sees, separated by |, or null where there are many.

p_table: a table that the caller may read
p_column: number of a column of type text';
revoke execute on function zava._own_values(oid, smallint) from public;
grant execute on function zava._own_values(oid, smallint)
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_describe_columns.sql
-- zava._describe_columns(): one line a column that the caller may read. Where a check constraint
-- lists the values of a column, so does its line; and where a text is the key of a small table.
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
            ' (' || coalesce(v.list, o.list) || ')',
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
    left join lateral (
        select zava._own_values(k.conrelid, a.attnum) as list
        from pg_catalog.pg_constraint as k
        where k.conrelid = a.attrelid
            and k.contype = 'u'
            and k.conkey = array[a.attnum]
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

-- source: db/functions/schema/_domain_values.sql
-- zava._domain_values(): the values that a check of a domain lists, texts or numbers, as JSON.
-- PostgreSQL writes "value in ('a', 'b')" in one form, and only that is read; any other check is
-- kept by the database alone.
create or replace function zava._domain_values(
    p_domain oid
)
returns json
language sql
stable
parallel safe
security invoker
begin atomic
    select case
        when d.list like '%''%' then (
            select json_agg(replace(m.value[1], '''''', '''') order by m.position)
            from regexp_matches(d.list, '''((?:[^'']|'''')*)''', 'g')
                with ordinality as m (value, position)
        )
        else (
            select json_agg(m.value[1]::numeric order by m.position)
            from regexp_matches(d.list, '(-?\d+(?:\.\d+)?)', 'g')
                with ordinality as m (value, position)
        )
    end
    from pg_catalog.pg_constraint as k
    cross join lateral (
        select substring(
            pg_get_constraintdef(k.oid)
            from '^CHECK \(\(+VALUE\)?(?:::\w+)? = ANY \(+ARRAY\[([^\]]*)\]\)*(?:::\w+\[\])?\)+$'
        )
    ) as d (list)
    where k.contypid = p_domain and d.list is not null
    order by k.conname
    limit 1;
end;

comment on function zava._domain_values(oid) is
    'Values that a domain allows, where a check lists them; else null.

p_domain: the domain';
revoke execute on function zava._domain_values(oid) from public;
grant execute on function zava._domain_values(oid) to zava_service;

-- source: db/functions/schema/_list_names.sql
-- api._list_names(): names of what the caller may use, for lists and completions of clients; no tool.
create or replace function api._list_names()
returns table (kind text, name text, title text)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        'table',
        t.schema_name || '.' || t.table_name,
        coalesce(split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1), '')
    from zava._readable_tables() as t
    union all
    select distinct on (f.function_name)
        'function', 'api.' || f.function_name, split_part(f.description, e'\n', 1)
    from zava._callable_functions() as f
    order by 1 desc, 2;
end;

comment on function api._list_names() is
    'Tables and functions that the caller may use: kind (table or function), name with its schema, first line of the comment.';
revoke execute on function api._list_names() from public;
grant execute on function api._list_names() to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_own_rows.sql
-- zava._own_rows(): how many rows of a table the caller sees, counted up to 10,001 and no further.
-- Counted, not estimated: the planner's statistics are about the rows of all stores.
create or replace function zava._own_rows(
    p_table oid
)
returns bigint
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_count bigint;
begin
    execute format('select count(*) from (select from %s limit 10001) as t', p_table::regclass)
        into v_count;
    return v_count;
end;
$function$;

comment on function zava._own_rows(oid) is
    'Number of rows that the caller sees; 10001 stands for more than 10000.

p_table: a table that the caller may read';
revoke execute on function zava._own_rows(oid) from public;
grant execute on function zava._own_rows(oid)
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_search_schema.sql
-- zava._search_schema(): lines about tables, columns and functions in whose name, comment or listed
-- values every word occurs, at most 50.
create or replace function zava._search_schema(
    p_search text,
    p_name text
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    select string_agg(f.line, e'\n' order by f.place, f.line)
    from (
        select l.place, l.line
        from (
            select
                1 as place,
                t.schema_name || '.' || t.table_name as name,
                t.table_name as short_name,
                concat(
                    format('%I.%I', t.schema_name, t.table_name),
                    ': ' || split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1)
                ) as line
            from zava._readable_tables() as t
            union all
            select
                2,
                t.schema_name || '.' || t.table_name,
                t.table_name,
                format('%I.%I.%s', t.schema_name, t.table_name, c.line)
            from zava._readable_tables() as t
            cross join lateral
                string_to_table(zava._describe_columns(t.table_id), e'\n') as c (line)
            union all
            select
                3,
                'api.' || f.function_name,
                f.function_name,
                concat(f.signature, ': ', split_part(f.description, e'\n', 1))
            from zava._callable_functions() as f
        ) as l
        where (
                coalesce(btrim(p_name), '') = ''
                or lower(btrim(p_name)) in (l.name, l.short_name)
            )
            and not exists (
                select
                from string_to_table(lower(btrim(p_search)), ' ') as w (word)
                where position(w.word in lower(l.line)) = 0
            )
        order by l.place, l.line
        limit 50
    ) as f;
end;

comment on function zava._search_schema(text, text) is
    'Tables, columns and functions that words are found in, a line each; null when there is none.

p_search: words, separated by spaces
p_name: table or function to look in, or null for all';
revoke execute on function zava._search_schema(text, text) from public;
grant execute on function zava._search_schema(text, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_type_facts.sql
-- zava._type_facts(): what one must know of a type to write a JSON Schema for it: its name as SQL
-- writes it (schema included), its kind (pg_type.typtype, or a for an array), the element of an
-- array and the base of a domain, the columns of a row, and the values of an enum or of a domain
-- whose check lists them. Calls itself, which a body bound at creation could not.
create or replace function zava._type_facts(
    p_type oid
)
returns json
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    return (
        select json_strip_nulls(json_build_object(
            'name', t.typname,
            'sql', format_type(t.oid, null),
            'kind', k.kind,
            'of', case k.kind
                when 'a' then zava._type_facts(t.typelem)
                when 'd' then zava._type_facts(t.typbasetype)
            end,
            'values', case k.kind
                when 'd' then zava._domain_values(t.oid)
                when 'e' then (
                    select json_agg(e.enumlabel order by e.enumsortorder)
                    from pg_enum as e
                    where e.enumtypid = t.oid
                )
            end,
            'columns', case when k.kind = 'c' then (
                select json_agg(
                    json_build_object('name', a.attname, 'type', zava._type_facts(a.atttypid))
                    order by a.attnum
                )
                from pg_attribute as a
                where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
            ) end
        ))
        from pg_type as t
        cross join lateral (
            select case
                when t.typsubscript = 'array_subscript_handler'::regproc then 'a'
                else t.typtype::text
            end
        ) as k (kind)
        where t.oid = p_type
    );
end;
$function$;

comment on function zava._type_facts(oid) is
    'Name, kind, element, columns and values of a type, for the schema of a tool.

p_type: the type';
revoke execute on function zava._type_facts(oid) from public;
grant execute on function zava._type_facts(oid) to zava_service;

-- source: db/functions/schema/api_functions.sql
-- zava.api_functions(): all routines of the schema api, with what the schema of a tool is made of.
-- For the service, which makes a tool of each that can be shown. The pinned search_path makes types
-- and defaults come with their schemas, so that they mean the same in every session.
create or replace function zava.api_functions()
returns table (
    function_id oid,
    function_name text,
    kind text,
    volatility text,
    is_set boolean,
    is_variadic boolean,
    result json,
    parameters json,
    description text
)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select
        p.oid,
        p.proname::text,
        p.prokind::text,
        p.provolatile::text,
        p.proretset,
        p.provariadic <> 0,
        zava._type_facts(p.prorettype),
        coalesce(a.list, '[]'),
        coalesce(obj_description(p.oid, 'pg_proc'), '')
    from pg_proc as p
    cross join lateral (
        select json_agg(
            json_build_object(
                'name', p.proargnames[u.position],
                'mode', coalesce(p.proargmodes[u.position], 'i'),
                'type', zava._type_facts(u.type_id),
                'default', pg_get_function_arg_default(p.oid, u.position::integer)
            )
            order by u.position
        )
        from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality
            as u (type_id, position)
    ) as a (list)
    where p.pronamespace = 'api'::regnamespace
        and not starts_with(p.proname::text, '_')
    order by p.proname, p.oid;
end;
$function$;

comment on function zava.api_functions() is
    'Routines of the schema api: kind and volatility as in pg_proc, types, parameters, comment.';
revoke execute on function zava.api_functions() from public;
grant execute on function zava.api_functions() to zava_service;

-- source: db/functions/schema/api_fingerprint.sql
-- zava.api_fingerprint(): changes whenever something changes that tools are made of, or who may
-- call them: what zava.api_functions() says, privileges, memberships of roles. The service asks for
-- it every few seconds; "notify zava_catalogue" has it ask at once.
create or replace function zava.api_fingerprint()
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select encode(
        sha256(convert_to(
            concat_ws(
                e'\n',
                (
                    select string_agg(
                        concat_ws(' ', f.*, p.proacl, p.proowner), e'\n' order by f.function_id
                    )
                    from zava.api_functions() as f
                    join pg_catalog.pg_proc as p on p.oid = f.function_id
                ),
                (
                    select concat_ws(' ', n.nspacl, n.nspowner)
                    from pg_catalog.pg_namespace as n
                    where n.nspname = 'api'
                ),
                (
                    select sum(hashtextextended(concat_ws(' ', m.roleid, m.member, m.inherit_option), 0))
                    from pg_catalog.pg_auth_members as m
                )
            ),
            'UTF8'
        )),
        'hex'
    );
end;

comment on function zava.api_fingerprint() is
    'A text that is another one as soon as the functions of the schema api, their comments, or who may call them have changed.';
revoke execute on function zava.api_fingerprint() from public;
grant execute on function zava.api_fingerprint() to zava_service;

-- source: db/functions/schema/api_functions_of.sql
-- zava.api_functions_of(): which functions of the schema api a role may call. For the service, which
-- shows each caller the tools of its own role; a call is judged again, by PostgreSQL itself.
create or replace function zava.api_functions_of(
    p_role name
)
returns table (function_id oid)
language sql
stable
parallel safe
security invoker
begin atomic
    select p.oid
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'api'
        and p.prokind = 'f'
        and not starts_with(p.proname::text, '_')
        and has_schema_privilege(p_role, n.oid, 'usage')
        and has_function_privilege(p_role, p.oid, 'execute');
end;

comment on function zava.api_functions_of(name) is
    'Functions of the schema api that a role may call.

p_role: the role';
revoke execute on function zava.api_functions_of(name) from public;
grant execute on function zava.api_functions_of(name) to zava_service;

-- source: db/functions/schema/describe_schema.sql
-- api.describe_schema(): what the caller may ask about, in few words: an overview first, then one
-- table or function in full. Reads the system catalogue with the caller's own rights, so nothing is
-- shown that the caller could not read; an unknown name and a forbidden one look alike.
create or replace function api.describe_schema(
    p_name text default null,
    p_search text default null
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    select case
        when coalesce(btrim(p_search), '') <> '' then zava._search_schema(p_search, p_name)
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
                    case
                        when c.relkind in ('r', 'p') then 'Rows you see: '
                            || coalesce(nullif(zava._own_rows(c.oid), 10001)::text, 'more than 10000')
                    end,
                    zava._describe_keys(t.table_id),
                    'Columns (not null unless marked):',
                    zava._describe_columns(t.table_id)
                )
                from zava._readable_tables() as t
                join pg_catalog.pg_class as c on c.oid = t.table_id
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

comment on function api.describe_schema(text, text) is
    'What there is to ask about. Without a name: a line for each table and function. With one: columns, types, keys, allowed values, comments and how many rows you see. With words: what they are found in. Null when there is nothing.

p_name: table or function, with or without its schema, for example orders or api.whoami
p_search: words to look for in names and comments, for example customer city';
revoke execute on function api.describe_schema(text, text) from public;
grant execute on function api.describe_schema(text, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_base_orders.sql
-- api._base_orders(): completed orders of one store by day, from the orders. Not a tool.
-- Beside api._base_sales(): orders do not add up over categories.
create or replace function api._base_orders(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (sold_on date, orders bigint)
language sql
stable
parallel restricted
security invoker
begin atomic
    -- Materialized, so that the moments are plain values by the time they meet the index.
    with span as materialized (
        select
            s.store_id,
            s.time_zone,
            p_from::timestamp at time zone s.time_zone as moment_from,
            (p_to + 1)::timestamp at time zone s.time_zone as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select d.sold_on, count(*)
    from span as s
    join retail.orders as o
        on o.store_id = s.store_id
        and o.order_date >= s.moment_from
        and o.order_date < s.moment_to
    cross join lateral (select (o.order_date at time zone s.time_zone)::date as sold_on) as d
    where o.status = 'completed'
    group by d.sold_on;
end;

comment on function api._base_orders(uuid, date, date) is
    'Completed orders of one store by day.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_orders(uuid, date, date) from public;
grant execute on function api._base_orders(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_base_sales.sql
-- api._base_sales(): sales of one store by day and category from its order lines. Not a tool.
-- The one place where lines become the measures of the rollup: zava.refresh_daily_sales() stores
-- what this says, and reports ask it for days that are not stored yet.
create or replace function api._base_sales(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (
    sold_on date,
    category_id uuid,
    lines bigint,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    -- Materialized, so that the moments are plain values by the time they meet the index.
    with span as materialized (
        select
            s.store_id,
            p_from::timestamp at time zone s.time_zone as moment_from,
            (p_to + 1)::timestamp at time zone s.time_zone as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select
        l.sold_on,
        l.category_id,
        count(*),
        count(distinct l.order_id) filter (where not l.is_return),
        sum(l.quantity),
        coalesce(-sum(l.quantity) filter (where l.is_return), 0),
        coalesce(sum(l.total_amount) filter (where not l.is_return), 0),
        sum(l.total_amount),
        sum(l.cost),
        sum(l.discount_amount)
    from span as s
    join api.sale_lines as l
        on l.store_id = s.store_id
        and l.order_date >= s.moment_from
        and l.order_date < s.moment_to
    group by l.sold_on, l.category_id;
end;

comment on function api._base_sales(uuid, date, date) is
    'Sales of one store by day and category, computed from the lines.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_sales(uuid, date, date) from public;
grant execute on function api._base_sales(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_category_id.sql
-- api._category_id(): id of a category by its name, in any case. Not a tool.
-- An unknown name gets the one that shares most of its three-letter pieces as a hint: this needs
-- no extension, and the catalogue is shared by all stores, so that naming it tells nothing.
create or replace function api._category_id(
    p_category text
)
returns uuid
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_asked constant text := lower(btrim(p_category));
    v_category_id uuid;
    v_nearest text;
    v_all text;
begin
    if p_category is null then
        return null;
    end if;

    select c.category_id
    into v_category_id
    from retail.categories as c
    where lower(c.name) = v_asked;

    if v_category_id is null then
        select
            (array_agg(c.name order by p.pieces desc, c.name))[1],
            string_agg(c.name, ', ' order by c.name)
        into v_nearest, v_all
        from retail.categories as c
        cross join lateral (
            select count(*) as pieces
            from generate_series(1, least(length(v_asked), 60) - 2) as n (first)
            where position(substr(v_asked, n.first, 3) in lower(c.name)) > 0
        ) as p;

        raise exception 'there is no category %', left(p_category, 60)
            using errcode = 'invalid_parameter_value',
                  hint = format('Did you mean %s? Categories: %s.', v_nearest, v_all);
    end if;

    return v_category_id;
end;
$function$;

comment on function api._category_id(text) is
    'Id of a category; an error with the nearest name when there is none of that name.

p_category: name of a category in any case, for example Hand Tools; null gives null';
revoke execute on function api._category_id(text) from public;
grant execute on function api._category_id(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_daily_revenue.sql
-- api._daily_revenue(): revenue by store and day, days without sales included. Not a tool.
-- Days that the rollup holds come from there, later ones from the orders, whose total is the sum of
-- their lines: one index-only scan a store.
-- A store's series begins on the day of its first sale, wherever p_from lies.
create or replace function api._daily_revenue(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (store_id uuid, day date, revenue numeric)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_open date;
    v_range record;
begin
    -- The first day that some store's rollup lacks; later ones are looked for in the orders.
    select min(coalesce(s.rolled_up_to + 1, p_from))
    into v_open
    from retail.stores as s
    where p_stores is null or s.store_id = any (p_stores);
    select r.moment_from, r.moment_to
    into v_range
    from api._date_range(least(greatest(p_from, v_open), p_to), p_to) as r;

    return query
    with sales as materialized (
        select d.store_id, d.sold_on as day, d.revenue
        from retail.stores as s
        join retail.daily_totals as d
            on d.store_id = s.store_id and d.sold_on <= s.rolled_up_to
        where (p_stores is null or s.store_id = any (p_stores))
            and d.sold_on between p_from and p_to
        union all
        select o.store_id, t.day, sum(o.total_amount)
        from retail.stores as s
        join retail.orders as o on o.store_id = s.store_id
        cross join lateral (select (o.order_date at time zone s.time_zone)::date as day) as t
        where (p_stores is null or s.store_id = any (p_stores))
            and o.status in ('completed', 'return')
            and o.order_date >= v_range.moment_from
            and o.order_date < v_range.moment_to
            and t.day between p_from and p_to
            and (s.rolled_up_to is null or t.day > s.rolled_up_to)
        group by o.store_id, t.day
    ),
    starts as (
        select s.store_id, greatest(p_from, (f.order_date at time zone s.time_zone)::date) as day
        from retail.stores as s
        cross join lateral (
            select o.order_date
            from retail.orders as o
            where o.store_id = s.store_id and o.status in ('completed', 'return')
            order by o.order_date
            limit 1
        ) as f
        where (p_stores is null or s.store_id = any (p_stores))
    )
    select t.store_id, t.day + n.days, coalesce(a.revenue, 0)
    from starts as t
    cross join lateral generate_series(0, p_to - t.day) as n (days)
    left join sales as a on a.store_id = t.store_id and a.day = t.day + n.days
    order by t.store_id, t.day + n.days;
end;
$function$;

comment on function api._daily_revenue(uuid[], date, date) is
    'Revenue in USD by store and day of its time zone, from its first sale on; 0 on days without sales.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_revenue(uuid[], date, date) from public;
grant execute on function api._daily_revenue(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_daily_sales.sql
-- api._daily_sales(): sales by store, day and category, wherever they are kept. Not a tool.
-- Days up to stores.rolled_up_to come from the rollup, later ones from the lines: one snapshot
-- sees both, so that a day is never counted twice or left out.
create or replace function api._daily_sales(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    sold_on date,
    category_id uuid,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        d.store_id,
        d.sold_on,
        d.category_id,
        d.orders::bigint,
        d.units::bigint,
        d.returned_units::bigint,
        d.gross_revenue,
        d.revenue,
        d.cost,
        d.discount_amount
    from retail.stores as s
    join retail.daily_sales as d on d.store_id = s.store_id and d.sold_on <= s.rolled_up_to
    where s.store_id = any (p_stores) and d.sold_on between p_from and p_to
    union all
    select
        s.store_id,
        b.sold_on,
        b.category_id,
        b.orders,
        b.units,
        b.returned_units,
        b.gross_revenue,
        b.revenue,
        b.cost,
        b.discount_amount
    from retail.stores as s
    cross join lateral api._base_sales(
        s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to
    ) as b
    where s.store_id = any (p_stores) and (s.rolled_up_to < p_to or s.rolled_up_to is null);
end;

comment on function api._daily_sales(uuid[], date, date) is
    'Sales by store, day of its time zone and category. Orders are those with a sold line of the category.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_sales(uuid[], date, date) from public;
grant execute on function api._daily_sales(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_daily_totals.sql
-- api._daily_totals(): sales by store and day, wherever they are kept. Not a tool.
-- Like api._daily_sales(). A day that is not stored yet comes in several rows, which add up: one a
-- category, and one with the number of orders, which categories do not tell.
create or replace function api._daily_totals(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    sold_on date,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        d.store_id,
        d.sold_on,
        d.orders::bigint,
        d.units::bigint,
        d.returned_units::bigint,
        d.gross_revenue,
        d.revenue,
        d.cost,
        d.discount_amount
    from retail.stores as s
    join retail.daily_totals as d on d.store_id = s.store_id and d.sold_on <= s.rolled_up_to
    where s.store_id = any (p_stores) and d.sold_on between p_from and p_to
    union all
    select
        s.store_id,
        b.sold_on,
        0::bigint,
        b.units,
        b.returned_units,
        b.gross_revenue,
        b.revenue,
        b.cost,
        b.discount_amount
    from retail.stores as s
    cross join lateral api._base_sales(
        s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to
    ) as b
    where s.store_id = any (p_stores) and (s.rolled_up_to < p_to or s.rolled_up_to is null)
    union all
    select s.store_id, b.sold_on, b.orders, 0::bigint, 0::bigint, 0::numeric, 0::numeric,
        0::numeric, 0::numeric
    from retail.stores as s
    cross join lateral api._base_orders(
        s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to
    ) as b
    where s.store_id = any (p_stores) and (s.rolled_up_to < p_to or s.rolled_up_to is null);
end;

comment on function api._daily_totals(uuid[], date, date) is
    'Sales by store and day of its time zone; a day may come in several rows that add up.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_totals(uuid[], date, date) from public;
grant execute on function api._daily_totals(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_date_range.sql
-- api._date_range(): checked first and last day of a report, and moments around them. Not a tool.
-- A report filters by its stores' local days, which no index knows. The two moments enclose these
-- days in every time zone (UTC+14 to UTC-12): a filter on order_date beside it keeps the index.
create or replace function api._date_range(
    p_from date,
    p_to date,
    p_days integer default 30
)
returns table (date_from date, date_to date, moment_from timestamptz, moment_to timestamptz)
language plpgsql
stable
parallel restricted
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_to date := coalesce(p_to, api._newest_day());
    v_from date := coalesce(p_from, v_to - p_days + 1);
    v_wrong date := case
        when v_from not between date '1900-01-01' and date '2999-12-31' then v_from
        when v_to not between date '1900-01-01' and date '2999-12-31' then v_to
    end;
begin
    if v_wrong is not null then
        raise exception 'date out of range: %', v_wrong
            using errcode = 'invalid_parameter_value',
                  hint = 'Use dates from 1900-01-01 to 2999-12-31, written YYYY-MM-DD.';
    end if;

    if v_to < v_from then
        raise exception 'p_to (%) is before p_from (%)', v_to, v_from
            using errcode = 'invalid_parameter_value',
                  hint = case
                      when p_to is null then 'p_to is the day of the newest sale unless given.'
                      else 'Swap the two dates.'
                  end;
    end if;

    return query
    select
        v_from,
        v_to,
        (v_from::timestamp - interval '14 hours') at time zone 'UTC',
        ((v_to + 1)::timestamp + interval '12 hours') at time zone 'UTC';
end;
$function$;

comment on function api._date_range(date, date, integer) is
    'Checked days of a report, with the moments that enclose them in every time zone. Nulls where there are no sales to take a default from.

p_from: first day, inclusive; null for p_days before p_to
p_to: last day, inclusive; null for the day of the newest sale that the caller sees
p_days: length of the period when p_from is null, in days';
revoke execute on function api._date_range(date, date, integer) from public;
grant execute on function api._date_range(date, date, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_forecast.sql
-- api._forecast(): a forecast by the method that proved best, with an interval. Not a tool.
-- Back-test: each method forecasts the last windows of p_horizon days from what was known before
-- them. The one with the smallest error is taken if it beats the seasonal-naive baseline, else the
-- baseline. How far the truth was from its forecasts then, as a ratio, gives the interval.
create or replace function api._forecast(
    p_revenue numeric[],
    p_horizon integer,
    p_level numeric
)
returns table (
    step integer,
    forecast numeric,
    lower numeric,
    upper numeric,
    method text,
    error_percent numeric,
    baseline_error_percent numeric,
    backtest_days integer
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_days constant integer := cardinality(p_revenue);
    -- The earliest window leaves 60 weeks of history if there are, for a method needs last year.
    v_windows constant integer := least(
        greatest(2, ceil(112.0 / p_horizon)::integer),
        (v_days - case when v_days >= 420 + p_horizon then 420 else 28 end) / p_horizon
    );
    v_tail constant double precision := (100 - p_level) / 200;
begin
    return query
    with candidates as materialized (
        select k.back, c.step, p_revenue[v_days - k.back * p_horizon + c.step] as actual,
            m.method, m.forecast
        from generate_series(0, v_windows) as k (back)
        cross join lateral api._forecast_candidates(
            p_revenue, v_days - k.back * p_horizon, p_horizon
        ) as c
        cross join lateral (
            values
                ('seasonal naive', c.seasonal_naive),
                ('recent level', c.recent_level),
                ('seasonal growth', c.seasonal_growth)
        ) as m (method, forecast)
    ),
    errors as (
        select c.method,
            100 * sum(abs(c.actual - c.forecast)) filter (where c.back > 0)
                / nullif(sum(abs(c.actual)) filter (where c.back > 0), 0) as error
        from candidates as c
        group by c.method
        having count(c.forecast) = count(*)
    ),
    best as (
        select e.method, e.error
        from errors as e
        order by e.error nulls last, e.method = 'seasonal naive' desc, e.method
        limit 1
    ),
    ratios as (
        select percentile_cont(array[v_tail, 1 - v_tail])
            within group (order by c.actual / c.forecast) as bounds
        from candidates as c
        join best as b on b.method = c.method
        where c.back > 0 and c.forecast > 0
    )
    select c.step, round(c.forecast, 2),
        round(c.forecast * r.bounds[1]::numeric, 2),
        round(c.forecast * r.bounds[2]::numeric, 2),
        b.method, round(b.error, 2),
        (select round(e.error, 2) from errors as e where e.method = 'seasonal naive'),
        v_windows * p_horizon
    from candidates as c
    join best as b on b.method = c.method
    cross join ratios as r
    where c.back = 0
    order by c.step;
end;
$function$;

comment on function api._forecast(numeric[], integer, numeric) is
    'Forecast of a daily series with interval, method and errors of the back-test.

p_revenue: revenue by day, without gaps, at least 28 + p_horizon days
p_horizon: days to forecast, up to 180
p_level: percent of the days that should lie within the interval';
revoke execute on function api._forecast(numeric[], integer, numeric) from public;
grant execute on function api._forecast(numeric[], integer, numeric)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_forecast_candidates.sql
-- api._forecast_candidates(): what three simple methods say about the days after a history.
-- Not a tool. Needs no table: tests feed it series whose nature they know.
-- seasonal_naive: the same weekday 52 weeks before; under 60 weeks of history, of the last week.
-- recent_level:   mean of the last four weeks, times the weekday's share.
-- seasonal_growth: mean of the five weeks around the same day last year, times the weekday's share,
--                  times the growth of the last eight weeks over the same weeks last year.
create or replace function api._forecast_candidates(
    p_revenue numeric[],
    p_days integer,
    p_horizon integer
)
returns table (
    step integer,
    seasonal_naive numeric,
    recent_level numeric,
    seasonal_growth numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with days as materialized (
        select d.day::integer, d.revenue,
            avg(d.revenue) over (order by d.day rows between 17 preceding and 17 following) as level
        from unnest(p_revenue[1:p_days]) with ordinality as d (revenue, day)
    ),
    weekdays as (
        select d.day % 7 as weekday,
            avg(d.revenue) / nullif(avg(avg(d.revenue)) over (), 0) as share
        from days as d
        where d.day > p_days - 364
        group by d.day % 7
    ),
    levels as (
        select
            avg(d.revenue) filter (where d.day > p_days - 28) as recent,
            sum(d.revenue) filter (where d.day > p_days - 56) / nullif(
                sum(d.revenue) filter (where d.day > p_days - 420 and d.day <= p_days - 364), 0
            ) as growth
        from days as d
    )
    select t.step,
        case when p_days >= 420 then y.revenue else w.revenue end,
        l.recent * k.share,
        case when p_days >= 420 then y.level * k.share * l.growth end
    from generate_series(1, p_horizon) as t (step)
    cross join levels as l
    join weekdays as k on k.weekday = (p_days + t.step) % 7
    join days as w on w.day = p_days - 6 + (t.step - 1) % 7
    left join days as y on y.day = p_days + t.step - 364;
end;
$function$;

comment on function api._forecast_candidates(numeric[], integer, integer) is
    'Forecasts by three methods for the days after the first p_days of a series; null where a method has too little to go by.

p_revenue: revenue by day, without gaps
p_days: days that are known, at least 28
p_horizon: days to forecast, up to 180';
revoke execute on function api._forecast_candidates(numeric[], integer, integer) from public;
grant execute on function api._forecast_candidates(numeric[], integer, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_growth.sql
-- api._growth(): change in percent of the earlier value. Not a tool.
create or replace function api._growth(
    p_now numeric,
    p_before numeric
)
returns numeric
language sql
immutable
parallel safe
security invoker
begin atomic
    select case when p_before > 0 then round(100 * (p_now - p_before) / p_before, 2) end;
end;

comment on function api._growth(numeric, numeric) is
    'Change from an earlier value to a later one in percent of the earlier; null unless that is above zero.

p_now: the later value
p_before: the earlier value';
revoke execute on function api._growth(numeric, numeric) from public;
grant execute on function api._growth(numeric, numeric)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_insights.sql
-- api._insights(): what is worth saying about one figure, by rule. Not a tool.
-- Amounts and counts: a change of 5 % or more. Percentages: a change of 1 point or more, and 10 %
-- of the pieces or more coming back. Nothing is said of a figure with no rule. No other text.
create or replace function api._insights(
    p_metric text,
    p_value numeric,
    p_previous numeric,
    p_year_ago numeric,
    p_days integer
)
returns text[]
language sql
immutable
parallel safe
security invoker
begin atomic
    select coalesce(
        array_agg(i.sentence order by i.place) filter (where i.sentence is not null), '{}'
    )
    from (
        select n.name, n.is_share,
            p_metric = 'revenue' and p_value = 0 as is_empty
        from (
            values
                ('revenue', 'Revenue', false),
                ('orders', 'The number of orders', false),
                ('average_basket', 'The average basket', false),
                ('margin_percent', 'The margin', true),
                ('return_rate', 'The share of pieces that came back', true),
                ('active_customers', 'The number of active customers', false),
                ('new_customers', 'The number of new customers', false)
        ) as n (metric, name, is_share)
        where n.metric = p_metric
    ) as k
    cross join lateral (
        select 0, 'There were no sales in this period.'
        where k.is_empty
        union all
        select c.place, case
            when p_metric = 'revenue' and c.before = 0
                then format('There were no sales %s to compare with.', c.absent)
            when k.is_share and abs(p_value - c.before) >= 1
                then format(
                    '%s %s by %s points to %s %%, compared with %s.', k.name, d.verb,
                    round(abs(p_value - c.before), 1), round(p_value, 1), c.compared
                )
            when not k.is_share and abs(api._growth(p_value, c.before)) >= 5
                then format(
                    '%s %s by %s %%, compared with %s.', k.name, d.verb,
                    round(abs(api._growth(p_value, c.before)), 1), c.compared
                )
        end
        from (
            values
                (
                    1, p_previous, 'just before',
                    case p_days when 1 then 'the day' else format('the %s days', p_days) end
                        || ' before'
                ),
                (2, p_year_ago, 'a year ago', 'the same days a year ago')
        ) as c (place, before, absent, compared)
        cross join lateral (
            select case when p_value > c.before then 'rose' else 'fell' end
        ) as d (verb)
        where not k.is_empty
        union all
        select 3, format('%s %% of the pieces sold came back.', round(p_value, 1))
        where p_metric = 'return_rate' and p_value >= 10
    ) as i (place, sentence);
end;

comment on function api._insights(text, numeric, numeric, numeric, integer) is
    'Sentences about one figure of a store, by stated rules; an empty array when none applies.

p_metric: name of the figure
p_value: its value in the period
p_previous: its value in the period before
p_year_ago: its value in the same period a year ago
p_days: length of the period';
revoke execute on function api._insights(text, numeric, numeric, numeric, integer) from public;
grant execute on function api._insights(text, numeric, numeric, numeric, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_newest_day.sql
-- api._newest_day(): day of the newest sale or return that the caller sees. Not a tool.
-- One probe of the index a store, not a maximum over all orders.
create or replace function api._newest_day()
returns date
language sql
stable
parallel restricted
security invoker
begin atomic
    select max(n.day)
    from retail.stores as s
    cross join lateral (
        select (o.order_date at time zone s.time_zone)::date as day
        from retail.orders as o
        where o.store_id = s.store_id and o.status in ('completed', 'return')
        order by o.order_date desc
        limit 1
    ) as n;
end;

comment on function api._newest_day() is
    'Day of the newest sale or return that the caller sees, in the time zone of its store. Null when there is none.';
revoke execute on function api._newest_day() from public;
grant execute on function api._newest_day() to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_oldest_day.sql
-- api._oldest_day(): day of the first sale of these stores. Not a tool.
-- One probe of the index a store, like api._newest_day().
create or replace function api._oldest_day(
    p_stores uuid[]
)
returns date
language sql
stable
parallel restricted
security invoker
begin atomic
    select min(n.day)
    from retail.stores as s
    cross join lateral (
        select (o.order_date at time zone s.time_zone)::date as day
        from retail.orders as o
        where o.store_id = s.store_id and o.status in ('completed', 'return')
        order by o.order_date
        limit 1
    ) as n
    where s.store_id = any (p_stores);
end;

comment on function api._oldest_day(uuid[]) is
    'Day of the first sale of some stores, in the time zone of its store. Null when there is none.

p_stores: ids of the stores';
revoke execute on function api._oldest_day(uuid[]) from public;
grant execute on function api._oldest_day(uuid[]) to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_percent.sql
-- api._percent(): a part in percent of the whole. Not a tool.
create or replace function api._percent(
    p_part numeric,
    p_whole numeric
)
returns numeric
language sql
immutable
parallel safe
security invoker
begin atomic
    select round(100 * p_part / nullif(p_whole, 0), 2);
end;

comment on function api._percent(numeric, numeric) is
    'A part in percent of the whole, with two decimals; null when the whole is zero.

p_part: the part
p_whole: the whole';
revoke execute on function api._percent(numeric, numeric) from public;
grant execute on function api._percent(numeric, numeric)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_performance.sql
-- api._performance(): the figures of one store for a period, the period before and a year ago.
-- Not a tool. A customer is new when the first completed order at this store lies in the period.
create or replace function api._performance(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (
    place integer,
    metric text,
    unit text,
    value numeric,
    previous numeric,
    year_ago numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    with periods as materialized (
        select
            p.period,
            p.day_from,
            p.day_to,
            p.day_from::timestamp at time zone s.time_zone as moment_from,
            (p.day_to + 1)::timestamp at time zone s.time_zone as moment_to
        from retail.stores as s
        cross join lateral (
            values
                ('value', p_from, p_to),
                ('previous', p_from - (p_to - p_from) - 1, p_from - 1),
                (
                    'year_ago', (p_from - interval '1 year')::date,
                    (p_to - interval '1 year')::date
                )
        ) as p (period, day_from, day_to)
        where s.store_id = p_store_id
    ),
    sales as (
        select
            p.period,
            coalesce(sum(d.revenue), 0.00) as revenue,
            coalesce(sum(d.gross_revenue), 0.00) as gross_revenue,
            coalesce(sum(d.orders), 0) as orders,
            coalesce(sum(d.units), 0) as units,
            coalesce(sum(d.returned_units), 0) as returned_units,
            coalesce(sum(d.revenue - d.cost), 0.00) as margin
        from periods as p
        left join api._daily_totals(
            array[p_store_id],
            least(p_from - (p_to - p_from) - 1, (p_from - interval '1 year')::date),
            p_to
        ) as d on d.sold_on between p.day_from and p.day_to
        group by p.period
    ),
    active as (
        select p.period, o.customer_id, min(o.order_date) as first_order
        from periods as p
        join retail.orders as o
            on o.order_date >= p.moment_from and o.order_date < p.moment_to
        where o.store_id = p_store_id
            and o.status = 'completed'
            and o.customer_id is not null
        group by p.period, o.customer_id
    ),
    new as (
        select a.period, count(*) as customers
        from active as a
        where not exists (
            select
            from retail.orders as e
            where e.store_id = p_store_id
                and e.customer_id = a.customer_id
                and e.status = 'completed'
                and e.order_date < a.first_order
        )
        group by a.period
    ),
    customers as (
        select a.period, count(*) as active, coalesce(n.customers, 0) as new
        from active as a
        left join new as n on n.period = a.period
        group by a.period, n.customers
    )
    select
        m.place,
        m.metric,
        m.unit,
        max(m.value) filter (where s.period = 'value'),
        max(m.value) filter (where s.period = 'previous'),
        max(m.value) filter (where s.period = 'year_ago')
    from sales as s
    left join customers as c on c.period = s.period
    cross join lateral (
        values
            (1, 'revenue', 'USD', s.revenue),
            (2, 'gross_revenue', 'USD', s.gross_revenue),
            (3, 'orders', 'count', s.orders),
            (4, 'units', 'count', s.units),
            (5, 'average_basket', 'USD', round(s.gross_revenue / nullif(s.orders, 0), 2)),
            (6, 'margin', 'USD', s.margin),
            (7, 'margin_percent', 'percent', api._percent(s.margin, s.revenue)),
            (8, 'returned_units', 'count', s.returned_units),
            (9, 'returned_revenue', 'USD', s.gross_revenue - s.revenue),
            (
                10, 'return_rate', 'percent',
                api._percent(s.returned_units, s.units + s.returned_units)
            ),
            (11, 'active_customers', 'count', coalesce(c.active, 0)),
            (12, 'new_customers', 'count', coalesce(c.new, 0)),
            (13, 'returning_customers', 'count', coalesce(c.active - c.new, 0))
    ) as m (place, metric, unit, value)
    group by m.place, m.metric, m.unit;
end;

comment on function api._performance(uuid, date, date) is
    'The figures of one store for a period, as many days before and the same days a year ago, a row each.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._performance(uuid, date, date) from public;
grant execute on function api._performance(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_require_choice.sql
-- api._require_choice(): refuses a word that is not one of a few. Not a tool.
create or replace function api._require_choice(
    p_name text,
    p_value text,
    p_choices text[]
)
returns void
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    if p_value is null or p_value <> all (p_choices) then
        raise exception '% is not a choice of %', coalesce(left(p_value, 60), 'null'), p_name
            using errcode = 'invalid_parameter_value',
                  hint = format('Use one of: %s.', array_to_string(p_choices, ', '));
    end if;
end;
$function$;

comment on function api._require_choice(text, text, text[]) is
    'Raises an error that lists the choices unless a word is one of them.

p_name: parameter that the error names
p_value: its value
p_choices: the words allowed';
revoke execute on function api._require_choice(text, text, text[]) from public;
grant execute on function api._require_choice(text, text, text[])
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_require_range.sql
-- api._require_range(): refuses a number that is null or out of its range. Not a tool.
create or replace function api._require_range(
    p_name text,
    p_value numeric,
    p_low numeric,
    p_high numeric
)
returns void
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    if p_value is null or not (p_value between p_low and p_high) then
        raise exception '% out of range: %', p_name, coalesce(p_value::text, 'null')
            using errcode = 'invalid_parameter_value',
                  hint = format('Use a number from %s to %s.', p_low, p_high);
    end if;
end;
$function$;

comment on function api._require_range(text, numeric, numeric, numeric) is
    'Raises an error that tells the range unless a number lies in it.

p_name: parameter that the error names
p_value: its value
p_low: smallest value allowed
p_high: largest value allowed';
revoke execute on function api._require_range(text, numeric, numeric, numeric) from public;
grant execute on function api._require_range(text, numeric, numeric, numeric)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_span.sql
-- api._span(): the moments between which the days of a report lie. Not a tool.
-- Reports filter by these: order_date has an index, a day computed from it has none, and the
-- planner cannot guess how many rows a computed day keeps. Where the stores lie in several time
-- zones, the moments enclose all of them, and the report has to look at sold_on too.
-- Moments are handed over as values: an expression with a time zone in it would not be used for an
-- index under row-level security, for it is not leakproof.
create or replace function api._span(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (moment_from timestamptz, moment_to timestamptz, is_exact boolean)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        min(p_from::timestamp at time zone s.time_zone),
        max((p_to + 1)::timestamp at time zone s.time_zone),
        min(s.time_zone) = max(s.time_zone)
    from retail.stores as s
    where s.store_id = any (p_stores);
end;

comment on function api._span(uuid[], date, date) is
    'First moment of a day and first moment after another, in the time zones of some stores; is_exact when these are one.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._span(uuid[], date, date) from public;
grant execute on function api._span(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_stock_days.sql
-- api._stock_days(): demand and stock-outs by product, from the stock ledger. Not a tool.
-- The level at the start is the present one less what moved since, so that only the window is
-- read. Between two days with movements the level stays: no row a day is made.
-- A day without stock and without a sale says nothing about demand and is left out of it.
create or replace function api._stock_days(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    product_id uuid,
    units bigint,
    out_days integer,
    selling_days integer,
    daily_variance numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
begin
    return query
    with days as (
        select m.store_id, m.product_id, m.moved_on as day, sum(m.quantity) as moved,
            coalesce(-sum(m.quantity) filter (where m.kind = 'sale'), 0) as sold
        from retail.stock_movements as m
        where (p_stores is null or m.store_id = any (p_stores)) and m.moved_on >= p_from
        group by m.store_id, m.product_id, m.moved_on
    ),
    levels as (
        select t.store_id, t.product_id, t.day, t.sold,
            i.stock_level - coalesce(
                sum(t.moved) over (
                    partition by t.store_id, t.product_id
                    order by t.day desc
                    rows between unbounded preceding and 1 preceding
                ),
                0
            ) as level,
            lead(t.day, 1, p_to + 1) over (
                partition by t.store_id, t.product_id order by t.day
            ) as next_day
        from (
            select d.store_id, d.product_id, d.day, d.moved, d.sold from days as d
            union all
            select n.store_id, n.product_id, p_from - 1, 0, 0
            from retail.inventory as n
            where (p_stores is null or n.store_id = any (p_stores))
        ) as t
        join retail.inventory as i on i.store_id = t.store_id and i.product_id = t.product_id
    ),
    counted as (
        select l.store_id, l.product_id,
            sum(l.sold) as units,
            sum(l.sold * l.sold) as squares,
            sum(o.days) as out_days,
            -- Sold out in the course of a day: it ends without stock, but sold.
            sum(o.days) - count(*) filter (where o.days > 0 and l.sold > 0) as lost_days
        from levels as l
        cross join lateral (
            select case
                when l.level <= 0
                    then greatest(0, least(l.next_day, p_to + 1) - greatest(l.day, p_from))
                else 0
            end as days
        ) as o
        where l.day <= p_to
        group by l.store_id, l.product_id
    )
    select c.store_id, c.product_id, c.units::bigint, c.out_days::integer, n.days,
        greatest(0, c.squares - c.units * c.units / nullif(n.days, 0)::numeric)
            / nullif(n.days - 1, 0)
    from counted as c
    cross join lateral (select (p_to - p_from + 1 - c.lost_days)::integer as days) as n;
end;
$function$;

comment on function api._stock_days(uuid[], date, date) is
    'Pieces sold, days that ended without stock, days on which something could be sold, and the variance of pieces sold on those, by store and product.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._stock_days(uuid[], date, date) from public;
grant execute on function api._stock_days(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_store_daily_sales.sql
-- zava._store_daily_sales(): writes the rollup of one store and some days, for
-- zava.refresh_daily_sales(), which holds the lock and moves the mark. Not a tool.
-- One statement, one snapshot: both tables tell the same. Only rows that differ are written.
create or replace function zava._store_daily_sales(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns bigint
language sql
volatile
parallel unsafe
security invoker
begin atomic
    with fresh as materialized (
        select b.* from api._base_sales(p_store_id, p_from, p_to) as b
    ),
    totals as materialized (
        select b.sold_on, sum(b.lines) as lines, sum(b.orders) as orders, sum(b.units) as units,
            sum(b.returned_units) as returned_units, sum(b.gross_revenue) as gross_revenue,
            sum(b.revenue) as revenue, sum(b.cost) as cost,
            sum(b.discount_amount) as discount_amount
        from (
            select f.sold_on, f.lines, 0 as orders, f.units, f.returned_units, f.gross_revenue,
                f.revenue, f.cost, f.discount_amount
            from fresh as f
            union all
            select o.sold_on, 0, o.orders, 0, 0, 0, 0, 0, 0
            from api._base_orders(p_store_id, p_from, p_to) as o
        ) as b
        group by b.sold_on
    ),
    gone as (
        delete from retail.daily_sales as d
        where d.store_id = p_store_id
            and d.sold_on between p_from and p_to
            and (d.sold_on, d.category_id) not in (
                select f.sold_on, f.category_id from fresh as f
            )
        returning 1
    ),
    gone_totals as (
        delete from retail.daily_totals as d
        where d.store_id = p_store_id
            and d.sold_on between p_from and p_to
            and d.sold_on not in (select t.sold_on from totals as t)
        returning 1
    ),
    kept as (
        insert into retail.daily_sales as d (
            store_id, sold_on, category_id, lines, orders, units, returned_units, gross_revenue,
            revenue, cost, discount_amount
        )
        select p_store_id, f.sold_on, f.category_id, f.lines, f.orders, f.units, f.returned_units,
            f.gross_revenue, f.revenue, f.cost, f.discount_amount
        from fresh as f
        on conflict (store_id, sold_on, category_id) do update
        set lines = excluded.lines, orders = excluded.orders, units = excluded.units,
            returned_units = excluded.returned_units, gross_revenue = excluded.gross_revenue,
            revenue = excluded.revenue, cost = excluded.cost,
            discount_amount = excluded.discount_amount, updated_at = now()
        where (d.lines, d.orders, d.units, d.returned_units, d.gross_revenue, d.revenue, d.cost,
                d.discount_amount)
            is distinct from (excluded.lines, excluded.orders, excluded.units,
                excluded.returned_units, excluded.gross_revenue, excluded.revenue, excluded.cost,
                excluded.discount_amount)
        returning 1
    ),
    kept_totals as (
        insert into retail.daily_totals as d (
            store_id, sold_on, lines, orders, units, returned_units, gross_revenue, revenue, cost,
            discount_amount
        )
        select p_store_id, t.sold_on, t.lines, t.orders, t.units, t.returned_units,
            t.gross_revenue, t.revenue, t.cost, t.discount_amount
        from totals as t
        on conflict (store_id, sold_on) do update
        set lines = excluded.lines, orders = excluded.orders, units = excluded.units,
            returned_units = excluded.returned_units, gross_revenue = excluded.gross_revenue,
            revenue = excluded.revenue, cost = excluded.cost,
            discount_amount = excluded.discount_amount, updated_at = now()
        where (d.lines, d.orders, d.units, d.returned_units, d.gross_revenue, d.revenue, d.cost,
                d.discount_amount)
            is distinct from (excluded.lines, excluded.orders, excluded.units,
                excluded.returned_units, excluded.gross_revenue, excluded.revenue, excluded.cost,
                excluded.discount_amount)
        returning 1
    )
    select (select count(*) from gone) + (select count(*) from gone_totals)
        + (select count(*) from kept) + (select count(*) from kept_totals);
end;

comment on function zava._store_daily_sales(uuid, date, date) is
    'Writes the daily rollup of one store anew and tells how many rows that changed.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function zava._store_daily_sales(uuid, date, date) from public;

-- source: db/functions/analytics/_store_filter.sql
-- api._store_filter(): the stores that a report is narrowed to, or null if that is all the caller
-- sees. Not a tool. Null, and not the list, for row-level security filters by store already: the
-- planner takes a second filter for another reason to expect few rows, and plans for a handful.
-- Reports say "v_stores is null or store_id = any (v_stores)" and are planned for their values
-- (plan_cache_mode), so that of this only what is needed is left.
create or replace function api._store_filter(
    p_store text
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
begin
    return (
        select v_stores
        from retail.stores as s
        where p_store is not null and s.store_id <> all (v_stores)
        limit 1
    );
end;
$function$;

comment on function api._store_filter(text) is
    'Ids of the stores that a report is narrowed to; null for no need to.

p_store: key of a store, for example seattle; null for all that the caller sees';
revoke execute on function api._store_filter(text) from public;
grant execute on function api._store_filter(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_store_ids.sql
-- api._store_ids(): the stores that a report covers, as ids. Not a tool; every report calls it.
-- A store that is not there and one that the caller may not see get the same answer.
create or replace function api._store_ids(
    p_store text
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores uuid[];
begin
    select coalesce(array_agg(s.store_id order by s.store_id), '{}')
    into v_stores
    from retail.stores as s
    where p_store is null or s.store_key = lower(btrim(p_store));

    if p_store is not null and v_stores = '{}' then
        raise exception 'store % is not visible to you', left(p_store, 60)
            using errcode = 'insufficient_privilege',
                  hint = 'api.whoami() lists the keys of your stores.';
    end if;

    return v_stores;
end;
$function$;

comment on function api._store_ids(text) is
    'Ids of the stores of a report: the one named, or all that the caller sees.

p_store: key of a store, for example seattle; null for all';
revoke execute on function api._store_ids(text) from public;
grant execute on function api._store_ids(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/basket_affinity.sql
-- api.basket_affinity(): what is bought together, with support, confidence and lift.
-- Items that are not in enough baskets are dropped before pairs are made (a pair is never in more
-- baskets than either of its items), so that the self-join stays small.
create or replace function api.basket_affinity(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_level text default 'product',
    p_min_support numeric default 0.1,
    p_limit integer default 50
)
returns table (
    item_a_id uuid,
    item_a text,
    item_b_id uuid,
    item_b text,
    baskets bigint,
    baskets_a bigint,
    baskets_b bigint,
    support_percent numeric,
    confidence_a_to_b_percent numeric,
    confidence_b_to_a_percent numeric,
    lift numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_range record;
begin
    perform api._require_range('p_min_support', p_min_support, 0, 100);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    perform api._require_choice('p_level', p_level, array['product', 'type', 'category']);
    select r.* into v_range from api._date_range(p_from, p_to, 365) as r;

    return query
    with bought as materialized (
        select distinct l.store_id, l.order_id,
            case p_level
                when 'product' then l.product_id
                when 'type' then l.type_id
                else l.category_id
            end as item_id
        from api.sale_lines as l
        where (v_stores is null or l.store_id = any (v_stores))
            and not l.is_return
            and l.order_date >= v_range.moment_from
            and l.order_date < v_range.moment_to
            and l.sold_on between v_range.date_from and v_range.date_to
    ),
    total as (
        select count(*) as baskets
        from (select distinct b.store_id, b.order_id from bought as b) as o
    ),
    names as (
        select p.product_id as item_id, p.name from retail.products as p where p_level = 'product'
        union all
        select y.type_id, y.name from retail.product_types as y where p_level = 'type'
        union all
        select c.category_id, c.name from retail.categories as c where p_level = 'category'
    ),
    items as materialized (
        select b.item_id, n.name, count(*) as baskets,
            row_number() over (order by n.name, b.item_id) as place
        from bought as b
        join names as n on n.item_id = b.item_id
        group by b.item_id, n.name
        having 100 * count(*) >= p_min_support * (select t.baskets from total as t)
    ),
    kept as materialized (
        select b.store_id, b.order_id, i.place
        from bought as b
        join items as i on i.item_id = b.item_id
    ),
    pairs as (
        select a.place as place_a, b.place as place_b, count(*) as baskets
        from kept as a
        join kept as b
            on b.store_id = a.store_id and b.order_id = a.order_id and b.place > a.place
        group by a.place, b.place
        having 100 * count(*) >= p_min_support * (select t.baskets from total as t)
    )
    select a.item_id, a.name, b.item_id, b.name, p.baskets, a.baskets, b.baskets,
        round(100.0 * p.baskets / t.baskets, 2),
        round(100.0 * p.baskets / a.baskets, 2),
        round(100.0 * p.baskets / b.baskets, 2),
        round(p.baskets::numeric * t.baskets / (a.baskets * b.baskets), 2)
    from pairs as p
    cross join total as t
    join items as a on a.place = p.place_a
    join items as b on b.place = p.place_b
    order by p.baskets::numeric * t.baskets / (a.baskets * b.baskets) desc, p.baskets desc, a.place,
        b.place
    limit p_limit;
end;
$function$;

comment on function api.basket_affinity(text, date, date, text, numeric, integer) is
    'Pairs of products, types or categories that customers buy in one order, the strongest first. Of the completed orders of the period: baskets with both, with a, with b; support_percent of all orders have both; confidence_a_to_b_percent of those with a have b; lift is how many times more often they meet than by chance (1: unrelated). Days in the time zone of the store.

p_store: key of one store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 364 days before p_to
p_to: last day, inclusive; null for the day of the newest sale
p_level: what is paired: product, type or category
p_min_support: smallest support in percent of all orders, 0 to 100; a pair met by few orders says little
p_limit: number of pairs, 1 to 1000';
revoke execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    from public;
grant execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/category_performance.sql
-- api.category_performance(): every category, against the period before and a year ago.
create or replace function api.category_performance(
    p_store text default null,
    p_from date default null,
    p_to date default null
)
returns table (
    category text,
    revenue numeric,
    revenue_percent numeric,
    gross_revenue numeric,
    orders bigint,
    units bigint,
    margin numeric,
    margin_percent numeric,
    discount_amount numeric,
    returned_units bigint,
    return_rate numeric,
    previous_revenue numeric,
    growth_percent numeric,
    year_ago_revenue numeric,
    year_growth_percent numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_range record;
    v_days integer;
begin
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    v_days := v_range.date_to - v_range.date_from + 1;

    return query
    with periods (period, day_from, day_to) as (
        values
            ('now', v_range.date_from, v_range.date_to),
            ('previous', v_range.date_from - v_days, v_range.date_from - 1),
            (
                'year', (v_range.date_from - interval '1 year')::date,
                (v_range.date_to - interval '1 year')::date
            )
    ),
    sums as (
        select
            p.period,
            d.category_id,
            sum(d.revenue) as revenue,
            sum(d.gross_revenue) as gross_revenue,
            sum(d.orders)::bigint as orders,
            sum(d.units)::bigint as units,
            sum(d.revenue - d.cost) as margin,
            sum(d.discount_amount) as discount_amount,
            sum(d.returned_units)::bigint as returned_units
        from periods as p
        cross join lateral api._daily_sales(v_stores, p.day_from, p.day_to) as d
        group by p.period, d.category_id
    )
    select
        c.name,
        coalesce(n.revenue, 0.00),
        api._percent(coalesce(n.revenue, 0.00), sum(n.revenue) over ()),
        coalesce(n.gross_revenue, 0.00),
        coalesce(n.orders, 0),
        coalesce(n.units, 0),
        coalesce(n.margin, 0.00),
        api._percent(n.margin, n.revenue),
        coalesce(n.discount_amount, 0.00),
        coalesce(n.returned_units, 0),
        api._percent(n.returned_units, n.units + n.returned_units),
        coalesce(b.revenue, 0.00),
        api._growth(coalesce(n.revenue, 0.00), b.revenue),
        coalesce(y.revenue, 0.00),
        api._growth(coalesce(n.revenue, 0.00), y.revenue)
    from retail.categories as c
    left join sums as n on n.category_id = c.category_id and n.period = 'now'
    left join sums as b on b.category_id = c.category_id and b.period = 'previous'
    left join sums as y on y.category_id = c.category_id and y.period = 'year'
    where cardinality(v_stores) > 0 and v_days is not null
    order by coalesce(n.revenue, 0.00) desc, c.name;
end;
$function$;

comment on function api.category_performance(text, date, date) is
    'Every category with its share of revenue, margin and returns, compared with as many days before (previous) and with the same days a year ago. orders: those in which something of the category was sold; they do not add up. USD without tax, net of returns; days of the store''s time zone.

p_store: key of a store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale';
revoke execute on function api.category_performance(text, date, date) from public;
grant execute on function api.category_performance(text, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/customer_cohorts.sql
-- api.customer_cohorts(): how many of the customers who came first in a month came back later.
-- A customer belongs to one store, and so does its first order: who buys in two is two customers.
-- The whole history is read, for it decides which order is the first. From the orders, whose total
-- is the sum of their lines.
create or replace function api.customer_cohorts(
    p_store text default null,
    p_from date default null,
    p_to date default null
)
returns table (
    cohort date,
    customers bigint,
    months_later integer,
    active_customers bigint,
    retention_percent numeric,
    revenue numeric,
    is_complete boolean
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_range record;
    v_first date;
begin
    select r.* into v_range from api._date_range(p_from, p_to, 1) as r;
    -- Whole months: the one of p_to and eleven before, unless p_from says otherwise.
    v_first := date_trunc(
        'month', coalesce(p_from::timestamp, v_range.date_to::timestamp - interval '11 months')
    )::date;
    select r.* into v_range from api._date_range(v_first, v_range.date_to) as r;

    return query
    with firsts as (
        select o.store_id, o.customer_id, min(o.order_date) as moment
        from retail.orders as o
        where (v_stores is null or o.store_id = any (v_stores))
            and o.customer_id is not null
            and o.status = 'completed'
            and o.order_date < v_range.moment_to
        group by o.store_id, o.customer_id
    ),
    members as (
        select f.store_id, f.customer_id, s.time_zone,
            date_trunc('month', t.day::timestamp)::date as cohort
        from firsts as f
        join retail.stores as s on s.store_id = f.store_id
        cross join lateral (select (f.moment at time zone s.time_zone)::date as day) as t
        where t.day between v_range.date_from and v_range.date_to
    ),
    months as (
        select m.cohort, date_trunc('month', t.day::timestamp)::date as month,
            bool_or(o.status = 'completed') as is_active,
            sum(o.total_amount) as revenue
        from members as m
        join retail.orders as o on o.store_id = m.store_id and o.customer_id = m.customer_id
        cross join lateral (select (o.order_date at time zone m.time_zone)::date as day) as t
        where (v_stores is null or o.store_id = any (v_stores))
            and o.status in ('completed', 'return')
            and o.order_date >= v_range.moment_from
            and o.order_date < v_range.moment_to
            and t.day between v_range.date_from and v_range.date_to
        group by m.cohort, m.store_id, m.customer_id, date_trunc('month', t.day::timestamp)::date
    ),
    counted as (
        select m.cohort, m.month, count(*) filter (where m.is_active) as active_customers,
            sum(m.revenue) as revenue
        from months as m
        group by m.cohort, m.month
    ),
    cohorts as (
        select c.cohort, c.active_customers as customers
        from counted as c
        where c.month = c.cohort
    )
    select h.cohort, h.customers,
        (row_number() over (partition by h.cohort order by g.month))::integer - 1,
        coalesce(c.active_customers, 0),
        round(100.0 * coalesce(c.active_customers, 0) / h.customers, 2),
        round(coalesce(c.revenue, 0), 2),
        g.month + interval '1 month' <= v_range.date_to + 1
    from cohorts as h
    cross join lateral generate_series(
        h.cohort::timestamp, v_range.date_to::timestamp, interval '1 month'
    ) as g (month)
    left join counted as c on c.cohort = h.cohort and c.month = g.month::date
    order by h.cohort, g.month;
end;
$function$;

comment on function api.customer_cohorts(text, date, date) is
    'Retention by first month: for the customers whose first completed order at their store fell in the month cohort (its first day), how many had a completed order 0, 1, 2, ... months_later, in percent of them, and what they brought. Months without one show 0. is_complete is false for a month that p_to cuts short. Cash sales have no customer. Revenue in USD after discount, without tax, net of returns; months in the time zone of the store.

p_store: key of one store, for example seattle; null for all that you see
p_from: a day in the first cohort''s month; null for eleven months before p_to
p_to: last day that counts, inclusive; null for the day of the newest sale';
revoke execute on function api.customer_cohorts(text, date, date) from public;
grant execute on function api.customer_cohorts(text, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/customer_lifetime_value.sql
-- api.customer_lifetime_value(): what customers brought so far and may bring next.
-- Expected orders: each customer's own rate of orders, drawn towards that of its store by how much
-- customers differ (gamma-Poisson, fitted by moments). With x orders in t days, a mean rate m and
-- a variance v of the rates: (m^2 + v x) / (m + v t). One order says little and moves it little;
-- long silence lowers it. Fitted within a store: it is the same whoever asks.
create or replace function api.customer_lifetime_value(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_horizon integer default 365,
    p_limit integer default 20
)
returns table (
    store_key text,
    customer_id uuid,
    customer text,
    loyalty_tier text,
    first_order_on date,
    last_order_on date,
    orders bigint,
    revenue numeric,
    margin numeric,
    average_basket numeric,
    expected_orders numeric,
    expected_margin numeric,
    lifetime_value numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_range record;
begin
    perform api._require_range('p_horizon', p_horizon, 1, 1825);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.* into v_range from api._date_range(p_from, p_to, 730) as r;

    return query
    -- Only the first and last hours depend on the store's time zone: the others are sure, which
    -- spares their conversion and lets the planner count them.
    with sales as not materialized (
        select o.store_id, o.customer_id, o.order_id, o.order_date, o.total_amount,
            o.status = 'return' as is_return,
            o.order_date >= v_range.moment_from + interval '26 hours'
                or o.order_date >= v_range.moment_from
                and (o.order_date at time zone s.time_zone)::date >= v_range.date_from as is_recent
        from retail.orders as o
        join retail.stores as s on s.store_id = o.store_id
        where (v_stores is null or o.store_id = any (v_stores))
            and o.customer_id is not null
            and o.status in ('completed', 'return')
            and o.order_date < v_range.moment_to
            and (
                o.order_date < v_range.moment_to - interval '26 hours'
                or (o.order_date at time zone s.time_zone)::date <= v_range.date_to
            )
    ),
    -- The order's total is the sum of its lines; the cost is in the lines only. Each is summed by
    -- itself: orders alone come from an index, and no line is counted as an order.
    sums as (
        select a.store_id, a.customer_id,
            min(a.order_date) filter (where not a.is_return) as first_moment,
            max(a.order_date) filter (where not a.is_return) as last_moment,
            count(*) filter (where not a.is_return) as orders,
            count(*) filter (where not a.is_return and a.is_recent) as recent,
            sum(a.total_amount) as revenue,
            sum(a.total_amount) filter (where not a.is_return) as gross,
            0 as cost
        from sales as a
        group by a.store_id, a.customer_id
        union all
        select a.store_id, a.customer_id, null, null, 0, 0, 0, 0, sum(i.quantity * i.unit_cost)
        from sales as a
        join retail.order_items as i on i.store_id = a.store_id and i.order_id = a.order_id
        where v_stores is null or i.store_id = any (v_stores)
        group by a.store_id, a.customer_id
    ),
    totals as (
        select u.store_id, u.customer_id, s.store_key,
            (min(u.first_moment) at time zone s.time_zone)::date as first_day,
            (max(u.last_moment) at time zone s.time_zone)::date as last_day,
            sum(u.orders)::bigint as orders,
            sum(u.recent)::bigint as recent,
            sum(u.revenue) as revenue,
            sum(u.revenue) - sum(u.cost) as margin,
            sum(u.gross) as gross
        from sums as u
        join retail.stores as s on s.store_id = u.store_id
        group by u.store_id, u.customer_id, s.store_key, s.time_zone
        having sum(u.orders) > 0
    ),
    observed as (
        -- A first order starts the clock of its customer and is no evidence of the rate.
        select t.*,
            t.recent - (t.first_day >= v_range.date_from)::integer as x,
            least(v_range.date_to - t.first_day, v_range.date_to - v_range.date_from + 1) as t
        from totals as t
    ),
    means as (
        select o.*,
            sum(o.x) over w / nullif(sum(o.t) over w, 0)::numeric as m,
            sum(o.margin) over w / sum(o.orders) over w as mean_margin
        from observed as o
        window w as (partition by o.store_id)
    ),
    spreads as (
        select e.*,
            greatest(
                0,
                sum((e.x - e.m * e.t) * (e.x - e.m * e.t) - e.m * e.t) over w
                    / nullif(sum(e.t::numeric * e.t) over w, 0)
            ) as v
        from means as e
        window w as (partition by e.store_id)
    ),
    expected as (
        select d.*, n.orders as next_orders,
            n.orders * (d.margin + d.mean_margin) / (d.orders + 1) as next_margin
        from spreads as d
        cross join lateral (
            select p_horizon * (d.m * d.m + d.v * d.x) / nullif(d.m + d.v * d.t, 0) as orders
        ) as n
    ),
    best as (
        select x.*, x.margin + coalesce(x.next_margin, 0) as value
        from expected as x
        order by x.margin + coalesce(x.next_margin, 0) desc, x.store_key, x.customer_id
        limit p_limit
    )
    select b.store_key, b.customer_id, concat_ws(' ', c.first_name, c.last_name), c.loyalty_tier,
        b.first_day, b.last_day, b.orders, round(b.revenue, 2), round(b.margin, 2),
        round(b.gross / b.orders, 2), round(b.next_orders, 2), round(b.next_margin, 2),
        round(b.value, 2)
    from best as b
    join retail.customers as c on c.store_id = b.store_id and c.customer_id = b.customer_id
    order by b.value desc, b.store_key, b.customer_id;
end;
$function$;

comment on function api.customer_lifetime_value(text, date, date, integer, integer) is
    'The most valuable customers: orders, revenue and margin since their first completed order, and what to expect of the next p_horizon days. lifetime_value is margin so far plus expected_margin. expected_orders: the customer''s rate of orders in the period, drawn towards the mean of its store the less there is to go by; null when the store has no repeat orders to learn from. expected_margin: times the margin per order, of this customer and one average order. All in USD after discount, without tax, net of returns; average_basket before returns. Days in the time zone of the store. Cash sales have no customer.

p_store: key of one store, for example seattle; null for all that you see
p_from: first day, inclusive, of the period that the rate of orders is taken from; null for 729 days before p_to
p_to: last day that counts, inclusive; null for the day of the newest sale
p_horizon: days to look ahead, 1 to 1825
p_limit: number of customers, 1 to 1000';
revoke execute on function api.customer_lifetime_value(text, date, date, integer, integer)
    from public;
grant execute on function api.customer_lifetime_value(text, date, date, integer, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/customer_segments.sql
-- api.customer_segments(): customers by recency, frequency and money (RFM), with a name for each
-- group. A score of 1 to 5 says which fifth of the store's active customers one is in; equal values
-- get the lowest score of their group. Scores are taken within a store: a customer has the same
-- segment whoever asks, and the counts of two stores add up.
-- From the orders, whose total is the sum of their lines.
create or replace function api.customer_segments(
    p_store text default null,
    p_from date default null,
    p_to date default null
)
returns table (
    segment text,
    customers bigint,
    customers_percent numeric,
    orders bigint,
    revenue numeric,
    revenue_percent numeric,
    average_recency_days numeric,
    average_orders numeric,
    average_revenue numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_range record;
begin
    select r.* into v_range from api._date_range(p_from, p_to, 365) as r;

    return query
    with active as (
        select o.store_id, o.customer_id,
            v_range.date_to - max(t.day) filter (where o.status = 'completed') as recency,
            count(*) filter (where o.status = 'completed') as orders,
            sum(o.total_amount) as revenue
        from retail.orders as o
        join retail.stores as s on s.store_id = o.store_id
        cross join lateral (select (o.order_date at time zone s.time_zone)::date as day) as t
        where (v_stores is null or o.store_id = any (v_stores))
            and o.customer_id is not null
            and o.status in ('completed', 'return')
            and o.order_date >= v_range.moment_from
            and o.order_date < v_range.moment_to
            and t.day between v_range.date_from and v_range.date_to
        group by o.store_id, o.customer_id
        having count(*) filter (where o.status = 'completed') > 0
    ),
    ranked as (
        select a.*,
            percent_rank() over (partition by a.store_id order by a.recency desc) as recency_rank,
            percent_rank() over (partition by a.store_id order by a.orders) as frequency_rank,
            percent_rank() over (partition by a.store_id order by a.revenue) as money_rank
        from active as a
    ),
    scored as (
        select k.*,
            least(5, 1 + floor(5 * k.recency_rank)) as r,
            least(5, 1 + floor(5 * k.frequency_rank)) as f,
            least(5, 1 + floor(5 * k.money_rank)) as m
        from ranked as k
    ),
    named as (
        select c.*,
            case
                when c.r >= 4 and c.f >= 4 and c.m >= 4 then 1
                when c.r >= 3 and c.f >= 3 then 2
                when c.r >= 4 then 3
                when c.r = 3 then 4
                when c.f >= 4 and c.m >= 4 then 5
                when c.f >= 3 then 6
                when c.r = 2 then 7
                else 8
            end as number
        from scored as c
    )
    select
        (array[
            'champions', 'loyal', 'promising', 'needs attention',
            'cannot lose', 'at risk', 'hibernating', 'lost'
        ])[n.number],
        count(*),
        round(100 * count(*) / sum(count(*)) over (), 2),
        sum(n.orders)::bigint,
        round(sum(n.revenue), 2),
        round(100 * sum(n.revenue) / nullif(sum(sum(n.revenue)) over (), 0), 2),
        round(avg(n.recency), 2),
        round(avg(n.orders), 2),
        round(avg(n.revenue), 2)
    from named as n
    group by n.number
    order by n.number;
end;
$function$;

comment on function api.customer_segments(text, date, date) is
    'Active customers (a completed order in the period) in eight named groups, by fifths of their store, 5 the best: R days since the last order, F number of completed orders, M revenue. champions: R, F, M at least 4; loyal: R and F at least 3; promising: R at least 4; needs attention: R 3; of R 1 or 2, cannot lose: F and M at least 4, at risk: F at least 3, hibernating: R 2, lost: R 1. The first that fits counts; groups without customers are left out. Cash sales have no customer. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: key of one store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 364 days before p_to
p_to: last day, inclusive, from which recency counts; null for the day of the newest sale';
revoke execute on function api.customer_segments(text, date, date) from public;
grant execute on function api.customer_segments(text, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/discount_impact.sql
-- api.discount_impact(): what sells at which discount. Lines that are not returns.
-- The band comes from the amounts, which the books are made of, not from discount_percent.
create or replace function api.discount_impact(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null
)
returns table (
    discount text,
    lines bigint,
    lines_percent numeric,
    units bigint,
    units_per_line numeric,
    list_revenue numeric,
    discount_amount numeric,
    discount_percent numeric,
    revenue numeric,
    revenue_percent numeric,
    margin numeric,
    margin_percent numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_filter constant uuid[] := api._store_filter(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_range record;
    v_span record;
begin
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    select s.moment_from, s.moment_to, s.is_exact
    into v_span
    from api._span(v_stores, v_range.date_from, v_range.date_to) as s;

    return query
    with sold as (
        select
            -- Up to the cent that a discount of this percentage comes to.
            case
                when l.discount_amount <= 0 then 1
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.05, 2) then 2
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.10, 2) then 3
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.15, 2) then 4
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.20, 2) then 5
                else 6
            end as band,
            count(*) as lines,
            sum(l.quantity) as units,
            sum(l.discount_amount) as discount_amount,
            sum(l.total_amount) as revenue,
            sum(l.cost) as cost
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
            and not l.is_return
        group by 1
    )
    select
        b.name,
        coalesce(s.lines, 0),
        api._percent(coalesce(s.lines, 0), sum(s.lines) over ()),
        coalesce(s.units, 0),
        round(s.units / nullif(s.lines, 0)::numeric, 2),
        coalesce(s.revenue + s.discount_amount, 0.00),
        coalesce(s.discount_amount, 0.00),
        api._percent(s.discount_amount, s.revenue + s.discount_amount),
        coalesce(s.revenue, 0.00),
        api._percent(coalesce(s.revenue, 0.00), sum(s.revenue) over ()),
        coalesce(s.revenue - s.cost, 0.00),
        api._percent(s.revenue - s.cost, s.revenue)
    from (
        values
            (1, 'none'), (2, 'up to 5 %'), (3, 'up to 10 %'), (4, 'up to 15 %'),
            (5, 'up to 20 %'), (6, 'over 20 %')
    ) as b (band, name)
    left join sold as s on s.band = b.band
    where cardinality(v_stores) > 0 and v_range.date_to is not null
    order by b.band;
end;
$function$;

comment on function api.discount_impact(text, date, date, text) is
    'What was sold without discount, up to 5, 10, 15, 20 % and over: lines, pieces a line, what it cost in discount and what margin was left. Returns are left out, so revenue is gross. list_revenue is before discount. USD without tax; days of the store''s time zone.

p_store: key of a store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale
p_category: name of a category, for example Hand Tools; null for all';
revoke execute on function api.discount_impact(text, date, date, text) from public;
grant execute on function api.discount_impact(text, date, date, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/inventory_status.sql
-- api.inventory_status(): how long the stock lasts, what to order, what lies there unsold.
-- Reorder point: demand during the lead time plus a safety stock of 1.65 standard deviations of
-- it, which lasts through 95 of 100 lead times if demand is about normal; never below the level
-- that the store has set. Order up to the reorder point plus the demand of p_cover_days.
create or replace function api.inventory_status(
    p_store text default null,
    p_category text default null,
    p_status text default null,
    p_days integer default 90,
    p_cover_days integer default 30,
    p_limit integer default 100
)
returns table (
    store_key text,
    product_id uuid,
    sku text,
    product text,
    category text,
    status text,
    stock_level integer,
    stock_value numeric,
    units_sold bigint,
    stock_out_days integer,
    daily_demand numeric,
    days_of_cover numeric,
    lead_time_days integer,
    reorder_point integer,
    reorder_units integer,
    last_sold_on date
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_names constant text[] := array['stock out', 'reorder', 'dead', 'overstock', 'ok'];
    v_range record;
begin
    perform api._require_range('p_days', p_days, 7, 365);
    perform api._require_range('p_cover_days', p_cover_days, 1, 365);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    if p_status is not null then
        perform api._require_choice('p_status', p_status, v_names);
    end if;
    select r.* into v_range from api._date_range(null, null, p_days) as r;

    return query
    -- Multiplied first, divided last: 3 in 90 days for 30 days is 1, not a hair more or less.
    with stock as (
        select i.*, d.units, d.out_days, nullif(d.selling_days, 0)::numeric as days,
            d.units / nullif(d.selling_days, 0)::numeric as demand, d.daily_variance
        from api._stock_days(v_stores, v_range.date_from, v_range.date_to) as d
        join retail.inventory as i on i.store_id = d.store_id and i.product_id = d.product_id
        where (v_stores is null or i.store_id = any (v_stores))
    ),
    pointed as (
        select k.*, p.sku, p.name, c.name as category, p.is_active,
            greatest(
                k.reorder_level,
                ceil(
                    k.units * k.lead_time_days / k.days
                    + 1.65 * sqrt(coalesce(k.daily_variance, 0) * k.lead_time_days)
                )
            )::integer as reorder_point
        from stock as k
        join retail.products as p on p.product_id = k.product_id
        join retail.categories as c on c.category_id = p.category_id
        where v_category is null or p.category_id = v_category
    ),
    judged as (
        select t.*,
            case
                when t.stock_level = 0 then 1
                when t.units = 0 then 3
                when t.stock_level <= t.reorder_point then 2
                when t.stock_level * t.days > 180 * t.units then 4
                else 5
            end as urgency
        from pointed as t
    )
    select s.store_key, j.product_id, j.sku, j.name, j.category, v_names[j.urgency],
        j.stock_level, round(j.stock_level * j.unit_cost, 2), j.units, j.out_days,
        round(j.demand, 2), round(j.stock_level * j.days / nullif(j.units, 0), 2),
        j.lead_time_days, j.reorder_point,
        case
            when not j.is_active or j.urgency > 2 then 0
            when j.demand is null then j.reorder_point - j.stock_level
            when j.demand = 0 then 0
            else j.reorder_point + ceil(p_cover_days * j.units / j.days)::integer - j.stock_level
        end,
        z.last_sold_on
    from judged as j
    join retail.stores as s on s.store_id = j.store_id
    left join lateral (
        select m.moved_on as last_sold_on
        from retail.stock_movements as m
        where m.store_id = j.store_id and m.product_id = j.product_id and m.kind = 'sale'
        order by m.moved_on desc
        limit 1
    ) as z on true
    where p_status is null or v_names[j.urgency] = p_status
    order by j.urgency, j.demand * j.price desc nulls last, j.stock_level * j.unit_cost desc,
        s.store_key, j.sku
    limit p_limit;
end;
$function$;

comment on function api.inventory_status(text, text, text, integer, integer, integer) is
    'Stock by store and product, the most urgent first, judged by the last p_days days of the stock ledger up to the newest sale. status, the first that fits: stock out (nothing left), dead (nothing sold in these days), reorder (at or below reorder_point), overstock (cover of more than 180 days), ok. daily_demand: pieces sold a day, days without stock left out; null if there never was any. days_of_cover: days that the stock lasts. stock_out_days: days that ended without stock. reorder_point: demand of the lead time plus safety stock for 95 %, at least the store''s own reorder level. reorder_units: pieces to order now, up to reorder_point plus p_cover_days of demand; 0 for what is not ordered any more. stock_value in USD at purchase cost.

p_store: key of one store, for example seattle; null for all that you see
p_category: name of a category, for example Hand Tools; null for all
p_status: only this status: stock out, reorder, dead, overstock or ok; null for all
p_days: length of the period that demand is taken from, 7 to 365 days
p_cover_days: days of demand that an order should cover beyond the lead time, 1 to 365
p_limit: number of rows, 1 to 1000';
revoke execute on function api.inventory_status(text, text, text, integer, integer, integer)
    from public;
grant execute on function api.inventory_status(text, text, text, integer, integer, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/refresh_daily_sales.sql
-- zava.refresh_daily_sales(): brings retail.daily_sales and retail.daily_totals up to date, store
-- by store. Run by the administrator, from a timer; not a tool.
-- A day is stored when it has been over for an hour, so that sales of its last minutes are
-- committed. The row lock on the store makes this safe beside writers and beside itself: whoever
-- changes sales of stored days takes these days back in the same transaction,
--     update retail.stores set rolled_up_to = least(rolled_up_to, DAY - 1) where store_id = …
-- and one of the two waits for the other. Without that, a change is found when it is at most 31
-- days old, or when p_from reaches back to it. Readers are never blocked.
-- Repeating it changes nothing; rows that are right already are not written.
create or replace function zava.refresh_daily_sales(
    p_from date default null,
    p_to date default null
)
returns table (store_key text, rolled_up_to date, changed_rows bigint)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_store record;
    v_first date;
    v_last date;
begin
    for v_store in
        select s.store_id, s.store_key, s.time_zone from retail.stores as s order by s.store_key
    loop
        select s.rolled_up_to
        into rolled_up_to
        from retail.stores as s
        where s.store_id = v_store.store_id
        for no key update;

        -- Days follow each other without a gap; nothing is stored beyond the newest order.
        v_first := case
            when rolled_up_to is null then '-infinity'
            else least(coalesce(p_from, rolled_up_to - 30), rolled_up_to + 1)
        end;
        select least(
            greatest((max(o.order_date) at time zone v_store.time_zone)::date, rolled_up_to),
            ((now() - interval '1 hour') at time zone v_store.time_zone)::date - 1,
            p_to
        )
        into v_last
        from retail.orders as o
        where o.store_id = v_store.store_id
        having max(o.order_date) is not null or rolled_up_to is not null;

        store_key := v_store.store_key;
        changed_rows := 0;
        if v_first <= v_last then
            changed_rows := zava._store_daily_sales(v_store.store_id, v_first, v_last);
            rolled_up_to := greatest(rolled_up_to, v_last);
            update retail.stores as s
            set rolled_up_to = refresh_daily_sales.rolled_up_to
            where s.store_id = v_store.store_id
                and s.rolled_up_to is distinct from refresh_daily_sales.rolled_up_to;
        end if;
        return next;
    end loop;
end;
$function$;

comment on function zava.refresh_daily_sales(date, date) is
    'Brings the daily rollup up to date and tells, by store, the last stored day and how many rows were written or removed.

p_from: first day to compute anew; null for the last 31 stored days; -infinity for all
p_to: last day to store, to go in steps; null for yesterday in the store''s time zone';
revoke execute on function zava.refresh_daily_sales(date, date) from public;

-- source: db/functions/analytics/returns_analysis.sql
-- api.returns_analysis(): what comes back, by category, product type, product, store or month.
-- A return counts on the day it came back, not on the day of its sale.
create or replace function api.returns_analysis(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null,
    p_by text default 'category',
    p_limit integer default 50
)
returns table (
    item text,
    name text,
    sold_units bigint,
    returned_units bigint,
    return_rate numeric,
    returned_percent numeric,
    returned_revenue numeric,
    returned_margin numeric,
    average_days numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_filter constant uuid[] := api._store_filter(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_range record;
    v_span record;
begin
    perform api._require_choice(
        'p_by', p_by, array['category', 'product_type', 'product', 'store', 'month']
    );
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    select s.moment_from, s.moment_to, s.is_exact
    into v_span
    from api._span(v_stores, v_range.date_from, v_range.date_to) as s;

    return query
    -- Grouped by what is asked for and by nothing else: the other keys are null.
    with lines as (
        select
            case when p_by = 'store' then l.store_id end as store_id,
            case when p_by in ('category', 'product_type', 'product') then l.product_id end
                as product_id,
            case when p_by = 'month' then date_trunc('month', l.sold_on::timestamp) end as month,
            sum(l.quantity) filter (where not l.is_return) as sold,
            -sum(l.quantity) filter (where l.is_return) as returned,
            -sum(l.total_amount) filter (where l.is_return) as amount,
            sum(l.cost - l.total_amount) filter (where l.is_return) as margin,
            null::bigint as days
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
        group by 1, 2, 3
        union all
        -- Once more for the few lines that have a sale to look up: one lookup for each line of all
        -- would keep PostgreSQL from working in parallel.
        select
            case when p_by = 'store' then l.store_id end,
            case when p_by in ('category', 'product_type', 'product') then l.product_id end,
            case when p_by = 'month' then date_trunc('month', l.sold_on::timestamp) end,
            null, null, null, null,
            -sum(l.quantity * (l.sold_on - (o.order_date at time zone s.time_zone)::date))
        from api.sale_lines as l
        join retail.stores as s on s.store_id = l.store_id
        join retail.orders as o
            on o.store_id = l.store_id and o.order_id = l.return_of_order_id
        where (v_filter is null or l.store_id = any (v_filter))
            and l.return_of_order_id is not null
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
        group by 1, 2, 3
    ),
    named as (
        select g.item, g.name,
            coalesce(sum(l.sold), 0)::bigint as sold,
            coalesce(sum(l.returned), 0)::bigint as returned,
            coalesce(sum(l.amount), 0.00) as amount,
            coalesce(sum(l.margin), 0.00) as margin,
            sum(l.days) as days
        from lines as l
        left join retail.stores as s on s.store_id = l.store_id
        left join retail.products as p on p.product_id = l.product_id
        left join retail.product_types as t on t.type_id = p.type_id
        left join retail.categories as c on c.category_id = p.category_id
        cross join lateral (
            select
                case p_by when 'product' then p.sku when 'product_type' then t.name
                    when 'store' then s.store_key when 'month' then to_char(l.month, 'YYYY-MM')
                    else c.name end,
                case p_by when 'product' then p.name when 'product_type' then t.name
                    when 'store' then s.name when 'month' then to_char(l.month, 'FMMonth YYYY')
                    else c.name end
        ) as g (item, name)
        group by g.item, g.name
    )
    select
        n.item, n.name, n.sold, n.returned, api._percent(n.returned, n.sold),
        api._percent(n.returned, sum(n.returned) over ()),
        n.amount, n.margin, round(n.days::numeric / nullif(n.returned, 0), 1)
    from named as n
    order by case when p_by = 'month' then n.item end, n.returned desc, n.sold, n.item
    limit p_limit;
end;
$function$;

comment on function api.returns_analysis(text, date, date, text, text, integer) is
    'What comes back, most pieces first, months in order: pieces sold and returned in the period, return_rate (returned in percent of sold), share of all returned pieces, revenue and margin given back in USD without tax, and the average days from sale to return. A return counts on the day it came back; days of the store''s time zone.

p_store: key of a store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale
p_category: name of a category, for example Hand Tools; null for all
p_by: category, product_type, product (item is its sku), store or month
p_limit: how many rows, 1 to 1000';
revoke execute on function api.returns_analysis(text, date, date, text, text, integer) from public;
grant execute on function api.returns_analysis(text, date, date, text, text, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/sales_anomalies.sql
-- api.sales_anomalies(): days whose revenue is far from what the weeks around them say.
-- Expected is the median of the same weekday in the four weeks before and after: this takes out
-- weekday, season and growth at once, and one odd day does not move it. How far is far comes from
-- the store's own days, by median and median absolute deviation (MAD), which anomalies do not move
-- either; 0.6745 turns the MAD of a normal distribution into its standard deviation. Square roots
-- are compared: they make a busy and a slow season, and the two sides of a small store's uneven
-- days, of one measure; by percent a closed day could never stand out.
create or replace function api.sales_anomalies(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_threshold numeric default 3.5,
    p_limit integer default 50
)
returns table (
    store_key text,
    day date,
    direction text,
    revenue numeric,
    expected_revenue numeric,
    deviation_percent numeric,
    score numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_range record;
    v_base date;
    v_end date;
begin
    perform api._require_range('p_threshold', p_threshold, 0.5, 100);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.* into v_range from api._date_range(p_from, p_to, 90) as r;
    v_base := least(v_range.date_from, v_range.date_to - 364);
    v_end := least(v_range.date_to + 28, api._newest_day());

    return query
    with days as materialized (
        select d.store_id, d.day, d.revenue
        from api._daily_revenue(v_stores, v_base - 28, v_end) as d
    ),
    neighbours as (
        select d.*,
            array[
                lag(d.revenue, 28) over w, lag(d.revenue, 21) over w,
                lag(d.revenue, 14) over w, lag(d.revenue, 7) over w,
                lead(d.revenue, 7) over w, lead(d.revenue, 14) over w,
                lead(d.revenue, 21) over w, lead(d.revenue, 28) over w
            ] as weeks
        from days as d
        window w as (partition by d.store_id order by d.day)
    ),
    residuals as (
        select n.store_id, n.day, n.revenue, m.expected,
            sign(n.revenue) * sqrt(abs(n.revenue)) - sqrt(m.expected) as deviation
        from neighbours as n
        cross join lateral (
            select percentile_cont(0.5) within group (order by k.revenue)::numeric as expected
            from unnest(n.weeks) as k (revenue)
            having count(k.revenue) >= 4
        ) as m
        where n.day between v_base and v_range.date_to and m.expected > 0
    ),
    medians as materialized (
        select r.store_id,
            percentile_cont(0.5) within group (order by r.deviation)::numeric as middle
        from residuals as r
        group by r.store_id
    ),
    spreads as materialized (
        select r.store_id, m.middle,
            percentile_cont(0.5) within group (order by abs(r.deviation - m.middle))::numeric as mad
        from residuals as r
        join medians as m on m.store_id = r.store_id
        group by r.store_id, m.middle
    ),
    scored as (
        select r.*, 0.6745 * (r.deviation - p.middle) / nullif(p.mad, 0) as score
        from residuals as r
        join spreads as p on p.store_id = r.store_id
        where r.day >= v_range.date_from
    )
    select s.store_key, c.day, case when c.score > 0 then 'high' else 'low' end,
        round(c.revenue, 2), round(c.expected, 2), round(100 * (c.revenue / c.expected - 1), 2),
        round(c.score, 2)
    from scored as c
    join retail.stores as s on s.store_id = c.store_id
    where abs(c.score) >= p_threshold
    order by abs(c.score) desc, c.day, s.store_key
    limit p_limit;
end;
$function$;

comment on function api.sales_anomalies(text, date, date, numeric, integer) is
    'Days of unusual revenue by store, the strangest first. expected_revenue: median of the same weekday in the four weeks before and after. score: deviation from it, between square roots, in robust standard deviations (0.6745 * (deviation - median) / MAD) of the store''s days in the year to p_to. Days with fewer than four such neighbours, or whose median is not above 0, are not judged. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store, the newest one taken as complete.

p_store: key of one store, for example seattle; null for all that you see
p_from: first day to judge, inclusive; null for 89 days before p_to
p_to: last day to judge, inclusive; null for the day of the newest sale
p_threshold: smallest score, up or down, 0.5 to 100; 3.5 is customary
p_limit: number of days, 1 to 1000';
revoke execute on function api.sales_anomalies(text, date, date, numeric, integer) from public;
grant execute on function api.sales_anomalies(text, date, date, numeric, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/sales_forecast.sql
-- api.sales_forecast(): daily revenue to expect, with an interval and how good the method was.
-- The stores' days are added up first: one forecast for all that the caller asks about. The method
-- and its proof are in api._forecast().
create or replace function api.sales_forecast(
    p_store text default null,
    p_horizon integer default 30,
    p_to date default null,
    p_level numeric default 80
)
returns table (
    day date,
    forecast numeric,
    lower numeric,
    upper numeric,
    method text,
    error_percent numeric,
    baseline_error_percent numeric,
    backtest_days integer
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_newest constant date := api._newest_day();
    v_to date;
    v_revenue numeric[];
begin
    perform api._require_range('p_horizon', p_horizon, 1, 180);
    perform api._require_range('p_level', p_level, 50, 99);
    select r.date_to into v_to from api._date_range(null, p_to) as r;
    if v_newest is null then
        return;
    end if;
    if v_to > v_newest then
        raise exception 'p_to (%) is after the newest sale (%)', v_to, v_newest
            using errcode = 'invalid_parameter_value',
                  hint = 'p_to is the last day of known sales; p_horizon is how far to look ahead.';
    end if;

    select array_agg(d.revenue order by d.day)
    into v_revenue
    from (
        select s.day, sum(s.revenue) as revenue
        -- 60 weeks that a method looks back, and the windows of the back-test.
        from api._daily_revenue(
            v_stores, v_to - 420 - greatest(2 * p_horizon, 112 + p_horizon) + 1, v_to
        ) as s
        group by s.day
    ) as d;
    if coalesce(cardinality(v_revenue), 0) < 28 + p_horizon then
        raise exception 'a forecast of % days needs % days of sales, there are %',
            p_horizon, 28 + p_horizon, coalesce(cardinality(v_revenue), 0)
            using errcode = 'invalid_parameter_value',
                  hint = 'Use a shorter p_horizon or a later p_to.';
    end if;

    return query
    select v_to + f.step, f.forecast, f.lower, f.upper, f.method, f.error_percent,
        f.baseline_error_percent, f.backtest_days
    from api._forecast(v_revenue, p_horizon, p_level) as f
    order by f.step;
end;
$function$;

comment on function api.sales_forecast(text, integer, date, numeric) is
    'Expected revenue a day for the p_horizon days after p_to, all stores asked about together. method: seasonal naive (the same weekday a year before), recent level (last four weeks by weekday) or seasonal growth (last year''s season by weekday, times growth): the one with the smallest error in a back-test on the last backtest_days days, seasonal naive unless another beats it. error_percent: sum of absolute errors in percent of revenue there; baseline_error_percent: the same of seasonal naive. lower to upper held p_level percent of the days of the back-test; of a sum of days it says nothing. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: key of one store, for example seattle; null for all that you see
p_horizon: days to forecast, 1 to 180
p_to: last day of known sales; null for the day of the newest sale
p_level: width of the interval in percent, 50 to 99';
revoke execute on function api.sales_forecast(text, integer, date, numeric) from public;
grant execute on function api.sales_forecast(text, integer, date, numeric)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/sales_trend.sql
-- api.sales_trend(): sales by day, week, month or quarter, without gaps.
-- Periods before p_from are read too, for the moving average and the growth of the first ones.
-- Days and weeks compare with 364 days before, which is the same weekday.
create or replace function api.sales_trend(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null,
    p_period text default 'day'
)
returns table (
    period_from date,
    period_to date,
    is_complete boolean,
    revenue numeric,
    gross_revenue numeric,
    orders bigint,
    units bigint,
    average_basket numeric,
    margin numeric,
    margin_percent numeric,
    moving_average numeric,
    growth_percent numeric,
    year_ago_revenue numeric,
    year_growth_percent numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_step interval;
    v_year interval;
    v_width integer;
    v_range record;
    v_first date;
    v_oldest constant date := api._oldest_day(v_stores);
begin
    perform api._require_choice('p_period', p_period, array['day', 'week', 'month', 'quarter']);
    select u.step, u.year, u.width
    into v_step, v_year, v_width
    from (
        values
            ('day', interval '1 day', interval '364 days', 7),
            ('week', interval '7 days', interval '364 days', 4),
            ('month', interval '1 month', interval '1 year', 3),
            ('quarter', interval '3 months', interval '1 year', 4)
    ) as u (period, step, year, width)
    where u.period = p_period;

    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    if p_from is null and p_period <> 'day' then
        v_range.date_from := date_trunc(p_period, v_range.date_to::timestamp)
            - v_step * case p_period when 'week' then 12 when 'month' then 11 else 7 end;
    end if;
    v_first := date_trunc(p_period, v_range.date_from::timestamp);

    return query
    with periods as (
        select
            g.start::date as start,
            case when g.start >= v_first then greatest(g.start::date, v_range.date_from)
                else g.start::date end as day_from,
            least((g.start + v_step)::date - 1, v_range.date_to) as day_to,
            (g.start < v_first or g.start::date >= v_range.date_from)
                and (g.start + v_step)::date - 1 <= v_range.date_to as is_complete,
            ((g.start + v_step) - v_year)::date - 1 as year_end
        from generate_series(
            v_first - v_step * v_width, v_range.date_to::timestamp, v_step
        ) as g (start)
        where cardinality(v_stores) > 0
    ),
    bounds as (
        select p.*,
            (p.day_from - v_year)::date as year_from,
            case when p.is_complete then p.year_end else (p.day_to - v_year)::date end as year_to
        from periods as p
    ),
    daily as materialized (
        select d.sold_on, d.orders, d.units, d.gross_revenue, d.revenue, d.cost
        from api._daily_totals(
            v_stores, (v_first - v_step * v_width - v_year)::date, v_range.date_to
        ) as d
        where v_category is null
        union all
        select d.sold_on, d.orders, d.units, d.gross_revenue, d.revenue, d.cost
        from api._daily_sales(
            v_stores, (v_first - v_step * v_width - v_year)::date, v_range.date_to
        ) as d
        where d.category_id = v_category
    ),
    sums as (
        select
            b.start, b.day_from, b.day_to, b.is_complete, b.year_from,
            coalesce(sum(d.revenue), 0.00) as revenue,
            coalesce(sum(d.gross_revenue), 0.00) as gross_revenue,
            coalesce(sum(d.orders), 0)::bigint as orders,
            coalesce(sum(d.units), 0)::bigint as units,
            coalesce(sum(d.revenue - d.cost), 0.00) as margin
        from bounds as b
        left join daily as d
            on date_trunc(p_period, d.sold_on::timestamp)::date = b.start
            and d.sold_on between b.day_from and b.day_to
        group by b.start, b.day_from, b.day_to, b.is_complete, b.year_from
    ),
    years as (
        select b.start, sum(d.revenue) as revenue
        from bounds as b
        join daily as d
            on date_trunc(p_period, d.sold_on + v_year)::date = b.start
            and d.sold_on between b.year_from and b.year_to
        where b.year_from >= v_oldest
        group by b.start
    ),
    series as (
        select s.*,
            case when bool_and(s.is_complete and s.start >= v_oldest) over w
                and count(*) over w = v_width
                then round(avg(s.revenue) over w, 2) end as moving_average,
            case when s.is_complete and lag(s.is_complete) over (order by s.start)
                then lag(s.revenue) over (order by s.start) end as previous,
            case when s.year_from >= v_oldest then coalesce(y.revenue, 0.00) end as year_ago
        from sums as s
        left join years as y on y.start = s.start
        window w as (order by s.start rows between v_width - 1 preceding and current row)
    )
    select
        s.day_from, s.day_to, s.is_complete, s.revenue, s.gross_revenue, s.orders, s.units,
        round(s.gross_revenue / nullif(s.orders, 0), 2),
        s.margin,
        api._percent(s.margin, s.revenue),
        s.moving_average,
        api._growth(s.revenue, s.previous),
        s.year_ago,
        api._growth(s.revenue, s.year_ago)
    from series as s
    where s.start >= v_first
    order by s.start;
end;
$function$;

comment on function api.sales_trend(text, date, date, text, text) is
    'Sales by day, week (from Monday), month or quarter, periods without sales included. growth_percent is against the period before, year_growth_percent against the same period a year before (364 days for days and weeks). moving_average is the mean revenue of 7 days, 4 weeks, 3 months or 4 quarters. A period cut off by p_from or p_to is not complete: it has no growth and no moving average, and compares with the same days a year before. USD without tax, net of returns; days of the store''s time zone.

p_store: key of a store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 30 days, 13 weeks, 12 months or 8 quarters up to p_to
p_to: last day, inclusive; null for the day of the newest sale
p_category: name of a category; null for all. Orders are then those with a product of it
p_period: day, week, month or quarter';
revoke execute on function api.sales_trend(text, date, date, text, text) from public;
grant execute on function api.sales_trend(text, date, date, text, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/seasonality.sql
-- api.seasonality(): how strong each month is, by category, against the average of its year.
-- Years are the twelve complete months up to the newest one, the twelve before, and so on: each
-- is measured against itself, so that growth from year to year does not tilt the index.
create or replace function api.seasonality(
    p_store text default null,
    p_category text default null,
    p_years integer default 3
)
returns table (
    category text,
    month integer,
    month_name text,
    index numeric,
    average_daily_revenue numeric,
    years integer
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_oldest constant date := api._oldest_day(v_stores);
    v_newest constant date := api._newest_day();
    v_end date;
    v_years integer;
begin
    perform api._require_range('p_years', p_years, 1, 10);
    if v_oldest is null then
        return;
    end if;

    v_end := date_trunc('month', v_newest::timestamp + interval '1 day');
    v_years := least(
        p_years,
        extract(year from age(v_end, (date_trunc('month', v_oldest - interval '1 day'))
            + interval '1 month'))
    );
    if v_years < 1 then
        raise exception 'fewer than twelve complete months of sales, from % to %',
            v_oldest, v_newest
            using errcode = 'invalid_parameter_value',
                  hint = 'A month index needs a whole year; api.sales_trend() shows the months so far.';
    end if;

    return query
    with months as (
        select
            y.n as year,
            (v_end - interval '1 month' * (12 * y.n + m.n))::date as first_day,
            (v_end - interval '1 month' * (12 * y.n + m.n - 1))::date as next_first
        from generate_series(0, v_years - 1) as y (n)
        cross join generate_series(1, 12) as m (n)
    ),
    sales as materialized (
        select d.category_id, date_trunc('month', d.sold_on::timestamp)::date as first_day,
            sum(d.revenue) as revenue
        from api._daily_sales(
            v_stores, (v_end - interval '1 year' * v_years)::date, v_end - 1
        ) as d
        where v_category is null or d.category_id = v_category
        group by d.category_id, date_trunc('month', d.sold_on::timestamp)::date
    ),
    daily as (
        select
            c.category_id, c.name, m.year,
            extract(month from m.first_day)::integer as month,
            coalesce(s.revenue, 0.00) / (m.next_first - m.first_day) as revenue,
            sum(coalesce(s.revenue, 0.00)) over w / sum(m.next_first - m.first_day) over w as level
        from retail.categories as c
        cross join months as m
        left join sales as s on s.category_id = c.category_id and s.first_day = m.first_day
        where v_category is null or c.category_id = v_category
        window w as (partition by c.category_id, m.year)
    )
    select
        d.name, d.month, to_char(make_date(2000, d.month, 1), 'FMMonth'),
        round(avg(100 * d.revenue / nullif(d.level, 0)), 2),
        round(avg(d.revenue), 2),
        count(*)::integer
    from daily as d
    group by d.name, d.month
    order by d.name, d.month;
end;
$function$;

comment on function api.seasonality(text, text, integer) is
    'Month index by category: revenue a day of the month in percent of the average day of its year; 100 is an average month. The mean over the last complete years (twelve months up to the newest complete one, the twelve before, and so on; column years tells how many). average_daily_revenue in USD without tax, net of returns; months of the store''s time zone.

p_store: key of a store, for example seattle; null for all that you see
p_category: name of a category, for example Hand Tools; null for all
p_years: at most so many years, 1 to 10';
revoke execute on function api.seasonality(text, text, integer) from public;
grant execute on function api.seasonality(text, text, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/store_comparison.sql
-- api.store_comparison(): the caller's stores beside each other, best first.
create or replace function api.store_comparison(
    p_from date default null,
    p_to date default null,
    p_by text default 'revenue'
)
returns table (
    rank bigint,
    store_key text,
    store text,
    revenue numeric,
    revenue_percent numeric,
    orders bigint,
    units bigint,
    average_basket numeric,
    margin numeric,
    margin_percent numeric,
    return_rate numeric,
    previous_revenue numeric,
    growth_percent numeric,
    year_ago_revenue numeric,
    year_growth_percent numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(null);
    v_range record;
    v_days integer;
begin
    perform api._require_choice(
        'p_by', p_by, array['revenue', 'margin', 'orders', 'units', 'growth']
    );
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    v_days := v_range.date_to - v_range.date_from + 1;

    return query
    with periods (period, day_from, day_to) as (
        values
            ('now', v_range.date_from, v_range.date_to),
            ('previous', v_range.date_from - v_days, v_range.date_from - 1),
            (
                'year', (v_range.date_from - interval '1 year')::date,
                (v_range.date_to - interval '1 year')::date
            )
    ),
    sums as (
        select
            d.store_id,
            sum(d.revenue) filter (where p.period = 'now') as revenue,
            sum(d.gross_revenue) filter (where p.period = 'now') as gross_revenue,
            sum(d.orders) filter (where p.period = 'now') as orders,
            sum(d.units) filter (where p.period = 'now') as units,
            sum(d.returned_units) filter (where p.period = 'now') as returned_units,
            sum(d.revenue - d.cost) filter (where p.period = 'now') as margin,
            sum(d.revenue) filter (where p.period = 'previous') as previous,
            sum(d.revenue) filter (where p.period = 'year') as year_ago
        from periods as p
        cross join lateral api._daily_totals(v_stores, p.day_from, p.day_to) as d
        group by d.store_id
    ),
    compared as (
        select
            s.store_key, s.name,
            coalesce(d.revenue, 0.00) as revenue,
            coalesce(d.orders, 0)::bigint as orders,
            coalesce(d.units, 0)::bigint as units,
            coalesce(d.margin, 0.00) as margin,
            coalesce(d.previous, 0.00) as previous,
            coalesce(d.year_ago, 0.00) as year_ago,
            api._growth(coalesce(d.revenue, 0.00), d.previous) as growth,
            round(d.gross_revenue / nullif(d.orders, 0), 2) as average_basket,
            api._percent(d.returned_units, d.units + d.returned_units) as return_rate
        from retail.stores as s
        left join sums as d on d.store_id = s.store_id
        where s.store_id = any (v_stores) and v_days is not null
    )
    select
        rank() over (
            order by
                case p_by
                    when 'margin' then c.margin
                    when 'orders' then c.orders
                    when 'units' then c.units
                    when 'growth' then c.growth
                    else c.revenue
                end desc nulls last
        ) as place,
        c.store_key, c.name, c.revenue, api._percent(c.revenue, sum(c.revenue) over ()),
        c.orders, c.units, c.average_basket, c.margin, api._percent(c.margin, c.revenue),
        c.return_rate, c.previous, c.growth, c.year_ago, api._growth(c.revenue, c.year_ago)
    from compared as c
    order by place, c.store_key;
end;
$function$;

comment on function api.store_comparison(date, date, text) is
    'The stores that you see beside each other: rank, share of their revenue, basket, margin, returns, and growth against as many days before (previous) and the same days a year ago. Equal stores share a rank. USD without tax, net of returns; days of each store''s time zone.

p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale
p_by: revenue, margin, orders, units or growth: what decides the rank';
revoke execute on function api.store_comparison(date, date, text) from public;
grant execute on function api.store_comparison(date, date, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/store_performance.sql
-- api.store_performance(): how one store does, against the period before and a year ago.
-- A store that is not there and one that the caller may not see get the same answer.
create or replace function api.store_performance(
    p_store_id uuid,
    p_from date default null,
    p_to date default null
)
returns table (
    metric text,
    unit text,
    value numeric,
    previous numeric,
    change numeric,
    year_ago numeric,
    year_change numeric,
    insights text[],
    period_from date,
    period_to date
)
language plpgsql
stable
parallel restricted
security invoker
rows 13
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_range record;
    v_days integer;
begin
    if not exists (select from retail.stores as s where s.store_id = p_store_id) then
        raise exception 'store % is not visible to you', coalesce(p_store_id::text, 'null')
            using errcode = 'insufficient_privilege',
                  hint = 'retail.stores has the ids of your stores, api.whoami() their keys.';
    end if;

    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    v_days := v_range.date_to - v_range.date_from + 1;

    return query
    select
        p.metric, p.unit, p.value, p.previous,
        case p.unit when 'percent' then p.value - p.previous
            else api._growth(p.value, p.previous) end,
        p.year_ago,
        case p.unit when 'percent' then p.value - p.year_ago
            else api._growth(p.value, p.year_ago) end,
        api._insights(p.metric, p.value, p.previous, p.year_ago, v_days),
        v_range.date_from, v_range.date_to
    from api._performance(p_store_id, v_range.date_from, v_range.date_to) as p
    where v_days is not null
    order by p.place;
end;
$function$;

comment on function api.store_performance(uuid, date, date) is
    'How one store does: a row for each of revenue, gross_revenue, orders, units, average_basket, margin, margin_percent, returned_units, returned_revenue, return_rate and active, new and returning customers. Each with its value, the value of as many days before (previous), of the same days a year ago (year_ago) and the change from them: in percent, for percentages in points. insights: what changed enough to be told. USD without tax; days of the store''s time zone.

p_store_id: id of the store, from retail.stores
p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale';
revoke execute on function api.store_performance(uuid, date, date) from public;
grant execute on function api.store_performance(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/top_products.sql
-- api.top_products(): the products that sell best. Joins with retail.products by product_id.
-- From the lines: the rollup does not know products.
create or replace function api.top_products(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null,
    p_by text default 'revenue',
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    product_type text,
    revenue numeric,
    revenue_percent numeric,
    units bigint,
    orders bigint,
    margin numeric,
    margin_percent numeric,
    returned_units bigint,
    return_rate numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_filter constant uuid[] := api._store_filter(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_range record;
    v_span record;
begin
    perform api._require_choice('p_by', p_by, array['revenue', 'units', 'margin']);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    select s.moment_from, s.moment_to, s.is_exact
    into v_span
    from api._span(v_stores, v_range.date_from, v_range.date_to) as s;

    return query
    with sold as (
        select
            l.product_id,
            sum(l.total_amount) as revenue,
            sum(l.quantity) as units,
            sum(l.total_amount - l.cost) as margin,
            coalesce(-sum(l.quantity) filter (where l.is_return), 0) as returned_units
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
        group by l.product_id
    ),
    ranked as (
        select
            row_number() over (
                order by
                    case p_by when 'units' then s.units when 'margin' then s.margin
                        else s.revenue end desc,
                    p.sku
            ) as rank,
            s.*, p.sku, p.name, p.category_id, p.type_id,
            sum(s.revenue) over () as total
        from sold as s
        join retail.products as p on p.product_id = s.product_id
    )
    select
        r.rank, r.product_id, r.sku, r.name, c.name, t.name,
        r.revenue, api._percent(r.revenue, r.total), r.units, o.orders,
        r.margin, api._percent(r.margin, r.revenue),
        r.returned_units, api._percent(r.returned_units, r.units + r.returned_units)
    from ranked as r
    join retail.categories as c on c.category_id = r.category_id
    join retail.product_types as t on t.type_id = r.type_id
    -- Counted for the few products that are shown: distinct counts are slow.
    cross join lateral (
        select count(distinct (l.store_id, l.order_id)) as orders
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.product_id = r.product_id
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and not l.is_return
    ) as o
    where r.rank <= p_limit
    order by r.rank;
end;
$function$;

comment on function api.top_products(text, date, date, text, text, integer) is
    'The products that sell best, net of returns, with their share of the revenue of all products asked about. orders: those in which the product was sold. USD without tax; days of the store''s time zone.

p_store: key of a store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale
p_category: name of a category, for example Hand Tools; null for all
p_by: revenue, units or margin: what decides the rank
p_limit: how many products, 1 to 1000';
revoke execute on function api.top_products(text, date, date, text, text, integer) from public;
grant execute on function api.top_products(text, date, date, text, text, integer)
    to store_manager, regional_manager, head_office;

-- source: db/policies/daily_sales.sql
-- Row-level security of retail.daily_sales: a store sees its own daily sales, a region those of its
-- list, head office all. One permissive policy opens the table to each class; the restrictive fence
-- in front of it decides by the signed context. A second permissive policy added by mistake still
-- stands behind the fence. A store's fence is an equality: of "any" of an unknown list PostgreSQL
-- expects ten stores, and would leave the index.
alter table retail.daily_sales enable row level security;
alter table retail.daily_sales force row level security;

drop policy if exists daily_sales_store_manager_select on retail.daily_sales;
create policy daily_sales_store_manager_select
    on retail.daily_sales
    as permissive
    for select
    to store_manager
    using (true);

drop policy if exists daily_sales_regional_manager_select on retail.daily_sales;
create policy daily_sales_regional_manager_select
    on retail.daily_sales
    as permissive
    for select
    to regional_manager
    using (true);

drop policy if exists daily_sales_head_office_select on retail.daily_sales;
create policy daily_sales_head_office_select
    on retail.daily_sales
    as permissive
    for select
    to head_office
    using (true);

drop policy if exists daily_sales_store_manager_fence on retail.daily_sales;
create policy daily_sales_store_manager_fence
    on retail.daily_sales
    as restrictive
    for all
    to store_manager
    using (store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists daily_sales_regional_manager_fence on retail.daily_sales;
create policy daily_sales_regional_manager_fence
    on retail.daily_sales
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_sales_head_office_fence on retail.daily_sales;
create policy daily_sales_head_office_fence
    on retail.daily_sales
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists daily_sales_writer_all on retail.daily_sales;
create policy daily_sales_writer_all
    on retail.daily_sales
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy daily_sales_store_manager_fence on retail.daily_sales is
    'A store: rows of the store in the signed context, else none.';
comment on policy daily_sales_regional_manager_fence on retail.daily_sales is
    'A region: rows of the stores in the signed context, else none.';
comment on policy daily_sales_head_office_fence on retail.daily_sales is
    'Head office: all rows under a valid signed context, else none.';
comment on policy daily_sales_writer_all on retail.daily_sales is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.daily_sales from public;
grant select on retail.daily_sales to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.daily_sales to zava_writer;

-- source: db/policies/daily_totals.sql
-- Row-level security of retail.daily_totals: a store sees its own daily totals, a region those of its
-- list, head office all. One permissive policy opens the table to each class; the restrictive fence
-- in front of it decides by the signed context. A second permissive policy added by mistake still
-- stands behind the fence. A store's fence is an equality: of "any" of an unknown list PostgreSQL
-- expects ten stores, and would leave the index.
alter table retail.daily_totals enable row level security;
alter table retail.daily_totals force row level security;

drop policy if exists daily_totals_store_manager_select on retail.daily_totals;
create policy daily_totals_store_manager_select
    on retail.daily_totals
    as permissive
    for select
    to store_manager
    using (true);

drop policy if exists daily_totals_regional_manager_select on retail.daily_totals;
create policy daily_totals_regional_manager_select
    on retail.daily_totals
    as permissive
    for select
    to regional_manager
    using (true);

drop policy if exists daily_totals_head_office_select on retail.daily_totals;
create policy daily_totals_head_office_select
    on retail.daily_totals
    as permissive
    for select
    to head_office
    using (true);

drop policy if exists daily_totals_store_manager_fence on retail.daily_totals;
create policy daily_totals_store_manager_fence
    on retail.daily_totals
    as restrictive
    for all
    to store_manager
    using (store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists daily_totals_regional_manager_fence on retail.daily_totals;
create policy daily_totals_regional_manager_fence
    on retail.daily_totals
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_totals_head_office_fence on retail.daily_totals;
create policy daily_totals_head_office_fence
    on retail.daily_totals
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists daily_totals_writer_all on retail.daily_totals;
create policy daily_totals_writer_all
    on retail.daily_totals
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy daily_totals_store_manager_fence on retail.daily_totals is
    'A store: rows of the store in the signed context, else none.';
comment on policy daily_totals_regional_manager_fence on retail.daily_totals is
    'A region: rows of the stores in the signed context, else none.';
comment on policy daily_totals_head_office_fence on retail.daily_totals is
    'Head office: all rows under a valid signed context, else none.';
comment on policy daily_totals_writer_all on retail.daily_totals is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.daily_totals from public;
grant select on retail.daily_totals to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.daily_totals to zava_writer;

-- sources end
reset role;
