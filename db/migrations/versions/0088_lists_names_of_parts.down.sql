-- 0088 lists names of parts, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

drop function api._list_parts(text[], text);

-- sources end
reset role;
