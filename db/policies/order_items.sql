-- Row-level security of retail.order_items: a store sees its own order lines, a region those of its
-- list, head office all. One permissive policy opens the table to each class; the restrictive fence
-- in front of it decides by the signed context. A second permissive policy added by mistake still
-- stands behind the fence. A store's fence is an equality, so that an index gives the newest rows
-- first. But what a query sets equal to store_id PostgreSQL merges with it, and may ask in its
-- place; what is not null in front of it is merged with nothing, and asked first.
-- "true or" the fence opens all the same, and costs nothing: but DROP … CASCADE of a column or a function
-- that the fence needs takes the opening policy along, so that no row shows.
alter table retail.order_items enable row level security;
alter table retail.order_items force row level security;

drop policy if exists order_items_store_manager_select on retail.order_items;
create policy order_items_store_manager_select
    on retail.order_items
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists order_items_regional_manager_select on retail.order_items;
create policy order_items_regional_manager_select
    on retail.order_items
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists order_items_head_office_select on retail.order_items;
create policy order_items_head_office_select
    on retail.order_items
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists order_items_store_manager_fence on retail.order_items;
create policy order_items_store_manager_fence
    on retail.order_items
    as restrictive
    for all
    to store_manager
    using (
        case when store_id = (select (zava.visible_stores(current_user))[1]) then true end is not null
        and store_id = (select (zava.visible_stores(current_user))[1])
    );

drop policy if exists order_items_regional_manager_fence on retail.order_items;
create policy order_items_regional_manager_fence
    on retail.order_items
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists order_items_head_office_fence on retail.order_items;
create policy order_items_head_office_fence
    on retail.order_items
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists order_items_writer_all on retail.order_items;
create policy order_items_writer_all
    on retail.order_items
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy order_items_store_manager_fence on retail.order_items is
    'A store: rows of the store in the signed context, else none.';
comment on policy order_items_regional_manager_fence on retail.order_items is
    'A region: rows of the stores in the signed context, else none.';
comment on policy order_items_head_office_fence on retail.order_items is
    'Head office: all rows under a valid signed context, else none.';
comment on policy order_items_writer_all on retail.order_items is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.order_items from public;
grant select on retail.order_items to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.order_items to zava_writer;
