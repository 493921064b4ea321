-- zava.api_fingerprint(): changes whenever something changes that tools and resources are made of, or
-- who may use them: what zava.api_functions() says, tables, privileges, memberships of roles. The
-- service asks for it every few seconds; "notify zava_catalogue" has it ask at once.
create or replace function zava.api_fingerprint()
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select encode(
        sha256(convert_to(
            concat_ws(
                e'\n',
                (
                    select string_agg(
                        concat_ws(' ', f.*, p.proacl, p.proowner), e'\n' order by f.function_id
                    )
                    from zava.api_functions() as f
                    join pg_catalog.pg_proc as p on p.oid = f.function_id
                ),
                (
                    select string_agg(concat_ws(' ', n.nspacl, n.nspowner), e'\n' order by n.nspname)
                    from pg_catalog.pg_namespace as n
                    where n.nspname in ('api', 'retail')
                ),
                -- Tables are resources.
                (
                    select sum(
                        hashtextextended(
                            concat_ws(
                                ' ',
                                n.nspname,
                                c.relname,
                                c.relacl,
                                c.relowner,
                                obj_description(c.oid, 'pg_class'),
                                (
                                    select string_agg(a.attacl::text, ' ' order by a.attnum)
                                    from pg_catalog.pg_attribute as a
                                    where a.attrelid = c.oid and a.attacl is not null
                                )
                            ),
                            0
                        )
                    )
                    from pg_catalog.pg_class as c
                    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
                    where n.nspname in ('api', 'retail')
                        and c.relkind in ('r', 'p', 'v', 'f')
                        and not c.relispartition
                ),
                (
                    select sum(hashtextextended(concat_ws(' ', m.roleid, m.member, m.inherit_option), 0))
                    from pg_catalog.pg_auth_members as m
                )
            ),
            'UTF8'
        )),
        'hex'
    );
end;

comment on function zava.api_fingerprint() is
    'A text that is another one as soon as functions of the schema api, tables that agents may name, their comments, or who may use them have changed.';
revoke execute on function zava.api_fingerprint() from public;
grant execute on function zava.api_fingerprint() to zava_service;
