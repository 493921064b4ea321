-- 0111 disabled principals are told.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/security/verify_context.sql
-- zava.verify_context(): the principal of a valid signed context, else nulls.
-- Context: 1.<kid>.<principal id>.<role>.<backend pid, 0 = any>.<expiry, epoch>.<HMAC-SHA256, hex>
-- It never explains: a forged context looks like none. Only one that is genuine is an error if its key
-- is retired, its principal disabled or its time over: no rows would be taken for an answer until its
-- server knows that, or that a clock has moved. Their SQLSTATEs are nobody else's: the server must not
-- take what a function of one's own raises for these.
-- The role is an argument since current_user is the owner in here; the policy passes its own
-- current_user. It is the role of the principal's scope or, in the runner, its class role; the context
-- must name the same one. One query, for every policy of every statement pays for it; and one plan,
-- for a report that has its own statements planned for the values at hand would have this one planned
-- for each of its tables.
-- RESTRICTED: in a parallel worker pg_backend_pid() would be the worker's.
-- SECURITY DEFINER: callers have no access to keys and principals.
create or replace function zava.verify_context(
    p_role name,
    out principal_id uuid,
    out kind text,
    out stores uuid[]
)
language plpgsql
stable
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_context text := current_setting('zava.context', true);
    v_part text[] := string_to_array(v_context, '.');
    v_found record;
begin
    if octet_length(v_context) between 110 and 300
        and cardinality(v_part) = 7
        and v_part[1] = '1'
        and v_part[4] = p_role::text
        and v_part[5] in ('0', pg_backend_pid()::text)
    then
        -- Nothing of the context is cast before its signature is seen to be ours.
        select
            k.ipad,
            k.opad,
            k.not_after,
            p.principal_id,
            p.kind,
            p.active,
            array(
                select ps.store_id
                from zava.principal_stores as ps
                where ps.principal_id = p.principal_id
            ) as stores
        into v_found
        from zava.signing_keys as k
        cross join zava.principals as p
        where k.kid = v_part[2]
            and p.principal_id::text = v_part[3]
            and p_role in (p.role_name, zava._class_role(p.kind));

        -- Hashes of both sides are compared: the time taken says nothing about a matching prefix.
        -- They are equal only if the last part has 64 digits, so that the body is all before it.
        if sha256(convert_to(v_part[7], 'UTF8')) = sha256(convert_to(encode(
            sha256(v_found.opad || sha256(v_found.ipad || convert_to(left(v_context, -65), 'UTF8'))),
            'hex'
        ), 'UTF8')) then
            if v_found.not_after <= clock_timestamp() then
                raise exception 'the key that signed this context is retired'
                    using errcode = 'ZA001',
                        hint = 'Start the server with a new one: zava-sql key create.';
            end if;

            if not v_found.active then
                raise exception 'the principal of this context is disabled'
                    using errcode = 'ZA003',
                        hint = 'An administrator can enable it: zava-sql principal enable.';
            end if;

            if v_part[6]::bigint <= extract(epoch from clock_timestamp()) then
                raise exception 'the time of this context is over'
                    using errcode = 'ZA002',
                        hint = 'The clock of this server, or of the one that made it, has moved.';
            end if;

            principal_id := v_found.principal_id;
            kind := v_found.kind;
            stores := v_found.stores;
        end if;
    end if;
end;
$function$;

comment on function zava.verify_context(name) is
    'Principal, kind and stores in the signed context of this transaction; nulls when anything about it is wrong, an error when its key is retired, its principal disabled or its time over.

p_role: role that the context must name';
revoke execute on function zava.verify_context(name) from public;

-- sources end
reset role;
