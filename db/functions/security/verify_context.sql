-- zava.verify_context(): the principal of a valid signed context, else a row of nulls.
-- Context: 1.<kid>.<principal id>.<role>.<backend pid, 0 = any>.<expiry, epoch>.<HMAC-SHA256, hex>
-- It never raises and never explains: a forged context looks like none. The role is an argument
-- since current_user is the owner in here; the policy passes its own current_user.
-- RESTRICTED: in a parallel worker pg_backend_pid() would be the worker's.
-- SECURITY DEFINER: callers have no access to keys and principals.
create or replace function zava.verify_context(
    p_role name
)
returns zava.principals
language plpgsql
stable
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_context text := current_setting('zava.context', true);
    v_body text;
    v_signature text;
    v_part text[];
    v_key zava.signing_keys;
    v_principal zava.principals;
begin
    if v_context is null or octet_length(v_context) not between 110 and 300 then
        return null;
    end if;

    v_body := left(v_context, -65);
    v_signature := right(v_context, 64);
    v_part := string_to_array(v_body, '.');

    if array_length(v_part, 1) is distinct from 6
        or v_part[1] <> '1'
        or v_context <> v_body || '.' || v_signature
        or v_part[4] is distinct from p_role::text
        or v_part[5] not in ('0', pg_backend_pid()::text)
    then
        return null;
    end if;

    select k.*
    into v_key
    from zava.signing_keys as k
    where k.kid = v_part[2] and k.not_after > clock_timestamp();

    -- Hashes of both sides are compared, so the time taken says nothing about a matching prefix.
    if not found
        or sha256(convert_to(v_signature, 'UTF8')) <> sha256(convert_to(encode(
            sha256(v_key.opad || sha256(v_key.ipad || convert_to(v_body, 'UTF8'))), 'hex'
        ), 'UTF8'))
    then
        return null;
    end if;

    -- From here on the text is ours: its casts cannot fail.
    if v_part[6]::bigint <= extract(epoch from clock_timestamp()) then
        return null;
    end if;

    select p.*
    into v_principal
    from zava.principals as p
    where p.principal_id = v_part[3]::uuid
        and p.role_name = p_role
        and p.active;

    return v_principal;
end;
$function$;

comment on function zava.verify_context(name) is
    'Principal of the signed context of this transaction, or nulls when anything about it is wrong.

p_role: role that the context must name';
revoke execute on function zava.verify_context(name) from public;
