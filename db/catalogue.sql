-- Everything of some schemas as one row an object, in words that PostgreSQL chose: plain SELECTs,
-- ACCESS SHARE locks, no more. $1: names of schemas; null for all but PostgreSQL's own.
-- Needs search_path = pg_catalog, so that every name comes out qualified.
--
-- key      what the object is called here; unique
-- ref      what DROP, COMMENT and ALTER call it; null where nothing of that kind is ever written
-- body     how it is created, or what it looks like where that is not one statement
-- grants   a GRANT each for what others than its owner hold
-- shape    what CREATE OR REPLACE cannot change; null where it cannot replace
--
-- Left out: what extensions brought, partitions and what is theirs (data, made as models come),
-- indexes of trigrams (made where pg_trgm is), alembic's table.
with
ours as (
    select n.oid, n.nspname, n.nspowner, n.nspacl
    from pg_catalog.pg_namespace as n
    where case
        when $1::text[] is null then n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        else n.nspname = any ($1)
    end
),

relations as (
    -- The columns that a hardened database leaves to everybody.
    select
        c.oid,
        c.relnamespace,
        c.relowner,
        c.relkind,
        c.relrowsecurity,
        c.relforcerowsecurity,
        c.relpersistence,
        c.relreplident,
        c.reloptions,
        c.relacl,
        c.oid::regclass::text as name
    from pg_catalog.pg_class as c
    join ours as n on n.oid = c.relnamespace
    where not c.relispartition and c.relname !~ '^alembic_version'
),

objects as (
    select
        case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end
            as kind,
        'pg_proc'::regclass as classid,
        p.oid,
        p.proowner as owner,
        p.oid::regprocedure::text as key,
        format(
            '%s %s',
            case p.prokind when 'p' then 'PROCEDURE' when 'a' then 'AGGREGATE' else 'FUNCTION' end,
            p.oid::regprocedure
        ) as ref,
        'f'::"char" as acltype,
        p.proacl as acl,
        case
            when p.prokind = 'a'
                then (select row(a.*)::text from pg_catalog.pg_aggregate as a where a.aggfnoid = p.oid)
            else rtrim(pg_get_functiondef(p.oid), e'\n')
        end as body,
        concat_ws(
            ' ', p.prokind, pg_get_function_result(p.oid), p.proargnames::text,
            p.proargmodes::text, p.pronargdefaults
        ) as shape
    from pg_catalog.pg_proc as p
    join ours as n on n.oid = p.pronamespace

    union all

    select
        'view', 'pg_class'::regclass, r.oid, r.relowner, r.name, 'VIEW ' || r.name, 'r',
        r.relacl,
        format(
            e'CREATE OR REPLACE VIEW %s%s AS\n%s', r.name,
            ' WITH (' || array_to_string(r.reloptions, ', ') || ')', pg_get_viewdef(r.oid)
        ) || coalesce(e'\n' || (
            select string_agg(
                format('COMMENT ON COLUMN %s.%I IS %L;', r.name, a.attname, d.description), e'\n'
                order by a.attnum
            )
            from pg_catalog.pg_attribute as a
            join pg_catalog.pg_description as d
                on d.classoid = 'pg_class'::regclass and d.objoid = r.oid and d.objsubid = a.attnum
            where a.attrelid = r.oid
        ), ''),
        (
            select string_agg(
                concat_ws(
                    ' ', a.attname, format_type(a.atttypid, a.atttypmod),
                    col_description(r.oid, a.attnum) is not null, a.attacl
                ), ', ' order by a.attnum
            )
            from pg_catalog.pg_attribute as a
            where a.attrelid = r.oid and a.attnum > 0
        )
    from relations as r
    where r.relkind = 'v'

    union all

    select
        'policy', 'pg_policy'::regclass, p.oid, null,
        format('policy %I on %s', p.polname, r.name), format('POLICY %I ON %s', p.polname, r.name),
        null, null,
        format(
            e'CREATE POLICY %I ON %s\n    AS %s\n    FOR %s\n    TO %s%s%s;', p.polname, r.name,
            case when p.polpermissive then 'PERMISSIVE' else 'RESTRICTIVE' end,
            case p.polcmd
                when 'r' then 'SELECT'
                when 'a' then 'INSERT'
                when 'w' then 'UPDATE'
                when 'd' then 'DELETE'
                else 'ALL'
            end,
            (
                select string_agg(
                    case when u.role = 0 then 'PUBLIC' else u.role::regrole::text end, ', '
                    order by u.role::regrole::text
                )
                from unnest(p.polroles) as u (role)
            ),
            e'\n    USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
            e'\n    WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'
        ),
        null
    from pg_catalog.pg_policy as p
    join relations as r on r.oid = p.polrelid

    union all

    select
        'trigger', 'pg_trigger'::regclass, t.oid, null,
        format('trigger %I on %s', t.tgname, r.name), format('TRIGGER %I ON %s', t.tgname, r.name),
        null, null,
        pg_get_triggerdef(t.oid) || ';' || case t.tgenabled
            when 'O' then ''
            else format(
                e'\nALTER TABLE %s %s TRIGGER %I;', r.name,
                case t.tgenabled
                    when 'D' then 'DISABLE'
                    when 'A' then 'ENABLE ALWAYS'
                    else 'ENABLE REPLICA'
                end,
                t.tgname
            )
        end,
        null
    from pg_catalog.pg_trigger as t
    join relations as r on r.oid = t.tgrelid
    where not t.tgisinternal

    union all

    -- Row-level security, owner and privileges of a table; its columns are an object of their own.
    select
        'access', 'pg_class'::regclass, r.oid, r.relowner, 'access to ' || r.name,
        'TABLE ' || r.name, (case r.relkind when 'S' then 's' else 'r' end)::"char", r.relacl,
        case
            when r.relkind in ('r', 'p') then format(
                e'ALTER TABLE %1$s %2$s ROW LEVEL SECURITY;\nALTER TABLE %1$s %3$s ROW LEVEL SECURITY;',
                r.name, case when r.relrowsecurity then 'ENABLE' else 'DISABLE' end,
                case when r.relforcerowsecurity then 'FORCE' else 'NO FORCE' end
            )
            else ''
        end,
        ''
    from relations as r
    where r.relkind in ('r', 'p', 'm', 'S', 'f')

    union all

    select
        case r.relkind when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end,
        'pg_class'::regclass, r.oid, null, r.name, null, null, null,
        concat_ws(
            e'\n',
            case when r.relpersistence = 'u' then 'UNLOGGED' end,
            'OPTIONS ' || r.reloptions::text,
            'REPLICA IDENTITY ' || nullif(r.relreplident::text, 'd'),
            'PARTITION BY ' || pg_get_partkeydef(r.oid),
            'INHERITS ' || (
                select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno)
                from pg_catalog.pg_inherits as i
                where i.inhrelid = r.oid
            ),
            case when r.relkind = 'm' then pg_get_viewdef(r.oid) end,
            (
                select string_agg(
                    concat_ws(
                        ' ', a.attname, format_type(a.atttypid, a.atttypmod),
                        'COLLATE ' || case
                            when a.attcollation <> t.typcollation then a.attcollation::regcollation::text
                        end,
                        case when a.attnotnull then 'NOT NULL' end,
                        'IDENTITY ' || nullif(a.attidentity::text, ''),
                        'GENERATED ' || nullif(a.attgenerated::text, ''),
                        'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
                        'COMMENT ' || quote_literal(col_description(r.oid, a.attnum))
                    ), e'\n' order by a.attnum
                )
                from pg_catalog.pg_attribute as a
                join pg_catalog.pg_type as t on t.oid = a.atttypid
                left join pg_catalog.pg_attrdef as d on d.adrelid = r.oid and d.adnum = a.attnum
                where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
            )
        ),
        null
    from relations as r
    where r.relkind in ('r', 'p', 'm', 'f')

    union all

    select
        'index', 'pg_class'::regclass, r.oid, null, 'index ' || r.name, null, null, null,
        pg_get_indexdef(r.oid) || case when i.indisvalid then '' else ' INVALID' end, null
    from relations as r
    join pg_catalog.pg_index as i on i.indexrelid = r.oid
    join pg_catalog.pg_class as t on t.oid = i.indrelid and not t.relispartition
    where not exists (
        select
        from pg_catalog.pg_opclass as c
        where c.oid = any (i.indclass::oid[]) and c.opcname = 'gin_trgm_ops'
    )

    union all

    select
        'sequence', 'pg_class'::regclass, r.oid, null, r.name, null, null, null,
        format(
            '%s start %s by %s from %s to %s%s', format_type(s.seqtypid, null), s.seqstart,
            s.seqincrement, s.seqmin, s.seqmax, case when s.seqcycle then ' cycle' end
        ),
        null
    from relations as r
    join pg_catalog.pg_sequence as s on s.seqrelid = r.oid

    union all

    -- NOT NULL is told with its column; PostgreSQL 18 keeps it as a constraint as well.
    select
        'constraint', 'pg_constraint'::regclass, k.oid, null,
        format('constraint %I on %s', k.conname, r.name), null, null, null,
        -- The triggers that keep a foreign key can be switched off, as for a load.
        pg_get_constraintdef(k.oid) || case
            when exists (
                select
                from pg_catalog.pg_trigger as t
                where t.tgconstraint = k.oid and t.tgisinternal and t.tgenabled <> 'O'
            ) then ' DISABLED' else ''
        end,
        null
    from pg_catalog.pg_constraint as k
    join relations as r on r.oid = k.conrelid
    where k.contype <> 'n'

    union all

    select
        'rule', 'pg_rewrite'::regclass, w.oid, null,
        format('rule %I on %s', w.rulename, r.name), null, null, null,
        pg_get_ruledef(w.oid) || case when w.ev_enabled = 'O' then '' else ' ' || w.ev_enabled::text end, null
    from pg_catalog.pg_rewrite as w
    join relations as r on r.oid = w.ev_class
    where w.rulename <> '_RETURN'

    union all

    select
        'type', 'pg_type'::regclass, t.oid, t.typowner, 'type ' || t.oid::regtype::text,
        null, 'T', t.typacl,
        concat_ws(
            ' ', t.typtype, format_type(nullif(t.typbasetype, 0), t.typtypmod),
            case when t.typnotnull then 'NOT NULL' end,
            'DEFAULT ' || t.typdefault,
            (
                select format_type(r.rngsubtype, null)
                from pg_catalog.pg_range as r
                where r.rngtypid = t.oid
            ),
            (
                select string_agg(
                    quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ', '
                    order by a.attnum
                )
                from pg_catalog.pg_attribute as a
                where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
            ),
            (
                select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
                from pg_catalog.pg_enum as e
                where e.enumtypid = t.oid
            ),
            (
                select string_agg(pg_get_constraintdef(k.oid), ' ' order by k.conname)
                from pg_catalog.pg_constraint as k
                where k.contypid = t.oid and k.contype <> 'n'
            )
        ),
        null
    from pg_catalog.pg_type as t
    join ours as n on n.oid = t.typnamespace
    left join pg_catalog.pg_class as c on c.oid = t.typrelid
    where t.typelem = 0 and coalesce(c.relkind, 'c') = 'c' and t.typtype <> 'm'

    union all

    select
        'schema', 'pg_namespace'::regclass, n.oid, n.nspowner,
        format('schema %I', n.nspname), format('SCHEMA %I', n.nspname), 'n', n.nspacl, '', ''
    from ours as n

    union all

    select
        'database', 'pg_database'::regclass, d.oid, d.datdba, 'this database', null, 'd',
        d.datacl, '', null
    from pg_catalog.pg_database as d
    where d.datname = current_database()

    union all

    select
        'default privileges', 'pg_default_acl'::regclass, d.oid, null,
        format('default privileges of %s on %s', d.who, lower(d.objects collate "C")), null, null, null,
        (
            select string_agg(
                format(
                    'ALTER DEFAULT PRIVILEGES FOR ROLE %s %s %s ON %s %s %s;', d.who, s.verb,
                    s.privilege_type, d.objects, s.link,
                    case when s.grantee = 0 then 'PUBLIC' else s.grantee::regrole::text end
                ), e'\n' order by s.verb, s.grantee::regrole::text, s.privilege_type
            )
            from (
                select 'GRANT' as verb, 'TO' as link, a.*
                from (select * from aclexplode(d.acl) except select * from aclexplode(d.usual)) as a
                union all
                select 'REVOKE', 'FROM', a.*
                from (select * from aclexplode(d.usual) except select * from aclexplode(d.acl)) as a
            ) as s
        ),
        null
    from (
        select
            d.oid,
            d.defaclacl as acl,
            case
                when d.defaclnamespace = 0 then acldefault(
                    (case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end)::"char",
                    d.defaclrole
                )
            end as usual,
            case d.defaclobjtype
                when 'r' then 'TABLES'
                when 'S' then 'SEQUENCES'
                when 'f' then 'FUNCTIONS'
                when 'T' then 'TYPES'
                else 'SCHEMAS'
            end as objects,
            concat(d.defaclrole::regrole, ' IN SCHEMA ' || quote_ident(n.nspname)) as who
        from pg_catalog.pg_default_acl as d
        left join ours as n on n.oid = d.defaclnamespace
        -- Of whoever can make nothing in these schemas it is nothing of ours.
        where n.oid is not null
            or d.defaclnamespace = 0 and exists (
                select from ours as s where has_schema_privilege(d.defaclrole, s.oid, 'create')
            )
    ) as d
)

select
    o.kind,
    o.key,
    o.ref,
    o.body,
    case when o.kind <> 'database' then o.owner::regrole::text end as owner,
    case when o.kind <> 'access' then obj_description(o.oid, o.classid::regclass::name) end as comment,
    coalesce(g.grants, '{}') as grants,
    o.shape,
    o.classid::text as catalogue,
    o.oid
from objects as o
left join lateral (
    select array_agg(x.statement order by x.statement) as grants
    from (
        select format(
            'GRANT %s%s ON %s TO %s%s;', string_agg(e.privilege_type, ', ' order by e.privilege_type),
            ' (' || e.columns || ')',
            case when o.kind in ('view', 'access') then o.oid::regclass::text else coalesce(o.ref, o.key) end,
            case when e.grantee = 0 then 'PUBLIC' else e.grantee::regrole::text end,
            case when e.is_grantable then ' WITH GRANT OPTION' end
        )
        from (
            select a.grantee, a.privilege_type, a.is_grantable, null as columns
            from aclexplode(coalesce(o.acl, acldefault(o.acltype, o.owner))) as a
            where a.grantee <> o.owner
                -- What else others may do there, the server's administrator says (docs/install.md).
                and not (
                    o.kind = 'database' and a.grantee <> 0
                    and a.grantee::regrole::text !~ '^(zava_.*|store_manager|regional_manager|head_office)$'
                )
                -- A tenant's role has this from its making: data, as the role is.
                and not (
                    o.key = 'schema api' and a.privilege_type = 'USAGE' and not a.is_grantable
                    and a.grantee::regrole::text ~ '^zava_((store|region)_[a-z0-9_]+|head_office)$'
                )
            union all
            select a.grantee, a.privilege_type, a.is_grantable,
                string_agg(quote_ident(t.attname), ', ' order by t.attnum)
            from pg_catalog.pg_attribute as t
            cross join lateral aclexplode(t.attacl) as a
            where o.kind in ('view', 'access') and t.attrelid = o.oid
            group by a.grantee, a.privilege_type, a.is_grantable
        ) as e (grantee, privilege_type, is_grantable, columns)
        group by e.grantee, e.is_grantable, e.columns
    ) as x (statement)
) as g on o.acltype is not null
where not exists (
    select
    from pg_catalog.pg_depend as d
    where d.classid = o.classid
        and d.objid = o.oid
        -- Of an extension, or one of the functions that come with a range type.
        and (d.deptype = 'e' or d.deptype = 'i' and d.classid = 'pg_catalog.pg_proc'::regclass)
)
order by o.kind, o.key
