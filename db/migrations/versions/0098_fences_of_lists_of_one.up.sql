-- 0098 fences of lists of one.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/policies/customers.sql
-- Row-level security of retail.customers: a store sees its own customers, a region those of the
-- stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is an equality, so that an index can give the newest rows first. By itself it would
-- join the equivalence class of whatever a query sets equal to store_id, and PostgreSQL could
-- evaluate that in its place. The CASE in front of it joins no class, and is evaluated first.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.customers enable row level security;
alter table retail.customers force row level security;

drop policy if exists customers_store_manager_select on retail.customers;
create policy customers_store_manager_select
    on retail.customers
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists customers_regional_manager_select on retail.customers;
create policy customers_regional_manager_select
    on retail.customers
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists customers_head_office_select on retail.customers;
create policy customers_head_office_select
    on retail.customers
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists customers_store_manager_fence on retail.customers;
create policy customers_store_manager_fence
    on retail.customers
    as restrictive
    for all
    to store_manager
    using (
        case when store_id = (select (zava.visible_stores(current_user))[1]) then true end is not null
        and store_id = (select (zava.visible_stores(current_user))[1])
    );

drop policy if exists customers_regional_manager_fence on retail.customers;
create policy customers_regional_manager_fence
    on retail.customers
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists customers_head_office_fence on retail.customers;
create policy customers_head_office_fence
    on retail.customers
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists customers_writer_all on retail.customers;
create policy customers_writer_all
    on retail.customers
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy customers_store_manager_fence on retail.customers is
    'A store: rows of the store in the signed context, else none.';
comment on policy customers_regional_manager_fence on retail.customers is
    'A region: rows of the stores in the signed context, else none.';
comment on policy customers_head_office_fence on retail.customers is
    'Head office: all rows under a valid signed context, else none.';
comment on policy customers_writer_all on retail.customers is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.customers from public;
grant select on retail.customers to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.customers to zava_writer;

-- source: db/policies/daily_customers.sql
-- Row-level security of retail.daily_customers: a store sees its own days of customers, a region
-- those of the stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.daily_customers enable row level security;
alter table retail.daily_customers force row level security;

drop policy if exists daily_customers_store_manager_select on retail.daily_customers;
create policy daily_customers_store_manager_select
    on retail.daily_customers
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists daily_customers_regional_manager_select on retail.daily_customers;
create policy daily_customers_regional_manager_select
    on retail.daily_customers
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_customers_head_office_select on retail.daily_customers;
create policy daily_customers_head_office_select
    on retail.daily_customers
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists daily_customers_store_manager_fence on retail.daily_customers;
create policy daily_customers_store_manager_fence
    on retail.daily_customers
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists daily_customers_regional_manager_fence on retail.daily_customers;
create policy daily_customers_regional_manager_fence
    on retail.daily_customers
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_customers_head_office_fence on retail.daily_customers;
create policy daily_customers_head_office_fence
    on retail.daily_customers
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists daily_customers_writer_all on retail.daily_customers;
create policy daily_customers_writer_all
    on retail.daily_customers
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy daily_customers_store_manager_fence on retail.daily_customers is
    'A store: rows of the store in the signed context, else none.';
comment on policy daily_customers_regional_manager_fence on retail.daily_customers is
    'A region: rows of the stores in the signed context, else none.';
comment on policy daily_customers_head_office_fence on retail.daily_customers is
    'Head office: all rows under a valid signed context, else none.';
comment on policy daily_customers_writer_all on retail.daily_customers is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.daily_customers from public;
grant select on retail.daily_customers to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.daily_customers to zava_writer;

-- source: db/policies/daily_sales.sql
-- Row-level security of retail.daily_sales: a store sees its own daily sales, a region those of the
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

-- source: db/policies/daily_totals.sql
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

-- source: db/policies/inventory.sql
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

-- source: db/policies/order_items.sql
-- Row-level security of retail.order_items: a store sees its own order lines, a region those of the
-- stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is an equality, so that an index can give the newest rows first. By itself it would
-- join the equivalence class of whatever a query sets equal to store_id, and PostgreSQL could
-- evaluate that in its place. The CASE in front of it joins no class, and is evaluated first.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
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

-- source: db/policies/orders.sql
-- Row-level security of retail.orders: a store sees its own orders, a region those of the stores in
-- its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is an equality, so that an index can give the newest rows first. By itself it would
-- join the equivalence class of whatever a query sets equal to store_id, and PostgreSQL could
-- evaluate that in its place. The CASE in front of it joins no class, and is evaluated first.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.orders enable row level security;
alter table retail.orders force row level security;

drop policy if exists orders_store_manager_select on retail.orders;
create policy orders_store_manager_select
    on retail.orders
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists orders_regional_manager_select on retail.orders;
create policy orders_regional_manager_select
    on retail.orders
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists orders_head_office_select on retail.orders;
create policy orders_head_office_select
    on retail.orders
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists orders_store_manager_fence on retail.orders;
create policy orders_store_manager_fence
    on retail.orders
    as restrictive
    for all
    to store_manager
    using (
        case when store_id = (select (zava.visible_stores(current_user))[1]) then true end is not null
        and store_id = (select (zava.visible_stores(current_user))[1])
    );

drop policy if exists orders_regional_manager_fence on retail.orders;
create policy orders_regional_manager_fence
    on retail.orders
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists orders_head_office_fence on retail.orders;
create policy orders_head_office_fence
    on retail.orders
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists orders_writer_all on retail.orders;
create policy orders_writer_all
    on retail.orders
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy orders_store_manager_fence on retail.orders is
    'A store: rows of the store in the signed context, else none.';
comment on policy orders_regional_manager_fence on retail.orders is
    'A region: rows of the stores in the signed context, else none.';
comment on policy orders_head_office_fence on retail.orders is
    'Head office: all rows under a valid signed context, else none.';
comment on policy orders_writer_all on retail.orders is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.orders from public;
grant select on retail.orders to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.orders to zava_writer;

-- source: db/policies/search_assortments.sql
-- Row-level security of retail.search_assortments: a store sees its own copies of what it sells, a
-- region those of the stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.search_assortments enable row level security;
alter table retail.search_assortments force row level security;

drop policy if exists search_assortments_store_manager_select on retail.search_assortments;
create policy search_assortments_store_manager_select
    on retail.search_assortments
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists search_assortments_regional_manager_select on retail.search_assortments;
create policy search_assortments_regional_manager_select
    on retail.search_assortments
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_assortments_head_office_select on retail.search_assortments;
create policy search_assortments_head_office_select
    on retail.search_assortments
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists search_assortments_store_manager_fence on retail.search_assortments;
create policy search_assortments_store_manager_fence
    on retail.search_assortments
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists search_assortments_regional_manager_fence on retail.search_assortments;
create policy search_assortments_regional_manager_fence
    on retail.search_assortments
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_assortments_head_office_fence on retail.search_assortments;
create policy search_assortments_head_office_fence
    on retail.search_assortments
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists search_assortments_writer_all on retail.search_assortments;
create policy search_assortments_writer_all
    on retail.search_assortments
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy search_assortments_store_manager_fence on retail.search_assortments is
    'A store: rows of the store in the signed context, else none.';
comment on policy search_assortments_regional_manager_fence on retail.search_assortments is
    'A region: rows of the stores in the signed context, else none.';
comment on policy search_assortments_head_office_fence on retail.search_assortments is
    'Head office: all rows under a valid signed context, else none.';
comment on policy search_assortments_writer_all on retail.search_assortments is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.search_assortments from public;
grant select on retail.search_assortments to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_assortments to zava_writer;

-- source: db/policies/search_regions.sql
-- Row-level security of retail.search_regions: a store sees its own rows, a region those of the
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
alter table retail.search_regions enable row level security;
alter table retail.search_regions force row level security;

drop policy if exists search_regions_store_manager_select on retail.search_regions;
create policy search_regions_store_manager_select
    on retail.search_regions
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists search_regions_regional_manager_select on retail.search_regions;
create policy search_regions_regional_manager_select
    on retail.search_regions
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

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
    'A store: rows of the store in the signed context, else none.';
comment on policy search_regions_regional_manager_fence on retail.search_regions is
    'A region: rows of the stores in the signed context, else none.';
comment on policy search_regions_head_office_fence on retail.search_regions is
    'Head office: all rows under a valid signed context, else none.';
comment on policy search_regions_writer_all on retail.search_regions is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.search_regions from public;
grant select on retail.search_regions to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_regions to zava_writer;

-- source: db/policies/search_stores.sql
-- Row-level security of retail.search_stores: a store sees how many products it sells itself, a
-- region those of the stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.search_stores enable row level security;
alter table retail.search_stores force row level security;

drop policy if exists search_stores_store_manager_select on retail.search_stores;
create policy search_stores_store_manager_select
    on retail.search_stores
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists search_stores_regional_manager_select on retail.search_stores;
create policy search_stores_regional_manager_select
    on retail.search_stores
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_stores_head_office_select on retail.search_stores;
create policy search_stores_head_office_select
    on retail.search_stores
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists search_stores_store_manager_fence on retail.search_stores;
create policy search_stores_store_manager_fence
    on retail.search_stores
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists search_stores_regional_manager_fence on retail.search_stores;
create policy search_stores_regional_manager_fence
    on retail.search_stores
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_stores_head_office_fence on retail.search_stores;
create policy search_stores_head_office_fence
    on retail.search_stores
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists search_stores_writer_all on retail.search_stores;
create policy search_stores_writer_all
    on retail.search_stores
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy search_stores_store_manager_fence on retail.search_stores is
    'A store: rows of the store in the signed context, else none.';
comment on policy search_stores_regional_manager_fence on retail.search_stores is
    'A region: rows of the stores in the signed context, else none.';
comment on policy search_stores_head_office_fence on retail.search_stores is
    'Head office: all rows under a valid signed context, else none.';
comment on policy search_stores_writer_all on retail.search_stores is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.search_stores from public;
grant select on retail.search_stores to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_stores to zava_writer;

-- source: db/policies/stock_movements.sql
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

-- source: db/policies/stores.sql
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

-- sources end
reset role;
