-- 0070 amounts are numbers, undone.
set local lock_timeout = '3s';
set local role zava_owner;

alter table retail.orders drop constraint orders_number_check;
alter table retail.order_items drop constraint order_items_number_check;
alter table retail.inventory drop constraint inventory_number_check;
alter table retail.products drop constraint products_list_price_number_check;

-- sources begin (written by scripts/freeze up to the end mark)
-- sources end
reset role;
