-- zava._role_version(): a text that is another one as soon as anything changes of what a role may
-- do, by itself or through the roles that it is a member of. For zava.access_version().
-- Attributes count too: whoever had BYPASSRLS by mistake was shown the rows of others.
create or replace function zava._role_version(
    p_role_name text
)
returns text
language sql
stable
parallel safe
begin atomic
    with recursive held as (
        select r.oid, '' as how
        from pg_catalog.pg_roles as r
        where r.rolname = p_role_name
        union
        select m.roleid, concat_ws('/', m.oid, m.xmin)
        from held as h
        join pg_catalog.pg_auth_members as m on m.member = h.oid
    )
    select sum(hashtextextended(
        concat_ws('/', h.oid, h.how, r.rolsuper, r.rolbypassrls, r.rolinherit), 0
    ))::text
    from held as h
    join pg_catalog.pg_roles as r on r.oid = h.oid;
end;

comment on function zava._role_version(text) is
    'Fingerprint of what a role may do by itself and through the roles that it is a member of.

p_role_name: name of the role';
revoke execute on function zava._role_version(text) from public;
