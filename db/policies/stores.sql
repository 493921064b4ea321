-- Row-level security of retail.stores: a store sees its own row, a region those of the stores in its
-- list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.stores enable row level security;
alter table retail.stores force row level security;

drop policy if exists stores_store_manager_select on retail.stores;
create policy stores_store_manager_select
    on retail.stores
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists stores_regional_manager_select on retail.stores;
create policy stores_regional_manager_select
    on retail.stores
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists stores_head_office_select on retail.stores;
create policy stores_head_office_select
    on retail.stores
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists stores_store_manager_fence on retail.stores;
create policy stores_store_manager_fence
    on retail.stores
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists stores_regional_manager_fence on retail.stores;
create policy stores_regional_manager_fence
    on retail.stores
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists stores_head_office_fence on retail.stores;
create policy stores_head_office_fence
    on retail.stores
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists stores_writer_all on retail.stores;
create policy stores_writer_all
    on retail.stores
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy stores_store_manager_fence on retail.stores is
    'A store: rows of the store in the signed context, else none.';
comment on policy stores_regional_manager_fence on retail.stores is
    'A region: rows of the stores in the signed context, else none.';
comment on policy stores_head_office_fence on retail.stores is
    'Head office: all rows under a valid signed context, else none.';
comment on policy stores_writer_all on retail.stores is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.stores from public;
grant select on retail.stores to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.stores to zava_writer;
