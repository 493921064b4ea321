-- 0095 quoted paths and shared ids.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/security/house_rules.sql
-- zava.house_rules(): what breaks a rule that every object keeps. Asked before a revision is
-- written, over the objects that it would make, and by tests/sql/house_rules.sql of a database.
create or replace function zava.house_rules(
    p_schemas name[] default '{zava,retail,api}'
)
returns table (rule text, object text, remedy text)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        'a function is bound at creation or pins its search_path to pg_catalog, pg_temp',
        p.oid::regprocedure::text,
        'write it with begin atomic, or add: set search_path = pg_catalog, pg_temp'
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any (p_schemas)
        and p.prosqlbody is null
        -- The second is how a dump restores it where quote_all_identifiers is on.
        and not coalesce(
            p.proconfig && array['search_path=pg_catalog, pg_temp', 'search_path="pg_catalog", "pg_temp"'],
            false
        )

    union all

    select
        'no function can be executed by PUBLIC',
        p.oid::regprocedure::text,
        format('add: revoke execute on function %s from public;', p.oid::regprocedure)
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any (p_schemas)
        and exists (
            select
            from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
            where a.grantee = 0
        )

    union all

    select
        'every function has a comment',
        p.oid::regprocedure::text,
        format('add: comment on function %s is …, a line for each parameter', p.oid::regprocedure)
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any (p_schemas)
        and pg_catalog.obj_description(p.oid, 'pg_proc') is null

    union all

    select
        'row-level security is enabled and forced on every tenant table',
        c.oid::regclass::text,
        format(
            'add to its file in db/policies: alter table %1$s enable row level security;'
            ' alter table %1$s force row level security;',
            c.oid::regclass
        )
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid
    where n.nspname = any (p_schemas)
        and n.nspname ~ 'retail$'
        and c.relkind in ('r', 'p')
        and not c.relispartition
        and a.attname = 'store_id'
        and not a.attisdropped
        and not (c.relrowsecurity and c.relforcerowsecurity)

    union all

    select
        'no policy is for PUBLIC or zava_owner',
        format('%s on %s', p.polname, c.oid::regclass),
        'name the roles that it is for: to store_manager'
    from pg_catalog.pg_policy as p
    join pg_catalog.pg_class as c on c.oid = p.polrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any (p_schemas)
        and exists (
            select
            from unnest(p.polroles) as u (role)
            left join pg_catalog.pg_roles as r on r.oid = u.role
            where r.rolname is null or r.rolname = 'zava_owner'
        )
    order by 1, 2;
end;

comment on function zava.house_rules(name[]) is
    'What breaks a rule that every object keeps, and how to mend it. No row when all is well.

p_schemas: names of the schemas to look at';
revoke execute on function zava.house_rules(name[]) from public;

-- source: db/functions/search/recommend_for_customer.sql
-- api.recommend_for_customer(): what to offer a customer who bought something: what others buy with
-- it, and what is like it, merged by reciprocal rank as search does. Nothing that the customer has
-- bought. Who has bought nothing gets what most orders of the store hold.
-- Of several reasons the strongest is told, of equals that of the first product: which of them a plan
-- comes upon first depends on rows of others.
create or replace function api.recommend_for_customer(
    p_customer_id uuid,
    p_in_stock boolean default true,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    score numeric,
    why text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_store_id uuid;
    v_bought uuid[];
    v_recent uuid[];
    v_sold uuid[];
begin
    perform api._require_range('p_limit', p_limit, 1, 100);
    select c.store_id into v_store_id
    from retail.customers as c
    where c.customer_id = p_customer_id
    -- Two stores may have given the same id.
    order by c.store_id
    limit 1;
    if v_store_id is null then
        raise exception 'customer % is not visible to you', coalesce(p_customer_id::text, 'null')
            using errcode = 'insufficient_privilege',
                  hint = 'Ids of your customers are in retail.customers.';
    end if;

    select array_agg(b.product_id), (array_agg(b.product_id order by b.last_day desc, b.product_id))[:10]
    into v_bought, v_recent
    from (
        select l.product_id, max(l.order_date) as last_day
        from retail.orders as o
        join api.sale_lines as l on l.store_id = o.store_id and l.order_id = o.order_id
        where o.store_id = v_store_id and o.customer_id = p_customer_id and not l.is_return
        group by l.product_id
    ) as b;
    -- Empty and not null where there is none: null is everything to a search.
    v_sold := array(
        select i.product_id
        from retail.inventory as i
        where i.store_id = v_store_id
            and (not coalesce(p_in_stock, true) or i.stock_level > 0)
            and i.product_id <> all (coalesce(v_bought, '{}'))
    );

    return query
    with beside as (
        select b.other_id as product_id, sum(b.beyond_chance / b.orders_with) as strength,
            (array_agg(b.product_id order by b.beyond_chance / b.orders_with desc, b.product_id))[1]
                as because,
            max(b.lift) as lift
        from api._bought_with(v_recent, array[v_store_id], null, null) as b
        where b.beyond_chance > 0 and b.other_id = any (v_sold)
        group by b.other_id
    ),
    alike as (
        select n.product_id, max(n.similarity) as strength,
            (array_agg(r.product_id order by n.similarity desc, r.product_id))[1] as because
        from unnest(v_recent) as r (product_id)
        cross join lateral api._nearest_products(
            api._product_embedding(r.product_id), v_sold, null, null, null, null, 20
        ) as n
        where api._product_embedding(r.product_id) is not null
        group by n.product_id
    ),
    popular as (
        select l.product_id, count(distinct l.order_id) as strength
        from api._date_range(null, null, 90) as d
        join api.sale_lines as l on l.order_date >= d.moment_from and l.sold_on >= d.date_from
        where v_recent is null and l.store_id = v_store_id and not l.is_return
            and l.product_id = any (v_sold)
        group by l.product_id
    ),
    lists as (
        select b.product_id,
            format('bought with %s, %s times as often as by chance', p.name, max(b.lift)) as why,
            1.0 / (20 + row_number() over (order by b.strength desc, b.product_id)) as worth
        from beside as b
        join retail.products as p on p.product_id = b.because
        group by b.product_id, b.strength, p.name
        union all
        select a.product_id, format('like %s', p.name),
            1.0 / (20 + row_number() over (order by a.strength desc, a.product_id))
        from alike as a
        join retail.products as p on p.product_id = a.because
        union all
        select q.product_id, format('in %s orders of the last 90 days; no purchase is known', q.strength),
            1.0 / (20 + row_number() over (order by q.strength desc, q.product_id))
        from popular as q
    ),
    best as (
        select l.product_id, sum(l.worth) as worth, string_agg(l.why, '; ' order by l.why) as why,
            row_number() over (order by sum(l.worth) desc, l.product_id) as rank
        from lists as l
        group by l.product_id
        order by rank
        limit p_limit
    )
    select b.rank, p.product_id, p.sku, p.name, c.name, i.price, i.stock_level::bigint,
        round(b.worth, 5), b.why
    from best as b
    join retail.products as p on p.product_id = b.product_id
    join retail.categories as c on c.category_id = p.category_id
    join retail.inventory as i on i.store_id = v_store_id and i.product_id = b.product_id
    order by b.rank;
end;
$function$;

comment on function api.recommend_for_customer(uuid, boolean, integer) is
    'What to offer one of your customers, of what they have not bought: what was bought together with their last ten products in the last 365 days, and what is like these; to who bought nothing yet, what most orders of the last 90 days hold. score: sum of reciprocal places in both lists. why: because of which product. Price and stock of the customer''s store.

p_customer_id: customer_id of retail.customers; where two of your stores gave the same, the customer of that with the lower store_id
p_in_stock: false for what is out of stock too
p_limit: 1 to 100';
revoke execute on function api.recommend_for_customer(uuid, boolean, integer) from public;
grant execute on function api.recommend_for_customer(uuid, boolean, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
