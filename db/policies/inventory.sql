-- Row-level security of retail.inventory: a store sees its own prices, costs and stock, a region
-- those of the stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is an equality, so that an index that begins with product_id is never searched
-- without it. By itself it would join the equivalence class of whatever a query sets equal to
-- store_id, and PostgreSQL could evaluate that in its place. The CASE in front of it joins no class,
-- and is evaluated first.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.inventory enable row level security;
alter table retail.inventory force row level security;

drop policy if exists inventory_store_manager_select on retail.inventory;
create policy inventory_store_manager_select
    on retail.inventory
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists inventory_regional_manager_select on retail.inventory;
create policy inventory_regional_manager_select
    on retail.inventory
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists inventory_head_office_select on retail.inventory;
create policy inventory_head_office_select
    on retail.inventory
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists inventory_store_manager_fence on retail.inventory;
create policy inventory_store_manager_fence
    on retail.inventory
    as restrictive
    for all
    to store_manager
    using (
        case when store_id = (select (zava.visible_stores(current_user))[1]) then true end is not null
        and store_id = (select (zava.visible_stores(current_user))[1])
    );

drop policy if exists inventory_regional_manager_fence on retail.inventory;
create policy inventory_regional_manager_fence
    on retail.inventory
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists inventory_head_office_fence on retail.inventory;
create policy inventory_head_office_fence
    on retail.inventory
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists inventory_writer_all on retail.inventory;
create policy inventory_writer_all
    on retail.inventory
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy inventory_store_manager_fence on retail.inventory is
    'A store: rows of the store in the signed context, else none.';
comment on policy inventory_regional_manager_fence on retail.inventory is
    'A region: rows of the stores in the signed context, else none.';
comment on policy inventory_head_office_fence on retail.inventory is
    'Head office: all rows under a valid signed context, else none.';
comment on policy inventory_writer_all on retail.inventory is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.inventory from public;
grant select on retail.inventory to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.inventory to zava_writer;
