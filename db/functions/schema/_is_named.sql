-- zava._is_named(): whether a name is that of a table or function: with its schema or without, in any
-- case, with quotes or without. Lists write names as SQL does, so that is how they are asked for.
create or replace function zava._is_named(
    p_asked text,
    p_schema text,
    p_name text
)
returns boolean
language sql
stable
parallel safe
security invoker
begin atomic
    select replace(lower(btrim(p_asked)), '"', '') in (
        replace(lower(p_name), '"', ''), replace(lower(p_schema || '.' || p_name), '"', '')
    );
end;

comment on function zava._is_named(text, text, text) is
    'Whether somebody asks for this table or function.

p_asked: the name that was given
p_schema: schema of the table or function
p_name: its name there';
revoke execute on function zava._is_named(text, text, text) from public;
grant execute on function zava._is_named(text, text, text)
    to store_manager, regional_manager, head_office;
