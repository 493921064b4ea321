-- Row-level security of retail.stock_movements: a store sees its own stock ledger, a region those of
-- the stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is an equality, so that an index can give the newest rows first. By itself it would
-- join the equivalence class of whatever a query sets equal to store_id, and PostgreSQL could
-- evaluate that in its place. The CASE in front of it joins no class, and is evaluated first.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.stock_movements enable row level security;
alter table retail.stock_movements force row level security;

drop policy if exists stock_movements_store_manager_select on retail.stock_movements;
create policy stock_movements_store_manager_select
    on retail.stock_movements
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists stock_movements_regional_manager_select on retail.stock_movements;
create policy stock_movements_regional_manager_select
    on retail.stock_movements
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists stock_movements_head_office_select on retail.stock_movements;
create policy stock_movements_head_office_select
    on retail.stock_movements
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists stock_movements_store_manager_fence on retail.stock_movements;
create policy stock_movements_store_manager_fence
    on retail.stock_movements
    as restrictive
    for all
    to store_manager
    using (
        case when store_id = (select (zava.visible_stores(current_user))[1]) then true end is not null
        and store_id = (select (zava.visible_stores(current_user))[1])
    );

drop policy if exists stock_movements_regional_manager_fence on retail.stock_movements;
create policy stock_movements_regional_manager_fence
    on retail.stock_movements
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists stock_movements_head_office_fence on retail.stock_movements;
create policy stock_movements_head_office_fence
    on retail.stock_movements
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists stock_movements_writer_all on retail.stock_movements;
create policy stock_movements_writer_all
    on retail.stock_movements
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy stock_movements_store_manager_fence on retail.stock_movements is
    'A store: rows of the store in the signed context, else none.';
comment on policy stock_movements_regional_manager_fence on retail.stock_movements is
    'A region: rows of the stores in the signed context, else none.';
comment on policy stock_movements_head_office_fence on retail.stock_movements is
    'Head office: all rows under a valid signed context, else none.';
comment on policy stock_movements_writer_all on retail.stock_movements is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.stock_movements from public;
grant select on retail.stock_movements to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.stock_movements to zava_writer;
