-- zava.api_functions(): all routines of the schema api, with what the schema of a tool is made of.
-- For the service, which makes a tool of each that can be shown. The pinned search_path makes types
-- and defaults come with their schemas, so that they mean the same in every session.
create or replace function zava.api_functions()
returns table (
    function_id oid,
    function_name text,
    kind text,
    volatility text,
    is_set boolean,
    is_variadic boolean,
    result json,
    parameters json,
    description text
)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select
        p.oid,
        p.proname::text,
        p.prokind::text,
        p.provolatile::text,
        p.proretset,
        p.provariadic <> 0,
        zava._type_facts(p.prorettype),
        coalesce(a.list, '[]'),
        coalesce(obj_description(p.oid, 'pg_proc'), '')
    from pg_proc as p
    cross join lateral (
        select json_agg(
            json_build_object(
                'name', p.proargnames[u.position],
                'mode', coalesce(p.proargmodes[u.position], 'i'),
                'type', zava._type_facts(u.type_id),
                'default', pg_get_function_arg_default(p.oid, u.position::integer)
            )
            order by u.position
        )
        from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality
            as u (type_id, position)
    ) as a (list)
    where p.pronamespace = 'api'::regnamespace
        and not starts_with(p.proname::text, '_')
    order by p.proname, p.oid;
end;
$function$;

comment on function zava.api_functions() is
    'Routines of the schema api: kind and volatility as in pg_proc, types, parameters, comment.';
revoke execute on function zava.api_functions() from public;
grant execute on function zava.api_functions() to zava_service;
