-- 0079 nearest of the beginning.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/analytics/_nearest.sql
-- api._nearest(): the name that is most like another, for the hint of an error. Not a tool.
-- The one that shares most of its three-letter pieces: this needs no extension. Of a text of megabytes the
-- beginning is compared.
create or replace function api._nearest(
    p_asked text,
    p_names text[]
)
returns text
language sql
immutable
parallel safe
security invoker
begin atomic
    select k.name
    from unnest(p_names) as k (name)
    cross join lateral (
        select count(*) as pieces
        from generate_series(1, least(length(p_asked), 60) - 2) as n (first)
        where position(substr(lower(left(p_asked, 60)), n.first, 3) in lower(k.name)) > 0
    ) as p
    where p.pieces > 0
    order by p.pieces desc, k.name
    limit 1;
end;

comment on function api._nearest(text, text[]) is
    'Name that shares most of its three-letter pieces with a text; null when none shares any.

p_asked: what was asked for
p_names: names that there are';
revoke execute on function api._nearest(text, text[]) from public;
grant execute on function api._nearest(text, text[])
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
