-- The kept attacks on isolation: each is one statement that the store manager of Seattle sends.
--
--   -- name: what it is called in the tests
--   -- tries: what it is after
--   -- open: plain runner  where, of these and "hardened", only the guard stops it; with the guard off
--                          it must succeed there
--   -- plain: / hardened: / runner:
--                          with the guard off: "ran" (without harm), or the SQLSTATE it ends in;
--                          "or" where versions or builds of PostgreSQL differ; the runner's is that
--                          of a plain database unless said
--
-- In {{double braces}}: contexts and pids that the test fills in. Bellevue is the victim: it has a
-- session open, whose last query held a marked literal. See docs/isolation.md.

-- ================================================================ rows of others by plain queries

-- name: every_customer
-- tries: all rows of a tenant table
-- plain: ran
-- hardened: ran
select * from retail.customers

-- name: every_order_line
-- tries: all rows of a large tenant table
-- plain: ran
-- hardened: ran
select * from retail.order_items

-- name: named_store
-- tries: another store's rows, by its id
-- plain: ran
-- hardened: ran
select * from retail.orders where store_id = '5ec2e702-0000-4000-8000-000000000000'

-- name: named_order
-- tries: one row of another store, by its primary key
-- plain: ran
-- hardened: ran
select * from retail.orders where store_id = '5ec2e702-0000-4000-8000-000000000000' and order_id = '5ec2e702-0000-4000-8000-000000000001'

-- name: count_all
-- tries: the number of rows of all stores
-- plain: ran
-- hardened: ran
select 'rows=' || count(*) from retail.customers

-- name: group_by_store
-- tries: counts by store
-- plain: ran
-- hardened: ran
select store_id, 'rows=' || count(*) from retail.orders group by rollup (store_id)

-- name: full_join
-- tries: rows of others through an outer join
-- plain: ran
-- hardened: ran
select * from retail.stores as s full join retail.customers as c on c.store_id = s.store_id

-- name: lateral_other_store
-- tries: rows of others through a lateral join on the shared catalogue
-- plain: ran
-- hardened: ran
select c.* from retail.products as p, lateral (select * from retail.inventory as i where i.product_id = p.product_id) as c

-- name: except_all
-- tries: what is not one's own
-- plain: ran
-- hardened: ran
select * from retail.customers except all select * from retail.customers where store_id = '5ec2e701-0000-4000-8000-000000000000'

-- name: recursive_walk
-- tries: walking from an own row to rows of others
-- plain: ran
-- hardened: ran
with recursive w as (select store_id, customer_id from retail.customers union select o.store_id, o.customer_id from retail.orders as o, w) select * from w

-- name: tablesample
-- tries: sampling below the policy
-- plain: ran
-- hardened: ran
select * from retail.customers tablesample bernoulli (100)

-- name: ctid_range
-- tries: rows by their place on disk
-- plain: ran
-- hardened: ran
select ctid, * from retail.customers where ctid >= '(0,0)'

-- name: only_keyword
-- tries: the table without its children
-- plain: ran
-- hardened: ran
select * from only retail.customers

-- name: whole_row_json
-- tries: rows as JSON
-- plain: ran
-- hardened: ran
select jsonb_agg(to_jsonb(c)) from retail.customers as c

-- name: whole_row_xml
-- tries: rows as XML, where built with libxml
-- plain: 0A000 or ran
-- hardened: 42501
select table_to_xml('retail.customers', true, false, '')

-- name: row_security_off
-- tries: whether the setting is off
-- plain: ran
-- hardened: ran
select current_setting('row_security'), c.* from retail.customers as c

-- name: for_update
-- tries: locking rows
-- plain: 25006
-- hardened: 25006
-- runner: 0A000
select * from retail.customers for update

-- name: for_key_share
-- tries: locking rows as a foreign key does
-- plain: 25006
-- hardened: 25006
-- runner: 0A000
select * from retail.orders for key share

-- name: foreign_key_probe
-- tries: whether a customer of another store is referenced
-- plain: ran
-- hardened: ran
select o.order_id, (select email from retail.customers as c where c.customer_id = '5ec2e702-0000-4000-8000-000000000001') from retail.orders as o

-- name: window_frame
-- tries: neighbours in a window
-- plain: ran
-- hardened: ran
select lag(email) over (order by email), lead(email) over (order by email) from retail.customers

-- name: percentile
-- tries: extremes of all stores
-- plain: ran
-- hardened: ran
select max(total_amount), min(total_amount), percentile_cont(0.99) within group (order by total_amount) from retail.orders

-- name: nested_union
-- tries: a fence forgotten in one branch
-- plain: ran
-- hardened: ran
select email from retail.customers union all (select name from retail.stores union all select city from retail.customers)

-- name: values_correlated
-- tries: an id guessed for each store
-- plain: ran
-- hardened: ran
select (select 'rows=' || count(*) from retail.customers as c where c.store_id = v.id::uuid) from (values ('5ec2e702-0000-4000-8000-000000000000'), ('5ec2e703-0000-4000-8000-000000000000')) as v (id)

-- name: whoami
-- tries: being somebody else by asking
-- plain: ran
-- hardened: ran
select * from api.whoami()

-- ================================================================ leaky operators and errors

-- name: division_by_zero
-- tries: an error that depends on a row of another store
-- plain: ran
-- hardened: ran
select * from retail.customers where 1 / (case when email like 'secret-bellevue%' then 0 else 1 end) = 1

-- name: cast_in_where
-- tries: an error that quotes a value of another store
-- plain: ran
-- hardened: ran
select * from retail.customers where (case when email like 'secret-bellevue%' then email else '1' end)::integer = 1

-- name: cast_all
-- tries: a cast evaluated before the fence
-- plain: 22P02
-- hardened: 22P02
select * from retail.customers where email::integer = 1

-- name: cast_order_by
-- tries: a cast in the order
-- plain: ran
-- hardened: ran
select 1 from retail.stores order by (case when store_key <> 'seattle' then name else '1' end)::integer

-- name: regex_error
-- tries: a pattern made of the value
-- plain: 2201B
-- hardened: 2201B
select * from retail.customers where 'x' ~ ('[' || email)

-- name: to_date_error
-- tries: a formatting function that quotes its input
-- plain: ran
-- hardened: ran
select to_date(email, 'YYYY-MM-DD') from retail.customers where store_id <> '5ec2e701-0000-4000-8000-000000000000'

-- name: json_error
-- tries: a parser that quotes its input
-- plain: 22P02
-- hardened: 22P02
select * from retail.customers where (email::jsonb ->> 'a') = 'b'

-- name: xml_error
-- tries: a parser that quotes its input in the context of the error
-- plain: 0A000 or 2200M
-- hardened: 0A000 or 2200M
select * from retail.stores where xmlparse(document name) is not null

-- name: enum_like_cast
-- tries: regclass of a value
-- plain: ran
-- hardened: ran
select name::regclass from retail.stores where store_key <> 'seattle'

-- name: inet_error
-- tries: another type that quotes its input
-- plain: 22P02
-- hardened: 22P02
select * from retail.customers where email::inet is not null

-- name: numeric_overflow
-- tries: an overflow that depends on a value
-- plain: 22003
-- hardened: 22003
select * from retail.orders where (10 ^ total_amount)::numeric > 0

-- name: aggregate_error
-- tries: an aggregate over what the fence should have removed
-- plain: ran
-- hardened: ran
select string_agg(email, ',') filter (where email like 'secret-bellevue%') from retail.customers

-- name: case_folding
-- tries: a constant subexpression evaluated while planning
-- plain: 22012
-- hardened: 22012
select case when (select count(*) from retail.customers where email like 'secret-bellevue%') > 0 then 1 / 0 else 0 end

-- name: like_leakproof
-- tries: operators in a join with a constant table
-- plain: ran
-- hardened: ran
select v.x from (values ('secret-bellevue-1@example.com'), ('secret-tacoma-1@example.com')) as v (x) join retail.customers as c on c.email = v.x

-- ================================================================ the context inside one SELECT

-- name: forge_materialized
-- tries: another tenant's payload under an own signature
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('zava.context', '{{forged}}', true)) select c.* from a, retail.customers as c

-- name: forge_with_role
-- tries: the same, and the other tenant's role
-- plain: ran
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('zava.context', '{{forged}}', true), set_config('role', 'zava_store_bellevue', true)) select c.* from a, retail.customers as c

-- name: forge_session_wide
-- tries: the same with is_local = false, to reach the next request
-- plain: ran
-- hardened: 42501
-- runner: 42501
select set_config('zava.context', '{{forged}}', false), set_config('role', 'zava_store_bellevue', false)

-- name: own_context_other_role
-- tries: keeping the own context in another tenant's role
-- plain: ran
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('role', 'zava_store_bellevue', true)) select c.* from a, retail.customers as c

-- name: own_context_head_office
-- tries: keeping the own context in the role of head office
-- plain: ran
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('role', 'zava_head_office', true)) select c.* from a, retail.customers as c

-- name: own_context_class_role
-- tries: the class role itself
-- plain: 42501
-- hardened: 42501
with a as materialized (select set_config('role', 'store_manager', true)) select c.* from a, retail.customers as c

-- name: own_context_edited_role
-- tries: the own context with its role and id replaced
-- plain: ran
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('zava.context', replace(current_setting('zava.context'), 'zava_store_seattle', 'zava_store_bellevue'), true), set_config('role', 'zava_store_bellevue', true)) select c.* from a, retail.customers as c

-- name: own_context_longer_life
-- tries: the own context with a later expiry, to be kept
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('zava.context', regexp_replace(current_setting('zava.context'), '[0-9]{10}', '9999999999'), true)) select c.* from a, retail.customers as c

-- name: empty_context
-- tries: no context
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('zava.context', '', true)) select c.* from a, retail.customers as c

-- name: null_context
-- tries: a null context
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('zava.context', null, true)) select c.* from a, retail.customers as c

-- name: huge_context
-- tries: a context of 1 MB
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('zava.context', repeat('1.', 500000), true)) select c.* from a, retail.customers as c

-- name: replay_other_pid
-- tries: another tenant's living context, bound to another backend
-- plain: ran
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('zava.context', '{{other_pid}}', true), set_config('role', 'zava_store_bellevue', true)) select c.* from a, retail.customers as c

-- name: replay_expired
-- tries: another tenant's expired context
-- plain: SERVICE_UNAVAILABLE
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('zava.context', '{{expired}}', true), set_config('role', 'zava_store_bellevue', true)) select c.* from a, retail.customers as c

-- name: replay_head_office
-- tries: head office's living context, good on any backend, put in halfway
-- plain: ran
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('zava.context', '{{head}}', true), set_config('role', 'zava_head_office', true)) select c.* from a, retail.customers as c

-- name: replay_disabled
-- tries: a living context of a principal that is disabled
-- plain: AUTHORIZATION_ERROR
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('zava.context', '{{disabled}}', true), set_config('role', 'zava_store_tacoma', true)) select c.* from a, retail.customers as c

-- name: replay_deputy
-- tries: a living context of another principal of one's own store: same rows, no more
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('zava.context', '{{deputy}}', true)) select c.* from a, retail.customers as c

-- name: stolen_context
-- tries: control: a living context of the victim for this very backend, which nobody can come by
-- open: plain
-- plain: ran
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('zava.context', '{{stolen}}', true), set_config('role', 'zava_store_bellevue', true)) select c.* from a, retail.customers as c

-- name: forged_alone
-- tries: a forged context for the role that one has; in the runner all of a class share theirs
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('zava.context', '{{forged}}', true)) select c.* from a, retail.customers as c

-- name: other_pid_alone
-- tries: the same with a living context, bound to another backend
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('zava.context', '{{other_pid}}', true)) select c.* from a, retail.customers as c

-- name: expired_alone
-- tries: the same with an expired context
-- plain: ran
-- hardened: 42501
-- runner: SERVICE_UNAVAILABLE
with a as materialized (select set_config('zava.context', '{{expired}}', true)) select c.* from a, retail.customers as c

-- name: disabled_alone
-- tries: the same with a context of a principal that is disabled
-- plain: ran
-- hardened: 42501
-- runner: AUTHORIZATION_ERROR
with a as materialized (select set_config('zava.context', '{{disabled}}', true)) select c.* from a, retail.customers as c

-- name: head_office_alone
-- tries: the same with a living context of head office
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('zava.context', '{{head}}', true)) select c.* from a, retail.customers as c

-- name: scope_context_alone
-- tries: the same with one that names the victim's own role, as outside of the runner
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('zava.context', '{{scope}}', true)) select c.* from a, retail.customers as c

-- name: stolen_alone
-- tries: control: a living context of the victim for this very backend and the shared class role
-- open: runner
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('zava.context', '{{stolen}}', true)) select c.* from a, retail.customers as c

-- name: other_runner
-- tries: the runner of head office
-- plain: 42501
-- hardened: 42501
select * from zava_run.head_office('select email from retail.customers') as q (email text)

-- name: nested_runner
-- tries: the runner of one's own class, inside itself
-- plain: 42501
-- hardened: 42501
select * from zava_run.store_manager('select email from retail.customers') as q (email text)

-- name: set_config_per_row
-- tries: switching in the middle of a scan
-- plain: ran
-- hardened: 42501
-- runner: 42501
select set_config('role', 'zava_store_bellevue', true), c.* from retail.products as p, lateral (select * from retail.customers as c where c.city <> p.sku offset 0) as c

-- name: set_config_in_where
-- tries: switching in a filter
-- plain: ran
-- hardened: 42501
select * from retail.customers where set_config('zava.context', '{{forged}}', true) is not null

-- name: set_config_in_order_by
-- tries: switching in the order
-- plain: ran
-- hardened: 42501
select * from retail.customers order by set_config('zava.context', '{{forged}}', true)

-- name: set_config_in_limit
-- tries: switching in LIMIT, which runs first
-- plain: ran
-- hardened: 42501
select * from retail.customers limit length(set_config('zava.context', '{{forged}}', true))

-- name: set_config_in_case
-- tries: switching in a constant that is folded while planning
-- plain: ran
-- hardened: 42501
select case when set_config('zava.context', '{{forged}}', true) <> '' then 1 end, c.* from retail.customers as c

-- name: set_config_in_ts_stat
-- tries: switching inside a string
-- plain: ran
-- hardened: 42501
-- runner: 42501
select * from ts_stat('select to_tsvector(set_config(''role'', ''zava_store_bellevue'', true) || coalesce((select string_agg(email, '' '') from retail.customers), ''''))')

-- name: set_config_in_ts_rewrite
-- tries: switching inside another string
-- plain: ran
-- hardened: 42501
-- runner: 42501
select ts_rewrite('a'::tsquery, 'select plainto_tsquery(set_config(''role'', ''zava_store_bellevue'', true)), plainto_tsquery(coalesce((select string_agg(email, '' '') from retail.customers), ''x''))')

-- name: head_office_in_ts_stat
-- tries: a nested statement planned in the role of head office
-- plain: ran
-- hardened: 42501
-- runner: 42501
select * from ts_stat('select to_tsvector(set_config(''role'', ''zava_head_office'', true) || (select coalesce(string_agg(r.email, '' ''), '''') from retail.customers as r))')

-- name: query_to_xml
-- tries: a nested statement by XML, where built with libxml
-- plain: 0A000 or ran
-- hardened: 42501
-- runner: 0A000 or 42501
select query_to_xml('select set_config(''role'', ''zava_head_office'', true), c.* from retail.customers as c', true, true, '')

-- name: row_security_by_set_config
-- tries: row-level security off
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('row_security', 'off', true)) select c.* from a, retail.customers as c

-- name: session_authorization
-- tries: becoming the superuser
-- plain: 42501
-- hardened: 42501
select set_config('session_authorization', 'postgres', true), c.* from retail.customers as c

-- name: search_path
-- tries: shadowing what the kernel calls
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('search_path', 'pg_temp, retail', true)) select c.* from a, retail.customers as c

-- name: plan_settings
-- tries: other plans: parallel, generic, no index
-- plain: ran
-- hardened: 42501
with a as materialized (select set_config('debug_parallel_query', 'on', true), set_config('plan_cache_mode', 'force_generic_plan', true)) select c.* from a, retail.customers as c

-- name: read_write
-- tries: making the transaction writable
-- plain: 25001
-- hardened: 42501
select set_config('transaction_read_only', 'off', true), set_config('default_transaction_read_only', 'off', false)

-- name: replication_role
-- tries: switching triggers and rules off
-- plain: 42501
-- hardened: 42501
select set_config('session_replication_role', 'replica', true)

-- name: log_everything
-- tries: raising what the server logs
-- plain: 42501
-- hardened: 42501
select set_config('client_min_messages', 'debug5', true), set_config('log_min_messages', 'debug5', true)

-- name: memory_and_time
-- tries: lifting the limits
-- plain: ran
-- hardened: 42501
select set_config('work_mem', '2GB', true), set_config('statement_timeout', '0', false)

-- name: update_pg_settings
-- tries: settings through their view
-- plain: 0A000
-- hardened: 0A000
with u as (update pg_settings set setting = 'zava_head_office' where name = 'role' returning 1) select * from u

-- ================================================================ the kernel and its secrets

-- name: signing_keys
-- tries: the keys
-- plain: 42501
-- hardened: 42501
select * from zava.signing_keys

-- name: principals
-- tries: who there is, with ids
-- plain: 42501
-- hardened: 42501
select * from zava.principals

-- name: principal_stores
-- tries: who has which store
-- plain: 42501
-- hardened: 42501
select * from zava.principal_stores

-- name: api_keys
-- tries: hashes of keys
-- plain: 42501
-- hardened: 42501
select * from zava.api_keys

-- name: call_visible_stores
-- tries: the kernel's function, asked about another role
-- plain: 42501
-- hardened: 42501
select zava.visible_stores('zava_store_bellevue')

-- name: call_verify_context
-- tries: the inner function
-- plain: 42501
-- hardened: 42501
select * from zava.verify_context('zava_store_bellevue')

-- name: call_head_office
-- tries: the head office's question
-- plain: 42501
-- hardened: 42501
select zava.is_head_office('zava_head_office')

-- name: call_identify
-- tries: another identity
-- plain: 42501
-- hardened: 42501
select * from zava.identify('zava_store_bellevue')

-- name: call_find_principal
-- tries: a principal by its name
-- plain: 42501
-- hardened: 42501
select * from zava.find_principal('bellevue')

-- name: call_authenticate
-- tries: whose key it is
-- plain: 42501
-- hardened: 42501
select * from zava.authenticate(sha256('guess'))

-- name: call_create_principal
-- tries: a new identity
-- plain: 42501
-- hardened: 42501
select zava.create_principal('evil', 'head')

-- name: call_harden
-- tries: the administrator's function
-- plain: 42501
-- hardened: 42501
select zava.harden()

-- name: call_by_oid
-- tries: a value of a type that names a function
-- plain: 42501
-- hardened: 42501
select 'zava.signing_keys'::regclass, 'zava.authenticate'::regproc

-- name: kernel_column_privileges
-- tries: what may be read of the kernel
-- plain: 42501
-- hardened: 42501
select table_name, has_table_privilege(table_name, 'select') from (values ('zava.signing_keys'), ('zava.principals')) as t (table_name)

-- name: kernel_statistics
-- tries: samples of the kernel's values
-- plain: ran
-- hardened: ran
select s::text from pg_stats as s where s.schemaname in ('zava', 'retail')

-- name: kernel_raw_statistics
-- tries: the table below that view
-- plain: 42501
-- hardened: 42501
select s::text from pg_statistic as s

-- name: extended_statistics
-- tries: samples of extended statistics
-- plain: 42501
-- hardened: 42501
select d::text from pg_statistic_ext_data as d

-- name: role_passwords
-- tries: hashes of passwords
-- plain: 42501
-- hardened: 42501
select rolname, rolpassword from pg_authid

-- name: shadow_passwords
-- tries: the view of them
-- plain: 42501
-- hardened: 42501
select * from pg_shadow

-- name: user_mappings
-- tries: passwords of foreign servers
-- plain: 42501
-- hardened: 42501
select * from pg_user_mapping

-- name: subscription_secrets
-- tries: connection strings
-- plain: 42501
-- hardened: 42501
select * from pg_subscription

-- name: own_context
-- tries: the own context, readable by design; it names no other tenant
-- plain: ran
-- hardened: ran
select current_setting('zava.context')

-- name: every_setting
-- tries: all settings
-- plain: ran
-- hardened: 42501
select name, setting from pg_settings

-- name: default_role_settings
-- tries: settings kept for other roles
-- plain: ran
-- hardened: ran
select * from pg_db_role_setting

-- name: policies_text
-- tries: the policies, readable by design
-- plain: ran
-- hardened: ran
select * from pg_policies

-- ================================================================ other sessions

-- name: activity
-- tries: the queries of others, as the tenant
-- plain: ran
-- hardened: 42501
select * from pg_stat_activity

-- name: activity_as_gateway
-- tries: the queries and living contexts of others, as the gateway
-- open: plain
-- plain: ran
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('role', 'none', true)) select s.pid, s.query from a, pg_stat_activity as s

-- name: activity_function_as_gateway
-- tries: the same by the function
-- open: plain
-- plain: ran
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('role', 'none', true)) select pg_stat_get_backend_activity(s.i) from a, pg_stat_get_backend_idset() as s (i)

-- name: activity_function
-- tries: the function, as the tenant
-- plain: ran
-- hardened: 42501
select pg_stat_get_backend_activity(i) from pg_stat_get_backend_idset() as s (i)

-- name: gateway_tables
-- tries: tables, as the gateway
-- plain: ran
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('role', 'none', true)) select c.* from a, retail.customers as c

-- name: kill_victim
-- tries: ending the session of another tenant, as the tenant
-- plain: 42501
-- hardened: 42501
select pg_terminate_backend({{victim}})

-- name: kill_victim_as_gateway
-- tries: ending the session of another tenant, as the gateway
-- open: plain
-- plain: ran
-- hardened: 42501
-- runner: 42501
with a as materialized (select set_config('role', 'none', true)) select pg_terminate_backend({{victim}}) from a

-- name: cancel_victim
-- tries: cancelling what another tenant runs
-- plain: 42501
-- hardened: 42501
select pg_cancel_backend({{victim}})

-- name: prepared_statements
-- tries: texts of other tenants in the driver's cache
-- plain: ran
-- hardened: 42501
select * from pg_prepared_statements

-- name: prepared_statements_function
-- tries: the function below that view
-- plain: ran
-- hardened: 42501
select * from pg_prepared_statement()

-- name: cursors
-- tries: cursors of other tenants
-- plain: ran
-- hardened: 42501
select * from pg_cursors

-- name: locks
-- tries: who locks what
-- plain: ran
-- hardened: 42501
select * from pg_locks

-- name: statements_statistics
-- tries: texts of other tenants in an extension
-- plain: 42P01
-- hardened: 42P01
select query from pg_stat_statements

-- name: notify
-- tries: a message to others
-- plain: ran
-- hardened: 42501
select pg_notify('zava', 'SECRET-seattle')

-- name: listening
-- tries: channels of this session
-- plain: ran
-- hardened: 42501
select pg_listening_channels()

-- name: advisory_lock
-- tries: a lock that outlives the transaction
-- plain: ran
-- hardened: 42501
select pg_advisory_lock(4711)

-- name: advisory_lock_shared
-- tries: another
-- plain: ran
-- hardened: 42501
select pg_try_advisory_lock_shared(1, 2)

-- name: sleep
-- tries: holding the connection
-- plain: QUERY_TIMEOUT
-- hardened: 42501
select pg_sleep(20)

-- name: sleep_per_row
-- tries: the same, row by row
-- plain: QUERY_TIMEOUT
-- hardened: 42501
select pg_sleep(0.5) from retail.products

-- name: export_snapshot
-- tries: a snapshot for others
-- plain: ran
-- hardened: 42501
select pg_export_snapshot()

-- name: blocking_pids
-- tries: whom the victim waits for
-- plain: ran
-- hardened: 42501
select pg_blocking_pids({{victim}})

-- name: memory_contexts
-- tries: this backend's memory
-- plain: 42501
-- hardened: 42501
select * from pg_backend_memory_contexts

-- name: emit_message
-- tries: a record in the write-ahead log
-- plain: ran
-- hardened: 42501
select pg_logical_emit_message(false, 'x', 'SECRET-seattle')

-- name: seed_of_random
-- tries: the next tenant's random numbers
-- plain: ran
-- hardened: 42501
select setseed(0.5)

-- ================================================================ counts and sizes

-- name: estimated_rows
-- tries: rows of all stores, as the planner estimates them
-- open: plain runner
-- plain: ran
-- hardened: 42501
select relname, 'rows=' || reltuples::bigint from pg_class where relnamespace = 'retail'::regnamespace

-- name: live_rows
-- tries: rows of all stores, as the statistics count them
-- open: plain runner
-- plain: ran
-- hardened: 42501
select relname, 'rows=' || n_tup_ins from pg_stat_user_tables

-- name: live_rows_function
-- tries: the function below that view
-- open: plain runner
-- plain: ran
-- hardened: 42501
select 'rows=' || pg_stat_get_tuples_inserted('retail.customers'::regclass)

-- name: table_size
-- tries: the size of a table of all stores
-- plain: ran
-- hardened: 42501
select pg_relation_size('retail.customers'), pg_total_relation_size('retail.orders')

-- name: pages_by_row_version
-- tries: the same by the places of rows that one need not see: those behind the last page are an error
-- plain: ran
-- hardened: 42501
select currtid2('retail.customers', '(0,1)')

-- name: file_of_table
-- tries: the file of a table
-- plain: ran
-- hardened: 42501
select pg_relation_filepath('retail.customers')

-- name: last_page
-- tries: the number of pages by rows that are not one's own
-- plain: ran
-- hardened: ran
select max(ctid) from retail.customers

-- name: transaction_counter
-- tries: the activity of others
-- plain: ran
-- hardened: 42501
select pg_current_snapshot(), txid_current_if_assigned()

-- name: transaction_status
-- tries: the same by a number: one that has yet to come is an error
-- plain: 22023
-- hardened: 42501
select pg_xact_status('123456789012')

-- name: log_position
-- tries: the activity of others
-- plain: ran
-- hardened: 42501
select pg_current_wal_lsn()

-- name: row_versions
-- tries: transaction ids of own rows, readable by design
-- plain: ran
-- hardened: ran
select xmin, xmax from retail.orders

-- name: roles_of_others
-- tries: which stores have a principal, by the names of their roles
-- open: plain hardened runner
-- plain: ran
-- hardened: ran
select 'secret-' || substr(rolname, 12) from pg_roles where rolname ~ '^zava_store_'

-- ================================================================ files, programs, large objects

-- name: read_file
-- tries: a file of the server
-- plain: 42501
-- hardened: 42501
select pg_read_file('postgresql.conf')

-- name: list_directory
-- tries: a directory of the server
-- plain: 42501
-- hardened: 42501
select * from pg_ls_dir('.')

-- name: server_log
-- tries: the log
-- plain: 42501
-- hardened: 42501
select pg_current_logfile(), l.* from pg_ls_logdir() as l

-- name: large_object_import
-- tries: a file as a large object
-- plain: 42501
-- hardened: 42501
select lo_import('/etc/passwd')

-- name: large_object_make
-- tries: a place to leave a note for another tenant
-- plain: 25006
-- hardened: 42501
select lo_from_bytea(0, 'SECRET-seattle')

-- name: large_object_read
-- tries: notes of others
-- plain: 42704
-- hardened: 42501
select lo_get(1)

-- name: hba_rules
-- tries: who may log in
-- plain: 42501
-- hardened: 42501
select * from pg_hba_file_rules

-- name: server_configuration
-- tries: how the server was built
-- plain: 42501
-- hardened: 42501
select * from pg_config

-- name: reload
-- tries: the server itself
-- plain: 42501
-- hardened: 42501
select pg_reload_conf(), pg_rotate_logfile(), pg_switch_wal()

-- name: replication_slot
-- tries: a copy of all changes
-- plain: 42501
-- hardened: 42501
select pg_create_logical_replication_slot('evil', 'test_decoding')::text

-- ================================================================ what is no query

-- name: set_role
-- tries: another role
-- plain: 42601
-- hardened: 42601
set role zava_store_bellevue

-- name: set_local_context
-- tries: another context
-- plain: 42601
-- hardened: 42601
set local zava.context = '{{stolen}}'

-- name: reset_role
-- tries: the gateway
-- plain: 42601
-- hardened: 42601
reset role

-- name: reset_all
-- tries: the session's settings gone
-- plain: 42601
-- hardened: 42601
reset all

-- name: commit
-- tries: ending the transaction
-- plain: 42601
-- hardened: 42601
commit

-- name: commit_and_chain
-- tries: a new transaction
-- plain: 42601
-- hardened: 42601
commit and chain

-- name: rollback
-- tries: ending the transaction
-- plain: 42601
-- hardened: 42601
rollback

-- name: savepoint
-- tries: a subtransaction
-- plain: 42601
-- hardened: 42601
savepoint a

-- name: set_transaction
-- tries: writing
-- plain: 42601
-- hardened: 42601
set transaction read write

-- name: session_characteristics
-- tries: what later transactions are
-- plain: 42601
-- hardened: 42601
set session characteristics as transaction read write

-- name: prepare
-- tries: a statement left for the next tenant
-- plain: 42601
-- hardened: 42601
prepare evil as select * from retail.customers

-- name: deallocate
-- tries: the driver's statements gone
-- plain: 42601
-- hardened: 42601
deallocate all

-- name: execute
-- tries: a statement of the driver
-- plain: 42601
-- hardened: 42601
execute __asyncpg_stmt_1__

-- name: discard
-- tries: everything of the session gone
-- plain: 42601
-- hardened: 42601
discard all

-- name: do_block
-- tries: a program
-- plain: 42601
-- hardened: 42601
do $$ begin perform set_config('role', 'zava_store_bellevue', true); end $$

-- name: copy_out
-- tries: a table as a file
-- plain: 42601
-- hardened: 42601
copy retail.customers to stdout

-- name: copy_program
-- tries: a program of the server
-- plain: 42601
-- hardened: 42601
copy (select 1) to program 'true'

-- name: explain
-- tries: estimates, which know all stores
-- plain: 42601
-- hardened: 42601
explain select * from retail.customers where city = 'SECRET-bellevue'

-- name: explain_analyze
-- tries: the same, measured
-- plain: 42601
-- hardened: 42601
explain (analyze, buffers) select * from retail.customers

-- name: declare_hold
-- tries: a cursor left for the next tenant
-- plain: 42601
-- hardened: 42601
declare evil cursor with hold for select * from retail.customers

-- name: listen
-- tries: messages of others
-- plain: 42601
-- hardened: 42601
listen zava

-- name: notify_statement
-- tries: a message to others
-- plain: 42601
-- hardened: 42601
notify zava, 'SECRET-seattle'

-- name: lock_table
-- tries: holding a table
-- plain: 42601
-- hardened: 42601
lock table retail.customers in access share mode

-- name: vacuum
-- tries: maintenance
-- plain: 42601
-- hardened: 42601
vacuum retail.customers

-- name: analyze_table
-- tries: maintenance
-- plain: 42601
-- hardened: 42601
analyze retail.customers

-- name: checkpoint
-- tries: maintenance
-- plain: 42601
-- hardened: 42601
checkpoint

-- name: show
-- tries: a setting
-- plain: 42601
-- hardened: 42601
show all

-- name: call_procedure
-- tries: a procedure
-- plain: 42601
-- hardened: 42601
call zava.nothing()

-- name: load_library
-- tries: a library
-- plain: 42601
-- hardened: 42601
load 'auto_explain'

-- name: create_temporary_table
-- tries: a table in front of the real one
-- plain: 42601
-- hardened: 42601
create temporary table customers as select * from retail.customers

-- name: create_temporary_view
-- tries: a view in front of the real table
-- plain: 42601
-- hardened: 42601
create temporary view customers as select 1

-- name: create_function
-- tries: a function in a schema that is searched
-- plain: 42601
-- hardened: 42601
create function public.evil() returns integer language sql as 'select 1'

-- name: grant_role
-- tries: another role for good
-- plain: 42601
-- hardened: 42601
grant zava_head_office to zava_store_seattle

-- name: alter_role
-- tries: a setting for the next session
-- plain: 42601
-- hardened: 42601
alter role zava_gateway set zava.context = 'x'

-- name: insert
-- tries: a row
-- plain: 42601
-- hardened: 42601
insert into retail.customers select * from retail.customers

-- name: insert_returning
-- tries: a row, as a query
-- plain: 0A000
-- hardened: 0A000
with w as (insert into retail.stores select * from retail.stores returning *) select * from w

-- name: delete_returning
-- tries: rows of others, by deleting them
-- plain: 0A000
-- hardened: 0A000
with w as (delete from retail.customers returning *) select * from w

-- name: update_returning
-- tries: rows of others, by changing them
-- plain: 0A000
-- hardened: 0A000
with w as (update retail.customers set city = city returning *) select * from w

-- name: merge_returning
-- tries: rows of others, by merging
-- plain: 42601
-- hardened: 42601
merge into retail.customers as c using retail.stores as s on c.store_id = s.store_id when matched then do nothing

-- name: truncate
-- tries: everything gone
-- plain: 42601
-- hardened: 42601
truncate retail.customers

-- name: select_into
-- tries: a table
-- plain: 42601
-- hardened: 42601
select * into evil from retail.customers

-- name: security_label
-- tries: a label
-- plain: 42601
-- hardened: 42601
security label on table retail.customers is 'x'

-- name: two_statements
-- tries: a second statement
-- plain: 42601
-- hardened: 42601
select 1; set role zava_store_bellevue

-- name: three_statements
-- tries: a second statement between two queries
-- plain: 42601
-- hardened: 42601
select 1; commit; select * from retail.customers

-- name: empty
-- tries: nothing at all
-- plain: 42601
-- hardened: 42601
;

-- ================================================================ out of the brackets

-- name: close_bracket
-- tries: ending the wrap and starting anew
-- plain: 42601
-- hardened: 42601
select 1) as q; set role zava_store_bellevue; select * from (select 1

-- name: close_bracket_comment
-- tries: the same, the rest as a comment
-- plain: 42601
-- hardened: 42601
select 1) as q; set role zava_store_bellevue --

-- name: close_bracket_block_comment
-- tries: the same, the rest as a comment that is never closed
-- plain: 42601
-- hardened: 42601
select 1) as q; set role zava_store_bellevue /*

-- name: close_bracket_union
-- tries: no limit
-- plain: 42601
-- hardened: 42601
select 1) as q union all select 2 --

-- name: close_bracket_join
-- tries: a legal query across the brackets; own rows are all it reaches
-- plain: ran
-- hardened: ran
select email from retail.customers) as a, (select name from retail.stores

-- name: close_bracket_for_update
-- tries: locks behind the brackets
-- plain: 42601
-- hardened: 42601
select * from retail.customers) as q for update --

-- name: close_bracket_into
-- tries: a table behind the brackets
-- plain: 42601
-- hardened: 42601
select 1) as q into evil --

-- name: open_string
-- tries: a string that swallows the rest
-- plain: 42601
-- hardened: 42601
select 'x

-- name: open_dollar_quote
-- tries: a dollar quote that swallows the rest
-- plain: 42601
-- hardened: 42601
select $a$ x

-- name: open_identifier
-- tries: a name that swallows the rest
-- plain: 42601
-- hardened: 42601
select "x

-- name: open_comment
-- tries: a comment that swallows the rest
-- plain: 42601
-- hardened: 42601
select 1 /* x

-- name: line_comment
-- tries: swallowing the closing bracket; the newline saves it
-- plain: ran
-- hardened: ran
select email from retail.customers --

-- name: unicode_escape
-- tries: a quote by its number
-- plain: ran
-- hardened: ran
select U&'\0027; set role zava_store_bellevue --'

-- name: backslash_quote
-- tries: a quote behind a backslash
-- plain: 42601
-- hardened: 42601
select 'a\'; set role zava_store_bellevue --'

-- name: parameter
-- tries: a parameter that is not there
-- plain: 42P02
-- hardened: 42P02
select $1::text

-- name: values_list
-- tries: a query that is no SELECT
-- plain: ran
-- hardened: ran
values ((select string_agg(email, ',') from retail.customers))

-- name: table_command
-- tries: another query that is no SELECT
-- plain: ran
-- hardened: ran
table retail.customers
