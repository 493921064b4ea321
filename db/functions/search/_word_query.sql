-- api._word_query(): a lexeme as a tsquery, whatever characters it is made of. Not a tool. STABLE as
-- format() is, so that it becomes a part of the statement that calls it.
create or replace function api._word_query(
    p_lexeme text
)
returns tsquery
language sql
stable
parallel safe
security invoker
begin atomic
    select case
        when p_lexeme is null then ''
        else format('''%s''', replace(replace(p_lexeme, '\', '\\'), '''', ''''''))
    end::tsquery;
end;

comment on function api._word_query(text) is
    'A lexeme as a tsquery that finds it; the empty tsquery for null.

p_lexeme: the lexeme';
revoke execute on function api._word_query(text) from public;
grant execute on function api._word_query(text)
    to store_manager, regional_manager, head_office;
