-- 0001 schema: roles, schemas, tables. Run by the administrator (superuser, or a database owner
-- with CREATEROLE and a vector extension that was created beforehand).
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
            ('store_manager', 'Class role: one store. Named in policies and grants.'),
            ('regional_manager', 'Class role: a list of stores. Named in policies and grants.'),
            ('head_office', 'Class role: every store. Named in policies and grants.')
    loop
        if not exists (select from pg_catalog.pg_roles as r where r.rolname = v_role) then
            execute format('create role %I nologin noinherit', v_role);
            execute format('comment on role %I is %L', v_role, v_purpose);
        end if;
    end loop;

    -- The administrator acts as owner and writer; a superuser needs no membership for that.
    if not (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user) then
        execute format(
            'grant zava_owner, zava_writer to %I with inherit true, set true', current_user
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

set local role zava_owner;

comment on schema zava is 'Kernel: identities, keys, context. No tenant has access to it.';
comment on schema retail is 'The shop: stores, customers, products, orders, stock.';
comment on schema api is 'What a tenant may call. Every function here is a tool of AI clients.';

-- A function is closed until its own file grants it. Only the global form has this effect.
alter default privileges for role zava_owner revoke execute on functions from public;

grant usage on schema retail, api to store_manager, regional_manager, head_office;
grant usage on schema retail to zava_writer;
grant usage on schema zava to zava_service;

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
    constraint stores_pkey primary key (store_id),
    constraint stores_store_key_key unique (store_key),
    constraint stores_store_key_check check (store_key ~ '^[a-z][a-z0-9_]{0,39}$'),
    constraint stores_tax_rate_check check (tax_rate >= 0 and tax_rate < 1)
);
comment on table retail.stores is 'The shops, one row a tenant. A tenant sees its own.';
comment on column retail.stores.store_id is 'Tenant key: every tenant table starts with it.';
comment on column retail.stores.store_key is 'Short name in lower case, for example seattle.';
comment on column retail.stores.name is 'Name on the sign.';
comment on column retail.stores.city is 'City in Washington State; where the online shop ships from.';
comment on column retail.stores.is_online is 'True for the online shop.';
comment on column retail.stores.time_zone is 'IANA time zone of opening hours and reports.';
comment on column retail.stores.tax_rate is 'Sales tax as a fraction: 0.1035 is 10.35 %.';
comment on column retail.stores.opened_on is 'First day of business.';

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
    constraint products_pkey primary key (product_id),
    constraint products_sku_key unique (sku),
    constraint products_list_price_check check (list_price > 0),
    constraint products_category_id_fkey foreign key (category_id)
        references retail.categories (category_id),
    constraint products_type_id_fkey foreign key (type_id)
        references retail.product_types (type_id)
);
create index products_category_id_idx on retail.products (category_id);
create index products_type_id_idx on retail.products (type_id);
comment on table retail.products is
    'The catalogue, shared by all stores. Price, cost and stock of a store are in retail.inventory.';
comment on column retail.products.sku is 'Article number.';
comment on column retail.products.description is 'Two sentences: use, material, size.';
comment on column retail.products.list_price is 'Recommended price in USD without tax.';
comment on column retail.products.is_active is 'False when no longer ordered from suppliers.';
comment on column retail.products.content_hash is 'Digest of the text that is embedded for search.';

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
    'Digest of the text that was embedded; differs from the product''s when that has changed since.';
comment on column retail.product_embeddings.embedding is 'Normalised vector of the product text.';

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
    constraint inventory_pkey primary key (store_id, product_id),
    constraint inventory_price_check check (price > 0),
    constraint inventory_unit_cost_check check (unit_cost >= 0),
    constraint inventory_stock_level_check check (stock_level >= 0),
    constraint inventory_store_id_fkey foreign key (store_id)
        references retail.stores (store_id),
    constraint inventory_product_id_fkey foreign key (product_id)
        references retail.products (product_id)
);
create index inventory_product_id_idx on retail.inventory (product_id);
comment on table retail.inventory is 'What a store sells: its price, cost and stock by product.';
comment on column retail.inventory.price is 'Current price of this store in USD without tax.';
comment on column retail.inventory.unit_cost is 'Current purchase cost in USD.';
comment on column retail.inventory.stock_level is
    'Pieces on hand: the sum of the product''s rows in retail.stock_movements.';
comment on column retail.inventory.reorder_level is 'Order again when stock falls to this.';
comment on column retail.inventory.lead_time_days is 'Days from order to delivery.';

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
comment on table retail.orders is
    'Sales and returns of a store. A return is an order of its own with negative lines.';
comment on column retail.orders.customer_id is 'Empty for a cash sale to an unknown customer.';
comment on column retail.orders.order_date is 'Moment of the sale or return.';
comment on column retail.orders.status is 'pending, completed, return or cancelled.';
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
comment on table retail.order_items is 'Lines of orders; negative lines are returned pieces.';
comment on column retail.order_items.order_date is 'Copy of the order''s moment, for fast reports.';
comment on column retail.order_items.quantity is 'Pieces; negative when returned.';
comment on column retail.order_items.unit_price is 'Price a piece in USD before discount.';
comment on column retail.order_items.unit_cost is 'Purchase cost a piece in USD on that day.';
comment on column retail.order_items.discount_amount is
    'Discount of the whole line in USD; negative on a returned line.';
comment on column retail.order_items.total_amount is
    'quantity * unit_price - discount_amount, in USD without tax.';
comment on column retail.order_items.return_of_order_id is 'Order of the line that came back.';
comment on column retail.order_items.return_of_line_number is 'Number of the line that came back.';

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

-- The shared catalogue has no policies: its grants stand here.
grant select on retail.categories, retail.product_types, retail.products,
    retail.embedding_models, retail.product_embeddings
    to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.categories, retail.product_types, retail.products,
    retail.embedding_models, retail.product_embeddings
    to zava_writer;

reset role;
