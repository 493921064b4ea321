-- 0102 access of all schemas, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- zava.access_version(): a text that is another one as soon as anything changes that decides what a
-- principal may see; null once it may see nothing. The answer cache asks before it gives anything,
-- and keeps each answer under the version it was read with. xmin changes with every update, and
-- zava.access_changes with every change of identities, so that one that is taken back gives no old
-- text again.
-- SECURITY DEFINER: the service login reads identities through functions only.
create or replace function zava.access_version(
    p_principal_id uuid,
    p_kid text
)
returns text
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select encode(
        sha256(convert_to(
            concat_ws(
                ' ',
                -- This database, and no copy of it.
                (select h.chain_id from zava.audit_head as h),
                (select d.oid from pg_catalog.pg_database as d where d.datname = current_database()),
                extract(epoch from pg_postmaster_start_time()),
                p.principal_id,
                p.role_name,
                p.xmin,
                k.xmin,
                (
                    select string_agg(concat_ws('/', s.store_id, s.xmin), ',' order by s.store_id)
                    from zava.principal_stores as s
                    where s.principal_id = p.principal_id
                ),
                (select a.number from zava.access_changes as a),
                -- Grants, policies, views, functions. Partitions of the log come and go by themselves.
                (
                    select sum(hashtextextended(concat_ws('/', n.oid, n.xmin), 0))
                    from pg_catalog.pg_namespace as n
                    where n.nspname in ('retail', 'api', 'zava')
                ),
                (
                    select sum(hashtextextended(concat_ws('/', c.oid, c.xmin), 0))
                    from pg_catalog.pg_class as c
                    where c.relnamespace in (
                        select n.oid
                        from pg_catalog.pg_namespace as n
                        where n.nspname in ('retail', 'api', 'zava')
                    )
                        and c.relkind in ('r', 'p', 'v', 'm', 'f')
                        and not (c.relispartition and c.relnamespace = 'zava'::regnamespace)
                ),
                (
                    select sum(hashtextextended(concat_ws('/', a.attrelid, a.attnum, a.xmin), 0))
                    from pg_catalog.pg_attribute as a
                    join pg_catalog.pg_class as c on c.oid = a.attrelid
                    where c.relnamespace in ('retail'::regnamespace, 'api'::regnamespace)
                        and a.attacl is not null
                ),
                (
                    select sum(hashtextextended(concat_ws('/', y.oid, y.xmin), 0))
                    from pg_catalog.pg_policy as y
                ),
                (
                    select sum(hashtextextended(concat_ws('/', f.oid, f.xmin), 0))
                    from pg_catalog.pg_proc as f
                    where f.pronamespace in ('api'::regnamespace, 'zava'::regnamespace)
                ),
                zava._role_version(p.role_name)
            ),
            'UTF8'
        )),
        'hex'
    )
    from zava.principals as p
    cross join zava.signing_keys as k
    where p.principal_id = p_principal_id
        and p.active
        and k.kid = p_kid
        and k.not_after > clock_timestamp();
end;

comment on function zava.access_version(uuid, text) is
    'Fingerprint of what decides what a principal may see; null for one that is disabled or unknown, or once the key is retired.

p_principal_id: id of the principal
p_kid: id of the key that signs its contexts';
revoke execute on function zava.access_version(uuid, text) from public;
grant execute on function zava.access_version(uuid, text) to zava_service;

-- sources end
reset role;
