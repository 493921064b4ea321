-- A signing key for the transaction of a test, and the contexts of principals that it signs.
select zava.create_signing_key(
    'testkey',
    decode(repeat('5d', 32) || repeat('36', 32), 'hex'),
    decode(repeat('37', 32) || repeat('5c', 32), 'hex')
);

-- Good for any backend; null for a name that nobody has.
create function pg_temp.context(p_name text, p_lifetime integer default 600)
returns text
language sql
as $function$
    select b.body || '.' || encode(sha256(
        decode(repeat('37', 32) || repeat('5c', 32), 'hex')
        || sha256(decode(repeat('5d', 32) || repeat('36', 32), 'hex') || convert_to(b.body, 'UTF8'))
    ), 'hex')
    from zava.principals as p
    cross join lateral concat_ws('.', '1', 'testkey', p.principal_id, p.role_name, '0',
        extract(epoch from clock_timestamp())::bigint + p_lifetime) as b (body)
    where p.name = p_name;
$function$;
