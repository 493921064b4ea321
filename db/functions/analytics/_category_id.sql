-- api._category_id(): id of a category by its name, in any case. Not a tool.
-- An unknown name gets the nearest one and all others as a hint: the catalogue is shared by all
-- stores, so that naming it tells nothing.
create or replace function api._category_id(
    p_category text
)
returns uuid
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_asked constant text := lower(btrim(p_category));
    v_category_id uuid;
    v_names text[];
begin
    if p_category is null then
        return null;
    end if;

    select c.category_id
    into v_category_id
    from retail.categories as c
    where lower(c.name) = v_asked
    -- Two may differ in case alone: then the one that is written so.
    order by c.name = btrim(p_category) desc, c.name
    limit 1;

    if v_category_id is null then
        select array_agg(c.name order by c.name) into v_names from retail.categories as c;

        raise exception 'there is no category %', left(p_category, 60)
            using errcode = 'invalid_parameter_value',
                  hint = concat(
                      'Did you mean ' || api._nearest(v_asked, v_names) || '? ',
                      'Categories: ', array_to_string(v_names, ', '), '.'
                  );
    end if;

    return v_category_id;
end;
$function$;

comment on function api._category_id(text) is
    'Id of a category; an error with the nearest name when there is none of that name.

p_category: name of a category in any case, for example Hand Tools; null gives null';
revoke execute on function api._category_id(text) from public;
grant execute on function api._category_id(text)
    to store_manager, regional_manager, head_office;
