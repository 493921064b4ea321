-- Row-level security of retail.daily_sales: a store sees its own daily sales, a region those of its
-- list, head office all. One permissive policy opens the table to each class; the restrictive fence
-- in front of it decides by the signed context. A second permissive policy added by mistake still
-- stands behind the fence. A store's fence is "any" of a list of one: an equality PostgreSQL would
-- merge with what a query sets equal to store_id, and ask that in its place; of "any" of an unknown
-- list it expects ten stores, and would leave the index.
-- "true or" the fence opens all the same, and costs nothing: but DROP … CASCADE of a column or a function
-- that the fence needs takes the opening policy along, so that no row shows.
alter table retail.daily_sales enable row level security;
alter table retail.daily_sales force row level security;

drop policy if exists daily_sales_store_manager_select on retail.daily_sales;
create policy daily_sales_store_manager_select
    on retail.daily_sales
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists daily_sales_regional_manager_select on retail.daily_sales;
create policy daily_sales_regional_manager_select
    on retail.daily_sales
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_sales_head_office_select on retail.daily_sales;
create policy daily_sales_head_office_select
    on retail.daily_sales
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists daily_sales_store_manager_fence on retail.daily_sales;
create policy daily_sales_store_manager_fence
    on retail.daily_sales
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

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
