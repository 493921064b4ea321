-- zava.api_fingerprint(): changes whenever something changes that tools are made of, or who may
-- call them: what zava.api_functions() says, privileges, memberships of roles. The service asks for
-- it every few seconds; "notify zava_catalogue" has it ask at once.
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
                    select concat_ws(' ', n.nspacl, n.nspowner)
                    from pg_catalog.pg_namespace as n
                    where n.nspname = 'api'
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
    'A text that is another one as soon as the functions of the schema api, their comments, or who may call them have changed.';
revoke execute on function zava.api_fingerprint() from public;
grant execute on function zava.api_fingerprint() to zava_service;
