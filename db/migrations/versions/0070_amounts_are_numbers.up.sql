-- 0070 amounts are numbers.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)
-- sources end

-- PostgreSQL takes NaN for a number, and the largest: it passes price > 0, as pandas and others write
-- what is missing. One made every sum it was in NaN, in the reports of everybody who sees the store.
-- Rows of earlier are not looked at.
alter table retail.products
add constraint products_list_price_number_check check (list_price <> 'NaN') not valid;
alter table retail.inventory
add constraint inventory_number_check
check (price <> 'NaN' and unit_cost <> 'NaN') not valid;
-- A total that is none has a price or a discount that is none.
alter table retail.order_items
add constraint order_items_number_check
check (unit_price <> 'NaN' and unit_cost <> 'NaN' and discount_amount <> 'NaN') not valid;
alter table retail.orders
add constraint orders_number_check
check (total_amount <> 'NaN' and tax_amount <> 'NaN') not valid;
reset role;
