-- api.seasonality(): how strong each month is, by category, against the average of its year.
-- Years are the twelve complete months up to the newest one, the twelve before, and so on: each
-- is measured against itself, after the growth between the years, taken as steady, is taken out of
-- its months: else the last months of each year would stand above their season. Of one year alone
-- nobody can tell growth from season. Nor can anybody tell a weak month from one in which a category was
-- not sold yet: where a later year brought revenue, those that began before its first sale are left out.
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
    v_start date;
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

    v_start := v_end - interval '1 year' * v_years;

    return query
    with months as (
        select
            y.n as year,
            m.n / 12.0 as years_to_end,
            (v_end - interval '1 month' * (12 * y.n + m.n))::date as first_day,
            (v_end - interval '1 month' * (12 * y.n + m.n - 1))::date as next_first
        from generate_series(0, v_years - 1) as y (n)
        cross join generate_series(1, 12) as m (n)
    ),
    sales as materialized (
        select d.category_id, date_trunc('month', d.sold_on::timestamp)::date as first_day,
            sum(d.revenue) as revenue
        from api._daily_sales(v_stores, v_start, v_end - 1) as d
        where v_category is null or d.category_id = v_category
        group by d.category_id, date_trunc('month', d.sold_on::timestamp)::date
    ),
    -- The first month of categories that are new; most sold in the first of these years.
    starts as (
        select s.category_id, min(s.first_day) as first_day
        from sales as s
        group by s.category_id
        -- By "case": of two conditions PostgreSQL would ask the second first, of every row.
        having case
            when min(s.first_day) > v_start
                then not api._sold_before(v_stores, s.category_id, v_start)
        end
    ),
    daily as (
        select
            c.category_id, c.name, m.year,
            extract(month from m.first_day)::integer as month,
            m.next_first - m.first_day as days,
            m.years_to_end,
            coalesce(s.revenue, 0.00) / (m.next_first - m.first_day) as revenue,
            sum(coalesce(s.revenue, 0.00)) over w / sum(m.next_first - m.first_day) over w as level,
            min(coalesce(s.revenue, 0.00)) over w as weakest,
            coalesce(min(m.first_day) over w >= b.first_day, true) as is_whole
        from retail.categories as c
        cross join months as m
        left join sales as s on s.category_id = c.category_id and s.first_day = m.first_day
        left join starts as b on b.category_id = c.category_id
        where v_category is null or c.category_id = v_category
        window w as (partition by c.category_id, m.year)
    ),
    -- The logarithm of growth a year, by least squares over the years that sold in every month: one
    -- in which a category began says nothing of growth. 0 where there are not two. In floating point:
    -- logarithms of exact numbers took as long as the rest.
    growth as (
        select d.category_id,
            coalesce(
                regr_slope(ln(d.level::double precision), -d.year) filter (where d.weakest > 0), 0
            ) as rate
        from daily as d
        group by d.category_id
    ),
    steady as (
        select d.name, d.month, d.days, d.level, d.year, d.revenue, d.is_whole,
            bool_or(d.is_whole and d.level > 0) over (partition by d.category_id) as has_whole,
            d.revenue * exp(g.rate * d.years_to_end)::numeric as grown
        from daily as d
        join growth as g on g.category_id = d.category_id
    ),
    indexed as (
        select s.name, s.month, s.revenue,
            case when s.level > 0 then 100 * s.grown
                / nullif(greatest(0, sum(s.grown * s.days) over w / sum(s.days) over w), 0)
            end as index
        from steady as s
        where s.is_whole or not s.has_whole
        window w as (partition by s.name, s.year)
    )
    select
        i.name, i.month, to_char(make_date(2000, i.month, 1), 'FMMonth'),
        round(avg(i.index), 2),
        -- A mean of quotients that is half a cent comes out a hair less.
        round(round(avg(i.revenue), 10), 2),
        count(*)::integer
    from indexed as i
    group by i.name, i.month
    order by i.name, i.month;
end;
$function$;

comment on function api.seasonality(text, text, integer) is
    'Month index by category: revenue a day in percent of the average day of the year, growth between years taken out as steady. The mean over the last complete years (twelve months up to the newest complete one, the twelve before, and so on; column years tells how many). Years that began before the first sale of a category are left out where a later one has revenue, and from the index years whose revenue is not above 0. average_daily_revenue in USD without tax, net of returns; months of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_category: e.g. Hand Tools; null for all
p_years: at most, 1 to 10';
revoke execute on function api.seasonality(text, text, integer) from public;
grant execute on function api.seasonality(text, text, integer)
    to store_manager, regional_manager, head_office;
