-- Row-level security of retail.daily_totals: a store sees its own daily totals, a region those of the
-- stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.daily_totals enable row level security;
alter table retail.daily_totals force row level security;

drop policy if exists daily_totals_store_manager_select on retail.daily_totals;
create policy daily_totals_store_manager_select
    on retail.daily_totals
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists daily_totals_regional_manager_select on retail.daily_totals;
create policy daily_totals_regional_manager_select
    on retail.daily_totals
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_totals_head_office_select on retail.daily_totals;
create policy daily_totals_head_office_select
    on retail.daily_totals
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists daily_totals_store_manager_fence on retail.daily_totals;
create policy daily_totals_store_manager_fence
    on retail.daily_totals
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

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
