-- api._sold_before(): whether stores sold anything of a category before a day. Not a tool. A function, like
-- api._has_stores(), for it is seldom asked, and reads all days there are where the answer is no.
create or replace function api._sold_before(
    p_stores uuid[],
    p_category_id uuid,
    p_day date
)
returns boolean
language sql
stable
parallel restricted
security invoker
begin atomic
    select exists (
        select
        from api._daily_sales(p_stores, '-infinity', p_day - 1) as d
        where d.category_id = p_category_id
    );
end;

comment on function api._sold_before(uuid[], uuid, date) is
    'Whether there is a sale or return of a category before a day.

p_stores: ids of the stores; null for all that the caller sees
p_category_id: the category
p_day: the day';
revoke execute on function api._sold_before(uuid[], uuid, date) from public;
grant execute on function api._sold_before(uuid[], uuid, date)
    to store_manager, regional_manager, head_office;
