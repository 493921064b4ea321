-- warning: A built-in function is marked LEAKPROOF, though not by PostgreSQL: it could reveal hidden rows.
select
    p.oid::regprocedure::text as object,
    'pg_proc.proleakproof is true' as evidence,
    format('alter function %s not leakproof;  -- by a superuser', p.oid::regprocedure) as remedy
from pg_catalog.pg_proc as p
where p.proleakproof
    and p.oid not in (select f.oid from functions as f)
    -- Comparisons that cannot fail, and casts that cannot.
    and (p.oid >= 16384 or p.proname !~ (
        '^(bt)?(bit|varbit|bool|bpchar|bpchar_pattern_|char|bytea|cash_|cid|circle_|lseg_|date_|time_|timetz_'
        '|timestamp_|timestamptz_|float(4|8|48|84)|int(2|4|8|24|28|42|48|82|84)|interval_|macaddr8?_|name'
        '|nametext|network_|oid|oidvector|pg_lsn_|text|text_|text_pattern_|textname|tid|uuid_|xid|xid8)'
        '(eq|ne|neq|lt|le|gt|ge|cmp|_?larger|_?smaller)(text|name|int4)?$'
    )
    and p.proname not in (
        'crc32', 'crc32c', 'gen_random_uuid', 'macaddr8', 'md5', 'sha224', 'sha256', 'sha384', 'sha512',
        'starts_with', 'uuid_extract_timestamp', 'uuid_extract_version'
    )
    and p.oid::regprocedure::text !~ (
        '^("?(numeric|float[48]|bytea)"?\((smallint|integer|bigint|real|double precision)\)|float8\(real\)'
        '|int4\((boolean|smallint)\)|int8\((smallint|integer|oid)\)|bool\(integer\)|text\(name\)'
        '|"varchar"\(name\)|name\((text|character|character varying)\)'
        '|"interval"\(time without time zone\))$'
    ))
