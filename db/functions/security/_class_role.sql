-- zava._class_role(): the class role of a kind of principal; it holds the grants and is named in the
-- policies. The one place where the two are paired.
create or replace function zava._class_role(
    p_kind text
)
returns name
language sql
immutable
parallel safe
security invoker
begin atomic
    select case p_kind
        when 'store' then 'store_manager'::name
        when 'region' then 'regional_manager'
        when 'head' then 'head_office'
    end;
end;

comment on function zava._class_role(text) is
    'Class role of a kind of principal, or null.

p_kind: store, region or head';
revoke execute on function zava._class_role(text) from public;
