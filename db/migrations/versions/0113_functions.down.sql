-- 0113 functions, undone.
set local lock_timeout = '3s';

do $database$
begin
    execute format(
        'revoke connect on database %I from zava_gateway, zava_service', current_database()
    );
    execute format('grant connect, temporary on database %I to public', current_database());
end
$database$;

set local role zava_owner;

drop schema zava_run cascade;

-- The indexes of regions call a function that goes. `zava-sql embed` makes them again.
do $regions$
declare
    v_index regclass;
begin
    for v_index in
        select i.indexrelid
        from pg_catalog.pg_index as i
        where i.indrelid = 'retail.search_assortments'::regclass
            and pg_get_expr(i.indpred, i.indrelid) ~ '= ANY'
    loop
        execute format('drop index %s', v_index);
    end loop;
end
$regions$;
truncate retail.search_regions;

-- sources begin (written by scripts/freeze up to the end mark)

revoke select, insert, update, delete on retail.stores from zava_writer;
revoke select on retail.stores from store_manager, regional_manager, head_office;
drop policy stores_writer_all on retail.stores;
drop policy stores_head_office_fence on retail.stores;
drop policy stores_regional_manager_fence on retail.stores;
drop policy stores_store_manager_fence on retail.stores;
drop policy stores_head_office_select on retail.stores;
drop policy stores_regional_manager_select on retail.stores;
drop policy stores_store_manager_select on retail.stores;
alter table retail.stores no force row level security;
alter table retail.stores disable row level security;
revoke select, insert, update, delete on retail.stock_movements from zava_writer;
revoke select on retail.stock_movements from store_manager, regional_manager, head_office;
drop policy stock_movements_writer_all on retail.stock_movements;
drop policy stock_movements_head_office_fence on retail.stock_movements;
drop policy stock_movements_regional_manager_fence on retail.stock_movements;
drop policy stock_movements_store_manager_fence on retail.stock_movements;
drop policy stock_movements_head_office_select on retail.stock_movements;
drop policy stock_movements_regional_manager_select on retail.stock_movements;
drop policy stock_movements_store_manager_select on retail.stock_movements;
alter table retail.stock_movements no force row level security;
alter table retail.stock_movements disable row level security;
revoke select, insert, update, delete on retail.search_stores from zava_writer;
revoke select on retail.search_stores from store_manager, regional_manager, head_office;
drop policy search_stores_writer_all on retail.search_stores;
drop policy search_stores_head_office_fence on retail.search_stores;
drop policy search_stores_regional_manager_fence on retail.search_stores;
drop policy search_stores_store_manager_fence on retail.search_stores;
drop policy search_stores_head_office_select on retail.search_stores;
drop policy search_stores_regional_manager_select on retail.search_stores;
drop policy search_stores_store_manager_select on retail.search_stores;
alter table retail.search_stores no force row level security;
alter table retail.search_stores disable row level security;
revoke select, insert, update, delete on retail.search_regions from zava_writer;
revoke select on retail.search_regions from store_manager, regional_manager, head_office;
drop policy search_regions_writer_all on retail.search_regions;
drop policy search_regions_head_office_fence on retail.search_regions;
drop policy search_regions_regional_manager_fence on retail.search_regions;
drop policy search_regions_store_manager_fence on retail.search_regions;
drop policy search_regions_head_office_select on retail.search_regions;
drop policy search_regions_regional_manager_select on retail.search_regions;
drop policy search_regions_store_manager_select on retail.search_regions;
alter table retail.search_regions no force row level security;
alter table retail.search_regions disable row level security;
revoke select, insert, update, delete on retail.search_assortments from zava_writer;
revoke select on retail.search_assortments from store_manager, regional_manager, head_office;
drop policy search_assortments_writer_all on retail.search_assortments;
drop policy search_assortments_head_office_fence on retail.search_assortments;
drop policy search_assortments_regional_manager_fence on retail.search_assortments;
drop policy search_assortments_store_manager_fence on retail.search_assortments;
drop policy search_assortments_head_office_select on retail.search_assortments;
drop policy search_assortments_regional_manager_select on retail.search_assortments;
drop policy search_assortments_store_manager_select on retail.search_assortments;
alter table retail.search_assortments no force row level security;
alter table retail.search_assortments disable row level security;
revoke select, insert, update, delete on retail.orders from zava_writer;
revoke select on retail.orders from store_manager, regional_manager, head_office;
drop policy orders_writer_all on retail.orders;
drop policy orders_head_office_fence on retail.orders;
drop policy orders_regional_manager_fence on retail.orders;
drop policy orders_store_manager_fence on retail.orders;
drop policy orders_head_office_select on retail.orders;
drop policy orders_regional_manager_select on retail.orders;
drop policy orders_store_manager_select on retail.orders;
alter table retail.orders no force row level security;
alter table retail.orders disable row level security;
revoke select, insert, update, delete on retail.order_items from zava_writer;
revoke select on retail.order_items from store_manager, regional_manager, head_office;
drop policy order_items_writer_all on retail.order_items;
drop policy order_items_head_office_fence on retail.order_items;
drop policy order_items_regional_manager_fence on retail.order_items;
drop policy order_items_store_manager_fence on retail.order_items;
drop policy order_items_head_office_select on retail.order_items;
drop policy order_items_regional_manager_select on retail.order_items;
drop policy order_items_store_manager_select on retail.order_items;
alter table retail.order_items no force row level security;
alter table retail.order_items disable row level security;
revoke select, insert, update, delete on retail.inventory from zava_writer;
revoke select on retail.inventory from store_manager, regional_manager, head_office;
drop policy inventory_writer_all on retail.inventory;
drop policy inventory_head_office_fence on retail.inventory;
drop policy inventory_regional_manager_fence on retail.inventory;
drop policy inventory_store_manager_fence on retail.inventory;
drop policy inventory_head_office_select on retail.inventory;
drop policy inventory_regional_manager_select on retail.inventory;
drop policy inventory_store_manager_select on retail.inventory;
alter table retail.inventory no force row level security;
alter table retail.inventory disable row level security;
revoke select, insert, update, delete on retail.daily_totals from zava_writer;
revoke select on retail.daily_totals from store_manager, regional_manager, head_office;
drop policy daily_totals_writer_all on retail.daily_totals;
drop policy daily_totals_head_office_fence on retail.daily_totals;
drop policy daily_totals_regional_manager_fence on retail.daily_totals;
drop policy daily_totals_store_manager_fence on retail.daily_totals;
drop policy daily_totals_head_office_select on retail.daily_totals;
drop policy daily_totals_regional_manager_select on retail.daily_totals;
drop policy daily_totals_store_manager_select on retail.daily_totals;
alter table retail.daily_totals no force row level security;
alter table retail.daily_totals disable row level security;
revoke select, insert, update, delete on retail.daily_sales from zava_writer;
revoke select on retail.daily_sales from store_manager, regional_manager, head_office;
drop policy daily_sales_writer_all on retail.daily_sales;
drop policy daily_sales_head_office_fence on retail.daily_sales;
drop policy daily_sales_regional_manager_fence on retail.daily_sales;
drop policy daily_sales_store_manager_fence on retail.daily_sales;
drop policy daily_sales_head_office_select on retail.daily_sales;
drop policy daily_sales_regional_manager_select on retail.daily_sales;
drop policy daily_sales_store_manager_select on retail.daily_sales;
alter table retail.daily_sales no force row level security;
alter table retail.daily_sales disable row level security;
revoke select, insert, update, delete on retail.daily_customers from zava_writer;
revoke select on retail.daily_customers from store_manager, regional_manager, head_office;
drop policy daily_customers_writer_all on retail.daily_customers;
drop policy daily_customers_head_office_fence on retail.daily_customers;
drop policy daily_customers_regional_manager_fence on retail.daily_customers;
drop policy daily_customers_store_manager_fence on retail.daily_customers;
drop policy daily_customers_head_office_select on retail.daily_customers;
drop policy daily_customers_regional_manager_select on retail.daily_customers;
drop policy daily_customers_store_manager_select on retail.daily_customers;
alter table retail.daily_customers no force row level security;
alter table retail.daily_customers disable row level security;
revoke select, insert, update, delete on retail.customers from zava_writer;
revoke select on retail.customers from store_manager, regional_manager, head_office;
drop policy customers_writer_all on retail.customers;
drop policy customers_head_office_fence on retail.customers;
drop policy customers_regional_manager_fence on retail.customers;
drop policy customers_store_manager_fence on retail.customers;
drop policy customers_head_office_select on retail.customers;
drop policy customers_regional_manager_select on retail.customers;
drop policy customers_store_manager_select on retail.customers;
alter table retail.customers no force row level security;
alter table retail.customers disable row level security;
drop function zava.verify_audit(bigint, bytea);
drop function api.my_queries(integer);
drop function zava.queries_of_caller(name, integer);
drop function zava.drop_audit_before(timestamptz);
drop function zava.audit_records(integer, text, bigint, timestamptz);
drop function zava.audit_chain();
drop function zava.append_audit(uuid, jsonb);
drop function zava._audit_partition(timestamptz);
drop function zava._audit_digest(bytea, zava.audit_log);
drop function api.top_products(text, date, date, text, text, integer);
drop function api.store_performance(uuid, date, date);
drop function api.store_comparison(date, date, text);
drop function api.seasonality(text, text, integer);
drop function api.sales_trend(text, date, date, text, text);
drop function api.sales_forecast(text, integer, date, numeric);
drop function api.sales_anomalies(text, date, date, numeric, integer);
drop function api.returns_analysis(text, date, date, text, text, integer);
drop function zava.refresh_daily_sales(date, date);
revoke execute on function api.inventory_status(text, text, text, integer, integer, integer) from store_manager, regional_manager, head_office;
drop function api.inventory_status(text, text, text, integer, integer, integer)
   ;
drop function api.discount_impact(text, date, date, text);
drop function api.customer_segments(text, date, date);
revoke execute on function api.customer_lifetime_value(text, date, date, integer, integer) from store_manager, regional_manager, head_office;
drop function api.customer_lifetime_value(text, date, date, integer, integer)
   ;
drop function api.customer_cohorts(text, date, date);
drop function api.category_performance(text, date, date);
revoke execute on function api.basket_affinity(text, date, date, text, numeric, integer) from store_manager, regional_manager, head_office;
drop function api.basket_affinity(text, date, date, text, numeric, integer)
   ;
drop function api._store_ids(text);
drop function api._store_filter(text);
drop function zava._store_daily_sales(uuid, date, date);
drop function zava._store_daily_customers(uuid, date, date);
drop function api._stock_days(uuid[], date, date);
drop function api._span(uuid[], date, date);
drop function api._sold_before(uuid[], uuid, date);
drop function api._require_range(text, numeric, numeric, numeric);
drop function api._require_choice(text, text, text[]);
drop function api._performance(uuid, text, date, date, date);
drop function api._percent(numeric, numeric);
drop function api._oldest_day(uuid[]);
drop function api._newest_day();
drop function api._nearest(text, text[]);
drop function api._last_full_day();
drop function api._insights(text, numeric, numeric, numeric, integer);
drop function api._has_stores();
drop function api._growth(numeric, numeric);
drop function api._forecast_candidates(numeric[], integer, integer, boolean);
drop function api._forecast(numeric[], integer, numeric);
drop function api._date_range(date, date, integer);
drop function api._daily_totals(uuid[], date, date);
drop function api._daily_store_totals(uuid, date, date, date);
drop function api._daily_sales(uuid[], date, date);
drop function api._daily_revenue(uuid[], date, date);
drop function api._daily_customers(uuid, date, date);
drop function api._category_id(text);
drop function api._base_sales(uuid, date, date);
drop function api._base_orders(uuid, date, date);
drop function api._base_customers(uuid, date, date);
drop function api._day_start(date, text);
drop function zava.seed_weighted_rank(bigint, integer, bigint);
drop function zava.seed_uuid(text);
drop function zava.seed_uniform(bigint, integer);
drop function zava.seed_types(jsonb);
drop function zava.seed_type_picks(jsonb);
drop function zava.seed_traffic(uuid);
drop function zava.seed_supplies(uuid, date, date);
drop function zava.seed_stores();
drop function zava.seed_stock(jsonb, text, date);
drop function zava.seed_slices(bigint, date);
drop function zava.seed_signup_day(bigint, integer);
drop function zava.seed_shops();
drop function zava.seed_returns(jsonb, text, bigint, date, date, date);
drop function zava.seed_return_lines(jsonb, text, bigint, date, date, date)
   ;
drop function zava.seed_quantity_picks(jsonb);
drop function zava.seed_product_picks(jsonb, text);
drop function zava.seed_principals();
drop function zava.seed_price(numeric, numeric, integer);
drop function zava.seed_partner_picks(jsonb);
drop function zava.seed_orders(jsonb, text, bigint, date, date);
drop function zava.seed_order_moment(bigint, integer, date, boolean);
drop function zava.seed_order_lines(jsonb, text, bigint, date, date);
drop function zava.seed_order_keys(jsonb, text, bigint, date, date);
drop function zava.seed_number(bigint, integer, integer);
drop function zava.seed_missing_orders(jsonb, text, bigint, date, date);
drop function zava.seed_last_names();
drop function zava.seed_key(bigint, bigint);
drop function zava.seed_inventory(jsonb, text, date);
drop function zava.seed_first_names();
drop function zava.seed_days(jsonb, text, date, date);
drop function zava.seed_customers(text, bigint, date);
drop function zava.seed_catalogue(jsonb);
drop function zava.seed_buyers(jsonb, text, bigint, date, date);
drop function zava.seed_business_year(date);
drop function zava.seed_basket_types(jsonb, text, bigint, date, date);
drop function zava.seed_assortment(jsonb, text, integer);
drop function zava.seed_articles(jsonb);
drop function zava.seed_arguments(numeric, date);
revoke execute on function api.trending_products(text, text, date, integer, integer, integer) from store_manager, regional_manager, head_office;
drop function api.trending_products(text, text, date, integer, integer, integer)
   ;
drop function zava.store_embeddings(text, uuid[], bytea[], real[]);
drop function api.similar_products(text, boolean, integer);
revoke execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer) from store_manager, regional_manager, head_office;
drop function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
   ;
drop function zava.retire_embedding_model(text);
drop function zava.release_embeddings(text, uuid[]);
drop function zava.refresh_search_lexemes();
drop function zava.refresh_search_assortments();
drop function api.recommend_for_customer(uuid, boolean, integer);
drop function zava.live_embedding_model();
drop function zava.index_search_assortments();
drop function zava.index_embedding_model(text);
drop function zava.embedding_status();
drop function zava.product_texts();
drop function api.cross_sell(text, text, date, date, integer, integer);
drop function zava.claim_embeddings(text, uuid, integer, interval);
drop function zava.check_search_recall(integer);
drop function zava.add_embedding_model(text, integer);
drop function zava.activate_embedding_model(text, uuid[]);
drop function api._worth(tsvector, tsquery[], real[]);
drop function api._word_query(text);
drop function api._word_pairs(text);
drop function api._word_combinations(tsquery[], real[], integer[], real);
drop function zava.refresh_search_words();
drop function api._wanted_text(text);
drop function api._vector_facts(vector);
drop function api._stored_distance(halfvec, halfvec, integer);
drop function api._sold_where(uuid, numeric, numeric, boolean);
revoke execute on function api._sold_products(uuid, numeric, numeric, boolean, integer) from store_manager, regional_manager, head_office;
drop function api._sold_products(uuid, numeric, numeric, boolean, integer)
   ;
drop function api._similarity_to(uuid, vector);
drop function api._similarity(halfvec, halfvec);
drop function zava._search_indexes();
drop function api._region_id(uuid[]);
drop function api._region_distance(halfvec, halfvec, integer);
drop function zava._region_vector(halfvec);
drop function api._query_words(text);
drop function api._product_id(text);
drop function api._product_embedding(uuid);
drop function api._offer(uuid, uuid[]);
drop function api._nearest_word(text);
revoke execute on function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer, bit varying) from store_manager, regional_manager, head_office;
drop function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer, bit varying)
   ;
drop function api._nearest_copied_400(vector, smallint, uuid[], integer);
drop function api._nearest_copied_200(vector, smallint, uuid[], integer);
drop function api._nearest_copied_1000(vector, smallint, uuid[], integer);
drop function api._nearest_copied_100(vector, smallint, uuid[], integer);
drop function api._nearest_copied(vector, smallint, uuid[], integer);
drop function api._nearest_compared(vector, integer, integer);
drop function api._name_parts(text);
revoke execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real) from store_manager, regional_manager, head_office;
drop function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real)
   ;
drop function api._matching_copied(text, bit varying, integer);
drop function api._is_one_slip(text, text);
drop function api._is_live_model(text);
revoke execute on function api._index_products_400(vector, uuid, numeric, numeric, boolean, integer, bit varying) from store_manager, regional_manager, head_office;
drop function api._index_products_400(vector, uuid, numeric, numeric, boolean, integer, bit varying)
   ;
revoke execute on function api._index_products_200(vector, uuid, numeric, numeric, boolean, integer, bit varying) from store_manager, regional_manager, head_office;
drop function api._index_products_200(vector, uuid, numeric, numeric, boolean, integer, bit varying)
   ;
revoke execute on function api._index_products_150(vector, uuid, numeric, numeric, boolean, integer, bit varying) from store_manager, regional_manager, head_office;
drop function api._index_products_150(vector, uuid, numeric, numeric, boolean, integer, bit varying)
   ;
revoke execute on function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying) from store_manager, regional_manager, head_office;
drop function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying)
   ;
revoke execute on function api._index_products(vector, uuid, numeric, numeric, boolean, integer, bit varying) from store_manager, regional_manager, head_office;
drop function api._index_products(vector, uuid, numeric, numeric, boolean, integer, bit varying)
   ;
drop function api._index_all_100(vector, integer);
drop function api._index_all(vector, integer);
drop function zava._has_embedding_index(smallint);
revoke execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean) from store_manager, regional_manager, head_office;
drop function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean)
   ;
drop function api._first_places(bit varying, integer);
drop function api._few();
drop function zava._embedding_model_id(text);
drop function api._checked_embedding(vector);
drop function api._bought_with(uuid[], uuid[], date, date);
drop function api._asked_words(text);
drop function api.describe_schema(text, text);
drop function zava.api_functions_of(name);
drop function zava.api_fingerprint();
drop function zava.api_functions();
drop function zava._type_facts(oid);
drop function zava._search_schema(text, text);
drop function zava._own_rows(oid);
drop function api._list_parts(text[], text);
drop function api._list_names();
drop function zava._is_named(text, text, text);
drop function zava._describe_keys(oid);
drop function zava._describe_columns(oid);
drop function zava._type_values(oid);
drop function zava._domain_values(oid);
drop function zava._own_values(oid, smallint);
drop function zava._listed_values(text, boolean);
drop function zava._describe_all();
drop function zava._readable_tables();
drop function zava._column_names(oid, smallint[]);
drop function zava._callable_functions();
drop function api.whoami();
drop function zava.visible_stores(name);
drop function zava.verify_context(name);
drop function zava.secure_database();
drop function zava.role_caps();
drop function zava.revoke_api_key(uuid);
drop function zava.retire_signing_key(text);
drop trigger signing_keys_notify on zava.signing_keys;
drop trigger api_keys_notify on zava.api_keys;
drop trigger principal_stores_notify on zava.principal_stores;
drop trigger principals_notify on zava.principals;
drop function zava.notify_access();
drop function zava.knows_signing_key(text, bytea);
drop function zava.is_head_office(name);
drop function zava.identify(name);
drop function zava.house_rules(name[]);
drop function zava.hardening();
drop function zava.harden(boolean);
drop function zava.find_principal_by_id(uuid);
drop function zava.find_principal(text);
drop function zava.enable_principal(text);
drop function zava.disable_principal(text);
drop function zava.create_signing_key(text, bytea, bytea);
drop function zava.create_principal(text, text, text[], uuid);
drop function zava.create_api_key(text, bytea, timestamptz);
drop function zava.authenticate(bytea);
drop function zava.access_version(uuid, text);
drop function zava._role_version(text);
drop function zava._create_tenant_role(text, text);
drop function zava._create_runner();
drop function zava._class_role(text);

-- sources end
reset role;
