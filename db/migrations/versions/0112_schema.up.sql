-- 0112 schema: roles, schemas, types, tables, views. Run by the administrator (superuser, or a
-- database owner with CREATEROLE and a vector extension that was created beforehand).
-- The first revision: before the first release, what came earlier was folded into it and 0113.
set local lock_timeout = '3s';

-- Roles belong to the cluster, not to this database: another database may have made them already.
do $roles$
declare
    v_role text;
    v_purpose text;
begin
    for v_role, v_purpose in
        values
            ('zava_owner', 'Owns every object of zava_sql. Nobody logs in as it.'),
            (
                'zava_writer',
                'Loads and changes the data of all stores, for the login that feeds the shop data.'
            ),
            (
                'zava_gateway',
                'Login that runs the text of AI agents. Holds no grant, only SET on tenant roles.'
            ),
            (
                'zava_service',
                'Login that authenticates and reads the catalogue. Never runs text of an agent.'
            ),
            (
                'zava_runner',
                'May call the runner and name what stands in its schemas; reads nothing itself.'
            ),
            ('store_manager', 'Class role: one store. Named in policies and grants.'),
            ('regional_manager', 'Class role: a list of stores. Named in policies and grants.'),
            ('head_office', 'Class role: every store. Named in policies and grants.')
    loop
        if not exists (select from pg_catalog.pg_roles as r where r.rolname = v_role) then
            execute format('create role %I nologin noinherit', v_role);
            execute format('comment on role %I is %L', v_role, v_purpose);
        end if;
    end loop;

    grant zava_runner to zava_gateway with inherit false, set true;

    -- The administrator acts as owner and writer, and gives each class role its part of the runner;
    -- a superuser needs no membership for that.
    if not (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user) then
        execute format(
            'grant zava_owner, zava_writer to %I with inherit true, set true', current_user
        );
        execute format(
            'grant store_manager, regional_manager, head_office to %I with inherit false, set true',
            current_user
        );
    end if;
end
$roles$;

do $extensions$
begin
    if not exists (select from pg_catalog.pg_extension as e where e.extname = 'vector') then
        create extension vector;
    end if;

    -- Typo tolerance in search uses trigrams where they are to be had; nothing depends on them.
    if exists (select from pg_catalog.pg_available_extensions as x where x.name = 'pg_trgm') then
        create extension if not exists pg_trgm;
    end if;
exception
    when insufficient_privilege then
        raise exception 'the vector extension is missing and only a superuser can create it'
            using errcode = 'insufficient_privilege',
                  hint = 'As a superuser of this database: create extension vector;';
end
$extensions$;

create schema zava authorization zava_owner;
create schema retail authorization zava_owner;
create schema api authorization zava_owner;

-- Whoever may act as the owner may migrate: the table belongs to the administrator who migrated
-- first. The service compares its revision with the database's.
grant select, insert, update, delete on table public.alembic_version to zava_owner;
grant select on table public.alembic_version to zava_service;

set local role zava_owner;

comment on schema zava is 'Kernel: identities, keys, context. No tenant has access to it.';
comment on schema retail is 'The shop: stores, customers, products, orders, stock.';
comment on schema api is 'What a tenant may call. Every function here is a tool of AI clients.';

-- A function is closed until its own file grants it. Only the global form has this effect.
alter default privileges for role zava_owner revoke execute on functions from public;

grant usage on schema retail, api to store_manager, regional_manager, head_office;
grant usage on schema retail to zava_writer;
grant usage on schema zava to zava_service;
grant usage on schema retail, api to zava_runner;

-- What a function of the schema api may answer with other than a table. A named type, so that no
-- table whose columns happen to have these names is taken for it; in api, where tenants can name it.
create type api.content as (
    text text,
    data bytea,
    mime_type text,
    uri text
);
comment on type api.content is
    'A part of an answer that is no table: a text, or data such as an image; with a uri, a document of that name.';

-- It stands here, and once more among the functions, since a generated column calls it.
-- zava.digest(): fingerprint of a text, to see whether it changed since it was embedded.
-- sha256(convert_to()) is only STABLE for PostgreSQL; the encoding of a database never changes.
create or replace function zava.digest(
    p_text text
)
returns bytea
language sql
immutable
parallel safe
security invoker
begin atomic
    select sha256(convert_to(p_text, 'UTF8'));
end;

comment on function zava.digest(text) is
    'SHA-256 of a text in UTF-8.

p_text: the text';
revoke execute on function zava.digest(text) from public;
-- products.content_hash is generated with the rights of whoever writes the row
grant execute on function zava.digest(text) to zava_writer;

-- ---------------------------------------------------------------- kernel

create table zava.signing_keys (
    kid text not null,
    ipad bytea not null,
    opad bytea not null,
    created_at timestamptz not null default now(),
    not_after timestamptz not null default 'infinity',
    constraint signing_keys_pkey primary key (kid),
    constraint signing_keys_kid_check check (kid ~ '^[a-z0-9]{1,16}$'),
    constraint signing_keys_pad_check check (octet_length(ipad) = 64 and octet_length(opad) = 64)
);
comment on table zava.signing_keys is
    'Keys that sign tenant contexts. ipad and opad are the key padded to 64 bytes, xor 0x36 and 0x5c (RFC 2104).';

create table zava.principals (
    principal_id uuid not null default gen_random_uuid(),
    name text not null,
    kind text not null,
    role_name name not null,
    active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint principals_pkey primary key (principal_id),
    constraint principals_name_key unique (name),
    constraint principals_name_check check (name ~ '^[a-z][a-z0-9_-]{0,39}$'),
    constraint principals_kind_check check (kind in ('store', 'region', 'head')),
    constraint principals_role_name_check check (role_name::text ~ '^zava_[a-z0-9_]{1,58}$'),
    constraint principals_head_check
        check ((kind = 'head') = (role_name = 'zava_head_office'::name))
);
create index principals_role_name_idx on zava.principals (role_name);
-- The context names a principal; so many of them may share a role.
create index principals_principal_id_text_idx on zava.principals ((principal_id::text));
comment on table zava.principals is
    'Who may ask: a store, a region (list of stores) or head office. The id is a secret of its holder.';

create table zava.api_keys (
    key_id uuid not null default gen_random_uuid(),
    key_hash bytea not null,
    principal_id uuid not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null default 'infinity',
    revoked_at timestamptz,
    constraint api_keys_pkey primary key (key_id),
    constraint api_keys_key_hash_key unique (key_hash),
    constraint api_keys_key_hash_check check (octet_length(key_hash) = 32),
    constraint api_keys_principal_id_fkey foreign key (principal_id)
        references zava.principals (principal_id) on delete cascade
);
create index api_keys_principal_id_idx on zava.api_keys (principal_id);
comment on table zava.api_keys is
    'Bearer keys of AI clients. Only the SHA-256 of a key is kept.';

create table zava.access_changes (
    number bigint not null,
    constraint access_changes_pkey primary key (number)
);
comment on table zava.access_changes is
    'One row: counts the changes of identities and keys, so that an answer cache knows of them.';
insert into zava.access_changes (number) values (0);

-- ---------------------------------------------------------------- audit

-- The audit of reads. Nobody has a grant on it: appending is zava.append_audit().
create table zava.audit_log (
    number bigint not null,
    recorded_at timestamptz not null,
    called_at timestamptz not null,
    principal_id uuid not null,
    principal text not null,
    client text,
    key_id uuid,
    tool text not null,
    sql text,
    fingerprint text,
    arguments text,
    verdict text not null,
    code text,
    sqlstate text,
    row_count bigint,
    byte_count bigint,
    duration_us bigint not null,
    cached boolean not null,
    request_id text,
    trace_id text,
    source_id uuid not null,
    source_number bigint not null,
    hash bytea not null,
    constraint audit_log_pkey primary key (recorded_at, number),
    constraint audit_log_verdict_check
        check (verdict in ('answered', 'refused', 'failed', 'cancelled'))
) partition by range (recorded_at);
create index audit_log_principal_id_idx on zava.audit_log (principal_id, recorded_at);
comment on table zava.audit_log is
    'Every call of an AI client: who, what, how it ended. A chain: hash covers the record and the hash before it. One partition a month.';

create table zava.audit_head (
    chain_id uuid not null default gen_random_uuid(),
    number bigint not null default 0,
    hash bytea not null,
    recorded_at timestamptz not null default '-infinity',
    first_number bigint not null default 0,
    first_hash bytea not null,
    constraint audit_head_pkey primary key (chain_id)
);
create unique index audit_head_single_idx on zava.audit_head ((true));
comment on table zava.audit_head is
    'One row: the last link of the audit log, and the one before its first record (first_…), which retention moves on.';
insert into zava.audit_head (hash, first_hash)
select h.hash, h.hash
from (select sha256(uuid_send(gen_random_uuid())) as hash) as h;

create table zava.audit_sources (
    source_id uuid not null,
    number bigint not null default 0,
    updated_at timestamptz not null default clock_timestamp(),
    constraint audit_sources_pkey primary key (source_id)
);
comment on table zava.audit_sources is
    'How far the journal of each server has arrived in the audit log.';

-- ---------------------------------------------------------------- shared catalogue

create table retail.stores (
    store_id uuid not null default gen_random_uuid(),
    store_key text not null,
    name text not null,
    city text not null,
    is_online boolean not null default false,
    time_zone text not null default 'America/Los_Angeles',
    tax_rate numeric(6, 5) not null,
    opened_on date not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    rolled_up_to date,
    constraint stores_pkey primary key (store_id),
    constraint stores_store_key_check check (store_key ~ '^[a-z][a-z0-9_]{0,39}$'),
    constraint stores_tax_rate_check check (tax_rate >= 0 and tax_rate < 1),
    -- A zone that PostgreSQL does not know would stop the reports of everybody who sees the store.
    constraint stores_time_zone_check
        check ((timestamptz '2000-01-01 00:00+00' at time zone time_zone) is not null)
);
-- A condition that is known to be leakproof, as of equal keys, may be looked up in an index before the
-- fence is asked: how long that took told that another store has the key. lower() is not known to be.
create unique index stores_store_key_idx on retail.stores (lower(store_key));
comment on table retail.stores is 'The shops, one row a tenant. A tenant sees its own.';
comment on column retail.stores.store_id is 'Tenant key: every tenant table starts with it.';
comment on column retail.stores.store_key is 'Short name in lower case, for example seattle.';
comment on column retail.stores.name is 'Name on the sign.';
comment on column retail.stores.city is 'City in Washington State; where the online shop ships from.';
comment on column retail.stores.is_online is 'True for the online shop.';
comment on column retail.stores.time_zone is 'IANA time zone of opening hours and reports.';
comment on column retail.stores.tax_rate is 'Sales tax as a fraction: 0.1035 is 10.35 %.';
comment on column retail.stores.opened_on is 'First day of business.';
comment on column retail.stores.rolled_up_to is
    'Last day that daily_sales, daily_totals and daily_customers hold, null for none; later days are in api.sale_lines only.';

create table retail.categories (
    category_id uuid not null default gen_random_uuid(),
    name text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint categories_pkey primary key (category_id),
    constraint categories_name_key unique (name)
);
comment on table retail.categories is 'Product categories, shared by all stores.';
comment on column retail.categories.name is 'For example Hand Tools.';

create table retail.product_types (
    type_id uuid not null default gen_random_uuid(),
    category_id uuid not null,
    name text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint product_types_pkey primary key (type_id),
    constraint product_types_name_key unique (name),
    constraint product_types_category_id_fkey foreign key (category_id)
        references retail.categories (category_id)
);
create index product_types_category_id_idx on retail.product_types (category_id);
comment on table retail.product_types is 'Kinds of product inside a category, shared by all stores.';
comment on column retail.product_types.name is 'For example Hammers.';

create table retail.products (
    product_id uuid not null default gen_random_uuid(),
    sku text not null,
    name text not null,
    description text not null,
    category_id uuid not null,
    type_id uuid not null,
    list_price numeric(10, 2) not null,
    is_active boolean not null default true,
    content_hash bytea not null
        generated always as (zava.digest(name || e'\n' || description)) stored,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    search_words tsvector not null generated always as (
        setweight(to_tsvector('pg_catalog.english', name), 'A')
        || setweight(to_tsvector('pg_catalog.english', description), 'B')
    ) stored,
    constraint products_pkey primary key (product_id),
    constraint products_sku_key unique (sku),
    constraint products_list_price_check check (list_price > 0),
    -- PostgreSQL takes NaN for a number, and the largest: it passes price > 0, and makes every sum
    -- NaN, in the reports of everybody who sees the store.
    constraint products_list_price_number_check check (list_price <> 'NaN'),
    constraint products_category_id_fkey foreign key (category_id)
        references retail.categories (category_id),
    constraint products_type_id_fkey foreign key (type_id)
        references retail.product_types (type_id)
);
create index products_category_id_idx on retail.products (category_id);
create index products_type_id_idx on retail.products (type_id);
create index products_upper_sku_idx on retail.products (upper(sku));
create index products_search_words_idx
    on retail.products
    using gin (search_words)
    with (fastupdate = off);
comment on table retail.products is
    'The catalogue, shared by all stores. Price, cost and stock of a store are in retail.inventory.';
comment on column retail.products.sku is 'Article number.';
comment on column retail.products.description is 'Two sentences: use, material, size.';
comment on column retail.products.list_price is 'Recommended price in USD without tax.';
comment on column retail.products.is_active is 'False when no longer ordered from suppliers.';
comment on column retail.products.content_hash is 'Digest of name and description.';
comment on column retail.products.search_words is
    'Words of name (A) and description (B) in English, for search_words @@ websearch_to_tsquery(''english'', ''words'').';

-- ---------------------------------------------------------------- search by meaning

create table retail.embedding_models (
    model_id smallint not null generated always as identity,
    name text not null,
    dimensions integer not null,
    state text not null default 'building',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint embedding_models_pkey primary key (model_id),
    constraint embedding_models_name_key unique (name),
    constraint embedding_models_dimensions_check check (dimensions between 1 and 4000),
    constraint embedding_models_state_check check (state in ('building', 'live', 'retired'))
);
create unique index embedding_models_one_live_key
    on retail.embedding_models ((true))
    where state = 'live';
comment on table retail.embedding_models is
    'Models whose vectors are kept; one is live, a new one is filled beside it.';
comment on column retail.embedding_models.dimensions is 'Length of the vectors of this model.';
comment on column retail.embedding_models.state is 'building, live or retired.';

-- One partition a model: the length of a vector belongs to its model, not to this table.
do $embeddings$
begin
    execute format(
        'create table retail.product_embeddings (
            model_id smallint not null,
            product_id uuid not null,
            content_hash bytea not null,
            embedding %I.halfvec not null,
            created_at timestamptz not null default now(),
            updated_at timestamptz not null default now(),
            constraint product_embeddings_pkey primary key (model_id, product_id),
            constraint product_embeddings_model_id_fkey foreign key (model_id)
                references retail.embedding_models (model_id),
            constraint product_embeddings_product_id_fkey foreign key (product_id)
                references retail.products (product_id) on delete cascade
        ) partition by list (model_id)',
        (
            select n.nspname
            from pg_catalog.pg_extension as e
            join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
            where e.extname = 'vector'
        )
    );
end
$embeddings$;
create index product_embeddings_product_id_idx on retail.product_embeddings (product_id);
comment on table retail.product_embeddings is
    'Vectors of product texts, one partition a model, shared by all stores.';
comment on column retail.product_embeddings.content_hash is
    'Digest of the text that was embedded, see zava.product_texts(); differs once that has changed.';
comment on column retail.product_embeddings.embedding is 'Normalised vector of the product text.';

create table zava.embedding_leases (
    model_id smallint not null,
    product_id uuid not null,
    leased_until timestamptz not null,
    constraint embedding_leases_pkey primary key (model_id, product_id),
    constraint embedding_leases_model_id_fkey foreign key (model_id)
        references retail.embedding_models (model_id) on delete cascade
);
comment on table zava.embedding_leases is
    'Products whose text a worker of zava-sql embed has taken, until when.';

-- ---------------------------------------------------------------- one store's own

create table retail.customers (
    store_id uuid not null,
    customer_id uuid not null default gen_random_uuid(),
    first_name text not null,
    last_name text not null,
    email text not null,
    city text not null,
    loyalty_tier text not null default 'none',
    joined_on date not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint customers_pkey primary key (store_id, customer_id),
    constraint customers_store_id_email_key unique (store_id, email),
    constraint customers_loyalty_tier_check
        check (loyalty_tier in ('none', 'bronze', 'silver', 'gold')),
    constraint customers_store_id_fkey foreign key (store_id)
        references retail.stores (store_id)
);
comment on table retail.customers is 'Customers of a store.';
comment on column retail.customers.loyalty_tier is 'none, bronze, silver or gold.';
comment on column retail.customers.joined_on is 'Day the customer was registered.';

create table retail.inventory (
    store_id uuid not null,
    product_id uuid not null,
    price numeric(10, 2) not null,
    unit_cost numeric(10, 2) not null,
    stock_level integer not null default 0,
    reorder_level integer not null default 0,
    lead_time_days integer not null default 7,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    in_search boolean not null default false,
    constraint inventory_pkey primary key (store_id, product_id),
    constraint inventory_price_check check (price > 0),
    constraint inventory_unit_cost_check check (unit_cost >= 0),
    constraint inventory_stock_level_check check (stock_level >= 0),
    constraint inventory_number_check check (price <> 'NaN' and unit_cost <> 'NaN'),
    constraint inventory_store_id_fkey foreign key (store_id)
        references retail.stores (store_id),
    constraint inventory_product_id_fkey foreign key (product_id)
        references retail.products (product_id)
);
-- With store_id in it the fence is a part of what is looked up: see stores_store_key_idx.
create index inventory_product_id_store_id_idx on retail.inventory (product_id, store_id);
create index inventory_in_search_idx on retail.inventory (store_id) where not in_search;
comment on table retail.inventory is 'What a store sells: its price, cost and stock by product.';
comment on column retail.inventory.price is 'Current price of this store in USD without tax.';
comment on column retail.inventory.unit_cost is 'Current purchase cost in USD.';
comment on column retail.inventory.stock_level is
    'Pieces on hand: the sum of the product''s rows in retail.stock_movements.';
comment on column retail.inventory.reorder_level is 'Order again when stock falls to this.';
comment on column retail.inventory.lead_time_days is 'Days from order to delivery.';
comment on column retail.inventory.in_search is
    'Whether search has taken the product up; kept by zava.refresh_search_assortments().';

create table retail.stock_movements (
    store_id uuid not null,
    product_id uuid not null,
    moved_on date not null,
    kind text not null,
    quantity integer not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint stock_movements_pkey primary key (store_id, product_id, moved_on, kind),
    constraint stock_movements_kind_check
        check (kind in ('opening', 'receipt', 'sale', 'return')),
    constraint stock_movements_sign_check
        check (case kind when 'sale' then quantity < 0 else quantity > 0 end),
    constraint stock_movements_inventory_fkey foreign key (store_id, product_id)
        references retail.inventory (store_id, product_id)
);
comment on table retail.stock_movements is
    'Stock ledger: pieces in and out by store, product, day and kind.';
comment on column retail.stock_movements.moved_on is 'Day in the store''s time zone.';
comment on column retail.stock_movements.kind is 'opening, receipt, sale or return.';
comment on column retail.stock_movements.quantity is 'Pieces; negative for sales.';

create table retail.orders (
    store_id uuid not null,
    order_id uuid not null default gen_random_uuid(),
    customer_id uuid,
    order_date timestamptz not null,
    status text not null default 'pending',
    payment_method text not null default 'card',
    return_of uuid,
    total_amount numeric(12, 2) not null,
    tax_amount numeric(12, 2) not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint orders_pkey primary key (store_id, order_id),
    constraint orders_status_check
        check (status in ('pending', 'completed', 'return', 'cancelled')),
    constraint orders_payment_method_check
        check (payment_method in ('card', 'cash', 'gift_card', 'invoice')),
    constraint orders_return_check check ((status = 'return') = (return_of is not null)),
    constraint orders_number_check check (total_amount <> 'NaN' and tax_amount <> 'NaN'),
    -- Reports know the days from 1900 to 2999, whatever the time zone. One sale later than that, at
    -- infinity for example, would be the newest of all whose reports it is in.
    constraint orders_order_date_check check (
        order_date >= '1900-01-02 00:00+00' and order_date < '2999-12-31 00:00+00'
    ),
    constraint orders_store_id_fkey foreign key (store_id)
        references retail.stores (store_id),
    constraint orders_customer_fkey foreign key (store_id, customer_id)
        references retail.customers (store_id, customer_id),
    constraint orders_return_of_fkey foreign key (store_id, return_of)
        references retail.orders (store_id, order_id)
);
create index orders_store_id_order_date_idx
    on retail.orders (store_id, order_date)
    include (customer_id, status, total_amount);
create index orders_store_id_customer_id_idx on retail.orders (store_id, customer_id, order_date);
create index orders_store_id_return_of_idx
    on retail.orders (store_id, return_of)
    where return_of is not null;
create index orders_not_sold_idx
    on retail.orders (store_id, order_id)
    where status in ('pending', 'cancelled');
comment on table retail.orders is
    'Sales and returns of a store. A return is an order of its own with negative lines.';
comment on column retail.orders.customer_id is 'Empty for a cash sale to an unknown customer.';
comment on column retail.orders.order_date is 'Moment of the sale or return.';
comment on column retail.orders.status is
    'completed and return count as sales; pending and cancelled do not.';
comment on column retail.orders.payment_method is 'card, cash, gift_card or invoice.';
comment on column retail.orders.return_of is 'The order that this return belongs to.';
comment on column retail.orders.total_amount is
    'Sum of the lines in USD after discount, without tax; negative for a return.';
comment on column retail.orders.tax_amount is 'Sales tax in USD.';

create table retail.order_items (
    store_id uuid not null,
    order_id uuid not null,
    line_number integer not null,
    product_id uuid not null,
    order_date timestamptz not null,
    quantity integer not null,
    unit_price numeric(10, 2) not null,
    unit_cost numeric(10, 2) not null,
    discount_percent numeric(5, 2) not null default 0,
    discount_amount numeric(10, 2) not null default 0,
    total_amount numeric(12, 2) not null,
    return_of_order_id uuid,
    return_of_line_number integer,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint order_items_pkey primary key (store_id, order_id, line_number),
    constraint order_items_quantity_check check (quantity <> 0),
    constraint order_items_return_check check (
        (quantity < 0) = (return_of_order_id is not null)
        and (return_of_order_id is null) = (return_of_line_number is null)
    ),
    constraint order_items_discount_check check (discount_percent between 0 and 100),
    -- A total that is none has a price or a discount that is none.
    constraint order_items_number_check
        check (unit_price <> 'NaN' and unit_cost <> 'NaN' and discount_amount <> 'NaN'),
    constraint order_items_order_date_check check (
        order_date >= '1900-01-02 00:00+00' and order_date < '2999-12-31 00:00+00'
    ),
    constraint order_items_total_check
        check (total_amount = quantity * unit_price - discount_amount),
    constraint order_items_order_fkey foreign key (store_id, order_id)
        references retail.orders (store_id, order_id) on delete cascade,
    constraint order_items_product_id_fkey foreign key (product_id)
        references retail.products (product_id),
    constraint order_items_return_of_fkey
        foreign key (store_id, return_of_order_id, return_of_line_number)
        references retail.order_items (store_id, order_id, line_number)
);
create index order_items_store_id_order_date_idx
    on retail.order_items (store_id, order_date)
    include (product_id, quantity, unit_cost, total_amount);
create index order_items_store_id_product_id_idx
    on retail.order_items (store_id, product_id, order_date);
create index order_items_return_of_idx
    on retail.order_items (store_id, return_of_order_id, return_of_line_number)
    where return_of_order_id is not null;
comment on table retail.order_items is
    'Lines of orders, of pending and cancelled ones too: api.sale_lines has those that count. Negative lines are returned pieces.';
comment on column retail.order_items.order_date is 'Copy of the order''s moment, for fast reports.';
comment on column retail.order_items.quantity is 'Pieces; negative when returned.';
comment on column retail.order_items.unit_price is 'Price a piece in USD before discount.';
comment on column retail.order_items.unit_cost is 'Purchase cost a piece in USD on that day.';
comment on column retail.order_items.discount_percent is 'Discount of the line, 0 to 100.';
comment on column retail.order_items.discount_amount is
    'Discount of the whole line in USD; negative on a returned line.';
comment on column retail.order_items.total_amount is
    'quantity * unit_price - discount_amount, in USD without tax.';
comment on column retail.order_items.return_of_order_id is 'Order of the line that came back.';
comment on column retail.order_items.return_of_line_number is 'Number of the line that came back.';

-- ---------------------------------------------------------------- sales

-- What is sold and what came back: the one definition of a sale line, for reports and the rollup.
-- Written so that a report pays for what it names. The outer joins cost nothing unless one of their
-- columns is asked for; orders that are no sales are looked for, being few, not those that are. The
-- foreign keys of order_items make that the same.
create view api.sale_lines
with (security_invoker = true)
as
select
    i.store_id,
    i.order_id,
    i.line_number,
    i.product_id,
    p.category_id,
    p.type_id,
    o.customer_id,
    i.order_date,
    (i.order_date at time zone s.time_zone)::date as sold_on,
    i.quantity < 0 as is_return,
    i.quantity,
    i.unit_price,
    i.unit_cost,
    i.discount_amount,
    i.total_amount,
    i.quantity * i.unit_cost as cost,
    i.return_of_order_id,
    i.return_of_line_number
from retail.order_items as i
left join retail.stores as s on s.store_id = i.store_id
left join retail.products as p on p.product_id = i.product_id
left join retail.orders as o on o.store_id = i.store_id and o.order_id = i.order_id
where not exists (
    select
    from retail.orders as n
    where n.store_id = i.store_id
        and n.order_id = i.order_id
        and n.status in ('pending', 'cancelled')
);
comment on view api.sale_lines is
    'Lines of completed orders and of returns; pending and cancelled orders are left out. Filter by order_date, which has an index, rather than by sold_on alone.';
comment on column api.sale_lines.store_id is 'Store of the sale.';
comment on column api.sale_lines.order_id is 'Order of the line.';
comment on column api.sale_lines.line_number is 'Number of the line in its order.';
comment on column api.sale_lines.product_id is 'Product sold or returned.';
comment on column api.sale_lines.category_id is 'Category of the product.';
comment on column api.sale_lines.type_id is 'Kind of the product.';
comment on column api.sale_lines.customer_id is 'Empty for a cash sale.';
comment on column api.sale_lines.order_date is 'Moment of the sale or return.';
comment on column api.sale_lines.sold_on is 'Its day in the store''s time zone.';
comment on column api.sale_lines.is_return is 'True for returned pieces.';
comment on column api.sale_lines.quantity is 'Pieces; negative when returned.';
comment on column api.sale_lines.unit_price is 'Price a piece in USD before discount.';
comment on column api.sale_lines.unit_cost is 'Purchase cost a piece in USD on that day.';
comment on column api.sale_lines.discount_amount is
    'Discount of the line in USD; negative when returned.';
comment on column api.sale_lines.total_amount is
    'Revenue of the line in USD after discount, without tax; negative when returned.';
comment on column api.sale_lines.cost is 'quantity * unit_cost in USD.';
comment on column api.sale_lines.return_of_order_id is 'Order of the line that came back.';
comment on column api.sale_lines.return_of_line_number is 'Number of the line that came back.';
grant select on api.sale_lines to store_manager, regional_manager, head_office;

-- The rollup. A row is good up to its store's rolled_up_to; what is later, or lies behind it since
-- a writer took that day back, is nobody's business but zava.refresh_daily_sales()'s.
create table retail.daily_sales (
    store_id uuid not null,
    sold_on date not null,
    category_id uuid not null,
    lines integer not null,
    orders integer not null,
    units integer not null,
    returned_units integer not null,
    gross_revenue numeric(14, 2) not null,
    revenue numeric(14, 2) not null,
    cost numeric(14, 2) not null,
    discount_amount numeric(14, 2) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint daily_sales_pkey primary key (store_id, sold_on, category_id),
    constraint daily_sales_store_id_fkey foreign key (store_id)
        references retail.stores (store_id),
    constraint daily_sales_category_id_fkey foreign key (category_id)
        references retail.categories (category_id)
);
-- See inventory_product_id_store_id_idx.
create index daily_sales_category_id_store_id_idx on retail.daily_sales (category_id, store_id);
comment on table retail.daily_sales is
    'Sales by store, day and category, for days up to stores.rolled_up_to (none if null); api.sale_lines has all. Orders do not add up over categories: use retail.daily_totals.';
comment on column retail.daily_sales.sold_on is 'Day in the store''s time zone.';
comment on column retail.daily_sales.lines is 'Sale lines, returned ones included.';
comment on column retail.daily_sales.orders is
    'Orders in which something of the category was sold.';
comment on column retail.daily_sales.units is 'Pieces sold less pieces returned.';
comment on column retail.daily_sales.returned_units is 'Pieces returned.';
comment on column retail.daily_sales.gross_revenue is
    'Lines that are not returns: USD after discount, without tax.';
comment on column retail.daily_sales.revenue is 'Net of returns: USD after discount, without tax.';
comment on column retail.daily_sales.cost is 'Purchase cost of the net pieces in USD.';
comment on column retail.daily_sales.discount_amount is 'Discount in USD, less that of returned lines.';

create table retail.daily_totals (
    store_id uuid not null,
    sold_on date not null,
    lines integer not null,
    orders integer not null,
    units integer not null,
    returned_units integer not null,
    gross_revenue numeric(14, 2) not null,
    revenue numeric(14, 2) not null,
    cost numeric(14, 2) not null,
    discount_amount numeric(14, 2) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint daily_totals_pkey primary key (store_id, sold_on),
    constraint daily_totals_store_id_fkey foreign key (store_id)
        references retail.stores (store_id)
);
comment on table retail.daily_totals is
    'Sales by store and day, for days up to stores.rolled_up_to (none if null); api.sale_lines has all.';
comment on column retail.daily_totals.sold_on is 'Day in the store''s time zone.';
comment on column retail.daily_totals.lines is 'Sale lines, returned ones included.';
comment on column retail.daily_totals.orders is 'Completed orders.';
comment on column retail.daily_totals.units is 'Pieces sold less pieces returned.';
comment on column retail.daily_totals.returned_units is 'Pieces returned.';
comment on column retail.daily_totals.gross_revenue is
    'Lines that are not returns: USD after discount, without tax.';
comment on column retail.daily_totals.revenue is 'Net of returns: USD after discount, without tax.';
comment on column retail.daily_totals.cost is 'Purchase cost of the net pieces in USD.';
comment on column retail.daily_totals.discount_amount is 'Discount in USD, less that of returned lines.';

-- The rollup by customer. No foreign key to retail.customers: a refresh locks nothing but its
-- store. The key holds all that reports read.
create table retail.daily_customers (
    store_id uuid not null,
    customer_id uuid not null,
    sold_on date not null,
    orders integer not null,
    gross_revenue numeric(14, 2) not null,
    revenue numeric(14, 2) not null,
    cost numeric(14, 2) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint daily_customers_pkey primary key (store_id, customer_id, sold_on)
        include (orders, gross_revenue, revenue, cost),
    constraint daily_customers_store_id_fkey foreign key (store_id)
        references retail.stores (store_id)
);
comment on table retail.daily_customers is
    'Orders by store, customer and day, for days up to stores.rolled_up_to (none if null); api.sale_lines has all. Cash sales have no customer.';
comment on column retail.daily_customers.sold_on is 'Day in the store''s time zone.';
comment on column retail.daily_customers.orders is 'Completed orders.';
comment on column retail.daily_customers.gross_revenue is
    'Completed orders: USD after discount, without tax.';
comment on column retail.daily_customers.revenue is 'Net of returns: USD after discount, without tax.';
comment on column retail.daily_customers.cost is 'Purchase cost of the net pieces in USD.';

-- ---------------------------------------------------------------- what search keeps

create table retail.search_words (
    word text not null,
    lexeme text not null,
    products integer not null,
    weight numeric(6, 3) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint search_words_pkey primary key (word),
    constraint search_words_products_check check (products > 0),
    constraint search_words_weight_check check (weight >= 0)
);
comment on table retail.search_words is
    'Internal: words of the catalogue, which search repairs spelling by.';
comment on column retail.search_words.lexeme is 'What search looks for: the word without ending.';
comment on column retail.search_words.products is 'In how many products the lexeme is.';
comment on column retail.search_words.weight is
    'What it says of a product that it has the lexeme: the rarer the more.';
grant select on retail.search_words to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_words to zava_writer;

do $trigrams$
declare
    v_schema name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'pg_trgm'
    );
begin
    if v_schema is not null then
        execute format(
            'create index search_words_word_idx on retail.search_words using gin (word %I.gin_trgm_ops)',
            v_schema
        );
    end if;
end
$trigrams$;

create table retail.search_numbers (
    number integer not null,
    product_id uuid not null,
    search_words tsvector not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint search_numbers_pkey primary key (number),
    constraint search_numbers_number_check check (number > 0)
);
create index search_numbers_product_id_idx on retail.search_numbers (product_id) include (number);
comment on table retail.search_numbers is
    'Internal: products of the catalogue by a number, the short texts first; bits of search are by these numbers.';
comment on column retail.search_numbers.search_words is 'Words of name (A) and description (B).';
grant select on retail.search_numbers to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_numbers to zava_writer;

create table retail.search_lexemes (
    lexeme text not null,
    products integer not null,
    weight numeric(6, 3) not null,
    places bit varying,
    named bit varying,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint search_lexemes_pkey primary key (lexeme),
    constraint search_lexemes_products_check check (products > 0),
    constraint search_lexemes_weight_check check (weight >= 0)
);
comment on table retail.search_lexemes is
    'Internal: in which products of the catalogue each word is.';
comment on column retail.search_lexemes.products is 'In how many products it is.';
comment on column retail.search_lexemes.weight is
    'What it says of a product that it has the lexeme: the rarer the more.';
comment on column retail.search_lexemes.places is
    'A bit for each number of a product: whether its texts have the lexeme.';
comment on column retail.search_lexemes.named is
    'A bit for each number of a product: whether its name has the lexeme.';
grant select on retail.search_lexemes to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_lexemes to zava_writer;

create table retail.search_recall (
    model_id smallint not null,
    ef_search integer not null,
    recall numeric(4, 3) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    products integer,
    constraint search_recall_pkey primary key (model_id),
    constraint search_recall_model_id_fkey foreign key (model_id)
        references retail.embedding_models (model_id) on delete cascade,
    constraint search_recall_ef_search_check check (ef_search in (80, 100, 150, 200, 400)),
    constraint search_recall_recall_check check (recall between 0 and 1)
);
comment on table retail.search_recall is
    'Internal: how much of what is nearest the index of a model finds, as measured.';
comment on column retail.search_recall.ef_search is 'hnsw.ef_search that search uses with it.';
comment on column retail.search_recall.recall is
    'Share of the ten nearest products that the index finds with it.';
comment on column retail.search_recall.products is 'How many products the index had then.';
grant select on retail.search_recall to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_recall to zava_writer;

-- What stores sell that sell few products, a store's side by side. No foreign key to products: that
-- something is still sold is looked up for what was found.
do $assortments$
begin
    execute format(
        'create table retail.search_assortments (
            store_id uuid not null,
            product_id uuid not null,
            model_id smallint,
            embedding %I.halfvec,
            created_at timestamptz not null default now(),
            updated_at timestamptz not null default now(),
            constraint search_assortments_pkey primary key (store_id, product_id),
            constraint search_assortments_store_id_fkey foreign key (store_id)
                references retail.stores (store_id) on delete cascade
        )',
        (
            select n.nspname
            from pg_catalog.pg_extension as e
            join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
            where e.extname = 'vector'
        )
    );
end
$assortments$;
alter table retail.search_assortments alter column embedding set storage main;
comment on table retail.search_assortments is
    'Internal: copies of what search compares of the products of stores that sell few, kept side by side.';
comment on column retail.search_assortments.model_id is 'Model that the vector is of.';
comment on column retail.search_assortments.embedding is 'Normalised vector of the product text.';

create table retail.search_stores (
    store_id uuid not null,
    products integer not null,
    model_id smallint,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    sold bit varying,
    copied boolean not null default false,
    indexed boolean,
    changed integer not null default 0,
    ef_search smallint,
    constraint search_stores_pkey primary key (store_id),
    constraint search_stores_store_id_fkey foreign key (store_id)
        references retail.stores (store_id) on delete cascade,
    constraint search_stores_products_check check (products >= 0),
    constraint search_stores_ef_search_check check (ef_search in (80, 100, 200, 400, 1000))
);
-- Bits that are spread evenly become no smaller, and are read sooner as they are.
alter table retail.search_stores alter column sold set storage external;
comment on table retail.search_stores is
    'Internal: how many products a store sold when search was refreshed, and which.';
comment on column retail.search_stores.model_id is 'Model of the copied vectors.';
comment on column retail.search_stores.sold is
    'A bit for each number in retail.search_numbers: whether the store sells it; null when it is to be counted.';
comment on column retail.search_stores.copied is
    'Whether the vectors of what it sells are in retail.search_assortments.';
comment on column retail.search_stores.indexed is
    'Whether these have an index that finds enough; null when that was not tried.';
comment on column retail.search_stores.changed is
    'Copies that were written or removed since the index was measured.';
comment on column retail.search_stores.ef_search is
    'Effort of the store''s index that was measured last; null when none was.';

create table retail.search_regions (
    store_id uuid not null,
    region_id uuid not null,
    model_id smallint not null,
    indexed boolean not null,
    ef_search smallint not null,
    changed integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint search_regions_pkey primary key (store_id, region_id),
    constraint search_regions_store_id_fkey foreign key (store_id)
        references retail.stores (store_id) on delete cascade,
    constraint search_regions_ef_search_check check (ef_search in (80, 100, 200, 400, 1000)),
    constraint search_regions_changed_check check (changed >= 0)
);
comment on table retail.search_regions is
    'Internal: the index of what the stores of a region sell together, and how it is searched. A row for each store.';
comment on column retail.search_regions.region_id is 'Which stores these are: api._region_id() of all of them.';
comment on column retail.search_regions.model_id is 'Model of the vectors that are indexed.';
comment on column retail.search_regions.indexed is 'Whether the index finds enough to be used.';
comment on column retail.search_regions.ef_search is 'Effort that was measured last.';
comment on column retail.search_regions.changed is
    'Copies of this store that were written or removed since the index was measured.';

-- ---------------------------------------------------------------- which stores a principal has

create table zava.principal_stores (
    principal_id uuid not null,
    store_id uuid not null,
    created_at timestamptz not null default now(),
    constraint principal_stores_pkey primary key (principal_id, store_id),
    constraint principal_stores_principal_id_fkey foreign key (principal_id)
        references zava.principals (principal_id) on delete cascade,
    constraint principal_stores_store_id_fkey foreign key (store_id)
        references retail.stores (store_id)
);
create index principal_stores_store_id_idx on zava.principal_stores (store_id);
comment on table zava.principal_stores is
    'The stores of a store or region principal. Head office has none: it sees all.';

-- Without a policy these show nothing even to a role that may read every table.
alter table zava.signing_keys enable row level security;
alter table zava.principals enable row level security;
alter table zava.principal_stores enable row level security;
alter table zava.api_keys enable row level security;
alter table zava.access_changes enable row level security;
alter table zava.audit_log enable row level security;
alter table zava.audit_head enable row level security;
alter table zava.audit_sources enable row level security;
alter table zava.embedding_leases enable row level security;

-- The shared catalogue has no policies: its grants stand here.
grant select on retail.categories, retail.product_types, retail.products,
    retail.embedding_models, retail.product_embeddings
    to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.categories, retail.product_types, retail.products,
    retail.embedding_models, retail.product_embeddings
    to zava_writer;

reset role;
