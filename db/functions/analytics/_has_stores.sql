-- api._has_stores(): whether the caller sees any store. Not a tool. A function, for it is seldom asked: a
-- statement that read the stores itself would pay for getting ready to, each time.
create or replace function api._has_stores()
returns boolean
language sql
stable
parallel restricted
security invoker
begin atomic
    select exists (select from retail.stores);
end;

comment on function api._has_stores() is
    'Whether there is a store that the caller sees.';
revoke execute on function api._has_stores() from public;
grant execute on function api._has_stores() to store_manager, regional_manager, head_office;
