-- error: A default of a role or of this database sets a parameter that decides about rows.
select
    concat_ws(' in ', coalesce(r.rolname, case when d.oid is null then 'all roles' end), d.datname) as object,
    format('set %s', c.setting) as evidence,
    format(
        'alter %s reset %s;',
        concat_ws(' ', case when s.setrole = 0 and d.oid is null then 'role all'
            when s.setrole = 0 then 'database ' || quote_ident(d.datname)
            else 'role ' || quote_ident(r.rolname) end,
            case when s.setrole <> 0 and s.setdatabase <> 0 then 'in database ' || quote_ident(d.datname) end),
        split_part(c.setting, '=', 1)
    ) as remedy
from pg_catalog.pg_db_role_setting as s
cross join unnest(s.setconfig) as c (setting)
left join pg_catalog.pg_roles as r on r.oid = s.setrole
left join pg_catalog.pg_database as d on d.oid = s.setdatabase
where (d.datname is null or d.datname = current_database())
    and (s.setrole = 0 or s.setrole in (select i.oid from inherited as i))
    and c.setting ~* '^(role|row_security|session_authorization|session_preload_libraries|local_preload_libraries|zava\..*)='
    and c.setting <> 'row_security=on'
    -- Caps only ever take away (zava.role_caps()).
    and c.setting !~* '^zava\.(max_(rows|rows_limit|bytes|cell|cost|concurrent)|statement_timeout)='
