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
                ('return_rate', 'The return rate', true),
                ('active_customers', 'The number of active customers', false),
                ('new_customers', 'The number of new customers', false)
        ) as n (metric, name, is_share)
        where n.metric = p_metric
    ) as k
    cross join lateral (
        select 0, 'There was no revenue in this period.'
        where k.is_empty
        union all
        select c.place, case
            when p_metric = 'revenue' and c.before = 0
                then format('There was no revenue %s to compare with.', c.absent)
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
        select 3, format('For 100 pieces sold, %s came back.', round(p_value, 1))
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
