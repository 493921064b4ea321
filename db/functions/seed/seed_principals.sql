-- zava.seed_principals(): registers the identities of the demo that are missing; returns how many.
-- A store's principal has the id by which the reference architecture knows it.
create or replace function zava.seed_principals()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_added bigint := 0;
    v_new record;
begin
    for v_new in
        select n.name, n.kind, n.stores, coalesce(n.principal_id, gen_random_uuid()) as principal_id
        from (
            values
                ('seattle', 'store', array['seattle'],
                    uuid 'f47ac10b-58cc-4372-a567-0e02b2c3d479'),
                ('bellevue', 'store', array['bellevue'],
                    uuid '6ba7b810-9dad-11d1-80b4-00c04fd430c8'),
                ('tacoma', 'store', array['tacoma'], uuid 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'),
                ('spokane', 'store', array['spokane'], uuid 'd8e9f0a1-b2c3-4567-8901-234567890abc'),
                ('everett', 'store', array['everett'], uuid '3b9ac9fa-cd5e-4b92-a7f2-b8c1d0e9f2a3'),
                ('redmond', 'store', array['redmond'], uuid 'e7f8a9b0-c1d2-3e4f-5678-90abcdef1234'),
                ('kirkland', 'store', array['kirkland'],
                    uuid '9c8b7a65-4321-fed0-9876-543210fedcba'),
                ('online', 'store', array['online'], uuid '2f4e6d8c-1a3b-5c7e-9f0a-b2d4f6e8c0a2'),
                ('puget-sound', 'region', array[
                    'seattle', 'bellevue', 'tacoma', 'everett', 'redmond', 'kirkland'
                ], null),
                ('eastside', 'region', array['bellevue', 'redmond', 'kirkland'], null),
                ('head-office', 'head', '{}', null)
        ) as n (name, kind, stores, principal_id)
        where not exists (select from zava.principals as p where p.name = n.name)
    loop
        perform zava.create_principal(v_new.name, v_new.kind, v_new.stores, v_new.principal_id);
        v_added := v_added + 1;
    end loop;

    return v_added;
end;
$function$;

comment on function zava.seed_principals() is
    'Registers the principals of the demo that are missing: stores, two regions, head office.';
revoke execute on function zava.seed_principals() from public;
