-- 0101 rows of regions.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/policies/search_regions.sql
-- Row-level security of retail.search_regions: a region sees its own rows, head office all, a store
-- none.
-- That a region has rows, and what was measured for them, depends on what all of its stores sell: they
-- are not for who sees only some of these. So the opening policies let in just the region that is all
-- those stores of the caller that sell something, which for a store is none. Its id is written as
-- api._region_id() has it: a function that decides what is seen has to be of the kernel, which a tenant
-- cannot call by name.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.search_regions enable row level security;
alter table retail.search_regions force row level security;

drop policy if exists search_regions_store_manager_select on retail.search_regions;
create policy search_regions_store_manager_select
    on retail.search_regions
    as permissive
    for select
    to store_manager
    using (
        (true or store_id = (select (zava.visible_stores(current_user))[1]))
        and region_id = any (array[(
            select encode(substr(sha256(
                array_agg(s.store_id order by s.store_id)::text::bytea
            ), 1, 16), 'hex')::uuid
            from retail.search_stores as s
        )])
    );

drop policy if exists search_regions_regional_manager_select on retail.search_regions;
create policy search_regions_regional_manager_select
    on retail.search_regions
    as permissive
    for select
    to regional_manager
    using (
        (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]))
        and region_id = any (array[(
            select encode(substr(sha256(
                array_agg(s.store_id order by s.store_id)::text::bytea
            ), 1, 16), 'hex')::uuid
            from retail.search_stores as s
        )])
    );

drop policy if exists search_regions_head_office_select on retail.search_regions;
create policy search_regions_head_office_select
    on retail.search_regions
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists search_regions_store_manager_fence on retail.search_regions;
create policy search_regions_store_manager_fence
    on retail.search_regions
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists search_regions_regional_manager_fence on retail.search_regions;
create policy search_regions_regional_manager_fence
    on retail.search_regions
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_regions_head_office_fence on retail.search_regions;
create policy search_regions_head_office_fence
    on retail.search_regions
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists search_regions_writer_all on retail.search_regions;
create policy search_regions_writer_all
    on retail.search_regions
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy search_regions_store_manager_fence on retail.search_regions is
    'A store: none that is not of the store in the signed context.';
comment on policy search_regions_regional_manager_fence on retail.search_regions is
    'A region: none that is not of the stores in the signed context.';
comment on policy search_regions_head_office_fence on retail.search_regions is
    'Head office: all rows under a valid signed context, else none.';
comment on policy search_regions_writer_all on retail.search_regions is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.search_regions from public;
grant select on retail.search_regions to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_regions to zava_writer;

-- sources end
reset role;
