-- api.whoami(): who the caller is and which stores it sees. Bound at creation (begin atomic), so
-- the caller needs no USAGE on the kernel's schema. Needs no search_path for the same reason.
create or replace function api.whoami()
returns table (principal text, kind text, stores text[])
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        i.principal,
        i.kind,
        array(select s.store_key from retail.stores as s order by s.store_key) as stores
    from zava.identify(current_user) as i;
end;

comment on function api.whoami() is
    'Who is asking: name of the principal, its kind (store, region or head) and the keys of the stores whose rows it sees. No row when the identity is not valid.';
revoke execute on function api.whoami() from public;
grant execute on function api.whoami() to store_manager, regional_manager, head_office;
