-- zava._domain_values(): the values that a check of a domain lists, texts or numbers, as JSON.
create or replace function zava._domain_values(
    p_domain oid
)
returns json
language sql
stable
parallel safe
security invoker
begin atomic
    select v.list
    from pg_catalog.pg_type as t
    join pg_catalog.pg_constraint as k on k.contypid = t.oid
    cross join lateral
        zava._listed_values(pg_get_constraintdef(k.oid), t.typcategory = 'N') as v (list)
    where t.oid = p_domain
        and v.list is not null
    order by k.conname
    limit 1;
end;

comment on function zava._domain_values(oid) is
    'Values that a domain allows, where a check lists them; else null.

p_domain: the domain';
revoke execute on function zava._domain_values(oid) from public;
grant execute on function zava._domain_values(oid)
    to zava_service, store_manager, regional_manager, head_office;
