-- Functions of this server that an agent's SELECT may call: the rule behind
-- zava_sql/guard/functions.txt and attributes.txt. Run by scripts/derive-functions.
--
-- A name is listed when
--   1. no overload of it that SQL can call is volatile (but the few named below), and
--   2. at least one overload takes and returns only types that agents may name, and is meant to be
--      called: not an operator's or an aggregate's code, not index or I/O machinery, and
--   3. it is not refused by name: it reads the catalogue, settings, other sessions or relations by
--      name, runs text as SQL, has side effects, or allocates without bound in one call.
-- Rules 1 and 2 alone leave some 250 names that rule 3 must catch; that list is kept by hand.
with volatile_but_allowed (name) as (
    values
        ('random'), ('random_normal'), ('gen_random_uuid'), ('uuidv4'), ('uuidv7'),
        ('array_shuffle'), ('array_sample'), ('clock_timestamp')
),

-- Code of operators and the like that agents also call by name.
kept (name) as (
    values
        ('timezone'), ('starts_with'), ('array_cat'), ('setweight'),
        ('arraycontains'), ('arraycontained'), ('arrayoverlap'),
        ('jsonb_contains'), ('jsonb_contained'), ('jsonb_exists'), ('jsonb_exists_any'),
        ('jsonb_exists_all'), ('jsonb_concat'), ('regexp_like'), ('hashtext'),
        ('hashtextextended'),
        ('l1_distance'), ('l2_distance'), ('cosine_distance'), ('inner_product'),
        ('hamming_distance'), ('jaccard_distance')
),

-- Names that agents give to columns (ids of customers and orders, the length of a way, …). As a
-- call or cast of an attribute they only write what is there in another way, and read nothing.
names_of_columns (name) as (
    values
        ('cid'), ('oid'), ('tid'), ('path_length'),
        ('cash_in'), ('cash_out'), ('date_in'), ('date_out'), ('time_out')
),

-- Pattern for names, and why all of them are refused.
refused (pattern, reason) as (
    values
        ('^pg_(?!typeof$|size_pretty$)', 'catalogue, settings, files, locks, sessions, statistics'),
        ('^(has_|row_security_active|acl|makeaclitem|get.*def$)', 'privileges and definitions'),
        ('^(txid_|xid|mxid_|currtid|current_xact|tid)', 'transaction ids, some of which are burnt'),
        ('^inet_(client|server)_', 'addresses of this session'),
        ('^(lo_|lo$|loread|lowrite)', 'large objects: written even in a READ ONLY transaction'),
        ('^(to_reg|format_type|getdatabaseencoding|getpgusername|get_current_ts_config)',
            'names looked up, settings'),
        ('^reg(class|coll|conf|dict|name|oper|proc|role|type)', 'names looked up'),
        ('^(version|current_|session_|system_)', 'identity of server and session'),
        ('^(col|obj|shobj)_description$', 'catalogue comments'),
        ('(current_setting|set_config|setseed|nextval|currval|lastval|setval)',
            'settings and state'),
        ('(_to_xml|_to_xmlschema|_to_xml_and_xmlschema|^query_to|^cursor_to)', 'runs text as SQL'),
        ('^xml|^xpath|^is_well_formed', 'XML'),
        ('^ts_(stat|rewrite|parse|token_type|debug|lexize|match)',
            'runs text, or reads catalogues'),
        ('(_populate_record|_to_record)', 'takes a row type'),
        ('(send|recv|_in|_out|_support|_handler|_validator|typmod.*|_sortsupport)$',
            'I/O machinery'),
        ('^(hash(?!text)|bt(?!rim$)|gin|gist|brin|spg|cash|network_sub|like|notlike|similar_)',
            'index machinery'),
        ('(_cmp|_eq|_ne|_lt|_le|_gt|_ge|_larger|_smaller|_accum|_combine|_hash|_extended)$',
            'index machinery'),
        ('(sel|joinsel)$', 'planner estimates'),
        ('^(satisfies_hash_partition|amvalidate|unknown|void|any(?!_value$))', 'pseudo types'),
        ('^(array_fill|factorial|numeric_fac)$',
            'allocates, or computes, without bound in one call'),
        ('^(set_limit|show_limit)$', 'sets and shows a setting of pg_trgm'),
        ('^(timeofday|icu_|unicode_|popen|pclose|textlen|d(cbrt|exp|log1|log10|round|sqrt|trunc)$)',
            'of no use'),
        ('(_canonical|_subdiff|_transfn|_finalfn|8inc|8dec|4inc|inc_any|dec_any)$', 'machinery'),
        ('^numeric_|^(half|sparse)?vec(tor)?_(?!dims$|norm$)|^array_to_(half|sparse)?vec',
            'machinery')
),

agent_types (name) as (
    select unnest(string_to_array(
        'bool int2 int4 int8 float4 float8 numeric money text varchar bpchar name bytea bit varbit '
        'date time timetz timestamp timestamptz interval uuid json jsonb jsonpath inet cidr '
        'macaddr '
        'macaddr8 point line lseg box path polygon circle tsvector tsquery regconfig '
        'int4range int8range numrange tsrange tstzrange daterange '
        'int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange '
        'vector halfvec sparsevec record any anyelement anyarray anynonarray anyenum anyrange '
        'anymultirange anycompatible anycompatiblearray anycompatiblenonarray anycompatiblerange '
        'anycompatiblemultirange regtype', ' '))
),

overloads as (
    select
        p.proname::text as name,
        p.prokind::text as kind,
        n.nspname::text as schema,
        p.provolatile = 'v' as is_volatile,
        p.pronargs - p.pronargdefaults - (p.provariadic <> 0)::int as least_arguments,
        case when p.provariadic <> 0 then 999 else p.pronargs end as most_arguments,
        coalesce(d.description, case when e.extname is not null then 'of an extension' end)
            as description,
        not exists (
            select
            from unnest(p.proargtypes::oid[] || p.prorettype) as u (type_id)
            join pg_type as t on t.oid = u.type_id
            where t.typname in ('internal', 'cstring', 'trigger', 'event_trigger')
                or t.typname like '%\_handler'
        ) as is_callable,
        -- A string literal becomes cstring where a function wants that: ('pg_authid').regclassin.
        'internal'::regtype <> all (p.proargtypes::oid[]) as is_reachable,
        not exists (
            select
            from unnest(p.proargtypes::oid[] || p.prorettype) as u (type_id)
            join pg_type as t on t.oid = u.type_id
            left join pg_type as element on element.oid = t.typelem and t.typcategory = 'A'
            where not exists (
                select from agent_types as a where a.name = coalesce(element.typname, t.typname)
            )
        ) as is_for_agents,
        exists (select from pg_operator as o where o.oprcode = p.oid) as is_operator
    from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace
    left join pg_description as d
        on d.objoid = p.oid and d.classoid = 'pg_proc'::regclass and d.objsubid = 0
    left join pg_depend as x
        on x.objid = p.oid and x.classid = 'pg_proc'::regclass and x.deptype = 'e'
    left join pg_extension as e on e.oid = x.refobjid
    where n.nspname = 'pg_catalog' or e.extname in ('vector', 'pg_trgm')
),

names as (
    select
        name,
        case when bool_or(schema = 'pg_catalog') then 'pg_catalog' else 'public' end as schema,
        case
            when bool_or(kind = 'a') then 'aggregate'
            when bool_or(kind = 'w') then 'window'
            else 'function'
        end as kind,
        min(least_arguments) as least_arguments,
        -- In FROM the parser itself takes unnest(a, b, ...) apart.
        case name when 'unnest' then 999 else max(most_arguments) end as most_arguments,
        bool_or(is_callable and is_volatile) as is_volatile,
        bool_or(is_reachable and 1 between least_arguments and most_arguments) as takes_one,
        bool_or(
            is_callable
            and is_for_agents
            and description is not null
            and not (is_operator and schema = 'public')
            and description !~ ('^(implementation of|I/O|internal|\(internal\)|less-equal|hash|'
                || 'larger of|smaller of|aggregate (trans|final|combine|serial|deserial)|'
                || 'GiST|GIN|BRIN|SP-GiST|sort support|restriction|join sel|planner|'
                || 'convert.*to reg|'
                || 'statistics|window RANGE|adjust|equal image|user-defined)')
        ) as is_useful
    from overloads
    where is_reachable
    group by name
)

select
    n.name,
    n.schema,
    n.kind,
    n.least_arguments,
    n.most_arguments,
    n.takes_one and n.name not in (select c.name from names_of_columns as c),
    (
        (n.is_useful or n.name in (select k.name from kept as k))
        and (not n.is_volatile or n.name in (select v.name from volatile_but_allowed as v))
        and not exists (select from refused as r where n.name ~ r.pattern)
    ) as is_allowed
from names as n
union all
-- `x.name` is a cast, too, if there is a type of that name: of these, only agent_types may be meant.
-- Rows of tables are no such types, but arrays of them are; pseudo types take no value.
select t.typname, 'pg_catalog', 'type', 1, 1, true, false
from pg_type as t
where t.typnamespace = 'pg_catalog'::regnamespace
    and t.typtype = 'b'
    and not exists (select from names as n where n.name = t.typname)
    and t.typname not in (select c.name from names_of_columns as c)
order by name;
