-- zava._callable_functions(): functions that the caller may call, with what a caller must know.
-- A name with a leading underscore is internal. The line has arguments by name, in [] those that may
-- be left out, and the first sentence of the comment.
create or replace function zava._callable_functions()
returns table (function_name text, signature text, description text, line text)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        p.proname::text,
        format(
            '%I.%I(%s) returns %s',
            n.nspname,
            p.proname,
            pg_get_function_arguments(p.oid),
            pg_get_function_result(p.oid)
        ),
        coalesce(c.comment, ''),
        concat(
            format(
                '%I.%I(%s)',
                n.nspname,
                p.proname,
                case
                    when p.proargnames is null then pg_get_function_identity_arguments(p.oid)
                    else coalesce(a.arguments, '')
                end
            ),
            ': ' || left(
                coalesce(
                    substring(c.first_line, '^.*?(?<!e\.g)(?<!i\.e)[.?!](?= |$)'), c.first_line
                ),
                1000
            )
        )
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    cross join lateral (
        select d.comment, split_part(d.comment, e'\n', 1)
        from obj_description(p.oid, 'pg_proc') as d (comment)
    ) as c (comment, first_line)
    cross join lateral (
        select string_agg(
            case when i.place > p.pronargs - p.pronargdefaults
                then '[' || i.name || ']' else i.name end,
            ', ' order by i.place
        )
        from (
            select row_number() over (order by u.place), coalesce(nullif(u.name, ''), '$' || u.place)
            from unnest(p.proargnames, p.proargmodes) with ordinality as u (name, mode, place)
            where coalesce(u.mode, 'i') in ('i', 'b', 'v')
        ) as i (place, name)
    ) as a (arguments)
    where n.nspname = 'api'
        and p.prokind = 'f'
        and not starts_with(p.proname::text, '_')
        and has_schema_privilege(n.oid, 'usage')
        and has_function_privilege(p.oid, 'execute');
end;

comment on function zava._callable_functions() is
    'Functions of the schema api that the caller may call.';
revoke execute on function zava._callable_functions() from public;
grant execute on function zava._callable_functions()
    to store_manager, regional_manager, head_office;
