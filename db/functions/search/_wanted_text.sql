-- api._wanted_text(): a search without what it says shall not be: "arms" of "sofa without arms", "blue" of
-- "dog bed not blue", "white" of "paint other than white". Not a tool. By words that would find first what is not
-- wanted: most texts name what a product has. Of "not" only where no verb is denied: what "does not stick" is sold
-- as non-stick; and not in names such as forget-me-not. Three words at most, up to the next that begins something
-- else. The "but" of "hammer but not claw" and the like go with it: left behind, they would count as words that no
-- product has, and the rest for less. A text of which nothing is left stays.
create or replace function api._wanted_text(
    p_query text
)
returns text
language sql
immutable
parallel safe
security invoker
begin atomic
    select case
        when to_tsvector('pg_catalog.english', w.wanted) = '' then p_query
        else w.wanted
    end
    from (
        select regexp_replace(
            p_query,
            '(?<!-|\m(do|does|did|can|could|will|would|should|must|may)\s+)'
            '\m((and|but|that|which|is|are)\s+)*'
            '(without|w/o|not|except(\s+for)?|excluding|other\s+than|apart\s+from)\s+'
            '((an?|any|the)\s+)?[^\s,;:.!?()]+'
            '(\s+(?!(and|at|but|by|for|from|has|have|in|is|are|of|on|or|that|to|which|with|without)\M)'
            '[^\s,;:.!?()]+){0,2}(\s+but\M)?',
            '', 'gi'
        ) as wanted
        offset 0
    ) as w;
end;

comment on function api._wanted_text(text) is
    'A search without what follows "without", "not", "except" and the like.

p_query: text of the search';
revoke execute on function api._wanted_text(text) from public;
grant execute on function api._wanted_text(text)
    to store_manager, regional_manager, head_office;
